/* What the core and the intake child say to each other at the start, and the
 * pieces of the core's side. One SOCK_SEQPACKET message: this struct, then the
 * three PEM texts; descriptors ride along in the order of enum hello_fd, absent
 * listeners left out. Later the core sends single bytes: 'S' stop. End of file
 * means that the core is gone. Both ends are the same binary, so the struct is
 * its own format. */
#ifndef LUY_INTAKE_INTAKE_INT_H
#define LUY_INTAKE_INTAKE_INT_H
#include "intake/ring.h"
#include <sys/socket.h>

enum { HELLO_MAGIC = 0x4c595549, HELLO_PEM_MAX = 64 * 1024, CHILD_CTL_FD = 3 };
enum listener { L_UDP, L_TCP, L_TLS, L_FLOW, L_IPFIX, L_JSON_TCP, L_JSON_UNIX, L_JSON_DGRAM, LISTENERS };
enum hello_fd { HF_RING, HF_DATA, HF_ROOM, HF_STATE, HF_LISTEN, HELLO_FDS = HF_LISTEN + LISTENERS };

struct hello {
    uint32_t magic, max_connections, max_per_source, idle_seconds;
    int32_t tz_minutes, parent;
    uint64_t ring_bytes;
    uint32_t listeners;  /* bit i: listener i is there */
    uint32_t drops_seen; /* of the UDP socket's own counter, already counted */
    uint32_t flow_drops_seen[2];
    uint64_t state_bytes; /* of HF_STATE: what the child before told of flows (flow_notes.h) */
    uint32_t pem[3];      /* lengths: certificate, key, client CA */
};

/* listen.c: binds "ADDRESS:PORT", or a path for the unix sockets, non-blocking, close-on-exec. */
int listener_open(str address, enum listener kind, int *fd, struct err *e);
uint16_t listener_port(int fd);
uint32_t udp_drops(int fd); /* datagrams the kernel threw away so far */
void addr_read(const struct sockaddr_storage *sa, struct ip *ip, uint16_t *port);

/* spawn.c: starts the child and gives it hello, PEMs and descriptors. */
int child_spawn(const char *exe, const struct hello *h, const str pem[3], const int fds[HELLO_FDS], pid_t *pid,
                int *ctl, struct err *e);
/* The child's side of the same; pem texts land in `text` (3 * HELLO_PEM_MAX). */
int hello_receive(int ctl, struct hello *h, char *text, str pem[3], int fds[HELLO_FDS]);
#endif

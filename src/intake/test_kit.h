/* For the tests that run a real child over real sockets on loopback: start,
 * collect with a deadline, connect. The test program is its own child: its main
 * begins with KIT_CHILD. */
#ifndef LUY_INTAKE_TEST_KIT_H
#define LUY_INTAKE_TEST_KIT_H
#include "intake/intake.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define KIT_CHILD(argc, argv)                                                                                          \
    if ((argc) > 1 && strcmp((argv)[1], INTAKE_ARGV1) == 0)                                                            \
    return intake_child_main((argc), (argv))
enum { KIT_DEADLINE_MS = 30000 };

struct kit {
    struct intake *in;
    struct intake_cfg cfg;
    uint16_t udp, tcp, tls, flow, ipfix, json_tcp;
    uint64_t events, raw_bytes, gaps, flows;
    void (*on_flows)(struct kit *k, const struct flow_view *v);
    int last_rc; /* of intake_next */
    void (*on_event)(struct kit *k, const struct event *ev);
    void *ctx;
    struct buf lines; /* raw of each event and LF, when keep_lines */
    bool keep_lines;
    struct event last; /* raw points into last_raw */
    char last_raw[1024];
};
void kit_start(struct kit *k, void (*change)(struct intake_cfg *cfg));
void kit_stop(struct kit *k);
void kit_once(struct kit *k, int wait_ms);      /* waits, takes what is there */
void kit_until(struct kit *k, uint64_t events); /* fails at the deadline */
/* Collects while `cond` holds, in front of ';' or a block; the test fails at the
 * deadline. */
#define kit_while(k, cond)                                                                                             \
    for (int64_t kit_end_ = clock_mono(&clock_system) + KIT_DEADLINE_MS * NS_PER_MS; (cond); kit_wait((k), kit_end_))
void kit_wait(struct kit *k, int64_t end);
struct intake_stats kit_stats(struct kit *k);
int kit_connect(uint16_t port); /* TCP, blocking */
int kit_udp(uint16_t port);     /* connected UDP socket */
void kit_send(int fd, str s);   /* all of it */
void kit_send_z(int fd, const char *z);
bool kit_closed(int fd); /* the peer has closed, seen without waiting */
/* A self-signed certificate for tests; texts live in the arena. */
void kit_cert(struct arena *a, str *cert, str *key);
#endif

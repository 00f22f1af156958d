/* Syslog over UDP (RFC 5426), JSON over a datagram socket: a datagram is a message. Belongs to the intake
 * child's loop. While the ring is full nothing is read, so the socket's own
 * buffer takes what it can; what it then loses is the full ring's doing and is
 * counted as such. */
#include "intake/child-int.h"
#include <errno.h>

enum { ROUNDS = 4 };
struct udp_bufs {
    struct mmsghdr msg[UDP_VLEN];
    struct iovec iov[UDP_VLEN];
    struct sockaddr_storage from[UDP_VLEN];
    char bytes[UDP_VLEN][UDP_MAX];
};

int udp_init(struct child *c)
{
    c->drops = c->cfg.drops_seen;
    if (c->listen[L_UDP] < 0 && c->listen[L_JSON_DGRAM] < 0)
        return 0;
    c->udp = calloc(1, sizeof(*c->udp));
    return c->udp != NULL ? 0 : -ENOMEM;
}

void udp_done(struct child *c) { free(c->udp); }

static int receive(struct child *c, int fd)
{
    struct udp_bufs *u = c->udp;

    for (int i = 0; i < UDP_VLEN; i++) {
        u->iov[i] = (struct iovec){u->bytes[i], UDP_MAX};
        u->msg[i] = (struct mmsghdr){
            .msg_hdr = {
                .msg_name = &u->from[i], .msg_namelen = sizeof(u->from[i]), .msg_iov = &u->iov[i], .msg_iovlen = 1}};
    }
    return recvmmsg(fd, u->msg, UDP_VLEN, MSG_DONTWAIT, NULL);
}

void udp_ready(struct child *c, enum listener l)
{
    struct udp_bufs *u = c->udp;
    int n = UDP_VLEN;

    for (int round = 0; n == UDP_VLEN && round < ROUNDS && !out_blocked(c); round++) {
        n = receive(c, c->listen[l]);
        c->received = clock_wall(c->clk);
        for (int i = 0; i < n; i++) {
            struct ip ip;
            uint16_t port;
            addr_read(&u->from[i], &ip, &port);
            c->stat[STAT_bytes] += u->msg[i].msg_len;
            str raw = {u->bytes[i], u->msg[i].msg_len};
            uint16_t flags = u->msg[i].msg_hdr.msg_flags & MSG_TRUNC ? EV_TRUNCATED : 0;
            if (raw.n > 0 && l == L_UDP)
                out_line(c, raw, flags, TP_UDP, ip, port);
            else if (raw.n > 0)
                out_json(c, raw, flags, TP_UNIX, ip, port);
        }
    }
}

void udp_count_drops(struct child *c)
{
    uint32_t now = udp_drops(c->listen[L_UDP]), more = now - c->drops; /* the kernel's counter wraps at 32 bits */

    c->stat[c->was_blocked ? STAT_drop_ring_full : STAT_drop_udp_kernel] += more;
    c->drops = now;
    c->was_blocked = false;
}

/* Sockets of the intake: bound by the core, which keeps them over restarts of
 * the child. Pure but for the sockets it opens; the caller owns them. */
#include "intake/intake-int.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
enum { UDP_BUFFER = 32 << 20, BACKLOG = 4096 };

/* "192.0.2.1:514", "[2001:db8::1]:514" */
static bool address_parse(str s, struct sockaddr_storage *sa, socklen_t *len)
{
    size_t colon = s.n;
    struct ip ip;
    uint64_t port;

    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    if (colon < 2 || !str_u64(str_sub(s, colon, s.n), &port) || port > 65535)
        return false;
    str host = str_sub(s, 0, colon - 1);
    bool v6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    if (!ip_parse(v6 ? str_sub(host, 1, host.n - 2) : host, &ip) || ip.family != (v6 ? 6 : 4))
        return false;
    memset(sa, 0, sizeof(*sa));
    if (v6) {
        struct sockaddr_in6 *a = (struct sockaddr_in6 *)sa;
        a->sin6_family = AF_INET6;
        a->sin6_port = htons((uint16_t)port);
        memcpy(&a->sin6_addr, ip.b, 16);
        *len = sizeof(*a);
    } else {
        struct sockaddr_in *a = (struct sockaddr_in *)sa;
        a->sin_family = AF_INET;
        a->sin_port = htons((uint16_t)port);
        memcpy(&a->sin_addr, ip.b, 4);
        *len = sizeof(*a);
    }
    return true;
}

static bool is_datagram(enum listener l) { return l == L_UDP || l == L_FLOW || l == L_IPFIX || l == L_JSON_DGRAM; }

/* A socket that a process before left behind is replaced; any other file is not. */
static int unix_open(str path, enum listener kind, int *out, struct err *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct stat st;

    if (path.n >= sizeof(sa.sun_path) || path.n == 0 || path.p[0] != '/')
        return ERR(e, -EINVAL, "intake.address", S(path));
    memcpy(sa.sun_path, path.p, path.n);
    if (lstat(sa.sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(sa.sun_path);
    int fd = socket(AF_UNIX, (is_datagram(kind) ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(sa.sun_path, 0660) < 0 ||
        (!is_datagram(kind) && listen(fd, BACKLOG) < 0)) {
        int rc = ERR(e, -errno, "intake.bind", S(path), strerror(errno));
        if (fd >= 0)
            close(fd);
        return rc;
    }
    *out = fd;
    return 0;
}

static void on(int fd, int level, int opt, int value) { setsockopt(fd, level, opt, &value, sizeof(value)); }

int listener_open(str address, enum listener kind, int *out, struct err *e)
{
    struct sockaddr_storage sa;
    socklen_t len;

    if (kind == L_JSON_UNIX || kind == L_JSON_DGRAM)
        return unix_open(address, kind, out, e);
    if (!address_parse(address, &sa, &len))
        return ERR(e, -EINVAL, "intake.address", S(address));
    int fd = socket(sa.ss_family, (is_datagram(kind) ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR(e, -errno, "intake.bind", S(address), strerror(errno));
    if (sa.ss_family == AF_INET6)
        on(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0); /* "[::]" takes v4 too */
    if (is_datagram(kind)) {
        on(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER);
        on(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_BUFFER); /* past the limit, when allowed */
        on(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    } else {
        on(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        on(fd, SOL_SOCKET, SO_KEEPALIVE, 1); /* inherited by what is accepted */
    }
    if (bind(fd, (struct sockaddr *)&sa, len) < 0 || (!is_datagram(kind) && listen(fd, BACKLOG) < 0)) {
        int rc = ERR(e, -errno, "intake.bind", S(address), strerror(errno));
        close(fd);
        return rc;
    }
    *out = fd;
    return 0;
}

void addr_read(const struct sockaddr_storage *sa, struct ip *ip, uint16_t *port)
{
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

    *ip = (struct ip){0};
    *port = 0;
    if (sa->ss_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)sa;
        ip->family = 4;
        memcpy(ip->b, &a->sin_addr, 4);
        *port = ntohs(a->sin_port);
    } else if (sa->ss_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)sa;
        bool v4 = memcmp(&a->sin6_addr, mapped, 12) == 0;
        ip->family = v4 ? 4 : 6;
        memcpy(ip->b, (const uint8_t *)&a->sin6_addr + (v4 ? 12 : 0), v4 ? 4 : 16);
        *port = ntohs(a->sin6_port);
    }
}

uint16_t listener_port(int fd)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof(sa);
    struct ip ip;
    uint16_t port;

    if (fd < 0 || getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
        return 0;
    addr_read(&sa, &ip, &port);
    return port;
}

/* The counter that SO_RXQ_OVFL would attach to the next datagram, read at once:
 * after the last datagram of a burst there may be no next one. */
uint32_t udp_drops(int fd)
{
    uint32_t mem[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof(mem);

    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len) < 0)
        return 0;
    return mem[SK_MEMINFO_DROPS];
}

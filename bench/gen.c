/* Makes a corpus of syslog lines, the same bytes for the same seed:
 *     gen LINES [SEED [START]] > corpus.wire       START: seconds since 1970
 * RFC 3164 lines with PRI of eight programs on 200 hosts; numbers, addresses
 * and ids are drawn, as in real logs. Ten lines carry the needle
 * "svc-hiem-co", about one in ten "authentication failure". */
#include <stdint.h>

static uint64_t state;

static uint64_t draw(void) /* splitmix64 */
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned upto(unsigned n) { return (unsigned)(draw() % n); }

static const char *const users[] = {"root",     "admin", "hoalt",  "binhnv", "oracle",
                                    "postgres", "lanpt", "dungth", "guest",  "test"};

static int message(char *p, size_t n)
{
    const char *user = users[upto(10)];
    unsigned a = upto(200), b = upto(254), port = 1024 + upto(60000), pid = 300 + upto(30000);

    switch (upto(10)) {
    case 0:
        return snprintf(p, n, "sshd[%u]: Failed password for %s from 10.8.%u.%u port %u ssh2", pid, user, a, b, port);
    case 1:
        return snprintf(p, n,
                        "sshd[%u]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "
                        "rhost=10.8.%u.%u  user=%s",
                        pid, a, b, user);
    case 2:
        return snprintf(
            p, n, "sshd[%u]: Accepted publickey for %s from 10.8.%u.%u port %u ssh2: ED25519 SHA256:%016llx%016llx",
            pid, user, a, b, port, (unsigned long long)draw(), (unsigned long long)draw());
    case 3:
        return snprintf(p, n,
                        "sudo: %s : TTY=pts/%u ; PWD=/home/%s ; USER=root ; COMMAND=/usr/bin/systemctl restart unit-%u",
                        user, upto(9), user, a);
    case 4:
        return snprintf(p, n,
                        "named[%u]: client @0x%llx 10.21.%u.%u#%u (host%u.trexanh.example): query: "
                        "host%u.trexanh.example IN A +E(0)K (10.10.1.53)",
                        pid, (unsigned long long)(draw() >> 20), a, b, port, upto(5000), upto(5000));
    case 5:
        return snprintf(p, n,
                        "kernel: [%6u.%06u] fw-drop: IN=eth1 OUT=eth0 SRC=172.20.%u.%u DST=10.10.%u.%u LEN=%u TTL=%u "
                        "ID=%u PROTO=TCP SPT=%u DPT=%u",
                        upto(900000), upto(1000000), a, b, upto(4), upto(254), 40 + upto(1400), 32 + upto(96),
                        upto(65536), port, upto(1024));
    case 6:
        return snprintf(p, n,
                        "postfix/smtp[%u]: %llX: to=<%s@trexanh.example>, relay=mx1.trexanh.example[10.10.1.25]:25, "
                        "delay=%u.%u, dsn=2.0.0, status=sent (250 OK)",
                        pid, (unsigned long long)(draw() >> 24), user, upto(9), upto(100));
    case 7:
        return snprintf(
            p, n, "nginx: 10.21.%u.%u - - \"GET /van-ban/%u?trang=%u HTTP/1.1\" %u %u \"-\" \"Mozilla/5.0\" rt=0.%03u",
            a, b, upto(100000), upto(50), upto(20) ? 200 : 404, upto(90000), upto(1000));
    case 8:
        return snprintf(p, n, "CRON[%u]: pam_unix(cron:session): session opened for user %s by (uid=0)", pid, user);
    default:
        return snprintf(p, n, "dhcpd[%u]: DHCPACK on 10.%u.0.%u to 00:00:5e:%02x:%02x:%02x (may-%u) via eth%u", pid,
                        21 + upto(34), b, upto(256), upto(256), upto(256), upto(600), upto(4));
    }
}

int main(int argc, char **argv)
{
    unsigned long long lines = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    static char out[1 << 16];

    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 7;
    time_t start = argc > 3 ? (time_t)strtoll(argv[3], NULL, 10) : 1763596800;
    if (lines == 0) {
        fprintf(stderr, "usage: gen LINES [SEED [START]]\n");
        return 2;
    }
    setvbuf(stdout, out, _IOFBF, sizeof(out));
    for (unsigned long long i = 0; i < lines; i++) {
        char text[512];
        char stamp[32];
        struct tm tm;
        time_t at = start + 7 * 3600 + (time_t)(i * 72000 / lines); /* twenty hours in all, in Viet Nam's time */
        if (i % (lines / 10 ? lines / 10 : 1) == lines / 20)
            snprintf(text, sizeof(text), "demo: svc-hiem-co number %llu", i);
        else
            message(text, sizeof(text));
        strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", gmtime_r(&at, &tm));
        printf("<%u>%s may-%03u %s\n", 8 * upto(12) + upto(8), stamp, upto(200), text);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

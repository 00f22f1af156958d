/* How fast lines become events. Prints one table:
 *   parse   syslog_parse alone; with the batch record behind it
 *   tcp     one loopback connection -> child -> ring -> checked batch in the core
 * use: bench_intake [LINES [FILE]]    FILE: lines to send instead of made ones
 * Its own child is this program (INTAKE_ARGV1). */
#include "intake/intake.h"
#include "intake/syslog.h"
#include "base/file.h"
#include <arpa/inet.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAMPLES = 20000, CHUNK = 256 * 1024 };

static const char *const shapes[] = {
    "<38>Mar  1 12:00:%02d srv-%03d sshd[%d]: Failed password for invalid user admin%d from 192.0.2.%d port %d ssh2",
    "<86>Mar  1 12:00:%02d srv-%03d sshd(pam_unix)[%d]: authentication failure; logname= uid=%d euid=%d tty=NODEVssh "
    "rhost=r%d",
    "<134>1 2026-03-01T05:00:%02d.123456Z web-%03d nginx %d - [req id=\"%d\"] GET /van-ban/%d HTTP/1.1 200 %d bytes",
    "<189>Mar  1 12:00:%02d gw-%03d %d: %%LINK-3-UPDOWN: Interface GigabitEthernet0/%d, changed state to up, count %d "
    "of %d",
    "<13>Mar  1 12:00:%02d h%03d app[%d]: \xc4\x91\xc4\x83ng nh\xe1\xba\xadp th\xc3\xa0nh c\xc3\xb4ng %d, phi\xc3\xaan "
    "%d, m\xc3\xa3 %d",
};

static double seconds(void) { return (double)clock_mono(&clock_system) / 1e9; }

static str lines_make(struct buf *b)
{
    uint32_t x = 7;

    for (int i = 0; i < SAMPLES; i++) {
        x = x * 1664525 + 1013904223;
        int v = (int)(x >> 12);
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        buf_fmt(b, shapes[x % 5], i % 60, v % 500, v % 32768, v % 77, v % 255, v % 60000);
        buf_byte(b, '\n');
    }
    return buf_view(b);
}

static void parse_rate(str text, bool batch)
{
    struct event ev = {.transport = TP_TCP};
    struct event_batch b;
    uint64_t lines = 0, flags = 0;
    double from = seconds();

    event_batch_init(&b, 512 * 1024);
    for (int round = 0; round < 50; round++)
        for (const char *p = text.p, *end = text.p + text.n, *lf;
             p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL; p = lf + 1, lines++) {
            syslog_parse((str){p, (size_t)(lf - p)}, 1772341200000000000, &ev);
            flags += ev.flags != 0;
            if (batch && !event_batch_add(&b, &ev)) {
                event_batch_seal(&b);
                event_batch_clear(&b);
            }
        }
    double took = seconds() - from;
    printf("%-28s %8.0f ns/line %12.0f lines/s   (%.1f bytes/line, %.0f %% flagged)\n",
           batch ? "parse and batch" : "parse", took * 1e9 / (double)lines, (double)lines / took,
           50.0 * (double)text.n / (double)lines, 100.0 * (double)flags / (double)lines);
    event_batch_done(&b);
}

static void send_lines(uint16_t port, str text, uint64_t lines)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        _exit(1);
    for (uint64_t sent = 0; sent < lines; sent += SAMPLES)
        for (size_t off = 0; off < text.n;) {
            ssize_t n = send(fd, text.p + off, text.n - off < CHUNK ? text.n - off : CHUNK, MSG_NOSIGNAL);
            if (n < 0)
                _exit(1);
            off += (size_t)n;
        }
    close(fd);
    _exit(0);
}

static double cpu(int who)
{
    struct rusage r;

    getrusage(who, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static int tcp_rate(str text, uint64_t lines)
{
    struct intake_cfg cfg = {.tcp = STR("127.0.0.1:0"),
                             .ring_bytes = 64 << 20,
                             .max_connections = 10,
                             .max_per_source = 10,
                             .idle_seconds = 60,
                             .self_exe = "/proc/self/exe"};
    struct intake *in;
    uint64_t got = 0, bytes = 0;
    struct err e = {0};
    char why[300];
    str wire;
    bool gap;

    if (intake_start(&cfg, &clock_system, &in, &e) < 0) {
        err_text(&e, LANG_EN, why, sizeof(why));
        return fprintf(stderr, "%s\n", why), 1;
    }
    uint16_t tcp = intake_ports(in).tcp;
    lines = (lines + SAMPLES - 1) / SAMPLES * SAMPLES;
    double from = seconds(), own = cpu(RUSAGE_SELF);
    pid_t load = fork();
    if (load == 0)
        send_lines(tcp, text, lines);
    while (got < lines) {
        struct pollfd p = {.fd = intake_fd(in), .events = POLLIN};
        poll(&p, 1, 1000);
        while (intake_next(in, &wire, &gap, &e) == 1) {
            uint32_t n;
            memcpy(&n, wire.p + 4, 4);
            got += n;
            bytes += wire.n;
        }
    }
    double took = seconds() - from;
    own = cpu(RUSAGE_SELF) - own;
    waitpid(load, NULL, 0);
    double before = cpu(RUSAGE_CHILDREN);
    intake_stop(in);
    double child = cpu(RUSAGE_CHILDREN) - before, mega = (double)lines / 1e6;
    printf("%-28s %8.0f ns/line %12.0f lines/s   wall, sender on the same machine\n", "tcp to checked batch",
           took * 1e9 / (double)lines, (double)lines / took);
    printf("%-28s %8.3f CPU-s per million lines = %.0f lines/s of one core\n", "  intake child", child / mega,
           (double)lines / child);
    printf("%-28s %8.3f CPU-s per million lines; %.0f ring bytes/line\n", "  core (copy and check)", own / mega,
           (double)bytes / (double)lines);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], INTAKE_ARGV1) == 0)
        return intake_child_main(argc, argv);
    struct arena a = arena_init((size_t)256 << 20);
    uint64_t lines = 2000000;
    struct buf made;
    str text;
    int rc;

    buf_init(&made, 64 << 20);
    if ((argc > 1 && !str_u64(str_c(argv[1]), &lines)) ||
        (argc > 2 && file_read(&a, argv[2], (size_t)200 << 20, &text, NULL) < 0))
        return fprintf(stderr, "use: bench_intake [LINES [FILE]]\n"), 2;
    if (argc <= 2)
        text = lines_make(&made);
    parse_rate(text, false);
    parse_rate(text, true);
    rc = argc > 2 ? 0 : tcp_rate(text, lines);
    buf_done(&made);
    arena_free(&a);
    return rc;
}

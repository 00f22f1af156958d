/* The intake when things die, fill up or lie: kill -9 under load, a ring that
 * makes no sense, a core that does not read, a core that dies, a clean end. */
#include "intake/test_kit.h"
#include "intake/ring.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Lines "<13>E<epoch> <number>": an epoch is one connection of the sender. */
enum { EPOCHS = 4096 };
struct seen {
    uint32_t next[EPOCHS];
    uint32_t last_epoch;
    bool hole;
    int64_t at;
};

static void see(struct kit *k, const struct event *ev)
{
    struct seen *s = k->ctx;
    unsigned epoch, n;

    if (sscanf(ev->raw.p, "<13>E%u %u.", &epoch, &n) != 2 || epoch >= EPOCHS || (ev->flags & EV_BAD_FRAME))
        return; /* the cut line at a connection's end */
    s->hole |= n != s->next[epoch];
    s->next[epoch] = n + 1;
    if (epoch > s->last_epoch) {
        s->last_epoch = epoch;
        s->at = clock_mono(&clock_system);
    }
}

/* Sends until told to stop by the end of the pipe; a broken connection is made
 * anew. Its exit code says whether the last one ended well; the last epoch and
 * its count of lines come back through the pipe. */
static void sender(uint16_t port, int stop)
{
    unsigned epoch = 0, n;
    char line[64], byte;
    bool done = false;

    signal(SIGPIPE, SIG_IGN);
    do {
        int fd = kit_connect(port);
        epoch++;
        for (n = 0; !(done = recv(stop, &byte, 1, MSG_DONTWAIT) == 0); n++) {
            int len = snprintf(line, sizeof(line), "<13>E%u %u.\n", epoch, n);
            if (send(fd, line, (size_t)len, MSG_NOSIGNAL) != len)
                break;
        }
        if (done) {
            unsigned report[2] = {epoch, n};
            shutdown(fd, SHUT_WR);
            while (read(fd, &byte, 1) > 0)
                ;
            _exit(write(stop, report, sizeof(report)) == sizeof(report) ? 0 : 1);
        }
        close(fd);
    } while (epoch + 1 < EPOCHS);
    _exit(1);
}

static pid_t sender_start(uint16_t port, int *stop)
{
    int sp[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sp), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(sp[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sender(port, sp[1]);
    }
    close(sp[1]);
    *stop = sp[0];
    return pid;
}

static void kill_under_load(void **state)
{
    struct kit k = {.on_event = see};
    struct seen *s = calloc(1, sizeof(*s));
    int stop, status;
    unsigned report[2];

    k.ctx = s;
    kit_start(&k, NULL);
    pid_t load = sender_start(k.tcp, &stop);
    for (uint32_t round = 1; round <= 3; round++) {
        pid_t old = intake_pid(k.in);
        uint64_t before = k.events;
        kit_while(&k, k.events < before + 5000);
        uint32_t epoch = s->last_epoch;
        int64_t at = clock_mono(&clock_system);
        assert_int_equal(kill(old, SIGKILL), 0);
        kit_while(&k, intake_pid(k.in) == old || intake_pid(k.in) < 0);
        kit_while(&k, s->last_epoch <= epoch);
        print_message("# new child's first line after %lld ms\n", (long long)((s->at - at) / NS_PER_MS));
        assert_int_equal(k.gaps, round);
        assert_int_equal(kit_stats(&k).restarts, round);
    }
    shutdown(stop, SHUT_WR);
    bool told = false;
    kit_while(&k, !told) told = recv(stop, report, sizeof(report), MSG_DONTWAIT) == sizeof(report);
    assert_int_equal(waitpid(load, &status, 0), load);
    assert_int_equal(status, 0);
    kit_while(&k, s->next[report[0]] < report[1]);
    assert_false(s->hole); /* nothing lost inside any connection, none of the last */
    assert_int_equal(s->next[report[0]], report[1]);
    close(stop);
    free(s);
    kit_stop(&k);
}

/* Datagrams that come while nobody reads wait in the core's socket. */
static void udp_waits_for_the_new_child(void **state)
{
    struct kit k = {0};

    kit_start(&k, NULL);
    int fd = kit_udp(k.udp);
    kit_send_z(fd, "<13>first");
    kit_until(&k, 1);
    kill(intake_pid(k.in), SIGKILL);
    for (int i = 0; i < 20; i++)
        kit_send_z(fd, "<13>while dead");
    kit_while(&k, k.events < 20);
    kit_while(&k, k.gaps < 1);
    kit_send_z(fd, "<13>after");
    kit_while(&k, !str_eq(k.last.raw, STR("<13>after")));
    assert_in_range(k.events, 21, 22); /* one may have been read before the blow */
    assert_int_equal(k.gaps, 1);
    close(fd);
    kit_stop(&k);
}

/* The ring's memory, as the child has it. */
static int ring_fd(void)
{
    DIR *d = opendir("/proc/self/fd");
    char path[300], target[64];
    int found = -1;

    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        int64_t fd;
        if (n > 0 && strncmp(target, "/memfd:luy-intake", 17) == 0 && str_i64(str_c(e->d_name), &fd))
            found = (int)fd;
    }
    closedir(d);
    return found;
}

static void lie_head_far(struct ring *r) { atomic_store(&r->ctl->head, UINT64_MAX / 2 + 8); }
static void lie_head_odd(struct ring *r) { atomic_fetch_add(&r->ctl->head, 13); }
static void lie_length(struct ring *r)
{
    uint64_t at = atomic_load(&r->ctl->head);
    uint32_t head[2] = {0x7fffffff, 0};
    memcpy(r->data + at % r->cap, head, 8);
    atomic_store(&r->ctl->head, at + 64);
}
static void lie_batch(struct ring *r)
{
    r->pos = atomic_load(&r->ctl->head);
    assert_true(ring_put(r, STR("LYB1 this is no batch at all....")));
}
static void lie_stats(struct ring *r) { atomic_store(&r->ctl->stat[STAT_conn_open], UINT64_MAX); }
static const struct {
    const char *name;
    void (*tell)(struct ring *r);
    bool seen;
} lies[] = {
    {"head far away", lie_head_far, true},     {"head not aligned", lie_head_odd, true},
    {"length over the end", lie_length, true}, {"no batch", lie_batch, true},
    {"absurd counter", lie_stats, false},
};

static void lying_child_is_ended(void **state)
{
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct kit k = {0};
        struct ring r;
        kit_start(&k, NULL);
        int fd = kit_udp(k.udp);
        kit_send_z(fd, "<13>before");
        kit_until(&k, 1);
        pid_t old = intake_pid(k.in);
        assert_int_equal(ring_map(ring_fd(), k.cfg.ring_bytes, &r), 0);
        lies[i].tell(&r);
        if (!lies[i].seen)
            assert_int_equal(kit_stats(&k).conn_open, 0);
        kit_once(&k, 0); /* the core looks before the child writes again */
        kit_send_z(fd, "<13>after");
        kit_while(&k, !str_eq(k.last.raw, STR("<13>after")));
        if (lies[i].seen != (kit_stats(&k).ring_corrupt == 1) || lies[i].seen != (intake_pid(k.in) != old) ||
            k.gaps != lies[i].seen)
            fail_msg("%s: corrupt %d gaps %d", lies[i].name, (int)kit_stats(&k).ring_corrupt, (int)k.gaps);
        ring_unmap(&r);
        close(fd);
        kit_stop(&k);
    }
}

/* A core that does not read: TCP is held back and loses nothing, what UDP loses
 * is counted. */
static void full_ring_holds_back(void **state)
{
    struct kit k = {0};
    char block[64 * 1024];
    uint64_t lines = 0, datagrams = 0;

    kit_start(&k, NULL);
    for (size_t i = 0; i < sizeof(block); i += 64)
        memcpy(block + i, "<13>Mar  1 12:00:00 h load: 0123456789012345678901234567890123\n", 64);
    block[sizeof(block) - 1] = '\n';
    for (size_t i = 63; i < sizeof(block); i += 64)
        block[i] = '\n';
    int fd = kit_connect(k.tcp), ufd = kit_udp(k.udp);
    size_t off = 0;
    int64_t stuck = clock_mono(&clock_system);
    /* Nothing has moved for a while: ring and sockets are full, that of UDP (32 MiB) too. */
    while (clock_mono(&clock_system) - stuck < 1000 * NS_PER_MS || datagrams < 150000) {
        ssize_t n = send(fd, block + off, sizeof(block) - off, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            off = (off + (size_t)n) % sizeof(block);
            lines += (uint64_t)n;
            stuck = clock_mono(&clock_system);
        } else {
            assert_int_equal(errno, EAGAIN);
            datagrams += send(ufd, "<13>u", 5, MSG_DONTWAIT) == 5;
        }
    }
    assert_true(lines > 3 << 20); /* a record is 96 bytes longer than its line of 63 */
    size_t rest = off > 0 ? sizeof(block) - off : 0;
    for (size_t at = off; at < off + rest; kit_once(&k, 1)) {
        ssize_t n = send(fd, block + at, off + rest - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        at += n > 0 ? (size_t)n : 0;
    }
    lines = (lines + rest) / 64;
    kit_while(&k, k.events + kit_stats(&k).drop_ring_full + kit_stats(&k).drop_udp_kernel < lines + datagrams);
    assert_int_equal(k.events + kit_stats(&k).drop_ring_full + kit_stats(&k).drop_udp_kernel, lines + datagrams);
    assert_true(kit_stats(&k).drop_ring_full > 0);
    assert_int_equal(kit_stats(&k).drop_idle, 0);
    assert_int_equal(k.gaps, 0);
    print_message("# %llu lines, %llu datagrams, %llu dropped and counted\n", (unsigned long long)lines,
                  (unsigned long long)datagrams, (unsigned long long)kit_stats(&k).drop_ring_full);
    close(fd);
    close(ufd);
    kit_stop(&k);
}

static void quiesce_drains(void **state)
{
    struct kit k = {0};
    enum { LINES = 20000 };
    struct buf in;

    kit_start(&k, NULL);
    buf_init(&in, 4 << 20);
    int fd = kit_connect(k.tcp);
    kit_send_z(fd, "<13>first\n");
    kit_until(&k, 1);
    for (int i = 0; i < LINES; i++)
        buf_fmt(&in, "<13>Mar  1 12:00:00 h app: line %d\n", i);
    buf_z(&in, "<13>not ended");
    kit_send(fd, buf_view(&in));
    intake_quiesce(k.in);
    kit_while(&k, k.last_rc != -ESHUTDOWN);
    assert_int_equal(k.events, 1 + LINES + 1);
    assert_int_equal(k.gaps, 0);
    assert_int_equal(intake_pid(k.in), -1);
    assert_int_equal(kit_stats(&k).received, k.events);
    buf_done(&in);
    close(fd);
    kit_stop(&k);
}

/* When the core is killed, its child goes too. */
static void child_dies_with_the_core(void **state)
{
    int p[2], status;
    pid_t child;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    assert_int_equal(pipe(p), 0);
    pid_t core = fork();
    if (core == 0) {
        struct kit k = {0};
        kit_start(&k, NULL);
        int fd = kit_udp(k.udp);
        kit_send_z(fd, "<13>up");
        kit_until(&k, 1);
        child = intake_pid(k.in);
        if (write(p[1], &child, sizeof(child)) != sizeof(child))
            _exit(1);
        raise(SIGKILL);
    }
    assert_int_equal(read(p[0], &child, sizeof(child)), sizeof(child));
    assert_int_equal(waitpid(core, &status, 0), core);
    for (int64_t end = clock_mono(&clock_system) + 10 * NS_PER_S; waitpid(child, &status, WNOHANG) != child;)
        assert_true(clock_mono(&clock_system) < end);
    close(p[0]);
    close(p[1]);
}

static void many_connections(struct intake_cfg *cfg) { cfg->max_connections = cfg->max_per_source = 12000; }

static void ten_thousand_connections(void **state)
{
    struct kit k = {0};
    struct rlimit l;
    int *fd;

    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    getrlimit(RLIMIT_NOFILE, &l);
    size_t n = l.rlim_cur > 10200 ? 10000 : l.rlim_cur > 300 ? l.rlim_cur - 200 : 100;
    kit_start(&k, many_connections);
    fd = calloc(n, sizeof(int));
    for (size_t i = 0; i < n; i++) {
        fd[i] = kit_connect(k.tcp);
        if (i % 500 == 0)
            kit_once(&k, 0);
    }
    kit_while(&k, kit_stats(&k).conn_open < n);
    int64_t from = clock_mono(&clock_system);
    for (size_t i = 0; i < n; i++)
        kit_send_z(fd[i], "<13>Mar  1 12:00:00 h app: one of many\n");
    kit_until(&k, n);
    int64_t all = clock_mono(&clock_system);
    kit_send_z(fd[n / 2], "<13>one more\n");
    kit_until(&k, n + 1);
    print_message("# %zu connections: a line of each in %lld ms, one more in %lld ms\n", n,
                  (long long)((all - from) / NS_PER_MS), (long long)((clock_mono(&clock_system) - all) / NS_PER_MS));
    for (size_t i = 0; i < n; i++)
        close(fd[i]);
    kit_while(&k, kit_stats(&k).conn_open > 0);
    assert_int_equal(kit_stats(&k).conn_total, n);
    assert_int_equal(kit_stats(&k).drop_conn_limit, 0);
    free(fd);
    kit_stop(&k);
}

int main(int argc, char **argv)
{
    KIT_CHILD(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kill_under_load),          cmocka_unit_test(udp_waits_for_the_new_child),
        cmocka_unit_test(lying_child_is_ended),     cmocka_unit_test(full_ring_holds_back),
        cmocka_unit_test(quiesce_drains),           cmocka_unit_test(child_dies_with_the_core),
        cmocka_unit_test(ten_thousand_connections),
    };
    return cmocka_run_group_tests_name("intake/fault", tests, NULL, NULL);
}

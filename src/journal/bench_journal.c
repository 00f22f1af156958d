/* How fast the journal takes lines in and finds them again.
 *
 *   bench_journal [--mb N] [--block MIB] [--sync MS] [--searches N] [--append-only] [--dir DIR] [FILE]
 *   bench_journal --dir DIR --query Q [--query Q]...
 *
 * FILE holds syslog lines; without it N MB (default 200) are made up, always
 * the same. With --query only the questions
 * are put, to the store that is in DIR; "all" is the list below. --searches: so many threads search while it appends;
 * then nothing is searched afterwards. --sync 0: each batch is synced. Lines are parsed and put into batches first and
 * timed by themselves; then appended with a group commit each 100 ms, to the last byte synced, their checksums taken
 * for checked as luyd's are by then; then searched, the middle of three runs each. CPU seconds are those of all
 * threads. */
#include "base/log.h"
#include "intake/syslog.h"
#include "journal/journal-int.h"
#include "journal/pipe.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH_BYTES = 256 << 10, HOSTS = 500, NEEDLES = 10, RUNS = 5, SEARCHES_MAX = 64 };
struct lines {
    char *p;
    size_t n, count;
};
struct wires {
    str *v;
    size_t n, cap;
};

static double now_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what, const struct err *e)
{
    char text[512] = "";
    if (e != NULL)
        err_text(e, LANG_EN, text, sizeof(text));
    fprintf(stderr, "bench_journal: %s %s\n", what, text);
    exit(1);
}

static uint64_t draw(uint64_t *s)
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * 0x2545f4914f6cdd1du;
}

/* Few hosts speak often, many seldom. */
static unsigned skewed(uint64_t *s, unsigned n)
{
    uint64_t a = draw(s) % n, b = draw(s) % n, c = draw(s) % n;
    uint64_t least = a < b ? a : b;
    return (unsigned)(least < c ? least : c);
}

static int one_message(uint64_t *s, char *out, size_t cap)
{
    unsigned a = (unsigned)(draw(s) % 250), b = (unsigned)(draw(s) % 250), port = 1024 + (unsigned)(draw(s) % 60000);
    unsigned user = skewed(s, 400), id = (unsigned)draw(s);

    switch (skewed(s, 10)) {
    case 0:
        return snprintf(out, cap,
                        "named[%u]: client @0x%08x 10.8.%u.%u#%u (www.example%u.gov.vn): query: www.example%u.gov.vn "
                        "IN A + (10.8.0.53)",
                        700 + a, id, a, b, port, user, user);
    case 1:
        return snprintf(out, cap, "sshd[%u]: Failed password for user%u from 203.0.%u.%u port %u ssh2", port, user, a,
                        b, port);
    case 2:
        return snprintf(out, cap,
                        "sshd[%u]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "
                        "rhost=203.0.%u.%u  user=user%u",
                        port, a, b, user);
    case 3:
        return snprintf(out, cap, "postfix/smtpd[%u]: connect from mail%u.example.gov.vn[10.9.%u.%u]", port, user, a,
                        b);
    case 4:
        return snprintf(out, cap, "kernel: [%u.%06u] IPv4: martian source 10.8.%u.%u from 10.9.%u.%u, on dev eth%u",
                        id % 999999, id % 1000000, a, b, b, a, a % 4);
    case 5:
        return snprintf(out, cap, "httpd[%u]: 10.8.%u.%u - - \"GET /van-ban/%u/tai-lieu.pdf HTTP/1.1\" 200 %u", port, a,
                        b, id % 90000, id % 700000);
    case 6:
        return snprintf(out, cap, "systemd[1]: Started session-%u.scope - Session %u of user user%u.", id % 90000,
                        id % 90000, user);
    case 7:
        return snprintf(
            out, cap,
            "sudo:   user%u : TTY=pts/%u ; PWD=/home/user%u ; USER=root ; COMMAND=/usr/bin/systemctl restart unit%u",
            user, a % 9, user, b);
    case 8:
        return snprintf(out, cap, "dhcpd[%u]: DHCPACK on 10.8.%u.%u to 00:00:5e:00:%02x:%02x via eth%u", 600 + a, a, b,
                        a, b, a % 4);
    default:
        return snprintf(out, cap, "app[%u]: request %08x-%04x took %u ms, job %u done by worker %u", port, id,
                        id & 0xffff, id % 4000, id % 100000, a);
    }
}

static struct lines make_lines(size_t bytes)
{
    static const char *const months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct lines l = {.p = malloc(bytes + 1024)};
    uint64_t s = 42;
    size_t next = bytes / NEEDLES / 2;

    if (l.p == NULL)
        die("no memory", NULL);
    for (unsigned t = 0; l.n < bytes; l.count++, t += draw(&s) % 30 == 0) {
        char *at = l.p + l.n;
        int k =
            snprintf(at, 64, "<%u>%.3s %2u %02u:%02u:%02u host-%03u ", (unsigned)(draw(&s) % 24) * 8 + skewed(&s, 8),
                     months + 3 * 10, 1 + t / 86400 % 30, t / 3600 % 24, t / 60 % 60, t % 60, skewed(&s, HOSTS));
        if (l.n >= next) {
            k += snprintf(at + k, 512, "sshd[7]: Accepted publickey for svc-zqcanary from 10.8.0.7 port 40007 ssh2");
            next += bytes / NEEDLES;
        } else {
            k += one_message(&s, at + k, 512);
        }
        at[k] = '\n';
        l.n += (size_t)k + 1;
    }
    return l;
}

static struct lines read_lines(const char *path)
{
    struct lines l = {0};
    struct stat st;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || fstat(fd, &st) < 0 || (l.p = malloc((size_t)st.st_size + 1)) == NULL)
        die(path, NULL);
    while (l.n < (size_t)st.st_size) {
        ssize_t k = read(fd, l.p + l.n, (size_t)st.st_size - l.n);
        if (k <= 0)
            die(path, NULL);
        l.n += (size_t)k;
    }
    close(fd);
    for (const char *p = l.p; (p = memchr(p, '\n', (size_t)(l.p + l.n - p))) != NULL; p++)
        l.count++;
    return l;
}

static void wire_keep(struct wires *w, struct event_batch *b)
{
    str s = event_batch_seal(b);
    char *p = malloc(s.n);

    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 1024;
        w->v = realloc(w->v, w->cap * sizeof(*w->v));
    }
    if (p == NULL || w->v == NULL)
        die("no memory", NULL);
    memcpy(p, s.p, s.n);
    w->v[w->n++] = (str){p, s.n};
    event_batch_clear(b);
}

static struct wires make_wires(struct lines l)
{
    struct wires w = {0};
    struct event_batch b;
    str rest = {l.p, l.n}, line;
    int64_t received = clock_wall(&clock_system);

    event_batch_init(&b, BATCH_BYTES);
    while (str_split(&rest, '\n', &line)) {
        struct event ev;
        if (line.n == 0)
            continue;
        syslog_parse(line, received, &ev);
        ev.transport = TP_TCP;
        ev.source = (struct ip){4, {10, 8, (uint8_t)(str_hash(event_field(&ev, SP_HOST), 1) % 4), 9}};
        ev.source_port = 40000;
        received += 1000;
        if (!event_batch_add(&b, &ev)) {
            wire_keep(&w, &b);
            event_batch_add(&b, &ev);
        }
    }
    wire_keep(&w, &b);
    event_batch_done(&b);
    return w;
}

static void append_all(struct journal *j, const struct wires *w)
{
    int64_t due = 0;
    uint64_t first;
    struct err e;

    for (size_t i = 0; i < w->n; i++) {
        if (journal_append_checked(j, w->v[i], &first, &e) < 0)
            die("append", &e);
        journal_hurry(j); /* as a ring that is full would say */
        if (clock_mono(&clock_system) >= due && journal_tick(j, &due, &e) < 0)
            die("tick", &e);
    }
    if (journal_sync(j, &e) < 0)
        die("sync", &e);
}

static bool take(void *ctx, const struct hit *h)
{
    *(uint64_t *)ctx += h->ev.raw.n;
    return true;
}

static int scan_rows(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                     struct search_stats *st, struct err *e)
{
    return journal_rows(ctx, q, o, fn, fn_ctx, st, e);
}

static int fold_rows(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want, source_group_fn *fn,
                     void *fn_ctx, struct search_stats *st, struct err *e)
{
    return journal_fold(ctx, q, o, fn, fn_ctx, st, e);
}

static bool count_row(void *ctx, const struct source_value *v, size_t n)
{
    *(uint64_t *)ctx += n;
    return true;
}

/* Steps as a user's query runs them. */
static int run_steps(struct journal *j, const struct query *q, uint64_t *hits, struct err *e)
{
    struct row_source logs = query_logs;
    struct search_opts o = {0};
    struct pipe_stats st;
    uint64_t n = 0;

    logs.scan = scan_rows;
    logs.fold = fold_rows;
    logs.ctx = j;
    int rc = pipe_run(q, &logs, &o, UINT64_MAX, count_row, &n, &st, e);
    *hits = st.scan.hits;
    return rc;
}

static double run_once(struct journal *j, const struct query *q, uint64_t *hits, double *cpu)
{
    struct search_opts o = {.limit = UINT64_MAX};
    struct search_stats st = {0};
    struct err e;
    uint64_t bytes = 0;
    double t = now_s(CLOCK_MONOTONIC), c = now_s(CLOCK_THREAD_CPUTIME_ID);

    int rc = q->nsteps > 0 ? run_steps(j, q, hits, &e) : journal_search(j, q, &o, take, &bytes, &st, &e);
    t = now_s(CLOCK_MONOTONIC) - t;
    *cpu = now_s(CLOCK_THREAD_CPUTIME_ID) - c;
    if (rc < 0)
        die("search", &e);
    if (q->nsteps == 0)
        *hits = st.hits;
    return t;
}

static const char *const texts[] = {
    "svc-zqcanary",
    "\"zqcan\"",
    "\"authentication failure\"",
    "\"authentication failure\" | count",
    "\"failed password\" root | count",
    "/Failed password for (invalid user )?[a-z0-9]+ from/ | count",
    "\"10.0.0.1\" | count",
    "program:sshd | count",
    "severity:<=err | count",
    "| count",
    "| count by host",
    "program:sshd | count by host",
    "| count by host, severity",
    "| histogram 1h",
    "| histogram 1h by host",
    "\"failed*ssh2\" | count",
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double middle(double t[RUNS])
{
    qsort(t, RUNS, sizeof(t[0]), by_size);
    return t[RUNS / 2];
}

static void search_one(struct journal *j, const char *text, double raw_gb)
{
    struct arena a = arena_init(1 << 20);
    struct query *q;
    struct err e;
    uint64_t hits;
    double t[RUNS], cpu = 0, least = 0;

    if (query_parse(&a, str_c(text), clock_wall(&clock_system), &q, &e) < 0)
        die(text, &e);
    for (int k = 0; k < RUNS; k++) {
        t[k] = run_once(j, q, &hits, &cpu);
        least = k == 0 || cpu < least ? cpu : least;
    }
    double mid = middle(t);
    printf("search  %-40s %9llu hits %8.4f s %8.2f GB/s %8.4f CPU-s\n", text, (unsigned long long)hits, mid,
           raw_gb / mid, least);
    fflush(stdout);
    arena_free(&a);
}

static void drop(const char *dir)
{
    char cmd[512];
    snprintf(cmd, sizeof(cmd), "rm -rf -- '%s'", dir);
    if (system(cmd) != 0)
        fprintf(stderr, "bench_journal: %s is left behind\n", dir);
}

/* Searches beside the appending, over and over. */
struct beside {
    struct journal *j;
    atomic_bool stop;
    _Atomic uint64_t done;
};

static void *search_beside(void *p)
{
    struct beside *b = p;

    for (size_t i = 0; !atomic_load(&b->stop); i++) {
        struct arena a = arena_init(1 << 20);
        struct query *q;
        uint64_t hits;
        double cpu;
        if (query_parse(&a, str_c(texts[i % (sizeof(texts) / sizeof(texts[0]))]), clock_wall(&clock_system), &q,
                        NULL) == 0)
            run_once(b->j, q, &hits, &cpu);
        atomic_fetch_add(&b->done, 1);
        arena_free(&a);
    }
    return NULL;
}

static int ask_all(const char *dir, const char *const *asked, size_t n)
{
    struct journal_cfg cfg = {.dir = dir, .sync_ms = 100};
    struct journal_stats st;
    struct journal *j;
    struct err e;

    if (journal_open(&cfg, &clock_system, &j, &e) < 0)
        die("open", &e);
    journal_stats(j, &st);
    for (size_t i = 0; i < n; i++)
        if (strcmp(asked[i], "all") != 0)
            search_one(j, asked[i], (double)st.raw_bytes / 1e9);
        else
            for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
                search_one(j, texts[k], (double)st.raw_bytes / 1e9);
    journal_close(j);
    return 0;
}

int main(int argc, char **argv)
{
    char own[] = "/tmp/luy-bench-XXXXXX", *dir = NULL, *file = NULL;
    const char *asked[64];
    size_t nasked = 0;
    bool ask = true;
    int64_t mb = 200, block = 0, sync = 100, searches = 0;
    struct err e;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--mb") == 0 && i + 1 < argc && str_i64(str_c(argv[i + 1]), &mb) && mb > 0)
            i++;
        else if (strcmp(argv[i], "--block") == 0 && i + 1 < argc && str_i64(str_c(argv[i + 1]), &block) && block > 0)
            i++;
        else if (strcmp(argv[i], "--sync") == 0 && i + 1 < argc && str_i64(str_c(argv[i + 1]), &sync))
            i++;
        else if (strcmp(argv[i], "--searches") == 0 && i + 1 < argc && str_i64(str_c(argv[i + 1]), &searches) &&
                 searches <= SEARCHES_MAX)
            i++;
        else if (strcmp(argv[i], "--append-only") == 0)
            ask = false;
        else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
            dir = argv[++i];
        else if (strcmp(argv[i], "--query") == 0 && i + 1 < argc && nasked < 64)
            asked[nasked++] = argv[++i];
        else if (argv[i][0] != '-' && file == NULL)
            file = argv[i];
        else
            die("usage: bench_journal [--mb N] [--block MIB] [--sync MS] [--searches N] [--append-only] [--dir DIR] "
                "[--query Q]... [FILE]",
                NULL);
    }
    if (nasked > 0 && dir != NULL)
        return ask_all(dir, asked, nasked);
    if (dir == NULL && (dir = mkdtemp(own)) == NULL)
        die("mkdtemp", NULL);
    struct lines l = file ? read_lines(file) : make_lines((size_t)mb * 1000000);
    double c = now_s(CLOCK_PROCESS_CPUTIME_ID), gb = (double)l.n / 1e9, m = (double)l.count / 1e6;
    struct wires w = make_wires(l);
    printf("parse   %.2f M lines, %.3f GB: %.3f CPU-s a million lines\n", m, gb,
           (now_s(CLOCK_PROCESS_CPUTIME_ID) - c) / m);

    struct journal_cfg cfg = {.dir = dir, .sync_ms = (int)sync, .block_bytes = (size_t)block << 20};
    struct journal *j;
    if (journal_open(&cfg, &clock_system, &j, &e) < 0)
        die("open", &e);
    double t = now_s(CLOCK_MONOTONIC), own_c = now_s(CLOCK_THREAD_CPUTIME_ID);
    c = now_s(CLOCK_PROCESS_CPUTIME_ID);
    struct beside beside = {.j = j};
    pthread_t thread[SEARCHES_MAX];
    for (int64_t i = 0; i < searches; i++)
        if (pthread_create(&thread[i], NULL, search_beside, &beside) != 0)
            die("thread", NULL);
    append_all(j, &w);
    own_c = now_s(CLOCK_THREAD_CPUTIME_ID) - own_c;
    double synced = now_s(CLOCK_MONOTONIC) - t;
    atomic_store(&beside.stop, true);
    for (int64_t i = 0; i < searches; i++)
        pthread_join(thread[i], NULL);
    if (searches > 0)
        printf("beside  %llu searches in %lld threads\n", (unsigned long long)beside.done, (long long)searches);
    journal_close(j);
    double sealed = now_s(CLOCK_MONOTONIC) - t;
    c = now_s(CLOCK_PROCESS_CPUTIME_ID) - c;
    if (journal_open(&cfg, &clock_system, &j, &e) < 0)
        die("open", &e);
    struct journal_stats st;
    journal_stats(j, &st);
    printf("append  %.2f M lines/s to synced, %.2f M lines/s to sealed, %.3f CPU-s a million lines "
           "(%.3f in the writer), %.0f MB/s\n",
           m / synced, m / sealed, c / m, own_c / m, gb * 1e3 / sealed);
    printf("store   %.1f MB for %.1f MB of lines: ratio %.2f, %llu blocks\n", (double)st.disk_bytes / 1e6,
           (double)st.raw_bytes / 1e6, (double)st.raw_bytes / (double)st.disk_bytes, (unsigned long long)st.blocks);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && ask && searches == 0; i++)
        search_one(j, texts[i], gb);
    journal_close(j);
    if (dir == own)
        drop(dir);
    return 0;
}

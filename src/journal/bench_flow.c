/* How fast flows are decoded, stored and asked for. Prints two tables.
 * use: bench_flow FILE DIR [QUERY..]   FILE: messages of IPFIX or NetFlow, u16
 * length each; "-": DIR holds flows already, only the queries are measured.
 * CPU time is this process's, all threads. */
#include "base/file.h"
#include "intake/flow_rx.h"
#include "journal/flow_source.h"
#include "journal/pipe.h"
#include <sys/resource.h>
#include <unistd.h>

static double cpu(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6 + (double)u.ru_stime.tv_sec +
           (double)u.ru_stime.tv_usec / 1e6;
}
static double wall(void) { return (double)clock_mono(&clock_system) / 1e9; }

struct run {
    struct flow_batch batch;
    struct flow_store *store; /* NULL: decode only */
    struct buf wire;
    uint64_t rows;
    double sealing; /* CPU of the wire form alone */
};

static void die(const char *what, const struct err *e)
{
    char text[300] = "";

    if (e != NULL)
        err_text(e, LANG_EN, text, sizeof(text));
    fprintf(stderr, "%s: %s\n", what, text);
    exit(1);
}

static void full(void *ctx)
{
    struct run *r = ctx;
    struct err e = {0};
    uint64_t first;

    r->rows += r->batch.rows;
    buf_clear(&r->wire);
    if (!flow_batch_seal(&r->batch, &r->wire))
        die("seal", NULL);
    if (r->store != NULL && flow_store_append(r->store, buf_view(&r->wire), &first, &e) < 0)
        die("append", &e);
    flow_batch_clear(&r->batch);
}

static void note(void *ctx, const struct flow_note *n) {}

static void feed(struct run *r, str file)
{
    struct flow_sink sink = {r, &r->batch, full, note};
    struct flow_rx *rx = flow_rx_new(&FLOW_LIMITS_DEFAULT, &sink);
    rd in = rd_init(file.p, file.n);
    struct ip from = {4, {127, 0, 0, 1}};
    int64_t now = clock_wall(&clock_system);

    for (int n = 0; rd_left(&in) >= 2; n++) {
        str m = rd_bytes(&in, rd_u16(&in));
        if (n % 64 == 0)
            now = clock_wall(&clock_system);
        flow_rx_datagram(rx, m, from, 5000, now);
        if (r->store != NULL && n % 4096 == 0) {
            struct err e = {0};
            int64_t due = INT64_MAX;
            flow_store_tick(r->store, &due, &e);
        }
    }
    full(r);
    flow_rx_free(rx);
}

static void line(const char *what, double c, double w, uint64_t rows)
{
    printf("| %s | %.3f | %.2f | %.1f |\n", what, c * 1e6 / (double)rows, w, (double)rows / w / 1e6);
    fflush(stdout);
}

static void decode_and_store(const char *path, const char *dir)
{
    struct arena a = arena_init(2ull << 30);
    struct err e = {0};
    struct run r = {0};
    str file;

    if (file_read(&a, path, 1ull << 30, &file, &e) < 0)
        die("read", &e);
    buf_init(&r.wire, FLOW_WIRE_MAX);
    if (!flow_batch_init(&r.batch))
        die("memory", NULL);
    printf("| step | CPU-s a million | wall s | M flows/s |\n|---|--:|--:|--:|\n");
    double c = cpu(), w = wall();
    feed(&r, file);
    line("decode, wire form", cpu() - c, wall() - w, r.rows);
    struct flow_store_cfg cfg = {.dir = dir, .sync_ms = 100};
    r.rows = 0;
    c = cpu(), w = wall();
    if (flow_store_open(&cfg, &clock_system, &r.store, &e) < 0)
        die("open", &e);
    feed(&r, file);
    flow_store_close(r.store);
    line("decode, store, compress, sync", cpu() - c, wall() - w, r.rows);
    flow_batch_done(&r.batch);
    buf_done(&r.wire);
    arena_free(&a);
}

/* --- queries ---------------------------------------------------------------- */

enum { REPEAT = 5 };

static bool count_row(void *ctx, const struct source_value *v, size_t n)
{
    ++*(uint64_t *)ctx;
    return true;
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ask(struct flow_store *store, const char *text)
{
    struct row_source flows = flow_source(store);
    const struct row_source *sources[] = {&flows};
    struct query_env env = {clock_wall(&clock_system), sources, 1, "flows", NULL};
    struct arena a = arena_init(1 << 20);
    struct err e = {0};
    struct query *q;
    struct pipe_stats st;
    double walls[REPEAT], cpus[REPEAT];
    uint64_t rows = 0;

    if (query_parse_env(&a, str_c(text), &env, &q, &e) < 0)
        die(text, &e);
    for (int i = 0; i < REPEAT; i++) {
        double c = cpu(), w = wall();
        rows = 0;
        if (pipe_run(q, &flows, NULL, UINT64_MAX, count_row, &rows, &st, &e) < 0)
            die(text, &e);
        walls[i] = wall() - w;
        cpus[i] = cpu() - c;
    }
    qsort(walls, REPEAT, sizeof(double), by_time);
    qsort(cpus, REPEAT, sizeof(double), by_time);
    printf("| `%s` | %.4f | %.4f | %llu | %llu | %llu |\n", text, cpus[REPEAT / 2], walls[REPEAT / 2],
           (unsigned long long)st.scan.hits, (unsigned long long)rows, (unsigned long long)st.other);
    fflush(stdout);
    arena_free(&a);
}

int main(int argc, char **argv)
{
    static const char *const usual[] = {"from:flows | top 10 src by bytes", "from:flows dst_port:22 packets:>100"};
    struct flow_store_cfg cfg = {.sync_ms = 100};
    struct flow_store_stats st;
    struct flow_store *store;
    struct err e = {0};

    if (argc < 3)
        return fprintf(stderr, "use: bench_flow FILE|- DIR [QUERY..]\n"), 2;
    cfg.dir = argv[2];
    if (strcmp(argv[1], "-") != 0)
        decode_and_store(argv[1], argv[2]);
    if (flow_store_open(&cfg, &clock_system, &store, &e) < 0)
        die("open", &e);
    flow_store_stats(store, &st);
    printf("\n%llu flows, %llu blocks, %.2f bytes a flow\n\n", (unsigned long long)st.flows,
           (unsigned long long)st.blocks, (double)st.disk_bytes / (double)(st.flows > 0 ? st.flows : 1));
    printf("| query (median of %d) | CPU-s | wall s | hits | rows | in no group |\n|---|--:|--:|--:|--:|--:|\n",
           REPEAT);
    if (argc == 3)
        for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
            ask(store, usual[i]);
    for (int i = 3; i < argc; i++)
        ask(store, argv[i]);
    flow_store_close(store);
    return 0;
}

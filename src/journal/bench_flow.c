/* How fast flows are decoded, stored and asked for. Prints one table.
 * use: bench_flow FILE DIR   FILE: messages of IPFIX or NetFlow, u16 length each
 * CPU time is this process's, all threads. */
#include "base/file.h"
#include "intake/flow_rx.h"
#include "journal/flow_store.h"
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

int main(int argc, char **argv)
{
    struct arena a = arena_init(2ull << 30);
    struct err e = {0};
    struct run r = {0};
    str file;

    if (argc != 3)
        return fprintf(stderr, "use: bench_flow FILE DIR\n"), 2;
    if (file_read(&a, argv[1], 1ull << 30, &file, &e) < 0)
        die("read", &e);
    buf_init(&r.wire, FLOW_WIRE_MAX);
    if (!flow_batch_init(&r.batch))
        die("memory", NULL);
    printf("| step | CPU-s a million | wall s | M flows/s |\n|---|--:|--:|--:|\n");
    double c = cpu(), w = wall();
    feed(&r, file);
    line("decode, wire form", cpu() - c, wall() - w, r.rows);
    struct flow_store_cfg cfg = {.dir = argv[2], .sync_ms = 100};
    r.rows = 0;
    c = cpu(), w = wall();
    if (flow_store_open(&cfg, &clock_system, &r.store, &e) < 0)
        die("open", &e);
    feed(&r, file);
    flow_store_close(r.store);
    line("decode, store, compress, sync", cpu() - c, wall() - w, r.rows);
    if (flow_store_open(&cfg, &clock_system, &r.store, &e) < 0)
        die("open", &e);
    struct flow_store_stats st;
    flow_store_stats(r.store, &st);
    printf("\n%llu flows, %llu blocks, %.2f bytes a flow\n", (unsigned long long)st.flows,
           (unsigned long long)st.blocks, (double)st.disk_bytes / (double)st.flows);
    flow_store_close(r.store);
    flow_batch_done(&r.batch);
    buf_done(&r.wire);
    arena_free(&a);
    return 0;
}

/* Searches over any bytes as a stored block: its plan (words, wildcards, fields,
 * expressions) and groups counted from columns. The block is made as for
 * block_fuzz.c. First byte k: query k - 1 is asked of the changed block; 0: all
 * of them. Of the good block each query must say what a plain loop over its
 * events says, and most must find something. */
#include "journal/aggregate-int.h"
#include "journal/block_fuzz-int.h"
#include <stdio.h>

static const char *const texts[] = {
    "number",
    "\"number 7919\"",
    "\"ip 10.9.3\"",
    "\"10.9.3.103\"",
    "svc-zqcanary",
    "n*ber ip",
    "\"x=?* ip\"",
    "prog1 host-2",
    "program:prog1 host:host-2",
    "host:host-1 OR source:10.8.0.3",
    "NOT prog2 severity:<=err",
    "source:10.8.0.0/30 \"2026-03-1\"",
    "/number [0-9]+ at 2026-03-0[1-3]/",
    "/x=[0-9a-f]*77 ip|prog0/",
    "since:1970-01-01T00:00:10Z until:1970-01-01T00:00:40Z prog1",
    "| count",
    "\"at 2026\" | count",
    "| count by host",
    "| count by program, severity",
    "prog1 | count by source, msg",
    "| count by msg, pid",
    "| histogram 1s",
    "| histogram 1s by host",
    "\"ip 10.9\" | histogram 7s by program",
};
enum { QUERIES = sizeof(texts) / sizeof(texts[0]) };
static struct query *queries[QUERIES];

static int take(void *ctx, struct scan *s, const struct scan_block *b)
{
    uint64_t *sum = ctx;
    struct event ev;

    (void)s;
    for (uint32_t i = 0; i < b->n; i++)
        if (b->bits[i / 64] >> i % 64 & 1) {
            rows_event(b->rows, i, COL_ALL, &ev);
            for (size_t k = 0; k < ev.raw.n; k++)
                sum[1] += (uint8_t)ev.raw.p[k];
            sum[0]++;
        }
    return 0;
}

/* Hits of a query in a block; false: it could not be read. */
static bool ask(const struct query *q, const uint8_t *b, size_t n, uint64_t *hits)
{
    struct block_head h;
    struct block_src src = {.fd = -1, .mem = b, .mem_n = n};
    struct search_stats st;
    uint64_t sum[2] = {0, 0};
    struct scan_sink sink = {.ctx = sum, .cols = COL_ALL, .block = take};
    struct groups *gs = q->pipe != QP_NONE ? agg_groups_new(q) : NULL;

    if (!block_head_read(b, FUZZ_SALT, &h) || h.raw_bytes > FUZZ_ROWS_MAX || h.count > FUZZ_ROWS_MAX)
        return false;
    if (gs != NULL)
        sink = agg_groups_sink(gs);
    int rc = scan_one(&src, &h, FUZZ_SALT, q, &sink, &st, NULL);
    *hits = gs != NULL ? gs->total : sum[0];
    if (gs != NULL)
        agg_groups_free(gs);
    return rc == 0;
}

static void check_good(const uint8_t *b, size_t n)
{
    struct rows *r = fuzz_rows();
    uint32_t found = 0;

    for (size_t k = 0; k < QUERIES; k++) {
        uint64_t hits = 0, want = 0;
        for (uint32_t i = 0; i < rows_count(r); i++) {
            struct event ev;
            rows_event(r, i, COL_ALL, &ev);
            want += query_match(queries[k], &ev);
        }
        if (!ask(queries[k], b, n, &hits) || hits != want) {
            fprintf(stderr, "%s: %llu, a loop over the events says %llu\n", texts[k], (unsigned long long)hits,
                    (unsigned long long)want);
            abort();
        }
        found += hits > 0;
    }
    if (found + 2 < QUERIES)
        abort();
    rows_free(r);
}

static void begin(struct fuzz_parts *good, uint8_t out[FUZZ_BLOCK])
{
    static struct arena a;

    a = arena_init(1 << 20);
    for (size_t k = 0; k < QUERIES; k++) {
        struct err e;
        if (query_parse(&a, str_c(texts[k]), 0, &queries[k], &e) < 0) {
            fprintf(stderr, "%s: %s\n", texts[k], e.key);
            abort();
        }
    }
    fuzz_unpack(good);
    check_good(out, fuzz_pack(good, out));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct fuzz_parts good, b;
    static uint8_t out[FUZZ_BLOCK];
    uint64_t hits;

    if (n == 0)
        return 0;
    if (good.dir_n == 0)
        begin(&good, out);
    b = good;
    fuzz_change(&b, p + 1, n - 1);
    size_t len = fuzz_pack(&b, out);
    if (len == 0)
        return 0;
    for (size_t k = 0; k < QUERIES; k++)
        if (p[0] == 0 || (size_t)(p[0] - 1) % QUERIES == k)
            ask(queries[k], out, len, &hits);
    return 0;
}

/* More groups than the table holds: the small ones make room, the large ones are
 * found, and by how much each may be short is told and true. */
#include "journal/flow_groups.h"
#include "base/test-int.h"
#include "journal/flow_source.h"
#include "journal/journal_test-int.h"
#include "journal/pipe.h"

enum { BATCH = 4000, BATCHES = 400, LARGE = 5, SMALL_MOST = 7 };
static struct flow_batch batch;
static char dir[64];
static struct clock clk;
static uint64_t truth[LARGE];

static void put(enum flow_col c, uint32_t row, uint64_t v)
{
    uint8_t *col = flow_batch_col(&batch, c);
    memcpy(col + (size_t)row * flow_columns[c].width, &v, flow_columns[c].width);
}

/* Every thousandth row is of a few large pairs, each other one is the only one of its pair. */
static void row_make(uint32_t row, uint32_t number)
{
    bool large = number % 1000 == 0;
    uint32_t which = number / 1000 % LARGE;
    uint64_t bytes = large ? 1000 * (which + 1) : 1 + number % SMALL_MOST;
    uint16_t *families = flow_batch_col(&batch, FC_families);

    put(FC_received, row, (uint64_t)TEST_NOW);
    put(FC_end, row, (uint64_t)TEST_NOW);
    families[row] |= (uint16_t)(FAM_4 << flow_family_shift(FC_src) | FAM_4 << flow_family_shift(FC_dst));
    put(FC_src, row, large ? 0x0b000000 + which : 0x0a000000 + number / 7);
    put(FC_dst, row, large ? 0x0b000000 : 0x0c000000 + number % 7);
    put(FC_bytes, row, bytes);
    if (large)
        truth[which] += bytes;
}

static void fill(struct flow_store *s)
{
    struct err e = {0};
    struct buf wire;
    uint64_t first;

    buf_init(&wire, FLOW_WIRE_MAX);
    for (uint32_t b = 0; b < BATCHES; b++) {
        flow_batch_clear(&batch);
        batch.nexporters = 1;
        batch.exporters[0] = (struct flow_exporter){.ip = {4, {192, 0, 2, 1}}, .version = 10, .port = 1};
        for (uint32_t i = 0; i < BATCH; i++) {
            row_make(i, b * BATCH + i);
            batch.rows++;
        }
        buf_clear(&wire);
        assert_true(flow_batch_seal(&batch, &wire));
        assert_int_equal(flow_store_append(s, buf_view(&wire), &first, &e), 0);
    }
    buf_done(&wire);
}

struct answer {
    uint64_t n, v[8];
    char first[8][64];
};

static bool row_take(void *ctx, const struct source_value *v, size_t n)
{
    struct answer *a = ctx;
    char scratch[VALUE_SCRATCH];

    if (a->n < 8) {
        str t = source_value_text(&v[0], scratch);
        snprintf(a->first[a->n], sizeof(a->first[0]), "%.*s", (int)t.n, t.p);
        assert_true(str_u64(source_value_text(&v[n - 1], scratch), &a->v[a->n]));
    }
    a->n++;
    return true;
}

static void ask(struct flow_store *s, const char *text, struct answer *out, struct pipe_stats *st)
{
    struct row_source from = flow_source(s);
    const struct row_source *sources[] = {&from};
    struct query_env env = {.now_ns = TEST_NOW, .sources = sources, .nsources = 1};
    struct arena a = arena_init(1 << 20);
    struct query *q;

    *out = (struct answer){0};
    assert_int_equal(query_parse_env(&a, str_c(text), &env, &q, NULL), 0);
    assert_int_equal(pipe_run(q, &from, NULL, UINT64_MAX, row_take, out, st, NULL), 0);
    arena_free(&a);
}

static void large_pairs_are_found_among_too_many(void **unused)
{
    struct flow_store_cfg cfg = {.dir = dir, .sync_ms = 100};
    struct pipe_stats st;
    struct flow_store *s;
    struct answer a;

    assert_int_equal(flow_store_open(&cfg, &clk, &s, NULL), 0);
    fill(s);
    ask(s, "from:flows | top 5 src, dst by bytes", &a, &st);
    assert_int_equal(a.n, LARGE);
    assert_true(st.short_by > 0 && st.short_by <= 3 * SMALL_MOST);
    assert_true(st.other > 0 && st.scan.hits == (uint64_t)BATCH * BATCHES);
    for (uint64_t i = 0; i < LARGE; i++) {
        char want[64];
        snprintf(want, sizeof(want), "11.0.0.%llu", (unsigned long long)(LARGE - 1 - i));
        assert_string_equal(a.first[i], want);
        assert_true(a.v[i] <= truth[LARGE - 1 - i] && truth[LARGE - 1 - i] - a.v[i] <= st.short_by);
    }
    ask(s, "from:flows | top 5 dst by bytes", &a, &st); /* few groups: exact, nothing is said */
    assert_int_equal(st.short_by, 0);
    assert_int_equal(st.other, 0);
    ask(s, "from:flows | p50 bytes by src, dst", &a, &st); /* too many for columns: row by row, each row once */
    assert_int_equal(st.scan.hits, (uint64_t)BATCH * BATCHES);
    assert_int_equal(st.scan.scanned_events, (uint64_t)BATCH * BATCHES);
    ask(s, "from:flows src:11.0.0.0/8 | max bytes by src, dst", &a, &st);
    assert_int_equal(a.n, LARGE);
    assert_int_equal(a.v[0], 1000 * LARGE);
    flow_store_close(s);
}

static void the_table_has_a_ceiling(void **unused)
{
    struct flow_groups g;
    bool failed = false;

    assert_true(flow_groups_init(&g, 2));
    for (uint64_t i = 0; i < FLOW_GROUPS_MAX; i++)
        flow_groups_at(&g, (uint64_t[]){i / 7, i}, &failed)->count = i;
    assert_null(flow_groups_at(&g, (uint64_t[]){1, UINT64_MAX}, &failed));
    assert_false(failed);
    for (uint64_t i = 0; i < FLOW_GROUPS_MAX; i += 101)
        assert_int_equal(flow_groups_at(&g, (uint64_t[]){i / 7, i}, &failed)->count, i);
    flow_groups_done(&g);
}

static void those_kept_are_found_again(void **unused)
{
    struct flow_groups g;
    uint8_t keep[10000];
    bool failed = false;

    assert_true(flow_groups_init(&g, 1));
    for (uint64_t i = 0; i < 10000; i++) {
        flow_groups_at(&g, &i, &failed)->count = i + 1;
        keep[i] = i % 3 == 0;
    }
    flow_groups_keep(&g, keep);
    assert_int_equal(g.n, 3334);
    for (uint64_t i = 0; i < 10000; i++)
        assert_int_equal(flow_groups_at(&g, &i, &failed)->count, i % 3 == 0 ? i + 1 : 0);
    assert_int_equal(g.n, 10000);
    flow_groups_done(&g);
}

static int store_setup(void **unused)
{
    clk = clock_manual(TEST_NOW);
    test_dir_make_fast(dir);
    return flow_batch_init(&batch) ? 0 : -1;
}

static int store_teardown(void **unused)
{
    flow_batch_done(&batch);
    test_dir_drop(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(large_pairs_are_found_among_too_many, store_setup, store_teardown),
        cmocka_unit_test(the_table_has_a_ceiling),
        cmocka_unit_test(those_kept_are_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

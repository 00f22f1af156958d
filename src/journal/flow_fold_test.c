/* Groups of flows on columns: the same as row by row, in memory, stored and half
 * of each. */
#include "journal/flow_test-int.h"

enum { ASKED = 100 };

static uint64_t counted(struct row_source *from, const char *text)
{
    const struct row_source *sources[] = {from};
    struct query_env env = {.now_ns = TEST_NOW, .sources = sources, .nsources = 1};
    struct arena a = arena_init(1 << 20);
    struct search_stats st = {0};
    struct listing l = {0};
    struct err e = {0};
    struct query *q;

    if (query_parse_env(&a, str_c(text), &env, &q, &e) < 0)
        fail_msg("%s: %s", text, e.key);
    l.q = q;
    buf_init(&l.text, 64 << 20);
    assert_int_equal(from->scan(from->ctx, q, NULL, row_list, &l, &st, NULL), 0);
    buf_done(&l.text);
    arena_free(&a);
    return l.n;
}

static void zones_and_units_are_those_declared(void **unused)
{
    static const char *const same[][2] = {
        {"src_zone:DMZ", "src:10.0.0.0/28"},
        {"src_zone:lan", "(src:10.0.0.0/8 OR src:fd00::/8) NOT src:10.0.0.0/28"},
        {"src_zone:*", "src:10.0.0.0/8 OR src:fd00::/8"},
        {"NOT dst_zone:*", "NOT (dst:10.0.0.0/8 OR dst:fd00::/8)"},
        {"src_unit:U1", "src:10.0.0.0/8 NOT (src:10.0.0.4/30 OR src:10.0.8.0/24)"},
        {"dst_unit:U2", "dst:fd00::/8 OR dst:10.0.8.0/24"},
        {"src_unit:U3 src_zone:DMZ", "src:10.0.0.4/30"},
        {"src_zone:FAR", "src:172.16.0.0/12"},
    };
    struct flow_nets nets = {.load = nets_load};

    for (int stored = 0; stored < 2; stored++) {
        struct flow_store *s = store();
        struct row_source from = flow_source(s);
        from.more = &nets;
        for (int i = 0; stored == 0 && i < 4; i++)
            append(s, false);
        for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
            char one[200], two[200];
            snprintf(one, sizeof(one), "from:flows %s", same[i][0]);
            snprintf(two, sizeof(two), "from:flows %s", same[i][1]);
            uint64_t n = counted(&from, one);
            print_message("# %s: %llu\n", same[i][0], (unsigned long long)n);
            assert_int_equal(n, counted(&from, two));
            assert_true(n > 0 || i == 7);
        }
        from.more = NULL; /* nothing is known: nothing fits */
        assert_int_equal(counted(&from, "from:flows src_zone:*"), 0);
        flow_store_close(s);
    }
}

static size_t folds_done;

static int fold_counted(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want,
                        source_group_fn *fn, void *fn_ctx, struct search_stats *st, struct err *e)
{
    int rc = flow_source(ctx).fold(ctx, q, o, want, fn, fn_ctx, st, e);
    folds_done += rc == 0;
    return rc;
}

static void questions_agree(struct flow_store *s)
{
    struct row_source from = flow_source(s), rows = from;
    const struct row_source *sources[] = {&from};
    struct query_env env = {.now_ns = TEST_NOW, .sources = sources, .nsources = 1};
    struct flow_nets nets = {.load = nets_load};
    struct buf text, folded, row_by_row;
    size_t answers = 0;

    from.more = &nets;
    rows.fold = NULL;
    from.fold = fold_counted;
    folds_done = 0;
    buf_init(&text, 4096), buf_init(&folded, 64 << 20), buf_init(&row_by_row, 64 << 20);
    for (int i = 0; i < ASKED; i++) {
        struct arena a = arena_init(1 << 20);
        struct pipe_stats st, want;
        struct err e = {0};
        struct query *q;
        question(&text);
        if (query_parse_env(&a, buf_view(&text), &env, &q, &e) < 0)
            fail_msg("%.*s: %s", (int)text.n, text.p, e.key);
        ask(&rows, q, &row_by_row, &want);
        ask(&from, q, &folded, &st);
        if (!str_eq(buf_view(&folded), buf_view(&row_by_row)))
            fail_msg("%.*s\n%.*s\nrow by row\n%.*s", (int)text.n, text.p, (int)folded.n, folded.p, (int)row_by_row.n,
                     row_by_row.p);
        assert_int_equal(st.scan.hits, want.scan.hits);
        assert_int_equal(st.other, want.other);
        assert_int_equal(st.skipped, want.skipped);
        answers += folded.n > 0;
        arena_free(&a);
    }
    assert_true(answers > ASKED / 2);
    assert_int_equal(folds_done, ASKED); /* none went row by row */
    buf_done(&text), buf_done(&folded), buf_done(&row_by_row);
}

static void columns_add_up_as_rows_do(void **unused)
{
    for (int large = 0; large < 2; large++) {
        struct flow_store *s = store();
        for (int i = 0; i < ROWS / BATCH; i++)
            append(s, large);
        questions_agree(s); /* two blocks stored or waiting, one in memory */
        flow_store_close(s);
        s = store();
        questions_agree(s); /* all stored */
        append(s, large);
        questions_agree(s); /* the newest in memory */
        struct flow_segment *g;
        guests_add(s, &g);
        questions_agree(s); /* and relays' beside it */
        flow_guest_drop(s, g);
        flow_guest_unref(s, g);
        flow_store_close(s);
        test_dir_drop(guest_dir);
    }
}

/* --- few rows of a stored block: values come from planes ------------------------ */

static void few_rows_read_as_all_do(void **unused)
{
    static const char *const few[] = {"from:flows dst_port:7", "from:flows src_as:3 proto:tcp",
                                      "from:flows dst_port:1 packets:>40", "from:flows in_if:9 NOT packets:<10",
                                      "from:flows tos:8 src_port:11 bytes:<50000"};
    struct flow_store *s = store();
    struct row_source from = flow_source(s);
    const struct row_source *sources[] = {&from};
    struct query_env env = {.now_ns = TEST_NOW, .sources = sources, .nsources = 1};
    struct arena a = arena_init(1 << 20);
    struct query *all, *q;

    for (int i = 0; i < ROWS / BATCH; i++)
        append(s, true);
    flow_store_close(s);
    from = flow_source(s = store());
    assert_int_equal(query_parse_env(&a, STR("from:flows"), &env, &all, NULL), 0);
    for (size_t i = 0; i < sizeof(few) / sizeof(few[0]); i++) {
        struct search_stats st = {0};
        struct listing dense = {0}, sparse = {0};
        assert_int_equal(query_parse_env(&a, str_c(few[i]), &env, &q, NULL), 0);
        dense.q = sparse.q = q;
        buf_init(&dense.text, 64 << 20), buf_init(&sparse.text, 64 << 20);
        assert_int_equal(from.scan(from.ctx, all, NULL, row_list, &dense, &st, NULL), 0);
        assert_int_equal(from.scan(from.ctx, q, NULL, row_list, &sparse, &st, NULL), 0);
        assert_true(sparse.n > 0 && sparse.n < ROWS / 16);
        assert_true(str_eq(buf_view(&dense.text), buf_view(&sparse.text)));
        buf_done(&dense.text), buf_done(&sparse.text);
    }
    arena_free(&a);
    flow_store_close(s);
}

static void what_cannot_be_folded_is_not(void **unused)
{
    static const char *const others[] = {"from:flows | min duration", "from:flows | histogram 5m sum duration",
                                         "from:flows | p50 at",       "from:flows | max start",
                                         "from:flows | count by at",  "from:flows | sum duration",
                                         "from:flows | unique src",   "from:flows"};
    struct flow_store *s = store();
    struct row_source from = flow_source(s);
    const struct row_source *sources[] = {&from};
    struct query_env env = {.now_ns = TEST_NOW, .sources = sources, .nsources = 1};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct arena a = arena_init(1 << 20);
        struct search_stats st = {0};
        struct query *q;
        assert_int_equal(query_parse_env(&a, str_c(others[i]), &env, &q, NULL), 0);
        assert_int_equal(from.fold(s, q, NULL, 0, NULL, NULL, &st, NULL), 1);
        arena_free(&a);
    }
    flow_store_close(s);
}

static int store_setup(void **unused)
{
    clk = clock_manual(TEST_NOW);
    test_dir_make_fast(dir);
    snprintf(guest_dir, sizeof(guest_dir), "%s-guest", dir);
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
        cmocka_unit_test_setup_teardown(columns_add_up_as_rows_do, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(zones_and_units_are_those_declared, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(few_rows_read_as_all_do, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_folded_is_not, store_setup, store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

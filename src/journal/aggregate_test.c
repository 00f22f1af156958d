/* count, count by and histogram against a plain loop over the same events,
 * from memory and from stored blocks; the ceiling on groups. */
#include "journal/journal_test-int.h"

static const char *const texts[] = {
    "| count by host",
    "| count by program, severity",
    "| count by source",
    "failed | count by host",
    "| count by transport, format, facility, flags",
    "severity:<=err | count by pid",
    "| histogram 1m",
    "failed | histogram 7s",
    "host:host-1* | count",
    "| count",
    "| count by msg",
    "since:-30s | count by program",
    "| histogram 7s by host",
    "| histogram 1h",
    "| histogram 1h by host",
    "| histogram 1d by source, host",
    "| histogram 1h by severity, source",
    "failed | histogram 1m by host, program",
};
enum { EVENTS = 3000, WRONG_CLOCK = 500 };

/* A few hosts have no clock: all buckets between theirs and the others' are empty. */
static struct event one_event(uint64_t k, struct test_line *line)
{
    struct event ev = test_event(k, line);

    if (k % WRONG_CLOCK == 7)
        ev.event_ns = (int64_t)k * NS_PER_S;
    return ev;
}

static void append_events(struct journal *j, uint64_t from, uint32_t n)
{
    struct event_batch b;
    struct test_line line;
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    for (uint64_t k = from; k < from + n; k++) {
        struct event ev = one_event(k, &line);
        assert_true(event_batch_add(&b, &ev));
    }
    assert_int_equal(journal_append(j, event_batch_seal(&b), &first, NULL), 0);
    event_batch_done(&b);
}

static bool row_is_of(const struct agg_row *row, const struct query *q, const struct event *ev)
{
    char scratch[64];
    int64_t start;
    size_t time = q->pipe == QP_HISTOGRAM;

    if (time && !(time_parse(row->keys[0], &start) && ev->event_ns >= start && ev->event_ns < start + q->step_ns))
        return false;
    for (size_t b = 0; b < q->nby; b++)
        if (!str_eq(query_field_text(ev, q->by[b], scratch), row->keys[time + b]))
            return false;
    return true;
}

/* Each event that fits looks for its row, which counts down to zero. */
static void check_by_hand(const struct query *q, const struct agg *g)
{
    uint64_t total = 0, *left = calloc(g->n + 1, sizeof(*left));

    for (size_t i = 0; i < g->n; i++) {
        left[i] = g->rows[i].count;
        if (i > 0 && q->pipe == QP_COUNT_BY)
            assert_true(g->rows[i].count <= g->rows[i - 1].count);
    }
    for (uint64_t k = 0; k < EVENTS; k++) {
        struct test_line line;
        struct event ev = one_event(k, &line);
        if (!query_match(q, &ev))
            continue;
        total++;
        for (size_t i = 0; i < g->n; i++)
            left[i] -= row_is_of(&g->rows[i], q, &ev);
    }
    assert_int_equal(g->total, total);
    assert_int_equal(g->other, 0);
    assert_true(total > 0);
    for (size_t i = 0; i < g->n; i++)
        assert_int_equal(left[i], 0);
    free(left);
}

static void aggregates_count(void **state)
{
    struct fixture *f = *state;
    struct arena a = arena_init(16 << 20);

    reopen(f, 16384);
    for (uint64_t k = 0; k < EVENTS; k += 100)
        append_events(f->j, k, 100);
    for (int sealed = 0; sealed < 2; sealed++) {
        for (size_t t = 0; t < COUNT(texts); t++) {
            struct query *q;
            struct agg g;
            struct search_stats st;
            assert_int_equal(query_parse(&a, str_c(texts[t]), TEST_NOW + 3 * NS_PER_S, &q, NULL), 0);
            assert_int_equal(journal_aggregate(f->j, &a, q, NULL, &g, &st, NULL), 0);
            check_by_hand(q, &g);
        }
        reopen(f, 16384);
    }
    arena_free(&a);
}

static void groups_have_a_ceiling(void **state)
{
    struct fixture *f = *state;
    struct arena a = arena_init(64 << 20);
    struct query *q;
    struct agg g;
    uint64_t n = 60000;

    reopen(f, 0);
    for (uint64_t k = 0; k < n; k += 1000)
        assert_int_equal(test_append(f->j, k, 1000, NULL), 0);
    assert_int_equal(query_parse(&a, STR("| count by raw"), TEST_NOW, &q, NULL), 0);
    assert_int_equal(journal_aggregate(f->j, &a, q, NULL, &g, NULL, NULL), 0);
    assert_int_equal(g.n, 50000);
    assert_int_equal(g.total, n);
    uint64_t sum = g.other;
    for (size_t i = 0; i < g.n; i++)
        sum += g.rows[i].count;
    assert_int_equal(sum, n);
    assert_int_equal(query_parse(&a, STR("| count by host | limit 3"), TEST_NOW, &q, NULL), 0);
    assert_int_equal(journal_aggregate(f->j, &a, q, NULL, &g, NULL, NULL), 0);
    assert_int_equal(g.n, 3);
    assert_int_equal(g.rows[0].count + g.rows[1].count + g.rows[2].count + g.other, n);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(aggregates_count, setup, teardown),
        cmocka_unit_test_setup_teardown(groups_have_a_ceiling, setup, teardown),
    };
    return cmocka_run_group_tests_name("journal/aggregate", tests, NULL, NULL);
}

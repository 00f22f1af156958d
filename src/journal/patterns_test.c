/* Kinds of lines against a plain loop over the same events with rules of its
 * own, from memory and from stored blocks; their queries; the ceiling. */
#include "journal/journal_test-int.h"
#include "journal/patterns-int.h"
#include <ctype.h>

enum { EVENTS = 3000 };
#define BACK (50 * NS_PER_S)
static const char *const texts[] = {"", "failed", "host:host-1*", "severity:<=err", "program:sshd NOT failed"};

static bool word_at(str s, size_t i)
{
    uint8_t c = (uint8_t)s.p[i];

    if (c == '.')
        return i > 0 && i + 1 < s.n && s.p[i - 1] != '.' && s.p[i + 1] != '.' && word_at(s, i - 1) && word_at(s, i + 1);
    return isalnum(c) || c == '_' || c == '-' || c >= 0x80;
}

/* The rule of split.h in plain words: a token with a digit, or behind '=', is a value. */
static size_t mask_by_hand(str s, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n;) {
        size_t end = i;
        bool value = i > 0 && s.p[i - 1] == '=';
        for (; end < s.n && word_at(s, end); end++)
            value = value || isdigit((uint8_t)s.p[end]);
        if (end == i)
            out[n++] = s.p[i++];
        else if (value)
            out[n++] = PATTERN_HOLE;
        for (; i < end && !value; i++)
            out[n++] = s.p[i];
        i = end > i ? end : i;
    }
    return n;
}

static bool lies_in(const struct event *ev, const struct query *q, int64_t back)
{
    struct query own = *q;
    own.since_ns -= back;
    own.until_ns -= back;
    return query_match(&own, ev);
}

static struct pattern_row *row_of(struct patterns *p, const struct event *ev)
{
    char text[1024];
    str want = str_trim((str){text, mask_by_hand(event_field(ev, SP_MSG), text)});

    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->rows[i].text, want) && str_eq(p->rows[i].program, event_field(ev, SP_PROGRAM)))
            return &p->rows[i];
    return NULL;
}

/* Every event takes itself off its row; nothing is left. */
static void check_by_hand(const struct query *q, struct patterns *p)
{
    uint64_t total[2] = {0, 0};

    for (uint64_t k = 0; k < EVENTS; k++) {
        struct test_line line;
        struct event ev = test_event(k, &line);
        bool now = lies_in(&ev, q, 0), before = lies_in(&ev, q, BACK);
        struct pattern_row *row = now || before ? row_of(p, &ev) : NULL;
        if (!now && !before)
            continue;
        assert_non_null(row);
        row->count -= now;
        row->before -= before;
        total[0] += now;
        total[1] += before;
        if (row->seq == k + 1)
            assert_true(str_eq(row->example, str_trim(event_field(&ev, SP_MSG))));
    }
    for (size_t i = 0; i < p->n; i++) {
        assert_int_equal(p->rows[i].count, 0);
        assert_int_equal(p->rows[i].before, 0);
        assert_true(p->rows[i].seq > 0);
    }
    assert_true(total[0] > 0 && total[1] > 0);
    assert_int_equal(p->total, total[0]);
    assert_int_equal(p->total_before, total[1]);
    assert_int_equal(p->other + p->other_before, 0);
}

/* The query of a row finds all its lines, and no line of another program. */
static void check_queries(struct fixture *f, struct arena *a, const struct query *span, const struct patterns *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct buf b;
        struct query *q;
        struct agg g;
        buf_init(&b, 8192);
        pattern_query(&b, &p->rows[i]);
        assert_int_equal(query_parse(a, buf_view(&b), TEST_NOW, &q, NULL), 0);
        q->pipe = QP_COUNT_BY;
        q->by[0] = QF_PROGRAM;
        q->nby = 1;
        q->since_ns = span->since_ns;
        q->until_ns = span->until_ns;
        assert_int_equal(journal_aggregate(f->j, a, q, NULL, &g, NULL, NULL), 0);
        assert_true(g.total >= p->rows[i].count);
        assert_true(g.n <= 1);
        buf_done(&b);
    }
}

static void kinds_count(void **state)
{
    struct fixture *f = *state;
    struct arena a = arena_init(64 << 20);

    reopen(f, 16384);
    for (uint64_t k = 0; k < EVENTS; k += 100)
        assert_int_equal(test_append(f->j, k, 100, NULL), 0);
    for (int sealed = 0; sealed < 2; sealed++) {
        for (size_t t = 0; t < COUNT(texts); t++) {
            struct query *q;
            struct patterns p;
            struct search_stats st;
            assert_int_equal(query_parse(&a, str_c(texts[t]), TEST_NOW, &q, NULL), 0);
            q->since_ns = TEST_NOW - 40 * NS_PER_S;
            q->until_ns = TEST_NOW + 10 * NS_PER_S;
            assert_int_equal(journal_patterns(f->j, &a, q, BACK, NULL, &p, &st, NULL), 0);
            assert_int_equal(st.hits, p.total);
            for (size_t i = 1; i < p.n; i++)
                assert_true(p.rows[i].count <= p.rows[i - 1].count);
            check_queries(f, &a, q, &p);
            check_by_hand(q, &p);
        }
        reopen(f, 16384);
    }
    arena_free(&a);
}

/* Blocks that lie whole in the span give their templates; no line but examples is read. */
static void whole_blocks_count(void **state)
{
    struct fixture *f = *state;
    struct arena a = arena_init(64 << 20);
    struct query q = {.since_ns = TEST_NOW - 1000 * NS_PER_S, .until_ns = TEST_NOW + 1000 * NS_PER_S};
    struct patterns open, stored;

    reopen(f, 1 << 20);
    for (uint64_t k = 0; k < EVENTS; k += 100)
        assert_int_equal(test_append(f->j, k, 100, NULL), 0);
    assert_int_equal(journal_patterns(f->j, &a, &q, 3000 * NS_PER_S, NULL, &open, NULL, NULL), 0);
    reopen(f, 1 << 20);
    assert_int_equal(journal_patterns(f->j, &a, &q, 3000 * NS_PER_S, NULL, &stored, NULL, NULL), 0);
    assert_int_equal(stored.total, EVENTS);
    assert_int_equal(stored.n, open.n);
    for (size_t i = 0; i < open.n; i++) {
        assert_true(str_eq(stored.rows[i].text, open.rows[i].text));
        assert_int_equal(stored.rows[i].count, open.rows[i].count);
        assert_int_equal(stored.rows[i].before, 0);
    }
    arena_free(&a);
}

static void append_line(struct fixture *f, const char *text, size_t len)
{
    struct event_batch b;
    uint64_t first;
    struct event ev = {.received_ns = TEST_NOW, .event_ns = TEST_NOW, .format = FMT_RAW, .raw = {text, len}};

    ev.span[SP_MSG] = (struct span){0, (uint32_t)len};
    event_batch_init(&b, 1 << 20);
    assert_true(event_batch_add(&b, &ev));
    assert_int_equal(journal_append(f->j, event_batch_seal(&b), &first, NULL), 0);
    event_batch_done(&b);
}

/* A sender of random words fills no memory: what is past the ceiling is counted together. */
static void kinds_have_a_ceiling(void **state)
{
    struct fixture *f = *state;
    struct arena a = arena_init(64 << 20);
    struct query q = {.since_ns = TEST_NOW - NS_PER_S, .until_ns = TEST_NOW + NS_PER_S};
    struct patterns p;
    uint32_t n = PATTERNS_MAX + 500;

    reopen(f, 0);
    for (uint32_t k = 0; k < n; k++) {
        char text[16];
        for (size_t i = 0; i < 8; i++)
            text[i] = (char)('a' + (k >> (2 * i)) % 4);
        append_line(f, text, 8);
    }
    for (int sealed = 0; sealed < 2; sealed++) {
        assert_int_equal(journal_patterns(f->j, &a, &q, 10 * NS_PER_S, NULL, &p, NULL, NULL), 0);
        assert_int_equal(p.n, PATTERNS_MAX);
        assert_int_equal(p.total, n);
        assert_int_equal(p.other, 500);
        reopen(f, 0);
    }
    arena_free(&a);
}

/* Bytes that mean something in a query, and bytes that are no text. */
static void odd_bytes_make_queries(void **state)
{
    static const char odd[] = "a \"b\" c*d?e\\f \x01\xff\xfe (x | y) tail";
    struct fixture *f = *state;
    struct arena a = arena_init(16 << 20);
    struct query q = {.since_ns = TEST_NOW - NS_PER_S, .until_ns = TEST_NOW + NS_PER_S};
    struct patterns p;
    struct buf b;

    reopen(f, 0);
    append_line(f, odd, sizeof(odd) - 1);
    append_line(f, "\x11\x12 5", 4);
    assert_int_equal(journal_patterns(f->j, &a, &q, NS_PER_S * 10, NULL, &p, NULL, NULL), 0);
    assert_int_equal(p.n, 2);
    buf_init(&b, 8192);
    for (size_t i = 0; i < p.n; i++) {
        buf_clear(&b);
        pattern_query(&b, &p.rows[i]);
        buf_byte(&b, 0);
        assert_int_equal(test_hits(f->j, b.p, NULL), p.rows[i].text.p[0] == 'a' ? 1 : 2);
    }
    buf_done(&b);
    arena_free(&a);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(kinds_count),
        T(whole_blocks_count),
        T(kinds_have_a_ceiling),
        T(odd_bytes_make_queries),
    };
    return cmocka_run_group_tests_name("journal/patterns", tests, NULL, NULL);
}

/* All archives that are there are asked as one journal, and give what the journal gave. */
#include "journal/archive_test-int.h"
#include <errno.h>

struct seen {
    uint64_t n, last, wrong, limit;
};

static bool see(void *ctx, const struct source_row *r)
{
    struct seen *s = ctx;
    const struct hit *h = r->data;
    struct test_line line;
    struct event want = test_event(h->seq - 1, &line);

    s->wrong += !str_eq(want.raw, h->ev.raw) || r->seq != h->seq || (s->last != 0 && h->seq >= s->last);
    s->last = h->seq;
    return ++s->n < s->limit;
}

static struct query *parsed(struct kit *k, struct arena *a, const char *text)
{
    struct query *q = NULL;
    struct err e = {0};

    if (query_parse(a, str_c(text), clock_wall(&k->clk), &q, &e) < 0)
        fail_msg("%s %s", text, e.key);
    return q;
}

/* Rows in pages of `page`, each from where the one before ended. */
static struct seen rows_of(struct kit *k, const char *text, uint64_t page, struct search_stats *st)
{
    struct arena a = arena_init(1 << 20);
    struct query *q = parsed(k, &a, text);
    struct search_opts o = {0};
    struct seen s = {0};
    struct err e = {0};

    do {
        o.before_seq = s.last;
        s.limit = s.n + page;
        if (journal_archive_rows(k->j, q, &o, see, &s, st, &e) < 0)
            fail_msg("%s: %s", text, e.key);
    } while (s.n == s.limit);
    assert_int_equal(s.wrong, 0);
    arena_free(&a);
    return s;
}

static void name_add(void *ctx, const char *name)
{
    char *to = ctx;
    snprintf(to + strlen(to), 100 - strlen(to), "%s ", name);
}

static void absent_are(struct kit *k, const char *want)
{
    char names[100] = "";

    assert_int_equal(journal_archive_absent(k->j, name_add, names, NULL), 0);
    assert_string_equal(names, want);
}

static void months(struct kit *k)
{
    kit_start(k, DAYS);
    kit_open(k);
    must_make(k, "2026-09", 2 * PER_DAY);
    must_make(k, "2026-10", 2 * PER_DAY);
}

static bool count_row(void *ctx, const struct source_row *r)
{
    (void)r;
    ++*(uint64_t *)ctx;
    return true;
}

/* The same of the journal, without November. */
static uint64_t journal_has(struct kit *k, const char *text)
{
    struct search_opts o = {.before_seq = 4 * PER_DAY + 1};
    struct arena a = arena_init(1 << 20);
    struct search_stats st;
    uint64_t n = 0;

    assert_int_equal(journal_rows(k->j, parsed(k, &a, text), &o, count_row, &n, &st, NULL), 0);
    arena_free(&a);
    return n;
}

/* A month that got more when the clock was set back: its part has higher numbers than the month behind it. */
static void parts_stand_in_order(void **state)
{
    struct search_stats st;
    struct kit k;

    (void)state;
    months(&k);
    journal_close(k.j);
    set_day(&k, "2026-12-03");
    kit_open(&k);
    add_events(&k, 5 * PER_DAY, PER_DAY);
    journal_close(k.j);
    kit_open(&k);
    must_make(&k, "2026-11", PER_DAY);
    journal_close(k.j);
    set_day(&k, "2026-10-15");
    kit_open(&k);
    add_events(&k, 6 * PER_DAY, PER_DAY);
    journal_close(k.j);
    set_day(&k, "2026-12-05");
    kit_open(&k);
    add_events(&k, 7 * PER_DAY, PER_DAY);
    journal_close(k.j);
    kit_open(&k);
    must_make(&k, "2026-10.2", PER_DAY);
    assert_int_equal(rows_of(&k, "", UINT64_MAX, &st).n, 6 * PER_DAY);
    assert_int_equal(rows_of(&k, "", 50, &st).n, 6 * PER_DAY);
    kit_end(&k);
}

static void all_months_are_one(void **state)
{
    static const char *const texts[] = {"",
                                        "host:host-1*",
                                        "severity:<=err",
                                        "sshd",
                                        "relay:*",
                                        "NOT relay:*",
                                        "source:10.8.0.0/16 OR /cron/",
                                        "since:2027-01-01"};
    struct search_stats st;
    struct kit k;

    (void)state;
    months(&k);
    for (size_t i = 0; i < COUNT(texts); i++) {
        uint64_t n = journal_has(&k, texts[i]);
        assert_int_equal(rows_of(&k, texts[i], UINT64_MAX, &st).n, n);
        assert_int_equal(rows_of(&k, texts[i], 7, &st).n, n); /* in pages */
        assert_int_equal(st.bad_blocks, 0);
    }
    assert_int_equal(rows_of(&k, "", UINT64_MAX, &st).n, 4 * PER_DAY);
    absent_are(&k, "");
    kit_end(&k);
}

static bool add_group(void *ctx, const struct source_group *g)
{
    *(uint64_t *)ctx += g->count;
    return true;
}

static void groups_are_counted(void **state)
{
    static const char *const texts[] = {"| count", "| count by host", "| histogram 1h by severity",
                                        "sshd | top 5 program"};
    struct arena a = arena_init(8 << 20);
    struct search_stats st;
    struct kit k;

    (void)state;
    months(&k);
    for (size_t i = 0; i < COUNT(texts); i++) {
        uint64_t sum = 0;
        assert_int_equal(journal_archive_fold(k.j, parsed(&k, &a, texts[i]), NULL, add_group, &sum, &st, NULL), 0);
        assert_int_equal(sum, i < 3 ? 4 * PER_DAY : journal_has(&k, "sshd"));
        assert_int_equal(st.hits, sum);
    }
    kit_end(&k);
    arena_free(&a);
}

/* A month that is away, and a file that is none any more: what is there is told, and what is not. */
static void what_is_missing_is_said(void **state)
{
    struct arena a = arena_init(1 << 20);
    char month[120], away[120], path[300];
    struct search_stats st;
    struct kit k;
    str *names;
    size_t n;

    (void)state;
    months(&k);
    snprintf(month, sizeof(month), "%s/2026-09", k.place);
    snprintf(away, sizeof(away), "%s/2026-10.3", k.place); /* where kit_end() finds it */
    assert_int_equal(rename(month, away), 0);
    assert_int_equal(rows_of(&k, "", UINT64_MAX, &st).n, 2 * PER_DAY);
    assert_int_equal(st.bad_blocks, 0);
    absent_are(&k, "2026-09 ");
    assert_int_equal(rename(away, month), 0);
    absent_are(&k, "");
    assert_int_equal(file_list(&a, month, STR(".luy"), 100, &names, &n, NULL), 0);
    assert_int_equal(n, 2);
    snprintf(path, sizeof(path), "%s/%.*s", month, STR_ARGS(names[0]));
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 10), 0);
    log_set_level(LOG_ERROR - 1);
    assert_int_equal(rows_of(&k, "", UINT64_MAX, &st).n, 3 * PER_DAY);
    assert_int_equal(st.bad_blocks, 1);
    log_set_level(LOG_INFO);
    kit_end(&k);
    arena_free(&a);
}

static void refused(void **state)
{
    atomic_bool cancel = true;
    struct search_opts o = {.cancel = &cancel};
    struct arena a = arena_init(1 << 20);
    struct search_stats st;
    struct err e = {0};
    struct seen s = {.limit = UINT64_MAX};
    struct kit k;

    (void)state;
    months(&k);
    assert_int_equal(journal_archive_rows(k.j, parsed(&k, &a, ""), &o, see, &s, &st, &e), -ECANCELED);
    journal_close(k.j);
    k.cfg.archive_dir = NULL;
    kit_open(&k);
    assert_int_equal(journal_archive_rows(k.j, parsed(&k, &a, ""), NULL, see, &s, &st, &e), -ENODEV);
    assert_string_equal(e.key, "journal.archive_none");
    assert_int_equal(s.n, 0);
    kit_end(&k);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_months_are_one),
        cmocka_unit_test(parts_stand_in_order),
        cmocka_unit_test(groups_are_counted),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests_name("journal/archive_search", tests, NULL, NULL);
}

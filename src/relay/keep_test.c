/* What the centre keeps of relays: how long, how much, and where its closed months go. */
#include "journal/archive.h"
#include "journal/sealed.h"
#include "relay/ceiling.h"
#include "relay/relay_test-int.h"
#include <sched.h>
#include <stdatomic.h>

/* The centre's ledger tells a lawful deletion from a file that somebody took away. */
static void assert_lawful(struct kit *k)
{
    char centre[65];
    struct relay_store_stats st;

    assert_int_equal(ledger_sign(journal_ledger(k->centre.j), NULL), 0);
    ledger_anchor(journal_ledger(k->centre.j), centre);
    struct verify_report rep = verified_with(k, k->centre.dir, centre);
    if (rep.bad)
        fail_msg("%s %s %s", rep.first.key, rep.first.arg[0], rep.first.arg[1]);
    assert_int_equal(rep.deleted, k->gone);
    assert_int_equal(rep.events, k->put - k->gone);
    rep = verified(k); /* without it nobody said so */
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.proof_missing");
    rep = verified_with(k, k->centre.dir, k->anchor); /* and another's ledger does not count */
    assert_true(rep.bad);
    relay_store_stats(k->store, &st);
    assert_int_equal(st.events, k->put - k->gone);
    assert_int_equal(st.missing_events, 0);
    assert_int_equal(test_hits(k->centre.j, "*", NULL), k->put - k->gone);
}

static void add_up(void *ctx, uint64_t first, uint64_t next) { *(uint64_t *)ctx += next - first; }

/* Copies learn how old what is gone is, and which numbers it had: of those behind `from`, n. */
static void assert_told(struct kit *k, int64_t after, int64_t before, uint64_t n)
{
    int64_t gone[3];
    char name[64];
    uint64_t numbers = 0;

    assert_true(journal_stream(k->centre.j, 1, name) && !journal_stream(k->centre.j, 2, name));
    assert_true(journal_stream(k->centre.j, 1, name));
    assert_string_equal(name, "xa-dong");
    journal_streams_gone(k->centre.j, gone, 3);
    assert_true(gone[0] == 0 && gone[2] == 0);
    assert_true(gone[1] > after && gone[1] <= before);
    assert_int_equal(journal_gone_numbers(k->centre.j, 1, 0, UINT64_MAX, add_up, &numbers, NULL), 0);
    assert_int_equal(numbers, n);
}

/* Ten days of a relay, kept for five: whole files go, are no longer found, and the copy verifies. */
static void retention(void **state)
{
    struct kit k;
    char centre[65];

    kit_start(&k, 0);
    store_open_limits(&k, 5, 0);
    for (int day = 0; day < 10; day++) {
        relay_now(&k, 30);
        line_whole(&k);
        clock_advance(&k.clk, (86400 - 61) * NS_PER_S);
    }
    assert_int_equal(test_hits(k.centre.j, "*", NULL), 300);
    relay_store_tick(k.store);
    assert_int_equal(k.gone, 150); /* received more than five days ago */
    assert_string_equal(k.said, "retention");
    assert_lawful(&k);
    int64_t day = 86400 * NS_PER_S, limit = clock_wall(&k.clk) - 5 * day;
    assert_told(&k, limit - day, limit, 150);
    store_open_limits(&k, 5, 0); /* and after a new start */
    assert_lawful(&k);
    assert_told(&k, limit - day, limit, 300); /* what is there again does not lie between what is there */
    relay_now(&k, 30);                        /* the line goes on where it stood */
    line_whole(&k);
    assert_int_equal(test_hits(k.centre.j, "*", NULL), k.put - k.gone);

    struct relay_store_stats st; /* a file that somebody takes away is no deletion */
    char pattern[100];
    glob_t files;
    relay_store_close(k.store);
    snprintf(pattern, sizeof(pattern), "%s/seg-*.luy", k.kept);
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    assert_int_equal(unlink(files.gl_pathv[0]), 0);
    globfree(&files);
    k.store = NULL;
    store_open_limits(&k, 5, 0);
    relay_store_stats(k.store, &st);
    assert_int_equal(st.missing_events, 30);
    ledger_anchor(journal_ledger(k.centre.j), centre);
    struct verify_report rep = verified_with(&k, k.centre.dir, centre);
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.proof_missing");
    assert_string_equal(rep.first.arg[0], "151");
    kit_end(&k);
}

/* The newest file stays, however old: new numbers are made above it. */
static void retention_keeps_newest(void **state)
{
    struct kit k;

    kit_start(&k, 0);
    store_open_limits(&k, 1, 0);
    relay_now(&k, 30);
    line_whole(&k);
    clock_advance(&k.clk, 100 * 86400 * NS_PER_S);
    relay_store_tick(k.store);
    assert_int_equal(k.gone, 0);
    relay_now(&k, 30);
    line_whole(&k);
    clock_advance(&k.clk, 61 * NS_PER_S);
    relay_store_tick(k.store);
    assert_int_equal(k.gone, 30);
    assert_lawful(&k);
    kit_end(&k);
}

/* The ceiling takes the oldest file first, and only then refuses. */
static void ceiling(void **state)
{
    struct kit k;
    struct relay_store_stats st;

    kit_start(&k, 0);
    store_open_limits(&k, 0, 20000);
    for (int day = 0; day < 10; day++) {
        relay_now(&k, 100);
        line_whole(&k);
        clock_advance(&k.clk, 86400 * NS_PER_S);
        relay_store_stats(k.store, &st);
        assert_true(st.bytes <= 20000);
    }
    assert_true(k.gone > 0 && k.gone % 100 == 0);
    assert_string_equal(k.said, "size ceiling");
    assert_lawful(&k);
    kit_end(&k);
}

static void store_open_ceiling(struct kit *k, struct relay_ceiling *c)
{
    struct relay_store_cfg cfg = {.dir = k->kept,
                                  .anchor = str_c(k->anchor),
                                  .journal = k->centre.j,
                                  .clk = &k->clk,
                                  .ceiling = c,
                                  .deleted = on_deleted,
                                  .ctx = k};

    relay_store_close(k->store);
    k->store = NULL;
    assert_int_equal(relay_store_open(&cfg, &k->store, NULL), 0);
}

struct asking {
    struct relay_ceiling *c;
    struct relay_store *s;
    atomic_bool stop;
};

/* As the centre's thread asks while lines go on. */
static void *asking_main(void *ctx)
{
    struct asking *x = ctx;
    struct relay_store_stats st;

    while (!atomic_load(&x->stop)) {
        relay_ceiling_room(x->c, 0);
        relay_store_stats(x->s, &st);
        sched_yield();
    }
    return NULL;
}

/* Two relays under one ceiling: the oldest files of both go, turn about; one that has fallen silent
 * gives its old ones first and keeps its newest. */
static void ceiling_over_all(void **state)
{
    enum { MAX = 40000 };
    struct kit a, b;
    struct relay_ceiling *c = relay_ceiling_new(MAX);
    struct asking x = {.c = c};
    pthread_t th;

    kit_start(&a, 0);
    kit_start(&b, 0);
    store_open_ceiling(&a, c);
    store_open_ceiling(&b, c);
    x.s = a.store;
    assert_int_equal(pthread_create(&th, NULL, asking_main, &x), 0);
    for (int day = 0; day < 12; day++) {
        relay_now(&a, 100);
        line_whole(&a);
        relay_now(&b, 60);
        line_whole(&b);
        assert_true(relay_store_size(a.store) + relay_store_size(b.store) <= MAX);
        clock_advance(&a.clk, 86400 * NS_PER_S);
        clock_advance(&b.clk, 86400 * NS_PER_S);
    }
    atomic_store(&x.stop, true);
    pthread_join(th, NULL);
    assert_true(a.gone > 0 && b.gone > 0 && a.gone % 100 == 0 && b.gone % 60 == 0);
    int64_t days = (int64_t)(a.gone / 100) - (int64_t)(b.gone / 60);
    assert_true(days >= -1 && days <= 1);
    for (int day = 0; day < 20; day++) { /* b is silent */
        relay_now(&a, 100);
        line_whole(&a);
        clock_advance(&a.clk, 86400 * NS_PER_S);
    }
    assert_int_equal(b.gone, b.put - 60);
    assert_string_equal(b.said, "size ceiling");
    assert_lawful(&a);
    assert_lawful(&b);
    kit_end(&a);
    kit_end(&b);
    relay_ceiling_free(c);
}

/* Nothing may go any more: the relay keeps the rest. */
static void ceiling_refuses(void **state)
{
    struct kit k;
    uint64_t entry;
    struct err e;
    struct relay_ceiling *c = relay_ceiling_new(1000);

    kit_start(&k, 0);
    store_open_ceiling(&k, c);
    relay_now(&k, 200);
    assert_int_equal(line(&k, INT64_MAX, INT64_MAX, UINT64_MAX, &entry, &e), -ENOSPC);
    assert_true(told(&k, "relay_total_max"));
    assert_int_equal(test_hits(k.centre.j, "*", NULL), 0);
    kit_end(&k);
    relay_ceiling_free(c);
}

/* ---- archives ---- */

static void open_with_archive(struct kit *k, const char *place, int days)
{
    struct journal_cfg jc = {
        .dir = k->centre.dir, .vault = k->centre.v, .archive_dir = place, .archive_same_disk = true};
    struct err e = {0};

    relay_store_close(k->store);
    k->store = NULL;
    side_close(&k->centre);
    if (journal_open(&jc, &k->clk, &k->centre.j, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
    flows_open(k, &k->centre, 0);
    struct relay_store_cfg cfg = {.dir = k->kept,
                                  .name = "r1",
                                  .anchor = str_c(k->anchor),
                                  .journal = k->centre.j,
                                  .clk = &k->clk,
                                  .retention_days = days,
                                  .deleted = on_deleted,
                                  .ctx = k};
    assert_int_equal(relay_store_open(&cfg, &k->store, NULL), 0);
}

static struct verify_report archive_report(struct kit *k, const char *place, const char *name)
{
    struct verify_opts o = {.anchor = str_c(k->anchor), .archive = true};
    struct verify_report rep;
    char dir[200];

    snprintf(dir, sizeof(dir), "%s/%s", place, name);
    assert_int_equal(journal_verify_dir(dir, &o, &rep, NULL), 0);
    return rep;
}

/* Closed months of a relay go to the second place, each verified there with nothing but the folder and
 * the relay's anchor; age deletes only what is archived. */
static void archives(void **state)
{
    static const atomic_bool never;
    struct kit k;
    char place[64], path[400];
    struct archive_done done;
    struct err e = {0};
    uint64_t events = 0;
    int made = 0;

    test_dir_make_fast(place);
    kit_start(&k, 0);
    open_with_archive(&k, place, 5);
    for (int i = 0; i < 12; i++) { /* from 2026-11-21 on, every tenth day: three months and a half */
        relay_now(&k, 30);
        line_whole(&k);
        clock_advance(&k.clk, (10 * 86400 - 61) * NS_PER_S);
    }
    relay_store_tick(k.store);
    assert_int_equal(k.gone, 0); /* old, but not archived */
    struct archive_state st;
    journal_archive_state(k.centre.j, &st);
    assert_true(st.waiting_segments > 3);
    for (int rc; (rc = relay_store_archive(k.store, &never, &done, &e)) != 0; made++) {
        if (rc < 0)
            fail_msg("%s %s", e.key, e.arg[0]);
        struct verify_report rep = archive_report(&k, place, done.name);
        if (rep.bad || done.check.bad)
            fail_msg("%s: %s %s", done.name, rep.first.key, rep.first.arg[0]);
        assert_int_equal(rep.events, done.records);
        events += rep.events;
        if (made == 0)
            open_with_archive(&k, place, 5); /* what was archived is known again by its note */
    }
    assert_true(made >= 3);
    journal_archive_state(k.centre.j, &st);
    assert_int_equal(st.archives, made);
    assert_int_equal(st.waiting_segments, 0);
    clock_advance(&k.clk, 61 * NS_PER_S);
    relay_store_tick(k.store);
    assert_true(k.gone > 0 && k.gone <= events);
    assert_int_equal(st.lost_segments, 0);

    snprintf(path, sizeof(path), "%s/2026-12-r1/manifest.json", place);
    flip(path, 30);
    assert_true(archive_report(&k, place, "2026-12-r1").bad);
    flip(path, 30);
    assert_false(archive_report(&k, place, "2026-12-r1").bad);
    snprintf(path, sizeof(path), "%s/2026-12-r1/centre/ledger", place); /* the centre's word for it */
    flip(path, 40);
    assert_true(archive_report(&k, place, "2026-12-r1").bad);
    flip(path, 40);
    snprintf(path, sizeof(path), "%s/2026-12-r1/ledger", place);
    flip(path, 40);
    assert_true(archive_report(&k, place, "2026-12-r1").bad);
    flip(path, 40);
    glob_t files;
    snprintf(path, sizeof(path), "%s/2026-12-r1/seg-*.luy", place);
    assert_int_equal(glob(path, 0, NULL, &files), 0);
    flip(files.gl_pathv[0], 400);
    assert_true(archive_report(&k, place, "2026-12-r1").bad);
    globfree(&files);
    kit_end(&k);
    snprintf(path, sizeof(path), "rm -rf %s", place);
    assert_int_equal(system(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retention),        cmocka_unit_test(retention_keeps_newest), cmocka_unit_test(ceiling),
        cmocka_unit_test(ceiling_over_all), cmocka_unit_test(ceiling_refuses),        cmocka_unit_test(archives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

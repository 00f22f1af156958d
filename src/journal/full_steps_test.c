/* A disk that is full at any byte of any file: the write-ahead file, segments and
 * their index, the ledger, its heads, the store of flows. Whatever was told to be
 * durable is there afterwards, nothing is damaged, and work goes on by itself. */
#include "base/log.h"
#include "journal/flow_store-int.h"
#include "journal/journal_test-int.h"
#include "journal/proof.h"
#include <signal.h>
#include <sys/resource.h>

enum { BATCH = 10, SEGMENT = 12000 };
struct kit {
    char dir[64], keys[80];
    struct clock clk;
    struct vault *v;
};

static void file_limit(rlim_t n)
{
    struct rlimit l;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static int open_at(struct kit *k, struct journal **j)
{
    /* A ceiling of size makes small segments, so that many get an index; it deletes nothing here. */
    struct journal_cfg cfg = {
        .dir = k->dir, .sync_ms = 100, .block_bytes = 6000, .vault = k->v, .max_bytes = 8 * SEGMENT};
    int rc = journal_open(&cfg, &k->clk, j, NULL);

    if (rc == 0)
        (*j)->retain_due = INT64_MAX;
    return rc;
}

/* Works until the disk says no; the number of events that are durable by its word. */
static uint64_t work(struct kit *k, uint64_t have, unsigned batches)
{
    struct journal *j;
    uint64_t durable = have;
    struct err e;

    if (open_at(k, &j) < 0)
        return have;
    for (unsigned i = 0; i < batches; i++) {
        uint64_t next = atomic_load(&j->next_seq) - 1;
        if (test_append(j, next, BATCH, &e) < 0)
            assert_int_equal(e.code, -ENOSPC);
        clock_advance(&k->clk, NS_PER_S + (i % 20 == 19 ? LEDGER_HEAD_SECONDS * NS_PER_S : 0));
        journal_tick(j, NULL, NULL);
        if (journal_sync(j, NULL) == 0)
            durable = journal_synced(j) - 1;
    }
    uint64_t synced = journal_synced(j) - 1;
    journal_close(j);
    return synced > durable ? synced : durable;
}

static void all_is_well(struct kit *k, uint64_t durable, rlim_t at)
{
    struct verify_opts o = {.anchor = STR_NONE};
    struct verify_report rep;
    struct journal *j;
    struct err e = {0};

    if (open_at(k, &j) < 0)
        fail_msg("limit %llu: does not open", (unsigned long long)at);
    uint64_t n = test_check_all(j, 1, 0);
    if (n < durable)
        fail_msg("limit %llu: %llu of %llu durable events", (unsigned long long)at, (unsigned long long)n,
                 (unsigned long long)durable);
    journal_close(j);
    if (journal_verify_dir(k->dir, &o, &rep, &e) < 0)
        fail_msg("limit %llu: %s %s", (unsigned long long)at, e.key, e.arg[0]);
    if (rep.bad)
        fail_msg("limit %llu: %s %s %s", (unsigned long long)at, rep.first.key, rep.first.arg[0], rep.first.arg[1]);
    if (rep.events != n || rep.unproven != 0)
        fail_msg("limit %llu: %llu proven of %llu", (unsigned long long)at, (unsigned long long)rep.events,
                 (unsigned long long)n);
}

static void kit_start(struct kit *k)
{
    struct err e = {0};

    k->clk = clock_manual(TEST_NOW);
    test_dir_make_fast(k->dir);
    snprintf(k->keys, sizeof(k->keys), "%s-keys", k->dir);
    assert_int_equal(vault_open(k->keys, &k->clk, &k->v, &e), 0);
}

static void kit_end(struct kit *k)
{
    vault_close(k->v);
    test_dir_drop(k->dir);
    test_dir_drop(k->keys);
}

/* From the first byte of the smallest file to the last of the largest. */
static void any_byte_of_the_journal(void **state)
{
    unsigned points = 0;

    (void)state;
    log_set_level(LOG_ERROR - 1);
    for (rlim_t at = 1; at < 20000; at += at < 700 ? 13 : 631) {
        struct kit k;
        kit_start(&k);
        uint64_t have = work(&k, 0, 8);
        file_limit(at);
        have = work(&k, have, 80);
        file_limit(RLIM_INFINITY);
        all_is_well(&k, have, at);
        uint64_t more = work(&k, have, 40); /* and goes on */
        assert_true(more >= have + 40 * BATCH);
        all_is_well(&k, more, at);
        kit_end(&k);
        points++;
    }
    log_set_level(LOG_INFO);
    print_message("# full at %u places\n", points);
}

/* Full in the middle of a run, so that each file meets the limit while others are open. */
static void full_while_it_runs(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR - 1);
    for (rlim_t at = 100; at < 30000; at += 1103) {
        struct kit k;
        struct journal *j;
        struct err e;
        uint64_t n = 0;
        kit_start(&k);
        assert_int_equal(open_at(&k, &j), 0);
        for (unsigned i = 0; i < 120; i++) {
            file_limit(i % 40 < 25 ? RLIM_INFINITY : at);
            if (test_append(j, n, BATCH, &e) == 0)
                n += BATCH;
            clock_advance(&k.clk, 2 * NS_PER_S);
            journal_tick(j, NULL, NULL);
        }
        file_limit(RLIM_INFINITY);
        clock_advance(&k.clk, 2 * NS_PER_S);
        journal_tick(j, NULL, NULL);
        journal_close(j);
        all_is_well(&k, n, at);
        kit_end(&k);
    }
    log_set_level(LOG_INFO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_byte_of_the_journal),
        cmocka_unit_test(full_while_it_runs),
    };
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests_name("journal/full_steps", tests, NULL, NULL);
}

/* The proof from end to end: sealed, signed, checked, proven to luy-verifier;
 * every flipped byte is found, and lawful deletion is not taken for tampering.
 * The argument is luy-verifier. */
#include "journal/proof.h"
#include "base/file.h"
#include "journal/journal_test-int.h"
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

static const char *verifier;
struct kit {
    char dir[64], keys[80];
    struct clock clk;
    struct vault *v;
    struct journal *j;
};

static void kit_open(struct kit *k, size_t block, int days)
{
    struct journal_cfg cfg = {.dir = k->dir, .block_bytes = block, .retention_days = days, .vault = k->v};
    struct err e = {0};

    if (journal_open(&cfg, &k->clk, &k->j, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
}

static void kit_start(struct kit *k)
{
    struct err e = {0};

    test_dir_make_fast(k->dir);
    snprintf(k->keys, sizeof(k->keys), "%s-keys", k->dir);
    k->clk = clock_manual(TEST_NOW);
    assert_int_equal(vault_open(k->keys, &k->clk, &k->v, &e), 0);
}

static void kit_end(struct kit *k)
{
    vault_close(k->v);
    test_dir_drop(k->dir);
    test_dir_drop(k->keys);
}

/* Closes and opens again, so that each call makes a block of its own. */
static void block_add(struct kit *k, uint64_t from, uint64_t n)
{
    struct event_batch b;
    uint64_t first;

    kit_open(k, 0, 0);
    event_batch_init(&b, EVENT_BATCH_MAX);
    assert_int_equal(journal_append(k->j, test_batch(&b, from, (uint32_t)n), &first, NULL), 0);
    event_batch_done(&b);
    journal_close(k->j);
}

static struct verify_report verified(struct kit *k)
{
    struct verify_opts o = {.anchor = STR_NONE};
    struct verify_report rep;
    struct err e = {0};

    if (journal_verify_dir(k->dir, &o, &rep, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
    return rep;
}

static void assert_found(struct kit *k, const char *key, const char *what, size_t at)
{
    struct verify_report rep = verified(k);

    if (!rep.bad)
        fail_msg("%s %zu is not found", what, at);
    if (key != NULL && strcmp(rep.first.key, key) != 0)
        fail_msg("%s %zu: %s", what, at, rep.first.key);
}

static void whole(void **state)
{
    struct kit k;

    kit_start(&k);
    kit_open(&k, 4096, 0);
    for (uint64_t n = 0; n < 2000; n += 50) {
        assert_int_equal(test_append(k.j, n, 50, NULL), 0);
        test_wait_sealed(k.j);
    }
    struct verify_report rep = verified(&k); /* while it is open */
    assert_false(rep.bad);
    journal_close(k.j);
    rep = verified(&k);
    if (rep.bad)
        fail_msg("%s %s", rep.first.key, rep.first.arg[0]);
    assert_int_equal(rep.events, 2000);
    assert_int_equal(rep.unproven, 0);
    assert_true(rep.blocks > 10);
    assert_int_equal(rep.ledger.signed_entries, rep.blocks);
    kit_end(&k);
}

static void file_put(const struct kit *k, const char *name, str s)
{
    char path[400];
    struct err e = {0};

    snprintf(path, sizeof(path), "%s/%s", k->dir, name);
    assert_int_equal(file_write_atomic(path, s, 0600, &e), 0);
}

static str file_get(struct arena *a, const struct kit *k, const char *name)
{
    char path[400];
    struct err e = {0};
    str s;

    snprintf(path, sizeof(path), "%s/%s", k->dir, name);
    assert_int_equal(file_read(a, path, 64 << 20, &s, &e), 0);
    return s;
}

#define SEGMENT "seg-20261121-00000000.luy"

static void every_flipped_byte(void **state)
{
    struct kit k;
    struct arena a = arena_init(64 << 20);

    kit_start(&k);
    block_add(&k, 0, 6);
    block_add(&k, 6, 9);
    str good = file_get(&a, &k, SEGMENT);
    char *p = (char *)arena_str(&a, good).p;
    for (size_t i = 0; i < good.n; i++) {
        p[i] ^= (char)(1 << i % 8);
        file_put(&k, SEGMENT, (str){p, good.n});
        assert_found(&k, NULL, "flipped byte", i);
        p[i] ^= (char)(1 << i % 8);
    }
    print_message("# %zu bytes of a segment\n", good.n);
    file_put(&k, SEGMENT, good);
    assert_false(verified(&k).bad);
    arena_free(&a);
    kit_end(&k);
}

static void some_of_a_large_one(void **state)
{
    enum { EVENTS = 30000, TRIES = 60 };
    struct kit k;
    struct arena a = arena_init(256 << 20);
    uint64_t seed = 11;

    kit_start(&k);
    for (uint64_t n = 0; n < EVENTS; n += EVENTS / 3)
        block_add(&k, n, EVENTS / 3);
    str good = file_get(&a, &k, SEGMENT);
    char *p = (char *)arena_str(&a, good).p;
    for (int i = 0; i < TRIES; i++) {
        size_t at = prng(&seed) % good.n;
        p[at] ^= (char)(1 << prng(&seed) % 8);
        file_put(&k, SEGMENT, (str){p, good.n});
        assert_found(&k, NULL, "flipped byte", at);
        p[at] = good.p[at];
    }
    file_put(&k, SEGMENT, good);
    assert_int_equal(verified(&k).events, EVENTS);
    arena_free(&a);
    kit_end(&k);
}

/* A whole block, with all its checksums right, of other events. */
static void another_block_in_its_place(void **state)
{
    struct kit k, other;
    struct arena a = arena_init(64 << 20);

    kit_start(&k);
    block_add(&k, 0, 20);
    kit_start(&other);
    block_add(&other, 500, 20);
    str good = file_get(&a, &k, SEGMENT);
    file_put(&k, SEGMENT, file_get(&a, &other, SEGMENT));
    assert_found(&k, "journal.proof_changed", "another block", 0);
    file_put(&k, SEGMENT, (str){good.p, SEG_HEAD_BYTES});
    assert_found(&k, NULL, "no block", 0);
    file_put(&k, SEGMENT, (str){good.p, good.n - 1});
    assert_found(&k, NULL, "cut by one byte", 0);
    char *p = arena_alloc(&a, good.n + 1);
    memcpy(p, good.p, good.n);
    file_put(&k, SEGMENT, (str){p, good.n + 1});
    assert_found(&k, NULL, "a byte more", 0);
    file_put(&k, "seg-20261121-00000001.luy", good);
    file_put(&k, SEGMENT, good);
    assert_found(&k, NULL, "the same again", 0);
    arena_free(&a);
    kit_end(&k);
    kit_end(&other);
}

static void deletion(void **state)
{
    struct kit k;
    char path[400];

    kit_start(&k);
    block_add(&k, 0, 50);
    clock_advance(&k.clk, 3 * 86400 * NS_PER_S);
    block_add(&k, 3 * 86400 * 1000ULL, 50); /* test events are a millisecond apart */
    clock_advance(&k.clk, 86400 * NS_PER_S);
    kit_open(&k, 0, 3); /* keeps three days */
    assert_int_equal(journal_tick(k.j, NULL, NULL), 0);
    journal_close(k.j);
    struct verify_report rep = verified(&k);
    if (rep.bad)
        fail_msg("%s %s", rep.first.key, rep.first.arg[0]);
    assert_int_equal(rep.deleted, 50);
    assert_int_equal(rep.events, 50);
    /* by hand it is something else */
    snprintf(path, sizeof(path), "%s/seg-20261124-00000001.luy", k.dir);
    assert_int_equal(unlink(path), 0);
    assert_found(&k, "journal.proof_missing", "unlinked", 0);
    kit_end(&k);
}

/* Killed between the segment's sync and the ledger's. */
static void ledger_behind(void **state)
{
    struct kit k;
    struct arena a = arena_init(1 << 20);

    kit_start(&k);
    block_add(&k, 0, 10);
    str ledger = file_get(&a, &k, "ledger"), heads = file_get(&a, &k, "heads");
    block_add(&k, 10, 15);
    file_put(&k, "ledger", ledger);
    file_put(&k, "heads", heads);
    struct verify_report rep = verified(&k);
    assert_false(rep.bad);
    assert_int_equal(rep.unproven, 15);
    kit_open(&k, 0, 0);
    journal_close(k.j);
    rep = verified(&k);
    assert_false(rep.bad);
    assert_int_equal(rep.unproven, 0);
    assert_int_equal(rep.events, 25);
    arena_free(&a);
    kit_end(&k);
}

static int run_verifier(const char *anchor, const char *path)
{
    const char *argv[] = {verifier, "--anchor", anchor, path, NULL};
    posix_spawn_file_actions_t fa;
    int status;
    pid_t pid;

    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawn(&pid, argv[0], &fa, NULL, (char *const *)argv, NULL), 0);
    posix_spawn_file_actions_destroy(&fa);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void proofs(void **state)
{
    struct kit k;
    struct err e = {0};
    json_t *p = NULL;
    char anchor[65], path[400];

    kit_start(&k);
    kit_open(&k, 8192, 0);
    for (uint64_t n = 0; n < 300; n += 30) {
        assert_int_equal(test_append(k.j, n, 30, NULL), 0);
        test_wait_sealed(k.j);
    }
    ledger_anchor(journal_ledger(k.j), anchor);
    snprintf(path, sizeof(path), "%s/proof.json", k.keys);
    assert_int_equal(journal_prove(k.j, 1, &p, &e), -EAGAIN); /* not signed */
    clock_advance(&k.clk, LEDGER_HEAD_SECONDS * NS_PER_S);
    assert_int_equal(journal_tick(k.j, NULL, NULL), 0);
    for (uint64_t seq = 1; seq <= 250; seq += 83) {
        if (journal_prove(k.j, seq, &p, &e) < 0)
            fail_msg("%llu: %s", (unsigned long long)seq, e.key);
        assert_int_equal(json_dump_file(p, path, 0), 0);
        json_decref(p);
        assert_int_equal(run_verifier(anchor, path), 0);
    }
    assert_int_equal(journal_prove(k.j, 100000, &p, &e), -ENOENT);
    journal_close(k.j);
    kit_end(&k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(every_flipped_byte),
        cmocka_unit_test(some_of_a_large_one),
        cmocka_unit_test(another_block_in_its_place),
        cmocka_unit_test(deletion),
        cmocka_unit_test(ledger_behind),
        cmocka_unit_test(proofs),
    };
    verifier = argc > 1 ? argv[1] : "luy-verifier";
    return cmocka_run_group_tests_name("journal/proof", tests, NULL, NULL);
}

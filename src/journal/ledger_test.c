/* The ledger: what is added stands under signed heads; every byte that is
 * flipped, cut, moved or put in between is found; a stolen key of today signs
 * nothing of yesterday. */
#include "journal/ledger.h"
#include "base/file.h"
#include "base/rand.h"
#include "base/test-int.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct kit {
    char dir[64], keys[80];
    struct clock clk;
    struct vault *v;
    struct ledger *l;
    char anchor[65];
};

static void kit_open(struct kit *k)
{
    struct err e = {0};

    assert_int_equal(vault_open(k->keys, &k->clk, &k->v, &e), 0);
    assert_int_equal(ledger_open(k->dir, k->v, &k->clk, &k->l, &e), 0);
    ledger_anchor(k->l, k->anchor);
}

static void kit_start(struct kit *k)
{
    snprintf(k->dir, sizeof(k->dir), "/tmp/luy-ledger-XXXXXX");
    assert_non_null(mkdtemp(k->dir));
    snprintf(k->keys, sizeof(k->keys), "%s/keys", k->dir);
    k->clk = clock_manual(1764000000LL * NS_PER_S);
    kit_open(k);
}

static void kit_close(struct kit *k)
{
    ledger_close(k->l);
    vault_close(k->v);
    k->l = NULL;
}

static void kit_end(struct kit *k)
{
    char command[128];

    if (k->l != NULL)
        kit_close(k);
    snprintf(command, sizeof(command), "rm -rf %s", k->dir);
    assert_int_equal(system(command), 0);
}

static void add(struct kit *k, uint64_t records)
{
    struct err e = {0};
    struct ledger_entry n = {.type = LEDGER_BLOCK, .records = records, .first = ledger_next(k->l, LEDGER_LOG)};

    n.from_ns = n.to_ns = clock_wall(&k->clk);
    n.root = sha256((str){(const char *)&n.first, sizeof(n.first)});
    assert_int_equal(ledger_add(k->l, &n, &e), 0);
}

/* Three epochs, several heads, and entries behind the last one. */
static void fill(struct kit *k)
{
    struct err e = {0};

    for (int i = 0; i < 25; i++) {
        add(k, 100 + (uint64_t)i);
        clock_advance(&k->clk, i % 10 == 9 ? LEDGER_EPOCH_SECONDS * NS_PER_S : 40 * NS_PER_S);
        assert_int_equal(ledger_tick(k->l, &e), 0);
    }
}

static void check_dir(struct kit *k, struct ledger_report *rep)
{
    struct err e = {0};

    assert_int_equal(ledger_check(k->dir, str_c(k->anchor), NULL, NULL, rep, &e), 0);
}

static void grows_and_checks(void **state)
{
    struct kit k;
    struct ledger_report rep;
    char path[128];
    struct stat st;

    kit_start(&k);
    fill(&k);
    kit_close(&k);
    check_dir(&k, &rep);
    assert_false(rep.bad);
    assert_int_equal(rep.entries, 25);
    assert_int_equal(rep.signed_entries, 25);
    assert_int_equal(rep.epochs, 3);
    assert_string_equal(rep.anchor, k.anchor);
    /* only the newest private key is left */
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/head-%d.key", k.keys, i);
        assert_int_equal(stat(path, &st), i == 2 ? 0 : -1);
    }
    kit_open(&k);
    assert_int_equal(ledger_next(k.l, LEDGER_LOG), 25 * 100 + 300);
    assert_int_equal(ledger_next(k.l, LEDGER_FLOW), 0);
    assert_false(ledger_damaged(k.l));
    add(&k, 1);
    kit_close(&k);
    check_dir(&k, &rep);
    assert_false(rep.bad);
    assert_int_equal(rep.entries, 26);
    kit_end(&k);
}

static str slurp(struct arena *a, const struct kit *k, const char *name)
{
    char path[128];
    struct err e = {0};
    str s;

    snprintf(path, sizeof(path), "%s/%s", k->dir, name);
    assert_int_equal(file_read(a, path, 1 << 20, &s, &e), 0);
    return s;
}

static void spill(const struct kit *k, const char *name, str s)
{
    char path[128];
    struct err e = {0};

    snprintf(path, sizeof(path), "%s/%s", k->dir, name);
    assert_int_equal(file_write_atomic(path, s, 0600, &e), 0);
}

static void every_flipped_byte(void **state)
{
    static const char *const names[] = {"ledger", "heads"};
    struct kit k;
    struct ledger_report rep;
    struct arena a = arena_init(1 << 22);

    kit_start(&k);
    for (int i = 0; i < 4; i++) {
        add(&k, 10);
        clock_advance(&k.clk, (i == 2 ? LEDGER_EPOCH_SECONDS : 61) * NS_PER_S);
        assert_int_equal(ledger_tick(k.l, NULL), 0);
    }
    kit_close(&k);
    for (int f = 0; f < 2; f++) {
        str good = slurp(&a, &k, names[f]);
        char *p = (char *)arena_str(&a, good).p;
        for (size_t i = 0; i < good.n; i++) {
            p[i] ^= 1 << (i % 8);
            spill(&k, names[f], (str){p, good.n});
            check_dir(&k, &rep);
            if (!rep.bad)
                fail_msg("%s: byte %zu", names[f], i);
            p[i] ^= 1 << (i % 8);
        }
        spill(&k, names[f], good);
    }
    check_dir(&k, &rep);
    assert_false(rep.bad);
    arena_free(&a);
    kit_end(&k);
}

/* Records that are whole in themselves, in the wrong places. */
static void cut_moved_inserted(void **state)
{
    struct kit k;
    struct ledger_report rep;
    struct arena a = arena_init(1 << 22);

    kit_start(&k);
    fill(&k);
    kit_close(&k);
    static const struct {
        const char *name;
        size_t size;
    } files[] = {{"ledger", LEDGER_ENTRY}, {"heads", LEDGER_HEAD}};
    for (int f = 0; f < 2; f++) {
        str good = slurp(&a, &k, files[f].name);
        size_t z = files[f].size, n = good.n / z;
        char *p = arena_alloc(&a, good.n + z);
        for (size_t i = 0; i + 1 < n; i++) {
            /* one out */
            memcpy(p, good.p, i * z);
            memcpy(p + i * z, good.p + (i + 1) * z, good.n - (i + 1) * z);
            spill(&k, files[f].name, (str){p, good.n - z});
            check_dir(&k, &rep);
            assert_true(rep.bad);
            /* two changed over */
            memcpy(p, good.p, good.n);
            memcpy(p + i * z, good.p + (i + 1) * z, z);
            memcpy(p + (i + 1) * z, good.p + i * z, z);
            spill(&k, files[f].name, (str){p, good.n});
            check_dir(&k, &rep);
            assert_true(rep.bad);
            /* one twice */
            memcpy(p, good.p, (i + 1) * z);
            memcpy(p + (i + 1) * z, good.p + i * z, good.n - i * z);
            spill(&k, files[f].name, (str){p, good.n + z});
            check_dir(&k, &rep);
            assert_true(rep.bad);
        }
        spill(&k, files[f].name, (str){good.p, good.n - 5});
        check_dir(&k, &rep);
        assert_true(rep.bad);
        spill(&k, files[f].name, good);
    }
    /* the log's end cut off behind what was signed */
    str good = slurp(&a, &k, "ledger");
    spill(&k, "ledger", (str){good.p, good.n - LEDGER_ENTRY});
    check_dir(&k, &rep);
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.proof_cut");
    /* such a ledger goes on for the service, and does not cover it up */
    kit_open(&k);
    assert_true(ledger_damaged(k.l));
    add(&k, 5);
    clock_advance(&k.clk, 100 * NS_PER_S);
    assert_int_equal(ledger_tick(k.l, NULL), 0);
    kit_close(&k);
    check_dir(&k, &rep);
    assert_true(rep.bad);
    arena_free(&a);
    kit_end(&k);
}

static void torn_by_a_crash(void **state)
{
    struct kit k;
    struct ledger_report rep;
    struct arena a = arena_init(1 << 22);
    char half[50] = {1, 2, 3};

    kit_start(&k);
    fill(&k);
    kit_close(&k);
    static const char *const names[] = {"ledger", "heads"};
    for (int f = 0; f < 2; f++) {
        str good = slurp(&a, &k, names[f]);
        char *p = arena_alloc(&a, good.n + sizeof(half));
        memcpy(p, good.p, good.n);
        memcpy(p + good.n, half, sizeof(half));
        spill(&k, names[f], (str){p, good.n + sizeof(half)});
        kit_open(&k);
        assert_false(ledger_damaged(k.l));
        kit_close(&k);
        check_dir(&k, &rep);
        assert_false(rep.bad);
    }
    arena_free(&a);
    kit_end(&k);
}

/* Whoever replaces everything, keys too, has another anchor. */
static void another_anchor(void **state)
{
    struct kit k, other;
    struct ledger_report rep;
    struct arena a = arena_init(1 << 22);

    kit_start(&k);
    fill(&k);
    kit_close(&k);
    kit_start(&other);
    fill(&other);
    kit_close(&other);
    spill(&k, "ledger", slurp(&a, &other, "ledger"));
    spill(&k, "heads", slurp(&a, &other, "heads"));
    check_dir(&k, &rep);
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.proof_anchor");
    arena_free(&a);
    kit_end(&k);
    kit_end(&other);
}

static void proves(void **state)
{
    struct kit k;
    struct err e = {0};
    json_t *p = NULL;

    kit_start(&k);
    fill(&k);
    add(&k, 3); /* not signed yet */
    assert_int_equal(ledger_prove(k.dir, 25, &p, &e), -ENOENT);
    kit_close(&k);
    for (uint64_t i = 0; i < 26; i++) {
        assert_int_equal(ledger_prove(k.dir, i, &p, &e), 0);
        assert_true(json_is_array(json_object_get(p, "entry_path")));
        json_decref(p);
    }
    assert_int_equal(ledger_prove_growth(k.dir, 2, 9, &p, &e), 0);
    assert_true(json_array_size(json_object_get(p, "evolutions")) >= 1);
    json_decref(p);
    kit_end(&k);
}

/* ---- entries by their records ---- */

struct spans {
    uint64_t first[64];
    size_t n, most;
};

static int span_see(void *ctx, const struct ledger_entry *n)
{
    struct spans *s = ctx;

    s->first[s->n++] = n->first;
    return s->n == s->most;
}

/* Blocks of two streams beside each other, with holes in one of them, and runs of the other. */
static void blocks_by_record(void **state)
{
    enum { BLOCKS = 40, EACH = 10, STEP = 25 };
    struct spans seen;
    struct err e = {0};
    struct kit k;
    (void)state;

    kit_start(&k);
    assert_int_equal(ledger_blocks(k.dir, LEDGER_LOG, 0, UINT64_MAX, span_see, &(struct spans){.n = 0}, &e), 0);
    for (uint64_t i = 0; i < BLOCKS; i++) {
        struct ledger_entry n = {.type = LEDGER_BLOCK, .first = i * STEP, .records = EACH};
        assert_int_equal(ledger_add(k.l, &n, &e), 0);
        n = (struct ledger_entry){.type = LEDGER_DELETED, .first = i * STEP / 2, .records = EACH};
        assert_int_equal(ledger_add(k.l, &n, &e), 0);
        for (uint64_t f = 0; f < i % 7; f++) {
            n = (struct ledger_entry){.type = LEDGER_BLOCK, .stream = LEDGER_FLOW, .first = i * 1000 + f, .records = 1};
            assert_int_equal(ledger_add(k.l, &n, &e), 0);
        }
    }
    for (uint64_t from = 0; from < BLOCKS * STEP + 5; from += 3)
        for (uint64_t to = from + 1; to < from + 4 * STEP; to += 7) {
            size_t at = 0;
            seen = (struct spans){.n = 0};
            assert_int_equal(ledger_blocks(k.dir, LEDGER_LOG, from, to, span_see, &seen, &e), 0);
            for (uint64_t i = 0; i < BLOCKS; i++)
                if (i * STEP + EACH > from && i * STEP < to)
                    assert_int_equal(seen.first[at++], i * STEP);
            assert_int_equal(seen.n, at);
        }
    seen = (struct spans){.most = 2};
    assert_int_equal(ledger_blocks(k.dir, LEDGER_LOG, 30, UINT64_MAX, span_see, &seen, &e), 0);
    assert_true(seen.n == 2 && seen.first[0] == STEP && seen.first[1] == 2 * STEP);
    assert_true(ledger_blocks("/nowhere", LEDGER_LOG, 0, 1, span_see, &seen, &e) < 0);
    kit_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(grows_and_checks),   cmocka_unit_test(every_flipped_byte),
                                       cmocka_unit_test(cut_moved_inserted), cmocka_unit_test(torn_by_a_crash),
                                       cmocka_unit_test(another_anchor),     cmocka_unit_test(proves),
                                       cmocka_unit_test(blocks_by_record)};
    return cmocka_run_group_tests_name("journal/ledger", tests, NULL, NULL);
}

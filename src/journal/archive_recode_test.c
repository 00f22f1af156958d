/* What an archive holds is packed harder and is the same: every proof is what it was in
 * the journal. What cannot be coded again is there as it was; what a kill left is not. */
#include "journal/archive_test-int.h"
#include "journal/guest.h"
#include "journal/segment.h"

enum { PATH = 300 };
static const char *const proof_parts[] = {"record", "mask", "index", "record_path"};

/* The first segment of September, wherever it is. */
static void first_name(struct kit *k, char out[PATH])
{
    struct arena a = arena_init(1 << 20);
    str *names;
    size_t n;

    assert_int_equal(file_list(&a, k->dir, STR(".luy"), 100, &names, &n, NULL), 0);
    assert_true(n >= 1);
    snprintf(out, PATH, "%.*s", STR_ARGS(names[0]));
    arena_free(&a);
}

static str contents(struct arena *a, const char *dir, const char *name)
{
    char path[2 * PATH];
    str text;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(file_read(a, path, 16 << 20, &text, NULL), 0);
    return text;
}

static json_t *proof_of(struct journal *j, uint64_t seq)
{
    json_t *p = NULL;
    struct err e = {0};

    if (journal_prove(j, seq, &p, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
    return p;
}

static void archives_are_smaller_and_prove_the_same(void **state)
{
    struct journal_cfg cfg = {.read_only = true};
    struct arena a = arena_init(64 << 20);
    struct err e = {0};
    struct journal *j;
    struct kit k;
    char dir[120], name[PATH];

    (void)state;
    kit_start(&k, DAYS);
    kit_open(&k);
    first_name(&k, name);
    must_make(&k, "2026-09", 2 * PER_DAY);
    snprintf(dir, sizeof(dir), "%s/2026-09", k.place);
    assert_true(contents(&a, dir, name).n < contents(&a, k.dir, name).n);
    assert_false(is_there(dir, ARCHIVE_GROWING));
    cfg.dir = dir;
    assert_int_equal(journal_open(&cfg, &k.clk, &j, &e), 0);
    for (uint64_t seq = 1; seq <= 2 * PER_DAY; seq += 37) {
        json_t *here = proof_of(k.j, seq), *there = proof_of(j, seq);
        for (size_t i = 0; i < COUNT(proof_parts); i++) {
            assert_non_null(json_object_get(here, proof_parts[i]));
            assert_true(json_equal(json_object_get(here, proof_parts[i]), json_object_get(there, proof_parts[i])));
        }
        json_decref(here);
        json_decref(there);
    }
    journal_close(j);
    arena_free(&a);
    kit_end(&k);
}

static size_t blocks_in(const char *dir, const char *name)
{
    struct segment *s;
    uint64_t torn = 0;
    struct err e = {0};

    if (segment_open(dir, name, UINT64_MAX, &s, &torn, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
    size_t n = s->nblocks;
    segment_free(s);
    return n;
}

/* A file of ten blocks; after the first five is a hole in their numbers, which a guest's took. */
static void small_blocks(struct kit *k)
{
    enum { BLOCKS = 10 };

    kit_start(k, 0);
    set_day(k, days[0]);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        kit_open(k);
        if (i == BLOCKS / 2)
            journal_guest_reserve(k->j, 7);
        add_events(k, i * PER_DAY / BLOCKS, PER_DAY / BLOCKS);
        journal_close(k->j);
    }
    add_day(k, DAYS - 1); /* the file before grows no more */
    k->clk.set_wall = TEST_NOW;
    kit_open(k);
}

/* One event's proof as an inspector has it checked: the archive's and the journal's say the same. */
static void small_blocks_become_one(void **state)
{
    struct journal_cfg cfg = {.read_only = true};
    struct err e = {0};
    struct journal *j;
    struct kit k;
    char dir[120], name[PATH];
    size_t before;

    (void)state;
    small_blocks(&k);
    first_name(&k, name);
    before = blocks_in(k.dir, name);
    assert_int_equal(before, 10);
    must_make(&k, "2026-09", PER_DAY);
    snprintf(dir, sizeof(dir), "%s/2026-09", k.place);
    assert_int_equal(blocks_in(dir, name), 2);
    struct verify_report rep = verified(dir);
    assert_false(rep.bad);
    assert_int_equal(rep.blocks, before);
    cfg.dir = dir;
    assert_int_equal(journal_open(&cfg, &k.clk, &j, &e), 0);
    for (uint64_t seq = 1; seq <= PER_DAY + 7; seq++) {
        json_t *here = NULL, *there = NULL;
        int rc = journal_prove(k.j, seq, &here, &e);
        assert_int_equal(journal_prove(j, seq, &there, &e), rc);
        for (size_t i = 0; rc == 0 && i < COUNT(proof_parts); i++)
            assert_true(json_equal(json_object_get(here, proof_parts[i]), json_object_get(there, proof_parts[i])));
        json_decref(here);
        json_decref(there);
    }
    journal_close(j);
    kit_end(&k);
}

/* A byte anywhere in a file whose blocks have several parts is found. */
static void parts_are_looked_at(void **state)
{
    struct arena a = arena_init(64 << 20);
    struct kit k;
    char dir[120], name[PATH], path[2 * PATH];

    (void)state;
    small_blocks(&k);
    first_name(&k, name);
    must_make(&k, "2026-09", PER_DAY);
    snprintf(dir, sizeof(dir), "%s/2026-09", k.place);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(chmod(path, 0600), 0);
    size_t n = contents(&a, dir, name).n;
    for (size_t at = 0; at < n; at += 97) {
        flip(path, at, 1);
        assert_true(verified(dir).bad);
        flip(path, at, 1);
    }
    assert_false(verified(dir).bad);
    arena_free(&a);
    kit_end(&k);
}

/* The archive has the evidence as it is, and its own look says so. */
static void a_damaged_block_is_copied(void **state)
{
    struct arena a = arena_init(64 << 20);
    struct archive_done done;
    struct kit k;
    struct err e;
    char dir[120], name[PATH], path[2 * PATH];

    (void)state;
    kit_start(&k, DAYS);
    first_name(&k, name);
    snprintf(path, sizeof(path), "%s/%s", k.dir, name);
    flip(path, SEG_HEAD_BYTES + BLOCK_HEAD_BYTES + 900, 1);
    kit_open(&k);
    log_set_level(LOG_ERROR - 1);
    assert_int_equal(step(&k, &done, &e), 1);
    log_set_level(LOG_INFO);
    assert_true(done.check.bad);
    assert_string_equal(done.check.first.key, "journal.proof_changed");
    snprintf(dir, sizeof(dir), "%s/2026-09", k.place);
    assert_true(str_eq(contents(&a, dir, name), contents(&a, k.dir, name)));
    arena_free(&a);
    kit_end(&k);
}

/* Half a file that grew, and bytes under a whole one's name that are not its. */
static void leftovers_are_made_again(void **state)
{
    struct kit k;
    char dir[120], path[2 * PATH], name[PATH];

    (void)state;
    kit_start(&k, DAYS);
    first_name(&k, name);
    snprintf(dir, sizeof(dir), "%s/.2026-09.part", k.place);
    assert_int_equal(mkdir(dir, 0750), 0);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(file_write_atomic(path, STR("LYSEG"), 0440, NULL), 0);
    snprintf(path, sizeof(path), "%s/" ARCHIVE_GROWING, dir);
    assert_int_equal(mkdir(path, 0750), 0);
    snprintf(path, sizeof(path), "%s/" ARCHIVE_GROWING "/%s", dir, name);
    assert_int_equal(file_write_atomic(path, STR("LYSEG"), 0440, NULL), 0);
    all_archived_once(&k);
    snprintf(dir, sizeof(dir), "%s/2026-09", k.place);
    assert_false(is_there(dir, ARCHIVE_GROWING));
    kit_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(archives_are_smaller_and_prove_the_same),
        cmocka_unit_test(small_blocks_become_one),
        cmocka_unit_test(parts_are_looked_at),
        cmocka_unit_test(a_damaged_block_is_copied),
        cmocka_unit_test(leftovers_are_made_again),
    };
    return cmocka_run_group_tests_name("journal/archive_recode", tests, NULL, NULL);
}

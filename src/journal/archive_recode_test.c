/* What an archive holds is packed harder and is the same: every proof is what it was in
 * the journal. What cannot be coded again is there as it was; what a kill left is not. */
#include "journal/archive_test-int.h"
#include "journal/segment.h"

enum { PATH = 300 };

/* The first segment of September, wherever it is. */
static void first_name(struct kit *k, char out[PATH])
{
    struct arena a = arena_init(1 << 20);
    str *names;
    size_t n;

    assert_int_equal(file_list(&a, k->dir, STR(".luy"), 100, &names, &n, NULL), 0);
    assert_true(n >= DAYS);
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
    static const char *const parts[] = {"record", "mask", "index", "record_path"};
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
        for (size_t i = 0; i < COUNT(parts); i++) {
            assert_non_null(json_object_get(here, parts[i]));
            assert_true(json_equal(json_object_get(here, parts[i]), json_object_get(there, parts[i])));
        }
        json_decref(here);
        json_decref(there);
    }
    journal_close(j);
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
        cmocka_unit_test(a_damaged_block_is_copied),
        cmocka_unit_test(leftovers_are_made_again),
    };
    return cmocka_run_group_tests_name("journal/archive_recode", tests, NULL, NULL);
}

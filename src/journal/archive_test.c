/* Archives by month: they stand alone, and every change to one is found. Age
 * waits for them, late events have a part of their own. The argument is luy-verifier. */
#include "journal/archive_test-int.h"
#include <spawn.h>

static const char *verifier;

/* ---- alone ---- */

static int run(const char *a, const char *b, const char *c)
{
    char *argv[] = {(char *)(uintptr_t)verifier, (char *)(uintptr_t)a, (char *)(uintptr_t)b, (char *)(uintptr_t)c,
                    NULL};
    char *env[] = {NULL};
    posix_spawn_file_actions_t fa;
    pid_t pid;
    int status;

    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawn(&pid, verifier, &fa, NULL, argv, env), 0);
    posix_spawn_file_actions_destroy(&fa);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void open_archive(struct kit *k, const char *dir, struct journal **j)
{
    struct journal_cfg cfg = {.dir = dir, .read_only = true};
    struct err e = {0};

    if (journal_open(&cfg, &k->clk, j, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
}

static bool see_raw(void *ctx, const struct hit *h)
{
    struct test_line line;
    struct event want = test_event(h->seq - 1, &line);

    assert_true(str_eq(want.raw, h->ev.raw));
    ++*(uint64_t *)ctx;
    return true;
}

static void proof_holds(struct journal *j, const char *dir, uint64_t seq)
{
    char path[200];
    json_t *proof = NULL;
    struct err e = {0};

    if (journal_prove(j, seq, &proof, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
    snprintf(path, sizeof(path), "%s.json", dir);
    assert_int_equal(json_dump_file(proof, path, 0), 0);
    json_decref(proof);
    assert_int_equal(run(path, NULL, NULL), 0);
    unlink(path);
}

static void archives_stand_alone(void **state)
{
    struct query all = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct search_opts o = {.limit = UINT64_MAX};
    struct search_stats st;
    struct archive_state as;
    struct kit k;
    char dir[120];
    struct journal *j;
    uint64_t n = 0;
    json_t *list = NULL;

    (void)state;
    kit_start(&k, DAYS);
    kit_open(&k);
    journal_archive_state(k.j, &as);
    assert_int_equal(as.waiting_segments, 4);
    must_make(&k, "2026-09", 2 * PER_DAY);
    must_make(&k, "2026-10", 2 * PER_DAY);
    must_rest(&k);
    journal_archive_state(k.j, &as);
    assert_int_equal(as.archives, 2);
    assert_int_equal(as.waiting_segments, 0);
    assert_int_equal(journal_archives(k.j, &list, NULL), 0);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "name")), "2026-10");
    assert_true(json_is_true(json_object_get(json_array_get(list, 0), "present")));
    json_decref(list);
    /* The journal and its keys go; what was archived is still all there. */
    journal_close(k.j);
    k.j = NULL;
    test_dir_drop(k.dir);
    test_dir_drop(k.keys);
    snprintf(dir, sizeof(dir), "%s/2026-10", k.place);
    struct verify_report rep = verified(dir);
    assert_false(rep.bad);
    assert_int_equal(rep.events, 2 * PER_DAY);
    assert_int_equal(rep.elsewhere, 3 * PER_DAY);
    assert_int_equal(run("--ledger", dir, NULL), 0);
    open_archive(&k, dir, &j);
    assert_int_equal(journal_search(j, &all, &o, see_raw, &n, &st, NULL), 0);
    assert_int_equal(n, 2 * PER_DAY);
    assert_int_equal(test_hits(j, "since:2026-10-31 host-1*", NULL) > 0, 1);
    proof_holds(j, dir, 2 * PER_DAY + 1);
    proof_holds(j, dir, 4 * PER_DAY);
    journal_close(j);
    assert_false(is_there(dir, "lock")); /* nothing was written there */
    kit_end(&k);
}

/* ---- tampering ---- */

static void flip_all(const char *dir, const char *name, uint64_t stride)
{
    char path[300];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(stat(path, &st), 0);
    for (uint64_t at = 0; at < (uint64_t)st.st_size; at += stride) {
        flip(path, at, (uint8_t)(1u << at % 8));
        if (!verified(dir).bad)
            fail_msg("%s: byte %llu", name, (unsigned long long)at);
        flip(path, at, (uint8_t)(1u << at % 8));
    }
    assert_false(verified(dir).bad);
}

static void every_change_is_found(void **state)
{
    struct arena a = arena_init(1 << 20);
    char dir[120], path[300], other[300];
    str *names;
    struct kit k;
    size_t n;

    (void)state;
    kit_start(&k, DAYS);
    kit_open(&k);
    must_make(&k, "2026-09", 2 * PER_DAY);
    snprintf(dir, sizeof(dir), "%s/2026-09", k.place);
    assert_int_equal(file_list(&a, dir, STR(".luy"), 10, &names, &n, NULL), 0);
    assert_int_equal(n, 2);
    flip_all(dir, arena_cstr(&a, names[0]), 31);
    flip_all(dir, arena_cstr(&a, names[1]), 31);
    flip_all(dir, "ledger", 7);
    flip_all(dir, "heads", 13);
    flip_all(dir, "manifest.json", 5);
    /* One file away, and one too many. */
    snprintf(path, sizeof(path), "%s/%s", dir, arena_cstr(&a, names[0]));
    snprintf(other, sizeof(other), "%s/away", dir);
    assert_int_equal(rename(path, other), 0);
    assert_true(verified(dir).bad);
    assert_int_equal(rename(other, path), 0);
    snprintf(other, sizeof(other), "%s/seg-20260904-00000077.luy", dir);
    assert_int_equal(link(path, other), 0);
    struct verify_report rep = verified(dir);
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.archive_extra");
    unlink(other);
    /* A manifest that no longer promises the file that was taken away: the ledger does not know it. */
    str text;
    json_t *m;
    snprintf(other, sizeof(other), "%s/manifest.json", dir);
    assert_int_equal(file_read(&a, other, 1 << 20, &text, NULL), 0);
    m = json_loadb(text.p, text.n, 0, NULL);
    json_array_remove(json_object_get(m, "segments"), 0);
    unlink(path);
    assert_int_equal(json_dump_file(m, other, JSON_INDENT(1)), 0);
    json_decref(m);
    rep = verified(dir);
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.archive_unknown");
    arena_free(&a);
    kit_end(&k);
}

/* ---- retention, late events ---- */

static uint64_t events_of(struct kit *k)
{
    struct journal_stats st;

    journal_stats(k->j, &st);
    return st.events;
}

static void age_waits_for_the_archive(void **state)
{
    struct archive_state as;
    struct kit k;

    (void)state;
    kit_start(&k, DAYS);
    k.cfg.retention_days = 1;
    kit_open(&k);
    journal_retain(k.j); /* the newest event is weeks old: age waits a day */
    clock_advance(&k.clk, 86401 * NS_PER_S);
    journal_retain(k.j);
    assert_int_equal(events_of(&k), DAYS * PER_DAY);
    must_make(&k, "2026-09", 2 * PER_DAY);
    journal_retain(k.j);
    assert_int_equal(events_of(&k), 3 * PER_DAY);
    journal_archive_state(k.j, &as);
    assert_int_equal(as.lost_segments, 0);
    k.j->cfg.max_bytes = 1; /* the ceiling does not wait, and says what it took */
    log_set_level(LOG_ERROR - 1);
    journal_retain(k.j);
    log_set_level(LOG_INFO);
    assert_int_equal(events_of(&k), PER_DAY);
    journal_archive_state(k.j, &as);
    assert_int_equal(as.lost_segments, 2);
    must_rest(&k);
    /* What stays here is as the ledger says: the rest was lawfully deleted. */
    struct verify_opts o = {0};
    struct verify_report rep;
    assert_int_equal(journal_verify_dir(k.dir, &o, &rep, NULL), 0);
    assert_false(rep.bad);
    assert_int_equal(rep.deleted, 4 * PER_DAY);
    kit_end(&k);
}

/* The clock was set back: what October gets in November goes to a part of its own. */
static void late_events_have_a_part(void **state)
{
    struct kit k;
    char dir[120];

    (void)state;
    kit_start(&k, DAYS);
    kit_open(&k);
    must_make(&k, "2026-09", 2 * PER_DAY);
    must_make(&k, "2026-10", 2 * PER_DAY);
    journal_close(k.j);
    set_day(&k, "2026-10-15");
    kit_open(&k);
    add_events(&k, DAYS * PER_DAY, 20);
    journal_close(k.j);
    set_day(&k, "2026-11-22");
    kit_open(&k);
    must_rest(&k); /* the newest segment is October's: it may still grow */
    add_events(&k, DAYS * PER_DAY + 20, 20);
    journal_close(k.j);
    kit_open(&k);
    must_make(&k, "2026-10.2", 20);
    must_rest(&k);
    snprintf(dir, sizeof(dir), "%s/2026-10.2", k.place);
    assert_false(verified(dir).bad);
    kit_end(&k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(archives_stand_alone),
        cmocka_unit_test(every_change_is_found),
        cmocka_unit_test(age_waits_for_the_archive),
        cmocka_unit_test(late_events_have_a_part),
    };
    verifier = argc > 1 ? argv[1] : "luy-verifier";
    return cmocka_run_group_tests_name("journal/archive", tests, NULL, NULL);
}

/* Flows in archives: the month's files go with its lines, or alone; they are found
 * there, every change to them too; age and the size ceiling of the flow store know
 * what is archived; a kill at any place is made good. */
#include "journal/archive_flows_test-int.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

/* Lines in three months, no flows. */
static void both_begin(struct both *b)
{
    *b = (struct both){0};
    kit_start(&b->k, DAYS);
    snprintf(b->flows, sizeof(b->flows), "%s-flows", b->k.dir);
    assert_true(flow_batch_init(&b->batch));
}

/* Flows of August (where there are no lines), September and November. */
static void both_start(struct both *b)
{
    both_begin(b);
    flows_of_day(b, "2026-08-10");
    flows_of_day(b, "2026-09-03");
    flows_of_day(b, "2026-09-30");
    flows_of_day(b, "2026-11-05");
}

static void both_end(struct both *b)
{
    char path[200];

    if (b->k.j != NULL)
        both_close(b);
    flow_batch_done(&b->batch);
    test_dir_drop(b->flows);
    snprintf(path, sizeof(path), "%s/2026-08", b->k.place);
    test_dir_drop(path);
    snprintf(path, sizeof(path), "%s/.2026-08.part", b->k.place);
    test_dir_drop(path);
    for (int i = 2; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/2026-09.%d", b->k.place, i);
        test_dir_drop(path);
    }
    kit_end(&b->k);
}

static uint64_t flows_in(const struct both *b, const char *name, struct verify_report *rep)
{
    char dir[160];

    snprintf(dir, sizeof(dir), "%s/%s", b->k.place, name);
    *rep = verified(dir);
    if (rep->bad)
        fail_msg("%s: %s %s", dir, rep->first.key, rep->first.arg[0]);
    return rep->flows;
}

static void a_month_has_lines_flows_or_both(void **state)
{
    struct verify_report rep;
    struct archive_state as;
    struct both b;
    char dir[160];
    json_t *list = NULL;
    struct manifest m;

    (void)state;
    both_start(&b);
    both_open(&b);
    journal_archive_state(b.k.j, &as);
    assert_int_equal(as.waiting_segments, 4 + 3);
    must_make(&b.k, "2026-08", 0);
    must_make(&b.k, "2026-09", 2 * PER_DAY);
    must_make(&b.k, "2026-10", 2 * PER_DAY);
    must_rest(&b.k);
    journal_archive_state(b.k.j, &as);
    assert_int_equal(as.waiting_segments, 0);
    assert_int_equal(flows_in(&b, "2026-08", &rep), 2 * ROWS);
    assert_int_equal(rep.events, 0);
    assert_int_equal(rep.flows_elsewhere, 6 * ROWS);
    assert_int_equal(flows_in(&b, "2026-09", &rep), 4 * ROWS);
    assert_int_equal(rep.events, 2 * PER_DAY);
    assert_int_equal(flows_in(&b, "2026-10", &rep), 0);
    /* What is said of them. */
    assert_int_equal(journal_archives(b.k.j, &list, NULL), 0);
    const json_t *september = json_array_get(list, 1);
    assert_string_equal(json_string_value(json_object_get(september, "name")), "2026-09");
    assert_int_equal(json_integer_value(json_object_get(september, "flows")), 4 * ROWS);
    assert_int_equal(json_integer_value(json_object_get(september, "flow_files")), 2);
    assert_true(json_integer_value(json_object_get(september, "flow_bytes")) > 0);
    json_decref(list);
    snprintf(dir, sizeof(dir), "%s/2026-08/manifest.json", b.k.place);
    assert_int_equal(manifest_read(dir, &m, NULL), 0);
    assert_int_equal(m.nflow, 1);
    assert_int_equal(m.flow[0].blocks, 2);
    assert_int_equal(m.flow[0].first, 1);
    assert_int_equal(m.flow[0].last, 2 * ROWS);
    assert_string_equal(m.first_received, "2026-08-10T05:00:00.000000000Z");
    assert_string_equal(m.last_received, "2026-08-10T05:00:00.000000039Z");
    manifest_done(&m);
    /* After a start they are known as archived. */
    both_close(&b);
    both_open(&b);
    must_rest(&b.k);
    journal_archive_state(b.k.j, &as);
    assert_int_equal(as.waiting_segments, 0);
    both_end(&b);
}

/* ---- tampering ---- */

static void every_change_is_found(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct verify_report rep;
    struct both b;
    char dir[120], path[300], other[300];
    struct stat st;
    str *names;
    size_t n;

    (void)state;
    both_start(&b);
    both_open(&b);
    must_make(&b.k, "2026-08", 0);
    snprintf(dir, sizeof(dir), "%s/2026-08", b.k.place);
    assert_int_equal(file_list(&a, dir, STR(".lyf"), 10, &names, &n, NULL), 0);
    assert_int_equal(n, 1);
    snprintf(path, sizeof(path), "%s/%s", dir, arena_cstr(&a, names[0]));
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(stat(path, &st), 0);
    for (uint64_t at = 0; at < (uint64_t)st.st_size; at += 11) {
        flip(path, at, (uint8_t)(1u << at % 8));
        rep = verified(dir);
        if (!rep.bad)
            fail_msg("byte %llu", (unsigned long long)at);
        assert_non_null(strstr(rep.first.arg[0], arena_cstr(&a, names[0])));
        flip(path, at, (uint8_t)(1u << at % 8));
    }
    assert_false(verified(dir).bad);
    snprintf(other, sizeof(other), "%s/away", dir);
    assert_int_equal(rename(path, other), 0);
    rep = verified(dir);
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.archive_differs");
    assert_non_null(strstr(rep.first.arg[0], arena_cstr(&a, names[0])));
    assert_int_equal(rename(other, path), 0);
    snprintf(other, sizeof(other), "%s/flow-20260811-00000077.lyf", dir);
    assert_int_equal(link(path, other), 0);
    rep = verified(dir);
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.archive_extra");
    unlink(other);
    /* A manifest that promises less is not the one that the ledger knows. */
    snprintf(path, sizeof(path), "%s/manifest.json", dir);
    json_t *m = json_load_file(path, 0, NULL);
    json_object_set_new(m, "flow_files", json_array());
    chmod(path, 0600);
    assert_int_equal(json_dump_file(m, path, JSON_INDENT(1)), 0);
    json_decref(m);
    rep = verified(dir);
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.archive_manifest"); /* it has no file at all */
    arena_free(&a);
    both_end(&b);
}

/* What was damaged beside the journal is archived as it is, and told. */
static void damage_of_the_store_is_told(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct archive_done done;
    struct both b;
    char path[300];
    struct stat st;
    str *names;
    struct err e;
    size_t n;

    (void)state;
    both_start(&b);
    assert_int_equal(file_list(&a, b.flows, STR(".lyf"), 10, &names, &n, NULL), 0);
    snprintf(path, sizeof(path), "%s/%s", b.flows, arena_cstr(&a, names[0]));
    assert_int_equal(stat(path, &st), 0);
    flip(path, (uint64_t)st.st_size - 3, 4);
    both_open(&b);
    assert_int_equal(step(&b.k, &done, &e), 1);
    assert_true(done.check.bad);
    assert_string_equal(done.check.first.key, "journal.proof_flows_changed");
    arena_free(&a);
    both_end(&b);
}

/* ---- retention, what is not closed ---- */

static uint64_t flows_kept(struct both *b)
{
    struct flow_store_stats st;

    flow_store_stats(b->s, &st);
    return st.flows;
}

static void age_waits_for_the_archive(void **state)
{
    struct archive_state as;
    struct both b;

    (void)state;
    both_start(&b);
    b.cfg.retention_days = 1;
    both_open(&b);
    flow_retain(b.s); /* the clock stands far past the newest flow: age waits for a day (age_guard.h) */
    clock_advance(&b.k.clk, 25 * 3600 * NS_PER_S);
    flow_retain(b.s);
    assert_int_equal(flows_kept(&b), 8 * ROWS);
    must_make(&b.k, "2026-08", 0);
    flow_retain(b.s);
    assert_int_equal(flows_kept(&b), 6 * ROWS);
    b.s->cfg.max_bytes = 1; /* the ceiling does not wait, and says what it took */
    log_set_level(LOG_ERROR - 1);
    flow_retain(b.s);
    log_set_level(LOG_INFO);
    assert_int_equal(flows_kept(&b), 2 * ROWS);
    journal_archive_state(b.k.j, &as);
    assert_int_equal(as.lost_segments, 2);
    must_make(&b.k, "2026-09", 2 * PER_DAY);
    struct verify_report rep;
    assert_int_equal(flows_in(&b, "2026-09", &rep), 0);
    both_end(&b);
}

/* Flows that are in no file yet hold their month back; late ones get a file and a part of their own. */
static void a_month_waits_for_its_flows(void **state)
{
    struct verify_report rep;
    struct both b;

    (void)state;
    both_start(&b);
    set_day(&b.k, "2026-09-30");
    both_open(&b);
    flows_put(&b); /* of September, in memory */
    b.k.clk.set_wall = TEST_NOW;
    must_make(&b.k, "2026-08", 0);
    must_make(&b.k, "2026-10", 2 * PER_DAY);
    must_rest(&b.k);
    both_close(&b);
    both_open(&b);
    must_make(&b.k, "2026-09", 2 * PER_DAY);
    assert_int_equal(flows_in(&b, "2026-09", &rep), 5 * ROWS);
    /* The clock is set back: the archived file gets no more. */
    both_close(&b);
    set_day(&b.k, "2026-09-30");
    both_open(&b);
    flows_put(&b);
    both_close(&b);
    b.k.clk.set_wall = TEST_NOW;
    both_open(&b);
    must_make(&b.k, "2026-09.2", 0);
    assert_int_equal(flows_in(&b, "2026-09.2", &rep), ROWS);
    must_rest(&b.k);
    both_end(&b);
}

/* The exporters were switched off: the newest file is of a month that is over. It is archived, and gets no more. */
static void the_newest_file_may_go(void **state)
{
    struct verify_report rep;
    struct both b;

    (void)state;
    both_begin(&b);
    flows_of_day(&b, "2026-09-30");
    both_open(&b);
    must_make(&b.k, "2026-09", 2 * PER_DAY);
    must_make(&b.k, "2026-10", 2 * PER_DAY);
    assert_int_equal(flows_in(&b, "2026-09", &rep), 2 * ROWS);
    for (int i = 0; i < 2; i++) { /* as this run knows it, and as the next one finds it */
        set_day(&b.k, "2026-09-30");
        flows_put(&b);
        both_close(&b);
        b.k.clk.set_wall = TEST_NOW;
        both_open(&b);
        must_make(&b.k, i == 0 ? "2026-09.2" : "2026-09.3", 0);
        assert_int_equal(flows_in(&b, i == 0 ? "2026-09.2" : "2026-09.3", &rep), ROWS);
    }
    assert_int_equal(flows_in(&b, "2026-09", &rep), 2 * ROWS);
    both_end(&b);
}

/* ---- kills ---- */

/* The file size limit kills at an exact byte of the copy, a timer anywhere else. */
static bool killed(struct both *b, rlim_t bytes, int64_t us)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct rlimit none = {0, 0}, l = {bytes, RLIM_INFINITY};
        struct itimerval t = {.it_value = {us / 1000000, us % 1000000}};
        struct archive_done done;
        struct err e;
        int rc = 1;
        log_set_level(LOG_ERROR - 1);
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGXFSZ, SIG_DFL);
        both_open(b);
        if (bytes > 0)
            setrlimit(RLIMIT_FSIZE, &l);
        if (us > 0)
            setitimer(ITIMER_REAL, &t, NULL);
        while (rc == 1)
            rc = step(&b->k, &done, &e);
        _exit(rc == 0 ? 0 : 4);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSIGNALED(status) && WEXITSTATUS(status) != 0)
        fail_msg("child: %d", WEXITSTATUS(status));
    return WIFSIGNALED(status);
}

static void all_made_once(struct both *b)
{
    struct verify_report rep;

    both_open(b);
    must_rest(&b->k);
    assert_int_equal(archive_entries(&b->k), 3);
    assert_int_equal(flows_in(b, "2026-08", &rep), 2 * ROWS);
    assert_int_equal(flows_in(b, "2026-09", &rep), 4 * ROWS);
    assert_false(is_there(b->k.place, "2026-09.2"));
    assert_false(is_there(b->k.place, ".2026-09.part"));
}

static void killed_at_bytes_of_the_copy(void **state)
{
    unsigned kills = 0;
    struct both b;

    (void)state;
    both_start(&b);
    for (rlim_t n = 500; killed(&b, n, 0); n += 431)
        kills++;
    assert_true(kills > 10);
    all_made_once(&b);
    both_end(&b);
}

static void killed_at_any_time(void **state)
{
    unsigned kills = 0;

    (void)state;
    for (int round = 0; round < 3; round++) {
        struct both b;
        both_start(&b);
        for (int64_t us = 200; killed(&b, 0, us); us += us / 5 + 70 * round)
            kills++;
        all_made_once(&b);
        both_end(&b);
    }
    assert_true(kills > 10);
}

/* Between the rename and the note: the folder is known again by the ledger. */
static void a_lost_note_is_made_again(void **state)
{
    struct both b;
    char path[200];

    (void)state;
    both_start(&b);
    both_open(&b);
    must_make(&b.k, "2026-08", 0);
    must_make(&b.k, "2026-09", 2 * PER_DAY);
    both_close(&b);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/archive-2026-0%d.json", b.k.dir, 8 + i);
        assert_int_equal(unlink(path), 0);
    }
    both_open(&b);
    for (int i = 0; i < 2; i++) {
        struct archive_done done;
        struct err e;
        assert_int_equal(step(&b.k, &done, &e), 1);
        snprintf(path, sizeof(path), "archive-2026-0%d.json", 8 + i);
        assert_true(is_there(b.k.dir, path));
    }
    assert_int_equal(archive_entries(&b.k), 2);
    assert_false(is_there(b.k.place, "2026-09.2"));
    both_end(&b);
}

static void progress_see(void *ctx, uint64_t done, uint64_t all)
{
    uint64_t *seen = ctx;

    assert_true(done >= seen[0] && done <= all && all > 0);
    seen[3] += done > all / 2 && done < all; /* while it is read back */
    seen[0] = done;
    seen[1] = all;
    seen[2]++;
}

static void progress_ends_at_all(void **state)
{
    uint64_t seen[4] = {0};
    struct archive_watch w = {.progress = progress_see, .ctx = seen};
    struct archive_done done;
    struct err e;
    struct both b;

    (void)state;
    both_start(&b);
    both_open(&b);
    must_make(&b.k, "2026-08", 0);
    assert_int_equal(journal_archive_step(b.k.j, &w, &done, &e), 1);
    assert_true(seen[2] > 4 && seen[3] > 0);
    assert_int_equal(seen[0], seen[1]);
    both_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_month_has_lines_flows_or_both), cmocka_unit_test(every_change_is_found),
        cmocka_unit_test(damage_of_the_store_is_told),     cmocka_unit_test(age_waits_for_the_archive),
        cmocka_unit_test(a_month_waits_for_its_flows),     cmocka_unit_test(killed_at_bytes_of_the_copy),
        cmocka_unit_test(a_lost_note_is_made_again),       cmocka_unit_test(progress_ends_at_all),
        cmocka_unit_test(the_newest_file_may_go),          cmocka_unit_test(killed_at_any_time),
    };
    return cmocka_run_group_tests_name("journal/archive_flows", tests, NULL, NULL);
}

/* Archiving that is disturbed: a kill at any place is made good, and a second
 * place that is missing, full or read-only holds up nothing. */
#include "journal/archive_test-int.h"
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/time.h>

/* ---- kills ---- */

/* In a child: opens the journal and archives until nothing is due. */
static void archive_all(struct kit *k)
{
    struct archive_done done;
    struct err e = {0};
    int rc = 1;

    log_set_level(LOG_ERROR - 1);
    if (journal_open(&k->cfg, &k->clk, &k->j, &e) < 0)
        _exit(3);
    while (rc == 1)
        rc = step(k, &done, &e);
    _exit(rc == 0 ? 0 : 4);
}

/* The file size limit kills at an exact byte of the copy, a timer anywhere else. */
static bool killed(struct kit *k, rlim_t bytes, int64_t us)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct rlimit none = {0, 0}, l = {bytes, RLIM_INFINITY};
        struct itimerval t = {.it_value = {us / 1000000, us % 1000000}};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGXFSZ, SIG_DFL);
        if (bytes > 0)
            setrlimit(RLIMIT_FSIZE, &l);
        if (us > 0)
            setitimer(ITIMER_REAL, &t, NULL);
        archive_all(k);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSIGNALED(status) && WEXITSTATUS(status) != 0)
        fail_msg("child: %d", WEXITSTATUS(status));
    return WIFSIGNALED(status);
}

static void killed_at_bytes_of_the_copy(void **state)
{
    struct kit k;
    unsigned kills = 0;

    (void)state;
    kit_start(&k, DAYS);
    /* Up to the longest file of the two archives; the same folder goes on each time. */
    for (rlim_t n = 1000; killed(&k, n, 0); n += 997)
        kills++;
    assert_true(kills > 5);
    all_archived_once(&k);
    kit_end(&k);
}

static void killed_at_any_time(void **state)
{
    unsigned kills = 0;

    (void)state;
    for (int round = 0; round < 4; round++) {
        struct kit k;
        int64_t us = 200;
        kit_start(&k, DAYS);
        for (; killed(&k, 0, us); us += us / 4 + 50 * round)
            kills++;
        all_archived_once(&k);
        kit_end(&k);
    }
    assert_true(kills > 20);
}

/* Between the rename and the note: the folder is known again by the ledger. */
static void a_lost_note_is_made_again(void **state)
{
    struct kit k;
    char path[200];

    (void)state;
    kit_start(&k, DAYS);
    kit_open(&k);
    must_make(&k, "2026-09", 2 * PER_DAY);
    must_make(&k, "2026-10", 2 * PER_DAY);
    journal_close(k.j);
    snprintf(path, sizeof(path), "%s/archive-2026-10.json", k.dir);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/archive-2026-09.json", k.dir);
    flip(path, 20, 1);
    log_set_level(LOG_ERROR - 1);
    kit_open(&k);
    log_set_level(LOG_INFO);
    unlink(path);
    all_archived_once(&k);
    kit_end(&k);
}

/* ---- the second place ---- */

static void nothing_waits_for_the_place(void **state)
{
    struct archive_done done;
    struct journal_stats st;
    struct rlimit l;
    struct kit k;
    struct err e;

    (void)state;
    kit_start(&k, DAYS);
    rmdir(k.place);
    kit_open(&k);
    assert_int_equal(step(&k, &done, &e), -ENODEV); /* not there */
    assert_string_equal(e.key, "journal.archive_no_place");
    assert_string_equal(done.name, "");
    add_events(&k, DAYS * PER_DAY, 10);
    assert_int_equal(mkdir(k.place, 0700), 0);
    k.j->cfg.archive_same_disk = false; /* the folder of a disk that is not mounted */
    assert_int_equal(step(&k, &done, &e), -ENODEV);
    assert_string_equal(e.key, "journal.archive_same_disk");
    k.j->cfg.archive_same_disk = true;
    /* No file may grow past this: the copy is told it is full, and goes on later. */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = 3000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
    assert_true(step(&k, &done, &e) < 0);
    assert_string_equal(e.key, "journal.archive_full");
    l.rlim_cur = RLIM_INFINITY;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
    add_events(&k, DAYS * PER_DAY + 10, 10);
    assert_false(is_there(k.place, "2026-09"));
    must_make(&k, "2026-09", 2 * PER_DAY);
    journal_stats(k.j, &st);
    assert_int_equal(st.events, DAYS * PER_DAY + 20);
    kit_end(&k);
}

/* In a child with mounts of its own: 0 good, 77 may not mount, else the step that failed. */
static int on_small_disk(struct kit *k)
{
    struct archive_done done;
    struct err e = {0};

    log_set_level(LOG_ERROR - 1);
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("luy", k->place, "tmpfs", 0, "size=28k") < 0)
        return 77;
    k->cfg.archive_same_disk = false; /* it is another disk */
    if (journal_open(&k->cfg, &k->clk, &k->j, &e) < 0)
        return 2;
    for (int i = 0; i < 3; i++)
        if (step(k, &done, &e) != -ENOSPC || strcmp(e.key, "journal.archive_full") != 0)
            return 3;
    if (mount("luy", k->place, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) < 0)
        return 77;
    if (step(k, &done, &e) != -EROFS)
        return 4;
    if (test_append(k->j, DAYS * PER_DAY, 5, &e) < 0)
        return 5;
    if (mount("luy", k->place, "tmpfs", MS_REMOUNT, "size=8m") < 0)
        return 77;
    if (step(k, &done, &e) != 1 || done.check.bad || step(k, &done, &e) != 1 || done.check.bad)
        return 6;
    if (mount("luy", k->place, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) < 0)
        return 77;
    char dir[120];
    snprintf(dir, sizeof(dir), "%s/2026-10", k->place);
    struct verify_report rep = verified(dir); /* a disk that takes no writing can be read */
    struct journal_cfg cfg = {.dir = dir, .read_only = true};
    struct journal *j;
    if (rep.bad || journal_open(&cfg, &k->clk, &j, &e) < 0)
        return 7;
    int64_t n = test_hits(j, "", NULL);
    journal_close(j);
    journal_close(k->j);
    return n == 2 * PER_DAY ? 0 : 8;
}

static void a_full_disk_and_one_read_only(void **state)
{
    struct kit k;
    int status;

    (void)state;
    kit_start(&k, DAYS);
    pid_t pid = fork();
    if (pid == 0)
        _exit(on_small_disk(&k));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    kit_end(&k);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_stopped_copy_goes_on(void **state)
{
    atomic_bool cancel = true;
    struct archive_done done;
    struct err e = {0};
    struct kit k;

    (void)state;
    kit_start(&k, DAYS);
    kit_open(&k);
    assert_int_equal(journal_archive_step(k.j, &(struct archive_watch){.cancel = &cancel}, &done, &e), -ECANCELED);
    all_archived_once(&k);
    kit_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_bytes_of_the_copy),   cmocka_unit_test(killed_at_any_time),
        cmocka_unit_test(a_lost_note_is_made_again),     cmocka_unit_test(nothing_waits_for_the_place),
        cmocka_unit_test(a_full_disk_and_one_read_only), cmocka_unit_test(a_stopped_copy_goes_on),
    };
    return cmocka_run_group_tests_name("journal/archive_fault", tests, NULL, NULL);
}

/* A full disk: nothing half-written, the batch stays with its sender, and
 * work goes on when there is room again. By the limit on file size, and where
 * the test may mount, on a small file system of its own. */
#include "journal/journal_test-int.h"
#include "base/log.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void file_limit(rlim_t n)
{
    struct rlimit l;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* Until every closed block is sealed: a sealer that failed tries again each second. */
static void seal_all(struct journal *j, struct clock *clk)
{
    struct journal_stats st;

    do {
        clock_advance(clk, NS_PER_S);
        journal_tick(j, NULL, NULL);
        journal_stats(j, &st);
    } while (st.unsealed_blocks > 0);
}

static void append_stops_and_goes_on(void **state)
{
    char dir[64], path[128];
    struct clock clk = clock_manual(TEST_NOW);
    struct stat st;
    struct err e;
    uint64_t k = 0;
    int rc;

    test_dir_make(dir);
    struct journal *j = test_open(dir, 0, &clk);
    snprintf(path, sizeof(path), "%s/wal-0000000000000000", dir);
    for (int round = 1; round <= 5; round++) {
        file_limit((rlim_t)round * 50001);
        while ((rc = test_append(j, k, 7, &e)) == 0)
            k += 7;
        assert_int_equal(rc, -ENOSPC);
        assert_string_equal(e.key, "journal.full");
        struct journal_stats js;
        journal_stats(j, &js);
        assert_true(js.full);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, j->wal.size); /* cut back */
        assert_int_equal(test_check_all(j, 1, k), k);
        assert_int_equal(journal_sync(j, NULL), 0);
        assert_int_equal(journal_synced(j), k + 1);
    }
    file_limit(RLIM_INFINITY);
    assert_int_equal(test_append(j, k, 7, NULL), 0);
    struct journal_stats js;
    journal_stats(j, &js);
    assert_false(js.full);
    assert_int_equal(test_check_all(j, 1, k + 7), k + 7);
    journal_close(j);
    j = test_open(dir, 0, &clk);
    assert_int_equal(test_check_all(j, 1, k + 7), k + 7);
    journal_close(j);
    test_dir_drop(dir);
}

/* The sealer cannot write: blocks wait in memory and in their write-ahead
 * files, then append says no; later all is sealed. */
static void sealing_waits_for_room(void **state)
{
    char dir[64];
    struct clock clk = clock_manual(TEST_NOW);
    struct journal_stats st;
    struct err e;
    uint64_t k = 0;
    int rc;

    test_dir_make(dir);
    struct journal *j = test_open(dir, 60000, &clk);
    file_limit(1);                                       /* no file may grow past a byte... */
    assert_int_equal(test_append(j, 0, 7, &e), -ENOSPC); /* not even a write-ahead file's head */
    file_limit(RLIM_INFINITY);
    /* A segment longer than the write-ahead file of one block: the limit lies between. */
    do {
        assert_int_equal(test_append(j, k, 10, NULL), 0);
        k += 10;
        if (k % 1000 == 0)
            seal_all(j, &clk);
        journal_stats(j, &st);
    } while (st.unsealed_blocks > 0 || st.blocks == 0 || j->segs[0]->end < 250000);
    file_limit((rlim_t)j->segs[0]->end + 1);
    while ((rc = test_append(j, k, 1, &e)) == 0)
        k++;
    assert_int_equal(rc, -ENOSPC);
    assert_int_equal(test_check_all(j, 1, k), k);
    file_limit(RLIM_INFINITY);
    seal_all(j, &clk);
    for (uint64_t end = k + 3000; k < end; k += 10)
        assert_int_equal(test_append(j, k, 10, NULL), 0);
    assert_int_equal(test_check_all(j, 1, k), k);
    journal_close(j);
    j = test_open(dir, 0, &clk);
    assert_int_equal(test_check_all(j, 1, k), k);
    journal_close(j);
    test_dir_drop(dir);
}

/* Closed, opened and read while nothing can be sealed; then there is room. */
static void full_over_a_restart(void **state)
{
    char dir[64];
    struct clock clk = clock_manual(TEST_NOW);
    struct err e;
    uint64_t k = 0;

    log_set_level(LOG_ERROR - 1);
    test_dir_make(dir);
    struct journal *j = test_open(dir, 60000, &clk);
    file_limit(40000); /* blocks stay in write-ahead files of this size */
    for (; test_append(j, k, 10, &e) == 0; k += 10)
        ;
    for (int i = 0; i < 3; i++) {
        journal_close(j);
        if (i == 0) {
            j = test_open(dir, 1000, &clk); /* each batch a block: the sealer fills its file */
            for (int n = 0; n < 5000 && test_append(j, k, 10, &e) == 0; n++)
                k += 10;
        } else {
            j = test_open(dir, 60000, &clk);
        }
        assert_non_null(j);
        assert_int_equal(test_check_all(j, 1, k), k);
    }
    for (; test_append(j, k, 10, &e) == 0; k += 10)
        ;
    assert_int_equal(e.code, -ENOSPC);
    file_limit(RLIM_INFINITY);
    seal_all(j, &clk);
    assert_int_equal(test_append(j, k, 10, &e), 0);
    assert_int_equal(test_check_all(j, 1, k + 10), k + 10);
    journal_close(j);
    j = test_open(dir, 0, &clk);
    struct journal_stats st;
    journal_stats(j, &st);
    assert_int_equal(st.unsealed_blocks, 0);
    assert_int_equal(test_check_all(j, 1, k + 10), k + 10);
    journal_close(j);
    test_dir_drop(dir);
    log_set_level(LOG_INFO);
}

/* The disk does not confirm: the file is not trusted again, a segment is. */
static void failed_sync_goes_to_a_segment(void **state)
{
    char dir[64];
    struct clock clk = clock_manual(TEST_NOW);
    struct journal_stats st;

    log_set_level(LOG_ERROR - 1);
    test_dir_make(dir);
    struct journal *j = test_open(dir, 0, &clk);
    assert_int_equal(test_append(j, 0, 10, NULL), 0);
    int null = open("/dev/null", O_RDWR); /* cannot be synced */
    assert_true(dup2(null, j->wal.fd) >= 0);
    close(null);
    file_limit(1); /* the sealer cannot either, for now */
    assert_true(journal_sync(j, NULL) < 0);
    for (bool failed = false; !failed;) {
        pthread_mutex_lock(&j->lock);
        failed = j->seal_err != 0;
        pthread_mutex_unlock(&j->lock);
    }
    file_limit(RLIM_INFINITY);
    /* A good sync of the next file must not speak for the events before it. */
    assert_int_equal(test_append(j, 10, 10, NULL), 0);
    assert_int_equal(journal_sync(j, NULL), -EAGAIN);
    assert_int_equal(journal_synced(j), 1);
    seal_all(j, &clk);
    assert_true(journal_synced(j) >= 11);
    journal_stats(j, &st);
    assert_true(st.blocks >= 1); /* one or two: the sealer may have come back between the appends */
    assert_int_equal(journal_sync(j, NULL), 0);
    assert_int_equal(journal_synced(j), 21);
    assert_int_equal(test_check_all(j, 1, 20), 20);
    journal_close(j);
    test_dir_drop(dir);
    log_set_level(LOG_INFO);
}

static void reserve_is_left_alone(void **state)
{
    char dir[64];
    struct clock clk = clock_manual(TEST_NOW);
    struct err e;

    test_dir_make(dir);
    struct journal *j = test_open(dir, 0, &clk);
    j->cfg.reserve_bytes = INT64_MAX;
    assert_int_equal(test_append(j, 0, 5, &e), -ENOSPC);
    assert_int_equal(test_hits(j, "", NULL), 0);
    j->cfg.reserve_bytes = 1;
    assert_int_equal(test_append(j, 0, 5, &e), 0);
    assert_int_equal(test_check_all(j, 1, 5), 5);
    journal_close(j);
    test_dir_drop(dir);
}

/* In a child with a mount namespace of its own: 0 good, 77 may not mount, else the step that failed. */
static int small_disk(const char *dir)
{
    struct clock clk = clock_manual(TEST_NOW);
    struct journal_cfg cfg = {.dir = dir, .sync_ms = 100, .block_bytes = 100000, .max_bytes = 600000};
    struct journal *j;
    uint64_t k = 0;

    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("luy", dir, "tmpfs", 0, "size=1m") < 0)
        return 77;
    if (journal_open(&cfg, &clk, &j, NULL) < 0)
        return 2;
    for (int i = 0; i < 3000; i++) {
        struct err e;
        int rc = test_append(j, k, 20, &e);
        if (rc == 0)
            k += 20;
        else if (rc != -ENOSPC)
            return 3;
        /* Retention makes room by and by: a tick a minute. */
        if (i % 50 == 0)
            clock_advance(&clk, 61 * NS_PER_S);
        if (rc != 0 || i % 50 == 0)
            journal_tick(j, NULL, NULL);
    }
    journal_close(j);
    if (journal_open(&cfg, &clk, &j, NULL) < 0)
        return 4;
    if (atomic_load(&j->next_seq) != k + 1 || k < 5000)
        return 5;
    uint64_t n = test_check_all(j, 1, 0);
    journal_close(j);
    return n > 0 && n <= k ? 0 : 6;
}

static void small_disk_fills_and_frees(void **state)
{
    char dir[64];
    int status;

    test_dir_make(dir);
    pid_t pid = fork();
    if (pid == 0) {
        log_set_level(LOG_ERROR - 1);
        _exit(small_disk(dir));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    rmdir(dir);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_stops_and_goes_on), cmocka_unit_test(sealing_waits_for_room),
        cmocka_unit_test(full_over_a_restart),      cmocka_unit_test(failed_sync_goes_to_a_segment),
        cmocka_unit_test(reserve_is_left_alone),    cmocka_unit_test(small_disk_fills_and_frees),
    };
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests_name("journal/full", tests, NULL, NULL);
}

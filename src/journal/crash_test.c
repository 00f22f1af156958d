/* Killed at any moment: a child appends and syncs and tells through a pipe
 * what is durable; it is killed without warning, and what it told must be
 * there once, byte for byte, and stay there over all rounds. */
#include "journal/journal_test-int.h"
#include <signal.h>
#include <sys/wait.h>

enum { ROUNDS = 60 };

static uint64_t next_of(struct journal *j) { return atomic_load(&j->next_seq) - 1; }

/* Never returns. Small blocks, so that sealing and segments run too. */
static void child_main(const char *dir, int report, uint64_t seed)
{
    struct clock clk = clock_manual(TEST_NOW);
    struct journal *j = test_open(dir, 20000, &clk);

    for (;;) {
        uint64_t synced, from = next_of(j);
        /* Days pass, so that segments are closed and begun. */
        if (prng(&seed) % 50 == 0)
            clock_advance(&clk, 10 * NS_PER_S);
        if (test_append(j, from, (uint32_t)(1 + prng(&seed) % 60), NULL) < 0)
            _exit(1);
        if (prng(&seed) % 3)
            continue;
        if (journal_sync(j, NULL) < 0)
            _exit(2);
        synced = journal_synced(j) - 1;
        if (write(report, &synced, sizeof(synced)) != sizeof(synced))
            _exit(3);
        if (prng(&seed) % 40 == 0) {
            journal_close(j);
            j = test_open(dir, 20000, &clk);
        }
    }
}

/* Kills the child after `reports` and some turns of an idle loop; what was told. */
static uint64_t run_and_kill(const char *dir, uint64_t seed)
{
    int fd[2], status;
    uint64_t told = 0, got;
    uint64_t reports = 1 + prng(&seed) % 12, turns = prng(&seed) % 300000;

    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fd[0]);
        child_main(dir, fd[1], seed);
    }
    close(fd[1]);
    while (reports-- > 0 && read(fd[0], &got, sizeof(got)) == sizeof(got))
        told = got;
    for (volatile uint64_t i = 0; i < turns;)
        i = i + 1;
    kill(pid, SIGKILL);
    while (read(fd[0], &got, sizeof(got)) == sizeof(got))
        told = got;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(fd[0]);
    return told;
}

static void killed_at_random_nothing_synced_is_lost(void **state)
{
    char dir[64];
    struct clock clk = clock_manual(TEST_NOW);
    uint64_t told = 0, there = 0;

    test_dir_make(dir);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t now = run_and_kill(dir, (uint64_t)round * 7919 + 17);
        told = now > told ? now : told;
        struct journal *j = test_open(dir, 20000, &clk);
        assert_non_null(j);
        uint64_t n = next_of(j);
        assert_true(n >= told);
        assert_true(n >= there);
        assert_int_equal(test_check_all(j, 1, n), n);
        there = n;
        journal_close(j);
    }
    print_message("# %d kills, %llu events\n", ROUNDS, (unsigned long long)there);
    test_dir_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_at_random_nothing_synced_is_lost)};
    return cmocka_run_group_tests_name("journal/crash", tests, NULL, NULL);
}

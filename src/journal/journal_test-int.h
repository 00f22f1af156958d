/* For the journal's tests: a folder of its own, events made from a number so
 * that they can be made again, hits gathered. */
#ifndef LUY_JOURNAL_TEST_INT_H
#define LUY_JOURNAL_TEST_INT_H
#include "base/test-int.h"
#include "journal/journal-int.h"
#include <errno.h>
#include <unistd.h>

/* 2026-11-21 09:30:00 in Viet Nam */
#define TEST_NOW (1795228200 * NS_PER_S)

void test_dir_make(char out[64]);
void test_dir_make_fast(char out[64]); /* in memory where there is such a place */
void test_dir_drop(const char *dir);   /* with what lies in it */
/* Deterministic event k: host, program, time, severity and text hang on k only.
 * Text lives in `line`. */
struct test_line {
    char text[512];
};
struct event test_event(uint64_t k, struct test_line *line);
bool test_event_same(const struct event *a, const struct event *b);
/* One batch of events from..from+n-1. */
str test_batch(struct event_batch *b, uint64_t from, uint32_t n);
int test_append(struct journal *j, uint64_t from, uint32_t n, struct err *e);
struct journal *test_open(const char *dir, size_t block_bytes, const struct clock *clk);
void test_wait_sealed(struct journal *j);
/* Number of hits of text; -1 when the search fails. */
int64_t test_hits(struct journal *j, const char *text, struct search_stats *st);
/* Every event of the journal must be test_event(seq - 1), from first on, without gap,
 * up to `events` at least. Returns how many there are. */
uint64_t test_check_all(struct journal *j, uint64_t first, uint64_t events);

/* For one test: an empty folder, a clock set by hand, a journal to open. */
struct fixture {
    char dir[64];
    struct clock clk;
    struct journal *j;
};

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    test_dir_make(f->dir);
    f->clk = clock_manual(TEST_NOW);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    journal_close(f->j);
    test_dir_drop(f->dir);
    free(f);
    return 0;
}

static inline void reopen(struct fixture *f, size_t block_bytes)
{
    journal_close(f->j);
    f->j = test_open(f->dir, block_bytes, &f->clk);
    assert_non_null(f->j);
}
#endif

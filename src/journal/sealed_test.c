/* Sealed blocks in order: from any number on, across blocks and segments,
 * after a restart the same, with what retention took and what is damaged told. */
#include "journal/sealed.h"
#include "journal/journal_test-int.h"
#include <fcntl.h>

enum { BLOCK = 64 << 10, EVENTS = 6000 };

struct seen {
    uint64_t next, n, stop_at;
};

static bool see(void *ctx, const struct hit *h)
{
    struct seen *s = ctx;
    struct test_line line;
    struct event want = test_event(h->seq - 1, &line);

    assert_int_equal(h->seq, s->next);
    assert_true(test_event_same(&want, &h->ev));
    s->next++;
    return ++s->n != s->stop_at;
}

/* All from `from` on; returns the blocks. */
static int walk(struct journal *j, uint64_t from, uint64_t *next)
{
    struct sealed_block b;
    struct err e = {0};
    int blocks = 0, rc;

    while ((rc = journal_sealed_block(j, 0, from, see, &(struct seen){.next = from}, &b, &e)) == 1) {
        assert_true(b.first <= from && b.next > from);
        from = b.next;
        blocks++;
    }
    assert_int_equal(rc, 0);
    *next = from;
    return blocks;
}

/* Waits for the sealer, or blocks would grow while it is busy. */
static void append(struct fixture *f, int n)
{
    struct err e = {0};

    for (int i = 0; i < n; i += 100) {
        assert_int_equal(test_append(f->j, (uint64_t)i, 100, &e), 0);
        test_wait_sealed(f->j);
    }
}

static void fill(struct fixture *f)
{
    f->j = test_open(f->dir, BLOCK, &f->clk);
    append(f, EVENTS);
}

static void count(void *ctx, uint64_t first, uint64_t next) { *(uint64_t *)ctx += next - first; }

static uint64_t stored(struct journal *j, uint64_t from)
{
    uint64_t n = 0;

    journal_sealed_numbers(j, from, count, &n);
    return n;
}

static void test_order(void **state)
{
    struct fixture *f = *state;
    uint64_t next, again;

    fill(f);
    int blocks = walk(f->j, 1, &next);
    assert_true(blocks > 3);
    assert_int_equal(stored(f->j, 1), next - 1);
    assert_true(next <= EVENTS); /* the open block is not sealed */
    assert_int_equal(journal_next(f->j), EVENTS + 1);
    for (uint64_t from = 1; from < next; from += 137)
        walk(f->j, from, &again);
    reopen(f, BLOCK);
    assert_int_equal(stored(f->j, 1), EVENTS); /* closing sealed the open one */
    assert_int_equal(stored(f->j, EVENTS + 1), 0);
    assert_int_equal(walk(f->j, 1, &next), blocks + 1);
    assert_int_equal(next, EVENTS + 1);
}

static void test_stop(void **state)
{
    struct fixture *f = *state;
    struct seen s = {.next = 5, .stop_at = 3};
    struct sealed_block b;

    fill(f);
    assert_int_equal(journal_sealed_block(f->j, 0, 5, see, &s, &b, NULL), 1);
    assert_int_equal(s.n, 3);
    assert_int_equal(journal_sealed_block(f->j, 0, EVENTS + 100, see, &s, &b, NULL), 0);
}

static bool any(void *ctx, const struct hit *h)
{
    if (*(uint64_t *)ctx == 0)
        *(uint64_t *)ctx = h->seq;
    return true;
}

static void test_gone(void **state)
{
    struct fixture *f = *state;
    struct journal_cfg cfg = {.dir = f->dir, .sync_ms = 100, .block_bytes = BLOCK, .max_bytes = 100 << 10};
    struct sealed_block b;
    struct err e = {0};
    uint64_t first = 0;
    int64_t due;

    assert_int_equal(journal_open(&cfg, &f->clk, &f->j, &e), 0);
    append(f, 5000);
    clock_advance(&f->clk, 3600 * NS_PER_S);
    assert_int_equal(journal_tick(f->j, &due, &e), 0);
    test_wait_sealed(f->j); /* the tick closed the open block */
    assert_int_equal(journal_sealed_block(f->j, 0, 1, any, &first, &b, &e), 1);
    assert_true(b.first > 1);
    assert_int_equal(first, b.first);
}

static void test_damaged(void **state)
{
    struct fixture *f = *state;
    struct sealed_block b, after;
    struct err e = {0};
    uint64_t first = 0;

    fill(f);
    assert_int_equal(journal_sealed_block(f->j, 0, 1, any, &first, &b, &e), 1);
    pthread_mutex_lock(&f->j->lock);
    int fd = open(f->j->segs[0]->path, O_WRONLY);
    off_t at = (off_t)(f->j->segs[0]->blocks[0].off + BLOCK_HEAD_BYTES);
    size_t n = f->j->segs[0]->blocks[0].head.length - BLOCK_HEAD_BYTES;
    pthread_mutex_unlock(&f->j->lock);
    char *rubbish = calloc(1, n);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, rubbish, n, at), n);
    close(fd);
    free(rubbish);
    assert_int_equal(journal_sealed_block(f->j, 0, 1, any, &first, &after, &e), -EBADMSG);
    assert_string_equal(e.key, "journal.sealed_bad");
    assert_int_equal(after.next, b.next);
    assert_int_equal(journal_sealed_block(f->j, 0, after.next, any, &first, &b, &e), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
    };
    return cmocka_run_group_tests_name("journal/sealed", tests, NULL, NULL);
}

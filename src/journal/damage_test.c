/* Files that were cut or changed: a write-ahead file cut at each byte of its
 * last record, and a bit turned in each byte of a write-ahead file and of a
 * segment. What comes back is right or told to be missing; never wrong. */
#include "journal/journal_test-int.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Each damage is told in the log; a thousand times is enough of it. */
static void quiet(void) { log_set_level(LOG_ERROR - 1); }

struct image {
    char name[64];
    char *p;
    size_t n;
};

static struct image image_read(const char *dir, const char *name)
{
    struct image im = {0};
    char path[256];
    struct stat st;

    snprintf(im.name, sizeof(im.name), "%s", name);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    im.n = (size_t)st.st_size;
    im.p = malloc(im.n);
    assert_int_equal(read(fd, im.p, im.n), im.n);
    close(fd);
    return im;
}

/* A folder that holds this file alone. */
static void image_put(const char *dir, const struct image *im, size_t n)
{
    char path[256];

    test_dir_drop(dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    snprintf(path, sizeof(path), "%s/%s", dir, im->name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, im->p, n), n);
    close(fd);
}

/* The write-ahead file as a killed process leaves it: copied while it is open. */
static struct image wal_image(char dir[64], uint32_t batches, uint32_t each, size_t *last_at)
{
    struct clock clk = clock_manual(TEST_NOW);
    struct journal *j = test_open(dir, 0, &clk);

    for (uint32_t i = 0; i < batches; i++) {
        *last_at = j->wal.fd >= 0 ? j->wal.size : WAL_HEAD_BYTES;
        assert_int_equal(test_append(j, (uint64_t)i * each, each, NULL), 0);
    }
    struct image im = image_read(dir, "wal-0000000000000000");
    journal_close(j);
    return im;
}

static void wal_cut_at_each_byte(void **state)
{
    char dir[64];
    struct clock clk = clock_manual(TEST_NOW);
    size_t last_at;

    quiet();
    test_dir_make_fast(dir);
    struct image im = wal_image(dir, 4, 3, &last_at);
    for (size_t n = last_at; n <= im.n; n++) {
        struct journal_stats st;
        image_put(dir, &im, n);
        struct journal *j = test_open(dir, 0, &clk);
        assert_non_null(j);
        uint64_t want = n == im.n ? 12 : 9;
        assert_int_equal(test_check_all(j, 1, want), want);
        journal_stats(j, &st);
        assert_int_equal(st.torn_bytes, n == im.n ? 0 : n - last_at);
        /* Life goes on where it was cut. */
        assert_int_equal(test_append(j, want, 2, NULL), 0);
        assert_int_equal(test_check_all(j, 1, want + 2), want + 2);
        journal_close(j);
    }
    free(im.p);
    test_dir_drop(dir);
}

struct tally {
    uint64_t n, wrong, last;
};

static bool tally_hit(void *ctx, const struct hit *h)
{
    struct tally *t = ctx;
    struct test_line line;
    struct event want = test_event(h->seq - 1, &line);

    t->wrong += !test_event_same(&want, &h->ev) || (t->n > 0 && h->seq >= t->last);
    t->last = h->seq;
    t->n++;
    return true;
}

/* Opens and asks in ways that read every part of a block. */
static void expect_told(const char *dir, uint64_t events, size_t at)
{
    static const char *const asks[] = {"", "host:*zz*", "program:*zz*", "source:10.99.0.0/16", "zqxjkv"};
    struct arena a = arena_init(1 << 20);
    struct clock clk = clock_manual(TEST_NOW);
    struct journal_cfg cfg = {.dir = dir, .sync_ms = 100};
    struct journal *j;
    struct err e;
    struct tally t = {0};
    uint64_t bad = 0;

    if (journal_open(&cfg, &clk, &j, &e) < 0) {
        arena_free(&a);
        return; /* an error tells too */
    }
    for (size_t i = 0; i < COUNT(asks); i++) {
        struct query *q;
        struct search_stats st;
        struct search_opts o = {.limit = 1000};
        struct tally *to = i == 0 ? &t : &(struct tally){0};
        assert_int_equal(query_parse(&a, str_c(asks[i]), TEST_NOW, &q, NULL), 0);
        assert_int_equal(journal_search(j, q, &o, tally_hit, to, &st, NULL), 0);
        bad += st.bad_blocks;
        assert_int_equal(to->wrong, 0);
        if (i > 0)
            assert_int_equal(to->n, 0);
    }
    struct journal_stats st;
    journal_stats(j, &st);
    if (st.torn_bytes + st.bad_blocks + bad == 0)
        fail_msg("a turned bit in byte %zu went unseen", at);
    assert_true(t.n <= events);
    journal_close(j);
    arena_free(&a);
}

static void turned_bits_are_seen(const char *dir, struct image *im, uint64_t events)
{
    uint64_t seed = 5;

    for (size_t i = 0; i < im->n; i++) {
        char was = im->p[i];
        im->p[i] ^= (char)(1 << prng(&seed) % 8);
        image_put(dir, im, im->n);
        expect_told(dir, events, i);
        im->p[i] = was;
    }
}

static void turned_bits_in_wal(void **state)
{
    char dir[64];
    size_t last_at;

    quiet();
    test_dir_make_fast(dir);
    struct image im = wal_image(dir, 3, 2, &last_at);
    turned_bits_are_seen(dir, &im, 6);
    free(im.p);
    test_dir_drop(dir);
}

static void segment_make(const char *dir)
{
    struct clock clk = clock_manual(TEST_NOW);

    for (uint64_t k = 0; k < 2; k++) {
        struct journal *j = test_open(dir, 0, &clk);
        assert_int_equal(test_append(j, k * 8, 8, NULL), 0);
        journal_close(j);
    }
}

static void turned_bits_in_segment(void **state)
{
    char dir[64];

    quiet();
    test_dir_make_fast(dir);
    segment_make(dir);
    struct image im = image_read(dir, "seg-20261121-00000000.luy");
    turned_bits_are_seen(dir, &im, 16);
    print_message("# %zu bytes of a segment\n", im.n);
    free(im.p);
    test_dir_drop(dir);
}

/* A segment cut anywhere behind its head keeps its whole blocks. */
static void segment_cut_at_each_byte(void **state)
{
    char dir[64];
    struct clock clk = clock_manual(TEST_NOW);

    quiet();
    test_dir_make_fast(dir);
    segment_make(dir);
    struct image im = image_read(dir, "seg-20261121-00000000.luy");
    struct journal *j = test_open(dir, 0, &clk);
    uint64_t edge[] = {SEG_HEAD_BYTES, j->segs[0]->blocks[1].off, j->segs[0]->end};
    journal_close(j);
    for (size_t n = 0; n < im.n; n += 7) {
        image_put(dir, &im, n);
        j = test_open(dir, 0, &clk);
        struct journal_stats st;
        assert_non_null(j);
        journal_stats(j, &st);
        /* Cut right behind a block, only the index is missing. */
        bool clean = n == edge[0] || n == edge[1] || n == edge[2];
        assert_true(st.torn_bytes + st.bad_blocks > 0 || clean);
        assert_true(st.events == 0 || st.events == 8 || st.events == 16);
        assert_int_equal(test_check_all(j, 1, st.events), st.events);
        assert_int_equal(test_append(j, st.events, 3, NULL), 0);
        journal_close(j);
        j = test_open(dir, 0, &clk);
        assert_int_equal(test_check_all(j, 1, st.events + 3), st.events + 3);
        journal_close(j);
    }
    free(im.p);
    test_dir_drop(dir);
}

/* A write-ahead file that its block outlived (killed between the segment's
 * sync and the unlink) adds nothing twice. */
static void nothing_comes_twice(void **state)
{
    char dir[64], path[256];
    struct clock clk = clock_manual(TEST_NOW);
    size_t last_at;

    test_dir_make_fast(dir);
    struct image im = wal_image(dir, 4, 3, &last_at);
    snprintf(path, sizeof(path), "%s/%s", dir, im.name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, im.p, im.n), im.n);
    close(fd);
    struct journal *j = test_open(dir, 0, &clk);
    assert_int_equal(test_check_all(j, 1, 12), 12);
    assert_int_not_equal(access(path, F_OK), 0);
    journal_close(j);
    free(im.p);
    test_dir_drop(dir);
}

/* Another release's blocks are not cut off as a torn end would be, with their index or without. */
static void another_release(void **state)
{
    char dir[64];
    struct clock clk = clock_manual(TEST_NOW);
    struct journal_cfg cfg = {.dir = dir};
    struct journal *j = NULL;
    struct err e = {0};

    quiet();
    test_dir_make_fast(dir);
    segment_make(dir);
    struct image im = image_read(dir, "seg-20261121-00000000.luy");
    uint8_t *head = (uint8_t *)im.p + SEG_HEAD_BYTES;
    head[4]++;
    uint32_t crc = crc32c(0, head, BLOCK_HEAD_BYTES - 4);
    memcpy(head + BLOCK_HEAD_BYTES - 4, &crc, sizeof(crc));
    for (size_t cut = 0; cut < 100; cut += 99) {
        image_put(dir, &im, im.n - cut);
        assert_int_equal(journal_open(&cfg, &clk, &j, &e), -EPROTO);
        assert_string_equal(e.key, "journal.segment_version");
        struct image after = image_read(dir, im.name);
        assert_int_equal(after.n, im.n - cut);
        assert_memory_equal(after.p, im.p, after.n);
        free(after.p);
    }
    free(im.p);
    test_dir_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wal_cut_at_each_byte),     cmocka_unit_test(nothing_comes_twice),
        cmocka_unit_test(turned_bits_in_wal),       cmocka_unit_test(turned_bits_in_segment),
        cmocka_unit_test(segment_cut_at_each_byte), cmocka_unit_test(another_release),
    };
    return cmocka_run_group_tests_name("journal/damage", tests, NULL, NULL);
}

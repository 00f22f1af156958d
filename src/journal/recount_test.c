/* What a block says beside its lines is forged, with every checksum right, and verify finds it. */
#include "base/file.h"
#include "journal/journal_test-int.h"
#include "journal/page_pack.h"
#include "journal/proof.h"
#include "journal/segment.h"

enum { LINES = 96, IN_FIRST = 60 };
static const int64_t hour = 3600 * NS_PER_S;
struct kit {
    char dir[64], keys[80], path[200];
    struct clock clk;
    struct vault *v;
    struct arena a;
    uint8_t *file; /* as it was sealed */
    size_t n;
    struct block_head h;
    uint64_t salt;
};

static void lines_append(struct journal *j)
{
    static const char text[] = "<13>Nov 21 09:30:00 may-1 app: dong";
    struct event_batch b;
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    for (int i = 0; i < LINES; i++) {
        struct event ev = {.received_ns = TEST_NOW + 3 * hour,
                           .event_ns = TEST_NOW / hour * hour + (i < IN_FIRST ? 0 : hour) + i,
                           .transport = TP_TCP,
                           .format = FMT_RFC3164,
                           .facility = 1,
                           .severity = 5,
                           .source = {4, {10, 8, 0, 1}},
                           .raw = STR(text)};
        ev.span[SP_HOST] = (struct span){20, 5};
        ev.span[SP_PROGRAM] = (struct span){26, 3};
        ev.span[SP_MSG] = (struct span){31, 4};
        assert_true(event_batch_add(&b, &ev));
    }
    assert_int_equal(journal_append(j, event_batch_seal(&b), &first, NULL), 0);
    event_batch_done(&b);
}

static int kit_start(void **state)
{
    struct kit *k = calloc(1, sizeof(*k));
    struct journal_cfg cfg = {0};
    struct journal *j;
    str s;

    k->a = arena_init(64 << 20);
    k->clk = clock_manual(TEST_NOW);
    test_dir_make_fast(k->dir);
    snprintf(k->keys, sizeof(k->keys), "%s-keys", k->dir);
    assert_int_equal(vault_open(k->keys, &k->clk, &k->v, NULL), 0);
    cfg.dir = k->dir;
    cfg.vault = k->v;
    assert_int_equal(journal_open(&cfg, &k->clk, &j, NULL), 0);
    lines_append(j);
    journal_close(j);
    snprintf(k->path, sizeof(k->path), "%s/seg-20261121-00000000.luy", k->dir);
    assert_int_equal(file_read(&k->a, k->path, 1 << 20, &s, NULL), 0);
    k->file = (uint8_t *)(uintptr_t)s.p;
    uint64_t torn = 0;
    struct segment *seg;
    assert_int_equal(segment_open(k->dir, "seg-20261121-00000000.luy", UINT64_MAX, &seg, &torn, NULL), 0);
    k->h = seg->blocks[0].head;
    k->salt = seg->salt;
    segment_free(seg);
    assert_int_equal(k->h.count, LINES);
    k->n = SEG_HEAD_BYTES + k->h.length; /* the newest file may be without its index */
    *state = k;
    return 0;
}

static int kit_end(void **state)
{
    struct kit *k = *state;

    vault_close(k->v);
    test_dir_drop(k->dir);
    test_dir_drop(k->keys);
    arena_free(&k->a);
    free(k);
    return 0;
}

/* Writes the file with this head, this directory and these pages in place of its own. */
static void forge(struct kit *k, struct block_head h, const uint8_t *dir, const uint8_t *pages)
{
    ZSTD_CCtx *zc = ZSTD_createCCtx();
    size_t rest = h.length - BLOCK_HEAD_BYTES - h.dir_stored;
    uint8_t *out = arena_alloc(&k->a, SEG_HEAD_BYTES + BLOCK_HEAD_BYTES + page_pack_room(h.dir_plain) + rest);
    uint8_t *at = out + SEG_HEAD_BYTES + BLOCK_HEAD_BYTES;
    size_t z = page_pack(&(struct packer){.zc = zc, .level = PACK_FAST}, dir, h.dir_plain, at);

    memcpy(out, k->file, SEG_HEAD_BYTES);
    if (z == 0)
        memcpy(at, dir, z = h.dir_plain);
    memcpy(at + z, pages, rest);
    h.dir_stored = (uint32_t)z;
    h.dir_crc = crc32c(0, at, z);
    h.length = BLOCK_HEAD_BYTES + z + rest;
    block_head_write(&h, k->salt, out + SEG_HEAD_BYTES);
    assert_int_equal(file_write_atomic(k->path, (str){(const char *)out, SEG_HEAD_BYTES + h.length}, 0600, NULL), 0);
    ZSTD_freeCCtx(zc);
}

static uint8_t *dir_of(struct kit *k)
{
    const uint8_t *stored = k->file + SEG_HEAD_BYTES + BLOCK_HEAD_BYTES;
    uint8_t *dir = arena_alloc(&k->a, k->h.dir_plain);
    ZSTD_DCtx *zd = ZSTD_createDCtx();

    if (k->h.dir_stored == k->h.dir_plain)
        memcpy(dir, stored, k->h.dir_plain);
    else
        assert_int_equal(page_unpack(zd, stored, k->h.dir_stored, dir, k->h.dir_plain), 0);
    ZSTD_freeDCtx(zd);
    return dir;
}

static uint8_t *pages_of(struct kit *k)
{
    size_t from = SEG_HEAD_BYTES + BLOCK_HEAD_BYTES + k->h.dir_stored;
    uint8_t *p = arena_alloc(&k->a, k->n - from);

    memcpy(p, k->file + from, k->n - from);
    return p;
}

static uint8_t *one_place(uint8_t *in, size_t n, const void *what, size_t len)
{
    uint8_t *at = memmem(in, n, what, len);

    assert_non_null(at);
    assert_null(memmem(at + 1, n - (size_t)(at + 1 - in), what, len));
    return at;
}

static const char *found(struct kit *k)
{
    static struct verify_report rep;
    struct verify_opts o = {.anchor = STR_NONE};
    struct err e = {0};

    if (journal_verify_dir(k->dir, &o, &rep, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
    return rep.bad ? rep.first.key : "";
}

static bool take_group(void *ctx, const struct source_group *g)
{
    uint64_t *most = ctx;
    *most = g->count > *most ? g->count : *most;
    return true;
}

/* What the histogram says of the fuller hour. */
static uint64_t fuller_hour(struct kit *k)
{
    struct journal_cfg cfg = {.dir = k->dir, .read_only = true};
    struct search_stats st;
    struct journal *j;
    struct query *q;
    uint64_t most = 0;

    assert_int_equal(journal_open(&cfg, &k->clk, &j, NULL), 0);
    assert_int_equal(query_parse(&k->a, STR("| histogram 1h by host"), TEST_NOW, &q, NULL), 0);
    assert_int_equal(journal_fold(j, q, NULL, take_group, &most, &st, NULL), 0);
    journal_close(j);
    return most;
}

static void what_was_sealed_is_good(void **state)
{
    struct kit *k = *state;

    assert_string_equal(found(k), "");
    forge(k, k->h, dir_of(k), pages_of(k)); /* nothing is forged yet */
    assert_string_equal(found(k), "");
    assert_int_equal(fuller_hour(k), IN_FIRST);
}

static void crowd_append(struct journal *j, uint32_t n, bool ports)
{
    struct event_batch b;
    char line[64];
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t host = i % 3 == 0 ? i % 100 : i; /* some of the first come again when the list is full */
        size_t len = (size_t)snprintf(line, sizeof(line), "<13>Nov 21 09:30:00 h%06u app: so %u", host, i);
        struct event ev = {.received_ns = TEST_NOW,
                           .event_ns = TEST_NOW + (int64_t)(i % 50) * hour,
                           .source = {4, {10, 8, (uint8_t)(host % 7), 1}},
                           .source_port = (uint16_t)(ports ? i * 7919 : host % 3),
                           .raw = {line, len}};
        ev.span[SP_HOST] = (struct span){20, 7};
        if (!event_batch_add(&b, &ev)) {
            assert_int_equal(journal_append(j, event_batch_seal(&b), &first, NULL), 0);
            event_batch_clear(&b);
            assert_true(event_batch_add(&b, &ev));
        }
    }
    assert_int_equal(journal_append(j, event_batch_seal(&b), &first, NULL), 0);
    event_batch_done(&b);
}

/* More origins than a block's list has room for, with ports that are part of them and with such that are not. */
static void crowds_are_good(void **state)
{
    struct kit *k = *state;
    struct journal_cfg cfg = {.dir = k->dir, .vault = k->v};
    struct journal *j;

    assert_int_equal(journal_open(&cfg, &k->clk, &j, NULL), 0);
    crowd_append(j, 3 * BLOCK_ORIGINS_MAX, false);
    journal_close(j);
    assert_int_equal(journal_open(&cfg, &k->clk, &j, NULL), 0);
    crowd_append(j, 3 * BLOCK_ORIGINS_MAX, true);
    journal_close(j);
    assert_string_equal(found(k), "");
}

/* Two lines are moved into the other hour: the sums are the same. */
static void forged_hours(void **state)
{
    struct kit *k = *state;
    size_t rest = k->n - SEG_HEAD_BYTES - BLOCK_HEAD_BYTES - k->h.dir_stored;
    uint8_t *dir = dir_of(k), *pages = pages_of(k), table[16];
    uint64_t first = 2 * (uint64_t)(TEST_NOW / hour);
    size_t n = 0;

    table[n++] = 2;
    for (; first >= 0x80; first >>= 7)
        table[n++] = (uint8_t)(first | 0x80);
    table[n++] = (uint8_t)first;
    table[n++] = 1;
    table[n++] = IN_FIRST;
    table[n++] = LINES - IN_FIRST;
    uint8_t *at = one_place(pages, rest, table, n);
    uint32_t crc = crc32c(0, at, n); /* as the directory has it, little-endian as the machine */
    uint8_t *stands = one_place(dir, k->h.dir_plain, &crc, sizeof(crc));
    at[n - 2] += 2;
    at[n - 1] -= 2;
    crc = crc32c(0, at, n);
    memcpy(stands, &crc, sizeof(crc));
    forge(k, k->h, dir, pages);
    assert_int_equal(fuller_hour(k), IN_FIRST + 2); /* what is asked is told wrong */
    assert_string_equal(found(k), "journal.proof_counts");
}

/* A head that says less than its lines would hide them. */
static void forged_heads(void **state)
{
    struct kit *k = *state;

    for (int i = 0; i < 9; i++) {
        struct block_head h = k->h;
        h.event_max -= i == 0;
        h.event_min += i == 1;
        h.received_max += i == 2;
        h.received_min -= i == 3;
        h.severities ^= i == 4 ? 1u << 5 : 0;
        h.facilities ^= i == 5 ? 1u << 1 : 0;
        h.transports ^= i == 6 ? 1u << TP_UDP : 0;
        h.formats ^= i == 7 ? 1u << FMT_RFC3164 : 0;
        h.flags ^= i == 8 ? 1 : 0;
        forge(k, h, dir_of(k), pages_of(k));
        assert_string_equal(found(k), "journal.proof_counts");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_sealed_is_good, kit_start, kit_end),
        cmocka_unit_test_setup_teardown(crowds_are_good, kit_start, kit_end),
        cmocka_unit_test_setup_teardown(forged_hours, kit_start, kit_end),
        cmocka_unit_test_setup_teardown(forged_heads, kit_start, kit_end),
    };
    return cmocka_run_group_tests_name("journal/recount", tests, NULL, NULL);
}

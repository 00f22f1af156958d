/* The store of flows: what goes in comes out, in memory, stored, after a crash;
 * damage is found and said; a full disk stops and goes on; retention. Flow k is
 * made from k, so that it can be made again. */
#include "base/file.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/test-int.h"
#include "journal/flow_source.h"
#include "journal/flow_store-int.h"
#include "journal/journal_test-int.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { ROWS = 5000 };

static uint64_t mixed(uint64_t k, uint64_t salt)
{
    uint64_t h = (k + 1) * 0x9e3779b97f4a7c15ull + salt * 0xd6e8feb86659fd93ull;

    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9ull;
    return h ^ h >> 32;
}

/* Column c of flow k; not for addresses, families and the exporter. */
static uint64_t value_of(uint64_t k, int c)
{
    uint64_t h = mixed(k, (uint64_t)c);
    unsigned width = flow_columns[c].width;

    if (c == FC_received)
        return (uint64_t)(TEST_NOW + (int64_t)(k / 24) * 1000003);
    if (c == FC_end)
        return k % 97 == 0 ? 0 : (uint64_t)(TEST_NOW / 1000000 * 1000000 - (int64_t)(h % 1000) * 1000000);
    if (c == FC_start)
        return k % 97 == 0 ? 0 : value_of(k, FC_end) - h % 100000 * 1000000;
    if (c >= FC_direction && k % 5 != 0)
        return 0; /* rare columns */
    if (c == FC_src_mac || c == FC_dst_mac)
        return h & 0xffffffffffff;
    if (c == FC_packets || c == FC_bytes)
        return h >> (h & 63);
    return width == 8 ? h : h & ((1ull << 8 * width) - 1);
}

static struct ip ip_of(uint64_t k, int c)
{
    uint64_t h = mixed(k % 3000, (uint64_t)c);
    struct ip ip = {0};

    if (c >= FC_next_hop && k % 3 != 0)
        return ip;
    ip.family = k % 11 == 0 ? 6 : 4;
    memcpy(ip.b, &h, ip.family == 4 ? 4 : 8);
    return ip;
}

static struct flow_batch batch;

static void row_put(uint64_t k)
{
    uint32_t row = batch.rows++;
    uint16_t *families = flow_batch_col(&batch, FC_families);

    for (int c = 0; c < FC_COUNT; c++) {
        uint8_t kind = flow_columns[c].kind;
        uint8_t *col = flow_batch_col(&batch, (enum flow_col)c);
        uint64_t v = kind == FK_EXPORTER ? k % 2 : kind == FK_FAMILIES || kind == FK_ADDRESS ? 0 : value_of(k, c);
        if (kind != FK_FAMILIES)
            memcpy(col + (size_t)row * flow_columns[c].width, &v, flow_columns[c].width);
    }
    for (int c = FC_src; c <= FC_nat_dst; c++) {
        struct ip ip = ip_of(k, c);
        uint32_t *col = flow_batch_col(&batch, (enum flow_col)c);
        if (ip.family == 6)
            memcpy(batch.v6[batch.nv6], ip.b, 16);
        col[row] = ip.family == 6 ? batch.nv6++
                   : ip.family == 4
                       ? (uint32_t)ip.b[0] << 24 | (uint32_t)ip.b[1] << 16 | (uint32_t)ip.b[2] << 8 | ip.b[3]
                       : 0;
        families[row] |= (uint16_t)((ip.family == 6   ? FAM_6
                                     : ip.family == 4 ? FAM_4
                                                      : FAM_NONE)
                                    << flow_family_shift((unsigned)c));
    }
}

/* Flows from..from+n-1 in one batch. */
static int append(struct flow_store *s, uint64_t from, uint32_t n, struct err *e)
{
    struct buf wire;
    uint64_t first;

    flow_batch_clear(&batch);
    batch.nexporters = 2;
    for (uint32_t i = 0; i < 2; i++)
        batch.exporters[i] = (struct flow_exporter){
            .ip = {4, {192, 0, 2, (uint8_t)i}}, .version = 10, .port = 4000, .domain = i, .datagrams = 1, .lost = i};
    for (uint32_t i = 0; i < n; i++)
        row_put(from + i);
    buf_init(&wire, FLOW_WIRE_MAX);
    assert_true(flow_batch_seal(&batch, &wire));
    int rc = flow_store_append(s, buf_view(&wire), &first, e);
    buf_done(&wire);
    if (rc == 0)
        assert_int_equal(first, from + 1);
    return rc;
}

struct check {
    uint64_t seen, low;
};

static int page_check(void *ctx, struct flow_page *p)
{
    struct check *ck = ctx;
    const void *col[FC_COUNT];

    for (int c = 0; c < FC_COUNT; c++)
        if ((col[c] = flow_page_col(p, (enum flow_col)c)) == NULL)
            return p->rc;
    const struct flow_exporter *x = flow_page_exporters(p);
    for (uint32_t i = 0; i < p->n; i++) {
        uint64_t k = p->first_seq - 1 + i;
        for (int c = 0; c < FC_COUNT; c++) {
            uint8_t kind = flow_columns[c].kind;
            uint64_t v = 0;
            if (kind == FK_FAMILIES || kind == FK_ADDRESS || kind == FK_EXPORTER)
                continue;
            memcpy(&v, (const uint8_t *)col[c] + (size_t)i * flow_columns[c].width, flow_columns[c].width);
            if (v != value_of(k, c))
                fail_msg("flow %llu, %s", (unsigned long long)k, flow_columns[c].name);
        }
        for (int c = FC_src; c <= FC_nat_dst; c++) {
            struct ip want = ip_of(k, c), have = flow_page_ip(p, (enum flow_col)c, i);
            assert_int_equal(ip_cmp(want, have), 0);
        }
        assert_int_equal(x[((const uint16_t *)col[FC_exporter])[i]].domain, k % 2);
    }
    ck->seen += p->n;
    if (p->n > 0 && p->first_seq < ck->low)
        ck->low = p->first_seq;
    return 0;
}

static uint64_t check_all(struct flow_store *s, uint64_t *bad)
{
    struct flow_scan_opts o = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct flow_scan_stats st = {0};
    struct check ck = {0, UINT64_MAX};

    assert_int_equal(flow_store_scan(s, &o, page_check, &ck, &st, NULL), 0);
    if (bad != NULL)
        *bad = st.bad_blocks;
    return ck.seen;
}

static struct flow_store *open_with(const char *dir, const struct clock *clk, uint32_t rows)
{
    struct flow_store_cfg cfg = {.dir = dir, .sync_ms = 100, .block_rows = rows};
    struct flow_store *s = NULL;
    struct err e = {0};
    char text[300];

    if (flow_store_open(&cfg, clk, &s, &e) < 0) {
        err_text(&e, LANG_EN, text, sizeof(text));
        fail_msg("%s", text);
    }
    return s;
}

static void fill(struct flow_store *s, uint64_t from, uint64_t to)
{
    for (uint64_t k = from; k < to; k += 500)
        assert_int_equal(append(s, k, (uint32_t)(to - k < 500 ? to - k : 500), NULL), 0);
}

static char dir[64];
static struct clock clk;

static int store_setup(void **state)
{
    clk = clock_manual(TEST_NOW);
    test_dir_make_fast(dir);
    return flow_batch_init(&batch) ? 0 : -1;
}
static int store_teardown(void **state)
{
    flow_batch_done(&batch);
    test_dir_drop(dir);
    return 0;
}

static void what_goes_in_comes_out(void **state)
{
    struct flow_store *s = open_with(dir, &clk, 4096);
    struct flow_store_stats st;

    fill(s, 0, ROWS);
    assert_int_equal(check_all(s, NULL), ROWS);
    flow_store_close(s);
    s = open_with(dir, &clk, 4096);
    assert_int_equal(check_all(s, NULL), ROWS);
    flow_store_stats(s, &st);
    assert_int_equal(st.flows, ROWS);
    assert_int_equal(st.unsealed_blocks, 0);
    assert_int_equal(st.torn_bytes, 0);
    fill(s, ROWS, 2 * ROWS); /* numbers go on */
    assert_int_equal(check_all(s, NULL), 2 * ROWS);
    flow_store_close(s);
}

static void exporters_are_seen(void **state)
{
    struct flow_store *s = open_with(dir, &clk, 4096);
    struct flow_exporter_seen seen[4];

    fill(s, 0, 1000);
    assert_int_equal(flow_store_exporters(s, seen, 4), 2);
    assert_int_equal(seen[0].flows, 500);
    assert_int_equal(seen[1].lost, 2);
    assert_int_equal(seen[1].datagrams, 2);
    assert_int_equal(seen[0].last_ns, TEST_NOW);
    flow_store_close(s);
}

static void filters_and_times_skip(void **state)
{
    struct flow_store *s = open_with(dir, &clk, 4096);
    struct flow_scan_opts o = {.since_ns = TEST_NOW + 3600 * NS_PER_S, .until_ns = INT64_MAX};
    struct flow_scan_stats st = {0};
    struct check ck = {0, UINT64_MAX};

    fill(s, 0, ROWS);
    flow_store_close(s);
    s = open_with(dir, &clk, 4096);
    assert_int_equal(flow_store_scan(s, &o, page_check, &ck, &st, NULL), 0);
    assert_int_equal(st.pages, 0);
    assert_true(st.skipped > 0);
    o.since_ns = INT64_MIN;
    o.before_seq = 4001; /* the second block begins there */
    assert_int_equal(flow_store_scan(s, &o, page_check, &ck, &st, NULL), 0);
    assert_int_equal(ck.low, 1);
    assert_true(ck.seen <= 4096);
    flow_store_close(s);
}

static int filter_page(void *ctx, struct flow_page *p)
{
    uint64_t *wrong = ctx;

    for (uint64_t k = 0; k < 3000; k++)
        assert_true(flow_page_may_have(p, ip_of(k, FC_src)));
    for (uint32_t i = 0; i < 10000; i++) {
        struct ip ip = {4, {203, 0, (uint8_t)(i >> 8), (uint8_t)i}};
        *wrong += flow_page_may_have(p, ip);
    }
    return 0;
}

static void the_filter_never_denies_what_is_there(void **state)
{
    struct flow_scan_opts o = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct flow_scan_stats st = {0};
    uint64_t wrong = 0;
    struct flow_store *s = open_with(dir, &clk, 0);

    fill(s, 0, 3000);
    flow_store_close(s);
    s = open_with(dir, &clk, 0);
    assert_int_equal(flow_store_scan(s, &o, filter_page, &wrong, &st, NULL), 0);
    assert_int_equal(st.pages, 1);
    assert_true(wrong < 1000); /* 8 bits an address: about 2 in 100 */
    flow_store_close(s);
}

static bool file_copy(const char *from, const char *to)
{
    struct arena a = arena_init(128 << 20);
    str text;
    int rc = file_read(&a, from, 64 << 20, &text, NULL);

    assert_true(rc == 0 || rc == -ENOENT);
    if (rc == 0)
        assert_int_equal(file_write_atomic(to, text, 0600, NULL), 0);
    arena_free(&a);
    return rc == 0;
}

/* False when the store's thread made or took away a file meanwhile: such a copy
 * may have neither the write-ahead file nor the segment that it became. */
static bool copy_stands(const char *out)
{
    struct arena a = arena_init(1 << 20);
    char from[400], to[400];
    str *names, *after;
    size_t n, m;
    bool good = true;

    assert_int_equal(file_list(&a, dir, STR(""), 1000, &names, &n, NULL), 0);
    for (size_t i = 0; good && i < n; i++) {
        snprintf(from, sizeof(from), "%s/%s", dir, names[i].p);
        snprintf(to, sizeof(to), "%s/%s", out, names[i].p);
        good = file_copy(from, to);
    }
    assert_int_equal(file_list(&a, dir, STR(""), 1000, &after, &m, NULL), 0);
    good = good && n == m;
    for (size_t i = 0; good && i < n; i++)
        good = str_eq(names[i], after[i]);
    arena_free(&a);
    return good;
}

/* The folder as a kill at this moment would leave it. */
static void dir_copy(char out[64])
{
    for (;;) {
        test_dir_make_fast(out);
        if (copy_stands(out))
            return;
        test_dir_drop(out);
    }
}

static void a_crash_loses_nothing(void **state)
{
    struct flow_store *s = open_with(dir, &clk, 4096);

    for (uint64_t k = 0; k < 12000; k += 3000) {
        char copy[64];
        fill(s, k, k + 3000);
        dir_copy(copy);
        struct flow_store *again = open_with(copy, &clk, 4096);
        assert_int_equal(check_all(again, NULL), k + 3000);
        fill(again, k + 3000, k + 3500); /* and goes on */
        assert_int_equal(check_all(again, NULL), k + 3500);
        flow_store_close(again);
        test_dir_drop(copy);
    }
    flow_store_close(s);
}

static void a_torn_tail_is_cut(void **state)
{
    struct flow_store *s = open_with(dir, &clk, 0);
    struct flow_store_stats fs;
    char copy[64], path[128];
    struct stat st;

    fill(s, 0, 2000);
    dir_copy(copy);
    flow_store_close(s);
    snprintf(path, sizeof(path), "%s/wal-0000000000000000", copy);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - 7), 0);
    s = open_with(copy, &clk, 0);
    assert_int_equal(check_all(s, NULL), 1500);
    flow_store_stats(s, &fs);
    assert_true(fs.torn_bytes > 0);
    flow_store_close(s);
    test_dir_drop(copy);
}

static void the_only_segment(char *path, size_t cap)
{
    struct arena a = arena_init(1 << 20);
    str *names;
    size_t n;

    assert_int_equal(file_list(&a, dir, STR(".lyf"), 1000, &names, &n, NULL), 0);
    assert_int_equal(n, 1);
    snprintf(path, cap, "%s/%s", dir, names[0].p);
    arena_free(&a);
}

static void byte_flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t b;

    assert_int_equal(pread(fd, &b, 1, at), 1);
    b ^= 0x55;
    assert_int_equal(pwrite(fd, &b, 1, at), 1);
    close(fd);
}

static void every_flipped_byte_is_found(void **state)
{
    struct flow_store *s = open_with(dir, &clk, 4096);
    char path[200];
    struct stat st;
    uint64_t bad;

    fill(s, 0, 4096); /* two blocks: the last may be cut as unfinished, the first may not */
    fill(s, 4096, 8000);
    flow_store_close(s);
    the_only_segment(path, sizeof(path));
    assert_int_equal(stat(path, &st), 0);
    s = open_with(dir, &clk, 4096);
    assert_int_equal(flow_store_verify(s, &bad, NULL), 0);
    assert_int_equal(bad, 0);
    off_t first = (off_t)s->segs[0]->blocks[0]->head.length;
    for (int i = 0; i < 300; i++) {
        off_t at =
            FLOW_SEGMENT_HEAD + FLOW_BLOCK_HEAD + (off_t)(mixed((uint64_t)i, 1) % (uint64_t)(first - FLOW_BLOCK_HEAD));
        byte_flip(path, at);
        assert_int_equal(flow_store_verify(s, &bad, NULL), 0);
        assert_int_equal(bad, 1);
        byte_flip(path, at);
    }
    byte_flip(path, FLOW_SEGMENT_HEAD + FLOW_BLOCK_HEAD + 100);
    assert_int_equal(check_all(s, &bad), 8000 - 4096); /* the rest is answered, and the gap is said */
    assert_int_equal(bad, 1);
    flow_store_close(s);
}

static void a_damaged_head_is_counted(void **state)
{
    struct flow_store *s = open_with(dir, &clk, 4096);
    struct flow_store_stats st;
    char path[200];

    fill(s, 0, 2000);
    flow_store_close(s);
    the_only_segment(path, sizeof(path));
    byte_flip(path, FLOW_SEGMENT_HEAD + 20);
    s = open_with(dir, &clk, 4096);
    assert_int_equal(check_all(s, NULL), 0);
    flow_store_stats(s, &st);
    assert_true(st.torn_bytes > 1000);
    flow_store_close(s);
}

static void file_limit(rlim_t n)
{
    struct rlimit l;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void a_full_disk_stops_and_goes_on(void **state)
{
    struct flow_store *s = open_with(dir, &clk, 4096);
    struct flow_store_stats st;
    struct err e = {0};
    uint64_t k = 0;
    int rc = 0;

    signal(SIGXFSZ, SIG_IGN);
    file_limit(200000);
    while (k < 100000 && (rc = append(s, k, 500, &e)) == 0)
        k += 500;
    assert_int_equal(rc, -ENOSPC);
    assert_string_equal(e.key, "journal.full");
    flow_store_stats(s, &st);
    assert_true(st.full);
    assert_int_equal(check_all(s, NULL), k); /* what was taken is there, nothing else */
    file_limit(RLIM_INFINITY);
    for (int i = 0; i < 100 && (rc = append(s, k, 500, &e)) < 0; i++) {
        int64_t due = INT64_MAX;
        clock_advance(&clk, 2 * NS_PER_S);
        flow_store_tick(s, &due, NULL);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(check_all(s, NULL), k + 500);
    flow_store_close(s);
}

static void a_reserve_is_left(void **state)
{
    struct flow_store_cfg cfg = {.dir = dir, .sync_ms = 100, .reserve_bytes = INT64_MAX / 2};
    struct flow_store *s = NULL;

    assert_int_equal(flow_store_open(&cfg, &clk, &s, NULL), 0);
    assert_int_equal(append(s, 0, 10, NULL), -ENOSPC);
    flow_store_close(s);
}

static void old_segments_go(void **state)
{
    struct flow_store_cfg cfg = {.dir = dir, .sync_ms = 100, .block_rows = 4096, .max_bytes = 600000};
    struct flow_store_stats st;
    struct flow_store *s = NULL;
    int64_t due = INT64_MAX;

    assert_int_equal(flow_store_open(&cfg, &clk, &s, NULL), 0);
    fill(s, 0, 40000);
    do { /* the sealer keeps up */
        flow_store_stats(s, &st);
    } while (st.unsealed_blocks > 0);
    clock_advance(&clk, 60 * NS_PER_S);
    assert_int_equal(flow_store_tick(s, &due, NULL), 0);
    flow_store_stats(s, &st);
    assert_true(st.disk_bytes < 1200000 && st.flows < 40000 && st.flows > 0);
    flow_store_close(s);
    cfg.max_bytes = 0;
    cfg.retention_days = 1;
    assert_int_equal(flow_store_open(&cfg, &clk, &s, NULL), 0);
    clock_advance(&clk, 5 * 86400 * NS_PER_S);
    assert_int_equal(flow_store_tick(s, &due, NULL), 0);
    flow_store_stats(s, &st);
    assert_int_equal(st.segments, 1); /* the newest stays */
    flow_store_close(s);
}

static size_t segments_after(struct flow_store *s, int64_t ns)
{
    struct flow_store_stats st;
    int64_t due = INT64_MAX;

    clock_advance(&clk, ns);
    assert_int_equal(flow_store_tick(s, &due, NULL), 0);
    flow_store_stats(s, &st);
    return st.segments;
}

/* A clock that leaps, or was wrong at the start, does not make everything old at once. */
static void a_leap_of_the_clock_deletes_nothing(void **state)
{
    static const int64_t day = 86400 * NS_PER_S;
    struct flow_store_cfg cfg = {
        .dir = dir, .sync_ms = 100, .block_rows = 4096, .retention_days = 30, .max_bytes = 16 << 20};
    struct flow_store_stats st;
    struct flow_store *s = NULL;

    log_set_level(LOG_ERROR - 1);
    assert_int_equal(flow_store_open(&cfg, &clk, &s, NULL), 0);
    fill(s, 0, 40000);
    do {
        flow_store_stats(s, &st);
    } while (st.unsealed_blocks > 0);
    size_t all = segments_after(s, 60 * NS_PER_S);
    assert_true(all > 1);
    int64_t right = clk.set_wall;
    clk.set_wall += 3650 * day;
    for (int hour = 0; hour < 23; hour++)
        assert_int_equal(segments_after(s, 3600 * NS_PER_S), all);
    clk.set_wall = right + day; /* put right within the day */
    assert_int_equal(segments_after(s, 2 * day), all);
    flow_store_close(s);
    clk.set_wall += 3650 * day;
    assert_int_equal(flow_store_open(&cfg, &clk, &s, NULL), 0);
    assert_int_equal(segments_after(s, 60 * NS_PER_S), all);
    clk.set_wall -= 3650 * day;
    assert_int_equal(segments_after(s, 60 * NS_PER_S), all);
    assert_int_equal(segments_after(s, 40 * day), 1); /* days that really pass do delete, but for the newest */
    flow_store_close(s);
    log_set_level(LOG_INFO);
}

/* --- queries: columns say what the exact match says, row by row --------------- */

static const char *const questions[] = {
    "from:flows dst_port:22",
    "from:flows packets:>100",
    "from:flows dst_port:<1024 packets:>100",
    "from:flows src_port:1000..2000",
    "from:flows NOT dst_port:<30000",
    "from:flows proto:tcp OR proto:udp",
    "from:flows proto:77",
    "from:flows NOT proto:tcp",
    "from:flows src:10.0.0.0/8",
    "from:flows NOT src:128.0.0.0/1",
    "from:flows dst:0.0.0.0/0",
    "from:flows src:::/0",
    "from:flows src:203.0.113.7",
    "from:flows bytes:>=9223372036854775807",
    "from:flows direction:0",
    "from:flows direction:>0",
    "from:flows tcp_flags:*S* dst_port:<20000",
    "from:flows NOT (tcp_flags:*S* dst_port:<20000)",
    "from:flows exporter:192.0.2.1",
    "from:flows domain:1 tos:<=3",
    "from:flows since:2026-11-21T02:29:59Z",
    "from:flows until:2026-11-21T02:30:00.1Z proto:<9",
    "from:flows duration:>50s",
    "from:flows (in_if:>2000000000 OR NOT out_if:>2000000000) NOT next_hop:0.0.0.0/1",
};
struct count {
    const struct query *q;
    uint64_t handed, fit, last;
};

static bool row_count(void *ctx, const struct source_row *r)
{
    struct count *c = ctx;

    c->handed++;
    c->fit += query_row_match(c->q, r);
    if (c->last != 0)
        assert_true(r->seq < c->last); /* newest first */
    c->last = r->seq;
    return true;
}

static struct count ask(struct row_source *from, struct query *scanned, const struct query *q)
{
    struct search_stats st = {0};
    struct count c = {q, 0, 0, 0};

    assert_int_equal(from->scan(from->ctx, scanned, NULL, row_count, &c, &st, NULL), 0);
    return c;
}

static void questions_agree(struct flow_store *s)
{
    struct row_source from = flow_source(s);
    const struct row_source *sources[] = {&from};
    struct query_env env = {.now_ns = TEST_NOW, .sources = sources, .nsources = 1};
    struct arena a = arena_init(8 << 20);
    struct query *all, *q;

    assert_int_equal(query_parse_env(&a, STR("from:flows"), &env, &all, NULL), 0);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        struct err e = {0};
        if (query_parse_env(&a, str_c(questions[i]), &env, &q, &e) < 0)
            fail_msg("%s: %s", questions[i], e.key);
        struct count want = ask(&from, all, q), have = ask(&from, q, q);
        print_message("# %s: %llu of %llu, %llu read\n", questions[i], (unsigned long long)want.fit,
                      (unsigned long long)want.handed, (unsigned long long)have.handed);
        assert_int_equal(want.handed, ROWS);
        assert_int_equal(have.fit, want.fit);
    }
    arena_free(&a);
}

static void columns_answer_as_rows_do(void **state)
{
    struct flow_store *s = open_with(dir, &clk, 0);

    fill(s, 0, ROWS);
    questions_agree(s); /* in memory */
    flow_store_close(s);
    s = open_with(dir, &clk, 0);
    questions_agree(s); /* stored */
    flow_store_close(s);
}

static bool two_rows(void *ctx, const struct source_row *r) { return ++*(int *)ctx < 2; }

static void a_scan_ends_when_told(void **state)
{
    struct flow_store *s = open_with(dir, &clk, 0);
    struct row_source from = flow_source(s);
    const struct row_source *sources[] = {&from};
    struct query_env env = {.now_ns = TEST_NOW, .sources = sources, .nsources = 1};
    struct arena a = arena_init(1 << 20);
    struct search_stats st = {0};
    atomic_bool cancel = true;
    struct query *q;
    int n = 0;

    fill(s, 0, 1000);
    assert_int_equal(query_parse_env(&a, STR("from:flows"), &env, &q, NULL), 0);
    assert_int_equal(from.scan(from.ctx, q, NULL, two_rows, &n, &st, NULL), 0);
    assert_int_equal(n, 2);
    assert_int_equal(from.scan(from.ctx, q, &(struct search_opts){.cancel = &cancel}, two_rows, &n, &st, NULL),
                     -ECANCELED);
    struct count c = {q, 0, 0, 0};
    assert_int_equal(from.scan(from.ctx, q, &(struct search_opts){.before_seq = 11}, row_count, &c, &st, NULL), 0);
    assert_int_equal(c.handed, 10);
    assert_int_equal(query_parse_env(&a, STR("from:flows nosuch:1"), &env, &q, NULL), -EINVAL);
    assert_int_equal(query_parse_env(&a, STR("from:flows src:nowhere"), &env, &q, NULL), -EINVAL);
    arena_free(&a);
    flow_store_close(s);
}

static void nonsense_is_refused(void **state)
{
    struct flow_store *s = open_with(dir, &clk, 0);
    struct err e = {0};
    uint64_t first;

    assert_int_equal(flow_store_append(s, STR("not a batch at all, but long enough"), &first, &e), -EBADMSG);
    assert_string_equal(e.key, "journal.batch");
    struct flow_store *other = NULL;
    struct flow_store_cfg cfg = {.dir = dir};
    assert_int_equal(flow_store_open(&cfg, &clk, &other, &e), -EBUSY);
    flow_store_close(s);
}

static void blocks_end_by_time(void **state)
{
    struct flow_store *s = open_with(dir, &clk, 0);
    struct flow_store_stats st;
    int64_t due = INT64_MAX;

    fill(s, 0, 100);
    clock_advance(&clk, 901 * NS_PER_S);
    assert_int_equal(flow_store_tick(s, &due, NULL), 0);
    do {
        flow_store_stats(s, &st);
    } while (st.blocks == 0);
    assert_int_equal(st.synced, 101);
    flow_store_close(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        T(what_goes_in_comes_out),
        T(exporters_are_seen),
        T(filters_and_times_skip),
        T(the_filter_never_denies_what_is_there),
        T(a_crash_loses_nothing),
        T(a_torn_tail_is_cut),
        T(every_flipped_byte_is_found),
        T(a_damaged_head_is_counted),
        T(a_full_disk_stops_and_goes_on),
        T(a_reserve_is_left),
        T(old_segments_go),
        T(a_leap_of_the_clock_deletes_nothing),
        T(nonsense_is_refused),
        T(columns_answer_as_rows_do),
        T(a_scan_ends_when_told),
        T(blocks_end_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Random flows in a store, and random questions about them: for tests that ask the
 * same of two who must answer the same. */
#ifndef LUY_FLOW_TEST_INT_H
#define LUY_FLOW_TEST_INT_H
#include "base/test-int.h"
#include "journal/flow_guest.h"
#include "journal/flow_source.h"
#include "journal/journal_test-int.h"
#include "journal/pipe.h"

enum { ROWS = 9000, BATCH = 1000 };
static struct flow_batch batch;
static char dir[64], guest_dir[80];
static struct clock clk;
static uint64_t state = 20261126;
static int64_t now = TEST_NOW; /* when flows come */

static inline uint64_t rnd(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

static inline void put(enum flow_col c, uint32_t row, uint64_t v)
{
    uint8_t *col = flow_batch_col(&batch, c);
    memcpy(col + (size_t)row * flow_columns[c].width, &v, flow_columns[c].width);
}

static inline void put_ip(enum flow_col c, uint32_t row)
{
    unsigned family = rnd(12) == 0 ? FAM_NONE : rnd(5) == 0 ? FAM_6 : FAM_4;
    uint16_t *families = flow_batch_col(&batch, FC_families);

    families[row] |= (uint16_t)(family << flow_family_shift(c));
    if (family == FAM_4)
        put(c, row, rnd(15) == 0 ? 0 : 0x0a000000 + rnd(rnd(2) ? 20 : 4000)); /* 0.0.0.0 is an address */
    if (family == FAM_6) {
        memset(batch.v6[batch.nv6], 0xfd, 16);
        batch.v6[batch.nv6][15] = (uint8_t)rnd(200);
        put(c, row, batch.nv6++);
    }
}

/* Columns of each kind: of few values, of many, of ones past INT64_MAX, and some that the batch does not have. */
static inline void row_make(uint32_t row, bool large)
{
    static const enum flow_col any[] = {FC_src_port, FC_dst_port, FC_tcp_flags, FC_in_if, FC_src_as, FC_src_mac};

    put(FC_received, row, (uint64_t)now + rnd(3));
    uint64_t end = (uint64_t)(now - (int64_t)rnd(rnd(4) ? 1000000000 : 90000000000));
    put(FC_end, row, end);
    put(FC_start, row, rnd(9) ? end - rnd(5000000000) : 0);
    put(FC_exporter, row, rnd(3));
    put_ip(FC_src, row);
    put_ip(FC_dst, row);
    for (size_t i = 0; i < sizeof(any) / sizeof(any[0]); i++)
        put(any[i], row, rnd(3) == 0 ? rnd(UINT64_MAX) & 0xffffffffffff : rnd(40));
    put(FC_proto, row, rnd(2) ? 6 : rnd(256));
    put(FC_tos, row, 8);
    put(FC_packets, row, rnd(50));
    put(FC_bytes, row, large && rnd(2) ? rnd(UINT64_MAX) : rnd(100000));
}

static inline void append(struct flow_store *s, bool large)
{
    struct err e = {0};
    struct buf wire;
    uint64_t first;

    flow_batch_clear(&batch);
    batch.nexporters = 3;
    for (uint8_t i = 0; i < 3; i++)
        batch.exporters[i] =
            (struct flow_exporter){.ip = {4, {192, 0, 2, i / 2}}, .version = 10, .port = 1, .domain = i};
    for (uint32_t i = 0; i < BATCH; i++) {
        row_make(i, large);
        batch.rows++;
    }
    buf_init(&wire, FLOW_WIRE_MAX);
    assert_true(flow_batch_seal(&batch, &wire));
    assert_int_equal(flow_store_append(s, buf_view(&wire), &first, &e), 0);
    buf_done(&wire);
}

static inline struct flow_store *store_in(const char *where)
{
    struct flow_store_cfg cfg = {.dir = where, .sync_ms = 100, .block_rows = 4096};
    struct flow_store *s = NULL;
    assert_int_equal(flow_store_open(&cfg, &clk, &s, NULL), 0);
    return s;
}

static inline struct flow_store *store(void) { return store_in(dir); }

/* Another store's blocks, as two relays' in turn. */
static inline void guests_add(struct flow_store *s, struct flow_segment **g)
{
    static const char *const names[] = {"xa-dong", "huyen-tay"};
    struct flow_store *other = store_in(guest_dir);
    uint64_t first = 1, torn = 0;
    struct flow_stored b;
    char name[64];

    for (int i = 0; i < ROWS / BATCH; i++)
        append(other, false);
    flow_store_close(other);
    other = store_in(guest_dir);
    assert_true(flow_block_hold(other, first, g, &b));
    snprintf(name, sizeof(name), "%s", strrchr((*g)->path, '/') + 1);
    flow_guest_unref(other, *g);
    flow_store_close(other);
    assert_int_equal(flow_segment_open(guest_dir, name, FLOW_SEGMENT_KEPT, g, &torn, NULL), 0);
    assert_true((*g)->nblocks > 2);
    for (size_t i = 0; i < (*g)->nblocks; i++) {
        const struct flow_stored *x = (*g)->blocks[i];
        assert_int_equal(flow_guest_add(s, *g, x, flow_guest_reserve(s, x->head.rows), names[i % 2], NULL), 0);
    }
}

/* --- asked twice -------------------------------------------------------------- */

static const char *const filters[] = {
    "",
    "dst_port:<30 ",
    "proto:tcp ",
    "tcp_flags:*S* ",
    "src:10.0.0.0/28 OR src:fd00::/8 ",
    "NOT (tcp_flags:*S* dst_port:<20) ",
    "packets:>1000 ",
    "exporter:192.0.2.0 ",
    "since:2026-11-21T02:29:59.5Z ",
    "src_zone:dmz OR dst_unit:u2 ",
    "relay:xa* ",
    "NOT relay:* packets:>10 ",
};
static const char *const keys[] = {"src",       "dst",      "src_port", "dst_port", "proto",   "proto_number",
                                   "tcp_flags", "exporter", "domain",   "in_if",    "src_as",  "src_mac",
                                   "tos",       "next_hop", "packets",  "bytes",    "nat_src", "dst_vlan",
                                   "src_zone",  "dst_zone", "dst_unit", "relay"};
static const char *const sums[] = {"bytes", "packets", "dst_port", "tos", "packets_back"};
static const char *const folds[] = {"sum", "avg", "min", "max", "p50", "p99"};
static const char *const steps[] = {"1s", "7s", "1m", "1d"};
#define ONE_OF(list) list[rnd(sizeof(list) / sizeof(list[0]))]

static inline void keys_put(struct buf *b)
{
    for (uint64_t i = 0, n = 1 + rnd(3); i < n; i++)
        buf_fmt(b, i > 0 ? ", %s" : " %s", ONE_OF(keys));
}

static inline void question(struct buf *b)
{
    buf_clear(b);
    buf_fmt(b, "from:flows %s| ", ONE_OF(filters));
    switch (rnd(9)) {
    case 0:
        buf_z(b, "count");
        break;
    case 1:
        buf_z(b, "count by"), keys_put(b);
        break;
    case 2:
        buf_fmt(b, "top %d", (int)(1 + rnd(12))), keys_put(b), buf_fmt(b, " by %s", ONE_OF(sums));
        break;
    case 3:
        buf_fmt(b, "%s %s by", ONE_OF(folds), ONE_OF(sums)), keys_put(b);
        break;
    case 4:
        buf_fmt(b, "%s %s", ONE_OF(folds), ONE_OF(sums));
        break;
    case 5:
        buf_fmt(b, "histogram %s", ONE_OF(steps));
        if (rnd(2))
            buf_z(b, " by"), keys_put(b);
        break;
    case 6:
        buf_fmt(b, "histogram %s %s %s", ONE_OF(steps), ONE_OF(folds), ONE_OF(sums));
        if (rnd(3))
            buf_z(b, " by"), keys_put(b);
        if (rnd(4) == 0)
            buf_z(b, " | top 3");
        break;
    case 7:
        buf_fmt(b, "%s at", rnd(2) ? "min" : "max");
        if (rnd(2))
            buf_z(b, " by"), keys_put(b);
        break;
    default:
        buf_z(b, "count by"), keys_put(b), buf_fmt(b, " | top %d | sort count", (int)(1 + rnd(5)));
    }
}

static inline bool row_text(void *ctx, const struct source_value *v, size_t n)
{
    char scratch[VALUE_SCRATCH];

    for (size_t i = 0; i < n; i++) {
        buf_fmt(ctx, "%d:", (int)v[i].type);
        buf_str(ctx, source_value_text(&v[i], scratch));
        buf_byte(ctx, i + 1 < n ? ' ' : '\n');
    }
    return true;
}

static inline void ask(const struct row_source *from, const struct query *q, struct buf *out, struct pipe_stats *st)
{
    struct err e = {0};

    buf_clear(out);
    assert_int_equal(pipe_run(q, from, NULL, UINT64_MAX, row_text, out, st, &e), 0);
}

struct listing {
    const struct query *q;
    struct buf text;
    size_t n;
};

static inline bool row_list(void *ctx, const struct source_row *r)
{
    struct listing *l = ctx;
    char scratch[VALUE_SCRATCH], more[VALUE_SCRATCH];

    if (!query_row_match(l->q, r))
        return true;
    l->n++;
    buf_fmt(&l->text, "%llu", (unsigned long long)r->seq);
    for (unsigned f = 0; f < r->source->nfields; f++) {
        struct source_value v;
        r->source->get(r, f, scratch, &v);
        buf_fmt(&l->text, " %d:", (int)v.type);
        buf_str(&l->text, source_value_text(&v, more));
    }
    buf_byte(&l->text, '\n');
    return true;
}

/* What is declared: nets in nets, a zone in two nets, a unit that comes from the wider net. */
static inline void nets_load(void *ctx, struct flow_nets *nets)
{
    static const struct {
        const char *net, *zone, *unit;
    } declared[] = {{"fd00::/8", "LAN", "U2"}, {"10.0.0.0/28", "DMZ", ""},     {"10.0.0.0/8", "LAN", "U1"},
                    {"10.0.0.4/30", "", "U3"}, {"172.16.0.0/12", "FAR", "U4"}, {"10.0.8.0/24", "LAN", "U2"}};
    static struct flow_net list[sizeof(declared) / sizeof(declared[0])];

    for (size_t i = 0; i < sizeof(declared) / sizeof(declared[0]); i++) {
        list[i] = (struct flow_net){.of = {str_c(declared[i].zone), str_c(declared[i].unit)}};
        assert_true(prefix_parse(str_c(declared[i].net), &list[i].net));
    }
    nets->v = list;
    nets->n = sizeof(declared) / sizeof(declared[0]);
}
#endif

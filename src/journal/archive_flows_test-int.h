/* For the tests of flows in archives: a journal, its second place, and the flow store under the journal's ledger. */
#ifndef LUY_ARCHIVE_FLOWS_TEST_INT_H
#define LUY_ARCHIVE_FLOWS_TEST_INT_H
#include "journal/archive_test-int.h"
#include "journal/flow_store-int.h"

enum { ROWS = 40 };
struct both {
    struct kit k;
    char flows[80];
    struct flow_store_cfg cfg;
    struct flow_store *s;
    struct flow_batch batch;
    uint64_t put;
};

static inline void both_open(struct both *b)
{
    struct err e = {0};

    kit_open(&b->k);
    b->cfg.dir = b->flows;
    b->cfg.ledger = journal_ledger(b->k.j);
    if (flow_store_open(&b->cfg, &b->k.clk, &b->s, &e) < 0 || journal_archive_flows(b->k.j, b->s, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
}

static inline void both_close(struct both *b)
{
    assert_int_equal(journal_archive_flows(b->k.j, NULL, NULL), 0);
    flow_store_close(b->s);
    journal_close(b->k.j);
    b->s = NULL;
    b->k.j = NULL;
}

static inline void value_put(struct both *b, enum flow_col c, uint32_t row, uint64_t v)
{
    memcpy((uint8_t *)flow_batch_col(&b->batch, c) + (size_t)row * flow_columns[c].width, &v, flow_columns[c].width);
}

static inline void flows_put(struct both *b)
{
    struct buf wire;
    uint64_t first;

    flow_batch_clear(&b->batch);
    b->batch.nexporters = 1;
    b->batch.exporters[0] = (struct flow_exporter){.ip = {4, {192, 0, 2, 1}}, .version = 10, .port = 4000};
    for (uint32_t i = 0; i < ROWS; i++, b->put++) {
        value_put(b, FC_received, i, (uint64_t)clock_wall(&b->k.clk) + i);
        value_put(b, FC_end, i, (uint64_t)clock_wall(&b->k.clk) - b->put * 1000000);
        value_put(b, FC_families, i, FAM_4);
        value_put(b, FC_src, i, 0x0a000000 + b->put % 17);
        value_put(b, FC_dst_port, i, b->put * 77 % 60000);
        value_put(b, FC_bytes, i, b->put * b->put);
    }
    b->batch.rows = ROWS;
    buf_init(&wire, FLOW_WIRE_MAX);
    assert_true(flow_batch_seal(&b->batch, &wire));
    assert_int_equal(flow_store_append(b->s, buf_view(&wire), &first, NULL), 0);
    buf_done(&wire);
}

/* Two blocks, so one file, of that day. */
static inline void flows_of_day(struct both *b, const char *day)
{
    for (int i = 0; i < 2; i++) {
        set_day(&b->k, day);
        both_open(b);
        flows_put(b);
        both_close(b);
    }
    b->k.clk.set_wall = TEST_NOW;
}
#endif

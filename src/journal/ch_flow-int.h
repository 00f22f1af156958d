/* Columns of flows in the set, and one row of it as a page that query_flows reads. */
#ifndef LUY_JOURNAL_CH_FLOW_INT_H
#define LUY_JOURNAL_CH_FLOW_INT_H
#include "journal/ch-int.h"
#include "journal/ch_flow.h"
#include "journal/flow_source-int.h"

/* All of the table with their types, in the order of RowBinary. */
void ch_flow_columns(struct buf *sql);
/* What ch_flow_read reads: names alone, from `relay` on. */
void ch_flow_names(struct buf *sql);
/* A column that is a number of its own, as SQL of UInt64; as a query shows it: no more than INT64_MAX. */
void ch_flow_number(struct buf *sql, const struct flow_query_field *f);

struct ch_flow {
    struct flow_rows rows; /* one row, whose columns lie in v */
    struct flow_page page;
    uint64_t v[FC_COUNT];
    uint8_t v6[FLOW_ADDRESSES][16];
    struct flow_exporter exporter;
    char relay[CH_RELAY_MAX + 1];
};
void ch_flow_begin(struct ch_flow *f);
bool ch_flow_read(struct ch_flow *f, rd *r); /* false: no such flow; r->bad: not whole yet */
#endif

/* Flows in the ClickHouse set, beside the events (ch.h): tables `flow_local` and
 * `flow` of the same build, a row for each flow of the flow store.
 *
 * Every column of intake/flow.h is one of its type: times are ns since 1970 and 0
 * where the exporter said none, an address is 16 bytes as events have them, and
 * `families` says two bits an address which are there, so that 0.0.0.0 and no
 * address differ. Beside them `at` is flow_time(), and who exported is written out
 * (`exporter_family`, `exporter`, `exporter_port`, `exporter_version`, `domain`);
 * how many datagrams a batch had is not there.
 *
 * Calls are on a set that was opened with CH_FLOWS; setup, insert, deletion and the
 * next number are ch.h's. */
#ifndef LUY_JOURNAL_CH_FLOW_H
#define LUY_JOURNAL_CH_FLOW_H
#include "journal/ch.h"
#include "journal/flow_source.h"

/* False: full, or p->rc. Of p->rc < 0 the batch is to be cleared. */
bool ch_batch_add_flow(struct ch_batch *b, uint64_t seq, struct flow_page *p, uint32_t row);
/* As ch_where, over the flow table and for a query of a source with query_flows' fields. Zones and units are not
 * there: what asks for them is inexact. */
int ch_flow_where(const struct query *q, struct buf *sql, bool *exact);
/* A source's scan and fold (source.h) with query_flows' fields and get; errors as ch_search. Counts, sums, averages,
 * min and max are made over there, p50, p99 and groups by zone or unit are not. */
int ch_flow_rows(struct ch *c, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *ctx,
                 struct search_stats *st, struct err *e);
int ch_flow_fold(struct ch *c, const struct query *q, const struct search_opts *o, source_group_fn *fn, void *ctx,
                 struct search_stats *st, struct err *e);
#endif

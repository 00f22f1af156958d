/* Flows as a source of the query language: from:flows dst_port:22 packets:>100.
 * Filters by number, address, prefix and protocol run on columns; the rest is
 * the caller's query_row_match(). */
#ifndef LUY_JOURNAL_FLOW_SOURCE_H
#define LUY_JOURNAL_FLOW_SOURCE_H
#include "journal/flow_nets.h"
#include "journal/flow_store.h"
#include "journal/journal.h"

/* Names and labels of fields; no scan. */
extern const struct row_source query_flows;
/* The same over a store, which must outlive it. Its `more` may be set to a struct
 * flow_nets, which knows zones and units; without it no flow has any. */
struct row_source flow_source(struct flow_store *s);
/* Rows of a page that can fit the query: one byte a row, 1 or 0, in `fits` (n of
 * the page). Never 0 for a row that fits. *exact: none too many. False: p->rc. */
bool flow_filter(struct flow_page *p, const struct query *q, uint8_t *fits, bool *exact);
#endif

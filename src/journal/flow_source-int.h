/* Fields of flows as a query names them, and the columns behind them. */
#ifndef LUY_JOURNAL_FLOW_SOURCE_INT_H
#define LUY_JOURNAL_FLOW_SOURCE_INT_H
#include "journal/flow_source.h"
#include "journal/query-int.h"

enum flow_field_of {
    FF_AT,
    FF_DURATION,
    FF_EXPORTER,
    FF_DOMAIN,
    FF_PROTO,
    FF_TCP_FLAGS,
    FF_ZONE, /* of the address in the column beside the name */
    FF_UNIT,
    FF_RELAY,   /* one for a whole page */
    FF_COLUMNS, /* from here on the column beside the name, as it is */
};
struct flow_query_field {
    uint8_t kind, col;
};
extern const struct flow_query_field flow_query_fields[];
/* A row's data. */
struct flow_place {
    struct flow_page *page;
    uint32_t row;
    str relay; /* by whom its page came */
};
const char *flow_proto_name(uint8_t proto);        /* NULL: by its number */
int flow_proto_number(const struct pattern *name); /* -1: none, or several */
/* The value of such a field; not for addresses, exporters and what is reckoned from several columns. */
void flow_value_out(const struct flow_query_field *f, uint64_t v, char scratch[VALUE_SCRATCH],
                    struct source_value *out);
static inline bool flow_field_is_net(const struct flow_query_field *f)
{
    return f->kind == FF_ZONE || f->kind == FF_UNIT;
}
static inline enum flow_net_kind flow_field_net(const struct flow_query_field *f)
{
    return f->kind == FF_ZONE ? FN_ZONE : FN_UNIT;
}
void flow_value_net(struct flow_nets *nets, const struct flow_query_field *f, uint32_t number,
                    struct source_value *out);
void flow_value_ip(struct ip ip, struct source_value *out);
void flow_value_time(int64_t ns, struct source_value *out); /* 0: none */

uint64_t flow_fitting(const uint8_t *fits, uint32_t n); /* how many are 1 */
struct flow_scan_opts flow_scan_opts_of(const struct query *q, const struct search_opts *o);
/* Takes out of fits the rows that the query does not fit; false: p->rc. */
bool flow_rows_match(struct flow_page *p, const struct query *q, uint8_t *fits);

/* Bounds as lo..hi, both in; false: nothing fits. */
bool flow_bounds(const struct query_node *n, uint64_t *lo, uint64_t *hi);

/* flow_fold.c */
bool flow_step_fits(const struct query_step *s); /* one that is added up on columns */
enum step_fold flow_step_fold(const struct query_step *s);
int flow_fold(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want, source_group_fn *fn,
              void *fn_ctx, struct search_stats *st, struct err *e);
#endif

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
    FF_COLUMNS, /* from here on the column beside the name, as it is */
};
struct flow_query_field {
    uint8_t kind, col;
};
extern const struct flow_query_field flow_query_fields[];
const char *flow_proto_name(uint8_t proto);        /* NULL: by its number */
int flow_proto_number(const struct pattern *name); /* -1: none, or several */
#endif

/* Rows of a query's result as JSON, CSV and text. */
#ifndef LUY_API_QUERY_ROWS_H
#define LUY_API_QUERY_ROWS_H
#include "journal/pipe.h"

void rows_json_array(struct buf *b, const struct source_value *v, size_t n); /* [..]; whole numbers past 2^53 as text */
void rows_json_object(struct buf *b, const struct pipe_column *c, const struct source_value *v, size_t n);
void rows_csv_head(struct buf *b, const struct pipe_column *c, size_t n);
void rows_csv(struct buf *b, const struct source_value *v, size_t n);
void rows_text(struct buf *b, const struct source_value *v, size_t n); /* separated by tabs; control bytes as blanks */
#endif

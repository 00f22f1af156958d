/* See query_rows.h. Numbers stay exact: a decimal is written as it stood, and a
 * whole number that a reader's double could not hold as text. */
#include "api/query_rows.h"

static const int64_t double_exact = INT64_C(1) << 53;

static void json_value(struct buf *b, const struct source_value *v)
{
    char scratch[VALUE_SCRATCH];
    str t = source_value_text(v, scratch);

    if (v->type == VT_NONE)
        buf_z(b, "null");
    else if (v->type == VT_BOOL || (v->type == VT_INT && v->num <= double_exact && v->num >= -double_exact))
        buf_str(b, t);
    else
        buf_json(b, t);
}

void rows_json_array(struct buf *b, const struct source_value *v, size_t n)
{
    buf_byte(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_byte(b, ',');
        json_value(b, &v[i]);
    }
    buf_byte(b, ']');
}

void rows_json_object(struct buf *b, const struct pipe_column *c, const struct source_value *v, size_t n)
{
    buf_byte(b, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_byte(b, ',');
        buf_json(b, c[i].name);
        buf_byte(b, ':');
        json_value(b, &v[i]);
    }
    buf_z(b, "}\n");
}

void rows_csv_head(struct buf *b, const struct pipe_column *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_byte(b, ',');
        buf_csv(b, c[i].name);
    }
    buf_z(b, "\r\n");
}

void rows_csv(struct buf *b, const struct source_value *v, size_t n)
{
    char scratch[VALUE_SCRATCH];

    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_byte(b, ',');
        buf_csv(b, source_value_text(&v[i], scratch));
    }
    buf_z(b, "\r\n");
}

void rows_text(struct buf *b, const struct source_value *v, size_t n)
{
    char scratch[VALUE_SCRATCH];

    for (size_t i = 0; i < n; i++) {
        str t = source_value_text(&v[i], scratch);
        if (i > 0)
            buf_byte(b, '\t');
        for (size_t k = 0; k < t.n; k++)
            buf_byte(b, (uint8_t)t.p[k] < ' ' ? ' ' : (uint8_t)t.p[k]);
    }
    buf_byte(b, '\n');
}

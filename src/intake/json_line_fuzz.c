/* Any bytes are a line: kept whole, spans inside, and what the walk calls well
 * formed the library that others use calls so too. First 8 bytes: time of receipt. */
#include "intake/json_line.h"
#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static bool inside(void *ctx, str path, enum json_kind kind, str value)
{
    const str *raw = ctx;

    if (value.p < raw->p || value.p + value.n > raw->p + raw->n || path.n > JSON_LINE_PATH)
        abort();
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct event ev;
    int64_t received;

    if (n < 8)
        return 0;
    memcpy(&received, p, 8);
    str raw = {(const char *)p + 8, n - 8};
    json_line_parse(raw, received, 420, &ev);
    if (ev.raw.p != raw.p || ev.format != FMT_JSON || ev.severity > 7)
        abort();
    for (int i = 0; i < SP_COUNT; i++)
        if (ev.span[i].off > ev.raw.n || ev.span[i].len > ev.raw.n - ev.span[i].off)
            abort();
    json_error_t why;
    json_t *o = json_loadb(raw.p, raw.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (o != NULL && json_is_object(o) && memchr(raw.p, 0, raw.n) == NULL && strstr(why.text, "depth") == NULL &&
        raw.n < JSON_LINE_DEPTH && !json_line_walk(raw, inside, &raw))
        abort(); /* too short to be too deep */
    json_decref(o);
    json_line_walk(raw, inside, &raw);
    return 0;
}

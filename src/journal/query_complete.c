/* See complete.h. The text need not be a query yet: only quotes, bars and
 * blanks are looked at. */
#include "journal/complete.h"

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static size_t word_start(str text, size_t low, size_t at, bool commas)
{
    while (at > low && !is_blank(text.p[at - 1]) && memchr("(|", text.p[at - 1], 2) == NULL &&
           !(commas && text.p[at - 1] == ','))
        at--;
    return at;
}

void query_complete(str text, size_t at, struct complete *out)
{
    size_t bar = SIZE_MAX, colon;
    bool quoted = false;

    *out = (struct complete){0};
    at = at < text.n ? at : text.n;
    for (size_t i = 0; i < at; i++) {
        if (text.p[i] == '\\' && i + 1 < at)
            i++;
        else if (text.p[i] == '"')
            quoted = !quoted;
        else if (text.p[i] == '|' && !quoted)
            bar = i;
    }
    if (quoted)
        return;
    out->from = word_start(text, bar == SIZE_MAX ? 0 : bar + 1, at, bar != SIZE_MAX);
    if (bar != SIZE_MAX) {
        bool first = str_trim(str_sub(text, bar + 1, out->from - bar - 1)).n == 0;
        out->kind = first ? CK_STEP : CK_FIELD;
        out->pipe = bar;
        out->from += !first && out->from < at && text.p[out->from] == '-';
    } else {
        out->kind = CK_TERM;
        colon = str_find(str_sub(text, out->from, at - out->from), STR(":"));
        if (colon != SIZE_MAX) {
            out->kind = CK_VALUE;
            out->field = str_sub(text, out->from, colon);
            out->from += colon + 1;
        }
    }
    out->prefix = str_sub(text, out->from, at - out->from);
}

/* Values of rows: found by reference, compared, written. Pure, any thread. */
#include "journal/journal.h"
#include "journal/query-int.h"
#include <limits.h>

static bool first_value(void *ctx, const struct source_value *v)
{
    *(struct source_value *)ctx = *v;
    return false;
}

/* A field of the resolver that the decoders do not find may stand in JSON. */
static void resolved_value(const struct query *q, const struct query_ref *ref, const struct event *ev, char *scratch,
                           struct source_value *out)
{
    q->resolver->get(q->resolver->ctx, ev, ref->field, scratch, out);
    if (out->type == VT_NONE)
        path_values(ev, ref->name, first_value, out);
}

void query_ref_value(const struct query *q, const struct query_ref *ref, const struct source_row *r,
                     char scratch[VALUE_SCRATCH], struct source_value *out)
{
    *out = (struct source_value){0};
    switch (ref->kind) {
    case QR_FIELD:
        q->source->get(r, ref->field, scratch, out);
        break;
    case QR_RESOLVED:
        resolved_value(q, ref, &((const struct hit *)r->data)->ev, scratch, out);
        break;
    case QR_PATH:
        path_values(&((const struct hit *)r->data)->ev, ref->name, first_value, out);
        break;
    case QR_COLUMN: /* of a step, not of a row: pipe.c has it */
        break;
    }
    if (out->type == VT_TEXT && out->text.n == 0)
        out->type = VT_NONE;
}

enum value_type query_ref_type(const struct query *q, const struct query_ref *ref)
{
    return ref->kind == QR_FIELD      ? q->source->fields[ref->field].type
           : ref->kind == QR_RESOLVED ? q->resolver->fields[ref->field].type
                                      : VT_NONE;
}

static size_t span_text(int64_t ns, char *out)
{
    static const struct {
        char unit;
        int64_t ns;
    } units[] = {{'d', 86400 * NS_PER_S}, {'h', 3600 * NS_PER_S}, {'m', 60 * NS_PER_S}, {'s', NS_PER_S}};
    uint64_t left = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    size_t n = 0;

    if (ns < 0)
        out[n++] = '-';
    if (left < (uint64_t)NS_PER_S)
        return n + (size_t)snprintf(out + n, VALUE_SCRATCH - n, "%.6gs", (double)left / (double)NS_PER_S);
    for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
        if (left >= (uint64_t)units[u].ns)
            n += (size_t)snprintf(out + n, VALUE_SCRATCH - n, "%llu%c",
                                  (unsigned long long)left / (unsigned long long)units[u].ns, units[u].unit);
        left %= (uint64_t)units[u].ns;
    }
    return n;
}

str source_value_text(const struct source_value *v, char scratch[VALUE_SCRATCH])
{
    switch (v->type) {
    case VT_NONE:
        return STR("");
    case VT_BOOL:
        return v->num ? STR("true") : STR("false");
    case VT_INT:
        return (str){scratch, (size_t)snprintf(scratch, VALUE_SCRATCH, "%lld", (long long)v->num)};
    case VT_DURATION:
        return (str){scratch, span_text(v->num, scratch)};
    case VT_TIME: {
        int digits = v->num % NS_PER_S == 0 ? 0 : v->num % NS_PER_MS == 0 ? 3 : v->num % 1000 == 0 ? 6 : 9;
        return (str){scratch, time_fmt(v->num, digits, scratch, VALUE_SCRATCH)};
    }
    case VT_IP:
        return (str){scratch, ip_fmt(v->ip, scratch, VALUE_SCRATCH)};
    default:
        return v->text;
    }
}

bool source_value_decimal(const struct source_value *v, char scratch[VALUE_SCRATCH], struct decimal *out)
{
    switch (v->type) {
    case VT_INT:
        return decimal_parse(source_value_text(v, scratch), out);
    case VT_DECIMAL:
    case VT_TEXT:
        return decimal_parse(v->text, out);
    default:
        return false;
    }
}

static bool is_number(const struct source_value *v)
{
    return v->type == VT_INT || v->type == VT_DECIMAL || v->type == VT_TEXT;
}

static int number_cmp(const struct source_value *a, const struct source_value *b, int *out)
{
    char s[VALUE_SCRATCH], t[VALUE_SCRATCH];
    struct decimal x, y;
    bool nx = source_value_decimal(a, s, &x), ny = source_value_decimal(b, t, &y);

    if (nx && ny)
        *out = decimal_cmp(&x, &y);
    else if (nx != ny)
        *out = nx ? -1 : 1; /* numbers before texts: one order for all */
    return nx || ny;
}

int source_value_cmp(const struct source_value *a, const struct source_value *b)
{
    char s[VALUE_SCRATCH], t[VALUE_SCRATCH];
    int c = 0;

    if (a->type == VT_NONE || b->type == VT_NONE)
        return (a->type != VT_NONE) - (b->type != VT_NONE);
    if (a->type == b->type && a->type == VT_IP)
        return ip_cmp(a->ip, b->ip);
    if (a->type == b->type && a->type != VT_TEXT && a->type != VT_DECIMAL)
        return (a->num > b->num) - (a->num < b->num);
    if (is_number(a) && is_number(b) && number_cmp(a, b, &c))
        return c;
    return str_cmp(source_value_text(a, s), source_value_text(b, t));
}

/* ---- tests ---- */

static bool in_bounds(const struct query_node *n, const struct source_value *v)
{
    char scratch[VALUE_SCRATCH];
    struct decimal d;
    bool timed = v->type == VT_TIME || v->type == VT_DURATION, plain = v->type == VT_INT || timed;
    int lo = 1, hi = -1;

    if (plain && (!n->lo.set || n->lo.whole) && (!n->hi.set || n->hi.whole)) {
        lo = n->lo.set ? (v->num > n->lo.num) - (v->num < n->lo.num) : 1;
        hi = n->hi.set ? (v->num > n->hi.num) - (v->num < n->hi.num) : -1;
    } else if (timed || !source_value_decimal(v, scratch, &d)) {
        return false;
    } else {
        lo = n->lo.set ? decimal_cmp(&d, &n->lo.d) : 1;
        hi = n->hi.set ? decimal_cmp(&d, &n->hi.d) : -1;
    }
    return (lo > 0 || (lo == 0 && n->lo.in)) && (hi < 0 || (hi == 0 && n->hi.in));
}

static bool in_net(const struct query_node *n, const struct source_value *v)
{
    struct ip ip = v->ip;

    if (v->type != VT_IP && (v->type != VT_TEXT || !ip_parse(v->text, &ip)))
        return false;
    return ip.family != 0 && prefix_has(n->net, ip);
}

static bool test_value(const struct query_node *n, const struct source_value *v)
{
    char scratch[VALUE_SCRATCH];

    if (v->type == VT_NONE || (v->type == VT_TEXT && v->text.n == 0))
        return n->test == QT_LIKE && n->pat.n == 0;
    switch (n->test) {
    case QT_EQUAL: {
        struct decimal d;
        if (v->type == VT_TIME || v->type == VT_DURATION || v->type == VT_INT)
            return in_bounds(n, v);
        if (source_value_decimal(v, scratch, &d))
            return decimal_cmp(&d, &n->lo.d) == 0;
        return pattern_whole(&n->pat, source_value_text(v, scratch));
    }
    case QT_NUMBER:
        return in_bounds(n, v);
    case QT_NET:
        return in_net(n, v);
    case QT_REGEX:
        return regex_within(&n->re, source_value_text(v, scratch), n->q->fault);
    default:
        return pattern_whole(&n->pat, source_value_text(v, scratch));
    }
}

struct any {
    const struct query_node *n;
    bool seen, fits;
};

static bool any_value(void *ctx, const struct source_value *v)
{
    struct any *a = ctx;

    a->seen = a->seen || v->type != VT_TEXT || v->text.n > 0;
    a->fits = test_value(a->n, v);
    return !a->fits;
}

/* Of several values one must fit; none is the empty text. */
static bool path_match(const struct query_node *n, const struct event *ev)
{
    struct any a = {.n = n};

    path_values(ev, n->ref.name, any_value, &a);
    if (n->test == QT_LIKE && n->pat.n == 0)
        return !a.seen;
    return a.fits;
}

static bool value_match(const struct query_node *n, const struct source_row *r)
{
    char scratch[VALUE_SCRATCH];
    struct source_value v = {0};
    const struct query *q = n->q;

    if (n->ref.kind == QR_PATH)
        return path_match(n, &((const struct hit *)r->data)->ev);
    if (n->ref.kind == QR_RESOLVED) {
        const struct event *ev = &((const struct hit *)r->data)->ev;
        q->resolver->get(q->resolver->ctx, ev, n->ref.field, scratch, &v);
        return v.type == VT_NONE ? path_match(n, ev) : test_value(n, &v);
    }
    q->source->get(r, n->ref.field, scratch, &v);
    return test_value(n, &v);
}

/* Any text field of a row that is not a line. */
static bool text_match(const struct query_node *n, const struct source_row *r)
{
    const struct row_source *s = r->source;
    char scratch[VALUE_SCRATCH];
    struct source_value v;
    bool fits = false;

    for (unsigned i = 0; i < s->nfields && !fits; i++) {
        if (s->fields[i].type == VT_TIME || s->fields[i].type == VT_DURATION || s->fields[i].type == VT_BOOL)
            continue;
        s->get(r, i, scratch, &v);
        if (v.type == VT_NONE)
            continue;
        str t = source_value_text(&v, scratch);
        fits = n->kind == QN_TEXT    ? pattern_within(&n->pat, t)
               : n->kind == QN_FOLD  ? fold_within(&n->pat, n->bare, t)
               : n->kind == QN_REGEX ? regex_within(&n->re, t, n->q->fault)
                                     : false;
    }
    return fits;
}

bool query_node_row(const struct query_node *n, const struct source_row *r)
{
    switch (n->kind) {
    case QN_AND:
        for (size_t i = 0; i < n->nkids; i++)
            if (!query_node_row(n->kids[i], r))
                return false;
        return true;
    case QN_OR:
        for (size_t i = 0; i < n->nkids; i++)
            if (query_node_row(n->kids[i], r))
                return true;
        return false;
    case QN_NOT:
        return !query_node_row(n->kids[0], r);
    case QN_VALUE:
        return value_match(n, r);
    default:
        return text_match(n, r);
    }
}

bool query_row_match(const struct query *q, const struct source_row *r)
{
    char scratch[VALUE_SCRATCH];
    struct source_value t;

    if (r->source->lines)
        return query_match(q, &((const struct hit *)r->data)->ev);
    if (q->since_ns != INT64_MIN || q->until_ns != INT64_MAX) {
        r->source->get(r, r->source->time, scratch, &t);
        if (t.type != VT_TIME || t.num < q->since_ns || (t.num >= q->until_ns && q->until_ns != INT64_MAX))
            return false;
    }
    return q->root == NULL || query_node_row(q->root, r);
}

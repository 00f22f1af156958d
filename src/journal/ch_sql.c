/* A query's tree as SQL that ClickHouse 18.16 runs.
 *
 * Its regular expressions cannot say all that a pattern says: they read UTF-8,
 * and its (?i) misleads its own prefilter. So text is compared in lower case
 * (ASCII only, as the language has it), and what still cannot be said exactly
 * becomes something that is true too often where the tree asks for it, and too
 * seldom under NOT; then *exact is false and every row is asked again by
 * query_match. */
#include "journal/ch-int.h"
#include "base/text.h"
#include <errno.h>
#include "journal/query-int.h"

static const char *const column_of[QF_COUNT] = {
    [QF_SOURCE] = "source_text",
    [QF_HOST] = "host",
    [QF_PROGRAM] = "program",
    [QF_PID] = "pid",
    [QF_MSGID] = "msgid",
    [QF_SEVERITY] = "severity",
    [QF_FACILITY] = "facility",
    [QF_TRANSPORT] = "transport",
    [QF_FORMAT] = "format",
    [QF_FLAGS] = "flags",
    [QF_MSG] = "substring(raw, msg_off + 1, msg_len)",
    [QF_RAW] = "raw",
    [QF_RELAY] = "relay",
};

void ch_unsaid(struct ch_walk *w, bool denied)
{
    w->exact = false;
    buf_z(w->sql, denied ? "0" : "1");
}

/* Its prefilter knows only these escapes and takes what follows another one for text. */
static bool escapable(uint8_t c) { return c >= ' ' && c != '\\' && c != 0x7f; }

/* Can the pattern be written as a regular expression over bytes that are read as UTF-8? */
static bool expressible(const struct pattern *p)
{
    for (uint32_t i = 0; i < p->n;) {
        uint32_t k = i;
        while (k < p->n && p->kind[k] == PK_LIT)
            k++;
        if (!utf8_valid((str){(const char *)p->text + i, k - i}))
            return false;
        for (uint32_t c = i; c < k; c++)
            if (!escapable(p->text[c]))
                return false;
        if (k < p->n && p->kind[k] == PK_ONE)
            return false; /* one letter or one stray byte: not to be said */
        i = k + 1;
    }
    return true;
}

static void expression(struct ch_walk *w, const struct pattern *p, bool whole)
{
    struct buf re;

    buf_init(&re, 16 * PATTERN_MAX + 16);
    buf_z(&re, whole ? "^" : "");
    for (uint32_t i = 0; i < p->n; i++) {
        uint8_t c = p->text[i];
        if (p->kind[i] == PK_ANY) {
            buf_z(&re, "\\C*");
            continue;
        }
        if (memchr("|()^$.[?*+{", c, 11) != NULL)
            buf_byte(&re, '\\');
        buf_byte(&re, c);
    }
    buf_z(&re, whole ? "$" : "");
    ch_quote(w->sql, buf_view(&re));
    w->sql->failed = w->sql->failed || re.failed;
    buf_done(&re);
}

static void node_text(struct ch_walk *w, const struct pattern *p, bool denied)
{
    if (pattern_is_any(p) || p->n == 0) {
        buf_z(w->sql, "1");
        return;
    }
    if (p->plain || expressible(p)) {
        buf_z(w->sql, p->plain ? "positionCaseInsensitive(raw, " : "match(lower(raw), ");
        if (p->plain)
            ch_quote(w->sql, (str){(const char *)p->text, p->n});
        else
            expression(w, p, false);
        buf_z(w->sql, p->plain ? ") != 0" : ")");
        return;
    }
    if (denied || p->run.text.n == 0) {
        ch_unsaid(w, denied);
        return;
    }
    w->exact = false;
    buf_z(w->sql, "positionCaseInsensitive(raw, ");
    ch_quote(w->sql, p->run.text);
    buf_z(w->sql, ") != 0");
}

void ch_text(struct ch_walk *w, const char *column, const struct pattern *p, bool denied)
{
    if (p->n == 0) {
        buf_fmt(w->sql, "%s = ''", column);
    } else if (pattern_is_any(p)) {
        buf_fmt(w->sql, "%s != ''", column);
    } else if (p->plain) {
        buf_fmt(w->sql, "lower(%s) = ", column);
        ch_quote(w->sql, (str){(const char *)p->text, p->n});
    } else if (expressible(p)) {
        buf_fmt(w->sql, "(%s != '' AND match(lower(%s), ", column, column);
        expression(w, p, true);
        buf_z(w->sql, "))");
    } else {
        ch_unsaid(w, denied);
    }
}

static void node_field(struct ch_walk *w, const struct query_node *n, bool denied)
{
    if (query_field_names(n->field).n > 0) /* numbered, asked by pattern */
        ch_unsaid(w, denied);
    else
        ch_text(w, column_of[n->field], &n->pat, denied);
}

static void node_enum(struct ch_walk *w, const struct query_node *n)
{
    const char *col = column_of[n->field];
    size_t names = query_field_names(n->field).n;
    bool other = (n->mask & QUERY_OTHER) != 0;

    if (n->field == QF_FLAGS) {
        buf_fmt(w->sql, "(bitAnd(flags, %u) != 0", n->mask & 0xffff);
        buf_z(w->sql, other ? " OR flags = 0)" : ")");
        return;
    }
    buf_byte(w->sql, '(');
    for (size_t v = 0; v < names; v++)
        if (n->mask >> v & 1)
            buf_fmt(w->sql, "%s = %zu OR ", col, v);
    if (other)
        buf_fmt(w->sql, "%s >= %zu OR ", col, names);
    buf_z(w->sql, "0)");
}

static void bound(struct ch_walk *w, const char *column, const struct prefix *net, const char *op, bool upper)
{
    uint8_t b[16];
    int bytes = net->ip.family == 4 ? 4 : 16;

    memcpy(b, net->ip.b, sizeof(b));
    for (int bit = net->len; upper && bit < bytes * 8; bit++)
        b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    buf_fmt(w->sql, "%s %s toFixedString(unhex('", column, op);
    for (int i = 0; i < 16; i++)
        buf_fmt(w->sql, "%02x", b[i]);
    buf_z(w->sql, "'), 16)");
}

void ch_net(struct ch_walk *w, const char *column, const struct prefix *net)
{
    bound(w, column, net, ">=", false);
    buf_z(w->sql, " AND ");
    bound(w, column, net, "<=", true);
}

static void node_net(struct ch_walk *w, const struct query_node *n)
{
    buf_fmt(w->sql, "(family = %u AND ", n->net.ip.family);
    ch_net(w, "source", &n->net);
    buf_byte(w->sql, ')');
}

static void event_leaf(struct ch_walk *w, const struct query_node *n, bool denied)
{
    switch (n->kind) {
    case QN_TEXT:
        node_text(w, &n->pat, denied);
        break;
    case QN_FIELD:
        node_field(w, n, denied);
        break;
    case QN_ENUM:
        node_enum(w, n);
        break;
    case QN_NET:
        node_net(w, n);
        break;
    default:
        ch_unsaid(w, denied);
    }
}

static void node_where(struct ch_walk *w, const struct query_node *n, bool denied)
{
    switch (n->kind) {
    case QN_AND:
    case QN_OR:
        buf_byte(w->sql, '(');
        for (size_t i = 0; i < n->nkids; i++) {
            buf_z(w->sql, i == 0 ? "" : n->kind == QN_AND ? " AND " : " OR ");
            node_where(w, n->kids[i], denied);
        }
        buf_byte(w->sql, ')');
        break;
    case QN_NOT:
        buf_z(w->sql, "NOT (");
        node_where(w, n->kids[0], !denied);
        buf_byte(w->sql, ')');
        break;
    default:
        w->leaf(w, n, denied);
    }
}

int ch_walk(struct ch_walk *w, const struct query *q, const char *time)
{
    w->exact = true;
    if (q->since_ns != INT64_MIN)
        buf_fmt(w->sql, "%s >= %lld AND ", time, (long long)q->since_ns);
    if (q->until_ns != INT64_MAX)
        buf_fmt(w->sql, "%s < %lld AND ", time, (long long)q->until_ns);
    if (q->root == NULL)
        buf_byte(w->sql, '1');
    else
        node_where(w, q->root, false);
    return w->sql->failed ? -E2BIG : 0;
}

int ch_where(const struct query *q, struct buf *sql, bool *exact)
{
    struct ch_walk w = {.sql = sql, .leaf = event_leaf};
    int rc = ch_walk(&w, q, "event");

    *exact = w.exact;
    return rc;
}

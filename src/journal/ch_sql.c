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

struct walk {
    struct buf *sql;
    bool exact;
};

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

/* What cannot be said: all when it is asked for, nothing when it is denied. */
static void unsaid(struct walk *w, bool denied)
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

static void expression(struct walk *w, const struct pattern *p, bool whole)
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

static void node_text(struct walk *w, const struct pattern *p, bool denied)
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
        unsaid(w, denied);
        return;
    }
    w->exact = false;
    buf_z(w->sql, "positionCaseInsensitive(raw, ");
    ch_quote(w->sql, p->run.text);
    buf_z(w->sql, ") != 0");
}

static void node_field(struct walk *w, const struct query_node *n, bool denied)
{
    const char *col = column_of[n->field];

    if (query_field_names(n->field).n > 0) { /* numbered, asked by pattern */
        unsaid(w, denied);
        return;
    }
    if (n->pat.n == 0) {
        buf_fmt(w->sql, "%s = ''", col);
    } else if (pattern_is_any(&n->pat)) {
        buf_fmt(w->sql, "%s != ''", col);
    } else if (n->pat.plain) {
        buf_fmt(w->sql, "lower(%s) = ", col);
        ch_quote(w->sql, (str){(const char *)n->pat.text, n->pat.n});
    } else if (expressible(&n->pat)) {
        buf_fmt(w->sql, "(%s != '' AND match(lower(%s), ", col, col);
        expression(w, &n->pat, true);
        buf_z(w->sql, "))");
    } else {
        unsaid(w, denied);
    }
}

static void node_enum(struct walk *w, const struct query_node *n)
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

static void bound(struct walk *w, const struct prefix *net, const char *op, bool upper)
{
    uint8_t b[16];
    int bytes = net->ip.family == 4 ? 4 : 16;

    memcpy(b, net->ip.b, sizeof(b));
    for (int bit = net->len; upper && bit < bytes * 8; bit++)
        b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    buf_fmt(w->sql, " AND source %s toFixedString(unhex('", op);
    for (int i = 0; i < 16; i++)
        buf_fmt(w->sql, "%02x", b[i]);
    buf_z(w->sql, "'), 16)");
}

static void node_net(struct walk *w, const struct query_node *n)
{
    buf_fmt(w->sql, "(family = %u", n->net.ip.family);
    bound(w, &n->net, ">=", false);
    bound(w, &n->net, "<=", true);
    buf_byte(w->sql, ')');
}

static void node_where(struct walk *w, const struct query_node *n, bool denied)
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
        unsaid(w, denied);
    }
}

int ch_where(const struct query *q, struct buf *sql, bool *exact)
{
    struct walk w = {.sql = sql, .exact = true};

    if (q->since_ns != INT64_MIN)
        buf_fmt(sql, "event >= %lld AND ", (long long)q->since_ns);
    if (q->until_ns != INT64_MAX)
        buf_fmt(sql, "event < %lld AND ", (long long)q->until_ns);
    if (q->root == NULL)
        buf_byte(sql, '1');
    else
        node_where(&w, q->root, false);
    *exact = w.exact;
    return sql->failed ? -E2BIG : 0;
}

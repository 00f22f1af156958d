/* A query back as text, in the syntax that is read, and equality of trees:
 * parse(print(q)) equals q. Pure, any thread. */
#include "journal/query-int.h"

/* Bytes that stand bare in a word everywhere. */
static bool is_bare(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 || memchr("._-/@+%~=", c, 9) != NULL;
}

static bool all_bare(const struct pattern *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->kind[i] == PK_LIT && !is_bare(p->text[i]))
            return false;
    return p->n > 0;
}

static void print_pattern(const struct pattern *p, struct buf *out)
{
    bool bare = all_bare(p);

    if (!bare)
        buf_byte(out, '"');
    for (size_t i = 0; i < p->n; i++) {
        if (p->kind[i] == PK_LIT && memchr("*?\"\\", p->text[i], 4) != NULL)
            buf_byte(out, '\\');
        buf_byte(out, p->kind[i] == PK_ANY ? '*' : p->kind[i] == PK_ONE ? '?' : p->text[i]);
    }
    if (!bare)
        buf_byte(out, '"');
}

static void print_net(struct prefix net, struct buf *out)
{
    char t[PREFIX_TEXT_MAX];
    bool whole = net.len == (net.ip.family == 4 ? 32 : 128);
    buf_add(out, t, whole ? ip_fmt(net.ip, t, sizeof(t)) : prefix_fmt(net, t, sizeof(t)));
}

static void print_node(const struct query_node *n, struct buf *out);

static void print_kid(const struct query_node *n, bool parens, struct buf *out)
{
    if (parens)
        buf_byte(out, '(');
    print_node(n, out);
    if (parens)
        buf_byte(out, ')');
}

static void print_node(const struct query_node *n, struct buf *out)
{
    switch (n->kind) {
    case QN_AND:
    case QN_OR:
        for (size_t i = 0; i < n->nkids; i++) {
            enum query_kind k = n->kids[i]->kind;
            if (i > 0)
                buf_z(out, n->kind == QN_AND ? " " : " OR ");
            print_kid(n->kids[i], k == QN_OR || (k == QN_AND && n->kind == QN_AND), out);
        }
        break;
    case QN_NOT:
        buf_z(out, "NOT ");
        print_kid(n->kids[0], n->kids[0]->kind == QN_AND || n->kids[0]->kind == QN_OR, out);
        break;
    case QN_TEXT:
        print_pattern(&n->pat, out);
        break;
    case QN_FIELD:
    case QN_ENUM:
        buf_fmt(out, "%s:%s", query_fields[n->field].name, n->op);
        print_pattern(&n->pat, out);
        break;
    case QN_NET:
        buf_z(out, "source:");
        print_net(n->net, out);
        break;
    }
}

static void print_pipes(const struct query *q, struct buf *out)
{
    if (q->pipe == QP_COUNT || q->pipe == QP_COUNT_BY)
        buf_z(out, " | count");
    for (size_t i = 0; i < q->nby; i++)
        buf_fmt(out, "%s%s", i ? ", " : " by ", query_fields[q->by[i]].name);
    if (q->pipe == QP_HISTOGRAM) {
        buf_z(out, " | histogram ");
        query_span_print(q->step_ns, out);
    }
    if (q->limit)
        buf_fmt(out, " | limit %llu", (unsigned long long)q->limit);
}

int query_print(const struct query *q, struct buf *out)
{
    size_t start = out->n;

    if (q->root)
        print_node(q->root, out);
    if (q->since_ns != INT64_MIN) {
        buf_z(out, out->n > start ? " since:" : "since:");
        query_time_print(q->since_ns, out);
    }
    if (q->until_ns != INT64_MAX) {
        buf_z(out, out->n > start ? " until:" : "until:");
        query_time_print(q->until_ns, out);
    }
    print_pipes(q, out);
    if (out->n > start && out->p[start] == ' ') {
        memmove(out->p + start, out->p + start + 1, out->n - start - 1);
        out->n--;
    }
    return out->failed ? -1 : 0;
}

static bool pattern_equal(const struct pattern *a, const struct pattern *b)
{
    return a->n == b->n && (a->n == 0 || (memcmp(a->text, b->text, a->n) == 0 && memcmp(a->kind, b->kind, a->n) == 0));
}

static bool node_equal(const struct query_node *a, const struct query_node *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a->kind != b->kind || a->field != b->field || a->nkids != b->nkids || a->mask != b->mask)
        return false;
    if (a->kind == QN_NET && (ip_cmp(a->net.ip, b->net.ip) != 0 || a->net.len != b->net.len))
        return false;
    if (a->kind != QN_NET && !pattern_equal(&a->pat, &b->pat))
        return false;
    for (size_t i = 0; i < a->nkids; i++)
        if (!node_equal(a->kids[i], b->kids[i]))
            return false;
    return true;
}

bool query_equal(const struct query *a, const struct query *b)
{
    return node_equal(a->root, b->root) && a->since_ns == b->since_ns && a->until_ns == b->until_ns &&
           a->pipe == b->pipe && a->nby == b->nby && memcmp(a->by, b->by, sizeof(a->by)) == 0 &&
           a->step_ns == b->step_ns && a->limit == b->limit;
}

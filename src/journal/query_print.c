/* A query back as text, in the syntax that is read, and equality of trees:
 * parse(print(q)) equals q. Pure, any thread. */
#include "base/text.h"
#include "journal/query-int.h"

/* Bytes that stand bare in a word everywhere. */
static bool is_bare(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 || memchr("._-/@+%~=", c, 9) != NULL;
}

/* ~ and / at the head mean more than themselves. */
static bool all_bare(const struct pattern *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->kind[i] == PK_LIT && !is_bare(p->text[i]))
            return false;
    return p->n > 0 && (p->kind[0] != PK_LIT || (p->text[0] != '~' && p->text[0] != '/'));
}

static void print_byte(struct buf *out, uint8_t c)
{
    if (memchr("*?\"\\", c, 4) != NULL)
        buf_byte(out, '\\');
    buf_byte(out, c);
}

/* What is written as \xNN: bytes that are no text, so that a query stays UTF-8. */
enum text_form {
    TF_TEXT,  /* and control characters */
    TF_BYTES, /* and every byte that is not ASCII */
    TF_FOLD,  /* and nothing else: text with an \xNN in it is not folded */
};

static void print_text(const struct pattern *p, bool bare, enum text_form form, struct buf *out)
{
    str s = {(const char *)p->text, p->n};

    bare = bare && all_bare(p);
    if (!bare)
        buf_byte(out, '"');
    for (size_t i = 0, n; i < p->n; i += n) {
        uint8_t c = p->text[i];
        n = 1;
        if (p->kind[i] != PK_LIT)
            buf_byte(out, p->kind[i] == PK_ANY ? '*' : '?');
        else if (((c < ' ' || c == 0x7f) && form != TF_FOLD) || (form == TF_BYTES && c >= 0x80) ||
                 (n = utf8_char(str_sub(s, i, s.n - i))) == 0) {
            buf_fmt(out, "\\x%02x", c);
            n = 1;
        } else if (n == 1)
            print_byte(out, c);
        else
            buf_add(out, s.p + i, n);
    }
    if (!bare)
        buf_byte(out, '"');
}

static void print_pattern(const struct pattern *p, bool bare, struct buf *out) { print_text(p, bare, TF_TEXT, out); }

static void print_raw(const struct query_node *n, struct buf *out)
{
    bool folded = n->kind == QN_FOLD, bare = folded && n->bare;

    buf_z(out, bare ? "~" : "");
    bool stays = fold_stays((str){(const char *)n->pat.text, n->pat.n}, bare, folded);
    print_text(&n->pat, true, !stays ? TF_BYTES : folded ? TF_FOLD : TF_TEXT, out);
}

static void print_net(struct prefix net, struct buf *out)
{
    char t[PREFIX_TEXT_MAX];
    bool whole = net.len == (net.ip.family == 4 ? 32 : 128);
    buf_add(out, t, whole ? ip_fmt(net.ip, t, sizeof(t)) : prefix_fmt(net, t, sizeof(t)));
}

static void print_bound(const struct query_bound *b, enum value_type t, struct buf *out)
{
    if (t == VT_TIME)
        query_time_print(b->num, out);
    else if (t == VT_DURATION)
        fixed9_print(b->num, out); /* seconds */
    else
        buf_str(out, b->text);
}

static void print_range(const struct query_node *n, enum value_type t, struct buf *out)
{
    if (n->lo.set && n->hi.set) {
        print_bound(&n->lo, t, out);
        buf_z(out, "..");
        print_bound(&n->hi, t, out);
        return;
    }
    const struct query_bound *b = n->lo.set ? &n->lo : &n->hi;
    buf_fmt(out, "%c%s", n->lo.set ? '>' : '<', b->in ? "=" : "");
    print_bound(b, t, out);
}

static void print_regex(const struct query_regex *re, struct buf *out)
{
    buf_byte(out, '/');
    buf_str(out, re->text);
    buf_z(out, re->nocase ? "/i" : "/");
}

/* A name where it can be taken for nothing else. */
static void print_ref(const struct query_ref *ref, struct buf *out)
{
    char c = ref->name.n > 0 ? ref->name.p[0] : 0;
    bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '@';

    /* the point that a path begins with is left out where the name is one without it */
    if (ref->kind == QR_PATH && (!letter || memchr(ref->name.p, '.', ref->name.n) == NULL))
        buf_byte(out, '.');
    buf_str(out, ref->name);
}

/* A text that could be read as a number, a range or an address is quoted. */
static bool reads_otherwise(const struct pattern *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->kind[i] == PK_LIT && memchr("0123456789.", p->text[i], 11) != NULL)
            return true;
    return false;
}

static void print_value(const struct query_node *n, struct buf *out)
{
    enum value_type t = query_ref_type(n->q, &n->ref);

    print_ref(&n->ref, out);
    buf_byte(out, ':');
    switch (n->test) {
    case QT_LIKE:
        print_pattern(&n->pat, !reads_otherwise(&n->pat), out);
        break;
    case QT_EQUAL:
        if (t == VT_TIME || t == VT_DURATION)
            print_bound(&n->lo, t, out);
        else
            print_pattern(&n->pat, true, out);
        break;
    case QT_NUMBER:
        print_range(n, t, out);
        break;
    case QT_NET:
        print_net(n->net, out);
        break;
    case QT_REGEX:
        print_regex(&n->re, out);
        break;
    }
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
    case QN_FOLD:
    case QN_TEXT:
        print_raw(n, out);
        break;
    case QN_REGEX:
        print_regex(&n->re, out);
        break;
    case QN_VALUE:
        print_value(n, out);
        break;
    case QN_FIELD:
    case QN_ENUM:
        buf_fmt(out, "%s:%s", query_fields[n->field].name, n->op);
        print_pattern(&n->pat, true, out);
        break;
    case QN_NET:
        buf_z(out, "source:");
        print_net(n->net, out);
        break;
    }
}

static void print_refs(const struct query_step *s, const char *head, struct buf *out)
{
    for (size_t i = 0; i < s->nby; i++) {
        buf_z(out, i > 0 ? ", " : head);
        print_ref(&s->by[i], out);
    }
}

static void print_step(const struct query_step *s, struct buf *out)
{
    static const char *const names[] = {
        [SK_COUNT] = "count", [SK_TOP] = "top",     [SK_HISTOGRAM] = "histogram", [SK_FIELDS] = "fields",
        [SK_SORT] = "sort",   [SK_LIMIT] = "limit", [SK_UNIQUE] = "unique",
    };

    buf_fmt(out, " | %s", s->kind == SK_AGGREGATE ? query_folds[s->fold] : names[s->kind]);
    if (s->kind == SK_TOP || s->kind == SK_LIMIT)
        buf_fmt(out, " %llu", (unsigned long long)s->n);
    if (s->kind == SK_HISTOGRAM) {
        buf_byte(out, ' ');
        query_span_print(s->step_ns, out);
        if (s->of.name.n > 0) {
            buf_fmt(out, " %s ", query_folds[s->fold]);
            print_ref(&s->of, out);
        }
    }
    if (s->kind == SK_AGGREGATE || s->kind == SK_SORT) {
        buf_z(out, s->down ? " -" : " ");
        print_ref(&s->of, out);
    }
    print_refs(s, s->kind == SK_FIELDS || s->kind == SK_UNIQUE || s->kind == SK_TOP ? " " : " by ", out);
    if (s->kind == SK_TOP && s->of.name.n > 0) {
        buf_z(out, " by ");
        print_ref(&s->of, out);
    }
}

static bool mentions_source(const struct query *q)
{
    if (q->source == NULL) /* made by hand: logs */
        return false;
    return !str_eq_nocase(str_c(q->env->from != NULL ? q->env->from : query_logs.name), str_c(q->source->name));
}

int query_print(const struct query *q, struct buf *out)
{
    size_t start = out->n;

    if (q->root)
        print_node(q->root, out);
    if (mentions_source(q))
        buf_fmt(out, "%sfrom:%s", out->n > start ? " " : "", q->source->name);
    if (q->since_ns != INT64_MIN) {
        buf_z(out, out->n > start ? " since:" : "since:");
        query_time_print(q->since_ns, out);
    }
    if (q->until_ns != INT64_MAX) {
        buf_z(out, out->n > start ? " until:" : "until:");
        query_time_print(q->until_ns, out);
    }
    for (size_t i = 0; i < q->nsteps; i++)
        print_step(&q->steps[i], out);
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

static bool ref_equal(const struct query_ref *a, const struct query_ref *b)
{
    return a->kind == b->kind && a->field == b->field && str_eq(a->name, b->name);
}

static bool bound_equal(const struct query_bound *a, const struct query_bound *b)
{
    return a->set == b->set && a->in == b->in && a->whole == b->whole && a->num == b->num &&
           decimal_cmp(&a->d, &b->d) == 0;
}

static bool node_equal(const struct query_node *a, const struct query_node *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a->kind != b->kind || a->field != b->field || a->nkids != b->nkids || a->mask != b->mask ||
        a->test != b->test || a->bare != b->bare || a->re.nocase != b->re.nocase)
        return false;
    if (ip_cmp(a->net.ip, b->net.ip) != 0 || a->net.len != b->net.len)
        return false;
    if (!ref_equal(&a->ref, &b->ref) || !bound_equal(&a->lo, &b->lo) || !bound_equal(&a->hi, &b->hi) ||
        !str_eq(a->re.text, b->re.text))
        return false;
    /* of these the pattern is only what was typed */
    bool typed = a->kind == QN_NET || (a->kind == QN_VALUE && a->test != QT_LIKE);
    if (!typed && !pattern_equal(&a->pat, &b->pat))
        return false;
    for (size_t i = 0; i < a->nkids; i++)
        if (!node_equal(a->kids[i], b->kids[i]))
            return false;
    return true;
}

static bool step_equal(const struct query_step *a, const struct query_step *b)
{
    if (a->kind != b->kind || a->fold != b->fold || a->nby != b->nby || a->down != b->down || a->n != b->n ||
        a->step_ns != b->step_ns || !ref_equal(&a->of, &b->of))
        return false;
    for (size_t i = 0; i < a->nby; i++)
        if (!ref_equal(&a->by[i], &b->by[i]))
            return false;
    return true;
}

bool query_equal(const struct query *a, const struct query *b)
{
    for (size_t i = 0; i < a->nsteps && i < b->nsteps; i++)
        if (!step_equal(&a->steps[i], &b->steps[i]))
            return false;
    return node_equal(a->root, b->root) && a->since_ns == b->since_ns && a->until_ns == b->until_ns &&
           a->source == b->source && a->nsteps == b->nsteps && a->pipe == b->pipe && a->nby == b->nby &&
           memcmp(a->by, b->by, sizeof(a->by)) == 0 && a->step_ns == b->step_ns && a->limit == b->limit;
}

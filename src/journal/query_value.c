/* Field values and pipes of the query language, and the hints that go with a
 * mistake in them. Pure, any thread. */
#include "journal/query_parse-int.h"
#include <errno.h>

/* Other names that people know these values by. */
static const struct {
    enum query_field f;
    const char *name;
    uint8_t v;
} aliases[] = {
    {QF_SEVERITY, "emergency", 0}, {QF_SEVERITY, "panic", 0}, {QF_SEVERITY, "critical", 2},
    {QF_SEVERITY, "error", 3},     {QF_SEVERITY, "warn", 4},  {QF_SEVERITY, "informational", 6},
    {QF_FACILITY, "security", 4},
};
enum { ALIASES = sizeof(aliases) / sizeof(aliases[0]) };

/* Edit distance of two short words, rows of the usual table. */
static size_t distance(str a, str b)
{
    size_t row[32];

    if (a.n > 24 || b.n > 24)
        return 99;
    for (size_t k = 0; k <= b.n; k++)
        row[k] = k;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diag = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b.n; k++) {
            size_t keep = row[k], best = diag + (byte_lower((uint8_t)a.p[i - 1]) != (uint8_t)b.p[k - 1]);
            best = best < row[k] + 1 ? best : row[k] + 1;
            row[k] = best < row[k - 1] + 1 ? best : row[k - 1] + 1;
            diag = keep;
        }
    }
    return row[b.n];
}

/* The word of a list that was probably meant: a beginning, or few slips away. */
static str nearest(str word, const char *const *names, size_t n)
{
    str best = STR_NONE;
    size_t least = word.n <= 3 ? 2 : 3;

    for (size_t i = 0; i < n; i++) {
        str name = str_c(names[i]);
        size_t d = distance(word, name);
        if (word.n >= 2 && word.n < name.n && str_eq_nocase(str_sub(name, 0, word.n), word))
            d = 0;
        if (d < least) {
            least = d;
            best = name;
        }
    }
    return best;
}

int qp_field_find(struct qp *p, str name, size_t at, bool in_text, enum query_field *out)
{
    const char *names[QF_COUNT + 2] = {[QF_COUNT] = "since", [QF_COUNT + 1] = "until"};
    str hint;

    for (size_t i = 0; i < QF_COUNT; i++) {
        if (str_eq_nocase(name, str_c(query_fields[i].name))) {
            *out = query_fields[i].id;
            return 0;
        }
        names[i] = query_fields[i].name;
    }
    hint = nearest(name, names, in_text ? QF_COUNT + 2 : QF_COUNT);
    if (hint.n > 0)
        return qp_fail_at(p, at, "journal.query_field_hint", name, hint);
    return qp_fail_at(p, at, in_text ? "journal.query_field_quote" : "journal.query_field", name, STR_NONE);
}

/* Index of a name or number; -1 when it is neither. */
static int enum_value(enum query_field f, str s)
{
    struct query_names nm = query_field_names(f);
    uint64_t v;

    for (size_t i = 0; i < nm.n; i++)
        if (str_eq_nocase(s, str_c(nm.names[i])))
            return (int)i;
    for (size_t i = 0; i < ALIASES; i++)
        if (aliases[i].f == f && str_eq_nocase(s, str_c(aliases[i].name)))
            return aliases[i].v;
    if ((f == QF_SEVERITY || f == QF_FACILITY) && str_u64(s, &v) && v < nm.n)
        return (int)v;
    return -1;
}

static uint32_t mask_of_pattern(const struct pattern *pat, struct query_names nm)
{
    uint32_t mask = pat->n == 0 ? QUERY_OTHER : 0;
    for (size_t i = 0; i < nm.n; i++)
        if (pattern_whole(pat, str_c(nm.names[i])))
            mask |= 1u << i;
    return mask;
}

/* Reads < <= > >= in front of a severity; smaller numbers are more severe. */
static str cut_op(str s, char op[3])
{
    if (s.n == 0 || (s.p[0] != '<' && s.p[0] != '>'))
        return s;
    op[0] = s.p[0];
    if (s.n > 1 && s.p[1] == '=')
        op[1] = '=';
    return str_sub(s, strlen(op), s.n);
}

static uint32_t mask_of_op(const char *op, unsigned v, size_t n)
{
    uint32_t all = (1u << n) - 1, below = (1u << v) - 1, self = 1u << v;

    if (op[0] == '\0')
        return self;
    return ((op[0] == '<' ? below : all & ~below & ~self) | (op[1] == '=' ? self : 0));
}

static int enum_fail(struct qp *p, enum query_field f, const struct qp_value *v, str s)
{
    struct query_names nm = query_field_names(f);
    char list[ERR_ARG_MAX] = "";
    size_t n = 0;
    str hint = nearest(s, nm.names, nm.n);

    if (hint.n > 0)
        return qp_fail_at(p, v->at, "journal.query_value_hint", s, hint);
    for (size_t i = 0; i < nm.n && n + strlen(nm.names[i]) + 3 < sizeof(list); i++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", nm.names[i]);
    return qp_fail_at(p, v->at, "journal.query_value", s, (str){list, n});
}

static struct query_node *enum_node(struct qp *p, enum query_field f, const struct qp_value *v)
{
    struct query_node *n = qp_node(p, QN_ENUM);
    struct query_names nm = query_field_names(f);
    str s = v->text;

    if (n == NULL)
        return NULL;
    n->field = f;
    if (f == QF_SEVERITY && !v->quoted)
        s = cut_op(s, n->op);
    int k = enum_value(f, s);
    if (k >= 0) {
        n->mask = mask_of_op(n->op, (unsigned)k, nm.n);
        s = str_c(nm.names[k]);
    }
    if (!pattern_make(p->a, s, false, &n->pat)) {
        p->rc = ERR(p->e, -ENOMEM, "journal.no_memory");
        return NULL;
    }
    if (k < 0 && (n->op[0] || (n->pat.plain && n->pat.n > 0)))
        enum_fail(p, f, v, s);
    else if (k < 0)
        n->mask = mask_of_pattern(&n->pat, nm);
    return n;
}

static void net_read(struct qp *p, struct query_node *n, const struct qp_value *v)
{
    struct ip ip;
    int64_t len;
    str addr, rest = v->text;

    if (ip_parse(v->text, &ip)) {
        n->net = (struct prefix){ip, ip.family == 4 ? 32 : 128};
        return;
    }
    if (prefix_parse(v->text, &n->net))
        return;
    if (str_split(&rest, '/', &addr) && rest.p && ip_parse(addr, &ip) && str_i64(rest, &len) && len >= 0 &&
        len <= (ip.family == 4 ? 32 : 128)) {
        char t[PREFIX_TEXT_MAX];
        for (int bit = (int)len; bit < (ip.family == 4 ? 32 : 128); bit++)
            ip.b[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
        size_t k = prefix_fmt((struct prefix){ip, (uint8_t)len}, t, sizeof(t));
        qp_fail_at(p, v->at, "journal.query_prefix", v->text, (str){t, k});
        return;
    }
    qp_fail_at(p, v->at, "journal.query_address", v->text, STR_NONE);
}

static struct query_node *field_node(struct qp *p, enum query_field f, const struct qp_value *v)
{
    struct query_node *n = qp_node(p, QN_FIELD);

    if (n == NULL)
        return NULL;
    n->field = f;
    if (!pattern_make(p->a, v->text, false, &n->pat)) {
        p->rc = ERR(p->e, -ENOMEM, "journal.no_memory");
        return NULL;
    }
    if (f == QF_SOURCE && n->pat.plain && n->pat.n > 0) {
        n->kind = QN_NET;
        net_read(p, n, v);
    }
    return n;
}

struct query_node *qp_field_value(struct qp *p, enum query_field f)
{
    struct qp_value v;

    if (qp_value(p, &v) < 0)
        return NULL;
    if (v.text.n == 0 && !v.quoted) {
        qp_fail_at(p, v.at, "journal.query_no_value", str_c(query_fields[f].name), STR_NONE);
        return NULL;
    }
    if (v.text.n > PATTERN_MAX) {
        qp_fail_at(p, v.at, "journal.query_text_long", str_c(err_n(PATTERN_MAX)), STR_NONE);
        return NULL;
    }
    return query_field_names(f).n ? enum_node(p, f, &v) : field_node(p, f, &v);
}

/* A word of a pipe also ends at a comma. */
static str pipe_word(struct qp *p)
{
    qp_skip(p);
    size_t from = p->i;
    str w = qp_word(p), head;
    if (w.n > 0 && str_split(&w, ',', &head) && w.p != NULL) {
        p->i = from + head.n;
        return head;
    }
    return str_sub(p->s, from, p->i - from);
}

static void read_by(struct qp *p)
{
    bool more = true;

    p->q->pipe = QP_COUNT_BY;
    while (more && p->rc == 0) {
        qp_skip(p);
        size_t at = p->i;
        str name = pipe_word(p);
        enum query_field f = QF_COUNT;
        if (name.n == 0) {
            qp_fail_at(p, at, "journal.query_by_missing", STR_NONE, STR_NONE);
            return;
        }
        if (p->q->nby == 4) {
            qp_fail_at(p, at, "journal.query_by_many", STR_NONE, STR_NONE);
            return;
        }
        if (qp_field_find(p, name, at, false, &f) < 0)
            return;
        p->q->by[p->q->nby++] = f;
        qp_skip(p);
        more = p->i < p->s.n && p->s.p[p->i] == ',';
        p->i += more;
    }
}

static void read_count(struct qp *p)
{
    size_t at;
    str w;

    p->q->pipe = QP_COUNT;
    qp_skip(p);
    at = p->i;
    w = pipe_word(p);
    if (str_eq_nocase(w, STR("by")))
        read_by(p);
    else
        p->i = at;
}

static void read_number(struct qp *p, bool limit)
{
    qp_skip(p);
    size_t at = p->i;
    str w = pipe_word(p);
    uint64_t v;

    if (!limit) {
        p->q->pipe = QP_HISTOGRAM;
        if (!query_span_parse(w, &p->q->step_ns))
            qp_fail_at(p, at, "journal.query_duration", w, STR_NONE);
    } else if (p->said_limit) {
        qp_fail_at(p, at, "journal.query_limit_twice", STR_NONE, STR_NONE);
    } else if (!str_u64(w, &v) || v == 0 || v > INT64_MAX) {
        qp_fail_at(p, at, "journal.query_limit", w, STR_NONE);
    } else {
        p->said_limit = true;
        p->q->limit = v;
    }
}

void qp_pipe(struct qp *p)
{
    static const char *const pipes[] = {"count", "histogram", "limit"};
    p->i++;
    qp_skip(p);
    size_t at = p->i;
    str w = pipe_word(p);
    bool limit = str_eq_nocase(w, STR("limit"));

    if (!limit && p->q->pipe != QP_NONE && nearest(w, pipes, 2).n)
        qp_fail_at(p, at, "journal.query_pipe_twice", STR_NONE, STR_NONE);
    else if (str_eq_nocase(w, STR("count")))
        read_count(p);
    else if (limit || str_eq_nocase(w, STR("histogram")))
        read_number(p, limit);
    else if (nearest(w, pipes, 3).n)
        qp_fail_at(p, at, "journal.query_pipe_hint", w, nearest(w, pipes, 3));
    else
        qp_fail_at(p, at, "journal.query_pipe", w, STR_NONE);
    qp_skip(p);
    if (p->rc == 0 && p->i < p->s.n && p->s.p[p->i] != '|')
        qp_fail_at(p, p->i, "journal.query_unexpected", str_sub(p->s, p->i, 1), STR_NONE);
}

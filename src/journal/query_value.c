/* Fields and their tests, and the hints that go with a mistake in them. Pure,
 * any thread. */
#include "journal/query_parse-int.h"
#include <errno.h>

enum { HINTS_MAX = 256 };

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

/* ---- the source ---- */

bool qp_source_find(struct qp *p, str name)
{
    if (str_eq_nocase(name, str_c(query_logs.name))) {
        p->q->source = &query_logs;
        return true;
    }
    for (size_t i = 0; i < p->env->nsources; i++)
        if (str_eq_nocase(name, str_c(p->env->sources[i]->name))) {
            p->q->source = p->env->sources[i];
            return true;
        }
    return false;
}

int qp_source_fail(struct qp *p, size_t at, str name)
{
    char list[ERR_ARG_MAX] = "logs";
    size_t n = strlen(list);

    for (size_t i = 0; i < p->env->nsources && n < sizeof(list); i++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, ", %s", p->env->sources[i]->name);
    return qp_fail_at(p, at, "journal.query_source", name, str_c(list));
}

/* ---- names ---- */

static bool is_logs(const struct qp *p) { return p->q->source->lines; }

static int resolved_find(const struct qp *p, str name)
{
    const struct field_resolver *r = is_logs(p) ? p->q->resolver : NULL;

    for (size_t i = 0; r != NULL && i < r->nfields; i++)
        if (str_eq_nocase(name, str_c(r->fields[i].name)))
            return (int)i;
    return -1;
}

bool qp_name_is(struct qp *p, str name, bool in_text)
{
    static const char *const words[] = {"since", "until", "from"};

    for (size_t i = 0; in_text && i < sizeof(words) / sizeof(words[0]); i++)
        if (str_eq_nocase(name, str_c(words[i])))
            return true;
    return source_field_find(p->q->source, name) >= 0 || resolved_find(p, name) >= 0;
}

static str name_hint(struct qp *p, str name, bool in_text)
{
    const char *names[HINTS_MAX + 3];
    const struct row_source *s = p->q->source;
    size_t n = 0;

    for (size_t i = 0; i < s->nfields && n < HINTS_MAX; i++)
        names[n++] = s->fields[i].name;
    if (in_text) {
        names[n++] = "since";
        names[n++] = "until";
        names[n++] = "from";
    }
    return near_name(name, names, n);
}

/* Could it be the path of a JSON field? A single letter is the drive of C:\x or
 * a slip, a value of // the rest of an address of the web. */
static bool is_path(const struct qp *p, str name, bool in_text)
{
    str rest = str_sub(p->s, p->i, 2);

    if (!is_logs(p) || name.n < 2 || name.p[name.n - 1] == '.' || (in_text && str_eq(rest, STR("//"))))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool fits = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || memchr("_.@-", c, 4) != NULL;
        if (!fits || (i > 0 && c == '.' && name.p[i - 1] == '.'))
            return false;
    }
    return true;
}

static int path_ref(struct query_ref *out, str name)
{
    out->kind = QR_PATH;
    out->name = name.p[0] == '.' ? str_sub(name, 1, name.n - 1) : name;
    return 0;
}

int qp_ref(struct qp *p, str name, size_t at, bool in_text, struct query_ref *out)
{
    int k = source_field_find(p->q->source, name);
    str hint;

    if (k >= 0) {
        *out = (struct query_ref){QR_FIELD, (unsigned)k, str_c(p->q->source->fields[k].name)};
        return 0;
    }
    if ((k = resolved_find(p, name)) >= 0) {
        *out = (struct query_ref){QR_RESOLVED, (unsigned)k, str_c(p->q->resolver->fields[k].name)};
        return 0;
    }
    bool path = is_path(p, name, in_text);
    if (path && memchr(name.p, '.', name.n) != NULL)
        return path_ref(out, name);
    hint = name_hint(p, name, in_text);
    if (hint.n > 0)
        return qp_fail_at(p, at, "journal.query_field_hint", name, hint);
    if (path)
        return path_ref(out, name);
    return qp_fail_at(p, at, in_text ? "journal.query_field_quote" : "journal.query_field", name, STR_NONE);
}

/* ---- numbered fields of logs ---- */

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

/* Reads < <= > >= in front of a value. */
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

static int choice_fail(struct qp *p, const char *const *names, size_t count, const struct qp_value *v, str s)
{
    char list[ERR_ARG_MAX] = "";
    size_t n = 0;
    str hint = near_name(s, names, count);

    if (hint.n > 0)
        return qp_fail_at(p, v->at, "journal.query_value_hint", s, hint);
    for (size_t i = 0; i < count && n + strlen(names[i]) + 3 < sizeof(list); i++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", names[i]);
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
        qp_no_memory(p);
        return NULL;
    }
    if (k < 0 && (n->op[0] || (n->pat.plain && n->pat.n > 0)))
        choice_fail(p, nm.names, nm.n, v, s);
    else if (k < 0)
        n->mask = mask_of_pattern(&n->pat, nm);
    return n;
}

/* ---- the other fields ---- */

static struct query_node *field_node(struct qp *p, enum query_field f, const struct qp_value *v)
{
    struct query_node *n = qp_node(p, QN_FIELD);

    if (n == NULL)
        return NULL;
    n->field = f;
    if (!pattern_make(p->a, v->text, false, &n->pat)) {
        qp_no_memory(p);
        return NULL;
    }
    if (f == QF_RELAY && n->pat.plain && !qp_relay_name(v->text))
        qp_fail_at(p, v->at, "journal.query_relay", v->text, STR_NONE);
    if (f == QF_SOURCE && n->pat.plain && n->pat.n > 0) {
        n->kind = QN_NET;
        if (!qp_net(p, v, &n->net))
            qp_fail_at(p, v->at, "journal.query_address", v->text, STR_NONE);
    }
    return n;
}

void qp_regex_set(struct qp *p, const struct qp_value *v, struct query_regex *out)
{
    char why[128];
    size_t at = 0;

    *out = (struct query_regex){v->text, v->nocase, str_hash(v->text, 1)};
    int rc = regex_check(out, &at, why);
    if (rc == -ENOMEM)
        qp_no_memory(p);
    else if (rc < 0)
        qp_fail_at(p, v->at + 1 + at, "journal.query_regex", str_c(why), STR_NONE);
}

static const char *bound_key(enum value_type t)
{
    return t == VT_TIME ? "journal.query_time" : t == VT_DURATION ? "journal.query_duration" : "journal.query_number";
}

/* <, <=, >, >= and a..b; false when the text is neither. */
static bool read_bounds(struct qp *p, struct query_node *n, enum value_type t, const struct qp_value *v)
{
    char op[3] = "";
    str s = cut_op(v->text, op);
    size_t dots;

    if (op[0] != '\0') {
        struct query_bound *b = op[0] == '<' ? &n->hi : &n->lo;
        if (!qp_bound(p, t, s, b))
            qp_fail_at(p, v->at + strlen(op), bound_key(t), s, STR_NONE);
        b->in = op[1] == '=';
        return true;
    }
    if ((dots = str_find(s, STR(".."))) == SIZE_MAX || s.n == 2)
        return false;
    str lo = str_sub(s, 0, dots), hi = str_sub(s, dots + 2, s.n);
    bool good = (lo.n == 0 || qp_bound(p, t, lo, &n->lo)) && (hi.n == 0 || qp_bound(p, t, hi, &n->hi));
    if (!good)
        n->lo = n->hi = (struct query_bound){0};
    if (!good && (t == VT_INT || t == VT_TIME || t == VT_DURATION))
        qp_fail_at(p, v->at, bound_key(t), v->text, STR_NONE);
    if (good && n->lo.set && n->hi.set &&
        (n->lo.whole && n->hi.whole ? n->lo.num > n->hi.num : decimal_cmp(&n->lo.d, &n->hi.d) > 0))
        qp_fail_at(p, v->at, "journal.query_range_order", lo, hi);
    return good;
}

/* A plain value of a field whose type allows few. */
static void typed_value(struct qp *p, struct query_node *n, const struct source_field *f, const struct qp_value *v)
{
    size_t count = 0;

    if (f->type == VT_IP) {
        if (qp_net(p, v, &n->net))
            n->test = QT_NET;
        else
            qp_fail_at(p, v->at, "journal.query_address", v->text, STR_NONE);
    } else if (f->type == VT_BOOL) {
        static const char *const both[] = {"true", "false"};
        if (!str_eq_nocase(v->text, STR("true")) && !str_eq_nocase(v->text, STR("false")))
            choice_fail(p, both, 2, v, v->text);
    } else if (f->type == VT_INT || f->type == VT_TIME || f->type == VT_DURATION) {
        n->test = QT_EQUAL;
        if (!qp_bound(p, f->type, v->text, &n->lo))
            qp_fail_at(p, v->at, bound_key(f->type), v->text, STR_NONE);
        n->hi = n->lo;
    } else if (f->values != NULL) {
        for (; f->values[count] != NULL; count++)
            if (str_eq_nocase(v->text, str_c(f->values[count])))
                return;
        choice_fail(p, f->values, count, v, v->text);
    }
}

static const struct source_field *field_of(const struct query *q, const struct query_ref *ref)
{
    static const struct source_field open = {.type = VT_NONE};
    return ref->kind == QR_FIELD      ? &q->source->fields[ref->field]
           : ref->kind == QR_RESOLVED ? &q->resolver->fields[ref->field]
                                      : &open;
}

static void plain_value(struct qp *p, struct query_node *n, const struct source_field *f, const struct qp_value *v)
{
    if (n->ref.kind == QR_FIELD) {
        typed_value(p, n, f, v);
    } else if (decimal_parse(v->text, &n->lo.d)) {
        n->test = QT_EQUAL;
        n->lo.set = n->lo.in = true;
        n->hi = n->lo;
    } else if (memchr(v->text.p, '.', v->text.n) != NULL || memchr(v->text.p, ':', v->text.n) != NULL) {
        /* of a field of no known type: an address, where it is one */
        if (qp_net(p, v, &n->net))
            n->test = QT_NET;
    }
}

static struct query_node *value_node(struct qp *p, const struct query_ref *ref, const struct qp_value *v)
{
    struct query_node *n = qp_node(p, QN_VALUE);
    const struct source_field *f = field_of(p->q, ref);

    if (n == NULL)
        return NULL;
    n->ref = *ref;
    n->test = QT_LIKE;
    if (v->regex) {
        n->test = QT_REGEX;
        qp_regex_set(p, v, &n->re);
        return n;
    }
    if (!pattern_make(p->a, v->text, false, &n->pat)) {
        qp_no_memory(p);
        return NULL;
    }
    if (!v->quoted && read_bounds(p, n, f->type, v))
        n->test = QT_NUMBER;
    else if (n->pat.plain && n->pat.n > 0 && (!v->quoted || ref->kind == QR_FIELD))
        plain_value(p, n, f, v);
    return n;
}

static bool is_range(const struct qp_value *v)
{
    str s = v->text;
    struct decimal d;
    size_t dots;

    if (v->quoted || s.n == 0)
        return false;
    if (s.p[0] == '<' || s.p[0] == '>')
        return true;
    dots = str_find(s, STR(".."));
    return dots != SIZE_MAX && s.n > 2 && (dots == 0 || decimal_parse(str_sub(s, 0, dots), &d)) &&
           (dots + 2 == s.n || decimal_parse(str_sub(s, dots + 2, s.n), &d));
}

struct query_node *qp_field_value(struct qp *p, const struct query_ref *ref)
{
    struct qp_value v;

    if (qp_value(p, &v) < 0)
        return NULL;
    if (v.text.n == 0 && !v.quoted) {
        qp_fail_at(p, v.at, "journal.query_no_value", ref->name, STR_NONE);
        return NULL;
    }
    if (v.text.n > p->text_max) {
        qp_fail_at(p, v.at, "journal.query_text_long", str_c(err_n(PATTERN_MAX)), STR_NONE);
        return NULL;
    }
    if (!is_logs(p) || ref->kind != QR_FIELD || ref->field >= QF_COUNT || v.regex)
        return value_node(p, ref, &v);
    if (query_field_names((enum query_field)ref->field).n > 0)
        return enum_node(p, (enum query_field)ref->field, &v);
    if (is_range(&v))
        return value_node(p, ref, &v);
    return field_node(p, (enum query_field)ref->field, &v);
}

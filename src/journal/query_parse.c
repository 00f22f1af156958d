/* The query language: recursive descent over the text, one look ahead. The
 * tree lives in the caller's arena. Depth, nodes and text have ceilings, so a
 * hostile query costs no more than a long one. Pure, any thread. */
#include "journal/query_parse-int.h"
#include "journal/query_pieces.h"
#include <errno.h>

enum { CHOICES_MAX = 8 };

int qp_fail_at(struct qp *p, size_t at, const char *key, str a0, str a1)
{
    if (p->rc == 0) {
        p->rc = ERR(p->e, -EINVAL, key, S(a0), S(a1));
        err_at(p->e, "", 0, (uint32_t)at + 1);
    }
    return p->rc;
}

int qp_no_memory(struct qp *p)
{
    if (p->rc == 0)
        p->rc = ERR(p->e, -ENOMEM, "journal.no_memory");
    return p->rc;
}

struct query_node *qp_node(struct qp *p, enum query_kind kind)
{
    struct query_node *n = arena_new(p->a, struct query_node);

    if (n == NULL) {
        qp_no_memory(p);
        return NULL;
    }
    if (++p->nodes > QUERY_NODES_MAX)
        qp_fail_at(p, p->i, "journal.query_too_many", str_c(err_n(QUERY_NODES_MAX)), STR_NONE);
    n->kind = kind;
    n->q = p->q;
    return n;
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

void qp_skip(struct qp *p)
{
    while (p->i < p->s.n && is_space(p->s.p[p->i]))
        p->i++;
}

bool qp_at(const struct qp *p, char c) { return p->i < p->s.n && p->s.p[p->i] == c; }

/* What ends a bare word. A backslash takes the next quote with it. */
static bool ends_word(str s, size_t i) { return is_space(s.p[i]) || memchr("()|\"", s.p[i], 4) != NULL; }

/* Behind a closing slash the term ends, but for an i: otherwise it is a path. */
static bool ends_regex(str s, size_t i)
{
    i += i < s.n && s.p[i] == 'i';
    return i >= s.n || is_space(s.p[i]) || s.p[i] == ')' || s.p[i] == '|';
}

int qp_regex(struct qp *p, struct qp_value *v)
{
    size_t i = p->i + 1;

    if (!qp_at(p, '/'))
        return 0;
    while (i < p->s.n && p->s.p[i] != '/')
        i += p->s.p[i] == '\\' && i + 1 < p->s.n ? 2 : 1;
    if (i >= p->s.n || i == p->i + 1 || !ends_regex(p->s, i + 1))
        return 0;
    v->at = p->i;
    v->text = str_sub(p->s, p->i + 1, i - p->i - 1);
    v->regex = true;
    v->nocase = i + 1 < p->s.n && p->s.p[i + 1] == 'i';
    p->i = i + 1 + v->nocase;
    return 1;
}

str qp_word(struct qp *p)
{
    size_t from = p->i;

    while (p->i < p->s.n && !ends_word(p->s, p->i))
        p->i += p->s.p[p->i] == '\\' && p->i + 1 < p->s.n && p->s.p[p->i + 1] == '"' ? 2 : 1;
    return str_sub(p->s, from, p->i - from);
}

/* Behind the opening quote; the text between, still with its backslashes. */
static int read_quoted(struct qp *p, str *out)
{
    size_t open = p->i++, from = p->i;

    while (p->i < p->s.n && p->s.p[p->i] != '"')
        p->i += p->s.p[p->i] == '\\' && p->i + 1 < p->s.n ? 2 : 1;
    if (p->i >= p->s.n)
        return qp_fail_at(p, open, "journal.query_unclosed_quote", STR_NONE, STR_NONE);
    *out = str_sub(p->s, from, p->i - from);
    p->i++;
    return 0;
}

int qp_value(struct qp *p, struct qp_value *v)
{
    *v = (struct qp_value){.at = p->i, .quoted = qp_at(p, '"')};
    if (qp_regex(p, v))
        return 0;
    if (v->quoted)
        return read_quoted(p, &v->text);
    v->text = qp_word(p);
    return 0;
}

static bool at_word(struct qp *p, const char *word)
{
    size_t from = p->i;
    bool fits = str_eq(qp_word(p), str_c(word));
    p->i = from;
    return fits;
}

static bool text_fits(struct qp *p, const struct qp_value *v)
{
    if (v->text.n == 0)
        return qp_fail_at(p, v->at, "journal.query_empty_text", STR_NONE, STR_NONE) == 0;
    if (v->text.n > p->text_max)
        return qp_fail_at(p, v->at, "journal.query_text_long", str_c(err_n(PATTERN_MAX)), STR_NONE) == 0;
    return true;
}

/* Children are gathered on the parser's stack, then copied to fit. */
static struct query_node *join(struct qp *p, enum query_kind kind, size_t from)
{
    size_t n = p->nstack - from;
    struct query_node *node;

    p->nstack = from;
    if (p->rc < 0 || n <= 1)
        return n == 1 && p->rc == 0 ? p->stack[from] : NULL;
    node = qp_node(p, kind);
    if (node == NULL || (node->kids = arena_array(p->a, struct query_node *, n)) == NULL) {
        qp_no_memory(p);
        return NULL;
    }
    memcpy(node->kids, p->stack + from, n * sizeof(node->kids[0]));
    node->nkids = n;
    return node;
}

static void push(struct qp *p, struct query_node *n)
{
    if (n != NULL && p->rc == 0 && p->nstack < QUERY_NODES_MAX)
        p->stack[p->nstack++] = n;
}

static struct query_node *one_regex(struct qp *p, const struct qp_value *v)
{
    struct query_node *n = qp_node(p, QN_REGEX);

    if (n != NULL && text_fits(p, v))
        qp_regex_set(p, v, &n->re);
    return n;
}

/* /this|that/ as (/this/ OR /that/): each has words of its own, by which blocks and templates are left out. */
static struct query_node *regex_node(struct qp *p, const struct qp_value *v)
{
    struct query_node *whole = one_regex(p, v); /* its mistakes are told as it was written */
    struct qp_value part = *v;
    size_t from = p->nstack;
    str choice[CHOICES_MAX];
    size_t n = p->rc == 0 ? regex_choices(v->text, choice, CHOICES_MAX) : 0;

    if (n < 2 || p->nodes + n >= QUERY_NODES_MAX / 2)
        return whole;
    for (size_t i = 0; i < n; i++) {
        part.text = choice[i];
        push(p, one_regex(p, &part));
    }
    return join(p, QN_OR, from);
}

static struct query_node *text_node(struct qp *p, const struct qp_value *v, bool bare)
{
    struct query_node *n;
    str text = v->text;

    if (v->regex)
        return regex_node(p, v);
    if ((n = qp_node(p, QN_TEXT)) == NULL || !text_fits(p, v))
        return NULL;
    n->field = QF_RAW;
    if (bare || fold_needed(text)) {
        n->kind = QN_FOLD;
        n->bare = bare;
        text = fold_pattern(p->a, text, bare);
        if (text.p != NULL && text.n == 0) { /* marks alone */
            qp_fail_at(p, v->at, "journal.query_empty_text", STR_NONE, STR_NONE);
            return NULL;
        }
    }
    if (text.p == NULL || !pattern_make(p->a, text, true, &n->pat))
        qp_no_memory(p);
    return n;
}

/* A name before a colon: letters, digits, _ - @ and points. Digits and
 * dashes alone do not make one, so that fe80::1 and ns1:53 stay words; what is
 * an address is never one. */
static size_t field_name_length(struct qp *p)
{
    size_t k = p->i, from = p->i;
    bool plain = true, joined = false;

    for (; k < p->s.n; k++) {
        char c = p->s.p[k];
        bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '.' || c == '@';
        bool digit = (c >= '0' && c <= '9') || c == '-';
        if (!letter && (!digit || k == from))
            break;
        plain = plain && !digit;
        joined = joined || c == '_' || c == '.' || c == '@';
    }
    if (k == from || k >= p->s.n || p->s.p[k] != ':')
        return 0;
    str name = str_sub(p->s, from, k - from);
    return plain || joined || qp_name_is(p, name, false) ? name.n : 0;
}

/* since: and until: hold for the whole query, wherever they stand, so they
 * may not stand where a condition could be taken back. */
static void read_time(struct qp *p, bool since, size_t at)
{
    struct qp_value v;
    bool *said = since ? &p->said_since : &p->said_until;
    int64_t *to = since ? &p->q->since_ns : &p->q->until_ns;

    if (qp_value(p, &v) < 0)
        return;
    if (p->depth > 0)
        qp_fail_at(p, at, "journal.query_time_nested", str_c(since ? "since" : "until"), STR_NONE);
    else if (*said)
        qp_fail_at(p, at, "journal.query_time_twice", str_c(since ? "since" : "until"), STR_NONE);
    else if (!query_time_parse(v.text, p->env->now_ns, to))
        qp_fail_at(p, v.at, "journal.query_time", v.text, STR_NONE);
    else if (p->q->since_ns >= p->q->until_ns)
        qp_fail_at(p, v.at, "journal.query_time_order", STR_NONE, STR_NONE);
    *said = true;
}

/* from: was looked for before all else (find_source); here it only has its place checked. */
static void read_from(struct qp *p, size_t at)
{
    struct qp_value v;

    if (qp_value(p, &v) < 0)
        return;
    if (p->depth > 0)
        qp_fail_at(p, at, "journal.query_time_nested", STR("from"), STR_NONE);
    else if (p->said_from)
        qp_fail_at(p, at, "journal.query_time_twice", STR("from"), STR_NONE);
    else if (!str_eq_nocase(v.text, str_c(p->q->source->name)))
        qp_source_fail(p, v.at, v.text);
    p->said_from = true;
}

static struct query_node *read_field(struct qp *p, size_t name_len)
{
    size_t at = p->i;
    str name = str_sub(p->s, at, name_len);
    struct query_ref ref = {0};

    p->i += name_len + 1;
    if (str_eq_nocase(name, STR("since")) || str_eq_nocase(name, STR("until"))) {
        read_time(p, (name.p[0] | 0x20) == 's', at);
        return NULL;
    }
    if (str_eq_nocase(name, STR("from"))) {
        read_from(p, at);
        return NULL;
    }
    if (qp_ref(p, name, at, true, &ref) < 0)
        return NULL;
    return qp_field_value(p, &ref);
}

static struct query_node *read_or(struct qp *p);

static struct query_node *read_group(struct qp *p)
{
    size_t open = p->i++;
    struct query_node *n = NULL;

    if (++p->depth > QUERY_DEPTH_MAX)
        qp_fail_at(p, open, "journal.query_deep", str_c(err_n(QUERY_DEPTH_MAX)), STR_NONE);
    if (p->rc == 0)
        n = read_or(p);
    if (p->rc == 0 && !qp_at(p, ')'))
        qp_fail_at(p, open, "journal.query_unclosed_paren", STR_NONE, STR_NONE);
    p->i++;
    p->depth--;
    return n;
}

static struct query_node *read_not(struct qp *p)
{
    struct query_node *n, *kid = NULL;

    p->i += 3;
    if (++p->depth > QUERY_DEPTH_MAX)
        qp_fail_at(p, p->i, "journal.query_deep", str_c(err_n(QUERY_DEPTH_MAX)), STR_NONE);
    n = qp_node(p, QN_NOT);
    if (p->rc == 0)
        kid = qp_term(p, "NOT");
    p->depth--;
    if (p->rc < 0)
        return NULL;
    n->kids = arena_array(p->a, struct query_node *, 1);
    if (n->kids == NULL) {
        qp_no_memory(p);
        return NULL;
    }
    n->kids[0] = kid;
    n->nkids = 1;
    return n;
}

/* One term; NULL with rc == 0 is a time, which leaves no node. `behind` is the
 * operator that asks for it, NULL where the query begins. */
struct query_node *qp_term(struct qp *p, const char *behind)
{
    size_t name_len;
    struct qp_value v;

    qp_skip(p);
    if (p->i >= p->s.n || qp_at(p, '|') || qp_at(p, ')') || at_word(p, "OR") || at_word(p, "AND")) {
        size_t at = p->i;
        str what = str_sub(p->s, at, 1);
        if (at < p->s.n && !ends_word(p->s, at))
            what = qp_word(p);
        qp_fail_at(p, at, behind ? "journal.query_operand" : "journal.query_unexpected", behind ? str_c(behind) : what,
                   STR_NONE);
        return NULL;
    }
    if (qp_at(p, '('))
        return read_group(p);
    if (at_word(p, "NOT"))
        return read_not(p);
    name_len = qp_at(p, '"') ? 0 : field_name_length(p);
    if (name_len > 0)
        return read_field(p, name_len);
    bool bare = qp_at(p, '~') && p->i + 1 < p->s.n && (p->s.p[p->i + 1] == '"' || !ends_word(p->s, p->i + 1));
    p->i += bare;
    return qp_value(p, &v) < 0 ? NULL : text_node(p, &v, bare);
}

static struct query_node *read_and(struct qp *p, const char *behind)
{
    size_t from = p->nstack;

    for (; p->rc == 0; behind = at_word(p, "AND") ? "AND" : NULL) {
        if (behind != NULL && str_eq(str_c(behind), STR("AND")))
            p->i += 3;
        push(p, qp_term(p, behind));
        qp_skip(p);
        if (p->i >= p->s.n || qp_at(p, '|') || qp_at(p, ')') || at_word(p, "OR"))
            break;
    }
    return join(p, QN_AND, from);
}

static struct query_node *read_or(struct qp *p)
{
    size_t from = p->nstack;
    struct query_node *n = read_and(p, p->depth > 0 ? "(" : NULL);

    push(p, n);
    while (p->rc == 0 && at_word(p, "OR")) {
        size_t at = p->i;
        if (n == NULL)
            qp_fail_at(p, at, "journal.query_operand_before", STR("OR"), STR_NONE);
        p->i += 2;
        push(p, n = read_and(p, "OR"));
        if (n == NULL)
            qp_fail_at(p, at, "journal.query_operand", STR("OR"), STR_NONE);
    }
    return join(p, QN_OR, from);
}

/* The source decides what the fields are, wherever in the text it is said: the
 * words are walked once before. */
static void find_source(struct qp *p)
{
    str said = str_c(p->env->from);
    size_t at = 0;

    for (; p->i < p->s.n && !qp_at(p, '|');) {
        struct qp_value v;
        qp_skip(p);
        at = p->i;
        if (str_eq_nocase(str_sub(p->s, at, 5), STR("from:"))) {
            p->i += 5;
            if (qp_value(p, &v) < 0)
                break;
            said = v.text;
            at = v.at;
            break;
        }
        if (qp_value(p, &v) < 0)
            break;
        p->i += p->i == at;
    }
    p->i = 0;
    if (p->rc < 0) {
        p->rc = 0; /* a quote that never closes: the parser proper says so */
        return;
    }
    if (said.n > 0 && !qp_source_find(p, said))
        qp_source_fail(p, at, said);
}

static int parse_text(struct qp *p)
{
    qp_skip(p);
    if (p->i < p->s.n && !qp_at(p, '|'))
        p->q->root = read_or(p);
    qp_skip(p);
    if (p->rc == 0 && p->i < p->s.n && !qp_at(p, '|'))
        qp_fail_at(p, p->i, "journal.query_unexpected", str_sub(p->s, p->i, 1), STR_NONE);
    while (p->rc == 0 && p->i < p->s.n)
        qp_pipe(p);
    if (p->rc == 0)
        qp_pipes_done(p);
    return p->rc;
}

int query_parse_max(struct arena *a, str text, size_t max, const struct query_env *env, struct query **out,
                    struct err *e)
{
    struct query_env *own = arena_new(a, struct query_env);
    /* what was printed may need more room than what was typed: \\xNN, longer forms */
    struct qp p = {.a = a, .env = own, .e = e, .text_max = max > QUERY_MAX ? 12 * PATTERN_MAX : PATTERN_MAX};

    p.q = arena_new(a, struct query);
    p.stack = arena_array(a, struct query_node *, QUERY_NODES_MAX);
    if (text.n > max)
        return qp_fail_at(&p, max, "journal.query_long", str_c(err_n((int64_t)max)), STR_NONE);
    p.s = arena_str(a, text); /* names and expressions are slices of it */
    if (p.q == NULL || p.stack == NULL || own == NULL || p.s.p == NULL ||
        (p.q->fault = arena_new(a, struct query_fault)) == NULL)
        return qp_no_memory(&p);
    *own = *env;
    p.q->env = own;
    p.q->source = &query_logs;
    p.q->resolver = env->resolver;
    p.q->since_ns = INT64_MIN;
    p.q->until_ns = INT64_MAX;
    find_source(&p);
    if (p.rc == 0 && parse_text(&p) == 0)
        *out = p.q;
    return p.rc;
}

int query_parse_env(struct arena *a, str text, const struct query_env *env, struct query **out, struct err *e)
{
    return query_parse_max(a, text, QUERY_MAX, env, out, e);
}

int query_parse(struct arena *a, str text, int64_t now_ns, struct query **out, struct err *e)
{
    return query_parse_env(a, text, &(struct query_env){.now_ns = now_ns}, out, e);
}

int query_copy(struct arena *a, const struct query *q, struct query **out, struct err *e)
{
    static const struct query_env none;
    struct buf text;

    buf_init(&text, 16 * QUERY_MAX);
    int rc = query_print(q, &text) < 0
                 ? ERR(e, -ENOMEM, "journal.no_memory")
                 : query_parse_max(a, buf_view(&text), 16 * QUERY_MAX, q->env != NULL ? q->env : &none, out, e);
    buf_done(&text);
    return rc;
}

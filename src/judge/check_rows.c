/* One run of a state check's SQL: the offenders, by whom they are of and how old
 * the evidence is. Foreign text, so read-only and time-limited, over what is
 * stored or over what a transaction would store. Takes no lock; any thread. */
#include "judge/judge-int.h"
#include <errno.h>

void check_run_init(struct check_run *r, struct judge *j, const struct control *c)
{
    *r = (struct check_run){.j = j, .c = c, .timeout_ms = j->cfg.sql_timeout_ms, .a = arena_init(256 << 20)};
    if (c->state.has_freshness)
        r->stale_before = time_add(clock_wall(j->clk), c->state.freshness, -1) / NS_PER_S;
}

void check_run_done(struct check_run *r)
{
    free(r->v);
    arena_free(&r->a);
}

static bool first_value(void *ctx, const char *const *names, const struct val *v, size_t n)
{
    struct check_run *r = ctx;

    r->applies = n > 0 && (v[0].type == VAL_INT    ? v[0].i != 0
                           : v[0].type == VAL_REAL ? v[0].r != 0
                                                   : v[0].type == VAL_TEXT && v[0].s.n > 0);
    return false;
}

static str val_text(struct arena *a, const struct val *v)
{
    switch (v->type) {
    case VAL_INT:
        return arena_fmt(a, "%lld", (long long)v->i);
    case VAL_REAL:
        return arena_fmt(a, "%g", v->r);
    case VAL_TEXT:
        return arena_str(a, v->s);
    default:
        return STR("");
    }
}

static void add_json(struct buf *b, const struct val *v)
{
    if (v->type == VAL_INT)
        buf_fmt(b, "%lld", (long long)v->i);
    else if (v->type == VAL_REAL && v->r - v->r == 0) /* finite */
        buf_fmt(b, "%.15g", v->r);
    else if (v->type == VAL_TEXT)
        buf_json(b, str_sub(v->s, 0, 1000));
    else
        buf_z(b, "null");
}

static bool is_seen_old(const struct check_run *r, const struct val *v)
{
    int64_t ns;

    if (v->type == VAL_INT)
        return v->i < r->stale_before;
    if (v->type == VAL_TEXT && time_parse(v->s, &ns))
        return ns / NS_PER_S < r->stale_before;
    return true;
}

static struct check_row *row_new(struct check_run *r)
{
    if (r->n == r->cap) {
        size_t cap = r->cap == 0 ? 64 : r->cap * 2;
        struct check_row *more = reallocarray(r->v, cap, sizeof(*more));
        if (more == NULL)
            return NULL;
        r->v = more;
        r->cap = cap;
    }
    struct check_row *row = &r->v[r->n];
    *row = (struct check_row){0};
    return row;
}

/* What the row says, for the message and as evidence. */
static void row_keep(struct check_run *r, struct check_row *row, const char *const *names, const struct val *v,
                     size_t n)
{
    struct buf b;

    buf_init(&b, DATA_KEEP - 64);
    buf_byte(&b, '{');
    row->names = arena_array(&r->a, str, n);
    row->values = arena_array(&r->a, str, n);
    for (size_t i = 0; row->names != NULL && row->values != NULL && i < n; i++) {
        row->names[row->n] = arena_str(&r->a, str_c(names[i]));
        row->values[row->n++] = val_text(&r->a, &v[i]);
        if (strcmp(names[i], "id") == 0 || strcmp(names[i], "unit_id") == 0)
            continue;
        if (b.n > 1)
            buf_byte(&b, ',');
        buf_json(&b, str_c(names[i]));
        buf_byte(&b, ':');
        add_json(&b, &v[i]);
    }
    buf_byte(&b, '}');
    row->data = b.failed ? STR("{}") : arena_str(&r->a, buf_view(&b));
    buf_done(&b);
}

static bool offender_row(void *ctx, const char *const *names, const struct val *v, size_t n)
{
    struct check_run *r = ctx;
    struct check_row *row = row_new(r);
    bool has_id = false, has_seen = false;

    if (row == NULL) {
        r->fault = "judge.check_memory";
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        bool id = strcmp(names[i], "id") == 0, unit = strcmp(names[i], "unit_id") == 0,
             seen = strcmp(names[i], "seen_at") == 0;
        if (id && v[i].type == VAL_INT) {
            row->id = v[i].i;
            has_id = true;
        }
        if (unit) {
            row->has_unit = true;
            row->unit_id = v[i].type == VAL_INT ? v[i].i : 0;
        }
        if (seen) {
            has_seen = true;
            row->unknown = r->c->state.has_freshness && is_seen_old(r, &v[i]);
        }
    }
    if (!r->bare)
        row_keep(r, row, names, v, n);
    if (!has_id)
        r->fault = "judge.check_no_id";
    else if (r->c->state.has_freshness && !has_seen)
        r->fault = "judge.check_no_seen_at";
    else if (r->a.failed)
        r->fault = "judge.check_memory";
    else
        r->n++;
    return r->fault == NULL;
}

/* Key, title and unit of the subjects, from their kind's own table: NAMES of them with one question, as a check may
 * have thousands of offenders and a server is some way off. */
enum { NAMES = 250 };
struct naming {
    struct check_run *r;
    struct check_row *row[NAMES]; /* by id; the same one may stand twice */
    size_t n;
};

static int by_id(const void *pa, const void *pb)
{
    int64_t a = (*(struct check_row *const *)pa)->id, b = (*(struct check_row *const *)pb)->id;

    return a < b ? -1 : a > b;
}

static bool name_row(void *ctx, const struct val *v, size_t n)
{
    struct naming *k = ctx;
    struct arena *a = &k->r->a;
    size_t lo = 0, hi = k->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (k->row[mid]->id < v[0].i)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < k->n && k->row[lo]->id == v[0].i; lo++) {
        struct check_row *row = k->row[lo];
        row->key = val_text(a, &v[1]);
        row->title = val_text(a, &v[2]);
        if (!row->has_unit && v[3].type == VAL_INT)
            row->unit_id = v[3].i;
    }
    return true;
}

static int names_ask(struct check_run *r, struct tx *tx, str head, size_t from, struct err *e)
{
    struct naming k = {.r = r};
    struct val id[NAMES];
    struct buf sql;

    buf_init(&sql, 8192);
    buf_str(&sql, head);
    for (; k.n < NAMES && from + k.n < r->n; k.n++) {
        k.row[k.n] = &r->v[from + k.n];
        id[k.n] = V_INT(r->v[from + k.n].id);
        buf_fmt(&sql, k.n > 0 ? ", ?%zu" : "?%zu", k.n + 1);
    }
    buf_z(&sql, ")");
    buf_byte(&sql, 0);
    qsort(k.row, k.n, sizeof(k.row[0]), by_id);
    int rc = sql.failed ? ERR(e, -ENOMEM, "base.no_memory", "check") : tx_query(tx, sql.p, id, k.n, name_row, &k, e);
    buf_done(&sql);
    return rc;
}

int check_run_names(struct check_run *r, struct err *e)
{
    const struct kind *k = schema_kind(registry_schema(r->j->reg), r->c->state.subject);
    struct tx *tx = r->tx;

    if (k == NULL || r->n == 0)
        return 0;
    const struct field *key = &k->fields[k->key_field], *title = &k->fields[k->title_field];
    bool unit = k->unit_field != SIZE_MAX && k->unit_field < k->nfields;
    bool title_plain = title->type != FT_REF && title->type != FT_REFS;
    str sql =
        arena_fmt(&r->a, "SELECT id, %.*s, %.*s, %.*s%s FROM %.*s WHERE id IN (", STR_ARGS(key->name),
                  STR_ARGS(title_plain ? title->name : key->name), unit ? (int)k->fields[k->unit_field].name.n : 4,
                  unit ? k->fields[k->unit_field].name.p : "NULL", unit ? "_id" : "", STR_ARGS(k->name));
    int rc = sql.p == NULL ? ERR(e, -ENOMEM, "base.no_memory", "check")
             : tx != NULL  ? 0
                           : store_begin(r->j->st, STORE_READ, &tx, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc >= 0 && i < r->n; i += NAMES)
        rc = names_ask(r, tx, sql, i, e);
    if (r->tx == NULL)
        store_rollback(tx);
    return rc < 0 ? rc : 0;
}

static int run_text(struct check_run *r, const char *sql, const struct named_val *v, size_t n,
                    bool (*fn)(void *ctx, const char *const *names, const struct val *cols, size_t n), struct err *e)
{
    struct foreign_query q = check_query(r->j, sql, v, n);

    q.timeout_ms = r->timeout_ms;
    return r->tx != NULL ? tx_foreign(r->tx, &q, fn, r, e) : store_foreign(r->j->st, &q, fn, r, e);
}

int check_run_sql(struct check_run *r, struct err *e)
{
    struct named_val v[CHECK_PARAMS];
    char today[16];
    size_t n;
    int rc = 0;

    check_params(r->j, r->c, v, &n, today);
    r->applies = true;
    if (r->c->state.applies != NULL) {
        r->applies = false;
        rc = run_text(r, r->c->state.applies, v, n, first_value, e);
    }
    if (rc < 0 || !r->applies)
        return rc < 0 ? rc : 0;
    rc = run_text(r, r->c->state.query, v, n, offender_row, e);
    if (rc >= 0 && r->fault != NULL)
        rc = ERR(e, -EINVAL, r->fault, S(r->c->id));
    return rc < 0 ? rc : 0;
}

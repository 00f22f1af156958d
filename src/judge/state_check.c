/* State checks: foreign SQL over the registry that returns the offenders. It
 * runs without any lock, read-only and time-limited; only its result is then
 * written under judge.fl. A check that fails to run is "unknown" and says why;
 * findings it opened earlier stay as they are. */
#include "judge/judge-int.h"
#include "base/msg.h"
#include <errno.h>

/* ---- one run ---- */

struct row {
    int64_t id, unit_id;
    bool has_unit, unknown;
    str data, key, title, shown;
    str *names, *values;
    size_t n;
};
struct run {
    struct judge *j;
    const struct control *c;
    struct arena a;
    struct row *v;
    size_t n, cap;
    int64_t stale_before; /* seconds; seen_at older than this is no evidence */
    const char *fault;    /* key of what is wrong with the rows */
    bool applies;
};

static bool first_value(void *ctx, const char *const *names, const struct val *v, size_t n)
{
    struct run *r = ctx;

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

static bool is_seen_old(const struct run *r, const struct val *v)
{
    int64_t ns;

    if (v->type == VAL_INT)
        return v->i < r->stale_before;
    if (v->type == VAL_TEXT && time_parse(v->s, &ns))
        return ns / NS_PER_S < r->stale_before;
    return true;
}

static struct row *row_new(struct run *r)
{
    if (r->n == r->cap) {
        size_t cap = r->cap == 0 ? 64 : r->cap * 2;
        struct row *more = reallocarray(r->v, cap, sizeof(*more));
        if (more == NULL)
            return NULL;
        r->v = more;
        r->cap = cap;
    }
    struct row *row = &r->v[r->n];
    *row = (struct row){0};
    return row;
}

static bool offender_row(void *ctx, const char *const *names, const struct val *v, size_t n)
{
    struct run *r = ctx;
    struct row *row = row_new(r);
    bool has_id = false, has_seen = false;
    struct buf b;

    if (row == NULL) {
        r->fault = "judge.check_memory";
        return false;
    }
    buf_init(&b, DATA_KEEP - 64);
    buf_byte(&b, '{');
    row->names = arena_array(&r->a, str, n);
    row->values = arena_array(&r->a, str, n);
    for (size_t i = 0; row->names != NULL && row->values != NULL && i < n; i++) {
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
        row->names[row->n] = arena_str(&r->a, str_c(names[i]));
        row->values[row->n++] = val_text(&r->a, &v[i]);
        if (id || unit)
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

/* Key, title and unit of the subjects, from their kind's own table. */
struct naming {
    struct run *r;
    struct row *row;
};

static bool name_row(void *ctx, const struct val *v, size_t n)
{
    struct naming *k = ctx;

    k->row->key = val_text(&k->r->a, &v[0]);
    k->row->title = val_text(&k->r->a, &v[1]);
    if (!k->row->has_unit && v[2].type == VAL_INT)
        k->row->unit_id = v[2].i;
    return false;
}

static int name_subjects(struct run *r, struct err *e)
{
    const struct kind *k = schema_kind(registry_schema(r->j->reg), r->c->state.subject);
    struct tx *tx;

    if (k == NULL || r->n == 0)
        return 0;
    const struct field *key = &k->fields[k->key_field], *title = &k->fields[k->title_field];
    bool unit = k->unit_field != SIZE_MAX && k->unit_field < k->nfields;
    bool title_plain = title->type != FT_REF && title->type != FT_REFS;
    str sql =
        arena_fmt(&r->a, "SELECT %.*s, %.*s, %.*s%s FROM %.*s WHERE id = ?1", STR_ARGS(key->name),
                  STR_ARGS(title_plain ? title->name : key->name), unit ? (int)k->fields[k->unit_field].name.n : 4,
                  unit ? k->fields[k->unit_field].name.p : "NULL", unit ? "_id" : "", STR_ARGS(k->name));
    int rc = sql.p == NULL ? ERR(e, -ENOMEM, "base.no_memory", "check") : store_begin(r->j->st, STORE_READ, &tx, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc >= 0 && i < r->n; i++)
        rc = tx_query(tx, sql.p, VALS(V_INT(r->v[i].id)), name_row, &(struct naming){r, &r->v[i]}, e);
    store_rollback(tx);
    return rc < 0 ? rc : 0;
}

static bool look_row(void *ctx, str name, str *out)
{
    const struct row *row = ctx;

    if (str_eq(name, STR("subject"))) {
        *out = row->shown;
        return true;
    }
    for (size_t i = 0; i < row->n; i++)
        if (str_eq(name, row->names[i])) {
            *out = row->values[i];
            return true;
        }
    return false;
}

static void report_row(struct run *r, struct row *row, int64_t now)
{
    struct offender o = {.kind = r->c->state.subject, .id = row->id, .unit_id = row->unit_id, .data = row->data};

    o.key = arena_fmt(&r->a, "%lld", (long long)row->id);
    o.shown = row->key.n > 0 ? row->key : o.key;
    o.title = row->title.n > 0 ? row->title : o.shown;
    row->shown =
        str_eq(o.title, o.shown) ? o.shown : arena_fmt(&r->a, "%.*s (%.*s)", STR_ARGS(o.title), STR_ARGS(o.shown));
    o.message[LANG_VI] = message_fill(&r->a, r->c->message.vi, look_row, row);
    o.message[LANG_EN] = message_fill(&r->a, r->c->message.en, look_row, row);
    finding_seen(r->j, r->c, &o, now);
}

/* The outcome to findings, in one go. */
static int settle(struct run *r, struct result *res, struct err *e)
{
    struct judge *j = r->j;
    int64_t now = clock_wall(j->clk), *keep = reallocarray(NULL, r->n + 1, sizeof(*keep));
    size_t nkeep = 0;

    if (keep == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "check");
    pthread_mutex_lock(&j->fl);
    uint64_t run = ++j->fi.run;
    for (size_t i = 0; i < r->n; i++) {
        if (r->v[i].unknown) {
            keep[nkeep++] = r->v[i].id;
            res->unknowns++;
            continue;
        }
        report_row(r, &r->v[i], now);
        res->offenders++;
    }
    int rc = findings_settle(j, r->c, run, keep, nkeep, now, e);
    if (rc == 0)
        rc = findings_flush(j, true, e);
    pthread_mutex_unlock(&j->fl);
    free(keep);
    return rc;
}

static int run_sql(struct run *r, struct err *e)
{
    struct named_val v[CHECK_PARAMS];
    char today[16];
    size_t n;
    struct foreign_query q;
    int rc = 0;

    check_params(r->j, r->c, v, &n, today);
    r->applies = true;
    if (r->c->state.applies != NULL) {
        r->applies = false;
        q = check_query(r->j, r->c->state.applies, v, n);
        rc = store_foreign(r->j->st, &q, first_value, r, e);
    }
    if (rc < 0 || !r->applies)
        return rc < 0 ? rc : 0;
    q = check_query(r->j, r->c->state.query, v, n);
    rc = store_foreign(r->j->st, &q, offender_row, r, e);
    if (rc >= 0 && r->fault != NULL)
        rc = ERR(e, -EINVAL, r->fault, S(r->c->id));
    return rc < 0 ? rc : name_subjects(r, e);
}

int state_check(struct judge *j, struct packset *ps, const struct control *c, struct err *e)
{
    int64_t mono = clock_mono(j->clk), now = clock_wall(j->clk);
    struct run r = {.j = j, .c = c, .a = arena_init(256 << 20)};
    struct result res = {.checked_at = now};
    struct err why = {0};

    if (c->state.has_freshness)
        r.stale_before = time_add(now, c->state.freshness, -1) / NS_PER_S;
    int rc = run_sql(&r, &why);
    if (rc < 0) {
        res.state = CS_UNKNOWN;
        result_error(&res, &why);
    } else if ((rc = settle(&r, &res, e)) == 0) {
        res.state = !r.applies ? CS_NA : res.offenders > 0 ? CS_FAIL : res.unknowns > 0 ? CS_UNKNOWN : CS_PASS;
    }
    free(r.v);
    arena_free(&r.a);
    res.ms = (clock_mono(j->clk) - mono) / NS_PER_MS;
    result_put(j, c, &res);
    return why.code != 0 || rc == 0 ? result_write(j, c, &res, e) : rc;
}

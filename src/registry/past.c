/* A past state, put together from the history: a create holds the whole record,
 * each later row what it changed. What somebody may see of the past is what he
 * may see of the record now. */
#include "registry/registry-int.h"
#include "base/json.h"
#include "base/text.h"
#include <errno.h>

enum { PAST_SCAN_MAX = 2000000, PIECE = 4, PIECE_MAX = 10000 };

/* What had been written by then. Where the clock was set back, rows of before and
 * after it lie over each other in time; a row that a later one of its record
 * builds on is taken with it, so that what is shown is a state that there was. */
#define THEN(at)                                                                                                       \
    "(at <= " at " OR EXISTS (SELECT 1 FROM history g WHERE g.kind = h.kind AND g.record_id = h.record_id"             \
    " AND g.seq > h.seq AND g.at <= " at "))"

static void stamp(json_t *rec, const struct val *rev, const struct val *at, const struct val *by)
{
    char text[32];

    time_fmt(at->i, 0, text, sizeof(text));
    json_object_set_new(rec, "rev", json_integer(rev->i));
    json_object_set_new(rec, "changed_at", json_string(text));
    json_object_set_new(rec, "changed_by", json_from_str(by->s));
}

/* One row of history onto the record as it was before; a create begins it. */
static void step(json_t **rec, const struct val *op, const struct val *rev, const struct val *at, const struct val *by,
                 const struct val *after)
{
    json_t *what = after->type == VAL_TEXT ? json_loadb(after->s.p, after->s.n, 0, NULL) : NULL;

    if (str_eq(op->s, STR("create"))) {
        json_decref(*rec);
        *rec = json_incref(what);
    } else if (*rec != NULL && what != NULL && !str_eq(op->s, STR("blank"))) {
        json_object_update(*rec, what);
    }
    if (*rec != NULL)
        stamp(*rec, rev, at, by);
    json_decref(what);
}

static bool one_row(void *ctx, const struct val *c, size_t n)
{
    json_t **rec = ctx;

    (void)n;
    step(rec, &c[0], &c[1], &c[2], &c[3], &c[4]);
    return true;
}

/* By its key of now, else by a key that it had. */
static int find_then(struct tx *tx, struct arena *a, const struct kind *k, str id_or_key, int64_t at, int64_t *id,
                     struct err *e)
{
    struct val v = V_INT(0);
    int rc = rec_find(tx, a, k, id_or_key, false, id, e);

    if (rc < 0 || *id != 0)
        return rc;
    rc = tx_one(tx, a, PAST_KEY_SQL, VALS(V_STR(k->name), V_STR(id_or_key), V_INT(at)), &v, e);
    if (rc > 0)
        *id = v.i;
    return rc < 0 ? rc : *id == 0 ? ERR(e, -ENOENT, "registry.not_found", S(k->name), S(id_or_key)) : 0;
}

int registry_get_at(struct registry *r, const struct actor *who, str kind, str id_or_key, int64_t at_ns, json_t **out,
                    struct err *e)
{
    const struct kind *k = kind_want(r, kind, e);
    struct arena a = arena_init(CALL_ARENA);
    struct scope s;
    struct tx *tx;
    json_t *rec = NULL;
    int64_t id = 0;
    int rc = k == NULL ? -ENOENT : scope_read(who, &s, e);

    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &tx, e)) == 0) {
        rc = find_then(tx, &a, k, id_or_key, at_ns, &id, e);
        if (rc == 0)
            rc = scope_sees(tx, r, &s, k, id, e);
        if (rc == 0)
            rc = tx_query(
                tx,
                "SELECT op, rev, at, by_name, after FROM history h WHERE kind = ?1 AND record_id = ?2 AND " THEN(
                    "?3") " ORDER BY seq",
                VALS(V_STR(kind), V_INT(id), V_INT(at_ns)), one_row, &rec, e);
        if (rc == 0)
            rc = personal_show(r, tx, &a, k, id, rec, e);
        fields_hide(k, s.roles, rec);
        store_rollback(tx);
        if (rc == 0 && rec == NULL)
            rc = ERR(e, -ENOENT, "registry.not_then", S(kind), S(id_or_key));
    }
    if (rc == 0)
        *out = rec;
    else
        json_decref(rec);
    arena_free(&a);
    return rc;
}

/* ---- lists ---- */

struct past {
    const struct kind *k;
    const struct list_query *q;
    struct arena *a;
    str q_folded;
    size_t limit;
    uint64_t scanned;
    int64_t id;  /* of the record in hand; 0 = none */
    int64_t seq; /* of the row read last */
    size_t rows; /* of this piece */
    json_t *rec, **v;
    int64_t *ids;
    size_t n;
    bool more, too_much;
};

static bool text_has(const struct past *p, const json_t *v)
{
    if (!json_is_string(v))
        return false;
    str folded = text_fold(p->a, (str){json_string_value(v), json_string_length(v)});
    return str_find(folded, p->q_folded) != SIZE_MAX;
}

static bool value_is(const json_t *v, str want)
{
    int64_t n;

    if (json_is_object(v))
        return value_is(json_object_get(v, "key"), want) || value_is(json_object_get(v, "id"), want);
    if (json_is_string(v))
        return str_eq((str){json_string_value(v), json_string_length(v)}, want);
    if (json_is_integer(v))
        return str_i64(want, &n) && n == json_integer_value(v);
    if (json_is_boolean(v))
        return str_eq(want, json_is_true(v) ? STR("true") : STR("false"));
    return json_is_null(v) && str_eq(want, STR("null"));
}

static bool wanted(const struct past *p, const json_t *rec)
{
    char name[COL_MAX];

    if (!p->q->ended && !json_is_null(json_object_get(rec, "valid_to")))
        return false;
    for (size_t i = 0; i < p->q->nfilters; i++) {
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(p->q->filter[i].field));
        bool is = value_is(json_object_get(rec, name), p->q->filter[i].value);
        if (is != str_eq(p->q->filter[i].op, STR("eq")))
            return false;
    }
    return p->q->q.n == 0 || text_has(p, json_object_get(rec, "key")) || text_has(p, json_object_get(rec, "title"));
}

/* The record in hand is whole: take or leave it. False: the page is full. */
static bool take(struct past *p)
{
    if (p->rec != NULL && wanted(p, p->rec)) {
        if (p->n == p->limit) {
            p->more = true;
            return false;
        }
        p->ids[p->n] = p->id;
        p->v[p->n++] = json_incref(p->rec);
    }
    json_decref(p->rec);
    p->rec = NULL;
    return true;
}

static bool list_row(void *ctx, const struct val *c, size_t n)
{
    struct past *p = ctx;

    (void)n;
    if (++p->scanned > PAST_SCAN_MAX) {
        p->too_much = true;
        return false;
    }
    if (c[5].i != p->id) {
        if (!take(p))
            return false;
        p->id = c[5].i;
    }
    p->seq = c[6].i;
    p->rows++;
    step(&p->rec, &c[0], &c[1], &c[2], &c[3], &c[4]);
    return true;
}

static int filters_check(const struct past *p, uint32_t roles, struct err *e)
{
    for (size_t i = 0; i < p->q->nfilters; i++) {
        str op = p->q->filter[i].op, f = p->q->filter[i].field;
        struct column c;
        if (!column_find(p->k, f, &c))
            return ERR(e, -EINVAL, "registry.unknown_field", S(f), S(p->k->name));
        if (!field_seen(c.f, roles))
            return ERR(e, -EACCES, "registry.hidden_field", S(f), S(p->k->name));
        if (!str_eq(op, STR("eq")) && !str_eq(op, STR("ne")))
            return ERR(e, -EINVAL, "registry.at_filter", S(op));
    }
    if (p->q->order.n > 0 && !str_eq(p->q->order, STR("id")))
        return ERR(e, -EINVAL, "registry.at_order");
    return 0;
}

/* In pieces that grow, as a server hands over all that was asked for and a page ends after a few records. */
static int past_rows(struct past *p, struct tx *tx, int64_t after, int64_t at, struct err *e)
{
    int64_t id = after, seq = INT64_MAX;
    int rc = 0;

    for (size_t want = PIECE * p->limit; rc == 0; want *= want < PIECE_MAX ? 4 : 1) {
        p->rows = 0;
        rc = tx_query(tx,
                      "SELECT op, rev, at, by_name, after, record_id, seq FROM history h WHERE kind = ?1 AND"
                      " (record_id, seq) > (?2, ?4) AND " THEN("?3") " ORDER BY record_id, seq LIMIT ?5",
                      VALS(V_STR(p->k->name), V_INT(id), V_INT(at), V_INT(seq), V_INT((int64_t)want)), list_row, p, e);
        if (p->rows < want || p->more || p->too_much)
            break;
        id = p->id;
        seq = p->seq;
    }
    return rc;
}

static int past_read(struct registry *r, struct past *p, const struct scope *s, struct tx *tx, int64_t at,
                     json_t *items, struct err *e)
{
    int64_t after = 0;

    if (p->q->cursor.n > 0 && !str_i64(p->q->cursor, &after))
        return ERR(e, -EINVAL, "registry.bad_cursor");
    int rc = past_rows(p, tx, after, at, e);
    if (rc == 0 && !p->more)
        take(p);
    if (rc == 0 && p->too_much)
        rc = ERR(e, -E2BIG, "registry.at_much");
    for (size_t i = 0; rc == 0 && i < p->n; i++) {
        struct err unseen;
        if (scope_sees(tx, r, s, p->k, p->ids[i], &unseen) < 0)
            continue;
        rc = personal_show(r, tx, p->a, p->k, p->ids[i], p->v[i], e);
        fields_hide(p->k, s->roles, p->v[i]);
        json_array_append(items, p->v[i]);
    }
    return rc;
}

int registry_list_at(struct registry *r, const struct actor *who, str kind, const struct list_query *q, int64_t at_ns,
                     json_t **out, struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    struct past p = {.k = kind_want(r, kind, e), .q = q, .a = &a};
    json_t *items = json_array(), *next = json_null();
    struct scope s;
    struct tx *tx;
    int rc = p.k == NULL ? -ENOENT : scope_read(who, &s, e);

    p.limit = q->limit == 0 ? 50 : q->limit > 1000 ? 1000 : q->limit;
    p.v = arena_array(&a, json_t *, p.limit);
    p.ids = arena_array(&a, int64_t, p.limit);
    p.q_folded = q->q.n > 0 ? text_fold(&a, q->q) : STR_NONE;
    if (rc == 0 && a.failed)
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    if (rc == 0)
        rc = filters_check(&p, s.roles, e);
    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &tx, e)) == 0) {
        rc = past_read(r, &p, &s, tx, at_ns, items, e);
        store_rollback(tx);
    }
    if (rc == 0 && p.more && p.n > 0)
        next = json_string(err_n(p.ids[p.n - 1]));
    if (rc == 0)
        *out = json_pack("{s:o, s:o}", "items", items, "next", next);
    for (size_t i = 0; i < p.n; i++)
        json_decref(p.v[i]);
    json_decref(p.rec);
    if (rc < 0) {
        json_decref(items);
        json_decref(next);
    }
    arena_free(&a);
    return rc;
}

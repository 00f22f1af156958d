/* The effect of a change on the checks, as somebody may see it: what belongs to a
 * unit or a field that is not for him is counted, not shown (docs/api.md). */
#include "judge/effect-int.h"
#include "base/json.h"
#include <errno.h>

/* ---- may it be shown ---- */

static bool field_for(const struct kind *k, size_t at, uint32_t roles)
{
    return k == NULL || at >= k->nfields || field_seen(&k->fields[at], roles);
}

static bool row_shown(struct check_effect *x, const struct control *c, const struct check_row *row)
{
    const struct kind *k = schema_kind(registry_schema(x->j->reg), c->state.subject);

    return sight_has(&x->sight, row->unit_id) && field_for(k, k != NULL ? k->key_field : 0, x->who->roles);
}

/* ---- whom it is about ---- */

static bool step_row(void *ctx, const struct val *v, size_t n)
{
    json_t **out = ctx;

    (void)n;
    *out = json_pack("{s:o, s:I, s:o, s:o}", "kind", json_from_str(v[0].s), "id", (json_int_t)v[1].i, "key",
                     json_from_str(v[2].s), "title", json_from_str(v[2].s));
    return false;
}

static bool found_row(void *ctx, const struct val *v, size_t n)
{
    (void)v;
    (void)n;
    *(bool *)ctx = true;
    return false;
}

/* What the change creates has no number yet that would stay: neither an id nor
 * a key that is counted on. */
static int record_json(struct check_effect *x, const struct control *c, const struct check_row *row, json_t **out,
                       struct err *e)
{
    const struct kind *k = schema_kind(registry_schema(x->j->reg), c->state.subject);
    bool stored = k == NULL, numbered = k != NULL && str_find(k->fields[k->key_field].dflt, STR("{n}")) != SIZE_MAX;
    int rc = 0;

    if (k != NULL) {
        str sql = arena_fmt(&x->a, "SELECT 1 FROM %.*s WHERE id = ?1", STR_ARGS(k->name));
        rc = sql.p == NULL ? ERR(e, -ENOMEM, "base.no_memory", "effect")
                           : tx_query(x->stored, sql.p, VALS(V_INT(row->id)), found_row, &stored, e);
    }
    if (rc < 0)
        return rc;
    bool title = row->title.n > 0 && field_for(k, k != NULL ? k->title_field : 0, x->who->roles);
    str key = row->key.n > 0 ? row->key : arena_fmt(&x->a, "%lld", (long long)row->id);
    bool counted = !stored && numbered;
    *out = json_pack("{s:o, s:o, s:o, s:o}", "kind", json_from_str(c->state.subject), "id",
                     stored ? json_integer((json_int_t)row->id) : json_null(), "key",
                     counted ? json_null() : json_from_str(key), "title",
                     title && !(counted && str_eq(row->title, key)) ? json_from_str(row->title)
                     : counted                                      ? json_null()
                                                                    : json_from_str(key));
    return 0;
}

/* What a step of a life cycle left open is about the record that took it. */
static int subject_json(struct check_effect *x, const struct control *c, const struct check_row *row, struct tx *tx,
                        json_t **out, struct err *e)
{
    *out = NULL;
    if (!str_eq(c->state.subject, STR("life_open")))
        return record_json(x, c, row, out, e);
    int rc = tx_query(tx, "SELECT kind, record_id, record_key FROM life_open WHERE id = ?1", VALS(V_INT(row->id)),
                      step_row, out, e);
    if (rc < 0 || *out == NULL)
        return rc < 0 ? rc : record_json(x, c, row, out, e);
    const struct kind *k = schema_kind(registry_schema(x->j->reg), json_get_str(*out, "kind"));
    if (!field_for(k, k != NULL ? k->key_field : 0, x->who->roles)) {
        json_object_set_new(*out, "key", json_null());
        json_object_set_new(*out, "title", json_null());
    }
    return 0;
}

static bool unit_row(void *ctx, const struct val *v, size_t n)
{
    json_t **out = ctx;

    (void)n;
    *out = unit_json(v[0].i, v[1].s, v[2].s);
    return false;
}

static int item_add(struct check_effect *x, const struct control *c, const struct check_row *row, const char *effect,
                    json_t *items, struct err *e)
{
    struct tx *tx = strcmp(effect, "opens") == 0 ? x->tx : x->stored;
    json_t *unit = NULL, *subject = NULL;
    int rc = subject_json(x, c, row, tx, &subject, e);

    if (rc == 0 && row->unit_id != 0) /* one that the change creates has no number to name yet */
        rc = tx_query(x->stored, "SELECT id, code, name FROM unit WHERE id = ?1", VALS(V_INT(row->unit_id)), unit_row,
                      &unit, e);
    if (rc == 0)
        json_array_append_new(items, json_pack("{s:s, s:O, s:o}", "effect", effect, "subject", subject, "unit",
                                               unit != NULL ? unit : json_null()));
    else
        json_decref(unit);
    json_decref(subject);
    return rc;
}

/* ---- one check ---- */

/* hidden: of those that were looked at. */
static int side_add(struct check_effect *x, struct effect_diff *d, struct check_run *r, const char *effect,
                    json_t *items, int64_t *hidden, struct err *e)
{
    size_t all = r->n, room = EFFECT_ITEMS_OF_ONE - json_array_size(items);

    if (room > EFFECT_ITEMS - x->listed)
        room = EFFECT_ITEMS - x->listed;
    size_t look = x->sight.all ? room : EFFECT_NAMED;
    r->n = all < look ? all : look;
    int rc = check_run_names(r, e);
    for (size_t i = 0; rc == 0 && i < r->n; i++) {
        if (!row_shown(x, d->c, &r->v[i])) {
            ++*hidden;
        } else if (room > 0) {
            room--;
            x->listed++;
            rc = item_add(x, d->c, &r->v[i], effect, items, e);
        }
    }
    r->n = all;
    return rc;
}

int effect_add(struct check_effect *x, struct effect_diff *d, struct err *e)
{
    const struct control *c = d->c;
    int64_t opens = (int64_t)d->opens.n, closes = (int64_t)d->closes.n, hidden = 0;
    json_t *items;

    if (opens == 0 && closes == 0 && d->unknown == 0)
        return 0;
    items = json_array();
    int rc = side_add(x, d, &d->opens, "opens", items, &hidden, e);
    if (rc == 0)
        rc = side_add(x, d, &d->closes, "closes", items, &hidden, e);
    if (rc < 0) {
        json_decref(items);
        return rc;
    }
    x->opens += opens;
    x->closes += closes;
    x->unknown += d->unknown;
    x->hidden += hidden;
    json_t *clauses = json_loadb(c->clauses_json.p, c->clauses_json.n, 0, NULL);
    json_array_append_new(x->controls,
                          json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "id", json_from_str(c->id),
                                    "title", label_json(c->title), "severity", severity_json(c->severity), "clauses",
                                    clauses == NULL ? json_array() : clauses, "opens", (json_int_t)opens, "closes",
                                    (json_int_t)closes, "unknown", (json_int_t)d->unknown, "hidden", (json_int_t)hidden,
                                    "more", (json_int_t)(opens + closes - hidden) - (json_int_t)json_array_size(items),
                                    "items", items));
    return 0;
}

int effect_failed(struct check_effect *x, const struct control *c, const struct err *why)
{
    char vi[300], en[300];

    err_sentence(why, LANG_VI, vi, sizeof(vi));
    err_sentence(why, LANG_EN, en, sizeof(en));
    return json_array_append_new(x->failed, json_pack("{s:o, s:o, s:o, s:{s:s, s:s}}", "id", json_from_str(c->id),
                                                      "title", label_json(c->title), "severity",
                                                      severity_json(c->severity), "error", "vi", vi, "en", en));
}

json_t *effect_json(struct check_effect *x)
{
    json_t *out =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:O}", "ran", (json_int_t)x->ran, "opens", (json_int_t)x->opens,
                  "closes", (json_int_t)x->closes, "unknown", (json_int_t)x->unknown, "hidden", (json_int_t)x->hidden,
                  "more", (json_int_t)(x->opens + x->closes - x->hidden) - (json_int_t)x->listed, "controls",
                  x->controls, "failed", x->failed);

    return out;
}

/* The law as registry records: regulation, clause and control of the packs are
 * written as what they are, by Lũy itself with reason "pack", and only where
 * they differ. Runs when packs are loaded; any thread. */
#include "judge/judge-int.h"
#include "base/json.h"
#include <errno.h>

static const struct actor system_actor = {
    .name = {OWN_PROGRAM, sizeof(OWN_PROGRAM) - 1}, .roles = ROLE_SYSTEM, .reason = {"pack", 4}};

struct sync {
    struct judge *j;
    const struct kind *kind;
    struct map have; /* key -> json_t* record, borrowed from pages */
    json_t *pages;
};

static json_t *str_json(str s) { return json_from_str(s.p == NULL ? STR("") : s); }

/* At most max characters. */
static str head_of(str s, int64_t max)
{
    size_t n = 0;

    for (int64_t i = 0; i < max && n < s.n; i++)
        n += text_step(str_sub(s, n, s.n));
    return str_sub(s, 0, n);
}

/* A field that the schema has and that says something. */
static void put(const struct sync *s, json_t *rec, const char *field, json_t *v)
{
    const struct field *f = kind_field(s->kind, str_c(field));
    bool empty = v == NULL || json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0);

    if (f == NULL || empty) {
        json_decref(v);
        return;
    }
    if (json_is_string(v) && f->has_max && (f->type == FT_TEXT || f->type == FT_MARKDOWN)) {
        str text = json_str(v), head = head_of(text, f->max);
        if (head.n < text.n) {
            json_t *cut = json_from_str(head);
            json_decref(v);
            v = cut;
        }
    }
    json_object_set_new(rec, field, v);
}

/* ---- what there is ---- */

static int sync_begin(struct sync *s, struct judge *j, const char *kind, struct err *e)
{
    struct list_query q = {.limit = 1000};
    char cursor[512] = "";
    int rc;

    *s = (struct sync){.j = j, .kind = schema_kind(registry_schema(j->reg), str_c(kind)), .pages = json_array()};
    map_init(&s->have, 200000);
    if (s->kind == NULL)
        return 0;
    do {
        json_t *page = NULL, *rec;
        size_t i;
        q.cursor = str_c(cursor);
        if ((rc = registry_list(j->reg, &system_actor, s->kind->name, &q, &page, e)) < 0)
            return rc;
        json_array_append_new(s->pages, page);
        json_array_foreach(json_object_get(page, "items"), i, rec)
        {
            struct map_slot *slot = map_put(&s->have, json_get_str(rec, "key"), NULL);
            if (slot != NULL)
                slot->v.ptr = rec;
        }
        str next = json_get_str(page, "next");
        snprintf(cursor, sizeof(cursor), "%.*s", STR_ARGS(next));
    } while (cursor[0] != '\0');
    return 0;
}

static void sync_end(struct sync *s)
{
    map_done(&s->have);
    json_decref(s->pages);
}

/* ---- comparing ---- */

static str ref_key(const json_t *v) { return json_is_object(v) ? json_get_str(v, "key") : json_str(v); }

static bool list_has(const json_t *list, str key)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (str_eq(ref_key(json_array_get(list, i)), key))
            return true;
    return false;
}

static bool same_value(const json_t *want, const json_t *have)
{
    if (json_is_array(want)) {
        if (json_array_size(want) != json_array_size(have))
            return false;
        for (size_t i = 0; i < json_array_size(want); i++)
            if (!list_has(have, json_str(json_array_get(want, i))))
                return false;
        return true;
    }
    if (json_is_string(want))
        return str_eq(json_str(want), ref_key(have));
    return json_equal(want, have);
}

static int fail(struct sync *s, int rc, const struct errs *es, struct err *e)
{
    char why[200] = "";

    if (es->n > 0) {
        err_text(&es->v[0], LANG_EN, why, sizeof(why));
        return ERR(e, rc, "judge.sync", S(s->kind->name), why);
    }
    if (e->code == 0)
        ERR(e, rc, "judge.sync", S(s->kind->name), "");
    return rc;
}

/* Takes rec. */
static int sync_one(struct sync *s, str key, json_t *rec, struct err *e)
{
    struct map_slot *slot = map_get(&s->have, key);
    json_t *out = NULL, *patch, *want;
    const char *field;
    struct errs es;
    int rc = 0;

    errs_init(&es, 10);
    if (slot == NULL) {
        rc = registry_create(s->j->reg, &system_actor, s->kind->name, rec, &out, &es, e);
    } else {
        json_t *have = slot->v.ptr;
        patch = json_object();
        json_object_foreach(rec, field, want) if (!same_value(want, json_object_get(have, field)))
            json_object_set(patch, field, want);
        if (json_object_size(patch) > 0)
            rc = registry_change(s->j->reg, &system_actor, s->kind->name, key, json_get_int(have, "rev", 0), patch,
                                 &out, &es, e);
        json_decref(patch);
    }
    if (rc < 0)
        rc = fail(s, rc, &es, e);
    errs_done(&es);
    json_decref(out);
    json_decref(rec);
    return rc < 0 ? rc : 0;
}

/* ---- the three kinds ---- */

static int sync_regulations(struct judge *j, struct packset *ps, struct err *e)
{
    struct sync s;
    int rc = sync_begin(&s, j, "regulation", e);

    for (size_t i = 0; rc == 0 && s.kind != NULL && i < ps->nregs; i++) {
        const struct regulation *r = &ps->regs[i];
        json_t *rec = json_object();
        put(&s, rec, "code", str_json(r->code));
        put(&s, rec, "title", str_json(r->title.vi));
        put(&s, rec, "number", str_json(r->number));
        put(&s, rec, "issued_on", str_json(r->issued_on));
        put(&s, rec, "effective_on", str_json(r->effective_on));
        put(&s, rec, "binds", str_json(r->binds.vi));
        rc = sync_one(&s, r->code, rec, e);
    }
    sync_end(&s);
    return rc;
}

static int sync_clauses(struct judge *j, struct packset *ps, struct err *e)
{
    struct sync s;
    int rc = sync_begin(&s, j, "clause", e);

    for (size_t i = 0; rc == 0 && s.kind != NULL && i < ps->nclauses; i++) {
        const struct clause *c = &ps->clauses[i];
        json_t *rec = json_object();
        put(&s, rec, "code", str_json(c->id));
        put(&s, rec, "regulation", str_json(ps->regs[c->reg].code));
        if (c->parent >= 0)
            put(&s, rec, "parent", str_json(ps->clauses[c->parent].id));
        put(&s, rec, "number", str_json(c->number));
        put(&s, rec, "title", str_json(c->title.vi.n > 0 ? c->title.vi : c->number));
        put(&s, rec, "text_vi", str_json(c->text.vi));
        put(&s, rec, "text_en", str_json(c->text.en));
        put(&s, rec, "ord", json_integer((json_int_t)i));
        rc = sync_one(&s, c->id, rec, e);
    }
    sync_end(&s);
    return rc;
}

static int sync_controls(struct judge *j, struct packset *ps, struct err *e)
{
    struct sync s;
    int rc = sync_begin(&s, j, "control", e);

    for (size_t i = 0; rc == 0 && s.kind != NULL && i < ps->ncontrols; i++) {
        const struct control *c = &ps->controls[i];
        json_t *rec = json_object(), *clauses = json_array();
        for (size_t k = 0; k < c->nclauses; k++)
            json_array_append_new(clauses, str_json(ps->clauses[c->clauses[k]].id));
        put(&s, rec, "code", str_json(c->id));
        put(&s, rec, "title_vi", str_json(c->title.vi));
        put(&s, rec, "title_en", str_json(c->title.en));
        put(&s, rec, "kind", json_string(control_kind_names[c->kind]));
        put(&s, rec, "severity", json_string(severity_names[c->severity]));
        put(&s, rec, "clauses", clauses);
        put(&s, rec, "pack", str_json(c->pack));
        rc = sync_one(&s, c->id, rec, e);
    }
    sync_end(&s);
    return rc;
}

int pack_sync(struct judge *j, struct packset *ps, struct err *e)
{
    int rc = registry_batch_begin(j->reg, e);

    if (rc < 0)
        return rc;
    rc = sync_regulations(j, ps, e);
    if (rc == 0)
        rc = sync_clauses(j, ps, e);
    if (rc == 0)
        rc = sync_controls(j, ps, e);
    int ended = registry_batch_end(j->reg, rc == 0, rc == 0 ? e : NULL);
    return rc == 0 ? ended : rc;
}

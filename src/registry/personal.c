/* Personal data in the history, and its way out by law.
 *
 * The history is never pruned and its chain covers every byte, yet a person may
 * ask by law that what was kept about him is blanked. So the history does not
 * hold the value of a personal field but {"personal": n, "sha256": h}, where row
 * n of personal_value holds salt and value, and h = SHA-256(salt || value as
 * JSON). The chain covers h; a blanked row has neither salt nor value, and what
 * it was can no longer be guessed from h. A reference carries no title in the
 * history when the title is somebody's name. */
#include "registry/personal.h"
#include "base/json.h"
#include "base/log.h"
#include "base/rand.h"
#include "registry/change-int.h"
#include "registry/file-int.h"
#include <errno.h>

enum { SALT = 16, VALUE_MAX = 64 * 1024 };

bool kind_personal(const struct kind *k)
{
    for (size_t i = 0; i < k->nfields; i++)
        if (k->fields[i].personal)
            return true;
    return false;
}

static const struct kind *ref_named(const struct registry *r, const struct field *f)
{
    const struct kind *t = f->ref_kind.n > 0 ? schema_kind(r->sc, f->ref_kind) : NULL;
    return t != NULL && t->fields[t->title_field].personal ? t : NULL;
}

static bool anything_to_hide(const struct registry *r, const struct kind *k)
{
    for (size_t i = 0; i < k->nfields; i++)
        if (k->fields[i].personal || ref_named(r, &k->fields[i]) != NULL)
            return true;
    return false;
}

static void member_name(const struct field *f, char out[COL_MAX]) { snprintf(out, COL_MAX, "%.*s", STR_ARGS(f->name)); }

static void digest(str salt, const char *value, char hex[65]) { sha256_hex(sha256_2(salt, str_c(value)), hex); }

/* ---- into the history ---- */

static int value_keep(struct write *w, const struct history_of *of, str field, const json_t *v, json_t **token,
                      struct err *e)
{
    char *text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY), salt[SALT], hex[65],
         salt_hex[2 * SALT + 1];

    if (text == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    rand_bytes(salt, sizeof(salt));
    hex_fmt(salt, sizeof(salt), salt_hex);
    digest((str){salt, sizeof(salt)}, text, hex);
    struct val row[] = {V_NULL, V_STR(of->kind), V_INT(of->id), V_STR(field), V_Z(salt_hex), V_Z(text)};
    int64_t id;
    int rc = tx_insert(w->tx, STR("personal_value"),
                       "INSERT INTO personal_value (id, kind, record_id, field, salt, value)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                       row, sizeof(row) / sizeof(row[0]), &id, e);
    if (rc == 0)
        *token = json_pack("{s:I, s:s}", "personal", (json_int_t)id, "sha256", hex);
    free(text);
    return rc;
}

static void title_drop(json_t *ref)
{
    size_t i;
    json_t *one;

    if (json_is_object(ref))
        json_object_del(ref, "title");
    json_array_foreach(ref, i, one) json_object_del(one, "title");
}

int personal_hide(struct write *w, const struct kind *k, const struct history_of *of, const json_t *doc, json_t **out,
                  struct err *e)
{
    char name[COL_MAX];
    json_t *copy, *token = NULL;
    int rc = 0;

    if (doc == NULL || !anything_to_hide(w->r, k)) {
        *out = json_incref((json_t *)doc);
        return 0;
    }
    copy = json_deep_copy(doc);
    for (size_t i = 0; copy != NULL && rc == 0 && i < k->nfields; i++) {
        const struct field *f = &k->fields[i];
        member_name(f, name);
        json_t *v = json_object_get(copy, name);
        if (ref_named(w->r, f) != NULL)
            title_drop(v);
        if (!f->personal || v == NULL || json_is_null(v))
            continue;
        rc = value_keep(w, of, f->name, v, &token, e);
        if (rc == 0)
            json_object_set_new(copy, name, token);
    }
    if (copy == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    if (k->fields[k->title_field].personal && !str_eq(k->fields[k->title_field].name, STR("title")))
        json_object_del(copy, "title");
    if (rc == 0)
        *out = copy;
    else
        json_decref(copy);
    return rc;
}

/* ---- and out of it ---- */

static int value_get(struct tx *tx, struct arena *a, const struct kind *k, int64_t record, json_t *token, json_t **out,
                     struct err *e)
{
    struct val v = V_NULL;
    int rc = tx_one(tx, a, "SELECT value FROM personal_value WHERE id = ?1 AND kind = ?2 AND record_id = ?3",
                    VALS(V_INT(json_get_int(token, "personal", 0)), V_STR(k->name), V_INT(record)), &v, e);

    if (rc < 0)
        return rc;
    json_t *value = v.type == VAL_TEXT ? json_loadb(v.s.p, v.s.n, JSON_DECODE_ANY, NULL) : NULL;
    *out = value != NULL ? value : json_string(PERSONAL_BLANK);
    return 0;
}

static int ref_title(const struct registry *r, struct tx *tx, struct arena *a, const struct kind *t, json_t *ref,
                     struct err *e)
{
    str col = t->fields[t->title_field].name;
    struct val v = V_NULL;
    char sql[256];

    (void)r;
    if (!json_is_object(ref) || json_object_get(ref, "title") != NULL)
        return 0;
    snprintf(sql, sizeof(sql), "SELECT \"%.*s\" FROM \"%.*s\" WHERE id = ?1", STR_ARGS(col), STR_ARGS(t->name));
    int rc = tx_one(tx, a, sql, VALS(V_INT(json_get_int(ref, "id", 0))), &v, e);
    if (rc > 0 && v.type == VAL_TEXT)
        json_object_set_new(ref, "title", json_from_str(v.s));
    return rc < 0 ? rc : 0;
}

int personal_show(const struct registry *r, struct tx *tx, struct arena *a, const struct kind *k, int64_t record,
                  json_t *doc, struct err *e)
{
    char name[COL_MAX];
    int rc = 0;

    if (!json_is_object(doc) || !anything_to_hide(r, k))
        return 0;
    for (size_t i = 0; rc == 0 && i < k->nfields; i++) {
        const struct field *f = &k->fields[i];
        const struct kind *t = ref_named(r, f);
        member_name(f, name);
        json_t *v = json_object_get(doc, name), *value = NULL, *one;
        size_t n;
        if (t != NULL && json_is_array(v)) {
            json_array_foreach(v, n, one) if (rc == 0) rc = ref_title(r, tx, a, t, one, e);
        } else if (t != NULL) {
            rc = ref_title(r, tx, a, t, v, e);
        }
        if (!json_is_object(v) || !f->personal || json_object_get(v, "personal") == NULL)
            continue;
        rc = value_get(tx, a, k, record, v, &value, e);
        if (rc == 0)
            json_object_set_new(doc, name, value);
    }
    const struct field *title = &k->fields[k->title_field];
    member_name(title, name);
    if (rc == 0 && title->personal && json_object_get(doc, "title") == NULL &&
        json_is_string(json_object_get(doc, name)))
        json_object_set(doc, "title", json_object_get(doc, name));
    return rc;
}

/* ---- the digests against the values ---- */

struct check {
    const char *hex; /* of the token that is asked about */
    bool there, fits;
};

static bool check_row(void *ctx, const struct val *c, size_t n)
{
    struct check *x = ctx;
    char salt[SALT], hex[65], *text;

    (void)n;
    x->there = true;
    if (c[0].type == VAL_NULL && c[1].type == VAL_NULL) {
        x->fits = true; /* blanked */
        return false;
    }
    if (c[0].type != VAL_TEXT || c[1].type != VAL_TEXT || !hex_parse(c[0].s, salt, sizeof(salt)) ||
        (text = strndup(c[1].s.p, c[1].s.n)) == NULL)
        return false;
    digest((str){salt, sizeof(salt)}, text, hex);
    free(text);
    x->fits = strcmp(hex, x->hex) == 0;
    return false;
}

int personal_check(struct tx *tx, str doc, bool *fits, struct err *e)
{
    json_t *o, *v;
    const char *name;
    int rc = 0;

    *fits = true;
    if (str_find(doc, STR("\"personal\":")) == SIZE_MAX)
        return 0;
    o = json_loadb(doc.p, doc.n, 0, NULL);
    json_object_foreach(o, name, v)
    {
        const char *hex = json_string_value(json_object_get(v, "sha256"));
        struct check x = {.hex = hex};
        if (hex == NULL || rc < 0)
            continue;
        rc = tx_query(tx, "SELECT salt, value FROM personal_value WHERE id = ?1",
                      VALS(V_INT(json_get_int(v, "personal", 0))), check_row, &x, e);
        *fits = *fits && x.there && x.fits;
    }
    json_decref(o);
    return rc;
}

/* ---- all about a person, and blanking ---- */

struct seen {
    json_t *list;
    str kind, field;
};

static bool seen_row(void *ctx, const struct val *c, size_t n)
{
    struct seen *s = ctx;

    (void)n;
    json_array_append_new(s->list, json_pack("{s:o, s:o, s:I, s:o, s:b}", "kind", json_from_str(s->kind), "field",
                                             json_from_str(s->field), "id", (json_int_t)c[0].i, "key",
                                             json_from_str(c[1].s), "ended", c[2].type != VAL_NULL));
    return true;
}

/* Where other records name this one. */
static int named_by(struct registry *r, struct tx *tx, const struct kind *k, int64_t id, json_t *list, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < r->sc->nkinds; i++)
        for (size_t j = 0; j < r->sc->kinds[i].nfields && rc == 0; j++) {
            const struct kind *o = &r->sc->kinds[i];
            const struct field *f = &o->fields[j];
            struct seen s = {list, o->name, f->name};
            char sql[400];
            if ((f->type != FT_REF && f->type != FT_REFS) || !str_eq(f->ref_kind, k->name))
                continue;
            if (f->type == FT_REF)
                snprintf(sql, sizeof(sql),
                         "SELECT id, \"%.*s\", valid_to FROM \"%.*s\" WHERE \"%.*s_id\" = ?1 ORDER BY id",
                         STR_ARGS(o->fields[o->key_field].name), STR_ARGS(o->name), STR_ARGS(f->name));
            else
                snprintf(sql, sizeof(sql),
                         "SELECT t.id, t.\"%.*s\", t.valid_to FROM \"%.*s_%.*s\" x JOIN \"%.*s\" t ON t.id = x.id"
                         " WHERE x.ref_id = ?1 ORDER BY t.id",
                         STR_ARGS(o->fields[o->key_field].name), STR_ARGS(o->name), STR_ARGS(f->name),
                         STR_ARGS(o->name));
            rc = tx_query(tx, sql, VALS(V_INT(id)), seen_row, &s, e);
        }
    return rc;
}

static int may_handle(const struct actor *who, const struct kind *k, struct err *e)
{
    if (!kind_personal(k))
        return ERR(e, -EINVAL, "registry.not_personal", S(k->name));
    return who->roles & (ROLE_ADMIN | ROLE_SYSTEM) ? 0 : ERR(e, -EACCES, "registry.personal_admin");
}

int registry_personal_export(struct registry *r, const struct actor *who, str kind, str id_or_key, json_t **out,
                             struct err *e)
{
    const struct kind *k = kind_want(r, kind, e);
    struct arena a = arena_init(CALL_ARENA);
    json_t *rec = NULL, *history = NULL, *list = json_array();
    struct tx *tx;
    int rc = k == NULL ? -ENOENT : may_handle(who, k, e);

    if (rc == 0)
        rc = registry_get(r, who, kind, id_or_key, &rec, e);
    if (rc == 0)
        rc = registry_history(r, who, kind, id_or_key, &history, e);
    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &tx, e)) == 0) {
        rc = named_by(r, tx, k, json_get_int(rec, "id", 0), list, e);
        store_rollback(tx);
    }
    if (rc == 0)
        *out = json_pack("{s:O, s:O, s:O}", "record", rec, "history", history, "named_by", list);
    json_decref(rec);
    json_decref(history);
    json_decref(list);
    arena_free(&a);
    return rc;
}

/* What the fields become: nothing where that is allowed, else a word that says why. */
static json_t *blank_patch(const struct kind *k, const struct rec *rec)
{
    json_t *o = json_object();
    char name[COL_MAX];

    for (size_t i = 0; i < k->nfields; i++) {
        const struct field *f = &k->fields[i];
        if (!f->personal || rec->v[i].type == VAL_NULL)
            continue;
        member_name(f, name);
        json_object_set_new(o, name, f->required ? json_string(PERSONAL_BLANK) : json_null());
    }
    return o;
}

struct scrub {
    const struct kind *k;
    struct arena *a;
    struct {
        int64_t change, ord;
        str doc;
    } row[256];
    size_t n;
};

static bool scrub_row(void *ctx, const struct val *c, size_t n)
{
    struct scrub *s = ctx;
    char name[COL_MAX];
    bool any = false;

    (void)n;
    json_t *o = json_loadb(c[2].s.p, c[2].s.n, 0, NULL), *fields = json_object_get(o, "fields");
    for (size_t i = 0; i < s->k->nfields; i++) {
        member_name(&s->k->fields[i], name);
        json_t *v = s->k->fields[i].personal ? json_object_get(fields, name) : NULL;
        bool document = s->k->fields[i].type == FT_FILE && json_is_object(v);
        if (!document && (!json_is_string(v) || strcmp(json_string_value(v), PERSONAL_BLANK) == 0))
            continue;
        json_object_set_new(fields, name, json_string(PERSONAL_BLANK));
        any = true;
    }
    char *text = any ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (text != NULL) {
        s->row[s->n].change = c[0].i;
        s->row[s->n].ord = c[1].i;
        s->row[s->n++].doc = arena_str(s->a, str_c(text));
    }
    free(text);
    json_decref(o);
    return s->n < sizeof(s->row) / sizeof(s->row[0]);
}

/* Change sets keep what was asked for; the values go from there too. */
static int scrub_changes(struct write *w, const struct kind *k, int64_t id, struct err *e)
{
    struct scrub *s = arena_new(w->a, struct scrub);
    int rc;

    if (s == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    do {
        *s = (struct scrub){.k = k, .a = w->a};
        rc = tx_query(w->tx, "SELECT change_id, ord, doc FROM change_op WHERE kind = ?1 AND record_id = ?2",
                      VALS(V_STR(k->name), V_INT(id)), scrub_row, s, e);
        for (size_t i = 0; i < s->n && rc == 0; i++)
            rc = tx_exec(w->tx, "UPDATE change_op SET doc = ?1 WHERE change_id = ?2 AND ord = ?3",
                         VALS(V_STR(s->row[i].doc), V_INT(s->row[i].change), V_INT(s->row[i].ord)), NULL, e);
    } while (rc == 0 && s->n == sizeof(s->row) / sizeof(s->row[0]));
    return rc;
}

static int blank_run(struct write *w, const struct kind *k, const struct rec *old, int64_t *values, struct err *e)
{
    json_t *patch = blank_patch(k, old), *after = NULL;
    struct input *in = NULL;
    struct rec *fresh = NULL;
    struct file_list files;
    enum outcome how;
    int rc = input_from_json(w, k, patch, &in, e);

    json_decref(patch);
    if (rc == 0)
        rc = write_record(w, k, old, in, &fresh, &how, e);
    if (rc == 0)
        rc = files_personal(w, k, old->id, &files, e);
    if (rc == 0)
        rc = tx_exec(
            w->tx,
            "UPDATE personal_value SET salt = NULL, value = NULL WHERE kind = ?1 AND record_id = ?2 AND value IS"
            " NOT NULL",
            VALS(V_STR(k->name), V_INT(old->id)), values, e);
    if (rc == 0)
        rc = scrub_changes(w, k, old->id, e);
    if (rc == 0)
        rc = files_forget(w, &files, e);
    after = json_pack("{s:I}", "values", (json_int_t)*values);
    if (rc == 0)
        rc = history_put(w, &(struct history_of){k->name, old->id, rec_key(old), fresh->rev}, "blank", NULL, after, e);
    json_decref(after);
    return rc;
}

/* The values are blanked by now; that their old bytes could not be driven out
 * of the files yet is told, and does not undo it. */
static void scrub_files(struct registry *r, const struct kind *k)
{
    const str tables[] = {k->name, STR("personal_value"), STR("change_op"), STR("file_chunk")};
    size_t n = sizeof(tables) / sizeof(tables[0]) - 1; /* documents are much: only where there were some */
    struct err e = {0};

    for (size_t i = 0; i < k->nfields; i++)
        if (k->fields[i].personal && k->fields[i].type == FT_FILE)
            n = sizeof(tables) / sizeof(tables[0]);
    if (r->st->ops->scrub != NULL && r->st->ops->scrub(r->st, tables, n, &e) < 0)
        log_err(LOG_ERROR, "personal_scrub", &e);
}

int registry_personal_blank(struct registry *r, const struct actor *who, str kind, str id_or_key, int64_t rev,
                            json_t **out, struct errs *es, struct err *e)
{
    const struct kind *k = kind_want(r, kind, e);
    struct arena a = arena_init(CALL_ARENA);
    struct rec *old = NULL;
    int64_t values = 0;
    struct write w;
    int rc = k == NULL ? -ENOENT : may_handle(who, k, e);

    if (rc == 0 && str_trim(who->reason).n == 0)
        rc = ERR(e, -EINVAL, "registry.personal_reason");
    if (rc == 0 && (rc = write_begin(&w, r, who, &a, es, e)) == 0) {
        rc = find_visible(w.tx, r, &w.scope, &a, k, id_or_key, false, &old, e);
        if (rc == 0 && old->rev != rev)
            rc = ERR(e, -ESTALE, "registry.stale", S(rec_key(old)), N(old->rev), N(rev));
        if (rc == 0)
            rc = blank_run(&w, k, old, &values, e);
        int closed = write_close(&w, rc == 0, e);
        rc = rc == 0 ? closed : rc;
        if (rc == 0 && !w.joined)
            scrub_files(r, k);
    }
    if (rc == 0)
        *out = json_pack("{s:I}", "values", (json_int_t)values);
    arena_free(&a);
    return rc;
}

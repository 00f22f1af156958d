/* The new values of one record: given ones, kept ones, defaults; references
 * looked up; what is required, unique, a usable key. Mistakes are collected in
 * the write; only trouble with the store ends the work. Runs inside the write
 * transaction, so what was looked up still stands when it is written. */
#include "registry/file-int.h"
#include "registry/known-int.h"
#include <errno.h>

/* A mistake in a field: noted, and the work goes on. */
static int noted(struct write *w, const struct field *f, struct err *fe)
{
    write_fault(w, f->name, fe);
    return 0;
}

struct ref_found {
    struct arena *a;
    int64_t id;
    struct ref_text text;
};

static bool ref_row(void *ctx, const struct val *cols, size_t n)
{
    struct ref_found *x = ctx;

    (void)n;
    x->id = cols[0].i;
    x->text = (struct ref_text){arena_str(x->a, cols[1].s), arena_str(x->a, cols[2].s)};
    return false;
}

/* The living record that a reference names, among those the writer may see. */
static int ref_resolve(struct write *w, const struct field *f, str key, int64_t id, struct ref_found *out,
                       struct err *e)
{
    const struct kind *t = schema_kind(w->r->sc, f->ref_kind);
    const struct field *kf = &t->fields[t->key_field];
    struct val p[2] = {V_INT(id)};
    size_t np = 1;
    struct buf b;

    *out = (struct ref_found){.a = w->a};
    if (key.p != NULL && value_parse(w->a, kf, key, &p[0], NULL) < 0)
        return 0;
    const struct known_ref *ref = key.p != NULL && p[0].type == VAL_TEXT ? known_key(w->known, t, p[0].s) : NULL;
    if (ref != NULL) {
        out->id = ref->id;
        out->text = (struct ref_text){arena_str(w->a, ref->key), arena_str(w->a, ref->title)};
        return 0;
    }
    buf_init(&b, 16384);
    buf_fmt(&b, "SELECT t.id, t.\"%.*s\", t.\"%.*s\" FROM \"%.*s\" t WHERE t.\"%.*s\" = ?1 AND t.valid_to IS NULL",
            STR_ARGS(kf->name), STR_ARGS(t->fields[t->title_field].name), STR_ARGS(t->name),
            STR_ARGS(key.p != NULL ? kf->name : STR("id")));
    scope_sql(w->r, &w->scope, t, "t", &b, p, &np);
    buf_byte(&b, 0);
    int rc = b.failed ? ERR(e, -ENOMEM, "registry.no_memory") : tx_query(w->tx, b.p, p, np, ref_row, out, e);
    buf_done(&b);
    if (rc == 0 && key.p != NULL && p[0].type == VAL_TEXT)
        known_learn_key(w->known, t, p[0].s, &(struct known_ref){out->id, out->text.key, out->text.title});
    return rc;
}

static int judge_ref(struct write *w, size_t i, struct input_field *in, struct rec *fresh, struct err *e)
{
    const struct field *f = &fresh->k->fields[i];
    struct id_list *l = &fresh->refs[i];
    struct ref_found found;
    struct err fe = {0};

    *l = (struct id_list){arena_array(w->a, int64_t, in->nrefs), arena_array(w->a, struct ref_text, in->nrefs), 0};
    for (size_t j = 0; j < in->nrefs; j++) {
        int rc = ref_resolve(w, f, in->ref_key[j], in->ref_id[j], &found, e);
        if (rc < 0)
            return rc;
        if (found.id == 0) {
            str shown = in->ref_key[j].p != NULL ? in->ref_key[j] : str_c(N(in->ref_id[j]));
            in->given = GIVEN_BAD;
            ERR(&fe, -EINVAL, "registry.ref_missing", S(f->ref_kind), S(shown));
            return noted(w, f, &fe);
        }
        if (f->type == FT_REF) {
            fresh->v[i] = V_INT(found.id);
            fresh->ref[i] = found.text;
            return 0;
        }
        bool twice = false;
        for (size_t m = 0; m < l->n; m++)
            twice |= l->id[m] == found.id;
        if (l->id != NULL && l->text != NULL && !twice) {
            l->id[l->n] = found.id;
            l->text[l->n++] = found.text;
        }
    }
    return 0;
}

static int judge_field(struct write *w, size_t i, const struct rec *old, struct input_field *in, struct rec *fresh,
                       struct err *e)
{
    const struct field *f = &fresh->k->fields[i];
    bool is_template = str_find(f->dflt, STR("{")) != SIZE_MAX;

    if (in->given == GIVEN_CLEAR || in->given == GIVEN_BAD)
        return 0;
    if (in->given == GIVEN_VALUE) {
        if (f->type == FT_REF || f->type == FT_REFS)
            return judge_ref(w, i, in, fresh, e);
        if (f->type == FT_FILE)
            return file_field_judge(w, f, old != NULL ? &old->v[i] : NULL, in, &fresh->v[i], e);
        fresh->v[i] = in->v;
    } else if (old != NULL) {
        fresh->v[i] = old->v[i];
        fresh->ref[i] = old->ref[i];
        fresh->refs[i] = old->refs[i];
    } else if (f->dflt.n > 0 && !is_template) {
        return value_parse(w->a, f, f->dflt, &fresh->v[i], e);
    }
    return 0;
}

int next_number(struct write *w, const struct kind *k, int64_t *out, struct err *e)
{
    char sql[128];
    struct val v = V_NULL;

    if (known_last(w->known, k, out)) {
        ++*out;
        return 0;
    }
    snprintf(sql, sizeof(sql), "SELECT MAX(id) FROM \"%.*s\"", STR_ARGS(k->name));
    int rc = tx_one(w->tx, NULL, sql, NO_VALS, &v, e);
    *out = (v.type == VAL_INT ? v.i : 0) + 1;
    if (rc >= 0)
        known_learn_last(w->known, k, *out - 1);
    return rc < 0 ? rc : 0;
}

int template_fill(struct write *w, const struct kind *k, str t, const struct rec *rec, int64_t n, str *out,
                  struct err *e)
{
    struct buf b;
    int rc = 0;

    buf_init(&b, 2048);
    for (size_t open; rc == 0 && (open = str_find(t, STR("{"))) != SIZE_MAX;) {
        buf_str(&b, str_sub(t, 0, open));
        t = str_sub(t, open + 1, SIZE_MAX);
        size_t close = str_find(t, STR("}")), at = kind_field_at(k, str_sub(t, 0, close));
        t = str_sub(t, close + 1, SIZE_MAX);
        if (at == SIZE_MAX) {
            if (n == 0)
                rc = next_number(w, k, &n, e);
            buf_fmt(&b, "%lld", (long long)n);
        } else {
            buf_str(&b,
                    k->fields[at].type == FT_REF ? rec->ref[at].key : value_text(w->a, &k->fields[at], &rec->v[at]));
        }
    }
    buf_str(&b, t);
    if (rc == 0) {
        *out = arena_str(w->a, buf_view(&b));
        if (b.failed || out->p == NULL)
            rc = ERR(e, -ENOMEM, "registry.no_memory");
    }
    buf_done(&b);
    return rc;
}

/* Texts that nobody gave and that follow from the rest. */
static int fill_templates(struct write *w, const struct rec *old, const struct input *in, struct rec *fresh,
                          struct err *e)
{
    const struct kind *k = fresh->k;
    int rc = 0;

    for (size_t i = 0; i < k->nfields && rc == 0; i++) {
        const struct field *f = &k->fields[i];
        struct err fe = {0};
        str s;
        bool missing = fresh->v[i].type == VAL_NULL && in->f[i].given != GIVEN_CLEAR;
        if (f->type != FT_TEXT || str_find(f->dflt, STR("{")) == SIZE_MAX || old != NULL || !missing)
            continue;
        rc = template_fill(w, k, f->dflt, fresh, 0, &s, e);
        if (rc == 0 && value_parse(w->a, f, s, &fresh->v[i], &fe) < 0)
            noted(w, f, &fe);
    }
    return rc;
}

/* In a URL digits alone are an id, and a CSV cell puts | between keys. */
static bool key_ok(str s)
{
    bool digits = true;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '|')
            return false;
        digits &= s.p[i] >= '0' && s.p[i] <= '9';
    }
    return !digits;
}

/* min, max of refs: how many, once there are any. */
static bool refs_in_bounds(const struct field *f, size_t n)
{
    return !(f->has_min && (int64_t)n < f->min) && !(f->has_max && (int64_t)n > f->max);
}

/* A field that was given wrong is not also missing; a key that follows from
 * such fields is not missing either. */
static void check_required(struct write *w, const struct input *in, const struct rec *fresh, bool sound)
{
    const struct kind *k = fresh->k;

    for (size_t i = 0; i < k->nfields; i++) {
        const struct field *f = &k->fields[i];
        struct err fe = {0};
        bool empty = f->type == FT_REFS ? fresh->refs[i].n == 0 : fresh->v[i].type == VAL_NULL;
        bool follows = !sound && str_find(f->dflt, STR("{")) != SIZE_MAX;
        if (in->f[i].given == GIVEN_BAD || (empty && follows))
            continue;
        if (empty && (f->required || i == k->key_field)) {
            ERR(&fe, -EINVAL, "registry.required");
            noted(w, f, &fe);
        } else if (f->type == FT_REFS && !empty && !refs_in_bounds(f, fresh->refs[i].n)) {
            ERR(&fe, -EINVAL, "registry.refs_count", N((int64_t)fresh->refs[i].n), f->has_min ? N(f->min) : "-",
                f->has_max ? N(f->max) : "-");
            noted(w, f, &fe);
        } else if (i == k->key_field && f->type == FT_TEXT && !key_ok(fresh->v[i].s)) {
            ERR(&fe, -EINVAL, "registry.bad_key", S(fresh->v[i].s));
            noted(w, f, &fe);
        }
    }
}

/* 1: another living record has the value; its key. */
static int value_taken(struct write *w, const struct rec *fresh, size_t i, struct val *other, struct err *e)
{
    const struct kind *k = fresh->k;
    const struct field *f = &k->fields[i];
    const struct known_ref *ref = fresh->v[i].type == VAL_TEXT ? known_unique(w->known, k, i, fresh->v[i].s) : NULL;
    char sql[512];

    if (ref != NULL) {
        *other = V_STR(ref->key);
        return ref->id != 0 && ref->id != fresh->id;
    }
    snprintf(sql, sizeof(sql), "SELECT \"%.*s\" FROM \"%.*s\" WHERE \"%.*s%s\" = ?1 AND valid_to IS NULL AND id <> ?2",
             STR_ARGS(k->fields[k->key_field].name), STR_ARGS(k->name), STR_ARGS(f->name),
             f->type == FT_REF ? "_id" : "");
    return tx_one(w->tx, w->a, sql, VALS(fresh->v[i], V_INT(fresh->id)), other, e);
}

/* Said with the record that has the value already; the unique index behind it
 * would only say that there is one. */
static int check_unique(struct write *w, const struct rec *old, struct rec *fresh, struct err *e)
{
    const struct kind *k = fresh->k;

    for (size_t i = 0; i < k->nfields; i++) {
        const struct field *f = &k->fields[i];
        struct val other;
        struct err fe = {0};
        if (!f->unique || fresh->v[i].type == VAL_NULL || (old != NULL && val_eq(&old->v[i], &fresh->v[i])))
            continue;
        int rc = value_taken(w, fresh, i, &other, e);
        if (rc < 0)
            return rc;
        if (rc > 0) {
            str shown = f->type == FT_REF ? fresh->ref[i].key : value_text(w->a, f, &fresh->v[i]);
            ERR(&fe, -EEXIST, "registry.unique", S(shown), S(other.s));
            noted(w, f, &fe);
        }
    }
    return 0;
}

int fields_judge(struct write *w, const struct kind *k, const struct rec *old, struct input *in, struct rec *fresh,
                 struct err *e)
{
    bool sound = true;
    int rc = 0;

    for (size_t i = 0; i < k->nfields && rc == 0; i++) {
        rc = judge_field(w, i, old, &in->f[i], fresh, e);
        sound &= in->f[i].given != GIVEN_BAD;
    }
    if (rc == 0 && sound)
        rc = fill_templates(w, old, in, fresh, e);
    if (rc == 0)
        check_required(w, in, fresh, sound);
    if (rc == 0)
        rc = check_unique(w, old, fresh, e);
    return rc == 0 && w->a->failed ? ERR(e, -ENOMEM, "registry.no_memory") : rc;
}

/* attach.h: documents in and out. A document and the record that names it are one
 * transaction; what is found wrong leaves nothing behind. No state; any thread. */
#include "registry/file-int.h"
#include "base/json.h"
#include <errno.h>

struct brought {
    str name;
    const char *type;
    char sha256[65];
};

static int judge(struct arena *a, const struct file_in *in, struct brought *b, struct err *e)
{
    int rc = file_judge(a, in, &b->name, &b->type, e);

    if (rc == 0)
        sha256_hex(sha256(in->bytes), b->sha256);
    return rc;
}

static json_t *brought_json(const struct brought *b, const struct file_in *in)
{
    return json_pack("{s:o, s:s, s:I, s:s}", "name", json_from_str(b->name), "sha256", b->sha256, "size",
                     (json_int_t)in->bytes.n, "type", b->type);
}

int registry_upload(struct registry *r, const struct actor *who, const struct file_in *in, json_t **out, struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    struct brought b;
    struct write w;
    int rc = (who->roles & (ROLE_ADMIN | ROLE_OPERATOR | ROLE_UNIT_OFFICER | ROLE_SYSTEM)) != 0
                 ? judge(&a, in, &b, e)
                 : ERR(e, -EACCES, "registry.may_not_write", "file");

    if (rc == 0 && (rc = write_begin(&w, r, who, &a, NULL, e)) == 0) {
        rc = blob_put(&w, str_c(b.sha256), b.type, in->bytes, e);
        int closed = write_close(&w, rc == 0, e);
        rc = rc == 0 ? closed : rc;
    }
    if (rc == 0)
        *out = brought_json(&b, in);
    arena_free(&a);
    return rc;
}

static int file_field(const struct kind *k, str name, uint32_t roles, size_t *at, struct err *e)
{
    *at = kind_field_at(k, name);
    if (*at == SIZE_MAX || k->fields[*at].type != FT_FILE)
        return ERR(e, -ENOENT, "registry.no_file_field", S(k->name), S(name));
    return field_seen(&k->fields[*at], roles) ? 0 : ERR(e, -EACCES, "registry.hidden_field", S(name), S(k->name));
}

static int attach_run(struct write *w, const struct rec *old, size_t at, const struct brought *b,
                      const struct file_in *in, struct rec **rec, struct err *e)
{
    struct file_value v = {b->name, str_c(b->sha256), STR(""), -1};
    struct input *input = input_new(w->a, old->k);
    enum outcome how;
    int rc =
        input == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : blob_put(w, str_c(b->sha256), b->type, in->bytes, e);

    if (rc < 0)
        return rc;
    input->f[at].given = GIVEN_VALUE;
    input->f[at].v = V_STR(file_value_store(w->a, &v));
    return write_record(w, old->k, old, input, rec, &how, e);
}

int registry_attach(struct registry *r, const struct actor *who, str kind, str id_or_key, int64_t rev, str field,
                    const struct file_in *in, json_t **out, struct errs *es, struct err *e)
{
    const struct kind *k = kind_want(r, kind, e);
    struct arena a = arena_init(CALL_ARENA);
    struct rec *old, *rec = NULL;
    struct brought b;
    struct write w;
    size_t at;
    int rc = k == NULL ? -ENOENT : file_field(k, field, who->roles, &at, e);

    if (rc == 0)
        rc = judge(&a, in, &b, e);
    if (rc == 0 && (rc = write_begin(&w, r, who, &a, es, e)) == 0) {
        rc = find_visible(w.tx, r, &w.scope, &a, k, id_or_key, true, &old, e);
        if (rc == 0)
            rc = check_rev(old, rev, e);
        if (rc == 0)
            rc = attach_run(&w, old, at, &b, in, &rec, e);
        rc = write_end(&w, rc, rec, out, e);
    }
    arena_free(&a);
    return rc;
}

/* A mistake in the field: told, and the work goes on. */
static int fault(struct write *w, const struct field *f, struct input_field *in, struct err *fe)
{
    in->given = GIVEN_BAD;
    write_fault(w, f->name, fe);
    return 0;
}

/* Knowing a hash is not the right to read what it is of: one who sees a part only
 * names what he brought himself, or what the field held already. */
static int may_name(struct write *w, str sha256, bool held, struct err *e)
{
    if (held || w->scope.all || w->restoring)
        return 1;
    return blob_brought(w->tx, sha256, w->who->account_id, e);
}

int file_field_judge(struct write *w, const struct field *f, const struct val *old, struct input_field *in,
                     struct val *out, struct err *e)
{
    struct file_value v, was = {0};
    struct err fe = {0};
    const char *type = NULL;
    str sniffed = STR_NONE;

    if (!file_value_load(w->a, in->v.s, &v))
        return ERR(e, -ENOMEM, "registry.no_memory");
    bool held =
        old != NULL && old->type == VAL_TEXT && file_value_load(w->a, old->s, &was) && str_eq(was.sha256, v.sha256);
    int rc = blob_find(w->tx, w->a, v.sha256, &v.size, &sniffed, e), may = 0;
    if (rc > 0)
        may = may_name(w, v.sha256, held, e);
    if (rc < 0 || may < 0)
        return rc < 0 ? rc : may;
    if (rc == 0 || may == 0) { /* the same words: whether it is there is not told */
        ERR(&fe, -EINVAL, "registry.file_unknown", S(v.sha256));
        return fault(w, f, in, &fe);
    }
    if (file_type_named(sniffed, v.name, &type, &fe) < 0) {
        fe.code = -EINVAL;
        return fault(w, f, in, &fe);
    }
    v.type = str_c(type);
    *out = V_STR(file_value_store(w->a, &v));
    return out->s.p == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : blob_named(w->tx, v.sha256, e);
}

/* ---- out ---- */

int registry_fetch(struct registry *r, const struct actor *who, str kind, str id_or_key, str field, int64_t at_ns,
                   struct arena *a, struct file_out *out, struct buf *bytes, struct err *e)
{
    const struct kind *k = kind_want(r, kind, e);
    char member[COL_MAX];
    json_t *rec = NULL;
    struct tx *tx;
    bool missing;
    size_t at;
    int rc = k == NULL ? -ENOENT : file_field(k, field, who->roles, &at, e);

    if (rc == 0)
        rc = at_ns == INT64_MAX ? registry_get(r, who, kind, id_or_key, &rec, e)
                                : registry_get_at(r, who, kind, id_or_key, at_ns, &rec, e);
    snprintf(member, sizeof(member), "%.*s", STR_ARGS(field));
    const json_t *v = rc == 0 ? json_object_get(rec, member) : NULL;
    if (rc == 0 && !json_is_object(v))
        rc = ERR(e, -ENOENT, "registry.file_none", S(field), S(id_or_key));
    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &tx, e)) == 0) {
        rc = blob_read(tx, json_get_str(v, "sha256"), bytes, &missing, e);
        store_rollback(tx);
    }
    if (rc == 0) {
        *out = (struct file_out){arena_str(a, json_get_str(v, "name")), arena_str(a, json_get_str(v, "type"))};
        rc = out->name.p == NULL || out->type.p == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : 0;
    }
    json_decref(rec);
    return rc;
}

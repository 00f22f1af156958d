/* CSV out: the rows of a list, written while they are read. What comes out goes
 * in again without a change: references by key, empty for nothing, and a text
 * that would read as "null" with a backslash in front. */
#include "registry/registry-int.h"
#include <errno.h>

struct export
{
    const struct registry *r;
    struct tx *tx;
    const struct kind *k;
    struct arena a;
    struct buf *out;
    int rc;
    struct err *e;
};

static void header(const struct export *x)
{
    for (size_t i = 0; i < x->k->nfields; i++) {
        const struct field *f = &x->k->fields[i];
        buf_str(x->out, f->name);
        if (f->ref_kind.n > 0) {
            const struct kind *t = schema_kind(x->r->sc, f->ref_kind);
            buf_fmt(x->out, ".%.*s", STR_ARGS(t->fields[t->key_field].name));
        }
        buf_byte(x->out, ',');
    }
    buf_z(x->out, "state\r\n");
}

static bool reads_as_null(str s)
{
    while (s.n > 4 && s.p[0] == '\\')
        s = str_sub(s, 1, SIZE_MAX);
    return str_eq(s, STR("null"));
}

static void cell(struct export *x, const struct rec *rec, size_t i)
{
    const struct field *f = &x->k->fields[i];
    str s = f->type == FT_REF ? rec->ref[i].key : value_text(&x->a, f, &rec->v[i]);
    struct buf keys;

    if (f->type == FT_REFS) {
        buf_init(&keys, 1 << 16);
        for (size_t j = 0; j < rec->refs[i].n; j++) {
            buf_z(&keys, j > 0 ? "|" : "");
            buf_str(&keys, rec->refs[i].text[j].key);
        }
        s = arena_str(&x->a, buf_view(&keys));
        buf_done(&keys);
    }
    if (rec->v[i].type == VAL_TEXT && reads_as_null(s))
        s = arena_fmt(&x->a, "\\%.*s", STR_ARGS(s));
    buf_csv(x->out, s);
    buf_byte(x->out, ',');
}

static bool export_row(void *ctx, const struct val *cols, size_t n)
{
    struct export *x = ctx;
    struct rec *rec = rec_new(&x->a, x->k);

    (void)n;
    if (rec == NULL || !rec_from_row(&x->a, rec, cols))
        x->rc = ERR(x->e, -ENOMEM, "registry.no_memory");
    else
        x->rc = rec_load_refs(x->tx, x->r, &x->a, rec, x->e);
    for (size_t i = 0; x->rc == 0 && i < x->k->nfields; i++)
        cell(x, rec, i);
    if (x->rc == 0) {
        buf_csv(x->out, rec->state);
        buf_z(x->out, "\r\n");
        if (x->out->failed)
            x->rc = ERR(x->e, -E2BIG, "registry.export_big");
    }
    arena_clear(&x->a);
    return x->rc == 0;
}

int registry_export_csv(struct registry *r, const struct actor *who, str kind, const struct list_query *q,
                        struct buf *out, struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    struct plan p = {.r = r, .k = kind_want(r, kind, e), .a = &a};
    struct export x = {.r = r, .k = p.k, .a = arena_init(CALL_ARENA), .out = out, .e = e};
    struct list_query all = q != NULL ? *q : (struct list_query){0};
    struct scope s;
    int rc = p.k == NULL ? -ENOENT : scope_read(who, &s, e);

    all.cursor = STR_NONE;
    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &p.tx, e)) == 0) {
        x.tx = p.tx;
        rc = plan_make(&p, &s, &all, e);
        if (rc == 0)
            header(&x);
        if (rc == 0)
            rc = plan_rows(&p, &all, 0, export_row, &x, e);
        if (rc == 0)
            rc = x.rc;
        plan_done(&p);
        store_rollback(p.tx);
    }
    arena_free(&a);
    arena_free(&x.a);
    return rc;
}

/* Out: the rows of a list, handed on while they are read; and as CSV. What comes
 * out goes in again without a change: references by key, empty for nothing, and
 * a text that would read as "null" with a backslash in front. */
#include "registry/exchange-int.h"
#include <errno.h>

struct rows_out {
    const struct registry *r;
    struct tx *tx;
    const struct kind *k;
    struct arena a;
    uint32_t roles;
    export_fn *fn;
    void *ctx;
    int rc;
    struct err *e;
};

static bool reads_as_null(str s)
{
    while (s.n > 4 && s.p[0] == '\\')
        s = str_sub(s, 1, SIZE_MAX);
    return str_eq(s, STR("null"));
}

str export_cell(struct arena *a, const struct rec *rec, size_t i)
{
    const struct field *f = &rec->k->fields[i];
    str s = f->type == FT_REF ? rec->ref[i].key : value_text(a, f, &rec->v[i]);
    struct buf keys;

    if (f->type == FT_REFS) {
        buf_init(&keys, 1 << 16);
        for (size_t j = 0; j < rec->refs[i].n; j++) {
            buf_z(&keys, j > 0 ? "|" : "");
            buf_str(&keys, rec->refs[i].text[j].key);
        }
        s = arena_str(a, buf_view(&keys));
        buf_done(&keys);
    }
    if (rec->v[i].type == VAL_TEXT && reads_as_null(s))
        s = arena_fmt(a, "\\%.*s", STR_ARGS(s));
    return s;
}

str export_column(struct arena *a, const struct registry *r, const struct field *f)
{
    const struct kind *t = f->ref_kind.n > 0 ? schema_kind(r->sc, f->ref_kind) : NULL;

    if (t == NULL)
        return f->name;
    return arena_fmt(a, "%.*s.%.*s", STR_ARGS(f->name), STR_ARGS(t->fields[t->key_field].name));
}

static bool one_row(void *ctx, const struct val *cols, size_t n)
{
    struct rows_out *x = ctx;
    struct rec *rec = rec_new(&x->a, x->k);

    (void)n;
    if (rec == NULL || !rec_from_row(&x->a, rec, cols))
        x->rc = ERR(x->e, -ENOMEM, "registry.no_memory");
    else
        x->rc = rec_load_refs(x->tx, x->r, &x->a, rec, x->e);
    if (x->rc == 0) {
        rec_hide(rec, x->roles);
        x->rc = x->fn(x->ctx, &x->a, rec, x->e);
    }
    arena_clear(&x->a);
    return x->rc == 0;
}

int export_rows(struct registry *r, const struct actor *who, const struct kind *k, const struct list_query *q,
                export_fn *fn, void *ctx, struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    struct plan p = {.r = r, .k = k, .a = &a};
    struct rows_out x = {.r = r, .k = k, .a = arena_init(CALL_ARENA), .fn = fn, .ctx = ctx, .e = e};
    struct list_query all = q != NULL ? *q : (struct list_query){0};
    struct scope s;
    int rc = scope_read(who, &s, e);

    all.cursor = STR_NONE;
    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &p.tx, e)) == 0) {
        x.tx = p.tx;
        x.roles = s.roles;
        rc = plan_make(&p, &s, &all, e);
        if (rc == 0)
            rc = plan_rows(&p, &all, 0, one_row, &x, e);
        if (rc == 0)
            rc = x.rc;
        plan_done(&p);
        store_rollback(p.tx);
    }
    arena_free(&a);
    arena_free(&x.a);
    return rc;
}

static int csv_line(void *ctx, struct arena *a, const struct rec *rec, struct err *e)
{
    struct buf *out = ctx;

    for (size_t i = 0; i < rec->k->nfields; i++) {
        str s = export_cell(a, rec, i);
        bool text = rec->k->fields[i].type == FT_TEXT || rec->k->fields[i].type == FT_MARKDOWN;
        buf_csv(out, text && cell_starts_formula(s) ? arena_fmt(a, "'%.*s", STR_ARGS(s)) : s);
        buf_byte(out, ',');
    }
    buf_csv(out, rec->state);
    buf_z(out, "\r\n");
    return out->failed ? ERR(e, -E2BIG, "registry.export_big") : 0;
}

int registry_export_csv(struct registry *r, const struct actor *who, str kind, const struct list_query *q,
                        struct buf *out, struct err *e)
{
    const struct kind *k = kind_want(r, kind, e);
    struct arena a = arena_init(CALL_ARENA);
    size_t before = out->n;

    for (size_t i = 0; k != NULL && i < k->nfields; i++) {
        buf_str(out, export_column(&a, r, &k->fields[i]));
        buf_byte(out, ',');
    }
    if (k != NULL)
        buf_z(out, "state\r\n");
    int rc = k == NULL ? -ENOENT : export_rows(r, who, k, q, csv_line, out, e);
    if (rc < 0)
        out->n = before;
    arena_free(&a);
    return rc;
}

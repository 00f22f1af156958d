/* XLSX out: a sheet a kind. Row 1 has the labels with help, row 2 the names of
 * the fields (the header that is read back), then typed cells; choices drop down. */
#include "registry/exchange-int.h"
#include "registry/xlsx-write-int.h"
#include <errno.h>
#include <math.h>

enum { DATA_ROW = 2, CHOICE_ROWS = 10000, LIST_CHARS = 255, NAME_CHARS = 31, COL_WIDTH = 18, COL_WIDE = 34 };

struct sheet_out {
    struct xlsx_out x;
    struct registry *r;
    enum lang lang;
    lxw_worksheet *ws;
    uint32_t row;
    const struct kind *k;
    struct arena a;
};

static str in_lang(const struct sheet_out *o, const struct label *l)
{
    return o->lang == LANG_EN && l->en.n > 0 ? l->en : l->vi;
}

/* Its label, when that leads back to the kind. */
static str sheet_name(struct sheet_out *o, const struct kind *k)
{
    str label = in_lang(o, &k->label);
    size_t n = 0, at = 0;

    for (; at < label.n && n < NAME_CHARS; n++)
        for (at++; at < label.n && ((unsigned char)label.p[at] & 0xC0) == 0x80;)
            at++;
    str name = arena_str(&o->a, str_sub(label, 0, at));
    for (size_t i = 0; i < name.n; i++)
        if (strchr("[]:*?/\\'", name.p[i]) != NULL)
            return k->name;
    return sheet_kind(o->r->sc, &o->a, name) == k ? name : k->name;
}

static str help_text(struct sheet_out *o, const struct field *f)
{
    const struct kind *t = f->ref_kind.n > 0 ? schema_kind(o->r->sc, f->ref_kind) : NULL;
    bool en = o->lang == LANG_EN;
    struct buf b;

    buf_init(&b, 8192);
    buf_str(&b, in_lang(o, &f->help));
    buf_z(&b, b.n > 0 ? "\n" : "");
    if (f->required)
        buf_z(&b, en ? "Required.\n" : "Bắt buộc.\n");
    if (t != NULL) {
        buf_fmt(&b, en ? "Key of: %.*s" : "Khóa của: %.*s", STR_ARGS(in_lang(o, &t->label)));
        buf_z(&b, f->type != FT_REFS ? "\n" : en ? "; several with | between\n" : "; nhiều giá trị thì ngăn bằng |\n");
    }
    for (size_t i = 0; i < f->nvalues; i++)
        buf_fmt(&b, "%.*s: %.*s\n", STR_ARGS(f->values[i].value), STR_ARGS(in_lang(o, &f->values[i].label)));
    if (f->type == FT_DATE)
        buf_z(&b, en ? "A date: 31/12/2026 or 2026-12-31\n" : "Ngày: 31/12/2026 hoặc 2026-12-31\n");
    for (size_t i = 0; i < f->nclauses; i++)
        buf_fmt(&b, "%s%.*s", i == 0 ? "§ " : ", ", STR_ARGS(f->clauses[i]));
    str s = arena_str(&o->a, str_trim(buf_view(&b)));
    buf_done(&b);
    return s;
}

/* A drop-down list. Excel takes one of 255 characters; the help says longer ones.
 * (A list on a hidden sheet has no such end, but libxlsxwriter 1.1.4 leaks its
 * formula, and luyd lives long.) */
static int choices(struct sheet_out *o, uint16_t col, const str *v, size_t n, struct err *e)
{
    char **list = arena_array(&o->a, char *, n + 1);
    lxw_data_validation dv = {.validate = LXW_VALIDATION_TYPE_LIST, .value_list = list};
    size_t chars = n;

    if (list == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    for (size_t i = 0; i < n; i++) {
        list[i] = arena_cstr(&o->a, v[i]);
        chars += v[i].n;
        if (list[i] == NULL)
            return ERR(e, -ENOMEM, "registry.no_memory");
    }
    if (n > 0 && chars <= LIST_CHARS)
        worksheet_data_validation_range(o->ws, DATA_ROW, col, DATA_ROW + CHOICE_ROWS, col, &dv);
    return 0;
}

static int field_choices(struct sheet_out *o, uint16_t col, const struct field *f, struct err *e)
{
    const str yes_no[] = {STR("true"), STR("false")};
    str *v = arena_array(&o->a, str, f->nvalues);

    if (f->type == FT_BOOL)
        return choices(o, col, yes_no, 2, e);
    for (size_t i = 0; v != NULL && i < f->nvalues; i++)
        v[i] = f->values[i].value;
    return v == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : choices(o, col, v, f->nvalues, e);
}

static lxw_format *column_format(const struct sheet_out *o, const struct field *f)
{
    if (f->type == FT_DATE)
        return o->x.date;
    return f->type == FT_INT || f->type == FT_DECIMAL || f->type == FT_BOOL ? NULL : o->x.text;
}

static int column(struct sheet_out *o, uint16_t col, const struct field *f, struct err *e)
{
    bool wide = f->type == FT_MARKDOWN || f->type == FT_JSON || (size_t)col == o->k->title_field;
    str label = arena_fmt(&o->a, "%.*s%s", STR_ARGS(in_lang(o, &f->label)), f->required ? " *" : "");
    str help = help_text(o, f);
    double lines = 2;

    for (size_t i = 0; i < help.n; i++)
        lines += help.p[i] == '\n';
    worksheet_set_column(o->ws, col, col, wide ? COL_WIDE : COL_WIDTH, column_format(o, f));
    int rc = xlsx_out_text(o->ws, 0, col, label, o->x.label, e);
    if (rc == 0)
        rc = xlsx_out_text(o->ws, 1, col, export_column(&o->a, o->r, f), o->x.name, e);
    xlsx_out_note(o->ws, 0, col, help, lines + (double)help.n / 60);
    return rc < 0 ? rc : field_choices(o, col, f, e);
}

static int head(struct sheet_out *o, struct err *e)
{
    str name = sheet_name(o, o->k);
    uint16_t n = (uint16_t)o->k->nfields;
    int rc = 0;

    o->ws = workbook_add_worksheet(o->x.wb, arena_cstr(&o->a, name));
    if (o->ws == NULL)
        return ERR(e, -EIO, "registry.xlsx_write");
    for (uint16_t i = 0; i < n && rc == 0; i++)
        rc = column(o, i, &o->k->fields[i], e);
    worksheet_set_column(o->ws, n, n, COL_WIDTH, o->x.text);
    if (rc == 0)
        rc = xlsx_out_text(o->ws, 0, n, o->lang == LANG_EN ? STR("State") : STR("Trạng thái"), o->x.label, e);
    if (rc == 0)
        rc = xlsx_out_text(o->ws, 1, n, STR("state"), o->x.name, e);
    worksheet_freeze_panes(o->ws, DATA_ROW, 1);
    o->row = DATA_ROW;
    return rc < 0 ? rc : choices(o, n, o->k->states, o->k->nstates, e);
}

/* Numbers that a double holds exactly stay numbers. */
static int typed(struct sheet_out *o, struct arena *a, const struct rec *rec, uint16_t col, struct err *e)
{
    const struct field *f = &rec->k->fields[col];
    const struct val *v = &rec->v[col];
    int y, m, d;

    if (v->type == VAL_NULL && f->type != FT_REFS)
        return 0;
    if (f->type == FT_INT && llabs(v->i) < (1LL << 50))
        return worksheet_write_number(o->ws, o->row, col, (double)v->i, NULL) == 0 ? 0 : -EIO;
    if (f->type == FT_DECIMAL)
        return worksheet_write_number(o->ws, o->row, col, v->r, NULL) == 0 ? 0 : -EIO;
    if (f->type == FT_BOOL)
        return worksheet_write_boolean(o->ws, o->row, col, v->i != 0, NULL) == 0 ? 0 : -EIO;
    if (f->type == FT_DATE && sscanf(arena_cstr(a, v->s), "%d-%d-%d", &y, &m, &d) == 3 && y >= 1901 && y < 9999) {
        lxw_datetime when = {.year = y, .month = m, .day = d};
        return worksheet_write_datetime(o->ws, o->row, col, &when, o->x.date) == 0 ? 0 : -EIO;
    }
    return xlsx_out_text(o->ws, o->row, col, export_cell(a, rec, col), o->x.text, e);
}

static int data_row(void *ctx, struct arena *a, const struct rec *rec, struct err *e)
{
    struct sheet_out *o = ctx;
    int rc = 0;

    for (size_t i = 0; i < rec->k->nfields && rc == 0; i++)
        rc = typed(o, a, rec, (uint16_t)i, e);
    if (rc == 0)
        rc = xlsx_out_text(o->ws, o->row, (uint16_t)rec->k->nfields, rec->state, o->x.text, e);
    if (rc == -E2BIG && e != NULL)
        err_at(e, S(rec_key(rec)), 0, 0);
    o->row++;
    return rc;
}

int registry_export_xlsx(struct registry *r, const struct actor *who, const struct export_args *in, struct buf *out,
                         struct err *e)
{
    struct sheet_out o = {.r = r, .lang = in->lang, .a = arena_init(CALL_ARENA)};
    int rc = 0;

    for (size_t i = 0; i < in->n; i++)
        if (kind_want(r, in->kinds[i], e) == NULL)
            return -ENOENT;
    if (in->n == 0 || in->n >= BOOK_SHEETS)
        return ERR(e, -EINVAL, "registry.book_sheets", N(BOOK_SHEETS - 1));
    rc = xlsx_out_open(&o.x, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < in->n && rc == 0; i++) {
        o.k = schema_kind(r->sc, in->kinds[i]);
        rc = head(&o, e);
        if (rc == 0 && !in->empty)
            rc = export_rows(r, who, o.k, in->n == 1 ? in->q : NULL, data_row, &o, e);
        if (o.a.failed && rc == 0)
            rc = ERR(e, -ENOMEM, "registry.no_memory");
    }
    rc = xlsx_out_close(&o.x, rc, out, e);
    arena_free(&o.a);
    return rc;
}

/* XLSX: one worksheet, cell by cell as the parser comes by. Only cells with a
 * value cost memory. */
#include "registry/xlsx-int.h"
#include <errno.h>

enum { FORMULA_KEPT = 512, ROW_MAX = 1 << 20 };
enum cell_type { CT_NUMBER, CT_SHARED, CT_BOOL, CT_ERROR, CT_TEXT };

struct reading {
    struct xlsx *x;
    struct sheet *s;
    long row, line_of; /* line_of: the row that cells belong to */
    size_t col;
    str cells[CSV_COLS];
    size_t ncells;
    struct buf text, formula;
    enum cell_type type;
    struct style st;
    bool in_cell, has_value, has_formula;
    int in_v, in_f, in_t, phonetic;
};

static int broken(struct reading *r, struct err *e)
{
    return ERR(e, -EBADMSG, "registry.xlsx_cell", N(r->row), N((int64_t)r->col + 1));
}

/* "AB12" to column 27, row 12. */
static bool cell_ref(str s, size_t *col, long *row)
{
    int64_t r;
    size_t i = 0, c = 0;

    for (; i < s.n && i < 4 && s.p[i] >= 'A' && s.p[i] <= 'Z'; i++)
        c = c * 26 + (size_t)(s.p[i] - 'A' + 1);
    if (i == 0 || !str_i64(str_sub(s, i, SIZE_MAX), &r) || r < 1 || r > ROW_MAX)
        return false;
    *col = c - 1;
    *row = (long)r;
    return true;
}

static void cell_start(struct reading *r, const struct xml_attrs *at)
{
    static const struct {
        const char *name;
        enum cell_type type;
    } types[] = {{"s", CT_SHARED}, {"b", CT_BOOL},         {"e", CT_ERROR},
                 {"str", CT_TEXT}, {"inlineStr", CT_TEXT}, {"d", CT_TEXT}};
    str t = xml_attr(at, "t");
    uint64_t st;

    r->in_cell = true;
    r->has_value = r->has_formula = false;
    r->type = CT_NUMBER;
    r->st = (struct style){0};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (str_eq(t, str_c(types[i].name)))
            r->type = types[i].type;
    if (str_u64(xml_attr(at, "s"), &st) && st < r->x->nstyles)
        r->st = r->x->styles[st];
    buf_clear(&r->text);
    buf_clear(&r->formula);
}

static int merged(struct reading *r, str ref, struct err *e)
{
    size_t cut = str_find(ref, STR(":")), c1, c2;
    long r1, r2;

    if (cut == SIZE_MAX || !cell_ref(str_sub(ref, 0, cut), &c1, &r1) ||
        !cell_ref(str_sub(ref, cut + 1, SIZE_MAX), &c2, &r2))
        return 0;
    char *shown = arena_cstr(&r->x->b->a, ref);
    const struct trouble t = {.row = r2, .col = c1, .key = "registry.xlsx_merged", .arg = shown, .from_here = true};
    sheet_trouble(r->x->b, r->s, &t);
    return shown == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : 0;
}

static int on_start(void *ctx, const char *name, const struct xml_attrs *at, struct err *e)
{
    struct reading *r = ctx;
    int64_t n;

    if (strcmp(name, "row") == 0) {
        long before = r->row;
        r->row = str_i64(xml_attr(at, "r"), &n) && n >= 1 && n <= ROW_MAX ? (long)n : r->row + 1;
        r->ncells = 0;
        r->col = SIZE_MAX;
        return r->row > before && r->row <= ROW_MAX ? 0 : broken(r, e);
    }
    if (strcmp(name, "c") == 0) {
        str ref = xml_attr(at, "r");
        size_t before = r->col;
        long row;
        r->col++;
        if (ref.n > 0 && (!cell_ref(ref, &r->col, &row) || row != r->row))
            return broken(r, e);
        if (before != SIZE_MAX && r->col <= before)
            return broken(r, e);
        cell_start(r, at);
    }
    r->in_v += strcmp(name, "v") == 0;
    r->in_f += strcmp(name, "f") == 0;
    r->in_t += strcmp(name, "t") == 0;
    r->phonetic += strcmp(name, "rPh") == 0;
    r->has_formula |= r->in_f > 0;
    return strcmp(name, "mergeCell") == 0 ? merged(r, xml_attr(at, "ref"), e) : 0;
}

static int on_text(void *ctx, str t, struct err *e)
{
    struct reading *r = ctx;

    if (!r->in_cell)
        return 0;
    if (r->in_f > 0 && r->formula.n + t.n <= FORMULA_KEPT)
        buf_str(&r->formula, t);
    if (r->in_v == 0 && (r->in_t == 0 || r->phonetic > 0))
        return 0;
    r->has_value = true;
    buf_str(&r->text, t);
    return r->text.failed ? ERR(e, -E2BIG, "registry.csv_cell", N(CSV_CELL)) : 0;
}

/* A formula whose value is another one tomorrow, or that lies in another file. */
static bool unsteady(str f)
{
    static const char *const fns[] = {"TODAY(",     "NOW(",      "RAND(",   "RANDBETWEEN(",
                                      "RANDARRAY(", "INDIRECT(", "OFFSET(", "["};

    for (size_t i = 0; i < sizeof(fns) / sizeof(fns[0]); i++)
        for (size_t at = 0; at + strlen(fns[i]) <= f.n; at++)
            if (str_eq_nocase(str_sub(f, at, strlen(fns[i])), str_c(fns[i])))
                return true;
    return false;
}

static void say(struct reading *r, const char *key, str arg, bool note)
{
    const struct trouble t = {
        .row = r->row, .col = r->col, .key = key, .arg = arg.n > 0 ? arena_cstr(&r->x->b->a, arg) : "", .note = note};

    sheet_trouble(r->x->b, r->s, &t);
}

static int cell_value(struct reading *r, str *out, struct err *e)
{
    struct arena *a = &r->x->b->a;
    str raw = buf_view(&r->text);
    uint64_t n;

    switch (r->type) {
    case CT_SHARED:
        if (!str_u64(str_trim(raw), &n) || n >= r->x->nstrings)
            return broken(r, e);
        *out = r->x->strings[n];
        return 0;
    case CT_BOOL:
        *out = str_eq(str_trim(raw), STR("1")) || str_eq(raw, STR("true")) ? STR("true") : STR("false");
        return 0;
    case CT_TEXT:
        *out = xlsx_unescape(a, arena_str(a, raw));
        break;
    default:
        *out = xlsx_number(a, arena_str(a, str_trim(raw)), r->st, r->x->b->date1904);
    }
    return out->p == NULL && raw.n > 0 ? ERR(e, -ENOMEM, "registry.no_memory") : 0;
}

static int cell_end(struct reading *r, struct err *e)
{
    str v = STR_NONE;

    r->in_cell = false;
    if (r->has_formula && (!r->has_value || unsteady(buf_view(&r->formula))))
        say(r, "registry.xlsx_formula", buf_view(&r->formula), false);
    else if (r->has_value && r->type == CT_ERROR)
        say(r, "registry.xlsx_error", buf_view(&r->text), false);
    else if (r->has_formula)
        say(r, "registry.xlsx_computed", buf_view(&r->formula), true);
    if (!r->has_value || r->type == CT_ERROR)
        return 0;
    if (r->col >= CSV_COLS)
        return ERR(e, -E2BIG, "registry.csv_cols", N(CSV_COLS));
    int rc = cell_value(r, &v, e);
    if (rc < 0)
        return rc;
    while (r->ncells < r->col)
        r->cells[r->ncells++] = STR_NONE;
    r->cells[r->ncells++] = v;
    return 0;
}

static int row_end(struct reading *r, struct err *e)
{
    struct sheet_row row = {.n = r->ncells, .row = r->row};

    if (r->ncells == 0)
        return 0;
    row.cells = arena_array(&r->x->b->a, str, r->ncells);
    if (row.cells == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    memcpy(row.cells, r->cells, r->ncells * sizeof(str));
    return sheet_add(r->x->b, r->s, &row, e);
}

static int on_end(void *ctx, const char *name, struct err *e)
{
    struct reading *r = ctx;

    r->in_v -= strcmp(name, "v") == 0;
    r->in_f -= strcmp(name, "f") == 0;
    r->in_t -= strcmp(name, "t") == 0;
    r->phonetic -= strcmp(name, "rPh") == 0;
    if (strcmp(name, "c") == 0)
        return cell_end(r, e);
    return strcmp(name, "row") == 0 ? row_end(r, e) : 0;
}

int xlsx_sheet(struct xlsx *x, str part, struct sheet *s, struct err *e)
{
    static const struct xml_fns fns = {on_start, on_end, on_text};
    struct reading *r = arena_new(&x->b->a, struct reading);

    if (r == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    r->x = x;
    r->s = s;
    r->col = SIZE_MAX;
    buf_init(&r->text, CSV_CELL);
    buf_init(&r->formula, 2 * FORMULA_KEPT);
    int rc = xml_part(&x->z, part, &fns, r, e);
    buf_done(&r->text);
    buf_done(&r->formula);
    return rc == 0 ? ERR(e, -EBADMSG, "registry.xlsx_part", S(part)) : rc;
}

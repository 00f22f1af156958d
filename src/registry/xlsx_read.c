/* XLSX in: relations, the workbook, its strings and styles, then each sheet.
 * The parts are found by their relations, as producers name them differently. */
#include "registry/xlsx-int.h"
#include <errno.h>

enum { RELS_MAX = 256 };
struct rels {
    struct arena *a;
    str dir; /* of the part whose relations they are, with '/' at the end */
    struct {
        str id, type, target;
    } v[RELS_MAX];
    size_t n;
};
struct workbook {
    struct xlsx *x;
    struct {
        str name, id;
        bool hidden;
    } sheet[BOOK_SHEETS];
    size_t n;
};

/* "worksheets/sheet1.xml" beside xl/, or "/xl/worksheets/sheet1.xml". */
static str target_path(struct arena *a, str dir, str t)
{
    if (str_starts(t, STR("/")))
        return arena_str(a, str_sub(t, 1, SIZE_MAX));
    while (str_starts(t, STR("./")))
        t = str_sub(t, 2, SIZE_MAX);
    if (str_starts(t, STR("../"))) {
        t = str_sub(t, 3, SIZE_MAX);
        dir = STR_NONE; /* no part lies deeper than two folders */
    }
    return arena_fmt(a, "%.*s%.*s", STR_ARGS(dir), STR_ARGS(t));
}

static str last_word(str s, char sep)
{
    for (size_t i = s.n; i > 0; i--)
        if (s.p[i - 1] == sep)
            return str_sub(s, i, SIZE_MAX);
    return s;
}

static int rels_start(void *ctx, const char *name, const struct xml_attrs *at, struct err *e)
{
    struct rels *r = ctx;

    if (strcmp(name, "Relationship") != 0 || str_eq(xml_attr(at, "TargetMode"), STR("External")))
        return 0;
    if (r->n == RELS_MAX)
        return ERR(e, -E2BIG, "registry.book_sheets", N(BOOK_SHEETS));
    r->v[r->n].id = arena_str(r->a, xml_attr(at, "Id"));
    r->v[r->n].type = arena_str(r->a, last_word(xml_attr(at, "Type"), '/'));
    r->v[r->n++].target = target_path(r->a, r->dir, xml_attr(at, "Target"));
    return r->a->failed ? ERR(e, -ENOMEM, "registry.no_memory") : 0;
}

static int book_start(void *ctx, const char *name, const struct xml_attrs *at, struct err *e)
{
    struct workbook *w = ctx;
    struct arena *a = &w->x->b->a;

    if (strcmp(name, "workbookPr") == 0) {
        str v = xml_attr(at, "date1904");
        w->x->b->date1904 = str_eq(v, STR("1")) || str_eq(v, STR("true"));
    }
    if (strcmp(name, "sheet") != 0)
        return 0;
    if (w->n == BOOK_SHEETS)
        return ERR(e, -E2BIG, "registry.book_sheets", N(BOOK_SHEETS));
    w->sheet[w->n].name = arena_str(a, xml_attr(at, "name"));
    w->sheet[w->n].id = arena_str(a, xml_attr(at, "id"));
    str state = xml_attr(at, "state");
    w->sheet[w->n++].hidden = str_eq(state, STR("hidden")) || str_eq(state, STR("veryHidden"));
    return a->failed ? ERR(e, -ENOMEM, "registry.no_memory") : 0;
}

static int no_end(void *ctx, const char *name, struct err *e) { return 0; }
static int no_text(void *ctx, str t, struct err *e) { return 0; }

static str rel_by(const struct rels *r, str type, str id)
{
    for (size_t i = 0; i < r->n; i++)
        if ((type.n > 0 && str_eq(r->v[i].type, type)) || (id.n > 0 && str_eq(r->v[i].id, id)))
            return r->v[i].target;
    return STR_NONE;
}

/* The relations of xl/workbook.xml are in xl/_rels/workbook.xml.rels. */
static int read_rels(struct xlsx *x, str part, struct rels *r, struct err *e)
{
    static const struct xml_fns fns = {rels_start, no_end, no_text};
    str file = last_word(part, '/');

    *r = (struct rels){.a = &x->b->a, .dir = str_sub(part, 0, part.n - file.n)};
    str name = arena_fmt(r->a, "%.*s_rels/%.*s.rels", STR_ARGS(r->dir), STR_ARGS(file));
    int rc = xml_part(&x->z, name, &fns, r, e);
    return rc == 0 ? ERR(e, -EBADMSG, "registry.xlsx_no_book") : rc;
}

static int read_sheets(struct xlsx *x, const struct workbook *w, const struct rels *r, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < w->n && rc >= 0; i++) {
        str part = rel_by(r, STR_NONE, w->sheet[i].id);
        /* Notes of the program that wrote it, and charts, are no tables. */
        if (w->sheet[i].hidden || str_starts(w->sheet[i].name, STR("#")) ||
            str_find(part, STR("worksheets/")) == SIZE_MAX)
            continue;
        struct sheet *s = book_sheet(x->b, w->sheet[i].name, e);
        rc = s == NULL ? -E2BIG : xlsx_sheet(x, part, s, e);
    }
    return rc < 0 ? rc : 0;
}

static int read_book(struct xlsx *x, struct err *e)
{
    static const struct xml_fns fns = {book_start, no_end, no_text};
    struct rels *r = arena_new(&x->b->a, struct rels);
    struct workbook *w = arena_new(&x->b->a, struct workbook);
    int rc = r == NULL || w == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : read_rels(x, STR(""), r, e);

    if (rc < 0)
        return rc;
    str part = rel_by(r, STR("officeDocument"), STR_NONE);
    if (part.n == 0)
        return ERR(e, -EBADMSG, "registry.xlsx_no_book");
    w->x = x;
    rc = xml_part(&x->z, part, &fns, w, e);
    if (rc == 0)
        rc = ERR(e, -EBADMSG, "registry.xlsx_no_book");
    if (rc > 0)
        rc = read_rels(x, part, r, e);
    str strings = rel_by(r, STR("sharedStrings"), STR_NONE), styles = rel_by(r, STR("styles"), STR_NONE);
    if (rc > 0 && strings.n > 0)
        rc = xlsx_strings(x, strings, e) < 0 ? -EBADMSG : 1;
    if (rc > 0 && styles.n > 0)
        rc = xlsx_styles(x, styles, e) < 0 ? -EBADMSG : 1;
    return rc < 0 ? rc : read_sheets(x, w, r, e);
}

int book_from_xlsx(struct book *b, str bytes, struct err *e)
{
    struct xlsx x = {.b = b};
    struct err why = {0};
    int rc = zip_open(&x.z, bytes, &why);

    if (rc == 0)
        rc = read_book(&x, &why);
    free(x.strings);
    free(x.styles);
    if (rc < 0 && b->a.failed && why.key == NULL)
        ERR(&why, -ENOMEM, "registry.no_memory");
    if (rc < 0 && e != NULL)
        *e = why;
    return rc < 0 ? why.code : 0;
}

/* The sheets that were sent, once more as a workbook, each mistake marked in its
 * cell with what would be right. Rows keep their numbers; the column of remarks
 * ("#...") is not read when the workbook comes in again. */
#include "registry/exchange-int.h"
#include "registry/xlsx-write-int.h"
#include <errno.h>

struct spot {
    long row;
    str column, sheet;
};

/* "row 7, column serial, sheet Thiết bị": see row_fault. */
static bool spot_of(const struct err *e, bool named, struct spot *out)
{
    str at = str_c(e->at), number;
    int64_t row;

    *out = (struct spot){0};
    if (!str_starts(at, STR("row ")))
        return false;
    at = str_sub(at, 4, SIZE_MAX);
    number = str_sub(at, 0, str_find(at, STR(",")));
    at = str_sub(at, number.n, SIZE_MAX);
    if (!str_i64(number, &row))
        return false;
    out->row = (long)row;
    size_t cut = named ? str_find(at, STR(", sheet ")) : SIZE_MAX;
    if (cut != SIZE_MAX) {
        out->sheet = str_sub(at, cut + 8, SIZE_MAX);
        at = str_sub(at, 0, cut);
    }
    if (str_starts(at, STR(", column ")))
        out->column = str_sub(at, 9, SIZE_MAX);
    return true;
}

static bool column_at(const struct sheet *s, str name, size_t *col)
{
    for (size_t i = 0; i < s->nrows && i < HEADER_ROWS && name.n > 0; i++)
        for (*col = 0; *col < s->rows[i].n; ++*col)
            if (str_eq(str_trim(s->rows[i].cells[*col]), name))
                return true;
    return false;
}

static const struct sheet_row *row_at(const struct sheet *s, long row)
{
    size_t lo = 0, hi = s->nrows;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->rows[mid].row < row)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->nrows && s->rows[lo].row == row ? &s->rows[lo] : NULL;
}

struct marking {
    struct xlsx_out x;
    lxw_worksheet *ws;
    const struct sheet *s;
    const struct errs *es;
    struct buf *remarks; /* beside the errors' rows: one cell a row */
    enum lang lang;
    size_t width;
};

static int copy_rows(struct marking *m, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < m->s->nrows && rc == 0; i++) {
        const struct sheet_row *l = &m->s->rows[i];
        m->width = l->n > m->width ? l->n : m->width;
        for (size_t c = 0; c < l->n && rc == 0; c++)
            rc = l->cells[c].n == 0
                     ? 0
                     : xlsx_out_text(m->ws, (uint32_t)l->row - 1, (uint16_t)c, l->cells[c], m->x.text, e);
    }
    return rc;
}

static int mark(struct marking *m, const struct spot *at, const struct err *mistake, struct err *e)
{
    const struct sheet_row *l = row_at(m->s, at->row);
    char said[1024];
    size_t col;
    int rc = 0;

    err_sentence(mistake, m->lang, said, sizeof(said));
    if (column_at(m->s, at->column, &col)) {
        str cell = l != NULL && col < l->n ? l->cells[col] : STR_NONE;
        rc = xlsx_out_text(m->ws, (uint32_t)at->row - 1, (uint16_t)col, cell, m->x.bad, e);
        xlsx_out_note(m->ws, (uint32_t)at->row - 1, (uint16_t)col, str_c(said), 3);
    }
    if (m->remarks->n > 0)
        buf_z(m->remarks, "\n");
    if (at->column.n > 0)
        buf_fmt(m->remarks, "%.*s: ", STR_ARGS(at->column));
    buf_z(m->remarks, said);
    return rc;
}

static int mark_sheet(struct marking *m, bool named, struct err *e)
{
    const char *title = m->lang == LANG_EN ? "#Mistakes" : "#Lỗi";
    long row = 0;
    struct buf b;
    int rc = copy_rows(m, e);

    buf_init(&b, 30000);
    m->remarks = &b;
    worksheet_set_column(m->ws, (uint16_t)m->width, (uint16_t)m->width, 60, NULL);
    long top = m->s->nrows > 0 ? m->s->rows[m->s->head].row : 1;
    if (rc == 0)
        rc = xlsx_out_text(m->ws, (uint32_t)top - 1, (uint16_t)m->width, str_c(title), m->x.label, e);
    for (size_t i = 0; i < m->es->n && rc == 0; i++) {
        struct spot at;
        if (!spot_of(&m->es->v[i], named, &at) || at.row < 1 || (named && !str_eq(at.sheet, m->s->name)))
            continue;
        if (at.row != row)
            buf_clear(&b);
        row = at.row;
        rc = mark(m, &at, &m->es->v[i], e);
        if (rc == 0 && at.row != top)
            rc = xlsx_out_text(m->ws, (uint32_t)row - 1, (uint16_t)m->width, buf_view(&b), m->x.bad, e);
    }
    buf_done(&b);
    return rc;
}

int registry_marked(struct registry *r, const struct import_args *in, const struct errs *es, enum lang lang,
                    struct buf *out, struct err *e)
{
    struct marking m = {.es = es, .lang = lang};
    struct book b;

    (void)r;
    book_init(&b);
    int rc = book_read(&b, in, e);
    if (rc == 0 && (rc = xlsx_out_open(&m.x, e)) == 0) {
        for (size_t i = 0; i < b.n && rc == 0; i++) {
            char name[160];
            m.s = &b.sheets[i];
            m.width = 0;
            snprintf(name, sizeof(name), "%.*s", STR_ARGS(m.s->name));
            m.ws = workbook_add_worksheet(m.x.wb, name[0] != '\0' ? name : NULL);
            if (m.ws == NULL)
                m.ws = workbook_add_worksheet(m.x.wb, NULL); /* a file's name is no sheet's name */
            rc = m.ws == NULL
                     ? ERR(e, -EIO, "registry.xlsx_write")
                     : mark_sheet(
                           &m, in->nfiles > 1 || (in->nfiles == 1 ? in->files[0].format : in->format) != SHEET_CSV, e);
        }
        rc = xlsx_out_close(&m.x, rc, out, e);
    }
    book_done(&b);
    return rc;
}

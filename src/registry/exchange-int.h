/* The import engine, between its files. */
#ifndef LUY_REGISTRY_EXCHANGE_INT_H
#define LUY_REGISTRY_EXCHANGE_INT_H
#include "base/json.h"
#include "registry/exchange.h"
#include "registry/known-int.h"
#include "registry/late-int.h"
#include "registry/sheet-int.h"

enum { COL_STATE = -1, COL_NOTE = -2, COL_UNKNOWN = -3 };
struct import {
    struct write *w;
    const struct import_args *in;
    struct book *b;
    struct arena row; /* what lives as long as a row */
    bool named;       /* places name the sheet */
    json_t *changes, *notes, *ops;
    int64_t changes_total, notes_total;
    int64_t unused; /* columns that the mapping left out */

    /* exchange_known.c */
    struct known *known;
    struct late late;
    struct line_at *lines; /* the rows of the group that were judged */
    size_t nlines, lines_cap;
    size_t numbered, ahead; /* exchange_number.c: looked up to this row; how many rows at once */
};
/* exchange_known.c: rows in groups, so that what they ask is asked together. */
enum { GROUP_ROWS = 250 };
int group_open(struct import *im, struct err *e); /* when the write has begun */
void group_done(struct import *im);               /* when it has ended */
int group_begin(struct import *im, const struct sheet *s, size_t from, struct err *e);
int group_end(struct import *im, struct err *e);
int group_line(struct import *im, struct sheet *s, const struct sheet_row *l, struct err *e);
void group_line_end(struct import *im);
/* A statement failed, of this row or of one before: a row's own trouble becomes its mistake. */
int group_blame(struct import *im, int rc, struct err *fe, struct err *e);
/* exchange_number.c: a key that counts on is looked up with those of the rows behind it. */
int numbers_ahead(struct import *im, const struct sheet *s, const struct sheet_row *l, struct err *e);
void row_fault(struct import *im, const struct sheet *s, const struct sheet_row *l, str column, struct err *fe);
/* exchange_head.c: which kind a sheet is, where its header stands, what its
 * columns are. Mistakes go to im->w->es. */
const struct kind *sheet_kind(const struct schema *sc, struct arena *a, str name);
int sheet_header(struct import *im, struct sheet *s, struct err *e);
int sheet_keys(struct import *im, struct sheet *s, struct err *e);
int sheet_troubles(struct import *im, struct sheet *s, struct err *e);
/* exchange_tell.c: what was done, for the answer and for a change set. */
int tell_change(struct import *im, const struct sheet *s, const struct sheet_row *l, const struct rec *old,
                const struct rec *fresh, const struct input *in, struct err *e);
json_t *tell_result(const struct import *im);
/* csv_export.c: the rows of a list, one after another. */
typedef int export_fn(void *ctx, struct arena *a, const struct rec *rec, struct err *e);
int export_rows(struct registry *r, const struct actor *who, const struct kind *k, const struct list_query *q,
                export_fn *fn, void *ctx, struct err *e);
str export_cell(struct arena *a, const struct rec *rec, size_t i);
str export_column(struct arena *a, const struct registry *r, const struct field *f); /* "unit.code" */
/* By format. */
int book_read(struct book *b, const struct import_args *in, struct err *e);
#endif

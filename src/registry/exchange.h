/* Sheets in and out: CSV, and XLSX workbooks with several kinds. The rules of docs/operator/en/spreadsheets.md.
 *
 * Import: a header names fields, a dotted name a reference's key (unit.code);
 * key present = update, absent = create; empty = leave, "null" = clear. All rows
 * of all sheets are judged in one write transaction, what is referred to first,
 * so a device may name a unit of another sheet; with any mistake, or for a dry
 * run, everything is taken back. A judgement and a write can never differ.
 * Mistakes: at = "row 7, column serial" and, from a workbook, ", sheet NAME". */
#ifndef LUY_REGISTRY_EXCHANGE_H
#define LUY_REGISTRY_EXCHANGE_H
#include "registry/registry.h"

enum sheet_format { SHEET_CSV, SHEET_XLSX };
enum { IMPORT_CHANGES_MAX = 1000, IMPORT_NOTES_MAX = 200 };
enum { IMPORT_FILES = 32 };
struct mapping;
struct change_look;
struct import_file {
    str name, body;
    enum sheet_format format;
};
struct import_args {
    str kind; /* empty: each sheet's name says it */
    str name; /* of the file; with its ending off, the name of a CSV's only sheet */
    str body;
    enum sheet_format format;
    const struct import_file *files; /* several at once, instead of body */
    size_t nfiles;
    const struct mapping *map; /* the tables are another program's (mapping.h); or NULL */
    str with;                  /* its parameters, "network=INTRA,unit=VP" */
    bool dry_run;
    bool as_change; /* a draft change set instead of a write; title names it */
    str title;
    bool changes;                   /* tell what changes, by field */
    const struct change_look *look; /* of a dry run without mistakes, before it is taken back (change.h); or NULL */
};
/* {"created","updated","unchanged","rows", "sheets": [{"sheet","kind",counts}],
 * "notes": [{"sheet","row","column","code","args"}], with changes "changes":
 * [{"sheet","row","kind","key","outcome","before","after"}] and "changes_total",
 * as a change set "change_set" (as change_get); when written "change", the number
 * of the set by which it can be taken back; with a mapping "unused", the columns
 * that it does not read}. Caller owns. */
int registry_import(struct registry *r, const struct actor *who, const struct import_args *in, json_t **out,
                    struct errs *es, struct err *e);
/* What was sent, as a workbook where each mistake of es is marked in its cell. */
int registry_marked(struct registry *r, const struct import_args *in, const struct errs *es, enum lang lang,
                    struct buf *out, struct err *e);

struct export_args {
    const str *kinds;
    size_t n;
    const struct list_query *q; /* of the only kind; NULL: all */
    bool empty;                 /* a template: header, help and allowed values */
    enum lang lang;
};
int registry_export_xlsx(struct registry *r, const struct actor *who, const struct export_args *in, struct buf *out,
                         struct err *e);
#endif

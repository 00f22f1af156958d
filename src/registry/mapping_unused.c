/* Columns of a source that no rule of its mapping reads: told as notes, with how
 * many cells of each were filled, so that nobody takes for imported what was not.
 * A column in which nothing stands is not told. Runs once a source sheet. */
#include "registry/exchange-int.h"
#include "registry/mapping-run-int.h"
#include <errno.h>

static void use(struct run *x, bool *used, str column)
{
    str want = text_fold(&x->out->a, str_trim(column));

    for (size_t i = 0; i < x->ncols; i++)
        if (str_eq(x->cols[i], want)) {
            used[i] = true; /* of two of one name the first is read */
            return;
        }
}

static void use_template(struct run *x, bool *used, const struct map_template *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].type == PIECE_COLUMN)
            use(x, used, t->v[i].text);
}

static void use_record(struct run *x, bool *used, const struct map_record *rec)
{
    for (size_t i = 0; i < rec->nwhen; i++)
        use(x, used, rec->when[i]);
    for (size_t i = 0; i < rec->nrules; i++) {
        const struct map_rule *r = &rec->rules[i];
        for (size_t k = 0; k < r->nfrom; k++)
            use_template(x, used, &r->from[k]);
        if (r->has_value)
            use_template(x, used, &r->value);
        if (r->has_dflt)
            use_template(x, used, &r->dflt);
    }
}

static size_t filled_cells(const struct run *x, size_t col)
{
    size_t n = 0;

    for (size_t i = x->src->head + 1; i < x->src->nrows; i++) {
        const struct sheet_row *l = &x->src->rows[i];
        str cell = col < l->n ? str_trim(l->cells[col]) : STR_NONE;
        bool says = cell.n > 0;
        for (size_t k = 0; k < x->m->nempty; k++)
            says = says && !str_eq(cell, x->m->empty[k]);
        n += says;
    }
    return n;
}

int mapping_unused(struct run *x, const struct map_source *src, struct err *e)
{
    bool *used = arena_array(&x->out->a, bool, x->ncols + 1);

    if (used == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    memset(used, 0, x->ncols * sizeof(*used));
    for (size_t i = 0; i < src->nskips; i++)
        use(x, used, src->skips[i].column);
    for (size_t i = 0; i < src->nrecords; i++)
        use_record(x, used, &src->records[i]);
    for (size_t i = 0; i < x->ncols; i++) {
        size_t cells = used[i] ? 0 : filled_cells(x, i);
        char count[24];
        if (cells == 0)
            continue;
        x->im->unused++;
        if (x->im->notes_total++ >= IMPORT_NOTES_MAX)
            continue;
        snprintf(count, sizeof(count), "%zu", cells);
        json_array_append_new(x->im->notes,
                              json_pack("{s:o, s:I, s:o, s:s, s:s}", "sheet", json_from_str(x->src->name), "row",
                                        (json_int_t)x->src->rows[x->src->head].row, "column",
                                        json_from_str(x->shown[i]), "code", "registry.map_unused", "arg", count));
    }
    return 0;
}

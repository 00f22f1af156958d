/* Keys that nobody gave and that count on ("KT-{n}", "{account}/{role}/{n}"): what this row and those behind it are
 * going to be called is worked out and looked up at once. A guess that does not come true (a row with a mistake takes
 * no number) costs the question that it would have saved, and makes the next look shorter. */
#include "registry/exchange-int.h"
#include <errno.h>

static bool named_in(str t, str field)
{
    char text[COL_MAX + 4];
    int n = snprintf(text, sizeof(text), "{%.*s}", STR_ARGS(field));

    return n > 0 && (size_t)n < sizeof(text) && str_find(t, str_c(text)) != SIZE_MAX;
}

/* The cells that the key is made of. */
static void cells_of_key(struct import *im, const struct sheet *s, const struct sheet_row *l, str t, struct rec *rec)
{
    for (size_t c = 0; c < s->ncols && c < l->n; c++) {
        const struct field *f = s->cols[c] >= 0 ? &s->k->fields[s->cols[c]] : NULL;
        const struct kind *ref = f != NULL ? schema_kind(im->w->r->sc, f->ref_kind) : NULL;
        struct val v = V_NULL;
        if (f == NULL || !named_in(t, f->name))
            continue;
        value_parse(&im->row, ref != NULL ? &ref->fields[ref->key_field] : f, str_trim(l->cells[c]), &v, NULL);
        if (ref == NULL)
            rec->v[s->cols[c]] = v;
        else if (v.type == VAL_TEXT)
            rec->ref[s->cols[c]].key = v.s;
    }
}

static int key_of(struct import *im, const struct sheet *s, const struct sheet_row *l, int64_t n, str *out,
                  struct err *e)
{
    const struct field *key = &s->k->fields[s->k->key_field];
    struct rec *rec = rec_new(&im->row, s->k);
    struct val v = V_NULL;
    str text;

    *out = STR_NONE;
    if (rec == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    cells_of_key(im, s, l, key->dflt, rec);
    int rc = template_fill(im->w, s->k, key->dflt, rec, n, &text, e);
    if (rc == 0 && value_parse(&im->row, key, text, &v, NULL) == 0 && v.type == VAL_TEXT)
        *out = v.s;
    return rc;
}

static bool counts_on(const struct kind *k, const struct sheet_row *l)
{
    return l->key.n == 0 && str_find(k->fields[k->key_field].dflt, STR("{n}")) != SIZE_MAX;
}

/* Half as many when the last look was not used up, else twice as many. */
static size_t how_far(struct import *im, size_t at, size_t rows)
{
    bool early = at < im->numbered;

    im->ahead = im->ahead == 0 ? GROUP_ROWS : early ? (im->ahead + 1) / 2 : im->ahead * 2;
    if (im->ahead > GROUP_ROWS)
        im->ahead = GROUP_ROWS;
    im->numbered = rows - at < im->ahead ? rows : at + im->ahead;
    return im->numbered;
}

int numbers_ahead(struct import *im, const struct sheet *s, const struct sheet_row *l, struct err *e)
{
    size_t at = (size_t)(l - s->rows);
    int64_t n = 0;
    str key;

    if (im->known == NULL || !counts_on(s->k, l))
        return 0;
    int rc = next_number(im->w, s->k, &n, e);
    if (rc == 0)
        rc = key_of(im, s, l, n, &key, e);
    if (rc < 0 || key.n == 0 || known_key(im->known, s->k, key) != NULL)
        return rc;
    for (size_t i = at, end = how_far(im, at, s->nrows); i < end && rc == 0; i++) {
        bool waits = i == at || (s->rows[i].step == ROW_NEW && counts_on(s->k, &s->rows[i]));
        if (waits && (rc = key_of(im, s, &s->rows[i], n++, &key, e)) == 0 && key.n > 0)
            known_want_key(im->known, s->k, key);
        arena_clear(&im->row);
    }
    return rc < 0 ? rc : known_look(im->known, im->w->tx, e);
}

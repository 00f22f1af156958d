/* Fuzz target of the schema reader: a schema that loads keeps every promise
 * that the rest of the registry builds on; one that does not says why. */
#include "registry/schema-int.h"
#include "registry/value-int.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_field(const struct schema *s, const struct kind *k, const struct field *f)
{
    char cols[FIELD_COLS][COL_MAX];

    assert(schema_name_ok(f->name) && f->type < FT_COUNT && f->label.vi.n > 0 && f->label.en.n > 0);
    assert(field_columns(f, cols) <= FIELD_COLS);
    if (f->type == FT_REF || f->type == FT_REFS)
        assert(schema_kind(s, f->ref_kind) != NULL);
    if (f->type == FT_ENUM || f->type == FT_LEVEL)
        assert(f->nvalues > 0);
    if (f->within.n > 0) {
        const struct field *ref = kind_field(k, f->within);
        const struct kind *t = schema_kind(s, ref->ref_kind);
        assert(f->type == FT_IP && t->fields[t->key_field].type == FT_PREFIX);
    }
    if (f->dflt.n > 0 && str_find(f->dflt, STR("{")) == SIZE_MAX) {
        struct arena a = arena_init(1 << 20);
        struct val v;
        assert(value_parse(&a, f, f->dflt, &v, NULL) == 0);
        arena_free(&a);
    }
}

static void check_kind(const struct schema *s, const struct kind *k)
{
    assert(schema_name_ok(k->name) && schema_kind(s, k->name) == k && k->nfields > 0 && k->nstates > 0);
    assert(k->key_field < k->nfields && k->title_field < k->nfields);
    assert(k->fields[k->key_field].unique && value_storage(k->fields[k->key_field].type) == VAL_TEXT);
    assert(k->unit_field == SIZE_MAX || (k->unit_field < k->nfields && k->fields[k->unit_field].type == FT_REF));
    assert(k->via_field == SIZE_MAX || (k->via_field < k->nfields && k->fields[k->via_field].type == FT_REF));
    for (size_t i = 0; i < k->ncolumns; i++)
        assert(k->columns[i] < k->nfields);
    for (size_t i = 0; i < k->nfields; i++)
        check_field(s, k, &k->fields[i]);
    for (size_t i = 0; i < k->ntransitions; i++)
        assert(k->transitions[i].from.n > 0 && k->transitions[i].to.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct schema *s = NULL;
    struct errs es;
    char *text = malloc(n + 1);

    assert(text != NULL);
    memcpy(text, p, n);
    text[n] = '\0';
    errs_init(&es, 100);
    const char *texts[] = {text};
    if (schema_from_text(texts, 1, &s, &es) == 0) {
        assert(es.total == 0);
        for (size_t i = 0; i < s->nkinds; i++)
            check_kind(s, &s->kinds[i]);
        json_t *j = schema_json(s);
        assert(j != NULL);
        json_decref(j);
        schema_free(s);
    } else {
        assert(es.total > 0 && es.v[0].key != NULL);
    }
    errs_done(&es);
    free(text);
    return 0;
}

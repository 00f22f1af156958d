/* The schema loader's own: what it keeps of the YAML until all is checked. */
#ifndef LUY_REGISTRY_SCHEMA_INT_H
#define LUY_REGISTRY_SCHEMA_INT_H
#include "base/yaml.h"
#include "registry/schema.h"

enum { KINDS_MAX = 200, FIELDS_MAX = 60, STATES_MAX = 32, VALUES_MAX = 100, TRANSITIONS_MAX = 100, FILES_MAX = 100 };

struct kind_src {
    const char *file;
    struct yaml *node;
    struct yaml **fields;
}; /* beside schema.kinds, same index */
struct loading {
    struct schema *s;
    struct kind_src *src;
    struct errs *es;
};

/* One file's text into L; mistakes to L->es. For the fuzz target too. */
void schema_load_text(struct loading *l, str text, const char *name);
/* schema_check.c: everything that needs the other kinds; fills the indexes. */
void schema_check(struct loading *l);
bool schema_name_ok(str s);
/* A schema from texts instead of files (tests, fuzzing). */
int schema_from_text(const char *const *texts, size_t n, struct schema **out, struct errs *es);

/* Columns that a field has in SQL. */
enum { COL_MAX = 64, FIELD_COLS = 3 };
size_t field_columns(const struct field *f, char cols[FIELD_COLS][COL_MAX]);
size_t kind_field_at(const struct kind *k, str name); /* SIZE_MAX when there is none */
#endif

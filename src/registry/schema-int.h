/* The schema loader's own: what it keeps of the YAML until all is checked. */
#ifndef LUY_REGISTRY_SCHEMA_INT_H
#define LUY_REGISTRY_SCHEMA_INT_H
#include "base/yaml.h"
#include "registry/schema.h"

enum {
    KINDS_MAX = 200,
    FIELDS_MAX = 60,
    STATES_MAX = 32,
    VALUES_MAX = 100,
    TRANSITIONS_MAX = 100,
    FILES_MAX = 100,
    LIFE_MAX = 20,
    QUESTIONS_MAX = 100,
    CHECKLISTS_MAX = 20,
    LABEL_SHORT = 110,
    SQL_TEXT_MAX = 4000
};

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

/* One file while it is read, and the small readers that its parts share. */
struct src {
    struct loading *l;
    const char *name;
};
void src_fault(const struct src *f, const struct yaml *node, const char *key, const char *a0, const char *a1);
str src_name(const struct src *f, const struct yaml *node);
struct label src_label(const struct src *f, const struct yaml *at, const struct yaml *node, bool needed);
bool src_map(const struct src *f, const struct yaml *node, size_t max);
str *src_list(const struct src *f, struct yaml *node, size_t *n); /* one text is a list of one */
bool src_bool(const struct src *f, const struct yaml *map, const char *key);
bool src_int(const struct src *f, const struct yaml *map, const char *key, int64_t *out);

/* schema_life.c: steps, invariants, checklists. Fields are resolved when all of
 * the kind's are read; other kinds in schema_check_life. */
void schema_read_transitions(const struct src *f, struct kind *k, struct yaml *node);
void schema_read_invariants(const struct src *f, struct kind *k, struct yaml *node);
void schema_read_checklists(const struct src *f, struct yaml *node);
struct checklist_use *schema_read_checklist_use(const struct src *f, struct yaml *node);
void schema_check_life(struct loading *l, size_t kind);

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

/* Record kinds as data: schema/<group>.yaml. From one kind come the SQL table
 * (real columns, so that a check is plain SQL), validation, API, CSV, forms. */
#ifndef LUY_REGISTRY_SCHEMA_H
#define LUY_REGISTRY_SCHEMA_H
#include "base/arena.h"
#include "base/err.h"
#include <jansson.h>

/* Level (classification) is an enum every schema knows: Thường, Mật, Tối mật,
 * Tuyệt mật as 0..3 in SQL, "thuong", "mat", "toi_mat", "tuyet_mat" in JSON; the
 * loader fills `values` for it. A default of a text field may hold {field} and
 * {n} (number of the record), filled in when a record comes without the field. */

enum ftype {
    FT_TEXT,
    FT_MARKDOWN,
    FT_INT,
    FT_DECIMAL,
    FT_BOOL,
    FT_DATE,
    FT_TIME,
    FT_ENUM,
    FT_REF,
    FT_REFS,
    FT_IP,
    FT_PREFIX,
    FT_MAC,
    FT_FQDN,
    FT_PHONE,
    FT_EMAIL,
    FT_DURATION,
    FT_LEVEL,
    FT_JSON,
    FT_COUNT
};
struct label {
    str vi, en;
};
struct enum_value {
    str value;
    struct label label;
};
struct field {
    str name;
    enum ftype type;
    struct label label, help;
    bool required, unique, personal; /* personal: data of a natural person */
    str ref_kind;                    /* ref, refs */
    struct enum_value *values;
    size_t nvalues;
    str dflt;
    bool has_min, has_max;
    int64_t min, max; /* ints: bounds; text: length */
    str *clauses;
    size_t nclauses;      /* who demands the field: "TU-13.3" */
    str within;           /* ip: lies in the prefix that this ref field names */
    str disjoint, unless; /* prefix: records with the same value of the ref field `disjoint`
                             do not overlap, but for those with the bool field `unless` set */
};
struct transition {
    str name, from, to;
    struct label label;
    str *roles;
    size_t nroles;
    str *clauses; /* who demands the step */
    size_t nclauses;
    bool approval; /* only through an approved change set */
};
/* What may be marked `approval:` on a kind: records made, changed, ended. */
enum kind_op { OP_CREATE = 1, OP_CHANGE = 2, OP_END = 4 };
struct kind {
    str name, group;
    struct label group_label, label, help;
    struct field *fields;
    size_t nfields;
    size_t key_field;   /* natural key: unique in the kind */
    size_t title_field; /* shown with the key */
    str *states;
    struct label *state_labels;
    size_t nstates; /* states[0] is where a record begins */
    struct transition *transitions;
    size_t ntransitions;
    size_t *columns;
    size_t ncolumns;   /* fields of the list view */
    bool state_column; /* and the state, after them */
    size_t unit_field; /* SIZE_MAX when the kind has none; decides who sees it */
    size_t via_field;  /* no unit of its own: seen with the record this ref names; or SIZE_MAX */
    uint32_t approval; /* enum kind_op bits */
};
struct schema {
    struct kind *kinds;
    size_t nkinds;
    struct arena arena;
};

/* All *.yaml of dir; every mistake of every file in es. */
int schema_load(const char *dir, struct schema **out, struct errs *es);
void schema_free(struct schema *s);
const struct kind *schema_kind(const struct schema *s, str name);
const struct field *kind_field(const struct kind *k, str name);
/* The step between two states; NULL when the life cycle has none. */
const struct transition *kind_transition(const struct kind *k, str from, str to);
/* Must this go through an approved change set? `from` and `to`: states before and
 * after, equal or empty where the state stays. A create that begins elsewhere than
 * in the first state needs what the steps into that state need. */
bool kind_needs_approval(const struct kind *k, enum kind_op op, str from, str to);
/* The whole schema as the API shows it (see docs/api.md, GET /schema). */
json_t *schema_json(const struct schema *s);
const char *ftype_name(enum ftype t);
bool ftype_parse(str s, enum ftype *out);
const char *kind_op_name(enum kind_op op); /* "create", "change", "end" */
bool kind_op_parse(str s, enum kind_op *out);
#endif

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
    FT_FILE, /* a document, attach.h */
    FT_COUNT
};
struct label {
    str vi, en;
};
struct enum_value {
    str value;
    struct label label;
};
/* Questions that an inspection answers: "yes", "no", "na", alone or as
 * {"answer": .., "note": ..}. Which are asked follows from an enum value. */
struct question {
    str name;
    struct label label;
    str *clauses;
    size_t nclauses;
};
struct checklist {
    str name;
    struct label label;
    struct question *questions;
    size_t nquestions;
    struct question_set {
        str value; /* of the enum; "*": any other */
        size_t *questions;
        size_t n;
    } * sets;
    size_t nsets;
};
/* The answers in a json field: to the set of `list` that `of` (an enum of the record
 * that the own ref field `by` names) chooses. With a "no" among them the own field
 * `verdict` is not `pass`. */
struct checklist_use {
    str list, by, of, verdict, pass;
};
struct field {
    str name;
    enum ftype type;
    struct label label, help;
    bool required, unique, personal; /* personal: data of a natural person */
    str ref_kind;                    /* ref, refs */
    bool ref_host;                   /* what it names has a host name for a title */
    struct enum_value *values;
    size_t nvalues;
    str dflt;
    bool has_min, has_max;
    int64_t min, max; /* ints: bounds; text: length */
    str *clauses;
    size_t nclauses; /* who demands the field: "TU-13.3" */
    str within;      /* ip: lies in the prefix that this ref field names */
    str *read_roles; /* who may see it, and write it; none: everybody who sees the record */
    size_t nread;
    uint32_t read;                   /* the same as enum role bits */
    struct checklist_use *checklist; /* json: answers to a list of questions; or NULL */
    str disjoint, unless;            /* prefix: records with the same value of the ref field `disjoint`
                                        do not overlap, but for those with the bool field `unless` set */
};
/* A field and what it becomes: "today", "now", "actor" (name, or the person whose
 * account it is), ".field" (of the record that takes the step), else a value as in
 * a CSV cell. fill: only where nothing is yet and nothing was given. */
struct setting {
    str field, value;
    bool fill;
};
/* A condition on a record beside the one that takes the step. */
enum want_op {
    WANT_IS,      /* field equals `other`, a value as in a CSV cell */
    WANT_IN_DATE, /* date: empty, today or later */
    WANT_FILLED,
    WANT_SINCE, /* not before the date in the own field `other`, when that is filled */
    WANT_SAME   /* equals the own field `other` */
};
struct attach_want {
    enum want_op op;
    str field, other;
};
/* Living records of `kind` whose ref field `by` names this one must be there. */
struct step_attach {
    str kind, by;
    struct label label;
    str *states, *clauses;
    size_t nstates, nclauses;
    struct attach_want *wants;
    size_t nwants;
    int64_t count;
};
/* What the step does to others, in the same transaction: records of `kind` whose
 * `by` names this one, or the record that the own ref field `of` names. from:
 * only those in one of these states; to: the state they get, or empty. */
struct effect {
    str kind, by, of, to;
    str *from;
    size_t nfrom;
    struct setting *sets;
    size_t nsets;
};
/* `field` (date or time) must be so many days away, working days or plain ones; not
 * where the bool field `unless` is set. days 0: no notice is asked for. */
struct notice {
    str field, unless;
    int64_t days;
    bool plain;
};
struct transition {
    str name, from, to;
    struct label label;
    str *roles;
    size_t nroles;
    str *clauses; /* who demands the step */
    size_t nclauses;
    bool approval; /* only through an approved change set */
    size_t *needs; /* fields that must be filled */
    size_t nneeds;
    struct step_attach *attach;
    size_t nattach;
    size_t *holds; /* invariants of the kind that are asked at this step */
    size_t nholds;
    struct setting *sets;
    size_t nsets;
    struct effect *effects;
    size_t neffects;
    struct notice notice;
    struct label opens; /* a finding, while it says so; empty: none */
    str *opens_until;   /* the states that end it; none: any other than `to` */
    size_t nopens_until;
};
/* What must hold between records: SQL that reads :id, :today, :now and finds what
 * stands in the way (first column: its name). Asked when a record is made, when
 * one of `fields` changes, or when it comes into one of `states`; and where a step
 * names it under `holds`, then only there if it has neither. strict: also of what
 * Lũy itself loads, which else stands as it is for the checks to find. */
struct invariant {
    str name, sql;
    struct label label;
    str *clauses;
    size_t nclauses;
    size_t *fields; /* the first is where the mistake is told */
    size_t nfields;
    str *states;
    size_t nstates;
    bool held, strict;
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
    struct invariant *invariants;
    size_t ninvariants;
};
struct schema {
    struct kind *kinds;
    size_t nkinds;
    struct checklist *checklists;
    size_t nchecklists;
    struct arena arena;
};

/* All *.yaml of dir; every mistake of every file in es. */
int schema_load(const char *dir, struct schema **out, struct errs *es);
void schema_free(struct schema *s);
const struct checklist *schema_checklist(const struct schema *s, str name);
/* The questions that are asked for an enum value; NULL when there are none. */
const struct question_set *checklist_set(const struct checklist *c, str value);
const struct kind *schema_kind(const struct schema *s, str name);
const struct field *kind_field(const struct kind *k, str name);
/* May somebody with these roles see it? (rights.c) */
bool field_seen(const struct field *f, uint32_t roles);
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
/* Every table that holds records and their lists, NULL-ended, in `a`: what SQL
 * from outside the program may read, and nothing else that is in the store,
 * neither logins and tokens nor the history. NULL when memory ends. */
const char *const *schema_tables(const struct schema *sc, struct arena *a);
#endif

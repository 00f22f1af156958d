/* A pack set: everything under the packs folder, read whole, checked whole and
 * then constant. A reload builds a second one and swaps. */
#ifndef LUY_JUDGE_PACK_H
#define LUY_JUDGE_PACK_H
#include "judge/correlate.h"
#include "judge/decode.h"
#include "judge/duty.h"
#include "judge/route.h"
#include "registry/schema.h"
#include <stdatomic.h>

enum {
    PACK_RULES_MAX = 20000,
    PACK_CONTROLS_MAX = 5000,
    PACK_CLAUSES_MAX = 20000,
    PACK_REGS_MAX = 100,
    SUBJECT_FIELDS = 1
};

struct regulation {
    str pack, code, number, issued_on, effective_on;
    struct label title, binds;
    const char *file;
    uint32_t line;
};
struct clause {
    str id, number;
    struct label title, text;
    int reg, parent; /* parent -1: top */
    bool operative;
    const char *file;
    uint32_t line, col;
    int *controls;
    size_t ncontrols;
};

enum control_kind { CK_STATE, CK_EVENT, CK_DUTY };
enum severity { SEV_LOW, SEV_MEDIUM, SEV_HIGH, SEV_CRITICAL, SEV_COUNT };
struct param {
    char *name;
    enum { PARAM_INT, PARAM_REAL, PARAM_TEXT } type;
    int64_t i;
    double r;
    str text;
};

struct state_spec {
    str subject; /* kind of the offenders */
    bool has_freshness;
    struct duration freshness;
    char *applies, *query; /* SQL; applies may be NULL */
    uint32_t applies_line, query_line;
    bool *reads; /* beside judge.tables: those that the two texts read, as the store understood them */
};
struct event_spec {
    int *rules;
    size_t nrules; /* of packset.rules */
    int *corrs;
    size_t ncorrs;
    int subject_field;
    str subject_name;
    int64_t quiet_ns;
    const struct yaml *rules_node, *file_node; /* only while loading */
};
struct duty_spec {
    struct duty_rule rule;
    str period; /* as written */
    bool per_unit;
    char *where, *done; /* SQL; may be NULL */
    uint32_t where_line, done_line;
};
struct control {
    str id;
    enum control_kind kind;
    enum severity severity;
    struct label title, remedy, why, message;
    str dflt, pack, text, clauses_json; /* text: the YAML; clauses_json: ["BT-7.2"] */
    int *clauses;
    size_t nclauses;
    struct param *params;
    size_t nparams;
    const char *file;
    uint32_t line, col;
    struct state_spec state;
    struct event_spec event;
    struct duty_spec duty;
};

struct packset {
    struct arena a;
    atomic_int refs;
    struct names *names;
    struct map alias, lists;            /* str* and struct yaml* */
    struct map clause_ids, control_ids; /* to the index */
    struct map rule_refs, rule_files;   /* ids and names; names of files. A correlation is -1 - its index */
    struct sigma_res res;
    struct decoders decoders;
    struct routes routes;
    struct regulation *regs;
    size_t nregs;
    struct clause *clauses;
    size_t nclauses;
    struct control *controls;
    size_t ncontrols;
    struct sigma_rule *rules;
    size_t nrules;
    struct corr_rule *corrs;
    size_t ncorrs;
};
/* Every mistake of every file goes to es, and then -EBADMSG. */
int packset_load(const char *dir, struct packset **out, struct errs *es);
struct packset *packset_empty(void); /* NULL: no memory */
struct packset *packset_ref(struct packset *p);
void packset_unref(struct packset *p); /* NULL is fine */
const struct control *packset_control(const struct packset *p, str id);
const struct clause *packset_clause(const struct packset *p, str id);
extern const char *const severity_names[SEV_COUNT + 1], *const control_kind_names[];

/* ---- while loading ---- */

struct loader {
    struct packset *p;
    struct errs *es;
    const char *file; /* path of the file at hand */
    str text;         /* its bytes */
    str pack;         /* folder: "common", "vn-bentre" */
    int reg;          /* of the pack at hand; -1 */
    size_t cap_clauses, cap_controls, cap_rules, cap_corrs;
};
bool load_err(struct loader *l, const struct yaml *at, const char *key, const char *a0, const char *a1); /* false */
void *load_grow(void *v, size_t n, size_t *cap, size_t size, size_t max); /* NULL: at the ceiling, v stays */
struct sigma_ctx load_sigma_ctx(struct loader *l);
str load_doc_text(const struct loader *l, const struct yaml *doc); /* the document's lines */
bool load_label(struct loader *l, const struct yaml *map, const char *key, bool required, struct label *out);
bool load_text(struct loader *l, const struct yaml *map, const char *key, bool required, str *out);
bool load_regulation(struct loader *l, const struct yaml *doc);
bool load_clauses(struct loader *l, const struct yaml *doc);
bool load_control(struct loader *l, const struct yaml *doc);
bool load_sigma(struct loader *l, const struct yaml *doc);
bool load_routes(struct loader *l, const struct yaml *doc);
bool load_duty(struct loader *l, const struct yaml *doc, struct control *c);
bool load_params(struct loader *l, const struct yaml *map, struct control *c);
/* SQL text; every :name in it must be known. */
bool load_sql(struct loader *l, const struct yaml *map, const char *key, bool required, const struct control *c,
              const char *const *more, char **out, uint32_t *line);
bool resolve_rules(struct loader *l); /* names in correlations and controls */
#endif

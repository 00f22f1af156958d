/* The registry's own: records in memory, one write in progress, and what its
 * files ask of each other. A record lives in the arena of the call. */
#ifndef LUY_REGISTRY_REGISTRY_INT_H
#define LUY_REGISTRY_REGISTRY_INT_H
#include <pthread.h>
#include <stdatomic.h>
#include "registry/registry.h"
#include "registry/schema-int.h"
#include "registry/store-int.h"
#include "registry/value-int.h"
#include "vault/vault.h"

enum { CALL_ARENA = 64 << 20, SQL_MAX = 1 << 20, PARAMS_MAX = 128 };

/* Prepared once for a kind when the registry opens. */
struct kind_sql {
    char *cols, *from, *insert;
}; /* SELECT cols FROM from */
struct registry {
    struct store *st;
    const struct schema *sc;
    const struct clock *clk;
    struct kind_sql *sql;       /* beside sc->kinds */
    struct find_index *find;    /* find-int.h */
    _Atomic(struct tx *) batch; /* joined by writes of its owner alone */
    pthread_t batch_owner;
    bool batch_spoiled;
    int64_t batch_change;            /* the implicit set of the batch, 0: none yet */
    uint64_t batch_last;             /* history row that it ends with */
    const struct calendar *calendar; /* working days; NULL: only weekends are off */
};

struct ref_text {
    str key, title;
};
struct id_list {
    int64_t *id;
    struct ref_text *text;
    size_t n;
};
struct rec {
    const struct kind *k;
    int64_t id, rev, valid_from, valid_to, created_at, changed_at; /* seconds; valid_to 0 = living */
    str state, created_by, changed_by;
    struct val *v;        /* a field each; ref: id */
    struct ref_text *ref; /* beside v: what a ref names */
    struct id_list *refs; /* beside v: refs */
};

/* record.c */
int kind_sql_make(const struct registry *r, const struct kind *k, struct kind_sql *out);
size_t kind_index(const struct registry *r, const struct kind *k);
struct rec *rec_new(struct arena *a, const struct kind *k);
/* One more of a list that is read row by row into arena a: id, key, title. False: no memory. */
bool id_list_row(struct arena *a, struct id_list *l, const struct val *cols);
bool rec_from_row(struct arena *a, struct rec *rec, const struct val *cols); /* kind_sql.cols */
int rec_load_refs(struct tx *tx, const struct registry *r, struct arena *a, struct rec *rec, struct err *e);
int rec_load(struct tx *tx, const struct registry *r, struct arena *a, const struct kind *k, int64_t id,
             struct rec **out, struct err *e); /* -ENOENT */
json_t *rec_json(const struct rec *rec);
str rec_key(const struct rec *rec);
/* id: digits are an id, all else a key; the living record first, then the one
 * that ended last. 0 = none. */
int rec_find(struct tx *tx, struct arena *a, const struct kind *k, str id_or_key, bool living, int64_t *id,
             struct err *e);

int rec_find_key(struct tx *tx, struct arena *a, const struct kind *k, str key, bool living, int64_t *id,
                 struct err *e);

/* rights.c */
struct scope {
    bool all;
    int64_t unit;
    uint32_t roles; /* for fields that only some may see */
};
void fields_hide(const struct kind *k, uint32_t roles, json_t *rec);       /* takes those members away */
void rec_hide(struct rec *rec, uint32_t roles);                            /* the same before it is JSON: empty */
int scope_read(const struct actor *who, struct scope *out, struct err *e); /* -EACCES: no role */
/* Adds to sql a condition on alias `t` of kind k; parameters numbered from np on. Nothing when all is seen. */
void scope_sql(const struct registry *r, const struct scope *s, const struct kind *k, const char *alias,
               struct buf *sql, struct val *p, size_t *np);
int scope_sees(struct tx *tx, const struct registry *r, const struct scope *s, const struct kind *k, int64_t id,
               struct err *e); /* -ENOENT */
/* May `who` write records of k that are in `state` ("" = new)? -EACCES. */
int rights_write(const struct actor *who, const struct kind *k, str state, struct err *e);
/* May this one write do without an approved change set? `to` is the state after it. -EACCES. */
struct write;
int rights_approval(struct write *w, const struct kind *k, enum kind_op op, str from, str to, struct err *e);
int rights_transition(const struct actor *who, const struct kind *k, str from, str to, struct err *e);

/* input.c: what somebody wants of a record, before it is judged against it. */
enum given { GIVEN_NOT, GIVEN_CLEAR, GIVEN_VALUE, GIVEN_BAD }; /* BAD: was given and told as a mistake */
struct input_field {
    enum given given;
    struct val v;
    str *ref_key;
    int64_t *ref_id;
    size_t nrefs;
}; /* key p NULL: by id */
struct input {
    struct input_field *f;
    str state;
};
struct place {
    long row;
    const struct kind *k;
    const str *headers;
    int op;    /* of a change set, from 1; 0: no set */
    str sheet; /* of a workbook, or empty */
};             /* of a mistake: row 0 = JSON pointer; headers beside the fields */
struct known;  /* known-int.h */
struct late;
struct write {
    struct registry *r;
    struct tx *tx;
    bool joined; /* tx is a batch's */
    struct arena *a;
    const struct actor *who;
    struct scope scope;
    struct errs *es;
    uint64_t mistakes;
    struct place place;
    int64_t now;             /* ns */
    uint64_t seq, first_seq; /* of the history: now, and before this write */
    struct sha256 head;      /* of the history chain */
    bool by_change;          /* a change set's: approval and the set are looked after there */
    bool restoring;          /* what a change set wrote is undone: states may go back */
    bool stock;              /* came in past an approval, by an administrator's hand */
    int depth;               /* effects within effects */
    struct known *known;     /* of an import: what was looked up for many rows at once; or NULL */
    struct late *late;       /* of an import: questions put off; NULL: each is asked at once */
    int64_t change;          /* out: the implicit set that write_close made; 0: none */
};
/* Commits when keep, else takes back; within a batch only says so to the batch. */
int write_close(struct write *w, bool keep, struct err *e);
void write_fault(struct write *w, str field, struct err *e);
struct input *input_new(struct arena *a, const struct kind *k);
int input_from_json(struct write *w, const struct kind *k, const json_t *in, struct input **out, struct err *e);
/* A text that a spreadsheet would take for a formula; in a CSV it has an
 * apostrophe in front, which is taken off again. */
bool cell_starts_formula(str s);
int input_cell(struct write *w, const struct kind *k, size_t field, str cell, struct input *in, struct err *e);

/* write.c */
enum outcome { OUT_CREATED, OUT_CHANGED, OUT_SAME };
int write_begin(struct write *w, struct registry *r, const struct actor *who, struct arena *a, struct errs *es,
                struct err *e);
/* old NULL: create. Mistakes go to w->es; -EINVAL then. */
int write_record(struct write *w, const struct kind *k, const struct rec *old, struct input *in, struct rec **out,
                 enum outcome *how, struct err *e);
/* registry.c */
int find_visible(struct tx *tx, struct registry *r, const struct scope *s, struct arena *a, const struct kind *k,
                 str id_or_key, bool living, struct rec **out, struct err *e);
int check_rev(const struct rec *rec, int64_t rev, struct err *e); /* -ESTALE */
/* Commits what went well and hands the record out; else takes all back. */
int write_end(struct write *w, int rc, const struct rec *rec, json_t **out, struct err *e);
int check_unused(struct write *w, const struct rec *rec, struct err *e); /* -ENOTEMPTY */
int end_record(struct write *w, const struct rec *old, struct rec **out, struct err *e);
/* fields.c: the new values of a record, judged. */
int fields_judge(struct write *w, const struct kind *k, const struct rec *old, struct input *in, struct rec *fresh,
                 struct err *e);
int next_number(struct write *w, const struct kind *k, int64_t *out, struct err *e);
/* n: what {n} is; 0: the next number. */
int template_fill(struct write *w, const struct kind *k, str t, const struct rec *rec, int64_t n, str *out,
                  struct err *e);
/* life_attach.c: of life_judge. */
int life_attach(struct write *w, const struct transition *t, const struct rec *fresh, struct err *e);
/* lifecycle.c: what a step asks for and does. `t` NULL: no step. */
const struct transition *life_step(const struct rec *old, str to);
int life_sets(struct write *w, const struct transition *t, const struct rec *old, struct input *in, struct err *e);
int life_judge(struct write *w, const struct transition *t, const struct input *in, const struct rec *fresh,
               struct err *e);
/* After the row is written: the invariants that SQL tells, then the effects. */
int life_after(struct write *w, const struct transition *t, const struct rec *old, const struct rec *fresh,
               struct err *e);
/* life_open.c: what a step leaves to be seen to; t NULL: the state came otherwise. */
int life_open_table(struct tx *tx, struct err *e);
int life_open_step(struct write *w, const struct transition *t, const struct rec *fresh, struct err *e);
int life_open_ended(struct write *w, const struct rec *rec, struct err *e);
/* lifecycle_rules.c */
int rules_judge(struct write *w, const struct transition *t, const struct rec *old, const struct rec *fresh,
                struct err *e);
/* Parses each invariant's SQL as a reader may run it; the tables are there. */
int rules_check(struct registry *r, struct err *e);
/* " (TU-13.4, TW-4.5)" or nothing. */
str clauses_text(struct arena *a, const str *clauses, size_t n);
/* checklist.c: are the answers whole, and does the verdict fit them? */
int checklist_judge(struct write *w, const struct input *in, const struct rec *fresh, size_t field, struct err *e);
/* invariants.c */
int invariants_judge(struct write *w, const struct rec *old, const struct input *in, const struct rec *fresh,
                     struct err *e);
/* Of an import, once the row is written: what is told when its group is done. */
int invariants_late(struct write *w, const struct rec *fresh, struct err *e);

/* addr.c, addr_keep.c: prefixes and addresses beyond what the schema says. written: old
 * NULL made, fresh NULL ended. */
int addr_judge(struct write *w, const struct rec *fresh, struct err *e);
int addr_written(struct write *w, const struct rec *old, const struct rec *fresh, struct err *e);

/* past.c: which record had a key by then (kind, key, time); past_test.c sees that an index answers it. */
#define PAST_KEY_SQL                                                                                                   \
    "SELECT record_id FROM history WHERE kind = ?1 AND record_key = ?2 AND at <= ?3 ORDER BY seq DESC LIMIT 1"
/* history.c */
int history_head(struct tx *tx, uint64_t *seq, struct sha256 *head, struct err *e);
struct history_of {
    str kind;
    int64_t id;
    str key;
    int64_t rev;
};
int history_put(struct write *w, const struct history_of *of, const char *op, const json_t *before, const json_t *after,
                struct err *e);
/* personal.c: *out is what the history may hold (a new reference); and back again, in place. */
int personal_hide(struct write *w, const struct kind *k, const struct history_of *of, const json_t *doc, json_t **out,
                  struct err *e);
int personal_show(const struct registry *r, struct tx *tx, struct arena *a, const struct kind *k, int64_t record,
                  json_t *doc, struct err *e);
/* Do the values behind a row's document still have their digests? */
int personal_check(struct tx *tx, str doc, bool *fits, struct err *e);
int history_add(struct write *w, const struct rec *rec, const char *op, const json_t *before, const json_t *after,
                struct err *e);
/* What differs between the two, as a pair of objects with only those members. */
void history_diff(const struct rec *old, const struct rec *fresh, json_t **before, json_t **after);

/* plan.c, filter.c, search.c: a list query as SQL. The last column of a row is the value
 * it is ordered by. */
struct plan {
    struct tx *tx;
    const struct registry *r;
    const struct kind *k;
    struct arena *a;
    struct buf where; /* conditions on t, the cursor's not among them */
    struct val p[PARAMS_MAX];
    size_t np;
    char order[2 * COL_MAX];
    bool desc, by_key;          /* expression */
    bool ended;                 /* also those that ended */
    bool few;                   /* one of the conditions leaves few, by an index */
    uint32_t roles;             /* whose list it is */
    char join[3 * COL_MAX];     /* of the record that the order is by, or empty */
    const struct field *by_ref; /* that reference, or NULL */
    bool walk;                  /* most records will be met */
};
struct column {
    const struct field *f;
    char sql[COL_MAX + 8], sort[2 * COL_MAX];
};
/* A field or a system member by its name in JSON; false when there is none. */
bool column_find(const struct kind *k, str name, struct column *out);
int filter_add(struct plan *p, str field, str op, str value, struct err *e);
int search_add(struct plan *p, str q, struct err *e);
int search_words(struct plan *p, const str *words, size_t n, struct err *e); /* folded words */
size_t plan_param(struct plan *p, struct val v);                             /* its number */
int plan_few(struct plan *p, const char *head, const char *rest, bool *few, struct err *e);
int plan_make(struct plan *p, const struct scope *s, const struct list_query *q, struct err *e);
void plan_done(struct plan *p);
/* limit 0: all rows. cursor empty: from the start. */
int plan_rows(struct plan *p, const struct list_query *q, size_t limit, row_fn *fn, void *ctx, struct err *e);
int plan_count(struct plan *p, int64_t *n, struct err *e);
/* The expression that an index on the living records is made of. */
void order_expr(const struct kind *k, const struct field *f, const char *alias, char out[2 * COL_MAX]);
bool order_allowed(const struct kind *k, const struct field *f);

/* migrate.c */
int migrate(struct registry *r, struct err *e);
/* text.c: the texts kept beside a record for search and order. */
str rec_folded(struct arena *a, const struct rec *rec);
str rec_title_sort(struct arena *a, const struct rec *rec);

const struct kind *kind_want(const struct registry *r, str name, struct err *e); /* -ENOENT */
#endif

/* The registry: what the network is declared to be. Records are JSON objects
 * at this edge: system members "id" (int), "kind", "state", "rev", "valid_from",
 * "valid_to", "created_at", "created_by", "changed_at", "changed_by" and one
 * member a field. A ref is {"id", "key", "title"} on the way out and an id or a
 * natural key on the way in. Times are RFC 3339 text, dates YYYY-MM-DD.
 *
 * SQL tables carry the kind's name; columns: id INTEGER, rev, state, valid_from,
 * valid_to, created_at, created_by, changed_at, changed_by, and one column a
 * field: ref -> <field>_id INTEGER, date -> TEXT YYYY-MM-DD, time -> INTEGER
 * seconds since 1970, bool -> 0/1, duration -> TEXT, ip -> TEXT plus
 * <field>_bin, level/int -> INTEGER, refs -> table <kind>_<field>(id, ref_id).
 * A living record has valid_to IS NULL.
 *
 * A field may be called "kind" (network, media, ...): it stands in the place of
 * the system member then. "key" and "title" repeat the two naming fields. A key
 * is never digits alone, so that "15" is an id wherever both may stand.
 *
 * Thread-safe. Every write is one transaction together with its history row. */
#ifndef LUY_REGISTRY_REGISTRY_H
#define LUY_REGISTRY_REGISTRY_H
#include "base/clock.h"
#include "base/buf.h"
#include "registry/schema.h"
#include "registry/store.h"

enum role {
    ROLE_ADMIN = 1,
    ROLE_OPERATOR = 2,
    ROLE_APPROVER = 4,
    ROLE_UNIT_OFFICER = 8,
    ROLE_AUDITOR = 16,
    ROLE_SYSTEM = 32
}; /* SYSTEM: Lũy itself (packs, judge) */
struct actor {
    str name;           /* account name, for history */
    int64_t account_id; /* 0 = the system */
    uint32_t roles;
    int64_t unit_id; /* unit_officer: sees this unit's subtree, with 0 no unit; others see all */
    str reason;      /* why, may be empty */
};
bool role_parse(str s, uint32_t *bit);
const char *role_name(uint32_t bit);

/* The roles that may write records of a kind at all; all bits where no more is
 * said than what the calls below say. */
uint32_t registry_writers(str kind);
/* The roles that some step of its life cycle names, beyond those that write records:
 * an approver, an auditor. Such a one may take that step and change nothing else. */
uint32_t registry_steppers(const struct kind *k);

struct registry;
struct calendar;
/* Opens or makes the database, brings tables up to the schema (adds tables and
 * columns; refuses a change that would lose data with the row in the way). */
int registry_open(struct store *st, const struct schema *sc, const struct clock *clk, struct registry **out,
                  struct err *e);
/* A dry run of the change that registry_open would make to an open store's tables
 * for schema `sc`: each step to `said`, everything that stands in the way to
 * `refused`. Reads only. 0: it would go through; -EEXIST: it would be refused. */
enum migration_step {
    MIG_KIND_NEW,
    MIG_KIND_GONE,
    MIG_KIND_CHANGED, /* rows: records whose search text is written anew */
    MIG_FIELD_NEW,
    MIG_FIELD_GONE,
    MIG_FIELD_RETYPED, /* an empty column of another type */
    MIG_FIELD_CHANGED, /* label, bounds, values, rights */
    MIG_FILL,          /* rows: records that get the default */
    MIG_STEPS
};
struct migration {
    enum migration_step step;
    str kind, field;
    int64_t rows;
};
typedef void migration_said(void *ctx, const struct migration *m);
int registry_migration(struct store *st, const struct schema *sc, const struct clock *clk, migration_said *said,
                       void *ctx, struct errs *refused, struct err *e);
/* Holidays, for notice in working days; before the first write. Not owned. */
void registry_use_calendar(struct registry *r, const struct calendar *c);
void registry_close(struct registry *r); /* not the store, not the schema */
const struct schema *registry_schema(const struct registry *r);
struct store *registry_store(struct registry *r);

/* Rights: admin and operator write all; approver and auditor read all;
 * unit_officer reads and proposes within the own subtree. -EACCES otherwise;
 * what an actor may not see is -ENOENT. Field mistakes all go to es
 * (at = JSON pointer "/fields/serial"), return -EINVAL. *out: caller owns. */
int registry_create(struct registry *r, const struct actor *who, str kind, const json_t *in, json_t **out,
                    struct errs *es, struct err *e);
int registry_get(struct registry *r, const struct actor *who, str kind, str id_or_key, json_t **out, struct err *e);
struct list_query {
    struct {
        str field, op, value;
    } filter[16];
    size_t nfilters; /* ops: eq ne ic(contains) lt le gt ge in under null */
    str q;           /* folded text over key, title and text fields */
    str order;       /* "-changed_at" */
    str cursor;
    size_t limit; /* default 50, max 1000 */
    bool ended;   /* also records that ended */
    bool count;   /* fill "total" */
};
/* {"items": [...], "next": "cursor" or null, "total": n} */
int registry_list(struct registry *r, const struct actor *who, str kind, const struct list_query *q, json_t **out,
                  struct err *e);
/* The record as it was at that time (ns), by its key of now or of then; -ENOENT
 * with registry.not_then when it did not exist yet. References carry the titles
 * that they had when they were written. */
int registry_get_at(struct registry *r, const struct actor *who, str kind, str id_or_key, int64_t at_ns, json_t **out,
                    struct err *e);
/* The list as it was: ordered by id, filters eq and ne, q over key and title. */
int registry_list_at(struct registry *r, const struct actor *who, str kind, const struct list_query *q, int64_t at_ns,
                     json_t **out, struct err *e);
/* rev must be the record's: -ESTALE with the current one as {1}. "state" in the
 * patch is a transition and must be one of the kind's. null clears a field. */
int registry_change(struct registry *r, const struct actor *who, str kind, str id_or_key, int64_t rev,
                    const json_t *patch, json_t **out, struct errs *es, struct err *e);
int registry_end(struct registry *r, const struct actor *who, str kind, str id_or_key, int64_t rev, json_t **out,
                 struct err *e); /* -ENOTEMPTY while living records refer to it */
/* [{"seq","at","by","reason","op","rev","before","after","hash"}], newest first,
 * at most 1000. A create has the whole record in "after"; else both hold what changed. */
int registry_history(struct registry *r, const struct actor *who, str kind, str id_or_key, json_t **out, struct err *e);
/* Walks the hash chain over all history: sha256(prev || canonical row).
 * *bad_seq = 0 when whole, else the first row that does not fit. */
int registry_verify(struct registry *r, uint64_t *rows, uint64_t *bad_seq, struct err *e);
/* Number and hash (hex) of the newest row: signed from time to time, it proves
 * that nothing was cut off at the end. seq 0: no history yet. */
int registry_head(struct registry *r, uint64_t *seq, char hash[65], struct err *e);

/* Hash (hex) of row seq; -ENOENT when there is no such row. */
int registry_hash_at(struct registry *r, uint64_t seq, char hash[65], struct err *e);

/* All or nothing over several writes: from begin to end the writes of this
 * thread join one transaction; other writers wait. A write that fails spoils
 * the batch: end(keep) then gives -ECANCELED and everything is taken back.
 * Reads see the state before the batch. */
int registry_batch_begin(struct registry *r, struct err *e);
int registry_batch_end(struct registry *r, bool keep, struct err *e);
struct tx *registry_batch_tx(struct registry *r); /* for tables of others in the same transaction */

/* CSV: header = field names, dotted name for a reference's key (unit.code);
 * key present = update, absent = create; empty = leave, "null" = clear. Every
 * row is judged first; with any mistake nothing is written. at = "row 7, column serial".
 * *out {"created","updated","unchanged","rows"} */
int registry_import_csv(struct registry *r, const struct actor *who, str kind, str csv, bool dry_run, json_t **out,
                        struct errs *es, struct err *e);
int registry_export_csv(struct registry *r, const struct actor *who, str kind, const struct list_query *q,
                        struct buf *out, struct err *e);
/* {"device": {"total": 600, "by_state": {...}}, ...} for what the actor may see */
int registry_counts(struct registry *r, const struct actor *who, json_t **out, struct err *e);
#endif

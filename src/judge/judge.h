/* The judge: packs, state checks, event rules, duties, findings.
 *
 * judge_events runs on the pipeline thread for every batch; everything else
 * from any thread. Findings live in the store's tables finding, finding_event
 * and finding_history; duties in duty_run; results of checks in check_result;
 * who was heard when in source_seen. */
#ifndef LUY_JUDGE_JUDGE_H
#define LUY_JUDGE_JUDGE_H
#include "base/calendar.h"
#include "base/clock.h"
#include "intake/event.h"
#include "registry/registry.h"

struct judge_cfg {
    const char *packs_dir;
    const struct calendar *calendar;
    int check_seconds;  /* state checks run this often, default 300 */
    int sql_timeout_ms; /* a state check, default 5000 */
    int effect_ms;      /* the checks of one judge_effect, default 4000 */
    bool shared;        /* other programs use the store too: judges only from judge_lead on */
};
struct judge;
/* The judge's tables in a store that is only filled, not used (registry/move.h). */
int judge_tables(struct store *st, struct err *e);
/* Reads every pack; every mistake of every file goes to es and then -EINVAL.
 * store may be NULL: only judged, not kept (luyd --check-config). */
int judge_open(const struct judge_cfg *cfg, struct registry *r, const struct clock *clk, struct judge **out,
               struct errs *es, struct err *e);
void judge_close(struct judge *j);
/* Reads the packs again; on any mistake the old ones stay. */
int judge_reload(struct judge *j, struct errs *es, struct err *e);

/* With cfg.shared: begins to judge, from what the store says now, or ends it.
 * Any thread. On failure it does not lead. */
int judge_lead(struct judge *j, bool lead, struct err *e);
bool judge_leads(struct judge *j);

/* Called with what changed so that the api can stream it: what is "finding",
 * the state within says whether it is new, counted on, marked or closed. On the
 * thread that brought it about, without the judge's locks; after
 * judge_listen(j, NULL, NULL) returns, nobody is in the old listener. */
typedef void judge_listener(void *ctx, const char *what, const json_t *finding);
void judge_listen(struct judge *j, judge_listener *fn, void *ctx);

/* Event rules over a batch as it was given to the journal; first is the number of its first event.
 * Negative when findings could not be written: they are kept, counted on, and
 * written with the next batch or tick. Events that were counted before a restart
 * and come again are passed over. */
int judge_events(struct judge *j, str wire, uint64_t first_seq, struct err *e);
/* Events that came by a relay, whenever it received them: judged as this luyd's own are, in the
 * order of the relay's numbers, each once. Where it stands is written in one transaction with what
 * was found, soon after, so that a crash neither loses nor repeats one; windows in memory end with a crash, as
 * those of own events do. A finding says by which relay its newest line came and when it was
 * received there. Any thread; for one relay one at a time. -EROFS on a follower: nothing was judged.
 * Another error: perhaps it was, and could only not be written yet; judge_relay_next tells. */
struct judge_relayed {
    str relay, anchor; /* its name, and the anchor of its ledger: another anchor is another past */
    str wire;          /* event_batch wire form */
    uint64_t first;    /* the relay's number of the first event */
    uint64_t number;   /* its number here */
};
int judge_relayed(struct judge *j, const struct judge_relayed *b, struct err *e);
/* The relay's number behind the last event that was judged. A relay of which nothing is known
 * yet begins at `begin`, and that is durable when this returns 0. */
int judge_relay_next(struct judge *j, str relay, str anchor, uint64_t begin, uint64_t *next, struct err *e);
/* Windows that end by time, silent sources, due state checks and duties.
 * *due_mono_ns: when to call again. State checks run here, on this thread, one
 * a call, so that it should not be the pipeline's. */
int judge_tick(struct judge *j, int64_t *due_mono_ns, struct err *e);
/* -EROFS on a follower. */
int judge_check_now(struct judge *j, str control_or_empty, struct err *e);

/* Views for the api, limited to what the actor may see; shapes in docs/api.md. */
int judge_today(struct judge *j, const struct actor *who, json_t **out, struct err *e);
/* state: open, acknowledged, in_remedy, closed; "living" is all but closed; empty
 * is all. clause and unit take in what lies below them. Newest first. */
struct finding_query {
    str state, control, clause, unit, severity, q, cursor;
    str subject_kind; /* with subject_id: of this record alone */
    int64_t subject_id;
    size_t limit;
};
int judge_findings(struct judge *j, const struct actor *who, const struct finding_query *q, json_t **out,
                   struct err *e);
int judge_finding(struct judge *j, const struct actor *who, int64_t id, json_t **out, struct err *e);
/* open -> acknowledged -> in_remedy; closed only by the check (-EBUSY). note goes
 * to the history. admin, operator, approver; else -EACCES. */
int judge_finding_mark(struct judge *j, const struct actor *who, int64_t id, str state, str note, json_t **out,
                       struct err *e);
int judge_clauses(struct judge *j, const struct actor *who, json_t **out, struct err *e);
int judge_clause(struct judge *j, const struct actor *who, str id, json_t **out, struct err *e);
int judge_controls(struct judge *j, const struct actor *who, json_t **out, struct err *e);
int judge_duties(struct judge *j, const struct actor *who, json_t **out, struct err *e);
/* duty is "<control>", or "<control>@<unit code>" for one that every unit owes.
 * admin and operator; a unit_officer for units of the own subtree. */
int judge_duty_done(struct judge *j, const struct actor *who, str duty, str period, str note, json_t **out,
                    struct err *e);
/* What state checks would say after a change that `tx` made and that is not stored
 * yet, against what they say now: findings that would open, and close. Runs those
 * that read one of the tables (NULL-ended), before and after, and writes nothing;
 * one that fails or comes too late is told by name. Only in a transaction that
 * holds the writer's lock. Negative only when the transaction is lost. */
int judge_effect(struct judge *j, const struct actor *who, struct tx *tx, const char *const *tables, json_t **out,
                 struct err *e);
int judge_sources(struct judge *j, const struct actor *who, json_t **out, struct err *e);
struct judge_stats {
    uint64_t events, matched, findings_open, rules, checks, duties, groups, evicted;
    bool leads;
};
void judge_stats(struct judge *j, struct judge_stats *out);
#endif

/* The judge inside. Locks, taken in this order:
 *   ev  the engine: rules, windows, sources; held for a batch of events
 *   fl  open findings and their writing
 *   ps  the pack set and the results of checks; held briefly
 * `telling` comes before all of them and is held while the listener is called,
 * with none of the others. No lock is held while a state check's SQL runs. */
#ifndef LUY_JUDGE_JUDGE_INT_H
#define LUY_JUDGE_JUDGE_INT_H
#include "judge/judge.h"
#include "judge/pack.h"
#include <pthread.h>

enum {
    EVIDENCE_KEEP = 50,
    OPEN_MAX = 100000,
    OPEN_PER_CONTROL = 5000,
    FLUSH_MS = 200,
    LINE_KEEP = 2048,
    DATA_KEEP = 16384,
    SUBJECT_MAX = 200,
    CHECK_ROWS_MAX = 20000,
    SOURCES_MAX = 65536,
    DECLARED_MAX = 50000
};

/* With the number of an event that Lũy itself made; a sender cannot set it. */
#define SEQ_OWN (1ULL << 63)

/* ---- findings ---- */

struct evidence {
    int64_t at, received;
    uint64_t seq;
    char *text;
    uint32_t n;
    uint16_t stream;
    bool json;
};            /* json: data of a state row */
struct live { /* an open finding */
    int64_t id;
    char *key;                   /* control, kind and subject: the one-open rule */
    str control, kind, subject;  /* slices of key */
    int64_t subject_id, unit_id; /* 0: none */
    char *subject_key, *subject_title, *unit_key, *unit_title;
    char *message[2]; /* by enum lang */
    char state[16];
    uint64_t count, told;             /* told: the count last written */
    int64_t first_at, last_at, heard; /* heard: receipt of the last event, or the last check */
    struct evidence *ev;              /* room for EVIDENCE_KEEP while some wait to be written */
    uint32_t nev, ev_total;           /* waiting; written so far */
    bool fresh, dirty;
    uint64_t run;        /* state check: the run that last saw it */
    char *host, *source; /* event: where from, for the unit */
    char *last_line;
    uint32_t last_n;
    int64_t last_received;
    uint64_t last_seq;
    uint16_t last_stream;
};
struct live_ref {
    int64_t id;
    struct live *l;
};
struct findings {
    struct map open;        /* key -> struct live* */
    struct map per_control; /* open findings by control */
    int64_t next_id;
    size_t dirty, fresh;
    int64_t flushed_mono;
    uint64_t run, refused;
    json_t *tell; /* waiting for the listener */
};
struct hit { /* an event control was matched */
    const struct control *c;
    str subject, host, source;
    uint64_t count;
    int64_t at, heard; /* heard: when it came here */
    const struct corr_event *ev;
    size_t nev;
};
struct offender { /* a row of a state check, or a late duty */
    str kind;
    int64_t id;
    str key, shown, title; /* key: what names it in open_key; shown: its natural key */
    int64_t unit_id;
    str data; /* JSON object */
    str message[2];
};
int findings_open(struct judge *j, struct err *e);
void findings_done(struct findings *fi);
void finding_hit(struct judge *j, const struct hit *h);                                             /* fl held */
bool finding_is_open(struct judge *j, const struct control *c, str subject);                        /* fl held */
void finding_seen(struct judge *j, const struct control *c, const struct offender *o, int64_t now); /* fl held */
/* Closes those of a control that run did not see, but for the ids in keep. */
int findings_settle(struct judge *j, const struct control *c, uint64_t run, const int64_t *keep, size_t nkeep,
                    int64_t now, struct err *e);                                /* fl held */
int findings_flush(struct judge *j, bool all, struct err *e);                   /* fl held */
int findings_quiet(struct judge *j, int64_t now, struct err *e);                /* fl held: closes event findings */
int findings_orphans(struct judge *j, const struct packset *ps, struct err *e); /* fl held */
struct live *finding_by_id(struct judge *j, int64_t id);                        /* fl held */
json_t *live_json(struct judge *j, const struct live *l, const char *state, int64_t closed_at);
void findings_tell(struct judge *j);                      /* no lock held */
void finding_will_tell(struct judge *j, json_t *finding); /* steals; fl held */

/* finding_store.c: the tables */
int finding_tables(struct tx *tx, struct err *e);
int finding_load(struct judge *j, struct err *e);
int finding_write(struct judge *j, struct tx *tx, struct live *l, struct err *e);
int finding_write_closed(struct judge *j, struct tx *tx, const struct live *l, int64_t at, const char *note_key,
                         struct err *e);
int finding_write_history(struct tx *tx, int64_t id, int64_t at, str by, const char *state, str note, struct err *e);
void live_free(struct live *l);
void live_drop(struct judge *j, struct live *l);
void live_evidence_done(struct live *l);
void live_text(char **to, str s); /* replaces an owned text */

/* ---- the engine: rules over events ---- */

struct uses {
    int *controls;
    size_t ncontrols;
    struct corr_use {
        int corr, ref;
    } * corrs;
    size_t ncorrs;
};
struct pending {
    struct corr_in *v;
    size_t n, cap;
    struct arena a;
    uint64_t dropped;
};
struct engine {
    struct judge *j;
    struct packset *ps;
    struct fields f, again; /* again: a kept line decoded once more; under fl */
    struct sigma_run run;
    struct decode_run dec, dec_again;
    struct correlator *cor;
    struct uses *rule_uses, *corr_uses;
    struct arena a, own, own_again;
    struct pending pend;
    uint64_t stamp;
    uint32_t times;  /* the event at hand stands for so many */
    uint16_t stream; /* of the batch at hand; 0: this luyd's own intake */
    int64_t heard;   /* when that batch came here; 0 with stream 0 */
    int via_relay;   /* the field of this name, when a rule asks for it */
    str last_program;
    const struct route *last_route;
    char last_program_buf[64];
};
int engine_new(struct judge *j, struct packset *ps, struct engine **out, struct err *e);
void engine_free(struct engine *en);
bool engine_uses(struct engine *en);                                        /* fills rule_uses and corr_uses */
void engine_event(struct engine *en, const struct event *ev, uint64_t seq); /* ev held */
void engine_batch_end(struct engine *en);
/* Fields of an event as rules see them. */
void engine_decode(struct packset *ps, const struct event *ev, str program, const struct route *route, struct fields *f,
                   struct decode_run *dec, struct arena *own, uint32_t *times);
/* A kept line decoded once more, into en->again; fl held. */
void engine_again(struct engine *en, const struct corr_event *ev, str key, int corr);

/* ---- relays ---- */

struct stream {             /* number n is streams.v[n - 1]; never removed, so that a number stays good */
    char name[64], key[96]; /* key: of judge_meta */
    uint64_t next;          /* the relay's number behind the last event that was judged */
    bool known, unsaved;    /* next is read; and further than the store knows */
};
struct streams {
    struct stream *v;
    size_t n, cap;
    bool half; /* a batch is in hand: what it finds is written with its position, not before */
};
const char *stream_name(const struct judge *j, uint16_t stream); /* NULL for 0; ev or fl held */
bool streams_unsaved(const struct judge *j);                     /* fl held */
int streams_save(struct judge *j, struct tx *tx, struct err *e); /* fl held */
void streams_saved(struct judge *j);                             /* fl held: the transaction is committed */
void streams_forget(struct judge *j);                            /* ev and fl held: all are read again */

/* ---- sources ---- */

struct source_entry {
    struct ip ip;
    char host[128];
    char addr[48];
    int64_t first_at, last_at, jump_at;
    uint64_t events;
    uint32_t hours[24];
    int64_t hour; /* counts by hour, and the hour of the newest */
    bool dirty;
};
struct declared { /* a log_source record */
    int64_t id, unit_id, every_s, created_s, last_at, told_at;
    str name, host, addr, every;
    bool silent;
    int64_t since;
    uint64_t events_24h;
};
struct sources {
    struct map seen;           /* address and host -> struct source_entry* */
    struct source_entry *last; /* of the previous event */
    struct arena a;            /* declared */
    struct declared *decl;
    size_t ndecl;
    struct map by_host, by_addr; /* -> index of decl */
    int64_t started, loaded_mono, saved_mono, judged_mono;
    size_t hand; /* where eviction looks next */
    uint64_t evicted;
};
int sources_open(struct judge *j, struct err *e);
void sources_close(struct judge *j);
void source_seen(struct engine *en, const struct event *ev);                 /* ev held */
int sources_tick(struct judge *j, int64_t now, int64_t mono, struct err *e); /* ev held */
int64_t source_unit(struct judge *j, str host, str addr);                    /* 0: not known; ev held */
int source_table(struct tx *tx, struct err *e);
int declared_load(struct judge *j, struct err *e);
void declared_done(struct sources *so);
struct declared *declared_of(struct sources *so, str host, str addr);
void sources_judge(struct judge *j, int64_t now); /* silence; ev held */
uint64_t source_events_24h(const struct source_entry *s, int64_t now);

/* Lũy's own event, judged at once; not journalled here. ev held. */
void own_event(struct engine *en, const char *name, const char *const *keys, const str *values, size_t n);

/* ---- checks ---- */

enum check_state { CS_UNKNOWN, CS_PASS, CS_FAIL, CS_NA };
extern const char *const check_state_names[];
struct result {
    enum check_state state;
    uint64_t offenders, unknowns;
    int64_t checked_at, ms, due_mono;
    char error[600]; /* both languages: vi, NUL, en */
    size_t error_en;
};
int check_table(struct tx *tx, struct err *e);
int checks_load(struct judge *j, struct err *e);
struct result *result_of(struct judge *j, str control, bool make); /* ps held */
int state_check(struct judge *j, struct packset *ps, const struct control *c, struct err *e);
/* The SQL of every control against the store, without running it. */
void checks_verify(struct judge *j, struct packset *ps, struct errs *es);
void check_params(struct judge *j, const struct control *c, struct named_val *v, size_t *n, char today[16]);
struct foreign_query check_query(struct judge *j, const char *sql, const struct named_val *v, size_t n);
void result_error(struct result *r, const struct err *e);
void result_put(struct judge *j, const struct control *c, struct result *fresh);
int result_write(struct judge *j, const struct control *c, const struct result *r, struct err *e);
/* check_rows.c: one run of a state check's SQL. */
struct check_row {
    int64_t id, unit_id;
    bool has_unit, unknown; /* unknown: the evidence is missing or too old */
    str data, key, title, shown;
    str *names, *values;
    size_t n;
};
struct check_run {
    struct judge *j;
    const struct control *c;
    struct tx *tx; /* the state it runs over; NULL: what is stored */
    bool bare;     /* ids, units and ages alone, for a comparison */
    int timeout_ms;
    struct arena a;
    struct check_row *v;
    size_t n, cap;
    int64_t stale_before; /* seconds; seen_at older than this is no evidence */
    const char *fault;    /* key of what is wrong with the rows */
    bool applies;
};
void check_run_init(struct check_run *r, struct judge *j, const struct control *c);
int check_run_sql(struct check_run *r, struct err *e);
/* Key, title and unit of the rows that are there. */
int check_run_names(struct check_run *r, struct err *e);
void check_run_done(struct check_run *r);
enum { CHECK_PARAMS = 40 };
/* lead.c: -EROFS when another leads by now */
int term_check(struct judge *j, struct tx *tx, struct err *e);
int follow_tick(struct judge *j, int64_t *due, struct err *e);
int check_tables_make(struct judge *j, struct err *e);

/* ---- duties ---- */

struct duty_unit {
    int64_t id;
    str key, title;
}; /* id 0: nobody in particular */
struct duty_units {
    struct arena a;
    struct duty_unit *v;
    size_t n, cap;
};                 /* who owes a duty, as last asked */
struct duty_item { /* an obligation of one period, of one unit or of all */
    const struct control *c;
    struct duty_unit unit;
    struct duty_period p;
    enum duty_state state;
    int64_t done_at;
    str done_by, note;
};
struct duty_list {
    struct arena a;
    struct duty_item *v;
    size_t n, cap;
    struct packset *ps;
};
int duty_table(struct tx *tx, struct err *e);
/* As last asked; NULL: not yet. The caller's to free. */
struct duty_units *duty_units_copy(struct judge *j, const struct control *c);
/* The periods that count today, the one that runs last. */
size_t duty_periods(struct judge *j, struct tx *tx, const struct control *c, struct duty_period p[2]);
/* Every obligation of now, or those of one control; read in tx (NULL: in one of its own). */
int duties_list(struct judge *j, struct packset *ps, const struct control *only, struct tx *tx, struct duty_list *out,
                struct err *e);
void duty_list_done(struct duty_list *l);
int duty_check(struct judge *j, struct packset *ps, const struct control *c, struct err *e);
int duty_settle(struct judge *j, struct packset *ps, const struct control *c, struct result *res, struct err *e);
void duty_units_free(struct duty_units *u);
json_t *duty_item_json(const struct duty_item *d, int64_t today);

/* ---- the whole ---- */

struct judge {
    struct judge_cfg cfg;
    char *packs_dir;
    struct registry *reg;
    struct store *st;
    const struct clock *clk;
    pthread_mutex_t ev, fl, ps_lock;
    struct packset *ps;
    struct engine *en;
    struct findings fi;
    struct streams streams; /* changed under ev and fl */
    struct sources so;
    struct map results;    /* control id -> struct result* */
    struct map duty_units; /* control id -> struct duty_units*; under ps_lock */
    pthread_mutex_t telling;
    judge_listener *listen;
    void *listen_ctx;
    bool heard;                /* somebody listens; under fl */
    _Atomic uint64_t last_seq; /* written under ev, also read by a flush */
    _Atomic int64_t last_received;
    uint64_t events, matched, checks_run;
    int64_t opened_at, now;
    atomic_bool leads;
    int64_t term, refreshed_mono, followed; /* followed: the count of writes that was read last */
    struct arena table_names;
    const char *const *tables; /* that checks may read; NULL-ended */
};
struct packset *judge_packs(struct judge *j); /* a reference; packset_unref */
/* meta: small numbers that outlive a restart */
int meta_get(struct judge *j, struct tx *tx, const char *key, int64_t *out, struct err *e);
int meta_put(struct tx *tx, const char *key, int64_t v, struct err *e);
int pack_sync(struct judge *j, struct packset *ps, struct err *e);

/* text */
typedef bool message_look(void *ctx, str name, str *out);
str message_fill(struct arena *a, str tmpl, message_look *fn, void *ctx);
str text_safe(struct arena *a, str s, size_t max); /* UTF-8 without control characters, cut */
json_t *label_json(struct label l);
json_t *time_json(int64_t ns); /* null for 0 */
json_t *text_json(const char *z);
json_t *severity_json(enum severity s);
char *str_dup(str s); /* NULL when memory ends */

/* ---- views ---- */

struct sight {
    bool all;
    struct map units;
}; /* what an actor may see */
int sight_of(struct judge *j, struct tx *tx, const struct actor *who, struct sight *out, struct err *e);
void sight_done(struct sight *s);
bool sight_has(struct sight *s, int64_t unit_id);
enum { SEE_READ = ROLE_ADMIN | ROLE_OPERATOR | ROLE_APPROVER | ROLE_AUDITOR | ROLE_SYSTEM };
int view_begin(struct judge *j, const struct actor *who, struct tx **tx, struct sight *s, struct err *e);
void view_end(struct tx *tx, struct sight *s);
json_t *unit_json(int64_t id, str key, str title); /* null for 0 */
int findings_items(struct judge *j, struct tx *tx, struct sight *s, const struct actor *who,
                   const struct finding_query *q, json_t **out, struct err *e);
json_t *control_json(struct judge *j, struct packset *ps, struct tx *tx, const struct control *c);
enum check_state control_state(struct judge *j, struct packset *ps, const struct control *c,
                               struct map *open_by_control);
int open_by_control(struct judge *j, struct tx *tx, struct sight *s, const struct actor *who, struct map *out,
                    struct err *e);
int sources_items(struct judge *j, struct tx *tx, struct sight *s, json_t **out, struct err *e);
int duties_items(struct judge *j, struct tx *tx, struct sight *s, str clause, json_t **out, struct err *e);
#endif

/* Writing findings and telling of them. A flush is one transaction; memory
 * counts as written only when it is committed. Under judge.fl; findings_tell
 * alone is called without a lock. */
#include "judge/judge-int.h"
#include "base/json.h"
#include "base/log.h"
#include "base/msg.h"
#include <errno.h>

/* ---- the sentence of an event finding ---- */

struct look {
    struct judge *j;
    const struct live *l;
    char count[24];
};

static bool look_event(void *ctx, str name, str *out)
{
    struct look *k = ctx;
    struct fields *f = &k->j->en->again;

    if (str_eq(name, STR("count"))) {
        *out = str_c(k->count);
        return true;
    }
    if (str_eq(name, STR("subject"))) {
        *out = str_c(k->l->subject_title);
        return true;
    }
    return fields_get(f, names_find((struct names *)f->names, name), out);
}

/* A line that came by a relay may be days old: the sentence says by which, and since when it was there. */
static str with_relay(const struct look *k, struct arena *a, enum lang lang, str sentence)
{
    const char *name = stream_name(k->j, k->l->last_stream);
    char at[40], by[300];

    if (name == NULL || sentence.p == NULL)
        return sentence;
    time_fmt(k->l->last_received, 0, at, sizeof(at));
    msg_fmt(by, sizeof(by), lang, "judge.by_relay", (const char *const[]){name, at}, 2);
    return arena_fmt(a, "%.*s %s", STR_ARGS(sentence), by);
}

/* The sentence, from the newest line and the count as it stands now. */
static void render_event(struct judge *j, struct live *l)
{
    const struct control *c = packset_control(j->en->ps, l->control);
    struct arena a = arena_init(256 * 1024);
    struct look k = {.j = j, .l = l};
    int subject;

    if (c == NULL || c->kind != CK_EVENT) {
        arena_free(&a);
        return;
    }
    snprintf(k.count, sizeof(k.count), "%llu", (unsigned long long)l->count);
    const struct corr_event last = {
        l->last_at, l->last_received, l->last_seq, {l->last_line, l->last_n}, l->last_stream};
    engine_again(j->en, &last, STR_NONE, -1);
    subject = c->event.subject_field;
    if (l->subject_key != NULL && strcmp(l->subject_key, "*") != 0)
        fields_put(&j->en->again, subject, str_c(l->subject_key));
    live_text(&l->message[LANG_VI], with_relay(&k, &a, LANG_VI, message_fill(&a, c->message.vi, look_event, &k)));
    live_text(&l->message[LANG_EN], with_relay(&k, &a, LANG_EN, message_fill(&a, c->message.en, look_event, &k)));
    arena_free(&a);
}

/* ---- writing ---- */

struct unit_named {
    struct arena *a;
    str key, title;
};

static bool unit_row(void *ctx, const struct val *v, size_t n)
{
    struct unit_named *u = ctx;

    if (v[0].type == VAL_TEXT)
        u->key = arena_str(u->a, v[0].s);
    if (v[1].type == VAL_TEXT)
        u->title = arena_str(u->a, v[1].s);
    return false;
}

static str unit_bytes(const int64_t *id) { return (str){(const char *)id, sizeof(*id)}; }

static bool unit_unnamed(const struct live *l) { return l->unit_id != 0 && l->unit_key == NULL; }

/* Each unit asked for once, all together, before anything of theirs is put off. */
static int units_ask(struct tx *tx, struct live **v, size_t n, struct arena *a, struct map *units, struct err *e)
{
    bool fresh;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct map_slot *s = unit_unnamed(v[i]) ? map_put(units, unit_bytes(&v[i]->unit_id), &fresh) : NULL;
        if (s == NULL || !fresh)
            continue;
        struct unit_named *u = arena_new(a, struct unit_named);
        s->v.ptr = u;
        if (u == NULL)
            return ERR(e, -ENOMEM, "base.no_memory", "findings");
        u->a = a;
        rc = tx_ask(tx, "SELECT code, name FROM unit WHERE id = ?1", VALS(V_INT(v[i]->unit_id)), unit_row, u, e);
    }
    return rc == 0 ? tx_flush(tx, e) : rc;
}

static int unit_names(struct judge *j, struct tx *tx, struct live **v, size_t n, struct err *e)
{
    struct arena a = arena_init(16 << 20);
    struct map units;

    if (schema_kind(registry_schema(j->reg), STR("unit")) == NULL)
        return 0;
    map_init(&units, OPEN_MAX);
    int rc = units_ask(tx, v, n, &a, &units, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct map_slot *s = unit_unnamed(v[i]) ? map_get(&units, unit_bytes(&v[i]->unit_id)) : NULL;
        const struct unit_named *u = s != NULL ? s->v.ptr : NULL;
        if (u != NULL && u->key.p != NULL)
            live_text(&v[i]->unit_key, u->key);
        if (u != NULL && u->title.p != NULL)
            live_text(&v[i]->unit_title, u->title);
    }
    map_done(&units);
    arena_free(&a);
    return rc;
}

static int flush_one(struct judge *j, struct tx *tx, struct live *l, struct err *e)
{
    if (str_eq(l->kind, STR("event")))
        render_event(j, l);
    return tx == NULL ? 0 : finding_write(j, tx, l, e);
}

static void log_open(struct judge *j, const struct live *l)
{
    const struct control *c = packset_control(j->en->ps, l->control);

    log_event(LOG_INFO, "finding_open", F_INT("id", l->id), F_STR("control", l->control),
              F_STR("clauses", c != NULL ? c->clauses_json : STR_NONE), F_STR("subject", str_c(l->subject_key)),
              F_STR("message", str_c(l->message[LANG_EN])));
}

static void flushed(struct judge *j, struct live *l)
{
    bool news = l->fresh || str_eq(l->kind, STR("event"));

    if (l->fresh)
        log_open(j, l);
    j->fi.fresh -= l->fresh ? 1 : 0;
    j->fi.dirty -= l->dirty ? 1 : 0;
    l->fresh = l->dirty = false;
    l->told = l->count;
    l->ev_total += l->nev;
    live_evidence_done(l);
    if (news)
        finding_will_tell(j, live_json(j, l, l->state, 0));
}

/* all: nothing else waits to be written, so the relays' positions may be. */
static int flush_list(struct judge *j, struct live **v, size_t n, bool all, struct err *e)
{
    struct tx *tx = NULL;
    int rc = j->st == NULL ? 0 : store_begin(j->st, STORE_WRITE, &tx, e);

    if (rc == 0 && tx != NULL)
        rc = term_check(j, tx, e);
    if (rc == 0 && tx != NULL)
        rc = unit_names(j, tx, v, n, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = flush_one(j, tx, v[i], e);
    if (rc == 0 && tx != NULL)
        rc = meta_put(tx, "last_seq", (int64_t)j->last_seq, e);
    if (rc == 0 && tx != NULL)
        rc = meta_put(tx, "last_received", j->last_received, e);
    if (rc == 0 && tx != NULL && all)
        rc = streams_save(j, tx, e);
    if (rc == 0 && tx != NULL)
        rc = store_commit(tx, e);
    else if (tx != NULL)
        store_rollback(tx);
    if (rc == 0 && all)
        streams_saved(j);
    for (size_t i = 0; rc == 0 && i < n; i++)
        flushed(j, v[i]);
    return rc;
}

/* One finding that the store will never take must not hold up the others. */
static int flush_each(struct judge *j, struct live **v, size_t n, struct err *e)
{
    int worst = 0;

    for (size_t i = 0; i < n; i++) {
        int rc = flush_list(j, &v[i], 1, false, e);
        if (rc == -EEXIST || rc == -EINVAL) {
            log_err(LOG_ERROR, "judge_finding_refused", e);
            j->fi.refused++;
            live_drop(j, v[i]);
        } else if (rc < 0) {
            worst = rc;
        }
    }
    return worst;
}

int findings_flush(struct judge *j, bool all, struct err *e)
{
    int64_t mono = clock_mono(j->clk);
    bool due = all || mono - j->fi.flushed_mono >= FLUSH_MS * NS_PER_MS;
    size_t want = due ? j->fi.dirty : j->fi.fresh, n = 0;
    /* what relays' lines brought is written with the relays' positions, which takes all of it */
    bool unsaved = streams_unsaved(j), hold = j->streams.half || (unsaved && !due), positions = unsaved && !hold;
    struct live **v = want == 0 ? NULL : reallocarray(NULL, want, sizeof(*v));
    struct map_slot *s;

    if (want == 0 && !positions)
        return 0;
    if (want != 0 && v == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "findings");
    for (size_t i = 0; n < want && (s = map_next(&j->fi.open, &i)) != NULL;) {
        struct live *l = s->v.ptr;
        if ((due ? l->dirty : l->fresh) && !(hold && str_eq(l->kind, STR("event"))))
            v[n++] = l;
    }
    struct err mine = {0};
    int rc = n == 0 && !positions ? 0 : flush_list(j, v, n, positions, e != NULL ? e : &mine);
    if (rc == -EEXIST || rc == -EINVAL)
        rc = flush_each(j, v, n, e != NULL ? e : &mine);
    free(v);
    if (due)
        j->fi.flushed_mono = mono;
    return rc;
}

json_t *live_json(struct judge *j, const struct live *l, const char *state, int64_t closed_at)
{
    const struct control *c = packset_control(j->en->ps, l->control);
    json_t *clauses = json_array();

    for (size_t i = 0; c != NULL && i < c->nclauses; i++)
        json_array_append_new(clauses, json_from_str(j->en->ps->clauses[c->clauses[i]].id));
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:s, s:{s:o, s:o, s:o, s:o}, s:o, s:I, s:o, s:o, s:o, s:{s:o, s:o}}", "id",
        (json_int_t)l->id, "control", json_from_str(l->control), "title",
        c == NULL ? json_null() : label_json(c->title), "clauses", clauses, "severity",
        c == NULL ? json_null() : severity_json(c->severity), "state", state, "subject", "kind", json_from_str(l->kind),
        "id", l->subject_id == 0 ? json_null() : json_integer(l->subject_id), "key", text_json(l->subject_key), "title",
        text_json(l->subject_title), "unit", unit_json(l->unit_id, str_c(l->unit_key), str_c(l->unit_title)), "count",
        (json_int_t)l->count, "first_at", time_json(l->first_at), "last_at", time_json(l->last_at), "closed_at",
        time_json(closed_at), "message", "vi", text_json(l->message[LANG_VI]), "en", text_json(l->message[LANG_EN]));
}

void finding_will_tell(struct judge *j, json_t *finding)
{
    if (finding != NULL && j->heard && json_array_size(j->fi.tell) < 10000)
        json_array_append_new(j->fi.tell, finding);
    else
        json_decref(finding);
}

/* The lock is recursive, since a listener may ask the judge something. It also
 * means that after judge_listen(j, NULL, NULL) nobody is in the old listener. */
void findings_tell(struct judge *j)
{
    json_t *tell = NULL;

    pthread_mutex_lock(&j->telling);
    pthread_mutex_lock(&j->fl);
    if (json_array_size(j->fi.tell) > 0) {
        tell = j->fi.tell;
        j->fi.tell = json_array();
    }
    pthread_mutex_unlock(&j->fl);
    for (size_t i = 0; j->listen != NULL && i < json_array_size(tell); i++)
        j->listen(j->listen_ctx, "finding", json_array_get(tell, i));
    json_decref(tell);
    pthread_mutex_unlock(&j->telling);
}

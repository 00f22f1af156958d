/* The tables of findings. Every call runs inside the caller's transaction;
 * numbers of findings are given by the judge, who is the only writer. What is
 * written is put off (tx_defer): a check may open thousands. Times are ns since
 * 1970. A finding keeps its EVIDENCE_KEEP newest pieces: slot = running number
 * modulo that, written over. */
#include "judge/judge-int.h"
#include "base/text.h"
#include "intake/syslog.h"
#include <errno.h>

int finding_tables(struct tx *tx, struct err *e)
{
    static const char *const ddl[] = {
        "CREATE TABLE IF NOT EXISTS finding (id BIGINT PRIMARY KEY, control TEXT NOT NULL, open_key TEXT UNIQUE,"
        " subject_kind TEXT NOT NULL, subject_id BIGINT, subject_key TEXT NOT NULL, subject_title TEXT NOT NULL,"
        " unit_id BIGINT, severity TEXT NOT NULL, state TEXT NOT NULL, count BIGINT NOT NULL, first_at BIGINT NOT NULL,"
        " last_at BIGINT NOT NULL, closed_at BIGINT, evidence BIGINT NOT NULL, title_vi TEXT NOT NULL, title_en TEXT "
        "NOT NULL,"
        " message_vi TEXT NOT NULL, message_en TEXT NOT NULL, clauses TEXT NOT NULL, folded TEXT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS finding_control ON finding (control)",
        "CREATE INDEX IF NOT EXISTS finding_unit ON finding (unit_id)",
        "CREATE TABLE IF NOT EXISTS finding_event (finding_id BIGINT NOT NULL, slot BIGINT NOT NULL, ord BIGINT NOT "
        "NULL,"
        " at BIGINT NOT NULL, seq BIGINT, line TEXT, data TEXT NOT NULL, PRIMARY KEY (finding_id, slot))",
        "CREATE TABLE IF NOT EXISTS finding_history (finding_id BIGINT NOT NULL, ord BIGINT NOT NULL, at BIGINT NOT "
        "NULL,"
        " by_name TEXT NOT NULL, state TEXT NOT NULL, note TEXT NOT NULL, PRIMARY KEY (finding_id, ord))",
    };

    for (size_t i = 0; i < sizeof(ddl) / sizeof(*ddl); i++) {
        int rc = tx_exec(tx, ddl[i], NO_VALS, NULL, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void live_evidence_done(struct live *l)
{
    for (uint32_t i = 0; i < l->nev; i++)
        free(l->ev[i].text);
    free(l->ev);
    l->ev = NULL;
    l->nev = 0;
}

void live_free(struct live *l)
{
    if (l == NULL)
        return;
    char *own[] = {l->key,        l->subject_key, l->subject_title, l->unit_key, l->unit_title,
                   l->message[0], l->message[1],  l->host,          l->source,   l->last_line};
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        free(own[i]);
    live_evidence_done(l);
    free(l);
}

/* ---- loading what was open ---- */

static bool load_row(void *ctx, const struct val *v, size_t n)
{
    struct judge *j = ctx;
    struct live *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return false;
    l->id = v[0].i;
    l->key = str_dup(v[1].s);
    l->subject_id = v[2].i;
    l->subject_key = str_dup(v[3].s);
    l->subject_title = str_dup(v[4].s);
    l->unit_id = v[5].i;
    snprintf(l->state, sizeof(l->state), "%.*s", STR_ARGS(v[6].s));
    l->count = l->told = (uint64_t)v[7].i;
    l->first_at = v[8].i;
    l->last_at = v[9].i;
    l->heard = j->opened_at; /* nobody listened meanwhile, so quiet begins now */
    l->ev_total = (uint32_t)v[10].i;
    l->message[LANG_VI] = str_dup(v[11].s);
    l->message[LANG_EN] = str_dup(v[12].s);
    l->unit_key = str_dup(v[13].s);
    l->unit_title = str_dup(v[14].s);
    str rest = str_c(l->key), part;
    str_split(&rest, '\x1f', &l->control);
    str_split(&rest, '\x1f', &l->kind);
    l->subject = rest.p == NULL ? STR("") : rest;
    part = str_c(l->key);
    struct map_slot *s = l->key == NULL ? NULL : map_put(&j->fi.open, part, NULL);
    struct map_slot *per = s == NULL ? NULL : map_put(&j->fi.per_control, l->control, NULL);
    if (per == NULL) {
        live_free(l);
        return true;
    }
    s->v.ptr = l;
    per->v.num++;
    return true;
}

int finding_load(struct judge *j, struct err *e)
{
    struct tx *tx;
    struct val v;
    struct arena a = arena_init(4096);
    bool units = schema_kind(registry_schema(j->reg), STR("unit")) != NULL;

    int rc = store_begin(j->st, STORE_READ, &tx, e);
    if (rc < 0)
        return rc;
    rc = tx_one(tx, &a, "SELECT coalesce(max(id), 0) FROM finding", NO_VALS, &v, e);
    if (rc >= 0) {
        j->fi.next_id = (rc == 1 ? v.i : 0) + 1;
        rc = tx_query(tx,
                      units ? "SELECT f.id, f.open_key, f.subject_id, f.subject_key, f.subject_title, f.unit_id, "
                              "f.state, f.count, f.first_at,"
                              " f.last_at, f.evidence, f.message_vi, f.message_en, u.code, u.name FROM finding f LEFT "
                              "JOIN unit u ON u.id = f.unit_id"
                              " WHERE f.open_key IS NOT NULL"
                            : "SELECT f.id, f.open_key, f.subject_id, f.subject_key, f.subject_title, f.unit_id, "
                              "f.state, f.count, f.first_at,"
                              " f.last_at, f.evidence, f.message_vi, f.message_en, '', '' FROM finding f WHERE "
                              "f.open_key IS NOT NULL",
                      NO_VALS, load_row, j, e);
    }
    store_rollback(tx);
    arena_free(&a);
    return rc < 0 ? rc : 0;
}

/* ---- writing ---- */

/* The decoded fields of a kept line as JSON. */
static str line_data(struct judge *j, struct arena *a, const struct evidence *ev)
{
    const struct corr_event from = {ev->at, ev->received, ev->seq, {ev->text, ev->n}, ev->stream};
    struct engine *en = j->en;
    struct buf b;
    bool first = true;

    engine_again(en, &from, STR_NONE, -1);
    buf_init(&b, 64 * 1024);
    buf_byte(&b, '{');
    for (size_t i = 0; i < en->again.nset; i++) {
        str v;
        int id = en->again.set[i];
        if (id == FLD_MESSAGE || id == en->via_relay || !fields_get(&en->again, id, &v) || v.n == 0)
            continue;
        if (!first)
            buf_byte(&b, ',');
        first = false;
        buf_json(&b, en->again.names->text[id]);
        buf_byte(&b, ':');
        buf_json(&b, v);
    }
    if (ev->stream != 0) {
        char at[40];
        time_fmt(ev->received, 0, at, sizeof(at));
        buf_fmt(&b, "%s\"via_relay\":", first ? "" : ",");
        buf_json(&b, str_c(stream_name(j, ev->stream)));
        buf_fmt(&b, ",\"relay_received_at\":\"%s\"", at);
    }
    buf_byte(&b, '}');
    str out = b.failed ? STR("{}") : arena_str(a, buf_view(&b));
    buf_done(&b);
    return out.p == NULL ? STR("{}") : out;
}

static int write_evidence(struct judge *j, struct tx *tx, const struct live *l, struct err *e)
{
    struct arena a = arena_init(1 << 20);
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < l->nev; i++) {
        const struct evidence *ev = &l->ev[i];
        str data = ev->json ? (str){ev->text, ev->n} : line_data(j, &a, ev);
        str line = ev->json ? STR_NONE : text_safe(&a, (str){ev->text, ev->n}, LINE_KEEP);
        uint32_t ord = l->ev_total + i;
        rc = tx_defer(
            tx,
            "INSERT INTO finding_event (finding_id, slot, ord, at, seq, line, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
            " ON CONFLICT (finding_id, slot) DO UPDATE SET ord = excluded.ord, at = excluded.at, seq = excluded.seq,"
            " line = excluded.line, data = excluded.data",
            VALS(V_INT(l->id), V_INT(ord % EVIDENCE_KEEP), V_INT(ord), V_INT(ev->at),
                 (ev->seq & ~SEQ_OWN) == 0 ? V_NULL : V_INT(ev->seq & ~SEQ_OWN), line.p == NULL ? V_NULL : V_STR(line),
                 V_STR(data)),
            e);
        arena_clear(&a);
    }
    arena_free(&a);
    return rc;
}

static int insert_finding(struct judge *j, struct tx *tx, const struct live *l, const struct control *c, struct err *e)
{
    struct arena a = arena_init(1 << 20);
    str all = arena_fmt(&a, "%.*s %s %s %s %s %.*s", STR_ARGS(l->control), l->subject_key, l->subject_title,
                        l->message[LANG_VI], l->message[LANG_EN], STR_ARGS(c->title.vi));
    str folded = text_fold(&a, all);
    int rc = tx_defer(
        tx,
        "INSERT INTO finding (id, control, open_key, subject_kind, subject_id, subject_key, subject_title, unit_id,"
        " severity, state, count, first_at, last_at, evidence, title_vi, title_en, message_vi, message_en, clauses, "
        "folded)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        VALS(V_INT(l->id), V_STR(l->control), V_Z(l->key), V_STR(l->kind),
             l->subject_id == 0 ? V_NULL : V_INT(l->subject_id), V_Z(l->subject_key), V_Z(l->subject_title),
             l->unit_id == 0 ? V_NULL : V_INT(l->unit_id), V_Z(severity_names[c->severity]), V_Z(l->state),
             V_INT(l->count), V_INT(l->first_at), V_INT(l->last_at), V_INT(l->ev_total + l->nev), V_STR(c->title.vi),
             V_STR(c->title.en), V_Z(l->message[LANG_VI]), V_Z(l->message[LANG_EN]), V_STR(c->clauses_json),
             V_STR(folded.p == NULL ? STR("") : folded)),
        e);

    arena_free(&a);
    return rc < 0 ? rc : finding_write_history(tx, l->id, l->first_at, STR(OWN_PROGRAM), "open", STR(""), e);
}

int finding_write(struct judge *j, struct tx *tx, struct live *l, struct err *e)
{
    const struct control *c = packset_control(j->en->ps, l->control);

    if (c == NULL)
        return 0;
    int rc = write_evidence(j, tx, l, e);
    if (rc < 0)
        return rc;
    if (l->fresh)
        return insert_finding(j, tx, l, c, e);
    return tx_defer(
        tx,
        "UPDATE finding SET count = ?2, last_at = ?3, evidence = ?4, message_vi = ?5, message_en = ?6 WHERE id = ?1",
        VALS(V_INT(l->id), V_INT(l->count), V_INT(l->last_at), V_INT(l->ev_total + l->nev), V_Z(l->message[LANG_VI]),
             V_Z(l->message[LANG_EN])),
        e);
}

int finding_write_history(struct tx *tx, int64_t id, int64_t at, str by, const char *state, str note, struct err *e)
{
    return tx_defer(tx,
                    "INSERT INTO finding_history (finding_id, ord, at, by_name, state, note)"
                    " SELECT ?1, coalesce(max(ord), 0) + 1, ?2, ?3, ?4, ?5 FROM finding_history WHERE finding_id = ?1",
                    VALS(V_INT(id), V_INT(at), V_STR(by), V_Z(state), V_STR(note.p == NULL ? STR("") : note)), e);
}

int finding_write_closed(struct judge *j, struct tx *tx, const struct live *l, int64_t at, const char *note,
                         struct err *e)
{
    int rc = tx_defer(
        tx,
        "UPDATE finding SET state = 'closed', open_key = NULL, closed_at = ?2, count = ?3, last_at = ?4 WHERE id = ?1",
        VALS(V_INT(l->id), V_INT(at), V_INT(l->count), V_INT(l->last_at)), e);

    return rc < 0 ? rc : finding_write_history(tx, l->id, at, STR(OWN_PROGRAM), "closed", str_c(note), e);
}

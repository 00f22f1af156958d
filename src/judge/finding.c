/* Open findings: one a (control, subject). Repeats are counted in memory and
 * written together, at most every FLUSH_MS for one finding; a new one is
 * written and told at once. All under judge.fl. */
#include "judge/judge-int.h"
#include "base/msg.h"
#include <errno.h>

int findings_open(struct judge *j, struct err *e)
{
    map_init(&j->fi.open, OPEN_MAX);
    map_init(&j->fi.per_control, PACK_CONTROLS_MAX * 2);
    j->fi.next_id = 1;
    j->fi.tell = json_array();
    return j->st == NULL ? 0 : finding_load(j, e);
}

void findings_done(struct findings *fi)
{
    struct map_slot *s;

    for (size_t i = 0; (s = map_next(&fi->open, &i)) != NULL;)
        live_free(s->v.ptr);
    map_done(&fi->open);
    map_done(&fi->per_control);
    json_decref(fi->tell);
}

struct live *finding_by_id(struct judge *j, int64_t id)
{
    struct map_slot *s;

    for (size_t i = 0; (s = map_next(&j->fi.open, &i)) != NULL;)
        if (((struct live *)s->v.ptr)->id == id)
            return s->v.ptr;
    return NULL;
}

static void mark(struct judge *j, struct live *l)
{
    if (!l->dirty)
        j->fi.dirty++;
    l->dirty = true;
}

void live_text(char **to, str s)
{
    char *p = *to != NULL && str_eq(str_c(*to), s) ? NULL : str_dup(s);

    if (p == NULL && *to != NULL)
        return;
    free(*to);
    *to = p;
}

/* ---- making one ---- */

/* Past the ceiling of a control, further subjects share one finding. */
static str subject_within(struct judge *j, str control, str subject)
{
    struct map_slot *s = map_get(&j->fi.per_control, control);

    return s != NULL && s->v.num >= OPEN_PER_CONTROL ? STR("*") : subject;
}

static struct live *live_find(struct judge *j, str control, str kind, str subject, char *key, size_t cap)
{
    int n = snprintf(key, cap, "%.*s\x1f%.*s\x1f%.*s", STR_ARGS(control), STR_ARGS(kind), STR_ARGS(subject));
    struct map_slot *s = n < 0 || (size_t)n >= cap ? NULL : map_get(&j->fi.open, (str){key, (size_t)n});

    return s == NULL ? NULL : s->v.ptr;
}

static struct live *live_new(struct judge *j, const char *key, int64_t at)
{
    struct live *l = calloc(1, sizeof(*l));
    struct map_slot *s = l == NULL ? NULL : map_put(&j->fi.open, str_c(key), NULL), *per;

    if (s == NULL || (l->key = str_dup(str_c(key))) == NULL) {
        if (s != NULL)
            map_del(&j->fi.open, str_c(key));
        free(l);
        j->fi.refused++;
        return NULL;
    }
    s->v.ptr = l;
    str rest = str_c(l->key);
    str_split(&rest, '\x1f', &l->control);
    str_split(&rest, '\x1f', &l->kind);
    l->subject = rest.p == NULL ? STR("") : rest;
    l->id = j->fi.next_id++;
    l->first_at = l->last_at = at;
    snprintf(l->state, sizeof(l->state), "open");
    l->fresh = true;
    j->fi.fresh++;
    mark(j, l);
    if ((per = map_put(&j->fi.per_control, l->control, NULL)) != NULL)
        per->v.num++;
    return l;
}

void live_drop(struct judge *j, struct live *l)
{
    struct map_slot *per = map_get(&j->fi.per_control, l->control);

    if (per != NULL && per->v.num > 0)
        per->v.num--;
    j->fi.dirty -= l->dirty ? 1 : 0;
    j->fi.fresh -= l->fresh ? 1 : 0;
    map_del(&j->fi.open, str_c(l->key));
    live_free(l);
}

/* The newest EVIDENCE_KEEP that wait for the next writing. */
static void evidence_add(struct live *l, const struct corr_event *from, bool json)
{
    str text = str_sub(from->line, 0, json ? DATA_KEEP : LINE_KEEP);

    if (l->nev > 0 && (from->seq & ~SEQ_OWN) != 0 && l->ev[l->nev - 1].seq == from->seq)
        return;
    if (l->ev == NULL && (l->ev = calloc(EVIDENCE_KEEP, sizeof(*l->ev))) == NULL)
        return;
    char *copy = str_dup(text);
    if (copy == NULL)
        return;
    if (l->nev == EVIDENCE_KEEP) {
        free(l->ev[0].text);
        memmove(&l->ev[0], &l->ev[1], (EVIDENCE_KEEP - 1) * sizeof(l->ev[0]));
        l->nev--;
        l->ev_total++; /* it had its number */
    }
    l->ev[l->nev++] =
        (struct evidence){from->at, from->received, from->seq, copy, (uint32_t)text.n, from->stream, json};
}

/* ---- events ---- */

bool finding_is_open(struct judge *j, const struct control *c, str subject)
{
    struct arena a = arena_init(64 * 1024);
    char key[1024];
    bool open = live_find(j, c->id, STR("event"), text_safe(&a, subject, SUBJECT_MAX), key, sizeof(key)) != NULL;

    arena_free(&a);
    return open;
}

void finding_hit(struct judge *j, const struct hit *h)
{
    struct arena a = arena_init(64 * 1024);
    char key[1024];
    str subject = text_safe(&a, h->subject, SUBJECT_MAX);
    struct live *l = live_find(j, h->c->id, STR("event"), subject, key, sizeof(key));

    if (l == NULL) {
        subject = subject_within(j, h->c->id, subject);
        l = live_find(j, h->c->id, STR("event"), subject, key, sizeof(key));
    }
    if (l == NULL && (l = live_new(j, key, h->at)) != NULL) {
        live_text(&l->subject_key, subject);
        live_text(&l->subject_title, subject);
        live_text(&l->host, h->host);
        live_text(&l->source, h->source);
        l->unit_id = source_unit(j, h->host, h->source);
    }
    arena_free(&a);
    if (l == NULL)
        return;
    l->count += h->count;
    l->last_at = h->at > l->last_at ? h->at : l->last_at;
    for (size_t i = 0; i < h->nev; i++) {
        l->first_at = h->ev[i].at < l->first_at ? h->ev[i].at : l->first_at;
        evidence_add(l, &h->ev[i], false);
        if (h->ev[i].line.n > 0) {
            str line = str_sub(h->ev[i].line, 0, LINE_KEEP);
            free(l->last_line);
            l->last_line = str_dup(line);
            l->last_n = l->last_line == NULL ? 0 : (uint32_t)line.n;
            l->last_received = h->ev[i].received;
            l->last_seq = h->ev[i].seq;
            l->last_stream = h->ev[i].stream;
        }
    }
    l->heard = h->heard > l->heard ? h->heard : l->heard;
    mark(j, l);
}

/* ---- state and duty ---- */

void finding_seen(struct judge *j, const struct control *c, const struct offender *o, int64_t now)
{
    char key[1024];
    struct live *l = live_find(j, c->id, o->kind, o->key, key, sizeof(key));

    if (l == NULL && (l = live_new(j, key, now)) == NULL)
        return;
    if (l->run == j->fi.run && l->run != 0) /* two rows of one subject: one finding */
        return;
    bool same = !l->fresh && l->message[LANG_VI] != NULL && str_eq(str_c(l->message[LANG_VI]), o->message[LANG_VI]);
    live_text(&l->subject_key, o->shown);
    live_text(&l->subject_title, o->title);
    l->subject_id = o->id;
    l->unit_id = o->unit_id;
    live_text(&l->message[LANG_VI], o->message[LANG_VI]);
    live_text(&l->message[LANG_EN], o->message[LANG_EN]);
    l->run = j->fi.run;
    l->count++;
    l->last_at = l->heard = now;
    if (!same)
        evidence_add(l, &(struct corr_event){.at = now, .received = now, .line = o->data}, true);
    mark(j, l);
}

/* ---- closing ---- */

static void closed(struct judge *j, struct live *l, int64_t now)
{
    if (!l->fresh)
        finding_will_tell(j, live_json(j, l, "closed", now));
    live_drop(j, l);
}

/* Closes all of v in one transaction; memory follows only when it is written. */
static int close_list(struct judge *j, struct live **v, size_t n, int64_t now, const char *note, struct err *e)
{
    struct tx *tx = NULL;
    int rc = n == 0 || j->st == NULL ? 0 : store_begin(j->st, STORE_WRITE, &tx, e);

    if (rc == 0 && tx != NULL)
        rc = term_check(j, tx, e);

    for (size_t i = 0; rc == 0 && tx != NULL && i < n; i++)
        rc = v[i]->fresh ? 0 : finding_write_closed(j, tx, v[i], now, note, e);
    if (tx != NULL && rc == 0)
        rc = store_commit(tx, e);
    else if (tx != NULL)
        store_rollback(tx);
    for (size_t i = 0; rc == 0 && i < n; i++)
        closed(j, v[i], now);
    return rc;
}

typedef bool live_pick(struct judge *j, const struct live *l, const void *ctx);

static int close_where(struct judge *j, live_pick *pick, const void *ctx, int64_t now, const char *note, struct err *e)
{
    struct live **v = j->fi.open.n == 0 ? NULL : reallocarray(NULL, j->fi.open.n, sizeof(*v));
    struct map_slot *s;
    size_t n = 0;

    for (size_t i = 0; v != NULL && (s = map_next(&j->fi.open, &i)) != NULL;)
        if (pick(j, s->v.ptr, ctx))
            v[n++] = s->v.ptr;
    int rc = close_list(j, v, n, now, note, e);
    free(v);
    return rc;
}

struct settle {
    const struct control *c;
    uint64_t run;
    const int64_t *keep;
    size_t nkeep;
};

static bool pick_unseen(struct judge *j, const struct live *l, const void *ctx)
{
    const struct settle *s = ctx;

    if (l->run == s->run || !str_eq(l->control, s->c->id))
        return false;
    for (size_t i = 0; i < s->nkeep; i++)
        if (s->keep[i] == l->subject_id)
            return false;
    return true;
}

int findings_settle(struct judge *j, const struct control *c, uint64_t run, const int64_t *keep, size_t nkeep,
                    int64_t now, struct err *e)
{
    return close_where(j, pick_unseen, &(struct settle){c, run, keep, nkeep}, now, "judge.note_fixed", e);
}

static bool pick_quiet(struct judge *j, const struct live *l, const void *ctx)
{
    const struct control *c = packset_control(j->en->ps, l->control);

    return c != NULL && c->kind == CK_EVENT && l->heard + c->event.quiet_ns < *(const int64_t *)ctx;
}

int findings_quiet(struct judge *j, int64_t now, struct err *e)
{
    return close_where(j, pick_quiet, &now, now, "judge.note_quiet", e);
}

static bool pick_orphan(struct judge *j, const struct live *l, const void *ctx)
{
    return packset_control(ctx, l->control) == NULL;
}

int findings_orphans(struct judge *j, const struct packset *ps, struct err *e)
{
    return close_where(j, pick_orphan, ps, j->now, "judge.note_removed", e);
}

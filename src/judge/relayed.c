/* Events that came by a relay. Each relay is a stream with a place of its own in judge_meta: the
 * number behind the last event that was judged, as the relay counts. It is written with all that
 * was found, in one transaction, at most every FLUSH_MS; until then no other writing takes findings of events along.
 * Under judge.ev, and judge.fl where the streams change. */
#include "judge/judge-int.h"
#include <errno.h>

enum { STREAMS_MAX = 4096, ANCHOR_SHOWN = 16 };

const char *stream_name(const struct judge *j, uint16_t stream)
{
    return stream == 0 || stream > j->streams.n ? NULL : j->streams.v[stream - 1].name;
}

bool streams_unsaved(const struct judge *j)
{
    for (size_t i = 0; i < j->streams.n; i++)
        if (j->streams.v[i].unsaved)
            return true;
    return false;
}

int streams_save(struct judge *j, struct tx *tx, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < j->streams.n; i++)
        if (j->streams.v[i].unsaved)
            rc = meta_put(tx, j->streams.v[i].key, (int64_t)j->streams.v[i].next, e);
    return rc;
}

void streams_saved(struct judge *j)
{
    for (size_t i = 0; i < j->streams.n; i++)
        j->streams.v[i].unsaved = false;
}

void streams_forget(struct judge *j)
{
    for (size_t i = 0; i < j->streams.n; i++)
        j->streams.v[i].known = j->streams.v[i].unsaved = false;
}

static int stream_find(struct judge *j, str relay, str anchor, uint16_t *out, struct err *e)
{
    struct streams *all = &j->streams;
    struct stream s = {.name = ""};

    snprintf(s.name, sizeof(s.name), "%.*s", STR_ARGS(relay));
    snprintf(s.key, sizeof(s.key), "relay %s %.*s", s.name, (int)(anchor.n < ANCHOR_SHOWN ? anchor.n : ANCHOR_SHOWN),
             anchor.p);
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->v[i].key, s.key) == 0) {
            *out = (uint16_t)(i + 1);
            return 0;
        }
    if (all->n == all->cap) {
        size_t cap = all->cap == 0 ? 16 : all->cap * 2;
        struct stream *more = cap > STREAMS_MAX ? NULL : reallocarray(all->v, cap, sizeof(*more));
        if (more == NULL)
            return ERR(e, -ENOMEM, "base.no_memory", "relays");
        all->v = more;
        all->cap = cap;
    }
    all->v[all->n++] = s;
    *out = (uint16_t)all->n;
    return 0;
}

/* What the store says; a relay that it does not know begins at `begin`. */
static int stream_load(struct judge *j, struct stream *s, uint64_t begin, struct err *e)
{
    struct tx *tx;
    int64_t next = 0;

    if (j->st == NULL) {
        s->next = begin;
        s->known = true;
        return 0;
    }
    int rc = store_begin(j->st, STORE_WRITE, &tx, e);
    if (rc < 0)
        return rc;
    rc = term_check(j, tx, e);
    if (rc == 0)
        rc = meta_get(j, tx, s->key, &next, e);
    if (rc == 0) {
        next = (int64_t)begin;
        rc = meta_put(tx, s->key, next, e);
    }
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    rc = store_commit(tx, e);
    if (rc == 0) {
        s->next = (uint64_t)next;
        s->known = true;
    }
    return rc;
}

/* ev and fl held. */
static int stream_ready(struct judge *j, str relay, str anchor, uint64_t begin, uint16_t *out, struct err *e)
{
    if (!judge_leads(j))
        return ERR(e, -EROFS, "judge.follows");
    int rc = stream_find(j, relay, anchor, out, e);
    struct stream *s = rc == 0 ? &j->streams.v[*out - 1] : NULL;
    return rc < 0 || s->known ? rc : stream_load(j, s, begin, e);
}

int judge_relay_next(struct judge *j, str relay, str anchor, uint64_t begin, uint64_t *next, struct err *e)
{
    struct err mine = {0};
    uint16_t stream;

    e = e != NULL ? e : &mine;
    pthread_mutex_lock(&j->ev);
    pthread_mutex_lock(&j->fl);
    int rc = stream_ready(j, relay, anchor, begin, &stream, e);
    if (rc == 0)
        *next = j->streams.v[stream - 1].next;
    pthread_mutex_unlock(&j->fl);
    pthread_mutex_unlock(&j->ev);
    return rc;
}

/* Events from `*next` on; *next is behind the last of the batch then. */
static int judge_wire(struct judge *j, const struct judge_relayed *b, uint64_t *next, struct err *e)
{
    struct event_reader in;
    struct event ev;
    uint64_t no = b->first, from = *next;
    int rc = event_batch_open(b->wire, &in, e), more;

    if (rc < 0)
        return rc;
    while ((more = event_batch_next(&in, &ev)) > 0) {
        if (no >= from) {
            source_seen(j->en, &ev);
            engine_event(j->en, &ev, b->number + (no - b->first));
        }
        no++;
    }
    engine_batch_end(j->en);
    *next = no > from ? no : from;
    return more < 0 ? ERR(e, -EBADMSG, "judge.batch") : 0;
}

int judge_relayed(struct judge *j, const struct judge_relayed *b, struct err *e)
{
    struct err mine = {0};
    uint16_t stream;
    uint64_t next = 0;

    e = e != NULL ? e : &mine;
    pthread_mutex_lock(&j->ev);
    pthread_mutex_lock(&j->fl);
    int rc = stream_ready(j, b->relay, b->anchor, b->first, &stream, e);
    if (rc == 0)
        next = j->streams.v[stream - 1].next;
    j->streams.half = rc == 0;
    pthread_mutex_unlock(&j->fl);
    if (rc < 0) {
        pthread_mutex_unlock(&j->ev);
        return rc;
    }
    j->en->stream = stream;
    j->en->heard = clock_wall(j->clk);
    rc = judge_wire(j, b, &next, e);
    j->en->stream = 0;
    j->en->heard = 0;
    pthread_mutex_lock(&j->fl);
    struct stream *s = &j->streams.v[stream - 1];
    s->unsaved = s->unsaved || next != s->next;
    s->next = next;
    j->streams.half = false;
    int wrote = findings_flush(j, false, rc < 0 ? &mine : e);
    pthread_mutex_unlock(&j->fl);
    pthread_mutex_unlock(&j->ev);
    findings_tell(j);
    return rc < 0 ? rc : wrote;
}

/* How far each shard is with each stream: found at the start, kept in the file. */
#include "journal/ch_feed-int.h"
#include <errno.h>
#include <stdlib.h>

struct asked {
    struct ch_position *position;
    size_t shard;
};

static int see_asked(void *ctx, str relay, uint64_t next)
{
    const struct asked *a = ctx;
    struct ch_row *r = ch_position_row(a->position, relay);

    if (r == NULL)
        return -E2BIG;
    r->sent[a->shard] = next > r->sent[a->shard] ? next : r->sent[a->shard];
    return 0;
}

/* Under lock. Behind what the set has, of all that each shard would get. */
static int position_ask(struct lane *l, struct err *e)
{
    struct ch_feed *f = l->feed;
    int rc = 0;

    ch_position_begin(&f->position, &f->spread);
    for (size_t i = 0; i < f->spread.shards && rc == 0; i++)
        rc = ch_next_seq(l->set, &f->spread, i, see_asked, &(struct asked){&f->position, i}, e);
    return rc;
}

/* Of relays the stores alone know, and they may be opened later. */
static int position_check(const struct ch_feed *f, struct err *e)
{
    uint64_t most = 0, next = f->source->next(f->of);

    for (size_t i = 0; i < f->position.spread.shards; i++)
        most = f->position.row[0].sent[i] > most ? f->position.row[0].sent[i] : most;
    return most > next ? ERR(e, -EBADMSG, "journal.ch_foreign", N((int64_t)most), N((int64_t)next)) : 0;
}

static int position_respread(struct lane *l, struct err *e)
{
    static const struct ch_spread all = {1, 1};
    struct ch_position *p = &l->feed->position, *set = calloc(1, sizeof(*set));

    if (set == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    ch_position_begin(set, &all);
    int rc = ch_next_seq(l->set, &all, 0, see_asked, &(struct asked){set, 0}, e);
    for (size_t i = 0; i < set->n && rc == 0; i++) {
        if (ch_position_row(p, str_c(set->row[i].relay)) == NULL)
            rc = ERR(e, -E2BIG, "journal.ch_streams", N(CH_STREAMS_MAX));
    }
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        const struct ch_row *r = ch_position_row(set, str_c(p->row[i].relay));
        rc = ch_position_respread(&p->row[i], &p->spread, &l->feed->spread, r != NULL ? r->sent[0] : 0, e);
    }
    if (rc == 0)
        p->spread = l->feed->spread;
    free(set);
    return rc;
}

/* Under lock. A file that cannot be written is told by the journal, as the disk is full; the next INSERT writes it. */
static void position_write(struct ch_feed *f)
{
    struct err e = {0};

    if (ch_position_write(f->state, str_c(f->name), &f->position, &e) < 0)
        atomic_fetch_add(&f->cursor_errors, 1);
}

/* Under lock: by the file, else by what the set has; for all lanes at once. */
static int position_find(struct lane *l, struct err *e)
{
    struct ch_feed *f = l->feed;
    struct ch_position *p = &f->position;
    int rc = ch_position_read(f->state, str_c(f->name), p, e), known = rc;

    if (rc == 0)
        rc = position_ask(l, e);
    if (rc >= 0)
        rc = position_check(f, e);
    bool same = p->spread.shards == f->spread.shards && p->spread.window == f->spread.window;
    if (rc == 0 && !same)
        rc = position_respread(l, e);
    if (rc < 0)
        return rc;
    if (known == 0 || !same)
        position_write(f);
    f->known = true;
    return 0;
}

/* Under lock. */
static int cursor_find(struct lane *l, const char *relay, struct err *e)
{
    struct cursor *c = &l->cursor[l->stream];
    int rc = l->feed->known ? 0 : position_find(l, e);

    if (rc < 0)
        return rc;
    c->row = ch_position_row(&l->feed->position, str_c(relay));
    if (c->row == NULL)
        return ERR(e, -E2BIG, "journal.ch_streams", N(CH_STREAMS_MAX));
    c->next = c->row->sent[l->shard];
    c->fresh = c->next == 0;
    atomic_store(&c->shown_next, c->next);
    return 1;
}

int lane_find(struct lane *l, struct err *e)
{
    char relay[CH_RELAY_MAX + 1];

    if (l->stream < CH_STREAMS_MAX && l->cursor[l->stream].row != NULL)
        return 1;
    if (!l->feed->source->stream(l->feed->of, l->stream, relay))
        return 0;
    if (l->stream == CH_STREAMS_MAX)
        return ERR(e, -E2BIG, "journal.ch_streams", N(CH_STREAMS_MAX));
    pthread_mutex_lock(&l->feed->lock);
    int rc = cursor_find(l, relay, e);
    pthread_mutex_unlock(&l->feed->lock);
    return rc;
}

void lane_passed(struct lane *l, uint64_t next)
{
    struct ch_feed *f = l->feed;
    struct cursor *c = &l->cursor[l->stream];

    c->next = next;
    c->fresh = false;
    pthread_mutex_lock(&f->lock);
    c->row->sent[l->shard] = next;
    position_write(f);
    pthread_mutex_unlock(&f->lock);
    atomic_store(&c->shown_next, next);
    atomic_store(&l->waiting_since, 0);
}

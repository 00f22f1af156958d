/* Guests (guest.h), and what a relay's sender asks of its own journal. */
#include "journal/flow_segment.h"
#include "journal/guest.h"
#include "journal/journal-int.h"
#include "base/log.h"
#include <errno.h>
#include <stdlib.h>

static uint64_t largest(uint64_t a, uint64_t b) { return a > b ? a : b; }

uint64_t journal_guest_reserve(struct journal *j, uint64_t count)
{
    pthread_mutex_lock(&j->lock);
    uint64_t base = largest(largest(j->guests.next, j->guests.own_end), atomic_load(&j->next_seq));
    j->guests.next = base + count;
    pthread_mutex_unlock(&j->lock);
    return base;
}

size_t guest_place(const struct guests *g, uint64_t base)
{
    size_t lo = 0, hi = g->n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (g->v[mid].base < base)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static int add(struct guests *g, struct segment *s, const struct block_info *b, uint64_t base, bool news)
{
    size_t at = guest_place(g, base);
    size_t relay = GUEST_UNNAMED;

    if (s->relay[0] != '\0' && !guest_relay(g, s->relay, &relay))
        return -ENOMEM;
    if ((at < g->n && base + b->head.count > g->v[at].base) ||
        (at > 0 && g->v[at - 1].base + g->v[at - 1].b.head.count > base))
        return -EEXIST;
    if (g->n == g->cap) {
        size_t cap = g->cap == 0 ? 64 : g->cap * 2;
        struct guest *p = reallocarray(g->v, cap, sizeof(*p));
        if (p == NULL)
            return -ENOMEM;
        g->v = p;
        g->cap = cap;
    }
    memmove(g->v + at + 1, g->v + at, (g->n - at) * sizeof(*g->v));
    g->v[at] = (struct guest){s, *b, base, news ? ++g->arrived : 0, relay};
    g->n++;
    g->next = largest(g->next, base + b->head.count);
    s->refs++;
    return 0;
}

int journal_guest_add(struct journal *j, struct segment *s, const struct block_info *b, uint64_t base, bool news,
                      struct err *e)
{
    pthread_mutex_lock(&j->lock);
    int rc = add(&j->guests, s, b, base, news);
    if (rc == 0 && news)
        pthread_cond_broadcast(&j->news);
    pthread_mutex_unlock(&j->lock);
    if (rc == 0)
        return 0;
    return rc == -ENOMEM ? ERR(e, rc, "journal.no_memory")
                         : ERR(e, rc, "journal.guest_numbers", N((int64_t)base), s->path);
}

void journal_guest_drop(struct journal *j, struct segment *s)
{
    pthread_mutex_lock(&j->lock);
    struct guests *g = &j->guests;
    size_t kept = 0;
    for (size_t i = 0; i < g->n; i++) {
        if (g->v[i].s == s) {
            guest_dropped(g, &g->v[i]);
            segment_unref(s);
        } else {
            g->v[kept++] = g->v[i];
        }
    }
    g->n = kept;
    pthread_mutex_unlock(&j->lock);
}

void guests_drop_all(struct journal *j)
{
    for (size_t i = 0; i < j->guests.n; i++)
        segment_unref(j->guests.v[i].s);
    free(j->guests.v);
    j->guests.v = NULL;
    j->guests.n = j->guests.cap = 0;
    for (size_t i = 0; i < j->guests.nrelays; i++)
        gone_free(&j->guests.relay[i].gone);
    free(j->guests.relay);
    j->guests.relay = NULL;
    j->guests.nrelays = 0;
}

void journal_segment_ref(struct journal *j, struct segment *s)
{
    pthread_mutex_lock(&j->lock);
    s->refs++;
    pthread_mutex_unlock(&j->lock);
}

bool journal_segment_archived(struct journal *j, const struct segment *s)
{
    pthread_mutex_lock(&j->lock);
    bool archived = j->cfg.archive_dir == NULL || s->archived;
    pthread_mutex_unlock(&j->lock);
    return archived;
}

void journal_segment_unref(struct journal *j, struct segment *s)
{
    pthread_mutex_lock(&j->lock);
    segment_unref(s);
    pthread_mutex_unlock(&j->lock);
}

const char *const guest_gone_reasons[] = {
    [GUEST_GONE_RETENTION] = "retention",
    [GUEST_GONE_CEILING] = "size ceiling",
};

struct sha256 guest_gone_root(str anchor, enum ledger_stream stream, const char *reason)
{
    char text[160];

    snprintf(text, sizeof(text), "relay %.*s %s%s", STR_ARGS(anchor), stream == LEDGER_FLOW ? "flows " : "", reason);
    return sha256(str_c(text));
}

bool guest_gone_is(const struct ledger_entry *n, str anchor, enum ledger_stream *stream)
{
    if (n->stream != LEDGER_RELAY || n->type != LEDGER_DELETED)
        return false;
    for (int i = 0; i < 2 * GUEST_GONE_REASONS; i++) {
        *stream = i % 2 == 0 ? LEDGER_LOG : LEDGER_FLOW;
        struct sha256 root = guest_gone_root(anchor, *stream, guest_gone_reasons[i / 2]);
        if (memcmp(root.b, n->root.b, sizeof(root.b)) == 0)
            return true;
    }
    return false;
}

static void unarchived_tell(struct journal *j, const char *path, uint64_t bytes, const char *reason)
{
    atomic_fetch_add(&j->unarchived_lost, 1);
    log_event(LOG_ERROR, "journal_unarchived_deleted", F_STR("file", str_c(path)), F_INT("bytes", bytes),
              F_STR("reason", str_c(reason)));
}

int journal_guest_gone(struct journal *j, const struct segment *s, str anchor, const char *reason,
                       struct ledger_entry *n, struct err *e)
{
    const struct block_head *a = &s->blocks[0].head, *z = &s->blocks[s->nblocks - 1].head;

    *n = (struct ledger_entry){.type = LEDGER_DELETED,
                               .stream = LEDGER_RELAY,
                               .first = a->first_seq,
                               .records = z->first_seq + z->count - a->first_seq,
                               .stored = s->end,
                               .from_ns = a->received_min,
                               .to_ns = s->received_max,
                               .root = guest_gone_root(anchor, LEDGER_LOG, reason)};
    if (!journal_segment_archived(j, s))
        unarchived_tell(j, s->path, s->end, reason);
    return j->ledger != NULL ? ledger_add(j->ledger, n, e) : 0;
}

int journal_guest_flows_gone(struct journal *j, struct flow_store *s, const struct flow_segment *g, str anchor,
                             const char *reason, struct ledger_entry *n, struct err *e)
{
    const struct flow_block_head *a = &g->blocks[0]->head;

    *n = (struct ledger_entry){.type = LEDGER_DELETED,
                               .stream = LEDGER_RELAY,
                               .first = a->first_seq,
                               .records = flow_segment_next(g) - a->first_seq,
                               .stored = g->end,
                               .from_ns = a->time_min,
                               .to_ns = g->time_max,
                               .root = guest_gone_root(anchor, LEDGER_FLOW, reason)};
    if (!journal_flows_archived(j, s, g))
        unarchived_tell(j, g->path, g->end, reason);
    return j->ledger != NULL ? ledger_add(j->ledger, n, e) : 0;
}

bool journal_age_held(struct journal *j) { return age_guard_holds(&j->age, j->clk); }

bool journal_block_hold(struct journal *j, uint64_t first, struct segment **s, struct block_info *out)
{
    bool found = false;

    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < j->nsegs && !found; i++) {
        struct segment *x = j->segs[i];
        if (x->nblocks == 0 || first < x->blocks[0].head.first_seq || first >= segment_next_seq(x))
            continue;
        for (size_t b = 0; b < x->nblocks && !found; b++)
            if (x->blocks[b].head.first_seq == first) {
                *out = x->blocks[b];
                *s = x;
                x->refs++;
                found = true;
            }
    }
    pthread_mutex_unlock(&j->lock);
    return found;
}

struct journal_spool journal_spool(struct journal *j, uint64_t next)
{
    struct journal_spool out = {0, 0};

    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < j->nsegs; i++) {
        if (segment_next_seq(j->segs[i]) <= next)
            continue;
        for (size_t b = 0; b < j->segs[i]->nblocks; b++) {
            const struct block_head *h = &j->segs[i]->blocks[b].head;
            if (h->first_seq < next)
                continue;
            out.first = out.first == 0 ? h->first_seq : out.first;
            out.bytes += h->length;
        }
    }
    pthread_mutex_unlock(&j->lock);
    return out;
}

/* Whose blocks are guests, and which numbers of theirs are gone: for copies (sealed.h). */
#include "journal/guest.h"
#include "journal/journal-int.h"
#include "journal/sealed.h"
#include <errno.h>
#include <stdlib.h>

bool guest_relay(struct guests *g, const char *name, size_t *at)
{
    for (*at = 0; *at < g->nrelays; ++*at)
        if (strcmp(g->relay[*at].name, name) == 0)
            return true;
    struct guest_relay *p = reallocarray(g->relay, g->nrelays + 1, sizeof(*p));
    if (p == NULL)
        return false;
    g->relay = p;
    p[g->nrelays] = (struct guest_relay){.gone_before = 0};
    snprintf(p[g->nrelays].name, sizeof(p->name), "%s", name);
    g->nrelays++;
    return true;
}

void guest_dropped(struct guests *g, const struct guest *one)
{
    if (one->relay != GUEST_UNNAMED)
        gone_add(&g->relay[one->relay].gone, one->base, one->base + one->b.head.count);
}

void journal_guest_was(struct journal *j, const char *relay, uint64_t base, uint64_t count)
{
    pthread_mutex_lock(&j->lock);
    size_t at;
    if (relay[0] != '\0' && guest_relay(&j->guests, relay, &at))
        gone_add(&j->guests.relay[at].gone, base, base + count);
    pthread_mutex_unlock(&j->lock);
}

void journal_guest_aged(struct journal *j, const char *relay, int64_t before)
{
    pthread_mutex_lock(&j->lock);
    size_t at;
    if (relay[0] != '\0' && guest_relay(&j->guests, relay, &at))
        j->guests.relay[at].gone_before = before;
    pthread_mutex_unlock(&j->lock);
}

bool journal_stream(struct journal *j, size_t stream, char relay[64])
{
    relay[0] = '\0';
    if (stream == 0)
        return true;
    pthread_mutex_lock(&j->lock);
    bool is = stream <= j->guests.nrelays;
    if (is)
        memcpy(relay, j->guests.relay[stream - 1].name, 64);
    pthread_mutex_unlock(&j->lock);
    return is;
}

void journal_streams_gone(struct journal *j, int64_t *before, size_t n)
{
    pthread_mutex_lock(&j->lock);
    const struct guests *g = &j->guests;
    for (size_t i = 0; i < n; i++)
        before[i] = i == 0 ? journal_gone_before(j) : i <= g->nrelays ? g->relay[i - 1].gone_before : 0;
    for (size_t i = 0; i < g->n;
         i++) { /* a relay that was away brings lines that are older than others' that are gone */
        size_t stream = g->v[i].relay == GUEST_UNNAMED ? n : g->v[i].relay + 1;
        if (stream < n && g->v[i].b.head.received_min < before[stream])
            before[stream] = g->v[i].b.head.received_min;
    }
    pthread_mutex_unlock(&j->lock);
}

void journal_guest_numbers(struct journal *j, guest_number_fn *fn, void *ctx)
{
    pthread_mutex_lock(&j->lock);
    const struct guests *g = &j->guests;
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].relay != GUEST_UNNAMED)
            fn(ctx, g->v[i].relay + 1, g->v[i].base, g->v[i].base + g->v[i].b.head.count);
    pthread_mutex_unlock(&j->lock);
}

int journal_gone_numbers(struct journal *j, size_t stream, uint64_t from, uint64_t to, number_fn *fn, void *ctx,
                         struct err *e)
{
    if (stream == 0)
        return journal_numbers(j, from, to, fn, ctx, e);
    pthread_mutex_lock(&j->lock);
    gone_numbers(&j->guests.relay[stream - 1].gone, from, to, fn, ctx);
    pthread_mutex_unlock(&j->lock);
    return 0;
}

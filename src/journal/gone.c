/* See gone.h. */
#include "journal/gone.h"
#include <stdlib.h>
#include <string.h>

/* A store that is closed and opened again tells the same once more. */
static void merge(struct gone *g, size_t at, uint64_t first, uint64_t next)
{
    size_t end = at;

    for (; end < g->n && g->v[end].first <= next; end++) {
        first = g->v[end].first < first ? g->v[end].first : first;
        next = g->v[end].next > next ? g->v[end].next : next;
    }
    memmove(g->v + at + 1, g->v + end, (g->n - end) * sizeof(*g->v));
    g->v[at] = (struct gone_range){first, next};
    g->n += 1 - (end - at);
}

void gone_add(struct gone *g, uint64_t first, uint64_t next)
{
    if (g->n == GONE_MAX) {
        g->n = GONE_MAX / 2;
        memmove(g->v, g->v + GONE_MAX - g->n, g->n * sizeof(*g->v));
    }
    if (g->n == g->cap) {
        size_t cap = g->cap == 0 ? 16 : g->cap * 2;
        struct gone_range *p = reallocarray(g->v, cap, sizeof(*p));
        if (p == NULL)
            return;
        g->v = p;
        g->cap = cap;
    }
    size_t at = g->n;
    while (at > 0 && g->v[at - 1].next >= first)
        at--;
    merge(g, at, first, next);
}

void gone_numbers(const struct gone *g, uint64_t from, uint64_t to, number_fn *fn, void *ctx)
{
    for (size_t i = 0; i < g->n; i++) {
        uint64_t first = g->v[i].first > from ? g->v[i].first : from;
        uint64_t next = g->v[i].next < to ? g->v[i].next : to;
        if (first < next)
            fn(ctx, first, next);
    }
}

void gone_free(struct gone *g)
{
    free(g->v);
    *g = (struct gone){.n = 0};
}

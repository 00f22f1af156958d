#include "journal/recount.h"
#include "journal/block-int.h"
#include <errno.h>
#include <stdlib.h>

struct recount {
    struct origin_set *origins;
    struct hours hours;
    struct block_head head;
    const struct block_origin *list; /* the block's own */
    uint32_t n;
    uint32_t rows[BLOCK_ORIGINS_MAX];
    bool differs;
};

struct recount *recount_new(void)
{
    struct recount *c = calloc(1, sizeof(*c));

    if (c != NULL && (c->origins = origin_set_new()) == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

void recount_free(struct recount *c)
{
    if (c == NULL)
        return;
    origin_set_free(c->origins);
    hours_done(&c->hours);
    free(c);
}

int recount_begin(struct recount *c, struct block_dec *d)
{
    c->list = block_origins(d, &c->n);
    origin_set_begin(c->origins, block_ports_alone(d));
    hours_begin(&c->hours);
    block_head_begin(&c->head);
    memset(c->rows, 0, sizeof(c->rows));
    c->differs = false;
    for (uint32_t i = 1; i < c->n; i++)
        if (origin_find(c->origins, &c->list[i].source, c->list[i].port, c->list[i].host) != i)
            return -EBADMSG;
    return c->hours.count != NULL ? 0 : -ENOMEM;
}

void recount_rows(struct recount *c, const struct rows *r)
{
    uint32_t n = atomic_load_explicit(&r->n, memory_order_relaxed);

    block_head_count(&c->head, r, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = origin_number(c->origins, r, i);
        k = k < c->n ? k : 0; /* the list of the block has no such */
        c->rows[k]++;
        hours_add(&c->hours, k, r->event[i]);
    }
}

static void see_hour(void *ctx, int64_t start, const struct block_origin *o, uint32_t lines)
{
    struct recount *c = ctx;
    uint32_t i = 0;

    while (i < c->hours.n && c->hours.start[i] != start)
        i++;
    c->differs |= i == c->hours.n || c->hours.count[i][o - c->list] != lines;
}

int recount_same(struct recount *c, struct block_dec *d, const struct block_head *h)
{
    const struct block_head *x = &c->head;
    bool same = x->event_min == h->event_min && x->event_max == h->event_max && x->received_min == h->received_min &&
                x->received_max == h->received_max && x->severities == h->severities &&
                x->facilities == h->facilities && x->transports == h->transports && x->formats == h->formats &&
                x->flags == h->flags && x->raw_bytes == h->raw_bytes;

    for (uint32_t i = 0; i < c->n && same; i++)
        same = c->rows[i] == c->list[i].rows;
    if (!same)
        return -EBADMSG;
    /* The hours of each origin add up to its rows (block_hours()), so what is told is all of it. */
    int rc = block_hours(d, see_hour, c);
    if (rc < 0)
        return rc;
    return c->differs || (rc == 1 && c->hours.given_up) ? -EBADMSG : 0;
}

/* Skipping of stored blocks. A node is asked whether any row may fit; what is
 * not known may. Pure but for the sets, which the decoder reads. */
#include "journal/skip.h"

static bool head_may(const struct query_node *n, const struct block_head *h)
{
    switch (n->kind) {
    case QN_AND:
        for (size_t i = 0; i < n->nkids; i++)
            if (!head_may(n->kids[i], h))
                return false;
        return true;
    case QN_OR:
        for (size_t i = 0; i < n->nkids; i++)
            if (head_may(n->kids[i], h))
                return true;
        return false;
    case QN_ENUM: {
        uint32_t has = n->field == QF_SEVERITY    ? h->severities
                       : n->field == QF_FACILITY  ? h->facilities
                       : n->field == QF_TRANSPORT ? h->transports
                       : n->field == QF_FORMAT    ? h->formats
                                                  : h->flags;
        return (has & n->mask) != 0;
    }
    default:
        return true;
    }
}

bool skip_by_head(const struct query *q, const struct block_head *h)
{
    if (h->event_max < q->since_ns || (h->event_min >= q->until_ns && q->until_ns != INT64_MAX))
        return true;
    return q->root != NULL && !head_may(q->root, h);
}

struct probe {
    const struct query_node *n;
    bool hit;
};

static bool probe_value(void *ctx, str v, uint64_t count)
{
    struct probe *p = ctx;
    struct event ev = {.raw = v};

    if (p->n->field == QF_SOURCE) {
        if (v.n == 1 + sizeof(ev.source.b)) {
            ev.source.family = (uint8_t)v.p[0];
            memcpy(ev.source.b, v.p + 1, sizeof(ev.source.b));
        }
    } else {
        ev.span[p->n->field == QF_HOST ? SP_HOST : SP_PROGRAM] = (struct span){0, (uint32_t)v.n};
    }
    p->hit = query_node_match(p->n, &ev);
    return !p->hit;
}

static int section_of(const struct query_node *n)
{
    if (n->kind != QN_FIELD && n->kind != QN_NET)
        return -1;
    return n->kind == QN_NET || n->field == QF_SOURCE ? SEC_SOURCES
           : n->field == QF_HOST                      ? SEC_HOSTS
           : n->field == QF_PROGRAM                   ? SEC_PROGRAMS
                                                      : -1;
}

/* 1 some row may fit, 0 none can, negative: damaged. */
static int sets_may(const struct query_node *n, struct block_dec *d)
{
    int rc, section = section_of(n);

    if (n->kind == QN_AND || n->kind == QN_OR) {
        int end = n->kind == QN_OR; /* what settles the node */
        for (size_t i = 0; i < n->nkids; i++)
            if ((rc = sets_may(n->kids[i], d)) < 0 || rc == end)
                return rc;
        return !end;
    }
    if (section < 0)
        return 1;
    struct probe p = {.n = n};
    bool known;
    rc = block_dec_set(d, section, probe_value, &p, &known);
    return rc < 0 ? rc : !known || p.hit;
}

int skip_by_sets(const struct query *q, struct block_dec *d)
{
    int rc = q->root ? sets_may(q->root, d) : 1;
    return rc < 0 ? rc : !rc;
}

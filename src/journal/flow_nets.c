/* See flow_nets.h. Nets sorted by first address, wider first: the narrowest that
 * holds an address is the last that begins at or before it, or a parent of that. */
#include "journal/flow_nets.h"
#include "base/map.h"
#include <stdlib.h>

static int by_place(const void *a, const void *b)
{
    const struct flow_net *x = a, *y = b;
    int c = ip_cmp(x->net.ip, y->net.ip);

    return c != 0 ? c : (int)x->net.len - (int)y->net.len;
}

static void parents_find(struct flow_nets *nets)
{
    for (size_t i = 1; i < nets->n; i++) {
        uint32_t up = (uint32_t)i; /* the net before, + 1 */
        while (up != 0 && !prefix_has(nets->v[up - 1].net, nets->v[i].net.ip))
            up = nets->v[up - 1].parent;
        nets->v[i].parent = up;
    }
}

static void names_number(struct flow_nets *nets, enum flow_net_kind kind)
{
    struct map seen;

    map_init(&seen, nets->n + 1);
    for (size_t i = 0; i < nets->n; i++) {
        struct flow_net *net = &nets->v[i];
        bool fresh = false;
        struct map_slot *at = net->of[kind].n > 0 ? map_put(&seen, net->of[kind], &fresh) : NULL;
        if (fresh)
            at->v.num = (int64_t)i + 1;
        net->named[kind] = at != NULL         ? (uint32_t)at->v.num
                           : net->parent != 0 ? nets->v[net->parent - 1].named[kind]
                                              : 0;
    }
    map_done(&seen);
}

void flow_nets_ready(struct flow_nets *nets)
{
    if (nets->loaded)
        return;
    nets->loaded = true;
    if (nets->load != NULL)
        nets->load(nets->ctx, nets);
    if (nets->n == 0)
        return;
    qsort(nets->v, nets->n, sizeof(*nets->v), by_place);
    nets->v[0].parent = 0;
    parents_find(nets);
    for (int kind = 0; kind < FN_OF; kind++)
        names_number(nets, (enum flow_net_kind)kind);
}

uint32_t flow_nets_of(struct flow_nets *nets, struct ip ip, enum flow_net_kind kind)
{
    size_t lo = 0, hi;

    flow_nets_ready(nets);
    hi = nets->n; /* the first that begins behind the address */
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (ip_cmp(nets->v[mid].net.ip, ip) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    uint32_t at = (uint32_t)lo;
    while (at != 0 && !prefix_has(nets->v[at - 1].net, ip))
        at = nets->v[at - 1].parent;
    return at != 0 ? nets->v[at - 1].named[kind] : 0;
}

/* What is declared of addresses: the zone and the unit of the narrowest net that
 * holds one. Given from above, where the registry is; read when it is first
 * needed. One thread, as the query that it belongs to. */
#ifndef LUY_JOURNAL_FLOW_NETS_H
#define LUY_JOURNAL_FLOW_NETS_H
#include "base/ip.h"

enum flow_net_kind { FN_ZONE, FN_UNIT, FN_OF };
struct flow_net {
    struct prefix net;
    str of[FN_OF];         /* code of the zone, of the unit; n = 0: not said */
    uint32_t parent;       /* the next wider net + 1; 0: none */
    uint32_t named[FN_OF]; /* a number for the text: the first net that says the same + 1; what is not said is the
                              parent's */
};
struct flow_nets {
    struct flow_net *v;
    size_t n;
    bool loaded;
    /* Fills v and n, in any order; what cannot be read is none. */
    void (*load)(void *ctx, struct flow_nets *nets);
    void *ctx;
};
/* The number of the zone or unit of an address; 0: none is declared. */
uint32_t flow_nets_of(struct flow_nets *nets, struct ip ip, enum flow_net_kind kind);
/* Its text, for a number above 0. */
static inline str flow_nets_name(const struct flow_nets *nets, uint32_t number, enum flow_net_kind kind)
{
    return nets->v[number - 1].of[kind];
}
void flow_nets_ready(struct flow_nets *nets); /* loads and sorts, once */
#endif

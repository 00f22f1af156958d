/* Archives of what is kept of a relay: which files may be meant, held while they are copied. */
#include "journal/archive.h"
#include "relay/store-int.h"
#include <errno.h>
#include <stdlib.h>

/* All but the newest, as far as a head signs them. */
static void pick_lines(struct relay_store *s, struct archive_guest *g)
{
    g->newest_day = s->nsegs > 0 ? s->segs[s->nsegs - 1]->day : 0;
    for (size_t i = 0; i + 1 < s->nsegs; i++) {
        struct segment *x = s->segs[i];
        if (x == s->current || x->nblocks == 0 || segment_next_seq(x) > s->signed_next[LEDGER_LOG])
            break;
        journal_segment_ref(s->cfg.journal, x);
        g->segs[g->n++] = x;
    }
}

static void pick_flows(struct relay_store *s, struct archive_guest *g)
{
    const struct kept_flows *f = &s->flow;

    g->newest_flow_day = f->nsegs > 0 ? f->segs[f->nsegs - 1]->day : 0;
    for (size_t i = 0; i + 1 < f->nsegs && g->store != NULL; i++) {
        struct flow_segment *x = f->segs[i];
        if (x == f->current || x->nblocks == 0 || flow_segment_next(x) > s->signed_next[LEDGER_FLOW])
            break;
        flow_guest_ref(g->store, x);
        g->flows[g->nflows++] = x;
    }
}

static int pick(struct relay_store *s, struct archive_guest *g, struct err *e)
{
    *g = (struct archive_guest){.relay = s->name,
                                .dir = s->dir,
                                .store = s->cfg.flows,
                                .entries = s->signed_edge.size * LEDGER_ENTRY,
                                .heads = s->chain.no * LEDGER_HEAD};
    g->segs = calloc(s->nsegs + 1, sizeof(struct segment *));
    g->flows = calloc(s->flow.nsegs + 1, sizeof(struct flow_segment *));
    if (g->segs == NULL || g->flows == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    pick_lines(s, g);
    pick_flows(s, g);
    return 0;
}

int relay_store_archive(struct relay_store *s, const atomic_bool *cancel, struct archive_done *out, struct err *e)
{
    struct archive_guest g;

    if (s->cfg.journal == NULL || s->name[0] == '\0')
        return 0;
    store_turn(s);
    int rc = pick(s, &g, e);
    store_turn_end(s);
    if (rc == 0 && g.n + g.nflows > 0)
        rc = journal_archive_guest_step(s->cfg.journal, &g, cancel, out, e);
    for (size_t i = 0; i < g.n; i++)
        journal_segment_unref(s->cfg.journal, g.segs[i]);
    for (size_t i = 0; i < g.nflows; i++)
        flow_guest_unref(g.store, g.flows[i]);
    free(g.segs);
    free(g.flows);
    return rc;
}

/* Archives of what is kept of a relay: which files may be meant, held while they are copied. */
#include "journal/archive.h"
#include "relay/store-int.h"
#include <errno.h>
#include <stdlib.h>

/* All but the newest, as far as a head signs them. */
static int pick(struct relay_store *s, struct archive_guest *g, struct err *e)
{
    *g = (struct archive_guest){.relay = s->name,
                                .dir = s->dir,
                                .entries = s->signed_edge.size * LEDGER_ENTRY,
                                .heads = s->chain.no * LEDGER_HEAD};
    if (s->nsegs < 2)
        return 0;
    if ((g->segs = calloc(s->nsegs, sizeof(struct segment *))) == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    g->newest_day = s->segs[s->nsegs - 1]->day;
    for (size_t i = 0; i + 1 < s->nsegs; i++) {
        struct segment *x = s->segs[i];
        if (x == s->current || x->nblocks == 0 || segment_next_seq(x) > s->signed_next)
            break;
        journal_segment_ref(s->cfg.journal, x);
        g->segs[g->n++] = x;
    }
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
    if (rc == 0 && g.n > 0)
        rc = journal_archive_guest_step(s->cfg.journal, &g, cancel, out, e);
    for (size_t i = 0; i < g.n; i++)
        journal_segment_unref(s->cfg.journal, g.segs[i]);
    free(g.segs);
    return rc;
}

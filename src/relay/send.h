/* One line to the centre, seen from the relay: from where the centre stands, the
 * ledger's entries with their blocks of lines and flows, head after head, as long as the line holds.
 *
 * Reads the journal's and the flow store's own files; they go on meanwhile. Nothing is sent that no
 * head signs yet; while the line is up a head is signed as soon as a block is sealed. */
#ifndef LUY_RELAY_SEND_H
#define LUY_RELAY_SEND_H
#include "base/clock.h"
#include "journal/journal.h"
#include "relay/wire.h"

struct relay_sent {
    uint64_t entries, heads;  /* the centre has them, durable */
    uint64_t next, next_flow; /* the first event, and flow, that it has no entry of */
};
struct relay_send {
    struct journal *journal;
    struct flow_store *flows; /* whose blocks are in the journal's ledger; NULL: none are */
    struct relay_link link;
    const struct clock *clk;
    int64_t rate; /* bytes a second, 0 = as the line gives */
    /* Waits so long or until there is reason to stop; true: stop. */
    bool (*wait)(void *ctx, int64_t ns);
    void (*say)(void *ctx, int severity, str msg);        /* events; may be NULL */
    void (*acked)(void *ctx, const struct relay_sent *s); /* may be NULL */
    void *ctx;
    bool until_done;  /* end when everything signed is acknowledged (tests, and a last try before a stop) */
    int answer_ms;    /* the centre must answer within */
    uint64_t give_up; /* the block of this entry was refused twice: skip it; UINT64_MAX: none */
};
/* 0: stopped, or all sent. -EPIPE, -ETIMEDOUT: the line. -ECONNREFUSED: the centre refused;
 * *entry is the one it stands at, and e says its words. Others: this side. */
int relay_send_run(const struct relay_send *s, uint64_t *entry, struct err *e);
#endif

/* How long, and how much, is kept of a relay: whole files go, the oldest first. The entry that
 * says so is durable in the centre's ledger before a byte is gone, so that an inspector can
 * tell it from a file that somebody took away. */
#include "relay/store-int.h"
#include "base/file.h"
#include "base/log.h"
#include "journal/wal.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { TICK_S = 60 };

int store_deleted_read(struct relay_store *s, struct err *e)
{
    uint8_t bytes[LEDGER_ENTRY];
    struct ledger_entry n;
    struct ledger_scan sc;
    off_t good = 0;
    int rc = ledger_scan_open(s->dir, "deleted", LEDGER_ENTRY, &sc, e);

    if (rc < 0)
        return rc;
    while ((rc = ledger_scan_next(&sc, bytes)) == 1 && ledger_entry_read(bytes, &n)) {
        enum ledger_stream of;
        if (!guest_gone_is(&n, str_c(s->anchor), &of))
            of = LEDGER_LOG; /* another anchor's: what it is of cannot be told */
        s->deleted_to[of] = n.first + n.records > s->deleted_to[of] ? n.first + n.records : s->deleted_to[of];
        good += LEDGER_ENTRY;
    }
    ledger_scan_close(&sc);
    if (rc < 0)
        return ERR(e, rc, "journal.read", s->dir);
    return ftruncate(s->deleted_fd, good) < 0 ? store_io(s, -errno, e) : 0; /* a torn note is written again */
}

/* The first file leaves the list and the disk. */
static void first_drop(struct relay_store *s)
{
    struct segment *g = s->segs[0];

    s->nsegs--;
    memmove(s->segs, s->segs + 1, s->nsegs * sizeof(struct segment *));
    unlink(g->path);
    if (s->cfg.journal == NULL) {
        segment_free(g);
        return;
    }
    journal_guest_drop(s->cfg.journal, g);
    journal_segment_unref(s->cfg.journal, g);
}

void store_deleted_finish(struct relay_store *s)
{
    while (s->nsegs > 1 && s->segs[0]->nblocks > 0 && segment_next_seq(s->segs[0]) <= s->deleted_to[LEDGER_LOG])
        first_drop(s);
    while (flows_received_before(s) != INT64_MAX && flow_segment_next(s->flow.segs[0]) <= s->deleted_to[LEDGER_FLOW])
        flows_first_drop(s);
}

/* Only what a head signs, and never the newest: numbers and the next block's place hang on it. */
static bool lines_may_go(const struct relay_store *s)
{
    return s->nsegs > 1 && s->segs[0] != s->current && s->segs[0]->nblocks > 0 &&
           segment_next_seq(s->segs[0]) <= s->signed_next[LEDGER_LOG];
}

int64_t store_oldest(const struct relay_store *s, enum ledger_stream *of)
{
    int64_t lines = lines_may_go(s) ? s->segs[0]->received_max : INT64_MAX, flows = flows_oldest(s);

    *of = flows < lines ? LEDGER_FLOW : LEDGER_LOG;
    return flows < lines ? flows : lines;
}

static int deleted_note(struct relay_store *s, const struct ledger_entry *n, struct err *e)
{
    uint8_t bytes[LEDGER_ENTRY];

    ledger_entry_write(n, bytes);
    int rc = fd_write_all(s->deleted_fd, bytes, sizeof(bytes));
    if (rc == 0 && fdatasync(s->deleted_fd) < 0)
        rc = -errno;
    return rc < 0 ? store_io(s, rc, e) : 0;
}

static void lines_first_forget(struct relay_store *s)
{
    const struct segment *g = s->segs[0];

    s->st.blocks -= g->nblocks;
    for (size_t b = 0; b < g->nblocks; b++) {
        s->st.events -= g->blocks[b].head.count;
        s->st.bytes -= g->blocks[b].head.length;
    }
    first_drop(s);
}

int store_first_delete(struct relay_store *s, enum ledger_stream of, const char *reason, struct err *e)
{
    bool flows = of == LEDGER_FLOW;
    const char *path = flows ? s->flow.segs[0]->path : s->segs[0]->path;
    struct ledger_entry n;

    int rc =
        flows ? journal_guest_flows_gone(s->cfg.journal, s->cfg.flows, s->flow.segs[0], str_c(s->anchor), reason, &n, e)
              : journal_guest_gone(s->cfg.journal, s->segs[0], str_c(s->anchor), reason, &n, e);
    if (rc == 0)
        rc = deleted_note(s, &n, e);
    if (rc < 0)
        return rc;
    s->deleted_to[of] = n.first + n.records;
    s->st.deleted_files++;
    log_event(LOG_INFO, "relay_segment_expired", F_STR("file", str_c(path)), F_STR("reason", str_c(reason)));
    if (flows)
        flows_first_forget(s);
    else
        lines_first_forget(s);
    if (s->cfg.deleted != NULL)
        s->cfg.deleted(s->cfg.ctx, of, &n, reason);
    return 0;
}

/* What is received before it is too old; 0: nothing is. */
static int64_t age_limit(const struct relay_store *s)
{
    int64_t limit;

    if (s->cfg.retention_days <= 0 || journal_age_held(s->cfg.journal) ||
        __builtin_sub_overflow(clock_wall(s->cfg.clk), (int64_t)s->cfg.retention_days * 86400 * NS_PER_S, &limit))
        return 0;
    return limit > 0 ? limit : 0;
}

static bool lines_old(const struct relay_store *s, int64_t limit)
{
    return lines_may_go(s) && s->segs[0]->received_max < limit && journal_segment_archived(s->cfg.journal, s->segs[0]);
}

static bool flows_old(const struct relay_store *s, int64_t limit)
{
    return flows_received_before(s) <= limit && journal_flows_archived(s->cfg.journal, s->cfg.flows, s->flow.segs[0]);
}

/* For copies, by whole days as the journal tells them: each time is work for whoever has one. */
static void aged_tell(struct relay_store *s)
{
    static const int64_t day = 86400 * NS_PER_S;
    int64_t limit = age_limit(s), before = limit - limit % day;

    for (size_t i = 0; i < s->nsegs; i++)
        for (size_t b = 0; b < s->segs[i]->nblocks; b++) {
            int64_t at = s->segs[i]->blocks[b].head.received_min;
            before = at < before ? at : before;
        }
    if (limit == 0)
        return;
    journal_guest_aged(s->cfg.journal, s->name, before);
    before = limit - limit % day;
    for (size_t i = 0; i < s->flow.nsegs; i++) {
        int64_t from = flow_segment_from(s->flow.segs[i]);
        before = from < before ? from : before;
    }
    if (s->cfg.flows != NULL)
        flow_guest_aged(s->cfg.flows, s->name, before > 0 ? before : 0);
}

void store_tick(struct relay_store *s)
{
    struct err e = {0};

    if (s->cfg.journal == NULL || s->cfg.clk == NULL || clock_mono(s->cfg.clk) < s->tick_due)
        return;
    s->tick_due = clock_mono(s->cfg.clk) + TICK_S * NS_PER_S;
    int64_t limit = age_limit(s);
    for (bool lines; limit != 0 && ((lines = lines_old(s, limit)) || flows_old(s, limit));)
        if (store_first_delete(s, lines ? LEDGER_LOG : LEDGER_FLOW, guest_gone_reasons[GUEST_GONE_RETENTION], &e) < 0) {
            log_err(LOG_ERROR, "relay_delete", &e);
            return;
        }
    aged_tell(s);
}

void store_make_room(struct relay_store *s, uint64_t bytes)
{
    enum ledger_stream of;
    struct err e = {0};

    while (s->cfg.journal != NULL && s->cfg.max_bytes > 0 && s->st.bytes + bytes > (uint64_t)s->cfg.max_bytes &&
           store_oldest(s, &of) != INT64_MAX)
        if (store_first_delete(s, of, guest_gone_reasons[GUEST_GONE_CEILING], &e) < 0) {
            log_err(LOG_ERROR, "relay_delete", &e);
            return;
        }
}

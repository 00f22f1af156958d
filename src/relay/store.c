/* A relay's blocks, entries and heads as they come: checked, staged, and shown when a head signs them. */
#include "relay/store-int.h"
#include "base/file.h"
#include "base/log.h"
#include "intake/event.h"
#include "journal/proof.h"
#include "journal/wal.h"
#include "relay/ceiling.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

int store_io(struct relay_store *s, int rc, struct err *e) { return ERR(e, wal_no_room(rc), "relay.write", s->dir); }

int store_bad(struct err *e, const char *key, uint64_t entry) { return ERR(e, -EBADMSG, key, N((int64_t)entry)); }

/* ---- entries ---- */

static bool has_block(const struct ledger_entry *n) { return n->type == LEDGER_BLOCK && n->stream <= LEDGER_FLOW; }

void store_note_entry(struct relay_store *s, const struct ledger_entry *n)
{
    if (has_block(n))
        s->next[n->stream] = n->first + n->records;
}

int store_entry_put(struct relay_store *s, struct err *e)
{
    off_t end = (off_t)(s->edge.size * LEDGER_ENTRY);
    ssize_t k = pwrite(s->ledger_fd, s->pending_bytes, LEDGER_ENTRY, end);

    if (k != LEDGER_ENTRY) {
        int rc = k < 0 ? -errno : -ENOSPC;
        if (ftruncate(s->ledger_fd, end) < 0)
            log_event(LOG_ERROR, "relay_ledger_cut", F_STR("dir", str_c(s->dir)));
        return store_io(s, rc, e);
    }
    merkle_edge_add(&s->edge, merkle_leaf((str){(const char *)s->pending_bytes, LEDGER_ENTRY - 4}));
    store_note_entry(s, &s->pending);
    s->waiting = false;
    s->part = 0;
    return 0;
}

int store_entry(struct relay_store *s, const uint8_t bytes[LEDGER_ENTRY], struct err *e)
{
    struct ledger_entry n;
    uint64_t no = s->edge.size;

    if (s->waiting && s->part > 0 && memcmp(bytes, s->pending_bytes, LEDGER_ENTRY) == 0)
        return 0; /* the line was cut in its block: what is here stays */
    s->waiting = false;
    s->part = 0;
    if (!ledger_entry_read(bytes, &n))
        return store_bad(e, "relay.entry_damaged", no);
    if (n.no != no)
        return ERR(e, -EBADMSG, n.no < no ? "relay.entry_again" : "relay.entry_ahead", N((int64_t)n.no),
                   N((int64_t)no));
    uint64_t most = n.stream == LEDGER_FLOW ? FLOW_BLOCK_ROWS : BLOCK_ROWS_MAX;
    if (has_block(&n) && (n.first < s->next[n.stream] || n.records == 0 || n.records > most))
        return ERR(e, -EBADMSG, "relay.entry_order", N((int64_t)no), N((int64_t)n.first),
                   N((int64_t)s->next[n.stream]));
    if (no - s->signed_edge.size >= STAGED_MAX)
        return ERR(e, -EBADMSG, "relay.unsigned", N(STAGED_MAX));
    memcpy(s->pending_bytes, bytes, LEDGER_ENTRY);
    s->pending = n;
    s->waiting = has_block(&n);
    return s->waiting ? 0 : store_entry_put(s, e);
}

int store_skip(struct relay_store *s, struct ledger_entry *gone, struct err *e)
{
    if (!s->waiting)
        return ERR(e, -EPROTO, "relay.turn");
    *gone = s->pending;
    *(gone->stream == LEDGER_FLOW ? &s->st.missing_flows : &s->st.missing_events) += gone->records;
    return store_entry_put(s, e);
}

/* ---- blocks ---- */

static struct segment *seg_numbered(const struct relay_store *s, uint32_t no)
{
    for (size_t i = s->nsegs; i > 0 && s->segs[i - 1]->no >= no; i--)
        if (s->segs[i - 1]->no == no)
            return s->segs[i - 1];
    return NULL;
}

int store_segment(struct relay_store *s, const uint8_t head[SEG_HEAD_BYTES], struct err *e)
{
    if (s->waiting && s->pending.stream == LEDGER_FLOW)
        return flows_segment(s, head, e);
    rd r = rd_init(head + 8, SEG_HEAD_BYTES - 8);
    uint64_t salt = rd_u64le(&r);
    rd_u32le(&r);
    uint32_t no = rd_u32le(&r);
    struct segment *have = seg_numbered(s, no), *fresh;

    if (have != NULL && have->salt != salt)
        return ERR(e, -EBADMSG, "relay.segment_other", N(no));
    if (have != NULL && have == s->current)
        return 0;
    if (s->nsegs > 0 && no < s->segs[s->nsegs - 1]->no)
        return ERR(e, -EBADMSG, "relay.segment_order", N(no), N(s->segs[s->nsegs - 1]->no));
    s->part = 0;
    if (have != NULL) {
        s->current = have;
        return 0;
    }
    if (s->nsegs >= SEGMENTS_MAX || !store_grow((void **)&s->segs, &s->segs_cap, s->nsegs, sizeof(struct segment *)))
        return ERR(e, -ENOMEM, "journal.no_memory");
    int rc = segment_adopt(s->dir, head, &fresh, e);
    if (rc == 0) {
        store_name(s, fresh);
        s->segs[s->nsegs++] = s->current = fresh;
    }
    return rc;
}

/* Another relay's file may have to go, and its store be waited for: meanwhile others may have theirs of this one. */
static bool room_for_all(struct relay_store *s, uint64_t bytes)
{
    store_turn_end(s);
    bool room = relay_ceiling_room(s->cfg.ceiling, bytes);
    store_turn(s);
    return room;
}

static int room_check(struct relay_store *s, uint64_t bytes, struct err *e)
{
    struct statvfs v;

    store_make_room(s, bytes);
    if (s->cfg.max_bytes > 0 && s->st.bytes + bytes > (uint64_t)s->cfg.max_bytes)
        return ERR(e, -ENOSPC, "relay.ceiling", s->dir, N(s->cfg.max_bytes));
    if (s->cfg.ceiling != NULL && !room_for_all(s, bytes))
        return ERR(e, -ENOSPC, "relay.ceiling_all", N(relay_ceiling_max(s->cfg.ceiling)));
    if (s->cfg.reserve_bytes > 0 && statvfs(s->dir, &v) == 0 &&
        (uint64_t)v.f_bavail * v.f_frsize < (uint64_t)s->cfg.reserve_bytes + bytes)
        return ERR(e, -ENOSPC, "relay.full", s->dir);
    return 0;
}

/* The bytes behind the last block of the file, against what the entry says of them. */
static int block_check(struct relay_store *s, struct block_info *b, struct err *e)
{
    const struct ledger_entry *n = &s->pending;
    struct segment *g = s->current;
    struct block_src src = {.fd = g->fd, .off = g->end};
    uint8_t head[BLOCK_HEAD_BYTES];
    struct sha256 root;

    b->off = g->end;
    if (pread(g->fd, head, sizeof(head), (off_t)g->end) != BLOCK_HEAD_BYTES)
        return store_io(s, -EIO, e);
    if (!block_head_read(head, g->salt, &b->head) || b->head.length != s->part_length || b->head.length != n->stored ||
        b->head.first_seq != n->first || b->head.count != n->records)
        return store_bad(e, "relay.block_other", n->no);
    int rc = block_dec_open(s->dec, &src, &b->head, g->salt);
    if (rc == 0)
        rc = block_dec_verify(s->dec);
    if (rc == 0)
        rc = merkle_begin(s->merkle, b->head.seed, e);
    if (rc == 0)
        rc = proof_block_leaves(s->merkle, s->dec, &b->head, e);
    if (rc == 0)
        rc = merkle_root(s->merkle, &root, e);
    if (rc == -ENOMEM || rc == -EIO)
        return store_io(s, rc, e);
    if (rc < 0)
        return store_bad(e, "relay.block_damaged", n->no);
    return memcmp(root.b, n->root.b, sizeof(root.b)) == 0 ? 0 : store_bad(e, "relay.block_root", n->no);
}

static int block_take(struct relay_store *s, struct err *e)
{
    struct staged t = {.s = s->current};

    int rc = block_check(s, &t.b, e);
    if (rc < 0) {
        s->part = 0;
        segment_trim(t.s);
        return rc;
    }
    if (!store_grow((void **)&s->staged, &s->staged_cap, s->nstaged, sizeof(*s->staged)) || !segment_reserve(t.s))
        return ERR(e, -ENOMEM, "journal.no_memory");
    rc = store_entry_put(s, e);
    if (rc < 0)
        return rc;
    segment_add(t.s, &t.b.head);
    t.s->indexed = false;
    s->st.bytes += t.b.head.length;
    s->staged[s->nstaged++] = t;
    return 0;
}

/* What lies behind the file's last block goes: an index, or a torn rest. */
static int block_begin(struct relay_store *s, uint64_t length, struct err *e)
{
    struct segment *g = s->current;
    int rc = room_check(s, length, e);

    if (rc < 0)
        return rc;
    s->part_length = length;
    if (s->pending.stream == LEDGER_FLOW)
        return (rc = flow_segment_cut(s->flow.current, s->flow.current->nblocks)) < 0 ? store_io(s, rc, e) : 0;
    segment_trim(g);
    g->indexed = false;
    return 0;
}

int store_bytes(struct relay_store *s, uint64_t offset, uint64_t length, str bytes, struct err *e)
{
    bool flows = s->waiting && s->pending.stream == LEDGER_FLOW;
    struct segment *g = s->current;
    struct flow_segment *f = s->flow.current;

    if (!s->waiting || (flows ? f == NULL : g == NULL) || offset != s->part || bytes.n == 0)
        return ERR(e, -EPROTO, "relay.turn");
    if (length != s->pending.stored || length < (flows ? (uint64_t)FLOW_BLOCK_HEAD : BLOCK_HEAD_BYTES) ||
        length > RELAY_BLOCK_MAX || bytes.n > length - offset)
        return store_bad(e, "relay.block_other", s->pending.no);
    int rc = offset == 0 ? block_begin(s, length, e) : 0;
    if (rc < 0)
        return rc;
    uint64_t at = (flows ? f->end : g->end) + offset;
    ssize_t k = pwrite(flows ? f->fd : g->fd, bytes.p, bytes.n, (off_t)at);
    if (k != (ssize_t)bytes.n)
        return store_io(s, k < 0 ? -errno : -ENOSPC, e);
    s->part += bytes.n;
    if (!flows)
        g->size = at + bytes.n > g->size ? at + bytes.n : g->size;
    if (s->part < length)
        return 0;
    return flows ? flows_take(s, e) : block_take(s, e);
}

/* ---- heads ---- */

/* Blocks, then ledger, then places, then the head: each holds only what is durable before it. base: numbers of the
 * staged blocks, lines' before flows'. */
static int sync_all(struct relay_store *s, const uint8_t *head, uint64_t *base, struct err *e)
{
    int rc = flows_sync(s, e);

    if (rc < 0)
        return rc;

    for (size_t i = 0; i < s->nstaged; i++) {
        struct segment *g = s->staged[i].s;
        if ((i + 1 == s->nstaged || s->staged[i + 1].s != g) && fdatasync(g->fd) < 0)
            return store_io(s, -errno, e);
    }
    for (size_t i = 0; i + 1 < s->nsegs && rc == 0; i++)
        if (!s->segs[i]->indexed)
            rc = segment_close_index(s->segs[i]);
    if (rc == 0 && fdatasync(s->ledger_fd) < 0)
        rc = -errno;
    if (rc < 0)
        return store_io(s, rc, e);
    for (size_t i = 0; i < s->nstaged && rc == 0; i++)
        rc = store_place_make(s, LEDGER_LOG, s->staged[i].b.head.first_seq, s->staged[i].b.head.count, &base[i], e);
    if (rc == 0)
        rc = flows_places(s, base + s->nstaged, e);
    if (rc < 0)
        return rc;
    off_t end = (off_t)(s->chain.no * LEDGER_HEAD);
    if (fdatasync(s->places_fd) < 0)
        return store_io(s, -errno, e);
    ssize_t k = pwrite(s->heads_fd, head, LEDGER_HEAD, end);
    if (k != LEDGER_HEAD || fdatasync(s->heads_fd) < 0) {
        rc = k < 0 ? -errno : k != LEDGER_HEAD ? -ENOSPC : -EIO;
        if (ftruncate(s->heads_fd, end) < 0)
            log_event(LOG_ERROR, "relay_heads_cut", F_STR("dir", str_c(s->dir)));
        return store_io(s, rc, e);
    }
    return 0;
}

static void show(struct relay_store *s, const uint64_t *base)
{
    flows_show(s, base + s->nstaged);
    for (size_t i = 0; i < s->nstaged; i++) {
        const struct staged *t = &s->staged[i];
        struct err e = {0};
        if (s->cfg.journal != NULL && journal_guest_add(s->cfg.journal, t->s, &t->b, base[i], true, &e) < 0)
            log_err(LOG_ERROR, "relay_show", &e); /* kept and provable; searched after a restart */
        s->st.blocks++;
        s->st.events += t->b.head.count;
        s->st.last_ns = t->b.head.received_max > s->st.last_ns ? t->b.head.received_max : s->st.last_ns;
    }
    s->nstaged = 0;
}

static int head_check(struct relay_store *s, const uint8_t *bytes, struct head_chain *c, struct err *e)
{
    struct ledger_head h;
    char hex[65];
    int rc = head_chain_next(c, bytes, &h, e);

    if (rc < 0)
        return rc;
    sha256_hex(c->anchor, hex);
    if (!str_eq_nocase(str_c(hex), str_c(s->anchor)))
        return ERR(e, -EBADMSG, "relay.anchor", hex, s->anchor);
    if (h.entries != s->edge.size)
        return ERR(e, -EBADMSG, "relay.head_entries", N((int64_t)h.no), N((int64_t)h.entries),
                   N((int64_t)s->edge.size));
    struct sha256 root = merkle_edge_root(&s->edge);
    return memcmp(root.b, h.root.b, sizeof(root.b)) == 0 ? 0 : store_bad(e, "relay.head_root", h.no);
}

int store_head(struct relay_store *s, const uint8_t bytes[LEDGER_HEAD], struct err *e)
{
    struct head_chain c = s->chain;
    struct err again = {0};

    if (s->waiting)
        return ERR(e, -EPROTO, "relay.turn");
    int rc = head_check(s, bytes, &c, e);
    if (rc < 0) {
        if (store_unstage(s, &again) < 0)
            log_err(LOG_ERROR, "relay_unstage", &again);
        return rc;
    }
    uint64_t *base = calloc(s->nstaged + s->flow.nstaged + 1, sizeof(*base));
    if (base == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    rc = sync_all(s, bytes, base, e);
    if (rc == 0) {
        s->chain = c;
        s->signed_edge = s->edge;
        memcpy(s->signed_next, s->next, sizeof(s->next));
        show(s, base);
    }
    free(base);
    return rc;
}

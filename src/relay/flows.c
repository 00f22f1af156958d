/* A relay's files of flows: what store.c, store_load.c and keep.c are to those of lines. A block's root is
 * over its bytes as they are stored (flow_segment.h), so it is checked without decoding a column. */
#include "relay/store-int.h"
#include "base/file.h"
#include "base/log.h"
#include "intake/event.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const int64_t day_ns = 86400 * NS_PER_S, zone_ns = 7 * 3600 * NS_PER_S; /* a file's day is local */

/* ---- reading back ---- */

static int by_number(const void *a, const void *b)
{
    const struct flow_segment *x = *(struct flow_segment *const *)a, *y = *(struct flow_segment *const *)b;
    return x->no < y->no ? -1 : x->no > y->no;
}

int flows_load(struct relay_store *s, struct err *e)
{
    struct kept_flows *f = &s->flow;
    struct arena a = arena_init(64 << 20);
    str *names = NULL;
    size_t n = 0;
    uint64_t torn = 0;
    uint32_t no;
    int rc = file_list(&a, s->dir, STR(".lyf"), SEGMENTS_MAX, &names, &n, e);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct err why = {0};
        if (!flow_segment_name(names[i], &no))
            continue;
        if (!store_grow((void **)&f->segs, &f->segs_cap, f->nsegs, sizeof(struct flow_segment *))) {
            rc = ERR(e, -ENOMEM, "journal.no_memory");
        } else if (flow_segment_open(s->dir, arena_cstr(&a, names[i]), FLOW_SEGMENT_KEPT, &f->segs[f->nsegs], &torn,
                                     &why) == 0) {
            f->nsegs++;
        } else if (why.code == -EBADMSG) { /* told; verify names it; its blocks are not queried */
            log_err(LOG_ERROR, "relay_segment", &why);
        } else {
            rc = why.code;
            *e = why;
        }
    }
    arena_free(&a);
    if (f->nsegs > 0)
        qsort(f->segs, f->nsegs, sizeof(struct flow_segment *), by_number);
    return rc;
}

static void seg_out(struct kept_flows *f, size_t i)
{
    memmove(f->segs + i, f->segs + i + 1, (f->nsegs - i - 1) * sizeof(struct flow_segment *));
    f->nsegs--;
}

/* Blocks behind the last signed flow go, and what lies behind the last block of the newest file: a torn rest.
 * In an older file that is damage, which stays for whoever looks into it. */
int flows_unstage(struct relay_store *s, struct err *e)
{
    struct kept_flows *f = &s->flow;

    f->current = NULL;
    for (size_t i = 0; i < f->nstaged; i++)
        s->st.bytes -= f->staged[i].b->head.length;
    f->nstaged = 0;
    for (size_t i = f->nsegs; i-- > 0;) {
        struct flow_segment *g = f->segs[i];
        size_t n = g->nblocks;
        while (n > 0 && g->blocks[n - 1]->head.first_seq >= s->signed_next[LEDGER_FLOW])
            n--;
        bool newest = i + 1 == f->nsegs, cut = n < g->nblocks || newest;
        int rc = cut ? flow_segment_cut(g, n) : 0;
        if (rc < 0)
            return store_io(s, rc, e);
        if (n > 0)
            continue;
        if (cut)
            unlink(g->path);
        flow_segment_unref(g); /* no query knows a file without blocks */
        seg_out(f, i);
    }
    return 0;
}

static void shown_count(struct relay_store *s, const struct flow_block_head *h)
{
    s->st.flow_blocks++;
    s->st.flows += h->rows;
}

int flows_show_all(struct relay_store *s, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < s->flow.nsegs; i++)
        for (size_t b = 0; b < s->flow.segs[i]->nblocks && rc == 0; b++) {
            const struct flow_stored *x = s->flow.segs[i]->blocks[b];
            uint64_t base = 0;
            rc = store_place_make(s, LEDGER_FLOW, x->head.first_seq, x->head.rows, &base, e);
            if (rc == 0 && s->cfg.flows != NULL)
                rc = flow_guest_add(s->cfg.flows, s->flow.segs[i], x, base, s->name, e);
            shown_count(s, &x->head);
            s->st.bytes += x->head.length;
            s->st.missing_flows -= x->head.rows;
        }
    return rc;
}

/* ---- as they come ---- */

int flows_segment(struct relay_store *s, const uint8_t head[FLOW_SEGMENT_HEAD], struct err *e)
{
    struct kept_flows *f = &s->flow;
    rd r = rd_init(head + 8, FLOW_SEGMENT_HEAD - 8);
    uint64_t salt = rd_u64le(&r);
    struct flow_segment *have = NULL, *fresh;

    rd_u32le(&r);
    uint32_t no = rd_u32le(&r);
    for (size_t i = f->nsegs; i > 0 && have == NULL && f->segs[i - 1]->no >= no; i--)
        have = f->segs[i - 1]->no == no ? f->segs[i - 1] : NULL;
    if (have != NULL && have->salt != salt)
        return ERR(e, -EBADMSG, "relay.segment_other", N(no));
    if (have != NULL && have == f->current)
        return 0;
    if (f->nsegs > 0 && no < f->segs[f->nsegs - 1]->no)
        return ERR(e, -EBADMSG, "relay.segment_order", N(no), N(f->segs[f->nsegs - 1]->no));
    s->part = 0;
    if (have != NULL) {
        f->current = have;
        return 0;
    }
    if (f->nsegs >= SEGMENTS_MAX ||
        !store_grow((void **)&f->segs, &f->segs_cap, f->nsegs, sizeof(struct flow_segment *)))
        return ERR(e, -ENOMEM, "journal.no_memory");
    int rc = flow_segment_adopt(s->dir, head, &fresh, e);
    if (rc == 0)
        f->segs[f->nsegs++] = f->current = fresh;
    return rc;
}

/* The bytes behind the last block of the file, against what the entry says of them. */
static int block_check(struct relay_store *s, struct flow_block_head *h, struct err *e)
{
    const struct ledger_entry *n = &s->pending;
    const struct flow_segment *g = s->flow.current;
    uint8_t head[FLOW_BLOCK_HEAD];
    struct sha256 root;

    if (pread(g->fd, head, sizeof(head), (off_t)g->end) != FLOW_BLOCK_HEAD)
        return store_io(s, -EIO, e);
    if (!flow_block_head_read(head, g->salt, h) || h->length != s->part_length || h->length != n->stored ||
        h->first_seq != n->first || h->rows != n->records)
        return store_bad(e, "relay.block_other", n->no);
    int rc = flow_block_root(g->fd, g->end, h, &root);
    if (rc == -EBADMSG)
        return store_bad(e, "relay.block_damaged", n->no);
    if (rc < 0)
        return store_io(s, rc, e);
    return memcmp(root.b, n->root.b, sizeof(root.b)) == 0 ? 0 : store_bad(e, "relay.block_root", n->no);
}

int flows_take(struct relay_store *s, struct err *e)
{
    struct kept_flows *f = &s->flow;
    struct flow_segment *g = f->current;
    struct flow_block_head h;
    struct err again = {0};

    int rc = block_check(s, &h, e);
    if (rc < 0) {
        s->part = 0;
        if (flow_segment_cut(g, g->nblocks) < 0) /* cut again when the next block begins */
            log_event(LOG_ERROR, "relay_flows_cut", F_STR("file", str_c(g->path)));
        return rc;
    }
    if (!store_grow((void **)&f->staged, &f->staged_cap, f->nstaged, sizeof(*f->staged)) || !flow_segment_add(g, &h))
        return ERR(e, -ENOMEM, "journal.no_memory");
    f->staged[f->nstaged++] = (struct flow_staged){g, g->blocks[g->nblocks - 1]};
    s->st.bytes += h.length;
    if ((rc = store_entry_put(s, e)) == 0)
        return 0;
    f->nstaged--; /* its entry is not there, so it is not */
    s->st.bytes -= h.length;
    s->part = 0;
    if (flow_segment_cut(g, g->nblocks - 1) < 0)
        log_err(LOG_ERROR, "relay_flows_cut", &again);
    return rc;
}

int flows_sync(struct relay_store *s, struct err *e)
{
    const struct kept_flows *f = &s->flow;

    for (size_t i = 0; i < f->nstaged; i++) {
        const struct flow_segment *g = f->staged[i].g;
        if ((i + 1 == f->nstaged || f->staged[i + 1].g != g) && fdatasync(g->fd) < 0)
            return store_io(s, -errno, e);
    }
    return 0;
}

int flows_places(struct relay_store *s, uint64_t *base, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < s->flow.nstaged && rc == 0; i++) {
        const struct flow_block_head *h = &s->flow.staged[i].b->head;
        rc = store_place_make(s, LEDGER_FLOW, h->first_seq, h->rows, &base[i], e);
    }
    return rc;
}

void flows_show(struct relay_store *s, const uint64_t *base)
{
    for (size_t i = 0; i < s->flow.nstaged; i++) {
        const struct flow_staged *t = &s->flow.staged[i];
        struct err e = {0};
        if (s->cfg.flows != NULL && flow_guest_add(s->cfg.flows, t->g, t->b, base[i], s->name, &e) < 0)
            log_err(LOG_ERROR, "relay_show", &e); /* kept and provable; queried after a restart */
        shown_count(s, &t->b->head);
    }
    s->flow.nstaged = 0;
}

/* ---- how long they are kept ---- */

/* As of lines: only what a head signs, and never the newest. */
static bool may_go(const struct relay_store *s)
{
    const struct kept_flows *f = &s->flow;

    return f->nsegs > 1 && f->segs[0] != f->current && f->segs[0]->nblocks > 0 &&
           flow_segment_next(f->segs[0]) <= s->signed_next[LEDGER_FLOW];
}

static int64_t day_end(const struct flow_segment *g) { return ((int64_t)g->day + 1) * day_ns - zone_ns; }

int64_t flows_received_before(const struct relay_store *s) { return may_go(s) ? day_end(s->flow.segs[0]) : INT64_MAX; }

/* The flows' own times are the exporters': they count as far as they lie in the day. */
int64_t flows_oldest(const struct relay_store *s)
{
    if (!may_go(s))
        return INT64_MAX;
    int64_t end = day_end(s->flow.segs[0]) - 1, begin = end - day_ns + 1, at = s->flow.segs[0]->time_max;
    return at < begin ? begin : at > end ? end : at;
}

static void seg_close(struct relay_store *s, struct flow_segment *g)
{
    if (s->cfg.flows == NULL) {
        flow_segment_unref(g);
        return;
    }
    flow_guest_drop(s->cfg.flows, g);
    flow_guest_unref(s->cfg.flows, g);
}

void flows_first_forget(struct relay_store *s)
{
    const struct flow_segment *g = s->flow.segs[0];

    s->st.flow_blocks -= g->nblocks;
    for (size_t b = 0; b < g->nblocks; b++) {
        s->st.flows -= g->blocks[b]->head.rows;
        s->st.bytes -= g->blocks[b]->head.length;
    }
    flows_first_drop(s);
}

void flows_first_drop(struct relay_store *s)
{
    struct flow_segment *g = s->flow.segs[0];

    seg_out(&s->flow, 0);
    unlink(g->path);
    seg_close(s, g);
}

void flows_close(struct relay_store *s)
{
    for (size_t i = 0; i < s->flow.nsegs; i++)
        seg_close(s, s->flow.segs[i]);
    free(s->flow.segs);
    free(s->flow.staged);
}

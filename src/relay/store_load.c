/* Reading a relay's folder back, and cutting it to what its last head signs. */
#include "relay/store-int.h"
#include "journal/archive.h"
#include "relay/ceiling.h"
#include "base/file.h"
#include "base/log.h"
#include "intake/event.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

bool store_grow(void **p, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return true;
    size_t more = *cap == 0 ? 64 : *cap * 2;
    void *q = reallocarray(*p, more, size);
    if (q == NULL)
        return false;
    *p = q;
    *cap = more;
    return true;
}

/* ---- numbers in the centre's journal ---- */

static size_t place_at(const struct places *p, uint64_t first)
{
    size_t lo = 0, hi = p->n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (p->v[mid].first < first)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct place *store_place(const struct relay_store *s, enum ledger_stream of, uint64_t first)
{
    const struct places *p = &s->places[of];
    size_t at = place_at(p, first);
    return at < p->n && p->v[at].first == first ? &p->v[at] : NULL;
}

static bool place_keep(struct places *all, struct place p)
{
    size_t at = place_at(all, p.first);

    if (at < all->n && all->v[at].first == p.first) {
        all->v[at] = p; /* the later record counts */
        return true;
    }
    if (!store_grow((void **)&all->v, &all->cap, all->n, sizeof(p)))
        return false;
    memmove(all->v + at + 1, all->v + at, (all->n - at) * sizeof(p));
    all->v[at] = p;
    all->n++;
    return true;
}

static uint8_t *put64(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        *p++ = (uint8_t)(v >> 8 * i);
    return p;
}

int store_place_make(struct relay_store *s, enum ledger_stream of, uint64_t first, uint64_t count, uint64_t *base,
                     struct err *e)
{
    const struct place *old = store_place(s, of, first);
    uint8_t rec[PLACE_BYTES] = {0};

    if (of == LEDGER_FLOW ? s->cfg.flows == NULL : s->cfg.journal == NULL)
        return 0;
    if (old != NULL && old->count == count) { /* it came once before a crash */
        *base = old->base;
        return 0;
    }
    struct place p = {first, count,
                      of == LEDGER_FLOW ? flow_guest_reserve(s->cfg.flows, count)
                                        : journal_guest_reserve(s->cfg.journal, count)};
    *put64(put64(put64(rec, p.first), p.count), p.base) = (uint8_t)of;
    uint32_t crc = crc32c(0, rec, PLACE_BYTES - 4);
    memcpy(rec + PLACE_BYTES - 4,
           (uint8_t[]){(uint8_t)crc, (uint8_t)(crc >> 8), (uint8_t)(crc >> 16), (uint8_t)(crc >> 24)}, 4);
    int rc = fd_write_all(s->places_fd, rec, sizeof(rec));
    if (rc < 0)
        return store_io(s, rc, e);
    if (!place_keep(&s->places[of], p))
        return ERR(e, -ENOMEM, "journal.no_memory");
    *base = p.base;
    return 0;
}

static int places_read(struct relay_store *s, struct err *e)
{
    uint8_t rec[PLACE_BYTES];
    uint64_t good = 0;
    int n;

    while ((n = fd_read_full(s->places_fd, rec, sizeof(rec))) == PLACE_BYTES) {
        rd r = rd_init(rec, sizeof(rec));
        struct place p = {rd_u64le(&r), rd_u64le(&r), rd_u64le(&r)};
        uint32_t of = rd_u32le(&r);
        if (rd_u32le(&r) != crc32c(0, rec, PLACE_BYTES - 4) || of >= STREAMS)
            break;
        if (!place_keep(&s->places[of], p))
            return ERR(e, -ENOMEM, "journal.no_memory");
        good++;
    }
    if (n < 0)
        return ERR(e, n, "journal.read", s->dir);
    if (ftruncate(s->places_fd, (off_t)(good * PLACE_BYTES)) < 0 || lseek(s->places_fd, 0, SEEK_END) < 0)
        return store_io(s, -errno, e);
    return 0;
}

/* ---- the chain ---- */

static int heads_read(struct relay_store *s, struct ledger_head *last, struct err *e)
{
    uint8_t bytes[LEDGER_HEAD];
    struct ledger_scan sc;
    struct err why = {0};
    char hex[65];
    int rc = ledger_scan_open(s->dir, "heads", LEDGER_HEAD, &sc, e);

    if (rc < 0)
        return rc;
    uint64_t all = sc.size / LEDGER_HEAD;
    while (s->chain.no < all && (rc = ledger_scan_next(&sc, bytes)) == 1)
        if (head_chain_next(&s->chain, bytes, last, &why) < 0)
            break;
    ledger_scan_close(&sc);
    if (rc < 0)
        return ERR(e, rc, "journal.read", s->dir);
    if (why.code != 0 && s->chain.no + 1 < all) { /* more than a torn end: this copy was changed */
        *e = why;
        return why.code;
    }
    sha256_hex(s->chain.anchor, hex);
    if (s->chain.no > 0 && !str_eq_nocase(str_c(hex), str_c(s->anchor)))
        return ERR(e, -EBADMSG, "relay.anchor", hex, s->anchor);
    return ftruncate(s->heads_fd, (off_t)(s->chain.no * LEDGER_HEAD)) < 0 ? store_io(s, -errno, e) : 0;
}

static int entries_read(struct relay_store *s, const struct ledger_head *last, struct err *e)
{
    uint8_t bytes[LEDGER_ENTRY];
    struct ledger_entry n;
    struct ledger_scan sc;
    int rc = ledger_scan_open(s->dir, "ledger", LEDGER_ENTRY, &sc, e);

    if (rc < 0)
        return rc;
    while (s->edge.size < s->chain.entries && (rc = ledger_scan_next(&sc, bytes)) == 1) {
        if (!ledger_entry_read(bytes, &n) || n.no != s->edge.size)
            break;
        merkle_edge_add(&s->edge, merkle_leaf((str){(const char *)bytes, LEDGER_ENTRY - 4}));
        store_note_entry(s, &n);
        if (n.type == LEDGER_BLOCK && n.stream <= LEDGER_FLOW && n.first >= s->deleted_to[n.stream])
            *(n.stream == LEDGER_FLOW ? &s->st.missing_flows : &s->st.missing_events) += n.records;
    }
    ledger_scan_close(&sc);
    if (rc < 0)
        return ERR(e, rc, "journal.read", s->dir);
    struct sha256 root = merkle_edge_root(&s->edge);
    if (s->chain.no > 0 && (s->edge.size != s->chain.entries || memcmp(root.b, last->root.b, sizeof(root.b)) != 0))
        return ERR(e, -EBADMSG, "relay.copy_changed", s->dir);
    s->signed_edge = s->edge;
    memcpy(s->signed_next, s->next, sizeof(s->next));
    return 0;
}

/* ---- files ---- */

void store_name(const struct relay_store *s, struct segment *g) { memcpy(g->relay, s->name, sizeof(g->relay)); }

/* What lies behind the last signed event; a file without blocks goes. */
static int segment_cut(struct relay_store *s, struct segment *g, struct err *e)
{
    size_t n = g->nblocks;

    while (n > 0 && g->blocks[n - 1].head.first_seq >= s->signed_next[LEDGER_LOG])
        n--;
    if (n < g->nblocks) {
        g->end = g->blocks[n].off;
        g->nblocks = n;
        g->received_max = INT64_MIN;
        for (size_t b = 0; b < n; b++)
            if (g->blocks[b].head.received_max > g->received_max)
                g->received_max = g->blocks[b].head.received_max;
    }
    if (!g->indexed || n == 0)
        segment_trim(g);
    if (g->size < g->end || (g->size > g->end && !g->indexed))
        return store_io(s, -EIO, e);
    return 0;
}

int store_unstage(struct relay_store *s, struct err *e)
{
    int rc = 0;

    s->waiting = false;
    s->part = 0;
    s->current = NULL;
    for (size_t i = 0; i < s->nstaged; i++)
        s->st.bytes -= s->staged[i].b.head.length;
    s->nstaged = 0;
    s->edge = s->signed_edge;
    memcpy(s->next, s->signed_next, sizeof(s->next));
    for (size_t i = s->nsegs; rc == 0 && i > 0; i--) {
        struct segment *g = s->segs[i - 1];
        bool touched = g->nblocks == 0 || segment_next_seq(g) > s->signed_next[LEDGER_LOG] || !g->indexed;
        if (touched && segment_next_seq(g) > s->signed_next[LEDGER_LOG])
            g->indexed = false;
        if (touched)
            rc = segment_cut(s, g, e);
        if (rc == 0 && g->nblocks == 0) {
            unlink(g->path);
            segment_free(g); /* no search knows a file without blocks */
            memmove(s->segs + i - 1, s->segs + i, (s->nsegs - i) * sizeof(*s->segs));
            s->nsegs--;
        }
    }
    if (rc == 0)
        rc = flows_unstage(s, e);
    if (rc == 0 && ftruncate(s->ledger_fd, (off_t)(s->edge.size * LEDGER_ENTRY)) < 0)
        rc = store_io(s, -errno, e);
    return rc;
}

static int by_number(const void *a, const void *b)
{
    const struct segment *x = *(struct segment *const *)a, *y = *(struct segment *const *)b;
    return x->no < y->no ? -1 : x->no > y->no;
}

static int segments_read(struct relay_store *s, struct err *e)
{
    struct arena a = arena_init(64 << 20);
    str *names = NULL;
    size_t n = 0;
    uint64_t torn = 0;
    uint32_t no;
    int rc = file_list(&a, s->dir, STR(".luy"), SEGMENTS_MAX, &names, &n, e);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct err why = {0};
        if (!segment_name_parse(names[i], &no))
            continue;
        if (!store_grow((void **)&s->segs, &s->segs_cap, s->nsegs, sizeof(*s->segs))) {
            rc = ERR(e, -ENOMEM, "journal.no_memory");
        } else if (segment_open(s->dir, arena_cstr(&a, names[i]), UINT64_MAX, &s->segs[s->nsegs], &torn, &why) == 0) {
            store_name(s, s->segs[s->nsegs++]);
        } else if (why.code == -EBADMSG) { /* told; verify names it; its blocks are not searched */
            log_err(LOG_ERROR, "relay_segment", &why);
        } else {
            rc = why.code;
            *e = why;
        }
    }
    arena_free(&a);
    if (s->nsegs > 0)
        qsort(s->segs, s->nsegs, sizeof(*s->segs), by_number);
    return rc;
}

/* What had numbers here and was deleted. */
static void gone_tell(const struct relay_store *s)
{
    const struct places *p = &s->places[LEDGER_LOG];

    for (size_t i = 0; i < p->n && s->cfg.journal != NULL; i++)
        if (p->v[i].first < s->deleted_to[LEDGER_LOG])
            journal_guest_was(s->cfg.journal, s->name, p->v[i].base, p->v[i].count);
    p = &s->places[LEDGER_FLOW];
    for (size_t i = 0; i < p->n && s->cfg.flows != NULL; i++)
        if (p->v[i].first < s->deleted_to[LEDGER_FLOW])
            flow_guest_was(s->cfg.flows, s->name, p->v[i].base, p->v[i].count);
}

static int blocks_show(struct relay_store *s, struct err *e)
{
    int rc = 0;

    gone_tell(s);
    for (size_t i = 0; i < s->nsegs; i++)
        for (size_t b = 0; b < s->segs[i]->nblocks && rc == 0; b++) {
            const struct block_info *x = &s->segs[i]->blocks[b];
            uint64_t base = 0;
            rc = store_place_make(s, LEDGER_LOG, x->head.first_seq, x->head.count, &base, e);
            if (rc == 0 && s->cfg.journal != NULL)
                rc = journal_guest_add(s->cfg.journal, s->segs[i], x, base, false, e);
            s->st.blocks++;
            s->st.events += x->head.count;
            s->st.bytes += x->head.length;
            s->st.missing_events -= x->head.count;
            s->st.last_ns = x->head.received_max > s->st.last_ns ? x->head.received_max : s->st.last_ns;
        }
    return rc < 0 ? rc : flows_show_all(s, e);
}

static int file_open(struct relay_store *s, const char *name, int flags, int *fd, struct err *e)
{
    char path[4096];

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", s->dir, name) >= sizeof(path))
        return ERR(e, -ENAMETOOLONG, "relay.write", s->dir);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);
    return *fd < 0 ? ERR(e, -errno, "relay.write", path) : 0;
}

int store_load(struct relay_store *s, struct err *e)
{
    struct ledger_head last = {0};
    int rc = file_open(s, "ledger", 0, &s->ledger_fd, e);

    if (rc == 0)
        rc = file_open(s, "heads", 0, &s->heads_fd, e);
    if (rc == 0)
        rc = file_open(s, "places", O_APPEND, &s->places_fd, e);
    if (rc == 0)
        rc = file_open(s, "deleted", O_APPEND, &s->deleted_fd, e);
    if (rc == 0)
        rc = file_sync_dir(s->dir, e);
    if (rc == 0)
        rc = store_deleted_read(s, e);
    if (rc == 0)
        rc = places_read(s, e);
    if (rc == 0)
        rc = heads_read(s, &last, e);
    if (rc == 0)
        rc = entries_read(s, &last, e);
    if (rc == 0)
        rc = segments_read(s, e);
    if (rc == 0)
        rc = flows_load(s, e);
    if (rc == 0 && s->cfg.journal != NULL && s->nsegs > 0 && s->name[0] != '\0')
        rc = journal_archive_guest_marks(s->cfg.journal, s->name, s->segs, s->nsegs, e);
    if (rc == 0 && s->cfg.journal != NULL && s->cfg.flows != NULL && s->flow.nsegs > 0 && s->name[0] != '\0')
        rc = journal_archive_guest_flow_marks(s->cfg.journal, s->cfg.flows, s->name, s->flow.segs, s->flow.nsegs, e);
    if (rc == 0)
        store_deleted_finish(s);
    if (rc == 0)
        rc = store_unstage(s, e);
    return rc < 0 ? rc : blocks_show(s, e);
}

/* ---- open and close ---- */

int relay_store_open(const struct relay_store_cfg *cfg, struct relay_store **out, struct err *e)
{
    struct relay_store *s = calloc(1, sizeof(*s));

    if (s == NULL || (s->dir = strdup(cfg->dir)) == NULL) {
        free(s);
        return ERR(e, -ENOMEM, "journal.no_memory");
    }
    s->cfg = *cfg;
    s->cfg.dir = s->dir;
    snprintf(s->name, sizeof(s->name), "%s", cfg->name != NULL ? cfg->name : "");
    snprintf(s->anchor, sizeof(s->anchor), "%.*s", STR_ARGS(cfg->anchor));
    s->ledger_fd = s->heads_fd = s->places_fd = s->deleted_fd = -1;
    for (int i = 0; i < STREAMS; i++)
        s->next[i] = s->signed_next[i] = 1;
    atomic_init(&s->oldest_ns, INT64_MAX);
    pthread_mutex_init(&s->turn, NULL);
    s->merkle = merkle_new();
    s->dec = block_dec_new();
    int rc = s->merkle == NULL || s->dec == NULL ? ERR(e, -ENOMEM, "journal.no_memory") : file_mkdirs(s->dir, 0700, e);
    if (rc == 0)
        rc = store_load(s, e);
    if (rc < 0) {
        relay_store_close(s);
        return rc;
    }
    store_turn(s);
    store_hand_begin(s);
    store_turn_end(s);
    if (cfg->ceiling != NULL && (rc = relay_ceiling_join(cfg->ceiling, s, e)) < 0) {
        relay_store_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void relay_store_close(struct relay_store *s)
{
    if (s == NULL)
        return;
    struct err e = {0};
    if (s->cfg.ceiling != NULL)
        relay_ceiling_leave(s->cfg.ceiling, s);
    if (s->ledger_fd >= 0 && (s->nstaged > 0 || s->flow.nstaged > 0 || s->part > 0) && store_unstage(s, &e) < 0)
        log_err(LOG_ERROR, "relay_unstage", &e);
    if (s->nsegs > 0 && s->segs[s->nsegs - 1]->nblocks > 0)
        segment_close_index(s->segs[s->nsegs - 1]);
    for (size_t i = 0; i < s->nsegs; i++) {
        if (s->cfg.journal == NULL) {
            segment_free(s->segs[i]);
            continue;
        }
        journal_guest_drop(s->cfg.journal, s->segs[i]);
        journal_segment_unref(s->cfg.journal, s->segs[i]);
    }
    flows_close(s);
    const int fds[] = {s->ledger_fd, s->heads_fd, s->places_fd, s->deleted_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    merkle_free(s->merkle);
    block_dec_free(s->dec);
    pthread_mutex_destroy(&s->turn);
    free(s->segs);
    free(s->staged);
    for (int i = 0; i < STREAMS; i++)
        free(s->places[i].v);
    free(s->dir);
    free(s);
}

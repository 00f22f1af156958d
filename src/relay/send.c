/* The relay's end of a line. */
#include "relay/send.h"
#include "base/rand.h"
#include "journal/flow_guest.h"
#include "journal/guest.h"
#include "journal/ledger.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 16, NEWS_MS = 500, PING_S = 30 };

struct sending {
    const struct relay_send *s;
    struct ledger *ledger;
    int ledger_fd, heads_fd;
    struct relay_in in;
    struct relay_sent acked;
    uint64_t entry, head, part;
    uint64_t last_segment[2]; /* by stream: number + 1 of the file that SEGMENT named */
    int unacked;
    uint64_t *refused_at;
    int64_t free_at; /* when the rate lets more go */
    struct err *e;
};

static int put(struct sending *x, enum relay_frame type, str a, str b)
{
    const struct relay_send *s = x->s;
    int64_t now = clock_mono(s->clk);

    if (s->rate > 0) {
        if (x->free_at > now && s->wait(s->ctx, x->free_at - now))
            return ERR(x->e, -ECANCELED, "relay.line");
        x->free_at =
            (x->free_at > now ? x->free_at : now) + (int64_t)(RELAY_FRAME_HEAD + a.n + b.n) * NS_PER_S / s->rate;
    }
    return relay_frame_write(&s->link, type, a, b, x->e);
}

static int read_record(struct sending *x, int fd, uint64_t no, uint8_t *out, size_t n)
{
    ssize_t k = pread(fd, out, n, (off_t)(no * n));
    return k == (ssize_t)n ? 0 : ERR(x->e, k < 0 ? -errno : -EIO, "journal.read", journal_dir(x->s->journal));
}

/* ---- answers ---- */

static int on_refuse(struct sending *x, rd *body)
{
    uint64_t entry = rd_u64le(body);
    uint32_t code = rd_u32le(body);
    char line[1000];

    rd_u32le(body);
    str why = rd_bytes(body, rd_left(body));
    *x->refused_at = entry;
    snprintf(line, sizeof(line), "event=relay_centre_refused entry=%llu code=%u why=\"%.*s\"",
             (unsigned long long)entry, code, why.n > 600 ? 600 : (int)why.n, why.n > 0 ? why.p : "");
    for (char *p = strstr(line, "why=\"") + 5; *p != '\0'; p++)
        *p = (*p == '"' && p[1] != '\0') || *p == '\\' || (unsigned char)*p < 0x20 ? '\'' : *p;
    if (x->s->say != NULL)
        x->s->say(x->s->ctx, code == ENOSPC ? 4 : 3, str_c(line));
    return ERR(x->e, code == ENOSPC ? -ENOSPC : -ECONNREFUSED, "relay.refused", N((int64_t)entry), S(why));
}

/* The first event and flow behind the entries that the centre has. */
static void note_acked(struct sending *x, uint64_t entries, uint64_t heads)
{
    uint8_t bytes[LEDGER_ENTRY];
    struct ledger_entry n;
    struct err quiet = {0};
    struct err *keep = x->e;

    x->e = &quiet;
    for (uint64_t no = x->acked.entries; no < entries && read_record(x, x->ledger_fd, no, bytes, LEDGER_ENTRY) == 0;
         no++)
        if (ledger_entry_read(bytes, &n) && n.type == LEDGER_BLOCK && n.stream <= LEDGER_FLOW)
            *(n.stream == LEDGER_FLOW ? &x->acked.next_flow : &x->acked.next) = n.first + n.records;
    x->e = keep;
    x->acked.entries = entries;
    x->acked.heads = heads;
    if (x->s->acked != NULL)
        x->s->acked(x->s->ctx, &x->acked);
}

/* Takes answers; waits for one when `must`. */
static int answers(struct sending *x, bool must)
{
    for (;;) {
        enum relay_frame type;
        rd body;
        int rc = relay_frame_read(&x->s->link, &x->in, must ? x->s->answer_ms : 0, &type, &body, x->e);
        if (rc == 0)
            return must ? ERR(x->e, -ETIMEDOUT, "relay.silent") : 0;
        if (rc < 0)
            return rc;
        if (type == RF_REFUSE)
            return on_refuse(x, &body);
        uint64_t entries = rd_u64le(&body), heads = rd_u64le(&body);
        if (type != RF_ACK || body.bad || heads > x->head || entries > x->entry)
            return ERR(x->e, -EBADMSG, "relay.frame");
        note_acked(x, entries, heads);
        x->unacked -= x->unacked > 0;
        must = false;
    }
}

/* The line broke while writing: perhaps the other side said why. */
static int last_words(struct sending *x, int rc)
{
    struct err told = {0}, *mine = x->e;

    if (rc != -EPIPE && rc != -ECONNRESET)
        return rc;
    x->e = &told;
    int why;
    do
        why = answers(x, true);
    while (why == 0);
    x->e = mine;
    if (why == -ECONNREFUSED || why == -ENOSPC) {
        *x->e = told;
        return why;
    }
    return rc;
}

/* ---- what is sent ---- */

static int send_skip(struct sending *x, const struct ledger_entry *n, enum relay_skip why)
{
    static const char *const names[] = {
        [RELAY_DROPPED] = "dropped", [RELAY_UNREADABLE] = "unreadable", [RELAY_REFUSED] = "refused"};
    const uint8_t body[4] = {(uint8_t)why};
    char line[300];

    snprintf(line, sizeof(line), "event=relay_block_lost reason=%s entry=%llu first=%llu %s=%llu", names[why],
             (unsigned long long)n->no, (unsigned long long)n->first, n->stream == LEDGER_FLOW ? "flows" : "events",
             (unsigned long long)n->records);
    if (x->s->say != NULL)
        x->s->say(x->s->ctx, 3, str_c(line));
    return put(x, RF_SKIP, (str){(const char *)body, 4}, STR_NONE);
}

/* A stored block as it lies in its file. */
struct stored {
    int fd;
    const char *path;
    uint64_t off, length, records;
    uint32_t file; /* its number */
};

static int send_bytes(struct sending *x, const struct stored *b)
{
    uint8_t chunk[RELAY_CHUNK], at[16];
    uint64_t length = b->length;
    int rc = 0;

    for (uint64_t off = x->part < length ? x->part : 0; rc == 0 && off < length;) {
        size_t n = length - off < sizeof(chunk) ? (size_t)(length - off) : sizeof(chunk);
        if (pread(b->fd, chunk, n, (off_t)(b->off + off)) != (ssize_t)n)
            return ERR(x->e, -EIO, "journal.read", b->path);
        for (int i = 0; i < 8; i++) {
            at[i] = (uint8_t)(off >> 8 * i);
            at[8 + i] = (uint8_t)(length >> 8 * i);
        }
        rc = put(x, RF_BYTES, (str){(const char *)at, sizeof(at)}, (str){(const char *)chunk, n});
        if (rc == 0)
            rc = answers(x, false);
        off += n;
    }
    return rc;
}

static int send_stored(struct sending *x, const struct ledger_entry *n, const struct stored *b)
{
    uint8_t head[SEG_HEAD_BYTES];
    uint64_t *last = &x->last_segment[n->stream];
    int rc = 0;

    _Static_assert((int)SEG_HEAD_BYTES == (int)FLOW_SEGMENT_HEAD, "one frame for both");
    if (b->records != n->records || b->length != n->stored || pread(b->fd, head, sizeof(head), 0) != SEG_HEAD_BYTES)
        return send_skip(x, n, RELAY_UNREADABLE);
    if (*last != (uint64_t)b->file + 1)
        rc = put(x, RF_SEGMENT, (str){(const char *)head, sizeof(head)}, STR_NONE);
    *last = (uint64_t)b->file + 1;
    return rc < 0 ? rc : send_bytes(x, b);
}

static int send_lines(struct sending *x, const struct ledger_entry *n)
{
    struct segment *g = NULL;
    struct block_info b;

    if (!journal_block_hold(x->s->journal, n->first, &g, &b))
        return send_skip(x, n, RELAY_DROPPED);
    int rc = send_stored(x, n, &(struct stored){g->fd, g->path, b.off, b.head.length, b.head.count, g->no});
    journal_segment_unref(x->s->journal, g);
    return rc;
}

static int send_flows(struct sending *x, const struct ledger_entry *n)
{
    struct flow_segment *g = NULL;
    struct flow_stored b;

    if (x->s->flows == NULL || !flow_block_hold(x->s->flows, n->first, &g, &b))
        return send_skip(x, n, RELAY_DROPPED);
    int rc = send_stored(x, n, &(struct stored){g->fd, g->path, b.off, b.head.length, b.head.rows, g->no});
    flow_guest_unref(x->s->flows, g);
    return rc;
}

static int send_block(struct sending *x, const struct ledger_entry *n)
{
    if (x->s->give_up == n->no)
        return send_skip(x, n, RELAY_REFUSED);
    return n->stream == LEDGER_FLOW ? send_flows(x, n) : send_lines(x, n);
}

static int send_entry(struct sending *x)
{
    uint8_t bytes[LEDGER_ENTRY];
    struct ledger_entry n;
    int rc = read_record(x, x->ledger_fd, x->entry, bytes, sizeof(bytes));

    if (rc == 0 && !ledger_entry_read(bytes, &n))
        rc = ERR(x->e, -EBADMSG, "journal.proof_entry_damaged", N((int64_t)x->entry));
    if (rc == 0)
        rc = put(x, RF_ENTRY, (str){(const char *)bytes, sizeof(bytes)}, STR_NONE);
    if (rc == 0 && n.type == LEDGER_BLOCK && n.stream <= LEDGER_FLOW)
        rc = send_block(x, &n);
    if (rc == 0)
        x->entry++;
    x->part = 0;
    return rc;
}

static int send_head(struct sending *x)
{
    uint8_t bytes[LEDGER_HEAD];
    struct ledger_head h;
    int rc = read_record(x, x->heads_fd, x->head, bytes, sizeof(bytes));

    if (rc == 0 && !ledger_head_read(bytes, &h))
        rc = ERR(x->e, -EBADMSG, "journal.proof_head_damaged", N((int64_t)x->head));
    while (rc == 0 && x->entry < h.entries)
        rc = x->s->wait(x->s->ctx, 0) ? ERR(x->e, -ECANCELED, "relay.line") : send_entry(x);
    if (rc == 0)
        rc = put(x, RF_HEAD, (str){(const char *)bytes, sizeof(bytes)}, STR_NONE);
    if (rc == 0) {
        x->head++;
        x->unacked++;
        rc = answers(x, x->unacked >= WINDOW);
    }
    return rc;
}

/* ---- the line ---- */

static int hello(struct sending *x)
{
    const struct relay_send *s = x->s;
    uint8_t body[40] = {RELAY_VERSION}, mine[LEDGER_HEAD];
    enum relay_frame type;
    char hex[65];
    rd r;

    ledger_anchor(x->ledger, hex);
    if (!hex_parse(str_c(hex), body + 8, 32))
        return ERR(x->e, -EIO, "relay.frame");
    int rc = put(x, RF_HELLO, (str){(const char *)body, sizeof(body)}, STR_NONE);
    if (rc == 0)
        rc = relay_frame_read(&s->link, &x->in, s->answer_ms, &type, &r, x->e);
    if (rc <= 0)
        return rc < 0 ? rc : ERR(x->e, -ETIMEDOUT, "relay.silent");
    if (type == RF_REFUSE)
        return on_refuse(x, &r);
    uint64_t entries = rd_u64le(&r), heads = rd_u64le(&r), have_heads, have_entries;
    str last = rd_bytes(&r, 32);
    x->part = rd_u64le(&r);
    if (type != RF_POINT || r.bad)
        return ERR(x->e, -EBADMSG, "relay.frame");
    ledger_extent(x->ledger, &have_entries, &have_heads);
    have_heads /= LEDGER_HEAD;
    have_entries /= LEDGER_ENTRY;
    if (heads > have_heads || entries > have_entries)
        return ERR(x->e, -EBADMSG, "relay.other_past", N((int64_t)heads), N((int64_t)have_heads));
    if (heads > 0) {
        rc = read_record(x, x->heads_fd, heads - 1, mine, sizeof(mine));
        struct sha256 h = sha256((str){(const char *)mine, sizeof(mine)});
        struct ledger_head at;
        if (rc == 0 && (memcmp(h.b, last.p, sizeof(h.b)) != 0 || !ledger_head_read(mine, &at) || at.entries > entries))
            rc = ERR(x->e, -EBADMSG, "relay.other_past", N((int64_t)heads), N((int64_t)have_heads));
        if (rc < 0)
            return rc;
        note_acked(x, at.entries, heads); /* what is staged there is not durable yet */
    }
    x->entry = entries;
    x->head = heads;
    return 0;
}

static int run(struct sending *x)
{
    const struct relay_send *s = x->s;
    uint64_t heads, entries;
    int64_t ping = clock_mono(s->clk) + PING_S * NS_PER_S;
    int rc = hello(x);

    while (rc == 0) {
        ledger_extent(x->ledger, &entries, &heads);
        heads /= LEDGER_HEAD;
        if (x->head < heads) {
            rc = send_head(x);
            ping = clock_mono(s->clk) + PING_S * NS_PER_S;
            continue;
        }
        if (x->unacked > 0) {
            rc = answers(x, true);
            continue;
        }
        if (s->until_done || s->wait(s->ctx, NEWS_MS * NS_PER_MS))
            return 0;
        if (ledger_sign(x->ledger, x->e) < 0) /* while the line is up a block does not wait for the minute's head */
            return x->e->code;
        if (clock_mono(s->clk) >= ping) {
            ping = clock_mono(s->clk) + PING_S * NS_PER_S;
            x->unacked++;
            rc = put(x, RF_PING, STR_NONE, STR_NONE);
        } else {
            rc = answers(x, false);
        }
    }
    return rc == -ECANCELED ? 0 : last_words(x, rc);
}

static int open_one(const char *dir, const char *name, int *fd, struct err *e)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    return *fd < 0 ? ERR(e, -errno, "journal.read", path) : 0;
}

int relay_send_run(const struct relay_send *s, uint64_t *entry, struct err *e)
{
    struct sending x = {
        .s = s, .ledger = journal_ledger(s->journal), .ledger_fd = -1, .heads_fd = -1, .refused_at = entry, .e = e};
    int rc = x.ledger == NULL ? ERR(e, -ENOTSUP, "journal.proof_none")
                              : open_one(journal_dir(s->journal), "ledger", &x.ledger_fd, e);

    x.acked.next = x.acked.next_flow = 1;
    if (rc == 0)
        rc = open_one(journal_dir(s->journal), "heads", &x.heads_fd, e);
    if (rc == 0)
        rc = run(&x);
    if (x.ledger_fd >= 0)
        close(x.ledger_fd);
    if (x.heads_fd >= 0)
        close(x.heads_fd);
    return rc;
}

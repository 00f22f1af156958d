/* The centre's end of a line. Whatever comes is hostile until the store has checked it. */
#include "relay/receive.h"
#include <errno.h>
#include <stdio.h>

enum { POLL_MS = 500 };

static void say(const struct relay_receive *r, int severity, const char *text)
{
    if (r->say != NULL)
        r->say(r->ctx, severity, str_c(text));
}

static int send_numbers(const struct relay_receive *r, enum relay_frame type, bool point, struct err *e)
{
    struct relay_point p;
    struct buf b;

    relay_store_point(r->store, &p);
    buf_init(&b, 256);
    if (point) {
        buf_u64(&b, p.entries);
        buf_u64(&b, p.heads);
        buf_add(&b, p.last.b, sizeof(p.last.b));
        buf_u64(&b, p.part);
    } else {
        struct relay_store_stats st;
        relay_store_stats(r->store, &st);
        buf_u64(&b, st.entries);
        buf_u64(&b, st.heads);
    }
    int rc =
        b.failed ? ERR(e, -ENOMEM, "journal.no_memory") : relay_frame_write(&r->link, type, buf_view(&b), STR_NONE, e);
    buf_done(&b);
    return rc;
}

static const char *const skip_names[] = {
    [RELAY_DROPPED] = "dropped", [RELAY_UNREADABLE] = "unreadable", [RELAY_REFUSED] = "refused"};

static int on_skip(const struct relay_receive *r, rd *body, struct err *e)
{
    uint32_t why = rd_u32le(body);
    struct ledger_entry gone;
    char text[400];

    if (body->bad || why < RELAY_DROPPED || why > RELAY_REFUSED)
        return ERR(e, -EBADMSG, "relay.frame");
    int rc = relay_store_skip(r->store, &gone, e);
    if (rc < 0)
        return rc;
    snprintf(text, sizeof(text), "event=relay_missing relay=%s reason=%s entry=%llu first=%llu %s=%llu", r->name,
             skip_names[why], (unsigned long long)gone.no, (unsigned long long)gone.first,
             gone.stream == LEDGER_FLOW ? "flows" : "events", (unsigned long long)gone.records);
    say(r, 4, text);
    return 0;
}

static void kept(const struct relay_receive *r)
{
    struct relay_store_stats st;

    if (r->kept == NULL)
        return;
    relay_store_stats(r->store, &st);
    r->kept(r->ctx, &st);
}

static int on_head(const struct relay_receive *r, const uint8_t *bytes, struct err *e)
{
    int rc = relay_store_head(r->store, bytes, e);

    if (rc < 0)
        return rc;
    kept(r);
    rc = send_numbers(r, RF_ACK, false, e);
    if (rc == 0)
        relay_store_hand(r->store); /* it is kept whatever becomes of this; tick tries again */
    kept(r);
    return rc;
}

/* A frame of exactly n bytes; NULL and e when it is another. */
static const uint8_t *exact(rd *body, size_t n, struct err *e)
{
    if (rd_left(body) == n)
        return body->p;
    ERR(e, -EBADMSG, "relay.frame");
    return NULL;
}

static int on_frame(const struct relay_receive *r, enum relay_frame type, rd *body, struct err *e)
{
    const uint8_t *p;

    switch (type) {
    case RF_ENTRY:
        return (p = exact(body, LEDGER_ENTRY, e)) != NULL ? relay_store_entry(r->store, p, e) : e->code;
    case RF_SEGMENT:
        return (p = exact(body, SEG_HEAD_BYTES, e)) != NULL ? relay_store_segment(r->store, p, e) : e->code;
    case RF_HEAD:
        return (p = exact(body, LEDGER_HEAD, e)) != NULL ? on_head(r, p, e) : e->code;
    case RF_BYTES: {
        uint64_t off = rd_u64le(body), length = rd_u64le(body);
        str bytes = rd_bytes(body, rd_left(body));
        return body->bad ? ERR(e, -EBADMSG, "relay.frame") : relay_store_bytes(r->store, off, length, bytes, e);
    }
    case RF_SKIP:
        return on_skip(r, body, e);
    case RF_PING:
        return send_numbers(r, RF_ACK, false, e);
    default:
        return ERR(e, -EPROTO, "relay.turn");
    }
}

/* Says why, and lets the other side read it: a line closed at once may lose the words. */
static void refuse(const struct relay_receive *r, const struct err *why)
{
    char text[700], line[1000];
    struct relay_point p;
    struct err e = {0};
    struct buf b;

    relay_store_point(r->store, &p);
    err_sentence(why, LANG_EN, text, sizeof(text));
    buf_init(&b, 1024);
    buf_u64(&b, p.entries);
    buf_u32(&b, (uint32_t)-why->code);
    buf_u32(&b, 0);
    relay_frame_write(&r->link, RF_REFUSE, buf_view(&b), str_c(text), &e);
    buf_done(&b);
    for (char *q = text; *q != '\0'; q++)
        *q = *q == '"' || *q == '\\' ? '\'' : *q;
    snprintf(line, sizeof(line), "event=relay_refused relay=%s entry=%llu code=%d why=\"%s\"", r->name,
             (unsigned long long)p.entries, -why->code, text);
    say(r, why->code == -ENOSPC ? 4 : 3, line);
    for (uint8_t scrap[4096]; r->link.read(r->link.ctx, scrap, sizeof(scrap), POLL_MS) > 0 && !*r->stop;)
        ;
}

static int hello(const struct relay_receive *r, struct relay_in *in, struct err *e)
{
    enum relay_frame type;
    rd body;
    int rc = relay_frame_read(&r->link, in, r->idle_ms, &type, &body, e);

    if (rc <= 0)
        return rc < 0 ? rc : ERR(e, -EPIPE, "relay.line");
    uint32_t version = rd_u32le(&body);
    if (type != RF_HELLO || version != RELAY_VERSION)
        return ERR(e, -EPROTO, "relay.version", N(version), N(RELAY_VERSION));
    return send_numbers(r, RF_POINT, true, e);
}

int relay_receive_run(const struct relay_receive *r, struct err *e)
{
    struct relay_in in = {.have = 0};
    int rc = hello(r, &in, e), silent = 0;

    while (rc >= 0 && !*r->stop && silent < r->idle_ms) {
        enum relay_frame type;
        rd body;
        rc = relay_frame_read(&r->link, &in, POLL_MS, &type, &body, e);
        silent = rc == 0 ? silent + POLL_MS : 0;
        if (rc >= 0 && r->tick != NULL)
            r->tick(r->ctx);
        if (rc == 1)
            rc = on_frame(r, type, &body, e);
    }
    if (rc == -EPIPE || rc == -ECONNRESET)
        return 0;
    if (rc < 0)
        refuse(r, e);
    return rc < 0 ? rc : 0;
}

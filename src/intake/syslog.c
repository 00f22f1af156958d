/* Entry of the syslog parser: looks over the bytes once, reads the PRI, picks
 * the header form. Owns nothing; spans point into the caller's bytes. */
#include "intake/syslog-int.h"
#include "base/clock.h"
#include "base/text.h"

enum { FACILITY_USER = 1, SEVERITY_NOTICE = 5, PRI_MAX = 191 };
#define HIGHS 0x8080808080808080ull

typedef uint8_t bytes16 __attribute__((vector_size(16)));

/* One pass for what is rare, sixteen bytes at a time, the last ones twice: a NUL
 * inside, and bytes over 0x7f, which alone make the costly UTF-8 check worth its
 * time. */
static uint16_t bytes_flags(const char *p, size_t n)
{
    bytes16 high = {0}, nul = {0}, v;
    char few[sizeof(v)];
    uint64_t h[2], z[2];
    uint16_t flags = 0;

    if (n < sizeof(v)) {
        memset(few, 1, sizeof(few));
        memcpy(few, p, n);
    }
    const char *from = n < sizeof(v) ? few : p, *last = n < sizeof(v) ? few : p + n - sizeof(v);
    for (const char *q = from;; q = (size_t)(last - q) < sizeof(v) ? last : q + sizeof(v)) {
        memcpy(&v, q, sizeof(v));
        high |= v;
        nul |= (bytes16)(v == 0);
        if (q == last)
            break;
    }
    memcpy(h, &high, sizeof(h));
    memcpy(z, &nul, sizeof(z));
    if (z[0] | z[1])
        flags |= EV_HAS_NUL;
    if (((h[0] | h[1]) & HIGHS) && !utf8_valid((str){p, n}))
        flags |= EV_BAD_UTF8;
    return flags;
}

/* "<" 1*DIGIT ">". Without one the message counts as user.notice (RFC 3164,
 * 4.3.3); a number over 191 does too, but is eaten: it was meant as a PRI. */
static bool pri_read(struct syslog_cur *c)
{
    const char *q = c->p + 1;
    unsigned v = 0;

    c->ev->facility = FACILITY_USER;
    c->ev->severity = SEVERITY_NOTICE;
    if (!cur_is(c, '<') || q == c->end || !is_digit(*q)) {
        c->ev->flags |= EV_NO_PRI;
        return false;
    }
    for (; q < c->end && is_digit(*q) && q - c->p <= 10; q++)
        v = v > PRI_MAX ? v : v * 10 + (unsigned)(*q - '0');
    if (q == c->end || *q != '>') {
        c->ev->flags |= EV_BAD_PRI;
        return false;
    }
    if (v > PRI_MAX || (q - c->p > 2 && c->p[1] == '0') || q - c->p > 4)
        c->ev->flags |= EV_BAD_PRI;
    if (v <= PRI_MAX) {
        c->ev->facility = (uint8_t)(v >> 3);
        c->ev->severity = v & 7;
    }
    c->p = q + 1;
    return true;
}

/* "1 " and then a time or "-": the version alone could be a sequence number. */
static bool is_5424(const struct syslog_cur *c)
{
    const char *p = c->p;
    size_t n = cur_left(c);

    if (n < 3 || p[0] != '1' || p[1] != ' ')
        return false;
    if (p[2] == '-')
        return n == 3 || p[3] == ' ';
    return n >= 7 && is_digit(p[2]) && is_digit(p[3]) && is_digit(p[4]) && is_digit(p[5]) && p[6] == '-';
}

static void bom_skip(struct syslog_cur *c)
{
    if (cur_starts(c, "\xef\xbb\xbf", 3))
        c->p += 3;
}

void stamp_apply(struct syslog_cur *c, enum stamp st, int64_t ns)
{
    if (st == STAMP_BAD)
        c->ev->flags |= EV_BAD_TIME;
    if (st != STAMP_OK)
        return;
    c->ev->event_ns = ns;
    int64_t diff;
    if (__builtin_sub_overflow(ns, c->received, &diff) || diff > 86400 * NS_PER_S || diff < -86400 * NS_PER_S)
        c->ev->flags |= EV_TIME_JUMP;
}

void syslog_parse_tz(str raw, int64_t received_ns, int tz_minutes, struct event *ev)
{
    size_t n = raw.n < EVENT_RAW_MAX ? raw.n : EVENT_RAW_MAX;
    struct syslog_cur c = {raw.p, raw.p, raw.p, received_ns, tz_minutes, false, ev};

    ev->received_ns = ev->event_ns = received_ns;
    ev->flags = n < raw.n ? EV_TRUNCATED : 0;
    ev->format = FMT_RAW;
    memset(ev->span, 0, sizeof(ev->span));
    ev->raw = (str){raw.p, n};
    while (n > 0 && (raw.p[n - 1] == '\n' || raw.p[n - 1] == '\r' || raw.p[n - 1] == '\0'))
        n--;
    if (n > 0) {
        c.end += n;
        ev->flags |= bytes_flags(raw.p, n);
    }
    bom_skip(&c);
    c.pri = pri_read(&c);
    if (is_5424(&c)) {
        c.p += 2;
        syslog_5424(&c);
    } else if (!syslog_vendor(&c)) {
        syslog_3164(&c);
    }
    ev->flags |= (ev->span[SP_HOST].len == 0 ? EV_NO_HOST : 0) | (ev->span[SP_PROGRAM].len == 0 ? EV_NO_TAG : 0);
}

void syslog_parse(str raw, int64_t received_ns, struct event *ev)
{
    syslog_parse_tz(raw, received_ns, SYSLOG_TZ_DEFAULT, ev);
}

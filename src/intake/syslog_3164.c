/* RFC 3164 headers and their relatives. The order of the header is known
 * (marks, time, host, tag), every part of it may be absent. Owns nothing. */
#include "intake/syslog-int.h"
#include "base/ip.h"

enum { TAG_MAX = 64, PID_MAX = 128, SEQ_MAX = 20, HOST_MAX = 255 };

static void space_skip(struct syslog_cur *c)
{
    while (cur_is(c, ' '))
        c->p++;
}

/* A character that ends or forbids a name: 1 in a tag, 2 in a host. */
static const uint8_t not_name[256] = {
    [0 ... ' '] = 3, ['"'] = 3, ['\''] = 3, [','] = 3, ['='] = 3, ['{'] = 3,           ['}'] = 3,
    ['<'] = 3,       ['>'] = 3, ['|'] = 3,  [';'] = 3, [':'] = 1, ['['] = 1,           [']'] = 1,
    ['('] = 2,       [')'] = 2, ['!'] = 2,  ['?'] = 2, ['*'] = 2, [0x7f ... 0xff] = 3,
};
static bool name_char(char ch, int of) { return !(not_name[(uint8_t)ch] & of); }

/* "[pid]" at p: the place behind it, or NULL. */
static const char *pid_end(const char *p, const char *end)
{
    const char *q = p + 1;

    while (q < end && q - p <= PID_MAX && *q > ' ' && *q < 0x7f && *q != ']' && *q != '[')
        q++;
    return q > p + 1 && q < end && *q == ']' ? q + 1 : NULL;
}

/* Whether a ':' here closes a tag: "a: b" always, "a:b" unless it looks like a
 * URL, a port, an address or a path. */
static bool colon_ends_tag(const char *p, const char *end)
{
    return p + 1 == end || p[1] == ' ' || (is_alpha(p[1]) && is_alpha(p[-1]));
}

static void tag_take(struct syslog_cur *c, const char *from, const char *to, const char *pid, const char *after)
{
    cur_span(c, SP_PROGRAM, from, to);
    if (pid != NULL)
        cur_span(c, SP_PID, to + 1, pid - 1);
    c->p = after;
    if (cur_is(c, ':'))
        c->p++;
    if (cur_is(c, ' '))
        c->p++;
}

/* A tag that holds spaces: only a pid and a colon behind it make it sure. */
static bool tag_spaced(struct syslog_cur *c)
{
    const char *limit = cur_left(c) > TAG_MAX ? c->p + TAG_MAX : c->end;

    for (const char *q = c->p; q < limit && (*q == ' ' || name_char(*q, 1) || *q == '['); q++) {
        if (*q != '[' || q == c->p)
            continue;
        const char *pid = pid_end(q, c->end);
        if (pid == NULL || pid == c->end || *pid != ':' || !is_digit(q[1]))
            return false;
        tag_take(c, c->p, q, pid, pid);
        return true;
    }
    return false;
}

/* TAG[pid]: with or without pid, colon, space. */
static bool tag_read(struct syslog_cur *c)
{
    const char *q = c->p, *limit = cur_left(c) > TAG_MAX ? c->p + TAG_MAX : c->end;

    while (q < limit && not_name[(uint8_t)*q] == 0)
        q++;
    for (int depth = 0; q < limit && (name_char(*q, 1) || (depth > 0 && *q == ':')); q++)
        depth += *q == '(' ? 1 : *q == ')' ? -1 : 0; /* "pam_unix(sshd:auth):" */
    if (q > c->p && q < c->end && *q == ':' && colon_ends_tag(q, c->end)) {
        tag_take(c, c->p, q, NULL, q);
        return true;
    }
    const char *pid = q > c->p && q < c->end && *q == '[' ? pid_end(q, c->end) : NULL;
    if (pid != NULL && (pid == c->end || *pid == ':' || *pid == ' ')) {
        tag_take(c, c->p, q, pid, pid);
        return true;
    }
    return tag_spaced(c);
}

/* A word may be a host when its characters allow it and it is no tag. */
static const char *host_end(const struct syslog_cur *c)
{
    const char *q = c->p;
    struct ip ip;

    while (q < c->end && name_char(*q, 2))
        q++;
    if (q == c->p || q == c->end || *q != ' ' || q - c->p > HOST_MAX || *c->p == '%')
        return NULL;
    if (q[-1] == ':' && !ip_parse((str){c->p, (size_t)(q - c->p)}, &ip))
        return NULL; /* "sshd:" */
    const char *b = q[-1] == ']' ? memchr(c->p, '[', (size_t)(q - c->p)) : NULL;
    if (b != NULL && b > c->p) {
        const char *d = b + 1;
        while (is_digit(*d))
            d++;
        if (d == q - 1)
            return NULL; /* "sshd[123]" */
    }
    return q;
}

/* AIX puts the first receiver in front: "Message forwarded from HOST: ..." */
static bool forwarded_read(struct syslog_cur *c)
{
    static const char lit[] = "Message forwarded from ";
    size_t n = sizeof(lit) - 1;

    if (!cur_starts(c, lit, n))
        return false;
    const char *from = c->p + n, *q = from;
    while (q < c->end && name_char(*q, 2) && !(*q == ':' && (q + 1 == c->end || q[1] == ' ')))
        q++;
    if (q == from || q == c->end || *q != ':')
        return false;
    cur_span(c, SP_HOST, from, q);
    c->p = q + 1;
    space_skip(c);
    return true;
}

static void host_read(struct syslog_cur *c)
{
    static const char repeated[] = "last message repeated ";

    if (forwarded_read(c) || cur_starts(c, repeated, sizeof(repeated) - 1))
        return;
    const char *q = host_end(c), *colon = q == NULL ? cur_find(c, ':') : c->end;
    if (c->end - colon > 2 && colon > c->p && memcmp(colon, ": %", 3) == 0) {
        q = colon; /* "router: %SYS-5-..." */
        for (const char *h = c->p; h < q; h++)
            if (!name_char(*h, 2))
                return;
    }
    if (q == NULL)
        return;
    cur_span(c, SP_HOST, c->p, q);
    c->p = q;
    space_skip(c);
    forwarded_read(c);
    for (q = c->p; q < c->end && is_digit(*q);)
        q++;
    if (c->end - q > 2 && memcmp(q, ": %", 3) == 0) /* "host : %ASA-6-...", "host 123: %SYS-..." */
        c->p = q + 2;
}

/* What Cisco writes in front of the time: "123: ", "R1: ", "*" or "." for a
 * clock that is not set. Stands only when a time or a mnemonic follows. */
static enum stamp marks_and_time(struct syslog_cur *c, int64_t *ns)
{
    const char *start = c->p, *from = NULL, *to = NULL;
    bool unsync = false;

    for (int prefix = 0; prefix < 4; prefix++) {
        const char *p = c->p;
        unsync = p < c->end && (*p == '*' || *p == '.');
        p += unsync;
        enum stamp st = stamp_bsd(&p, c->end, c->tz, c->received, ns);
        if (st == STAMP_NONE)
            st = stamp_iso(&p, c->end, c->tz, ns);
        if (from != NULL && st != STAMP_NONE && (p == c->end || *p != ':'))
            break; /* "app: Mar  1 ...": a tag, not a router */
        if (st != STAMP_NONE || (prefix > 0 && cur_is(c, '%'))) {
            if (unsync)
                c->ev->flags |= EV_CLOCK_UNSYNC;
            if (from != NULL)
                cur_span(c, SP_HOST, from, to);
            if (st != STAMP_NONE)
                c->p = p;
            return st;
        }
        const char *q = c->p;
        while (q < c->end && q - c->p <= TAG_MAX && name_char(*q, 2) && *q != ':')
            q++;
        if (q == c->end || *q != ':' || q + 1 == c->end || q[1] != ' ')
            break;
        bool seq = true;
        for (const char *d = c->p; d < q; d++)
            seq = seq && is_digit(*d);
        if (!seq)
            from = c->p, to = q;
        c->p = q + 1;
        space_skip(c);
    }
    c->p = start;
    return STAMP_NONE;
}

static void body_read(struct syslog_cur *c, bool timed, bool header)
{
    const char *rest;

    if (header && timed && c->ev->span[SP_HOST].len == 0)
        host_read(c);
    rest = c->p;
    if (syslog_mnemonic(c) || (header && tag_read(c)))
        c->ev->format = FMT_RFC3164;
    else
        c->p = rest;
    cur_msg(c);
}

void syslog_3164(struct syslog_cur *c)
{
    const char *begin = c->p;
    int64_t ns = 0;
    enum stamp st;

    st = marks_and_time(c, &ns);
    if (st == STAMP_NONE) {
        c->ev->flags |= EV_NO_TIME;
        body_read(c, false, c->pri);
        return;
    }
    stamp_apply(c, st, ns);
    /* "2026-03-01 12:00:00 WARN x" in a plain file is a program's own line; the
     * same behind a PRI is a device's header. */
    bool plain = !c->pri && is_digit(*begin) && begin[10] != 'T';
    c->ev->format = plain ? FMT_RAW : FMT_RFC3164;
    if (cur_is(c, ':'))
        c->p++;
    space_skip(c);
    body_read(c, true, !plain);
}

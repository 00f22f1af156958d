/* RFC 5424 after "<PRI>1 ": time, four names, structured data, message. What
 * breaks the grammar is flagged and the rest kept as message. Owns nothing. */
#include "intake/syslog-int.h"

enum { SD_NAME_MAX = 32 };

/* The next word and the single space behind it; "-" is an empty span. */
static void word_read(struct syslog_cur *c, enum event_span s)
{
    const char *from = c->p, *to = cur_find(c, ' ');

    if (to - from != 1 || *from != '-')
        cur_span(c, s, from, to);
    c->p = to < c->end ? to + 1 : to;
}

static void time_read(struct syslog_cur *c)
{
    const char *p = c->p;
    int64_t ns = 0;

    if (cur_is(c, '-') && (cur_left(c) == 1 || p[1] == ' ')) {
        c->ev->flags |= EV_NO_TIME;
        c->p += cur_left(c) == 1 ? 1 : 2;
        return;
    }
    enum stamp st = stamp_iso(&p, c->end, c->tz, &ns);
    if (st == STAMP_NONE || (p < c->end && *p != ' ')) {
        st = STAMP_BAD; /* a word where a time should be */
        p = cur_find(c, ' ');
    }
    stamp_apply(c, st, ns);
    c->p = p < c->end ? p + 1 : p;
}

static const char *sd_name(const char *p, const char *end, bool *good)
{
    const char *from = p;

    while (p<end && * p> ' ' && *p != '=' && *p != ']' && *p != '"' && *p != 0x7f)
        p++;
    if (p - from > SD_NAME_MAX)
        *good = false;
    return p > from ? p : NULL;
}

/* name="value"; escapes are \" \\ \], a backslash before anything else stands
 * for itself. A bare ']' in a value is against the grammar but not ambiguous. */
static const char *sd_param(const char *p, const char *end, bool *good)
{
    p = sd_name(p, end, good);
    if (p == NULL || end - p < 2 || p[0] != '=' || p[1] != '"')
        return NULL;
    for (p += 2; p < end && *p != '"'; p++) {
        if (*p == '\\' && end - p > 1)
            p += p[1] == '"' || p[1] == '\\' || p[1] == ']';
        else if (*p == ']')
            *good = false;
    }
    return p < end ? p + 1 : NULL;
}

static const char *sd_element(const char *p, const char *end, bool *good)
{
    p = sd_name(p + 1, end, good);
    while (p != NULL && p < end && *p == ' ')
        p = sd_param(p + 1, end, good);
    return p != NULL && p < end && *p == ']' ? p + 1 : NULL;
}

/* Leaves the cursor where the message begins. */
static void sd_read(struct syslog_cur *c)
{
    const char *p = c->p;
    bool good = true;

    if (cur_is(c, '-') && (cur_left(c) == 1 || p[1] == ' ')) {
        c->p += cur_left(c) == 1 ? 1 : 2;
        return;
    }
    good = cur_is(c, '[');
    while (p != NULL && p < c->end && *p == '[')
        p = sd_element(p, c->end, &good);
    if (p == NULL || !good || (p < c->end && *p != ' '))
        c->ev->flags |= EV_BAD_SD;
    if (p == NULL || p == c->p)
        return; /* no data at all: message from here */
    cur_span(c, SP_SD, c->p, p);
    c->p = p < c->end && *p == ' ' ? p + 1 : p;
}

void syslog_5424(struct syslog_cur *c)
{
    c->ev->format = FMT_RFC5424;
    time_read(c);
    word_read(c, SP_HOST);
    word_read(c, SP_PROGRAM);
    word_read(c, SP_PID);
    word_read(c, SP_MSGID);
    sd_read(c);
    if (cur_starts(c, "\xef\xbb\xbf", 3)) /* the mark of UTF-8 is not text */
        c->p += 3;
    cur_msg(c);
}

/* The syslog parser's inside: one cursor over one message, shared by the
 * header forms. A step either eats what it knows and says so, or leaves the
 * cursor where it was. */
#ifndef LUY_INTAKE_SYSLOG_INT_H
#define LUY_INTAKE_SYSLOG_INT_H
#include "intake/syslog.h"

struct syslog_cur {
    const char *base, *p, *end; /* end: before the trailing CR, LF, NUL */
    int64_t received;
    int tz;
    bool pri; /* one was read */
    struct event *ev;
};

enum stamp { STAMP_NONE, STAMP_OK, STAMP_BAD }; /* BAD: has the shape, is no time; eaten */

/* YYYY-MM-DD[T ]hh:mm:ss[.,fraction][Z|+hh:mm] */
enum stamp stamp_iso(const char **p, const char *end, int tz, int64_t *ns);
/* Mmm dd [YYYY] hh:mm:ss[.fraction] [YYYY] [zone], or YYYY Mmm dd ... */
enum stamp stamp_bsd(const char **p, const char *end, int tz, int64_t received, int64_t *ns);
void stamp_apply(struct syslog_cur *c, enum stamp st, int64_t ns);

void syslog_5424(struct syslog_cur *c);     /* after "<PRI>1 " */
void syslog_3164(struct syslog_cur *c);     /* after the PRI, if any */
bool syslog_vendor(struct syslog_cur *c);   /* a whole message without a header we know */
bool syslog_mnemonic(struct syslog_cur *c); /* %FAC-SEV-NAME: of Cisco, %%01MOD/sev/NAME of Huawei */

static inline bool is_digit(char ch) { return ch >= '0' && ch <= '9'; }
static inline bool is_alpha(char ch) { return (unsigned char)((ch | 0x20) - 'a') < 26; }
static inline size_t cur_left(const struct syslog_cur *c) { return (size_t)(c->end - c->p); }
static inline bool cur_is(const struct syslog_cur *c, char ch) { return c->p < c->end && *c->p == ch; }
static inline bool cur_starts(const struct syslog_cur *c, const char *lit, size_t n)
{
    return cur_left(c) >= n && *c->p == *lit && memcmp(c->p, lit, n) == 0;
}
static inline void cur_span(struct syslog_cur *c, enum event_span s, const char *from, const char *to)
{
    c->ev->span[s] = (struct span){(uint32_t)(from - c->base), (uint32_t)(to - from)};
}
static inline void cur_msg(struct syslog_cur *c) /* the rest is the message */
{
    cur_span(c, SP_MSG, c->p, c->end);
    c->p = c->end;
}
static inline const char *cur_find(const struct syslog_cur *c, char ch) /* end when absent */
{
    const char *q = c->p < c->end ? memchr(c->p, ch, (size_t)(c->end - c->p)) : NULL;
    return q != NULL ? q : c->end;
}
#endif

/* Messages that carry their own structure where a syslog header should stand:
 * FortiGate's key=value lines, and the mnemonics of Cisco and Huawei. One row a
 * form; adding a vendor is adding a row. Owns nothing. */
#include "intake/syslog-int.h"
#include "base/clock.h"

enum { MNEMONIC_MAX = 80, KV_SCAN = 16 };

/* %FAC-SEV-NAME: (Cisco IOS, NX-OS, ASA) and %%01MOD/SEV/NAME(l)[seq]: (Huawei,
 * H3C). Program is the first part, msgid the whole name. */
bool syslog_mnemonic(struct syslog_cur *c)
{
    const char *p = c->p, *from, *q, *part = NULL;

    if (!cur_is(c, '%'))
        return false;
    p++;
    bool huawei = c->end - p > 3 && p[0] == '%' && is_digit(p[1]) && is_digit(p[2]);
    char sep = huawei ? '/' : '-';
    from = p += huawei ? 3 : 0;
    for (q = p; q < c->end && q - p < MNEMONIC_MAX &&
                (is_alpha(*q) || is_digit(*q) || *q == '_' || *q == '-' || (huawei && *q == '/'));
         q++)
        if (*q == sep && part == NULL)
            part = q;
    const char *name_end = q;
    while (huawei && q < c->end && q - p < MNEMONIC_MAX && *q != ':' && *q != ' ')
        q++; /* "(l)[123]" */
    if (part == NULL || part == from || name_end == part + 1 || q == c->end || *q != ':')
        return false;
    cur_span(c, SP_PROGRAM, from, part);
    cur_span(c, SP_MSGID, from, name_end);
    c->p = q + 1;
    if (cur_is(c, ' '))
        c->p++;
    return true;
}

struct kv_pair {
    str key, val;
};

/* The next key=value or key="value"; false at the end or where the form breaks. */
static bool kv_next(const char **pp, const char *end, struct kv_pair *kv)
{
    const char *p = *pp, *q;

    while (p < end && *p == ' ')
        p++;
    for (q = p; q < end && (is_alpha(*q) || is_digit(*q) || *q == '_'); q++)
        ;
    if (q == p || q == end || *q != '=')
        return false;
    kv->key = (str){p, (size_t)(q - p)};
    p = q + 1;
    char stop = p < end && *p == '"' ? '"' : ' ';
    p += stop == '"';
    const char *e = p < end ? memchr(p, stop, (size_t)(end - p)) : NULL;
    if (e == NULL) {
        if (stop == '"')
            return false;
        e = end;
    }
    kv->val = (str){p, (size_t)(e - p)};
    *pp = e < end ? e + 1 : e;
    return true;
}

enum kv_role { KV_DATE, KV_TIME, KV_ZONE, KV_HOST, KV_MSGID, KV_TYPE, KV_ROLES };
static const struct {
    str key;
    enum kv_role role;
} kv_keys[] = {
    {{"date", 4}, KV_DATE},    {{"time", 4}, KV_TIME},   {{"tz", 2}, KV_ZONE},
    {{"devname", 7}, KV_HOST}, {{"logid", 5}, KV_MSGID}, {{"type", 4}, KV_TYPE},
};

/* date, time and tz join to one ISO stamp. */
static void kv_time(struct syslog_cur *c, const str *v)
{
    char text[48];
    int64_t ns = 0;
    int n = snprintf(text, sizeof(text), "%.*sT%.*s%.*s", (int)(v[KV_DATE].n < 10 ? v[KV_DATE].n : 10), v[KV_DATE].p,
                     (int)(v[KV_TIME].n < 18 ? v[KV_TIME].n : 18), v[KV_TIME].p,
                     (int)(v[KV_ZONE].n < 6 ? v[KV_ZONE].n : 6), v[KV_ZONE].n ? v[KV_ZONE].p : "");
    const char *p = text, *end = text + n;
    enum stamp st = stamp_iso(&p, end, c->tz, &ns);

    stamp_apply(c, st == STAMP_NONE || p != end ? STAMP_BAD : st, ns);
}

static bool fortigate(struct syslog_cur *c)
{
    const char *p = c->p;
    str v[KV_ROLES] = {{NULL, 0}};
    struct kv_pair kv;

    for (int i = 0; i < KV_SCAN && kv_next(&p, c->end, &kv); i++)
        for (size_t k = 0; k < sizeof(kv_keys) / sizeof(kv_keys[0]); k++)
            if (v[kv_keys[k].role].p == NULL && str_eq(kv.key, kv_keys[k].key))
                v[kv_keys[k].role] = kv.val;
    if (v[KV_DATE].p == NULL || v[KV_TIME].p == NULL)
        return false;
    kv_time(c, v);
    if (v[KV_HOST].n > 0)
        cur_span(c, SP_HOST, v[KV_HOST].p, v[KV_HOST].p + v[KV_HOST].n);
    if (v[KV_MSGID].n > 0)
        cur_span(c, SP_MSGID, v[KV_MSGID].p, v[KV_MSGID].p + v[KV_MSGID].n);
    if (v[KV_TYPE].n > 0)
        cur_span(c, SP_PROGRAM, v[KV_TYPE].p, v[KV_TYPE].p + v[KV_TYPE].n);
    cur_msg(c);
    return true;
}

static const struct {
    const char *head;
    size_t n;
    bool (*read)(struct syslog_cur *c);
} vendors[] = {
    {"date=", 5, fortigate},
    {"devname=", 8, fortigate},
    {"logver=", 7, fortigate},
};

bool syslog_vendor(struct syslog_cur *c)
{
    for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
        if (cur_starts(c, vendors[i].head, vendors[i].n) && vendors[i].read(c))
            return true;
    return false;
}

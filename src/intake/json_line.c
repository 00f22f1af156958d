/* Walks one JSON object without building it (RFC 8259). The path is kept in a
 * bounded buffer; what is nested deeper or named longer than the bounds ends the
 * walk as malformed. */
#include "intake/json_line.h"
#include "intake/syslog-int.h"
#include "base/clock.h"
#include "base/text.h"

struct walk {
    const char *p, *end;
    json_line_fn *fn;
    void *ctx;
    char path[JSON_LINE_PATH];
    size_t n;
    int depth;
    bool stop; /* fn had enough */
};

static void blanks(struct walk *w)
{
    while (w->p < w->end && (*w->p == ' ' || *w->p == '\t' || *w->p == '\r' || *w->p == '\n'))
        w->p++;
}

static bool eat(struct walk *w, char c)
{
    blanks(w);
    if (w->p == w->end || *w->p != c)
        return false;
    w->p++;
    return true;
}

static bool hex4(const char *p, const char *end)
{
    for (int i = 0; i < 4; i++)
        if (p + i >= end || !((p[i] >= '0' && p[i] <= '9') || ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f')))
            return false;
    return true;
}

/* Between the quotes, escapes as they stand. */
static bool string(struct walk *w, str *out)
{
    if (!eat(w, '"'))
        return false;
    for (const char *from = w->p; w->p < w->end && (unsigned char)*w->p >= 0x20; w->p++) {
        if (*w->p == '"') {
            *out = (str){from, (size_t)(w->p++ - from)};
            return true;
        }
        if (*w->p != '\\')
            continue;
        if (++w->p == w->end || strchr("\"\\/bfnrtu", *w->p) == NULL || *w->p == '\0')
            return false;
        if (*w->p == 'u' && !hex4(w->p + 1, w->end))
            return false;
    }
    return false;
}

static size_t digits(struct walk *w)
{
    const char *from = w->p;

    while (w->p < w->end && is_digit(*w->p))
        w->p++;
    return (size_t)(w->p - from);
}

static bool number(struct walk *w)
{
    if (*w->p == '-')
        w->p++;
    bool zero = w->p < w->end && *w->p == '0';
    size_t n = digits(w);
    if (n == 0 || (zero && n > 1))
        return false;
    if (w->p < w->end && *w->p == '.') {
        w->p++;
        if (digits(w) == 0)
            return false;
    }
    if (w->p < w->end && (*w->p | 0x20) == 'e') {
        w->p++;
        if (w->p < w->end && (*w->p == '+' || *w->p == '-'))
            w->p++;
        return digits(w) > 0;
    }
    return true;
}

static void tell(struct walk *w, enum json_kind kind, str value)
{
    if (!w->stop && !w->fn(w->ctx, (str){w->path, w->n}, kind, value))
        w->stop = true;
}

static bool word(struct walk *w, const char *z, size_t n, enum json_kind kind)
{
    if ((size_t)(w->end - w->p) < n || memcmp(w->p, z, n) != 0)
        return false;
    tell(w, kind, (str){w->p, n});
    w->p += n;
    return true;
}

static bool value(struct walk *w);

static bool member(struct walk *w)
{
    size_t before = w->n;
    str name;

    if (!string(w, &name) || !eat(w, ':') || name.n + w->n + 1 > sizeof(w->path))
        return false;
    if (w->n > 0)
        w->path[w->n++] = '.';
    memcpy(w->path + w->n, name.p, name.n);
    w->n += name.n;
    bool ok = value(w);
    w->n = before;
    return ok;
}

static bool many(struct walk *w, char close, bool (*one)(struct walk *w))
{
    bool ok = ++w->depth <= JSON_LINE_DEPTH;

    if (ok && !eat(w, close)) {
        do
            ok = one(w);
        while (ok && eat(w, ','));
        ok = ok && eat(w, close);
    }
    w->depth--;
    return ok;
}

static bool value(struct walk *w)
{
    str s;

    blanks(w);
    if (w->p == w->end)
        return false;
    switch (*w->p) {
    case '{':
        w->p++;
        return many(w, '}', member);
    case '[':
        w->p++;
        return many(w, ']', value);
    case '"':
        if (!string(w, &s))
            return false;
        tell(w, JK_STRING, s);
        return true;
    case 't':
        return word(w, "true", 4, JK_BOOL);
    case 'f':
        return word(w, "false", 5, JK_BOOL);
    case 'n':
        return word(w, "null", 4, JK_NULL);
    default:
        s.p = w->p;
        if ((*w->p != '-' && !is_digit(*w->p)) || !number(w))
            return false;
        s.n = (size_t)(w->p - s.p);
        tell(w, JK_NUMBER, s);
        return true;
    }
}

bool json_line_walk(str raw, json_line_fn *fn, void *ctx)
{
    struct walk w = {.p = raw.p, .end = raw.p + raw.n, .fn = fn, .ctx = ctx};

    if (raw.n == 0 || !eat(&w, '{') || !many(&w, '}', member))
        return false;
    blanks(&w);
    return w.p == w.end;
}

/* --- the header fields ---------------------------------------------------- */

enum role { ROLE_TIME, ROLE_HOST, ROLE_PROGRAM, ROLE_PID, ROLE_MSG, ROLE_SEVERITY, ROLE_EVE_SEVERITY, ROLES };

/* Who writes what where. Of several for one role the first in the table counts. */
static const struct {
    const char *path;
    enum role role;
} names[] = {
    {"timestamp", ROLE_TIME}, /* Suricata EVE */
    {"@timestamp", ROLE_TIME},
    {"time", ROLE_TIME},
    {"ts", ROLE_TIME},   /* Zeek: seconds since 1970 */
    {"host", ROLE_HOST}, /* EVE: the sensor's name */
    {"hostname", ROLE_HOST},
    {"host.name", ROLE_HOST},
    {"event_type", ROLE_PROGRAM}, /* EVE: alert, dns, flow, .. */
    {"program", ROLE_PROGRAM},
    {"app", ROLE_PROGRAM},
    {"service", ROLE_PROGRAM},
    {"_path", ROLE_PROGRAM}, /* Zeek */
    {"pid", ROLE_PID},
    {"message", ROLE_MSG},
    {"msg", ROLE_MSG},
    {"alert.severity", ROLE_EVE_SEVERITY}, /* 1 is the worst */
    {"severity", ROLE_SEVERITY},
    {"level", ROLE_SEVERITY},
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };
/* EVE 1..4 and names as syslog's severities. */
static const uint8_t eve_severities[] = {2, 2, 3, 4, 5};
static const struct {
    const char *name;
    uint8_t severity;
} levels[] = {{"emerg", 0}, {"alert", 1},   {"crit", 2},   {"critical", 2}, {"fatal", 2}, {"err", 3},  {"error", 3},
              {"warn", 4},  {"warning", 4}, {"notice", 5}, {"info", 6},     {"debug", 7}, {"trace", 7}};

struct header {
    struct {
        str value;
        size_t rank;
        enum json_kind kind;
    } of[ROLES];
};

static bool header_take(void *ctx, str path, enum json_kind kind, str v)
{
    struct header *h = ctx;

    if (kind != JK_STRING && kind != JK_NUMBER)
        return true;
    for (size_t i = 0; i < NAMES; i++)
        if (i < h->of[names[i].role].rank && str_eq(path, str_c(names[i].path))) {
            h->of[names[i].role].value = v;
            h->of[names[i].role].kind = kind;
            h->of[names[i].role].rank = i;
        }
    return true;
}

/* 1500000000.123456; milliseconds since 1970 where the number is that large. */
static bool time_number(str v, int64_t *ns)
{
    str rest = v, whole;
    uint64_t secs;
    int64_t frac = 0, unit = 100000000;

    if (!str_split(&rest, '.', &whole) || !str_u64(whole, &secs))
        return false;
    for (size_t i = 0; rest.p != NULL && i < rest.n && unit > 0; i++, unit /= 10) {
        if (!is_digit(rest.p[i]))
            return false;
        frac += unit * (rest.p[i] - '0');
    }
    if (secs > 100000000000ull) /* the year 5138 in seconds, 1973 in milliseconds */
        return secs <= (uint64_t)(INT64_MAX / NS_PER_MS) && (*ns = (int64_t)secs * NS_PER_MS, true);
    if (secs > INT64_MAX / NS_PER_S - 1)
        return false;
    *ns = (int64_t)secs * NS_PER_S + frac;
    return true;
}

static void time_set(const struct header *h, int64_t received, int tz, struct event *ev)
{
    str v = h->of[ROLE_TIME].value;
    const char *p = v.p;
    int64_t ns = 0, off;

    if (v.n == 0) {
        ev->flags |= EV_NO_TIME;
        return;
    }
    bool ok = h->of[ROLE_TIME].kind == JK_NUMBER ? time_number(v, &ns)
                                                 : stamp_iso(&p, v.p + v.n, tz, &ns) == STAMP_OK && p == v.p + v.n;
    if (!ok) {
        ev->flags |= EV_BAD_TIME;
        return;
    }
    ev->event_ns = ns;
    if (__builtin_sub_overflow(ns, received, &off) || off > 86400 * NS_PER_S || off < -86400 * NS_PER_S)
        ev->flags |= EV_TIME_JUMP;
}

static uint8_t severity_of(const struct header *h)
{
    str eve = h->of[ROLE_EVE_SEVERITY].value, v = h->of[ROLE_SEVERITY].value;
    uint64_t n;

    if (eve.n > 0 && str_u64(eve, &n) && n < sizeof(eve_severities))
        return eve_severities[n];
    if (v.n > 0 && str_u64(v, &n) && n <= 7)
        return (uint8_t)n;
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (str_eq_nocase(v, str_c(levels[i].name)))
            return levels[i].severity;
    return 6;
}

static void span_set(struct event *ev, enum event_span s, str v)
{
    if (v.n > 0)
        ev->span[s] = (struct span){(uint32_t)(v.p - ev->raw.p), (uint32_t)v.n};
}

void json_line_parse(str raw, int64_t received_ns, int tz_minutes, struct event *out)
{
    struct header h = {0};
    bool cut = raw.n > EVENT_RAW_MAX;
    enum { USER = 1 };

    for (int i = 0; i < ROLES; i++)
        h.of[i].rank = NAMES;
    raw.n = cut ? EVENT_RAW_MAX : raw.n;
    *out = (struct event){.received_ns = received_ns,
                          .event_ns = received_ns,
                          .format = FMT_JSON,
                          .facility = USER,
                          .raw = raw,
                          .flags = cut ? EV_TRUNCATED : 0};
    while (raw.n > 0 && (raw.p[raw.n - 1] == '\r' || raw.p[raw.n - 1] == '\n' || raw.p[raw.n - 1] == '\0'))
        raw.n--;
    if (!json_line_walk(raw, header_take, &h))
        out->flags |= EV_BAD_JSON;
    if (!utf8_valid(raw))
        out->flags |= EV_BAD_UTF8;
    time_set(&h, received_ns, tz_minutes, out);
    out->severity = severity_of(&h);
    span_set(out, SP_HOST, h.of[ROLE_HOST].value);
    span_set(out, SP_PROGRAM, h.of[ROLE_PROGRAM].value);
    span_set(out, SP_PID, h.of[ROLE_PID].value);
    span_set(out, SP_MSG, h.of[ROLE_MSG].value.n > 0 ? h.of[ROLE_MSG].value : raw);
    out->flags |= out->span[SP_HOST].len == 0 ? EV_NO_HOST : 0;
}

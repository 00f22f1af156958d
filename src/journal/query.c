/* The fields of the query language: their names, their texts, and the exact
 * match of one event. Pure, any thread. */
#include "journal/journal.h"
#include "journal/query-int.h"

const struct query_field_info query_fields[QF_COUNT] = {
    {"source", QF_SOURCE}, {"host", QF_HOST},         {"program", QF_PROGRAM},   {"pid", QF_PID},
    {"msgid", QF_MSGID},   {"severity", QF_SEVERITY}, {"facility", QF_FACILITY}, {"transport", QF_TRANSPORT},
    {"format", QF_FORMAT}, {"flags", QF_FLAGS},       {"msg", QF_MSG},           {"raw", QF_RAW},
    {"relay", QF_RELAY},
};
const char *const query_severities[] = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", NULL};
const char *const query_facilities[] = {
    "kern",   "user",     "mail",   "daemon", "auth",   "syslog",  "lpr",   "news",   "uucp",
    "cron",   "authpriv", "ftp",    "ntp",    "audit",  "console", "clock", "local0", "local1",
    "local2", "local3",   "local4", "local5", "local6", "local7",  NULL,
};
const char *const query_transports[] = {"udp", "tcp", "tls", "file", "self", "unix", NULL};
const char *const query_formats[] = {"raw", "rfc3164", "rfc5424", "json", NULL};
const char *const query_flags[] = {
    /* by bit, event.h */
    "no_pri",    "bad_pri",  "no_time", "bad_time",  "time_jump",    "no_host",  "no_tag", "bad_sd",
    "truncated", "bad_utf8", "has_nul", "bad_frame", "clock_unsync", "bad_json", NULL,
};
#define NAMES(t)                                                                                                       \
    {                                                                                                                  \
        (t), sizeof(t) / sizeof((t)[0]) - 1                                                                            \
    }
static const struct query_names names_of[QF_COUNT] = {
    [QF_SEVERITY] = NAMES(query_severities),  [QF_FACILITY] = NAMES(query_facilities),
    [QF_TRANSPORT] = NAMES(query_transports), [QF_FORMAT] = NAMES(query_formats),
    [QF_FLAGS] = NAMES(query_flags),
};
_Static_assert(sizeof(query_transports) / sizeof(query_transports[0]) == TP_COUNT + 1, "a transport lacks its name");
_Static_assert(sizeof(query_formats) / sizeof(query_formats[0]) == FMT_COUNT + 1, "a format lacks its name");
static const enum event_span span_of[QF_COUNT] = {
    [QF_HOST] = SP_HOST, [QF_PROGRAM] = SP_PROGRAM, [QF_PID] = SP_PID, [QF_MSGID] = SP_MSGID, [QF_MSG] = SP_MSG,
};

struct query_names query_field_names(enum query_field f) { return names_of[f]; }

static uint8_t number_of(const struct event *ev, enum query_field f)
{
    switch (f) {
    case QF_SEVERITY:
        return ev->severity;
    case QF_FACILITY:
        return ev->facility;
    case QF_TRANSPORT:
        return ev->transport;
    default:
        return ev->format;
    }
}

uint32_t query_enum_bits(enum query_field f, const struct event *ev)
{
    if (f == QF_FLAGS)
        return ev->flags ? ev->flags : QUERY_OTHER;
    uint8_t v = number_of(ev, f);
    return v < names_of[f].n ? 1u << v : QUERY_OTHER;
}

/* Names joined by commas; when they do not fit, the number says the same. */
static str flags_text(uint16_t v, char out[64])
{
    size_t n = 0;

    for (size_t i = 0; i < 16; i++) {
        if (!(v >> i & 1))
            continue;
        size_t k = i < names_of[QF_FLAGS].n ? strlen(query_flags[i]) : 64;
        if (n + k + 1 > 64)
            return (str){out, (size_t)snprintf(out, 64, "0x%04x", v)};
        if (n > 0)
            out[n++] = ',';
        memcpy(out + n, query_flags[i], k);
        n += k;
    }
    return (str){out, n};
}

str query_field_text(const struct event *ev, enum query_field f, char scratch[64])
{
    switch (f) {
    case QF_SOURCE:
        return ev->source.family ? (str){scratch, ip_fmt(ev->source, scratch, 64)} : (str){scratch, 0};
    case QF_SEVERITY:
    case QF_FACILITY:
    case QF_TRANSPORT:
    case QF_FORMAT: {
        uint8_t v = number_of(ev, f);
        return v < names_of[f].n ? str_c(names_of[f].names[v]) : (str){scratch, 0};
    }
    case QF_FLAGS:
        return flags_text(ev->flags, scratch);
    case QF_RAW:
        return ev->raw;
    case QF_RELAY:
        return ev->relay;
    default:
        return event_field(ev, span_of[f]);
    }
}

/* An absent field has one value only, the empty one: host:* asks for presence. */
static bool field_match(const struct query_node *n, const struct event *ev)
{
    char scratch[64];
    str s = query_field_text(ev, n->field, scratch);
    return s.n == 0 ? n->pat.n == 0 : pattern_whole(&n->pat, s);
}

bool query_node_match(const struct query_node *n, const struct event *ev)
{
    switch (n->kind) {
    case QN_AND:
        for (size_t i = 0; i < n->nkids; i++)
            if (!query_node_match(n->kids[i], ev))
                return false;
        return true;
    case QN_OR:
        for (size_t i = 0; i < n->nkids; i++)
            if (query_node_match(n->kids[i], ev))
                return true;
        return false;
    case QN_NOT:
        return !query_node_match(n->kids[0], ev);
    case QN_TEXT:
        return pattern_within(&n->pat, ev->raw);
    case QN_FIELD:
        return field_match(n, ev);
    case QN_ENUM:
        return (query_enum_bits(n->field, ev) & n->mask) != 0;
    case QN_NET:
        return ev->source.family != 0 && prefix_has(n->net, ev->source);
    case QN_FOLD:
        return fold_within(&n->pat, n->bare, ev->raw);
    case QN_REGEX:
        return regex_within(&n->re, ev->raw, n->q->fault);
    case QN_VALUE:
        return query_node_row(n, &(struct source_row){.source = &query_logs, .data = &(struct hit){.ev = *ev}});
    }
    return false;
}

bool query_asks_relay(const struct query_node *n)
{
    if (n->kind == QN_FIELD)
        return n->field == QF_RELAY;
    return n->kind == QN_VALUE && n->ref.kind == QR_FIELD && n->ref.field == QF_RELAY && n->q->source->lines;
}

bool query_match(const struct query *q, const struct event *ev)
{
    if (ev->event_ns < q->since_ns || (ev->event_ns >= q->until_ns && q->until_ns != INT64_MAX))
        return false;
    return q->root == NULL || query_node_match(q->root, ev);
}

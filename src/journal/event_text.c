/* An event as JSON and CSV. Straight into the buffer: a page is a thousand of
 * them. Bytes that are not UTF-8 show as U+FFFD and come whole in raw_base64. */
#include "journal/event_text.h"
#include "base/base64.h"
#include "base/text.h"

static const struct {
    uint16_t bit;
    const char *name;
} flag_names[] = {
    {EV_NO_PRI, "no_pri"},
    {EV_BAD_PRI, "bad_pri"},
    {EV_NO_TIME, "no_time"},
    {EV_BAD_TIME, "bad_time"},
    {EV_TIME_JUMP, "time_jump"},
    {EV_NO_HOST, "no_host"},
    {EV_NO_TAG, "no_tag"},
    {EV_BAD_SD, "bad_sd"},
    {EV_TRUNCATED, "truncated"},
    {EV_BAD_UTF8, "bad_utf8"},
    {EV_HAS_NUL, "has_nul"},
    {EV_BAD_FRAME, "bad_frame"},
    {EV_CLOCK_UNSYNC, "clock_unsync"},
    {EV_BAD_JSON, "bad_json"},
};

static void member(struct buf *b, const char *name, str v)
{
    buf_fmt(b, ",\"%s\":", name);
    buf_json(b, v);
}

static void member_field(struct buf *b, const char *name, const struct event *ev, enum query_field f)
{
    char scratch[64];
    str v = query_field_text(ev, f, scratch);
    if (v.n == 0)
        buf_fmt(b, ",\"%s\":null", name);
    else
        member(b, name, v);
}

static void flags(struct buf *b, uint16_t f)
{
    const char *sep = "";

    buf_z(b, ",\"flags\":[");
    for (size_t i = 0; i < sizeof(flag_names) / sizeof(*flag_names); i++)
        if (f & flag_names[i].bit) {
            buf_fmt(b, "%s\"%s\"", sep, flag_names[i].name);
            sep = ",";
        }
    buf_byte(b, ']');
}

void event_write(struct buf *b, const struct hit *h)
{
    const struct event *ev = &h->ev;
    char received[40], at[40];

    time_fmt(ev->received_ns, 6, received, sizeof(received));
    time_fmt(ev->event_ns, 6, at, sizeof(at));
    buf_fmt(b, "{\"seq\":%llu,\"received_at\":\"%s\",\"event_at\":\"%s\"", (unsigned long long)h->seq, received, at);
    if (ev->relay.n > 0)
        member(b, "relay", ev->relay);
    member_field(b, "source", ev, QF_SOURCE);
    member_field(b, "host", ev, QF_HOST);
    member_field(b, "program", ev, QF_PROGRAM);
    member_field(b, "pid", ev, QF_PID);
    member_field(b, "severity", ev, QF_SEVERITY);
    member_field(b, "facility", ev, QF_FACILITY);
    member_field(b, "transport", ev, QF_TRANSPORT);
    member_field(b, "format", ev, QF_FORMAT);
    flags(b, ev->flags);
    member(b, "msg", event_field(ev, SP_MSG));
    member(b, "raw", ev->raw);
    if (!utf8_valid(ev->raw)) {
        buf_z(b, ",\"raw_base64\":\"");
        buf_base64(b, ev->raw);
        buf_byte(b, '"');
    }
    buf_byte(b, '}');
}

const char *event_csv_header(void)
{
    return "seq,received_at,event_at,source,host,program,pid,severity,facility,transport,format,msg\r\n";
}

void event_write_csv(struct buf *b, const struct hit *h)
{
    static const enum query_field fields[] = {QF_SOURCE,   QF_HOST,      QF_PROGRAM, QF_PID, QF_SEVERITY,
                                              QF_FACILITY, QF_TRANSPORT, QF_FORMAT,  QF_MSG};
    char received[40], at[40], scratch[64];

    time_fmt(h->ev.received_ns, 6, received, sizeof(received));
    time_fmt(h->ev.event_ns, 6, at, sizeof(at));
    buf_fmt(b, "%llu,%s,%s", (unsigned long long)h->seq, received, at);
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        buf_byte(b, ',');
        buf_csv(b, query_field_text(&h->ev, fields[i], scratch));
    }
    buf_z(b, "\r\n");
}

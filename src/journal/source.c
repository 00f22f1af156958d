/* Fields by name, and logs as a source. */
#include "journal/source.h"
#include "journal/journal.h"
#include "journal/query-int.h"

int source_field_find(const struct row_source *s, str name)
{
    for (size_t i = 0; i < s->nfields; i++)
        if (str_eq_nocase(name, str_c(s->fields[i].name)))
            return (int)i;
    return -1;
}

const char *value_type_name(enum value_type t)
{
    static const char *const names[] = {
        [VT_NONE] = "any",          [VT_BOOL] = "bool", [VT_INT] = "int", [VT_DECIMAL] = "decimal",
        [VT_DURATION] = "duration", [VT_TIME] = "time", [VT_IP] = "ip",   [VT_TEXT] = "text",
    };
    return names[t];
}

/* In the order of enum query_field, then what lines have that the old table
 * does not name: they can be shown and counted, the time is since:'s affair. */
enum { LF_AT = QF_COUNT, LF_RECEIVED, LF_SEQ, LF_COUNT };
static const struct source_field fields[LF_COUNT] = {
    [QF_SOURCE] = {"source", VT_IP, "api.field.source", NULL},
    [QF_HOST] = {"host", VT_TEXT, "api.field.host", NULL},
    [QF_PROGRAM] = {"program", VT_TEXT, "api.field.program", NULL},
    [QF_PID] = {"pid", VT_TEXT, "api.field.pid", NULL},
    [QF_MSGID] = {"msgid", VT_TEXT, "api.field.msgid", NULL},
    [QF_SEVERITY] = {"severity", VT_TEXT, "api.field.severity", query_severities},
    [QF_FACILITY] = {"facility", VT_TEXT, "api.field.facility", query_facilities},
    [QF_TRANSPORT] = {"transport", VT_TEXT, "api.field.transport", query_transports},
    [QF_FORMAT] = {"format", VT_TEXT, "api.field.format", query_formats},
    [QF_FLAGS] = {"flags", VT_TEXT, "api.field.flags", query_flags},
    [QF_MSG] = {"msg", VT_TEXT, "api.field.msg", NULL},
    [QF_RAW] = {"raw", VT_TEXT, "api.field.raw", NULL},
    [QF_RELAY] = {"relay", VT_TEXT, "api.field.relay", NULL},
    [LF_AT] = {"at", VT_TIME, "api.field.at", NULL},
    [LF_RECEIVED] = {"received", VT_TIME, "api.field.received", NULL},
    [LF_SEQ] = {"seq", VT_INT, "api.field.seq", NULL},
};

static void get(const struct source_row *r, unsigned field, char scratch[VALUE_SCRATCH], struct source_value *out)
{
    const struct hit *h = r->data;

    *out = (struct source_value){0};
    switch (field) {
    case LF_AT:
    case LF_RECEIVED:
        out->type = VT_TIME;
        out->num = field == LF_AT ? h->ev.event_ns : h->ev.received_ns;
        return;
    case LF_SEQ:
        out->type = VT_INT;
        out->num = (int64_t)h->seq;
        return;
    case QF_SOURCE:
        out->type = h->ev.source.family != 0 ? VT_IP : VT_NONE;
        out->ip = h->ev.source;
        return;
    default:
        out->text = query_field_text(&h->ev, (enum query_field)field, scratch);
        out->type = out->text.n > 0 ? VT_TEXT : VT_NONE;
    }
}

const struct row_source query_logs = {
    .name = "logs",
    .label = "journal.source.logs",
    .fields = fields,
    .nfields = LF_COUNT,
    .time = LF_AT,
    .lines = true,
    .get = get,
};

bool source_hand_hit(void *ctx, const struct hit *h)
{
    struct source_hand *hand = ctx;
    return hand->fn(hand->ctx, &(struct source_row){.source = &query_logs, .data = h, .seq = h->seq});
}

int journal_rows(struct journal *j, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *ctx,
                 struct search_stats *st, struct err *e)
{
    struct search_opts all = o != NULL ? *o : (struct search_opts){0};
    struct query lines = *q; /* a limit among the steps is theirs */
    struct source_hand hand = {fn, ctx};

    all.limit = UINT64_MAX;
    lines.limit = 0;
    return journal_search(j, &lines, &all, source_hand_hit, &hand, st, e);
}

/* The sources of the query language that lie in the registry's store, and the
 * decoders' fields. See query_env.h. */
#include "api/query_env.h"
#include "journal/archive.h"
#include "journal/flow_source.h"
#include "judge/decoder.h"
#include "base/log.h"
#include <errno.h>

enum { PAGE = 500, ROW_COLUMNS = 16 };

/* ---- tables as sources ---- */

/* A table's columns in the order of its fields; the first is its number, by
 * which it is read backwards. %s takes the page's condition. */
struct sql_table {
    const char *name, *label, *sql;
    const struct source_field *fields;
    size_t nfields;
    unsigned time;
};
static const char *const severities[] = {"low", "medium", "high", "critical", NULL};
static const char *const states[] = {"open", "acknowledged", "in_remedy", "closed", NULL};
static const struct source_field finding_fields[] = {
    {"id", VT_INT, "api.field.seq", NULL},
    {"at", VT_TIME, "api.field.last_at", NULL},
    {"first_at", VT_TIME, "api.field.first_at", NULL},
    {"closed_at", VT_TIME, "api.field.closed_at", NULL},
    {"control", VT_TEXT, "api.field.control", NULL},
    {"severity", VT_TEXT, "api.field.severity", severities},
    {"state", VT_TEXT, "api.field.state", states},
    {"unit", VT_TEXT, "api.field.unit", NULL},
    {"kind", VT_TEXT, "api.field.kind", NULL},
    {"subject", VT_TEXT, "api.field.subject", NULL},
    {"count", VT_INT, "api.field.count", NULL},
    {"title", VT_TEXT, "api.field.title", NULL},
    {"title_en", VT_TEXT, "api.field.title_en", NULL},
    {"message", VT_TEXT, "api.field.msg", NULL},
};
static const struct source_field history_fields[] = {
    {"seq", VT_INT, "api.field.seq", NULL},        {"at", VT_TIME, "api.field.at", NULL},
    {"by", VT_TEXT, "api.field.by", NULL},         {"reason", VT_TEXT, "api.field.reason", NULL},
    {"kind", VT_TEXT, "api.field.kind", NULL},     {"key", VT_TEXT, "api.field.key", NULL},
    {"op", VT_TEXT, "api.field.op", NULL},         {"rev", VT_INT, "api.field.rev", NULL},
    {"before", VT_TEXT, "api.field.before", NULL}, {"after", VT_TEXT, "api.field.after", NULL},
};
#define FIELDS(f) (f), sizeof(f) / sizeof((f)[0])
static const struct sql_table tables[] = {
    {"findings", "api.source.findings",
     "SELECT f.id, f.last_at, f.first_at, f.closed_at, f.control, f.severity, f.state, u.code, f.subject_kind,"
     " f.subject_key, f.count, f.title_vi, f.title_en, f.message_vi FROM finding f LEFT JOIN unit u ON u.id = f.unit_id"
     " WHERE f.id < ?1 ORDER BY f.id DESC LIMIT ?2",
     FIELDS(finding_fields), 1},
    {"history", "api.source.history",
     "SELECT seq, at, by_name, reason, kind, record_key, op, rev, before, after FROM history"
     " WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
     FIELDS(history_fields), 1},
};
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

static void sql_get(const struct source_row *r, unsigned field, char scratch[VALUE_SCRATCH], struct source_value *out)
{
    const struct val *v = (const struct val *)r->data + field;

    *out = (struct source_value){0};
    if (v->type == VAL_INT) {
        out->type = r->source->fields[field].type;
        out->num = v->i;
        if (out->type == VT_TIME && v->i == 0)
            out->type = VT_NONE;
    } else if (v->type == VAL_TEXT && v->s.n > 0) {
        out->type = VT_TEXT;
        out->text = v->s;
    }
}

struct sql_scan {
    const struct row_source *source;
    const struct search_opts *o;
    source_row_fn *fn;
    void *ctx;
    const struct clock *clk;
    struct search_stats *st;
    struct err *e;
    int64_t last;
    size_t rows;
    bool enough;
    int rc;
};

static int sql_check(struct sql_scan *s)
{
    if (s->o == NULL)
        return 0;
    if (s->o->progress != NULL)
        s->o->progress(s->o->progress_ctx, s->st->scanned_events, 0);
    if (s->o->cancel != NULL && *s->o->cancel)
        return ERR(s->e, -ECANCELED, "journal.search_cancelled");
    if (s->o->deadline_mono_ns != 0 && clock_mono(s->clk) >= s->o->deadline_mono_ns)
        return ERR(s->e, -ETIME, "journal.search_deadline");
    return 0;
}

static bool sql_row(void *ctx, const struct val *cols, size_t n)
{
    struct sql_scan *s = ctx;
    struct source_row r = {.source = s->source, .data = cols, .seq = (uint64_t)cols[0].i};

    s->rows++;
    s->st->scanned_events++;
    s->last = cols[0].i;
    s->enough = !s->fn(s->ctx, &r);
    return !s->enough;
}

/* A page a transaction, so that writers never wait for a reader's thought. */
static int sql_page(struct api *api, struct sql_scan *s, const char *sql)
{
    struct tx *tx;
    int rc = store_begin(registry_store(api->d.registry), STORE_READ, &tx, s->e);

    if (rc < 0)
        return rc;
    s->rows = 0;
    rc = tx_query(tx, sql, VALS(V_INT(s->last), V_INT(PAGE)), sql_row, s, s->e);
    store_rollback(tx);
    return rc;
}

static int sql_scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                    struct search_stats *st, struct err *e)
{
    struct api *api = ctx;
    const struct sql_table *t = tables;
    struct sql_scan s = {.source = q->source, .o = o, .fn = fn, .ctx = fn_ctx, .clk = api->d.clock, .st = st, .e = e};

    while (strcmp(t->name, q->source->name) != 0)
        t++;
    s.last = o != NULL && o->before_seq > 0 && o->before_seq < INT64_MAX ? (int64_t)o->before_seq : INT64_MAX;
    *st = (struct search_stats){0};
    for (;;) {
        int rc = sql_page(api, &s, t->sql);
        if (rc < 0)
            return rc;
        if (s.enough || s.rows < PAGE)
            break;
        if ((rc = sql_check(&s)) < 0)
            return rc;
    }
    st->more = s.enough;
    return 0;
}

/* ---- decoded fields of logs ---- */

/* Short names that people type for what decoders call otherwise. */
static const struct {
    const char *name, *field;
} short_names[] = {{"src", "src_ip"}, {"dst", "dst_ip"}};
enum { SHORTS = sizeof(short_names) / sizeof(short_names[0]) };

static void decoded_get(void *ctx, const struct event *ev, unsigned field, char scratch[VALUE_SCRATCH],
                        struct source_value *out)
{
    struct query_world *w = ctx;

    *out = (struct source_value){0};
    if (judge_decoder_get(w->decoder, ev, w->decoded[field], &out->text) && out->text.n > 0)
        out->type = VT_TEXT;
}

static int resolver_init(struct query_world *w, struct arena *a, struct judge *j, struct err *e)
{
    const char *const *names;
    int rc = judge_decoder_open(j, &w->decoder, e);

    if (rc < 0)
        return rc;
    size_t n = judge_decoder_fields(w->decoder, &names), k = 0;
    struct source_field *f = arena_array(a, struct source_field, n + SHORTS);
    w->decoded = arena_array(a, size_t, n + SHORTS);
    if (f == NULL || w->decoded == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    for (size_t i = 0; i < n; i++) {
        for (size_t s = 0; s < SHORTS; s++)
            if (strcmp(short_names[s].field, names[i]) == 0) {
                f[k] = (struct source_field){.name = short_names[s].name, .label = "api.field.decoded"};
                w->decoded[k++] = i;
            }
        f[k] = (struct source_field){.name = names[i], .label = "api.field.decoded"};
        w->decoded[k++] = i;
    }
    w->resolver = (struct field_resolver){.fields = f, .nfields = k, .get = decoded_get, .ctx = w};
    w->env.resolver = &w->resolver;
    return 0;
}

static int logs_scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                     struct search_stats *st, struct err *e)
{
    return journal_rows(((struct api *)ctx)->d.journal, q, o, fn, fn_ctx, st, e);
}

/* ---- what is declared of flows' addresses ---- */

enum { NETS_MAX = 65536 };

static bool net_row(void *ctx, const struct val *v, size_t n)
{
    struct query_world *w = ctx;

    if (w->nets.n == w->nets_cap) {
        size_t cap = w->nets_cap > 0 ? 2 * w->nets_cap : 256;
        struct flow_net *more = reallocarray(w->nets.v, cap, sizeof(*more));
        if (more == NULL)
            return false;
        w->nets.v = more;
        w->nets_cap = cap;
    }
    struct flow_net *net = &w->nets.v[w->nets.n];
    *net = (struct flow_net){0};
    if (v[0].type != VAL_TEXT || !prefix_parse(v[0].s, &net->net))
        return true;
    for (int k = 0; k < FN_OF; k++)
        if (v[1 + k].type == VAL_TEXT)
            net->of[k] = arena_str(w->arena, v[1 + k].s);
    return ++w->nets.n < NETS_MAX;
}

static void nets_load(void *ctx, struct flow_nets *nets)
{
    struct query_world *w = ctx;
    struct err e = {0};
    struct tx *tx;
    int rc = store_begin(registry_store(w->api->d.registry), STORE_READ, &tx, &e);

    if (rc == 0) {
        rc = tx_query(tx,
                      "SELECT p.prefix, z.code, u.code FROM prefix p LEFT JOIN zone z ON z.id = p.zone_id"
                      " LEFT JOIN unit u ON u.id = p.unit_id WHERE p.valid_to IS NULL ORDER BY p.id",
                      NO_VALS, net_row, w, &e);
        store_rollback(tx);
    }
    if (rc < 0) { /* the answer then knows no zone and no unit */
        nets->n = 0;
        log_err(LOG_ERROR, "flow_nets", &e);
    }
}

static int logs_fold(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want, source_group_fn *fn,
                     void *fn_ctx, struct search_stats *st, struct err *e)
{
    return journal_fold(((struct api *)ctx)->d.journal, q, o, fn, fn_ctx, st, e);
}

/* ---- the archives ---- */

static int archive_told(int rc, struct err *e) { return rc == -E2BIG ? (e->code = HTTP_ERR(422)) : rc; }

static int archive_scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                        struct search_stats *st, struct err *e)
{
    return archive_told(journal_archive_rows(((struct api *)ctx)->d.journal, q, o, fn, fn_ctx, st, e), e);
}

static int archive_fold(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want,
                        source_group_fn *fn, void *fn_ctx, struct search_stats *st, struct err *e)
{
    return archive_told(journal_archive_fold(((struct api *)ctx)->d.journal, q, o, fn, fn_ctx, st, e), e);
}

int query_world_init(struct query_world *w, struct api *api, struct arena *a, int64_t now, struct err *e)
{
    *w = (struct query_world){.env = {.now_ns = now}, .logs = query_logs, .api = api, .arena = a};
    w->logs.scan = logs_scan;
    w->logs.fold = logs_fold;
    w->logs.ctx = api;
    for (size_t i = 0; i < TABLES; i++) {
        const struct sql_table *t = &tables[i];
        w->sql[i] = (struct row_source){t->name, t->label, t->fields, t->nfields, t->time, sql_get, sql_scan, api};
        w->list[w->env.nsources++] = &w->sql[i];
    }
    w->nets = (struct flow_nets){.load = nets_load, .ctx = w};
    if (api->d.flows != NULL) {
        w->flows = flow_source(api->d.flows);
        w->flows.more = &w->nets;
        w->list[w->env.nsources++] = &w->flows;
    }
    if (api->d.cluster != NULL)
        query_cluster_sources(w, api);
    struct archive_state archives;
    journal_archive_state(api->d.journal, &archives);
    if (archives.place != NULL) {
        w->archive = query_logs;
        w->archive.name = "archive";
        w->archive.label = "journal.source.archive";
        w->archive.scan = archive_scan;
        w->archive.fold = archive_fold;
        w->archive.ctx = api;
        w->list[w->env.nsources++] = &w->archive;
    }
    w->env.sources = w->list;
    return api->d.judge != NULL ? resolver_init(w, a, api->d.judge, e) : 0;
}

void query_world_done(struct query_world *w)
{
    judge_decoder_close(w->decoder);
    w->decoder = NULL;
    free(w->nets.v);
    w->nets = (struct flow_nets){0};
}

const struct row_source *query_world_source(struct query_world *w, const struct query *q)
{
    return q->source == &query_logs ? &w->logs : q->source;
}

/* The parser counts bytes, the reader of its error counts characters. */
static uint32_t char_column(str text, uint32_t byte_column)
{
    uint32_t column = 1;

    for (size_t i = 0; i < text.n && i + 1 < byte_column; i++)
        column += ((unsigned char)text.p[i] & 0xC0) != 0x80;
    return column;
}

int query_world_parse(struct query_world *w, struct arena *a, str text, struct query **q, struct err *e)
{
    int rc = query_parse_env(a, text.p != NULL ? text : STR(""), &w->env, q, e);

    if (rc != -EINVAL && rc != -EBADMSG)
        return rc;
    if (e->col > 0)
        e->col = char_column(text, e->col);
    return e->code = HTTP_ERR(400);
}

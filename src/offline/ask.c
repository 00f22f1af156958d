/* Questions to a journal: lines, counts, exports with their digest, figures. */
#include "offline/ask.h"
#include "journal/flow_source.h"
#include "journal/event_text.h"
#include "vault/vault.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_ARENA = 64 << 20, OUT_BYTES = 1 << 20, SEARCH_LIMIT = 1000 };

bool ask_spill(struct ask *k)
{
    if (k->out.failed || fwrite(k->out.p, 1, k->out.n, k->to) != k->out.n) {
        k->rc = ERR(&k->e, k->out.failed ? -ENOMEM : -errno, "offline.write", k->o->file ? k->o->file : "-");
        return false;
    }
    if (k->sha != NULL)
        EVP_DigestUpdate(k->sha, k->out.p, k->out.n);
    k->bytes += k->out.n;
    buf_clear(&k->out);
    return true;
}

static bool give(void *ctx, const struct hit *h)
{
    struct ask *k = ctx;

    k->lines++;
    if (k->o->as == OUT_CSV) {
        event_write_csv(&k->out, h);
    } else {
        if (k->o->as == OUT_JSON)
            event_write(&k->out, h);
        else
            buf_str(&k->out, h->ev.raw);
        buf_byte(&k->out, '\n');
    }
    return k->out.n < OUT_BYTES || ask_spill(k);
}

void ask_progress(void *ctx, uint64_t done, uint64_t all)
{
    struct ask *k = ctx;
    if (all > 0)
        progress_show(&k->bar, done, all);
}

static int ask_begin(struct ask *k, struct offline *o)
{
    struct buf text;

    *k = (struct ask){.o = o, .a = arena_init(QUERY_ARENA), .to = stdout};
    buf_init(&k->out, 8 << 20);
    buf_init(&text, 1 << 20);
    for (int i = 0; i < o->nargs; i++) {
        buf_z(&text, i > 0 ? " " : "");
        buf_z(&text, o->args[i]);
    }
    if (text.n == 0)
        buf_byte(&text, '*');
    k->rc = text.failed ? ERR(&k->e, -E2BIG, "journal.query_long", "8192") : 0;
    static const struct row_source *const sources[] = {&query_flows};
    struct query_env env = {clock_wall(&o->clk), sources, 1, NULL, NULL};
    if (k->rc == 0)
        k->rc = query_parse_env(&k->a, buf_view(&text), &env, &k->q, &k->e);
    if (k->rc == 0)
        k->rc = offline_open(o, false, &k->j, &k->e);
    buf_done(&text);
    progress_begin(&k->bar, o, "offline.searching");
    return k->rc;
}

static int ask_end(struct ask *k, int code)
{
    progress_end(&k->bar);
    flow_store_close(k->flows);
    journal_close(k->j);
    buf_done(&k->out);
    arena_free(&k->a);
    EVP_MD_CTX_free(k->sha);
    return k->rc < 0 ? offline_fail(k->o, &k->e) : code;
}

/* ---- lines ---- */

static void lines_out(struct ask *k, uint64_t limit)
{
    struct search_opts so = {.limit = limit, .progress = ask_progress, .progress_ctx = k};
    struct search_stats st = {0};

    if (k->o->as == OUT_CSV)
        buf_z(&k->out, event_csv_header());
    int rc = journal_search(k->j, k->q, &so, give, k, &st, &k->e);
    if (k->rc == 0)
        k->rc = rc;
    if (k->rc == 0)
        ask_spill(k);
    if (k->rc == 0 && st.bad_blocks > 0)
        offline_say(k->o, "offline.bad_blocks", N((int64_t)st.bad_blocks), NULL, NULL);
    if (k->rc == 0 && st.more && limit < UINT64_MAX)
        offline_say(k->o, "offline.more", N((int64_t)k->lines), NULL, NULL);
}

/* ---- counts ---- */

static void group_json(struct buf *b, const struct query *q, const struct agg_row *r)
{
    buf_byte(b, '{');
    for (size_t i = 0; i < r->nkeys; i++) {
        buf_json(b, q->pipe == QP_HISTOGRAM ? STR("time") : str_c(query_fields[q->by[i]].name));
        buf_byte(b, ':');
        buf_json(b, r->keys[i]);
        buf_byte(b, ',');
    }
    buf_fmt(b, "\"count\":%llu}\n", (unsigned long long)r->count);
}

static void group_out(struct ask *k, const struct agg_row *r)
{
    struct buf *b = &k->out;

    if (k->o->as == OUT_JSON) {
        group_json(b, k->q, r);
        return;
    }
    if (k->o->as == OUT_TEXT)
        buf_fmt(b, "%12llu", (unsigned long long)r->count);
    for (size_t i = 0; i < r->nkeys; i++) {
        if (k->o->as == OUT_CSV) {
            buf_csv(b, r->keys[i]);
            buf_byte(b, ',');
        } else {
            buf_z(b, "  ");
            buf_str(b, r->keys[i]);
        }
    }
    if (k->o->as == OUT_CSV)
        buf_fmt(b, "%llu", (unsigned long long)r->count);
    buf_byte(b, '\n');
}

static void groups_out(struct ask *k)
{
    struct search_opts so = {.limit = k->o->limit, .progress = ask_progress, .progress_ctx = k};
    struct agg g = {0};

    k->rc = journal_aggregate(k->j, &k->a, k->q, &so, &g, NULL, &k->e);
    for (size_t i = 0; i < g.n && k->rc == 0; i++) {
        group_out(k, &g.rows[i]);
        if (k->out.n >= OUT_BYTES)
            ask_spill(k);
    }
    if (k->rc == 0 && g.n == 0)
        buf_fmt(&k->out, k->o->as == OUT_JSON ? "{\"count\":%llu}\n" : "%llu\n", (unsigned long long)g.total);
    if (k->rc == 0)
        ask_spill(k);
    if (k->rc == 0 && g.other > 0)
        offline_say(k->o, "offline.other", N((int64_t)g.other), NULL, NULL);
}

int verb_search(struct offline *o)
{
    struct ask k;

    if (ask_begin(&k, o) == 0) {
        uint64_t limit = o->limit != 0 ? o->limit : k.q->limit != 0 ? k.q->limit : SEARCH_LIMIT;
        if (ask_is_rows(&k))
            ask_rows(&k, limit);
        else if (k.q->pipe != QP_NONE)
            groups_out(&k);
        else
            lines_out(&k, limit);
    }
    return ask_end(&k, EXIT_FINE);
}

int verb_export(struct offline *o)
{
    struct ask k;
    struct sha256 sum;
    char hex[65];

    if (ask_begin(&k, o) == 0 && k.q->pipe != QP_NONE)
        k.rc = ERR(&k.e, -EINVAL, "offline.export_lines");
    k.sha = EVP_MD_CTX_new();
    if (k.rc == 0 && (k.sha == NULL || EVP_DigestInit_ex2(k.sha, EVP_sha256(), NULL) != 1))
        k.rc = ERR(&k.e, -ENOMEM, "journal.no_memory");
    if (k.rc == 0 && o->file != NULL && (k.to = fopen(o->file, "wbex")) == NULL) {
        k.rc = ERR(&k.e, -errno, "offline.write", o->file);
        k.to = stdout;
    }
    uint64_t limit = o->limit != 0 ? o->limit : UINT64_MAX;
    if (k.rc == 0 && ask_is_rows(&k))
        ask_rows(&k, limit);
    else if (k.rc == 0)
        lines_out(&k, limit);
    if (k.to != stdout && fclose(k.to) != 0 && k.rc == 0)
        k.rc = ERR(&k.e, -errno, "offline.write", o->file);
    if (k.rc == 0 && EVP_DigestFinal_ex(k.sha, sum.b, NULL) == 1) {
        sha256_hex(sum, hex);
        offline_say(o, "offline.exported", N((int64_t)k.lines), N((int64_t)k.bytes), hex);
    }
    return ask_end(&k, EXIT_FINE);
}

/* ---- figures ---- */

/* 0 and nothing where no flows lie with it. */
static int flow_figures(struct offline *o, struct flow_store_stats *out, struct err *e)
{
    struct flow_store *flows = NULL;
    int rc = offline_flows(o, &flows, e);

    if (rc == 0)
        flow_store_stats(flows, out);
    flow_store_close(flows);
    return rc == -ENOENT ? 0 : rc;
}

int verb_stat(struct offline *o)
{
    struct journal *j;
    struct flow_store_stats fs = {0};
    struct journal_stats st;
    struct err e = {0};
    char from[40] = "", to[40] = "";

    if (offline_open(o, false, &j, &e) < 0)
        return offline_fail(o, &e);
    journal_stats(j, &st);
    int rc = flow_figures(o, &fs, &e);
    journal_close(j);
    if (rc < 0)
        return offline_fail(o, &e);
    if (st.first_ns != 0)
        time_fmt(st.first_ns, 0, from, sizeof(from));
    if (st.last_ns != 0)
        time_fmt(st.last_ns, 0, to, sizeof(to));
    double ratio = st.disk_bytes > 0 ? (double)st.raw_bytes / (double)st.disk_bytes : 0;
    if (o->as == OUT_JSON) {
        json_t *v = json_pack("{s:I,s:I,s:I,s:f,s:I,s:I,s:I,s:I,s:s,s:s,s:I,s:I,s:I}", "events", (json_int_t)st.events,
                              "raw_bytes", (json_int_t)st.raw_bytes, "disk_bytes", (json_int_t)st.disk_bytes, "ratio",
                              ratio, "segments", (json_int_t)st.segments, "blocks", (json_int_t)st.blocks, "bad_blocks",
                              (json_int_t)st.bad_blocks, "torn_bytes", (json_int_t)st.torn_bytes, "first_received",
                              from, "last_received", to, "flows", (json_int_t)fs.flows, "flow_bytes",
                              (json_int_t)fs.disk_bytes, "flow_files", (json_int_t)fs.segments);
        json_dumpf(v, stdout, 0);
        putchar('\n');
        json_decref(v);
        return EXIT_FINE;
    }
    const struct {
        const char *key;
        uint64_t v;
    } rows[] = {{"offline.stat.events", st.events},       {"offline.stat.raw", st.raw_bytes},
                {"offline.stat.disk", st.disk_bytes},     {"offline.stat.segments", st.segments},
                {"offline.stat.blocks", st.blocks},       {"offline.stat.bad", st.bad_blocks},
                {"offline.stat.torn", st.torn_bytes},     {"offline.stat.flows", fs.flows},
                {"offline.stat.flow_disk", fs.disk_bytes}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        printf("%-28s %llu\n", msg_get(rows[i].key, o->lang), (unsigned long long)rows[i].v);
    printf("%-28s %.2f\n", msg_get("offline.stat.ratio", o->lang), ratio);
    printf("%-28s %s - %s\n", msg_get("offline.stat.received", o->lang), from, to);
    return EXIT_FINE;
}

/* HTTP to ClickHouse's nodes through libcurl. */
#include "journal/ch-int.h"
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum { CONNECT_MS = 5000, QUIET_S = 60, WHY_MAX = 512, BUFFER_BYTES = 256 << 10 };

struct flight {
    const struct ch_call *call;
    const struct clock *clk;
    const atomic_bool *stop;
    CURL *curl;
    char why[WHY_MAX]; /* the beginning of what a failed request answered */
    size_t nwhy;
    int rc;
};

static size_t on_bytes(char *p, size_t one, size_t n, void *ctx)
{
    struct flight *f = ctx;
    long status = 0;

    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        size_t k = n < WHY_MAX - 1 - f->nwhy ? n : WHY_MAX - 1 - f->nwhy;
        memcpy(f->why + f->nwhy, p, k);
        f->nwhy += k;
        return n;
    }
    f->rc = f->call->take == NULL ? 0 : f->call->take(f->call->ctx, (str){p, n});
    return f->rc < 0 ? 0 : n; /* fewer than n: libcurl ends the transfer */
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct flight *f = ctx;

    const struct search_opts *o = f->call->o;

    if (o != NULL && o->progress != NULL)
        o->progress(o->progress_ctx, f->call->done, 0);
    if ((o != NULL && o->cancel != NULL && *o->cancel) || (f->stop != NULL && atomic_load(f->stop)))
        f->rc = -ECANCELED;
    if (o != NULL && o->deadline_mono_ns != 0 && clock_mono(f->clk) > o->deadline_mono_ns)
        f->rc = -ETIME;
    return f->rc < 0;
}

static void curl_begin(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

static void query_url(const struct ch *c, const struct ch_call *call, CURL *curl, struct buf *url)
{
    const char *pairs[][2] = {{"database", c->database}, {"query", call->body.n > 0 ? call->sql : ""}};

    buf_z(url, call->node->url);
    buf_z(url, "/?");
    for (size_t i = 0; i < 2; i++) {
        char *v = curl_easy_escape(curl, pairs[i][1], 0);
        if (pairs[i][1][0] != '\0')
            buf_fmt(url, "%s=%s&", pairs[i][0], v == NULL ? "" : v);
        url->failed = url->failed || v == NULL;
        curl_free(v);
    }
    /* a server of that age does not notice that its client has gone */
    if (call->o != NULL && call->o->deadline_mono_ns != 0) {
        int64_t left = call->o->deadline_mono_ns - clock_mono(c->clk);
        buf_fmt(url, "max_execution_time=%lld&", left <= 0 ? 1 : (long long)(left / NS_PER_S + 1));
    }
    buf_byte(url, 0);
}

static struct curl_slist *auth_headers(const struct ch *c)
{
    struct curl_slist *list = NULL;
    char line[256];

    snprintf(line, sizeof(line), "X-ClickHouse-User: %s", c->user);
    if (c->user[0] != '\0')
        list = curl_slist_append(list, line);
    snprintf(line, sizeof(line), "X-ClickHouse-Key: %s", c->password);
    if (c->password[0] != '\0')
        list = curl_slist_append(list, line);
    return curl_slist_append(list, "Expect:"); /* no extra round before a body */
}

/* What passes: the keeper, memory, a read-only table, other nodes. What is wrong in itself does not. */
static const char *const passing[] = {"Code: 999", "Code: 242", "Code: 241", "Code: 319", "Code: 252",
                                      "Code: 225", "Code: 209", "Code: 210", "Code: 279", "Code: 243"};

int ch_said(const struct ch_node *n, str why, struct err *e)
{
    int code = -EBADMSG;

    if (str_find(why, STR("Code: 159")) != SIZE_MAX) /* max_execution_time */
        return ERR(e, -ETIME, "journal.search_deadline");
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
        if (str_find(why, str_c(passing[i])) != SIZE_MAX)
            code = -EHOSTUNREACH;
    return ERR(e, code, "journal.ch_refused", n->url, S(str_trim(str_sub(why, 0, WHY_MAX))));
}

static int outcome(struct flight *f, CURLcode code, struct err *e)
{
    long status = 0;

    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
    if (f->rc == -ETIME)
        return ERR(e, f->rc, "journal.search_deadline");
    if (f->rc == -ECANCELED)
        return ERR(e, f->rc, "journal.search_cancelled");
    if (f->rc < 0)
        return ERR(e, f->rc, "journal.ch_answer", f->call->node->url);
    if (code != CURLE_OK)
        return ERR(e, -EHOSTUNREACH, "journal.ch_unreachable", f->call->node->url, curl_easy_strerror(code));
    if (status == 200)
        return 0;
    return ch_said(f->call->node, (str){f->why, f->nwhy}, e);
}

int ch_request(const struct ch *c, const struct ch_call *call, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct flight f = {.call = call, .clk = c->clk, .stop = c->stop};
    struct curl_slist *headers;
    struct buf url;
    str body = call->body.n > 0 ? call->body : str_c(call->sql);

    pthread_once(&once, curl_begin);
    f.curl = curl_easy_init();
    headers = auth_headers(c);
    buf_init(&url, 1 << 20);
    if (f.curl == NULL || headers == NULL)
        goto no_memory;
    query_url(c, call, f.curl, &url);
    if (url.failed)
        goto no_memory;
    curl_easy_setopt(f.curl, CURLOPT_URL, url.p);
    curl_easy_setopt(f.curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(f.curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(f.curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(f.curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(f.curl, CURLOPT_POSTFIELDS, body.p);
    curl_easy_setopt(f.curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
    curl_easy_setopt(f.curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(f.curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(f.curl, CURLOPT_LOW_SPEED_TIME, (long)QUIET_S);
    curl_easy_setopt(f.curl, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    curl_easy_setopt(f.curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(f.curl, CURLOPT_WRITEDATA, &f);
    curl_easy_setopt(f.curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(f.curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(f.curl, CURLOPT_XFERINFODATA, &f);
    int rc = outcome(&f, curl_easy_perform(f.curl), e);
    curl_slist_free_all(headers);
    curl_easy_cleanup(f.curl);
    buf_done(&url);
    return rc;

no_memory:
    curl_slist_free_all(headers);
    curl_easy_cleanup(f.curl);
    buf_done(&url);
    return ERR(e, -ENOMEM, "journal.no_memory");
}

int ch_exec(const struct ch *c, const struct ch_node *n, const char *sql, struct err *e)
{
    struct ch_call call = {.node = n, .sql = sql};
    return ch_request(c, &call, e);
}

struct number {
    char text[32];
    size_t n;
};

static int number_take(void *ctx, str bytes)
{
    struct number *v = ctx;

    if (bytes.n > sizeof(v->text) - v->n)
        return -EBADMSG;
    memcpy(v->text + v->n, bytes.p, bytes.n);
    v->n += bytes.n;
    return 0;
}

int ch_number(const struct ch *c, const struct ch_node *n, const char *sql, uint64_t *out, struct err *e)
{
    struct number v = {.n = 0};
    struct ch_call call = {.node = n, .sql = sql, .take = number_take, .ctx = &v};
    int rc = ch_request(c, &call, e);

    if (rc < 0)
        return rc;
    if (!str_u64(str_trim((str){v.text, v.n}), out))
        return ERR(e, -EBADMSG, "journal.ch_answer", n->url);
    return 0;
}

int ch_any(struct ch *c, struct ch_call *call, void (*again)(void *ctx), struct err *e)
{
    int rc = ERR(e, -EHOSTUNREACH, "journal.ch_none");
    struct err said = {0}; /* what a node that answered says tells more than that another is gone */

    for (size_t s = 0; s < c->n; s++)
        for (size_t r = 0; r < c->shard[s].n; r++) {
            size_t at = (c->shard[s].first + r) % c->shard[s].n;
            call->node = &c->shard[s].node[at];
            if ((s > 0 || r > 0) && again != NULL)
                again(call->ctx);
            rc = ch_request(c, call, e);
            if (rc != -EHOSTUNREACH) {
                c->shard[s].first = at;
                return rc;
            }
            if (e != NULL && strcmp(e->key, "journal.ch_refused") == 0)
                said = *e;
        }
    if (e != NULL && said.code != 0)
        *e = said;
    return rc;
}

void ch_put_string(struct buf *b, str s)
{
    buf_varint(b, s.n);
    buf_add(b, s.p, s.n);
}

void ch_quote(struct buf *sql, str s)
{
    buf_byte(sql, '\'');
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        if (c >= ' ' && c < 0x7f && c != '\'' && c != '\\')
            buf_byte(sql, c);
        else
            buf_fmt(sql, "\\x%02x", c);
    }
    buf_byte(sql, '\'');
}

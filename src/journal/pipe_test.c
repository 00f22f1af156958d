/* The steps of a query over a source made for the test, against a plain
 * reckoning: random rows, random queries, thousands of them; then the ceilings. */
#include "base/test-int.h"
#include "journal/pipe.h"
#include "journal/query-int.h"
#include <errno.h>

enum { ROWS = 400, CASES = 6000 };
static const int64_t now_ns = 1795228200 * NS_PER_S;
struct item {
    int64_t at, bytes, port;
    struct ip src;
    const char *name;
    bool up;
};
static struct item items[ROWS];
static uint64_t seed = 7;

static uint64_t rnd(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

static const struct source_field fields[] = {
    {"at", VT_TIME, "api.field.at", NULL},    {"bytes", VT_INT, "api.field.count", NULL},
    {"port", VT_INT, "api.field.seq", NULL},  {"src", VT_IP, "api.field.source", NULL},
    {"name", VT_TEXT, "api.field.key", NULL}, {"up", VT_BOOL, "api.field.state", NULL},
};

static void get(const struct source_row *r, unsigned f, char scratch[VALUE_SCRATCH], struct source_value *out)
{
    const struct item *it = r->data;

    *out = (struct source_value){.type = fields[f].type};
    switch (f) {
    case 0:
        out->num = it->at;
        break;
    case 1:
        out->num = it->bytes;
        break;
    case 2:
        out->num = it->port;
        break;
    case 3:
        out->ip = it->src;
        break;
    case 4:
        out->text = str_c(it->name);
        out->type = out->text.n > 0 ? VT_TEXT : VT_NONE;
        break;
    default:
        out->num = it->up;
    }
}

static int scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                struct search_stats *st, struct err *e)
{
    size_t times = *(size_t *)ctx;

    for (size_t k = 0; k < times; k++)
        for (size_t i = 0; i < ROWS; i++)
            if (!fn(fn_ctx, &(struct source_row){.source = q->source, .data = &items[i], .seq = ROWS - i}))
                return 0;
    return 0;
}
static size_t once = 1;
static const struct row_source source = {"things", "journal.source.logs", fields, 6, 0, get, scan, &once};
static const struct row_source *const list[] = {&source};
static const struct query_env env = {.now_ns = 1795228200 * NS_PER_S, .sources = list, .nsources = 1, .from = "things"};

static void fill(void)
{
    static const char *const names[] = {"alpha", "beta", "", "Gamma", "d\xe1\xbb\x87lta", "de\xcc\xa3\xcc\x82lta",
                                        "zz 9"};

    for (size_t i = 0; i < ROWS; i++) {
        struct item *it = &items[i];
        *it = (struct item){.at = now_ns - (int64_t)rnd(7200) * NS_PER_S,
                            .bytes = (int64_t)rnd(100) * (rnd(20) == 0 ? 1000000000000 : 1),
                            .port = (int64_t)rnd(9),
                            .name = names[rnd(7)],
                            .up = rnd(2) == 1};
        it->src = rnd(3) == 0 ? (struct ip){6, {0x20, 1, 0xd, 0xb8, [15] = (uint8_t)rnd(4)}}
                              : (struct ip){4, {10, (uint8_t)rnd(3), 0, (uint8_t)rnd(5)}};
    }
}

/* ---- conditions, told twice ---- */

struct cond {
    int kind;
    int64_t a, b;
};
enum {
    C_PORT,
    C_RANGE,
    C_LEAST,
    C_BELOW,
    C_NET4,
    C_NET6,
    C_NAME,
    C_NONE,
    C_UP,
    C_WORD,
    C_REGEX,
    C_BARE,
    C_SINCE_AT,
    C_KINDS
};

static struct cond cond_make(char *text, size_t cap)
{
    struct cond c = {.kind = (int)rnd(C_KINDS), .a = (int64_t)rnd(9), .b = (int64_t)rnd(9)};
    int64_t lo = c.a < c.b ? c.a : c.b, hi = c.a < c.b ? c.b : c.a;

    c.a = lo;
    c.b = hi;
    switch (c.kind) {
    case C_PORT:
        snprintf(text, cap, "port:%lld%s", (long long)lo, rnd(2) ? ".0" : "");
        break;
    case C_RANGE:
        snprintf(text, cap, "port:%lld..%lld", (long long)lo, (long long)hi);
        break;
    case C_LEAST:
        snprintf(text, cap, "bytes:>=%lld", (long long)lo * 10);
        break;
    case C_BELOW:
        snprintf(text, cap, "bytes:<%lld.5", (long long)lo);
        break;
    case C_NET4:
        snprintf(text, cap, "src:10.%lld.0.0/16", (long long)lo % 3);
        break;
    case C_NET6:
        snprintf(text, cap, "src:2001:db8::/127");
        break;
    case C_NAME:
        snprintf(text, cap, "name:*TA");
        break;
    case C_NONE:
        snprintf(text, cap, "name:\"\"");
        break;
    case C_UP:
        snprintf(text, cap, "up:true");
        break;
    case C_WORD:
        snprintf(text, cap, "d\xe1\xbb\x87l");
        break;
    case C_REGEX:
        snprintf(text, cap, "name:/^[ab].*a$/");
        break;
    case C_BARE:
        snprintf(text, cap, "~DELTA");
        break;
    default:
        snprintf(text, cap, "at:>=-%lldm", (long long)(lo + 1) * 10);
    }
    return c;
}

static bool cond_fits(const struct cond *c, const struct item *it)
{
    size_t n = strlen(it->name);
    bool delta = strcmp(it->name, "d\xe1\xbb\x87lta") == 0 || strcmp(it->name, "de\xcc\xa3\xcc\x82lta") == 0;

    switch (c->kind) {
    case C_PORT:
        return it->port == c->a;
    case C_RANGE:
        return it->port >= c->a && it->port <= c->b;
    case C_LEAST:
        return it->bytes >= c->a * 10;
    case C_BELOW:
        return it->bytes <= c->a;
    case C_NET4:
        return it->src.family == 4 && it->src.b[1] == c->a % 3;
    case C_NET6:
        return it->src.family == 6 && it->src.b[15] < 2;
    case C_NAME:
        return n >= 2 && (it->name[n - 2] == 't') && it->name[n - 1] == 'a';
    case C_NONE:
        return n == 0;
    case C_UP:
        return it->up;
    case C_WORD:
    case C_BARE:
        return delta;
    case C_REGEX:
        return strcmp(it->name, "alpha") == 0 || strcmp(it->name, "beta") == 0;
    default:
        return it->at >= now_ns - (c->a + 1) * 600 * NS_PER_S;
    }
}

/* ---- results gathered ---- */

struct result {
    char cell[ROWS * 2][4][64];
    size_t n, width;
};

static bool gather(void *ctx, const struct source_value *v, size_t n)
{
    struct result *r = ctx;
    char scratch[VALUE_SCRATCH];

    r->width = n;
    for (size_t i = 0; i < n && i < 4; i++) {
        str t = source_value_text(&v[i], scratch);
        snprintf(r->cell[r->n][i], 64, "%.*s", STR_ARGS(t));
    }
    r->n++;
    return true;
}

static struct result res;

static int ask(struct arena *a, const char *text, struct pipe_stats *st, struct err *e)
{
    struct query *q;

    res.n = 0;
    int rc = query_parse_env(a, str_c(text), &env, &q, e);
    if (rc < 0) {
        print_error("\"%s\": %s at %u\n", text, e->key, e->col);
        return rc;
    }
    return pipe_run(q, &source, NULL, UINT64_MAX, gather, &res, st, e);
}

static void by_hand(const bool *fits, int64_t count[9], __int128 sum[9], int64_t most[9])
{
    for (size_t k = 0; k < 9; k++) {
        count[k] = 0;
        sum[k] = 0;
        most[k] = -1;
    }
    for (size_t i = 0; i < ROWS; i++) {
        if (!fits[i])
            continue;
        count[items[i].port]++;
        sum[items[i].port] += items[i].bytes;
        if (items[i].bytes > most[items[i].port])
            most[items[i].port] = items[i].bytes;
    }
}

static void agrees(struct arena *a, const char *cond, const bool *fits)
{
    char text[1024], want[64];
    int64_t count[9], most[9], total = 0;
    __int128 sum[9];
    struct pipe_stats st;
    struct err e = {0};
    size_t groups = 0;

    by_hand(fits, count, sum, most);
    for (size_t k = 0; k < 9; k++) {
        total += count[k];
        groups += count[k] > 0;
    }
    snprintf(text, sizeof(text), "%s | count", cond);
    assert_int_equal(ask(a, text, &st, &e), 0);
    assert_int_equal(st.scan.hits, total);
    snprintf(want, sizeof(want), "%lld", (long long)total);
    assert_string_equal(res.cell[0][0], want);
    static const char *const folds[] = {"count", "sum bytes", "max bytes"};
    int f = (int)rnd(3);
    snprintf(text, sizeof(text), "%s | %s by port", cond, folds[f]);
    assert_int_equal(ask(a, text, &st, &e), 0);
    if (res.n != groups)
        print_error("%s\n", text);
    assert_int_equal(res.n, groups);
    for (size_t i = 0; i < res.n; i++) {
        int k = res.cell[i][0][0] - '0';
        snprintf(want, sizeof(want), "%lld", (long long)(f == 0 ? count[k] : f == 1 ? (int64_t)sum[k] : most[k]));
        assert_string_equal(res.cell[i][1], want);
        assert_true(i == 0 || strtoll(res.cell[i - 1][1], NULL, 10) >= strtoll(res.cell[i][1], NULL, 10));
    }
    snprintf(text, sizeof(text), "%s | sort -bytes | limit 5 | fields bytes", cond);
    assert_int_equal(ask(a, text, &st, &e), 0);
    assert_int_equal(res.n, total < 5 ? total : 5);
    for (size_t i = 0; i < res.n; i++) {
        int64_t above = 0, v = strtoll(res.cell[i][0], NULL, 10);
        for (size_t k = 0; k < ROWS; k++)
            above += fits[k] && items[k].bytes > v;
        assert_true(above <= (int64_t)i);
    }
}

static void random_queries_agree(void **state)
{
    struct arena a = arena_init(64 << 20);

    for (int round = 0; round < CASES; round++) {
        char x[100], y[100], text[400];
        bool fits[ROWS];
        if (round % 100 == 0)
            fill();
        struct cond c = cond_make(x, sizeof(x)), d = cond_make(y, sizeof(y));
        int op = (int)rnd(4);
        static const char *const forms[] = {"%s %s", "%s OR %s", "%s NOT %s", "NOT (%s OR %s)"};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof(text), forms[op], x, y);
#pragma GCC diagnostic pop
        for (size_t i = 0; i < ROWS; i++) {
            bool p = cond_fits(&c, &items[i]), q = cond_fits(&d, &items[i]);
            fits[i] = op == 0 ? p && q : op == 1 ? p || q : op == 2 ? p && !q : !(p || q);
        }
        arena_clear(&a);
        agrees(&a, text, fits);
    }
    arena_free(&a);
}

static void steps_chain(void **state)
{
    struct arena a = arena_init(64 << 20);
    struct pipe_stats st;
    struct err e = {0};

    fill();
    for (size_t i = 0; i < ROWS; i++)
        items[i] = (struct item){.at = now_ns - (int64_t)i * 60 * NS_PER_S,
                                 .bytes = (int64_t)i + 1,
                                 .port = (int64_t)(i % 4),
                                 .name = i % 2 ? "odd" : "even",
                                 .src = {4, {10, 0, 0, (uint8_t)(i % 3)}}};
    assert_int_equal(ask(&a, "| count by port | count", &st, &e), 0);
    assert_string_equal(res.cell[0][0], "4");
    assert_int_equal(ask(&a, "| top 2 src by bytes", &st, &e), 0);
    assert_int_equal(res.n, 2);
    assert_string_equal(res.cell[0][0], "10.0.0.0"); /* 1 + 4 + .. + 400 */
    assert_string_equal(res.cell[0][1], "26867");
    assert_int_equal(ask(&a, "| p50 bytes", &st, &e), 0);
    assert_string_equal(res.cell[0][0], "200");
    assert_int_equal(ask(&a, "| p99 bytes by name | sort name", &st, &e), 0);
    assert_string_equal(res.cell[0][1], "395"); /* 198th of 200 odd numbers */
    assert_int_equal(ask(&a, "| avg bytes by port | sort port", &st, &e), 0);
    assert_string_equal(res.cell[0][1], "199");
    assert_int_equal(ask(&a, "bytes:<=2 | avg bytes", &st, &e), 0);
    assert_string_equal(res.cell[0][0], "1.5");
    assert_int_equal(ask(&a, "| unique name | fields name", &st, &e), 0);
    assert_int_equal(res.n, 2);
    assert_int_equal(ask(&a, "| limit 7 | count", &st, &e), 0);
    assert_string_equal(res.cell[0][0], "7");
    assert_int_equal(ask(&a, "| histogram 1h by name | limit 3", &st, &e), 0);
    assert_int_equal(res.n, 3);
    assert_int_equal(res.width, 3);
    assert_string_equal(res.cell[0][1], "even");
    assert_true(strcmp(res.cell[0][0], res.cell[2][0]) < 0);
    assert_int_equal(ask(&a, "| histogram 1d max bytes by name | sort -max_bytes | limit 1", &st, &e), 0);
    assert_string_equal(res.cell[0][2], "400");
    assert_int_equal(ask(&a, "| histogram 1h sum bytes by name, port | sum sum_bytes", &st, &e), 0);
    assert_string_equal(res.cell[0][0], "80200"); /* 1 + 2 + .. + 400 */
    assert_int_equal(ask(&a, "bytes:>9999 | count", &st, &e), 0);
    assert_string_equal(res.cell[0][0], "0");
    assert_int_equal(ask(&a, "bytes:>9999 | max bytes", &st, &e), 0);
    assert_string_equal(res.cell[0][0], "");
    assert_int_equal(ask(&a, "| sum name", &st, &e), 0);
    assert_int_equal(st.skipped, ROWS);
    assert_int_equal(ask(&a, "| max at | fields max_at", &st, &e), 0);
    assert_string_equal(res.cell[0][0], "2026-11-21T02:30:00Z");
    arena_free(&a);
}

static void limits_stop_the_scan(void **state)
{
    struct arena a = arena_init(8 << 20);
    struct query *q;
    struct pipe_stats st;

    res.n = 0;
    once = 1000000;
    assert_int_equal(query_parse_env(&a, STR("| limit 3"), &env, &q, NULL), 0);
    assert_int_equal(pipe_run(q, &source, NULL, UINT64_MAX, gather, &res, &st, NULL), 0);
    assert_int_equal(st.scan.hits, 3);
    assert_int_equal(query_parse_env(&a, STR(""), &env, &q, NULL), 0);
    res.n = 0;
    assert_int_equal(pipe_run(q, &source, NULL, 10, gather, &res, &st, NULL), 0);
    assert_int_equal(res.n, 10);
    assert_true(st.scan.more);
    assert_int_equal(st.last_seq, ROWS - 9); /* of the tenth: the eleventh was looked at and comes again */
    once = 1;
    arena_free(&a);
}

/* Lines with a number each: more groups than there may be. */
static struct item wide;
static int scan_wide(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                     struct search_stats *st, struct err *e)
{
    for (int64_t i = 0; i < 3 * PIPE_GROUPS_MAX; i++) {
        wide = (struct item){.at = now_ns, .bytes = i, .port = i, .name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaa!"};
        if (!fn(fn_ctx, &(struct source_row){.source = q->source, .data = &wide}))
            break;
    }
    return 0;
}

static bool add_up(void *ctx, const struct source_value *v, size_t n)
{
    *(int64_t *)ctx += v[n - 1].num;
    return true;
}

static void ceilings_hold_and_tell(void **state)
{
    static const struct row_source many = {"things", "journal.source.logs", fields, 6, 0, get, scan_wide, NULL};
    struct arena a = arena_init(8 << 20);
    struct query *q;
    struct pipe_stats st;
    struct err e = {0};
    int64_t sum = 0;

    assert_int_equal(query_parse_env(&a, STR("| count by port"), &env, &q, NULL), 0);
    assert_int_equal(pipe_run(q, &many, NULL, UINT64_MAX, add_up, &sum, &st, NULL), 0);
    assert_int_equal(st.rows, PIPE_GROUPS_MAX);
    assert_int_equal(sum + (int64_t)st.other, 3 * PIPE_GROUPS_MAX);
    assert_int_equal(query_parse_env(&a, STR("| sort port | count"), &env, &q, NULL), 0);
    sum = 0;
    assert_int_equal(pipe_run(q, &many, NULL, UINT64_MAX, add_up, &sum, &st, NULL), 0);
    assert_int_equal(sum + (int64_t)st.other, 3 * PIPE_GROUPS_MAX);
    assert_int_equal(query_parse_env(&a, STR("name:/(a+)+$/ | count"), &env, &q, NULL), 0);
    assert_int_equal(pipe_run(q, &many, NULL, UINT64_MAX, add_up, &sum, &st, &e), -ELOOP);
    assert_string_equal(e.key, "journal.query_regex_limit");
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_queries_agree),
        cmocka_unit_test(steps_chain),
        cmocka_unit_test(limits_stop_the_scan),
        cmocka_unit_test(ceilings_hold_and_tell),
    };
    return cmocka_run_group_tests_name("journal/pipe", tests, NULL, NULL);
}

/* Search against brute force: random lines over a small alphabet, random
 * queries; the engine must find exactly the lines that a plain loop finds,
 * newest first, from memory and from stored blocks alike. */
#include "journal/journal_test-int.h"

enum { LINES = 3000, QUERIES = 200 };
static char lines[LINES][64];
static struct event events[LINES];

static void make_line(uint64_t *seed, size_t k)
{
    static const char *const few[] = {"a", "b", "A",  "ab", "ba", " ", "c", "*", "Ba", "\xe1\xbb\x87",
                                      "d", "[", "\n", "e"};
    static const char *const words[] = {"user",
                                        "Fail",
                                        "fail-",
                                        "xk9",
                                        "09",
                                        "10.0.0.",
                                        ".",
                                        "=",
                                        "/",
                                        " ",
                                        "ed",
                                        "_",
                                        "\x11",
                                        "0123456789abcdef",
                                        "12",
                                        "T",
                                        "mi\xe1\xbb\x87n",
                                        ":",
                                        "ssh",
                                        "7"};
    bool wordy = prng(seed) % 2;
    const char *const *bits = wordy ? words : few;
    size_t nbits = wordy ? COUNT(words) : COUNT(few);
    static const char *const hosts[] = {"h1", "h2", "H2", "web-3", ""};
    struct event *ev = &events[k];
    size_t n = 0;

    *ev = (struct event){.received_ns = TEST_NOW + (int64_t)k,
                         .severity = (uint8_t)(prng(seed) % 8),
                         .facility = (uint8_t)(prng(seed) % 24),
                         .flags = (uint16_t)(prng(seed) % 4),
                         .transport = (uint8_t)(prng(seed) % TP_COUNT),
                         .format = (uint8_t)(prng(seed) % FMT_COUNT)};
    ev->event_ns = TEST_NOW - (int64_t)(prng(seed) % 600) * NS_PER_S;
    if (prng(seed) % 4)
        ev->source = (struct ip){4, {10, 8, (uint8_t)(prng(seed) % 2), (uint8_t)(prng(seed) % 4)}};
    const char *host = hosts[prng(seed) % COUNT(hosts)];
    n = strlen(host);
    memcpy(lines[k], host, n);
    ev->span[SP_HOST] = n ? (struct span){0, (uint32_t)n} : (struct span){0, 0};
    uint32_t msg = (uint32_t)n;
    for (uint64_t c = prng(seed) % 14; c > 0; c--) {
        const char *bit = bits[prng(seed) % nbits];
        if (n + strlen(bit) > sizeof(lines[k]))
            break;
        memcpy(lines[k] + n, bit, strlen(bit));
        n += strlen(bit);
    }
    if (n > msg)
        ev->span[SP_MSG] = (struct span){msg, (uint32_t)n - msg};
    ev->raw = (str){lines[k], n};
}

/* A condition as text and, beside it, as a plain predicate. */
enum kind { WORD, HOST, SEV, NET, FLAG, SINCE_ONLY, KINDS };
struct cond {
    enum kind kind;
    char text[32];
    int num;
    bool neg;
};

/* ASCII case folded by hand, character by character; * and ? by recursion. */
static bool fits_at(const char *p, size_t np, const char *s, size_t ns, bool whole)
{
    if (np == 0)
        return !whole || ns == 0;
    if (*p == '*')
        return fits_at(p + 1, np - 1, s, ns, whole) || (ns > 0 && fits_at(p, np, s + 1, ns - 1, whole));
    if (ns == 0)
        return false;
    size_t step = 1;
    if (*p == '?') {
        while (step < ns && ((unsigned char)s[step] & 0xc0) == 0x80)
            step++;
    } else {
        char c = *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s, d = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
        if (c != d)
            return false;
    }
    return fits_at(p + 1, np - 1, s + step, ns - step, whole);
}

static bool brute_word(const char *p, const struct event *ev)
{
    for (size_t at = 0; at <= ev->raw.n; at++)
        if (fits_at(p, strlen(p), ev->raw.p + at, ev->raw.n - at, false))
            return true;
    return false;
}

static bool brute(const struct cond *c, const struct event *ev)
{
    bool r = false;
    str host = event_field(ev, SP_HOST);

    switch (c->kind) {
    case WORD:
        r = brute_word(c->text, ev);
        break;
    case HOST:
        r = host.n > 0 && fits_at(c->text, strlen(c->text), host.p, host.n, true);
        break;
    case SEV:
        r = ev->severity <= c->num;
        break;
    case NET:
        r = ev->source.family == 4 && ev->source.b[2] == c->num;
        break;
    case FLAG:
        r = ev->flags & EV_BAD_PRI;
        break;
    case SINCE_ONLY:
        r = ev->event_ns >= TEST_NOW - c->num * NS_PER_S;
        break;
    default:
        break;
    }
    return r != c->neg;
}

/* A piece of some line, as it may be typed in quotes. */
static bool piece_of_line(uint64_t *seed, char *out, size_t cap)
{
    const struct event *ev = &events[prng(seed) % LINES];
    size_t len = 1 + prng(seed) % (cap - 1), at = ev->raw.n > len ? prng(seed) % (ev->raw.n - len) : 0;

    len = ev->raw.n - at < len ? ev->raw.n - at : len;
    for (size_t i = 0; i < len; i++)
        if (ev->raw.p[at + i] == '\n' || memchr("*?\"\\", ev->raw.p[at + i], 4) || (uint8_t)ev->raw.p[at + i] >= 0x80)
            return false;
    memcpy(out, ev->raw.p + at, len);
    out[len] = '\0';
    return len > 0;
}

static struct cond make_cond(uint64_t *seed, struct buf *out)
{
    static const char *const pieces[] = {"a", "b", "B", "c", "ab", "*", "?", "\xe1\xbb\x87", "d"};
    static const char *const hosts[] = {"h1", "h2", "H?", "web*", "*", "*-3", "h"};
    struct cond c = {.kind = (enum kind)(prng(seed) % SINCE_ONLY), .neg = prng(seed) % 4 == 0};
    size_t n = 0;

    if (prng(seed) % 3 == 0)
        c.kind = WORD;
    if (c.neg)
        buf_z(out, "NOT ");
    switch (c.kind) {
    case WORD:
        if (prng(seed) % 2 && piece_of_line(seed, c.text, 16)) {
            buf_fmt(out, "\"%s\"", c.text);
            break;
        }
        for (uint64_t k = 1 + prng(seed) % 4; k > 0; k--)
            n += (size_t)snprintf(c.text + n, sizeof(c.text) - n, "%s", pieces[prng(seed) % COUNT(pieces)]);
        buf_fmt(out, prng(seed) % 2 ? "%s" : "\"%s\"", c.text);
        break;
    case HOST:
        snprintf(c.text, sizeof(c.text), "%s", hosts[prng(seed) % COUNT(hosts)]);
        buf_fmt(out, "host:%s", c.text);
        break;
    case SEV:
        buf_fmt(out, "severity:<=%d", c.num = (int)(prng(seed) % 8));
        break;
    case NET:
        buf_fmt(out, "source:10.8.%d.0/24", c.num = (int)(prng(seed) % 3));
        break;
    default:
        buf_z(out, "flags:bad_pri");
        break;
    }
    return c;
}

/* Conditions joined as ORs of ANDs, in parentheses now and then. */
struct plan {
    struct cond c[9];
    size_t group[4], groups;
    int since;
};

static void make_plan(uint64_t *seed, struct plan *p, struct buf *out)
{
    size_t n = 0;

    p->groups = 1 + prng(seed) % 3;
    for (size_t g = 0; g < p->groups; g++) {
        bool parens = prng(seed) % 2;
        buf_z(out, g ? " OR " : "");
        buf_z(out, parens ? "(" : "");
        p->group[g] = n;
        for (size_t k = 1 + prng(seed) % 3; k > 0; k--, n++) {
            buf_z(out, n > p->group[g] ? (prng(seed) % 2 ? " " : " AND ") : "");
            p->c[n] = make_cond(seed, out);
        }
        buf_z(out, parens ? ")" : "");
    }
    p->group[p->groups] = n;
    p->since = prng(seed) % 3 ? -1 : (int)(prng(seed) % 700);
    if (p->since >= 0)
        buf_fmt(out, " since:-%ds", p->since ? p->since : (p->since = 1));
}

static bool brute_plan(const struct plan *p, const struct event *ev)
{
    if (p->since >= 0 && ev->event_ns < TEST_NOW - p->since * NS_PER_S)
        return false;
    for (size_t g = 0; g < p->groups; g++) {
        bool all = true;
        for (size_t i = p->group[g]; i < p->group[g + 1] && all; i++)
            all = brute(&p->c[i], ev);
        if (all)
            return true;
    }
    return false;
}

struct expect {
    const struct plan *p;
    int64_t at;
    bool wrong;
};

static bool expect_hit(void *ctx, const struct hit *h)
{
    struct expect *x = ctx;

    while (x->at >= 0 && !brute_plan(x->p, &events[x->at]))
        x->at--;
    x->wrong = x->wrong || x->at < 0 || h->seq != (uint64_t)x->at + 1 || !test_event_same(&h->ev, &events[x->at]);
    x->at--;
    return true;
}

static void run_queries(struct journal *j, uint64_t seed, uint64_t *checks, uint64_t *found)
{
    struct arena a = arena_init(1 << 20);
    struct buf text;

    buf_init(&text, 4096);
    for (int i = 0; i < QUERIES; i++) {
        struct plan p = {0};
        struct query *q;
        struct search_opts o = {.limit = LINES};
        struct search_stats st;
        buf_clear(&text);
        arena_clear(&a);
        make_plan(&seed, &p, &text);
        if (query_parse(&a, buf_view(&text), TEST_NOW, &q, NULL) < 0)
            fail_msg("%.*s does not parse", STR_ARGS(buf_view(&text)));
        struct expect x = {.p = &p, .at = LINES - 1};
        assert_int_equal(journal_search(j, q, &o, expect_hit, &x, &st, NULL), 0);
        while (x.at >= 0 && !brute_plan(&p, &events[x.at]))
            x.at--;
        if (x.wrong || x.at >= 0)
            fail_msg("%.*s finds other lines than the loop", STR_ARGS(buf_view(&text)));
        q->pipe = QP_COUNT;
        struct agg g;
        assert_int_equal(journal_aggregate(j, &a, q, NULL, &g, NULL, NULL), 0);
        assert_int_equal(g.total, st.hits);
        *checks += LINES;
        *found += st.hits;
    }
    buf_done(&text);
    arena_free(&a);
}

static void fill(struct journal *j, uint64_t seed)
{
    struct event_batch b;
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    for (size_t k = 0; k < LINES; k += 50) {
        event_batch_clear(&b);
        for (size_t i = k; i < k + 50; i++) {
            make_line(&seed, i);
            assert_true(event_batch_add(&b, &events[i]));
        }
        assert_int_equal(journal_append(j, event_batch_seal(&b), &first, NULL), 0);
    }
    event_batch_done(&b);
}

static void search_equals_grep(void **state)
{
    char dir[64];
    struct clock clk = clock_manual(TEST_NOW);
    uint64_t checks = 0, found = 0;

    test_dir_make_fast(dir);
    struct journal *j = test_open(dir, 8192, &clk);
    fill(j, 20261121);
    run_queries(j, 1, &checks, &found); /* partly in memory */
    journal_close(j);
    j = test_open(dir, 8192, &clk);
    run_queries(j, 2, &checks, &found); /* all stored, several blocks */
    journal_close(j);
    test_dir_drop(dir);
    assert_true(checks >= 100000);
    print_message("# %llu lines checked, %llu found\n", (unsigned long long)checks, (unsigned long long)found);
}

static bool count_one(void *ctx, const struct hit *h)
{
    ++*(uint64_t *)ctx;
    return h->seq > 0;
}

/* Expressions whose literal parts mislead: each must find what it matches, line by line. */
static void expressions_find_what_they_match(void **state)
{
    static const char *const asked[] = {
        "/user{x|fail/",    "/fail\\)?ssh/", "/(?:user)?fail/", "/us(e|x)r/",    "/user|fail/", "/[]x]k9/",
        "/user{0}fail/",    "/(user)*ssh/",  "/[^u]ser/",       "/user+/",       "/xk{1,2}9/",  "/a\\.b/",
        "/(fail|user)ssh/", "/user?fail/",   "/usser{0,1}fa/",  "/[[:alpha:]]/", "/\\x75ser/",  "/fail\\-user/",
        "/u.er{,}/",        "/^user/",       "/ssh$/"};
    char dir[64];
    struct clock clk = clock_manual(TEST_NOW);
    struct arena a = arena_init(1 << 20);
    uint64_t found = 0;

    test_dir_make_fast(dir);
    struct journal *j = test_open(dir, 8192, &clk);
    fill(j, 77);
    journal_close(j); /* all are stored */
    j = test_open(dir, 8192, &clk);
    for (size_t i = 0; i < COUNT(asked); i++) {
        struct search_opts o = {.limit = LINES};
        struct search_stats st;
        struct query *q;
        uint64_t n = 0, want = 0;
        assert_int_equal(query_parse(&a, str_c(asked[i]), TEST_NOW, &q, NULL), 0);
        assert_int_equal(journal_search(j, q, &o, count_one, &n, &st, NULL), 0);
        for (size_t k = 0; k < LINES; k++)
            want += query_match(q, &events[k]);
        if (n != want)
            fail_msg("%s: %llu instead of %llu", asked[i], (unsigned long long)n, (unsigned long long)want);
        found += n;
    }
    assert_true(found > LINES / 4);
    journal_close(j);
    arena_free(&a);
    test_dir_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(search_equals_grep),
                                       cmocka_unit_test(expressions_find_what_they_match)};
    return cmocka_run_group_tests_name("journal/search", tests, NULL, NULL);
}

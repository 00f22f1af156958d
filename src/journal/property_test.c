/* Search by property: random data, random queries, and what the engine finds
 * is held against two plain loops over the events: query_match() on each event
 * for every query, and for single words a grep of this file's own, which shares
 * no code with the engine. A case is one query over one corpus: every event is
 * judged, what is found is compared byte by byte, and the count beside it.
 *
 * LUY_PROPERTY_CASES says how many (default 3,000), LUY_PROPERTY_SEED where to
 * begin. A failure prints both, so that it can be made again.
 *
 * The data: soup of few letters, log lines with numbers of all shapes, words in
 * NFC, NFD and mixtures, bytes that are no UTF-8, NUL and line feeds, JSON. */
#include "journal/property_test-int.h"
#include <uninorm.h>
#include <unistr.h>

enum { QUERIES = 100, WRONG_MAX = 5, CASES_DEFAULT = 3000 };

struct corpus {
    struct event ev[LINES_MAX];
    char raw[LINES_MAX][LINE_MAX_BYTES];
    uint32_t n;
};
struct tally {
    uint64_t cases, found, words, groups, unparsed;
    unsigned wrong;
};
static struct corpus c;

/* ---- grep: its own reading of a pattern ---- */

struct folded {
    char p[8 * LINE_MAX_BYTES];
    size_t n;
};

/* Stretches of UTF-8 to NFC; other bytes stay. */
static void to_nfc(str s, struct folded *out)
{
    out->n = 0;
    for (size_t i = 0; i < s.n;) {
        size_t end = i;
        ucs4_t u;
        int k;
        while (end < s.n && (k = u8_mbtoucr(&u, (const uint8_t *)s.p + end, s.n - end)) > 0)
            end += (size_t)k;
        size_t got = sizeof(out->p) - out->n;
        if (end > i) {
            uint8_t *to = (uint8_t *)out->p + out->n;
            assert_ptr_equal(u8_normalize(UNINORM_NFC, (const uint8_t *)s.p + i, end - i, to, &got), to);
            out->n += got;
        }
        if (end < s.n)
            out->p[out->n++] = s.p[end++];
        i = end;
    }
}

static uint8_t low(uint8_t b) { return b >= 'A' && b <= 'Z' ? b + 32 : b; }

/* dp[i]: the pattern's head fits some text that ends at i. One pass a token. */
static bool grep(const struct token *t, size_t nt, str s)
{
    static bool at[8 * LINE_MAX_BYTES + 1], next[8 * LINE_MAX_BYTES + 1];

    memset(at, 1, s.n + 1);
    for (size_t k = 0; k < nt; k++) {
        memset(next, 0, s.n + 1);
        bool seen = false;
        for (size_t i = 0; i <= s.n; i++) {
            seen = seen || at[i];
            if (t[k].kind == T_ANY) {
                next[i] = seen;
            } else if (at[i] && i < s.n && t[k].kind == T_ONE) {
                size_t e = i + 1;
                while (e < s.n && e < i + 4 && ((uint8_t)s.p[e] & 0xc0) == 0x80)
                    e++;
                next[e] = true;
            } else if (at[i] && i < s.n && low((uint8_t)s.p[i]) == low(t[k].byte)) {
                next[i + 1] = true;
            }
        }
        memcpy(at, next, s.n + 1);
    }
    return memchr(at, 1, s.n + 1) != NULL;
}

/* Marked letters are looked for in the form they have in NFC, in lines brought to NFC. */
static void tokens_to_nfc(const struct word *w, struct word *out)
{
    struct folded f;
    char run[WORD_MAX];

    *out = (struct word){.fold = true};
    for (size_t i = 0; i < w->n;) {
        size_t n = 0;
        if (w->t[i].kind != T_BYTE) {
            out->t[out->n++] = w->t[i++];
            continue;
        }
        for (; i < w->n && w->t[i].kind == T_BYTE; i++)
            run[n++] = (char)w->t[i].byte;
        to_nfc((str){run, n}, &f);
        for (size_t k = 0; k < f.n; k++)
            out->t[out->n++] = (struct token){T_BYTE, (uint8_t)f.p[k]};
    }
}

static bool grep_event(const struct word *w, const struct word *nfc, str raw)
{
    static struct folded f;

    if (!w->fold)
        return grep(w->t, w->n, raw);
    to_nfc(raw, &f);
    return grep(nfc->t, nfc->n, (str){f.p, f.n});
}

/* ---- one case ---- */

struct seen {
    uint64_t next; /* below this number the next hit must be */
    bool hit[LINES_MAX + 1], wrong;
};

static bool see(void *ctx, const struct hit *h)
{
    struct seen *s = ctx;

    if (h->seq == 0 || h->seq > c.n || h->seq >= s->next || !test_event_same(&h->ev, &c.ev[h->seq - 1])) {
        s->wrong = true;
        return false;
    }
    s->hit[h->seq] = true;
    s->next = h->seq;
    return true;
}

static void complain(struct tally *t, uint64_t seed, str text, const char *what, uint32_t line)
{
    if (++t->wrong > WRONG_MAX)
        return;
    print_error("seed %llu: %s: %.*s\n", (unsigned long long)seed, what, STR_ARGS(text));
    if (line < c.n) {
        print_error("  line %u: ", line + 1);
        for (size_t i = 0; i < c.ev[line].raw.n; i++) {
            uint8_t b = (uint8_t)c.ev[line].raw.p[i];
            print_error(b > ' ' && b < 0x7f && b != '\\' ? "%c" : "\\x%02x", b);
        }
        print_error("\n");
    }
}

/* Groups by a field: each is as large as the events are that fit and have that text. */
static void groups_fit(struct journal *j, struct arena *a, struct query *q, const bool *want, uint64_t total,
                       struct tally *t, uint64_t seed, str text, enum query_field f)
{
    struct agg g;
    char scratch[64];
    uint64_t sum = 0;

    q->pipe = QP_COUNT_BY;
    q->by[0] = f;
    q->nby = 1;
    assert_int_equal(journal_aggregate(j, a, q, NULL, &g, NULL, NULL), 0);
    for (size_t i = 0; i < g.n; i++) {
        uint64_t n = 0;
        for (uint32_t k = 0; k < c.n; k++)
            n += want[k] && str_eq(query_field_text(&c.ev[k], f, scratch), g.rows[i].keys[0]);
        if (n != g.rows[i].count)
            complain(t, seed, text, query_fields[f].name, UINT32_MAX);
        sum += g.rows[i].count;
    }
    if (sum + g.other != total || g.total != total)
        complain(t, seed, text, "groups do not add up", UINT32_MAX);
    t->groups++;
}

static void one_case(struct journal *j, uint64_t seed, struct tally *t)
{
    static bool want[LINES_MAX];
    static const enum query_field by[] = {QF_HOST, QF_PROGRAM, QF_PID, QF_SEVERITY, QF_SOURCE, QF_FACILITY};
    struct arena a = arena_init(4 << 20);
    struct search_opts o = {.limit = LINES_MAX};
    struct search_stats st;
    struct seen s = {.next = UINT64_MAX};
    struct asked asked;
    struct word nfc;
    struct query *q;
    uint64_t n = 0, rnd = seed;
    struct agg g;

    make_query(&rnd, c.ev, c.n, &asked);
    str text = buf_view(&asked.text);
    if (query_parse(&a, text, TEST_NOW, &q, NULL) < 0) {
        t->unparsed++;
        goto done;
    }
    for (uint32_t i = 0; i < c.n; i++)
        n += want[i] = query_match(q, &c.ev[i]);
    if (query_fault(q, NULL) < 0)
        goto done;
    int rc = journal_search(j, q, &o, see, &s, &st, NULL);
    if (rc < 0 || s.wrong || st.bad_blocks > 0)
        complain(t, seed, text, "search fails or gives an event that is none", UINT32_MAX);
    for (uint32_t i = 0; i < c.n && !s.wrong; i++)
        if (s.hit[i + 1] != want[i])
            complain(t, seed, text, want[i] ? "not found" : "found and does not fit", i);
    if (asked.one_word) {
        tokens_to_nfc(&asked.word, &nfc);
        for (uint32_t i = 0; i < c.n && !s.wrong; i++)
            if (s.hit[i + 1] != grep_event(&asked.word, &nfc, c.ev[i].raw))
                complain(t, seed, text, s.hit[i + 1] ? "grep does not find it" : "grep finds it", i);
        t->words++;
    }
    q->pipe = QP_COUNT;
    assert_int_equal(journal_aggregate(j, &a, q, NULL, &g, NULL, NULL), 0);
    if (g.total != n)
        complain(t, seed, text, "count", UINT32_MAX);
    if (prng(&rnd) % 8 == 0)
        groups_fit(j, &a, q, want, n, t, seed, text, by[prng(&rnd) % COUNT(by)]);
    t->cases++;
    t->found += n;
done:
    buf_done(&asked.text);
    arena_free(&a);
}

/* ---- corpora ---- */

static struct journal *corpus_make(const char *dir, struct clock *clk, uint64_t *seed)
{
    struct event_batch b;
    uint64_t first;

    c.n = LINES_MAX / 4 + (uint32_t)(prng(seed) % (LINES_MAX * 3 / 4));
    struct journal *j = test_open(dir, 2048 << prng(seed) % 5, clk);
    event_batch_init(&b, EVENT_BATCH_MAX);
    unsigned kinds = 1 + (unsigned)(prng(seed) % 15);
    for (uint32_t i = 0; i < c.n; i++) {
        make_event(seed, kinds, i, c.raw[i], &c.ev[i]);
        assert_true(event_batch_add(&b, &c.ev[i]));
        if (b.count >= 20 || i + 1 == c.n) {
            assert_int_equal(journal_append(j, event_batch_seal(&b), &first, NULL), 0);
            event_batch_clear(&b);
        }
    }
    event_batch_done(&b);
    if (prng(seed) % 2) { /* all stored; else the newest block is searched in memory */
        journal_close(j);
        j = test_open(dir, 0, clk);
    }
    return j;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);
    uint64_t v;

    return s != NULL && str_u64(str_c(s), &v) ? v : otherwise;
}

static void search_says_what_plain_loops_say(void **state)
{
    uint64_t cases = number_of("LUY_PROPERTY_CASES", CASES_DEFAULT), seed = number_of("LUY_PROPERTY_SEED", 20261121);
    struct clock clk = clock_manual(TEST_NOW);
    struct tally t = {0};
    char dir[64];

    while (t.cases < cases && t.wrong == 0) {
        uint64_t own = seed++ * 0x9e3779b97f4a7c15u | 1;
        test_dir_make_fast(dir);
        struct journal *j = corpus_make(dir, &clk, &own);
        for (int i = 0; i < QUERIES && t.wrong == 0; i++)
            one_case(j, prng(&own) | 1, &t);
        journal_close(j);
        test_dir_drop(dir);
        if (t.wrong > 0)
            print_error("the corpus is that of LUY_PROPERTY_SEED=%llu\n", (unsigned long long)seed - 1);
    }
    print_message("# %llu cases (%llu of one word also by grep, %llu also grouped), %llu events found, %llu queries "
                  "did not parse\n",
                  (unsigned long long)t.cases, (unsigned long long)t.words, (unsigned long long)t.groups,
                  (unsigned long long)t.found, (unsigned long long)t.unparsed);
    assert_int_equal(t.wrong, 0);
    assert_true(t.unparsed * 20 < t.cases && t.words * 5 > t.cases && t.found > t.cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(search_says_what_plain_loops_say)};
    return cmocka_run_group_tests_name("journal/property", tests, NULL, NULL);
}

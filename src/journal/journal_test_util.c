/* The journal tests' common part (journal_test-int.h). */
#include "journal/journal_test-int.h"
#include <dirent.h>

void test_dir_make(char out[64])
{
    snprintf(out, 64, "/tmp/luy-journal-XXXXXX");
    assert_non_null(mkdtemp(out));
}

void test_dir_make_fast(char out[64])
{
    snprintf(out, 64, "%s/luy-journal-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(out));
}

void test_dir_drop(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *ent;

    while (d != NULL && (ent = readdir(d)) != NULL)
        unlinkat(dirfd(d), ent->d_name, 0);
    if (d != NULL)
        closedir(d);
    rmdir(dir);
}

static const char *const programs[] = {"sshd", "sudo", "named", "postfix/smtpd", "kernel", "cron"};
static const char *const texts[] = {
    "Failed password for root from 10.8.%u.%u port %u ssh2",
    "session opened for user u%u(uid=%u) by (uid=%u)",
    "client @0x%x 10.8.0.%u#%u: query: example.gov.vn IN A",
    "\xc4\x90\xc4\x83ng nh\xe1\xba\xadp l\xe1\xba\xa7n %u t\xe1\xbb\xab m\xc3\xa1y %u c\xe1\xbb\x95ng %u",
};

struct event test_event(uint64_t k, struct test_line *line)
{
    uint64_t s = k * 0x9e3779b97f4a7c15u + 1;
    unsigned a = (unsigned)(prng(&s) % 250), b = (unsigned)(prng(&s) % 250), c = (unsigned)(prng(&s) % 60000);
    const char *prog = programs[prng(&s) % COUNT(programs)];
    struct event ev = {.received_ns = TEST_NOW + (int64_t)k * NS_PER_MS,
                       .transport = (uint8_t)(k % TP_COUNT),
                       .format = (uint8_t)(k % FMT_COUNT),
                       .facility = (uint8_t)(prng(&s) % 24),
                       .severity = (uint8_t)(prng(&s) % 8),
                       .flags = (uint16_t)(k % 97 ? 0 : EV_BAD_TIME),
                       .source_port = (uint16_t)c};
    char msg[256];
    size_t n = 0;

    ev.event_ns =
        k % 5 ? (ev.received_ns - (int64_t)(prng(&s) % 100) * NS_PER_S) / NS_PER_S * NS_PER_S : ev.received_ns;
    if (ev.transport != TP_FILE && ev.transport != TP_SELF)
        ev.source = (struct ip){k % 11 ? 4 : 6, {10, 8, (uint8_t)(a % 3), (uint8_t)b}};
    n += (size_t)snprintf(line->text, sizeof(line->text), "<%d>Nov 21 09:30:00 ", ev.facility * 8 + ev.severity);
    ev.span[SP_HOST].off = (uint32_t)n;
    ev.span[SP_HOST].len = (uint32_t)snprintf(line->text + n, sizeof(line->text) - n, "host-%u", a % 40);
    n += ev.span[SP_HOST].len;
    ev.span[SP_PROGRAM] = (struct span){(uint32_t)n + 1, (uint32_t)strlen(prog)};
    n += (size_t)snprintf(line->text + n, sizeof(line->text) - n, " %s[%u]: ", prog, c);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    size_t m = (size_t)snprintf(msg, sizeof(msg), texts[k % COUNT(texts)], a, b, c);
#pragma GCC diagnostic pop
    ev.span[SP_MSG] = (struct span){(uint32_t)n, (uint32_t)m};
    n += (size_t)snprintf(line->text + n, sizeof(line->text) - n, "%s", msg);
    ev.raw = (str){line->text, n};
    return ev;
}

bool test_event_same(const struct event *a, const struct event *b)
{
    return a->received_ns == b->received_ns && a->event_ns == b->event_ns && a->transport == b->transport &&
           a->format == b->format && a->facility == b->facility && a->severity == b->severity && a->flags == b->flags &&
           a->source_port == b->source_port && ip_cmp(a->source, b->source) == 0 &&
           memcmp(a->span, b->span, sizeof(a->span)) == 0 && str_eq(a->raw, b->raw);
}

str test_batch(struct event_batch *b, uint64_t from, uint32_t n)
{
    struct test_line line;

    event_batch_clear(b);
    for (uint32_t i = 0; i < n; i++) {
        struct event ev = test_event(from + i, &line);
        assert_true(event_batch_add(b, &ev));
    }
    return event_batch_seal(b);
}

int test_append(struct journal *j, uint64_t from, uint32_t n, struct err *e)
{
    struct event_batch b;
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    int rc = journal_append(j, test_batch(&b, from, n), &first, e);
    if (rc == 0)
        assert_int_equal(first, from + 1);
    event_batch_done(&b);
    return rc;
}

struct journal *test_open(const char *dir, size_t block_bytes, const struct clock *clk)
{
    struct journal_cfg cfg = {.dir = dir, .sync_ms = 100, .block_bytes = block_bytes};
    struct journal *j = NULL;
    struct err e = {0};

    if (journal_open(&cfg, clk, &j, &e) < 0) {
        char text[512];
        err_text(&e, LANG_EN, text, sizeof(text));
        print_error("%s\n", text);
    }
    return j;
}

void test_wait_sealed(struct journal *j)
{
    struct journal_stats st;
    do
        journal_stats(j, &st);
    while (st.unsealed_blocks > 0);
}

static bool count_hit(void *ctx, const struct hit *h)
{
    ++*(uint64_t *)ctx;
    return true;
}

int64_t test_hits(struct journal *j, const char *text, struct search_stats *st)
{
    struct arena a = arena_init(1 << 20);
    struct search_opts o = {.limit = UINT64_MAX};
    struct search_stats own;
    struct query *q;
    uint64_t n = 0;

    int rc = query_parse(&a, str_c(text), TEST_NOW, &q, NULL);
    if (rc == 0)
        rc = journal_search(j, q, &o, count_hit, &n, st ? st : &own, NULL);
    arena_free(&a);
    return rc < 0 ? -1 : (int64_t)n;
}

struct check {
    uint64_t next, wrong, n;
};

static bool check_hit(void *ctx, const struct hit *h)
{
    struct check *c = ctx;
    struct test_line line;
    struct event want = test_event(h->seq - 1, &line);

    if (c->n++ > 0 && h->seq != c->next)
        c->wrong++;
    c->wrong += !test_event_same(&want, &h->ev);
    c->next = h->seq - 1;
    return true;
}

uint64_t test_check_all(struct journal *j, uint64_t first, uint64_t events)
{
    struct query all = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct search_opts o = {.limit = UINT64_MAX};
    struct search_stats st;
    struct check c = {0};

    assert_int_equal(journal_search(j, &all, &o, check_hit, &c, &st, NULL), 0);
    assert_int_equal(c.wrong, 0);
    assert_int_equal(st.bad_blocks, 0);
    if (events > 0) {
        assert_int_equal(c.next + 1, first);
        assert_true(c.n >= events);
    }
    return c.n;
}

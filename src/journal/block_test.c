/* A block gives back every event as it was, whatever its bytes: made-up syslog,
 * hostile lines, random bytes, attacks on the ceilings. And the ways of
 * computing the split agree. Argument: the number of rounds (default 60). */
#include "base/test-int.h"
#include "base/calendar.h"
#include "intake/syslog.h"
#include "journal/block-int.h"
#include "journal/page_pack.h"

enum { ROWS = 2000, RAW = 24 << 20 };
static long rounds = 60;

struct fixture {
    struct rows *r;
    struct block_enc *be;
    struct block_dec *d;
    uint64_t s;
    char line[EVENT_RAW_MAX];
    size_t n, hours; /* hours: blocks that have them counted */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->r = rows_new(RAW, 400000);
    f->be = block_enc_new();
    f->d = block_dec_new();
    f->s = 88172645463325252u;
    *state = f;
    return f->r && f->be && f->d ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rows_free(f->r);
    block_enc_free(f->be);
    block_dec_free(f->d);
    free(f);
    return 0;
}

static bool same(const struct event *a, const struct event *b)
{
    return a->received_ns == b->received_ns && a->event_ns == b->event_ns && a->transport == b->transport &&
           a->format == b->format && a->facility == b->facility && a->severity == b->severity && a->flags == b->flags &&
           a->source_port == b->source_port && memcmp(&a->source, &b->source, sizeof(a->source)) == 0 &&
           memcmp(a->span, b->span, sizeof(a->span)) == 0 && str_eq(a->raw, b->raw);
}

struct told {
    uint64_t lines, sum;
};

static uint64_t hour_and_host(int64_t start, str host) { return (uint64_t)start * 31 + str_hash(host, 7); }

static void see_hour(void *ctx, int64_t start, const struct block_origin *o, uint32_t lines)
{
    struct told *t = ctx;

    assert_int_equal(start % (3600 * NS_PER_S), 0);
    t->lines += lines;
    t->sum += lines * hour_and_host(start, o->host);
}

/* What the block has counted is what its lines say. */
static void check_hours(struct fixture *f, uint32_t n)
{
    const int64_t hour = 3600 * NS_PER_S;
    struct told told = {0}, want = {.lines = n};
    struct event ev;
    int rc = block_hours(f->d, see_hour, &told);

    assert_true(rc >= 0);
    f->hours += rc == 1;
    for (uint32_t i = 0; rc == 1 && i < n; i++) {
        rows_event(f->r, i, COL_ALL, &ev);
        want.sum += hour_and_host((ev.event_ns / hour - (ev.event_ns % hour < 0)) * hour, event_field(&ev, SP_HOST));
    }
    if (rc == 1) {
        assert_int_equal(told.lines, want.lines);
        assert_int_equal(told.sum, want.sum);
    }
}

/* Encodes the rows, decodes them in chunks of chosen lines, compares. Clears them. */
static struct block_head check_rows(struct fixture *f)
{
    struct block_head h, again;
    struct event a, b;
    uint32_t seen = 0, wanted = 0;

    rows_publish(f->r);
    uint32_t n = rows_count(f->r);
    uint64_t *bits = calloc(n / 64 + 1, sizeof(*bits)),
             every = prng(&f->s) % 4 ? 1 : 1 + prng(&f->s) % (prng(&f->s) % 2 ? 50 : 2000);
    unsigned rules = (unsigned)(prng(&f->s) % 16); /* any of them, or the ones of its choice */
    str block =
        rules < 8 ? block_encode_by(f->be, f->r, rows_count(f->r), 7, rules, &h) : block_encode(f->be, f->r, 7, &h);
    assert_true(block.n > 0);
    assert_true(block_head_read((const uint8_t *)block.p, 7, &again));
    struct block_src src = {.fd = -1, .mem = (const uint8_t *)block.p, .mem_n = block.n};
    assert_int_equal(block_dec_open(f->d, &src, &again, 7), 0);
    assert_int_equal(block_dec_verify(f->d), 0);
    check_hours(f, n);
    for (uint32_t i = 0; i < n; i++)
        if (prng(&f->s) % every == 0) {
            bits[i / 64] |= UINT64_C(1) << i % 64;
            wanted++;
        }
    assert_int_equal(block_dec_find(f->d, bits, NULL, COL_ALL), 0);
    for (uint32_t at = 0; at < n; at += BLOCK_CHUNK) {
        struct rows *back;
        assert_int_equal(block_dec_rows(f->d, bits, at, at + BLOCK_CHUNK, &back), 0);
        for (uint32_t k = 0; k < rows_count(back); k++, seen++) {
            uint32_t i = (uint32_t)(rows_seq(back, k) - f->r->first_seq);
            assert_true(bits[i / 64] >> i % 64 & 1);
            rows_event(f->r, i, COL_ALL, &a);
            rows_event(back, k, COL_ALL, &b);
            if (!same(&a, &b))
                fail_msg("line %u: %.*s", i, (int)(a.raw.n < 300 ? a.raw.n : 300), a.raw.p);
        }
    }
    assert_int_equal(seen, wanted);
    free(bits);
    rows_clear(f->r, f->r->first_seq + n);
    return h;
}

static const char *const pieces[] = {
    "\x11",
    "\x12",
    "\x13",
    "<34>",
    "<34>1 ",
    "Mar  4 00:00:00 ",
    "Mar 04 01:02:03 ",
    "2026-03-04T00:00:00.123456Z ",
    "2026-03-04T07:00:00+07:00 ",
    "host-1 ",
    "sshd[123]: ",
    "user=root ",
    "user= ",
    "007 ",
    "00000000000000000001 ",
    "9999999999999999999 ",
    "18446744073709551615 ",
    "18446744073709551616 ",
    "0 ",
    "00 ",
    "1.2.3.4 ",
    "01.2.3.4 ",
    "256.1.1.1 ",
    "1.2.3.4. ",
    "..",
    ".",
    "a.b ",
    "deadbeef ",
    "DEADBEEF ",
    "DeadBeef1 ",
    "12345678 ",
    "123e4567-e89b-12d3-a456-426614174000 ",
    "123E4567-e89b-12d3-a456-426614174000 ",
    "attempt_1_2_m_003_0 ",
    "attempt_77_2_r_013_0 ",
    "12.50 ",
    "-1 ",
    "+5 ",
    "1e9 ",
    "\n",
    "\r\n",
    "\xff\xfe",
    "\xc4\x90\xc4\x83ng nh\xe1\xba\xadp ",
    "=",
    "==",
    "a=1=b ",
    "\"quoted text 1\" ",
    "\"",
    "/var/log/x1/y ",
    "%ASA-6-302013: ",
    "[",
    "]",
    "{\"a\":1,\"b\":\"c2\"} ",
    "-",
    "_",
    "blk_-1608999687919862906 ",
    "10:11:12,345 ",
    "0x7f3a ",
    "x1y2z3 ",
    "",
};

static void add_piece(struct fixture *f, str s)
{
    if (s.n <= sizeof(f->line) - f->n) {
        memcpy(f->line + f->n, s.p, s.n);
        f->n += s.n;
    }
}

static void random_line(struct fixture *f)
{
    unsigned k = (unsigned)(prng(&f->s) % 20), kind = (unsigned)(prng(&f->s) % 40);

    f->n = 0;
    if (kind == 0) { /* any bytes, now and then very many */
        size_t n = prng(&f->s) % 50 ? prng(&f->s) % 300 : 65000 + prng(&f->s) % 537;
        for (f->n = 0; f->n < n; f->n++)
            f->line[f->n] = (char)prng(&f->s);
        return;
    }
    if (kind == 1)
        add_piece(f, (str){"a\0b", 3});
    for (unsigned i = 0; i < k; i++) {
        char num[32];
        if (prng(&f->s) % 3 == 0)
            add_piece(f, (str){num, (size_t)snprintf(num, sizeof(num), "%llu ",
                                                     (unsigned long long)(prng(&f->s) >> prng(&f->s) % 64))});
        else
            add_piece(f, str_c(pieces[prng(&f->s) % COUNT(pieces)]));
    }
}

/* Fields as a parser finds them, or any. */
static struct event random_event(struct fixture *f, int64_t received)
{
    struct event ev = {0};

    if (prng(&f->s) % 4) {
        syslog_parse((str){f->line, f->n}, received, &ev);
    } else {
        ev.raw = (str){f->line, f->n};
        ev.received_ns = received;
        ev.event_ns = prng(&f->s) % 2 ? received : (int64_t)prng(&f->s);
        ev.flags = (uint16_t)prng(&f->s);
        ev.severity = (uint8_t)prng(&f->s);
        ev.facility = (uint8_t)prng(&f->s);
        ev.format = (uint8_t)(prng(&f->s) % 9);
        for (int s = 0; s < SP_COUNT && f->n > 0; s++) {
            ev.span[s].off = (uint32_t)(prng(&f->s) % f->n);
            ev.span[s].len = (uint32_t)(prng(&f->s) % (f->n - ev.span[s].off + 1));
            if (ev.span[s].len == 0) /* an absent field has one form only */
                ev.span[s].off = 0;
        }
    }
    ev.transport = (uint8_t)(prng(&f->s) % 5);
    ev.source = (struct ip){prng(&f->s) % 3 ? 4 : 6, {10, 8, (uint8_t)(prng(&f->s) % 3), 1}};
    if (prng(&f->s) % 20 == 0)
        ev.source.b[15] = (uint8_t)prng(&f->s);
    ev.source_port = (uint16_t)(prng(&f->s) % 3);
    return ev;
}

static void any_lines_come_back(void **state)
{
    struct fixture *f = *state;
    uint64_t lines = 0;

    for (long round = 0; round < rounds; round++) {
        int64_t received = (int64_t)(prng(&f->s) >> 1);
        uint32_t n = 1 + (uint32_t)(prng(&f->s) % (round % 10 ? 300 : ROWS)), few = (uint32_t)(prng(&f->s) % 3);
        unsigned ports = (unsigned)(prng(&f->s) % 4);
        for (uint32_t i = 0; i < n; i++) {
            if (!few || i % 8 == 0) /* else the line before again */
                random_line(f);
            struct event ev = random_event(f, received);
            if (ports == 0)
                ev.source_port = (uint16_t)prng(&f->s);
            received += prng(&f->s) % 3 ? 0 : (int64_t)(prng(&f->s) % 5000000000u) - 1000000000;
            if (!rows_add(f->r, &ev))
                break;
            lines++;
        }
        check_rows(f);
    }
    print_message("# %llu lines\n", (unsigned long long)lines);
}

static void add_syslog(struct fixture *f, size_t n)
{
    struct event ev;
    syslog_parse((str){f->line, n}, 1795228200000000000, &ev);
    ev.source = (struct ip){4, {10, 8, 0, 1}};
    if (!rows_add(f->r, &ev))
        fail();
}

/* Of lines full of quoted strings and paths the smaller block of two is taken. */
static void rules_are_chosen(void **state)
{
    static const char *const agents[] = {"Mozilla", "curl", "Safari", "Trinh duyet"};
    struct fixture *f = *state;
    struct block_head h;

    for (uint32_t i = 0; i < 6000; i++) {
        f->n = (size_t)snprintf(f->line, sizeof(f->line),
                                "<30>Nov 21 09:30:00 web httpd: \"GET /%c%c/%c%c%c/index HTTP\" \"%s %c%c (X; %c)\"",
                                (char)('a' + prng(&f->s) % 26), (char)('a' + prng(&f->s) % 26),
                                (char)('a' + prng(&f->s) % 26), (char)('a' + prng(&f->s) % 26),
                                (char)('a' + prng(&f->s) % 26), agents[prng(&f->s) % 4], (char)('a' + prng(&f->s) % 26),
                                (char)('a' + prng(&f->s) % 26), (char)('a' + prng(&f->s) % 26));
        add_syslog(f, f->n);
    }
    rows_publish(f->r);
    size_t chosen = block_encode(f->be, f->r, 7, &h).n,
           strict = block_encode_by(f->be, f->r, rows_count(f->r), 7, 0, &h).n;
    assert_true(h.templates > 256);
    size_t loose = block_encode_by(f->be, f->r, rows_count(f->r), 7, SPLIT_QUOTES | SPLIT_PATHS, &h).n;
    assert_true(h.templates < 10);
    assert_true(loose < strict && chosen < (loose + strict) / 2);
    print_message("# %zu bytes by strict rules, %zu by loose ones, %zu chosen\n", strict, loose, chosen);
    check_rows(f);
}

struct asked {
    uint64_t n, yes;
};

static bool is_enough(void *ctx)
{
    struct asked *a = ctx;
    return ++a->n > a->yes;
}

/* A block that is packed for keeps is given up wherever it is, and the encoder goes on as ever. */
static void a_block_is_given_up(void **state)
{
    struct fixture *f = *state;
    struct block_head h;
    struct asked a = {0, UINT64_MAX};

    for (uint32_t i = 0; i < 3000; i++) {
        f->n = (size_t)snprintf(f->line, sizeof(f->line), "<30>Nov 21 09:30:00 web httpd[%u]: GET /%u from 10.8.0.%u",
                                (unsigned)prng(&f->s) % 999, (unsigned)prng(&f->s), (unsigned)prng(&f->s) % 250);
        add_syslog(f, f->n);
    }
    rows_publish(f->r);
    block_enc_level(f->be, PACK_KEEPS);
    block_enc_stop(f->be, is_enough, &a);
    size_t whole = block_encode_by(f->be, f->r, 3000, 7, 0, &h).n;
    uint64_t all = a.n;
    assert_true(whole > 0 && all > 20);
    for (uint64_t yes = 0; yes < all; yes += 1 + prng(&f->s) % 5) {
        a = (struct asked){0, yes};
        assert_int_equal(block_encode_by(f->be, f->r, 3000, 7, 0, &h).n, 0);
    }
    block_enc_stop(f->be, NULL, NULL);
    check_rows(f);
    block_enc_level(f->be, PACK_FAST);
}

/* Few hosts in a few hours, also before 1970, are counted; too many of either are not. */
static void hours_are_counted(void **state)
{
    static const struct {
        uint32_t hosts, hours;
        bool counted;
        int64_t first;
    } rows[] = {{3, 5, true, 0},
                {1, 1, true, 0},
                {1, 60, true, 0},
                {1, 65, false, 0},
                {20, 60, false, 0},
                {3, 4, true, INT64_MAX - 5 * 3600 * NS_PER_S},
                {3, 4, false, INT64_MIN + 2 * 3600 * NS_PER_S}};
    struct fixture *f = *state;

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        size_t before = f->hours;
        for (uint32_t i = 0; i < ROWS; i++) {
            f->n = (size_t)snprintf(f->line, sizeof(f->line), "<34>1 - host-%u app - - - line %u",
                                    (unsigned)(prng(&f->s) % rows[k].hosts), i);
            struct event ev;
            syslog_parse((str){f->line, f->n}, 0, &ev);
            ev.event_ns =
                rows[k].first + ((int64_t)(i % rows[k].hours) - 2) * 3600 * NS_PER_S + (int64_t)(i % 3600) * NS_PER_S;
            assert_true(rows_add(f->r, &ev));
        }
        check_rows(f);
        assert_int_equal(f->hours - before, rows[k].counted);
    }
}

/* Nothing a sender does makes tables grow past their ceilings. */
static void ceilings_hold(void **state)
{
    struct fixture *f = *state;

    struct block_head h;
    for (unsigned times = 1; times <= 2; times++) { /* a template a line: that comes again, or never */
        for (unsigned i = 0; i < 3 * TEMPLATES_MAX; i++) {
            unsigned long long x = prng(&f->s);
            int n = snprintf(f->line, sizeof(f->line), "<13>Nov 21 09:30:00 h p: ");
            for (int k = 0; k < 12; k++, x >>= 5)
                f->line[n++] = (char)('a' + x % 26);
            for (unsigned t = 0; t < times; t++)
                add_syslog(f, (size_t)n);
        }
        h = check_rows(f);
        assert_int_equal(h.templates, times == 1 ? TEMPLATES_FLOOD : TEMPLATES_MAX);
    }
    for (unsigned i = 0; i < BLOCK_ORIGINS_MAX + 5000; i++) /* a host a line */
        add_syslog(f, (size_t)snprintf(f->line, sizeof(f->line), "<13>Nov 21 09:30:00 h%u p: text", i));
    check_rows(f);
    for (unsigned i = 0; i < 30; i++) { /* as many values as bytes allow */
        for (size_t k = 0; k < 60000; k++)
            f->line[k] = k % 2 ? ' ' : '7';
        add_syslog(f, 60000);
    }
    h = check_rows(f);
    assert_int_equal(h.templates, 0);
    for (unsigned i = 0; i < 5000; i++) /* a form of time a line */
        add_syslog(f, (size_t)snprintf(f->line, sizeof(f->line), "<13>1 2026-03-04T00:00:00+%02u:%02u h p - - - x",
                                       i % 14, i / 14 % 60));
    check_rows(f);
}

static void ways_of_splitting_agree(void **state)
{
    static struct split_map a, b;
    static uint8_t text[4096];
    uint64_t s = 1;

    for (int round = 0; round < 2000; round++) {
        size_t n = prng(&s) % 700;
        for (size_t i = 0; i < n; i++) {
            static const char likely[] = "a1.=-_ \x11\x80Zz:9";
            text[i] = prng(&s) % 4 ? (uint8_t)likely[prng(&s) % (sizeof(likely) - 1)] : (uint8_t)prng(&s);
        }
        split_map_make(&a, text, n, SPLIT_SCALAR);
        for (enum split_cpu cpu = SPLIT_SSE; cpu <= SPLIT_AVX2; cpu++) {
            if (!split_cpu_has(cpu))
                continue;
            split_map_make(&b, text, n, cpu);
            assert_memory_equal(a.word + 1, b.word + 1, (n + 63) / 64 * 8);
            assert_memory_equal(a.value + 1, b.value + 1, (n + 63) / 64 * 8);
        }
    }
}

static void rules_of_splitting(void **state)
{
    static const struct {
        const char *line, *values;
    } t[] = {
        {"user root from 10.8.0.7 port 40022.", "10.8.0.7|40022|"},
        {"a=b c = d e=f.g", "b|f.g|"},
        {"rhost= user=x", "x|"},
        {"dev eth0: link up", "eth0|"},
        {"a.b c..d1 .5.", "d1|5|"},
        {"no values here", ""},
        {"x\x11y z", "x\x11y|"},
        {"123e4567-e89b-12d3 a_b_3", "123e4567-e89b-12d3|a_b_3|"},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        static struct split_map m;
        struct split_value v[16];
        char got[256] = "";
        uint32_t n = 0;
        size_t len = strlen(t[i].line), at = 0;
        split_map_make(&m, (const uint8_t *)t[i].line, len, SPLIT_BEST);
        assert_true(split_values(&m, 0, len, v, &n, COUNT(v)));
        for (uint32_t k = 0; k < n; k++)
            at += (size_t)snprintf(got + at, sizeof(got) - at, "%.*s|", (int)v[k].len, t[i].line + v[k].off);
        assert_string_equal(got, t[i].values);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hours_are_counted, setup, teardown),
        cmocka_unit_test(rules_of_splitting),
        cmocka_unit_test(ways_of_splitting_agree),
        cmocka_unit_test_setup_teardown(any_lines_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(ceilings_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(rules_are_chosen, setup, teardown),
        cmocka_unit_test_setup_teardown(a_block_is_given_up, setup, teardown),
    };
    if (argc > 1)
        rounds = strtol(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Random events (property_test-int.h): what has to be stored and found again. */
#include "base/test-int.h"
#include "base/text.h"
#include "journal/property_test-int.h"
#include <uninorm.h>

struct line {
    char *p;
    size_t n;
};

static void put(struct line *l, const void *p, size_t n)
{
    if (n > LINE_MAX_BYTES - 1 - l->n)
        n = LINE_MAX_BYTES - 1 - l->n;
    memcpy(l->p + l->n, p, n);
    l->n += n;
}

static void put_z(struct line *l, const char *s) { put(l, s, strlen(s)); }

__attribute__((format(printf, 2, 3))) static void put_f(struct line *l, const char *fmt, ...)
{
    char text[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    put_z(l, text);
}

static void soup(uint64_t *seed, struct line *l)
{
    static const char *const bits[] = {
        "a", "b",  "A",  "ab", "ba", " ",  "c", "*", "Ba", "\xe1\xbb\x87",     "d", "[", "\n", "e",
        "?", "\"", "\\", "0",  "1",  "00", "=", "/", ".",  "e\xcc\xa3\xcc\x82"};

    for (uint64_t k = rnd(seed, 24); k > 0; k--) {
        uint8_t byte = (uint8_t)prng(seed);
        if (rnd(seed, 12) == 0)
            put(l, &byte, 1);
        else
            put_z(l, PICK(seed, bits));
    }
}

/* Numbers as they stand in logs: small, huge, with zeros in front, signs, fractions. */
static void number(uint64_t *seed, struct line *l)
{
    static const char *const shapes[] = {
        "0",   "00",   "007",   "-1",   "+5", "1.0", "0.50", "-0", "18446744073709551616", "99999999999999999999999999",
        "1e5", "0x1f", "1.2.3", "1,000"};

    switch (rnd(seed, 6)) {
    case 0:
        put_z(l, PICK(seed, shapes));
        break;
    case 1:
        put_f(l, "%llu", (unsigned long long)(prng(seed) >> rnd(seed, 64)));
        break;
    case 2:
        put_f(l, "%0*u", (int)rnd(seed, 9), (unsigned)rnd(seed, 300));
        break;
    case 3:
        put_f(l, "%u.%0*u", (unsigned)rnd(seed, 100), 1 + (int)rnd(seed, 4), (unsigned)rnd(seed, 1000));
        break;
    default:
        put_f(l, "%u", (unsigned)rnd(seed, 2000));
        break;
    }
}

static void address(uint64_t *seed, struct line *l)
{
    if (rnd(seed, 5) == 0)
        put_f(l, "fe80::%x:%x", (unsigned)rnd(seed, 16), (unsigned)rnd(seed, 65536));
    else
        put_f(l, "10.%u.%u.%u", (unsigned)rnd(seed, 3), (unsigned)rnd(seed, 4), (unsigned)rnd(seed, 300));
}

/* Hexadecimal digits and UUIDs, some of which come again. */
static void digits(uint64_t *seed, struct line *l)
{
    unsigned long long x = rnd(seed, 2) ? prng(seed) : (1 + rnd(seed, 30)) * UINT64_C(0x9e3779b97f4a7c15);

    if (rnd(seed, 2))
        put_f(l, rnd(seed, 4) ? "%08llx" : "%08llX", x >> 32);
    else
        put_f(l, "%08llx-%04llx-4%03llx-a%03llx-%012llx", x >> 32, x >> 16 & 0xffff, x >> 4 & 0xfff, x & 0xfff, x >> 8);
}

static void log_line(uint64_t *seed, struct line *l)
{
    static const char *const heads[] = {"Failed password for ",
                                        "session opened for user ",
                                        "IN=eth0 OUT= SRC=",
                                        "query: ",
                                        "GET /a/b/",
                                        "took ",
                                        "uid=",
                                        "[error] "};
    static const char *const names[] = {"root", "admin7", "u42", "nguyen.van", "web-3.example.vn", "x"};

    put_z(l, PICK(seed, heads));
    for (uint64_t k = 1 + rnd(seed, 4); k > 0; k--) {
        switch (rnd(seed, 6)) {
        case 0:
            address(seed, l);
            break;
        case 1:
            put_z(l, PICK(seed, names));
            break;
        case 2:
            digits(seed, l);
            break;
        case 3:
            put_f(l, "2026-11-%02uT%02u:%02u:%02u.%03uZ", 1 + (unsigned)rnd(seed, 30), (unsigned)rnd(seed, 24),
                  (unsigned)rnd(seed, 60), (unsigned)rnd(seed, 60), (unsigned)rnd(seed, 1000));
            break;
        default:
            number(seed, l);
            break;
        }
        put_z(l, rnd(seed, 5) ? " " : rnd(seed, 2) ? "=" : ":");
    }
}

/* Each letter in one of its forms; now and then cut in its middle. */
static void marked(uint64_t *seed, struct line *l)
{
    static const char *const words[] = {"\xc4\x90\xc4\x83ng",
                                        "nh\xe1\xba\xadp",
                                        "m\xe1\xba\xadt kh\xe1\xba\xa9u",
                                        "ng\xc6\xb0\xe1\xbb\x9di",
                                        "h\xe1\xbb\x87 th\xe1\xbb\x91ng",
                                        "l\xe1\xba\xa7n",
                                        "\xc3\xa9t\xc3\xa9",
                                        "dang",
                                        "he"};
    uint8_t apart[64];

    for (uint64_t k = 1 + rnd(seed, 5); k > 0; k--) {
        const char *w = PICK(seed, words);
        for (size_t i = 0; w[i] != '\0';) {
            size_t n = utf8_char(str_c(w + i)), m = sizeof(apart);
            if (n == 0)
                n = 1;
            const uint8_t *nfd = u8_normalize(UNINORM_NFD, (const uint8_t *)w + i, n, apart, &m);
            switch (nfd == apart ? rnd(seed, 10) : 0) {
            case 0:
            case 1:
            case 2:
            case 3:
                put(l, w + i, n);
                break;
            case 9:
                put(l, apart, m > 1 ? m - 1 : m);
                break;
            default:
                put(l, apart, m);
                break;
            }
            i += n;
        }
        put_z(l, rnd(seed, 3) ? " " : "");
    }
}

static void json_line(uint64_t *seed, struct line *l)
{
    put_f(l, "{\"num\":%u,\"str\":\"", (unsigned)rnd(seed, 100));
    put_z(l, rnd(seed, 2) ? "alert" : "flow \\u00e9");
    put_z(l, "\",\"obj\":{\"val\":");
    number(seed, l);
    put_z(l, ",\"ip\":\"");
    address(seed, l);
    put_f(l, "\"},\"arr\":[%u,%u]}", (unsigned)rnd(seed, 5), (unsigned)rnd(seed, 5));
}

static struct span field(struct line *l, const char *text)
{
    struct span s = {(uint32_t)l->n, (uint32_t)strlen(text)};

    put_z(l, text);
    return s.len == 0 ? (struct span){0, 0} : s;
}

void make_event(uint64_t *seed, unsigned kinds, uint32_t k, char raw[LINE_MAX_BYTES], struct event *ev)
{
    static void (*const makers[])(uint64_t *, struct line *) = {soup, log_line, marked, json_line};
    static const char *const hosts[] = {"h1", "h2", "H2", "web-3", "", "10.8.0.7", "h\xe1\xbb\x87"};
    static const char *const programs[] = {"sshd", "kernel", "", "postfix/smtpd", "7"};
    static const char *const pids[] = {"1", "412", "", "0412", "9999999999999999999999"};
    struct line l = {raw, 0};
    unsigned which;

    *ev = (struct event){.received_ns = TEST_NOW + (int64_t)k,
                         .event_ns = TEST_NOW - (int64_t)rnd(seed, 600) * NS_PER_S,
                         .severity = (uint8_t)rnd(seed, 8),
                         .facility = (uint8_t)rnd(seed, 24),
                         .flags = (uint16_t)(rnd(seed, 4)),
                         .transport = (uint8_t)rnd(seed, TP_COUNT),
                         .format = (uint8_t)rnd(seed, FMT_COUNT),
                         .source_port = (uint16_t)prng(seed)};
    if (rnd(seed, 4))
        ev->source = (struct ip){4, {10, 8, (uint8_t)rnd(seed, 2), (uint8_t)rnd(seed, 4)}};
    if (rnd(seed, 3)) {
        ev->span[SP_HOST] = field(&l, PICK(seed, hosts));
        put_z(&l, " ");
        ev->span[SP_PROGRAM] = field(&l, PICK(seed, programs));
        put_z(&l, "[");
        ev->span[SP_PID] = field(&l, PICK(seed, pids));
        put_z(&l, "]: ");
    }
    do
        which = (unsigned)rnd(seed, 4);
    while ((kinds >> which & 1) == 0);
    uint32_t msg = (uint32_t)l.n;
    makers[which](seed, &l);
    if (l.n > msg)
        ev->span[SP_MSG] = (struct span){msg, (uint32_t)l.n - msg};
    ev->raw = (str){raw, l.n};
}

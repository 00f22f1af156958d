/* registry_bench: what is asked of the registry by people: pages and the find box. */
#include "registry_bench-int.h"

static void list_timed(struct bench *b, const char *what, struct list_query *q,
                       void (*vary)(struct bench *, struct list_query *, char *))
{
    static double ms[TRIES], cpu[TRIES];
    char text[64];
    struct err e = {0};
    json_t *out;

    for (int i = 0; i < TRIES; i++) {
        if (vary != NULL)
            vary(b, q, text);
        double t0 = now_ms(), c0 = cpu_ms();
        if (registry_list(b->r, &bench_admin, STR("device"), q, &out, &e) < 0)
            die(what, &e);
        cpu[i] = cpu_ms() - c0;
        ms[i] = now_ms() - t0;
        json_decref(out);
    }
    report(what, ms, cpu, TRIES);
}

static void vary_unit(struct bench *b, struct list_query *q, char *text)
{
    snprintf(text, 64, "U%03u", draw(b, UNITS));
    q->filter[0].value = str_c(text);
}

static void vary_serial(struct bench *b, struct list_query *q, char *text)
{
    snprintf(text, 64, "%08x", draw(b, 50000) * 2654435761u);
    q->q = str_c(text);
}

static void vary_words(struct bench *b, struct list_query *q, char *text)
{
    snprintf(text, 64, "may so %u sao", draw(b, 50000));
    q->q = str_c(text);
}

/* A deep page: where a walk through all 50,000 would be. */
static void vary_cursor(struct bench *b, struct list_query *q, char *text)
{
    char key[16], hex[40];
    int n = snprintf(key, sizeof(key), "TB-%06u", draw(b, 50000));

    hex_fmt(key, (size_t)n, hex);
    snprintf(text, 64, "code:1:t%s", hex);
    q->cursor = str_c(text);
}

#define FILTER(f, o, v) .filter = {{{f, sizeof(f) - 1}, {o, sizeof(o) - 1}, {v, sizeof(v) - 1}}}, .nfilters = 1

void bench_lists(struct bench *b)
{
    struct list_query q1 = {.limit = 50}, q2 = {.limit = 50, .order = STR("-changed_at")},
                      q3 = {.limit = 50, .order = STR("name")};
    struct list_query q4 = {.limit = 50, .order = STR("unit")}, q5 = {.limit = 50, .count = true};
    struct list_query f1 = {.limit = 50, FILTER("state", "eq", "admitted")},
                      f2 = {.limit = 50, FILTER("state", "eq", "rejected")};
    struct list_query f3 = {.limit = 50, FILTER("unit", "under", "U001")},
                      f4 = {.limit = 50, FILTER("unit", "under", "TINH")};
    struct list_query f5 = {.limit = 50, FILTER("name", "ic", "so 4999")};
    struct list_query s1 = {.limit = 50}, s2 = {.limit = 50, .q = STR("dong a")},
                      s3 = {.limit = 50, .q = STR("khongco")}, c1 = {.limit = 50, .order = STR("code")};

    list_timed(b, "list 50, by key", &q1, NULL);
    list_timed(b, "list 50, by key, deep page", &c1, vary_cursor);
    list_timed(b, "list 50, newest change first", &q2, NULL);
    list_timed(b, "list 50, by name (Vietnamese order)", &q3, NULL);
    list_timed(b, "list 50, by unit", &q4, NULL);
    list_timed(b, "list 50 with total", &q5, NULL);
    list_timed(b, "list 50, state=admitted", &f1, NULL);
    list_timed(b, "list 50, state=rejected (none)", &f2, NULL);
    list_timed(b, "list 50, one unit", &f3, vary_unit);
    list_timed(b, "list 50, under the top unit", &f4, NULL);
    list_timed(b, "list 50, name contains", &f5, NULL);
    list_timed(b, "search q: serial number", &s1, vary_serial);
    list_timed(b, "search q: three words", &s1, vary_words);
    list_timed(b, "search q: common word", &s2, NULL);
    list_timed(b, "search q: nothing found", &s3, NULL);
}

static void find_timed(struct bench *b, const char *what, const char *fmt, uint32_t n, uint32_t mul)
{
    static double ms[TRIES], cpu[TRIES];
    struct err e = {0};
    json_t *out;
    size_t found = 0;
    char text[80];

    for (int i = 0; i < TRIES; i++) {
        uint32_t x = n > 0 ? draw(b, n) : 0;
        int len = snprintf(text, sizeof(text), "%s", fmt);
        char *mark = memchr(text, '#', (size_t)len);
        if (mark != NULL) { /* the number's place */
            char tail[40];
            snprintf(tail, sizeof(tail), "%s", mark + 1);
            if (mul == 1)
                snprintf(mark, sizeof(text) - (size_t)(mark - text), "%06u%s", x, tail);
            else
                snprintf(mark, sizeof(text) - (size_t)(mark - text), "%08x%s", x * mul, tail);
        }
        double t0 = now_ms(), c0 = cpu_ms();
        if (registry_find(b->r, &bench_admin, str_c(text), STR(""), 0, &out, &e) < 0)
            die(what, &e);
        cpu[i] = cpu_ms() - c0;
        ms[i] = now_ms() - t0;
        found += json_array_size(json_object_get(out, "groups")) > 0;
        json_decref(out);
    }
    report(what, ms, cpu, TRIES);
    if (found < TRIES)
        printf("%-44s %8zu of %d found nothing\n", "", TRIES - found, TRIES);
}

void bench_find(struct bench *b)
{
    struct err e = {0};
    json_t *out;
    double t0 = now_ms();

    if (registry_find(b->r, &bench_admin, STR("khong co"), STR(""), 0, &out, &e) < 0)
        die("find", &e);
    printf("%-44s %8.0f ms\n", "find: the index is built at the first question", now_ms() - t0);
    json_decref(out);
    find_timed(b, "find: a code", "tb-#", 50000, 1);
    find_timed(b, "find: a serial number", "SN#", 50000, 2654435761u);
    find_timed(b, "find: an address", "10.1.77.12", 0, 0);
    find_timed(b, "find: part of all addresses", "10.", 0, 0);
    find_timed(b, "find: two letters", "10", 0, 0);
    find_timed(b, "find: a word that most have", "tinh.example", 0, 0);
    find_timed(b, "find: a person, a letter wrong", "nguyrn van 1234", 0, 0);
    find_timed(b, "find: a code, two digits swapped", "bt-#", 50000, 1);
    find_timed(b, "find: nothing", "xqzxqzxqz", 0, 0);
}

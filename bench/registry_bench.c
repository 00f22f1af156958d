/* The registry at the size of a large body: 50,000 devices in SQLite.
 *
 *   registry_bench SCHEMA_DIR [devices]
 *
 * Prints one figure a line: pages of 50 in several orders and filters, search,
 * the find box, next free addresses by 64 writers, CSV of 5,000 rows judged and applied, creates one by one (each its
 * own transaction, synced), a state check over all. The database is made anew in a folder under TMPDIR and removed. */
#include "base/ip.h"
#include "base/rand.h"
#include "registry/addr.h"
#include "registry/find.h"
#include "registry/registry.h"
#include <pthread.h>
#include <unistd.h>

enum { BATCH = 5000, UNITS = 150, TRIES = 400, CREATES = 300, WRITERS = 64 };

struct bench {
    struct store *st;
    struct registry *r;
    struct schema *sc;
    char dir[200];
    uint64_t seed;
};
static const struct actor admin = {.name = {"bench", 5}, .roles = ROLE_ADMIN};

static void die(const char *what, const struct err *e)
{
    char text[600];

    err_text(e, LANG_EN, text, sizeof(text));
    fprintf(stderr, "registry_bench: %s: %s\n", what, text);
    exit(1);
}

static double now_ms(void) { return (double)clock_mono(&clock_system) / NS_PER_MS; }

static uint32_t draw(struct bench *b, uint32_t n)
{
    b->seed = b->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(b->seed >> 33) % n;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void report(const char *what, double *ms, size_t n)
{
    qsort(ms, n, sizeof(*ms), by_value);
    printf("%-44s p50 %8.2f ms   p99 %8.2f ms   max %8.2f ms\n", what, ms[n / 2], ms[n * 99 / 100], ms[n - 1]);
    fflush(stdout);
}

static void import(struct bench *b, const char *kind, struct buf *csv, bool dry, double *ms)
{
    struct errs es;
    struct err e = {0};
    json_t *out = NULL;
    double t0 = now_ms();

    errs_init(&es, 10);
    if (registry_import_csv(b->r, &admin, str_c(kind), buf_view(csv), dry, &out, &es, &e) < 0)
        die(kind, es.n > 0 ? &es.v[0] : &e);
    *ms = now_ms() - t0;
    json_decref(out);
    errs_done(&es);
    buf_clear(csv);
}

static void make_frame(struct bench *b)
{
    struct buf csv;
    double ms;

    buf_init(&csv, 64 << 20);
    buf_z(&csv, "code,name,tier,parent.code\nTINH,Tỉnh,province,\n");
    for (int i = 0; i < UNITS; i++)
        buf_fmt(&csv, "U%03d,Đơn vị số %d,commune,TINH\n", i, i);
    import(b, "unit", &csv, false, &ms);
    buf_z(&csv, "code,name,kind\nWAN,Mạng nội bộ,intranet\nNET,Mạng Internet,internet\n");
    import(b, "network", &csv, false, &ms);
    buf_z(&csv, "code,name,unit.code\n");
    for (int i = 0; i < 4000; i++)
        buf_fmt(&csv, "NV%05d,Nguyễn Văn %d,U%03d\n", i, i, i % UNITS);
    import(b, "person", &csv, false, &ms);
    buf_done(&csv);
}

static void device_rows(struct bench *b, struct buf *csv, int from, int n)
{
    static const char *const states[] = {"admitted", "admitted", "admitted", "admitted", "draft", "quarantined"};
    static const char *const kinds[] = {"workstation", "workstation", "server", "printer", "switch"};
    static const char *const makers[] = {"Hãng Sao Mai", "Hãng Bình Minh", "Hãng Đông Á"};

    buf_z(csv, "code,name,category,unit.code,network.code,custodian.code,serial,model,maker,origin,os,state\n");
    for (int i = from; i < from + n; i++)
        buf_fmt(csv, "TB-%06d,Máy số %d,%s,U%03d,%s,NV%05d,SN%08x,Mẫu %u,%s,Việt Nam,Debian 12,%s\n", i, i,
                kinds[draw(b, 5)], (int)draw(b, UNITS), draw(b, 4) > 0 ? "WAN" : "NET", (int)draw(b, 4000),
                (unsigned)i * 2654435761u, draw(b, 40), makers[draw(b, 3)], states[draw(b, 6)]);
}

static void list_timed(struct bench *b, const char *what, struct list_query *q,
                       void (*vary)(struct bench *, struct list_query *, char *))
{
    static double ms[TRIES];
    char text[64];
    struct err e = {0};
    json_t *out;

    for (int i = 0; i < TRIES; i++) {
        if (vary != NULL)
            vary(b, q, text);
        double t0 = now_ms();
        if (registry_list(b->r, &admin, STR("device"), q, &out, &e) < 0)
            die(what, &e);
        ms[i] = now_ms() - t0;
        json_decref(out);
    }
    report(what, ms, TRIES);
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

static void bench_lists(struct bench *b)
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

static void bench_creates(struct bench *b)
{
    static double ms[CREATES];
    struct err e = {0};

    for (int i = 0; i < CREATES; i++) {
        char code[32];
        json_t *out;
        snprintf(code, sizeof(code), "MOI-%d", i);
        json_t *in =
            json_pack("{s:s, s:s, s:s, s:s}", "code", code, "name", "Máy mới", "category", "server", "unit", "U001");
        double t0 = now_ms();
        if (registry_create(b->r, &admin, STR("device"), in, &out, NULL, &e) < 0)
            die("create", &e);
        ms[i] = now_ms() - t0;
        json_decref(in);
        json_decref(out);
    }
    double sum = 0;
    for (int i = 0; i < CREATES; i++)
        sum += ms[i];
    report("create, one by one, synced", ms, CREATES);
    printf("%-44s %8.0f a second\n", "create rate", CREATES / sum * 1000);
}

static bool count_rows(void *ctx, const char *const *names, const struct val *cols, size_t n)
{
    (void)names;
    (void)cols;
    (void)n;
    ++*(uint64_t *)ctx;
    return true;
}

static void bench_check(struct bench *b)
{
    static const char sql[] =
        "SELECT d.id FROM device d LEFT JOIN posture p ON p.device_id = d.id AND p.valid_to IS NULL WHERE"
        " d.valid_to IS NULL AND d.state = 'admitted' AND d.category IN ('workstation', 'laptop', 'server')"
        " AND (p.av_signature_at IS NULL OR p.av_signature_at < :now - 86400)";
    struct named_val now = {"now", V_INT(0)};
    struct foreign_query fq = {.sql = sql, .params = &now, .nparams = 1, .timeout_ms = 10000};
    struct err e = {0};
    uint64_t rows = 0;
    double t0 = now_ms();

    if (store_foreign(b->st, &fq, count_rows, &rows, &e) < 0)
        die("check", &e);
    printf("%-44s %8.2f ms   %lu offenders\n", "state check over all devices", now_ms() - t0, (unsigned long)rows);
}

static void bench_open(struct bench *b)
{
    struct err e = {0};
    double t0 = now_ms();
    uint64_t rows, bad;

    registry_close(b->r);
    if (registry_open(b->st, b->sc, &clock_system, &b->r, &e) < 0)
        die("open", &e);
    printf("%-44s %8.2f ms\n", "open again, schema unchanged", now_ms() - t0);
    t0 = now_ms();
    if (registry_verify(b->r, &rows, &bad, &e) < 0 || bad != 0)
        die("verify", &e);
    printf("%-44s %8.2f ms   %lu rows\n", "hash chain verified", now_ms() - t0, (unsigned long)rows);
}

/* 4 addresses a device, 250 in a /24. */
static void address_rows(struct bench *b, struct buf *csv, int from, int n)
{
    buf_z(csv, "ip,prefix.prefix,fqdn\n");
    for (int i = from; i < from + n; i++)
        buf_fmt(csv, "10.%d.%d.%d,10.%d.%d.0/24,may%d-%d.u%03d.tinh.example\n", i / 64000, i / 250 % 256, i % 250 + 2,
                i / 64000, i / 250 % 256, i / 4, i % 4, (int)draw(b, UNITS));
}

static void load_addresses(struct bench *b, int n)
{
    struct buf csv;
    double ms, load = 0;

    buf_init(&csv, 64 << 20);
    buf_z(&csv, "prefix,network.code\n");
    for (int i = 0; i < n; i += 250)
        buf_fmt(&csv, "10.%d.%d.0/24,WAN\n", i / 64000, i / 250 % 256);
    buf_z(&csv, "10.200.0.0/16,WAN\n");
    import(b, "prefix", &csv, false, &ms);
    for (int i = 0; i + BATCH <= n; i += BATCH) {
        address_rows(b, &csv, i, BATCH);
        import(b, "address", &csv, false, &ms);
        load += ms;
    }
    printf("%-44s %8.0f rows a second   %d addresses\n", "CSV load of addresses", n / load * 1000, n);
    buf_done(&csv);
}

static void find_timed(struct bench *b, const char *what, const char *fmt, uint32_t n, uint32_t mul)
{
    static double ms[TRIES];
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
        double t0 = now_ms();
        if (registry_find(b->r, &admin, str_c(text), STR(""), 0, &out, &e) < 0)
            die(what, &e);
        ms[i] = now_ms() - t0;
        found += json_array_size(json_object_get(out, "groups")) > 0;
        json_decref(out);
    }
    report(what, ms, TRIES);
    if (found < TRIES)
        printf("%-44s %8zu of %d found nothing\n", "", TRIES - found, TRIES);
}

static void bench_find(struct bench *b)
{
    struct err e = {0};
    json_t *out;
    double t0 = now_ms();

    if (registry_find(b->r, &admin, STR("khong co"), STR(""), 0, &out, &e) < 0)
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

struct writer {
    struct bench *b;
    const struct actor *who;
    int calls;
    struct ip *got;
};

static void *writer_run(void *ctx)
{
    struct writer *w = ctx;
    json_t *in = json_object();

    for (int i = 0; i < w->calls; i++) {
        struct errs es;
        struct err e = {0};
        json_t *out = NULL;
        errs_init(&es, 2);
        if (addr_allocate(w->b->r, w->who, STR("10.200.0.0/16"), in, &out, &es, &e) < 0)
            die("next free", &e);
        const char *ip = json_string_value(json_object_get(json_array_get(json_object_get(out, "items"), 0), "ip"));
        if (!ip_parse(str_c(ip), &w->got[i]))
            die("next free", &e);
        json_decref(out);
        errs_done(&es);
    }
    json_decref(in);
    return NULL;
}

static int by_ip(const void *a, const void *b) { return ip_cmp(*(const struct ip *)a, *(const struct ip *)b); }

static void bench_next_free(struct bench *b, int calls)
{
    static struct writer w[WRITERS];
    pthread_t id[WRITERS];
    struct ip *got = calloc((size_t)WRITERS * (size_t)calls, sizeof(*got));
    size_t n = (size_t)WRITERS * (size_t)calls, twice = 0;
    double t0 = now_ms();

    for (int i = 0; i < WRITERS; i++) {
        w[i] = (struct writer){b, &admin, calls, got + (size_t)i * (size_t)calls};
        if (pthread_create(&id[i], NULL, writer_run, &w[i]) != 0)
            die("threads", &(struct err){0});
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(id[i], NULL);
    double ms = now_ms() - t0;
    qsort(got, n, sizeof(*got), by_ip);
    for (size_t i = 1; i < n; i++)
        twice += ip_cmp(got[i], got[i - 1]) == 0;
    printf("%-44s %8.0f calls a second   %zu calls, %zu duplicates\n", "next free address, 64 writers",
           (double)n / ms * 1000, n, twice);
    free(got);
}

int main(int argc, char **argv)
{
    struct bench b = {.seed = 1};
    struct err e = {0};
    struct errs es;
    struct buf csv;
    char path[256];
    int devices = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 50000;
    double ms, load = 0;

    errs_init(&es, 10);
    snprintf(b.dir, sizeof(b.dir), "%s/luy-bench-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (argc < 2 || schema_load(argv[1], &b.sc, &es) < 0 || mkdtemp(b.dir) == NULL)
        die("registry_bench SCHEMA_DIR [devices]", es.n > 0 ? &es.v[0] : &e);
    snprintf(path, sizeof(path), "%s/r.db", b.dir);
    if (store_open(path, &b.st, &e) < 0 || registry_open(b.st, b.sc, &clock_system, &b.r, &e) < 0)
        die("open", &e);
    make_frame(&b);
    buf_init(&csv, 64 << 20);
    for (int i = 0; i + BATCH <= devices; i += BATCH) {
        device_rows(&b, &csv, i, BATCH);
        import(&b, "device", &csv, false, &ms);
        load += ms;
    }
    printf("%-44s %8.0f rows a second\n", "CSV load", devices / load * 1000);
    device_rows(&b, &csv, devices, BATCH);
    import(&b, "device", &csv, true, &ms);
    printf("%-44s %8.0f ms\n", "CSV of 5,000 rows judged", ms);
    device_rows(&b, &csv, devices, BATCH);
    import(&b, "device", &csv, false, &ms);
    printf("%-44s %8.0f ms\n", "CSV of 5,000 rows applied", ms);
    bench_open(&b);
    load_addresses(&b, devices * 4);
    bench_find(&b);
    bench_next_free(&b, devices >= 50000 ? 1000 : 20);
    bench_lists(&b);
    bench_creates(&b);
    bench_check(&b);
    buf_done(&csv);
    registry_close(b.r);
    store_close(b.st);
    schema_free(b.sc);
    errs_done(&es);
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/r.db%s", b.dir, tails[i]);
        unlink(path);
    }
    rmdir(b.dir);
    return 0;
}

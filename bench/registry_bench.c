/* The registry at the size of a large body: 50,000 devices, 200,000 addresses.
 *
 *   registry_bench [--engine sqlite|postgresql] [--history ROWS] [--packs DIR] [--file FILE] SCHEMA_DIR [DEVICES]
 *
 * Prints one figure a line: pages of 50 in several orders and filters, search,
 * the find box, next free addresses by 64 writers, CSV of 5,000 rows judged and applied, creates one by one (each its
 * own transaction, synced), the start, the state checks of the packs over all. With --history, devices are changed by
 * CSV until so many rows of history are there. SQLite: the file is made anew in a folder under TMPDIR and removed.
 * --file: that SQLite file, which stays; when it is there already it is only asked, not filled.
 * PostgreSQL: in the empty database that LUY_TEST_STORE names; tests/pg.py starts a server for that. */
#include "registry_bench-int.h"
#include "base/log.h"
#include "registry/test-store.h"
#include <getopt.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 5000, CREATES = 300, WRITERS = 64 };
const struct actor bench_admin = {.name = {"bench", 5}, .roles = ROLE_ADMIN};
#define admin bench_admin

void die(const char *what, const struct err *e)
{
    char text[600];

    err_text(e, LANG_EN, text, sizeof(text));
    fprintf(stderr, "registry_bench: %s: %s\n", what, text);
    exit(1);
}

/* Of all threads: what a busy neighbour changes least. */
static double all_cpu_ms(void) { return (double)clock() / CLOCKS_PER_SEC * 1000; }

/* PostgreSQL: of the server's process behind our writes, when it runs on this machine; else 0. */
static double server_cpu_ms(struct bench *b)
{
    struct val pid = V_INT(0);
    unsigned long user = 0, sys = 0;
    struct tx *tx;
    char path[40];

    if (!test_on_pg() || store_begin(b->st, STORE_WRITE, &tx, NULL) < 0)
        return 0;
    tx_one(tx, NULL, "SELECT pg_backend_pid()", NO_VALS, &pid, NULL);
    store_rollback(tx);
    snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid.i);
    FILE *f = fopen(path, "r");
    if (f == NULL || fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
        user = sys = 0;
    if (f != NULL)
        fclose(f);
    return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK) * 1000;
}

double now_ms(void) { return (double)clock_mono(&clock_system) / NS_PER_MS; }

uint32_t draw(struct bench *b, uint32_t n)
{
    b->seed = b->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(b->seed >> 33) % n;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void report(const char *what, double *ms, double *cpu, size_t n)
{
    qsort(ms, n, sizeof(*ms), by_value);
    printf("%-44s p50 %8.2f ms   p99 %8.2f ms   max %8.2f ms", what, ms[n / 2], ms[n * 99 / 100], ms[n - 1]);
    if (cpu != NULL) {
        qsort(cpu, n, sizeof(*cpu), by_value);
        printf("   CPU p50 %6.2f p99 %6.2f", cpu[n / 2], cpu[n * 99 / 100]);
    }
    printf("\n");
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
    report("create, one by one, synced", ms, NULL, CREATES);
    printf("%-44s %8.0f a second\n", "create rate", CREATES / sum * 1000);
}

/* All controls of the packs, as the daemon runs them; at the second time the findings are there already. */
static void bench_checks(struct bench *b)
{
    struct judge_cfg cfg = {.packs_dir = b->packs, .sql_timeout_ms = 60000};
    struct judge *j;
    struct judge_stats st;
    struct errs es;
    struct err e = {0};

    errs_init(&es, 10);
    if (judge_open(&cfg, b->r, &clock_system, &j, &es, &e) < 0)
        die(b->packs, es.n > 0 ? &es.v[0] : &e);
    for (int i = 0; i < 3; i++) {
        double t0 = now_ms();
        if (judge_check_now(j, STR(""), &e) < 0)
            die("checks", &e);
        double ms = now_ms() - t0;
        judge_stats(j, &st);
        printf("%-44s %8.0f ms   %llu findings open\n", i == 0 ? "every state check and duty, first time" : "again", ms,
               (unsigned long long)st.findings_open);
    }
    judge_close(j);
    errs_done(&es);
}

static void bench_open(struct bench *b)
{
    struct err e = {0};
    uint64_t rows, bad;

    registry_close(b->r);
    store_close(b->st);
    double t0 = now_ms();
    if (store_open(b->url, &b->st, &e) < 0 || registry_open(b->st, b->sc, &clock_system, &b->r, &e) < 0)
        die("open", &e);
    printf("%-44s %8.2f ms\n", "start: store and registry opened again", now_ms() - t0);
    t0 = now_ms();
    double cpu = cpu_ms();
    if (registry_verify(b->r, &rows, &bad, &e) < 0 || bad != 0)
        die("verify", &e);
    printf("%-44s %8.2f ms   CPU %.0f   %lu rows\n", "hash chain verified", now_ms() - t0, cpu_ms() - cpu,
           (unsigned long)rows);
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

/* Devices get another model, a batch at a time, until the history is as long as wanted. */
static void grow_history(struct bench *b)
{
    struct err e = {0};
    struct buf csv;
    char head[65];
    uint64_t seq;
    double ms, load = 0;
    int64_t made = 0;

    buf_init(&csv, 64 << 20);
    if (registry_head(b->r, &seq, head, &e) < 0)
        die("head", &e);
    for (int round = 0; (int64_t)seq + made < b->history; round++)
        for (int from = 0; from + BATCH <= b->devices && (int64_t)seq + made < b->history; from += BATCH) {
            buf_z(&csv, "code,model\n");
            for (int i = from; i < from + BATCH; i++)
                buf_fmt(&csv, "TB-%06d,Mẫu thứ %d\n", i, round);
            import(b, "device", &csv, false, &ms);
            load += ms;
            made += BATCH;
        }
    if (made > 0)
        printf("%-44s %8.0f rows a second   %lld rows of history\n", "CSV that changes a field",
               (double)made / load * 1000, (long long)seq + made);
    buf_done(&csv);
}

static void load_devices(struct bench *b)
{
    struct buf csv;
    double ms, load = 0;

    buf_init(&csv, 64 << 20);
    for (int i = 0; i + BATCH <= b->devices; i += BATCH) {
        device_rows(b, &csv, i, BATCH);
        import(b, "device", &csv, false, &ms);
        load += ms;
    }
    printf("%-44s %8.0f rows a second\n", "CSV load", b->devices / load * 1000);
    fflush(stdout);
    load_addresses(b, b->devices * 4);
    fflush(stdout);
    grow_history(b);
    for (int dry = 1; dry >= 0; dry--) {
        device_rows(b, &csv, b->devices, BATCH);
        double cpu = all_cpu_ms(), server = server_cpu_ms(b);
        import(b, "device", &csv, dry, &ms);
        printf("%-44s %8.0f ms   %.0f ms of processor, %.0f of the server's\n",
               dry ? "CSV of 5,000 rows judged" : "CSV of 5,000 rows applied", ms, all_cpu_ms() - cpu,
               server_cpu_ms(b) - server);
    }
    fflush(stdout);
    buf_done(&csv);
}

static bool options(struct bench *b, int argc, char **argv)
{
    static const struct option known[] = {{"engine", required_argument, NULL, 'e'},
                                          {"history", required_argument, NULL, 'h'},
                                          {"packs", required_argument, NULL, 'p'},
                                          {"file", required_argument, NULL, 'f'},
                                          {0}};
    const char *engine = "sqlite";

    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;)
        if (c == 'e')
            engine = optarg;
        else if (c == 'h')
            b->history = strtoll(optarg, NULL, 10);
        else if (c == 'p')
            b->packs = optarg;
        else if (c == 'f')
            b->file = optarg;
        else
            return false;
    if (optind >= argc || (strcmp(engine, "sqlite") != 0 && strcmp(engine, "postgresql") != 0) ||
        (strcmp(engine, "postgresql") == 0) != test_on_pg())
        return false;
    b->schema = argv[optind];
    b->devices = optind + 1 < argc ? (int)strtol(argv[optind + 1], NULL, 10) : 50000;
    return true;
}

static void open_new(struct bench *b)
{
    struct errs es;
    struct err e = {0};

    errs_init(&es, 10);
    snprintf(b->dir, sizeof(b->dir), "%s/luy-bench-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (schema_load(b->schema, &b->sc, &es) < 0 || mkdtemp(b->dir) == NULL)
        die(b->schema, es.n > 0 ? &es.v[0] : &e);
    if (b->file == NULL)
        test_store_url(b->dir, NULL, b->url, sizeof(b->url));
    else
        snprintf(b->url, sizeof(b->url), "%s", b->file);
    b->filled = b->file != NULL && access(b->file, R_OK) == 0;
    if (store_open(b->url, &b->st, &e) < 0 || registry_open(b->st, b->sc, &clock_system, &b->r, &e) < 0)
        die("open", &e);
    printf("%-44s %8s\n", "engine", store_engine(b->st));
    errs_done(&es);
}

int main(int argc, char **argv)
{
    struct bench b = {.seed = 1, .packs = "packs"};

    if (!options(&b, argc, argv)) {
        fprintf(stderr, "registry_bench [--engine sqlite|postgresql] [--history ROWS] [--packs DIR] [--file FILE] "
                        "SCHEMA_DIR [DEVICES]\n"
                        "postgresql: run it by tests/pg.py\n");
        return 2;
    }
    log_set_level(LOG_ERROR); /* thousands of findings open */
    open_new(&b);
    if (!b.filled) {
        make_frame(&b);
        load_devices(&b);
    }
    bench_open(&b);
    bench_find(&b);
    bench_lists(&b);
    bench_past(&b);
    if (b.filled)
        return 0;
    bench_creates(&b);
    bench_checks(&b);
    bench_next_free(&b, b.devices >= 50000 ? 1000 : 20);
    registry_close(b.r);
    store_close(b.st);
    schema_free(b.sc);
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3 && !test_on_pg() && b.file == NULL; i++) {
        char path[640];
        snprintf(path, sizeof(path), "%s%s", b.url, tails[i]);
        unlink(path);
    }
    rmdir(b.dir);
    return 0;
}

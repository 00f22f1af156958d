/* The codec alone, in memory: ratio and speed, and that the lines come back.
 *
 *   bench_journal_codec [--block MB] [--max MB] [--runs N] [--level N] [--in] FILE...
 *
 * FILE holds lines; they are parsed as syslog messages first, untimed. Every
 * block is decoded and compared, event by event, but with --in (for a profile of
 * the encoder). CPU seconds of the thread. */
#include "base/log.h"
#include "intake/syslog.h"
#include "journal/block.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const kinds[PG_COUNT] = {"text", "head",  "desc",  "line",  "origin", "number", "symbol",
                                            "rank", "fresh", "flen",  "raw",   "meta",   "time",   "dict",
                                            "bits", "rbits", "tbits", "dbits", "packed", "dpacked"};

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_journal_codec: %s\n", what);
    exit(1);
}

static bool same(const struct event *a, const struct event *b)
{
    return a->received_ns == b->received_ns && a->event_ns == b->event_ns && a->transport == b->transport &&
           a->format == b->format && a->facility == b->facility && a->severity == b->severity && a->flags == b->flags &&
           a->source_port == b->source_port && memcmp(&a->source, &b->source, sizeof(a->source)) == 0 &&
           memcmp(a->span, b->span, sizeof(a->span)) == 0 && str_eq(a->raw, b->raw);
}

struct sums {
    double in, out;
    uint64_t raw, stored, rows, templates, plain, blocks, kind[PG_COUNT];
};

static uint64_t all[BLOCK_ROWS_MAX / 64];
static bool in_only;

static void check_block(struct block_dec *d, const struct rows *r, str block, const struct block_head *h,
                        struct sums *s)
{
    struct rows *back;
    struct event a, b;
    struct block_src src = {.fd = -1, .mem = (const uint8_t *)block.p, .mem_n = block.n};
    double t = cpu();
    memset(all, 0xff, (h->count + 63) / 64 * 8);
    if (h->count % 64)
        all[h->count / 64] = (UINT64_C(1) << h->count % 64) - 1;
    if (block_dec_open(d, &src, h, 7) < 0 || block_dec_find(d, all, NULL, COL_ALL) < 0)
        die("not decoded");
    s->out += cpu() - t;
    for (uint32_t at = 0; at < h->count; at += BLOCK_CHUNK) {
        t = cpu();
        if (block_dec_rows(d, all, at, at + BLOCK_CHUNK, &back) < 0)
            die("not decoded");
        s->out += cpu() - t;
        for (uint32_t i = 0; i < rows_count(back); i++) {
            rows_event(r, at + i, COL_ALL, &a);
            rows_event(back, i, COL_ALL, &b);
            if (!same(&a, &b)) {
                fprintf(stderr, "line %u\n%.*s\n%.*s\n", at + i, STR_ARGS(a.raw), STR_ARGS(b.raw));
                die("differs");
            }
        }
    }
    s->plain += block_plain_rows(d);
}

static void one_block(struct block_enc *be, struct block_dec *d, struct rows *r, struct sums *s)
{
    struct block_head h;

    rows_publish(r);
    double t = cpu();
    str block = block_encode(be, r, 7, &h);
    s->in += cpu() - t;
    if (block.n == 0)
        die("not encoded");
    if (!in_only)
        check_block(d, r, block, &h, s);
    s->raw += h.raw_bytes + h.count; /* with the newlines that the file has */
    s->stored += block.n;
    s->rows += h.count;
    s->templates += h.templates;
    s->blocks++;
    for (int k = 0; k < PG_COUNT; k++)
        s->kind[k] += block_enc_bytes(be, k);
    rows_clear(r, r->first_seq + h.count);
}

static str map_file(const char *path, uint64_t max)
{
    struct stat st;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || fstat(fd, &st) < 0)
        die(path);
    size_t n = (uint64_t)st.st_size < max ? (size_t)st.st_size : (size_t)max, got = 0;
    char *p = malloc(n + 1);
    while (p != NULL && got < n) {
        ssize_t k = read(fd, p + got, n - got);
        if (k <= 0)
            die(path);
        got += (size_t)k;
    }
    close(fd);
    return (str){p, n};
}

int main(int argc, char **argv)
{
    uint64_t block = 32, max = UINT64_MAX, runs = 1, level = 1;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--block") == 0 && i + 1 < argc && str_u64(str_c(argv[i + 1]), &block)) {
            i++;
            continue;
        }
        if (strcmp(argv[i], "--max") == 0 && i + 1 < argc && str_u64(str_c(argv[i + 1]), &max)) {
            max *= 1000000;
            i++;
            continue;
        }
        if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc && str_u64(str_c(argv[i + 1]), &runs)) {
            i++;
            continue;
        }
        if (strcmp(argv[i], "--level") == 0 && i + 1 < argc && str_u64(str_c(argv[i + 1]), &level)) {
            i++;
            continue;
        }
        if (strcmp(argv[i], "--in") == 0) {
            in_only = true;
            continue;
        }
        str file = map_file(argv[i], max);
        struct block_enc *be = block_enc_new();
        struct block_dec *d = block_dec_new();
        struct rows *r = rows_new((block << 20) + EVENT_RAW_MAX, (uint32_t)(block << 20) / 16);
        struct sums s = {0};
        if (file.p == NULL || be == NULL || d == NULL || r == NULL)
            die("no memory");
        block_enc_level(be, (int)level);
        for (uint64_t run = 0; run < runs; run++) {
            str rest = file, line;
            int64_t received = INT64_C(1795228200000000000);
            s = (struct sums){0};
            rows_clear(r, 1);
            while (str_split(&rest, '\n', &line)) {
                struct event ev;
                if (line.n == 0 && rest.p == NULL)
                    break;
                syslog_parse(line, received, &ev);
                ev.transport = TP_TCP;
                ev.source = (struct ip){4, {10, 8, 0, 9}};
                ev.source_port = 40000;
                if (!rows_add(r, &ev) || r->raw_n >= block << 20)
                    one_block(be, d, r, &s);
                received += (r->fill & 1023) == 0 ? 30000000 : 0; /* as batches come */
            }
            if (r->fill > 0)
                one_block(be, d, r, &s);
            double mb = (double)s.raw / 1e6;
            printf("%-40s %8.1f MB %9llu lines  ratio %6.2f  in %5.0f MB/s  out %5.0f MB/s  templates %llu/block  "
                   "plain %llu\n",
                   argv[i], mb, (unsigned long long)s.rows, (double)s.raw / (double)s.stored, mb / s.in, mb / s.out,
                   (unsigned long long)(s.templates / s.blocks), (unsigned long long)s.plain);
        }
        printf("  bits a line: %.2f", 8.0 * (double)s.stored / (double)s.rows);
        for (int k = 0; k < PG_COUNT; k++)
            printf(" %s %.2f", kinds[k], 8.0 * (double)s.kind[k] / (double)s.rows);
        printf("\n");
        block_enc_free(be);
        block_dec_free(d);
        rows_free(r);
        free((void *)(uintptr_t)file.p);
    }
    return 0;
}

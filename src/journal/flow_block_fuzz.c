/* Any bytes as a stored block of flows. First byte: 0 takes the rest as it is;
 * else the rest is a list of changes to a good block: u16 place, u8 value, with
 * the checksums mended, so that what lies behind them is reached. */
#include "intake/event.h"
#include "journal/flow_block.h"
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { SALT = 7, ROWS = 200 };

static struct flow_rows *good_rows(void)
{
    struct flow_rows *r = flow_rows_new(ROWS, 1);
    struct flow_batch b;
    struct flow_view v;
    struct buf wire;

    if (r == NULL || !flow_batch_init(&b))
        abort();
    b.nexporters = 1;
    b.exporters[0] = (struct flow_exporter){.ip = {4, {192, 0, 2, 1}}, .version = 9};
    for (int c = 0; c < FC_COUNT; c++)
        for (uint32_t i = 0; i < ROWS; i++) {
            uint64_t x = flow_columns[c].kind == FK_EXPORTER   ? 0
                         : flow_columns[c].kind == FK_FAMILIES ? (i % 2 ? 0x155 : 0x2aa)
                         : flow_columns[c].kind == FK_ADDRESS  ? i / 2
                         : flow_columns[c].kind == FK_TIME     ? 1000000000ull * i
                                                               : i * 2654435761u;
            memcpy((uint8_t *)flow_batch_col(&b, (enum flow_col)c) + (size_t)i * flow_columns[c].width, &x,
                   flow_columns[c].width);
        }
    b.rows = ROWS;
    b.nv6 = ROWS;
    for (uint32_t i = 0; i < ROWS; i++)
        memset(b.v6[i], (int)i, 16);
    buf_init(&wire, FLOW_WIRE_MAX);
    if (!flow_batch_seal(&b, &wire) || flow_batch_open(buf_view(&wire), &v, NULL) < 0 || !flow_rows_place(r, &v))
        abort();
    flow_rows_publish(r, ROWS);
    buf_done(&wire);
    flow_batch_done(&b);
    return r;
}

/* Checksums of sections and head as they must be now, where the head still makes sense. */
static void mend(uint8_t *b, size_t n)
{
    size_t at = FLOW_BLOCK_HEAD;

    for (int i = 0; i < FS_COUNT; i++) {
        uint8_t *s = b + 64 + i * 36;
        uint32_t stored, crc;
        memcpy(&stored, s + 4, 4);
        if (stored > n - at)
            break;
        crc = crc32c(0, b + at, stored);
        memcpy(s + 8, &crc, 4);
        at += stored;
    }
    uint32_t crc = crc32c(0, b, FLOW_BLOCK_HEAD - 4);
    memcpy(b + FLOW_BLOCK_HEAD - 4, &crc, 4);
}

static void read_all(const uint8_t *b, size_t n)
{
    struct flow_block_head h;
    struct flow_page p;
    uint64_t sum = 0;

    if (n < FLOW_BLOCK_HEAD || !flow_block_head_read(b, SALT, &h) || h.length > n)
        return;
    int fd = memfd_create("block", MFD_CLOEXEC);
    if (fd < 0 || write(fd, b, n) != (ssize_t)n || !flow_page_init(&p))
        abort();
    flow_page_block(&p, fd, 0, &h);
    for (int c = 0; c < FC_COUNT; c++)
        sum += flow_page_col(&p, (enum flow_col)c) != NULL;
    for (uint32_t i = 0; i < p.n && i < 1000; i++)
        for (int c = FC_src; c <= FC_nat_dst; c++)
            sum += flow_page_ip(&p, (enum flow_col)c, i).b[0];
    sum += flow_page_exporters(&p) != NULL;
    sum += flow_page_may_have(&p, (struct ip){4, {10, 0, 0, 1}});
    __asm__ volatile("" : : "r"(sum)); /* the reads above are the test */
    flow_page_done(&p);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n == 0)
        return 0;
    if (p[0] == 0) {
        read_all(p + 1, n - 1);
        return 0;
    }
    struct flow_rows *r = good_rows();
    struct flow_enc *enc = flow_enc_new();
    struct flow_block_head h;
    str good = flow_block_encode(enc, r, SALT, &h);
    uint8_t *b = malloc(good.n);
    memcpy(b, good.p, good.n);
    for (size_t i = 1; i + 3 <= n; i += 3)
        b[(size_t)(p[i] << 8 | p[i + 1]) % good.n] = p[i + 2];
    mend(b, good.n);
    read_all(b, good.n);
    free(b);
    flow_enc_free(enc);
    flow_rows_free(r);
    return 0;
}

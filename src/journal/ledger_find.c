/* Which records of a stream were ever sealed: entries found by halving, because those of one stream rise. */
#include "journal/ledger.h"
#include <errno.h>

static int seek(struct ledger_scan *s, uint64_t no)
{
    s->no = no;
    return fseeko(s->f, (off_t)(no * LEDGER_ENTRY), SEEK_SET) < 0 ? -errno : 0;
}

/* The next BLOCK entry of the stream from where the scan stands; one that is damaged is none. */
static int block_next(struct ledger_scan *s, enum ledger_stream stream, struct ledger_entry *n)
{
    uint8_t bytes[LEDGER_ENTRY];
    int rc;

    while ((rc = ledger_scan_next(s, bytes)) == 1)
        if (ledger_entry_read(bytes, n) && n->type == LEDGER_BLOCK && n->stream == stream)
            return 1;
    return rc;
}

/* To the first BLOCK entry of the stream that ends behind `from`. */
static int seek_behind(struct ledger_scan *s, enum ledger_stream stream, uint64_t from)
{
    uint64_t lo = 0, hi = s->size / LEDGER_ENTRY;

    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        struct ledger_entry n;
        int rc = seek(s, mid);
        if (rc == 0)
            rc = block_next(s, stream, &n);
        if (rc < 0)
            return rc;
        if (rc == 1 && n.first + n.records <= from)
            lo = s->no;
        else
            hi = mid;
    }
    return seek(s, lo);
}

int ledger_blocks(const char *dir, enum ledger_stream stream, uint64_t from, uint64_t to, ledger_fn *fn, void *ctx,
                  struct err *e)
{
    struct ledger_scan s;
    struct ledger_entry n;
    int rc = ledger_scan_open(dir, "ledger", LEDGER_ENTRY, &s, e);

    if (rc < 0)
        return rc;
    rc = seek_behind(&s, stream, from);
    while (rc == 0 && (rc = block_next(&s, stream, &n)) == 1)
        rc = n.first < to ? fn(ctx, &n) : 1;
    ledger_scan_close(&s);
    if (rc < 0)
        return ERR(e, rc, "journal.read", dir);
    return 0;
}

/* Times of a block's lines: most lines have the time of the line before. */
#include "journal/block-int.h"
#include "journal/column_bits.h"
#include <errno.h>

static int64_t unit_of(const int64_t *t, const uint8_t *skip, uint32_t n, uint8_t *e)
{
    static const struct {
        uint8_t e;
        int64_t ns;
    } units[] = {{9, 1000000000}, {6, 1000000}, {3, 1000}, {0, 1}};
    size_t u = 0;
    int64_t last = n > 0 ? t[0] : 0;

    for (uint32_t i = 0; i < n && u < 3; i++) {
        if (skip && skip[i])
            continue;
        while (u < 3 && (int64_t)((uint64_t)t[i] - (uint64_t)last) % units[u].ns != 0)
            u++;
        last = t[i];
    }
    *e = units[u].e;
    return units[u].ns;
}

void times_write(struct column_writer *w, const int64_t *t, const uint8_t *skip, uint32_t n, uint64_t *scratch,
                 struct buf *dir)
{
    uint32_t k = 0, at = 0, i = 0;
    uint64_t *lines = scratch, *diffs = scratch + n;
    uint8_t e;

    while (skip && i < n && skip[i])
        i++;
    int64_t first = i < n ? t[i] : 0, last = first;
    int64_t unit = unit_of(t + (i < n ? i : 0), skip ? skip + (i < n ? i : 0) : NULL, i < n ? n - i : 0, &e);
    for (; i < n; i++) {
        if ((skip && skip[i]) || t[i] == last)
            continue;
        lines[k] = i - at - (k > 0);
        diffs[k++] = zigzag((int64_t)((uint64_t)t[i] - (uint64_t)last) / unit);
        at = i;
        last = t[i];
    }
    buf_varint(dir, zigzag(first));
    buf_byte(dir, e);
    buf_varint(dir, k);
    buf_varint(dir, column_put_numbers(w, PG_TIME, lines, k));
    buf_varint(dir, column_put_numbers(w, PG_TIME, diffs, k));
}

int times_parse(rd *dir, struct page_cursor *cur, uint32_t rows, struct times *t)
{
    uint64_t first = rd_varint(dir), n, lines, diffs;
    uint8_t e = rd_u8(dir);

    n = rd_varint(dir);
    lines = rd_varint(dir);
    diffs = rd_varint(dir);
    if (dir->bad || n > rows || e > 9 || lines > PAGE_MAX || diffs > PAGE_MAX)
        return -EBADMSG;
    *t = (struct times){.first = unzigzag(first),
                        .unit = 1,
                        .n = (uint32_t)n,
                        .line_bits = (uint32_t)lines,
                        .diff_bits = (uint32_t)diffs};
    for (; e > 0; e--)
        t->unit *= 10;
    t->line_at = page_place(cur, PG_TIME, n);
    t->line_bits_at = page_place(cur, PG_BITS, lines);
    t->diff_at = page_place(cur, PG_TIME, n);
    t->diff_bits_at = page_place(cur, PG_BITS, diffs);
    return 0;
}

int times_load(struct times *t, struct page_reader *pages, struct slab *mem)
{
    uint64_t *num = slab_get(mem, (t->n + (size_t)1) * sizeof(*num));
    int rc;

    if (t->loaded)
        return 0;
    t->line = slab_get(mem, (t->n + (size_t)1) * sizeof(t->line[0]));
    t->value = slab_get(mem, (t->n + (size_t)1) * sizeof(t->value[0]));
    if (num == NULL || t->line == NULL || t->value == NULL)
        return -ENOMEM;
    rc = column_numbers(pages, PG_TIME, t->line_at, t->line_bits_at, t->line_bits, t->n, num);
    uint64_t at = 0, sum = (uint64_t)t->first;
    for (uint32_t i = 0; i < t->n && rc == 0; i++) {
        if (num[i] > UINT32_MAX || (at += num[i] + (i > 0)) > UINT32_MAX)
            return -EBADMSG;
        t->line[i] = (uint32_t)at;
    }
    if (rc == 0)
        rc = column_numbers(pages, PG_TIME, t->diff_at, t->diff_bits_at, t->diff_bits, t->n, num);
    for (uint32_t i = 0; i < t->n && rc == 0; i++)
        t->value[i] = (int64_t)(sum += (uint64_t)unzigzag(num[i]) * (uint64_t)t->unit);
    t->loaded = rc == 0;
    return rc;
}

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
        if ((skip && skip[i]) || t[i] == last)
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
    uint64_t *num = NULL;
    int rc;

    if (t->loaded)
        return 0;
    num = slab_get(mem, (t->n + (size_t)1) * sizeof(*num));
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
    t->known = rc == 0 ? t->n : 0;
    return rc;
}

/* The first set bit at or behind `from`; rows when there is none. */
static uint32_t next_set(const uint64_t *bits, uint64_t from, uint32_t rows)
{
    size_t words = ((size_t)rows + 63) / 64, w = from / 64;

    if (from >= rows)
        return rows;
    uint64_t m = bits[w] >> from % 64 << from % 64;
    while (m == 0 && ++w < words)
        m = bits[w];
    uint64_t at = m == 0 ? rows : w * 64 + (uint64_t)__builtin_ctzll(m);
    return at < rows ? (uint32_t)at : rows;
}

/* A time as it is kept while the changes go by: multiplied out only for who asks. */
struct change {
    uint64_t line, ticks;
};

static void keep(struct times *t, const struct change *c)
{
    t->line[t->known] = (uint32_t)c->line;
    t->value[t->known++] = (int64_t)((uint64_t)t->first + c->ticks * (uint64_t)t->unit);
}

/* How many changes from `i` on stand at lines one behind the other, before the line asked for. */
static uint32_t each_line(const uint8_t *gap, uint32_t i, uint32_t n, uint64_t at, uint32_t asked)
{
    uint32_t k = i, end = asked - at < n - i ? i + (uint32_t)(asked - at) : n;
    uint64_t eight;

    for (; k + 8 <= end; k += 8) {
        memcpy(&eight, gap + k, 8);
        if (eight != 0)
            break;
    }
    return k - i;
}

/* All changes are read, since each says only how far it is from the one
 * before; but nothing of them is kept that no line asks for. */
int times_pick(struct times *t, struct page_reader *pages, struct slab *mem, const uint64_t *bits, uint32_t rows,
               uint32_t want)
{
    struct bit_reader lines = {.end = (size_t)t->line_bits * 8}, diffs = {.end = (size_t)t->diff_bits * 8};
    struct change now = {0, 0};
    const uint8_t *line, *diff;
    int rc;

    if (t->loaded)
        return 0;
    t->known = 0;
    t->line = slab_get(mem, (want + (size_t)1) * sizeof(t->line[0]));
    t->value = slab_get(mem, (want + (size_t)1) * sizeof(t->value[0]));
    if (t->line == NULL || t->value == NULL)
        return -ENOMEM;
    if ((rc = page_get(pages, PG_TIME, t->line_at, t->n, &line)) < 0 ||
        (rc = page_get(pages, PG_BITS, t->line_bits_at, t->line_bits, &lines.p)) < 0 ||
        (rc = page_get(pages, PG_TIME, t->diff_at, t->n, &diff)) < 0 ||
        (rc = page_get(pages, PG_BITS, t->diff_bits_at, t->diff_bits, &diffs.p)) < 0)
        return rc;
    uint32_t asked = next_set(bits, 0, rows), i = 0;
    while (i < t->n && asked < rows) {
        uint32_t many = i > 0 && now.line < asked ? each_line(line, i, t->n, now.line, asked) : 0;
        for (uint32_t k = 0; k < many; k++)
            now.ticks += (uint64_t)unzigzag(symbol_next(&diffs, diff[i + k]));
        now.line += many;
        i += many;
        if (i == t->n)
            break;
        uint64_t gap = symbol_next(&lines, line[i]);
        if (gap > UINT32_MAX || lines.bad || diffs.bad)
            return -EBADMSG;
        uint64_t at = now.line + gap + (i > 0);
        if (at > asked) { /* what stood before this change is asked for */
            if (i > 0 && t->known < want)
                keep(t, &now);
            asked = next_set(bits, at, rows);
        }
        now.line = at;
        now.ticks += (uint64_t)unzigzag(symbol_next(&diffs, diff[i++]));
    }
    if (asked < rows && i > 0 && t->known < want)
        keep(t, &now);
    return lines.bad || diffs.bad ? -EBADMSG : 0;
}

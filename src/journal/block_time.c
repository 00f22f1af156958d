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

/* Ticks add up as they were taken apart: without regard to a carry. */
static int64_t time_of(const struct times *t, uint64_t ticks)
{
    return (int64_t)((uint64_t)t->first + ticks * (uint64_t)t->unit);
}

static void part_write(struct column_writer *w, const uint64_t *lines, const uint64_t *diffs, bool later, uint32_t n,
                       struct buf *dir)
{
    uint64_t passed = 0, ticks = 0;

    for (uint32_t i = 0; i < n; i++) {
        passed += lines[i] + (later || i > 0);
        ticks += (uint64_t)unzigzag(diffs[i]);
    }
    buf_varint(dir, passed);
    buf_varint(dir, zigzag((int64_t)ticks));
    buf_varint(dir, column_put_numbers(w, PG_TIME, lines, n));
    buf_varint(dir, column_put_numbers(w, PG_TIME, diffs, n));
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
    for (i = 0; i < k; i += TIMES_PART)
        part_write(w, lines + i, diffs + i, i > 0, k - i < TIMES_PART ? k - i : TIMES_PART, dir);
}

static int part_parse(rd *dir, struct page_cursor *cur, uint32_t n, struct times_part *p)
{
    p->line += rd_varint(dir);
    p->ticks += (uint64_t)unzigzag(rd_varint(dir));
    uint64_t lines = rd_varint(dir), diffs = rd_varint(dir);
    if (dir->bad || lines > PAGE_MAX || diffs > PAGE_MAX)
        return -EBADMSG;
    p->line_bits = (uint32_t)lines;
    p->diff_bits = (uint32_t)diffs;
    p->line_at = page_place(cur, PG_TIME, n);
    p->line_bits_at = page_place(cur, PG_BITS, lines);
    p->diff_at = page_place(cur, PG_TIME, n);
    p->diff_bits_at = page_place(cur, PG_BITS, diffs);
    return 0;
}

static uint32_t part_rows(const struct times *t, uint32_t k)
{
    return t->n - k * TIMES_PART < TIMES_PART ? t->n - k * TIMES_PART : TIMES_PART;
}

int times_parse(rd *dir, struct page_cursor *cur, uint32_t rows, struct slab *mem, struct times *t)
{
    uint64_t first = rd_varint(dir), n;
    uint8_t e = rd_u8(dir);
    struct times_part part = {.line = 0};
    int rc = 0;

    n = rd_varint(dir);
    if (dir->bad || n > rows || e > 9)
        return -EBADMSG;
    *t = (struct times){.first = unzigzag(first), .unit = 1, .n = (uint32_t)n};
    for (; e > 0; e--)
        t->unit *= 10;
    t->nparts = (uint32_t)((n + TIMES_PART - 1) / TIMES_PART);
    if ((t->part = slab_get(mem, (t->nparts + (size_t)1) * sizeof(t->part[0]))) == NULL)
        return -ENOMEM;
    for (uint32_t k = 0; k < t->nparts && rc == 0; k++) {
        rc = part_parse(dir, cur, part_rows(t, k), &part);
        if (rc == 0 && part.line >= rows)
            rc = -EBADMSG;
        t->part[k] = part;
    }
    return rc;
}

/* Its changes from `from` on: what they add up to must be what the directory says. */
static int part_load(struct times *t, struct page_reader *pages, uint32_t k, uint64_t *num)
{
    const struct times_part *p = &t->part[k];
    uint32_t n = part_rows(t, k), from = k * TIMES_PART;
    uint64_t at = k > 0 ? p[-1].line : 0, sum = k > 0 ? p[-1].ticks : 0;
    int rc = column_numbers(pages, PG_TIME, p->line_at, p->line_bits_at, p->line_bits, n, num);

    for (uint32_t i = 0; i < n && rc == 0; i++) {
        if (num[i] > UINT32_MAX || (at += num[i] + (from + i > 0)) > UINT32_MAX)
            return -EBADMSG;
        t->line[from + i] = (uint32_t)at;
    }
    if (rc == 0)
        rc = column_numbers(pages, PG_TIME, p->diff_at, p->diff_bits_at, p->diff_bits, n, num);
    for (uint32_t i = 0; i < n && rc == 0; i++)
        t->value[from + i] = time_of(t, sum += (uint64_t)unzigzag(num[i]));
    return rc < 0 ? rc : at == p->line && sum == p->ticks ? 0 : -EBADMSG;
}

int times_load(struct times *t, struct page_reader *pages, struct slab *mem)
{
    uint64_t *num = NULL;
    int rc = 0;

    if (t->loaded)
        return 0;
    num = slab_get(mem, TIMES_PART * sizeof(*num));
    t->line = slab_get(mem, (t->n + (size_t)1) * sizeof(t->line[0]));
    t->value = slab_get(mem, (t->n + (size_t)1) * sizeof(t->value[0]));
    if (num == NULL || t->line == NULL || t->value == NULL)
        return -ENOMEM;
    for (uint32_t k = 0; k < t->nparts && rc == 0; k++)
        rc = part_load(t, pages, k, num);
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

/* What is being picked. Ticks are multiplied out only for who asks. */
struct pick {
    struct times *t;
    const uint64_t *bits;
    uint32_t rows, want, asked; /* the next line asked for; rows: there is none */
    uint64_t line, ticks;       /* of the change read last */
};

static void keep(struct pick *p)
{
    struct times *t = p->t;

    if (t->known == p->want)
        return;
    t->line[t->known] = (uint32_t)p->line;
    t->value[t->known++] = time_of(t, p->ticks);
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

/* A change at a line behind the one asked for: what stood before is asked for. */
static int step(struct pick *p, uint64_t gap, bool first)
{
    if (gap > UINT32_MAX)
        return -EBADMSG;
    uint64_t at = p->line + gap + !first;
    if (at > p->asked) {
        if (!first)
            keep(p);
        p->asked = next_set(p->bits, at, p->rows);
    }
    p->line = at;
    return 0;
}

static int pick_part(struct pick *p, struct page_reader *pages, uint32_t k)
{
    const struct times_part *part = &p->t->part[k];
    struct bit_reader lines = {.end = (size_t)part->line_bits * 8}, diffs = {.end = (size_t)part->diff_bits * 8};
    uint32_t n = part_rows(p->t, k), i = 0;
    const uint8_t *line, *diff;
    int rc;

    if ((rc = page_get(pages, PG_TIME, part->line_at, n, &line)) < 0 ||
        (rc = page_get(pages, PG_BITS, part->line_bits_at, part->line_bits, &lines.p)) < 0 ||
        (rc = page_get(pages, PG_TIME, part->diff_at, n, &diff)) < 0 ||
        (rc = page_get(pages, PG_BITS, part->diff_bits_at, part->diff_bits, &diffs.p)) < 0)
        return rc;
    while (i < n && p->asked < part->line) {
        bool first = k == 0 && i == 0;
        uint32_t many = !first && p->line < p->asked ? each_line(line, i, n, p->line, p->asked) : 0;
        for (uint32_t m = 0; m < many; m++)
            p->ticks += (uint64_t)unzigzag(symbol_next(&diffs, diff[i + m]));
        p->line += many;
        i += many;
        if (i == n)
            break;
        if ((rc = step(p, symbol_next(&lines, line[i]), first)) < 0)
            return rc;
        p->ticks += (uint64_t)unzigzag(symbol_next(&diffs, diff[i++]));
    }
    return lines.bad || diffs.bad ? -EBADMSG : 0;
}

/* Within a part each change says only how far it is from the one before; but where no line asks for one of its changes,
 * the part is passed over, and nothing is kept that no line asks for. */
int times_pick(struct times *t, struct page_reader *pages, struct slab *mem, const uint64_t *bits, uint32_t rows,
               uint32_t want)
{
    struct pick p = {.t = t, .bits = bits, .rows = rows, .want = want, .asked = next_set(bits, 0, rows)};
    int rc = 0;

    if (t->loaded)
        return 0;
    t->known = 0;
    t->line = slab_get(mem, (want + (size_t)1) * sizeof(t->line[0]));
    t->value = slab_get(mem, (want + (size_t)1) * sizeof(t->value[0]));
    if (t->line == NULL || t->value == NULL)
        return -ENOMEM;
    for (uint32_t k = 0; k < t->nparts && p.asked < rows && rc == 0; k++) {
        if (p.asked < t->part[k].line)
            rc = pick_part(&p, pages, k);
        p.line = t->part[k].line;
        p.ticks = t->part[k].ticks;
    }
    if (rc == 0 && p.asked < rows && t->n > 0)
        keep(&p);
    return rc;
}

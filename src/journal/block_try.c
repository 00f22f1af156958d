/* By which rules lines are split. No reader depends on them, so the writer tries:
 * now and then it makes the head of a block by both, and when that has many templates
 * of few lines, the rules that made it smaller stay until the next try, which is later
 * each time that the others lose. */
#include "journal/block-int.h"

enum { TRY_TEMPLATES = 128, TRY_ROWS = 512, WAIT_FIRST = 16, WAIT_LAST = 256, LOOSE = SPLIT_QUOTES | SPLIT_PATHS };
enum { TRY_PART = 8, TRY_PART_ROWS = 8192 };

/* Whether the other rules make less of the block's head. */
static bool others_win(struct block_try *t, struct block_enc *be, const struct rows *r, uint32_t n)
{
    struct block_head h;
    uint32_t part = n / TRY_PART < TRY_PART_ROWS ? TRY_PART_ROWS : n / TRY_PART;

    part = part < n ? part : n;
    size_t now = block_encode_by(be, r, part, 0, t->rules, &h).n;
    if (now == 0 || h.templates < TRY_TEMPLATES || part / h.templates > TRY_ROWS) {
        t->wait = 0; /* they did not lose */
        return false;
    }
    size_t other = block_encode_by(be, r, part, 0, t->rules ^ LOOSE, &h).n;
    return other > 0 && other < now;
}

str block_try(struct block_try *t, struct block_enc *be, struct rows *r, uint64_t salt, struct block_head *h)
{
    uint32_t n = rows_count(r);

    if (t->waiting > 0) {
        t->waiting--;
    } else if (others_win(t, be, r, n)) {
        t->rules ^= LOOSE;
        t->wait = t->waiting = WAIT_FIRST;
    } else {
        t->wait = t->wait == 0 ? WAIT_FIRST : t->wait < WAIT_LAST ? 2 * t->wait : WAIT_LAST;
        t->waiting = t->wait;
    }
    return block_encode_by(be, r, n, salt, t->rules, h);
}

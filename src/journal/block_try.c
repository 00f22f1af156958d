/* By which rules lines are split. No reader depends on them, so the writer tries:
 * a block with many templates of few lines is made by other rules too, and the
 * better ones stay until the next try, which is later each time that it loses. */
#include "journal/block-int.h"

enum { TRY_TEMPLATES = 256, TRY_ROWS = 512, WAIT_FIRST = 16, WAIT_LAST = 256, LOOSE = SPLIT_QUOTES | SPLIT_PATHS };

static bool is_due(struct block_try *t, const struct block_head *h)
{
    if (h->templates < TRY_TEMPLATES || h->count / h->templates > TRY_ROWS)
        return false;
    if (t->waiting > 0) {
        t->waiting--;
        return false;
    }
    return true;
}

str block_try(struct block_try *t, struct block_enc *be, struct rows *r, uint64_t salt, struct block_head *h)
{
    struct block_head other;
    str block = block_encode_by(be, r, salt, t->rules, h);

    if (block.n == 0 || !is_due(t, h))
        return block;
    t->wait = t->wait == 0 ? WAIT_FIRST : t->wait < WAIT_LAST ? 2 * t->wait : WAIT_LAST;
    t->waiting = t->wait;
    buf_clear(&t->kept);
    buf_str(&t->kept, block);
    if (t->kept.failed) {
        t->kept.failed = false;
        return block;
    }
    str second = block_encode_by(be, r, salt, t->rules ^ LOOSE, &other);
    if (second.n == 0 || second.n >= t->kept.n)
        return buf_view(&t->kept);
    t->rules ^= LOOSE;
    t->wait = WAIT_FIRST;
    *h = other;
    return second;
}

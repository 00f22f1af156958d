/* Sets of values for the encoder: a small open hash table with ceilings on
 * values and bytes, seeded so that nobody can choose names that collide.
 * Sealing thread. */
#include "journal/block_set-int.h"

void value_set_init(struct value_set *s) { buf_init(&s->bytes, SET_BYTES_MAX); }
void value_set_done(struct value_set *s) { buf_done(&s->bytes); }

void value_set_clear(struct value_set *s)
{
    memset(s->slot, 0, sizeof(s->slot));
    s->n = s->last = 0;
    s->full = false;
    buf_clear(&s->bytes);
}

void value_set_add(struct value_set *s, str v, uint64_t seed)
{
    if (s->full)
        return;
    if (s->n > 0 && s->v[s->last].len == v.n && memcmp(s->bytes.p + s->v[s->last].off, v.p, v.n) == 0) {
        s->v[s->last].count++;
        return;
    }
    uint32_t h = (uint32_t)str_hash(v, seed), k = h % SET_SLOTS;
    for (; s->slot[k]; k = (k + 1) % SET_SLOTS) {
        uint32_t i = s->slot[k] - 1u;
        if (s->v[i].hash == h && s->v[i].len == v.n && memcmp(s->bytes.p + s->v[i].off, v.p, v.n) == 0) {
            s->v[i].count++;
            s->last = i;
            return;
        }
    }
    if (s->n == SET_VALUES_MAX || v.n + 1 > SET_BYTES_MAX - s->bytes.n) {
        s->full = true;
        return;
    }
    s->v[s->n].off = (uint32_t)s->bytes.n;
    s->v[s->n].len = (uint32_t)v.n;
    s->v[s->n].count = 1;
    s->v[s->n].hash = h;
    buf_str(&s->bytes, v);
    buf_byte(&s->bytes, 0); /* never empty, so that bytes.p is there */
    s->last = s->n++;
    s->slot[k] = (uint16_t)s->n;
}

void value_set_write(const struct value_set *s, struct buf *out)
{
    if (s->full)
        return;
    buf_byte(out, 1);
    buf_u32(out, s->n);
    for (uint32_t i = 0; i < s->n; i++) {
        buf_varint(out, s->v[i].len);
        buf_add(out, s->bytes.p + s->v[i].off, s->v[i].len);
        buf_varint(out, s->v[i].count);
    }
}

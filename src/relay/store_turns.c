/* The store's calls from outside, one at a time; what a ceiling over all relays must know of it
 * without waiting is put down at the end of each. */
#include "relay/store-int.h"
#include <stdlib.h>

void store_turn(struct relay_store *s) { pthread_mutex_lock(&s->turn); }

void store_turn_end(struct relay_store *s)
{
    atomic_store(&s->shown_bytes, s->st.bytes + (s->waiting && s->part > 0 ? s->part_length : 0));
    enum ledger_stream of;
    atomic_store(&s->oldest_ns, store_oldest(s, &of));
    pthread_mutex_unlock(&s->turn);
}

uint64_t relay_store_size(const struct relay_store *s) { return atomic_load(&s->shown_bytes); }
int64_t relay_store_oldest(const struct relay_store *s) { return atomic_load(&s->oldest_ns); }

int relay_store_entry(struct relay_store *s, const uint8_t bytes[LEDGER_ENTRY], struct err *e)
{
    store_turn(s);
    int rc = store_entry(s, bytes, e);
    store_turn_end(s);
    return rc;
}

int relay_store_segment(struct relay_store *s, const uint8_t head[SEG_HEAD_BYTES], struct err *e)
{
    store_turn(s);
    int rc = store_segment(s, head, e);
    store_turn_end(s);
    return rc;
}

int relay_store_bytes(struct relay_store *s, uint64_t offset, uint64_t length, str bytes, struct err *e)
{
    store_turn(s);
    int rc = store_bytes(s, offset, length, bytes, e);
    store_turn_end(s);
    return rc;
}

int relay_store_skip(struct relay_store *s, struct ledger_entry *gone, struct err *e)
{
    store_turn(s);
    int rc = store_skip(s, gone, e);
    store_turn_end(s);
    return rc;
}

int relay_store_head(struct relay_store *s, const uint8_t bytes[LEDGER_HEAD], struct err *e)
{
    store_turn(s);
    int rc = store_head(s, bytes, e);
    store_turn_end(s);
    return rc;
}

int relay_store_drop_oldest(struct relay_store *s, struct err *e)
{
    enum ledger_stream of;

    store_turn(s);
    int rc =
        store_oldest(s, &of) != INT64_MAX ? store_first_delete(s, of, guest_gone_reasons[GUEST_GONE_CEILING], e) : 0;
    store_turn_end(s);
    return rc;
}

void relay_store_tick(struct relay_store *s)
{
    store_turn(s);
    store_tick(s);
    store_turn_end(s);
}

bool relay_store_hand(struct relay_store *s)
{
    store_turn(s);
    bool all = store_hand(s);
    store_turn_end(s);
    return all;
}

bool relay_store_behind(struct relay_store *s)
{
    store_turn(s);
    bool behind = store_behind(s);
    store_turn_end(s);
    return behind;
}

void relay_store_point(struct relay_store *s, struct relay_point *out)
{
    store_turn(s);
    *out = (struct relay_point){s->edge.size, s->chain.no, s->waiting ? s->part : 0, s->chain.before};
    store_turn_end(s);
}

void relay_store_stats(struct relay_store *s, struct relay_store_stats *out)
{
    store_turn(s);
    *out = s->st;
    out->entries = s->signed_edge.size;
    out->heads = s->chain.no;
    store_turn_end(s);
}

/* Flows in memory, by columns: the open block that the writer fills, and those
 * that wait for the sealer. One writer; a reader takes n with flow_rows_count()
 * and may read rows below n at any time: nothing published moves. A column that
 * no row has set is NULL. Address columns hold an IPv4 address or a place in
 * `v6`, as in intake/flow.h. */
#ifndef LUY_JOURNAL_FLOW_ROWS_H
#define LUY_JOURNAL_FLOW_ROWS_H
#include "base/map.h"
#include "intake/flow.h"
#include <stdatomic.h>

enum { FLOW_BLOCK_ROWS = 1 << 19, FLOW_BLOCK_EXPORTERS = 4096 };
struct flow_rows {
    uint64_t first_seq;
    _Atomic uint32_t n;
    uint32_t cap, v6_cap, nv6, nexporters;
    int refs; /* under the store's lock */
    uint8_t *_Atomic col[FC_COUNT];
    uint8_t *kept[FC_COUNT]; /* memory of a block before */
    uint8_t (*v6)[16];
    struct flow_exporter *exporters; /* counts of all batches together */
    struct map by_exporter;
    int64_t time_min, time_max; /* of flow_time(); writer only, then fixed */
};
struct flow_rows *flow_rows_new(uint32_t cap, uint64_t first_seq); /* NULL: no memory */
void flow_rows_free(struct flow_rows *r);
void flow_rows_clear(struct flow_rows *r, uint64_t first_seq); /* empty again, with its memory; nobody reads it */
static inline uint32_t flow_rows_count(const struct flow_rows *r)
{
    return atomic_load_explicit(&((struct flow_rows *)(uintptr_t)r)->n, memory_order_acquire);
}
bool flow_rows_fits(const struct flow_rows *r, const struct flow_view *v);
/* Writes the batch's rows behind what is published; false: no memory. */
bool flow_rows_place(struct flow_rows *r, const struct flow_view *v);
void flow_rows_publish(struct flow_rows *r, uint32_t n); /* shows n placed rows */

/* When a flow was: its end, or when it was received where the exporter says no
 * end or one that is a day away (a clock that was never set). */
int64_t flow_time(int64_t end, int64_t received);
#endif

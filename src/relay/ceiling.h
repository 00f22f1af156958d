/* A ceiling over what is kept of all relays together: past it the file goes whose newest line is
 * the oldest of all, whichever relay's it is, told in the ledger and counted like any deletion.
 * Each relay's newest file stays. Two lines that ask at once may pass it by a block each. Any thread. */
#ifndef LUY_RELAY_CEILING_H
#define LUY_RELAY_CEILING_H
#include "base/err.h"

struct relay_store;
struct relay_ceiling;
struct relay_ceiling *relay_ceiling_new(int64_t max_bytes); /* NULL: no memory */
void relay_ceiling_free(struct relay_ceiling *c);           /* all have left; NULL is fine */
int64_t relay_ceiling_max(const struct relay_ceiling *c);
int relay_ceiling_join(struct relay_ceiling *c, struct relay_store *s, struct err *e);
void relay_ceiling_leave(struct relay_ceiling *c, struct relay_store *s); /* one that did not join: nothing */
/* Deletes until so many bytes more fit; false: they do not, and nothing more may go. The caller has no
 * store's turn. */
bool relay_ceiling_room(struct relay_ceiling *c, uint64_t bytes);
#endif

/* The archiving thread: makes the archives that are due (journal/archive.h),
 * says so in the journal, and records each in the registry as a log_archive,
 * which is what closes the duty of the month. */
#ifndef LUY_DAEMON_ARCHIVER_H
#define LUY_DAEMON_ARCHIVER_H
#include "api/api.h"
#include "daemon/self_event.h"
#include <stdatomic.h>

struct archiver;
struct archive_done;
struct archiver_parts {
    struct journal *journal;
    struct registry *registry;
    struct self_queue *self;
    const struct clock *clk;
    const char *place; /* outlives the archiver */
    /* The next archive of what is kept of a relay, as journal_archive_step; asked when the journal's own are
     * made. May be NULL. */
    int (*relays)(void *ctx, const atomic_bool *cancel, struct archive_done *out, struct err *e);
    void *ctx;
};
int archiver_new(const struct archiver_parts *parts, struct archiver **out, struct err *e);
void archiver_round(struct archiver *a);               /* every archive that is due, and the records that lack */
int archiver_start(struct archiver *a, struct err *e); /* a thread of its own, a round a minute */
void archiver_free(struct archiver *a); /* a copy that runs is broken off and goes on later; NULL is fine */
size_t archiver_counters(struct archiver *a, struct api_counter *out, size_t cap);
#endif

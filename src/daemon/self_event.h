/* Lũy's own events: said by any thread, taken by the pipeline in batches. */
#ifndef LUY_DAEMON_SELF_EVENT_H
#define LUY_DAEMON_SELF_EVENT_H
#include "base/clock.h"
#include "intake/event.h"

struct self_queue;
/* Bounded: past 4,096 waiting events new ones are counted as dropped. wake_fd:
 * an eventfd that is written when something waits. */
struct self_queue *self_queue_new(const struct clock *clk, int wake_fd);
void self_queue_free(struct self_queue *q);
/* msg: `event=login_failed account="x" ...`; severity as syslog's (0..7). Any thread. */
void self_say(struct self_queue *q, int severity, str msg);
__attribute__((format(printf, 3, 4))) void self_sayf(struct self_queue *q, int severity, const char *fmt, ...);
/* A line of the program's own log (base/log.h) as an event. */
void self_say_log(struct self_queue *q, int severity, str line);
/* Moves what waits into the batch, as much as fits; returns how many. */
size_t self_take(struct self_queue *q, struct event_batch *b);
uint64_t self_dropped(struct self_queue *q);
/* The event as it is journalled: RFC 5424 text of program luyd. Pure. */
void self_event_make(struct buf *line, int64_t at_ns, const char *host, long pid, int severity, str msg,
                     struct event *out);
#endif

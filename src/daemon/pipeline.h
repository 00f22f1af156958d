/* The one place where intake, judge and journal meet. */
#ifndef LUY_DAEMON_PIPELINE_H
#define LUY_DAEMON_PIPELINE_H
#include "api/api.h"
#include "daemon/self_event.h"
#include "intake/intake.h"
#include "intake/tailer.h"
#include "journal/flow_store.h"

struct pipeline;
/* Starts the pipeline's thread and the checker's. intake may be NULL (tests). */
struct pipeline_parts {
    struct intake *in;
    struct tailer *tailer; /* NULL: no files are followed */
    struct journal *journal;
    struct flow_store *flows;
    struct judge *judge;
    struct registry *registry;
    struct self_queue *self;
    int wake_fd;
    const struct clock *clk;
};
int pipeline_start(const struct pipeline_parts *parts, struct pipeline **out, struct err *e);
/* Ends intake, journals what is left, syncs. The self queue stays the caller's. */
void pipeline_stop(struct pipeline *p);
/* Intake's and the pipeline's own numbers; any thread. */
size_t pipeline_counters(struct pipeline *p, struct api_counter *out, size_t cap);
#endif

/* Files of JSON lines, followed as they grow: rotation (another inode under the
 * name), truncation, and where reading stood over a restart. A file seen for the
 * first time is read from its beginning.
 *
 * Runs in the core, not in the intake child: it must open files, and a position
 * may only move on when the journal has the lines. It splits lines and finds the
 * header fields (json_line.h, bounded and fuzzed), nothing more. At least once: a
 * kill may repeat the lines since the last save. One thread. */
#ifndef LUY_INTAKE_TAILER_H
#define LUY_INTAKE_TAILER_H
#include "base/clock.h"
#include "intake/event.h"

enum { TAILER_FILES_MAX = 32 };
struct tailer;
/* files: paths, separated by commas; absolute. state: where positions are kept. */
int tailer_open(str files, const char *state, const struct clock *clk, struct tailer **out, struct err *e);
void tailer_close(struct tailer *t); /* saves positions; NULL is fine */
/* Adds lines to the batch as far as it holds them; how many. Files that are not
 * there are tried again. */
size_t tailer_read(struct tailer *t, struct event_batch *b);
void tailer_taken(struct tailer *t); /* what was read so far is kept by somebody */

struct tailer_stats {
    uint64_t lines, bytes, bad, rotations, truncations, open_files;
};
void tailer_stats(const struct tailer *t, struct tailer_stats *out); /* any thread */
#endif

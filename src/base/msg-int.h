/* The generated table behind msg.h, and the writer that err.c shares. */
#ifndef LUY_BASE_MSG_INT_H
#define LUY_BASE_MSG_INT_H
#include "base/msg.h"
struct msg_entry {
    const char *key;
    const char *text[2];
}; /* by enum lang */
extern const struct msg_entry msg_table[];
extern const size_t msg_table_n;

/* Text with a ceiling: always NUL-terminated, cut at a whole character; after
 * the first cut nothing more is added. cap > 0. */
struct msg_sink {
    char *out;
    size_t cap, n;
};
void msg_sink_add(struct msg_sink *s, str text);
/* Fills {0}..{9} from args and {e} from e (kept as they stand when absent). */
size_t msg_fill(char *out, size_t cap, const char *text, const char *const *args, size_t n, const char *e);
#endif

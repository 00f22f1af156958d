/* The program's own log: an event with a name and typed fields, one line on
 * stderr ("2026-11-21T09:30:00Z warn intake_restart pid=412 reason=\"signal 11\"").
 * Untrusted text is escaped where it is printed. Any thread. */
#ifndef LUY_BASE_LOG_H
#define LUY_BASE_LOG_H
#include "base/str.h"
#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
struct log_field {
    const char *name;
    enum { LF_NONE, LF_STR, LF_INT } type;
    str s;
    int64_t i;
};
#define F_STR(nm, v) ((struct log_field){.name = (nm), .type = LF_STR, .s = (v)})
#define F_INT(nm, v) ((struct log_field){.name = (nm), .type = LF_INT, .i = (int64_t)(v)})

void log_event_fields(enum log_level lv, const char *event, const struct log_field *f, size_t n);
#define log_event(lv, event, ...)                                                                                      \
    log_event_fields((lv), (event), (const struct log_field[]){{0}, ##__VA_ARGS__} + 1,                                \
                     sizeof((const struct log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct log_field) - 1)
void log_err(enum log_level lv, const char *event, const struct err *e); /* English sentence as a field */
void log_set_level(enum log_level max);
/* Also told of each line (the daemon journals its own); NULL to end. */
void log_set_hook(void (*fn)(void *ctx, enum log_level lv, str line), void *ctx);
#endif

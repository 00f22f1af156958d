/* The program's own log: one write to stderr for each line, so lines of several
 * threads never mix. Level and hook are global; the hook runs under its lock,
 * so after log_set_hook(NULL) it is not running any more. */
#include "base/log.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

enum { LINE_MAX_BYTES = 4096, VALUE_MAX = 1024 };

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static atomic_int level_max = LOG_INFO;
static pthread_mutex_t hook_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*hook_fn)(void *ctx, enum log_level lv, str line);
static void *hook_ctx;
/* A hook that logs is not told of its own lines. */
static _Thread_local bool in_hook;

struct line {
    char p[LINE_MAX_BYTES];
    size_t n;
};

static void line_add(struct line *l, const char *p, size_t n)
{
    /* One byte is kept for the newline. */
    if (n > sizeof(l->p) - 1 - l->n)
        n = utf8_cut((str){p, n}, sizeof(l->p) - 1 - l->n);
    memcpy(l->p + l->n, p, n);
    l->n += n;
}

static void line_z(struct line *l, const char *z) { line_add(l, z, strlen(z)); }

static bool is_bare(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '=')
            return false;
    }
    return s.n > 0;
}

/* Escapes what could forge a line or drive a terminal: C0, DEL, C1, bad UTF-8. */
static void line_quoted(struct line *l, str s)
{
    line_z(l, "\"");
    for (size_t i = 0; i < s.n;) {
        unsigned char c = (unsigned char)s.p[i];
        size_t len = utf8_char(str_sub(s, i, 4));
        bool c1 = len == 2 && c == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0;
        char esc[8];
        if (c == '"' || c == '\\') {
            line_add(l, (const char[]){'\\', (char)c}, 2);
        } else if (c == '\n') {
            line_z(l, "\\n");
        } else if (len == 0 || c < 0x20 || c == 0x7f || c1) {
            snprintf(esc, sizeof(esc), "\\x%02x", c);
            line_z(l, esc);
            len = 1;
        } else {
            line_add(l, s.p + i, len);
        }
        i += len == 0 ? 1 : len;
    }
    line_z(l, "\"");
}

static void line_field(struct line *l, const struct log_field *f)
{
    char num[24];

    if (f->type == LF_NONE)
        return;
    line_z(l, " ");
    line_z(l, f->name);
    line_z(l, "=");
    if (f->type == LF_INT) {
        snprintf(num, sizeof(num), "%" PRId64, f->i);
        line_z(l, num);
        return;
    }
    str s = str_sub(f->s, 0, utf8_cut(f->s, VALUE_MAX));
    if (is_bare(s))
        line_add(l, s.p, s.n);
    else
        line_quoted(l, s);
}

static void hook_call(enum log_level lv, str text)
{
    if (in_hook)
        return;
    pthread_mutex_lock(&hook_lock);
    if (hook_fn != NULL) {
        in_hook = true;
        hook_fn(hook_ctx, lv, text);
        in_hook = false;
    }
    pthread_mutex_unlock(&hook_lock);
}

void log_event_fields(enum log_level lv, const char *event, const struct log_field *f, size_t n)
{
    if ((int)lv > atomic_load_explicit(&level_max, memory_order_relaxed))
        return;
    struct line l;
    l.n = 0;
    char when[32];
    time_fmt(clock_wall(&clock_system), 0, when, sizeof(when));
    line_z(&l, when);
    line_z(&l, " ");
    line_z(&l, level_names[lv]);
    line_z(&l, " ");
    line_z(&l, event);
    for (size_t i = 0; i < n; i++)
        line_field(&l, &f[i]);
    hook_call(lv, (str){l.p, l.n});
    l.p[l.n++] = '\n';
    /* Nowhere to tell of a log that cannot be written. */
    (void)fd_write_all(2, l.p, l.n);
}

void log_err(enum log_level lv, const char *event, const struct err *e)
{
    char text[ERR_AT_MAX + 2 * ERR_ARGS * ERR_ARG_MAX];
    size_t n = err_text(e, LANG_EN, text, sizeof(text));

    log_event(lv, event, F_STR("key", str_c(e->key == NULL ? "-" : e->key)), F_INT("code", e->code),
              F_STR("error", ((str){text, n})));
}

void log_set_level(enum log_level max) { atomic_store_explicit(&level_max, (int)max, memory_order_relaxed); }

void log_set_hook(void (*fn)(void *ctx, enum log_level lv, str line), void *ctx)
{
    pthread_mutex_lock(&hook_lock);
    hook_fn = fn;
    hook_ctx = ctx;
    pthread_mutex_unlock(&hook_lock);
}

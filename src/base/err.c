/* Errors as values. struct err owns its texts; the err_s ring belongs to the
 * calling thread. Arguments may be hostile: control characters and bad UTF-8
 * are replaced when they enter. */
#include "base/err.h"
#include "base/msg-int.h"
#include "base/text.h"
#include <errno.h>
#include <inttypes.h>

enum { RING = 8 };

/* Copies at most cap-1 bytes of whole, printable characters. C1 controls
 * (U+0080..U+009F) go too: some terminals obey them. */
static void text_clean(char *out, size_t cap, str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n;) {
        str rest = str_sub(s, i, 4);
        size_t len = utf8_char(rest);
        const unsigned char *c = (const unsigned char *)rest.p;
        bool control = len == 1 ? c[0] < 0x20 || c[0] == 0x7f : len == 2 && c[0] == 0xc2 && c[1] < 0xa0;
        bool bad = len == 0 || control;
        size_t put = bad ? 1 : len;
        if (put > cap - 1 - n)
            break;
        if (bad)
            out[n] = '?';
        else
            memcpy(out + n, rest.p, len);
        n += put;
        i += len == 0 ? 1 : len;
    }
    out[n] = '\0';
}

int err_set(struct err *e, int code, const char *key, const char *const *args, size_t n)
{
    if (e == NULL)
        return code;
    /* Built aside: an argument may point into *e when an error is wrapped. */
    struct err fresh = {.code = code, .key = key};
    for (size_t i = 0; i < n && i < ERR_ARGS; i++)
        text_clean(fresh.arg[i], ERR_ARG_MAX, str_c(args[i]));
    *e = fresh;
    return code;
}

static const char *ring_next(str s)
{
    static _Thread_local char ring[RING][ERR_ARG_MAX];
    static _Thread_local unsigned at;
    char *slot = ring[at++ % RING];

    text_clean(slot, ERR_ARG_MAX, s);
    return slot;
}

const char *err_s(str s) { return ring_next(s); }

const char *err_n(int64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" PRId64, v);

    return ring_next((str){text, (size_t)n});
}

/* Never in an argument that came through text_clean. */
enum { LANG_SEP = 0x1f };

void err_label(struct err *e, size_t n, str vi, str en)
{
    if (e == NULL || n >= ERR_ARGS)
        return;
    char *p = e->arg[n];
    text_clean(p, ERR_ARG_MAX / 2, vi);
    size_t len = strlen(p);
    p[len] = LANG_SEP;
    text_clean(p + len + 1, ERR_ARG_MAX - len - 1, en);
}

/* What of an argument this language shows; `store` holds the first half. */
static const char *arg_text(const char *arg, enum lang lang, char store[ERR_ARG_MAX])
{
    const char *sep = strchr(arg, LANG_SEP);

    if (sep == NULL || lang == LANG_EN)
        return sep == NULL ? arg : sep + 1;
    memcpy(store, arg, (size_t)(sep - arg));
    store[sep - arg] = '\0';
    return store;
}

void err_at(struct err *e, const char *at, uint32_t line, uint32_t col)
{
    if (e == NULL)
        return;
    if (at != e->at)
        text_clean(e->at, ERR_AT_MAX, str_c(at));
    e->line = line;
    e->col = col;
}

/* "base.errno.ENOENT" in the catalogue, or what the C library says. */
static const char *errno_text(int code, enum lang lang)
{
    const char *name = strerrorname_np(code < 0 ? -code : code);
    const char *text = NULL;
    char key[48];

    if (name != NULL) {
        snprintf(key, sizeof(key), "base.errno.%s", name);
        text = msg_get(key, lang);
    }
    if (text == NULL)
        text = strerrordesc_np(code < 0 ? -code : code);
    return text == NULL ? "?" : text;
}

static size_t unknown_key(const struct err *e, char *out, size_t cap)
{
    size_t n = 0;
    struct msg_sink s = {out, cap, 0};

    msg_sink_add(&s, str_c(e->key));
    for (size_t i = 0; i < ERR_ARGS; i++)
        if (e->arg[i][0] != '\0') {
            msg_sink_add(&s, n++ == 0 ? STR(" (") : STR(", "));
            msg_sink_add(&s, str_c(e->arg[i]));
        }
    if (n > 0)
        msg_sink_add(&s, STR(")"));
    return s.n;
}

size_t err_sentence(const struct err *e, enum lang lang, char *out, size_t cap)
{
    if (cap == 0)
        return 0;
    out[0] = '\0';
    const char *text = msg_get(e->key == NULL ? "base.errno" : e->key, lang);
    if (text == NULL)
        return unknown_key(e, out, cap);
    char store[ERR_ARGS][ERR_ARG_MAX];
    const char *args[ERR_ARGS];
    for (size_t i = 0; i < ERR_ARGS; i++)
        args[i] = arg_text(e->arg[i], lang, store[i]);
    return msg_fill(out, cap, text, args, ERR_ARGS, errno_text(e->code, lang));
}

size_t err_text(const struct err *e, enum lang lang, char *out, size_t cap)
{
    if (cap == 0)
        return 0;
    struct msg_sink s = {out, cap, 0};
    char num[32];

    out[0] = '\0';
    msg_sink_add(&s, str_c(e->at));
    if (e->line > 0) {
        snprintf(num, sizeof(num), "%s%u", s.n > 0 ? ":" : "", e->line);
        msg_sink_add(&s, str_c(num));
    }
    if (e->line > 0 && e->col > 0) {
        snprintf(num, sizeof(num), ":%u", e->col);
        msg_sink_add(&s, str_c(num));
    }
    if (s.n > 0)
        msg_sink_add(&s, STR(": "));
    return s.n + err_sentence(e, lang, out + s.n, cap - s.n);
}

void errs_init(struct errs *es, size_t max) { *es = (struct errs){.max = max}; }

void errs_add(struct errs *es, const struct err *e)
{
    if (es == NULL)
        return;
    es->total++;
    if (es->n >= es->max)
        return;
    if (es->n == es->cap) {
        size_t cap = es->cap == 0 ? 4 : es->cap * 2;
        if (cap > es->max)
            cap = es->max;
        struct err *v = reallocarray(es->v, cap, sizeof(*v));
        if (v == NULL)
            return;
        es->v = v;
        es->cap = cap;
    }
    es->v[es->n++] = *e;
}

void errs_done(struct errs *es)
{
    free(es->v);
    *es = (struct errs){.max = es->max};
}

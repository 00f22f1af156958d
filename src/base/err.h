/* Errors as values: a code for the program, a message key for the person.
 *
 * A function that can fail returns 0 or a negative errno code and fills
 * `struct err` with where and why; on failure its outputs are untouched. Only
 * the top of a request logs or shows. `key` names a message of i18n/<module>.json;
 * `arg` fills {0}..{3} there, so that the same error reads in Vietnamese and
 * English. err_text() renders. */
#ifndef LUY_BASE_ERR_H
#define LUY_BASE_ERR_H
#include "base/str.h"

enum { ERR_ARGS = 4, ERR_ARG_MAX = 240, ERR_AT_MAX = 160 };
enum lang { LANG_VI, LANG_EN };

struct err {
    int code;                        /* negative errno; 0 = no error */
    uint32_t line, col;              /* 1-based; 0 = not known */
    const char *key;                 /* static string, "base.file.read" */
    char at[ERR_AT_MAX];             /* file, JSON pointer or column; may be empty */
    char arg[ERR_ARGS][ERR_ARG_MAX]; /* cut at a UTF-8 boundary */
};

/* Fills *e (when not NULL) and returns code. Arguments are printf text for
 * {0}, {1}..: ERRF("%.*s", STR_ARGS(name)) for each. Call through the macro. */
int err_set(struct err *e, int code, const char *key, const char *const *args, size_t n);
#define ERR(e, code, key, ...)                                                                                         \
    err_set((e), (code), (key), (const char *const[]){NULL, ##__VA_ARGS__} + 1,                                        \
            sizeof((const char *const[]){NULL, ##__VA_ARGS__}) / sizeof(char *) - 1)
/* ERR(e, -EEXIST, "base.file.locked", S(path)): S() makes a str a
 * bounded C string in a thread-local ring of 8; N() does so for an integer. */
const char *err_s(str s);
const char *err_n(int64_t v);
#define S(x) err_s(x)
#define N(x) err_n(x)

/* Argument n in both languages, such as a label of the schema: each sentence
 * shows its own. Together less than ERR_ARG_MAX bytes. */
void err_label(struct err *e, size_t n, str vi, str en);
void err_at(struct err *e, const char *at, uint32_t line, uint32_t col);
/* Writes the sentence in `lang`, with place ("packs/x.yaml:3:7: ...") in front
 * when known; always NUL-terminated; returns the length. An unknown key renders
 * as the key with its arguments, never as nothing. */
size_t err_text(const struct err *e, enum lang lang, char *out, size_t cap);
/* The sentence alone, without place. {e} in a message is what the errno in
 * e->code means, in that language ("no such file"). */
size_t err_sentence(const struct err *e, enum lang lang, char *out, size_t cap);

/* Many errors from one pass (a CSV, a pack). Grows to max, then only counts. */
struct errs {
    struct err *v;
    size_t n, cap, max;
    uint64_t total;
};
void errs_init(struct errs *es, size_t max);
void errs_add(struct errs *es, const struct err *e);
void errs_done(struct errs *es);
#endif

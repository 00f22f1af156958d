/* What the judge's tests share: YAML from text, an event's fields, a folder of
 * their own, a registry over the shipped schema, batches of lines. */
#ifndef LUY_JUDGE_TEST_INT_H
#define LUY_JUDGE_TEST_INT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <unistd.h>
#include "base/file.h"
#include "base/json.h"
#include "intake/syslog.h"
#include "judge/judge-int.h"

static inline const char *text_of_err(const struct err *e)
{
    static _Thread_local char text[900];

    err_text(e, LANG_EN, text, sizeof(text));
    return text;
}

static inline const char *source_dir(void) { return getenv("LUY_SOURCE") != NULL ? getenv("LUY_SOURCE") : "."; }

/* External data, or NULL when this machine has none. */
static inline const char *shared_data(const char *path, char *out, size_t cap)
{
    const char *root = getenv("LUY_SHARED_DATA");

    if (root != NULL)
        snprintf(out, cap, "%s/%s", root, path);
    else
        snprintf(out, cap, "%s/../shared/data/%s", source_dir(), path);
    return access(out, R_OK) == 0 ? out : NULL;
}

/* ---- rules without a pack ---- */

struct kit {
    struct arena a;
    struct names *names;
    struct sigma_res res;
    struct map alias, lists;
    struct errs es;
    struct sigma_ctx c;
    struct fields f;
    bool fields;
};

static inline void kit_init(struct kit *k)
{
    *k = (struct kit){.a = arena_init(64 << 20), .names = names_new()};
    map_init(&k->alias, 100);
    map_init(&k->lists, 100);
    errs_init(&k->es, 100);
    k->c = (struct sigma_ctx){.a = &k->a,
                              .names = k->names,
                              .alias = &k->alias,
                              .lists = &k->lists,
                              .res = &k->res,
                              .es = &k->es,
                              .file = "rule.yml"};
}

static inline void kit_done(struct kit *k)
{
    if (k->fields)
        fields_done(&k->f);
    sigma_res_done(&k->res);
    map_done(&k->alias);
    map_done(&k->lists);
    names_free(k->names);
    errs_done(&k->es);
    arena_free(&k->a);
}

static inline struct yaml *kit_yaml(struct kit *k, const char *text)
{
    struct yaml **docs;
    size_t n;

    if (yaml_parse(&k->a, arena_str(&k->a, str_c(text)), "rule.yml", &docs, &n, &k->es) < 0)
        fail_msg("%s\n%s", text_of_err(&k->es.v[0]), text);
    assert_true(n >= 1);
    return docs[0];
}

/* "user=root;event=login_failed;empty=": what an event says. Only names that a
 * rule or the event uses exist, so it is set after the rules are parsed. */
static inline void kit_event(struct kit *k, const char *pairs)
{
    str rest = arena_str(&k->a, str_c(pairs)), one;
    struct {
        int id;
        str v;
    } got[64];
    size_t n = 0;

    while (rest.n > 0 && str_split(&rest, ';', &one)) {
        size_t eq = str_find(one, STR("="));
        assert_true(eq != SIZE_MAX && n < 64);
        got[n].id = names_put(k->names, str_sub(one, 0, eq));
        got[n++].v = str_sub(one, eq + 1, one.n);
    }
    if (k->fields)
        fields_done(&k->f);
    assert_true(fields_init(&k->f, k->names));
    k->fields = true;
    fields_clear(&k->f);
    for (size_t i = 0; i < n; i++)
        fields_put(&k->f, got[i].id, got[i].v);
}

/* ---- a folder ---- */

static inline int rm_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st;
    (void)type;
    (void)f;
    return remove(path);
}

static inline void dir_make(char *dir, size_t cap)
{
    snprintf(dir, cap, "%s/luy-judge-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(dir));
}

static inline void dir_remove(const char *dir) { nftw(dir, rm_one, 16, FTW_DEPTH | FTW_PHYS); }

static inline void put_file(const char *dir, const char *path, const char *text)
{
    char full[600];
    struct err e;

    snprintf(full, sizeof(full), "%s/%s", dir, path);
    char *slash = strrchr(full, '/');
    *slash = '\0';
    assert_int_equal(file_mkdirs(full, 0700, &e), 0);
    *slash = '/';
    assert_int_equal(file_write_atomic(full, str_c(text), 0600, &e), 0);
}

/* ---- lines as the judge gets them ---- */

static inline void batch_add(struct event_batch *b, const char *line, int64_t received, uint8_t transport)
{
    struct event ev;

    syslog_parse(str_c(line), received, &ev);
    ev.transport = transport;
    ip_parse(STR("192.0.2.7"), &ev.source);
    if (transport == TP_SELF)
        ev.source.family = 0;
    assert_true(event_batch_add(b, &ev));
}

/* {'a': 1} with single quotes, for brevity. */
static inline json_t *J(const char *text)
{
    char *z = strdup(text);

    for (char *p = z; *p != '\0'; p++)
        if (*p == '\'')
            *p = '"';
    json_t *v = json_loads(z, JSON_DECODE_ANY, NULL);
    free(z);
    assert_non_null(v);
    return v;
}
#define assert_str(s, z)                                                                                               \
    do {                                                                                                               \
        str s_ = (s);                                                                                                  \
        if (!str_eq(s_, str_c(z)))                                                                                     \
            fail_msg("\"%.*s\" is not \"%s\"", STR_ARGS(s_), (z));                                                     \
    } while (0)
#endif

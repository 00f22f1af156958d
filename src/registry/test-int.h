/* What the registry's tests share: a folder of their own, an open registry over
 * the shipped schema, actors, JSON in one line. */
#ifndef LUY_REGISTRY_TEST_INT_H
#define LUY_REGISTRY_TEST_INT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <unistd.h>
#include "base/json.h"
#include "registry/file-int.h"
#include "registry/test-store.h"

struct fixture {
    char dir[200], db[TEST_URL_MAX];
    struct clock clk;
    struct schema *sc;
    struct store *st;
    struct registry *r;
    struct errs es;
    struct err e;
};

static const struct actor ADMIN = {.name = {"quantri", 7}, .account_id = 1, .roles = ROLE_ADMIN};

static inline int rm_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st;
    (void)type;
    (void)f;
    return remove(path);
}

static inline void fx_dir_like(struct fixture *f, const char *like)
{
    snprintf(f->dir, sizeof(f->dir), "%s/luy-reg-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    test_store_url(f->dir, like, f->db, sizeof(f->db));
}

static inline void fx_dir(struct fixture *f) { fx_dir_like(f, NULL); }

static inline const char *fx_text(const struct err *e)
{
    static _Thread_local char text[800];

    err_text(e, LANG_EN, text, sizeof(text));
    return text;
}

static inline void fx_open_registry(struct fixture *f)
{
    if (store_open(f->db, &f->st, &f->e) < 0 || registry_open(f->st, f->sc, &f->clk, &f->r, &f->e) < 0)
        fail_msg("%s", fx_text(&f->e));
}

static inline void fx_close_registry(struct fixture *f)
{
    registry_close(f->r);
    store_close(f->st);
    f->r = NULL;
    f->st = NULL;
}

static inline struct fixture *fx_new(void)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char path[4096];

    errs_init(&f->es, 1000);
    f->clk = clock_manual(1795257000 * NS_PER_S);
    snprintf(path, sizeof(path), "%s/schema", getenv("LUY_SOURCE") != NULL ? getenv("LUY_SOURCE") : ".");
    if (schema_load(path, &f->sc, &f->es) < 0)
        fail_msg("%s", fx_text(&f->es.v[0]));
    fx_dir_like(f, test_store_like(f->sc, &f->clk));
    fx_open_registry(f);
    return f;
}

static inline void fx_free(struct fixture *f)
{
    fx_close_registry(f);
    schema_free(f->sc);
    errs_done(&f->es);
    nftw(f->dir, rm_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
}

static inline int fx_setup(void **state)
{
    *state = fx_new();
    return 0;
}

static inline int fx_teardown(void **state)
{
    fx_free(*state);
    return 0;
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

static inline int fx_create_as(struct fixture *f, const struct actor *who, const char *kind, const char *text,
                               json_t **out)
{
    json_t *in = J(text);

    f->es.n = 0;
    f->es.total = 0;
    int rc = registry_create(f->r, who, str_c(kind), in, out, &f->es, &f->e);
    json_decref(in);
    return rc;
}

static inline json_t *fx_create(struct fixture *f, const char *kind, const char *text)
{
    json_t *out = NULL;

    if (fx_create_as(f, &ADMIN, kind, text, &out) < 0)
        fail_msg("create %s: %s / %s", kind, fx_text(&f->e), f->es.n > 0 ? fx_text(&f->es.v[0]) : "");
    return out;
}

static inline void fx_add(struct fixture *f, const char *kind, const char *text)
{
    json_decref(fx_create(f, kind, text));
}

static inline int fx_change_as(struct fixture *f, const struct actor *who, const char *kind, const char *key,
                               int64_t rev, const char *text, json_t **out)
{
    json_t *patch = J(text);

    f->es.n = 0;
    f->es.total = 0;
    int rc = registry_change(f->r, who, str_c(kind), str_c(key), rev, patch, out, &f->es, &f->e);
    json_decref(patch);
    return rc;
}

static inline int fx_change(struct fixture *f, const char *kind, const char *key, int64_t rev, const char *text)
{
    json_t *out = NULL;
    int rc = fx_change_as(f, &ADMIN, kind, key, rev, text, &out);

    json_decref(out);
    return rc;
}

static inline json_t *fx_get(struct fixture *f, const char *kind, const char *key)
{
    json_t *out = NULL;

    if (registry_get(f->r, &ADMIN, str_c(kind), str_c(key), &out, &f->e) < 0)
        fail_msg("get %s %s: %s", kind, key, fx_text(&f->e));
    return out;
}

/* Ids differ between engines: one that was taken back may or may not be given again. */
static inline int64_t fx_id(struct fixture *f, const char *kind, const char *key)
{
    json_t *rec = fx_get(f, kind, key);
    int64_t id = json_get_int(rec, "id", 0);

    json_decref(rec);
    return id;
}

static inline int fx_import(struct fixture *f, const struct actor *who, const char *kind, str csv, bool dry,
                            json_t **out)
{
    f->es.n = 0;
    f->es.total = 0;
    return registry_import_csv(f->r, who, str_c(kind), csv, dry, out, &f->es, &f->e);
}

/* Bytes that a record is to name; the value of the field. */
static inline json_t *fx_upload_as(struct fixture *f, const struct actor *who, const char *name, str bytes)
{
    struct file_in in = {str_c(name), STR(""), bytes, 1 << 20};
    json_t *out = NULL;

    if (registry_upload(f->r, who, &in, &out, &f->e) < 0)
        fail_msg("%s: %s", name, fx_text(&f->e));
    return out;
}

/* A small province to work in. */
static inline void fx_frame(struct fixture *f)
{
    fx_add(f, "unit", "{'code':'TINH','name':'Tỉnh Tre Xanh','tier':'province'}");
    fx_add(f, "unit", "{'code':'STC','name':'Sở Tài chính','tier':'department','parent':'TINH'}");
    fx_add(f, "unit", "{'code':'STC-P1','name':'Phòng Một','tier':'department','parent':'STC'}");
    fx_add(f, "unit", "{'code':'XA01','name':'Xã Long Mỹ','tier':'commune','parent':'TINH'}");
    fx_add(f, "network", "{'code':'WAN','name':'Mạng nội bộ','kind':'intranet'}");
    fx_add(f, "network", "{'code':'NET','name':'Mạng Internet','kind':'internet'}");
    fx_add(f, "person", "{'code':'hanhnm','name':'Nguyễn Minh Hạnh','unit':'STC'}");
    fx_add(f, "person", "{'code':'dodt','name':'Đỗ Thị Đào','unit':'XA01'}");
}
#endif

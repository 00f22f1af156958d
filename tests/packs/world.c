/* Test support: see world.h. One thread. */
#include "world.h"
#include "registry/test-store.h"
#include "base/file.h"
#include "base/json.h"
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define WORLD_NOW "2026-11-21T03:00:00Z"
static const struct actor world_admin = {.name = {"quantri", 7}, .account_id = 1, .roles = ROLE_ADMIN};
const struct actor world_system = {.name = {"test", 4}, .roles = ROLE_SYSTEM};

const char *world_source(const char *path)
{
    static char out[4][512];
    static unsigned turn;
    const char *root = getenv("LUY_SOURCE");
    char *to = out[turn++ % 4];

    snprintf(to, sizeof(out[0]), "%s/%s", root != NULL ? root : ".", path);
    return to;
}

bool world_clean(const struct errs *es, const struct err *e)
{
    char text[1024];

    for (size_t i = 0; es != NULL && i < es->n; i++) {
        err_text(&es->v[i], LANG_EN, text, sizeof(text));
        print_message("# %s\n", text);
    }
    if (e != NULL && e->code != 0) {
        err_text(e, LANG_EN, text, sizeof(text));
        print_message("# %s\n", text);
    }
    return (es == NULL || es->total == 0) && (e == NULL || e->code == 0);
}

/* ---- a store of its own ---- */

static void folder_remove(const char *dir)
{
    char path[600];
    struct dirent *d;
    DIR *f = opendir(dir);

    while (f != NULL && (d = readdir(f)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
        if (d->d_name[0] != '.')
            unlink(path);
    }
    if (f != NULL)
        closedir(f);
    rmdir(dir);
}

static void start(struct world *w, const char *like)
{
    char url[TEST_URL_MAX];
    int64_t now;
    struct err e = {0};
    struct errs es;

    assert_true(time_parse(STR(WORLD_NOW), &now));
    w->clk = clock_manual(now);
    errs_init(&es, 100);
    calendar_parse(STR(""), "none", &w->calendar, &es);
    schema_load(world_source("schema"), &w->schema, &es);
    assert_true(world_clean(&es, NULL));
    test_store_url(w->dir, like, url, sizeof(url));
    int rc = store_open(url, &w->store, &e);
    if (rc == 0)
        rc = registry_open(w->store, w->schema, &w->clk, &w->registry, &e);
    struct judge_cfg cfg = {
        .packs_dir = world_source("packs"), .calendar = w->calendar, .check_seconds = 300, .sql_timeout_ms = 5000};
    if (rc == 0)
        rc = judge_open(&cfg, w->registry, &w->clk, &w->judge, &es, &e);
    assert_true(world_clean(&es, &e));
    assert_int_equal(rc, 0);
    errs_done(&es);
}

static void stop(struct world *w)
{
    judge_close(w->judge);
    registry_close(w->registry);
    store_close(w->store);
    schema_free(w->schema);
    calendar_free(w->calendar);
}

/* Writing the packs into a fresh store takes a while, so it is done once and
 * each world begins with a copy of that. */
static struct world first;

static void forget_first(void) { folder_remove(first.dir); }

static void copy_first(const char *dir)
{
    struct arena a = arena_init(64 << 20);
    char from[96], to[96];
    struct err e = {0};
    str bytes;

    snprintf(from, sizeof(from), "%s/registry.db", first.dir);
    snprintf(to, sizeof(to), "%s/registry.db", dir);
    int rc = file_read(&a, from, 32 << 20, &bytes, &e);
    if (rc == 0)
        rc = file_write_atomic(to, bytes, 0600, &e);
    arena_free(&a);
    assert_true(world_clean(NULL, &e) && rc == 0);
}

static void folder_make(struct world *w)
{
    snprintf(w->dir, sizeof(w->dir), "/tmp/luy-packs-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
}

void world_open(struct world *w)
{
    if (first.dir[0] == '\0') {
        folder_make(&first);
        atexit(forget_first);
        start(&first, NULL);
        stop(&first); /* the last connection brings the log into the file */
    }
    *w = (struct world){0};
    folder_make(w);
    if (!test_on_pg())
        copy_first(w->dir);
    start(w, first.dir);
}

void world_close(struct world *w)
{
    stop(w);
    folder_remove(w->dir);
}

struct yaml *world_yaml(struct arena *a, const char *path)
{
    struct yaml **docs = NULL;
    size_t n = 0;
    struct err e = {0};
    struct errs es;
    str text;

    errs_init(&es, 20);
    int rc = file_read(a, world_source(path), 4 << 20, &text, &e);
    if (rc == 0)
        rc = yaml_parse(a, text, path, &docs, &n, &es);
    assert_true(world_clean(&es, &e));
    assert_int_equal(rc, 0);
    assert_int_equal(n, 1);
    errs_done(&es);
    return docs[0];
}

/* ---- records ---- */

static json_t *field_json(const struct kind *k, str name, const struct yaml *v)
{
    const struct field *f = kind_field(k, name);
    int64_t i;
    bool b;

    assert_int_equal(v->kind, YAML_SCALAR);
    if (f != NULL && f->type == FT_BOOL && yaml_bool(v, &b))
        return json_boolean(b);
    if (f != NULL && f->type == FT_INT && yaml_int(v, &i))
        return json_integer(i);
    return json_from_str(v->text);
}

static int put_record(struct world *w, const struct actor *who, const struct kind *k, json_t *in, struct errs *es,
                      struct err *e)
{
    char key[200];
    str value = json_get_str(in, k->fields[k->key_field].name.p);
    json_t *old = NULL, *out = NULL;
    int rc;

    snprintf(key, sizeof(key), "%.*s", STR_ARGS(value));
    if (registry_get(w->registry, &world_system, k->name, str_c(key), &old, NULL) == 0)
        rc = registry_change(w->registry, who, k->name, str_c(key), json_get_int(old, "rev", 0), in, &out, es, e);
    else
        rc = registry_create(w->registry, who, k->name, in, &out, es, e);
    json_decref(old);
    json_decref(out);
    return rc;
}

void world_put(struct world *w, const struct yaml *list)
{
    for (size_t i = 0; list != NULL && i < list->n; i++) {
        const struct yaml *one = list->items[i], *fields = one->items[0];
        const struct kind *k = schema_kind(w->schema, one->keys[0]->text);
        json_t *in = json_object();
        struct err e = {0};
        struct errs es;
        assert_non_null(k);
        for (size_t n = 0; n < fields->n; n++) {
            char name[64];
            snprintf(name, sizeof(name), "%.*s", STR_ARGS(fields->keys[n]->text));
            json_object_set_new(in, name, field_json(k, fields->keys[n]->text, fields->items[n]));
        }
        errs_init(&es, 20);
        /* "by: admin" beside the record: whom approvals bind */
        int rc = put_record(w, one->n > 1 ? &world_admin : &world_system, k, in, &es, &e);
        if (rc < 0)
            print_message("# cases.yaml:%u\n", one->line);
        assert_true(world_clean(&es, &e) && rc == 0);
        errs_done(&es);
        json_decref(in);
    }
}

/* ---- what the judge says ---- */

json_t *world_findings(struct world *w, str control)
{
    struct finding_query q = {.state = STR("open"), .control = control, .limit = 500};
    json_t *out = NULL;
    struct err e = {0};

    int rc = judge_findings(w->judge, &world_system, &q, &out, &e);
    assert_true(world_clean(NULL, &e) && rc == 0);
    json_t *items = json_incref(json_object_get(out, "items"));
    json_decref(out);
    return items;
}

void world_state(struct world *w, str control, char *out, size_t cap)
{
    json_t *all = NULL, *one;
    struct err e = {0};
    size_t i;

    int rc = judge_controls(w->judge, &world_system, &all, &e);
    assert_true(world_clean(NULL, &e) && rc == 0);
    snprintf(out, cap, "no such control");
    json_array_foreach(json_object_get(all, "items"), i, one) if (str_eq(json_get_str(one, "id"), control))
    {
        str state = json_get_str(one, "state");
        snprintf(out, cap, "%.*s", STR_ARGS(state));
        if (json_is_object(json_object_get(one, "error")) || json_is_string(json_object_get(one, "error")))
            print_message("# %.*s: %s\n", STR_ARGS(control),
                          json_dumps(json_object_get(one, "error"), JSON_ENCODE_ANY));
    }
    json_decref(all);
}

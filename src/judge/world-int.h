/* A small province for the judge's tests: units, a store in a folder of its
 * own, a pack written by the test, and a clock set by hand. */
#ifndef LUY_JUDGE_WORLD_INT_H
#define LUY_JUDGE_WORLD_INT_H
#include "registry/test-store.h"
#include "base/log.h"
#include "judge/test-int.h"

struct world {
    char dir[300], packs[400], db[TEST_URL_MAX];
    struct clock clk;
    struct schema *sc;
    struct store *st;
    struct registry *reg;
    struct calendar *cal;
    struct judge *j;
    struct errs es;
    struct err e;
    json_t *told; /* findings that the listener got */
    uint64_t seq;
    int sql_ms, effect_ms;
};

static const struct actor ADMIN = {.name = {"quantri", 7}, .account_id = 1, .roles = ROLE_ADMIN};
/* 2026-11-21 09:30 in Viet Nam */
#define W_START (1795228200 * NS_PER_S)

#define W_PACK "id: xx\nregulation: XX\ntitle: {vi: Quy chế, en: Rules}\nnumber: 1/2026\nissued_on: 2026-01-01\n"
#define W_CLAUSES                                                                                                      \
    "- {id: XX-1, number: Điều 1, text: {vi: chung, en: general}}\n"                                                \
    "- {id: XX-1.1, parent: XX-1, number: Khoản 1, title: {vi: một, en: one}, text: {vi: a, en: b}, operative: "   \
    "true}\n"                                                                                                          \
    "- {id: XX-1.2, parent: XX-1, number: Khoản 2, title: {vi: hai, en: two}, text: {vi: a, en: b}, operative: "     \
    "true}\n"                                                                                                          \
    "- {id: XX-2, number: Điều 2, text: {vi: c, en: d}, operative: true}\n"
#define W_HEAD(id, kind, clause)                                                                                       \
    "id: " id "\nkind: " kind "\nclauses: [" clause "]\nseverity: high\ntitle: {vi: tên, en: name}\n"                 \
    "remedy: {vi: sửa, en: mend}\n"

static void w_told(void *ctx, const char *what, const json_t *finding)
{
    struct world *w = ctx;

    assert_string_equal(what, "finding");
    json_array_append_new(w->told, json_deep_copy(finding));
}

static inline int w_try_open(struct world *w)
{
    struct judge_cfg cfg = {.packs_dir = w->packs,
                            .calendar = w->cal,
                            .check_seconds = 300,
                            .sql_timeout_ms = w->sql_ms,
                            .effect_ms = w->effect_ms};

    return judge_open(&cfg, w->reg, &w->clk, &w->j, &w->es, &w->e);
}

static inline void w_open(struct world *w)
{
    if (w_try_open(w) < 0) {
        for (size_t i = 0; i < w->es.n; i++)
            print_message("# %s\n", text_of_err(&w->es.v[i]));
        fail_msg("%s", text_of_err(&w->e));
    }
    judge_listen(w->j, w_told, w);
}

static inline void w_put(struct world *w, const char *path, const char *text) { put_file(w->packs, path, text); }

static inline json_t *w_create(struct world *w, const char *kind, const char *text)
{
    json_t *in = J(text), *out = NULL;

    if (registry_create(w->reg, &ADMIN, str_c(kind), in, &out, &w->es, &w->e) < 0)
        fail_msg("%s: %s / %s", kind, text_of_err(&w->e), w->es.n > 0 ? text_of_err(&w->es.v[0]) : "");
    json_decref(in);
    return out;
}

static inline void w_add(struct world *w, const char *kind, const char *text) { json_decref(w_create(w, kind, text)); }

static inline void w_change(struct world *w, const char *kind, const char *key, const char *text)
{
    json_t *rec = NULL, *out = NULL, *patch = J(text);

    assert_int_equal(registry_get(w->reg, &ADMIN, str_c(kind), str_c(key), &rec, &w->e), 0);
    if (registry_change(w->reg, &ADMIN, str_c(kind), str_c(key), json_get_int(rec, "rev", 0), patch, &out, &w->es,
                        &w->e) < 0)
        fail_msg("%s %s: %s", kind, key, text_of_err(&w->e));
    json_decref(rec);
    json_decref(out);
    json_decref(patch);
}

static inline struct world *w_new(void)
{
    struct world *w = calloc(1, sizeof(*w));
    char path[4096];
    struct arena a = arena_init(1 << 20);
    str text;

    errs_init(&w->es, 100);
    log_set_level(LOG_ERROR);
    w->clk = clock_manual(W_START);
    w->told = json_array();
    w->seq = 1;
    w->sql_ms = 500;
    w->effect_ms = 300000;
    dir_make(w->dir, sizeof(w->dir));
    snprintf(w->packs, sizeof(w->packs), "%s/packs", w->dir);
    snprintf(path, sizeof(path), "%s/schema", source_dir());
    if (schema_load(path, &w->sc, &w->es) < 0)
        fail_msg("%s", text_of_err(&w->es.v[0]));
    test_store_url(w->dir, test_store_like(w->sc, &w->clk), w->db, sizeof(w->db));
    if (store_open(w->db, &w->st, &w->e) < 0 || registry_open(w->st, w->sc, &w->clk, &w->reg, &w->e) < 0)
        fail_msg("%s", w->es.n > 0 ? text_of_err(&w->es.v[0]) : text_of_err(&w->e));
    snprintf(path, sizeof(path), "%s/calendar/vn.tsv", source_dir());
    assert_int_equal(file_read(&a, path, 1 << 20, &text, &w->e), 0);
    assert_int_equal(calendar_parse(text, path, &w->cal, &w->es), 0);
    arena_free(&a);
    w_add(w, "unit", "{'code':'TINH','name':'Tỉnh Tre Xanh','tier':'province'}");
    w_add(w, "unit", "{'code':'STC','name':'Sở Tài chính','tier':'department','parent':'TINH'}");
    w_add(w, "unit", "{'code':'P1','name':'Phòng Một','tier':'department','parent':'STC'}");
    w_add(w, "unit", "{'code':'XA','name':'Xã Long Mỹ','tier':'commune','parent':'TINH'}");
    w_put(w, "xx/pack.yaml", W_PACK);
    w_put(w, "xx/clauses.yaml", W_CLAUSES);
    return w;
}

static inline void w_free(struct world *w)
{
    judge_close(w->j);
    registry_close(w->reg);
    store_close(w->st);
    schema_free(w->sc);
    calendar_free(w->cal);
    errs_done(&w->es);
    json_decref(w->told);
    dir_remove(w->dir);
    free(w);
}

static inline void w_reopen(struct world *w)
{
    judge_close(w->j);
    w->j = NULL;
    w_open(w);
}

static inline void w_check(struct world *w, const char *control)
{
    if (judge_check_now(w->j, str_c(control), &w->e) < 0)
        fail_msg("%s", text_of_err(&w->e));
}

static inline void w_tick(struct world *w)
{
    int64_t due;

    if (judge_tick(w->j, &due, &w->e) < 0)
        fail_msg("%s", text_of_err(&w->e));
}

static inline void w_send_as(struct world *w, const char *line, uint8_t transport)
{
    struct event_batch b;

    event_batch_init(&b, 1 << 20);
    batch_add(&b, line, clock_wall(&w->clk), transport);
    if (judge_events(w->j, event_batch_seal(&b), w->seq++, &w->e) < 0)
        fail_msg("%s", text_of_err(&w->e));
    event_batch_done(&b);
}

static inline void w_send(struct world *w, const char *line) { w_send_as(w, line, TP_UDP); }

static inline json_t *w_findings(struct world *w, const struct actor *who, const char *state)
{
    struct finding_query q = {.state = str_c(state), .limit = 1000};
    json_t *out = NULL;

    if (judge_findings(w->j, who, &q, &out, &w->e) < 0)
        fail_msg("%s", text_of_err(&w->e));
    return out;
}

static inline int64_t w_count(struct world *w, const struct actor *who, const char *state)
{
    json_t *out = w_findings(w, who, state);
    int64_t n = json_get_int(out, "total", -1);

    assert_int_equal(json_array_size(json_object_get(out, "items")), n);
    json_decref(out);
    return n;
}

/* The newest finding of a state. */
static inline json_t *w_first(struct world *w, const char *state)
{
    json_t *out = w_findings(w, &ADMIN, state), *one = json_array_get(json_object_get(out, "items"), 0);

    assert_non_null(one);
    json_incref(one);
    json_decref(out);
    return one;
}

static inline json_t *w_control(struct world *w, const char *id)
{
    json_t *out = NULL, *one, *got = NULL;
    size_t i;

    assert_int_equal(judge_controls(w->j, &ADMIN, &out, &w->e), 0);
    json_array_foreach(json_object_get(out, "items"), i, one) if (str_eq(json_get_str(one, "id"), str_c(id))) got =
        json_incref(one);
    json_decref(out);
    assert_non_null(got);
    return got;
}

static inline bool w_control_is(struct world *w, const char *id, const char *state)
{
    json_t *c = w_control(w, id);
    bool is = str_eq(json_get_str(c, "state"), str_c(state));

    if (!is)
        print_message("# %s is %.*s\n", id, STR_ARGS(json_get_str(c, "state")));
    json_decref(c);
    return is;
}
#endif

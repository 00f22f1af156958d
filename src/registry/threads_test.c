/* Many threads at once: writers that fight over the same records, readers that
 * list and count meanwhile, checks of packs beside them. Nothing is lost, the
 * chain stays whole, no reader sees half a write. Run under TSan too. */
#include "registry/test-int.h"
#include <pthread.h>
#include <stdatomic.h>

enum { WRITERS = 6, READERS = 4, ROUNDS = 40, SHARED = 3 };

struct work {
    struct fixture *f;
    int id;
    long done, stale, failed;
    atomic_bool *stop;
};

static int add(struct work *w, const char *kind, json_t *in)
{
    struct err e;
    json_t *out = NULL;
    int rc = registry_create(w->f->r, &ADMIN, str_c(kind), in, &out, NULL, &e);

    json_decref(in);
    json_decref(out);
    return rc;
}

/* Reads a shared record and writes it back raised by one: with the rev checked
 * every success is counted exactly once. */
static int raise_shared(struct work *w, int which)
{
    char key[16], name[32];
    struct err e;
    json_t *old = NULL, *out = NULL;

    snprintf(key, sizeof(key), "S%d", which);
    int rc = registry_get(w->f->r, &ADMIN, STR("unit"), str_c(key), &old, &e);
    if (rc < 0)
        return rc;
    long n = strtol(json_string_value(json_object_get(old, "name")), NULL, 10);
    snprintf(name, sizeof(name), "%ld", n + 1);
    json_t *patch = json_pack("{s:s}", "name", name);
    rc = registry_change(w->f->r, &ADMIN, STR("unit"), str_c(key), json_get_int(old, "rev", 0), patch, &out, NULL, &e);
    json_decref(patch);
    json_decref(old);
    json_decref(out);
    return rc;
}

static void *writer(void *arg)
{
    struct work *w = arg;
    char code[32];

    for (int i = 0; i < ROUNDS; i++) {
        snprintf(code, sizeof(code), "W%d-%d", w->id, i);
        if (add(w, "unit", json_pack("{s:s, s:s, s:s}", "code", code, "name", code, "tier", "commune")) < 0)
            w->failed++;
        /* The same key for all: exactly one thread may win it. */
        snprintf(code, sizeof(code), "CHUNG-%d", i);
        if (add(w, "unit", json_pack("{s:s, s:s, s:s}", "code", code, "name", code, "tier", "commune")) == 0)
            w->done += 1000000;
        int rc = raise_shared(w, i % SHARED);
        if (rc == 0)
            w->done++;
        else if (rc == -ESTALE)
            w->stale++;
        else
            w->failed++;
    }
    return NULL;
}

static bool count_row(void *ctx, const char *const *names, const struct val *cols, size_t n)
{
    (void)names;
    (void)n;
    *(int64_t *)ctx = cols[0].i;
    return true;
}

static void *reader(void *arg)
{
    struct work *w = arg;
    struct err e;

    while (!atomic_load(w->stop)) {
        struct list_query q = {.limit = 1000, .count = true, .q = w->id % 2 ? STR("w1") : STR_NONE};
        struct foreign_query fq = {.sql = "SELECT (SELECT COUNT(*) FROM history) - (SELECT SUM(rev) FROM unit)",
                                   .timeout_ms = 120000};
        json_t *out = NULL;
        int64_t diff = -1;
        uint64_t rows, bad;
        /* Items and total are of one moment; each revision has its row of history. */
        if (registry_list(w->f->r, &ADMIN, STR("unit"), &q, &out, &e) < 0 ||
            (int64_t)json_array_size(json_object_get(out, "items")) != json_get_int(out, "total", -1))
            w->failed++;
        json_decref(out);
        if (store_foreign(w->f->st, &fq, count_row, &diff, &e) < 0 || diff != 0)
            w->failed++;
        if (registry_verify(w->f->r, &rows, &bad, &e) < 0 || bad != 0)
            w->failed++;
        w->done++;
    }
    return NULL;
}

static void writers_and_readers(void **state)
{
    struct fixture *f = *state;
    struct work w[WRITERS + READERS];
    pthread_t t[WRITERS + READERS];
    atomic_bool stop = false;
    long raised = 0, stale = 0, won = 0, named = 0;

    for (int i = 0; i < SHARED; i++) {
        char text[80];
        snprintf(text, sizeof(text), "{'code':'S%d','name':'0','tier':'commune'}", i);
        fx_add(f, "unit", text);
    }
    for (int i = 0; i < WRITERS + READERS; i++) {
        w[i] = (struct work){.f = f, .id = i, .stop = &stop};
        assert_int_equal(pthread_create(&t[i], NULL, i < WRITERS ? writer : reader, &w[i]), 0);
    }
    for (int i = 0; i < WRITERS + READERS; i++) {
        if (i == WRITERS)
            atomic_store(&stop, true);
        pthread_join(t[i], NULL);
        assert_int_equal(w[i].failed, 0);
        if (i < WRITERS) {
            raised += w[i].done % 1000000;
            won += w[i].done / 1000000;
            stale += w[i].stale;
        }
    }
    assert_int_equal(won, ROUNDS);
    assert_int_equal(raised + stale, WRITERS * ROUNDS);
    for (int i = 0; i < SHARED; i++) {
        char key[16];
        snprintf(key, sizeof(key), "S%d", i);
        json_t *o = fx_get(f, "unit", key);
        named += strtol(json_string_value(json_object_get(o, "name")), NULL, 10);
        json_decref(o);
    }
    assert_int_equal(named, raised);
    uint64_t rows, bad;
    assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0);
    assert_int_equal(bad, 0);
    assert_int_equal(rows, SHARED + WRITERS * ROUNDS + ROUNDS + raised);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(writers_and_readers, fx_setup, fx_teardown)};

    return cmocka_run_group_tests_name("registry/threads", tests, NULL, NULL);
}

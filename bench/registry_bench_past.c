/* registry_bench: what is asked of the past: a record's history, its state and a page of states at a time, the why of
 * it. */
#include "registry_bench-int.h"
#include "registry/change.h"
#include <errno.h>

enum { PAST_TRIES = 100 };

typedef int past_ask(struct bench *b, str key, int64_t at, json_t **out, struct err *e);

static int ask_history(struct bench *b, str key, int64_t at, json_t **out, struct err *e)
{
    return registry_history(b->r, &bench_admin, STR("device"), key, out, e);
}

static int ask_why(struct bench *b, str key, int64_t at, json_t **out, struct err *e)
{
    return registry_why(b->r, &bench_admin, STR("device"), key, out, e);
}

static int ask_then(struct bench *b, str key, int64_t at, json_t **out, struct err *e)
{
    return registry_get_at(b->r, &bench_admin, STR("device"), key, at, out, e);
}

static int ask_page_then(struct bench *b, str key, int64_t at, json_t **out, struct err *e)
{
    struct list_query q = {.limit = 50};

    return registry_list_at(b->r, &bench_admin, STR("device"), &q, at, out, e);
}

static int ask_category_then(struct bench *b, str key, int64_t at, json_t **out, struct err *e)
{
    struct list_query q = {.limit = 50, .filter = {{STR("category"), STR("eq"), STR("switch")}}, .nfilters = 1};

    return registry_list_at(b->r, &bench_admin, STR("device"), &q, at, out, e);
}

/* key: what the keys begin with; another record each time. */
static void past_timed(struct bench *b, const char *what, past_ask *ask, const char *key, int64_t at, int want)
{
    double ms[PAST_TRIES], cpu[PAST_TRIES];
    char text[32];

    for (int i = 0; i < PAST_TRIES; i++) {
        struct err e = {0};
        json_t *out = NULL;
        snprintf(text, sizeof(text), "%s%06u", key, draw(b, 50000));
        double t0 = now_ms(), c0 = cpu_ms();
        int rc = ask(b, str_c(text), at, &out, &e);
        cpu[i] = cpu_ms() - c0;
        ms[i] = now_ms() - t0;
        if (rc != want)
            die(what, &e);
        json_decref(out);
    }
    report(what, ms, cpu, PAST_TRIES);
}

/* The time: when half of the history was there. */
void bench_past(struct bench *b)
{
    struct err e = {0};
    struct tx *tx;
    struct val at = V_INT(0);

    if (store_begin(b->st, STORE_READ, &tx, &e) < 0)
        die("history", &e);
    if (tx_one(tx, NULL, "SELECT at FROM history WHERE seq = (SELECT MAX(seq) FROM history) / 2", NO_VALS, &at, &e) < 0)
        die("history", &e);
    store_rollback(tx);
    past_timed(b, "history of a record", ask_history, "TB-", 0, 0);
    past_timed(b, "why of a record", ask_why, "TB-", 0, 0);
    past_timed(b, "a record at a time", ask_then, "TB-", at.i, 0);
    past_timed(b, "a key that no record ever had, at a time", ask_then, "KH-", at.i, -ENOENT);
    past_timed(b, "page of 50 at a time", ask_page_then, "", at.i, 0);
    past_timed(b, "page of 50 at a time, of a category", ask_category_then, "", at.i, 0);
}

/* A month's archive from end to end inside luyd: the journal's copy, the event,
 * the record in the registry, and the duty BT-7.4 that it closes; and that a
 * second place which is not there is a finding until it is. */
#include "base/file.h"
#include "base/json.h"
#include "daemon/archiver.h"
#include "journal/archive.h"
#include "vault/vault.h"
#include "world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct kit {
    struct world w;
    char dir[64], keys[80], place[80];
    struct vault *vault;
    struct journal *j;
    struct self_queue *self;
    struct archiver *a;
    struct event_batch own;
};

static void folder_drop(const char *dir)
{
    char path[600];
    const char *const names[] = {"2026-10", "."};
    struct arena a = arena_init(1 << 20);

    for (size_t i = 0; i < 2; i++) {
        str *list = NULL;
        size_t n = 0;
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        if (file_list(&a, path, STR(""), 1000, &list, &n, NULL) < 0)
            continue;
        for (size_t k = 0; k < n; k++) {
            snprintf(path, sizeof(path), "%s/%s/%.*s", dir, names[i], STR_ARGS(list[k]));
            unlink(path);
        }
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        rmdir(path);
    }
    rmdir(dir);
    arena_free(&a);
}

static void journal_put(struct kit *k, const char *at)
{
    struct journal_cfg cfg = {.dir = k->dir, .vault = k->vault, .archive_dir = k->place, .archive_same_disk = true};
    struct err e = {0};
    struct event_batch b;
    uint64_t first;

    if (at != NULL)
        assert_true(time_parse(str_c(at), &k->w.clk.set_wall));
    assert_true(journal_open(&cfg, &k->w.clk, &k->j, &e) == 0 && world_clean(NULL, &e));
    event_batch_init(&b, 1 << 20);
    for (int i = 0; i < 50; i++) {
        struct event ev = {.received_ns = k->w.clk.set_wall,
                           .event_ns = k->w.clk.set_wall,
                           .raw = STR("one line"),
                           .span[SP_MSG] = {0, 8}};
        assert_true(event_batch_add(&b, &ev));
    }
    assert_int_equal(journal_append(k->j, event_batch_seal(&b), &first, &e), 0);
    event_batch_done(&b);
}

static void kit_start(struct kit *k)
{
    struct err e = {0};
    int64_t now;

    *k = (struct kit){0};
    world_open(&k->w);
    now = k->w.clk.set_wall;
    snprintf(k->dir, sizeof(k->dir), "/tmp/luy-archive-XXXXXX");
    assert_non_null(mkdtemp(k->dir));
    snprintf(k->keys, sizeof(k->keys), "%s-keys", k->dir);
    snprintf(k->place, sizeof(k->place), "%s-place", k->dir);
    assert_int_equal(vault_open(k->keys, &k->w.clk, &k->vault, &e), 0);
    journal_put(k, "2026-10-20T05:00:00Z");
    journal_close(k->j);
    k->w.clk.set_wall = now;
    journal_put(k, NULL);
    journal_close(k->j);
    journal_put(k, NULL);
    k->self = self_queue_new(&k->w.clk, -1);
    struct archiver_parts parts = {k->j, k->w.registry, k->self, &k->w.clk, k->place};
    assert_int_equal(archiver_new(&parts, &k->a, &e), 0);
    event_batch_init(&k->own, 1 << 20);
}

static void kit_end(struct kit *k)
{
    archiver_free(k->a);
    self_queue_free(k->self);
    event_batch_done(&k->own);
    journal_close(k->j);
    vault_close(k->vault);
    world_close(&k->w);
    folder_drop(k->dir);
    folder_drop(k->keys);
    folder_drop(k->place);
}

/* What Lũy said of itself goes to journal and judge, as the pipeline does it. */
static size_t deliver(struct kit *k)
{
    struct err e = {0};
    uint64_t first;
    int64_t due;

    event_batch_clear(&k->own);
    size_t n = self_take(k->self, &k->own);
    if (n == 0)
        return 0;
    str wire = event_batch_seal(&k->own);
    assert_int_equal(journal_append(k->j, wire, &first, &e), 0);
    assert_int_equal(judge_events(k->w.judge, wire, first, &e), 0);
    assert_int_equal(judge_tick(k->w.judge, &due, &e), 0);
    return n;
}

static bool duty_is(struct kit *k, const char *want)
{
    json_t *all = NULL, *one;
    struct err e = {0};
    bool is = false;
    size_t i;

    assert_true(judge_check_now(k->w.judge, STR("log-archive-monthly"), &e) == 0 && world_clean(NULL, &e));
    assert_int_equal(judge_duties(k->w.judge, &world_system, &all, &e), 0);
    json_array_foreach(json_object_get(all, "items"), i, one)
    {
        if (!str_eq(json_get_str(one, "control"), STR("log-archive-monthly")) ||
            !str_eq(json_get_str(one, "period_key"), STR("2026-11")))
            continue;
        is = str_eq(json_get_str(one, "state"), str_c(want));
        if (!is)
            print_message("# duty: %s\n", json_get_str(one, "state").p);
    }
    json_decref(all);
    return is;
}

static size_t findings(struct kit *k)
{
    json_t *list = world_findings(&k->w, STR("log-archive-failed"));
    size_t n = json_array_size(list);

    json_decref(list);
    return n;
}

static json_t *records(struct kit *k)
{
    struct list_query q = {.limit = 10};
    json_t *out = NULL;
    struct err e = {0};

    assert_int_equal(registry_list(k->w.registry, &world_system, STR("log_archive"), &q, &out, &e), 0);
    json_t *items = json_incref(json_object_get(out, "items"));
    json_decref(out);
    return items;
}

static int64_t hits(struct kit *k, const char *text)
{
    struct arena a = arena_init(1 << 20);
    struct search_opts o = {.limit = 1};
    struct query *q;
    struct agg agg;
    struct search_stats st;
    struct err e = {0};

    int rc = query_parse(&a, str_c(text), clock_wall(&k->w.clk), &q, &e);
    if (rc == 0)
        rc = journal_aggregate(k->j, &a, q, &o, &agg, &st, &e);
    assert_true(world_clean(NULL, &e) && rc == 0);
    arena_free(&a);
    return (int64_t)agg.total;
}

static void the_record_closes_the_duty(void **state)
{
    struct kit k;

    (void)state;
    kit_start(&k);
    assert_true(duty_is(&k, "later") || duty_is(&k, "soon") || duty_is(&k, "due"));
    /* The second place is not there: said, a finding, no record; and said once, not each minute. */
    for (int i = 0; i < 5; i++)
        archiver_round(k.a);
    assert_int_equal(deliver(&k), 1);
    assert_int_equal(findings(&k), 1);
    json_t *list = records(&k);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    clock_advance(&k.w.clk, 3601 * NS_PER_S);
    archiver_round(k.a);
    assert_int_equal(deliver(&k), 1); /* and again in an hour */
    assert_int_equal(hits(&k, "program:luyd archive_failed | count"), 2);
    /* It is there. */
    assert_int_equal(mkdir(k.place, 0700), 0);
    archiver_round(k.a);
    archiver_round(k.a);
    assert_int_equal(deliver(&k), 2);
    assert_int_equal(hits(&k, "program:luyd journal_archived \"name=2026-10\" | count"), 1);
    assert_int_equal(hits(&k, "program:luyd archive_goes_on | count"), 1);
    list = records(&k);
    assert_int_equal(json_array_size(list), 1);
    const json_t *one = json_array_get(list, 0);
    assert_true(str_eq(json_get_str(one, "closed_on"), STR("2026-11-01")));
    assert_true(str_eq(json_get_str(one, "made_on"), STR("2026-11-21")));
    assert_true(json_is_true(json_object_get(one, "whole")));
    assert_int_equal(json_get_int(one, "records", 0), 50);
    assert_int_equal(json_get_int(one, "flows", -1), 0);
    assert_int_equal(json_get_str(one, "sha256").n, 64);
    json_decref(list);
    assert_true(duty_is(&k, "done"));
    kit_end(&k);
}

/* luyd ended between the archive and its record: the next one reads the archive and records it. */
static void a_record_that_lacks_is_made(void **state)
{
    struct archive_done done;
    struct err e = {0};
    struct kit k;

    (void)state;
    kit_start(&k);
    assert_int_equal(mkdir(k.place, 0700), 0);
    assert_int_equal(journal_archive_step(k.j, NULL, &done, &e), 1);
    json_t *list = records(&k);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    archiver_round(k.a);
    archiver_round(k.a);
    list = records(&k);
    assert_int_equal(json_array_size(list), 1);
    assert_true(json_is_true(json_object_get(json_array_get(list, 0), "whole")));
    json_decref(list);
    assert_true(duty_is(&k, "done"));
    kit_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_record_closes_the_duty),
        cmocka_unit_test(a_record_that_lacks_is_made),
    };
    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}

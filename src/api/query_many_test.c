/* Too much at once: a thousand queries, and one that would return everything. */
#include "api/query_env.h"
#include "api/world-int.h"
#include "intake/syslog.h"
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { LINES = 60000, MANY = 1000, ACCOUNTS = 4, STACK = 512 << 10 };
static struct world w;
static char account[ACCOUNTS][512];

static int open_world(void **state)
{
    static const char *const names[ACCOUNTS] = {"mot", "hai", "ba", "bon"};
    char once[ONE_TIME_PASSWORD_MAX];
    struct event_batch b;
    uint64_t first;

    (void)state;
    world_open(&w);
    for (int i = 0; i < ACCOUNTS; i++) {
        world_account(&w, names[i], "auditor", once);
        world_login(&w, names[i], once, "Luy-Tre-Lang-2026", account[i]);
    }
    event_batch_init(&b, EVENT_BATCH_MAX);
    for (unsigned i = 0; i < LINES; i++) {
        char line[512];
        struct event ev;
        snprintf(line, sizeof(line),
                 "<86>Nov 21 09:30:00 may-%u sshd[%u]: Failed password for u%u from 10.8.%u.%u port %u ssh2 %0200d",
                 i % 40, i % 9000, i % 77, i % 3, i % 250, i % 60000, (int)i);
        syslog_parse(str_c(line), clock_wall(&w.clk), &ev);
        ev.transport = TP_UDP;
        if (!event_batch_add(&b, &ev)) {
            assert_int_equal(journal_append(w.journal, event_batch_seal(&b), &first, NULL), 0);
            event_batch_clear(&b);
            assert_true(event_batch_add(&b, &ev));
        }
    }
    assert_int_equal(journal_append(w.journal, event_batch_seal(&b), &first, NULL), 0);
    event_batch_done(&b);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

/* ---- a thousand at once ---- */

struct asker {
    pthread_t thread;
    int no, status;
    char detail[200];
    bool told; /* refused: with a sentence, and when to come again */
};
static pthread_barrier_t gate;

static void *ask(void *arg)
{
    struct asker *k = arg;
    struct world own = {.api = w.api, .clk = w.clk};

    buf_init(&own.body, 1 << 20);
    pthread_barrier_wait(&gate);
    world_call(&own, "GET /api/v1/query?query=%2F%5B0-9%5D+s.h2+0%2F+%7C+fields+host+%7C+count+by+host",
               account[k->no % ACCOUNTS], NULL, 0);
    k->status = own.status;
    k->told = own.retry_after > 0 && strlen(world_text(&own, "detail")) > 20;
    if (own.status == 200)
        k->told = json_array_size(json_object_get(own.json, "rows")) == 40;
    snprintf(k->detail, sizeof(k->detail), "%s", world_text(&own, "detail"));
    json_decref(own.json);
    buf_done(&own.body);
    return NULL;
}

static void a_thousand_at_once(void **state)
{
    static struct asker v[MANY];
    pthread_attr_t attr;
    size_t good = 0, refused = 0, told = 0, busy = 0, other = 0;

    (void)state;
    w.api->queries->wait_ms = 200;
    pthread_barrier_init(&gate, NULL, MANY);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    for (int i = 0; i < MANY; i++) {
        v[i].no = i;
        assert_int_equal(pthread_create(&v[i].thread, &attr, ask, &v[i]), 0);
    }
    for (int i = 0; i < MANY; i++) {
        pthread_join(v[i].thread, NULL);
        good += v[i].status == 200;
        refused += v[i].status == 429;
        told += v[i].told;
        busy += v[i].status == 503; /* the store, on a machine that has much else to do */
        if (v[i].status != 200 && v[i].status != 429 && v[i].status != 503 && other++ < 3)
            print_message("# %d: %s\n", v[i].status, v[i].detail);
    }
    pthread_attr_destroy(&attr);
    pthread_barrier_destroy(&gate);
    const struct query_runs *qs = w.api->queries;
    print_message("# %zu answered, %zu refused, %zu before they were a query; at most %zu ran and %zu waited\n", good,
                  refused, busy, qs->most_running, qs->most_waiting);
    assert_int_equal(good + refused + busy, MANY);
    assert_int_equal(told, MANY); /* every answer is whole, every refusal says so */
    assert_true(good >= QUERIES_MAX && refused > 0);
    assert_in_range(qs->most_running, 1, QUERIES_MAX);
    assert_in_range(qs->most_waiting, 1, QUERIES_WAITING_MAX);
    assert_int_equal(qs->running, 0);
    assert_int_equal(qs->waiting, 0);
    world_call(&w, "GET /api/v1/query?query=port+%7C+count", account[0], NULL, 0);
    assert_int_equal(w.status, 200);
}

/* One that waits gets the place that becomes free, and none when it does not. */
static void *end_one(void *arg)
{
    struct query_runs *qs = w.api->queries;
    bool waits = false;

    while (!waits) {
        pthread_mutex_lock(&qs->lock);
        waits = qs->waiting > 0;
        pthread_mutex_unlock(&qs->lock);
        sched_yield();
    }
    query_run_end(w.api, arg);
    return NULL;
}

static void the_next_place_is_taken(void **state)
{
    struct request rq = {.api = w.api, .fd = -1, .auth.actor.account_id = 999};
    struct query_run *run[QUERIES_PER_ACCOUNT], *extra;
    struct err e = {0};
    pthread_t t;

    (void)state;
    for (size_t i = 0; i < QUERIES_PER_ACCOUNT; i++)
        assert_int_equal(query_run_begin(&rq, STR(""), &run[i], &e), 0);
    assert_false(query_run_try(&rq, &extra));
    w.api->queries->wait_ms = 600 * 1000; /* as long as it takes: another gives its place back */
    assert_int_equal(pthread_create(&t, NULL, end_one, run[0]), 0);
    assert_int_equal(query_run_begin(&rq, STR(""), &run[0], &e), 0);
    pthread_join(t, NULL);
    w.api->queries->wait_ms = 1;
    assert_int_equal(query_run_begin(&rq, STR(""), &extra, &e), HTTP_ERR(429));
    for (size_t i = 0; i < QUERIES_PER_ACCOUNT; i++)
        query_run_end(w.api, run[i]);
}

/* ---- everything ---- */

/* The export is read in small pieces and dropped: what is held never grows with what is sent. */
static void everything_streams_in_little_memory(void **state)
{
    struct request rq;
    struct stream *s = NULL;
    struct err e = {0};
    static char p[16384];
    size_t most = 0, begun;
    uint64_t bytes = 0;
    char id[33];
    ssize_t n;

    (void)state;
    request_init(&rq, w.api);
    rq.fd = -1;
    rq.now = clock_wall(&w.clk);
    rq.auth.actor = (struct actor){.name = STR("mot"), .account_id = 7, .roles = ROLE_AUDITOR};
    begun = mallinfo2().uordblks + mallinfo2().hblkhd;
    assert_int_equal(export_stream(&rq, STR(""), STR("json"), &s, id, &e), 0);
    while ((n = s->pull(s, p, sizeof(p))) > 0) {
        bytes += (uint64_t)n;
        size_t now = mallinfo2().uordblks + mallinfo2().hblkhd;
        most = now > most ? now : most;
    }
    s->free(s);
    request_done(&rq);
    print_message("# %.1f MB sent, %.1f MB more held at most\n", (double)bytes / 1e6,
                  most > begun ? (double)(most - begun) / 1e6 : 0.0);
    assert_true(bytes > 30u << 20);
    assert_true(most < begun + (12u << 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_at_once),
        cmocka_unit_test(the_next_place_is_taken),
        cmocka_unit_test(everything_streams_in_little_memory),
    };
    return cmocka_run_group_tests_name("api/query_many", tests, open_world, close_world);
}

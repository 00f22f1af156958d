/* Everything at once: batches, ticks, views, reloads and marks from threads of
 * their own. For the thread sanitizer, and for counts that add up. */
#include "judge/world-int.h"

enum { ROUNDS = 60, LINES = 20 };

struct party {
    struct world *w;
    atomic_uint bad;
    atomic_bool done;
};

static void *sender(void *arg)
{
    struct party *p = arg;
    struct event_batch b;
    uint64_t seq = 1;
    struct err e;
    char line[200];

    event_batch_init(&b, 1 << 20);
    for (int i = 0; i < ROUNDS; i++) {
        event_batch_clear(&b);
        for (int k = 0; k < LINES; k++) {
            snprintf(line, sizeof(line), "<38>1 2026-11-21T02:30:00Z web-%d sshd 9 - - bad an from 192.0.2.%d", k % 4,
                     k % 3);
            batch_add(&b, line, W_START + i, TP_UDP);
        }
        if (judge_events(p->w->j, event_batch_seal(&b), seq, &e) < 0)
            p->bad++;
        seq += LINES;
    }
    event_batch_done(&b);
    p->done = true;
    return NULL;
}

static void *ticker(void *arg)
{
    struct party *p = arg;
    struct err e;
    int64_t due;

    while (!p->done)
        if (judge_tick(p->w->j, &due, &e) < 0)
            p->bad++;
    return NULL;
}

static void *viewer(void *arg)
{
    struct party *p = arg;
    struct judge_stats st;
    struct err e;

    while (!p->done) {
        json_t *v[6] = {NULL};
        int rc = judge_today(p->w->j, &ADMIN, &v[0], &e);
        rc |= judge_clauses(p->w->j, &ADMIN, &v[1], &e);
        rc |= judge_controls(p->w->j, &ADMIN, &v[2], &e);
        rc |= judge_duties(p->w->j, &ADMIN, &v[3], &e);
        rc |= judge_sources(p->w->j, &ADMIN, &v[4], &e);
        p->bad += rc != 0;
        if (judge_finding_mark(p->w->j, &ADMIN, 1, STR("acknowledged"), STR(""), &v[5], &e) < 0)
            v[5] = NULL;
        judge_stats(p->w->j, &st);
        for (int i = 0; i < 6; i++)
            json_decref(v[i]);
    }
    return NULL;
}

static void *reloader(void *arg)
{
    struct party *p = arg;
    struct errs es;
    struct err e;

    errs_init(&es, 10);
    for (int i = 0; i < 5 && !p->done; i++)
        if (judge_reload(p->w->j, &es, &e) < 0)
            p->bad++;
    errs_done(&es);
    return NULL;
}

static atomic_uint told;
static void count_told(void *ctx, const char *what, const json_t *finding) { told++; }

static void together(void **state)
{
    static void *(*const roles[])(void *) = {sender, ticker, viewer, reloader};
    struct world *w = w_new();
    struct party p = {.w = w};
    pthread_t t[4];

    w_put(w, "common/decoders/d.yaml",
          "- program: sshd\n  patterns:\n    - {event: bad, match: 'bad {user} from {src_ip}'}\n");
    w_put(w, "common/logsources.yaml", "- {product: linux, service: sshd, programs: [sshd]}\n");
    w_put(
        w, "common/sigma/s.yml",
        "title: t\nname: s\nlogsource: {product: linux, service: sshd}\ndetection: {s: {event: bad}, condition: s}\n");
    w_put(w, "common/controls/e.yaml",
          W_HEAD("bad", "event",
                 "XX-1.1") "message: {vi: '{count}', en: '{count}'}\nrules: [s]\nsubject_field: src_ip\n");
    w_put(w, "common/controls/s.yaml",
          W_HEAD("mail", "state",
                 "XX-1.2") "message: {vi: x, en: x}\nsubject: unit\nquery: SELECT id FROM unit WHERE email IS NULL\n");
    w_put(w, "common/controls/d.yaml", W_HEAD("duty", "duty", "XX-2") "period: P1M\n");
    w_open(w);
    judge_listen(w->j, count_told, NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, roles[i], &p), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(p.bad, 0);
    assert_true(told > 0);
    clock_advance(&w->clk, NS_PER_S);
    w_tick(w);
    json_t *all = w_findings(w, &ADMIN, "living"), *one;
    size_t i;
    int64_t sum = 0;
    json_array_foreach(json_object_get(all, "items"), i, one) if (str_eq(json_get_str(one, "control"), STR("bad")))
        sum += json_get_int(one, "count", 0);
    assert_int_equal(sum, ROUNDS * LINES);
    json_decref(all);
    w_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(together)};

    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}

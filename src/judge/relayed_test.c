/* Events that came by a relay: judged once, however late and whatever dies in between. */
#include "judge/world-int.h"

#define ANCHOR STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")
#define DAYS3  (3 * 86400 * NS_PER_S)

static void packs(struct world *w)
{
    w_put(w, "common/logsources.yaml", "- {product: linux, service: sshd, programs: [sshd]}\n");
    w_put(w, "common/decoders/sshd.yaml",
          "- program: sshd\n  patterns:\n"
          "    - {event: login_failed, match: 'Failed password for {user} from {src_ip} port {src_port} ssh2'}\n"
          "    - {event: login_ok, match: 'Accepted password for {user} from {src_ip} port {src_port} ssh2'}\n"
          "    - {event: login_ok, match: 'Accepted by {via_relay} for {user}'}\n");
    w_put(w, "common/sigma/failed.yml",
          "title: f\nname: failed\nlogsource: {product: linux, service: sshd}\n"
          "detection: {s: {event: login_failed}, condition: s}\n");
    w_put(w, "common/sigma/ok.yml",
          "title: f\nname: ok\nlogsource: {product: linux, service: sshd}\n"
          "detection: {s: {event: login_ok}, condition: s}\n");
    w_put(w, "common/sigma/many.yml",
          "title: m\nname: many\ncorrelation:\n  type: event_count\n  rules: [failed]\n  group-by: [src_ip]\n"
          "  timespan: 5m\n  condition: {gte: 10}\n");
    w_put(w, "common/sigma/then_in.yml",
          "title: m\nname: then_in\ncorrelation:\n  type: temporal_ordered\n  rules: [failed, ok]\n"
          "  group-by: [src_ip]\n  timespan: 10m\n");
    w_put(w, "common/sigma/at_xa.yml",
          "title: m\nname: at_xa\nlogsource: {product: linux, service: sshd}\n"
          "detection: {s: {event: login_ok, via_relay: xa-dong}, condition: s}\n");
    w_put(w, "common/controls/one.yaml",
          W_HEAD("one", "event", "XX-1.2") "message: {vi: '{count} lần ở {host}', en: '{count} at {host}'}\n"
                                           "rules: [failed]\nsubject_field: host\nquiet: PT1H\n");
    w_put(w, "common/controls/many.yaml",
          W_HEAD("many", "event", "XX-1.2") "message: {vi: '{count} từ {src_ip}', en: '{count} from {src_ip}'}\n"
                                            "rules: [many]\nsubject_field: src_ip\nquiet: PT1H\n");
    w_put(w, "common/controls/in.yaml",
          W_HEAD("in", "event", "XX-1.2") "message: {vi: 'vào', en: 'in'}\n"
                                          "rules: [then_in]\nsubject_field: src_ip\nquiet: PT1H\n");
    w_put(w, "common/controls/xa.yaml",
          W_HEAD("xa", "event", "XX-1.2") "message: {vi: 'ở {via_relay}', en: 'at {via_relay}'}\n"
                                          "rules: [at_xa]\nsubject_field: via_relay\nquiet: PT1H\n");
}

static void line_of(char out[200], int64_t at, bool good, const char *addr)
{
    char when[40];

    time_fmt(at, 0, when, sizeof(when));
    snprintf(out, 200, "<38>1 %s xa-1 sshd 99 - - %s password for an from %s port 22 ssh2", when,
             good ? "Accepted" : "Failed", addr);
}

/* n lines, a second apart from `at` on, which the relay numbered from `first` on. */
static int relayed(struct world *w, const char *relay, uint64_t first, int n, int64_t at, bool good, const char *addr)
{
    struct event_batch b;
    char line[200];

    event_batch_init(&b, 1 << 20);
    for (int i = 0; i < n; i++) {
        line_of(line, at + i * NS_PER_S, good, addr);
        batch_add(&b, line, at + i * NS_PER_S, TP_UDP);
    }
    struct judge_relayed r = {str_c(relay), ANCHOR, event_batch_seal(&b), first, 1000 + first};
    int rc = judge_relayed(w->j, &r, &w->e);
    event_batch_done(&b);
    return rc;
}

static uint64_t next_of(struct world *w, const char *relay, uint64_t begin)
{
    uint64_t next = 0;

    if (judge_relay_next(w->j, str_c(relay), ANCHOR, begin, &next, &w->e) < 0)
        fail_msg("%s", text_of_err(&w->e));
    return next;
}

static json_t *open_of(struct world *w, const char *control)
{
    struct finding_query q = {.state = STR("open"), .control = str_c(control), .limit = 10};
    json_t *out = NULL;

    assert_int_equal(judge_findings(w->j, &ADMIN, &q, &out, &w->e), 0);
    json_t *one = json_incref(json_array_get(json_object_get(out, "items"), 0));
    json_decref(out);
    return one;
}

/* The count of the open finding as it stands in the store, 0 when there is none. */
static int64_t written(struct world *w, const char *control)
{
    json_t *f = open_of(w, control);
    int64_t n = f == NULL ? 0 : json_get_int(f, "count", -1);

    json_decref(f);
    return n;
}

/* The same when all that waits is written. */
static int64_t count_of(struct world *w, const char *control)
{
    clock_advance(&w->clk, 200 * NS_PER_MS);
    w_tick(w);
    return written(w, control);
}

/* Three days late, with ticks in between: windows hold, findings stay open, and say where from. */
static void three_days_late(void **state)
{
    struct world *w = w_new();
    int64_t then = W_START - DAYS3;
    json_t *f, *full = NULL, *data;

    packs(w);
    w_open(w);
    assert_int_equal(next_of(w, "xa-dong", 1), 1);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(relayed(w, "xa-dong", 1 + (uint64_t)i, 1, then + i * NS_PER_S, false, "192.0.2.66"), 0);
        clock_advance(&w->clk, 30 * NS_PER_S); /* by the wall the window of 5 minutes is long past */
        w_tick(w);
    }
    assert_int_equal(count_of(w, "one"), 12);
    assert_int_equal(count_of(w, "many"), 12);
    f = open_of(w, "many");
    assert_str(json_get_str(json_object_get(f, "message"), "en"),
               "12 from 192.0.2.66 (by relay xa-dong, received there at 2026-11-18T02:30:11Z)");
    assert_str(json_get_str(json_object_get(f, "message"), "vi"),
               "12 từ 192.0.2.66 (qua trạm xa-dong, trạm nhận lúc 2026-11-18T02:30:11Z)");
    assert_str(json_get_str(f, "first_at"), "2026-11-18T02:30:00.000Z");
    assert_int_equal(judge_finding(w->j, &ADMIN, json_get_int(f, "id", 0), &full, &w->e), 0);
    json_t *first = json_array_get(json_object_get(full, "evidence"), 11);
    data = json_object_get(first, "data");
    assert_int_equal(json_get_int(first, "seq", 0), 1001);
    assert_str(json_get_str(data, "via_relay"), "xa-dong");
    assert_str(json_get_str(data, "relay_received_at"), "2026-11-18T02:30:00Z");
    assert_str(json_get_str(data, "src_ip"), "192.0.2.66");
    json_decref(full);
    json_decref(f);
    clock_advance(&w->clk, 3601 * NS_PER_S); /* quiet by this luyd's clock: then it closes */
    w_tick(w);
    assert_int_equal(w_count(w, &ADMIN, "open"), 0);
    w_free(w);
}

/* What comes again is passed over, in this run and in the next. */
static void once(void **state)
{
    struct world *w = w_new();

    packs(w);
    w_open(w);
    assert_int_equal(next_of(w, "xa-dong", 1), 1);
    assert_int_equal(relayed(w, "xa-dong", 1, 12, W_START, false, "192.0.2.66"), 0);
    assert_int_equal(relayed(w, "xa-dong", 1, 12, W_START, false, "192.0.2.66"), 0);
    assert_int_equal(count_of(w, "one"), 12);
    assert_int_equal(relayed(w, "xa-dong", 7, 12, W_START, false, "192.0.2.66"), 0); /* 7 to 12 again, 13 to 18 new */
    assert_int_equal(count_of(w, "one"), 18);
    assert_int_equal(next_of(w, "xa-dong", 1), 19);
    w_reopen(w);
    assert_int_equal(next_of(w, "xa-dong", 1), 19);
    assert_int_equal(relayed(w, "xa-dong", 1, 18, W_START, false, "192.0.2.66"), 0);
    assert_int_equal(count_of(w, "one"), 18);
    /* numbers of another relay, and of another past of one with that name, are others */
    assert_int_equal(next_of(w, "xa-tay", 5), 5);
    assert_int_equal(relayed(w, "xa-tay", 1, 6, W_START, false, "192.0.2.66"), 0);
    assert_int_equal(count_of(w, "one"), 20);
    w_free(w);
}

/* As kill -9: the judge is left as it stands, another opens the same store. Position and counts
 * are of one transaction, so the one says what the other holds. */
static void killed(void **state)
{
    struct world *w = w_new();
    struct judge *dead[8];
    uint64_t next = 1, lost = 0;

    packs(w);
    w_open(w);
    assert_int_equal(next_of(w, "xa-dong", 1), 1);
    for (int k = 0; k < 8; k++) {
        for (int i = 0; i < 3; i++, next += 5) {
            assert_int_equal(relayed(w, "xa-dong", next, 5, W_START, false, "192.0.2.66"), 0);
            clock_advance(&w->clk, k % 2 == 0 ? NS_PER_MS : 150 * NS_PER_MS); /* they are written every 200 ms */
        }
        judge_listen(w->j, NULL, NULL);
        dead[k] = w->j;
        w_open(w);
        uint64_t judged = next;
        next = next_of(w, "xa-dong", 1);
        lost += judged - next;
        assert_int_equal(written(w, "one"), next - 1);
    }
    assert_true(lost > 0); /* some were judged and not written: they came again */
    assert_int_equal(relayed(w, "xa-dong", next, 5, W_START, false, "192.0.2.66"), 0);
    assert_int_equal(count_of(w, "one"), next + 4);
    for (int k = 0; k < 8; k++)
        atomic_store(&dead[k]->leads, false), judge_close(dead[k]); /* the dead write nothing */
    w_free(w);
}

/* A batch is in hand while somebody else writes: its findings wait for its position. */
static void written_together(void **state)
{
    struct world *w = w_new();

    packs(w);
    w_open(w);
    w_add(w, "log_source", "{'name':'x','host':'x'}");
    assert_int_equal(relayed(w, "xa-dong", 1, 5, W_START, false, "192.0.2.66"), 0);
    assert_int_equal(count_of(w, "one"), 5);
    w->j->streams.half = true;
    struct control *c = &w->j->ps->controls[0];
    while (!str_eq(c->id, STR("one")))
        c++;
    struct corr_event ev = {.at = W_START, .received = W_START, .seq = 2000, .line = STR("x"), .stream = 1};
    struct hit h = {.c = c, .subject = STR("xa-1"), .count = 1, .at = W_START, .ev = &ev, .nev = 1};
    pthread_mutex_lock(&w->j->fl);
    finding_hit(w->j, &h);
    assert_int_equal(findings_flush(w->j, true, &w->e), 0); /* as a state check on its own thread */
    pthread_mutex_unlock(&w->j->fl);
    assert_int_equal(count_of(w, "one"), 5);
    w->j->streams.half = false;
    pthread_mutex_lock(&w->j->fl);
    assert_int_equal(findings_flush(w->j, true, &w->e), 0);
    pthread_mutex_unlock(&w->j->fl);
    assert_int_equal(count_of(w, "one"), 6);
    w_free(w);
}

/* Counts add up over relays; an order is looked for in each by itself, so that late lines of one
 * do not break the chain of another that is in time. */
static void several(void **state)
{
    struct world *w = w_new();
    int64_t late = W_START - DAYS3;

    packs(w);
    w_open(w);
    clock_advance(&w->clk, 120 * NS_PER_S);
    assert_int_equal(relayed(w, "xa-dong", 1, 5, W_START, false, "192.0.2.66"), 0);
    assert_int_equal(count_of(w, "many"), 0);
    assert_int_equal(relayed(w, "xa-tay", 1, 5, W_START, false, "192.0.2.66"), 0);
    assert_int_equal(count_of(w, "many"), 10);
    assert_int_equal(relayed(w, "xa-nam", 1, 3, late, false, "192.0.2.66"), 0);
    assert_int_equal(relayed(w, "xa-nam", 4, 1, late + 3600 * NS_PER_S, true, "192.0.2.66"), 0);
    assert_int_equal(count_of(w, "in"), 0); /* an hour later is not within ten minutes */
    assert_int_equal(relayed(w, "xa-dong", 6, 1, W_START + 60 * NS_PER_S, true, "192.0.2.66"), 0);
    assert_int_equal(count_of(w, "in"), 2); /* its own last failure and the login */
    json_t *f = open_of(w, "xa");           /* a rule may ask by which relay a line came */
    assert_str(json_get_str(json_object_get(f, "subject"), "key"), "xa-dong");
    json_decref(f);
    w_free(w);
}

/* A relay that says its lines are of next year takes nothing from the windows of today. */
static void from_the_future(void **state)
{
    struct world *w = w_new();
    char line[200];

    packs(w);
    w_open(w);
    assert_int_equal(relayed(w, "xa-dong", 1, 500, W_START + 365 * 86400 * NS_PER_S, false, "192.0.2.66"), 0);
    int64_t before = count_of(w, "many");
    for (int i = 0; i < 10; i++) {
        line_of(line, W_START, false, "192.0.2.66");
        w_send(w, line);
    }
    clock_advance(&w->clk, NS_PER_S);
    w_tick(w);
    assert_int_equal(count_of(w, "many"), before + 10);
    w_free(w);
}

/* A line that names a relay came by none, and one that came by another came by that one. */
static void forged(void **state)
{
    static const char line[] = "<38>1 - xa-1 sshd 99 - - Accepted by xa-dong for an";
    struct world *w = w_new();
    struct event_batch b;

    packs(w);
    w_open(w);
    w_send(w, line);
    assert_int_equal(count_of(w, "xa"), 0);
    for (int i = 0; i < 2; i++) {
        event_batch_init(&b, 1 << 20);
        batch_add(&b, line, W_START, TP_UDP);
        struct judge_relayed r = {str_c(i == 0 ? "xa-tay" : "xa-dong"), ANCHOR, event_batch_seal(&b), 1, 1001};
        assert_int_equal(judge_relayed(w->j, &r, &w->e), 0);
        event_batch_done(&b);
        assert_int_equal(count_of(w, "xa"), i);
    }
    w_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_days_late),  cmocka_unit_test(once),    cmocka_unit_test(killed),
        cmocka_unit_test(written_together), cmocka_unit_test(several), cmocka_unit_test(from_the_future),
        cmocka_unit_test(forged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

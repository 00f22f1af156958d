/* Findings from events: at once, counted, written in few transactions, closed
 * by the check, alive after a restart, and never counted twice. */
#include "judge/world-int.h"

#define EVENT(id, rest)                                                                                                \
    W_HEAD(id, "event", "XX-1.2")                                                                                      \
    "message: {vi: '{count} lần sai của {user} từ {src_ip} vào {host}', "                                       \
    "en: '{count} failures of {user} from {src_ip} at {host}'}\n" rest

static void packs(struct world *w)
{
    w_put(w, "common/logsources.yaml",
          "- {product: linux, service: sshd, programs: [sshd]}\n- {product: linux, service: syslog}\n"
          "- {product: luy, service: own, programs: [luyd]}\n");
    w_put(w, "common/decoders/sshd.yaml",
          "- program: sshd\n  patterns:\n"
          "    - {event: login_failed, match: 'Failed password for {user} from {src_ip} port {src_port} ssh2'}\n"
          "    - {event: login_ok, match: 'Accepted password for {user} from {src_ip} port {src_port} ssh2'}\n");
    w_put(w, "common/sigma/failed.yml",
          "title: f\nname: failed\nlogsource: {product: linux, service: sshd}\n"
          "detection: {s: {event: login_failed}, condition: s}\n");
    w_put(w, "common/sigma/ok.yml",
          "title: f\nname: ok\nlogsource: {product: linux, service: sshd}\n"
          "detection: {s: {event: login_ok}, condition: s}\n");
    w_put(w, "common/sigma/many.yml",
          "title: m\nname: many\ncorrelation:\n  type: event_count\n  rules: [failed]\n  group-by: [host, src_ip]\n"
          "  timespan: 5m\n  condition: {gte: 10}\n");
    w_put(w, "common/sigma/broken_in.yml",
          "title: m\nname: broken_in\ncorrelation:\n  type: temporal_ordered\n  rules: [many, ok]\n"
          "  group-by: [host, src_ip]\n  timespan: 1h\n");
    w_put(w, "common/sigma/own.yml",
          "title: o\nname: own\nlogsource: {product: luy, service: own}\ndetection: {s: {event: [log_source_silent, "
          "time_jump]},"
          " condition: s}\n");
    w_put(w, "common/controls/many.yaml", EVENT("many", "rules: [many]\nsubject_field: src_ip\nquiet: PT1H\n"));
    w_put(w, "common/controls/in.yaml", EVENT("in", "rules: [broken_in]\nsubject_field: src_ip\n"));
    w_put(w, "common/controls/own.yaml", EVENT("own", "rules: [own]\nsubject_field: source_name\nquiet: PT1H\n"));
}

static void fail_login(struct world *w, const char *addr)
{
    char line[200], when[40];

    time_fmt(clock_wall(&w->clk), 0, when, sizeof(when));
    snprintf(line, sizeof(line), "<38>1 %s web-1 sshd 99 - - Failed password for an from %s port 22 ssh2", when, addr);
    w_send(w, line);
}

static void tenth_failure(void **state)
{
    struct world *w = w_new();
    json_t *f, *full = NULL;

    packs(w);
    w_open(w);
    for (int i = 0; i < 9; i++) {
        fail_login(w, "192.0.2.66");
        fail_login(w, "192.0.2.67");
        clock_advance(&w->clk, NS_PER_S);
    }
    assert_int_equal(w_count(w, &ADMIN, ""), 0);
    fail_login(w, "192.0.2.66");
    assert_int_equal(w_count(w, &ADMIN, "open"), 1); /* written at once */
    assert_int_equal(json_array_size(w->told), 1);   /* and told */
    f = json_array_get(w->told, 0);
    assert_str(json_get_str(json_object_get(f, "message"), "vi"), "10 lần sai của an từ 192.0.2.66 vào web-1");
    assert_str(json_get_str(json_object_get(f, "subject"), "key"), "192.0.2.66");
    assert_str(json_str(json_array_get(json_object_get(f, "clauses"), 0)), "XX-1.2");
    assert_int_equal(judge_finding(w->j, &ADMIN, json_get_int(f, "id", 0), &full, &w->e), 0);
    assert_int_equal(json_array_size(json_object_get(full, "evidence")), 10);
    json_t *ev = json_array_get(json_object_get(full, "evidence"), 0);
    assert_int_equal(json_get_int(ev, "seq", 0), 19); /* the newest first */
    assert_true(str_find(json_get_str(ev, "line"), STR("Failed password for an")) != SIZE_MAX);
    assert_str(json_get_str(json_object_get(ev, "data"), "user"), "an");
    json_t *why = json_object_get(full, "why");
    assert_true(str_find(json_get_str(why, "rule"), STR("timespan: 5m")) != SIZE_MAX);
    assert_str(json_get_str(json_array_get(json_object_get(why, "clauses"), 0), "id"), "XX-1.2");
    assert_str(json_get_str(json_object_get(why, "remedy"), "vi"), "sửa");
    assert_str(json_get_str(json_array_get(json_object_get(full, "history"), 0), "state"), "open");
    json_decref(full);
    w_free(w);
}

static int64_t stored_count(struct world *w)
{
    json_t *f = w_first(w, "open");
    int64_t n = json_get_int(f, "count", 0);

    json_decref(f);
    return n;
}

/* A flood is counted in memory and written every 200 ms. */
static void a_flood_is_coalesced(void **state)
{
    struct world *w = w_new();

    packs(w);
    w_open(w);
    for (int i = 0; i < 10; i++)
        fail_login(w, "192.0.2.66");
    w_tick(w);
    size_t told = json_array_size(w->told);
    for (int i = 0; i < 500; i++) {
        fail_login(w, "192.0.2.66");
        clock_advance(&w->clk, NS_PER_MS);
    }
    assert_true(json_array_size(w->told) - told <= 3);
    clock_advance(&w->clk, 200 * NS_PER_MS);
    w_tick(w);
    assert_int_equal(stored_count(w), 510);
    json_t *f = w_first(w, "open"), *full = NULL;
    assert_str(json_get_str(json_object_get(f, "message"), "en"), "510 failures of an from 192.0.2.66 at web-1");
    assert_int_equal(judge_finding(w->j, &ADMIN, json_get_int(f, "id", 0), &full, &w->e), 0);
    assert_int_equal(json_array_size(json_object_get(full, "evidence")), EVIDENCE_KEEP);
    assert_int_equal(json_get_int(json_array_get(json_object_get(full, "evidence"), 0), "seq", 0), 510);
    json_decref(full);
    json_decref(f);
    w_free(w);
}

static void quiet_closes(void **state)
{
    struct world *w = w_new();
    json_t *full = NULL;

    packs(w);
    w_open(w);
    for (int i = 0; i < 12; i++)
        fail_login(w, "192.0.2.66");
    clock_advance(&w->clk, 3599 * NS_PER_S);
    w_tick(w);
    assert_int_equal(w_count(w, &ADMIN, "open"), 1);
    clock_advance(&w->clk, 2 * NS_PER_S);
    w_tick(w);
    assert_int_equal(w_count(w, &ADMIN, "open"), 0);
    json_t *f = w_first(w, "closed");
    int64_t id = json_get_int(f, "id", 0);
    assert_int_equal(json_get_int(f, "count", 0), 12);
    assert_true(json_get_str(f, "closed_at").n > 0);
    json_decref(f);
    assert_int_equal(judge_finding(w->j, &ADMIN, id, &full, &w->e), 0);
    json_t *last = json_array_get(json_object_get(full, "history"), 1);
    assert_str(json_get_str(last, "state"), "closed");
    assert_str(json_get_str(last, "by"), "luyd");
    assert_true(json_get_str(json_object_get(last, "note_label"), "en").n > 0);
    json_decref(full);
    for (int i = 0; i < 10; i++)
        fail_login(w, "192.0.2.66");
    f = w_first(w, "open"); /* a new instance */
    assert_true(json_get_int(f, "id", 0) > id);
    assert_int_equal(json_get_int(f, "count", 0), 10);
    json_decref(f);
    w_free(w);
}

/* What was open is open after a restart; events given again are not counted again. */
static void restart(void **state)
{
    struct world *w = w_new();

    packs(w);
    w_open(w);
    for (int i = 0; i < 12; i++)
        fail_login(w, "192.0.2.66");
    w_reopen(w);
    assert_int_equal(stored_count(w), 12);
    w->seq = 1;
    for (int i = 0; i < 12; i++)
        fail_login(w, "192.0.2.66");
    clock_advance(&w->clk, NS_PER_S);
    w_tick(w);
    assert_int_equal(stored_count(w), 12);
    for (int i = 0; i < 10; i++) /* new ones: the window began anew */
        fail_login(w, "192.0.2.66");
    clock_advance(&w->clk, NS_PER_S);
    w_tick(w);
    assert_int_equal(stored_count(w), 22);
    assert_int_equal(w_count(w, &ADMIN, ""), 1);
    /* A journal that begins anew has low numbers and later times: judged. */
    w_reopen(w);
    w->seq = 1;
    clock_advance(&w->clk, NS_PER_S);
    for (int i = 0; i < 10; i++)
        fail_login(w, "192.0.2.66");
    clock_advance(&w->clk, NS_PER_S);
    w_tick(w);
    assert_int_equal(stored_count(w), 32);
    w_free(w);
}

static void chained(void **state)
{
    struct world *w = w_new();
    struct event_batch b;
    char line[200], when[40];

    packs(w);
    w_open(w);
    event_batch_init(&b, 1 << 20);
    for (int i = 0; i <= 10; i++) { /* all in one batch, the last first */
        int n = i == 0 ? 10 : i - 1;
        time_fmt(clock_wall(&w->clk) + n * NS_PER_S, 0, when, sizeof(when));
        snprintf(line, sizeof(line), "<38>1 %s web-1 sshd 99 - - %s password for an from 192.0.2.5 port 22 ssh2", when,
                 n == 10 ? "Accepted" : "Failed");
        batch_add(&b, line, clock_wall(&w->clk) + 20 * NS_PER_S, TP_TCP);
    }
    assert_int_equal(judge_events(w->j, event_batch_seal(&b), 1, &w->e), 0);
    event_batch_done(&b);
    assert_int_equal(w_count(w, &ADMIN, "open"), 2);
    w_free(w);
}

static void repeated_message(void **state)
{
    struct world *w = w_new();

    packs(w);
    w_open(w);
    w_send(w, "<38>1 2026-11-21T02:30:00Z web-1 sshd 9 - - message repeated 11 times: [ Failed password for an from "
              "192.0.2.8 port 22 ssh2]");
    assert_int_equal(stored_count(w), 11);
    w_free(w);
}

/* open -> acknowledged -> in_remedy, and closed by nobody but the check. */
static void marking(void **state)
{
    static const struct actor auditor = {.name = {"ktv", 3}, .roles = ROLE_AUDITOR},
                              approver = {.name = {"duyet", 5}, .roles = ROLE_APPROVER};
    struct world *w = w_new();
    json_t *out = NULL;

    packs(w);
    w_open(w);
    for (int i = 0; i < 10; i++)
        fail_login(w, "192.0.2.66");
    assert_int_equal(judge_finding_mark(w->j, &auditor, 1, STR("acknowledged"), STR(""), &out, &w->e), -EACCES);
    assert_int_equal(judge_finding_mark(w->j, &ADMIN, 99, STR("acknowledged"), STR(""), &out, &w->e), -ENOENT);
    assert_int_equal(judge_finding_mark(w->j, &ADMIN, 1, STR("closed"), STR(""), &out, &w->e), -EBUSY);
    assert_int_equal(judge_finding_mark(w->j, &ADMIN, 1, STR("gone"), STR(""), &out, &w->e), -EINVAL);
    assert_int_equal(judge_finding_mark(w->j, &approver, 1, STR("acknowledged"), STR("đang xem"), &out, &w->e), 0);
    assert_str(json_get_str(out, "state"), "acknowledged");
    json_t *last = json_array_get(json_object_get(out, "history"), 1);
    assert_str(json_get_str(last, "by"), "duyet");
    assert_str(json_get_str(last, "note"), "đang xem");
    json_decref(out);
    assert_int_equal(judge_finding_mark(w->j, &ADMIN, 1, STR("acknowledged"), STR(""), &out, &w->e), -EBUSY);
    assert_int_equal(judge_finding_mark(w->j, &ADMIN, 1, STR("in_remedy"), STR(""), &out, &w->e), 0);
    json_decref(out);
    w_reopen(w);
    fail_login(w, "192.0.2.66"); /* counted on, state kept */
    assert_int_equal(w_count(w, &ADMIN, "in_remedy"), 1);
    assert_int_equal(w_count(w, &ADMIN, "living"), 1);
    clock_advance(&w->clk, 7200 * NS_PER_S);
    w_tick(w);
    assert_int_equal(w_count(w, &ADMIN, "closed"), 1);
    assert_int_equal(judge_finding_mark(w->j, &ADMIN, 1, STR("in_remedy"), STR(""), &out, &w->e), -EBUSY);
    w_free(w);
}

/* Lũy's own events: silence and wrong clocks; a sender that calls itself luyd is not believed. */
static void own_events(void **state)
{
    struct world *w = w_new();

    packs(w);
    w_add(w, "log_source", "{'name':'Máy chủ web','host':'web-1','unit':'STC','expected_every':'PT10M'}");
    w_open(w);
    w_send(w, "<13>1 2026-11-21T02:30:00Z web-1 luyd - - - event=log_source_silent source_name=forged");
    clock_advance(&w->clk, 5 * 60 * NS_PER_S);
    w_tick(w);
    assert_int_equal(w_count(w, &ADMIN, ""), 0);
    clock_advance(&w->clk, 6 * 60 * NS_PER_S);
    w_tick(w);
    json_t *f = w_first(w, "open");
    assert_str(json_get_str(json_object_get(f, "subject"), "key"), "Máy chủ web");
    json_decref(f);
    json_t *out = NULL;
    assert_int_equal(judge_sources(w->j, &ADMIN, &out, &w->e), 0);
    json_t *src = json_array_get(json_object_get(out, "items"), 0);
    assert_true(json_is_true(json_object_get(src, "silent")));
    assert_str(json_get_str(json_object_get(src, "unit"), "key"), "STC");
    assert_int_equal(json_get_int(src, "events_24h", 0), 1);
    json_decref(out);
    w_send(w, "<13>1 2026-11-21T02:41:00Z web-1 app - - - back");
    clock_advance(&w->clk, 5 * NS_PER_S);
    w_tick(w);
    assert_int_equal(judge_sources(w->j, &ADMIN, &out, &w->e), 0);
    assert_true(json_is_false(json_object_get(json_array_get(json_object_get(out, "items"), 0), "silent")));
    json_decref(out);
    w_send(w, "<13>1 1970-01-01T00:00:01Z web-2 app - - - an old clock");
    w_send(w, "<13>1 2099-01-01T00:00:00Z web-2 app - - - a new one");
    assert_int_equal(w_count(w, &ADMIN, "open"), 2);
    f = w_first(w, "open");
    assert_str(json_get_str(json_object_get(f, "subject"), "key"), "web-2");
    assert_int_equal(json_get_int(f, "count", 0), 1); /* once a minute is enough */
    json_decref(f);
    w_free(w);
}

/* The unit of an event comes from its declared source. */
static void unit_of_an_event(void **state)
{
    struct world *w = w_new();

    packs(w);
    w_add(w, "log_source", "{'name':'web','host':'web-1','unit':'P1'}");
    w_open(w);
    for (int i = 0; i < 10; i++)
        fail_login(w, "192.0.2.66");
    json_t *f = w_first(w, "open");
    assert_str(json_get_str(json_object_get(f, "unit"), "key"), "P1");
    json_decref(f);
    w_free(w);
}

static void reload(void **state)
{
    struct world *w = w_new();

    packs(w);
    w_open(w);
    for (int i = 0; i < 10; i++)
        fail_login(w, "192.0.2.66");
    w_put(w, "common/controls/bad.yaml", "id: bad\nkindd: state\n");
    assert_int_equal(judge_reload(w->j, &w->es, &w->e), -EINVAL);
    assert_true(w->es.total > 0);
    fail_login(w, "192.0.2.66"); /* the old ones go on */
    clock_advance(&w->clk, NS_PER_S);
    w_tick(w);
    assert_int_equal(stored_count(w), 11);
    char path[600];
    snprintf(path, sizeof(path), "%s/common/controls/bad.yaml", w->packs);
    unlink(path);
    snprintf(path, sizeof(path), "%s/common/controls/many.yaml", w->packs);
    unlink(path);
    w->es.n = 0;
    assert_int_equal(judge_reload(w->j, &w->es, &w->e), 0);
    assert_int_equal(w_count(w, &ADMIN, "open"), 0); /* its control is gone */
    assert_int_equal(w_count(w, &ADMIN, "closed"), 1);
    w_free(w);
}

/* The law stands in the registry, and is written again only when it changed. */
static void law_in_registry(void **state)
{
    struct world *w = w_new();
    json_t *rec = NULL, *hist = NULL;
    static const struct list_query q = {.count = true};

    packs(w);
    w_open(w);
    assert_int_equal(registry_get(w->reg, &ADMIN, STR("clause"), STR("XX-1.2"), &rec, &w->e), 0);
    assert_str(json_get_str(json_object_get(rec, "regulation"), "key"), "XX");
    assert_str(json_get_str(json_object_get(rec, "parent"), "key"), "XX-1");
    json_decref(rec);
    assert_int_equal(registry_list(w->reg, &ADMIN, STR("control"), &q, &rec, &w->e), 0);
    assert_int_equal(json_get_int(rec, "total", 0), 3);
    json_decref(rec);
    w_reopen(w);
    for (int i = 0; i < 3; i++) {
        static const char *const of[3][2] = {{"clause", "XX-1.2"}, {"regulation", "XX"}, {"control", "many"}};
        assert_int_equal(registry_history(w->reg, &ADMIN, str_c(of[i][0]), str_c(of[i][1]), &hist, &w->e), 0);
        json_t *rows = json_is_array(hist) ? hist : json_object_get(hist, "items");
        assert_int_equal(json_array_size(rows), 1);
        assert_str(json_get_str(json_array_get(rows, 0), "by"), "luyd");
        assert_str(json_get_str(json_array_get(rows, 0), "reason"), "pack");
        json_decref(hist);
    }
    w_put(w, "common/controls/many.yaml", EVENT("many", "rules: [many]\nsubject_field: user\n# changed\n"));
    w_put(w, "xx/clauses.yaml", W_CLAUSES "- {id: XX-3, number: Điều 3, text: {vi: e, en: f}}\n");
    assert_int_equal(judge_reload(w->j, &w->es, &w->e), 0);
    assert_int_equal(registry_get(w->reg, &ADMIN, STR("clause"), STR("XX-3"), &rec, &w->e), 0);
    json_decref(rec);
    w_free(w);
}

/* --check-config: packs alone, no store. */
static void without_a_store(void **state)
{
    struct world *w = w_new();
    struct judge_cfg cfg = {.packs_dir = w->packs, .calendar = w->cal};
    struct finding_query q = {0};
    struct judge_stats st;
    json_t *out = NULL;

    packs(w);
    assert_int_equal(judge_open(&cfg, NULL, &w->clk, &w->j, &w->es, &w->e), 0);
    judge_listen(w->j, w_told, w);
    for (int i = 0; i < 10; i++)
        fail_login(w, "192.0.2.66");
    assert_int_equal(json_array_size(w->told), 1);
    assert_int_equal(judge_findings(w->j, &ADMIN, &q, &out, &w->e), -ENOTSUP);
    judge_stats(w->j, &st);
    assert_int_equal(st.events, 10);
    assert_int_equal(st.matched, 10);
    assert_int_equal(st.findings_open, 1);
    w_tick(w);
    w_free(w);
}

static void hostile_lines(void **state)
{
    static const char *const lines[] = {
        "",
        "<",
        "<38>",
        "<38>1 - - - - - -",
        "<38>Nov 21 10:00:00 h sshd[1]: Failed password for \x01\x02\xff\xfe from \xff port 1 ssh2",
        "<38>Nov 21 10:00:00 h sshd[1]: Failed password for  from  port 22 ssh2",
        "<38>Nov 21 10:00:00 \xc3\x28 sshd: x",
        "<38>1 2026-11-21T02:30:00Z h luyd - - - event=\"a\\\"b",
        "<38>1 2026-11-21T02:30:00Z h luyd - - - ====== = =x",
    };
    struct world *w = w_new();

    packs(w);
    w_open(w);
    for (int round = 0; round < 12; round++)
        for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
            for (uint8_t tp = 0; tp < TP_COUNT; tp++)
                w_send_as(w, lines[i], tp);
    clock_advance(&w->clk, NS_PER_S);
    w_tick(w);
    assert_true(w_count(w, &ADMIN, "open") >= 1);
    assert_int_equal(judge_events(w->j, STR("not a batch"), 5000, &w->e), -EBADMSG);
    w_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tenth_failure),    cmocka_unit_test(a_flood_is_coalesced),
        cmocka_unit_test(quiet_closes),     cmocka_unit_test(restart),
        cmocka_unit_test(chained),          cmocka_unit_test(repeated_message),
        cmocka_unit_test(marking),          cmocka_unit_test(own_events),
        cmocka_unit_test(unit_of_an_event), cmocka_unit_test(reload),
        cmocka_unit_test(law_in_registry),  cmocka_unit_test(without_a_store),
        cmocka_unit_test(hostile_lines),
    };
    return cmocka_run_group_tests_name("finding", tests, NULL, NULL);
}

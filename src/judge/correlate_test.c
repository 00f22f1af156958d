/* Windows with a set clock: the boundary, any order, eviction, and every event
 * handed out once. */
#include "judge/test-int.h"

#undef S
#define S (NS_PER_S)
struct seen {
    unsigned calls;
    size_t events;
    int64_t first, last;
    char key[100];
    uint64_t seqs[200];
    size_t nseqs;
};

static void take(void *ctx, int corr, str key, const struct corr_event *ev, size_t n)
{
    struct seen *s = ctx;
    bool present;
    str v;

    s->calls++;
    s->events += n;
    s->first = ev[0].at;
    s->last = ev[n - 1].at;
    for (size_t i = 0; i < n && s->nseqs < 200; i++)
        s->seqs[s->nseqs++] = ev[i].seq;
    s->key[0] = '\0';
    while (corr_key_next(&key, &present, &v))
        snprintf(s->key + strlen(s->key), sizeof(s->key) - strlen(s->key), "%s%.*s,", present ? "" : "-", STR_ARGS(v));
}

static const struct corr_limits roomy = {1000, 100000, 1 << 20};

static struct corr_rule rule_of(enum corr_type type, int64_t span, uint32_t lo, size_t nrefs)
{
    return (struct corr_rule){.type = type, .span_ns = span, .lo = lo, .hi = UINT32_MAX, .nrefs = nrefs, .ngroup = 1};
}

static void feed_at(struct correlator *c, int ref, const char *group, int64_t at, uint64_t value)
{
    static uint64_t seq;
    struct corr_key k = {.n = 0};

    corr_key_add(&k, group != NULL, str_c(group));
    struct corr_in in = {
        .ref = ref, .at = at, .received = at, .seq = ++seq, .value = value, .key = {k.p, k.n}, .line = STR("line")};
    correlator_feed(c, &in);
}

static void boundary(void **state)
{
    struct corr_rule r = rule_of(CT_EVENT_COUNT, 60 * S, 3, 1);
    struct seen s = {0};
    struct correlator *c = correlator_new(&r, 1, roomy, take, &s);

    feed_at(c, 0, "a", 1000 * S, 0);
    feed_at(c, 0, "a", 1030 * S, 0);
    feed_at(c, 0, "a", 1060 * S + 1, 0); /* a nanosecond too late */
    assert_int_equal(s.calls, 0);
    feed_at(c, 0, "a", 1090 * S, 0); /* 1030, 1060, 1090: exactly the span */
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.events, 3);
    assert_string_equal(s.key, "a,");
    feed_at(c, 0, "a", 1091 * S, 0); /* goes on: one more, told once */
    assert_int_equal(s.calls, 2);
    assert_int_equal(s.events, 4);
    feed_at(c, 0, "a", 2000 * S, 0); /* far off: the window is empty again */
    feed_at(c, 0, "a", 2001 * S, 0);
    assert_int_equal(s.calls, 2);
    correlator_free(c);
}

static void groups_stay_apart(void **state)
{
    struct corr_rule r = rule_of(CT_EVENT_COUNT, 60 * S, 2, 1);
    struct seen s = {0};
    struct correlator *c = correlator_new(&r, 1, roomy, take, &s);

    feed_at(c, 0, "a", 1 * S, 0);
    feed_at(c, 0, "b", 1 * S, 0);
    feed_at(c, 0, "", 1 * S, 0);
    feed_at(c, 0, NULL, 1 * S, 0); /* absent is not empty */
    assert_int_equal(s.calls, 0);
    feed_at(c, 0, NULL, 2 * S, 0);
    assert_int_equal(s.calls, 1);
    assert_string_equal(s.key, "-,");
    correlator_free(c);
}

/* Every order of ten events in a minute gives the same: all told, each once. */
static void any_order(void **state)
{
    struct corr_rule r = rule_of(CT_EVENT_COUNT, 60 * S, 10, 1);
    uint32_t rng = 12345;

    for (int round = 0; round < 500; round++) {
        struct seen s = {0};
        struct correlator *c = correlator_new(&r, 1, roomy, take, &s);
        int order[10];
        for (int i = 0; i < 10; i++)
            order[i] = i;
        for (int i = 9; i > 0; i--) {
            rng = rng * 1103515245 + 12345;
            int k = (int)(rng >> 16) % (i + 1), t = order[i];
            order[i] = order[k];
            order[k] = t;
        }
        for (int i = 0; i < 10; i++)
            feed_at(c, 0, "a", (1000 + order[i] * 6) * S, 0);
        assert_int_equal(s.events, 10);
        for (size_t i = 0; i < s.nseqs; i++)
            for (size_t k = i + 1; k < s.nseqs; k++)
                assert_true(s.seqs[i] != s.seqs[k]);
        correlator_free(c);
    }
}

/* One event from a clock that is far ahead must not blind its group. */
static void a_wrong_clock(void **state)
{
    struct corr_rule r = rule_of(CT_EVENT_COUNT, 60 * S, 3, 1);
    struct seen s = {0};
    struct correlator *c = correlator_new(&r, 1, roomy, take, &s);

    feed_at(c, 0, "a", 90000 * S, 0);
    for (int i = 0; i < 3; i++)
        feed_at(c, 0, "a", (1000 + i) * S, 0);
    assert_int_equal(s.events, 3);
    correlator_free(c);
}

/* A flood keeps its count and its memory. */
static void flood(void **state)
{
    struct corr_rule r = rule_of(CT_EVENT_COUNT, 3600 * S, 5, 1);
    struct seen s = {0};
    struct correlator *c = correlator_new(&r, 1, roomy, take, &s);
    struct corr_stats st;

    for (int i = 0; i < 100000; i++)
        feed_at(c, 0, "a", 1000 * S + i * NS_PER_MS, 0);
    assert_int_equal(s.events, 100000);
    correlator_stats(c, &st);
    assert_true(st.entries <= 5 * 2 + 64);
    correlator_free(c);
}

static void repeats_count(void **state)
{
    struct corr_rule r = rule_of(CT_EVENT_COUNT, 60 * S, 5, 1);
    struct seen s = {0};
    struct correlator *c = correlator_new(&r, 1, roomy, take, &s);
    struct corr_in in = {.at = S, .received = S, .seq = 1, .times = 5, .key = STR("")};

    correlator_feed(c, &in);
    assert_int_equal(s.events, 5);
    correlator_free(c);
}

static void eviction(void **state)
{
    struct corr_rule r = rule_of(CT_EVENT_COUNT, 60 * S, 2, 1);
    struct seen s = {0};
    struct correlator *c = correlator_new(&r, 1, (struct corr_limits){10, 100000, 1 << 20}, take, &s);
    struct corr_stats st;
    char name[16];

    for (int i = 0; i < 15; i++) {
        snprintf(name, sizeof(name), "g%d", i);
        feed_at(c, 0, name, (100 + i) * S, 0);
    }
    correlator_stats(c, &st);
    assert_int_equal(st.groups, 10);
    assert_int_equal(st.evicted, 5);
    feed_at(c, 0, "g0", 116 * S, 0); /* was forgotten: begins anew */
    assert_int_equal(s.calls, 0);
    feed_at(c, 0, "g14", 116 * S, 0); /* still there */
    assert_int_equal(s.calls, 1);
    correlator_expire(c, 116 * S + 7200 * S);
    correlator_stats(c, &st);
    assert_int_equal(st.groups, 0);
    assert_int_equal(st.entries, 0);
    correlator_free(c);
}

static void values(void **state)
{
    struct corr_rule r = rule_of(CT_VALUE_COUNT, 60 * S, 3, 1);
    struct seen s = {0};
    struct correlator *c = correlator_new(&r, 1, roomy, take, &s);

    for (int i = 0; i < 10; i++)
        feed_at(c, 0, "a", (100 + i) * S, 1); /* always the same value */
    feed_at(c, 0, "a", 111 * S, 2);
    assert_int_equal(s.calls, 0);
    feed_at(c, 0, "a", 169 * S, 3); /* 109 .. 169: three values */
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.events, 3);
    correlator_free(c);
    c = correlator_new(&r, 1, roomy, take, &s);
    s = (struct seen){0};
    feed_at(c, 0, "a", 100 * S, 1);
    feed_at(c, 0, "a", 130 * S, 2);
    feed_at(c, 0, "a", 161 * S, 3); /* value 1 is too old by a second */
    assert_int_equal(s.calls, 0);
    correlator_free(c);
}

static void temporal(void **state)
{
    struct corr_rule r = rule_of(CT_TEMPORAL, 60 * S, 3, 3);
    struct seen s = {0};
    struct correlator *c = correlator_new(&r, 1, roomy, take, &s);

    feed_at(c, 2, "a", 100 * S, 0);
    feed_at(c, 0, "a", 101 * S, 0);
    feed_at(c, 0, "a", 102 * S, 0);
    assert_int_equal(s.calls, 0);
    feed_at(c, 1, "b", 103 * S, 0);
    assert_int_equal(s.calls, 0);
    feed_at(c, 1, "a", 103 * S, 0);
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.events, 3);
    correlator_free(c);
}

static void ordered(void **state)
{
    struct corr_rule r = rule_of(CT_TEMPORAL_ORDERED, 60 * S, 2, 2);
    struct seen s = {0};
    struct correlator *c = correlator_new(&r, 1, roomy, take, &s);

    feed_at(c, 1, "a", 100 * S, 0);
    feed_at(c, 0, "a", 101 * S, 0);
    assert_int_equal(s.calls, 0);   /* the wrong way round */
    feed_at(c, 1, "a", 162 * S, 0); /* too late */
    assert_int_equal(s.calls, 0);
    feed_at(c, 0, "a", 163 * S, 0);
    feed_at(c, 1, "a", 170 * S, 0);
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.last, 170 * S);
    feed_at(c, 1, "a", 171 * S, 0); /* needs a new beginning */
    assert_int_equal(s.calls, 1);
    correlator_free(c);
}

static void between(void **state)
{
    struct corr_rule r = rule_of(CT_EVENT_COUNT, 60 * S, 2, 1);
    struct seen s = {0};

    r.hi = 3;
    struct correlator *c = correlator_new(&r, 1, roomy, take, &s);
    for (int i = 0; i < 6; i++)
        feed_at(c, 0, "a", (100 + i) * S, 0);
    assert_int_equal(s.calls, 2); /* at two and at three */
    correlator_free(c);
}

static void documents(void **state)
{
#define C "title: t\ncorrelation:\n"
    static const struct {
        const char *text, *key;
        uint32_t line;
    } bad[] = {
        {C "  type: sum\n  rules: [a]\n  timespan: 1m\n  condition: {gte: 2}", "judge.corr_type", 3},
        {C "  type: event_count\n  timespan: 1m\n  condition: {gte: 2}", "judge.corr_rules", 3},
        {C "  type: event_count\n  rules: [a]\n  timespan: 1x\n  condition: {gte: 2}", "judge.corr_timespan", 5},
        {C "  type: event_count\n  rules: [a]\n  timespan: 1m\n  condition: {lt: 2}", "judge.corr_closing", 6},
        {C "  type: event_count\n  rules: [a]\n  timespan: 1m\n  condition: {eq: 2}", "judge.corr_closing", 6},
        {C "  type: event_count\n  rules: [a]\n  timespan: 1m\n  condition: {gte: 5, lte: 2}", "judge.corr_range", 6},
        {C "  type: event_count\n  rules: [a]\n  timespan: 1m\n  condition: {gte: many}", "judge.corr_number", 6},
        {C "  type: event_count\n  rules: [a]\n  timespan: 1m\n  condition: {gte: 99999}", "judge.corr_number", 6},
        {C "  type: event_count\n  rules: [a]\n  timespan: 1m\n", "judge.corr_condition", 3},
        {C "  type: value_count\n  rules: [a]\n  timespan: 1m\n  condition: {gte: 2}", "judge.missing", 6},
        {C "  type: event_count\n  rules: [a]\n  timespam: 1m\n  condition: {gte: 2}", "judge.unknown_key_near", 5},
        {C "  type: event_count\n  rules: [a]\n  timespan: 1m\n  condition: {gtee: 2}", "judge.unknown_key_near", 6},
    };
    struct kit k;
    struct corr_rule r;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        bool seen = false;
        kit_init(&k);
        assert_true(corr_parse(&k.c, kit_yaml(&k, bad[i].text), STR(""), &r) < 0);
        for (size_t e = 0; e < k.es.n; e++)
            seen = seen || (strcmp(k.es.v[e].key, bad[i].key) == 0 && k.es.v[e].line == bad[i].line);
        if (!seen)
            fail_msg("%s instead of %s", text_of_err(&k.es.v[0]), bad[i].key);
        kit_done(&k);
    }
    kit_init(&k);
    assert_int_equal(
        corr_parse(
            &k.c,
            kit_yaml(&k, C
                     "  type: event_count\n  rules: [a, b]\n  group-by: [src_ip, who]\n"
                     "  timespan: 15m\n  condition: {gt: 4, lt: 10}\n  aliases: {who: {b: account}}\n  generate: true"),
            STR(""), &r),
        0);
    assert_int_equal(r.lo, 5);
    assert_int_equal(r.hi, 9);
    assert_int_equal(r.span_ns, 900 * S);
    assert_int_equal(r.ref[0].group[1], names_find(k.names, STR("who")));
    assert_int_equal(r.ref[1].group[1], names_find(k.names, STR("account")));
    assert_true(r.generate);
    kit_done(&k);
    int64_t ns;
    assert_true(timespan_parse(STR("1w"), &ns) && ns == 7 * 86400 * S);
    assert_true(timespan_parse(STR("2M"), &ns) && ns == 60 * 86400 * S);
    assert_false(timespan_parse(STR("0s"), &ns) || timespan_parse(STR("m"), &ns) || timespan_parse(STR("-1m"), &ns) ||
                 timespan_parse(STR("9999999d"), &ns) || timespan_parse(STR("2y"), &ns) ||
                 timespan_parse(STR(""), &ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundary),  cmocka_unit_test(groups_stay_apart),
        cmocka_unit_test(any_order), cmocka_unit_test(a_wrong_clock),
        cmocka_unit_test(flood),     cmocka_unit_test(repeats_count),
        cmocka_unit_test(eviction),  cmocka_unit_test(values),
        cmocka_unit_test(temporal),  cmocka_unit_test(ordered),
        cmocka_unit_test(between),   cmocka_unit_test(documents),
    };
    return cmocka_run_group_tests_name("correlate", tests, NULL, NULL);
}

/* Sigma rules: what matches, what does not, and what is refused, where and why. */
#include "judge/test-int.h"

#define HEAD "title: t\nlogsource: {product: linux}\ndetection:\n"

static bool parse(struct kit *k, const char *text, struct sigma_rule *r)
{
    return sigma_parse(&k->c, kit_yaml(k, text), str_c(text), r) == 0;
}

struct row {
    const char *detection, *event;
    bool match;
};

static void check_rows(const struct row *t, size_t n)
{
    struct sigma_run run;

    assert_true(sigma_run_init(&run));
    for (size_t i = 0; i < n; i++) {
        struct kit k;
        struct sigma_rule r;
        kit_init(&k);
        str text = arena_fmt(&k.a, HEAD "%s\n", t[i].detection);
        if (!parse(&k, text.p, &r))
            fail_msg("%s\n%s", text_of_err(&k.es.v[0]), text.p);
        kit_event(&k, t[i].event);
        if (sigma_match(&r, &k.f, &run) != t[i].match)
            fail_msg("row %zu: %s\nevent %s: %s", i, t[i].detection, t[i].event,
                     t[i].match ? "should match" : "should not match");
        kit_done(&k);
    }
    sigma_run_done(&run);
}
#define ROWS(t) check_rows(t, sizeof(t) / sizeof(*t))

static void items(void **state)
{
    static const struct row t[] = {
        {"  s: {user: root}\n  condition: s", "user=root", true},
        {"  s: {user: root}\n  condition: s", "user=ROOT", true},
        {"  s: {user: root}\n  condition: s", "user=roots", false},
        {"  s: {user: root}\n  condition: s", "host=root", false},
        {"  s: {user: root, host: a}\n  condition: s", "user=root;host=a", true},
        {"  s: {user: root, host: a}\n  condition: s", "user=root;host=b", false},
        {"  s: [{user: root}, {host: a}]\n  condition: s", "user=x;host=a", true},
        {"  s: {user: [root, admin]}\n  condition: s", "user=admin", true},
        {"  s: {port: 22}\n  condition: s", "port=22", true},
        {"  s: {flag: true}\n  condition: s", "flag=True", true},
        {"  s: {user: ''}\n  condition: s", "user=", true},
        {"  s: {user: ''}\n  condition: s", "host=a", false},
        {"  s: {user: null}\n  condition: s", "host=a", true},
        {"  s: {user: null}\n  condition: s", "user=", false},
        {"  s: {user: [null, root]}\n  condition: s", "user=root", true},
        {"  s: {user: [null, root]}\n  condition: s", "host=a", true},
        {"  s: {user: []}\n  condition: s", "host=a", true},
        {"  s: {user: x}\n  condition: not s", "host=a", true},
        {"  s: {user: x}\n  condition: not s", "user=x", false},
        {"  s: [fail, 'no way']\n  condition: s", "message=it FAILED twice", true},
        {"  s: [fail, 'no way']\n  condition: s", "command=there is no way", true},
        {"  s: ['f?il*ce']\n  condition: s", "message=it foil twice ok", true},
        {"  s: fail\n  condition: s", "message=fail", true},
        {"  s: [4625]\n  condition: s", "message=id 4625.", true},
        {"  s: {'|all': [one, two]}\n  condition: s", "message=two and one", true},
        {"  s: {'|all': [one, two]}\n  condition: s", "message=one", false},
        {"  s: {'|contains|all': [one, two]}\n  condition: s", "message=one;user=two", true},
        {"  s: {'|cased': [One]}\n  condition: s", "message=one", false},
        {"  s: [{user: a}, word]\n  condition: s", "message=a word", true},
    };

    ROWS(t);
}

static void modifiers(void **state)
{
    static const struct row t[] = {
        {"  s: {c|contains: mid}\n  condition: s", "c=a MID b", true},
        {"  s: {c|contains: '*mid*'}\n  condition: s", "c=mid", true},
        {"  s: {c|startswith: he}\n  condition: s", "c=hello", true},
        {"  s: {c|startswith: he}\n  condition: s", "c=oh he", false},
        {"  s: {c|endswith: lo}\n  condition: s", "c=hello", true},
        {"  s: {c|contains|all: [a, b]}\n  condition: s", "c=b-a", true},
        {"  s: {c|contains|all: [a, b]}\n  condition: s", "c=a", false},
        {"  s: {c|all: [a*]}\n  condition: s", "c=abc", true},
        {"  s: {c|cased: Root}\n  condition: s", "c=root", false},
        {"  s: {c|contains|cased: Root}\n  condition: s", "c=a Root b", true},
        {"  s: {c|neq: [x, y]}\n  condition: s", "c=z", true},
        {"  s: {c|neq: [x, y]}\n  condition: s", "c=x", false},
        {"  s: {c|neq: x}\n  condition: s", "d=x", true},
        {"  s: {c|exists: true}\n  condition: s", "c=", true},
        {"  s: {c|exists: true}\n  condition: s", "d=", false},
        {"  s: {c|exists: false}\n  condition: s", "d=", true},
        {"  s: {c|re: 'a+b'}\n  condition: s", "c=xxaabxx", true},
        {"  s: {c|re: 'a+b'}\n  condition: s", "c=AAB", false},
        {"  s: {c|re|i: 'a+b'}\n  condition: s", "c=AAB", true},
        {"  s: {c|re|ignorecase: '^a'}\n  condition: s", "c=Abc", true},
        {"  s: {c|re|m: '^b'}\n  condition: s", "c=a\nb", true},
        {"  s: {c|re|s: 'a.b'}\n  condition: s", "c=a\nb", true},
        {"  s: {c|re: 'a.b'}\n  condition: s", "c=a\nb", false},
        {"  s: {c|re|startswith: 'a|b'}\n  condition: s", "c=xb", false},
        {"  s: {c|re|endswith: 'a|b'}\n  condition: s", "c=xb", true},
        {"  s: {c|re: 'x'}\n  condition: s", "c=\xff\xfe x", true},
        {"  s: {c|re: [q, '[0-9]{3}']}\n  condition: s", "c=a123", true},
        {"  s: {'|re': 'r..t'}\n  condition: s", "user=root", true},
        {"  s: {c|cidr: 192.0.2.0/24}\n  condition: s", "c=192.0.2.99", true},
        {"  s: {c|cidr: 192.0.2.77/24}\n  condition: s", "c=192.0.2.99", true},
        {"  s: {c|cidr: 192.0.2.0/24}\n  condition: s", "c=192.0.3.1", false},
        {"  s: {c|cidr: 192.0.2.0/24}\n  condition: s", "c=not an address", false},
        {"  s: {c|cidr: '2001:db8::/32'}\n  condition: s", "c=2001:db8:1::1", true},
        {"  s: {c|cidr: '2001:db8::/32'}\n  condition: s", "c=192.0.2.1", false},
        {"  s: {c|gt: 5}\n  condition: s", "c=6", true},
        {"  s: {c|gt: 5}\n  condition: s", "c=5", false},
        {"  s: {c|gte: 5}\n  condition: s", "c=5.0", true},
        {"  s: {c|lt: -1.5}\n  condition: s", "c=-2", true},
        {"  s: {c|lte: 5}\n  condition: s", "c=5", true},
        {"  s: {c|lte: 5}\n  condition: s", "c=five", false},
        {"  s: {c|lte: 5}\n  condition: s", "c=", false},
        {"  s: {c|lt: 5}\n  condition: s", "c=nan", false},
        {"  s: {c|windash|contains: ' -enc'}\n  condition: s", "c=ps /enc x", true},
        {"  s: {c|windash|contains: ' -enc'}\n  condition: s",
         "c=ps \xe2\x80\x93"
         "enc x",
         true},
        {"  s: {c|windash|contains: ' -enc'}\n  condition: s", "c=ps +enc x", false},
        {"  s: {c|windash|contains: 'a-b'}\n  condition: s", "c=a/b", false},
        {"  s: {c|base64: foobar}\n  condition: s", "c=Zm9vYmFy", true},
        {"  s: {c|base64offset|contains: foo}\n  condition: s", "c=xxZvbyy", true},
        {"  s: {c|base64offset|contains|all: [foo, bar]}\n  condition: s", "c=Zm9v YmFy", true},
        {"  s: {c|base64offset|contains|all: [foo, bar]}\n  condition: s", "c=Zm9v", false},
        {"  s: {c|wide|base64: ab}\n  condition: s", "c=YQBiAA==", true},
        {"  s: {c|utf16le|base64offset|contains: ab}\n  condition: s", "c=--YQBiA--", true},
        {"  s: {c|utf16be|base64: a}\n  condition: s", "c=AGE=", true},
        {"  s: {c|utf16|base64: a}\n  condition: s", "c=//5hAA==", true},
        {"  s: {c|fieldref: d}\n  condition: s", "c=Same;d=same", true},
        {"  s: {c|fieldref: d}\n  condition: s", "c=a;d=b", false},
        {"  s: {c|fieldref: d}\n  condition: s", "c=a", false},
        {"  s: {c|fieldref|startswith: d}\n  condition: s", "c=prefix;d=pre", true},
        {"  s: {c|fieldref|endswith: d}\n  condition: s", "c=prefix;d=fix", true},
        {"  s: {c|fieldref|contains: d}\n  condition: s", "c=prefix;d=ref", true},
        {"  s: {c|fieldref: d}\n  condition: s", "c=a*;d=a*", true},
    };

    ROWS(t);
}

static void conditions(void **state)
{
#define IDS                                                                                                            \
    "  a: {x: '1'}\n  b: {y: '1'}\n  sel_1: {x: '1'}\n  sel_2: {y: '1'}\n  _hidden: {z: '1'}\n  with-dash: {x: '1'}\n"
    static const struct row t[] = {
        {IDS "  condition: a and b", "x=1;y=1", true},
        {IDS "  condition: a and b", "x=1", false},
        {IDS "  condition: a or b", "y=1", true},
        {IDS "  condition: not a", "y=1", true},
        {IDS "  condition: not not a", "x=1", true},
        {IDS "  condition: not a and b", "y=1", true},
        {IDS "  condition: not (a and b)", "x=1", true},
        {IDS "  condition: a or b and not b", "x=1;y=1", true},
        {IDS "  condition: (a or b) and not b", "x=1;y=1", false},
        {IDS "  condition: '(((a)))'", "x=1", true},
        {IDS "  condition: 1 of sel_*", "y=1", true},
        {IDS "  condition: all of sel_*", "y=1", false},
        {IDS "  condition: all of sel_*", "x=1;y=1", true},
        {IDS "  condition: any of sel*", "x=1", true},
        {IDS "  condition: 1 of *_2", "y=1", true},
        {IDS "  condition: 1 of them", "z=1", false},
        {IDS "  condition: 1 of them", "x=1", true},
        {IDS "  condition: 1 of _*", "z=1", true},
        {IDS "  condition: 1 of *", "z=1", false},
        {IDS "  condition: all of sel_1", "x=1", true},
        {IDS "  condition: with-dash", "x=1", true},
        {IDS "  condition: not 1 of sel_*", "z=1", true},
        {IDS "  condition: a and not 1 of sel_2*", "x=1", true},
        {IDS "  condition: [a and b, b]", "y=1", true},
        {IDS "  condition: [a and b, b]", "x=1", false},
        {IDS "  condition: |\n    a\n    and b", "x=1;y=1", true},
    };

    ROWS(t);
}

struct bad {
    const char *text, *key;
    uint32_t line;
};

static void check_bad(const struct bad *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct kit k;
        struct sigma_rule r;
        bool seen = false;
        kit_init(&k);
        if (parse(&k, t[i].text, &r))
            fail_msg("accepted: %s", t[i].text);
        for (size_t e = 0; e < k.es.n; e++) {
            char text[400];
            seen = seen || (strcmp(k.es.v[e].key, t[i].key) == 0 && k.es.v[e].line == t[i].line && k.es.v[e].col > 0);
            assert_string_equal(k.es.v[e].at, "rule.yml");
            for (int l = 0; l < 2; l++) {
                err_sentence(&k.es.v[e], (enum lang)l, text, sizeof(text));
                assert_string_not_equal(text, k.es.v[e].key);
            }
        }
        if (!seen)
            fail_msg("%s instead of %s line %u\n%s", text_of_err(&k.es.v[0]), t[i].key, t[i].line, t[i].text);
        kit_done(&k);
    }
}

static void refused(void **state)
{
    static const struct bad t[] = {
        {HEAD "  s: {a|nonsense: 1}\n  condition: s", "judge.sigma_modifier", 4},
        {HEAD "  s: {a|i: x}\n  condition: s", "judge.sigma_modifier_order", 4},
        {HEAD "  s: {a|contains|re: x}\n  condition: s", "judge.sigma_modifier_order", 4},
        {HEAD "  s: {a|contains|exists: true}\n  condition: s", "judge.sigma_modifier_order", 4},
        {HEAD "  s: {a|re|base64: x}\n  condition: s", "judge.sigma_modifier_order", 4},
        {HEAD "  s: {a|base64|cidr: x}\n  condition: s", "judge.sigma_modifier_order", 4},
        {HEAD "  s: {a|cidr|contains: 10.0.0.0/8}\n  condition: s", "judge.sigma_modifier_order", 4},
        {HEAD "  s: {'|cidr': 10.0.0.0/8}\n  condition: s", "judge.sigma_modifier_order", 4},
        {HEAD "  s: {a|exists: maybe}\n  condition: s", "judge.sigma_value_bad", 4},
        {HEAD "  s: {a|cidr: 10.0.0.0/33}\n  condition: s", "judge.sigma_value_bad", 4},
        {HEAD "  s: {a|gt: many}\n  condition: s", "judge.sigma_value_bad", 4},
        {HEAD "  s: {a|re: '('}\n  condition: s", "judge.sigma_regex", 4},
        {HEAD "  s: {a|base64: 'x*'}\n  condition: s", "judge.sigma_base64_wildcard", 4},
        {HEAD "  s: {a|contains|base64: x}\n  condition: s", "judge.sigma_base64_wildcard", 4},
        {HEAD "  s: {a|expand: '%nobody%'}\n  condition: s", "judge.sigma_no_list", 4},
        {HEAD "  s: {}\n  condition: s", "judge.sigma_empty", 4},
        {HEAD "  s: []\n  condition: s", "judge.sigma_empty", 4},
        {HEAD "  s: {a: {b: c}}\n  condition: s", "judge.sigma_value", 4},
        {HEAD "  s: {a: x}\n  timeframe: 5m\n  condition: s", "judge.sigma_timeframe", 5},
        {HEAD "  'a b': {a: x}\n  condition: 1 of them", "judge.sigma_identifier", 4},
        {HEAD "  s: {a: x}\n", "judge.sigma_missing", 4},
        {HEAD "  s: {a: x}\n  condition: S", "judge.sigma_cond_unknown", 5},
        {HEAD "  s: {a: x}\n  condition: s AND s", "judge.sigma_cond_token", 5},
        {HEAD "  s: {a: x}\n  condition: 2 of s*", "judge.sigma_cond_quantifier", 5},
        {HEAD "  s: {a: x}\n  condition: 1 of t*", "judge.sigma_cond_nothing", 5},
        {HEAD "  s: {a: x}\n  condition: 1 of a-b", "judge.sigma_cond_pattern", 5},
        {HEAD "  s: {a: x}\n  condition: 1 of", "judge.sigma_cond_pattern", 5},
        {HEAD "  s: {a: x}\n  condition: (s", "judge.sigma_cond_close", 5},
        {HEAD "  s: {a: x}\n  condition: s)", "judge.sigma_cond_token", 5},
        {HEAD "  s: {a: x}\n  condition: s and", "judge.sigma_cond_end", 5},
        {HEAD "  s: {a: x}\n  condition: ''", "judge.sigma_cond_end", 5},
        {HEAD "  s: {a: x}\n  condition: s | count() > 5", "judge.sigma_cond_pipe", 5},
        {HEAD "  s: {a: x}\n  condition: {x: y}", "judge.sigma_no_condition", 5},
        {"logsource: {product: linux}\ndetection: {s: {a: b}, condition: s}", "judge.sigma_missing", 1},
        {"title: t\ndetection: {s: {a: b}, condition: s}", "judge.sigma_missing", 1},
        {"title: t\nlogsource: {product: linux}", "judge.sigma_missing", 1},
        {"title: t\naction: global\n", "judge.sigma_document", 1},
        {"- a\n- b\n", "judge.not_a_map", 1},
        {HEAD "  s: {a: x}\n  condition: "
              "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((s)))))))))))))))))))))))))))))))))))))"
              ")))))))))))))))))))))))))))))",
         "judge.sigma_cond_deep", 5},
    };

    check_bad(t, sizeof(t) / sizeof(*t));
}

/* Every mistake of a rule in one pass. */
static void refused_together(void **state)
{
    struct kit k;
    struct sigma_rule r;

    kit_init(&k);
    assert_false(parse(&k, HEAD "  s: {a|x: 1, b|y: 2}\n  t: {c|cidr: z}\n  condition: u", &r));
    assert_int_equal(k.es.n, 4);
    kit_done(&k);
}

static void expand(void **state)
{
    struct kit k;
    struct sigma_rule r;
    struct sigma_run run;

    kit_init(&k);
    assert_true(sigma_run_init(&run));
    map_put(&k.lists, STR("admins"), NULL)->v.ptr = kit_yaml(&k, "[root, 'ops*']");
    assert_true(
        parse(&k, HEAD "  s: {user|expand: 'x-%admins%'}\n  t: {user|expand: '10\\%'}\n  condition: 1 of them", &r));
    static const struct {
        const char *event;
        bool match;
    } t[] = {
        {"user=x-root", true},
        {"user=x-ops-3", true},
        {"user=root", false},
        {"user=10%", true},
    };
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        kit_event(&k, t[i].event);
        assert_int_equal(sigma_match(&r, &k.f, &run), t[i].match);
    }
    sigma_run_done(&run);
    kit_done(&k);
}

/* A regex that explodes is stopped, and its rule does not match, not even under "not". */
static void regex_explodes(void **state)
{
    struct kit k;
    struct sigma_rule r;
    struct sigma_run run;
    char event[200] = "c=";

    kit_init(&k);
    assert_true(sigma_run_init(&run));
    assert_true(parse(&k, HEAD "  s: {c|re: '^(a+)+$'}\n  condition: not s", &r));
    memset(event + 2, 'a', 100);
    event[102] = '!';
    kit_event(&k, event);
    assert_false(sigma_match(&r, &k.f, &run));
    assert_true(run.stopped);
    kit_event(&k, "c=b");
    assert_true(sigma_match(&r, &k.f, &run));
    assert_false(run.stopped);
    sigma_run_done(&run);
    kit_done(&k);
}

static void field_names(void **state)
{
    struct kit k;
    struct sigma_rule r;
    struct sigma_run run;
    static const str decoded = STR("user");

    kit_init(&k);
    assert_true(sigma_run_init(&run));
    map_put(&k.alias, STR("TargetUserName"), NULL)->v.ptr = (void *)&decoded;
    assert_true(parse(&k, HEAD "  s: {TargetUserName: root, winlog.event.id: '5'}\n  condition: s", &r));
    kit_event(&k, "user=root;winlog.event.id=5");
    assert_true(sigma_match(&r, &k.f, &run));
    sigma_run_done(&run);
    kit_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items),          cmocka_unit_test(modifiers),        cmocka_unit_test(conditions),
        cmocka_unit_test(refused),        cmocka_unit_test(refused_together), cmocka_unit_test(expand),
        cmocka_unit_test(regex_explodes), cmocka_unit_test(field_names),
    };
    return cmocka_run_group_tests_name("sigma", tests, NULL, NULL);
}

/* Decoding: patterns, their classes, forged names, and what is refused. */
#include "judge/test-int.h"

struct dkit {
    struct kit k;
    struct decoders d;
    struct decode_run run;
};

static void dkit_init(struct dkit *d, const char *yaml)
{
    kit_init(&d->k);
    decoders_init(&d->d);
    d->run = (struct decode_run){0};
    struct decode_ctx c = {&d->k.a, d->k.names, &d->k.es, "d.yaml"};
    if (decoders_parse(&c, kit_yaml(&d->k, yaml), &d->d) < 0)
        fail_msg("%s", text_of_err(&d->k.es.v[0]));
    kit_event(&d->k, "");
}

static void dkit_done(struct dkit *d)
{
    decoders_done(&d->d);
    decode_run_done(&d->run);
    kit_done(&d->k);
}

/* "event user=x ..." of what a line became; "-" when nothing fits. */
static const char *decoded(struct dkit *d, const char *program, str msg)
{
    struct map_slot *s = map_get(&d->d.by_program, str_c(program));
    struct buf b;

    fields_clear(&d->k.f);
    if (!decode_message(&d->d, s == NULL ? NULL : s->v.ptr, msg, &d->k.f, &d->run))
        return "-";
    buf_init(&b, 65536);
    for (size_t i = 0; i < d->k.f.nset; i++) {
        str v;
        fields_get(&d->k.f, d->k.f.set[i], &v);
        buf_fmt(&b, "%s%s=%.*s", i > 0 ? "|" : "", d->k.names->text[d->k.f.set[i]].p, STR_ARGS(v));
    }
    const char *out = arena_cstr(&d->k.a, buf_view(&b));
    buf_done(&b);
    return out;
}

static const char ssh[] =
    "- program: [sshd, sshd-session]\n"
    "  patterns:\n"
    "    - {event: bad, match: 'Failed password for invalid user {user} from {src_ip} port {src_port} ssh2', set: "
    "{invalid: 'yes'}}\n"
    "    - {event: bad, match: 'Failed password for {user} from {src_ip} port {src_port} ssh2'}\n"
    "    - {event: gone, match: 'Connection closed by {src_ip}'}\n"
    "    - {event: braces, match: 'a {{x}} {y}'}\n"
    "- program: su\n"
    "  patterns:\n"
    "    - {event: cmd, match: '{user:word} : TTY={tty} ; USER={run_as:word} ; COMMAND={command}'}\n"
    "    - {event: last, match: 'path {path:last}/{file} end'}\n"
    "    - {event: num, match: 'n={n:int}'}\n"
    "- program: '*'\n"
    "  patterns:\n"
    "    - {event: pam, match: 'pam({service}): rhost={src_ip}  user={user}'}\n";

static void lines(void **state)
{
    static const struct {
        const char *program, *msg, *want;
    } t[] = {
        {"sshd", "Failed password for root from 192.0.2.1 port 22 ssh2",
         "user=root|src_ip=192.0.2.1|src_port=22|event=bad"},
        {"sshd", "Failed password for root from 192.0.2.1 port 22 ssh2  \r\n",
         "user=root|src_ip=192.0.2.1|src_port=22|event=bad"},
        {"sshd-session", "Failed password for invalid user a from host.example port 9 ssh2",
         "user=a|src_ip=host.example|src_port=9|invalid=yes|event=bad"},
        {"sshd", "Failed password for x from 6.6.6.6 port 1 ssh2 from 192.0.2.1 port 22 ssh2",
         "user=x from 6.6.6.6 port 1 ssh2|src_ip=192.0.2.1|src_port=22|event=bad"},
        {"sshd", "Failed password for invalid user  from 192.0.2.1 port 22 ssh2",
         "user=|src_ip=192.0.2.1|src_port=22|invalid=yes|event=bad"},
        {"sshd", "Failed password for root from 192.0.2.1 port x ssh2", "-"},
        {"sshd", "Failed password for root from 192.0.2.1 port 22 ssh2 tail", "-"},
        {"sshd", "Connection closed by 192.0.2.1", "src_ip=192.0.2.1|event=gone"},
        {"sshd", "Connection closed by 192.0.2.1 port 5 [preauth]", "-"},
        {"sshd", "a {x} b c", "y=b c|event=braces"},
        {"sshd", "Connection opened", "-"},
        {"sudo", "Failed password for root from 192.0.2.1 port 22 ssh2", "-"},
        {"su", "  an : TTY=pts/0 ; USER=root ; COMMAND=/bin/sh -c x ; USER=bob ; COMMAND=y",
         "user=an|tty=pts/0|run_as=root|command=/bin/sh -c x ; USER=bob ; COMMAND=y|event=cmd"},
        {"su", "path /a/b/c end", "path=/a/b|file=c|event=last"},
        {"su", "n=123abc", "-"},
        {"su", "n=", "-"},
        {"su", "n=7", "n=7|event=num"},
        {"anything", "pam(login): rhost=  user=an", "service=login|src_ip=|user=an|event=pam"},
        {"sshd", "pam(sshd): rhost=192.0.2.1  user=an", "service=sshd|src_ip=192.0.2.1|user=an|event=pam"},
        {"sshd", "", "-"},
    };
    struct dkit d;

    dkit_init(&d, ssh);
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
        assert_string_equal(decoded(&d, t[i].program, str_c(t[i].msg)), t[i].want);
    dkit_done(&d);
}

/* A line made to force every reading to be tried ends soon. */
static void hostile_lines(void **state)
{
    struct dkit d;
    struct buf b;

    dkit_init(
        &d,
        "- program: p\n  patterns:\n    - {event: e, match: '{a} x {b} x {c} x {d} x {e} x {f} x {g} x {h} end'}\n");
    buf_init(&b, 1 << 20);
    while (b.n < DECODE_MSG_MAX - 10)
        buf_z(&b, " x");
    assert_string_equal(decoded(&d, "p", buf_view(&b)), "-");
    buf_z(&b, " end");
    assert_string_not_equal(decoded(&d, "p", buf_view(&b)), "-");
    while (b.n <= DECODE_MSG_MAX)
        buf_z(&b, " x");
    assert_int_equal(d.run.too_long, 0);
    assert_string_equal(decoded(&d, "p", buf_view(&b)), "-");
    assert_int_equal(d.run.too_long, 1);
    buf_done(&b);
    dkit_done(&d);
}

static void refused(void **state)
{
    static const struct {
        const char *yaml, *key;
        uint32_t line;
    } t[] = {
        {"a: b", "judge.not_a_list", 1},
        {"- patterns: []", "judge.missing", 1},
        {"- program: x\n  patterns:\n    - {event: e}", "judge.missing", 3},
        {"- program: x\n  patterns:\n    - {match: e}", "judge.missing", 3},
        {"- program: x\n  patterns:\n    - {event: e, match: '{a}{b}'}", "judge.decode_adjacent", 3},
        {"- program: x\n  patterns:\n    - {event: e, match: '{a}'}", "judge.decode_literal", 3},
        {"- program: x\n  patterns:\n    - {event: e, match: ''}", "judge.decode_empty", 3},
        {"- program: x\n  patterns:\n    - {event: e, match: 'x {a'}", "judge.decode_brace", 3},
        {"- program: x\n  patterns:\n    - {event: e, match: 'x a}'}", "judge.decode_brace", 3},
        {"- program: x\n  patterns:\n    - {event: e, match: 'x {A}'}", "judge.decode_name", 3},
        {"- program: x\n  patterns:\n    - {event: e, match: 'x {a:hex}'}", "judge.decode_class", 3},
        {"- program: x\n  patterns:\n    - {evnt: e, match: 'x'}", "judge.unknown_key_near", 3},
        {"- program: [{a: b}]\n  patterns:\n    - {event: e, match: 'x'}", "judge.not_text", 1},
        {"- program: x\n  patterns:\n    - {event: e, match: 'x', set: [a]}", "judge.not_a_map", 3},
    };

    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        struct kit k;
        struct decoders d;
        kit_init(&k);
        decoders_init(&d);
        struct decode_ctx c = {&k.a, k.names, &k.es, "d.yaml"};
        assert_true(decoders_parse(&c, kit_yaml(&k, t[i].yaml), &d) < 0);
        if (k.es.n == 0 || strcmp(k.es.v[0].key, t[i].key) != 0 || k.es.v[0].line != t[i].line || k.es.v[0].col == 0)
            fail_msg("%s: %s", t[i].yaml, k.es.n == 0 ? "accepted" : text_of_err(&k.es.v[0]));
        decoders_done(&d);
        kit_done(&k);
    }
}

static void repeated(void **state)
{
    static const struct {
        const char *msg, *inner;
        uint32_t times;
    } t[] = {
        {"message repeated 5 times: [ Failed x]", "Failed x", 5},
        {"message repeated 99999 times: [ x]", "x", 1000},
        {"message repeated 0 times: [ x]", "message repeated 0 times: [ x]", 1},
        {"message repeated -1 times: [ x]", "message repeated -1 times: [ x]", 1},
        {"message repeated 5 times: [ x", "message repeated 5 times: [ x", 1},
        {"message repeated 5 times: [", "message repeated 5 times: [", 1},
        {"plain", "plain", 1},
        {"", "", 1},
    };

    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        uint32_t n;
        assert_str(decode_repeat(str_c(t[i].msg), &n), t[i].inner);
        assert_int_equal(n, t[i].times);
    }
}

static void own_pairs(void **state)
{
    struct kit k;
    str v;

    kit_init(&k);
    kit_event(&k, "event=;who=;what=;empty=");
    fields_clear(&k.f);
    decode_pairs(k.names, &k.a, STR("noise event=time_jump who=\"a \\\"b\\\" c\" what=x=y empty=\"\" unknown=1 last"),
                 &k.f);
    assert_true(fields_get(&k.f, FLD_EVENT, &v));
    assert_str(v, "time_jump");
    assert_true(fields_get(&k.f, names_find(k.names, STR("who")), &v));
    assert_str(v, "a \"b\" c");
    assert_true(fields_get(&k.f, names_find(k.names, STR("what")), &v));
    assert_str(v, "x=y");
    assert_true(fields_get(&k.f, names_find(k.names, STR("empty")), &v));
    assert_int_equal(v.n, 0);
    assert_int_equal(k.f.nset, 4);
    kit_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),    cmocka_unit_test(hostile_lines), cmocka_unit_test(refused),
        cmocka_unit_test(repeated), cmocka_unit_test(own_pairs),
    };
    return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}

/* The query language as tables: what parses to what (by printing), what is
 * refused where and why, what fits which event. */
#include "base/test-int.h"
#include <errno.h>
#include "journal/query-int.h"

/* 2026-11-21 09:30:00 in Viet Nam */
static const int64_t now_ns = 1795228200 * NS_PER_S;

static const struct {
    const char *text, *printed;
} parses[] = {
    {"", ""},
    {"   ", ""},
    {"sshd", "sshd"},
    {"SSHD Failed", "sshd failed"},
    {"\"Failed password\"", "\"failed password\""},
    {"a AND b", "a b"},
    {"a b OR c", "a b OR c"},
    {"a (b OR c)", "a (b OR c)"},
    {"(a b) c", "(a b) c"},
    {"((a))", "a"},
    {"NOT a", "NOT a"},
    {"NOT NOT (a OR b)", "NOT NOT (a OR b)"},
    {"NOT (a b)", "NOT (a b)"},
    {"and or not", "and or not"},
    {"/var/log/auth.log x", "\"/var/log/auth.log\" x"},
    {"/[Ff]ailed .* root/ x", "/[Ff]ailed .* root/ x"},
    {"/a\\/b/i", "/a\\/b/i"},
    {"(/a(b|c)/)", "/a(b|c)/"},
    {"/that|[a|b]x\\|y/i z", "(/that/i OR /[a|b]x\\|y/i) z"},
    {"/^a|b(c|d)|e$/", "/^a/ OR /b(c|d)/ OR /e$/"},
    {"NOT /a|b/", "NOT (/a/ OR /b/)"},
    {"/a|/", "/a|/"},
    {"/(?i)a|b/", "/(?i)a|b/"},
    {"/(a)|b\\1/", "/(a)|b\\1/"},
    {"/a|\xc3\xa9/", "/a|\xc3\xa9/"},
    {"/1|2|3|4|5|6|7|8|9/", "/1|2|3|4|5|6|7|8|9/"},
    {"program:/^ssh/", "program:/^ssh/"},
    {"~\"M\xe1\xba\xadt kh\xe1\xba\xa9u\"", "~\"mat khau\""},
    {"~M\xe1\xba\xadt", "~mat"},
    {"Vie\xcc\xa3\xcc\x82t", "vi\xe1\xbb\x87t"},
    {"\"~x\"", "\"~x\""},
    {"\\xff\\x00", "\"\\xff\\x00\""},
    {"alert.severity:1", "alert.severity:1"},
    {"dest_port:1..1024", ".dest_port:1..1024"},
    {"dest_port:>=1e3", ".dest_port:>=1e3"},
    {"flow.bytes:<12.50", "flow.bytes:<12.50"},
    {"event_type:alert", ".event_type:alert"},
    {".host:x", ".host:x"},
    {"proto:TCP", ".proto:tcp"},
    {"src_ip:10.0.0.0/8", ".src_ip:10.0.0.0/8"},
    {"src_ip:\"10.0.0.0\"", ".src_ip:\"10.0.0.0\""},
    {"x.y:\"443\"", "x.y:\"443\""},
    {"pid:100..200", "pid:100..200"},
    {"pid:>4000000000000000000000", "pid:>4000000000000000000000"},
    {"ns1:53", "\"ns1:53\""},
    {"fe80::1", "\"fe80::1\""},
    {"since:21/11/2026", "since:2026-11-20T17:00:00Z"},
    {"since:\"21/11/2026 08:30\" x", "x since:2026-11-21T01:30:00Z"},
    {"from:logs x", "x"},
    {"x | top 5 program", "x | top 5 program"},
    {"x | count by program | top 5", "x | count by program | top 5"},
    {"x | top 3 program, host by pid", "x | top 3 program, host by pid"},
    {"x | sum flow.bytes by src_ip | sort -sum_flow.bytes | limit 3",
     "x | sum flow.bytes by .src_ip | sort -sum_flow.bytes | limit 3"},
    {"x | histogram 5m by program", "x | histogram 5m by program"},
    {"x | histogram 5m sum pid by program, host", "x | histogram 5m sum pid by program, host"},
    {"x | histogram 1h p99 pid | top 3 by p99_pid", "x | histogram 1h p99 pid | top 3 by p99_pid"},
    {"x | fields at,host,msg | unique host | sort host", "x | fields at, host, msg | unique host | sort host"},
    {"x | p99 flow.age", "x | p99 flow.age"},
    {"x | max at by host | top 2 by max_at", "x | max at by host | top 2 by max_at"},
    {"\"OR\"", "or"},
    {"*fail*", "fail"},
    {"**", "*"},
    {"f?il*x", "f?il*x"},
    {"\"a\\*b\\?\\\"\\\\\"", "\"a\\*b\\?\\\"\\\\\""},
    {"C:/x", NULL},
    {"12:30:45", "\"12:30:45\""},
    {"Ngh\xe1\xbb\x87 An", "ngh\xe1\xbb\x87 an"},
    {"program:sshd", "program:sshd"},
    {"PROGRAM:SSHD", "program:sshd"},
    {"host:\"\"", "host:\"\""},
    {"host:*", "host:*"},
    {"msg:\"session opened*\"", "msg:\"session opened*\""},
    {"source:10.8.0.0/16", "source:10.8.0.0/16"},
    {"source:10.8.0.1/32", "source:10.8.0.1"},
    {"source:2001:DB8::1", "source:2001:db8::1"},
    {"source:2001:db8::/32", "source:2001:db8::/32"},
    {"source:10.8.*", "source:10.8.*"},
    {"severity:3", "severity:err"},
    {"severity:error", "severity:err"},
    {"severity:<=err", "severity:<=err"},
    {"severity:>4", "severity:>warning"},
    {"severity:e*", "severity:e*"},
    {"facility:authpriv", "facility:authpriv"},
    {"facility:10", "facility:authpriv"},
    {"transport:tls format:rfc5424", "transport:tls format:rfc5424"},
    {"flags:bad_time", "flags:bad_time"},
    {"flags:*", "flags:*"},
    {"since:-2h", "since:2026-11-21T00:30:00Z"},
    {"since:-1h30m x", "x since:2026-11-21T01:00:00Z"},
    {"x since:2026-11-20 until:2026-11-21T08:00:00+07:00 y",
     "x y since:2026-11-19T17:00:00Z until:2026-11-21T01:00:00Z"},
    {"since:09:00", "since:2026-11-21T02:00:00Z"},
    {"since:08:59:59 until:now", "since:2026-11-21T01:59:59Z until:2026-11-21T02:30:00Z"},
    {"since:2026-11-21T08:00", "since:2026-11-21T01:00:00Z"},
    {"since:2026-11-21T08:00:00.25", "since:2026-11-21T01:00:00.250Z"},
    {"since:2026-11-21T01:00:00Z", "since:2026-11-21T01:00:00Z"},
    {"a OR since:-1d b", "a OR b since:2026-11-20T02:30:00Z"},
    {"| count", "| count"},
    {"x|count by source,host , program", "x | count by source, host, program"},
    {"x | count by host | limit 10", "x | count by host | limit 10"},
    {"x | limit 10 | count", "x | limit 10 | count"},
    {"x | count | count", "x | count | count"},
    {"| limit 1 | limit 2", "| limit 1 | limit 2"},

    {"x | histogram 90m", "x | histogram 1h30m"},
    {"| limit 5", "| limit 5"},
};

static void parse_prints(void **state)
{
    struct arena a = arena_init(8 << 20);
    struct buf out;

    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < COUNT(parses); i++) {
        struct query *q, *again;
        struct err e = {0};
        int rc = query_parse(&a, str_c(parses[i].text), now_ns, &q, &e);
        if (parses[i].printed == NULL) {
            assert_int_equal(rc, -EINVAL);
            continue;
        }
        if (rc < 0)
            print_error("\"%s\": %s at %u\n", parses[i].text, e.key, e.col);
        assert_int_equal(rc, 0);
        buf_clear(&out);
        assert_int_equal(query_print(q, &out), 0);
        assert_str(buf_view(&out), parses[i].printed);
        assert_int_equal(query_parse(&a, buf_view(&out), now_ns, &again, &e), 0);
        assert_true(query_equal(q, again));
    }
    buf_done(&out);
    arena_free(&a);
}

static const struct {
    const char *text;
    unsigned col;
    const char *key, *arg;
} mistakes[] = {
    {"prog:sshd", 1, "journal.query_field_hint", "program"},
    {"x hots:a", 3, "journal.query_field_hint", "host"},
    {"x sincee:-1h", 3, "journal.query_field_hint", "since"},
    {"http://x", 1, "journal.query_field_quote", NULL},
    {"a \"b", 3, "journal.query_unclosed_quote", NULL},
    {"a \"b\\\"", 3, "journal.query_unclosed_quote", NULL},
    {"a (b OR c", 3, "journal.query_unclosed_paren", NULL},
    {"a ) b", 3, "journal.query_unexpected", NULL},
    {")", 1, "journal.query_unexpected", NULL},
    {"OR a", 1, "journal.query_unexpected", NULL},
    {"a OR", 5, "journal.query_operand", NULL},
    {"a AND", 6, "journal.query_operand", NULL},
    {"a OR OR b", 6, "journal.query_operand", NULL},
    {"NOT", 4, "journal.query_operand", NULL},
    {"a ()", 4, "journal.query_operand", NULL},
    {"host:", 6, "journal.query_no_value", "host"},
    {"host: a", 6, "journal.query_no_value", "host"},
    {"\"\"", 1, "journal.query_empty_text", NULL},
    {"severity:errr", 10, "journal.query_value_hint", "err"},
    {"severity:zzzzzz", 10, "journal.query_value", NULL},
    {"severity:<=zzz", 10, "journal.query_value", NULL},
    {"severity:9", 10, "journal.query_value", NULL},
    {"facility:<=auth", 10, "journal.query_value_hint", "auth"},
    {"transport:ttcp", 11, "journal.query_value_hint", "tcp"},
    {"source:10.8.0.1/16", 8, "journal.query_prefix", "10.8.0.0/16"},
    {"source:10.8.0", 8, "journal.query_address", NULL},
    {"source:10.8.0.0/33", 8, "journal.query_address", NULL},
    {"a since:yesterday", 9, "journal.query_time", NULL},
    {"since:2026-13-01", 7, "journal.query_time", NULL},
    {"since:25:00", 7, "journal.query_time", NULL},
    {"since:-99999999999w", 7, "journal.query_time", NULL},
    {"since:-999999w", 7, "journal.query_time", NULL},
    {"since:", 7, "journal.query_time", NULL},
    {"(since:-1h)", 2, "journal.query_time_nested", "since"},
    {"NOT until:-1h", 5, "journal.query_time_nested", "until"},
    {"since:-1h since:-2h", 11, "journal.query_time_twice", "since"},
    {"until:-2h since:-1h", 17, "journal.query_time_order", NULL},
    {"since:-1h OR a", 11, "journal.query_operand_before", NULL},
    {"a OR since:-1h", 3, "journal.query_operand", NULL},
    {"a | cuont", 5, "journal.query_pipe_hint", "count"},
    {"a | zebra", 5, "journal.query_pipe", NULL},
    {"a |", 4, "journal.query_pipe", NULL},
    {"a | count by", 13, "journal.query_by_missing", NULL},
    {"a | count by hist", 14, "journal.query_field_hint", "host"},
    {"a | count by host,,pid", 19, "journal.query_by_missing", NULL},
    {"| count by host,pid,msg,raw,flags", 29, "journal.query_by_many", NULL},
    {"| count x", 9, "journal.query_unexpected", NULL},
    {"| count | count by host", 20, "journal.query_column", NULL},
    {"| count by host | sort cuont", 24, "journal.query_column_hint", "count"},
    {"| count by host | histogram 5m", 29, "journal.query_histogram_late", NULL},
    {"| top 5", 8, "journal.query_top", NULL},
    {"| top x", 7, "journal.query_limit", NULL},
    {"| sum", 6, "journal.query_by_missing", NULL},
    {"| fields host,", 15, "journal.query_by_missing", NULL},
    {"| sort -", 9, "journal.query_by_missing", NULL},
    {"/a(b/", 5, "journal.query_regex", NULL},
    {"host:/[z-a]/", 10, "journal.query_regex", NULL},
    {"dest_port:>abc", 12, "journal.query_number", NULL},
    {"pid:9..1", 5, "journal.query_range_order", NULL},
    {"relay:tram/1", 7, "journal.query_relay", NULL},
    {"relai:r1", 1, "journal.query_field_hint", "relay"},
    {"from:flow x", 6, "journal.query_source", NULL},
    {"(from:logs)", 2, "journal.query_time_nested", "from"},
    {"from:logs from:logs", 11, "journal.query_time_twice", "from"},
    {"at:>=gestern", 6, "journal.query_time", NULL},
    {"since:\"31/02/2026 25:00\"", 7, "journal.query_time", NULL},
    {"| histogram 5", 13, "journal.query_duration", NULL},
    {"| histogram 0s", 13, "journal.query_duration", NULL},
    {"| limit 0", 9, "journal.query_limit", NULL},
    {"| limit x", 9, "journal.query_limit", NULL},
};

static void mistakes_say_where(void **state)
{
    struct arena a = arena_init(8 << 20);

    for (size_t i = 0; i < COUNT(mistakes); i++) {
        struct query *q = NULL;
        struct err e = {0};
        assert_int_equal(query_parse(&a, str_c(mistakes[i].text), now_ns, &q, &e), -EINVAL);
        if (e.col != mistakes[i].col || strcmp(e.key, mistakes[i].key) != 0)
            print_error("\"%s\": got %s at %u\n", mistakes[i].text, e.key, e.col);
        assert_string_equal(e.key, mistakes[i].key);
        assert_int_equal(e.col, mistakes[i].col);
        assert_null(q);
        if (mistakes[i].arg != NULL)
            assert_true(strcmp(e.arg[0], mistakes[i].arg) == 0 || strcmp(e.arg[1], mistakes[i].arg) == 0);
        for (int lang = LANG_VI; lang <= LANG_EN; lang++) {
            char text[512];
            err_sentence(&e, (enum lang)lang, text, sizeof(text));
            assert_null(strstr(text, "journal."));
        }
    }
    arena_free(&a);
}

static void ceilings_hold(void **state)
{
    struct arena a = arena_init(4 << 20);
    struct buf b;
    struct query *q;
    struct err e = {0};

    buf_init(&b, 1 << 20);
    for (int i = 0; i < QUERY_DEPTH_MAX + 1; i++)
        buf_byte(&b, '(');
    assert_int_equal(query_parse(&a, buf_view(&b), now_ns, &q, &e), -EINVAL);
    assert_string_equal(e.key, "journal.query_deep");
    assert_int_equal(e.col, QUERY_DEPTH_MAX + 1);
    buf_clear(&b);
    for (int i = 0; i < QUERY_DEPTH_MAX + 1; i++)
        buf_z(&b, "NOT ");
    assert_int_equal(query_parse(&a, buf_view(&b), now_ns, &q, &e), -EINVAL);
    assert_string_equal(e.key, "journal.query_deep");
    buf_clear(&b);
    for (int i = 0; i < QUERY_NODES_MAX + 1; i++)
        buf_z(&b, "a ");
    assert_int_equal(query_parse(&a, buf_view(&b), now_ns, &q, &e), -EINVAL);
    assert_string_equal(e.key, "journal.query_too_many");
    buf_clear(&b);
    for (int i = 0; i < PATTERN_MAX + 1; i++)
        buf_byte(&b, 'a');
    assert_int_equal(query_parse(&a, buf_view(&b), now_ns, &q, &e), -EINVAL);
    assert_string_equal(e.key, "journal.query_text_long");
    buf_clear(&b);
    for (int i = 0; i < QUERY_MAX + 1; i++)
        buf_byte(&b, ' ');
    assert_int_equal(query_parse(&a, buf_view(&b), now_ns, &q, &e), -EINVAL);
    assert_string_equal(e.key, "journal.query_long");
    struct arena tiny = arena_init(256);
    assert_int_equal(query_parse(&tiny, STR("a b c"), now_ns, &q, &e), -ENOMEM);
    arena_free(&tiny);
    buf_done(&b);
    arena_free(&a);
}

static const char line[] = "<86>Nov 21 09:30:00 ns1 sshd[412]: Failed password for root from 10.8.0.9 port 4021";

static struct event sample(void)
{
    struct event ev = {.received_ns = now_ns,
                       .event_ns = now_ns - NS_PER_S,
                       .transport = TP_TLS,
                       .format = FMT_RFC3164,
                       .facility = 10,
                       .severity = 6,
                       .flags = EV_BAD_TIME | EV_HAS_NUL,
                       .source = {4, {10, 8, 0, 1}},
                       .raw = STR(line)};
    ev.span[SP_HOST] = (struct span){20, 3};
    ev.span[SP_PROGRAM] = (struct span){24, 4};
    ev.span[SP_PID] = (struct span){29, 3};
    ev.span[SP_MSG] = (struct span){35, sizeof(line) - 1 - 35};
    return ev;
}

static const struct {
    const char *text;
    bool fits;
} matches[] = {
    {"", true},
    {"sshd", true},
    {"SSHD", true},
    {"sshx", false},
    {"\"failed PASSWORD\"", true},
    {"failed root", true},
    {"failed AND toor", false},
    {"toor OR root", true},
    {"NOT toor", true},
    {"NOT (failed root)", false},
    {"fail*root", true},
    {"root*fail", false},
    {"f?iled", true},
    {"fa?led?password", true},
    {"*", true},
    {"4021", true},
    {"\"port 4021\"", true},
    {"4021?", false},
    {"host:ns1", true},
    {"host:NS1", true},
    {"host:ns", false},
    {"host:ns*", true},
    {"host:?s1", true},
    {"program:sshd", true},
    {"program:ssh", false},
    {"pid:412", true},
    {"pid:4*", true},
    {"pid:41", false},
    {"msgid:\"\"", true},
    {"msgid:*", false},
    {"host:\"\"", false},
    {"host:*", true},
    {"msg:\"failed*4021\"", true},
    {"msg:failed", false},
    {"raw:\"<86>*\"", true},
    {"source:10.8.0.1", true},
    {"source:10.8.0.2", false},
    {"source:10.8.0.0/16", true},
    {"source:10.9.0.0/16", false},
    {"source:10.8.*", true},
    {"source:2001:db8::/32", false},
    {"source:\"\"", false},
    {"source:0.0.0.0/0", true},
    {"source:::/0", false},
    {"severity:info", true},
    {"severity:6", true},
    {"severity:<=info", true},
    {"severity:<info", false},
    {"severity:>=info", true},
    {"severity:>info", false},
    {"severity:<=err", false},
    {"severity:*o", true},
    {"facility:authpriv", true},
    {"facility:auth", false},
    {"facility:auth*", true},
    {"transport:tls", true},
    {"transport:t*", true},
    {"transport:udp", false},
    {"format:rfc3164", true},
    {"format:raw", false},
    {"flags:bad_time", true},
    {"flags:bad_*", true},
    {"flags:no_pri", false},
    {"flags:\"\"", false},
    {"since:-1h", true},
    {"since:now", false},
    {"until:now", true},
    {"until:-1s", false},
    {"since:-1s", true},
    {"since:-2s until:-1s", false},
};

static void events_fit(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct event ev = sample();

    for (size_t i = 0; i < COUNT(matches); i++) {
        struct query *q;
        assert_int_equal(query_parse(&a, str_c(matches[i].text), now_ns, &q, NULL), 0);
        if (query_match(q, &ev) != matches[i].fits)
            print_error("\"%s\"\n", matches[i].text);
        assert_int_equal(query_match(q, &ev), matches[i].fits);
    }
    arena_free(&a);
}

/* Fields of JSON lines, marks, bytes, expressions: a line and what fits it. */
static const struct {
    const char *raw, *text;
    bool fits;
} lines[] = {
    {"{\"a\":{\"b\":1},\"n\":18446744073709551617,\"d\":0.10,\"s\":\"X\\u1ec7\\n\"}", "a.b:1", true},
    {"{\"a\":{\"b\":1}}", "a.b:1.0", true},
    {"{\"a\":{\"b\":1}}", "a.b:2", false},
    {"{\"n_x\":18446744073709551617}", "n_x:18446744073709551617", true},
    {"{\"n_x\":18446744073709551617}", "n_x:18446744073709551616", false},
    {"{\"n_x\":18446744073709551617}", "n_x:>18446744073709551616", true},
    {"{\"n_x\":0.10}", "n_x:0.1", true},
    {"{\"n_x\":1e400}", "n_x:>9999999", true},
    {"{\"n_x\":443}", "n_x:1..1024", true},
    {"{\"n_x\":-5}", "n_x:<0", true},
    {"{\"n_x\":\"443\"}", "n_x:443", true},
    {"{\"n_x\":443}", "n_x:44*", true},
    {"{\"s_x\":\"X\\u1ec7 q\"}", "s_x:\"x\xe1\xbb\x87 q\"", true},
    {"{\"s_x\":\"abc\"}", "s_x:/^a.c$/", true},
    {"{\"s_x\":\"abc\"}", "s_x:/^b/", false},
    {"{\"l_x\":[\"p\",\"q\"]}", "l_x:q", true},
    {"{\"l_x\":[1,2,30]}", "l_x:>20", true},
    {"{\"l_x\":[1,2,30]}", "NOT l_x:>40", true},
    {"{\"a\":[{\"b\":7},{\"b\":8}]}", "a.b:8", true},
    {"{\"i_p\":\"10.8.3.4\"}", "i_p:10.8.0.0/16", true},
    {"{\"i_p\":\"2001:DB8:0::1\"}", "i_p:2001:db8::1", true},
    {"{\"i_p\":\"x\"}", "i_p:10.8.0.0/16", false},
    {"{\"t_x\":true}", "t_x:true", true},
    {"{\"t_x\":null}", "t_x:*", false},
    {"{\"t_x\":null}", "t_x:\"\"", true},
    {"{\"t_x\":1", "t_x:1", true}, /* what came before the end was seen */
    {"no json, t_x:1", "t_x:1", false},
    {"{\"host\":\"h9\"}", ".host:h9", true},
    {"Vi\xe1\xbb\x87t Nam", "vi\xe1\xbb\x87t", true},
    {"Vie\xcc\xa3\xcc\x82t Nam", "vi\xe1\xbb\x87t", true},
    {"Vi\xc3\xaa\xcc\xa3t Nam", "vi\xe1\xbb\x87t", true}, /* half composed */
    {"Vi\xe1\xbb\x87t Nam", "vie\xcc\xa3\xcc\x82t", true},
    {"\xff Vie\xcc\xa3\xcc\x82t \xfe", "vi\xe1\xbb\x87t", true},
    {"Vi\xe1\xbb\x87t Nam", "viet", false},
    {"Vi\xe1\xbb\x87t Nam", "~viet", true},
    {"\xc4\x90\xe1\xbb\x97 Th\xe1\xbb\x8b H\xe1\xba\xa1nh", "~\"do thi hanh\"", true},
    {"mat khau", "~\"m\xe1\xba\xadt kh\xe1\xba\xa9u\"", true},
    {"a\xff\x01z", "a\\xff\\x01z", true},
    {"a\xfez", "a\\xffz", false},
    {"a\\xffz", "\"a\\\\xffz\"", true},
    {"port 22 now", "/port [0-9]+ /", true},
    {"PORT 22 now", "/port/", false},
    {"PORT 22 now", "/port/i", true},
    {"a\xff"
     "b",
     "/a\\xff/", true},
    {"Vi\xe1\xbb\x87t\xff", "/Vi\xe1\xbb\x87t$/", false},
    {"/var/log/messages", "/var/log/messages", true},
};

static void lines_fit(void **state)
{
    struct arena a = arena_init(8 << 20);

    for (size_t i = 0; i < COUNT(lines); i++) {
        struct event ev = {.raw = str_c(lines[i].raw), .span[SP_MSG] = {0, (uint32_t)strlen(lines[i].raw)}};
        struct err e = {0};
        struct query *q = NULL, *again = NULL;
        struct buf b;
        if (query_parse(&a, str_c(lines[i].text), now_ns, &q, &e) < 0)
            print_error("%s: %s at %u\n", lines[i].text, e.key, e.col);
        assert_non_null(q);
        if (query_match(q, &ev) != lines[i].fits)
            print_error("\"%s\" in \"%s\"\n", lines[i].text, lines[i].raw);
        assert_int_equal(query_match(q, &ev), lines[i].fits);
        buf_init(&b, 1 << 16);
        assert_int_equal(query_print(q, &b), 0);
        assert_int_equal(query_parse(&a, buf_view(&b), now_ns, &again, &e), 0);
        assert_true(query_equal(q, again));
        assert_int_equal(query_match(again, &ev), lines[i].fits);
        buf_done(&b);
    }
    arena_free(&a);
}

static const struct {
    const char *a, *b;
    int cmp;
} decimals[] = {
    {"1", "1.0", 0},       {"0", "-0.00", 0},
    {"10", "9", 1},        {"-10", "-9", -1},
    {"1e3", "1000", 0},    {"0.001", "1e-3", 0},
    {"12.5", "12.45", 1},  {"+7", "007", 0},
    {"1e-999", "0", 1},    {"99999999999999999999", "1e20", -1},
    {"0.1", "0.10000", 0}, {"100", "1e2", 0},
    {"-1e5", "1e-5", -1},  {"1000000", "999999.9", 1},
};

static void decimals_compare(void **state)
{
    static const char *const bad[] = {"", "-", ".5", "5.", "1e", "1e+", "1x", "0x1", "1.2.3", "1e1234567", "nan"};
    struct decimal x, y;
    fixed9 v = 0;
    struct buf b;

    for (size_t i = 0; i < COUNT(decimals); i++) {
        assert_true(decimal_parse(str_c(decimals[i].a), &x) && decimal_parse(str_c(decimals[i].b), &y));
        assert_int_equal(decimal_cmp(&x, &y), decimals[i].cmp);
        assert_int_equal(decimal_cmp(&y, &x), -decimals[i].cmp);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(decimal_parse(str_c(bad[i]), &x));
    buf_init(&b, 100);
    assert_true(decimal_parse(STR("-12.500"), &x) && decimal_fixed(&x, &v));
    fixed9_print(v, &b);
    assert_str(buf_view(&b), "-12.5");
    assert_true(decimal_parse(STR("1e-10"), &x) && !decimal_fixed(&x, &v));
    assert_true(decimal_parse(STR("1e30"), &x) && !decimal_fixed(&x, &v));
    buf_done(&b);
}

static void fields_have_text(void **state)
{
    static const struct {
        enum query_field f;
        const char *text;
    } want[] = {
        {QF_SOURCE, "10.8.0.1"},
        {QF_HOST, "ns1"},
        {QF_PROGRAM, "sshd"},
        {QF_PID, "412"},
        {QF_MSGID, ""},
        {QF_SEVERITY, "info"},
        {QF_FACILITY, "authpriv"},
        {QF_TRANSPORT, "tls"},
        {QF_FORMAT, "rfc3164"},
        {QF_FLAGS, "bad_time,has_nul"},
        {QF_RAW, line},
    };
    struct event ev = sample();
    char scratch[64];

    for (size_t i = 0; i < COUNT(want); i++)
        assert_str(query_field_text(&ev, want[i].f, scratch), want[i].text);
    ev.flags = 0xffff;
    assert_str(query_field_text(&ev, QF_FLAGS, scratch), "0xffff");
    ev.severity = ev.facility = 200;
    assert_str(query_field_text(&ev, QF_SEVERITY, scratch), "");
    for (int v = 0; v < 1 << 13; v++) {
        ev.flags = (uint16_t)v;
        assert_in_range(query_field_text(&ev, QF_FLAGS, scratch).n, v ? 1 : 0, 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_prints),     cmocka_unit_test(mistakes_say_where), cmocka_unit_test(ceilings_hold),
        cmocka_unit_test(events_fit),       cmocka_unit_test(lines_fit),          cmocka_unit_test(decimals_compare),
        cmocka_unit_test(fields_have_text),
    };
    return cmocka_run_group_tests_name("journal/query", tests, NULL, NULL);
}

/* Lines over real sockets through a real child: each transport, each framing,
 * and what hostile or broken senders do. */
#include "intake/test_kit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void udp_datagrams(void **state)
{
    struct kit k = {.keep_lines = true};
    struct sockaddr_in me;
    socklen_t len = sizeof(me);

    kit_start(&k, NULL);
    int fd = kit_udp(k.udp);
    getsockname(fd, (struct sockaddr *)&me, &len);
    kit_send_z(fd, "<34>1 2026-03-01T05:00:00Z h su 7 - - hello");
    kit_until(&k, 1);
    assert_int_equal(k.last.transport, TP_UDP);
    assert_int_equal(k.last.format, FMT_RFC5424);
    assert_int_equal(k.last.source.family, 4);
    assert_int_equal(k.last.source.b[0], 127);
    assert_int_equal(k.last.source_port, ntohs(me.sin_port));
    assert_true(str_eq(event_field(&k.last, SP_PROGRAM), STR("su")));
    kit_send(fd, STR("<34>two\nlines\0and nul\n"));
    kit_until(&k, 2);
    assert_true(str_eq(k.last.raw, STR("<34>two\nlines\0and nul\n")));
    assert_true(k.last.flags & EV_HAS_NUL);
    char *big = malloc(65507);
    memset(big, 'x', 65507);
    kit_send(fd, (str){big, 65507});
    kit_until(&k, 3);
    assert_int_equal(k.raw_bytes, strlen("<34>1 2026-03-01T05:00:00Z h su 7 - - hello") + 22 + 65507);
    assert_int_equal(kit_stats(&k).received, 3);
    assert_int_equal(kit_stats(&k).drop_udp_kernel, 0);
    free(big);
    close(fd);
    kit_stop(&k);
}

static void tcp_both_framings(void **state)
{
    struct kit k = {.keep_lines = true};

    kit_start(&k, NULL);
    int fd = kit_connect(k.tcp);
    kit_send_z(fd, "<34>Mar  1 12:00:00 h su: a\n31 <34>1 - h b - - - counted\nlines<34>c\r\n");
    kit_until(&k, 3);
    assert_true(
        str_eq(buf_view(&k.lines), STR("<34>Mar  1 12:00:00 h su: a\n<34>1 - h b - - - counted\nlines\n<34>c\r\n")));
    assert_int_equal(k.last.transport, TP_TCP);
    kit_send_z(fd, "<34>half a li");
    kit_while(&k, kit_stats(&k).bytes < 80);
    kit_send_z(fd, "ne\n<34>not ended");
    kit_until(&k, 4);
    assert_true(str_eq(k.last.raw, STR("<34>half a line")));
    close(fd);
    kit_until(&k, 5);
    assert_true(str_eq(k.last.raw, STR("<34>not ended")));
    assert_true(k.last.flags & EV_BAD_FRAME);
    kit_while(&k, kit_stats(&k).conn_open > 0);
    assert_int_equal(kit_stats(&k).conn_total, 1);
    kit_stop(&k);
}

static void ipv6_only(struct intake_cfg *cfg)
{
    cfg->tcp = STR("[::1]:0");
    cfg->udp = STR_NONE;
}

static void tcp_over_ipv6(void **state)
{
    struct kit k = {0};
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int probe = socket(AF_INET6, SOCK_STREAM, 0);

    if (probe < 0 || bind(probe, (struct sockaddr *)&a, sizeof(a)) < 0) {
        close(probe);
        print_message("# no IPv6 on this machine\n");
        return;
    }
    close(probe);
    kit_start(&k, ipv6_only);
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    a.sin6_port = htons(k.tcp);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    kit_send_z(fd, "<34>x\n");
    kit_until(&k, 1);
    assert_int_equal(k.last.source.family, 6);
    assert_int_equal(k.last.source.b[15], 1);
    assert_int_equal(k.udp, 0);
    close(fd);
    kit_stop(&k);
}

/* Every byte in is raw, framing or skipped; a good line behind it arrives. */
static const struct bad {
    const char *name;
    size_t size;
    char fill;
    const char *head;
    uint64_t frames, skipped;
} bads[] = {
    {"1 MiB without newline", 1 << 20, 'x', "<34>", 1, (1 << 20) + 4 - EVENT_RAW_MAX},
    {"1 MiB of NUL", 1 << 20, 0, "", 1, (1 << 20) - EVENT_RAW_MAX},
    {"invalid UTF-8", 1000, (char)0xff, "<34>", 1, 0},
    {"count too large to be true", 500, 'y', "9999999 <34>", 1, 0},
    {"count a little too large", 50, 'y', "55 <34>a\n<35>", 2, 0},
    {"count too small", 50, 'y', "7 <34>abcde", 2, 0},
};

static void bad_input(void **state)
{
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        const struct bad *b = &bads[i];
        struct kit k = {.keep_lines = true};
        struct buf in;
        kit_start(&k, NULL);
        buf_init(&in, 4 << 20);
        buf_z(&in, b->head);
        for (size_t n = 0; n < b->size; n++)
            buf_byte(&in, (uint8_t)b->fill);
        buf_z(&in, "\n<13>Mar  1 12:00:00 h ok: alive\n");
        int fd = kit_connect(k.tcp);
        kit_send(fd, buf_view(&in));
        kit_until(&k, b->frames + 1);
        if (!str_eq(k.last.raw, STR("<13>Mar  1 12:00:00 h ok: alive")))
            fail_msg("%s: last is %.*s", b->name, STR_ARGS(k.last.raw));
        kit_while(&k, kit_stats(&k).bytes < in.n);
        assert_int_equal(kit_stats(&k).skipped_bytes, b->skipped);
        assert_in_range(in.n - k.raw_bytes - b->skipped, b->frames, b->frames + 9);
        assert_int_equal(kit_stats(&k).truncated, b->skipped > 0);
        assert_int_equal(kit_stats(&k).restarts, 0);
        buf_done(&in);
        close(fd);
        kit_stop(&k);
    }
}

static void two_idle_one_source(struct intake_cfg *cfg)
{
    cfg->idle_seconds = 1;
    cfg->max_connections = 5;
    cfg->max_per_source = 3;
}

/* A byte now and then is no frame: closed. Whole lines keep a connection open. */
static void slow_sender_is_closed(void **state)
{
    struct kit k = {.keep_lines = true};
    bool slow_open = true;
    int turns = 0;

    kit_start(&k, two_idle_one_source);
    int slow = kit_connect(k.tcp), good = kit_connect(k.tcp);
    kit_send_z(good, "<34>x\n");
    kit_while(&k, slow_open)
    {
        if (send(slow, "b", 1, MSG_NOSIGNAL) < 0 || kit_closed(slow))
            slow_open = false;
        if (turns++ % 20 == 0)
            kit_send_z(good, "<34>x\n");
    }
    kit_while(&k, kit_stats(&k).drop_idle < 1);
    assert_int_equal(kit_stats(&k).drop_idle, 1);
    assert_false(kit_closed(good));
    kit_while(&k, str_find(buf_view(&k.lines), STR("b")) == SIZE_MAX); /* its bytes are kept all the same */
    close(slow);
    close(good);
    kit_stop(&k);
}

static void limits_are_counted(void **state)
{
    struct kit k = {0};
    int fd[5];

    kit_start(&k, two_idle_one_source);
    for (int i = 0; i < 5; i++)
        fd[i] = kit_connect(k.tcp);
    kit_while(&k, kit_stats(&k).drop_source_limit < 2);
    assert_int_equal(kit_stats(&k).conn_total, 3);
    for (int i = 0; i < 5; i++)
        close(fd[i]);
    kit_stop(&k);
}

/* The child that runs is confined. */
static void child_is_confined(void **state)
{
    struct kit k = {0};
    char path[64], text[8192];
    bool confined = false;

    kit_start(&k, NULL);
    snprintf(path, sizeof(path), "/proc/%d/status", (int)intake_pid(k.in));
    kit_while(&k, !confined)
    {
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        text[fread(text, 1, sizeof(text) - 1, f)] = 0;
        fclose(f);
        confined = strstr(text, "Seccomp:\t2") != NULL && strstr(text, "NoNewPrivs:\t1") != NULL;
    }
    assert_true(geteuid() != 0 || strstr(text, "Uid:\t65534\t65534\t65534\t65534") != NULL);
    kit_stop(&k);
}

static void wrong_configuration(void **state)
{
    static const struct {
        const char *udp, *key;
        size_t ring;
    } rows[] = {
        {"localhost:514", "intake.address", 8 << 20},   {"127.0.0.1", "intake.address", 8 << 20},
        {"127.0.0.1:65536", "intake.address", 8 << 20}, {"::1:514", "intake.address", 8 << 20},
        {"192.0.2.1:0", "intake.bind", 8 << 20},        {"127.0.0.1:0", "intake.ring_bytes", 4096},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct intake_cfg cfg = {.udp = str_c(rows[i].udp),
                                 .ring_bytes = rows[i].ring,
                                 .max_connections = 1,
                                 .max_per_source = 1,
                                 .idle_seconds = 1,
                                 .self_exe = "/proc/self/exe"};
        struct intake *in = NULL;
        struct err e = {0};
        assert_true(intake_start(&cfg, &clock_system, &in, &e) < 0);
        assert_string_equal(e.key, rows[i].key);
        assert_null(in);
    }
}

int main(int argc, char **argv)
{
    KIT_CHILD(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(udp_datagrams),         cmocka_unit_test(tcp_both_framings),
        cmocka_unit_test(tcp_over_ipv6),         cmocka_unit_test(bad_input),
        cmocka_unit_test(slow_sender_is_closed), cmocka_unit_test(limits_are_counted),
        cmocka_unit_test(child_is_confined),     cmocka_unit_test(wrong_configuration),
    };
    return cmocka_run_group_tests_name("intake/net", tests, NULL, NULL);
}

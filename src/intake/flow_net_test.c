/* Flows and JSON lines through a real child over real sockets: what it learned
 * outlives it, and the program. */
#include "intake/flow_kit.h"
#include "intake/test_kit.h"
#include "base/file.h"
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SECS = 1700000000 };
static struct kit k;
static struct buf b;
static char dir[64], state_path[100], stream_path[100], dgram_path[100];
static struct flow_note last[FN_KINDS];
static uint64_t told[FN_KINDS];
static uint64_t packets;
static struct flow_exporter exporter;

static void on_note(void *ctx, const struct flow_note *n)
{
    told[n->kind]++;
    last[n->kind] = *n;
}

static void on_flows(struct kit *kit, const struct flow_view *v)
{
    for (uint32_t i = 0; i < v->rows; i++)
        packets += flow_view_value(v, FC_packets, i);
    if (v->nexporters > 0)
        flow_view_exporter(v, 0, &exporter);
}

static void change(struct intake_cfg *cfg)
{
    cfg->flow = cfg->ipfix = cfg->json_tcp = STR("127.0.0.1:0");
    cfg->json_unix = str_c(stream_path);
    cfg->json_dgram = str_c(dgram_path);
    cfg->flow_state = str_c(state_path);
    cfg->flow_note = on_note;
}

static void start(void)
{
    kit_start(&k, change);
    k.on_flows = on_flows;
}

static int setup(void **state)
{
    memset(told, 0, sizeof(told));
    packets = 0;
    snprintf(dir, sizeof(dir), "/tmp/luy-flow-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(state_path, sizeof(state_path), "%s/state", dir);
    snprintf(stream_path, sizeof(stream_path), "%s/stream", dir);
    snprintf(dgram_path, sizeof(dgram_path), "%s/dgram", dir);
    buf_init(&b, 1 << 17);
    start();
    return 0;
}

static int teardown(void **state)
{
    kit_stop(&k);
    buf_done(&b);
    unlink(state_path);
    unlink(stream_path);
    unlink(dgram_path);
    return rmdir(dir);
}

static void template(void)
{
    w_v9(&b, 1, 1000, SECS, 0, 7);
    size_t at = w_set(&b, 0);
    w16(&b, 256), w16(&b, 3), w_fields(&b, (const uint16_t[]){8, 4, 12, 4, 2, 4}, 6);
    w_set_end(&b, at);
}
static void data(uint32_t seq, int n)
{
    w_v9(&b, 1, 1000, SECS, seq, 7);
    size_t at = w_set(&b, 256);
    for (int i = 0; i < n; i++)
        wip(&b, "10.0.0.1"), wip(&b, "10.0.0.2"), w32(&b, 3);
    w_set_end(&b, at);
}
static void send_to(int fd) { kit_send(fd, buf_view(&b)); }

static void flows_arrive_on_both_ports(void **state)
{
    int one = kit_udp(k.flow), two = kit_udp(k.ipfix);

    template(), send_to(one);
    data(1, 100), send_to(one);
    template(), send_to(two);
    data(1, 50), send_to(two);
    kit_while(&k, k.flows < 150);
    assert_int_equal(packets, 450);
    assert_int_equal(exporter.version, 9);
    assert_int_equal(exporter.domain, 7);
    assert_int_equal(exporter.ip.family, 4);
    struct intake_stats s = kit_stats(&k);
    assert_int_equal(s.flow_records, 150);
    assert_int_equal(s.flow_datagrams, 4);
    assert_int_equal(k.events, 0);
    close(one);
    close(two);
}

static void losses_are_told_by_exporter(void **state)
{
    int fd = kit_udp(k.flow);

    template(), send_to(fd);
    data(1, 1), send_to(fd);
    data(12, 1), send_to(fd);
    kit_while(&k, told[FN_LOST] == 0);
    assert_int_equal(last[FN_LOST].n, 10);
    assert_int_equal(last[FN_LOST].version, 9);
    buf_clear(&b);
    w32(&b, 5), w32(&b, 1), w32(&b, 0x0a000001), w32(&b, 0), w32(&b, 1), w32(&b, 1000), w32(&b, 0);
    send_to(fd);
    kit_while(&k, told[FN_SFLOW] == 0);
    assert_int_equal(kit_stats(&k).drop_flow_sflow, 1);
    close(fd);
}

static void templates_outlive_the_child(void **state)
{
    int fd = kit_udp(k.flow);
    pid_t old = intake_pid(k.in);

    template(), send_to(fd);
    data(1, 5), send_to(fd);
    kit_while(&k, k.flows < 5);
    kill(old, SIGKILL);
    kit_while(&k, intake_pid(k.in) == old || intake_pid(k.in) < 0);
    data(2, 5), send_to(fd);
    kit_while(&k, k.flows < 10);
    assert_int_equal(k.gaps, 1);
    close(fd);
}

static void templates_outlive_the_program(void **state)
{
    int fd = kit_udp(k.flow);
    struct stat st;

    template(), send_to(fd);
    data(1, 5), send_to(fd);
    kit_while(&k, k.flows < 5);
    kit_stop(&k);
    assert_int_equal(stat(state_path, &st), 0);
    start();
    struct sockaddr_in to = {/* the same exporter: its socket, another destination */
                             .sin_family = AF_INET,
                             .sin_port = htons(k.flow),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    data(2, 7), send_to(fd);
    kit_while(&k, k.flows < 7);
    close(fd);
}

static void a_damaged_state_file_is_left_alone(void **state)
{
    kit_stop(&k);
    static const char nonsense[] = "LYT1\1\0\0\0\xff\xff\xff\xff garbage";
    assert_int_equal(file_write_atomic(state_path, STR(nonsense), 0600, NULL), 0);
    start();
    int fd = kit_udp(k.flow);
    template(), send_to(fd);
    data(1, 2), send_to(fd);
    kit_while(&k, k.flows < 2);
    close(fd);
}

/* --- JSON lines ------------------------------------------------------------ */

static int unix_client(int type, const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    memcpy(sa.sun_path, path, strlen(path));
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    return fd;
}

static const char line[] = "{\"timestamp\":\"2026-03-01T12:00:00.123456+0700\",\"flow_id\":1959620435402694123,"
                           "\"event_type\":\"alert\",\"host\":\"ids-1\",\"alert\":{\"severity\":1}}";

static void json_is(uint8_t transport)
{
    assert_int_equal(k.last.format, FMT_JSON);
    assert_int_equal(k.last.transport, transport);
    assert_string_equal(strndupa(k.last.raw.p, k.last.raw.n), line);
    assert_true(str_eq(event_field(&k.last, SP_HOST), STR("ids-1")));
    assert_true(str_eq(event_field(&k.last, SP_PROGRAM), STR("alert")));
    assert_int_equal(k.last.event_ns, 1772341200123456000LL);
    assert_int_equal(k.last.severity, 2);
}

static void json_over_every_socket(void **state)
{
    int fd = kit_connect(k.json_tcp);

    kit_send_z(fd, line), kit_send_z(fd, "\n");
    kit_until(&k, 1);
    json_is(TP_TCP);
    kit_send_z(fd, "12 {\"a\":1}\n{broken\n"); /* a digit begins no count here */
    kit_until(&k, 3);
    assert_int_equal(kit_stats(&k).json_bad, 2);
    close(fd);
    fd = unix_client(SOCK_STREAM, stream_path);
    kit_send_z(fd, line), kit_send_z(fd, "\n");
    kit_until(&k, 4);
    json_is(TP_UNIX);
    close(fd);
    fd = unix_client(SOCK_DGRAM, dgram_path);
    kit_send_z(fd, line);
    kit_until(&k, 5);
    json_is(TP_UNIX);
    close(fd);
}

static void only_a_socket_is_replaced(void **state)
{
    struct intake_cfg cfg = k.cfg;
    struct intake *in = NULL;
    struct err e = {0};

    assert_int_equal(file_write_atomic(state_path, STR("a file"), 0600, NULL), 0);
    cfg.flow = cfg.ipfix = cfg.json_tcp = cfg.udp = cfg.tcp = cfg.json_dgram = STR_NONE;
    cfg.json_unix = str_c(state_path);
    cfg.flow_state = STR_NONE;
    assert_int_equal(intake_start(&cfg, &clock_system, &in, &e), -EADDRINUSE);
    cfg.json_unix = STR("relative");
    assert_int_equal(intake_start(&cfg, &clock_system, &in, &e), -EINVAL);
}

int main(int argc, char **argv)
{
    KIT_CHILD(argc, argv);
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(flows_arrive_on_both_ports),    T(losses_are_told_by_exporter),        T(templates_outlive_the_child),
        T(templates_outlive_the_program), T(a_damaged_state_file_is_left_alone), T(json_over_every_socket),
        T(only_a_socket_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Lines of identity and pins; backoff; who is let in over TLS, by key alone. */
#include "base/test-int.h"
#include "base/file.h"
#include "relay/centre.h"
#include "relay/forward.h"
#include "relay/pin.h"
#include "relay/tls.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const struct {
    const char *line;
    int rc;
} lines[] = {
    {"luy-relay xa-dong key=" KEY_A " anchor=" KEY_B, 0},
    {"  luy-relay xa-dong key=" KEY_A " anchor=" KEY_B "\n", 0},
    {"luy-centre trung-tam key=" KEY_A, 0},
    {"luy-relay xa-dong key=" KEY_A, -EINVAL},
    {"luy-centre trung-tam key=" KEY_A " anchor=" KEY_B, -EINVAL},
    {"luy-relay xa-dong key=" KEY_A " anchor=" KEY_B " more", -EINVAL},
    {"luy-relay Xa key=" KEY_A " anchor=" KEY_B, -EINVAL},
    {"luy-relay ../x key=" KEY_A " anchor=" KEY_B, -EINVAL},
    {"luy-relay .x key=" KEY_A " anchor=" KEY_B, -EINVAL},
    {"luy-relay flows key=" KEY_A " anchor=" KEY_B, -EINVAL},
    {"luy-relay flows2 key=" KEY_A " anchor=" KEY_B, 0},
    {"luy-relay x key=0" KEY_A " anchor=" KEY_B, -EINVAL},
    {"luy-relay x key=" KEY_A " anchor=xyz", -EINVAL},
    {"luy-relay", -EINVAL},
    {"", -EINVAL},
};

static void lines_of_identity(void **state)
{
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct relay_pin p, q;
        struct err e = {0};
        char text[300];
        if (relay_pin_parse(str_c(lines[i].line), &p, &e) != lines[i].rc)
            fail_msg("line %zu: %s", i, lines[i].line);
        if (lines[i].rc < 0)
            continue;
        relay_pin_print(&p, text);
        assert_int_equal(relay_pin_parse(str_c(text), &q, &e), 0);
        assert_string_equal(p.name, q.name);
        assert_string_equal(p.key, q.key);
        assert_string_equal(p.anchor, q.anchor);
    }
}

static int count(void *ctx, const struct relay_pin *p)
{
    ++*(int *)ctx;
    return 0;
}

static int counted(const char *dir, bool was)
{
    int n = 0;
    assert_int_equal(relay_pins(dir, was, count, &n, NULL), 0);
    return n;
}

static void pins(void **state)
{
    char dir[] = "/tmp/luy-pins-XXXXXX", path[100];
    struct relay_pin a = {"a", KEY_A, KEY_B}, again = {"b", KEY_A, KEY_B}, b = {"b", KEY_B, KEY_A};
    struct err e = {0};

    assert_non_null(mkdtemp(dir));
    assert_int_equal(counted(dir, false), 0);
    assert_int_equal(relay_pin_add(dir, &a, &e), 0);
    assert_int_equal(relay_pin_add(dir, &a, &e), -EEXIST);
    assert_int_equal(relay_pin_add(dir, &again, &e), -EEXIST); /* one key under two names */
    assert_int_equal(relay_pin_add(dir, &b, &e), 0);
    assert_int_equal(counted(dir, false), 2);
    assert_int_equal(relay_pin_drop(dir, STR("a"), &e), 0);
    assert_int_equal(relay_pin_drop(dir, STR("a"), &e), -ENOENT);
    assert_int_equal(relay_pin_drop(dir, STR("../a"), &e), -EINVAL);
    assert_int_equal(counted(dir, false), 1);
    assert_int_equal(counted(dir, true), 1);
    for (const char *const *f = (const char *const[]){"a/dropped", "a", "b/pin", "b", NULL}; *f != NULL; f++) {
        snprintf(path, sizeof(path), "%s/%s", dir, *f);
        if (remove(path) != 0)
            fail_msg("%s", path);
    }
    rmdir(dir);
}

static void backoff(void **state)
{
    for (unsigned n = 0; n < 40; n++)
        for (uint32_t r = 0; r < 4096; r += 37) {
            int64_t least = (n < 9 ? 1LL << n : 300) * NS_PER_S, t = relay_backoff_ns(n, r);
            assert_true(t >= least && t < least + least / 4 + 1);
        }
}

struct host {
    char dir[64], key[65];
    struct vault *v;
    void *ctx;
};

static void host_start(struct host *h, bool server)
{
    struct arena a = arena_init(256 << 10);
    struct err e = {0};
    str cert, key;

    snprintf(h->dir, sizeof(h->dir), "/tmp/luy-tls-XXXXXX");
    assert_non_null(mkdtemp(h->dir));
    assert_int_equal(vault_open(h->dir, &clock_system, &h->v, &e), 0);
    assert_int_equal(vault_key_ensure(h->v, STR("relay"), VAULT_P256, &e), 0);
    assert_int_equal(vault_cert_ensure(h->v, STR("relay"), STR("luy relay"), STR("DNS:relay"), 30, &e), 0);
    assert_int_equal(vault_export_tls(h->v, &a, STR("relay"), &cert, &key, &e), 0);
    assert_int_equal(relay_tls_cert_key(cert, h->key, &e), 0);
    assert_int_equal(relay_tls_ctx(cert, key, server, &h->ctx, &e), 0);
    arena_free(&a);
}

static void host_end(struct host *h)
{
    char path[100];

    relay_tls_ctx_free(h->ctx);
    vault_close(h->v);
    for (const char *const *f = (const char *const[]){"relay.key", "relay.crt", "ca.key", "ca.crt", "lock", NULL};
         *f != NULL; f++) {
        snprintf(path, sizeof(path), "%s/%s", h->dir, *f);
        remove(path);
    }
    rmdir(h->dir);
}

struct other {
    struct host *h;
    int fd;
    struct relay_tls t;
    int rc;
};

static void *server_main(void *ctx)
{
    struct other *o = ctx;
    struct err e = {0};
    char got[5];

    o->rc = relay_tls_open(o->h->ctx, o->fd, -1, true, 10000, &o->t, &e);
    struct relay_link l = relay_tls_link(&o->t);
    if (o->rc == 0 && l.read(l.ctx, got, sizeof(got), 10000) == sizeof(got))
        l.write(l.ctx, got, sizeof(got));
    return NULL;
}

/* Each sees the other's key, which is the one that its vault has, whoever signed the certificate. */
static void keys_are_seen(void **state)
{
    struct host a, b;
    struct err e = {0};
    struct relay_tls mine;
    pthread_t th;
    char got[5];
    int sv[2];

    host_start(&a, true);
    host_start(&b, false);
    assert_string_not_equal(a.key, b.key);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    struct other o = {.h = &a, .fd = sv[1]};
    assert_int_equal(pthread_create(&th, NULL, server_main, &o), 0);
    assert_int_equal(relay_tls_open(b.ctx, sv[0], -1, false, 10000, &mine, &e), 0);
    struct relay_link l = relay_tls_link(&mine);
    assert_int_equal(l.write(l.ctx, "hello", 5), 0);
    assert_int_equal(l.read(l.ctx, got, sizeof(got), 10000), 5);
    assert_memory_equal(got, "hello", 5);
    pthread_join(th, NULL);
    assert_int_equal(o.rc, 0);
    assert_string_equal(mine.peer, a.key);
    assert_string_equal(o.t.peer, b.key);
    assert_int_equal(l.read(l.ctx, got, sizeof(got), 10), 0); /* silence is not an end */
    relay_tls_close(&o.t);
    assert_true(l.read(l.ctx, got, sizeof(got), 10000) < 0);
    relay_tls_close(&mine);
    host_end(&a);
    host_end(&b);
}

/* What is no TLS, or ends in the handshake, is told and ends. */
static void no_tls(void **state)
{
    struct host a;
    struct err e = {0};
    struct relay_tls t;
    int sv[2];

    host_start(&a, true);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    assert_int_equal(write(sv[0], "GET / HTTP/1.1\r\n\r\n", 18), 18);
    assert_true(relay_tls_open(a.ctx, sv[1], -1, true, 10000, &t, &e) < 0);
    relay_tls_close(&t);
    close(sv[0]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    assert_int_equal(relay_tls_open(a.ctx, sv[1], -1, true, 20, &t, &e), -ETIMEDOUT);
    relay_tls_close(&t);
    close(sv[0]);
    host_end(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_identity), cmocka_unit_test(pins),   cmocka_unit_test(backoff),
        cmocka_unit_test(keys_are_seen),     cmocka_unit_test(no_tls),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

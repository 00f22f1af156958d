/* luy-verifier against proofs of a real ledger: right ones pass, and no proof
 * with a changed digit does. The argument is the program. */
#include "journal/ledger.h"
#include "base/file.h"
#include "base/rand.h"
#include "base/test-int.h"
#include "intake/event.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 5, RECORDS = 37 };
static const char *verifier;

struct kit {
    char dir[64], anchor[65], proof[96], growth[96];
    struct arena a;
};

static int run(const char *const *words)
{
    const char *argv[8] = {verifier};
    static char lang[] = "LANG=en_US.UTF-8";
    char *env[] = {lang, NULL};
    posix_spawn_file_actions_t fa;
    int status;
    pid_t pid;

    for (int i = 0; words[i] != NULL; i++)
        argv[i + 1] = words[i];
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawn(&pid, argv[0], &fa, NULL, (char *const *)argv, env), 0);
    posix_spawn_file_actions_destroy(&fa);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static json_t *hex(const void *p, size_t n)
{
    char text[2 * 4096 + 1];

    assert_true(n <= 4096);
    hex_fmt(p, n, text);
    return json_string(text);
}

/* Record r of block b as the journal's wire form has it. */
static str record(struct arena *a, int b, int r)
{
    struct event_batch batch;
    str line = arena_fmt(a, "<34>1 - h sshd - - - block %d record %d", b, r);
    struct event ev = {.received_ns = 1764000000LL * NS_PER_S + r, .event_ns = 5, .raw = line};

    event_batch_init(&batch, 1 << 16);
    assert_true(event_batch_add(&batch, &ev));
    str wire = event_batch_seal(&batch);
    str out = arena_str(a, str_sub(wire, 16, wire.n));
    event_batch_done(&batch);
    return out;
}

static void write_json(const char *path, json_t *v)
{
    struct err e = {0};
    char *text = json_dumps(v, 0);

    assert_int_equal(file_write_atomic(path, str_c(text), 0600, &e), 0);
    free(text);
    json_decref(v);
}

static void block(struct kit *k, struct merkle *m, struct ledger *l, int b)
{
    uint8_t seed[MERKLE_SEED] = {(uint8_t)b};
    struct err e = {0};
    struct ledger_entry n = {.type = LEDGER_BLOCK, .records = RECORDS, .first = ledger_next(l, LEDGER_LOG)};

    assert_int_equal(merkle_begin(m, seed, &e), 0);
    merkle_want(m, 30);
    for (int r = 0; r < RECORDS; r++)
        merkle_add(m, record(&k->a, b, r));
    assert_int_equal(merkle_root(m, &n.root, &e), 0);
    assert_int_equal(ledger_add(l, &n, &e), 0);
}

static void prove_record(struct kit *k, struct merkle *m)
{
    uint8_t mask[MERKLE_MASK];
    struct sha256 path[MERKLE_PATH_MAX];
    struct err e = {0};
    size_t n;
    json_t *p = NULL, *list = json_array();
    str rec = record(&k->a, BLOCKS - 1, 30);

    assert_int_equal(ledger_prove(k->dir, BLOCKS - 1, &p, &e), 0);
    assert_int_equal(merkle_proof(m, mask, path, &n, &e), 0);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, hex(path[i].b, 32));
    json_object_set_new(p, "record", hex(rec.p, rec.n));
    json_object_set_new(p, "mask", hex(mask, sizeof(mask)));
    json_object_set_new(p, "index", json_integer(30));
    json_object_set_new(p, "record_path", list);
    write_json(k->proof, p);
}

static int setup(void **state)
{
    struct kit *k = calloc(1, sizeof(*k));
    struct clock clk = clock_manual(1764000000LL * NS_PER_S);
    struct merkle *m = merkle_new();
    struct err e = {0};
    struct vault *v;
    struct ledger *l;
    char keys[80];
    json_t *p = NULL;

    k->a = arena_init(1 << 24);
    snprintf(k->dir, sizeof(k->dir), "/tmp/luy-verifier-XXXXXX");
    assert_non_null(mkdtemp(k->dir));
    snprintf(keys, sizeof(keys), "%s/keys", k->dir);
    snprintf(k->proof, sizeof(k->proof), "%s/proof.json", k->dir);
    snprintf(k->growth, sizeof(k->growth), "%s/growth.json", k->dir);
    assert_int_equal(vault_open(keys, &clk, &v, &e), 0);
    assert_int_equal(ledger_open(k->dir, v, &clk, &l, &e), 0);
    ledger_anchor(l, k->anchor);
    for (int b = 0; b < BLOCKS; b++) {
        block(k, m, l, b);
        clock_advance(&clk, (b == 2 ? LEDGER_EPOCH_SECONDS : LEDGER_HEAD_SECONDS) * NS_PER_S);
        assert_int_equal(ledger_tick(l, &e), 0);
    }
    ledger_close(l);
    vault_close(v);
    prove_record(k, m);
    assert_int_equal(ledger_prove_growth(k->dir, 1, BLOCKS, &p, &e), 0);
    write_json(k->growth, p);
    merkle_free(m);
    *state = k;
    return 0;
}

static int teardown(void **state)
{
    struct kit *k = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", k->dir);
    arena_free(&k->a);
    free(k);
    return system(command);
}

static void right_ones(void **state)
{
    const struct kit *k = *state;
    char other[65];

    snprintf(other, sizeof(other), "%s", k->anchor);
    other[3] = other[3] == '0' ? '1' : '0';
    const struct {
        const char *words[6];
        int rc;
    } rows[] = {
        {{k->proof, NULL}, 0},
        {{"--anchor", k->anchor, k->proof, NULL}, 0},
        {{"--anchor", other, k->proof, NULL}, 1},
        {{k->growth, NULL}, 0},
        {{"--anchor", k->anchor, k->growth, NULL}, 0},
        {{"--anchor", other, k->growth, NULL}, 1},
        {{"--ledger", k->dir, NULL}, 0},
        {{"--anchor", k->anchor, "--ledger", k->dir, NULL}, 0},
        {{"--anchor", other, "--ledger", k->dir, NULL}, 1},
        {{"--ledger", "/nonexistent", NULL}, 2},
        {{"/nonexistent", NULL}, 2},
        {{"--strange", NULL}, 2},
        {{NULL}, 2},
        {{"--help", NULL}, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (run(rows[i].words) != rows[i].rc)
            fail_msg("row %zu gives %d, not %d", i, run(rows[i].words), rows[i].rc);
}

/* Every seventh digit of every hex text, changed; the JSON stays whole. A head's and an
 * entry's last bytes (a checksum for files) prove nothing and may differ. */
static void changed_digits(void **state)
{
    struct kit *k = *state;
    const char *const files[] = {k->proof, k->growth};
    struct err e = {0};

    for (int f = 0; f < 2; f++) {
        str good;
        assert_int_equal(file_read(&k->a, files[f], 1 << 20, &good, &e), 0);
        char *p = (char *)good.p;
        unsigned tried = 0, passed = 0;
        for (size_t i = 0; i < good.n; i += 7) {
            char was = p[i];
            if (!((was >= '0' && was <= '9') || (was >= 'a' && was <= 'f')))
                continue;
            p[i] = was == '7' ? '8' : was <= '9' ? (char)(was ^ 1) : (was == 'a' ? 'b' : 'a');
            assert_int_equal(file_write_atomic(files[f], good, 0600, &e), 0);
            passed += run((const char *const[]){files[f], NULL}) == 0;
            tried++;
            p[i] = was;
        }
        assert_int_equal(file_write_atomic(files[f], good, 0600, &e), 0);
        assert_true(tried > 250);
        /* 8 bytes behind each of at most four heads, 4 behind the entry, never compared */
        assert_in_range(passed, 0, (4 * 8 + 4) * 2 / 7 + 3);
    }
}

int main(int argc, char **argv)
{
    verifier = argc > 1 ? argv[1] : "luy-verifier";
    const struct CMUnitTest tests[] = {cmocka_unit_test(right_ones), cmocka_unit_test(changed_digits)};
    return cmocka_run_group_tests_name("journal/verifier", tests, setup, teardown);
}

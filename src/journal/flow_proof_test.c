/* Flows under the ledger: every flipped, cut, removed, moved or inserted byte of
 * the stored flows is found, lawful deletion is not taken for tampering, and what
 * a crash left out is caught up with. */
#include "base/file.h"
#include "journal/flow_store-int.h"
#include "journal/journal_test-int.h"
#include "journal/proof.h"
#include <fcntl.h>
#include <sys/stat.h>

enum { ROWS = 40 };
static struct kit {
    char journal[64], flows[64], keys[80];
    struct clock clk;
    struct vault *v;
    struct ledger *l;
    struct flow_store *s;
    struct flow_batch batch;
    uint64_t put;
} k;

static void store_open_with(struct ledger *l, int days)
{
    struct flow_store_cfg cfg = {.dir = k.flows, .sync_ms = 100, .retention_days = days, .ledger = l};
    struct err e = {0};

    if (flow_store_open(&cfg, &k.clk, &k.s, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
}

static void ledger_begin(void)
{
    struct err e = {0};
    if (ledger_open(k.journal, k.v, &k.clk, &k.l, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
}

static void ends(void)
{
    flow_store_close(k.s);
    ledger_close(k.l);
    k.s = NULL;
    k.l = NULL;
}

static void value_put(enum flow_col c, uint32_t row, uint64_t v)
{
    uint8_t *col = flow_batch_col(&k.batch, c);
    memcpy(col + (size_t)row * flow_columns[c].width, &v, flow_columns[c].width);
}

static void flows_put(void)
{
    struct buf wire;
    uint64_t first;

    flow_batch_clear(&k.batch);
    k.batch.nexporters = 1;
    k.batch.exporters[0] = (struct flow_exporter){.ip = {4, {192, 0, 2, 1}}, .version = 10, .port = 4000};
    for (uint32_t i = 0; i < ROWS; i++, k.put++) {
        value_put(FC_received, i, (uint64_t)clock_wall(&k.clk));
        value_put(FC_end, i, (uint64_t)clock_wall(&k.clk) - k.put * 1000000);
        value_put(FC_families, i, k.put % 9 == 0 ? FAM_6 : FAM_4);
        value_put(FC_src, i, k.put % 9 == 0 ? k.batch.nv6 : 0x0a000000 + k.put % 17);
        if (k.put % 9 == 0)
            memset(k.batch.v6[k.batch.nv6++], (int)(k.put % 7 + 1), 16);
        value_put(FC_dst_port, i, k.put * 77 % 60000);
        value_put(FC_bytes, i, k.put * k.put);
    }
    k.batch.rows = ROWS;
    buf_init(&wire, FLOW_WIRE_MAX);
    assert_true(flow_batch_seal(&k.batch, &wire));
    assert_int_equal(flow_store_append(k.s, buf_view(&wire), &first, NULL), 0);
    buf_done(&wire);
}

/* A block of its own; a day of its own too, and with it a file. */
static void block_add(int days_later, int keep_days)
{
    clock_advance(&k.clk, (int64_t)days_later * 86400 * NS_PER_S);
    ledger_begin();
    store_open_with(k.l, keep_days);
    flows_put();
    ends();
}

static struct verify_report verified(void)
{
    struct verify_opts o = {.flows = k.flows};
    struct verify_report rep;
    struct err e = {0};

    if (journal_verify_dir(k.journal, &o, &rep, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
    return rep;
}

static void assert_found(const char *key, const char *what, size_t at)
{
    struct verify_report rep = verified();

    if (!rep.bad)
        fail_msg("%s at %zu was not found", what, at);
    if (key != NULL && strcmp(rep.first.key, key) != 0)
        fail_msg("%s at %zu: %s, not %s", what, at, rep.first.key, key);
}

static size_t files(struct arena *a, str **names)
{
    size_t n;
    assert_int_equal(file_list(a, k.flows, STR(".lyf"), 100, names, &n, NULL), 0);
    return n;
}

static void path_of(str name, char out[200]) { snprintf(out, 200, "%s/%.*s", k.flows, STR_ARGS(name)); }

static void file_put(const char *path, str s)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, s.p, s.n), 0);
    close(fd);
}

static void what_is_whole_is_whole(void **state)
{
    for (int i = 0; i < 3; i++)
        block_add(i == 2, 0);
    struct verify_report rep = verified();
    assert_false(rep.bad);
    assert_int_equal(rep.flow_blocks, 3);
    assert_int_equal(rep.flows, 3 * ROWS);
    assert_int_equal(rep.flows_unproven + rep.flows_deleted + rep.flows_unread, 0);
    struct verify_opts no_flows = {.flows = NULL};
    assert_int_equal(journal_verify_dir(k.journal, &no_flows, &rep, NULL), 0);
    assert_int_equal(rep.flows_unread, 3 * ROWS);
}

/* Each bit pattern of a byte would be found like the one tried: all is under digests. */
static void every_flipped_byte_is_found(void **state)
{
    struct arena a = arena_init(64 << 20);
    size_t flipped = 0;
    str *names;

    for (int i = 0; i < 2; i++)
        block_add(i, 0);
    size_t n = files(&a, &names);
    assert_int_equal(n, 2);
    for (size_t f = 0; f < n; f++) {
        char path[200];
        str whole;
        path_of(names[f], path);
        assert_int_equal(file_read(&a, path, 1 << 20, &whole, NULL), 0);
        int fd = open(path, O_WRONLY);
        for (size_t at = 0; at < whole.n; at++, flipped++) {
            char other = (char)(whole.p[at] ^ (1 << at % 8));
            assert_int_equal(pwrite(fd, &other, 1, (off_t)at), 1);
            assert_found(NULL, path, at);
            assert_int_equal(pwrite(fd, &whole.p[at], 1, (off_t)at), 1);
        }
        close(fd);
    }
    print_message("# %zu bytes, each flipped and found\n", flipped);
    assert_false(verified().bad);
    arena_free(&a);
}

static void cut_moved_and_removed(void **state)
{
    struct arena a = arena_init(64 << 20);
    char first[200], second[200];
    str *names, one, two;

    for (int i = 0; i < 2; i++)
        block_add(i, 0);
    assert_int_equal(files(&a, &names), 2);
    path_of(names[0], first), path_of(names[1], second);
    assert_int_equal(file_read(&a, first, 1 << 20, &one, NULL), 0);
    assert_int_equal(file_read(&a, second, 1 << 20, &two, NULL), 0);
    for (size_t n = 0; n < two.n; n += 7) {
        assert_int_equal(truncate(second, (off_t)n), 0);
        assert_found(NULL, "a cut", n);
        file_put(second, two);
    }
    file_put(first, two), file_put(second, one);
    assert_found("journal.proof_flows_order", "two files changed places", 0);
    file_put(first, one), file_put(second, two);
    assert_int_equal(unlink(first), 0);
    assert_found("journal.proof_flows_missing", "a removed file", 0);
    file_put(first, one);
    assert_false(verified().bad);
    arena_free(&a);
}

/* A block with good checksums that stands where another one was sealed. */
static void another_block_in_its_place(void **state)
{
    struct arena a = arena_init(64 << 20);
    char path[200];
    str *names, sealed;

    block_add(0, 0);
    assert_int_equal(files(&a, &names), 1);
    path_of(names[0], path);
    assert_int_equal(file_read(&a, path, 1 << 20, &sealed, NULL), 0);
    assert_int_equal(unlink(path), 0);
    k.put = 5000; /* other flows under the same numbers, by a store without the ledger */
    store_open_with(NULL, 0);
    flows_put();
    flow_store_close(k.s);
    k.s = NULL;
    assert_found("journal.proof_flows_changed", "another block", 0);
    assert_int_equal(files(&a, &names), 1);
    path_of(names[0], path);
    file_put(path, sealed);
    assert_false(verified().bad);
    arena_free(&a);
}

static void deletion_by_law_and_by_hand(void **state)
{
    struct arena a = arena_init(64 << 20);
    int64_t due = INT64_MAX;
    char path[200];
    str *names;

    for (int i = 0; i < 4; i++)
        block_add(i > 0, 0);
    ledger_begin();
    store_open_with(k.l, 2);
    assert_int_equal(flow_store_tick(k.s, &due, NULL), 0);
    ends();
    struct verify_report rep = verified();
    assert_false(rep.bad);
    assert_true(rep.flows_deleted >= ROWS);
    assert_int_equal(rep.flows_deleted + rep.flows, 4 * ROWS);
    size_t left = files(&a, &names);
    assert_true(left >= 2 && left < 4);
    path_of(names[0], path);
    assert_int_equal(unlink(path), 0);
    assert_found("journal.proof_flows_missing", "by hand", 0);
    arena_free(&a);
}

/* Blocks that were sealed while the ledger could not be written, or before it was. */
static void the_ledger_catches_up(void **state)
{
    store_open_with(NULL, 0);
    flows_put();
    flow_store_close(k.s);
    ledger_begin();
    ledger_close(k.l);
    struct verify_report rep = verified();
    assert_false(rep.bad);
    assert_int_equal(rep.flows_unproven, ROWS);
    block_add(0, 0);
    rep = verified();
    assert_false(rep.bad);
    assert_int_equal(rep.flows, 2 * ROWS);
    assert_int_equal(rep.flows_unproven, 0);
}

/* With its files gone the store goes on behind the numbers that were sealed. */
static void numbers_are_not_used_twice(void **state)
{
    struct arena a = arena_init(64 << 20);
    char path[200];
    str *names;

    block_add(0, 0);
    assert_int_equal(files(&a, &names), 1);
    path_of(names[0], path);
    assert_int_equal(unlink(path), 0);
    block_add(0, 0);
    struct verify_report rep = verified();
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.proof_flows_missing");
    assert_int_equal(rep.flows, ROWS);
    arena_free(&a);
}

static int kit_start(void **state)
{
    k = (struct kit){.clk = clock_manual(TEST_NOW)};
    test_dir_make_fast(k.journal);
    test_dir_make_fast(k.flows);
    snprintf(k.keys, sizeof(k.keys), "%s-keys", k.journal);
    assert_int_equal(vault_open(k.keys, &k.clk, &k.v, NULL), 0);
    return flow_batch_init(&k.batch) ? 0 : -1;
}

static int kit_end(void **state)
{
    flow_batch_done(&k.batch);
    vault_close(k.v);
    test_dir_drop(k.journal);
    test_dir_drop(k.flows);
    test_dir_drop(k.keys);
    return 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, kit_start, kit_end)
    const struct CMUnitTest tests[] = {
        T(what_is_whole_is_whole),     T(every_flipped_byte_is_found), T(cut_moved_and_removed),
        T(another_block_in_its_place), T(deletion_by_law_and_by_hand), T(the_ledger_catches_up),
        T(numbers_are_not_used_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

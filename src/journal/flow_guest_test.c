/* Flows of others among the store's own: every number once, pages through all of them, and room
 * for what the open block still needs. */
#include "base/file.h"
#include "journal/flow_guest.h"
#include "journal/flow_source.h"
#include "journal/journal_test-int.h"
#include <pthread.h>

enum { ROWS = 100 };
static struct flow_batch batch;
static char own_dir[64], other_dir[80];
static struct clock clk;

static struct flow_store *store(const char *dir)
{
    struct flow_store_cfg cfg = {.dir = dir, .sync_ms = 100};
    struct flow_store *s = NULL;
    assert_int_equal(flow_store_open(&cfg, &clk, &s, NULL), 0);
    return s;
}

static void put(enum flow_col c, uint32_t row, uint64_t v)
{
    memcpy((uint8_t *)flow_batch_col(&batch, c) + (size_t)row * flow_columns[c].width, &v, flow_columns[c].width);
}

/* The number of its first flow. `mark` is in every flow's src_as, its place in src_port. */
static uint64_t append(struct flow_store *s, uint32_t mark)
{
    struct buf wire;
    uint64_t first;

    flow_batch_clear(&batch);
    batch.nexporters = 1;
    batch.exporters[0] = (struct flow_exporter){.ip = {4, {192, 0, 2, 1}}, .version = 10};
    for (uint32_t i = 0; i < ROWS; i++) {
        put(FC_received, i, (uint64_t)clock_wall(&clk));
        put(FC_src_as, i, mark);
        put(FC_src_port, i, i);
    }
    batch.rows = ROWS;
    buf_init(&wire, FLOW_WIRE_MAX);
    assert_true(flow_batch_seal(&batch, &wire));
    assert_int_equal(flow_store_append(s, buf_view(&wire), &first, NULL), 0);
    buf_done(&wire);
    return first;
}

/* Three blocks of another store, marked 1, 2 and 3. */
static struct flow_segment *other_segment(void)
{
    struct flow_segment *g;
    struct flow_stored b;
    uint64_t torn = 0;
    char name[64];

    for (uint32_t mark = 1; mark <= 3; mark++) {
        struct flow_store *s = store(other_dir);
        assert_int_equal(append(s, mark), 1 + (mark - 1) * ROWS);
        flow_store_close(s);
    }
    struct flow_store *s = store(other_dir);
    assert_false(flow_block_hold(s, 2, &g, &b)); /* no block begins there */
    assert_false(flow_block_hold(s, 3 * ROWS + 1, &g, &b));
    assert_true(flow_block_hold(s, ROWS + 1, &g, &b));
    assert_int_equal(b.head.rows, ROWS);
    struct flow_spool spool = flow_spool(s, ROWS + 1);
    assert_int_equal(spool.first, ROWS + 1);
    assert_int_equal(spool.bytes, g->blocks[1]->head.length + g->blocks[2]->head.length);
    assert_int_equal(flow_spool(s, 3 * ROWS + 1).first, 0);
    snprintf(name, sizeof(name), "%s", strrchr(g->path, '/') + 1);
    flow_guest_unref(s, g);
    flow_store_close(s);
    assert_int_equal(flow_segment_open(other_dir, name, FLOW_SEGMENT_KEPT, &g, &torn, NULL), 0);
    assert_int_equal(g->nblocks, 3);
    return g;
}

struct seen {
    const struct query *q;
    uint64_t n, last, wrong;
    uint32_t of[10]; /* flows with this mark */
    uint32_t limit;
};

static bool see(void *ctx, const struct source_row *r)
{
    struct seen *s = ctx;
    char scratch[VALUE_SCRATCH];
    struct source_value v;

    if (!query_row_match(s->q, r))
        return true;
    r->source->get(r, (unsigned)source_field_find(r->source, STR("src_as")), scratch, &v);
    s->of[v.num]++;
    s->wrong += r->seq >= s->last;
    s->last = r->seq;
    s->n++;
    return --s->limit > 0;
}

/* In pages of 37, each number once and falling. */
static struct seen found(struct flow_store *s, const char *text)
{
    struct row_source from = flow_source(s);
    const struct row_source *sources[] = {&from};
    struct query_env env = {.now_ns = TEST_NOW, .sources = sources, .nsources = 1};
    struct seen all = {.last = UINT64_MAX};
    struct arena a = arena_init(1 << 20);
    uint64_t before;
    struct query *q;

    assert_int_equal(query_parse_env(&a, str_c(text), &env, &q, NULL), 0);
    all.q = q;
    do {
        struct search_opts o = {.before_seq = all.last == UINT64_MAX ? 0 : all.last};
        struct search_stats st = {0};
        before = all.n;
        all.limit = 37;
        assert_int_equal(from.scan(from.ctx, q, &o, see, &all, &st, NULL), 0);
    } while (all.n > before);
    arena_free(&a);
    assert_int_equal(all.wrong, 0);
    return all;
}

static void add(struct flow_store *s, struct flow_segment *g, size_t block, uint64_t base)
{
    assert_int_equal(flow_guest_add(s, g, g->blocks[block], base, block == 1 ? "huyen-tay" : "xa-dong", NULL), 0);
}

static void numbers_and_pages(void **state)
{
    struct flow_segment *g = other_segment();
    struct flow_store *s = store(own_dir);
    uint64_t base[3];

    base[0] = flow_guest_reserve(s, ROWS); /* before any flow of its own */
    add(s, g, 0, base[0]);
    uint64_t own = append(s, 4);
    assert_true(own >= base[0] + ROWS);
    base[1] = flow_guest_reserve(s, ROWS); /* while a block is open, which needs its numbers */
    add(s, g, 1, base[1]);
    assert_int_equal(append(s, 4), own + ROWS);
    assert_true(base[1] >= own + FLOW_BLOCK_ROWS);
    struct err e = {0};
    assert_int_equal(flow_guest_add(s, g, g->blocks[2], base[1] + ROWS - 1, "xa-dong", &e), -EEXIST);
    assert_int_equal(flow_guest_add(s, g, g->blocks[2], base[1] - 1, "xa-dong", NULL), -EEXIST);
    base[2] = flow_guest_reserve(s, ROWS);
    add(s, g, 2, base[2]);

    struct seen all = found(s, "from:flows");
    assert_true(all.of[1] == ROWS && all.of[2] == ROWS && all.of[3] == ROWS && all.of[4] == 2 * ROWS);
    all = found(s, "from:flows relay:xa-dong");
    assert_true(all.n == 2 * ROWS && all.of[1] == ROWS && all.of[3] == ROWS);
    all = found(s, "from:flows NOT relay:* src_port:<10");
    assert_true(all.n == 20 && all.of[4] == 20);
    assert_int_equal(found(s, "from:flows relay:nobody").n, 0);

    flow_guest_drop(s, g);
    assert_int_equal(found(s, "from:flows").n, 2 * ROWS);
    flow_store_close(s);
    s = store(own_dir); /* the numbers that were remembered count again, and new ones lie above */
    for (size_t i = 0; i < 3; i++)
        add(s, g, i, base[i]);
    assert_true(append(s, 5) >= base[2] + ROWS);
    all = found(s, "from:flows");
    assert_true(all.n == 6 * ROWS && all.of[4] == 2 * ROWS && all.of[5] == ROWS);
    flow_guest_drop(s, g);
    flow_guest_unref(s, g);
    flow_store_close(s);
    s = store(own_dir);
    assert_int_equal(found(s, "from:flows").n, 3 * ROWS);
    flow_store_close(s);
}

struct reading {
    struct flow_store *s;
    atomic_bool stop;
    _Atomic uint64_t times, wrong;
    uint64_t last;
};

/* A guest's block is there as a whole, or not; numbers fall. */
static int page_looked_at(void *ctx, struct flow_page *p)
{
    struct reading *r = ctx;
    const uint32_t *mark = flow_page_col(p, FC_src_as);

    r->wrong += mark == NULL || p->first_seq + p->n > r->last || (p->relay != 0 && p->n != ROWS);
    for (uint32_t i = 0; mark != NULL && i < p->n; i++)
        r->wrong += (mark[i] == 4) != (p->relay == 0);
    r->last = p->first_seq;
    return 0;
}

static void *read_on(void *ctx)
{
    struct reading *r = ctx;

    while (!atomic_load(&r->stop)) {
        struct flow_scan_opts o = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
        struct flow_scan_stats st = {0};
        r->last = UINT64_MAX;
        r->wrong += flow_store_scan(r->s, &o, page_looked_at, r, &st, NULL) != 0 || st.bad_blocks > 0;
        r->times++;
    }
    return NULL;
}

/* Queries go on while guests come and go and flows of its own are stored. */
static void queries_meanwhile(void **state)
{
    struct flow_segment *g = other_segment();
    struct reading r = {.s = store(own_dir)};
    pthread_t th;

    assert_int_equal(pthread_create(&th, NULL, read_on, &r), 0);
    for (int round = 0; round < 30; round++) {
        uint64_t before = atomic_load(&r.times);
        for (size_t i = 0; i < 3; i++)
            add(r.s, g, i, flow_guest_reserve(r.s, ROWS));
        append(r.s, 4);
        while (atomic_load(&r.times) < before + 2)
            ;
        flow_guest_drop(r.s, g);
    }
    atomic_store(&r.stop, true);
    pthread_join(th, NULL);
    assert_int_equal(r.wrong, 0);
    assert_int_equal(found(r.s, "from:flows").n, 30 * ROWS);
    flow_guest_unref(r.s, g);
    flow_store_close(r.s);
}

/* A file taken over by its head: only with the same bytes, and only once. */
static void adopted(void **state)
{
    struct flow_segment *g = other_segment(), *copy;
    uint8_t head[FLOW_SEGMENT_HEAD];
    uint64_t torn = 0;
    struct err e = {0};

    assert_int_equal(pread(g->fd, head, sizeof(head), 0), sizeof(head));
    assert_int_equal(file_mkdirs(own_dir, 0700, NULL), 0);
    for (size_t i = 0; i < sizeof(head); i++) {
        head[i] ^= 1;
        assert_int_equal(flow_segment_adopt(own_dir, head, &copy, &e), -EBADMSG);
        head[i] ^= 1;
    }
    assert_int_equal(flow_segment_adopt(own_dir, head, &copy, &e), 0);
    assert_true(copy->salt == g->salt && copy->day == g->day && copy->no == g->no);
    assert_string_equal(strrchr(copy->path, '/'), strrchr(g->path, '/'));
    struct flow_segment *again;
    assert_int_equal(flow_segment_adopt(own_dir, head, &again, &e), -EEXIST);
    char name[64];
    snprintf(name, sizeof(name), "%s", strrchr(copy->path, '/') + 1);
    flow_segment_unref(copy);

    assert_int_equal(flow_segment_cut(g, 1), 0); /* back to its first block */
    snprintf(name, sizeof(name), "%s", strrchr(g->path, '/') + 1);
    flow_segment_unref(g);
    assert_int_equal(flow_segment_open(other_dir, name, FLOW_SEGMENT_KEPT, &g, &torn, NULL), 0);
    assert_true(g->nblocks == 1 && torn == 0 && flow_segment_next(g) == ROWS + 1);
    assert_int_equal(pwrite(g->fd, "x", 1, 3), 1); /* a damaged head is told, and nothing of the file goes */
    assert_int_equal(flow_segment_open(other_dir, name, FLOW_SEGMENT_KEPT, &copy, &torn, &e), -EBADMSG);
    flow_segment_unref(g);
}

static int dirs_make(void **state)
{
    clk = clock_manual(TEST_NOW);
    test_dir_make_fast(own_dir);
    snprintf(other_dir, sizeof(other_dir), "%s-other", own_dir);
    return flow_batch_init(&batch) ? 0 : -1;
}

static int dirs_drop(void **state)
{
    flow_batch_done(&batch);
    test_dir_drop(own_dir);
    test_dir_drop(other_dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(numbers_and_pages, dirs_make, dirs_drop),
                                       cmocka_unit_test_setup_teardown(queries_meanwhile, dirs_make, dirs_drop),
                                       cmocka_unit_test_setup_teardown(adopted, dirs_make, dirs_drop)};
    return cmocka_run_group_tests_name("journal/flow_guest", tests, NULL, NULL);
}

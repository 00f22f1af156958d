/* Change sets under many hands: one wins and the others are told, an approval
 * and an edit never both count, a process killed while it applies leaves all or
 * nothing. Run under TSan too. */
#include "registry/change-test-int.h"
#include "registry/sqlite-int.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

enum { HANDS = 6, ROUNDS = 8 };

struct t {
    struct fixture *f;
    struct people p;
};

static int setup(void **state)
{
    struct t *t = calloc(1, sizeof(*t));

    t->f = fx_new();
    people_make(t->f, &t->p);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct t *t = *state;

    fx_free(t->f);
    free(t);
    return 0;
}

struct hand {
    struct t *t;
    const struct actor *who;
    enum change_step step;
    int64_t id, rev;
    char hash[80];
    bool edits;
    int rc;
    pthread_barrier_t *gate;
};

static void *act(void *arg)
{
    struct hand *h = arg;
    struct change_args args = {.hash = str_c(h->hash), .note = STR("x")};
    json_t *out = NULL, *in = J("{'title':'khác','ops':[{'op':'change','kind':'object_set','target':'NHOM-1',"
                                "'fields':{'name':'sửa'}}]}");
    struct err e = {0};

    pthread_barrier_wait(h->gate);
    h->rc = h->edits ? change_edit(h->t->f->r, h->who, h->id, h->rev, in, &out, NULL, &e)
                     : change_step(h->t->f->r, h->who, h->id, h->rev, h->step, &args, &out, NULL, &e);
    json_decref(out);
    json_decref(in);
    return NULL;
}

/* All at once; how many went through. Losers must have been told -ESTALE. */
static int race(struct hand *h, size_t n)
{
    pthread_t thread[HANDS];
    pthread_barrier_t gate;
    int won = 0;

    pthread_barrier_init(&gate, NULL, (unsigned)n);
    for (size_t i = 0; i < n; i++) {
        h[i].gate = &gate;
        assert_int_equal(pthread_create(&thread[i], NULL, act, &h[i]), 0);
    }
    for (size_t i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    for (size_t i = 0; i < n; i++) {
        won += h[i].rc == 0;
        if (h[i].rc != 0)
            assert_int_equal(h[i].rc, -ESTALE);
    }
    pthread_barrier_destroy(&gate);
    return won;
}

static void one_approval_of_two(void **state)
{
    struct t *t = *state;
    struct actor dao = person_of(t->f, "dao", "vo.dao", ROLE_APPROVER);

    for (int k = 0; k < ROUNDS; k++) {
        char name[20];
        snprintf(name, sizeof(name), "tên %d", k);
        int64_t id = cs_submitted(t->f, &t->p, name), rev = cs_rev(t->f, id);
        struct hand h[2] = {{t, &t->p.binh, STEP_APPROVE, id, rev}, {t, &dao, STEP_APPROVE, id, rev}};
        cs_hash(t->f, id, h[0].hash);
        cs_hash(t->f, id, h[1].hash);
        assert_int_equal(race(h, 2), 1);
        json_t *c = cs_get(t->f, id);
        assert_int_equal(json_array_size(json_object_get(c, "approvals")), 1);
        json_decref(c);
    }
}

/* Whoever comes first: an edited set is never an approved one. */
static void an_approval_against_an_edit(void **state)
{
    struct t *t = *state;

    for (int k = 0; k < ROUNDS; k++) {
        int64_t id = cs_submitted(t->f, &t->p, "a"), rev = cs_rev(t->f, id);
        struct hand h[2] = {{t, &t->p.binh, STEP_APPROVE, id, rev}, {t, &t->p.an, STEP_APPLY, id, rev, .edits = true}};
        cs_hash(t->f, id, h[0].hash);
        assert_int_equal(race(h, 2), 1);
        assert_string_equal(cs_state(t->f, id), h[0].rc == 0 ? "approved" : "draft");
    }
}

static void two_edits_of_one_set(void **state)
{
    struct t *t = *state;
    int64_t id = cs_submitted(t->f, &t->p, "a");
    struct hand h[HANDS];

    for (int i = 0; i < HANDS; i++)
        h[i] = (struct hand){t, i % 2 ? &t->p.an : &t->p.chi, STEP_APPLY, id, cs_rev(t->f, id), .edits = true};
    assert_int_equal(race(h, HANDS), 1);
}

static void applied_once(void **state)
{
    struct t *t = *state;
    int64_t id = cs_submitted(t->f, &t->p, "một lần");
    struct hand h[HANDS];

    cs_must(t->f, &t->p.binh, id, STEP_APPROVE, "");
    for (int i = 0; i < HANDS; i++)
        h[i] = (struct hand){t, i % 2 ? &t->p.an : &t->p.chi, STEP_APPLY, id, cs_rev(t->f, id)};
    assert_int_equal(race(h, HANDS), 1);
    json_t *rec = fx_get(t->f, "object_set", "NHOM-1");
    assert_int_equal(json_get_int(rec, "rev", 0), 2);
    json_decref(rec);
    uint64_t rows, bad;
    assert_int_equal(registry_verify(t->f->r, &rows, &bad, &t->f->e), 0);
    assert_int_equal(bad, 0);
}

/* ---- kill -9 ---- */

static int kill_after;

static void on_row(void *ctx, int op, const char *db, const char *table, sqlite3_int64 id)
{
    (void)ctx;
    (void)op;
    (void)db;
    (void)table;
    (void)id;
    if (--kill_after == 0)
        raise(SIGKILL);
}

/* Another process applies, and dies at its n-th row; false: it got through. */
static bool dies_applying(struct t *t, int64_t id, int64_t rev, int n)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        struct store *st;
        struct registry *r;
        struct change_args args = {0};
        json_t *out = NULL;
        struct err e = {0};
        if (store_open(t->f->db, &st, &e) < 0 || registry_open(st, t->f->sc, &t->f->clk, &r, &e) < 0)
            _exit(3);
        kill_after = n;
        sqlite3_update_hook(((struct sq_store *)st)->write->db, on_row, NULL);
        _exit(change_step(r, &t->p.an, id, rev, STEP_APPLY, &args, &out, NULL, &e) < 0 ? 2 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

static void killed_while_applying_leaves_all_or_nothing(void **state)
{
    if (test_on_pg())
        skip(); /* the hook that counts rows is SQLite's; PostgreSQL's own word is that a transaction is whole */
    struct t *t = *state;
    int64_t id = cs_new(t->f, &t->p.an,
                        "{'title':'t','ops':[{'op':'create','kind':'unit','fields':{'code':'K1','name':'K','tier':"
                        "'commune'}},{'op':'create','kind':'unit','fields':{'code':'K2','name':'K','tier':'commune',"
                        "'parent':{'op':1}}},{'op':'change','kind':'unit','target':'XA01','fields':{'name':'K'}},"
                        "{'op':'end','kind':'unit','target':'STC-P1'}]}");
    int64_t rev = cs_rev(t->f, id);
    uint64_t rows, bad;
    int n = 1;

    for (; n < 400; n++) {
        fx_close_registry(t->f); /* no handle of SQLite goes through a fork */
        bool died = dies_applying(t, id, rev, n);
        fx_open_registry(t->f);
        assert_int_equal(registry_verify(t->f->r, &rows, &bad, &t->f->e), 0);
        assert_int_equal(bad, 0);
        if (!died)
            break;
        json_t *none = NULL;
        assert_int_equal(registry_get(t->f->r, &ADMIN, STR("unit"), STR("K1"), &none, &t->f->e), -ENOENT);
        assert_string_equal(cs_state(t->f, id), "draft");
        assert_string_equal(field_of(t->f, "unit", "XA01", "name"), "Xã Long Mỹ");
    }
    assert_true(n > 8); /* it did die at many places */
    assert_string_equal(cs_state(t->f, id), "applied");
    assert_string_equal(field_of(t->f, "unit", "K2", "name"), "K");
    assert_string_equal(field_of(t->f, "unit", "XA01", "name"), "K");
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(one_approval_of_two),
        T(an_approval_against_an_edit),
        T(two_edits_of_one_set),
        T(applied_once),
        T(killed_while_applying_leaves_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

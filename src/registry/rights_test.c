/* Who may see and write what, at the one place where it is decided: every role,
 * for records of the own unit, below it and elsewhere, of every kind, with every
 * verb, in every state, and every step of every life cycle; set against a table
 * that is written by hand (tests/rights/registry.tsv). Each write is tried in a
 * batch that is taken back. */
#include "registry/change.h"
#include "registry/find.h"
#include "registry/rights_step-int.h"

enum { ROLES = 5 };
static const struct {
    char letter;
    uint32_t bit;
} people[ROLES] = {
    {'A', ROLE_ADMIN}, {'O', ROLE_OPERATOR}, {'P', ROLE_APPROVER}, {'U', ROLE_UNIT_OFFICER}, {'D', ROLE_AUDITOR}};
/* What may come of it. STOPPED: the right was there, something else was not; nothing may end so.
 * KEPT: the right was there, and the kind's rule that a record stays as it was written refused it. */
enum came { DONE, STOPPED, REFUSED, APPROVAL, UNSEEN, KEPT, CAMES };
static const char *const came_names[] = {"done", "stopped", "refused", "needs approval", "not there", "kept"};

struct tally {
    size_t tried, of[CAMES];
};

static struct actor actor_of(struct fixture *f, int i, const char *unit)
{
    return (struct actor){.name = STR("ai-do"),
                          .account_id = 900 + i,
                          .roles = people[i].bit,
                          .unit_id = people[i].letter == 'U' ? fx_id(f, "unit", unit) : 0};
}

static enum came came_of(struct fixture *f, int rc)
{
    static const char *const rights[] = {"registry.may_not_write", "registry.may_not_step", "registry.out_of_unit"};
    const char *key = f->e.key;

    if (rc == 0)
        return DONE;
    if (rc == -ENOENT)
        return UNSEEN;
    if (rc != -EACCES)
        return STOPPED;
    if (strcmp(key, "registry.needs_approval") == 0)
        return APPROVAL;
    for (size_t i = 0; i < 3; i++)
        if (strcmp(key, rights[i]) == 0)
            return REFUSED;
    fail_msg("refused by %s", key);
    return REFUSED;
}

/* letters: a capital, a small one, or nothing; "=" before them: the right is theirs, the record stays as it is. */
static void compare(struct fixture *f, struct tally *t, int who, str letters, bool seen, int rc, const char *what)
{
    enum came came = came_of(f, rc);
    bool may = memchr(letters.p, people[who].letter, letters.n) != NULL;
    bool asks = memchr(letters.p, people[who].letter + 32, letters.n) != NULL;
    bool keeps = letters.n > 0 && letters.p[0] == '=';

    if (came == STOPPED && keeps && f->es.n == 1 && strcmp(f->es.v[0].key, "registry.invariant") == 0)
        came = KEPT;
    bool good = !seen  ? came == UNSEEN
                : may  ? came == (keeps ? KEPT : DONE)
                : asks ? came == APPROVAL
                       : came == REFUSED;

    t->tried++;
    t->of[came]++;
    if (!good)
        fail_msg("%s as %c: %s, the table says '%.*s'%s: %s", what, people[who].letter, came_names[came],
                 STR_ARGS(letters), seen ? "" : " and that he does not see it",
                 rc == 0       ? ""
                 : f->es.n > 0 ? fx_text(&f->es.v[0])
                               : fx_text(&f->e));
}

static bool sees(const struct rights_row *row, int who, enum kit_place p)
{
    return people[who].letter != 'U' || p != OTHER || str_eq(row->sight, STR("all"));
}

/* The first text, as long as it must be, and with it what the kind then asks for. */
static json_t *change_of(struct kit *t, const struct kind *k, enum kit_place p)
{
    char name[COL_MAX];

    t->serial++; /* another value than the record's own */
    for (size_t i = 0; i < k->nfields; i++)
        if ((k->fields[i].type == FT_TEXT || k->fields[i].type == FT_MARKDOWN) && i != k->key_field) {
            snprintf(name, sizeof(name), "%.*s", STR_ARGS(k->fields[i].name));
            json_t *out = json_pack("{s:o}", name, kit_value(t, &k->fields[i], p));
            if (str_eq(k->name, STR("room_entry"))) /* a visitor is escorted */
                json_object_set_new(out, "escort", json_integer(kit_dep(t, STR("person"), p, 2)));
            return out;
        }
    snprintf(name, sizeof(name), "%.*s", STR_ARGS(k->fields[k->key_field].name));
    return json_pack("{s:s}", name, "KHAC-1");
}

enum verb { CHANGE, END, STEP };

/* In a batch: a record in that state, and then what somebody tries with it. step:
 * which one, for STEP; the record is then ready for it. */
static int attempt(struct fixture *f, struct kit *t, const struct kind *k, enum kit_place p, str state,
                   const struct actor *who, enum verb verb, const struct transition *step)
{
    char id[24];
    json_t *patch = NULL, *out = NULL;
    int rc;

    assert_int_equal(registry_batch_begin(f->r, &f->e), 0);
    int64_t made = verb == STEP ? kit_ready(t, k, step, p) : kit_create(t, k, kit_sample(t, k, p), state);
    snprintf(id, sizeof(id), "%lld", (long long)made);
    if (verb != END)
        patch = verb == CHANGE ? change_of(t, k, p) : json_object();
    f->e = (struct err){0};
    f->es.n = 0;
    f->es.total = 0;
    if (verb == END) {
        rc = registry_end(f->r, who, k->name, str_c(id), 1, &out, &f->e);
    } else {
        if (verb == STEP)
            json_object_set_new(patch, "state", json_from_str(step->to));
        rc = registry_change(f->r, who, k->name, str_c(id), 1, patch, &out, &f->es, &f->e);
    }
    json_decref(patch);
    json_decref(out);
    struct err ignored;
    registry_batch_end(f->r, false, &ignored);
    return rc;
}

static void reads(struct fixture *f, struct kit *t, struct tally *n)
{
    for (size_t i = 0; i < t->sc->nkinds; i++) {
        const struct kind *k = &t->sc->kinds[i];
        const struct rights_row *row = kit_row(t, k->name, STR_NONE, STR_NONE);
        for (int who = 0; who < ROLES; who++) {
            struct actor a = actor_of(f, who, "GIUA");
            struct list_query q = {.limit = 1000};
            json_t *list = NULL;
            assert_int_equal(registry_list(f->r, &a, k->name, &q, &list, &f->e), 0);
            for (enum kit_place p = 0; p < PLACES; p++) {
                int64_t want = kit_dep(t, k->name, p, 1);
                json_t *out = NULL, *one;
                size_t j;
                bool listed = false;
                char id[24], what[200];
                snprintf(id, sizeof(id), "%lld", (long long)want);
                snprintf(what, sizeof(what), "get %.*s in %s", STR_ARGS(k->name), place_unit[p]);
                json_array_foreach(json_object_get(list, "items"), j, one) listed |= json_get_int(one, "id", 0) == want;
                int rc = registry_get(f->r, &a, k->name, str_c(id), &out, &f->e);
                compare(f, n, who, STR("AOPUD"), sees(row, who, p), rc, what);
                json_decref(out);
                if (listed != sees(row, who, p))
                    fail_msg("list of %.*s as %c: %s in %s", STR_ARGS(k->name), people[who].letter,
                             listed ? "there" : "not there", place_unit[p]);
                rc = registry_history(f->r, &a, k->name, str_c(id), &out, &f->e);
                compare(f, n, who, STR("AOPUD"), sees(row, who, p), rc, what);
                if (rc == 0)
                    json_decref(out);
                rc = registry_get_at(f->r, &a, k->name, str_c(id), clock_wall(&f->clk), &out, &f->e);
                compare(f, n, who, STR("AOPUD"), sees(row, who, p), rc, what);
                if (rc == 0)
                    json_decref(out);
            }
            json_decref(list);
        }
    }
}

static void creates(struct fixture *f, struct kit *t, struct tally *n)
{
    for (size_t i = 0; i < t->sc->nkinds; i++) {
        const struct kind *k = &t->sc->kinds[i];
        const struct rights_row *row = kit_row(t, k->name, STR_NONE, STR_NONE);
        for (int who = 0; who < ROLES; who++)
            for (enum kit_place p = 0; p < PLACES; p++) {
                struct actor a = actor_of(f, who, "GIUA");
                json_t *in = kit_sample(t, k, p), *out = NULL;
                char what[200];
                bool away = !sees(row, who, p);
                snprintf(what, sizeof(what), "create %.*s in %s", STR_ARGS(k->name), place_unit[p]);
                assert_int_equal(registry_batch_begin(f->r, &f->e), 0);
                int rc = registry_create(f->r, &a, k->name, in, &out, NULL, &f->e);
                /* Elsewhere an officer gets nothing in, by whatever it is stopped. */
                if (away && memchr(row->create.p, 'U', row->create.n) != NULL)
                    assert_true(rc < 0);
                else
                    compare(f, n, who, row->create, true, rc, what);
                json_decref(in);
                json_decref(out);
                struct err ignored;
                registry_batch_end(f->r, false, &ignored);
            }
    }
}

static void writes(struct fixture *f, struct kit *t, struct tally *n)
{
    for (size_t i = 0; i < t->sc->nkinds; i++) {
        const struct kind *k = &t->sc->kinds[i];
        const struct rights_row *row = kit_row(t, k->name, STR_NONE, STR_NONE);
        for (size_t s = 0; s < k->nstates; s++)
            for (int who = 0; who < ROLES; who++)
                for (enum kit_place p = 0; p < PLACES; p++) {
                    struct actor a = actor_of(f, who, "GIUA");
                    char what[200];
                    snprintf(what, sizeof(what), "%.*s (%.*s) in %s", STR_ARGS(k->name), STR_ARGS(k->states[s]),
                             place_unit[p]);
                    int rc = attempt(f, t, k, p, k->states[s], &a, CHANGE, NULL);
                    compare(f, n, who, s == 0 ? row->change_first : row->change_later, sees(row, who, p), rc, what);
                    rc = attempt(f, t, k, p, k->states[s], &a, END, NULL);
                    compare(f, n, who, s == 0 ? row->end_first : row->end_later, sees(row, who, p), rc, what);
                }
    }
}

static void steps(struct fixture *f, struct kit *t, struct tally *n)
{
    for (size_t i = 0; i < t->sc->nkinds; i++) {
        const struct kind *k = &t->sc->kinds[i];
        const struct rights_row *kind_row = kit_row(t, k->name, STR_NONE, STR_NONE);
        for (size_t s = 0; s < k->ntransitions; s++) {
            const struct transition *x = &k->transitions[s];
            const struct rights_row *row = kit_row(t, k->name, x->from, x->to);
            for (int who = 0; who < ROLES; who++)
                for (enum kit_place p = 0; p < PLACES; p++) {
                    struct actor a = actor_of(f, who, "GIUA");
                    char what[200];
                    snprintf(what, sizeof(what), "%.*s: %.*s to %.*s in %s", STR_ARGS(k->name), STR_ARGS(x->from),
                             STR_ARGS(x->to), place_unit[p]);
                    int rc = attempt(f, t, k, p, x->from, &a, STEP, x);
                    if (came_of(f, rc) == STOPPED)
                        fail_msg("%s as %c: rights_step-int.h makes no record that is ready for this step: %s", what,
                                 people[who].letter, fx_text(f->es.n > 0 ? &f->es.v[0] : &f->e));
                    compare(f, n, who, row->who, sees(kind_row, who, p), rc, what);
                }
        }
    }
}

/* No row of the table is about what the schema does not have. */
static void no_row_too_many(const struct kit *t)
{
    for (size_t i = 0; i < t->nrows; i++) {
        const struct rights_row *row = &t->row[i];
        const struct kind *k = schema_kind(t->sc, row->kind);
        if (k == NULL || (row->from.n > 0 && kind_transition(k, row->from, row->to) == NULL))
            fail_msg("there is no %.*s %.*s %.*s", STR_ARGS(row->kind), STR_ARGS(row->from), STR_ARGS(row->to));
    }
}

/* A kind and a step that nobody spoke of are told by name: as if the last rows were not there yet. */
static void new_without_a_row(void **state)
{
    struct fixture *f = *state;
    static struct kit t;
    struct buf said;

    kit_open(&t, f->r);
    t.nrows -= 2;
    buf_init(&said, 1 << 16);
    kit_missing(&t, &said);
    assert_string_equal(said.p, "tests/rights/registry.tsv does not say who may write the kind log_archive. "
                                "tests/rights/registry.tsv does not say who may take action from dropped to open. ");
    buf_done(&said);
    arena_free(&t.a);
}

static void matrix(void **state)
{
    struct fixture *f = *state;
    static struct kit t;
    struct tally n[4] = {0};
    static const char *const names[] = {"read", "create", "change and end", "step"};

    kit_open(&t, f->r);
    no_row_too_many(&t);
    reads(f, &t, &n[0]);
    creates(f, &t, &n[1]);
    writes(f, &t, &n[2]);
    steps(f, &t, &n[3]);
    for (int i = 0; i < 4; i++) {
        print_message("# %s: %zu tried, %zu done, %zu kept as written, %zu refused, %zu need approval, %zu not there\n",
                      names[i], n[i].tried, n[i].of[DONE], n[i].of[KEPT], n[i].of[REFUSED], n[i].of[APPROVAL],
                      n[i].of[UNSEEN]);
        assert_int_equal(n[i].of[STOPPED], 0); /* every attempt is decided */
        assert_true(i == 0 || n[i].of[REFUSED] > 0);
    }
    arena_free(&t.a);
}

static bool mentions(const json_t *v, const char *text)
{
    char *z = json_dumps(v, JSON_ENCODE_ANY);
    bool found = strstr(z, text) != NULL;

    free(z);
    return found;
}

#define SECRET "079200012345"

/* A field that only some may see (`read` in the schema) is told by no way out. */
static void hidden_fields(void **state)
{
    struct fixture *f = *state;
    static const char may[] = "AD";
    json_t *out = NULL;

    fx_frame(f);
    fx_add(f, "person", "{'code':'anlv','name':'Lê Văn An','unit':'STC','national_id':'" SECRET "'}");
    assert_int_equal(fx_change(f, "person", "anlv", 1, "{'national_id':'" SECRET "9','position':'Chuyên viên'}"), 0);
    assert_int_equal(fx_change(f, "person", "anlv", 2, "{'national_id':'" SECRET "'}"), 0);
    for (int i = 0; i < ROLES; i++) {
        struct actor a = actor_of(f, i, "STC");
        bool sees_it = strchr(may, people[i].letter) != NULL;
        struct list_query q = {.limit = 10},
                          by = {.filter = {{STR("national_id"), STR("eq"), STR(SECRET)}}, .nfilters = 1},
                          word = {.q = STR(SECRET), .count = true};
        struct buf csv;
        assert_int_equal(registry_get(f->r, &a, STR("person"), STR("anlv"), &out, &f->e), 0);
        assert_int_equal(mentions(out, SECRET), sees_it);
        assert_int_equal(json_object_get(out, "national_id") != NULL, sees_it);
        json_decref(out);
        assert_int_equal(registry_list(f->r, &a, STR("person"), &q, &out, &f->e), 0);
        assert_int_equal(mentions(out, SECRET), sees_it);
        json_decref(out);
        assert_int_equal(registry_history(f->r, &a, STR("person"), STR("anlv"), &out, &f->e), 0);
        assert_int_equal(mentions(out, SECRET), sees_it);
        assert_true(mentions(out, "Chuyên viên"));
        json_decref(out);
        assert_int_equal(registry_why(f->r, &a, STR("person"), STR("anlv"), &out, &f->e), 0);
        assert_int_equal(mentions(out, SECRET), sees_it);
        json_decref(out);
        assert_int_equal(registry_get_at(f->r, &a, STR("person"), STR("anlv"), clock_wall(&f->clk), &out, &f->e), 0);
        assert_int_equal(mentions(out, SECRET), sees_it);
        json_decref(out);
        assert_int_equal(registry_list_at(f->r, &a, STR("person"), &q, clock_wall(&f->clk), &out, &f->e), 0);
        assert_int_equal(mentions(out, SECRET), sees_it);
        json_decref(out);
        buf_init(&csv, 1 << 20);
        assert_int_equal(registry_export_csv(f->r, &a, STR("person"), &q, &csv, &f->e), 0);
        assert_int_equal(str_find(buf_view(&csv), STR(SECRET)) != SIZE_MAX, sees_it);
        buf_done(&csv);
        /* Asked for, it would be guessed. */
        int rc = registry_list(f->r, &a, STR("person"), &by, &out, &f->e);
        assert_int_equal(rc, sees_it ? 0 : -EACCES);
        if (rc == 0)
            json_decref(out);
        rc = registry_list_at(f->r, &a, STR("person"), &by, clock_wall(&f->clk), &out, &f->e);
        assert_int_equal(rc, sees_it ? 0 : -EACCES);
        if (rc == 0)
            json_decref(out);
        assert_int_equal(registry_list(f->r, &a, STR("person"), &word, &out, &f->e), 0);
        assert_int_equal(json_get_int(out, "total", -1), 0); /* not in the words, for nobody */
        json_decref(out);
        assert_int_equal(registry_find(f->r, &a, STR(SECRET), STR_NONE, 0, &out, &f->e), 0);
        assert_false(mentions(out, "anlv"));
        json_decref(out);
        /* Not seen, not written; and what was seen by another stays where it is. */
        if (people[i].letter == 'O') {
            assert_int_equal(fx_change_as(f, &a, "person", "anlv", 3, "{'national_id':'1'}", &out), -EINVAL);
            assert_string_equal(f->es.v[0].key, "registry.hidden_field");
            assert_int_equal(fx_import(f, &a, "person", STR("code,national_id\nanlv,1\n"), false, &out), -EINVAL);
            assert_string_equal(f->es.v[0].key, "registry.hidden_field");
        }
    }
}

/* Nor by a change set: its operations and its plan. */
static void hidden_in_changes(void **state)
{
    struct fixture *f = *state;
    struct actor oper = actor_of(f, 1, "STC");
    json_t *in = NULL, *set = NULL, *plan = NULL, *seen = NULL;

    fx_frame(f);
    in = J("{'title':'x','ops':[{'op':'change','kind':'person','target':'hanhnm','fields':{'national_id':'" SECRET
           "','position':'Phó phòng'}}]}");
    assert_int_equal(change_draft(f->r, &ADMIN, in, &set, &f->es, &f->e), 0);
    int64_t id = json_get_int(set, "id", 0);
    assert_true(mentions(set, SECRET));
    assert_int_equal(change_get(f->r, &oper, id, &seen, &f->e), 0);
    assert_false(mentions(seen, SECRET));
    assert_true(mentions(seen, "Phó phòng"));
    json_decref(seen);
    assert_int_equal(change_plan(f->r, &ADMIN, id, NULL, &plan, &f->es, &f->e), 0);
    assert_true(mentions(plan, SECRET));
    assert_int_equal(change_plan(f->r, &oper, id, NULL, &seen, &f->es, &f->e), 0);
    assert_false(mentions(seen, SECRET));
    assert_true(str_eq(json_get_str(seen, "hash"), json_get_str(plan, "hash"))); /* still of the whole */
    json_decref(seen);
    json_decref(plan);
    json_decref(set);
    json_decref(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(matrix, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(new_without_a_row, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(hidden_fields, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(hidden_in_changes, fx_setup, fx_teardown),
    };
    return cmocka_run_group_tests_name("registry/rights", tests, NULL, NULL);
}

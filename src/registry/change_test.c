/* Change sets: drafts and their mistakes, plans, approval and what voids it,
 * application, undoing, the timer, requests of officers, and "why". */
#include "registry/change-test-int.h"
#include "registry/personal.h"

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

static const char *at(const struct t *t, size_t i) { return i < t->f->es.n ? t->f->es.v[i].at : "-"; }

/* A direct write of what is marked is refused; through a set it goes. */
static void marked_kinds_refuse_a_direct_write(void **state)
{
    struct t *t = *state;
    json_t *out = NULL;

    assert_int_equal(fx_change_as(t->f, &ADMIN, "object_set", "NHOM-1", 1, "{'name':'x'}", &out), -EACCES);
    assert_string_equal(t->f->e.key, "registry.needs_approval");
    assert_int_equal(registry_end(t->f->r, &ADMIN, STR("object_set"), STR("NHOM-1"), 1, &out, &t->f->e), -EACCES);
    assert_string_equal(t->f->e.key, "registry.needs_approval");
    assert_int_equal(fx_import(t->f, &ADMIN, "object_set", STR("code,name\nNHOM-1,khác\n"), false, &out), -EINVAL);
    assert_int_equal(fx_import(t->f, &ADMIN, "object_set", STR("code,name\nNHOM-1,Máy chủ\n"), false, &out), 0);
    json_decref(out);
    fx_add(t->f, "object_set", "{'code':'NHOM-2','name':'mới'}"); /* create is not marked */
    int64_t id = cs_submitted(t->f, &t->p, "Máy chủ mới");
    assert_int_equal(cs_step(t->f, &t->p.an, id, STEP_APPLY, ""), -EBUSY);
    assert_string_equal(t->f->e.key, "registry.change_unapproved");
    cs_must(t->f, &t->p.binh, id, STEP_APPROVE, "đồng ý");
    cs_must(t->f, &t->p.an, id, STEP_APPLY, "");
    assert_string_equal(field_of(t->f, "object_set", "NHOM-1", "name"), "Máy chủ mới");
    assert_string_equal(cs_state(t->f, id), "applied");
}

static void mistakes_of_a_draft_name_their_place(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *ops, *at, *key;
    } cases[] = {
        {"[7]", "/ops/1", "registry.want_object"},
        {"[{'op':'drop','kind':'unit'}]", "/ops/1/op", "registry.change_op"},
        {"[{'op':'restore','kind':'unit','target':'STC'}]", "/ops/1/op", "registry.change_op"},
        {"[{'op':'create','kind':'rocket','fields':{}}]", "/ops/1/kind", "registry.no_kind"},
        {"[{'op':'create','kind':'unit'}]", "/ops/1/fields", "registry.change_missing"},
        {"[{'op':'create','kind':'unit','fields':[]}]", "/ops/1/fields", "registry.want_object"},
        {"[{'op':'create','kind':'unit','target':'STC','fields':{}}]", "/ops/1/target", "registry.change_not_here"},
        {"[{'op':'change','kind':'unit','target':'KHONG','fields':{}}]", "/ops/1/target", "registry.not_found"},
        {"[{'op':'change','kind':'unit','target':true,'fields':{}}]", "/ops/1/target", "registry.bad_ref"},
        {"[{'op':'change','kind':'unit','target':{'op':1},'fields':{}}]", "/ops/1/target", "registry.change_no_op"},
        {"[{'op':'change','kind':'unit','target':'STC','rev':0,'fields':{}}]", "/ops/1/rev", "registry.bad_int"},
        {"[{'op':'transition','kind':'unit','target':'STC'}]", "/ops/1/state", "registry.change_missing"},
        {"[{'op':'end','kind':'unit','target':'STC','fields':{}}]", "/ops/1/fields", "registry.change_not_here"},
        {"[{'op':'end','kind':'unit','target':'STC','colour':1}]", "/ops/1", "registry.change_member"},
    };
    char text[400];
    json_t *out;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "{'title':'t','ops':%s}", cases[i].ops);
        assert_int_equal(cs_draft(t->f, &t->p.an, text, &out), -EINVAL);
        assert_string_equal(at(t, 0), cases[i].at);
        assert_string_equal(t->f->es.v[0].key, cases[i].key);
    }
    assert_int_equal(cs_draft(t->f, &t->p.binh, "{'ops':[]}", &out), -EACCES);
    assert_int_equal(cs_draft(t->f, &t->p.an, "{'ops':{}}", &out), -E2BIG);
    assert_int_equal(change_get(t->f->r, &ADMIN, 999, &out, &t->f->e), -ENOENT);
}

/* Several kinds in one set, the later naming what the earlier make. */
static void operations_build_on_each_other(void **state)
{
    struct t *t = *state;
    json_t *plan;
    int64_t id = cs_new(
        t->f, &t->p.an,
        "{'title':'Phòng mới','ops':["
        "{'op':'create','kind':'unit','fields':{'code':'P2','name':'Phòng Hai','tier':'department',"
        "'parent':'STC'}},"
        "{'op':'create','kind':'device','fields':{'code':'PC-9','name':'PC-9','category':'workstation','unit':{'op':1},"
        "'network':'WAN'}},"
        "{'op':'transition','kind':'device','target':{'op':2},'state':'submitted'},"
        "{'op':'change','kind':'person','target':'hanhnm','fields':{'unit':{'op':1}}}]}");

    int rc = cs_plan(t->f, &t->p.an, id, &plan);
    assert_int_equal(rc, 0);
    if (t->f->es.n > 0)
        fail_msg("%s: %s", at(t, 0), fx_text(&t->f->es.v[0]));
    json_t *effects = json_object_get(plan, "effects");
    assert_int_equal(json_array_size(effects), 4);
    json_t *device = json_array_get(effects, 1);
    assert_int_equal(json_get_int(json_object_get(json_object_get(device, "after"), "unit"), "op", 0), 1);
    assert_null(json_object_get(json_object_get(device, "after"), "created_at"));
    json_t *person = json_array_get(effects, 3);
    assert_true(str_eq(json_get_str(json_object_get(json_object_get(person, "before"), "unit"), "key"), STR("STC")));
    assert_false(json_is_true(json_object_get(plan, "needs_approval")));
    json_decref(plan);
    json_t *none = NULL;
    assert_int_equal(registry_get(t->f->r, &ADMIN, STR("unit"), STR("P2"), &none, &t->f->e), -ENOENT);
    cs_must(t->f, &t->p.an, id, STEP_APPLY, ""); /* nothing in it asks for approval */
    assert_string_equal(field_of(t->f, "unit", "P2", "name"), "Phòng Hai");
    json_t *c = cs_get(t->f, id);
    assert_int_equal(json_array_size(json_object_get(c, "touched")), 4);
    json_decref(c);
}

static void a_plan_tells_every_mistake_and_writes_nothing(void **state)
{
    struct t *t = *state;
    uint64_t seq[2];
    char hash[2][65];
    json_t *plan;
    int64_t id = cs_new(t->f, &t->p.an,
                        "{'title':'t','ops':["
                        "{'op':'create','kind':'unit','fields':{'code':'P3'}},"
                        "{'op':'change','kind':'unit','target':'STC','fields':{'tier':'moon','colour':1}},"
                        "{'op':'end','kind':'unit','target':'TINH'},"
                        "{'op':'change','kind':'person','target':'hanhnm','fields':{'unit':{'op':1},'name':''}}]}");

    registry_head(t->f->r, &seq[0], hash[0], &t->f->e);
    assert_int_equal(cs_plan(t->f, &t->p.an, id, &plan), 0);
    registry_head(t->f->r, &seq[1], hash[1], &t->f->e);
    assert_int_equal(seq[0], seq[1]);
    assert_string_equal(hash[0], hash[1]);
    assert_int_equal(t->f->es.n, json_get_int(plan, "mistakes", -1));
    assert_string_equal(at(t, 0), "/ops/1/fields/name");
    bool tier = false, colour = false, used = false;
    for (size_t i = 0; i < t->f->es.n; i++) {
        tier |= strcmp(at(t, i), "/ops/2/fields/tier") == 0;
        colour |= strcmp(at(t, i), "/ops/2/fields/colour") == 0;
        used |= strcmp(at(t, i), "/ops/3") == 0 && t->f->es.v[i].code == -ENOTEMPTY;
    }
    assert_true(tier && colour && used);
    json_decref(plan);
    assert_int_equal(cs_step(t->f, &t->p.an, id, STEP_SUBMIT, ""), -EINVAL);
    assert_int_equal(cs_step(t->f, &t->p.an, id, STEP_APPLY, ""), -EINVAL);
    assert_string_equal(cs_state(t->f, id), "draft");
}

static void nobody_approves_the_own(void **state)
{
    struct t *t = *state;
    int64_t id = cs_submitted(t->f, &t->p, "a");
    struct actor an_approver = t->p.an;
    json_t *in = J("{'title':'Chi sửa'}"), *out = NULL;

    an_approver.roles |= ROLE_APPROVER;
    assert_int_equal(cs_step(t->f, &an_approver, id, STEP_APPROVE, ""), -EPERM);
    assert_string_equal(t->f->e.key, "registry.change_own");
    assert_int_equal(cs_step(t->f, &t->p.an, id, STEP_APPROVE, ""), -EACCES); /* no approver at all */
    assert_int_equal(cs_step(t->f, &t->p.nobody, id, STEP_APPROVE, ""), -EPERM);
    assert_string_equal(t->f->e.key, "registry.change_no_person");
    /* Who edits has a hand in it, and so has the own second account. */
    assert_int_equal(change_edit(t->f->r, &t->p.chi, id, cs_rev(t->f, id), in, &out, &t->f->es, &t->f->e), 0);
    json_decref(in);
    json_decref(out);
    cs_must(t->f, &t->p.chi, id, STEP_SUBMIT, "");
    assert_int_equal(cs_step(t->f, &t->p.chi2, id, STEP_APPROVE, ""), -EPERM);
    assert_string_equal(t->f->e.key, "registry.change_own");
    cs_must(t->f, &t->p.binh, id, STEP_APPROVE, "");
}

static void an_edit_voids_the_approval(void **state)
{
    struct t *t = *state;
    int64_t id = cs_submitted(t->f, &t->p, "a");
    json_t *in = J("{'ops':[{'op':'change','kind':'object_set','target':'NHOM-1','fields':{'name':'b'}}]}"),
           *out = NULL;
    struct change_args args = {0};
    char seen[80];

    cs_hash(t->f, id, seen);
    cs_must(t->f, &t->p.binh, id, STEP_APPROVE, "");
    assert_int_equal(change_edit(t->f->r, &t->p.an, id, 1, in, &out, &t->f->es, &t->f->e), -ESTALE);
    assert_int_equal(change_edit(t->f->r, &t->p.an, id, cs_rev(t->f, id), in, &out, &t->f->es, &t->f->e), 0);
    json_t *votes = json_object_get(out, "approvals");
    assert_true(json_is_true(json_object_get(json_array_get(votes, 0), "void")));
    json_decref(out);
    json_decref(in);
    assert_string_equal(cs_state(t->f, id), "draft");
    assert_int_equal(cs_step(t->f, &t->p.an, id, STEP_APPLY, ""), -EBUSY);
    cs_must(t->f, &t->p.an, id, STEP_SUBMIT, "");
    /* The hash of what was seen before is not good any more. */
    args.hash = str_c(seen);
    assert_int_equal(cs_step_full(t->f, &t->p.binh, id, STEP_APPROVE, &args, &out), -ESTALE);
    assert_string_equal(t->f->e.key, "registry.change_other_seen");
    assert_string_equal(cs_state(t->f, id), "submitted");
}

/* A record of the set is written by somebody else after the approval. */
static void a_changed_base_voids_the_approval(void **state)
{
    struct t *t = *state;
    int64_t other = cs_submitted(t->f, &t->p, "trước"), id = cs_submitted(t->f, &t->p, "sau");

    cs_must(t->f, &t->p.binh, other, STEP_APPROVE, "");
    cs_must(t->f, &t->p.binh, id, STEP_APPROVE, "");
    cs_must(t->f, &t->p.an, other, STEP_APPLY, "");
    assert_int_equal(cs_step(t->f, &t->p.an, id, STEP_APPLY, ""), -ESTALE);
    assert_string_equal(t->f->e.key, "registry.change_void");
    assert_string_equal(at(t, 0), "/ops/1");
    assert_string_equal(t->f->es.v[0].key, "registry.change_stale");
    assert_string_equal(cs_state(t->f, id), "draft");
    assert_string_equal(field_of(t->f, "object_set", "NHOM-1", "name"), "trước");
    assert_int_equal(cs_step(t->f, &t->p.an, id, STEP_SUBMIT, ""), -ESTALE);
    /* Made anew for what is there now, it goes its way again. */
    json_t *in = J("{'ops':[{'op':'change','kind':'object_set','target':'NHOM-1','fields':{'name':'sau'}}]}"),
           *out = NULL;
    assert_int_equal(change_edit(t->f->r, &t->p.an, id, cs_rev(t->f, id), in, &out, &t->f->es, &t->f->e), 0);
    json_decref(in);
    json_decref(out);
    cs_must(t->f, &t->p.an, id, STEP_SUBMIT, "");
    cs_must(t->f, &t->p.binh, id, STEP_APPROVE, "");
    cs_must(t->f, &t->p.an, id, STEP_APPLY, "");
    assert_string_equal(field_of(t->f, "object_set", "NHOM-1", "name"), "sau");
}

static void reject_and_withdraw(void **state)
{
    struct t *t = *state;
    int64_t id = cs_submitted(t->f, &t->p, "a");

    assert_int_equal(cs_step(t->f, &t->p.binh, id, STEP_REJECT, ""), -EINVAL);
    assert_string_equal(t->f->e.key, "registry.change_reason");
    cs_must(t->f, &t->p.binh, id, STEP_REJECT, "chưa đủ căn cứ");
    assert_string_equal(cs_state(t->f, id), "rejected");
    assert_int_equal(cs_step(t->f, &t->p.an, id, STEP_APPLY, ""), -EBUSY);
    cs_must(t->f, &t->p.an, id, STEP_WITHDRAW, "");
    assert_string_equal(cs_state(t->f, id), "withdrawn");
    for (enum change_step s = 0; s < STEPS; s++)
        assert_int_not_equal(cs_step(t->f, &ADMIN, id, s, "x"), 0);
    assert_string_equal(cs_state(t->f, id), "withdrawn");
}

static void break_glass_waits_for_a_second_person(void **state)
{
    struct t *t = *state;
    int64_t id = cs_submitted(t->f, &t->p, "khẩn");
    struct actor boss = person_of(t->f, "sep", "sep", ROLE_ADMIN);

    assert_int_equal(cs_step(t->f, &t->p.an, id, STEP_BREAK_GLASS, "cháy"), -EACCES);
    assert_int_equal(cs_step(t->f, &boss, id, STEP_BREAK_GLASS, ""), -EINVAL);
    cs_must(t->f, &boss, id, STEP_BREAK_GLASS, "đường truyền đứt");
    assert_string_equal(field_of(t->f, "object_set", "NHOM-1", "name"), "khẩn");
    json_t *c = cs_get(t->f, id);
    assert_true(json_is_true(json_object_get(c, "break_glass")));
    json_decref(c);
    assert_int_equal(cs_step(t->f, &boss, id, STEP_REVIEW, "tôi thấy ổn"), -EPERM);
    cs_must(t->f, &t->p.binh, id, STEP_REVIEW, "đã xem");
    assert_int_equal(cs_step(t->f, &t->p.binh, id, STEP_REVIEW, "lại"), -EBUSY);
}

static int64_t revert(struct t *t, const struct actor *who, int64_t id)
{
    struct change_args args = {.note = STR("nhầm")};
    json_t *out = NULL;

    if (cs_step_full(t->f, who, id, STEP_REVERT, &args, &out) < 0)
        return 0;
    int64_t inverse = json_get_int(out, "id", 0);
    json_decref(out);
    return inverse;
}

static void an_inverse_set_is_approved_like_any_other(void **state)
{
    struct t *t = *state;
    int64_t id = cs_submitted(t->f, &t->p, "mới");

    cs_must(t->f, &t->p.binh, id, STEP_APPROVE, "");
    cs_must(t->f, &t->p.an, id, STEP_APPLY, "");
    int64_t inverse = revert(t, &t->p.an, id), twin = revert(t, &t->p.an, id);
    assert_int_not_equal(inverse, 0);
    assert_int_equal(cs_step(t->f, &t->p.an, inverse, STEP_APPLY, ""), -EBUSY);
    cs_must(t->f, &t->p.an, inverse, STEP_SUBMIT, "");
    cs_must(t->f, &t->p.binh, inverse, STEP_APPROVE, "");
    cs_must(t->f, &t->p.an, inverse, STEP_APPLY, "");
    assert_string_equal(field_of(t->f, "object_set", "NHOM-1", "name"), "Máy chủ");
    assert_string_equal(cs_state(t->f, id), "reverted");
    assert_int_equal(cs_step(t->f, &t->p.an, twin, STEP_SUBMIT, ""), -ESTALE); /* the base moved */
    json_t *in = J("{'title':'x'}"), *out = NULL;
    assert_int_equal(change_edit(t->f->r, &t->p.an, twin, cs_rev(t->f, twin), in, &out, &t->f->es, &t->f->e), -EBUSY);
    json_decref(in);
}

/* An import is a set of its own; undoing it ends what it made and puts back
 * what it changed and ended; what was changed since stands in the way. */
static void an_import_can_be_undone(void **state)
{
    struct t *t = *state;
    json_t *out = NULL, *list;
    const struct change_query q = {.implicit = true, .limit = 1};

    assert_int_equal(
        fx_import(
            t->f, &t->p.an, "unit",
            STR("code,name,tier,parent.code\nA1,Một,commune,TINH\nA2,Hai,commune,A1\nXA01,Đổi tên,commune,TINH\n"),
            false, &out),
        0);
    json_decref(out);
    assert_int_equal(change_list(t->f->r, &ADMIN, &q, &list, &t->f->e), 0);
    json_t *set = json_array_get(json_object_get(list, "items"), 0);
    int64_t id = json_get_int(set, "id", 0);
    assert_int_equal(json_get_int(set, "ops_total", 0), 3);
    assert_true(str_eq(json_get_str(set, "author"), STR("an")));
    json_decref(list);
    assert_int_equal(fx_change(t->f, "unit", "A2", 1, "{'name':'Hai hai'}"), 0);
    assert_int_equal(revert(t, &t->p.an, id), 0);
    assert_string_equal(t->f->e.key, "registry.change_since");
    assert_string_equal(t->f->es.v[0].arg[0], "A2");
    /* Undo that one first; then the revisions stand where they are now, so it
     * still is a later write: only a set that nothing followed goes back. */
    int64_t later = 0;
    assert_int_equal(change_list(t->f->r, &ADMIN, &q, &list, &t->f->e), 0);
    later = json_get_int(json_array_get(json_object_get(list, "items"), 0), "id", 0);
    json_decref(list);
    int64_t inverse = revert(t, &t->p.an, later);
    assert_int_not_equal(inverse, 0);
    cs_must(t->f, &t->p.an, inverse, STEP_APPLY, "");
    assert_string_equal(field_of(t->f, "unit", "A2", "name"), "Hai");
    assert_int_equal(revert(t, &t->p.an, id), 0);
}

static void create_change_end_all_go_back(void **state)
{
    struct t *t = *state;
    int64_t id =
        cs_new(t->f, &t->p.an,
               "{'title':'t','ops':[{'op':'create','kind':'unit','fields':{'code':'B1','name':'B',"
               "'tier':'commune','parent':'TINH'}},"
               "{'op':'create','kind':'unit','fields':{'code':'B2','name':'B','tier':'commune','parent':{'op':1}}},"
               "{'op':'change','kind':'unit','target':'XA01','fields':{'name':'Khác','parent':{'op':1}}},"
               "{'op':'change','kind':'unit','target':'XA01','fields':{'name':'Khác nữa'}},"
               "{'op':'end','kind':'unit','target':'STC-P1'}]}");

    cs_must(t->f, &t->p.an, id, STEP_APPLY, "");
    assert_string_equal(field_of(t->f, "unit", "XA01", "name"), "Khác nữa");
    int64_t inverse = revert(t, &t->p.chi, id);
    assert_int_not_equal(inverse, 0);
    cs_must(t->f, &t->p.chi, inverse, STEP_APPLY, "");
    assert_string_equal(field_of(t->f, "unit", "XA01", "name"), "Xã Long Mỹ");
    json_t *p1 = fx_get(t->f, "unit", "STC-P1"), *b2 = fx_get(t->f, "unit", "B2");
    assert_true(json_is_null(json_object_get(p1, "valid_to")));
    assert_false(json_is_null(json_object_get(b2, "valid_to")));
    json_decref(p1);
    json_decref(b2);
    uint64_t rows, bad;
    assert_int_equal(registry_verify(t->f->r, &rows, &bad, &t->f->e), 0);
    assert_int_equal(bad, 0);
}

/* Personal values lie beside the history; undoing brings the value back, and
 * what the law had blanked stays gone. */
static void personal_values_go_back_too(void **state)
{
    struct t *t = *state;
    struct actor boss = ADMIN;
    json_t *out = NULL, *list = NULL;
    const struct change_query q = {.implicit = true, .limit = 1};

    int64_t id =
        cs_new(t->f, &t->p.an,
               "{'title':'t','ops':[{'op':'change','kind':'person','target':'hanhnm','fields':{'name':'Khác'}}]}");
    cs_must(t->f, &t->p.an, id, STEP_APPLY, "");
    int64_t inverse = revert(t, &t->p.an, id);
    cs_must(t->f, &t->p.an, inverse, STEP_APPLY, "");
    assert_string_equal(field_of(t->f, "person", "hanhnm", "name"), "Nguyễn Minh Hạnh");
    boss.reason = STR("theo yêu cầu");
    json_t *rec = fx_get(t->f, "person", "hanhnm");
    assert_int_equal(registry_personal_blank(t->f->r, &boss, STR("person"), STR("hanhnm"), json_get_int(rec, "rev", 0),
                                             &out, &t->f->es, &t->f->e),
                     0);
    json_decref(rec);
    json_decref(out);
    assert_int_equal(change_list(t->f->r, &ADMIN, &q, &list, &t->f->e), 0);
    int64_t blank = json_get_int(json_array_get(json_object_get(list, "items"), 0), "id", 0);
    json_decref(list);
    assert_int_equal(revert(t, &ADMIN, blank), 0);
    assert_string_equal(t->f->e.key, "registry.change_blank");
}

static void not_confirmed_in_time_is_taken_back(void **state)
{
    struct t *t = *state;
    struct change_args args = {.confirm_s = 300};
    int64_t due, ids[3];
    const char *names[] = {"một", "hai", "ba"};
    json_t *out = NULL;

    for (int i = 0; i < 3; i++) {
        char ops[200];
        snprintf(ops, sizeof(ops),
                 "{'title':'%s','ops':[{'op':'change','kind':'unit','target':'XA01','fields':{'name':'%s'}}]}",
                 names[i], names[i]);
        ids[i] = cs_new(t->f, &t->p.an, ops);
        assert_int_equal(cs_step_full(t->f, &t->p.an, ids[i], STEP_APPLY, &args, &out), 0);
        json_decref(out);
        assert_int_equal(change_tick(t->f->r, &due, &t->f->e), 0);
        assert_true(due == clock_wall(&t->f->clk) + 300 * NS_PER_S);
        if (i == 0)
            cs_must(t->f, &t->p.chi, ids[i], STEP_CONFIRM, "");
        clock_advance(&t->f->clk, 299 * NS_PER_S);
        assert_int_equal(change_tick(t->f->r, &due, &t->f->e), 0);
        assert_string_equal(cs_state(t->f, ids[i]), i == 0 ? "confirmed" : "applied");
        if (i == 2) /* somebody wrote it meanwhile: it cannot go back */
            assert_int_equal(fx_change(t->f, "unit", "XA01", 5, "{'name':'khác'}"), 0);
        clock_advance(&t->f->clk, 1 * NS_PER_S);
        assert_int_equal(change_tick(t->f->r, &due, &t->f->e), 0);
        assert_true(due == INT64_MAX);
        assert_string_equal(cs_state(t->f, ids[i]), i == 0 ? "confirmed" : i == 1 ? "reverted" : "applied");
    }
    assert_string_equal(field_of(t->f, "unit", "XA01", "name"), "khác");
    json_t *c = cs_get(t->f, ids[2]);
    assert_true(json_is_true(json_object_get(c, "overdue")));
    json_decref(c);
    assert_int_equal(cs_step(t->f, &t->p.an, ids[0], STEP_CONFIRM, ""), -EBUSY);
    cs_must(t->f, &t->p.an, ids[2], STEP_CONFIRM, "đã xem");
}

/* An officer asks within the own unit; an operator takes it, or gives it back. */
static void a_request_is_taken_or_returned(void **state)
{
    struct t *t = *state;
    json_t *out, *plan;
    const char *want = "{'title':'Xin thêm máy','reason':'tuyển người','ops':[{'op':'create','kind':'device','fields':"
                       "{'code':'PC-XIN','name':'PC-XIN','category':'workstation','unit':'STC','network':'WAN'}}]}";

    assert_int_equal(cs_draft(t->f, &t->p.officer,
                              "{'ops':[{'op':'change','kind':'unit','target':'XA01','fields':{'name':'x'}}]}", &out),
                     -EINVAL); /* not in his sight */
    int64_t id = cs_new(t->f, &t->p.officer, want);
    assert_int_equal(cs_plan(t->f, &t->p.officer, id, &plan), 0);
    assert_int_equal(t->f->es.n, 0);
    json_decref(plan);
    assert_int_equal(cs_step(t->f, &t->p.officer, id, STEP_APPLY, ""), -EACCES);
    cs_must(t->f, &t->p.officer, id, STEP_SUBMIT, "");
    assert_string_equal(cs_state(t->f, id), "requested");
    assert_int_equal(cs_step(t->f, &t->p.an, id, STEP_APPLY, ""), -EBUSY); /* not taken yet */
    assert_int_equal(cs_step(t->f, &t->p.an, id, STEP_RETURN, ""), -EINVAL);
    cs_must(t->f, &t->p.an, id, STEP_RETURN, "ghi rõ số máy");
    assert_string_equal(cs_state(t->f, id), "draft");
    cs_must(t->f, &t->p.officer, id, STEP_SUBMIT, "");
    cs_must(t->f, &t->p.an, id, STEP_TAKE, "");
    json_t *c = cs_get(t->f, id);
    assert_true(str_eq(json_get_str(c, "owner"), STR("an")));
    assert_true(str_eq(json_get_str(c, "author"), STR("cb")));
    json_decref(c);
    assert_int_equal(cs_step(t->f, &t->p.officer, id, STEP_SUBMIT, ""), -EACCES); /* it is An's now */
    cs_must(t->f, &t->p.an, id, STEP_APPLY, "");
    assert_string_equal(field_of(t->f, "device", "PC-XIN", "state"), "draft");
    /* Another unit's officer sees nothing of it. */
    struct actor far = t->p.officer;
    json_t *unit = fx_get(t->f, "unit", "XA01");
    far.unit_id = json_get_int(unit, "id", 0);
    far.account_id = 777;
    json_decref(unit);
    assert_int_equal(change_get(t->f->r, &far, id, &out, &t->f->e), -ENOENT);
    const struct change_query q = {0};
    assert_int_equal(change_list(t->f->r, &far, &q, &out, &t->f->e), 0);
    assert_int_equal(json_array_size(json_object_get(out, "items")), 0);
    json_decref(out);
}

static size_t waiting(struct t *t, const struct actor *who)
{
    const struct change_query q = {.waiting = true};
    json_t *out = NULL;

    assert_int_equal(change_list(t->f->r, who, &q, &out, &t->f->e), 0);
    size_t n = json_array_size(json_object_get(out, "items"));
    json_decref(out);
    return n;
}

static void what_waits_for_whom(void **state)
{
    struct t *t = *state;
    int64_t id = cs_submitted(t->f, &t->p, "a");

    assert_int_equal(waiting(t, &t->p.binh), 1);
    assert_int_equal(waiting(t, &t->p.an), 0);
    cs_must(t->f, &t->p.binh, id, STEP_APPROVE, "");
    assert_int_equal(waiting(t, &t->p.binh), 0);
    assert_int_equal(waiting(t, &t->p.an), 1);
    cs_must(t->f, &t->p.an, id, STEP_APPLY, "");
    assert_int_equal(waiting(t, &t->p.an), 0);
}

/* Rights that an operator does not have come by no set either. */
static void a_set_gives_no_rights(void **state)
{
    struct t *t = *state;
    int64_t id =
        cs_new(t->f, &t->p.an,
               "{'title':'t','ops':[{'op':'create','kind':'role_grant','fields':{'account':'an','role':'admin'}}]}");

    assert_int_equal(cs_step(t->f, &t->p.an, id, STEP_APPLY, ""), -EINVAL);
    assert_string_equal(t->f->es.v[0].key, "registry.may_not_write");
    json_t *out = NULL;
    assert_int_equal(fx_create_as(t->f, &t->p.an, "role_grant", "{'account':'an','role':'admin'}", &out), -EACCES);
}

static void why_leads_to_the_set_and_its_approver(void **state)
{
    struct t *t = *state;
    int64_t id = cs_submitted(t->f, &t->p, "vì sao");
    json_t *why = NULL;

    cs_must(t->f, &t->p.binh, id, STEP_APPROVE, "đúng");
    cs_must(t->f, &t->p.an, id, STEP_APPLY, "");
    assert_int_equal(registry_why(t->f->r, &ADMIN, STR("object_set"), STR("NHOM-1"), &why, &t->f->e), 0);
    json_t *rows = json_object_get(why, "history"), *newest = json_array_get(rows, 0);
    assert_int_equal(json_array_size(rows), 2);
    assert_int_equal(json_get_int(json_object_get(newest, "change"), "id", 0), id);
    json_t *vote = json_array_get(json_object_get(newest, "approvals"), 0);
    assert_true(str_eq(json_get_str(vote, "by"), STR("binh")));
    assert_true(str_eq(json_get_str(vote, "note"), STR("đúng")));
    json_t *first = json_object_get(json_array_get(rows, 1), "change");
    assert_true(json_is_true(json_object_get(first, "implicit")));
    assert_true(json_array_size(json_object_get(why, "clauses")) > 0);
    json_decref(why);
    fx_add(t->f, "device", "{'code':'PC-1','name':'PC-1','category':'workstation','unit':'STC','network':'WAN'}");
    fx_add(t->f, "inspection", "{'device':'PC-1','inspected_on':'2026-11-01','verdict':'pass'}");
    assert_int_equal(registry_why(t->f->r, &ADMIN, STR("device"), STR("PC-1"), &why, &t->f->e), 0);
    json_t *at0 = json_array_get(json_object_get(why, "attached"), 0);
    assert_true(str_eq(json_get_str(at0, "kind"), STR("inspection")));
    json_decref(why);
    assert_int_equal(registry_why(t->f->r, &t->p.officer, STR("unit"), STR("XA01"), &why, &t->f->e), -ENOENT);
}

static void a_preview_of_one_write(void **state)
{
    struct t *t = *state;
    json_t *op = J("{'op':'change','kind':'object_set','target':'NHOM-1','rev':1,'fields':{'name':'z'}}"), *out = NULL;

    es_clear(t->f);
    assert_int_equal(change_preview(t->f->r, &t->p.an, op, NULL, &out, &t->f->es, &t->f->e), 0);
    assert_true(json_is_true(json_object_get(out, "needs_approval")));
    json_decref(out);
    json_object_set_new(op, "rev", json_integer(9));
    assert_int_equal(change_preview(t->f->r, &t->p.an, op, NULL, &out, &t->f->es, &t->f->e), -ESTALE);
    json_object_set_new(op, "rev", json_integer(1));
    json_object_set_new(op, "fields", json_pack("{s:s}", "name", ""));
    assert_int_equal(change_preview(t->f->r, &t->p.an, op, NULL, &out, &t->f->es, &t->f->e), -EINVAL);
    assert_string_equal(at(t, 0), "/fields/name");
    json_object_set_new(op, "target", json_string("KHONG"));
    assert_int_equal(change_preview(t->f->r, &t->p.an, op, NULL, &out, &t->f->es, &t->f->e), -ENOENT);
    json_decref(op);
    assert_string_equal(field_of(t->f, "object_set", "NHOM-1", "name"), "Máy chủ");
}

/* Stock past an approval, by an administrator: a broken glass. */
static void stock_past_an_approval_shows(void **state)
{
    struct t *t = *state;
    const char *rule =
        "{'name':'R','from_set':'NHOM-1','to_set':'NHOM-1','owner':'hanhnm','reason':'cũ','state':'active'}";
    const struct change_query q = {.implicit = true, .limit = 1};
    json_t *out = NULL;

    assert_int_equal(fx_create_as(t->f, &t->p.an, "flow_rule", rule, &out), -EINVAL);
    fx_add(t->f, "flow_rule", rule);
    assert_int_equal(change_list(t->f->r, &ADMIN, &q, &out, &t->f->e), 0);
    json_t *set = json_array_get(json_object_get(out, "items"), 0);
    assert_true(json_is_true(json_object_get(set, "break_glass")));
    int64_t id = json_get_int(set, "id", 0);
    json_decref(out);
    cs_must(t->f, &t->p.binh, id, STEP_REVIEW, "đã đối chiếu");
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(marked_kinds_refuse_a_direct_write),
        T(mistakes_of_a_draft_name_their_place),
        T(operations_build_on_each_other),
        T(a_plan_tells_every_mistake_and_writes_nothing),
        T(nobody_approves_the_own),
        T(an_edit_voids_the_approval),
        T(a_changed_base_voids_the_approval),
        T(reject_and_withdraw),
        T(break_glass_waits_for_a_second_person),
        T(an_inverse_set_is_approved_like_any_other),
        T(an_import_can_be_undone),
        T(create_change_end_all_go_back),
        T(personal_values_go_back_too),
        T(not_confirmed_in_time_is_taken_back),
        T(a_request_is_taken_or_returned),
        T(what_waits_for_whom),
        T(a_set_gives_no_rights),
        T(why_leads_to_the_set_and_its_approver),
        T(a_preview_of_one_write),
        T(stock_past_an_approval_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

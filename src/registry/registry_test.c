/* Records: made, read, changed, ended; what is refused and why; who may. */
#include "registry/sqlite-int.h"
#include "registry/test-int.h"

static const struct actor OPERATOR = {.name = {"vanhanh", 7}, .roles = ROLE_OPERATOR};
static const struct actor APPROVER = {.name = {"duyet", 5}, .roles = ROLE_APPROVER};
static const struct actor AUDITOR = {.name = {"kiemtra", 7}, .roles = ROLE_AUDITOR};
static const struct actor NOBODY = {.name = {"khach", 5}};

static int setup(void **state)
{
    *state = fx_new();
    fx_frame(*state);
    return 0;
}

static const char *text_of(const json_t *o, const char *member)
{
    return json_string_value(json_object_get(o, member));
}

/* The first mistake: its place and its message. */
static void assert_mistake(struct fixture *f, const char *at, const char *key)
{
    assert_true(f->es.n > 0);
    if (strcmp(f->es.v[0].at, at) != 0 || strcmp(f->es.v[0].key, key) != 0)
        fail_msg("wanted %s %s, got %s %s", at, key, f->es.v[0].at, f->es.v[0].key);
}

static void make_and_read(void **state)
{
    struct fixture *f = *state;
    json_t *d =
        fx_create(f, "device",
                  "{'code':'MT-1','name':' Máy  trạm','category':'workstation','unit':'STC','network':{'key':'WAN'},"
                  "'serial':'SN1','bought_on':'5/3/2024','custodian':1}");

    assert_int_equal(json_get_int(d, "id", 0), 1);
    assert_int_equal(json_get_int(d, "rev", 0), 1);
    assert_string_equal(text_of(d, "kind"), "device");
    assert_string_equal(text_of(d, "key"), "MT-1");
    assert_string_equal(text_of(d, "state"), "draft");
    assert_string_equal(text_of(d, "bought_on"), "2024-03-05");
    assert_string_equal(text_of(d, "created_by"), "quantri");
    assert_true(json_is_null(json_object_get(d, "valid_to")));
    assert_true(json_is_false(json_object_get(d, "is_gateway")));
    assert_true(json_is_null(json_object_get(d, "model")));
    assert_string_equal(text_of(json_object_get(d, "unit"), "title"), "Sở Tài chính");
    assert_string_equal(text_of(json_object_get(d, "custodian"), "key"), "hanhnm");
    /* By id, by key; what was answered is what stands there. */
    json_t *a = fx_get(f, "device", "1"), *b = fx_get(f, "device", "MT-1");
    assert_true(json_equal(a, b) && json_equal(a, d));
    json_decref(a);
    json_decref(b);
    json_decref(d);
    assert_int_equal(registry_get(f->r, &ADMIN, STR("device"), STR("2"), &a, &f->e), -ENOENT);
    assert_int_equal(registry_get(f->r, &ADMIN, STR("device"), STR("MT-2"), &a, &f->e), -ENOENT);
    assert_int_equal(registry_get(f->r, &ADMIN, STR("nothing"), STR("1"), &a, &f->e), -ENOENT);
    assert_int_equal(registry_get(f->r, &ADMIN, STR("device"), STR("99999999999999999999"), &a, &f->e), -ENOENT);
}

static void refused(void **state)
{
    static const struct {
        const char *kind, *in, *at, *key;
    } t[] = {
        {"unit", "{'name':'x','tier':'commune'}", "/fields/code", "registry.required"},
        {"unit", "{'code':'','name':'x','tier':'commune'}", "/fields/code", "registry.required"},
        {"unit", "{'code':'X','name':null,'tier':'commune'}", "/fields/name", "registry.required"},
        {"unit", "{'code':'12','name':'x','tier':'commune'}", "/fields/code", "registry.bad_key"},
        {"unit", "{'code':'a|b','name':'x','tier':'commune'}", "/fields/code", "registry.bad_key"},
        {"unit", "{'code':'TINH','name':'x','tier':'commune'}", "/fields/code", "registry.unique"},
        {"unit", "{'code':'X','name':'x','tier':'village'}", "/fields/tier", "registry.bad_enum"},
        {"unit", "{'code':'X','name':'x','tier':'commune','parent':'NO'}", "/fields/parent", "registry.ref_missing"},
        {"unit", "{'code':'X','name':'x','tier':'commune','parent':99}", "/fields/parent", "registry.ref_missing"},
        {"unit", "{'code':'X','name':'x','tier':'commune','parent':[1]}", "/fields/parent", "registry.bad_ref"},
        {"unit", "{'code':'X','name':'x','tier':'commune','parent':true}", "/fields/parent", "registry.bad_ref"},
        {"unit", "{'code':'X','name':'x','tier':'commune','colour':'red'}", "/fields/colour", "registry.unknown_field"},
        {"unit", "{'code':'X','name':'x','tier':'commune','phone':'abc'}", "/fields/phone", "registry.bad_phone"},
        {"unit", "{'code':'X','name':5,'tier':'commune'}", "/fields/name", "registry.bad_type"},
        {"unit", "{'code':'X','name':'x','tier':'commune','state':'gone'}", "/fields/state", "registry.no_state"},
        {"system", "{'code':'S','name':'x','security_level':6}", "/fields/security_level", "registry.out_of_range"},
        {"control", "{'code':'c','title_vi':'x','title_en':'x','kind':'state','severity':'low','clauses':'BT-7'}",
         "/fields/clauses", "registry.bad_refs"},
        {"control", "{'code':'c','title_vi':'x','title_en':'x','kind':'state','severity':'low','clauses':['BT-7']}",
         "/fields/clauses", "registry.ref_missing"},
    };
    struct fixture *f = *state;
    json_t *out = NULL;

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        int rc = fx_create_as(f, &ADMIN, t[i].kind, t[i].in, &out);
        if (rc != -EINVAL)
            fail_msg("%s: %d", t[i].in, rc);
        assert_mistake(f, t[i].at, t[i].key);
    }
    /* All mistakes at once, not the first. */
    assert_int_equal(
        fx_create_as(f, &ADMIN, "unit", "{'code':'X','tier':'x','phone':'x','email':'x','colour':1}", &out), -EINVAL);
    assert_int_equal(f->es.n, 5); /* and name is missing; tier is wrong, not missing too */
    assert_string_equal(f->e.arg[0], "5");
    assert_int_equal(fx_create_as(f, &ADMIN, "unit", "[1]", &out), -EINVAL);
    assert_string_equal(f->e.key, "registry.want_object");
    assert_null(out);
    uint64_t rows, bad;
    assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0);
    assert_int_equal(rows, 8); /* the frame; nothing of the above */
}

static void change(void **state)
{
    struct fixture *f = *state;
    json_t *out;

    clock_advance(&f->clk, 60 * NS_PER_S);
    assert_int_equal(fx_change_as(f, &OPERATOR, "unit", "STC", 1, "{'phone':'0270 382 2345','head':'hanhnm'}", &out),
                     0);
    assert_int_equal(json_get_int(out, "rev", 0), 2);
    assert_string_equal(text_of(out, "changed_by"), "vanhanh");
    assert_string_not_equal(text_of(out, "changed_at"), text_of(out, "created_at"));
    assert_string_equal(text_of(out, "phone"), "02703822345");
    /* What came out goes in again and changes nothing. */
    char *z = json_dumps(out, 0);
    for (char *p = z; *p; p++)
        if (*p == '"')
            *p = '\'';
    json_decref(out);
    assert_int_equal(fx_change_as(f, &ADMIN, "unit", "STC", 2, z, &out), 0);
    assert_int_equal(json_get_int(out, "rev", 0), 2);
    json_decref(out);
    free(z);
    assert_int_equal(fx_change(f, "unit", "STC", 1, "{'phone':null}"), -ESTALE);
    assert_string_equal(f->e.arg[1], "2");
    assert_int_equal(fx_change(f, "unit", "STC", 2, "{'phone':null}"), 0);
    out = fx_get(f, "unit", "STC");
    assert_true(json_is_null(json_object_get(out, "phone")));
    json_decref(out);
    assert_int_equal(fx_change(f, "unit", "STC", 3, "{'name':null}"), -EINVAL);
    assert_mistake(f, "/fields/name", "registry.required");
    assert_int_equal(fx_change(f, "unit", "NO", 1, "{}"), -ENOENT);
    /* A key may change; the record stays. */
    assert_int_equal(fx_change(f, "unit", "STC", 3, "{'code':'STC2'}"), 0);
    assert_int_equal(registry_get(f->r, &ADMIN, STR("unit"), STR("STC"), &out, &f->e), -ENOENT);
    out = fx_get(f, "unit", "STC-P1");
    assert_string_equal(text_of(json_object_get(out, "parent"), "key"), "STC2");
    json_decref(out);
}

static void transitions(void **state)
{
    struct fixture *f = *state;
    json_t *out = NULL;

    fx_add(f, "device", "{'code':'D1','name':'x','category':'server','unit':'STC'}");
    assert_int_equal(fx_change(f, "device", "D1", 1, "{'state':'admitted'}"), -EINVAL);
    assert_mistake(f, "/fields/state", "registry.no_transition");
    assert_string_equal(f->es.v[0].arg[2], "submitted, retired");
    assert_int_equal(fx_change(f, "device", "D1", 1, "{'state':'submitted'}"), 0);
    assert_int_equal(fx_change(f, "device", "D1", 2, "{'state':'inspecting','os':'Debian 12'}"), 0);
    assert_int_equal(fx_change_as(f, &OPERATOR, "device", "D1", 3, "{'state':'approved'}", &out), -EACCES);
    assert_string_equal(f->e.key, "registry.may_not_step");
    fx_add(f, "inspection",
           "{'device':'D1','verdict':'pass','inspected_on':'2026-11-20','valid_until':'2027-11-20','answers':"
           "{'origin_papers':'yes','serial_matches':'yes','no_malware':'yes','antivirus':'yes','patched':'yes',"
           "'passwords_changed':'yes','one_network':'yes','software_approved':'yes','admin_access':'yes',"
           "'logs_sent':'yes','config_saved':'na'}}");
    /* An approver may take the step and nothing beside it. */
    assert_int_equal(fx_change_as(f, &APPROVER, "device", "D1", 3, "{'state':'approved','os':'x'}", &out), -EACCES);
    assert_int_equal(fx_change_as(f, &APPROVER, "device", "D1", 3, "{'state':'approved'}", &out), 0);
    assert_string_equal(text_of(out, "state"), "approved");
    json_decref(out);
    out = NULL;
    assert_int_equal(fx_change_as(f, &AUDITOR, "device", "D1", 4, "{'state':'admitted'}", &out), -EACCES);
    assert_int_equal(fx_change_as(f, &OPERATOR, "device", "D1", 4, "{'state':'admitted'}", &out), 0);
    json_decref(out);
    out = NULL;
    /* Stock that was there comes in as it stands, by an administrator only. */
    assert_int_equal(fx_create_as(f, &OPERATOR, "device",
                                  "{'code':'D2','name':'x','category':'server','unit':'STC','state':'admitted'}", &out),
                     -EINVAL);
    assert_mistake(f, "/fields/state", "registry.state_first");
    fx_add(f, "device", "{'code':'D2','name':'x','category':'server','unit':'STC','state':'admitted'}");
}

static void keys_that_follow(void **state)
{
    struct fixture *f = *state;

    fx_add(f, "device", "{'code':'D1','name':'x','category':'server','unit':'STC'}");
    json_t *i = fx_create(f, "interface", "{'device':'D1','name':'eth0','mac':'00005e005301','network':'WAN'}");
    assert_string_equal(text_of(i, "code"), "D1/eth0");
    assert_string_equal(text_of(i, "mac"), "00:00:5e:00:53:01");
    json_decref(i);
    json_t *n = fx_create(f, "inspection", "{'device':'D1','verdict':'pass','inspected_on':'2026-01-01'}");
    assert_string_equal(text_of(n, "code"), "KT-1");
    json_decref(n);
    n = fx_create(f, "inspection", "{'device':'D1','verdict':'pass','inspected_on':'2026-01-02'}");
    assert_string_equal(text_of(n, "code"), "KT-2");
    json_decref(n);
    json_t *out;
    assert_int_equal(fx_create_as(f, &ADMIN, "interface", "{'device':'D1','name':'eth0'}", &out), -EINVAL);
    assert_mistake(f, "/fields/code", "registry.unique");
    /* A field called kind stands where the system member would. */
    n = fx_get(f, "network", "WAN");
    assert_string_equal(text_of(n, "kind"), "intranet");
    json_decref(n);
}

static void invariants(void **state)
{
    static const struct {
        const char *kind, *in, *at, *key;
    } t[] = {
        {"interface", "{'device':'D2','name':'eth0','mac':'00-00-5E-00-53-01'}", "/fields/mac", "registry.unique"},
        {"prefix", "{'prefix':'10.1.1.128/25','network':'WAN'}", "/fields/prefix", "registry.overlaps"},
        {"prefix", "{'prefix':'10.1.0.0/23','network':'WAN'}", "/fields/prefix", "registry.overlaps"},
        {"prefix", "{'prefix':'10.1.1.0/24','network':'WAN'}", "/fields/prefix", "registry.unique"},
        {"prefix", "{'prefix':'10.1.1.0/28','network':'WAN','container':true}", "/fields/prefix", "registry.overlaps"},
        {"address", "{'ip':'10.1.2.5','prefix':'10.1.1.0/24'}", "/fields/ip", "registry.not_within"},
        {"address", "{'ip':'2001:db8::1','prefix':'10.1.1.0/24'}", "/fields/ip", "registry.not_within"},
    };
    struct fixture *f = *state;
    json_t *out = NULL;

    fx_add(f, "device", "{'code':'D1','name':'x','category':'server','unit':'STC'}");
    fx_add(f, "device", "{'code':'D2','name':'x','category':'server','unit':'STC'}");
    fx_add(f, "interface", "{'device':'D1','name':'eth0','mac':'00:00:5e:00:53:01','network':'WAN'}");
    fx_add(f, "prefix", "{'prefix':'10.0.0.0/8','network':'WAN','container':true}");
    fx_add(f, "prefix", "{'prefix':'10.1.0.0/16','network':'WAN','container':true}");
    fx_add(f, "prefix", "{'prefix':'10.1.1.0/24','network':'WAN','unit':'STC'}");
    fx_add(f, "prefix", "{'prefix':'10.1.1.0/26','network':'NET'}"); /* another network */
    fx_add(f, "address", "{'ip':'10.1.1.5','prefix':'10.1.1.0/24','device':'D1'}");
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        if (fx_create_as(f, &ADMIN, t[i].kind, t[i].in, &out) != -EINVAL)
            fail_msg("%s", t[i].in);
        assert_mistake(f, t[i].at, t[i].key);
    }
    /* A prefix that has addresses does not move away from under them. */
    assert_int_equal(fx_change(f, "prefix", "10.1.1.0/24", 1, "{'prefix':'10.1.3.0/24'}"), -EINVAL);
    assert_mistake(f, "/fields/prefix", "registry.not_within");
    assert_int_equal(fx_change(f, "prefix", "10.1.1.0/24", 1, "{'prefix':'10.1.0.0/23'}"), 0);
    /* Nobody is above himself. */
    assert_int_equal(fx_change(f, "unit", "STC", 1, "{'parent':'STC-P1'}"), -EINVAL);
    assert_mistake(f, "/fields/parent", "registry.ring");
    assert_int_equal(fx_change(f, "unit", "STC", 1, "{'parent':'STC'}"), -EINVAL);
}

static void ending(void **state)
{
    struct fixture *f = *state;
    json_t *out = NULL;

    assert_int_equal(registry_end(f->r, &ADMIN, STR("unit"), STR("STC"), 1, &out, &f->e), -ENOTEMPTY);
    assert_string_equal(f->e.key, "registry.in_use");
    assert_int_equal(registry_end(f->r, &AUDITOR, STR("unit"), STR("STC-P1"), 1, &out, &f->e), -EACCES);
    assert_int_equal(registry_end(f->r, &ADMIN, STR("unit"), STR("STC-P1"), 7, &out, &f->e), -ESTALE);
    assert_int_equal(registry_end(f->r, &ADMIN, STR("unit"), STR("STC-P1"), 1, &out, &f->e), 0);
    assert_true(json_is_string(json_object_get(out, "valid_to")));
    json_decref(out);
    /* It is not gone: still readable, not writable, and its key is free again. */
    out = fx_get(f, "unit", "STC-P1");
    assert_int_equal(json_get_int(out, "rev", 0), 2);
    json_decref(out);
    assert_int_equal(fx_change(f, "unit", "STC-P1", 2, "{'name':'y'}"), -ENOENT);
    assert_int_equal(registry_end(f->r, &ADMIN, STR("unit"), STR("STC-P1"), 2, &out, &f->e), -ENOENT);
    assert_int_equal(fx_create_as(f, &ADMIN, "person", "{'code':'x','name':'x','unit':3}", &out), -EINVAL);
    assert_mistake(f, "/fields/unit", "registry.ref_missing");
    out = fx_create(f, "unit", "{'code':'STC-P1','name':'Phòng mới','tier':'department'}");
    assert_int_equal(json_get_int(out, "id", 0), 5);
    json_decref(out);
    out = fx_get(f, "unit", "STC-P1");
    assert_int_equal(json_get_int(out, "id", 0), 5);
    json_decref(out);
    /* A list of references also holds. */
    fx_add(f, "regulation", "{'code':'BT','title':'Quy chế'}");
    fx_add(f, "clause", "{'code':'BT-7','regulation':'BT'}");
    fx_add(f, "control",
           "{'code':'c','title_vi':'x','title_en':'x','kind':'state','severity':'low','clauses':['BT-7']}");
    assert_int_equal(registry_end(f->r, &ADMIN, STR("clause"), STR("BT-7"), 1, &out, &f->e), -ENOTEMPTY);
    assert_string_equal(f->e.arg[1], "control");
}

static void lists_of_references(void **state)
{
    struct fixture *f = *state;
    json_t *c;

    fx_add(f, "regulation", "{'code':'BT','title':'Quy chế'}");
    fx_add(f, "clause", "{'code':'BT-7','regulation':'BT','title':'Bảy'}");
    fx_add(f, "clause", "{'code':'BT-8','regulation':'BT'}");
    c = fx_create(f, "control",
                  "{'code':'c','title_vi':'x','title_en':'x','kind':'state','severity':'low','clauses':['BT-8',{'key':'"
                  "BT-7'},1]}");
    assert_int_equal(json_array_size(json_object_get(c, "clauses")), 2);
    json_decref(c);
    c = fx_get(f, "control", "c");
    json_t *list = json_object_get(c, "clauses");
    assert_string_equal(text_of(json_array_get(list, 0), "key"), "BT-7");
    assert_string_equal(text_of(json_array_get(list, 0), "title"), "Bảy");
    assert_string_equal(text_of(json_array_get(list, 1), "title"), "BT-8");
    json_decref(c);
    assert_int_equal(fx_change_as(f, &ADMIN, "control", "c", 1, "{'clauses':['BT-8','BT-7']}", &c), 0);
    assert_int_equal(json_get_int(c, "rev", 0), 1); /* the same set */
    json_decref(c);
    assert_int_equal(fx_change(f, "control", "c", 1, "{'clauses':[]}"), 0);
    c = fx_get(f, "control", "c");
    assert_int_equal(json_array_size(json_object_get(c, "clauses")), 0);
    assert_int_equal(json_get_int(c, "rev", 0), 2);
    json_decref(c);
}

/* A unit's officer: the own subtree, proposals only, and nothing outside exists. */
static void officer(void **state)
{
    struct fixture *f = *state;
    const struct actor who = {.name = STR("canbo"), .roles = ROLE_UNIT_OFFICER, .unit_id = 2};
    json_t *out = NULL;

    fx_add(f, "device", "{'code':'D-STC','name':'x','category':'server','unit':'STC-P1'}");
    fx_add(f, "device", "{'code':'D-XA','name':'x','category':'server','unit':'XA01'}");
    fx_add(f, "interface", "{'device':'D-STC','name':'eth0'}");
    fx_add(f, "interface", "{'device':'D-XA','name':'eth0'}");
    fx_add(f, "system", "{'code':'S1','name':'x','unit':'XA01'}");
    fx_add(f, "backup_set", "{'code':'B1','name':'x','system':'S1','contains':'user'}");
    fx_add(f, "restore_test", "{'code':'R1','backup_set':'B1','tested_on':'2026-01-01','result':'pass'}");
    static const struct {
        const char *kind, *key;
        bool seen;
    } t[] = {
        {"unit", "STC", true},
        {"unit", "STC-P1", true},
        {"unit", "TINH", false},
        {"unit", "XA01", false},
        {"person", "hanhnm", true},
        {"person", "dodt", false},
        {"device", "D-STC", true},
        {"device", "D-XA", false},
        {"interface", "D-STC/eth0", true},
        {"interface", "D-XA/eth0", false},
        {"network", "WAN", true},
        {"system", "S1", false},
        {"backup_set", "B1", false},
        {"restore_test", "R1", false},
    };
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        int rc = registry_get(f->r, &who, str_c(t[i].kind), str_c(t[i].key), &out, &f->e);
        if (rc != (t[i].seen ? 0 : -ENOENT))
            fail_msg("%s %s: %d", t[i].kind, t[i].key, rc);
        if (rc == 0)
            json_decref(out);
        json_t *h = NULL;
        assert_int_equal(registry_history(f->r, &who, str_c(t[i].kind), str_c(t[i].key), &h, &f->e),
                         t[i].seen ? 0 : -ENOENT);
        json_decref(h);
    }
    out = NULL;
    assert_int_equal(fx_create_as(f, &who, "device", "{'code':'N1','name':'x','category':'server','unit':'STC'}", &out),
                     0);
    json_decref(out);
    out = NULL;
    assert_int_equal(
        fx_create_as(f, &who, "device", "{'code':'N2','name':'x','category':'server','unit':'XA01'}", &out), -EINVAL);
    assert_mistake(f, "/fields/unit", "registry.ref_missing"); /* that unit does not exist for him */
    assert_int_equal(fx_create_as(f, &who, "site", "{'code':'N2','name':'x','unit':'STC'}", &out), -EACCES);
    assert_int_equal(fx_change_as(f, &who, "device", "N1", 1, "{'os':'Debian'}", &out), 0);
    json_decref(out);
    assert_int_equal(fx_change_as(f, &who, "device", "N1", 2, "{'state':'submitted'}", &out), 0);
    json_decref(out);
    out = NULL;
    assert_int_equal(fx_change_as(f, &who, "device", "N1", 3, "{'os':'x'}", &out), -EACCES);
    assert_int_equal(fx_change_as(f, &who, "device", "N1", 3, "{'state':'inspecting'}", &out), -EACCES);
    assert_int_equal(fx_change_as(f, &who, "device", "D-XA", 1, "{'os':'x'}", &out), -ENOENT);
    assert_int_equal(registry_end(f->r, &who, STR("person"), STR("hanhnm"), 1, &out, &f->e), -EACCES);
    const struct actor homeless = {.name = STR("x"), .roles = ROLE_UNIT_OFFICER};
    assert_int_equal(registry_get(f->r, &homeless, STR("device"), STR("N1"), &out, &f->e), -ENOENT);
    struct list_query q = {.count = true};
    assert_int_equal(registry_list(f->r, &who, STR("device"), &q, &out, &f->e), 0);
    assert_int_equal(json_get_int(out, "total", 0), 2);
    json_decref(out);
    assert_int_equal(registry_counts(f->r, &who, &out, &f->e), 0);
    assert_int_equal(json_get_int(json_object_get(out, "unit"), "total", 0), 2);
    assert_int_equal(json_get_int(json_object_get(out, "interface"), "total", 0), 1);
    assert_int_equal(json_get_int(json_object_get(out, "network"), "total", 0), 2);
    json_decref(out);
}

static void roles(void **state)
{
    struct fixture *f = *state;
    json_t *out = NULL;
    uint32_t bit;

    assert_int_equal(registry_get(f->r, &NOBODY, STR("unit"), STR("TINH"), &out, &f->e), -EACCES);
    assert_int_equal(fx_create_as(f, &NOBODY, "unit", "{}", &out), -EACCES);
    assert_int_equal(registry_counts(f->r, &NOBODY, &out, &f->e), -EACCES);
    assert_int_equal(fx_create_as(f, &AUDITOR, "unit", "{'code':'X','name':'x','tier':'commune'}", &out), -EACCES);
    assert_int_equal(fx_create_as(f, &APPROVER, "unit", "{'code':'X','name':'x','tier':'commune'}", &out), -EACCES);
    assert_int_equal(registry_get(f->r, &AUDITOR, STR("unit"), STR("TINH"), &out, &f->e), 0);
    json_decref(out);
    assert_true(role_parse(STR("unit_officer"), &bit) && bit == ROLE_UNIT_OFFICER &&
                strcmp(role_name(bit), "unit_officer") == 0);
    assert_false(role_parse(STR("root"), &bit));
}

static void counts(void **state)
{
    struct fixture *f = *state;
    json_t *out;

    assert_int_equal(fx_change(f, "person", "dodt", 1, "{'state':'left','left_on':'2026-11-01'}"), 0);
    assert_int_equal(registry_counts(f->r, &ADMIN, &out, &f->e), 0);
    assert_int_equal(json_object_size(out), f->sc->nkinds);
    json_t *p = json_object_get(out, "person"), *by = json_object_get(p, "by_state");
    assert_int_equal(json_get_int(p, "total", 0), 2);
    assert_int_equal(json_get_int(by, "left", 0), 1);
    assert_int_equal(json_get_int(by, "active", 0), 1);
    assert_int_equal(json_get_int(json_object_get(out, "device"), "total", -1), 0);
    json_decref(out);
}

/* A full disk: said so, nothing half written, reading goes on, and writing too
 * once there is room. */
static void full_disk(void **state)
{
    struct fixture *f = *state;
    if (test_on_pg())
        skip(); /* the full disk is made under SQLite's file */
    sqlite3 *db = ((struct sq_store *)f->st)->write->db;
    char text[5000] = "{'code':'R','title':'x','binds':'", limit[60];
    json_t *out = NULL;
    uint64_t rows, bad, rows2;
    int rc = 0, made = 0;

    assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0);
    snprintf(limit, sizeof(limit), "PRAGMA max_page_count=%d", 60 + 26 * 30);
    assert_int_equal(sq_plain(db, limit, NULL), 0);
    size_t n = strlen(text);
    memset(text + n, 'y', 900);
    snprintf(text + n + 900, sizeof(text) - n - 900, "'}");
    for (; rc == 0 && made < 5000; made++) {
        json_t *in = J(text);
        json_object_set_new(in, "code", json_sprintf("R%d", made));
        rc = registry_create(f->r, &ADMIN, STR("regulation"), in, &out, NULL, &f->e);
        json_decref(in);
        json_decref(out);
        out = NULL;
    }
    assert_int_equal(rc, -ENOSPC);
    assert_string_equal(f->e.key, "store.full");
    assert_int_equal(registry_verify(f->r, &rows2, &bad, &f->e), 0);
    assert_int_equal(bad, 0);
    assert_int_equal(rows2, rows + (uint64_t)made - 1);
    assert_int_equal(registry_get(f->r, &ADMIN, STR("regulation"), STR("R0"), &out, &f->e), 0);
    json_decref(out);
    assert_int_equal(sq_plain(db, "PRAGMA max_page_count=1000000", NULL), 0);
    fx_add(f, "regulation", "{'code':'SAU','title':'x'}");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, fx_teardown)
static int make_unit(struct fixture *f, const char *code, const char *tier)
{
    json_t *in = json_pack("{s:s, s:s, s:s}", "code", code, "name", "Đơn vị", "tier", tier);
    int rc = registry_create(f->r, &ADMIN, STR("unit"), in, NULL, &f->es, &f->e);

    json_decref(in);
    return rc;
}

/* All or nothing: one refusal takes the whole group back, and nothing is left locked. */
static void batches(void **state)
{
    struct fixture *f = *state;
    json_t *out;
    uint64_t rows, bad;

    assert_int_equal(registry_batch_begin(f->r, &f->e), 0);
    assert_int_equal(make_unit(f, "NHOM1", "commune"), 0);
    assert_int_equal(make_unit(f, "NHOM2", "commune"), 0);
    assert_int_equal(registry_get(f->r, &ADMIN, STR("unit"), STR("NHOM1"), &out, &f->e), -ENOENT);
    assert_int_equal(registry_batch_end(f->r, true, &f->e), 0);
    json_decref(fx_get(f, "unit", "NHOM2"));

    assert_int_equal(registry_batch_begin(f->r, &f->e), 0);
    assert_int_equal(make_unit(f, "NHOM3", "commune"), 0);
    assert_int_equal(make_unit(f, "NHOM4", "no-such-tier"), -EINVAL);
    assert_int_equal(registry_batch_end(f->r, true, &f->e), -ECANCELED);
    assert_int_equal(registry_get(f->r, &ADMIN, STR("unit"), STR("NHOM3"), &out, &f->e), -ENOENT);

    assert_int_equal(make_unit(f, "NHOM5", "commune"), 0);
    assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(make_and_read),       T(refused), T(change), T(transitions), T(keys_that_follow), T(invariants), T(ending),
        T(lists_of_references), T(officer), T(roles),  T(counts),      T(full_disk),        T(batches),
    };
    return cmocka_run_group_tests_name("registry/registry", tests, NULL, NULL);
}

/* What the tests of change sets share: people with accounts, and short ways to
 * draft, step and look. */
#ifndef LUY_REGISTRY_CHANGE_TEST_INT_H
#define LUY_REGISTRY_CHANGE_TEST_INT_H
#include "registry/change-int.h"
#include "registry/test-int.h"

struct people {
    struct actor an, binh, chi, chi2, officer, nobody; /* operator, approver, operator, her second account */
};

static inline struct actor person_of(struct fixture *f, const char *account, const char *person, uint32_t roles)
{
    char text[200];

    snprintf(text, sizeof(text), "{'code':'%s','name':'%s','unit':'STC'}", person, person);
    if (person[0] != '\0') {
        json_t *out = NULL;
        struct err none;
        if (registry_get(f->r, &ADMIN, STR("person"), str_c(person), &out, &none) == -ENOENT)
            fx_add(f, "person", text);
        json_decref(out);
    }
    snprintf(text, sizeof(text),
             person[0] ? "{'name':'%s','kind':'user','person':'%s'}" : "{'name':'%s','kind':'user'}", account, person);
    json_t *rec = fx_create(f, "account", text);
    struct actor a = {.name = str_c(account), .account_id = json_get_int(rec, "id", 0), .roles = roles};
    json_decref(rec);
    return a;
}

static inline void people_make(struct fixture *f, struct people *p)
{
    fx_frame(f);
    p->an = person_of(f, "an", "nguyen.an", ROLE_OPERATOR);
    p->binh = person_of(f, "binh", "tran.binh", ROLE_APPROVER);
    p->chi = person_of(f, "chi", "le.chi", ROLE_OPERATOR);
    p->chi2 = person_of(f, "chi2", "le.chi", ROLE_APPROVER);
    p->nobody = person_of(f, "nobody", "", ROLE_APPROVER);
    p->officer = person_of(f, "cb", "pham.dung", ROLE_UNIT_OFFICER);
    json_t *unit = fx_get(f, "unit", "STC");
    p->officer.unit_id = json_get_int(unit, "id", 0);
    json_decref(unit);
    fx_add(f, "object_set", "{'code':'NHOM-1','name':'Máy chủ'}");
}

static inline void es_clear(struct fixture *f) { f->es.n = f->es.total = 0; }

static inline int cs_draft(struct fixture *f, const struct actor *who, const char *text, json_t **out)
{
    json_t *in = J(text);

    es_clear(f);
    *out = NULL;
    int rc = change_draft(f->r, who, in, out, &f->es, &f->e);
    json_decref(in);
    return rc;
}

/* The number of a new set. */
static inline int64_t cs_new(struct fixture *f, const struct actor *who, const char *text)
{
    json_t *out;

    if (cs_draft(f, who, text, &out) < 0)
        fail_msg("draft: %s / %s", fx_text(&f->e), f->es.n > 0 ? fx_text(&f->es.v[0]) : "");
    int64_t id = json_get_int(out, "id", 0);
    json_decref(out);
    return id;
}

static inline json_t *cs_get(struct fixture *f, int64_t id)
{
    json_t *out = NULL;

    if (change_get(f->r, &ADMIN, id, &out, &f->e) < 0)
        fail_msg("get: %s", fx_text(&f->e));
    return out;
}

static inline int64_t cs_rev(struct fixture *f, int64_t id)
{
    json_t *c = cs_get(f, id);
    int64_t rev = json_get_int(c, "rev", 0);

    json_decref(c);
    return rev;
}

static inline const char *cs_state(struct fixture *f, int64_t id)
{
    static char text[40];
    json_t *c = cs_get(f, id);

    snprintf(text, sizeof(text), "%.*s", STR_ARGS(json_get_str(c, "state")));
    json_decref(c);
    return text;
}

static inline int cs_plan(struct fixture *f, const struct actor *who, int64_t id, json_t **out)
{
    es_clear(f);
    *out = NULL;
    return change_plan(f->r, who, id, NULL, out, &f->es, &f->e);
}

static inline void cs_hash(struct fixture *f, int64_t id, char hash[80])
{
    json_t *plan;

    assert_int_equal(cs_plan(f, &ADMIN, id, &plan), 0);
    snprintf(hash, 80, "%.*s", STR_ARGS(json_get_str(plan, "hash")));
    json_decref(plan);
}

static inline int cs_step_full(struct fixture *f, const struct actor *who, int64_t id, enum change_step s,
                               const struct change_args *args, json_t **out)
{
    int64_t rev = cs_rev(f, id);

    es_clear(f);
    return change_step(f->r, who, id, rev, s, args, out, &f->es, &f->e);
}

static inline int cs_step(struct fixture *f, const struct actor *who, int64_t id, enum change_step s, const char *note)
{
    struct change_args args = {.note = str_c(note)};
    char hash[80];
    json_t *out = NULL;

    if (s == STEP_APPROVE) {
        cs_hash(f, id, hash);
        args.hash = str_c(hash);
    }
    int rc = cs_step_full(f, who, id, s, &args, &out);
    json_decref(out);
    return rc;
}
#define cs_must(f, who, id, s, note)                                                                                   \
    do {                                                                                                               \
        if (cs_step(f, who, id, s, note) < 0)                                                                          \
            fail_msg("%s: %s / %s", change_step_name(s), fx_text(&(f)->e),                                             \
                     (f)->es.n > 0 ? fx_text(&(f)->es.v[0]) : "");                                                     \
    } while (0)

/* A set that changes NHOM-1, submitted by An. */
static inline int64_t cs_submitted(struct fixture *f, struct people *p, const char *name)
{
    char text[300];

    snprintf(text, sizeof(text),
             "{'title':'t','reason':'r','ops':[{'op':'change','kind':'object_set','target':'NHOM-1','fields':"
             "{'name':'%s'}}]}",
             name);
    int64_t id = cs_new(f, &p->an, text);
    cs_must(f, &p->an, id, STEP_SUBMIT, "");
    return id;
}

static inline const char *field_of(struct fixture *f, const char *kind, const char *key, const char *field)
{
    static char text[200];
    json_t *rec = fx_get(f, kind, key);

    snprintf(text, sizeof(text), "%.*s", STR_ARGS(json_get_str(rec, field)));
    json_decref(rec);
    return text;
}
#endif

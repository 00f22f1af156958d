/* Who may call what, said twice: by the route table and by the list below. Every
 * route is called by every role and by nobody; a route that is not in the list
 * fails, so that whoever adds one says here whom it is for. Every verb of every
 * kind and every step of every life cycle is called too, and set against
 * tests/rights/registry.tsv. */
#include "api/world-int.h"
#include "registry/rights_step-int.h"

enum { ROLES = 5 };
static const struct {
    const char *name, *grant;
    char letter;
} people[ROLES] = {{"quantri", "admin", 'A'},
                   {"vanhanh", "operator", 'O'},
                   {"duyet", "approver", 'P'},
                   {"canbo", "unit_officer@TINH", 'U'},
                   {"kiemtra", "auditor", 'D'}};

/* may: letters of the roles; "*" open to all, also without a login. */
static const struct {
    const char *route, *may;
} list[] = {
#include "api/rights_list.h"
};

static struct world w;
static struct kit kit;
static char headers[ROLES][512], officer[512]; /* officer: of GIUA, the places of the kit */

/* Changes are made and approved by accounts that name somebody. */
static void give_person(const char *account)
{
    json_t *rec = NULL, *out = NULL, *patch;
    struct err e;
    long long id = kit_create(&kit, schema_kind(kit.sc, STR("person")),
                              kit_sample(&kit, schema_kind(kit.sc, STR("person")), OTHER), STR_NONE);

    assert_int_equal(registry_get(w.registry, &KIT_SYSTEM, STR("account"), str_c(account), &rec, &e), 0);
    patch = json_pack("{s:I}", "person", (json_int_t)id);
    assert_int_equal(registry_change(w.registry, &KIT_SYSTEM, STR("account"), str_c(account),
                                     json_get_int(rec, "rev", 0), patch, &out, NULL, &e),
                     0);
    json_decref(rec);
    json_decref(out);
    json_decref(patch);
}

static int open_world(void **state)
{
    char once[ONE_TIME_PASSWORD_MAX];
    struct actor system = {.name = STR("system"), .roles = ROLE_SYSTEM};
    struct errs es;
    struct err e;
    json_t *out = NULL, *unit = json_pack("{s:s,s:s,s:s}", "code", "TINH", "name", "Tỉnh", "tier", "province");

    world_open(&w);
    errs_init(&es, 10);
    assert_int_equal(registry_create(w.registry, &system, STR("unit"), unit, &out, &es, &e), 0);
    errs_done(&es);
    json_decref(unit);
    json_decref(out);
    for (int i = 0; i < ROLES; i++) {
        world_account(&w, people[i].name, people[i].grant, once);
        world_login(&w, people[i].name, once, "Thanh-Tre-Xanh-2026", headers[i]);
    }
    kit_open(&kit, w.registry);
    for (int i = 0; i < 3; i++)
        give_person(people[i].name);
    world_account(&w, "canbo2", "unit_officer@GIUA", once);
    world_login(&w, "canbo2", once, "Thanh-Tre-Xanh-2026", officer);
    return 0;
}

static int close_world(void **state)
{
    arena_free(&kit.a);
    world_close(&w);
    return 0;
}

/* The pattern with something in its places: a kind, a number. */
static void line_of(const struct route *r, const char *kind, char out[256])
{
    size_t n = (size_t)snprintf(out, 256, "%s " API_BASE, method_names[r->method]);

    for (const char *p = r->pattern; *p != '\0'; p++) {
        if (*p != '{') {
            out[n++] = *p;
            continue;
        }
        n += (size_t)snprintf(out + n, 256 - n, "%s", strncmp(p, "{kind}", 6) == 0 ? kind : "999999");
        p = strchr(p, '}');
    }
    out[n] = '\0';
}

static const char *may_of(const struct route *r)
{
    char line[256];

    snprintf(line, sizeof(line), "%s %s", method_names[r->method], r->pattern);
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        if (strcmp(list[i].route, line) == 0)
            return list[i].may;
    fail_msg("%s is in no line of rights_list.h: say there who may call it", line);
    return "";
}

static void test_every_route(void **state)
{
    char line[256];

    for (size_t i = 0; i < routes_n; i++) {
        const struct route *r = &routes[i];
        const char *may = may_of(r);
        line_of(r, "unit", line);
        if (strcmp(may, "*") == 0) {
            assert_true(r->flags & RF_OPEN);
            continue;
        }
        world_call(&w, line, NULL, NULL, 0);
        if (w.status != 401)
            fail_msg("%s without a login: %d", line, w.status);
        for (int p = 0; p < ROLES; p++) {
            bool allowed = strchr(may, people[p].letter) != NULL;
            if ((r->flags & RF_STREAM) && allowed)
                continue; /* it would go on for ever */
            if (r->method == M_DELETE && strcmp(r->pattern, "/session") == 0)
                continue; /* it would end the session that the rest needs */
            world_call(&w, line, headers[p], "{}", 2);
            /* What the registry refuses by kind and state comes after the route's own word. */
            bool later = strncmp(world_text(&w, "type"), "urn:luy:registry.", 17) == 0;
            bool refused = w.status == 401 || (w.status == 403 && !later);
            if (refused == allowed)
                fail_msg("%s as %s: %d %s", line, people[p].grant, w.status, world_text(&w, "type"));
        }
    }
}

static void test_no_line_too_many(void **state)
{
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        bool found = false;
        char line[256];
        for (size_t k = 0; k < routes_n && !found; k++) {
            snprintf(line, sizeof(line), "%s %s", method_names[routes[k].method], routes[k].pattern);
            found = strcmp(line, list[i].route) == 0;
        }
        if (!found)
            fail_msg("there is no route %s", list[i].route);
    }
}

/* One call about a record of a kind, and what the table of kinds says must come. */
static void expect(const char *line, const char *more, int who, const char *h, const char *body, int want)
{
    char all[700];

    snprintf(all, sizeof(all), "%s%s%s", h, more[0] != '\0' ? "\n" : "", more);
    world_call(&w, line, all, body, body != NULL ? strlen(body) : 0);
    /* Where nobody of his role may, an officer is told so before anything is looked for. */
    bool told = want == 404 && w.status == 403 && strncmp(world_text(&w, "type"), "urn:luy:api.role", 16) == 0;
    if (w.status != want && !told)
        fail_msg("%s as %s: %d %s, wanted %d", line, people[who].grant, w.status, world_text(&w, "type"), want);
}

static bool in_letters(str letters, char c)
{
    return memchr(letters.p, c, letters.n) != NULL || memchr(letters.p, c + 32, letters.n) != NULL;
}

/* list, get, create, change and end of each kind, for records of the own unit, below
 * it and elsewhere: nothing is written, as what is sent is wrong behind the right. */
static void about_kind(struct kit *t, const struct kind *k, int who, const char *h)
{
    const struct rights_row *row = kit_row(t, k->name, STR_NONE, STR_NONE);
    char line[300], body[120], name[48], key[48];
    char c = people[who].letter;

    snprintf(name, sizeof(name), "%.*s", STR_ARGS(k->name));
    snprintf(key, sizeof(key), "%.*s", STR_ARGS(k->fields[k->key_field].name));
    snprintf(line, sizeof(line), "POST /api/v1/%s", name);
    expect(line, "", who, h, "{}", in_letters(row->create, c) ? 422 : 403);
    for (enum kit_place p = 0; p < PLACES; p++) {
        bool seen = c != 'U' || p != OTHER || str_eq(row->sight, STR("all"));
        long long id = kit_dep(t, k->name, p, 1);
        char match[100];
        size_t i;
        json_t *one;
        bool listed = false;
        snprintf(line, sizeof(line), "GET /api/v1/%s?limit=1000", name);
        expect(line, "", who, h, NULL, 200);
        json_array_foreach(json_object_get(w.json, "items"), i, one) listed |= json_get_int(one, "id", 0) == id;
        if (listed != seen)
            fail_msg("%s as %s: %s in %s", line, people[who].grant, listed ? "there" : "not there", place_unit[p]);
        snprintf(line, sizeof(line), "GET /api/v1/%s/%lld", name, id);
        expect(line, "", who, h, NULL, seen ? 200 : 404);
        snprintf(match, sizeof(match), "If-Match: %s", seen ? w.etag : "\"1\"");
        snprintf(line, sizeof(line), "PATCH /api/v1/%s/%lld", name, id);
        snprintf(body, sizeof(body), "{\"%s\": null}", key);
        expect(line, match, who, h, body, !seen ? 404 : in_letters(row->change_first, c) ? 422 : 403);
        snprintf(line, sizeof(line), "DELETE /api/v1/%s/%lld", name, id);
        expect(line, "If-Match: \"999\"", who, h, NULL, !seen ? 404 : in_letters(row->end_first, c) ? 412 : 403);
    }
}

static const char *headers_of(int who) { return people[who].letter == 'U' ? officer : headers[who]; }

static void test_every_kind(void **state)
{
    for (size_t i = 0; i < kit.sc->nkinds; i++)
        for (int p = 0; p < ROLES; p++)
            about_kind(&kit, &kit.sc->kinds[i], p, headers_of(p));
}

/* What may come of a step; nothing else may, above all no mistake in what was sent. */
enum came { DONE, APPROVAL, REFUSED, UNSEEN, CAMES };

static enum came wanted(const struct kind *k, const struct transition *x, enum kit_place p, char c)
{
    const struct rights_row *row = kit_row(&kit, k->name, x->from, x->to);
    bool seen = c != 'U' || p != OTHER || str_eq(kit_row(&kit, k->name, STR_NONE, STR_NONE)->sight, STR("all"));

    return !seen                                            ? UNSEEN
           : memchr(row->who.p, c, row->who.n) != NULL      ? DONE
           : memchr(row->who.p, c + 32, row->who.n) != NULL ? APPROVAL
                                                            : REFUSED;
}

static enum came came_of(const char *line, int who, str to)
{
    static const char *const refusals[] = {"urn:luy:registry.may_not_step", "urn:luy:registry.may_not_write",
                                           "urn:luy:api.role"};
    const char *type = world_text(&w, "type");

    if (w.status == 200 && str_eq(json_get_str(w.json, "state"), to))
        return DONE;
    if (w.status == 403 && strcmp(type, "urn:luy:registry.needs_approval") == 0)
        return APPROVAL;
    for (size_t i = 0; i < 3; i++)
        if (w.status == 403 && strcmp(type, refusals[i]) == 0)
            return REFUSED;
    if (w.status == 404)
        return UNSEEN;
    buf_byte(&w.body, 0);
    fail_msg("%s to %.*s as %s: whether he may was not decided: %d %s", line, STR_ARGS(to), people[who].grant, w.status,
             w.body.p);
    return CAMES;
}

static void stands(const struct kind *k, long long id, str state)
{
    char line[200];

    snprintf(line, sizeof(line), "GET /api/v1/%.*s/%lld", STR_ARGS(k->name), id);
    world_call(&w, line, headers[0], NULL, 0);
    if (w.status != 200 || json_get_int(w.json, "rev", 0) != 1 || !str_eq(json_get_str(w.json, "state"), state))
        fail_msg("%s: what was refused changed it", line);
}

/* One step in one place by every role; a record that nobody moved serves the next. */
static void about_step(const struct kind *k, const struct transition *x, enum kit_place p, size_t n[CAMES])
{
    static const char *const names[] = {"done", "to be approved", "refused", "not there"};
    long long id = 0;
    char line[200], body[100], all[4096];

    for (int who = 0; who < ROLES; who++) {
        enum came want = wanted(k, x, p, people[who].letter), came;
        if (id == 0)
            id = kit_ready(&kit, k, x, p);
        snprintf(line, sizeof(line), "PATCH /api/v1/%.*s/%lld", STR_ARGS(k->name), id);
        snprintf(body, sizeof(body), "{\"state\":\"%.*s\"}", STR_ARGS(x->to));
        snprintf(all, sizeof(all), "%s\nIf-Match: \"1\"", headers_of(who));
        world_call(&w, line, all, body, strlen(body));
        came = came_of(line, who, x->to);
        /* Where nobody of his role may, an officer is told so before anything is looked for. */
        if (want == UNSEEN && came == REFUSED && strcmp(world_text(&w, "type"), "urn:luy:api.role") == 0)
            came = UNSEEN;
        if (came != want)
            fail_msg("%s %.*s from %.*s to %.*s as %s: %s (%s), wanted %s", line, STR_ARGS(k->name), STR_ARGS(x->from),
                     STR_ARGS(x->to), people[who].grant, names[came], world_text(&w, "type"), names[want]);
        n[came]++;
        if (came == DONE)
            id = 0;
        else
            stands(k, id, x->from);
    }
}

static void test_every_step(void **state)
{
    size_t n[CAMES] = {0}, steps = 0;

    for (size_t i = 0; i < kit.sc->nkinds; i++) {
        const struct kind *k = &kit.sc->kinds[i];
        steps += k->ntransitions;
        for (size_t s = 0; s < k->ntransitions; s++)
            for (enum kit_place p = 0; p < PLACES; p++)
                about_step(k, &k->transitions[s], p, n);
    }
    assert_int_equal(n[DONE] + n[APPROVAL] + n[REFUSED] + n[UNSEEN], steps * ROLES * PLACES);
    print_message("# %zu steps, %zu calls: %zu done, %zu to be approved, %zu refused, %zu not there\n", steps,
                  steps * ROLES * PLACES, n[DONE], n[APPROVAL], n[REFUSED], n[UNSEEN]);
}

/* One call about a change set, which must go well; its answer stays in w. */
static void change_call(int64_t id, const char *name, int who, const char *body)
{
    char line[120], all[4096];

    snprintf(line, sizeof(line), "GET /api/v1/changes/%lld", (long long)id);
    world_call(&w, line, headers[who], NULL, 0);
    snprintf(all, sizeof(all), "%s\nIf-Match: \"%lld\"", headers[who], (long long)json_get_int(w.json, "rev", 0));
    snprintf(line, sizeof(line), "POST /api/v1/changes/%lld/%s", (long long)id, name);
    world_call(&w, line, all, body, strlen(body));
    buf_byte(&w.body, 0);
    if (w.status != 200)
        fail_msg("%s as %s: %d %s", line, people[who].grant, w.status, w.body.p);
}

/* What nobody may do at once is done by a change: one drafts and applies, another approves. */
static void about_approval(const struct kind *k, const struct transition *x, int who)
{
    long long id = kit_ready(&kit, k, x, OTHER);
    char body[400];

    snprintf(body, sizeof(body),
             "{\"title\":\"x\",\"ops\":[{\"op\":\"transition\",\"kind\":\"%.*s\",\"target\":\"%lld\","
             "\"state\":\"%.*s\"}]}",
             STR_ARGS(k->name), id, STR_ARGS(x->to));
    world_call(&w, "POST /api/v1/changes", headers[who], body, strlen(body));
    assert_int_equal(w.status, 201);
    int64_t change = json_get_int(w.json, "id", 0);
    change_call(change, "submit", who, "");
    snprintf(body, sizeof(body), "GET /api/v1/changes/%lld/plan", (long long)change);
    world_call(&w, body, headers[2], NULL, 0);
    snprintf(body, sizeof(body), "{\"hash\":\"%s\"}", world_text(&w, "hash"));
    change_call(change, "approve", 2, body);
    change_call(change, "apply", who, "{}");
    snprintf(body, sizeof(body), "GET /api/v1/%.*s/%lld", STR_ARGS(k->name), id);
    world_call(&w, body, headers[who], NULL, 0);
    assert_true(str_eq(json_get_str(w.json, "state"), x->to));
}

static void test_every_approval(void **state)
{
    size_t n = 0;

    for (size_t i = 0; i < kit.sc->nkinds; i++)
        for (size_t s = 0; s < kit.sc->kinds[i].ntransitions; s++) {
            const struct transition *x = &kit.sc->kinds[i].transitions[s];
            const struct rights_row *row = kit_row(&kit, kit.sc->kinds[i].name, x->from, x->to);
            for (int who = 0; who < 2; who++)
                if (memchr(row->who.p, people[who].letter + 32, row->who.n) != NULL) {
                    about_approval(&kit.sc->kinds[i], x, who);
                    n++;
                }
        }
    assert_true(n > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_route), cmocka_unit_test(test_no_line_too_many),
                                       cmocka_unit_test(test_every_kind), cmocka_unit_test(test_every_step),
                                       cmocka_unit_test(test_every_approval)};
    return cmocka_run_group_tests_name("api/rights", tests, open_world, close_world);
}

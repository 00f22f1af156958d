/* Who may call what, said twice: by the route table and by the list below. Every
 * route is called by every role and by nobody; a route that is not in the list
 * fails, so that whoever adds one says here whom it is for. */
#include "api/world-int.h"
#include "registry/rights_kit-int.h"

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
static char headers[ROLES][512];

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
    return 0;
}

static int close_world(void **state)
{
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

static void test_every_kind(void **state)
{
    static struct kit t;
    char once[ONE_TIME_PASSWORD_MAX], officer[512];

    kit_open(&t, w.registry);
    world_account(&w, "canbo2", "unit_officer@GIUA", once);
    world_login(&w, "canbo2", once, "Thanh-Tre-Xanh-2026", officer);
    for (size_t i = 0; i < t.sc->nkinds; i++)
        for (int p = 0; p < ROLES; p++)
            about_kind(&t, &t.sc->kinds[i], p, people[p].letter == 'U' ? officer : headers[p]);
    arena_free(&t.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_route), cmocka_unit_test(test_no_line_too_many),
                                       cmocka_unit_test(test_every_kind)};
    return cmocka_run_group_tests_name("api/rights", tests, open_world, close_world);
}

/* First start: nobody can log in yet. Declares the administrator (unit when
 * there is none, person, account, role) and gives a one-time password, on
 * stderr once and in DATA/first-password until it has been replaced. Each step
 * finds what an interrupted earlier start already made. */
#include "daemon/luyd.h"
#include "api/api.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/msg.h"
#include <errno.h>
#include <unistd.h>

static const struct actor luyd_actor = {.name = {"luyd", 4}, .roles = ROLE_SYSTEM, .reason = {"first start", 11}};

static int get_or_make(struct registry *r, const char *kind, str key, json_t *in, int64_t *id, struct err *e)
{
    json_t *rec = NULL;
    struct errs es;
    struct err none = {0};
    int rc = registry_get(r, &luyd_actor, str_c(kind), key, &rec, &none);

    errs_init(&es, 16);
    if (rc == -ENOENT)
        rc = registry_create(r, &luyd_actor, str_c(kind), in, &rec, &es, e);
    else if (rc < 0)
        *e = none;
    if (rc < 0)
        report_errs(&es);
    if (rc == 0)
        *id = json_get_int(rec, "id", 0);
    json_decref(rec);
    json_decref(in);
    errs_done(&es);
    return rc;
}

/* The topmost unit that is declared; one is made when there is none. */
static int unit_of(struct registry *r, int64_t *id, struct err *e)
{
    struct list_query q = {.limit = 1, .nfilters = 1, .order = STR("id")};
    json_t *list = NULL, *first;
    const char *name = msg_get("daemon.first.unit", LANG_VI);

    q.filter[0].field = STR("parent");
    q.filter[0].op = STR("null");
    q.filter[0].value = STR("1");
    int rc = registry_list(r, &luyd_actor, STR("unit"), &q, &list, e);
    if (rc < 0)
        return rc;
    first = json_array_get(json_object_get(list, "items"), 0);
    *id = json_get_int(first, "id", 0);
    json_decref(list);
    if (*id > 0)
        return 0;
    return get_or_make(r, "unit", STR("VH"), json_pack("{s:s,s:s,s:s}", "code", "VH", "name", name, "tier", "province"),
                       id, e);
}

static int declare_admin(struct registry *r, struct err *e)
{
    const char *name = msg_get("daemon.first.person", LANG_VI);
    int64_t unit = 0, person = 0, account = 0, grant = 0;
    int rc = unit_of(r, &unit, e);

    if (rc == 0)
        rc = get_or_make(r, "person", STR("luy-admin"),
                         json_pack("{s:s,s:s,s:I}", "code", "luy-admin", "name", name, "unit", (json_int_t)unit),
                         &person, e);
    if (rc == 0)
        rc = get_or_make(r, "account", STR("admin"),
                         json_pack("{s:s,s:s,s:s,s:I,s:I,s:b}", "name", "admin", "kind", "admin", "state", "active",
                                   "person", (json_int_t)person, "unit", (json_int_t)unit, "must_change", 1),
                         &account, e);
    if (rc == 0)
        rc = get_or_make(
            r, "role_grant", STR("luy-admin"),
            json_pack("{s:s,s:I,s:s}", "code", "luy-admin", "account", (json_int_t)account, "role", "admin"), &grant,
            e);
    return rc;
}

static void password_path(char out[1100], const char *data) { snprintf(out, 1100, "%s/first-password", data); }

static void tell(const char *password, const char *path)
{
    char text[1600];
    const char *const args[] = {password, path};

    msg_fmt(text, sizeof(text), person_lang(), "daemon.first.password", args, 2);
    fprintf(stderr, "\n%s\n\n", text);
    fflush(stderr);
}

int first_start(struct registry *r, struct api *api, const char *data, struct err *e)
{
    char password[ONE_TIME_PASSWORD_MAX], path[1100], line[ONE_TIME_PASSWORD_MAX + 1];
    uint64_t logins = 0;
    bool must = false;
    struct err lost = {0};
    int rc = api_login_count(api, &logins, e);

    password_path(path, data);
    if (rc < 0)
        return rc;
    if (logins > 0) { /* killed between the change and the removal? */
        if (access(path, F_OK) == 0 && api_login_must_change(api, STR("admin"), &must, &lost) == 0 && !must)
            first_done(data, STR("admin"));
        return 0;
    }
    rc = declare_admin(r, e);
    if (rc == 0)
        rc = api_login_reset(api, STR("admin"), password, e);
    if (rc < 0)
        return rc;
    snprintf(line, sizeof(line), "%s\n", password);
    rc = file_write_atomic(path, str_c(line), 0600, e);
    tell(password, path);
    explicit_bzero(password, sizeof(password));
    explicit_bzero(line, sizeof(line));
    return rc;
}

void first_done(const char *data, str account)
{
    char path[1100];

    if (!str_eq(account, STR("admin")))
        return;
    password_path(path, data);
    if (unlink(path) == 0)
        log_event(LOG_INFO, "first_password_removed", F_STR("account", account));
}

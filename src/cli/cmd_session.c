/* Who am I: login, password, tokens, logins of others. */
#include "cli/cli.h"
#include "base/msg.h"
#include <errno.h>
#include <termios.h>
#include <unistd.h>

enum { PASSWORD_MAX = 1024 };

/* From the terminal without echo, or one line of stdin with --password-stdin. */
static int read_password(struct run *r, const char *prompt, str *out, struct err *e)
{
    struct termios old, quiet;
    char line[PASSWORD_MAX];
    bool terminal = isatty(STDIN_FILENO);

    if (!terminal && !r->opt.password_stdin)
        return ERR(e, -EINVAL, "cli.no_terminal");
    if (terminal) {
        fprintf(stderr, "%s: ", msg_get(prompt, r->lang));
        tcgetattr(STDIN_FILENO, &old);
        quiet = old;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    bool got = fgets(line, sizeof(line), stdin) != NULL;
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
        fputc('\n', stderr);
    }
    if (!got)
        return ERR(e, -EINVAL, "cli.no_password");
    *out = arena_str(&r->arena, (str){line, strcspn(line, "\r\n")});
    return 0;
}

static json_t *pair(const char *a, str va, const char *b, str vb)
{
    json_t *o = json_object();

    json_object_set_new(o, a, json_from_str(va));
    json_object_set_new(o, b, json_from_str(vb));
    return o;
}

static int open_session(struct run *r, str account, str password, json_t **who, struct err *e)
{
    json_t *body = pair("account", account, "password", password);
    char *text = json_dumps(body, JSON_COMPACT);
    struct request rq = {
        .method = "POST", .path = STR("/api/v1/session"), .type = "application/json", .body = str_c(text)};
    struct answer a = {0};

    r->session.cookie = r->session.csrf = STR_NONE;
    r->opt.token = NULL;
    int rc = client_call(r, &rq, &a, e);
    if (rc == 0) {
        r->session.account = account;
        r->session.cookie = a.cookie;
        r->session.csrf = arena_str(&r->arena, json_get_str(a.json, "csrf"));
        *who = json_incref(a.json);
        rc = session_save(r, e);
    }
    json_decref(a.json);
    json_decref(body);
    free(text);
    return rc;
}

int cmd_login(struct run *r)
{
    struct err e = {0};
    str password;
    json_t *who = NULL;

    if (read_password(r, "cli.ask_password", &password, &e) < 0 ||
        open_session(r, str_c(r->args[0]), password, &who, &e) < 0)
        return fail(r, &e);
    out_message(r, json_is_true(json_object_get(who, "must_change")) ? "cli.logged_in_must_change" : "cli.logged_in",
                r->args[0], r->session.url.p);
    json_decref(who);
    return EXIT_FINE;
}

int cmd_logout(struct run *r)
{
    struct err e = {0};
    int rc = client_send(r, "DELETE", STR("/api/v1/session"), NULL, NULL, &e);
    struct err forget = {0};

    if (session_forget(r, &forget) < 0)
        return fail(r, &forget);
    return rc < 0 && rc != -EACCES ? fail(r, &e) : EXIT_FINE;
}

int cmd_whoami(struct run *r)
{
    struct err e = {0};
    json_t *who = NULL;

    if (client_get(r, STR("/api/v1/session"), &who, &e) < 0)
        return fail(r, &e);
    json_object_del(who, "csrf");
    int code = out_object(r, who);
    json_decref(who);
    return code;
}

int cmd_passwd(struct run *r)
{
    struct err e = {0};
    str old, fresh, again;

    if (read_password(r, "cli.ask_old", &old, &e) < 0 || read_password(r, "cli.ask_new", &fresh, &e) < 0)
        return fail(r, &e);
    again = fresh;
    if (!r->opt.password_stdin && read_password(r, "cli.ask_again", &again, &e) < 0)
        return fail(r, &e);
    if (!str_eq(fresh, again)) {
        ERR(&e, -EINVAL, "cli.not_the_same");
        return fail(r, &e);
    }
    json_t *body = pair("old", old, "new", fresh), *who = NULL;
    int rc = client_send(r, "POST", STR("/api/v1/password"), body, NULL, &e);
    json_decref(body);
    /* The change ends the session everywhere; this one is opened again. */
    if (rc == 0)
        rc = open_session(r, r->session.account, fresh, &who, &e);
    json_decref(who);
    if (rc < 0)
        return fail(r, &e);
    out_message(r, "cli.password_changed", NULL, NULL);
    return EXIT_FINE;
}

static int print_items(struct run *r, str path, const struct column *cols, size_t n)
{
    struct err e = {0};
    json_t *list = NULL;

    if (client_get(r, path, &list, &e) < 0)
        return fail(r, &e);
    int code = out_rows(r, json_object_get(list, "items"), cols, n);
    json_decref(list);
    return code;
}

int cmd_logins(struct run *r)
{
    static const struct column cols[] = {{"account", "cli.col.account"},
                                         {"name", "cli.col.name"},
                                         {"roles", "cli.col.roles"},
                                         {"failures", "cli.col.failures"},
                                         {"locked_until", "cli.col.locked_until"},
                                         {"last_login_at", "cli.col.last_login"}};
    return print_items(r, STR("/api/v1/logins"), cols, sizeof(cols) / sizeof(cols[0]));
}

int cmd_new_login(struct run *r)
{
    struct err e = {0};
    json_t *body = json_object(), *made = NULL;

    json_object_set_new(body, "account", json_from_str(str_c(r->args[0])));
    int rc = client_send(r, "POST", STR("/api/v1/logins"), body, &made, &e);
    json_decref(body);
    if (rc < 0)
        return fail(r, &e);
    out_message(r, "cli.one_time_password", r->args[0], NULL);
    printf("%.*s\n", STR_ARGS(json_get_str(made, "one_time_password")));
    json_decref(made);
    return EXIT_FINE;
}

int cmd_unlock(struct run *r)
{
    struct err e = {0};
    struct buf b;

    buf_init(&b, 4096);
    buf_z(&b, "/api/v1/logins/");
    url_segment(&b, r->args[0]);
    buf_z(&b, "/unlock");
    int rc = client_send(r, "POST", arena_str(&r->arena, buf_view(&b)), NULL, NULL, &e);
    buf_done(&b);
    return rc < 0 ? fail(r, &e) : EXIT_FINE;
}

int cmd_tokens(struct run *r)
{
    static const struct column cols[] = {
        {"id", "cli.col.id"}, {"name", "cli.col.name"}, {"roles", "cli.col.roles"}, {"expires_on", "cli.col.expires"}};
    return print_items(r, STR("/api/v1/tokens"), cols, sizeof(cols) / sizeof(cols[0]));
}

int cmd_token(struct run *r)
{
    struct err e = {0};
    json_t *body = json_object(), *made = NULL, *roles = json_array();
    str rest = str_c(r->opt.roles), role;

    json_object_set_new(body, "name", json_from_str(str_c(r->opt.name ? r->opt.name : "luy")));
    if (r->opt.expires != NULL)
        json_object_set_new(body, "expires_on", json_from_str(str_c(r->opt.expires)));
    while (str_split(&rest, ',', &role))
        json_array_append_new(roles, json_from_str(str_trim(role)));
    if (json_array_size(roles) > 0)
        json_object_set(body, "roles", roles);
    int rc = client_send(r, "POST", STR("/api/v1/tokens"), body, &made, &e);
    json_decref(roles);
    json_decref(body);
    if (rc < 0)
        return fail(r, &e);
    out_message(r, "cli.token_once", NULL, NULL);
    printf("%.*s\n", STR_ARGS(json_get_str(made, "token")));
    json_decref(made);
    return EXIT_FINE;
}

int cmd_revoke(struct run *r)
{
    struct err e = {0};
    struct buf b;

    buf_init(&b, 4096);
    buf_z(&b, "/api/v1/tokens/");
    url_segment(&b, r->args[0]);
    int rc = client_send(r, "DELETE", arena_str(&r->arena, buf_view(&b)), NULL, NULL, &e);
    buf_done(&b);
    return rc < 0 ? fail(r, &e) : EXIT_FINE;
}

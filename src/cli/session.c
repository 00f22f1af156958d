/* The session file: url, ca, cookie, csrf, account, one "name value" a line,
 * in $XDG_CONFIG_HOME/luy/session or ~/.config/luy/session, mode 0600. */
#include "cli/cli.h"
#include "base/file.h"
#include <errno.h>
#include <unistd.h>

static const struct {
    const char *name;
    size_t offset;
} members[] = {
    {"url", offsetof(struct session, url)},         {"ca", offsetof(struct session, ca)},
    {"cookie", offsetof(struct session, cookie)},   {"csrf", offsetof(struct session, csrf)},
    {"account", offsetof(struct session, account)},
};
enum { NMEMBERS = sizeof(members) / sizeof(members[0]) };

static str *member(struct session *s, size_t i) { return (str *)(void *)((char *)s + members[i].offset); }

static str folder(struct run *r)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (xdg != NULL && xdg[0] == '/')
        return arena_fmt(&r->arena, "%s/luy", xdg);
    return arena_fmt(&r->arena, "%s/.config/luy", home ? home : ".");
}

int session_load(struct run *r, struct err *e)
{
    str path = arena_fmt(&r->arena, "%.*s/session", STR_ARGS(folder(r))), text, line;

    if (access(path.p, F_OK) == 0) {
        int rc = file_read(&r->arena, path.p, 64 * 1024, &text, e);
        if (rc < 0)
            return rc;
        while (str_split(&text, '\n', &line))
            for (size_t i = 0; i < NMEMBERS; i++) {
                str name = str_c(members[i].name);
                if (str_starts(line, name) && line.n > name.n && line.p[name.n] == ' ')
                    *member(&r->session, i) = str_sub(line, name.n + 1, line.n);
            }
    }
    const char *url = r->opt.url ? r->opt.url : getenv("LUY_URL"), *ca = r->opt.ca ? r->opt.ca : getenv("LUY_CA");
    if (url != NULL && !str_eq(str_c(url), r->session.url)) {
        r->session = (struct session){.url = str_c(url)}; /* a cookie never goes to another server */
    } else if (r->session.url.n == 0) {
        r->session.url = STR("https://127.0.0.1:8443");
    }
    if (ca != NULL)
        r->session.ca = str_c(ca);
    if (r->opt.token == NULL)
        r->opt.token = getenv("LUY_TOKEN");
    return 0;
}

int session_save(struct run *r, struct err *e)
{
    struct buf b;
    str dir = folder(r);

    buf_init(&b, 64 * 1024);
    for (size_t i = 0; i < NMEMBERS; i++)
        if (member(&r->session, i)->n > 0)
            buf_fmt(&b, "%s %.*s\n", members[i].name, STR_ARGS(*member(&r->session, i)));
    int rc = file_mkdirs(dir.p, 0700, e);
    if (rc == 0)
        rc = file_write_atomic(arena_fmt(&r->arena, "%.*s/session", STR_ARGS(dir)).p, buf_view(&b), 0600, e);
    buf_done(&b);
    return rc;
}

int session_forget(struct run *r, struct err *e)
{
    str path = arena_fmt(&r->arena, "%.*s/session", STR_ARGS(folder(r)));

    if (unlink(path.p) < 0 && errno != ENOENT)
        return ERR(e, -errno, "cli.session_file", path.p, strerror(errno));
    return 0;
}

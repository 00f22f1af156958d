/* Pins as files of one line. */
#include "relay/pin.h"
#include "base/file.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PIN_MAX = 400 };

bool relay_name_ok(str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (i == 0 || (c != '-' && c != '.' && c != '_')))
            return false;
    }
    /* beside a journal's folder, "flows" is where its flows are looked for */
    return name.n > 0 && name.n <= RELAY_NAME_MAX && !str_eq(name, STR("flows"));
}

bool relay_key_ok(str hex)
{
    for (size_t i = 0; i < hex.n; i++)
        if (!(hex.p[i] >= '0' && hex.p[i] <= '9') && !(hex.p[i] >= 'a' && hex.p[i] <= 'f'))
            return false;
    return hex.n == 64;
}

static bool take_hex(str word, str head, char out[65])
{
    if (!str_starts(word, head) || !relay_key_ok(str_sub(word, head.n, word.n)))
        return false;
    snprintf(out, 65, "%.*s", STR_ARGS(str_sub(word, head.n, word.n)));
    return true;
}

int relay_pin_parse(str line, struct relay_pin *out, struct err *e)
{
    struct relay_pin p = {.name = ""};
    str rest = str_trim(line), kind = STR_NONE, name = STR_NONE, key = STR_NONE, anchor = STR_NONE;

    str_split(&rest, ' ', &kind);
    str_split(&rest, ' ', &name);
    str_split(&rest, ' ', &key);
    str_split(&rest, ' ', &anchor);
    bool relay = str_eq(kind, STR("luy-relay"));
    if ((!relay && !str_eq(kind, STR("luy-centre"))) || rest.p != NULL || !take_hex(key, STR("key="), p.key) ||
        (relay ? !take_hex(anchor, STR("anchor="), p.anchor) : anchor.n > 0))
        return ERR(e, -EINVAL, "relay.pin_line");
    if (!relay_name_ok(name))
        return ERR(e, -EINVAL, "relay.name", S(name), N(RELAY_NAME_MAX));
    snprintf(p.name, sizeof(p.name), "%.*s", STR_ARGS(name));
    *out = p;
    return 0;
}

void relay_pin_print(const struct relay_pin *p, char out[300])
{
    if (p->anchor[0] != '\0')
        snprintf(out, 300, "luy-relay %s key=%s anchor=%s", p->name, p->key, p->anchor);
    else
        snprintf(out, 300, "luy-centre %s key=%s", p->name, p->key);
}

static int pin_path(const char *dir, str name, const char *file, char path[4096], struct err *e)
{
    if (!relay_name_ok(name))
        return ERR(e, -EINVAL, "relay.name", S(name), N(RELAY_NAME_MAX));
    if (snprintf(path, 4096, "%s/%.*s/%s", dir, STR_ARGS(name), file) >= 4096)
        return ERR(e, -ENAMETOOLONG, "relay.write", dir);
    return 0;
}

int relay_pins(const char *dir, bool dropped, relay_pin_fn *fn, void *ctx, struct err *e)
{
    struct arena a = arena_init(1 << 20);
    str *names = NULL, text;
    size_t n = 0;
    char path[4096];
    int rc = access(dir, F_OK) < 0 ? 0 : file_list(&a, dir, STR(""), RELAYS_MAX, &names, &n, e);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct relay_pin p;
        if (!relay_name_ok(names[i]) || pin_path(dir, names[i], dropped ? "dropped" : "pin", path, e) < 0 ||
            access(path, F_OK) < 0)
            continue;
        rc = file_read(&a, path, PIN_MAX, &text, e);
        if (rc == 0 &&
            ((rc = relay_pin_parse(text, &p, e)) < 0 || !str_eq(str_c(p.name), names[i]) || p.anchor[0] == '\0'))
            rc = ERR(e, -EINVAL, "relay.pin_file", path);
        if (rc == 0)
            rc = fn(ctx, &p);
    }
    arena_free(&a);
    return rc;
}

static int same_key(void *ctx, const struct relay_pin *p)
{
    const struct relay_pin *mine = ctx;
    return strcmp(p->key, mine->key) == 0 || strcmp(p->name, mine->name) == 0 ? 1 : 0;
}

int relay_pin_add(const char *dir, const struct relay_pin *p, struct err *e)
{
    char path[4096], line[300];
    struct relay_pin mine = *p;

    if (p->anchor[0] == '\0')
        return ERR(e, -EINVAL, "relay.pin_line");
    int rc = relay_pins(dir, false, same_key, &mine, e);
    if (rc > 0)
        return ERR(e, -EEXIST, "relay.pinned", p->name);
    if (rc == 0)
        rc = pin_path(dir, str_c(p->name), "pin", path, e);
    if (rc < 0)
        return rc;
    char *slash = strrchr(path, '/');
    *slash = '\0';
    rc = file_mkdirs(path, 0700, e);
    *slash = '/';
    relay_pin_print(p, line);
    return rc < 0 ? rc : file_write_atomic(path, str_c(line), 0600, e);
}

int relay_pin_drop(const char *dir, str name, struct err *e)
{
    char path[4096], to[4096];
    int rc = pin_path(dir, name, "pin", path, e);

    if (rc == 0)
        rc = pin_path(dir, name, "dropped", to, e);
    if (rc == 0 && rename(path, to) < 0)
        rc = errno == ENOENT ? ERR(e, -ENOENT, "relay.not_pinned", S(name)) : ERR(e, -errno, "relay.write", path);
    return rc;
}

/* Values of options: text to value, checked, and back. Pure. */
#include "daemon/config.h"
#include "base/ip.h"
#include <errno.h>

static const struct {
    const char *unit;
    int64_t factor;
} sizes[] = {
    {"GiB", 1LL << 30},
    {"MiB", 1LL << 20},
    {"KiB", 1LL << 10},
    {"G", 1LL << 30},
    {"M", 1LL << 20},
    {"K", 1LL << 10},
    {"", 1},
};
static const struct {
    const char *unit;
    int64_t factor;
} times[] = {
    {"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {"", 1},
};
static const char *const roles[] = {"centre", "relay"};
static const char *const levels[] = {"error", "warn", "info", "debug"};

static const char **text_at(struct config *c, const struct config_option *o)
{
    return (const char **)(void *)((char *)c + o->at);
}

static int64_t *number_at(struct config *c, const struct config_option *o)
{
    return (int64_t *)(void *)((char *)c + o->at);
}

static bool is_text(const struct config_option *o) { return o->type <= CT_LEVEL; }

static bool digits_unit(str s, int64_t *n, str *unit)
{
    size_t i = 0;
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    *unit = str_trim(str_sub(s, i, s.n));
    return i > 0 && str_i64(str_sub(s, 0, i), n);
}

static bool scaled(str s, enum config_type type, int64_t *out)
{
    str unit;
    int64_t n;
    bool size = type == CT_SIZE;

    if (!digits_unit(s, &n, &unit))
        return false;
    for (size_t i = 0; i < (size ? sizeof(sizes) / sizeof(*sizes) : sizeof(times) / sizeof(*times)); i++)
        if (str_eq(unit, str_c(size ? sizes[i].unit : times[i].unit)))
            return !__builtin_mul_overflow(n, size ? sizes[i].factor : times[i].factor, out);
    return false;
}

static bool number_ok(const struct config_option *o, str s, int64_t *out, struct err *e)
{
    bool parsed = o->type == CT_INT ? str_i64(s, out) : scaled(s, o->type, out);

    if (!parsed) {
        ERR(e, -EINVAL,
            o->type == CT_INT    ? "config.not_int"
            : o->type == CT_SIZE ? "config.not_size"
                                 : "config.not_duration",
            err_s(s));
        return false;
    }
    if (*out < o->min || *out > o->max) {
        ERR(e, -ERANGE, "config.range", o->name, err_n(o->min), err_n(o->max));
        return false;
    }
    return true;
}

/* address:port; a numeric address, IPv6 in brackets; "off" is nothing. */
static bool address_ok(str s)
{
    size_t colon = s.n;
    struct ip ip;
    uint64_t port;

    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    if (colon < 2 || !str_u64(str_sub(s, colon, s.n), &port) || port > 65535)
        return false;
    str host = str_sub(s, 0, colon - 1);
    bool six = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    if (six)
        host = str_sub(host, 1, host.n - 2);
    return ip_parse(host, &ip) && (ip.family == 6) == six;
}

static bool text_ok(const struct config_option *o, str *s, struct err *e)
{
    switch (o->type) {
    case CT_ADDRESS:
        if (str_starts(*s, STR("https://")))
            *s = str_sub(*s, 8, s->n);
        if (str_eq(*s, STR("off")))
            *s = STR("");
        if (s->n == 0 || address_ok(*s))
            return true;
        ERR(e, -EINVAL, "config.not_address", err_s(*s));
        return false;
    case CT_STORE:
        if (s->n <= (size_t)o->max && (str_eq(*s, STR("sqlite")) || str_starts(*s, STR("postgresql://"))))
            return true;
        ERR(e, -EINVAL, "config.not_store", err_s(*s));
        return false;
    case CT_ROLE:
        for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
            if (str_eq(*s, str_c(roles[i])))
                return true;
        ERR(e, -EINVAL, "config.not_role", err_s(*s));
        return false;
    case CT_LEVEL:
        for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
            if (str_eq(*s, str_c(levels[i])))
                return true;
        ERR(e, -EINVAL, "config.not_level", err_s(*s));
        return false;
    default:
        if (s->n <= (size_t)o->max)
            return true;
        ERR(e, -EINVAL, "config.too_long", err_n(o->max));
        return false;
    }
}

bool config_set(struct arena *a, struct config *c, const struct config_option *o, str value, struct err *e)
{
    int64_t n;

    if (!is_text(o)) {
        if (!number_ok(o, value, &n, e))
            return false;
        *number_at(c, o) = n;
        return true;
    }
    if (!text_ok(o, &value, e))
        return false;
    char *copy = arena_cstr(a, value);
    if (copy == NULL) {
        ERR(e, -ENOMEM, "config.too_long", err_n(o->max));
        return false;
    }
    *text_at(c, o) = copy;
    return true;
}

void config_defaults(struct config *c)
{
    for (size_t i = 0; i < config_options_n; i++) {
        const struct config_option *o = &config_options[i];
        struct err e = {0};
        if (is_text(o))
            *text_at(c, o) = o->dflt;
        else if (!number_ok(o, str_c(o->dflt), number_at(c, o), &e))
            abort(); /* the table contradicts itself; the unit test sees it first */
    }
}

static void print_scaled(int64_t v, bool size, struct buf *b)
{
    for (size_t i = 0; i < (size ? 3 : sizeof(times) / sizeof(*times) - 1); i++) {
        int64_t f = size ? sizes[i].factor : times[i].factor;
        if (v != 0 && v % f == 0) {
            buf_fmt(b, "%lld%s", (long long)(v / f), size ? sizes[i].unit : times[i].unit);
            return;
        }
    }
    buf_fmt(b, "%lld", (long long)v);
}

static void print_quoted(const char *z, struct buf *b)
{
    buf_byte(b, '"');
    for (; *z != '\0'; z++) {
        if (*z == '"' || *z == '\\')
            buf_byte(b, '\\');
        buf_byte(b, (uint8_t)*z);
    }
    buf_byte(b, '"');
}

void config_print_value(const struct config *c, const struct config_option *o, struct buf *b)
{
    const char *text = is_text(o) ? *text_at((struct config *)c, o) : NULL;

    if (o->type == CT_TEXT || o->type == CT_PATH || (o->type == CT_STORE && strchr(text, '#') != NULL))
        print_quoted(text, b);
    else if (text != NULL)
        buf_z(b, o->type == CT_ADDRESS && *text == '\0' ? "off" : text);
    else if (o->type == CT_INT)
        buf_fmt(b, "%lld", (long long)*number_at((struct config *)c, o));
    else
        print_scaled(*number_at((struct config *)c, o), o->type == CT_SIZE, b);
}

void config_print(const struct config *c, struct buf *b)
{
    for (size_t i = 0; i < config_options_n; i++) {
        buf_fmt(b, "%s = ", config_options[i].name);
        config_print_value(c, &config_options[i], b);
        buf_byte(b, '\n');
    }
}

bool config_same(const struct config *x, const struct config *y, const struct config_option *o)
{
    if (is_text(o))
        return strcmp(*text_at((struct config *)x, o), *text_at((struct config *)y, o)) == 0;
    return *number_at((struct config *)x, o) == *number_at((struct config *)y, o);
}

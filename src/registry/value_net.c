/* Field types of networks and people: addresses, names, numbers, each to one
 * canonical form, so that two spellings of a thing cannot stand side by side.
 * No state; any thread. */
#include "registry/value-int.h"
#include "base/rand.h"
#include <errno.h>

void ip_bin(struct ip ip, char out[IP_BIN_MAX])
{
    out[0] = ip.family == 4 ? '4' : '6';
    hex_fmt(ip.b, ip.family == 4 ? 4 : 16, out + 1);
}

void prefix_bin(struct prefix p, char first[IP_BIN_MAX], char last[IP_BIN_MAX])
{
    struct ip end = p.ip;
    unsigned bits = p.ip.family == 4 ? 32 : 128;

    for (unsigned i = p.len; i < bits; i++)
        end.b[i / 8] |= (uint8_t)(0x80 >> (i % 8));
    ip_bin(p.ip, first);
    ip_bin(end, last);
}

int parse_ip(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    char text[IP_TEXT_MAX];
    struct ip ip;

    (void)f;
    if (!ip_parse(in, &ip))
        return ERR(e, -EINVAL, "registry.bad_ip", S(in));
    size_t n = ip_fmt(ip, text, sizeof(text));
    *out = V_STR(arena_str(a, ((str){text, n})));
    return 0;
}

int parse_prefix(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    char text[PREFIX_TEXT_MAX];
    struct prefix p;

    (void)f;
    if (!prefix_parse(in, &p))
        return ERR(e, -EINVAL, "registry.bad_prefix", S(in));
    size_t n = prefix_fmt(p, text, sizeof(text));
    *out = V_STR(arena_str(a, ((str){text, n})));
    return 0;
}

int parse_mac(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    char text[MAC_TEXT_MAX];
    struct mac m;

    (void)f;
    if (!mac_parse(in, &m))
        return ERR(e, -EINVAL, "registry.bad_mac", S(in));
    size_t n = mac_fmt(m, text, sizeof(text));
    *out = V_STR(arena_str(a, ((str){text, n})));
    return 0;
}

/* Letters, digits and hyphens, 63 a label, 253 in all (RFC 1123 2.1); lower
 * case, without the dot at the end. Other letters become an A-label first. */
static bool host_name(struct arena *a, str in, str *out)
{
    size_t label = 0;
    char *p;

    if (str_ends(in, STR(".")))
        in.n--;
    if (!host_ascii(a, in, &in))
        return false;
    if (in.n == 0 || in.n > 253 || (p = arena_alloc(a, in.n)) == NULL)
        return false;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        bool edge = label == 0 || i + 1 == in.n || in.p[i + 1] == '.';
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        p[i] = c;
        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
            continue;
        }
        bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if ((!alnum && (c != '-' || edge)) || ++label > 63)
            return false;
    }
    *out = (str){p, in.n};
    return true;
}

int parse_fqdn(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    str s;

    (void)f;
    if (!host_name(a, in, &s))
        return ERR(e, -EINVAL, "registry.bad_fqdn", S(in));
    *out = V_STR(s);
    return 0;
}

int parse_email(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    size_t at = str_find(in, STR("@"));
    str local = str_sub(in, 0, at), host;
    bool ok = at != SIZE_MAX && at > 0 && at <= 64 && local.p[0] != '.' && local.p[at - 1] != '.';

    (void)f;
    for (size_t i = 0; ok && i < local.n; i++) {
        char c = local.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        ok = alnum || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
    }
    if (!ok || !host_name(a, str_sub(in, at + 1, SIZE_MAX), &host) || str_find(host, STR(".")) == SIZE_MAX)
        return ERR(e, -EINVAL, "registry.bad_email", S(in));
    *out = V_STR(arena_fmt(a, "%.*s@%.*s", STR_ARGS(local), STR_ARGS(host)));
    return 0;
}

/* Digits, maybe a plus in front; the spaces, dots, hyphens and brackets that
 * people put between are dropped. */
int parse_phone(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    char *p = arena_alloc(a, in.n + 1);
    size_t n = 0, digits = 0;

    (void)f;
    if (p == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c >= '0' && c <= '9')
            digits++;
        else if (c == ' ' || c == '.' || c == '-' || c == '(' || c == ')')
            continue;
        else if (c != '+' || n > 0)
            return ERR(e, -EINVAL, "registry.bad_phone", S(in));
        p[n++] = c;
    }
    if (digits < 3 || digits > 15)
        return ERR(e, -EINVAL, "registry.bad_phone", S(in));
    *out = V_STR(((str){p, n}));
    return 0;
}

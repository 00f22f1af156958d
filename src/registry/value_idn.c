/* Host names and letters beyond a to z (IDNA 2008 as of UTS 46, through libidn2).
 * No state; any thread. */
#include "registry/value-int.h"
#include "base/json.h"
#include <idn2.h>

static const char ace[] = "xn--";

static bool plain_ascii(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* Any label that claims to be an A-label; letters of either case (RFC 5890 2.3.2.1). */
static bool has_ace(str s)
{
    for (size_t i = 0; i + 4 <= s.n; i++)
        if ((i == 0 || s.p[i - 1] == '.' || s.p[i - 1] == '@') && strncasecmp(s.p + i, ace, 4) == 0)
            return true;
    return false;
}

/* libidn2 2.3 drops blanks and underscores where it should refuse them. */
static bool odd_ascii(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if ((unsigned char)c < 0x80 && !alnum && c != '-' && c != '.')
            return true;
    }
    return false;
}

bool host_ascii(struct arena *a, str in, str *out)
{
    const int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES;
    char *z, *made = NULL, *back = NULL;

    if (plain_ascii(in) && !has_ace(in)) {
        *out = in;
        return true;
    }
    z = arena_cstr(a, in);
    if (z == NULL || odd_ascii(in))
        return false;
    bool ok = idn2_to_ascii_8z(z, &made, flags) == IDN2_OK;
    /* What says that it is an A-label must be one. */
    if (ok && has_ace(str_c(made)))
        ok = idn2_to_unicode_8z8z(made, &back, 0) == IDN2_OK && !has_ace(str_c(back));
    if (ok)
        *out = arena_str(a, str_c(made));
    idn2_free(made);
    idn2_free(back);
    return ok && out->p != NULL;
}

/* In memory of libidn2; NULL when it is shown as it is stored. */
static char *unicode(str host)
{
    char z[256], *back = NULL;

    if (!has_ace(host) || host.n >= sizeof(z))
        return NULL;
    memcpy(z, host.p, host.n);
    z[host.n] = '\0';
    if (idn2_to_unicode_8z8z(z, &back, 0) == IDN2_OK)
        return back;
    idn2_free(back);
    return NULL;
}

static str host_of(str s)
{
    size_t at = str_find(s, STR("@"));

    return at == SIZE_MAX ? s : str_sub(s, at + 1, SIZE_MAX);
}

str host_shown(struct arena *a, str stored)
{
    str host = host_of(stored), out = stored;
    char *u = unicode(host);

    if (u != NULL)
        out = arena_fmt(a, "%.*s%s", (int)(stored.n - host.n), stored.p, u);
    idn2_free(u);
    return out.p != NULL ? out : stored;
}

json_t *host_json(str stored)
{
    struct arena a = arena_init(4096);
    json_t *o = json_from_str(has_ace(stored) ? host_shown(&a, stored) : stored);

    arena_free(&a);
    return o;
}

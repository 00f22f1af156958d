/* Times at the head of lines. A form is believed only when printing the
 * event's time in it gives the same bytes. */
#include "journal/split.h"
#include "base/clock.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static char *two(char *p, int v)
{
    p[0] = (char)('0' + v / 10);
    p[1] = (char)('0' + v % 10);
    return p + 2;
}

static char *put_fraction(char *p, int64_t ns, unsigned digits)
{
    *p++ = '.';
    for (int64_t unit = 100000000; digits > 0; digits--, unit /= 10)
        *p++ = (char)('0' + ns / unit % 10);
    return p;
}

static char *put_zone(char *p, int zone)
{
    *p++ = zone < 0 ? '-' : '+';
    zone = zone < 0 ? -zone : zone;
    p = two(p, zone / 60);
    *p++ = ':';
    return two(p, zone % 60);
}

static bool form_is_sane(struct stamp_form f)
{
    return f.kind > STAMP_NONE && f.kind < STAMP_KINDS && f.digits <= 9 && f.zone > -24 * 60 && f.zone < 24 * 60;
}

size_t stamp_print(struct stamp_form f, int64_t ns, char *out)
{
    int64_t local, day, sec, frac;
    int y, m, d;
    char *p = out;

    if (!form_is_sane(f) || __builtin_add_overflow(ns, (int64_t)f.zone * 60 * NS_PER_S, &local))
        return 0;
    frac = (local % NS_PER_S + NS_PER_S) % NS_PER_S;
    local = (local - frac) / NS_PER_S;
    sec = (local % 86400 + 86400) % 86400;
    day = (local - sec) / 86400;
    civil_from_days(day, &y, &m, &d);
    if (y < 0 || y > 9999)
        return 0;
    if (f.kind == STAMP_BSD || f.kind == STAMP_BSD_ZERO) {
        memcpy(p, months + 3 * (m - 1), 3);
        p[3] = ' ';
        p = two(p + 4, d);
        if (d < 10 && f.kind == STAMP_BSD)
            p[-2] = ' ';
        *p++ = ' ';
    } else {
        p = two(two(p, y / 100), y % 100);
        *p++ = '-';
        p = two(p, m);
        *p++ = '-';
        p = two(p, d);
        *p++ = 'T';
    }
    p = two(p, (int)(sec / 3600));
    *p++ = ':';
    p = two(p, (int)(sec / 60 % 60));
    *p++ = ':';
    p = two(p, (int)(sec % 60));
    if (f.digits > 0)
        p = put_fraction(p, frac, f.digits);
    if (f.kind == STAMP_ISO_Z)
        *p++ = 'Z';
    else if (f.kind == STAMP_ISO_ZONE)
        p = put_zone(p, f.zone);
    return (size_t)(p - out);
}

static int digit_at(str s, size_t i) { return i < s.n && s.p[i] >= '0' && s.p[i] <= '9' ? s.p[i] - '0' : -1; }

static int number_at(str s, size_t i)
{
    int a = digit_at(s, i), b = digit_at(s, i + 1);
    return a < 0 || b < 0 ? -1 : 10 * a + b;
}

/* Minutes by which the clock of the text (at `clock`) is ahead of UTC, as near as one day tells. */
static bool zone_of(str s, size_t clock, int64_t ns, int *zone)
{
    int h = number_at(s, clock), m = number_at(s, clock + 3), sec = number_at(s, clock + 6);
    int64_t utc = (ns / NS_PER_S % 86400 + 86400) % 86400;

    if (h < 0 || m < 0 || sec < 0)
        return false;
    int64_t diff = h * 3600 + m * 60 + sec - utc;
    if (diff % 60 != 0)
        return false;
    *zone = (int)(diff / 60);
    return true;
}

static bool try_form(str s, int64_t ns, struct stamp_form f, size_t *len)
{
    char text[STAMP_TEXT_MAX];
    size_t n = stamp_print(f, ns, text);

    if (n == 0 || n > s.n || memcmp(text, s.p, n) != 0)
        return false;
    *len = n;
    return true;
}

static bool try_zones(str s, int64_t ns, struct stamp_form f, int zone, size_t *len, struct stamp_form *out)
{
    for (int day = -1; day <= 1; day++) {
        f.zone = (int16_t)(zone + day * 1440);
        if (try_form(s, ns, f, len)) {
            *out = f;
            return true;
        }
    }
    return false;
}

bool stamp_find(str s, int64_t ns, struct stamp_form *f, size_t *len)
{
    int zone;

    if (s.n >= 15 && s.p[3] == ' ' && s.p[6] == ' ' && s.p[9] == ':') {
        struct stamp_form t = {.kind = s.p[4] == '0' ? STAMP_BSD_ZERO : STAMP_BSD};
        return zone_of(s, 7, ns, &zone) && try_zones(s, ns, t, zone, len, f);
    }
    if (s.n < 19 || s.p[4] != '-' || s.p[10] != 'T' || !zone_of(s, 11, ns, &zone))
        return false;
    struct stamp_form t = {.kind = STAMP_ISO_BARE};
    size_t at = 19;
    if (at < s.n && s.p[at] == '.')
        for (at++; t.digits < 9 && digit_at(s, at) >= 0; at++)
            t.digits++;
    if (at < s.n && s.p[at] == 'Z')
        t.kind = STAMP_ISO_Z;
    else if (at < s.n && (s.p[at] == '+' || s.p[at] == '-'))
        t.kind = STAMP_ISO_ZONE;
    return try_zones(s, ns, t, zone, len, f);
}

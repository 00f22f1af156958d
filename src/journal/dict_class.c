/* What a value is: by its class it is written in a shorter form (dict.h). */
#include "journal/dict.h"

static unsigned hex_digits(const char *p, uint32_t n, bool up)
{
    unsigned letters = 0;

    for (uint32_t i = 0; i < n; i++) {
        char c = p[i], base = up ? 'A' : 'a';
        if (c >= base && c <= base + 5)
            letters++;
        else if (c < '0' || c > '9')
            return 0;
    }
    return letters + 1;
}

static bool read_ip4(const char *p, uint32_t n, uint64_t *out)
{
    uint64_t ip = 0;
    unsigned part = 0, digits = 0, dots = 0;

    if (n < 7 || n > 15)
        return false;
    for (uint32_t i = 0; i <= n; i++) {
        if (i == n || p[i] == '.') {
            if (digits == 0 || part > 255)
                return false;
            ip = ip << 8 | part;
            dots += i < n;
            part = digits = 0;
        } else if (p[i] >= '0' && p[i] <= '9' && !(digits > 0 && part == 0)) {
            part = part * 10 + (unsigned)(p[i] - '0');
            if (++digits > 3)
                return false;
        } else {
            return false;
        }
    }
    *out = ip;
    return dots == 3;
}

static bool is_uuid(const char *p, uint32_t n)
{
    if (n != 36)
        return false;
    for (unsigned i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? p[i] != '-' : !((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
            return false;
    }
    return true;
}

enum dict_class dict_class_of(const char *p, uint32_t n, uint64_t *number)
{
    uint64_t v = 0;
    uint32_t i = 0;

    *number = 0;
    for (; i < n && p[i] >= '0' && p[i] <= '9' && n <= 19; i++)
        v = v * 10 + (uint64_t)(p[i] - '0');
    if (n > 0 && i == n && (p[0] != '0' || n == 1)) {
        *number = v;
        return DC_NUM;
    }
    if (i > 0 && i < 4 && p[i] == '.' && read_ip4(p, n, number))
        return DC_IP4;
    if (is_uuid(p, n))
        return DC_UUID;
    if (n >= 6 && n <= 256 && hex_digits(p, n, false))
        return DC_HEX;
    return n >= 6 && n <= 256 && hex_digits(p, n, true) ? DC_HEX_UP : DC_TEXT;
}

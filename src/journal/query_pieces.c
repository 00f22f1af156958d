#include "journal/query_pieces.h"
#include <string.h>

/* The place of the bracket that ends the class at i; 0: not sure. */
static size_t class_end(str re, size_t i)
{
    size_t k = i + 1;

    k += k < re.n && re.p[k] == '^';
    for (k += k < re.n && re.p[k] == ']'; k < re.n && re.p[k] != ']'; k++) {
        if (re.p[k] == '[') /* [:alpha:] and its like */
            return 0;
        if (re.p[k] == '\\' && (++k == re.n || re.p[k] == 'Q' || re.p[k] == 'E'))
            return 0;
    }
    return k < re.n ? k : 0;
}

/* The place of the brace that ends {3}, {3,} or {3,5} at i; 0: it is none of these. */
static size_t count_end(str re, size_t i)
{
    size_t k = i + 1, digits = 0;

    for (; k < re.n && re.p[k] >= '0' && re.p[k] <= '9'; k++)
        digits++;
    if (k < re.n && re.p[k] == ',')
        for (k++; k < re.n && re.p[k] >= '0' && re.p[k] <= '9';)
            k++;
    return digits > 0 && k < re.n && re.p[k] == '}' ? k : 0;
}

enum regex_piece regex_next(str re, size_t *i, unsigned *depth)
{
    size_t end = *i;
    char c = re.p[*i], next = *i + 1 < re.n ? re.p[*i + 1] : '\0';
    bool alnum = ((next | 0x20) >= 'a' && (next | 0x20) <= 'z') || (next >= '0' && next <= '9');

    switch (c) {
    case '\\':
        ++*i;
        if (next == '\0' || (uint8_t)next >= 0x80 || (alnum && strchr("dDwWsSbBtnrhHvV", next) == NULL))
            return RP_UNSURE;
        return !alnum ? RP_LITERAL : (next | 0x20) == 'b' ? RP_ASSERT : RP_OTHER;
    case '[':
        end = class_end(re, *i);
        break;
    case '(':
        if (next == '*' || (next == '?' && (*i + 2 >= re.n || re.p[*i + 2] != ':')))
            return RP_UNSURE;
        *i += next == '?' ? 2 : 0;
        ++*depth;
        return RP_OTHER;
    case ')':
        return (*depth)-- > 0 ? RP_OTHER : RP_UNSURE;
    case '{':
        end = count_end(re, *i);
        break;
    case '|':
        return RP_CHOICE;
    case '*':
    case '?':
        return RP_OPTIONAL;
    case '+':
        return RP_REPEAT;
    case '^':
    case '$':
        return RP_ASSERT;
    default:
        return c == '\0' || (uint8_t)c >= 0x80 ? RP_UNSURE : c == '.' ? RP_OTHER : RP_LITERAL;
    }
    if (end == 0)
        return RP_UNSURE;
    *i = end;
    return c == '{' ? RP_OPTIONAL : RP_OTHER;
}

size_t regex_choices(str re, str *out, size_t most)
{
    size_t n = 0, from = 0;
    unsigned depth = 0;

    for (size_t i = 0; i <= re.n; i++) {
        enum regex_piece p = i < re.n ? regex_next(re, &i, &depth) : RP_CHOICE;
        if (p == RP_UNSURE)
            return 1;
        if (p != RP_CHOICE || depth > 0)
            continue;
        if (n == most || i == from) /* an empty one fits everything */
            return 1;
        out[n++] = str_sub(re, from, i - from);
        from = i + 1;
    }
    return n;
}

/* What a regular expression says about a text before it is matched on lines.
 *
 * Only a plain part of the language is read (literals, classes, groups,
 * choices, repeats); whatever else stands in an expression makes it unsure, and
 * lines are put together and asked. */
#include "journal/search_plan-int.h"

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

enum regex_piece {
    RP_LITERAL,
    RP_OTHER,
    RP_REPEAT,   /* of what stands before it */
    RP_OPTIONAL, /* the same, or none of it */
    RP_ASSERT,   /* asks what stands around */
    RP_CHOICE,
    RP_UNSURE
};

/* What stands at *i, which moves to its end; depth counts open groups. */
static enum regex_piece regex_next(str re, size_t *i, unsigned *depth)
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

str regex_read(str re, char *room, size_t cap, bool *local)
{
    size_t n = 0, best = 0, best_n = 0, from = 0;
    unsigned depth = 0;
    bool repeats = false, choice = false;

    *local = false;
    if (re.n > cap)
        return STR_NONE;
    *local = true;
    for (size_t i = 0; i <= re.n; i++) {
        bool plus = i < re.n && re.p[i] == '+';
        enum regex_piece p = i < re.n ? regex_next(re, &i, &depth) : RP_OTHER;
        if (p == RP_UNSURE) {
            *local = false;
            return STR_NONE;
        }
        /* how far a repeat goes that gives nothing back (a++) hangs on what stands behind the part */
        *local = *local && p != RP_ASSERT && !(plus && repeats);
        repeats = p == RP_REPEAT || p == RP_OPTIONAL;
        choice = choice || (p == RP_CHOICE && depth == 0);
        if (p == RP_LITERAL && depth == 0) {
            room[n++] = (char)byte_lower((uint8_t)re.p[i]);
            continue;
        }
        n -= p == RP_OPTIONAL && depth == 0 && n > from; /* a literal right before it */
        if (n - from > best_n) {
            best = from;
            best_n = n - from;
        }
        from = n;
    }
    return choice ? STR_NONE : (str){room + best, best_n};
}

bool regex_in_static(const struct query_node *n, str text, struct query_fault *fault)
{

    for (size_t i = 0, from = 0; i <= text.n; i++) {
        if (i < text.n && !is_hole(text.p[i]))
            continue;
        if (i > from && regex_within(&n->re, str_sub(text, from, i - from), fault))
            return true;
        from = i + 1;
    }
    return false;
}

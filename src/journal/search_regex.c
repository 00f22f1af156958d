/* What a regular expression says about a text before it is matched on lines.
 *
 * What is beyond the plain part of the language (query_pieces.h) makes it unsure, and
 * lines are put together and asked. */
#include "journal/query_pieces.h"
#include "journal/search_plan-int.h"

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

/* The word of a list that was probably meant. Pure, any thread. */
#include "journal/query-int.h"

enum { WORD_MAX = 24 };

/* Edit distance of two short words, rows of the usual table. */
static size_t distance(str a, str b)
{
    size_t row[WORD_MAX + 1];

    if (a.n > WORD_MAX || b.n > WORD_MAX)
        return 99;
    for (size_t k = 0; k <= b.n; k++)
        row[k] = k;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diag = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b.n; k++) {
            size_t keep = row[k], best = diag + (byte_lower((uint8_t)a.p[i - 1]) != (uint8_t)b.p[k - 1]);
            best = best < row[k] + 1 ? best : row[k] + 1;
            row[k] = best < row[k - 1] + 1 ? best : row[k - 1] + 1;
            diag = keep;
        }
    }
    return row[b.n];
}

/* A beginning, or few slips away. */
str near_name(str word, const char *const *names, size_t n)
{
    str best = STR_NONE;
    size_t least = word.n <= 3 ? 2 : 3;

    for (size_t i = 0; i < n; i++) {
        str name = str_c(names[i]);
        size_t d = distance(word, name);
        if (word.n >= 2 && word.n < name.n && str_eq_nocase(str_sub(name, 0, word.n), word))
            d = 0;
        if (d < least) {
            least = d;
            best = name;
        }
    }
    return best;
}

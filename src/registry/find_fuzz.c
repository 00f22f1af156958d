/* Fuzz target "find": what somebody types, against a text. Input: the question,
 * a line end, the text. A text that fits is near as well, with nothing off; each
 * spelling is made of words; a word is near itself. */
#include "registry/find-int.h"
#include "base/text.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    str rest = {(const char *)p, n}, q;
    struct arena a = arena_init(1 << 22);
    struct query spell[4];

    if (n > 8192 || !str_split(&rest, '\n', &q)) {
        arena_free(&a);
        return 0;
    }
    str text = rest.p != NULL ? text_fold(&a, rest) : STR("");
    size_t k = find_spellings(&a, q, spell, 4);
    for (size_t i = 0; i < k; i++) {
        unsigned off = 99;
        bool fits = match_doc(&spell[i], text, text, text) != MATCH_NONE;
        if (spell[i].nwords == 0 || (fits && (!near_doc(&spell[i], text, &off) || off != 0)))
            abort();
        if (!fits)
            near_doc(&spell[i], text, &off);
        for (size_t w = 0; w < spell[i].nwords; w++)
            if (spell[i].word[w].n == 0 ||
                (spell[i].word[w].n <= 40 && !match_near(spell[i].word[w], spell[i].word[w], 0)))
                abort();
    }
    arena_free(&a);
    return 0;
}

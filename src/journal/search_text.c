/* Is a word in the values of a template, or across the edge of one? Looked at
 * value by value, for the templates that search_term.c leaves over. */
#include "journal/search_plan-int.h"
#include <errno.h>

static bool is_hole(char c) { return (uint8_t)c >= HOLE_VALUE && (uint8_t)c <= HOLE_STAMP; }
static bool eq(char static_byte, char lower) { return byte_lower((uint8_t)static_byte) == (uint8_t)lower; }

/* Can the run begin in the static bytes that end before `at` (a hole), or end
 * in those that follow it? Looked at on both sides of each hole: the leftmost
 * edge within a match is one of these. */
static bool crosses_at(str text, size_t at, str run)
{
    if ((at > 0 && is_hole(text.p[at - 1])) || (at + 1 < text.n && is_hole(text.p[at + 1])))
        return true;
    for (size_t i = 1; i < run.n; i++) { /* run[0..i) before the hole */
        size_t k = 0;
        while (k < i && k < at && !is_hole(text.p[at - 1 - k]) && eq(text.p[at - 1 - k], run.p[i - 1 - k]))
            k++;
        if (k == i)
            return true;
    }
    for (size_t i = 1; i < run.n; i++) { /* run[i..) behind it */
        size_t k = 0;
        while (i + k < run.n && at + 1 + k < text.n && !is_hole(text.p[at + 1 + k]) &&
               eq(text.p[at + 1 + k], run.p[i + k]))
            k++;
        if (i + k == run.n || (k > 0 && at + 1 + k < text.n && is_hole(text.p[at + 1 + k])))
            return true;
    }
    return false;
}

static bool all_digits(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

static bool skeleton_may(const struct column *c, str run)
{
    if (c->other > 0)
        return true;
    for (size_t b = 0; b < run.n; b++) {
        bool known = run.p[b] >= '0' && run.p[b] <= '9';
        for (uint32_t i = 0; i < c->k && !known; i++)
            for (uint32_t k = 0; k < c->skel[i].len && !known; k++)
                known = eq(c->skel[i].text[k], run.p[b]);
        if (!known)
            return false;
    }
    return true;
}

static bool value_has(struct search_plan *p, const struct needle *run, const struct column *c, uint32_t i)
{
    uint32_t rank = c->refs[i] - DICT_FRESH;
    str s = {c->val[i].p, c->val[i].n};

    if (c->refs[i] < DICT_FRESH || rank >= p->seen_n || p->seen_of != run)
        return needle_find(run, s, 0) != SIZE_MAX;
    if (p->seen[rank] == 0)
        p->seen[rank] = needle_find(run, s, 0) != SIZE_MAX ? 2 : 1;
    return p->seen[rank] == 2;
}

/* Dictionary values are asked once a block and term. */
static bool remember(struct search_plan *p, const struct needle *run, struct block_dec *d)
{
    uint32_t n = block_dict(d)->count;

    if (p->seen_of == run)
        return true;
    if (n > p->seen_cap) {
        free(p->seen);
        p->seen = malloc(n);
        p->seen_cap = p->seen ? n : 0;
    }
    p->seen_n = n <= p->seen_cap ? n : 0;
    memset(p->seen ? p->seen : (uint8_t *)&p->seen_n, 0, p->seen ? p->seen_n : 0);
    p->seen_of = run;
    return p->seen_n == n;
}

/* 1 some value holds the run, 0 none does. */
static int column_has(struct search_plan *p, const struct needle *run, struct block_dec *d, struct block_template *t,
                      uint32_t slot)
{
    struct column *c = &t->col[slot];
    int rc;

    if (c->type == CT_INT)
        return all_digits(run->text) && run->text.n <= INT_DIGITS_MAX;
    if (c->type == CT_SKELETON)
        return skeleton_may(c, run->text);
    if ((rc = block_template_column(d, t, slot, &c)) < 0)
        return rc;
    uint32_t n = c->type == CT_GLOBAL ? c->rows : c->k;
    for (uint32_t i = 0; i < n; i++)
        if (value_has(p, run, c, i))
            return 1;
    return 0;
}

int term_in_values(struct search_plan *p, const struct needle *word, struct block_dec *d, struct block_template *t)
{
    uint32_t slot = 0;
    int rc = block_template_open(d, t);

    if (rc == 0 && !remember(p, word, d))
        rc = -ENOMEM;
    for (uint32_t h = 0; h < t->holes && rc == 0; h++) {
        if (t->flags & TF_GLUED && crosses_at(t->text, t->hole[h], word->text))
            return 1;
        if (t->text.p[t->hole[h]] == HOLE_VALUE)
            rc = column_has(p, word, d, t, slot++);
    }
    return rc;
}

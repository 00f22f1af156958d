/* What a text term says about a template. Its static text may settle it; else
 * the longest word of its longest literal run must be found whole in a value, in a host or
 * a time, or across the edge of a hole, or no line fits. */
#include "journal/search_plan-int.h"
#include <errno.h>

/* A star may pass over a value, whatever it is; a question mark must not, and
 * a literal byte that looks like a hole is none. */
static bool settles(const struct pattern *p)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (p->kind[i] == PK_ONE || (p->kind[i] == PK_LIT && p->text[i] >= HOLE_VALUE && p->text[i] <= HOLE_STAMP))
            return false;
    return true;
}

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

static bool stamp_may(str run)
{
    static const char letters[] = "janfebmrpyulgsoctvdz0123456789 :-+.";

    for (size_t i = 0; i < run.n; i++)
        if (run.p[i] == '\0' || strchr(letters, run.p[i]) == NULL)
            return false;
    return true;
}

/* One answer for all templates of a block. */
static bool hosts_may(struct search_plan *p, const struct needle *run, struct block_dec *d)
{
    if (p->hosts_node != run) {
        uint32_t n;
        const struct block_origin *o = block_origins(d, &n);
        p->hosts_node = run;
        p->hosts_hit = false;
        for (uint32_t i = 1; i < n && !p->hosts_hit; i++)
            p->hosts_hit = needle_find(run, o[i].host, 0) != SIZE_MAX;
    }
    return p->hosts_hit;
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

    if (c->refs[i] < DICT_FRESH || rank >= p->seen_n || p->seen_node != run)
        return needle_find(run, s, 0) != SIZE_MAX;
    if (p->seen[rank] == 0)
        p->seen[rank] = needle_find(run, s, 0) != SIZE_MAX ? 2 : 1;
    return p->seen[rank] == 2;
}

/* Dictionary values are asked once a block and term. */
static bool remember(struct search_plan *p, const struct needle *run, struct block_dec *d)
{
    uint32_t n = block_dict(d)->count;

    if (p->seen_node == run)
        return true;
    if (n > p->seen_cap) {
        free(p->seen);
        p->seen = malloc(n);
        p->seen_cap = p->seen ? n : 0;
    }
    p->seen_n = n <= p->seen_cap ? n : 0;
    memset(p->seen ? p->seen : (uint8_t *)&p->seen_n, 0, p->seen ? p->seen_n : 0);
    p->seen_node = run;
    return p->seen_n == n;
}

/* The longest piece of the run without a space: it must be somewhere in a line
 * that fits, and does not fall apart at the spaces between values. */
static const struct needle *word_of(struct search_plan *p, const struct needle *run)
{
    str rest = run->text, word, best = {run->text.p, 0};

    if (p->word_of == run)
        return &p->word;
    while (str_split(&rest, ' ', &word))
        best = word.n > best.n ? word : best;
    needle_init(&p->word, best);
    p->word_of = run;
    p->hosts_node = p->seen_node = NULL;
    return &p->word;
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

int plan_text(struct search_plan *p, const struct query_node *n, struct block_dec *d, struct block_template *t)
{
    const struct needle *run = word_of(p, &n->pat.run);
    uint32_t slot = 0;
    int rc;

    if (settles(&n->pat) && pattern_within(&n->pat, t->text))
        return V_ALL;
    if (run->text.n == 0 || needle_find(run, t->text, 0) != SIZE_MAX)
        return V_SOME;
    for (uint32_t h = 0; h < t->holes; h++)
        if (crosses_at(t->text, t->hole[h], run->text))
            return V_SOME;
    if (!remember(p, run, d))
        return -ENOMEM;
    for (uint32_t h = 0; h < t->holes; h++) {
        char c = t->text.p[t->hole[h]];
        if (c == HOLE_HOST ? hosts_may(p, run, d) : c == HOLE_STAMP ? stamp_may(run->text) : false)
            return V_SOME;
        if (c == HOLE_VALUE && (rc = column_has(p, run, d, t, slot++)) != 0)
            return rc < 0 ? rc : V_SOME;
    }
    return V_NONE;
}

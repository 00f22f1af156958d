/* Is a word in the values of a template, or across the edge of one? Looked at
 * value by value, for the templates that search_term.c leaves over. */
#include "journal/search_plan-int.h"
#include <errno.h>

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

/* Values of a skeleton column hold a word when a skeleton holds it, each run of
 * digits a hole; the few that have no skeleton are not looked at. */
static bool skeleton_may(const struct column *c, str word)
{
    char text[SKELETON_LEN_MAX];
    size_t n = 0;

    if (c->other > 0)
        return true;
    for (size_t i = 0; i < word.n; i++) {
        bool digit = word.p[i] >= '0' && word.p[i] <= '9';
        if (digit && n > 0 && text[n - 1] == HOLE_VALUE)
            continue;
        if (n == sizeof(text))
            return false;
        text[n++] = digit ? HOLE_VALUE : word.p[i];
    }
    struct needle nd;
    needle_init(&nd, (str){text, n});
    for (uint32_t i = 0; i < c->k; i++)
        if (needle_find(&nd, (str){c->skel[i].text, c->skel[i].len}, 0) != SIZE_MAX)
            return true;
    return false;
}

enum { SEEN_NOT = 1, SEEN_HOLDS = 2 };

static bool value_has(struct search_plan *p, const struct needle *run, const struct column *c, uint32_t i)
{
    uint32_t rank = c->refs[i] - DICT_FRESH;
    str s = {c->val[i].p, c->val[i].n};

    if (c->refs[i] < DICT_FRESH || rank >= p->seen_n || p->seen_of != run)
        return needle_find(run, s, 0) != SIZE_MAX;
    if (p->seen[rank] == 0)
        p->seen[rank] = needle_find(run, s, 0) != SIZE_MAX ? SEEN_HOLDS : SEEN_NOT;
    return p->seen[rank] == SEEN_HOLDS;
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
    p->dict_asked = false;
    return p->seen_n == n;
}

/* Classes of values (dict.h) that can hold the word, a bit each. */
static unsigned classes_of(str word)
{
    bool point = false, dash = false, letter = false;

    for (size_t i = 0; i < word.n; i++) {
        char c = word.p[i];
        if (c >= '0' && c <= '9')
            continue;
        point |= c == '.';
        dash |= c == '-';
        letter |= c >= 'a' && c <= 'f';
        if (c != '.' && c != '-' && !(c >= 'a' && c <= 'f'))
            return 1u << DC_TEXT;
    }
    return 1u << DC_TEXT | (!dash && !letter ? 1u << DC_IP4 : 0) | (!point && !dash && !letter ? 1u << DC_NUM : 0) |
           (!point && !dash ? 1u << DC_HEX | 1u << DC_HEX_UP : 0) | (!point ? 1u << DC_UUID : 0);
}

static void ask_range(struct search_plan *p, const struct needle *run, const struct dict_value *v, uint32_t from,
                      uint32_t n)
{
    for (uint32_t i = from; i < from + n; i++) {
        bool holds = needle_find(run, (str){v[i].p, v[i].n}, 0) != SIZE_MAX;
        p->seen[i] = holds ? SEEN_HOLDS : SEEN_NOT;
        p->dict_holds += holds;
    }
}

/* Asks all values of the dictionary that can hold it. */
static int ask_dict(struct search_plan *p, const struct needle *run, struct dict_reader *d)
{
    p->dict_classes = classes_of(run->text);
    p->dict_holds = 0;
    for (uint32_t b = 0; b < d->nbuckets; b++) {
        uint32_t at = d->bucket[b].first;
        int rc = p->dict_classes == 1u << DC_TEXT ? dict_read_texts(d, b) : dict_read_bucket(d, b);
        if (rc < 0)
            return rc;
        for (int c = 0; c < DC_COUNT; at += d->bucket[b].count[c++])
            if (p->dict_classes >> c & 1)
                ask_range(p, run, d->v, at, d->bucket[b].count[c]);
    }
    p->dict_asked = true;
    return 0;
}

/* Whether a value of a column of references holds the run, without any of its values: 1, 0, or MAYBE. */
enum { MAYBE = 2 };
static int refs_have(struct search_plan *p, const struct needle *run, struct dict_reader *d, const struct column *c,
                     uint32_t n)
{
    const unsigned packed = 1u << DC_IP4 | 1u << DC_HEX | 1u << DC_HEX_UP | 1u << DC_UUID;
    const struct dict_sizes *once = &c->refs_at.size; /* values that occur once */
    const uint8_t *text;
    int rc = 0;

    if (c->loaded)
        return MAYBE;
    if (!p->dict_asked && (rc = ask_dict(p, run, d)) < 0)
        return rc;
    if ((once->packed > 0 && p->dict_classes & packed) || (once->lens > 0 && p->dict_classes & 1u << DC_NUM))
        return MAYBE;
    if ((rc = dict_fresh_text(d, &c->refs_at, &text)) < 0)
        return rc;
    if (needle_find(run, (str){(const char *)text, once->text}, 0) != SIZE_MAX)
        return MAYBE; /* it may lie across two of them */
    return p->dict_holds > 0 ? dict_refers(d, &c->refs_at, n, p->seen, SEEN_HOLDS) : 0;
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
    uint32_t n = c->type == CT_GLOBAL ? c->rows : c->k;
    if ((rc = refs_have(p, run, block_dict(d), c, n)) != MAYBE)
        return rc;
    if ((rc = block_template_column(d, t, slot, &c)) < 0)
        return rc;
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

static void set_bit(uint64_t *bits, uint32_t i) { bits[i / 64] |= UINT64_C(1) << i % 64; }

/* Rows of a column whose values hold the word. */
static int column_rows(struct search_plan *p, const struct needle *word, struct block_dec *d, struct block_template *t,
                       uint32_t slot, uint64_t *bits)
{
    char text[EVENT_RAW_MAX + 32];
    struct column *c = &t->col[slot];
    int rc = column_has(p, word, d, t, slot);

    if (rc <= 0 || (rc = block_template_column(d, t, slot, &c)) < 0)
        return rc;
    bool has[SMALL_MAX] = {false};
    for (uint32_t k = 0; c->type == CT_SMALL && k < c->k; k++)
        has[k] = value_has(p, word, c, k);
    for (uint32_t i = 0; i < c->rows; i++) {
        size_t n = c->type == CT_INT || c->type == CT_SKELETON ? column_text(c, i, text, EVENT_RAW_MAX) : 0;
        if (n == SIZE_MAX)
            return -EBADMSG;
        if (c->type == CT_CONST || (c->type == CT_SMALL && has[c->sym[i]]) ||
            (c->type == CT_GLOBAL && value_has(p, word, c, i)) ||
            (n > 0 && needle_find(word, (str){text, n}, 0) != SIZE_MAX))
            set_bit(bits, i);
    }
    return 0;
}

int term_value_rows(struct search_plan *p, const struct needle *word, struct block_dec *d, struct block_template *t,
                    uint64_t *bits)
{
    int rc = block_template_open(d, t);

    if (rc == 0 && !remember(p, word, d))
        rc = -ENOMEM;
    for (uint32_t s = 0; s < t->values && rc >= 0; s++)
        rc = column_rows(p, word, d, t, s, bits);
    return rc < 0 ? rc : 0;
}

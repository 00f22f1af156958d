/* What a text term says about the templates of a block, all at once.
 *
 * A line that fits holds the term's longest literal run, and so its longest
 * word. A word lies whole in the static text of a template, in a value, in the
 * host or in the time, but where these touch one another (TF_GLUED). So most
 * templates fall out by one pass over the joined texts and by the classes of
 * bytes in their values; only for the rest are columns read. */
#include "journal/search_plan-int.h"
#include <errno.h>

enum { CHECK_TEMPLATES = 128 }; /* an expression may be as dear as its limits let it */

/* A star may pass over a value, whatever it is; a question mark must not, and
 * a literal byte that looks like a hole is none. */
static bool settles(const struct query_node *n)
{
    const struct pattern *p = &n->pat;

    if (n->kind != QN_TEXT)
        return false;
    for (uint32_t i = 0; i < p->n; i++)
        if (p->kind[i] == PK_ONE || (p->kind[i] == PK_LIT && p->text[i] >= HOLE_VALUE && p->text[i] <= HOLE_STAMP))
            return false;
    return true;
}

/* Can a printed time hold the word? A run of digits is as good as another. */
static bool stamp_may(str word)
{
    static const char *const shapes[] = {"0-0-0t0", "0.0z", "jan", "feb", "mar", "apr", "may",
                                         "jun",     "jul",  "aug", "sep", "oct", "nov", "dec"};
    char shape[16];
    size_t n = 0;

    for (size_t i = 0; i < word.n; i++) {
        bool digit = word.p[i] >= '0' && word.p[i] <= '9';
        if (digit && n > 0 && shape[n - 1] == '0')
            continue;
        if (n == sizeof(shape))
            return false;
        shape[n++] = digit ? '0' : word.p[i];
    }
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (memmem(shapes[i], strlen(shapes[i]), shape, n) != NULL)
            return true;
    return false;
}

static bool hosts_may(const struct needle *word, const struct block_dec *d)
{
    uint32_t n;
    const struct block_origin *o = block_origins(d, &n);

    for (uint32_t i = 1; i < n; i++)
        if (needle_find(word, o[i].host, 0) != SIZE_MAX)
            return true;
    return false;
}

/* Can the value at this place be the word, by the static text around it? */
static bool stands_at(const struct term_word *w, str text, size_t at)
{
    for (size_t i = 0; i < w->before.n; i++) {
        if (i == at)
            return false;
        char c = text.p[at - 1 - i];
        if (is_hole(c))
            break;
        if (byte_lower((uint8_t)c) != (uint8_t)w->before.p[w->before.n - 1 - i])
            return false;
    }
    for (size_t i = 0; i < w->after.n; i++) {
        if (at + 1 + i == text.n)
            return false;
        char c = text.p[at + 1 + i];
        if (is_hole(c))
            break;
        if (byte_lower((uint8_t)c) != (uint8_t)w->after.p[i])
            return false;
    }
    return true;
}

/* Can some value hold the word? Where no value has a gap, what stands around the word
 * in its run has to stand around the value. */
static bool values_may(const struct term_word *w, const struct block_template *b)
{
    if (w->classes & ~b->classes)
        return false;
    if (b->classes & CLASS_GAP || w->before.n + w->after.n == 0)
        return true;
    for (size_t i = 0; i < b->text.n; i++)
        if (b->text.p[i] == HOLE_VALUE && stands_at(w, b->text, i))
            return true;
    return false;
}

/* Can every word be in the template's lines, as far as that shows without them? */
static bool has_words(const struct plan_term *t, const struct block_template *b)
{
    for (uint32_t i = 0; i < t->nwords; i++) {
        const struct term_word *w = &t->word[i];
        if (b->flags & TF_GLUED || values_may(w, b) || (b->flags & TF_HOST && w->hosts) ||
            (b->flags & TF_STAMP && w->stamp) || needle_find(&w->nd, b->text, 0) != SIZE_MAX)
            continue;
        return false;
    }
    return true;
}

/* 1 the expression fits whatever the values are, 0 not sure; or why to stop. */
static int is_sure(const struct search_plan *p, struct plan_term *t, const struct block_template *b)
{
    struct query_fault fault = {0};
    bool fits = t->local && regex_in_static(t->node, b->text, &fault);

    if (atomic_load(&fault.code) != 0) /* it is dear, and lines are asked under the query's own limits */
        t->local = false;
    return fits ? 1 : t->local && ++t->looked % CHECK_TEMPLATES == 0 ? p->check(p->check_ctx) : 0;
}

/* Templates whose static text holds the word. */
static int mark_static(const struct search_plan *p, struct plan_term *t, str texts, const struct block_template *all)
{
    const struct needle *word = &t->word[t->longest].nd;
    bool sure = settles(t->node);
    uint32_t i = 0;

    for (size_t at = 0; (at = needle_find(word, texts, at)) != SIZE_MAX;) {
        while (all[i].text.p + all[i].text.n <= texts.p + at)
            i++;
        size_t end = (size_t)(all[i].text.p - texts.p) + all[i].text.n;
        if (at + word->text.n > end) { /* partly in the next one */
            at++;
            continue;
        }
        int rc = is_sure(p, t, &all[i]);
        if (rc < 0)
            return rc;
        if (rc > 0 || (sure && pattern_within(&t->node->pat, all[i].text)))
            t->verdict[i] = V_ALL;
        else if (has_words(t, &all[i]))
            t->verdict[i] = V_SOME;
        at = end;
    }
    return 0;
}

/* The rest: values, hosts, times. */
static int mark_values(struct search_plan *p, struct plan_term *t, struct block_dec *d, struct block_template *all)
{
    const struct term_word *w = &t->word[t->longest];

    for (uint32_t i = 0; i < t->n; i++) {
        struct block_template *b = &all[i];
        int rc = 0;
        if (t->verdict[i] != V_NONE)
            continue;
        if ((b->flags & TF_HOST && w->hosts) || (b->flags & TF_STAMP && w->stamp))
            rc = has_words(t, b);
        else if (b->flags & TF_GLUED || (b->classes != 0 && values_may(w, b)))
            rc = has_words(t, b) ? term_in_values(p, &w->nd, d, b) : 0;
        if (rc < 0)
            return rc;
        t->verdict[i] = rc ? V_SOME : V_NONE;
    }
    return 0;
}

/* An expression without a word that all its matches hold. */
static int mark_all(const struct search_plan *p, struct plan_term *t, const struct block_template *all)
{
    for (uint32_t i = 0; i < t->n; i++) {
        int rc = is_sure(p, t, &all[i]);
        if (rc < 0)
            return rc;
        t->verdict[i] = rc > 0 ? V_ALL : V_SOME;
    }
    return 0;
}

int term_mark(struct search_plan *p, struct plan_term *t, struct block_dec *d)
{
    struct block_template *all = NULL;
    uint32_t n = block_templates(d);
    int rc = 0;

    if (n > t->cap) {
        free(t->verdict);
        t->verdict = malloc(n);
        t->cap = t->verdict ? n : 0;
    }
    if (t->cap < n)
        return -ENOMEM;
    t->n = n;
    t->marked = true;
    if (n == 0 || (rc = block_template_get(d, 0, &all)) < 0)
        return rc;
    if (t->nwords == 0)
        return mark_all(p, t, all);
    memset(t->verdict, V_NONE, n);
    for (uint32_t i = 0; i < t->nwords; i++)
        t->word[i].hosts = hosts_may(&t->word[i].nd, d);
    rc = mark_static(p, t, block_texts(d), all);
    return rc < 0 ? rc : mark_values(p, t, d, all);
}

static bool is_static(const struct term_word *w, const struct block_template *b)
{
    return b->flags & TF_GLUED || (b->flags & TF_HOST && w->hosts) || (b->flags & TF_STAMP && w->stamp) ||
           needle_find(&w->nd, b->text, 0) != SIZE_MAX;
}

int term_rows(struct search_plan *p, const struct plan_term *t, struct block_dec *d, struct block_template *b,
              uint64_t *bits, uint64_t *room)
{
    size_t words = ((size_t)b->rows + 63) / 64;

    for (uint32_t i = 0; i < t->nwords; i++) {
        if (is_static(&t->word[i], b))
            continue;
        memset(room, 0, words * sizeof(room[0]));
        int rc = term_value_rows(p, &t->word[i].nd, d, b, room);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < words; k++)
            bits[k] &= room[k];
    }
    return 0;
}

/* ---- what a term asks for, once a search ---- */

/* A byte that no value has that is all word bytes and dots. */
static bool is_gap(char c) { return text_classes(&c, 1) == CLASS_GAP; }

/* Words of a literal run; the longest ones when they are many. */
static void take_words(struct plan_term *t, str run)
{
    for (str rest = run, w; (w = next_word(&rest)).n > 0;) {
        uint32_t k = t->nwords;
        if (k < PLAN_WORDS)
            t->nwords++;
        for (uint32_t i = 0; k == PLAN_WORDS && i < PLAN_WORDS; i++)
            if (t->word[i].nd.text.n < w.n)
                k = i;
        if (k == PLAN_WORDS)
            continue;
        t->word[k] = (struct term_word){.classes = text_classes(w.p, w.n), .stamp = stamp_may(w)};
        size_t at = (size_t)(w.p - run.p);
        if (at > 0 && is_gap(run.p[at - 1]))
            t->word[k].before = str_sub(run, 0, at);
        if (rest.n > 0 && is_gap(rest.p[0]))
            t->word[k].after = rest;
        needle_init(&t->word[k].nd, w);
    }
    gram_list_of(&t->grams, run);
}

bool term_make(struct plan_term *t, const struct query_node *n)
{
    const struct pattern *p = &n->pat;

    *t = (struct plan_term){.node = n, .verdict = t->verdict, .cap = t->cap};
    if (n->kind == QN_REGEX)
        take_words(t, regex_read(n->re.text, t->room, sizeof(t->room), &t->local));
    for (uint32_t i = 0, k; n->kind != QN_REGEX && i < p->n; i = k + 1) {
        for (k = i; k < p->n && p->kind[k] == PK_LIT;)
            k++;
        take_words(t, (str){(const char *)p->text + i, k - i});
    }
    for (uint32_t i = 1; i < t->nwords; i++)
        if (t->word[i].nd.text.n > t->word[t->longest].nd.text.n)
            t->longest = i;
    return t->nwords > 0 || t->local;
}

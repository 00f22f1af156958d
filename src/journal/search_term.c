/* What a text term says about the templates of a block, all at once.
 *
 * A line that fits holds the term's longest literal run, and so its longest
 * word. A word lies whole in the static text of a template, in a value, in the
 * host or in the time, but where these touch one another (TF_GLUED). So most
 * templates fall out by one pass over the joined texts and by the classes of
 * bytes in their values; only for the rest are columns read. */
#include "journal/search_plan-int.h"
#include <errno.h>

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

/* Can every word be in the template's lines, as far as that shows without them? */
static bool has_words(const struct plan_term *t, const struct block_template *b)
{
    for (uint32_t i = 0; i < t->nwords; i++) {
        const struct term_word *w = &t->word[i];
        if (!(w->classes & ~b->classes) || b->flags & TF_GLUED || (b->flags & TF_HOST && w->hosts) ||
            (b->flags & TF_STAMP && w->stamp) || needle_find(&w->nd, b->text, 0) != SIZE_MAX)
            continue;
        return false;
    }
    return true;
}

/* Templates whose static text holds the word. */
static void mark_static(struct plan_term *t, str texts, const struct block_template *all)
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
        if (sure && pattern_within(&t->node->pat, all[i].text))
            t->verdict[i] = V_ALL;
        else if (has_words(t, &all[i]))
            t->verdict[i] = V_SOME;
        at = end;
    }
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
        else if (b->flags & TF_GLUED || (b->classes != 0 && (w->classes & ~b->classes) == 0))
            rc = has_words(t, b) ? term_in_values(p, &w->nd, d, b) : 0;
        if (rc < 0)
            return rc;
        t->verdict[i] = rc ? V_SOME : V_NONE;
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
    memset(t->verdict, V_NONE, n);
    for (uint32_t i = 0; i < t->nwords; i++)
        t->word[i].hosts = hosts_may(&t->word[i].nd, d);
    mark_static(t, block_texts(d), all);
    return mark_values(p, t, d, all);
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

enum regex_piece { RP_LITERAL, RP_OTHER, RP_OPTIONAL /* makes what stands before it optional */, RP_UNSURE };

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
        return alnum ? RP_OTHER : RP_LITERAL;
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
        return *depth > 0 ? RP_OTHER : RP_UNSURE;
    case '*':
    case '?':
        return RP_OPTIONAL;
    default:
        return c == '\0' || (uint8_t)c >= 0x80 ? RP_UNSURE : strchr(".^$+", c) ? RP_OTHER : RP_LITERAL;
    }
    if (end == 0)
        return RP_UNSURE;
    *i = end;
    return c == '{' ? RP_OPTIONAL : RP_OTHER;
}

/* The longest run of an expression that every match holds as it stands; empty
 * when in doubt. Only what is outside of groups counts. */
static str regex_run(str re, char *room, size_t cap)
{
    size_t n = 0, best = 0, best_n = 0, from = 0;
    unsigned depth = 0;

    if (re.n > cap)
        return STR_NONE;
    for (size_t i = 0; i <= re.n; i++) {
        enum regex_piece p = i < re.n ? regex_next(re, &i, &depth) : RP_OTHER;
        if (p == RP_UNSURE)
            return STR_NONE;
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
    return (str){room + best, best_n};
}

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
        needle_init(&t->word[k].nd, w);
    }
    gram_list_of(&t->grams, run);
}

bool term_make(struct plan_term *t, const struct query_node *n)
{
    const struct pattern *p = &n->pat;

    *t = (struct plan_term){.node = n, .verdict = t->verdict, .cap = t->cap};
    if (n->kind == QN_REGEX)
        take_words(t, regex_run(n->re.text, t->room, sizeof(t->room)));
    for (uint32_t i = 0, k; n->kind != QN_REGEX && i < p->n; i = k + 1) {
        for (k = i; k < p->n && p->kind[k] == PK_LIT;)
            k++;
        take_words(t, (str){(const char *)p->text + i, k - i});
    }
    for (uint32_t i = 1; i < t->nwords; i++)
        if (t->word[i].nd.text.n > t->word[t->longest].nd.text.n)
            t->longest = i;
    return t->nwords > 0;
}

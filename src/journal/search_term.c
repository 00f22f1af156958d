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

static bool stamp_may(str word)
{
    static const char letters[] = "janfebmrpyulgsoctvdz0123456789-.";

    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] == '\0' || strchr(letters, word.p[i]) == NULL)
            return false;
    return true;
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

/* Can another word of the run be in the template's lines? */
static bool has_word(const struct block_template *b, str word)
{
    struct needle nd;

    if (b->flags != 0 || (text_classes(word.p, word.n) & ~b->classes) == 0)
        return true;
    needle_init(&nd, word);
    return needle_find(&nd, b->text, 0) != SIZE_MAX;
}

static bool has_words(const struct block_template *b, str run)
{
    while (run.n > 0) {
        size_t k = 0;
        while (k < run.n && is_word_byte((uint8_t)run.p[k]))
            k++;
        if (k > 0 && !has_word(b, str_sub(run, 0, k)))
            return false;
        run = str_sub(run, k + 1, run.n);
    }
    return true;
}

/* Templates whose static text holds the word. */
static void mark_static(struct plan_term *t, str texts, const struct block_template *all)
{
    bool sure = settles(t->node);
    uint32_t i = 0;

    for (size_t at = 0; (at = needle_find(&t->word, texts, at)) != SIZE_MAX;) {
        while (all[i].text.p + all[i].text.n <= texts.p + at)
            i++;
        size_t end = (size_t)(all[i].text.p - texts.p) + all[i].text.n;
        if (at + t->word.text.n > end) { /* partly in the next one */
            at++;
            continue;
        }
        if (sure && pattern_within(&t->node->pat, all[i].text))
            t->verdict[i] = V_ALL;
        else if (has_words(&all[i], t->run))
            t->verdict[i] = V_SOME;
        at = end;
    }
}

/* The rest: values, hosts, times. */
static int mark_values(struct search_plan *p, struct plan_term *t, struct block_dec *d, struct block_template *all)
{
    uint32_t need = text_classes(t->word.text.p, t->word.text.n);
    bool stamp = stamp_may(t->word.text), hosts = hosts_may(&t->word, d);

    for (uint32_t i = 0; i < t->n; i++) {
        struct block_template *b = &all[i];
        int rc = 0;
        if (t->verdict[i] != V_NONE)
            continue;
        if ((b->flags & TF_HOST && hosts) || (b->flags & TF_STAMP && stamp))
            rc = has_words(b, t->run);
        else if (b->flags & TF_GLUED || (b->classes != 0 && (need & ~b->classes) == 0))
            rc = has_words(b, t->run) ? term_in_values(p, &t->word, d, b) : 0;
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
    mark_static(t, block_texts(d), all);
    return mark_values(p, t, d, all);
}

/* ---- what a term asks for, once a search ---- */

/* The longest run of an expression that every match holds as it stands; empty
 * when in doubt. Only what is outside of groups counts. */
static str regex_run(str re, char *room, size_t cap)
{
    size_t n = 0, best = 0, best_n = 0, from = 0;
    unsigned depth = 0;

    if (re.n > cap)
        return STR_NONE;
    for (size_t i = 0; i <= re.n; i++) {
        char c = i < re.n ? re.p[i] : '\0';
        bool literal = false;
        if (i == re.n || (uint8_t)c >= 0x80 || (c == '|' && depth == 0)) {
            if (i < re.n)
                return STR_NONE;
        } else if (c == '\\') {
            c = i + 1 < re.n ? re.p[++i] : '\0';
            bool alnum = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9');
            if (c == '\0' || (uint8_t)c >= 0x80 || (alnum && strchr("dDwWsSbBtnrhHvV", c) == NULL))
                return STR_NONE;
            literal = !alnum;
        } else if (c == '[') {
            size_t k = i + 1;
            k += k < re.n && re.p[k] == '^';
            for (k += k < re.n && re.p[k] == ']'; k < re.n && re.p[k] != ']'; k++) {
                if (re.p[k] == '\\')
                    k++;
                else if (re.p[k] == '[') /* [:alpha:] and its like */
                    return STR_NONE;
            }
            i = k;
        } else if (c == '(') {
            if (i + 1 < re.n && (re.p[i + 1] == '*' || (re.p[i + 1] == '?' && (i + 2 >= re.n || re.p[i + 2] != ':'))))
                return STR_NONE;
            depth++;
        } else if (c == ')') {
            depth -= depth > 0;
        } else if (c == '*' || c == '?' || c == '{') {
            if (depth == 0 && n > from && re.p[i - 1] != ')' && re.p[i - 1] != ']')
                n--; /* the byte before may be absent */
            while (c == '{' && i < re.n && re.p[i] != '}')
                i++;
        } else {
            literal = strchr(".^$+|", c) == NULL;
        }
        if (literal && depth == 0) {
            room[n++] = (char)byte_lower((uint8_t)c);
            continue;
        }
        if (depth > 0 && n == from)
            continue;
        if (n - from > best_n) {
            best = from;
            best_n = n - from;
        }
        from = n;
    }
    return (str){room + best, best_n};
}

static void ask_grams(struct plan_term *t, const struct pattern *p)
{
    for (uint32_t i = 0; i < p->n;) {
        uint32_t k = i;
        while (k < p->n && p->kind[k] == PK_LIT)
            k++;
        gram_list_of(&t->grams, (str){(const char *)p->text + i, k - i});
        i = k + 1;
    }
}

bool term_make(struct plan_term *t, const struct query_node *n)
{
    *t = (struct plan_term){.node = n, .verdict = t->verdict, .cap = t->cap};
    if (n->kind == QN_REGEX) {
        t->run = regex_run(n->re.text, t->room, sizeof(t->room));
        gram_list_of(&t->grams, t->run);
    } else {
        t->run = n->pat.run.text;
        ask_grams(t, &n->pat);
    }
    str word = longest_word(t->run);
    if (word.n == 0)
        return false;
    needle_init(&t->word, word);
    return true;
}

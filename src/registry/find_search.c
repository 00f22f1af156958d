/* The index is asked: records that hold every word, those whose key or title
 * begins with the question first, and when there is nearly none, records that
 * share most of its characters. What most records have must not cost more than
 * what few have: a kind whose places are taken many times over is only counted
 * on by its numbers, no text of it is looked at any more. */
#include "registry/find-int.h"

enum {
    SPELLINGS = 4,
    LISTS_MAX = 4,
    MANY = 5000,
    NEAR_DOCS_MAX = 3000,
    NEAR_POSTINGS_MAX = 1000000,
    ENOUGH = 3,
    GRAMS_MAX = 64
};

bool hit_better(const struct hit *a, const struct hit *b)
{
    if (a->m != b->m)
        return a->m > b->m;
    if (a->off != b->off)
        return a->off < b->off;
    return a->len != b->len ? a->len < b->len : a->id < b->id;
}

static bool known(const struct best *b, uint32_t doc, const struct hit *h)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i].doc == doc) {
            if (hit_better(h, &b->v[i]))
                b->v[i] = *h;
            return true;
        }
    return false;
}

/* Keeps the best of a kind, in order. */
void find_keep(struct finding *f, uint32_t number, enum match m, unsigned off)
{
    const struct doc *d = &f->x->doc[number];
    struct best *b = &f->best[d->kind];
    struct hit h = {number, d->id, m, off, d->key_len};
    size_t at = b->n;

    if (b->v == NULL && (b->v = arena_array(f->a, struct hit, f->keep + 1)) == NULL)
        return;
    if (known(b, number, &h))
        return;
    b->total++;
    f->total++;
    if (b->n == f->keep && !hit_better(&h, &b->v[b->n - 1]))
        return;
    while (at > 0 && hit_better(&h, &b->v[at - 1])) {
        b->v[at] = b->v[at - 1];
        at--;
    }
    b->v[at] = h;
    if (b->n < f->keep)
        b->n++;
}

static bool wanted(const struct finding *f, uint32_t number)
{
    uint32_t kind = f->x->doc[number].kind;

    return kind != GONE && (f->only == SIZE_MAX || kind == f->only);
}

/* Its places are taken, and by more than anyone will read on through. */
static bool taken(const struct finding *f, uint32_t number)
{
    const struct best *b = &f->best[f->x->doc[number].kind];

    return b->total >= MANY && b->n == f->keep;
}

static bool seen(const struct finding *f, uint32_t number) { return f->seen[number / 64] >> (number % 64) & 1; }
static void see(struct finding *f, uint32_t number) { f->seen[number / 64] |= 1ull << (number % 64); }

static void try_doc(struct finding *f, const struct query *q, uint32_t number)
{
    const struct doc *d = &f->x->doc[number];

    if (!wanted(f, number) || taken(f, number) || seen(f, number))
        return;
    str text = doc_text(f->x, d);
    enum match m = match_doc(q, text, str_sub(text, d->key, d->key_len), str_sub(text, d->title, d->title_len));
    see(f, number);
    if (m != MATCH_NONE)
        find_keep(f, number, m, 0);
}

/* What begins with the question holds each of its words: no more is to be asked. */
static void try_start(struct finding *f, const struct query *q, uint32_t number)
{
    const struct doc *d = &f->x->doc[number];

    if (!wanted(f, number) || seen(f, number))
        return;
    str text = doc_text(f->x, d), key = str_sub(text, d->key, d->key_len),
        title = str_sub(text, d->title, d->title_len);
    if (!str_starts(key, q->q) && !str_starts(title, q->q))
        return;
    see(f, number);
    find_keep(f, number, str_eq(key, q->q) || str_eq(title, q->q) ? MATCH_KEY : MATCH_START, 0);
}

typedef void try_fn(struct finding *f, const struct query *q, uint32_t number);

/* The lists of all runs that begin so: of one or two characters, many lie side by side. */
static void runs_of(str head, uint32_t *from, uint32_t *to)
{
    char lo[3] = {' ', ' ', ' '};
    size_t n = head.n < 3 ? head.n : 3;

    memcpy(lo, head.p, n);
    *from = gram_of(lo);
    *to = *from + (n == 3 ? 1 : n == 2 ? 1u << 6 : 1u << 12);
}

static void each_of(struct finding *f, const struct query *q, const struct postings *lists, str head, try_fn *fn)
{
    uint32_t from, to;

    for (runs_of(head, &from, &to); from < to; from++)
        for (uint32_t i = 0; i < lists[from].n; i++)
            fn(f, q, lists[from].v[i]);
}

static size_t runs_length(const struct postings *lists, str head)
{
    uint32_t from, to;
    size_t n = 0;

    for (runs_of(head, &from, &to); from < to; from++)
        n += lists[from].n;
    return n;
}

/* The lists of all three-letter runs of the words, shortest first. */
static size_t lists_of(const struct find_index *x, const struct query *q, bool padded, const struct postings **out,
                       struct arena *a)
{
    size_t n = 0;

    for (size_t i = 0; i < q->nwords; i++) {
        str w = q->word[i];
        const char *p = w.p;
        if (padded) {
            p = arena_fmt(a, " %.*s ", STR_ARGS(w)).p;
            w.n += 2;
        }
        for (size_t k = 0; p != NULL && k + 3 <= w.n && n < GRAMS_MAX; k++)
            out[n++] = &x->gram[gram_of(p + k)];
    }
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && out[k]->n < out[k - 1]->n; k--) {
            const struct postings *t = out[k];
            out[k] = out[k - 1];
            out[k - 1] = t;
        }
    return n;
}

static bool listed(const struct postings *g, uint32_t doc, uint32_t *from)
{
    uint32_t lo = *from, step = 1;

    while (lo + step < g->n && g->v[lo + step] < doc)
        lo += step, step *= 2;
    uint32_t hi = lo + step < g->n ? lo + step : g->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (g->v[mid] < doc)
            lo = mid + 1;
        else
            hi = mid;
    }
    *from = lo;
    return lo < g->n && g->v[lo] == doc;
}

static void starts(struct finding *f, const struct query *q)
{
    const struct postings *g = &f->x->start_long[long_head_of(q->q)];

    if (q->q.n < LONG_HEAD)
        each_of(f, q, f->x->start, q->q, try_start);
    for (uint32_t i = 0; q->q.n >= LONG_HEAD && i < g->n; i++)
        try_start(f, q, g->v[i]);
}

/* Records that have every run of the words; of words of one or two letters,
 * those that have the rarest. */
static void exact(struct finding *f, const struct query *q)
{
    const struct postings *list[GRAMS_MAX];
    uint32_t from[GRAMS_MAX] = {0};
    size_t n = lists_of(f->x, q, false, list, f->a), rare = 0;

    memset(f->seen, 0, (f->x->ndocs + 63) / 64 * sizeof(*f->seen));
    starts(f, q);
    for (size_t i = 1; n == 0 && i < q->nwords; i++)
        if (runs_length(f->x->gram, q->word[i]) < runs_length(f->x->gram, q->word[rare]))
            rare = i;
    if (n == 0)
        each_of(f, q, f->x->gram, q->word[rare], try_doc);
    for (uint32_t i = 0; n > 0 && i < list[0]->n; i++) {
        uint32_t doc = list[0]->v[i];
        size_t k = 1;
        if (!wanted(f, doc) || taken(f, doc))
            continue;
        while (k < n && k < LISTS_MAX && listed(list[k], doc, &from[k]))
            k++;
        if (k == n || k == LISTS_MAX) /* the text itself says the rest */
            try_doc(f, q, doc);
    }
}

/* Records that share most runs, the nearest first, down to as many as may be looked at. */
static void near(struct finding *f, const struct query *q)
{
    const struct postings *list[GRAMS_MAX];
    size_t n = lists_of(f->x, q, true, list, f->a), used = 0, sum = 0, at[GRAMS_MAX + 1] = {0}, seen = 0;
    uint8_t *count = calloc(f->x->ndocs + 1, 1);
    unsigned off;

    for (; count != NULL && used < n && sum + list[used]->n <= NEAR_POSTINGS_MAX; used++) {
        sum += list[used]->n;
        for (uint32_t i = 0; i < list[used]->n; i++)
            count[list[used]->v[i]]++;
    }
    for (size_t i = 0; count != NULL && i < f->x->ndocs; i++)
        at[count[i]]++;
    size_t least = used;
    while (least > 1 && seen + at[least] <= NEAR_DOCS_MAX)
        seen += at[least--];
    if (least < 1)
        least = 1;
    size_t left = NEAR_DOCS_MAX;
    for (size_t i = 0; count != NULL && i < f->x->ndocs && left > 0; i++) {
        const struct doc *d = &f->x->doc[i];
        if (count[i] <= (least > 1 ? least : 0) || d->kind == GONE || (f->only != SIZE_MAX && d->kind != f->only))
            continue;
        left--;
        if (near_doc(q, doc_text(f->x, d), &off) && off > 0)
            find_keep(f, (uint32_t)i, MATCH_NEAR, off);
    }
    free(count);
}

static bool is_number(str q)
{
    size_t digits = 0;

    for (size_t i = 0; i < q.n; i++)
        digits += q.p[i] >= '0' && q.p[i] <= '9';
    return digits * 2 >= q.n;
}

void find_search(struct finding *f, str q)
{
    struct query spell[SPELLINGS];
    size_t n = find_spellings(f->a, q, spell, SPELLINGS);

    f->seen = arena_calloc(f->a, (f->x->ndocs + 63) / 64 + 1, sizeof(*f->seen));
    if (f->seen == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        exact(f, &spell[i]);
    /* A code with a wrong digit is near to many others: only when there is nothing else. */
    if (n > 0 && spell[0].fuzzy && f->total < (is_number(spell[0].q) ? 1 : ENOUGH))
        near(f, &spell[0]);
}

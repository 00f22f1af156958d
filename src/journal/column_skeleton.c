/* Values such as 2026-03-04T10:11, 12.75 or attempt_17_m_0: few skeletons,
 * and in them runs of digits, which are columns of their own. */
#include "journal/column.h"

enum { SAMPLE = 64, MAP = 64 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The value with each run of digits as one hole; false: too long, or no digits. */
static bool skeleton_of(struct cell v, struct skeleton *s)
{
    s->len = s->holes = 0;
    if (v.n > SKELETON_LEN_MAX)
        return false;
    for (uint32_t i = 0; i < v.n; i++) {
        if (!is_digit(v.p[i])) {
            if (v.p[i] == HOLE_VALUE)
                return false;
            s->text[s->len++] = v.p[i];
            continue;
        }
        uint32_t from = i;
        while (i + 1 < v.n && is_digit(v.p[i + 1]))
            i++;
        if (i - from >= INT_DIGITS_MAX || s->holes == SKELETON_HOLES_MAX)
            return false;
        s->text[s->len++] = HOLE_VALUE;
        s->holes++;
    }
    return s->holes > 0;
}

struct skeletons {
    struct skeleton v[SKELETONS_MAX];
    uint32_t n, last;
};

static int find(struct skeletons *set, const struct skeleton *s)
{
    for (uint32_t k = 0; k < set->n; k++) {
        uint32_t i = (set->last + k) % set->n;
        if (set->v[i].len == s->len && bytes_same(set->v[i].text, s->text, s->len)) {
            set->last = i;
            return (int)i;
        }
    }
    return -1;
}

static bool is_address(struct cell v)
{
    uint64_t number;
    enum dict_class c = dict_class_of(v.p, v.n, &number);
    return c == DC_IP4 || c == DC_HEX || c == DC_HEX_UP || c == DC_UUID;
}

/* Worth it: the sample's values are mostly different, and nearly all have one
 * of few skeletons. */
static bool sample(const struct cell *v, uint32_t n, struct skeletons *set)
{
    uint32_t step = n / SAMPLE ? n / SAMPLE : 1, seen = 0, other = 0, repeated = 0, addresses = 0;
    uint64_t map[MAP * 4] = {0};

    set->n = set->last = 0;
    for (uint32_t i = 0; i < n && seen < SAMPLE; i += step, seen++) {
        uint64_t h = hash_bytes(v[i].p, v[i].n, 1) | 1;
        uint32_t k = (uint32_t)(h >> 32) % (MAP * 4);
        while (map[k] && map[k] != h)
            k = (k + 1) % (MAP * 4);
        repeated += map[k] == h;
        map[k] = h;
        addresses += is_address(v[i]);
        struct skeleton s;
        if (!skeleton_of(v[i], &s)) {
            other++;
            continue;
        }
        int at = find(set, &s);
        if (at < 0) {
            if (set->n == SKELETONS_MAX) {
                other++;
                continue;
            }
            at = (int)set->n++;
            set->v[at] = s;
            set->v[at].rows = 0;
        }
        set->v[at].rows++;
    }
    if (repeated * 5 > seen * 2 || addresses * 5 > seen)
        return false;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->n; i++) {
        if (set->v[i].rows * 50 < seen || (set->v[i].rows < 2 && seen >= 32)) {
            other += set->v[i].rows;
            continue;
        }
        set->v[kept++] = set->v[i];
    }
    set->n = kept;
    return kept > 0 && kept <= 4 + seen / 16 && other * 4 <= seen;
}

/* Is it the skeleton of the value? */
static bool fits(struct cell v, const struct skeleton *s)
{
    uint32_t i = 0;

    for (uint32_t k = 0; k < s->len; k++) {
        uint32_t from = i;
        if (s->text[k] != HOLE_VALUE) {
            if (i == v.n || v.p[i++] != s->text[k])
                return false;
            continue;
        }
        while (i < v.n && is_digit(v.p[i]))
            i++;
        if (i == from || i - from > INT_DIGITS_MAX)
            return false;
    }
    return i == v.n && v.n <= SKELETON_LEN_MAX;
}

/* Its number in the set; the number behind them: it has none of these. */
static uint8_t class_of(struct cell v, struct skeletons *set)
{
    struct skeleton s;

    if (fits(v, &set->v[set->last]))
        return (uint8_t)set->last;
    int at = skeleton_of(v, &s) ? find(set, &s) : -1;
    return (uint8_t)(at < 0 ? (int)set->n : at);
}

/* Its words, each run of digits as one. */
static void note_words(struct column_writer *w, const struct skeleton *s)
{
    char text[SKELETON_LEN_MAX];

    for (uint32_t i = 0; i < s->len; i++)
        text[i] = s->text[i] == HOLE_VALUE ? '0' : s->text[i];
    w->classes |= text_classes(text, s->len);
    grams_add(w->grams, text, s->len);
}

static bool room_for(struct column_scratch *r, uint32_t n)
{
    if (n <= r->cap)
        return true;
    column_scratch_done(r);
    n += n / 4;
    r->part = malloc(n * sizeof(*r->part));
    r->from = malloc(n * sizeof(*r->from));
    r->order = malloc(n * sizeof(*r->order));
    r->class = malloc(n);
    r->at = malloc(n);
    r->cap = r->part && r->from && r->order && r->class && r->at ? n : 0;
    return r->cap > 0;
}

void column_scratch_done(struct column_scratch *r)
{
    free(r->part);
    free(r->from);
    free(r->order);
    free(r->class);
    free(r->at);
    *r = (struct column_scratch){0};
}

/* Rows by their skeletons, in order within each. rows[]: how many each has. */
static void sort_rows(struct column_scratch *r, struct skeletons *set, const struct cell *v, uint32_t n, uint32_t *rows)
{
    uint32_t at[SKELETONS_MAX + 1], sum = 0;

    for (uint32_t i = 0; i < n; i++)
        rows[r->class[i] = class_of(v[i], set)]++;
    for (uint32_t s = 0; s <= set->n; s++) {
        at[s] = sum;
        sum += rows[s];
    }
    for (uint32_t i = 0; i < n; i++)
        r->order[at[r->class[i]]++] = i;
}

/* The columns of one skeleton, one for each hole; the k-th hole begins in all
 * values as many bytes behind the one before as the skeleton has between them. */
static void add_holes(struct column_writer *w, struct column_scratch *r, const struct skeleton *s, const struct cell *v,
                      const uint32_t *order, const uint32_t *origin, unsigned depth)
{
    uint32_t gap = 0;

    memset(r->at, 0, s->rows);
    for (uint32_t i = 0; origin && i < s->rows; i++)
        r->from[i] = origin[order[i]];
    for (uint32_t k = 0; k < s->len && !w->failed; k++) {
        if (s->text[k] != HOLE_VALUE) {
            gap++;
            continue;
        }
        for (uint32_t i = 0; i < s->rows; i++) {
            struct cell c = v[order[i]];
            uint32_t from = r->at[i] + gap, to = from + 1;
            while (to < c.n && is_digit(c.p[to]))
                to++;
            r->part[i] = (struct cell){c.p + from, to - from};
            r->at[i] = (uint8_t)to;
        }
        gap = 0;
        column_add(w, r->part, s->rows, origin ? r->from : NULL, depth + 1);
    }
}

static void add_others(struct column_writer *w, struct column_scratch *r, const struct cell *v, const uint32_t *order,
                       uint32_t n, const uint32_t *origin)
{
    for (uint32_t i = 0; i < n; i++) {
        r->part[i] = v[order[i]];
        r->from[i] = origin ? origin[order[i]] : 0;
    }
    if (n > 0)
        column_add(w, r->part, n, origin ? r->from : NULL, COLUMN_DEPTH_MAX);
}

bool column_add_skeleton(struct column_writer *w, const struct cell *v, uint32_t n, const uint32_t *origin,
                         unsigned depth)
{
    struct skeletons set;
    struct column_scratch *r = &w->scratch[depth]; /* of this depth alone: the parts are added while it is in use */
    uint32_t rows[SKELETONS_MAX + 1] = {0}, done = 0;

    if (!sample(v, n, &set))
        return false;
    struct column_plan *p = column_plan_new(w, CT_SKELETON, n);
    struct skeleton *keep = column_mem(w, set.n * sizeof(*keep));
    if (keep == NULL || !room_for(r, n)) {
        w->failed = true;
        return true;
    }
    set.last = 0;
    sort_rows(r, &set, v, n, rows);
    page_put(w->pages, PG_SYMBOL, r->class, n);
    memcpy(keep, set.v, set.n * sizeof(*keep));
    p->skel = keep;
    p->k = set.n;
    p->other = rows[set.n];
    for (uint32_t s = 0; s < set.n; s++) {
        keep[s].rows = rows[s];
        note_words(w, &keep[s]);
        if (rows[s] > 0)
            add_holes(w, r, &keep[s], v, r->order + done, origin, depth);
        done += rows[s];
    }
    add_others(w, r, v, r->order + done, rows[set.n], origin);
    return true;
}

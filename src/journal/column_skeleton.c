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
        if (set->v[i].len == s->len && memcmp(set->v[i].text, s->text, s->len) == 0) {
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

static void run_of(struct cell v, unsigned hole, struct cell *out)
{
    for (uint32_t i = 0; i < v.n; i++) {
        if (!is_digit(v.p[i]))
            continue;
        uint32_t from = i;
        while (i + 1 < v.n && is_digit(v.p[i + 1]))
            i++;
        if (hole-- == 0) {
            *out = (struct cell){v.p + from, i + 1 - from};
            return;
        }
    }
    *out = (struct cell){v.p, 0};
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

bool column_add_skeleton(struct column_writer *w, const struct cell *v, uint32_t n, const uint32_t *origin,
                         unsigned depth)
{
    struct skeletons set;

    if (!sample(v, n, &set))
        return false;
    uint8_t *cls = malloc(n);
    struct cell *part = malloc(n * sizeof(*part));
    uint32_t *from = malloc(n * sizeof(*from)), rows[SKELETONS_MAX + 1] = {0};
    struct column_plan *p = column_plan_new(w, CT_SKELETON, n);
    struct skeleton *keep = column_mem(w, set.n * sizeof(*keep));
    if (cls == NULL || part == NULL || from == NULL || keep == NULL)
        w->failed = true;
    for (uint32_t i = 0; i < n && !w->failed; i++) {
        struct skeleton s;
        int at = skeleton_of(v[i], &s) ? find(&set, &s) : -1;
        cls[i] = (uint8_t)(at < 0 ? (int)set.n : at);
        rows[cls[i]]++;
    }
    if (!w->failed) {
        page_put(w->pages, PG_SYMBOL, cls, n);
        memcpy(keep, set.v, set.n * sizeof(*keep));
        p->skel = keep;
        p->k = set.n;
        p->other = rows[set.n];
    }
    for (uint32_t s = 0; s <= set.n && !w->failed; s++) {
        if (s < set.n) {
            keep[s].rows = rows[s];
            note_words(w, &keep[s]);
        }
        for (unsigned hole = 0; rows[s] > 0 && hole < (s < set.n ? set.v[s].holes : 1u); hole++) {
            uint32_t k = 0;
            for (uint32_t i = 0; i < n; i++)
                if (cls[i] == s) {
                    from[k] = origin ? origin[i] : 0;
                    if (s < set.n)
                        run_of(v[i], hole, &part[k++]);
                    else
                        part[k++] = v[i];
                }
            column_add(w, part, k, origin ? from : NULL, s < set.n ? depth + 1 : COLUMN_DEPTH_MAX);
        }
    }
    free(cls);
    free(part);
    free(from);
    return true;
}

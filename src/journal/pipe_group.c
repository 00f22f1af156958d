/* count, histogram, sum and its like: groups by the values of up to four fields. */
#include "base/rand.h"
#include "journal/pipe-int.h"
#include <errno.h>

enum { VALUES_FIRST = 16, SAMPLE_LEAST = 64 };

struct group {
    struct source_value by[QUERY_BY_MAX + 1];
    uint64_t count; /* values that went in */
    fixed9 sum;
    struct source_value best; /* MIN, MAX */
    char *best_text;
    size_t best_cap;
    fixed9 *values; /* P50, P99 */
    size_t nvalues, cap;
    uint64_t order; /* of arrival */
};
struct groups {
    struct map index;
    struct group *g;
    size_t n, cap;
    struct arena texts;
    size_t values; /* of all groups */
    uint64_t random;
};

static struct groups *groups_new(void)
{
    struct groups *g = calloc(1, sizeof(*g));

    if (g == NULL)
        return NULL;
    map_init(&g->index, PIPE_GROUPS_MAX);
    g->texts = arena_init(PIPE_BYTES_MAX);
    rand_bytes(&g->random, sizeof(g->random));
    g->random |= 1;
    return g;
}

void groups_free(struct groups *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->n; i++) {
        free(g->g[i].values);
        free(g->g[i].best_text);
    }
    map_done(&g->index);
    arena_free(&g->texts);
    free(g->g);
    free(g);
}

static bool value_keep(struct groups *g, const struct source_value *v, struct source_value *out)
{
    *out = *v;
    if (v->text.n == 0)
        return true;
    out->text = arena_str(&g->texts, v->text);
    return out->text.p != NULL;
}

/* The group of a row, made when absent; NULL at a ceiling, or with p->rc set. */
static struct group *group_find(struct pipe *p, struct groups *g, const struct source_value *v, size_t n)
{
    static const size_t in_order[] = {0, 1, 2, 3, 4};
    bool fresh = false;
    str key = pipe_key(p, v, in_order, n);
    struct map_slot *slot = g->texts.failed ? map_get(&g->index, key) : map_put(&g->index, key, &fresh);

    if (slot == NULL)
        return NULL;
    if (!fresh)
        return &g->g[slot->v.num];
    if (g->n == g->cap) {
        size_t cap = g->cap > 0 ? 2 * g->cap : 64;
        struct group *more = realloc(g->g, cap * sizeof(*more));
        if (more == NULL) {
            map_del(&g->index, key);
            p->rc = -ENOMEM;
            return NULL;
        }
        g->g = more;
        g->cap = cap;
    }
    struct group *made = &g->g[g->n];
    *made = (struct group){.order = g->n};
    for (size_t i = 0; i < n; i++)
        if (!value_keep(g, &v[i], &made->by[i])) {
            map_del(&g->index, key);
            return NULL;
        }
    slot->v.num = (int64_t)g->n++;
    return made;
}

static bool number_of(const struct source_value *v, fixed9 *out)
{
    char scratch[VALUE_SCRATCH];
    struct decimal d;

    if (v->type == VT_INT || v->type == VT_TIME || v->type == VT_DURATION) {
        *out = (fixed9)v->num * FIXED9_ONE;
        return true;
    }
    return source_value_decimal(v, scratch, &d) && decimal_fixed(&d, out);
}

static bool best_take(struct group *gr, const struct source_value *v, bool largest)
{
    if (gr->count > 0) {
        int c = source_value_cmp(v, &gr->best);
        if (largest ? c <= 0 : c >= 0)
            return true;
    }
    if (v->text.n > gr->best_cap) {
        char *t = realloc(gr->best_text, v->text.n * 2);
        if (t == NULL)
            return false;
        gr->best_text = t;
        gr->best_cap = v->text.n * 2;
    }
    gr->best = *v;
    if (v->text.n > 0) {
        memcpy(gr->best_text, v->text.p, v->text.n);
        gr->best.text.p = gr->best_text;
    }
    return true;
}

static uint64_t random_below(struct groups *g, uint64_t n)
{
    g->random ^= g->random << 13;
    g->random ^= g->random >> 7;
    g->random ^= g->random << 17;
    return g->random % n;
}

/* All values while there is room, then each with the same chance (reservoir). */
static bool values_take(struct pipe *p, struct groups *g, struct group *gr, fixed9 v)
{
    if (g->values < PIPE_VALUES_MAX || gr->nvalues < SAMPLE_LEAST) {
        if (gr->nvalues == gr->cap) {
            size_t cap = gr->cap > 0 ? 2 * gr->cap : VALUES_FIRST;
            fixed9 *more = realloc(gr->values, cap * sizeof(*more));
            if (more == NULL)
                return false;
            gr->values = more;
            gr->cap = cap;
        }
        gr->values[gr->nvalues++] = v;
        g->values++;
        return true;
    }
    p->st->sampled = true;
    uint64_t at = random_below(g, gr->count + 1);
    if (at < gr->nvalues)
        gr->values[at] = v;
    return true;
}

static enum step_fold fold_of(const struct query_step *s) { return s->kind == SK_COUNT ? SF_COUNT : s->fold; }

static void group_take(struct pipe *p, struct stage *s, struct group *gr, const struct source_value *v)
{
    enum step_fold f = fold_of(s->s);
    fixed9 num = 0;
    bool good = true;

    if (f == SF_COUNT) {
        gr->count++;
        return;
    }
    if (v->type == VT_NONE)
        return;
    if (f == SF_MIN || f == SF_MAX) {
        good = best_take(gr, v, f == SF_MAX);
    } else {
        if (!number_of(v, &num) || __builtin_add_overflow(gr->sum, num, &gr->sum)) {
            p->st->skipped++;
            return;
        }
        if (f == SF_P50 || f == SF_P99)
            good = values_take(p, s->g, gr, num);
    }
    gr->count++;
    if (!good)
        p->rc = -ENOMEM;
}

bool groups_add(struct pipe *p, struct stage *s, const struct source_value *v)
{
    struct source_value by[QUERY_BY_MAX + 1];
    size_t n = 0;

    if (s->g == NULL && (s->g = groups_new()) == NULL) {
        p->rc = -ENOMEM;
        return false;
    }
    if (s->s->kind == SK_HISTOGRAM) {
        by[n] = v[s->at];
        if (by[n].type == VT_TIME)
            by[n].num = query_bucket(by[n].num, s->s->step_ns);
        n++;
    }
    for (size_t i = 0; i < s->s->nby; i++)
        by[n++] = v[s->by[i]];
    struct group *gr = group_find(p, s->g, by, n);
    if (gr != NULL)
        group_take(p, s, gr, &v[s->of]);
    else
        p->st->other++;
    return p->rc == 0;
}

/* The least, largest or middle value of a group that the source has added up. */
static bool best_put(struct pipe *p, struct stage *s, struct group *gr, const struct source_value *best)
{
    enum step_fold f = fold_of(s->s);
    fixed9 num;

    if (f == SF_MIN || f == SF_MAX)
        return best_take(gr, best, f == SF_MAX);
    p->st->sampled |= gr->nvalues > 0; /* a second of the same: no source does so */
    return !number_of(best, &num) || values_take(p, s->g, gr, num);
}

bool groups_put(struct pipe *p, struct stage *s, const struct source_group *g)
{
    fixed9 sum = 0;

    if (s->g == NULL && (s->g = groups_new()) == NULL) {
        p->rc = -ENOMEM;
        return false;
    }
    struct group *gr = group_find(p, s->g, g->by, s->s->nby + (s->s->kind == SK_HISTOGRAM));
    if (gr == NULL)
        return p->rc == 0;
    p->folded += g->count;
    bool good = g->best == NULL || best_put(p, s, gr, g->best);
    gr->count += g->count;
    if (!good)
        p->rc = -ENOMEM;
    if (fold_of(s->s) == SF_COUNT || g->best != NULL)
        return good;
    if (__builtin_mul_overflow(g->sum, FIXED9_ONE, &sum) || __builtin_add_overflow(gr->sum, sum, &gr->sum))
        p->st->skipped += g->count;
    return true;
}

/* ---- the end ---- */

static int by_number(const void *a, const void *b)
{
    fixed9 x = *(const fixed9 *)a, y = *(const fixed9 *)b;
    return (x > y) - (x < y);
}

static fixed9 rounded(fixed9 sum, uint64_t n)
{
    fixed9 q = sum / (fixed9)n, rest = sum % (fixed9)n;
    if ((rest < 0 ? -rest : rest) * 2 >= (fixed9)n)
        q += sum < 0 ? -1 : 1;
    return q;
}

static fixed9 rank(struct group *gr, unsigned percent)
{
    size_t at = (gr->nvalues * percent + 99) / 100;

    qsort(gr->values, gr->nvalues, sizeof(fixed9), by_number);
    return gr->values[at > 0 ? at - 1 : 0];
}

static struct source_value number_value(const struct stage *s, fixed9 v, struct buf *text)
{
    if (s->of_type == VT_TIME || s->of_type == VT_DURATION)
        return (struct source_value){.type = s->of_type, .num = (int64_t)(v / FIXED9_ONE)};
    buf_clear(text);
    fixed9_print(v, text);
    return (struct source_value){.type = VT_DECIMAL, .text = buf_view(text)};
}

static struct source_value result(const struct stage *s, struct group *gr, struct buf *text)
{
    switch (fold_of(s->s)) {
    case SF_COUNT:
        return (struct source_value){.type = VT_INT, .num = (int64_t)gr->count};
    case SF_MIN:
    case SF_MAX:
        return gr->best;
    case SF_SUM:
        return number_value(s, gr->sum, text);
    default:
        break;
    }
    if (gr->count == 0)
        return (struct source_value){0};
    return number_value(s,
                        fold_of(s->s) == SF_AVG   ? rounded(gr->sum, gr->count)
                        : fold_of(s->s) == SF_P50 ? rank(gr, 50)
                                                  : rank(gr, 99),
                        text);
}

struct ranked {
    struct source_value v[QUERY_BY_MAX + 2];
    size_t n;
    bool by_time;
};

/* Histograms by time, the rest by what was counted, largest first; then by key. */
static int by_result(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int c = 0;

    if (!x->by_time) {
        const struct source_value *p = &x->v[x->n - 1], *q = &y->v[y->n - 1];
        if ((p->type == VT_NONE) != (q->type == VT_NONE))
            return p->type == VT_NONE ? 1 : -1;
        c = -source_value_cmp(p, q);
    }
    for (size_t i = 0; i + 1 < x->n && c == 0; i++)
        c = source_value_cmp(&x->v[i], &y->v[i]);
    return c;
}

static bool rank_all(struct stage *s, struct ranked *r, struct arena *a, size_t nby)
{
    struct buf text;
    bool good = true;

    buf_init(&text, 128);
    for (size_t i = 0; i < s->g->n; i++) {
        struct source_value v = result(s, &s->g->g[i], &text);
        if (v.type == VT_DECIMAL && v.text.p == text.p) {
            v.text = arena_str(a, v.text);
            good = good && v.text.p != NULL;
        }
        memcpy(r[i].v, s->g->g[i].by, nby * sizeof(v));
        r[i].v[nby] = v;
        r[i].n = nby + 1;
        r[i].by_time = s->s->kind == SK_HISTOGRAM;
    }
    buf_done(&text);
    return good;
}

/* Nothing came: a count without groups is still a count, of none. */
static bool end_empty(struct pipe *p, size_t k)
{
    const struct query_step *s = p->stage[k].s;

    if (s->nby > 0 || s->kind == SK_HISTOGRAM)
        return true;
    struct source_value none = {.type = s->kind == SK_COUNT ? VT_INT : VT_NONE};
    return pipe_push(p, k + 1, &none, 1);
}

bool groups_end(struct pipe *p, size_t k)
{
    struct stage *s = &p->stage[k];
    size_t nby = s->s->nby + (s->s->kind == SK_HISTOGRAM);
    struct arena a = arena_init(PIPE_BYTES_MAX);
    struct ranked *r;
    bool go = true;

    if (s->g == NULL || s->g->n == 0)
        return end_empty(p, k);
    r = calloc(s->g->n, sizeof(*r));
    if (r == NULL || !rank_all(s, r, &a, nby)) {
        p->rc = -ENOMEM;
        go = false;
    } else {
        qsort(r, s->g->n, sizeof(*r), by_result);
    }
    for (size_t i = 0; go && i < s->g->n && (s->keep == 0 || i < s->keep); i++)
        go = pipe_push(p, k + 1, r[i].v, r[i].n);
    free(r);
    arena_free(&a);
    return go;
}

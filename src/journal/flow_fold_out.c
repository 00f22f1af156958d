/* Groups of flows handed over as values: all, or the largest. */
#include "journal/flow_fold-int.h"
#include "journal/flow_guest.h"
#include <errno.h>

/* What a group is ranked by; averages with the nine places that they are shown with. */
static __int128 rank_of(const struct fold *f, const struct flow_group *g)
{
    if (f->fold == SF_COUNT)
        return (__int128)g->count;
    if (f->fold != SF_AVG)
        return g->sum;
    __int128 sum = g->sum * 1000000000, n = (__int128)g->count;
    return sum / n + (sum % n * 2 >= n);
}

static void sift_down(__int128 *heap, size_t n, size_t at)
{
    for (size_t kid; (kid = 2 * at + 1) < n; at = kid) {
        kid += kid + 1 < n && heap[kid + 1] < heap[kid];
        if (heap[at] <= heap[kid])
            return;
        __int128 t = heap[at];
        heap[at] = heap[kid];
        heap[kid] = t;
    }
}

/* The rank of the want-th largest: a heap of the largest so far, its least on top. */
static bool least_wanted(const struct fold *f, size_t want, __int128 *out)
{
    __int128 *heap = malloc(want * sizeof(*heap));

    if (heap == NULL)
        return false;
    for (size_t i = 0; i < want; i++)
        heap[i] = rank_of(f, flow_groups_get(&f->groups, i));
    for (size_t i = want; i-- > 0;)
        sift_down(heap, want, i);
    for (size_t i = want; i < f->groups.n; i++) {
        __int128 r = rank_of(f, flow_groups_get(&f->groups, i));
        if (r <= heap[0])
            continue;
        heap[0] = r;
        sift_down(heap, want, 0);
    }
    *out = heap[0];
    free(heap);
    return true;
}

/* Those above the half-th largest stay, and of those equal to it as many as have room. */
bool flow_fold_make_room(struct fold *f)
{
    size_t n = f->groups.n, half = n / 2, room = half;
    uint8_t *keep = calloc(n, 1);
    __int128 least;

    if (keep == NULL || !least_wanted(f, half, &least)) {
        free(keep);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        keep[i] = rank_of(f, flow_groups_get(&f->groups, i)) > least;
        room -= keep[i];
    }
    for (size_t i = 0; i < n; i++) {
        const struct flow_group *g = flow_groups_get(&f->groups, i);
        if (!keep[i] && room > 0 && rank_of(f, g) == least) {
            keep[i] = 1;
            room--;
        }
        if (!keep[i])
            f->st->ungrouped += g->count;
    }
    flow_groups_keep(&f->groups, keep);
    free(keep);
    __int128 lack = (__int128)f->st->short_by + least;
    f->st->short_by = lack > UINT64_MAX ? UINT64_MAX : (uint64_t)lack;
    return true;
}

static void value_of(const struct fold *f, const struct flow_query_field *field, uint64_t key,
                     char scratch[VALUE_SCRATCH], struct source_value *out)
{
    struct ip ip = {0};

    *out = (struct source_value){0};
    if (field->kind == FF_AT) {
        *out = (struct source_value){.type = VT_TIME, .num = (int64_t)key};
        return;
    }
    if (flow_field_is_net(field)) {
        flow_value_net(f->q->source->more, field, (uint32_t)key, out);
        return;
    }
    if (field->kind == FF_RELAY) {
        out->text = flow_guest_relay(f->q->source->ctx, (uint32_t)key);
        out->type = out->text.n > 0 ? VT_TEXT : VT_NONE;
        return;
    }
    if (field->kind != FF_EXPORTER && (field->kind != FF_COLUMNS || flow_columns[field->col].kind != FK_ADDRESS)) {
        flow_value_out(field, key, scratch, out);
        return;
    }
    if (key >= V6_KEY) {
        ip.family = 6;
        memcpy(ip.b, f->v6.ip[key - V6_KEY], 16);
    } else if (key >= V4_KEY) {
        uint32_t a = (uint32_t)(key - V4_KEY);
        ip = (struct ip){4, {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a}};
    }
    flow_value_ip(ip, out);
}

struct shown {
    struct source_value by[QUERY_BY_MAX + 1];
    char scratch[QUERY_BY_MAX + 1][VALUE_SCRATCH];
};

static bool hand_over(struct fold *f, const struct flow_group *g, struct source_group *out, source_group_fn *fn,
                      void *ctx)
{
    struct shown s;

    for (size_t k = 0; k < f->nshown; k++)
        value_of(f, f->by[k].f, g->key[k], s.scratch[k], &s.by[k]);
    out->by = s.by;
    return fn(ctx, out);
}

static int by_keys(const void *a, const void *b, void *nkeys)
{
    const struct flow_group *const *x = a, *const *y = b;

    for (size_t k = 0; k < *(const size_t *)nkeys; k++)
        if ((*x)->key[k] != (*y)->key[k])
            return (*x)->key[k] < (*y)->key[k] ? -1 : 1;
    return 0;
}

/* How many from `at` on are of one group, and how many rows these have. */
static size_t same_group(const struct fold *f, const struct flow_group *const *list, size_t n, uint64_t *rows)
{
    size_t i = 0;

    for (*rows = 0; i < n && memcmp(list[i]->key, list[0]->key, f->nshown * sizeof(uint64_t)) == 0; i++)
        *rows += list[i]->count;
    return i;
}

/* p50 and p99 by the nearest rank: each value of a group with its count is one of f->groups. */
static int give_ranks(struct fold *f, uint64_t want, source_group_fn *fn, void *ctx)
{
    size_t n = f->groups.n, groups = 0;
    const struct flow_group **list = malloc((n > 0 ? n : 1) * sizeof(*list));
    uint64_t rows;
    bool go = true;

    if (list == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        list[i] = flow_groups_get(&f->groups, i);
    qsort_r(list, n, sizeof(*list), by_keys, &f->nby);
    for (size_t i = 0; i < n; groups++)
        i += same_group(f, list + i, n - i, &rows);
    for (size_t i = 0, k; groups <= want && go && i < n; i += k) {
        k = same_group(f, list + i, n - i, &rows);
        uint64_t nth = (rows * (f->fold == SF_P50 ? 50 : 99) + 99) / 100, seen = list[i]->count;
        size_t at = i;
        while (seen < nth)
            seen += list[++at]->count;
        struct source_value best = {.type = VT_INT, .num = (int64_t)list[at]->key[f->nshown]};
        go = hand_over(f, list[i], &(struct source_group){.count = rows, .best = &best}, fn, ctx);
    }
    free(list);
    return groups > want ? 1 : 0;
}

int flow_fold_give(struct fold *f, uint64_t want, source_group_fn *fn, void *ctx)
{
    __int128 least = -1;

    if (f->fold == SF_P50 || f->fold == SF_P99)
        return f->st->ungrouped > 0 ? 1 : give_ranks(f, want, fn, ctx);
    if (want > 0 && want < f->groups.n && !least_wanted(f, (size_t)want, &least))
        return -ENOMEM;
    for (size_t i = 0; i < f->groups.n; i++) {
        const struct flow_group *g = flow_groups_get(&f->groups, i);
        if (rank_of(f, g) < least)
            continue;
        struct source_group out = {.count = g->count, .sum = g->sum};
        struct source_value best = {.type = VT_INT, .num = (int64_t)g->sum};
        if (f->fold == SF_MIN || f->fold == SF_MAX) {
            best.type = flow_query_fields[f->step->of.field].kind == FF_AT ? VT_TIME : VT_INT;
            out.best = &best;
        }
        if (!hand_over(f, g, &out, fn, ctx))
            break;
    }
    return 0;
}

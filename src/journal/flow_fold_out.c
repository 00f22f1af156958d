/* Groups of flows handed over as values: all, or the largest. */
#include "journal/flow_fold-int.h"

/* What a group is ranked by; averages with the nine places that they are shown with. */
static __int128 rank_of(const struct fold *f, const struct flow_group *g)
{
    if (!f->sums)
        return (__int128)g->count;
    if (f->step->kind != SK_AGGREGATE || f->step->fold != SF_AVG)
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

static void value_of(const struct fold *f, const struct flow_query_field *field, uint64_t key,
                     char scratch[VALUE_SCRATCH], struct source_value *out)
{
    struct ip ip = {0};

    *out = (struct source_value){0};
    if (flow_field_is_net(field)) {
        flow_value_net(f->q->source->more, field, (uint32_t)key, out);
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

bool flow_fold_give(struct fold *f, uint64_t want, source_group_fn *fn, void *ctx)
{
    struct source_value by[QUERY_BY_MAX];
    char scratch[QUERY_BY_MAX][VALUE_SCRATCH];
    __int128 least = -1;

    if (want > 0 && want < f->groups.n && !least_wanted(f, (size_t)want, &least))
        return false;
    for (size_t i = 0; i < f->groups.n; i++) {
        const struct flow_group *g = flow_groups_get(&f->groups, i);
        if (rank_of(f, g) < least)
            continue;
        for (size_t k = 0; k < f->nby; k++)
            value_of(f, f->by[k].f, g->key[k], scratch[k], &by[k]);
        if (!fn(ctx, &(struct source_group){by, g->count, g->sum}))
            return true;
    }
    return true;
}

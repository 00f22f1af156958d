/* See flow_rows.h. Columns are made when a batch first has them: most exporters
 * send a third of them. Memory is kept from block to block: fresh pages cost more
 * than what is written into them. */
#include "journal/flow_rows.h"
#include "base/clock.h"

enum { DAY_S = 86400 };

int64_t flow_time(int64_t end, int64_t received)
{
    int64_t off;

    if (end == 0 || __builtin_sub_overflow(end, received, &off) || off > DAY_S * NS_PER_S || off < -DAY_S * NS_PER_S)
        return received;
    return end;
}

struct flow_rows *flow_rows_new(uint32_t cap, uint64_t first_seq)
{
    struct flow_rows *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->cap = cap;
    r->v6_cap = 2 * cap;
    r->first_seq = first_seq;
    r->refs = 1;
    r->time_min = INT64_MAX;
    r->time_max = INT64_MIN;
    r->v6 = calloc(r->v6_cap, sizeof(r->v6[0]));
    r->exporters = calloc(FLOW_BLOCK_EXPORTERS, sizeof(*r->exporters));
    map_init(&r->by_exporter, FLOW_BLOCK_EXPORTERS);
    if (r->v6 == NULL || r->exporters == NULL) {
        flow_rows_free(r);
        return NULL;
    }
    return r;
}

void flow_rows_free(struct flow_rows *r)
{
    if (r == NULL)
        return;
    for (int c = 0; c < FC_COUNT; c++) {
        free(r->col[c]);
        free(r->kept[c]);
    }
    free(r->v6);
    free(r->exporters);
    map_done(&r->by_exporter);
    free(r);
}

void flow_rows_clear(struct flow_rows *r, uint64_t first_seq)
{
    for (int c = 0; c < FC_COUNT; c++)
        if (r->col[c] != NULL) {
            r->kept[c] = r->col[c];
            r->col[c] = NULL;
        }
    map_done(&r->by_exporter);
    map_init(&r->by_exporter, FLOW_BLOCK_EXPORTERS);
    r->n = r->nv6 = r->nexporters = 0;
    r->first_seq = first_seq;
    r->refs = 1;
    r->time_min = INT64_MAX;
    r->time_max = INT64_MIN;
}

bool flow_rows_fits(const struct flow_rows *r, const struct flow_view *v)
{
    return r->cap - r->n >= v->rows && r->v6_cap - r->nv6 >= v->nv6 &&
           FLOW_BLOCK_EXPORTERS - r->nexporters >= v->nexporters;
}

/* The exporter's place in this block. */
static int exporter_place(struct flow_rows *r, const struct flow_exporter *x)
{
    char key[24] = {(char)x->ip.family};
    bool fresh = false;

    memcpy(key + 1, x->ip.b, 16);
    memcpy(key + 17, &x->port, 2);
    key[19] = (char)x->version;
    memcpy(key + 20, &x->domain, 4);
    struct map_slot *s = map_put(&r->by_exporter, (str){key, sizeof(key)}, &fresh);
    if (s == NULL)
        return -1;
    if (fresh) {
        s->v.num = r->nexporters;
        r->exporters[r->nexporters] = *x;
        r->nexporters++;
    } else {
        r->exporters[s->v.num].datagrams += x->datagrams;
        r->exporters[s->v.num].lost += x->lost;
    }
    return (int)s->v.num;
}

static bool columns_make(struct flow_rows *r, uint64_t mask)
{
    for (int c = 0; c < FC_COUNT; c++) {
        if (!(mask >> c & 1) || r->col[c] != NULL)
            continue;
        uint8_t *p = r->kept[c] != NULL ? r->kept[c] : malloc((size_t)r->cap * flow_columns[c].width);
        if (p == NULL)
            return false;
        r->kept[c] = NULL;
        memset(p, 0, (size_t)r->n * flow_columns[c].width);
        atomic_store_explicit(&r->col[c], p, memory_order_release);
    }
    return true;
}

static void addresses_rebase(struct flow_rows *r, const struct flow_view *v, int c, uint32_t at)
{
    uint32_t *to = (uint32_t *)(void *)r->col[c] + at;
    unsigned shift = flow_family_shift((unsigned)c);

    for (uint32_t i = 0; i < v->rows; i++)
        if ((flow_view_value(v, FC_families, i) >> shift & 3) == FAM_6)
            to[i] += r->nv6;
}

static void times_note(struct flow_rows *r, const struct flow_view *v)
{
    for (uint32_t i = 0; i < v->rows; i++) {
        int64_t t = flow_time((int64_t)flow_view_value(v, FC_end, i), (int64_t)flow_view_value(v, FC_received, i));
        r->time_min = t < r->time_min ? t : r->time_min;
        r->time_max = t > r->time_max ? t : r->time_max;
    }
}

bool flow_rows_place(struct flow_rows *r, const struct flow_view *v)
{
    uint16_t place[FLOW_EXPORTERS_MAX];
    uint32_t at = r->n;

    if (!columns_make(r, v->mask | 1ull << FC_exporter))
        return false;
    for (uint32_t i = 0; i < v->nexporters; i++) {
        struct flow_exporter x;
        flow_view_exporter(v, i, &x);
        int p = exporter_place(r, &x);
        if (p < 0)
            return false;
        place[i] = (uint16_t)p;
    }
    for (int c = 0; c < FC_COUNT; c++) {
        uint8_t *to = r->col[c] != NULL ? r->col[c] + (size_t)at * flow_columns[c].width : NULL;
        if (to != NULL && v->col[c] != NULL)
            flow_view_fill(v, (enum flow_col)c, to);
        else if (to != NULL)
            memset(to, 0, (size_t)v->rows * flow_columns[c].width);
    }
    uint16_t *exporter = (uint16_t *)(void *)r->col[FC_exporter] + at;
    for (uint32_t i = 0; i < v->rows; i++)
        exporter[i] = place[flow_view_value(v, FC_exporter, i)];
    if (v->nv6 > 0) {
        memcpy(r->v6 + r->nv6, v->v6, (size_t)v->nv6 * 16);
        for (int c = FC_src; c <= FC_nat_dst; c++)
            if (v->col[c] != NULL)
                addresses_rebase(r, v, c, at);
        r->nv6 += v->nv6;
    }
    times_note(r, v);
    return true;
}

void flow_rows_publish(struct flow_rows *r, uint32_t n)
{
    atomic_store_explicit(&r->n, r->n + n, memory_order_release);
}

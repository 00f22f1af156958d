/* Fields that are grouped by, as small numbers for each row of a block and keys
 * that say the same in every block: an IPv4 address is V4_KEY plus itself, an
 * IPv6 address V6_KEY plus its number, none is 0; a time is the start of its bucket. */
#include "journal/flow_fold-int.h"

/* Numbers as the query shows them: what looks the same is one group. */
static uint64_t shown(const struct flow_query_field *f, uint64_t v)
{
    if (f->kind == FF_TCP_FLAGS)
        return v & 0xff;
    return f->kind == FF_COLUMNS && flow_columns[f->col].kind == FK_NUMBER && v > INT64_MAX ? INT64_MAX : v;
}

static uint64_t net_key(struct fold *f, const struct flow_query_field *field, struct ip ip)
{
    struct flow_nets *nets = f->q->source->more;
    return nets != NULL ? flow_nets_of(nets, ip, flow_field_net(field)) : 0;
}

static uint64_t v4_key(struct fold *f, const struct flow_query_field *field, uint32_t a)
{
    return flow_field_is_net(field)
               ? net_key(f, field,
                         (struct ip){4, {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a}})
               : V4_KEY + a;
}

static uint64_t ip_key(struct fold *f, const struct flow_query_field *field, struct ip ip)
{
    uint32_t at;

    if (flow_field_is_net(field))
        return net_key(f, field, ip);
    if (ip.family == 4)
        return V4_KEY + ((uint32_t)ip.b[0] << 24 | (uint32_t)ip.b[1] << 16 | (uint32_t)ip.b[2] << 8 | ip.b[3]);
    if (ip.family != 6)
        return 0;
    at = flow_v6_seen_of(&f->v6, ip.b);
    f->failed |= at == UINT32_MAX;
    return V6_KEY + at;
}

static bool keys_room(struct by *b, size_t n)
{
    if (b->nkeys_room < n) {
        free(b->keys);
        b->keys = malloc(n * sizeof(*b->keys));
        b->nkeys_room = b->keys != NULL ? n : 0;
    }
    b->nkeys = n;
    return b->keys != NULL;
}

/* 0 none, then the IPv4 addresses of the list, then the IPv6 addresses. */
static bool stored_addresses(struct fold *f, struct by *b, struct flow_page *p, enum flow_col c)
{
    uint32_t nv4 = p->head->nv4, nv6 = p->head->nv6;
    const uint32_t *v4 = flow_page_v4(p), *col = flow_page_col(p, c);
    const uint8_t(*v6)[16] = nv6 > 0 ? flow_page_v6(p) : NULL;
    const uint16_t *families = flow_page_col(p, FC_families);
    unsigned shift = flow_family_shift(c);

    if (v4 == NULL || col == NULL || families == NULL || (nv6 > 0 && v6 == NULL) ||
        !keys_room(b, (size_t)nv4 + nv6 + 1))
        return false;
    b->keys[0] = 0;
    for (uint32_t i = 0; i < nv4; i++)
        b->keys[1 + i] = v4_key(f, b->f, v4[i]);
    for (uint32_t i = 0; i < nv6; i++) {
        struct ip ip = {.family = 6};
        memcpy(ip.b, v6[i], 16);
        b->keys[1 + nv4 + i] = ip_key(f, b->f, ip);
    }
    const uint32_t first[4] = {0, 1, 1 + nv4, 0}, most[4] = {0, nv4, nv6, 0};
    for (uint32_t i = 0; i < p->n; i++) {
        unsigned family = families[i] >> shift & 3;
        b->ids[i] = col[i] < most[family] ? first[family] + col[i] : 0;
    }
    return true;
}

static bool addresses_in_memory(struct fold *f, struct by *b, struct flow_page *p, enum flow_col c)
{
    if (!keys_room(b, p->n))
        return false;
    for (uint32_t i = 0; i < p->n; i++) {
        b->ids[i] = i;
        b->keys[i] = f->fits[i] ? ip_key(f, b->f, flow_page_ip(p, c, i)) : 0;
    }
    return true;
}

static bool exporters(struct fold *f, struct by *b, struct flow_page *p)
{
    const struct flow_exporter *list = flow_page_exporters(p);
    const uint16_t *col = flow_page_col(p, FC_exporter);
    uint32_t n = p->rows != NULL ? p->rows->nexporters : p->head->nexporters;

    if (list == NULL || col == NULL || !keys_room(b, (size_t)n + 1))
        return false;
    b->keys[n] = 0;
    for (uint32_t i = 0; i < n; i++)
        b->keys[i] = b->f->kind == FF_DOMAIN ? list[i].domain : ip_key(f, b->f, list[i].ip);
    for (uint32_t i = 0; i < p->n; i++)
        b->ids[i] = col[i] < n ? col[i] : n;
    return true;
}

#define SMALL(T)                                                                                                       \
    do {                                                                                                               \
        const T *v = col;                                                                                              \
        for (uint32_t i = 0; i < p->n; i++)                                                                            \
            b->ids[i] = v[i];                                                                                          \
    } while (0)

/* Below 2^16 the value is its own small number, above each row is. */
static bool numbers(struct by *b, struct flow_page *p)
{
    enum flow_col c = (enum flow_col)b->f->col;
    unsigned width = flow_columns[c].width;
    const void *col = flow_page_col(p, c);

    if (col == NULL || !keys_room(b, width <= 2 ? (size_t)1 << 8 * width : p->n))
        return false;
    if (width <= 2)
        for (size_t i = 0; i < b->nkeys; i++)
            b->keys[i] = shown(b->f, i);
    if (width == 1) {
        SMALL(uint8_t);
    } else if (width == 2) {
        SMALL(uint16_t);
    } else {
        for (uint32_t i = 0; i < p->n; i++) {
            b->ids[i] = i;
            b->keys[i] = shown(b->f, width == 4 ? ((const uint32_t *)col)[i] : ((const uint64_t *)col)[i]);
        }
    }
    return true;
}

const int64_t *flow_fold_times(struct fold *f, struct flow_page *p)
{
    const int64_t *end = flow_page_col(p, FC_end);
    const int64_t *received = end != NULL ? flow_page_col(p, FC_received) : NULL;

    if (received == NULL || (f->at == NULL && (f->at = malloc(sizeof(*f->at) * FLOW_BLOCK_ROWS)) == NULL))
        return NULL;
    for (uint32_t i = 0; i < p->n; i++)
        f->at[i] = flow_time(end[i], received[i]);
    return f->at;
}

/* Buckets are numbered from the first one of the block, where they are no more than its rows. */
static bool buckets(struct fold *f, struct by *b, struct flow_page *p)
{
    const int64_t *at = flow_fold_times(f, p);
    int64_t least = INT64_MAX, most = INT64_MIN;
    uint64_t step = (uint64_t)f->step->step_ns, low = 0;
    uint32_t id = 0;

    if (at == NULL)
        return false;
    for (uint32_t i = 0; i < p->n; i++)
        if (f->fits[i]) {
            least = at[i] < least ? at[i] : least;
            most = at[i] > most ? at[i] : most;
        }
    uint64_t base = (uint64_t)query_bucket(least, f->step->step_ns), n = ((uint64_t)most - base) / step + 1;
    bool few = n > 0 && n <= p->n;
    if (!keys_room(b, few ? (size_t)n : p->n))
        return false;
    for (uint64_t i = 0; few && i < n; i++)
        b->keys[i] = base + i * step;
    for (uint32_t i = 0; i < p->n; i++) {
        b->ids[i] = few ? 0 : i;
        if (!few)
            b->keys[i] = (uint64_t)query_bucket(at[i], f->step->step_ns);
        if (!few || !f->fits[i])
            continue;
        uint64_t off = (uint64_t)at[i] - base;
        if (off - low >= step) { /* neighbours are mostly of one bucket */
            id = (uint32_t)(off / step);
            low = id * step;
        }
        b->ids[i] = id;
    }
    return true;
}

bool flow_fold_close_up(struct fold *f, struct by *b, uint32_t n)
{
    uint32_t next = 0;

    if (f->nnumber < b->nkeys) {
        free(f->number);
        f->number = malloc(b->nkeys * sizeof(*f->number));
        f->nnumber = f->number != NULL ? b->nkeys : 0;
    }
    if (f->number == NULL)
        return false;
    memset(f->number, 0, b->nkeys * sizeof(*f->number));
    for (uint32_t i = 0; i < n; i++)
        if (f->fits[i])
            f->number[b->ids[i]] = 1;
    for (size_t k = 0; k < b->nkeys; k++)
        if (f->number[k] > 0) {
            b->keys[next] = b->keys[k];
            f->number[k] = next++;
        }
    b->nkeys = next;
    for (uint32_t i = 0; i < n; i++)
        b->ids[i] = f->fits[i] ? f->number[b->ids[i]] : 0;
    return true;
}

bool flow_fold_by(struct fold *f, struct by *b, struct flow_page *p)
{
    uint64_t v;

    if (b->f->kind == FF_AT)
        return buckets(f, b, p);
    if (b->f->kind == FF_RELAY) {
        if (!keys_room(b, 1))
            return false;
        b->keys[0] = p->relay;
        memset(b->ids, 0, p->n * sizeof(*b->ids));
        return true;
    }
    if (b->f->kind == FF_EXPORTER || b->f->kind == FF_DOMAIN)
        return exporters(f, b, p);
    if (flow_columns[b->f->col].kind == FK_ADDRESS)
        return p->rows != NULL ? addresses_in_memory(f, b, p, (enum flow_col)b->f->col)
                               : stored_addresses(f, b, p, (enum flow_col)b->f->col);
    if (!flow_page_constant(p, (enum flow_col)b->f->col, &v))
        return numbers(b, p);
    if (!keys_room(b, 1))
        return false;
    b->keys[0] = shown(b->f, v);
    memset(b->ids, 0, p->n * sizeof(*b->ids));
    return true;
}

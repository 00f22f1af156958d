/* Lines of a stored block back as rows, all or chosen ones. */
#include "journal/block_dec-int.h"
#include <errno.h>

enum { SLACK = 64 };

/* A line being put together. */
struct builder {
    struct block_dec *d;
    struct rows *r;
    unsigned cols;
    uint32_t received_hint, event_hint;
    struct {
        char text[STAMP_TEXT_MAX + SLAB_SLACK];
        size_t len;
        int64_t ns;
        uint32_t form;
    } stamp; /* the one printed last */
};

/* from: SLAB_SLACK bytes behind n may be read; to: SLACK bytes behind the room may be written. */
static inline size_t put_bytes(char *to, size_t room, const char *from, size_t n)
{
    if (n > room)
        return SIZE_MAX;
    if (n > SLACK) {
        memcpy(to, from, n);
        return n;
    }
    for (size_t i = 0; i < n; i += 16) /* most pieces are short: a call would cost more */
        memcpy(to + i, from + i, 16);
    return n;
}

/* Most values stand somewhere as text. */
static inline size_t put_value(const struct column *c, uint32_t row, char *to, size_t room)
{
    const struct dict_value *v = c->type == CT_GLOBAL  ? &c->val[row]
                                 : c->type == CT_SMALL ? &c->val[c->sym[row]]
                                 : c->type == CT_CONST ? &c->val[0]
                                                       : NULL;
    return v != NULL ? put_bytes(to, room, v->p, v->n) : column_text(c, row, to, room);
}

static size_t put_stamp(struct builder *b, uint32_t form, int64_t ns, char *to, size_t room)
{
    if (form == 0)
        return SIZE_MAX;
    if (b->stamp.form != form || b->stamp.ns != ns) {
        b->stamp.len = stamp_print(b->d->stamps[form - 1], ns, b->stamp.text);
        b->stamp.ns = ns;
        b->stamp.form = form;
        if (b->stamp.len == 0)
            return SIZE_MAX;
    }
    return put_bytes(to, room, b->stamp.text, b->stamp.len);
}

/* How many bytes the holes before a place add to it. */
struct shifts {
    uint32_t by[TEMPLATE_VALUES_MAX + 3];
};

static int build_text(struct builder *b, const struct block_template *t, uint32_t row, int64_t event, char *to,
                      size_t room, size_t *len, struct shifts *sh)
{
    size_t n = 0, k, from = 0;
    uint32_t slot = 0;

    for (uint32_t h = 0; h < t->holes; h++) {
        uint32_t i = t->hole[h];
        if (put_bytes(to + n, room - n, t->text.p + from, i - from) == SIZE_MAX)
            return -EBADMSG;
        n += i - from;
        from = i + 1;
        if (t->text.p[i] == HOLE_VALUE) {
            k = put_value(&t->col[slot++], row, to + n, room - n);
        } else if (t->text.p[i] == HOLE_HOST) {
            str host = b->d->origins[t->origin[row]].host;
            k = put_bytes(to + n, room - n, host.p, host.n);
        } else {
            k = put_stamp(b, t->key->stamp, event, to + n, room - n);
        }
        if (k == SIZE_MAX)
            return -EBADMSG;
        sh->by[h] = (uint32_t)k - 1; /* wraps for an empty value; sums come out right */
        n += k;
    }
    if (put_bytes(to + n, room - n, t->text.p + from, t->text.n - from) == SIZE_MAX)
        return -EBADMSG;
    *len = n + t->text.n - from;
    return 0;
}

static uint32_t place_back(const struct block_template *t, const struct shifts *sh, uint32_t place)
{
    uint32_t at = place;
    for (uint32_t k = 0; k < t->holes && t->hole[k] < place; k++)
        at += sh->by[k];
    return at;
}

static int build_spans(const struct block_template *t, const struct shifts *sh, uint32_t len, struct span *sp)
{
    for (int k = 0; k < SP_COUNT; k++) {
        uint32_t from = t->key->place[2 * k], to = t->key->place[2 * k + 1];
        sp[k] = (struct span){0, 0};
        if (to == 0)
            continue;
        from = place_back(t, sh, from);
        to = to == SPAN_END ? len : place_back(t, sh, to);
        if (from > to || to > len)
            return -EBADMSG;
        sp[k] = (struct span){from, to - from};
    }
    return 0;
}

static int put_head(struct builder *b, uint32_t i, uint32_t line, const struct template_key *key, struct ip source,
                    uint16_t port)
{
    struct rows *r = b->r;

    r->line[i] = line;
    r->transport[i] = key->transport;
    r->format[i] = key->format;
    r->facility[i] = key->facility;
    r->severity[i] = key->severity;
    r->flags[i] = key->flags;
    r->source[i] = source;
    r->port[i] = port;
    if (b->cols & COL_HEAD && b->d->ports_alone)
        r->port[i] = (uint16_t)(b->d->port[0][line] | b->d->port[1][line] << 8);
    if (b->cols & COL_RECEIVED || (key->received && b->cols & (COL_EVENT | COL_RAW)))
        r->received[i] = times_at(&b->d->received, line, &b->received_hint);
    if (b->cols & (COL_EVENT | COL_RAW))
        r->event[i] = key->received ? r->received[i] : times_at(&b->d->event, line, &b->event_hint);
    return 0;
}

static int build_row(struct builder *b, uint32_t i, uint32_t line, struct block_template *t, uint32_t row)
{
    struct rows *r = b->r;
    const struct block_origin *o = &b->d->origins[t->origin[row]];
    struct shifts sh;
    size_t len;
    int rc;

    put_head(b, i, line, t->key, o->source, o->port);
    if (!(b->cols & (COL_RAW | COL_SPAN)))
        return 0;
    if (!t->ready && (rc = block_template_columns(b->d, t)) < 0)
        return rc;
    size_t room = r->raw_cap - SLACK - r->raw_n < EVENT_RAW_MAX ? r->raw_cap - SLACK - r->raw_n : EVENT_RAW_MAX;
    rc = build_text(b, t, row, r->event[i], r->raw + r->raw_n, room, &len, &sh);
    if (rc == 0 && b->cols & COL_SPAN)
        rc = build_spans(t, &sh, (uint32_t)len, r->span + (size_t)i * SP_COUNT);
    r->raw_n += rc == 0 ? len : 0;
    return rc;
}

static int build_plain(struct builder *b, uint32_t i, uint32_t line, uint32_t row)
{
    const struct dec_plain *p = &b->d->plain;
    struct rows *r = b->r;

    put_head(b, i, line, &p->row[row].key, p->row[row].source, p->row[row].port);
    if (!(b->cols & (COL_RAW | COL_SPAN)))
        return 0;
    if (p->text[row].n > r->raw_cap - SLACK - r->raw_n)
        return -EBADMSG;
    memcpy(r->raw + r->raw_n, p->text[row].p, p->text[row].n);
    r->raw_n += p->text[row].n;
    memcpy(r->span + (size_t)i * SP_COUNT, p->row[row].span, sizeof(p->row[row].span));
    return 0;
}

#define EACH_BIT(i, in, n)                                                                                             \
    for (size_t w_ = 0; w_ < ((size_t)(n) + 63) / 64; w_++)                                                            \
        for (uint64_t m_ = (in)[w_], i = 0; m_ && (i = w_ * 64 + (uint64_t)__builtin_ctzll(m_), 1); m_ &= m_ - 1)

static bool is_set(const uint64_t *bits, uint32_t i) { return bits == NULL || (bits[i / 64] >> i % 64 & 1); }

static int find_in(struct block_dec *d, uint32_t number, uint32_t rows, const uint32_t *line, const uint64_t *bits)
{
    for (uint32_t row = 0; row < rows; row++)
        if (is_set(bits, line[row]))
            d->where[line[row]] = (struct where){number, row};
    return 0;
}

/* For few lines, not all times are kept. */
enum { FEW = 4 };
static int load_time(struct block_dec *d, struct times *t, const uint64_t *bits, uint64_t want)
{
    return want < d->head.count / FEW ? times_pick(t, d->pages, &d->mem, bits, d->head.count, (uint32_t)want)
                                      : times_load(t, d->pages, &d->mem);
}

/* Which times put_head() will ask for. */
static int asked_times(struct block_dec *d, const uint64_t *from, unsigned cols, bool *received, bool *event)
{
    bool of_event = cols & (COL_EVENT | COL_RAW), plain = d->plain.rows > 0 && is_set(from, d->ntemplates);
    struct block_template *t;

    *received = cols & COL_RECEIVED || (of_event && plain);
    *event = of_event && plain;
    for (uint32_t k = 0; of_event && k < d->ntemplates && !(*received && *event); k++) {
        int rc = is_set(from, k) ? block_template_get(d, k, &t) : 1;
        if (rc < 0)
            return rc;
        if (rc == 0)
            *(t->key->received ? received : event) = true;
    }
    return 0;
}

static int load_times(struct block_dec *d, const uint64_t *bits, const uint64_t *from, unsigned cols)
{
    bool received, event;
    uint64_t want = 0;
    int rc = asked_times(d, from, cols, &received, &event);

    for (size_t w = 0; w < ((size_t)d->head.count + 63) / 64; w++)
        want += (uint64_t)__builtin_popcountll(bits[w]);
    if (rc == 0 && received)
        rc = load_time(d, &d->received, bits, want);
    if (rc == 0 && event)
        rc = load_time(d, &d->event, bits, want);
    for (int k = 0; k < 2 && rc == 0 && cols & COL_HEAD && d->ports_alone; k++)
        rc = page_get(d->pages, PG_TIME, d->port_at[k], d->head.count, &d->port[k]);
    return rc;
}

static int ready(struct block_dec *d)
{
    const struct block_head *h = &d->head;

    if (d->rows == NULL || d->rows->raw_cap < h->raw_bytes + SLACK) {
        rows_free(d->rows);
        d->rows = rows_new_picked(h->raw_bytes + h->raw_bytes / 4 + SLACK, BLOCK_CHUNK);
        if (d->rows == NULL)
            return -ENOMEM;
    }
    if (d->where_cap < h->count) {
        free(d->where);
        d->where_cap = 0;
        if ((d->where = malloc(h->count * sizeof(d->where[0]))) == NULL)
            return -ENOMEM;
        d->where_cap = h->count;
    }
    return 0;
}

int block_dec_find(struct block_dec *d, const uint64_t *bits, const uint64_t *from, unsigned cols)
{
    int rc = ready(d);

    d->wanted = cols | (cols & COL_SPAN ? COL_RAW : 0);
    if (rc == 0)
        rc = load_times(d, bits, from, d->wanted);
    if (rc < 0)
        return rc;
    EACH_BIT(i, bits, d->head.count) d->where[i].template = UINT32_MAX;
    for (uint32_t k = 0; k < d->ntemplates && rc == 0; k++) {
        struct block_template *t;
        if (is_set(from, k) && (rc = block_template_get(d, k, &t)) == 0 && (rc = block_template_rows(d, t)) == 0)
            rc = find_in(d, k, t->rows, t->line, bits);
    }
    if (rc == 0 && d->plain.rows > 0 && is_set(from, d->ntemplates) && (rc = plain_load(d)) == 0)
        rc = find_in(d, d->ntemplates, d->plain.rows, d->plain.line, bits);
    return rc;
}

int block_dec_rows(struct block_dec *d, const uint64_t *bits, uint32_t lo, uint32_t hi, struct rows **out)
{
    struct builder b = {.d = d, .r = d->rows, .cols = d->wanted};
    uint32_t k = 0;
    int rc = 0;

    rows_clear(d->rows, d->head.first_seq);
    for (uint32_t i = lo; i < hi && i < d->head.count && k < BLOCK_CHUNK && rc == 0; i++) {
        if (bits[i / 64] >> i % 64 == 0) { /* none left in this word */
            i |= 63;
            continue;
        }
        if (!(bits[i / 64] >> i % 64 & 1))
            continue;
        struct where w = d->where[i];
        if (w.template > d->ntemplates)
            return -EBADMSG;
        rc = w.template == d->ntemplates ? build_plain(&b, k, i, w.row)
                                         : build_row(&b, k, i, &d->templates[w.template], w.row);
        d->rows->off[++k] = (uint32_t)d->rows->raw_n;
    }
    if (rc < 0)
        return rc;
    d->rows->fill = k;
    d->rows->have = d->wanted;
    rows_publish(d->rows);
    *out = d->rows;
    return 0;
}

/* Columns of a block in one slab of memory. The slab is asked for at its
 * ceiling and touched only as far as it is filled: mapped, not malloc'ed, so
 * that nothing (a checking allocator) fills it from end to end. */
#include "journal/rows.h"
#include "journal/template.h"
#include <sys/mman.h>

enum { HEADS_SEEN = 1024, PLACES_SEEN = 4096, HUGE_PAGE = 2 << 20, LARGE_ROOM = 8 << 20 };

static void *carve(char **at, size_t n)
{
    void *p = *at;
    *at += (n + 63) & ~(size_t)63;
    return p;
}

static size_t row_bytes(void)
{
    return sizeof(uint32_t) + 2 * sizeof(int64_t) + 4 + 2 * sizeof(uint16_t) + sizeof(struct ip) +
           2 * sizeof(uint32_t) + SP_COUNT * sizeof(struct span);
}

/* Lines fill their room from its begin to near its end: a page of 2 MiB where the kernel has one, not a fault for each
 * 4 KiB of it. The columns behind them are filled to a part only. */
static void fill_in_large_pages(char *p, size_t n)
{
    size_t before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;

    if (n >= LARGE_ROOM && n > before)
        madvise(p + before, (n - before) / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
}

static struct rows *rows_make(size_t raw_cap, uint32_t cap, bool picked)
{
    struct rows *r = calloc(1, sizeof(*r));
    size_t n = cap + (size_t)1;
    char *at;

    if (r == NULL)
        return NULL;
    r->slab_bytes = raw_cap + n * row_bytes() + (HEADS_SEEN + PLACES_SEEN) * sizeof(uint32_t) + 20 * 64;
    r->slab = mmap(NULL, r->slab_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r->slab == MAP_FAILED) {
        free(r);
        return NULL;
    }
    at = r->slab;
    r->cap = cap;
    r->raw_cap = raw_cap;
    r->raw = carve(&at, raw_cap);
    r->off = carve(&at, n * sizeof(r->off[0]));
    r->received = carve(&at, n * sizeof(r->received[0]));
    r->event = carve(&at, n * sizeof(r->event[0]));
    r->transport = carve(&at, n);
    r->format = carve(&at, n);
    r->facility = carve(&at, n);
    r->severity = carve(&at, n);
    r->flags = carve(&at, n * sizeof(r->flags[0]));
    r->port = carve(&at, n * sizeof(r->port[0]));
    r->source = carve(&at, n * sizeof(r->source[0]));
    r->span = carve(&at, n * SP_COUNT * sizeof(r->span[0]));
    if (picked) {
        r->line = carve(&at, n * sizeof(r->line[0]));
    } else {
        r->head = carve(&at, n * sizeof(r->head[0]));
        r->place = carve(&at, n * sizeof(r->place[0]));
        r->heads.seen = carve(&at, HEADS_SEEN * sizeof(r->heads.seen[0]));
        r->places.seen = carve(&at, PLACES_SEEN * sizeof(r->places.seen[0]));
        fill_in_large_pages(r->raw, raw_cap);
    }
    r->refs = 1;
    rows_clear(r, 0);
    return r;
}

struct rows *rows_new(size_t raw_cap, uint32_t cap) { return rows_make(raw_cap, cap, false); }
struct rows *rows_new_picked(size_t raw_cap, uint32_t cap) { return rows_make(raw_cap, cap, true); }

void rows_free(struct rows *r)
{
    if (r == NULL)
        return;
    munmap(r->slab, r->slab_bytes);
    free(r);
}

void rows_clear(struct rows *r, uint64_t first_seq)
{
    r->first_seq = first_seq;
    r->gap = 0;
    r->fill = 0;
    r->raw_n = 0;
    r->have = 0;
    r->heads.n = r->heads.shown = r->places.n = r->places.shown = 0;
    r->off[0] = 0;
    atomic_store_explicit(&r->n, 0, memory_order_release);
}

static bool is_head(const struct rows *r, uint32_t k, const struct event *ev)
{
    return r->transport[k] == ev->transport && r->format[k] == ev->format && r->facility[k] == ev->facility &&
           r->severity[k] == ev->severity && r->flags[k] == ev->flags && r->port[k] == ev->source_port &&
           bytes_same((const char *)&r->source[k], (const char *)&ev->source, sizeof(ev->source));
}

static uint32_t head_number(struct rows *r, const struct event *ev)
{
    uint64_t own = (uint64_t)ev->transport | (uint64_t)ev->format << 8 | (uint64_t)ev->facility << 16 |
                   (uint64_t)ev->severity << 24 | (uint64_t)ev->flags << 32 | (uint64_t)ev->source_port << 48;
    uint64_t hash = hash_bytes((const char *)&ev->source, sizeof(ev->source), own);
    uint32_t *seen = &r->heads.seen[hash % HEADS_SEEN], k = *seen;

    if (k < r->heads.n && is_head(r, k, ev))
        return k;
    k = *seen = r->heads.n++;
    r->transport[k] = ev->transport;
    r->format[k] = ev->format;
    r->facility[k] = ev->facility;
    r->severity[k] = ev->severity;
    r->flags[k] = ev->flags;
    r->port[k] = ev->source_port;
    r->source[k] = ev->source;
    return k;
}

/* Most lines of one kind differ in their length alone. */
static uint32_t place_number(struct rows *r, const struct event *ev)
{
    struct span sp[SP_COUNT];

    for (int s = 0; s < SP_COUNT; s++) { /* an absent field has one form only */
        sp[s] = ev->span[s].len ? ev->span[s] : (struct span){0, 0};
        if (sp[s].len > 0 && sp[s].off + (uint64_t)sp[s].len == ev->raw.n)
            sp[s].len = (uint32_t)SPAN_REST;
    }
    uint32_t *seen = &r->places.seen[hash_bytes((const char *)sp, sizeof(sp), 0) % PLACES_SEEN], k = *seen;
    if (k < r->places.n && bytes_same((const char *)(r->span + (size_t)k * SP_COUNT), (const char *)sp, sizeof(sp)))
        return k;
    k = *seen = r->places.n++;
    memcpy(r->span + (size_t)k * SP_COUNT, sp, sizeof(sp));
    return k;
}

bool rows_add(struct rows *r, const struct event *ev)
{
    uint32_t i = r->fill;

    if (i == r->cap || ev->raw.n > r->raw_cap - r->raw_n)
        return false;
    if (ev->raw.n > 0)
        memcpy(r->raw + r->raw_n, ev->raw.p, ev->raw.n);
    r->raw_n += ev->raw.n;
    r->off[i + 1] = (uint32_t)r->raw_n;
    r->received[i] = ev->received_ns;
    r->event[i] = ev->event_ns;
    r->head[i] = head_number(r, ev);
    r->place[i] = place_number(r, ev);
    r->fill = i + 1;
    return true;
}

void rows_publish(struct rows *r)
{
    r->heads.shown = r->heads.n;
    r->places.shown = r->places.n;
    atomic_store_explicit(&r->n, r->fill, memory_order_release);
}

void rows_rollback(struct rows *r)
{
    r->fill = atomic_load_explicit(&r->n, memory_order_relaxed);
    r->raw_n = r->off[r->fill];
    r->heads.n = r->heads.shown;
    r->places.n = r->places.shown;
}

void rows_event(const struct rows *r, uint32_t i, unsigned cols, struct event *out)
{
    uint32_t h = rows_head(r, i);

    *out = (struct event){.relay = r->relay};
    if (cols & COL_RAW)
        out->raw = rows_raw(r, i);
    if (cols & COL_RECEIVED)
        out->received_ns = r->received[i];
    if (cols & COL_EVENT)
        out->event_ns = r->event[i];
    if (cols & COL_SOURCE)
        out->source = r->source[h];
    for (unsigned s = 0; cols & COL_SPAN && s < SP_COUNT; s++)
        out->span[s] = rows_span(r, i, s);
    if (!(cols & COL_HEAD))
        return;
    out->transport = r->transport[h];
    out->format = r->format[h];
    out->facility = r->facility[h];
    out->severity = r->severity[h];
    out->flags = r->flags[h];
    out->source_port = r->port[h];
}

/* Memory by lifetime. An arena belongs to one thread at a time; what it hands
 * out lives until arena_clear or arena_free. Under AddressSanitizer the bytes
 * between two pieces are poisoned, so an overrun inside a block is seen. */
#include "base/arena.h"
#include "base/asan-int.h"

enum { ALIGN = 16, BLOCK_MIN = 4096, BLOCK_MAX = 256 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t size, fill;
    _Alignas(ALIGN) unsigned char data[];
};

struct arena arena_init(size_t max) { return (struct arena){.max = max}; }

/* Blocks double up to BLOCK_MAX; near the ceiling a block is cut to what fits. */
static struct arena_block *block_new(struct arena *a, size_t need)
{
    size_t left = a->max - a->used;
    size_t want = a->head == NULL ? BLOCK_MIN : a->head->size * 2;

    if (need > left)
        return NULL;
    if (want > BLOCK_MAX)
        want = BLOCK_MAX;
    if (want > left)
        want = left;
    if (want < need)
        want = need;
    struct arena_block *b = malloc(sizeof(*b) + want);
    if (b == NULL)
        return NULL;
    *b = (struct arena_block){.next = a->head, .size = want};
    asan_poison(b->data, want);
    a->head = b;
    a->used += want;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (a->failed || n > SIZE_MAX / 2) {
        a->failed = true;
        return NULL;
    }
    size_t need = n == 0 ? ALIGN : (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct arena_block *b = a->head;

    /* The last piece of a block may be shorter than its rounding. */
    if (b == NULL || b->size - b->fill < n || b->size == b->fill)
        b = block_new(a, n == 0 ? 1 : n);
    if (b == NULL) {
        a->failed = true;
        return NULL;
    }
    void *p = b->data + b->fill;
    b->fill = need > b->size - b->fill ? b->size : b->fill + need;
    asan_unpoison(p, n);
    memset(p, 0, n);
    return p;
}

void *arena_calloc(struct arena *a, size_t k, size_t size)
{
    if (size != 0 && k > SIZE_MAX / size) {
        a->failed = true;
        return NULL;
    }
    return arena_alloc(a, k * size);
}

str arena_str(struct arena *a, str s)
{
    if (s.p == NULL)
        return STR_NONE;
    char *p = s.n == SIZE_MAX ? NULL : arena_alloc(a, s.n + 1);
    if (p == NULL)
        return STR_NONE;
    memcpy(p, s.p, s.n);
    return (str){p, s.n};
}

char *arena_cstr(struct arena *a, str s)
{
    char *p = s.n == SIZE_MAX ? NULL : arena_alloc(a, s.n + 1);

    if (p != NULL && s.n > 0)
        memcpy(p, s.p, s.n);
    return p;
}

str arena_fmt(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;

    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p != NULL)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p == NULL ? STR_NONE : (str){p, (size_t)n};
}

static void blocks_free(struct arena_block *b)
{
    while (b != NULL) {
        struct arena_block *next = b->next;
        asan_unpoison(b->data, b->size);
        free(b);
        b = next;
    }
}

void arena_clear(struct arena *a)
{
    struct arena_block *b = a->head;

    a->failed = false;
    if (b == NULL)
        return;
    blocks_free(b->next);
    b->next = NULL;
    b->fill = 0;
    a->used = b->size;
    asan_poison(b->data, b->size);
}

void arena_free(struct arena *a)
{
    blocks_free(a->head);
    *a = (struct arena){.max = a->max};
}

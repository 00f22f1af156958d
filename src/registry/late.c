/* late-int.h. */
#include "registry/late-int.h"

enum { BAD_MAX = 1 << 17 };

static void list_init(struct late *x)
{
    x->first = NULL;
    x->tail = &x->first;
}

void late_init(struct late *x)
{
    *x = (struct late){.a = arena_init(CALL_ARENA)};
    map_init(&x->bad, BAD_MAX);
    list_init(x);
}

void late_clear(struct late *x)
{
    arena_clear(&x->a);
    list_init(x);
}

void late_done(struct late *x)
{
    map_done(&x->bad);
    arena_free(&x->a);
}

bool late_now(const struct write *w) { return w->late != NULL && w->depth == 0; }

struct late_ask *late_add(struct write *w, const struct kind *k, str field, int64_t rec)
{
    struct late_ask *l = arena_new(&w->late->a, struct late_ask);

    if (l == NULL)
        return NULL;
    *l = (struct late_ask){.of = w->late, .k = k, .field = field, .mark = tx_marked(w->tx), .rec = rec};
    *w->late->tail = l;
    w->late->tail = &l->next;
    return l;
}

struct err *late_mistake(struct late_ask *l)
{
    if (l->e == NULL)
        l->e = arena_new(&l->of->a, struct err);
    return l->e;
}

static str bad_name(int64_t rec, char hex[20])
{
    snprintf(hex, 20, "%llx", (unsigned long long)rec);
    return str_c(hex);
}

void late_bad(struct late_ask *l)
{
    char hex[20];
    bool fresh;

    map_put(&l->of->bad, bad_name(l->rec, hex), &fresh);
}

bool late_is_bad(const struct late *x, int64_t rec)
{
    char hex[20];

    return map_get((struct map *)(uintptr_t)&x->bad, bad_name(rec, hex)) != NULL;
}

/* sort and top: the best rows so far. Twice as many as are wanted are gathered,
 * then the worse half is forgotten. Equal rows keep the order they came in. */
#include "journal/pipe-int.h"
#include <errno.h>

struct kept_row {
    uint64_t at; /* order of arrival */
    uint32_t n, bytes;
    bool down;
    size_t of;
    struct source_value v[];
};
struct kept {
    struct kept_row **row;
    size_t n, cap;
    uint64_t next, bytes;
};

static struct kept_row *row_copy(const struct stage *s, const struct source_value *v, size_t n, uint64_t at)
{
    size_t text = 0, size = sizeof(struct kept_row) + n * sizeof(*v);
    struct kept_row *r;
    char *to;

    for (size_t i = 0; i < n; i++)
        text += v[i].text.n;
    if ((r = malloc(size + text)) == NULL)
        return NULL;
    *r = (struct kept_row){.at = at,
                           .n = (uint32_t)n,
                           .bytes = (uint32_t)(size + text),
                           .down = s->s->kind == SK_TOP || s->s->down,
                           .of = s->of};
    to = (char *)r + size;
    for (size_t i = 0; i < n; i++) {
        r->v[i] = v[i];
        if (v[i].text.n == 0)
            continue;
        memcpy(to, v[i].text.p, v[i].text.n);
        r->v[i].text.p = to;
        to += v[i].text.n;
    }
    return r;
}

/* What has no value goes to the end, whichever way the rest is sorted. */
static int by_order(const void *a, const void *b)
{
    const struct kept_row *x = *(struct kept_row *const *)a, *y = *(struct kept_row *const *)b;
    const struct source_value *p = &x->v[x->of], *q = &y->v[y->of];
    int c;

    if ((p->type == VT_NONE) != (q->type == VT_NONE))
        return p->type == VT_NONE ? 1 : -1;
    c = source_value_cmp(p, q);
    if (c != 0)
        return x->down ? -c : c;
    return (x->at > y->at) - (x->at < y->at);
}

static void prune(struct pipe *p, struct kept *k, size_t keep, bool told)
{
    qsort(k->row, k->n, sizeof(struct kept_row *), by_order);
    while (k->n > keep) {
        struct kept_row *r = k->row[--k->n];
        k->bytes -= r->bytes;
        free(r);
        p->st->other += told;
    }
}

static bool kept_grow(struct kept *k)
{
    size_t cap = k->cap > 0 ? 2 * k->cap : 64;
    struct kept_row **row = k->n < k->cap ? k->row : realloc(k->row, cap * sizeof(struct kept_row *));

    if (row == NULL)
        return false;
    k->cap = k->n < k->cap ? k->cap : cap;
    k->row = row;
    return true;
}

bool kept_add(struct pipe *p, struct stage *s, const struct source_value *v, size_t n)
{
    struct kept *k = s->k != NULL ? s->k : (s->k = calloc(1, sizeof(*k)));
    bool wanted = s->keep > 0 && s->keep <= PIPE_SORT_MAX;
    size_t keep = wanted ? (size_t)s->keep : PIPE_SORT_MAX;
    struct kept_row *r;

    if (k == NULL || !kept_grow(k) || (r = row_copy(s, v, n, k->next++)) == NULL) {
        p->rc = -ENOMEM;
        return false;
    }
    k->row[k->n++] = r;
    k->bytes += r->bytes;
    if (k->n >= 2 * keep + 16)
        prune(p, k, keep, !wanted);
    if (k->bytes > PIPE_BYTES_MAX)
        prune(p, k, k->n / 2, true);
    return true;
}

bool kept_end(struct pipe *p, size_t at)
{
    struct stage *s = &p->stage[at];
    struct kept *k = s->k;
    bool wanted = s->keep > 0 && s->keep <= PIPE_SORT_MAX;

    prune(p, k, wanted ? (size_t)s->keep : PIPE_SORT_MAX, !wanted);
    for (size_t i = 0; i < k->n; i++)
        if (!pipe_push(p, at + 1, k->row[i]->v, k->row[i]->n))
            return false;
    return true;
}

void kept_free(struct kept *k)
{
    for (size_t i = 0; k != NULL && i < k->n; i++)
        free(k->row[i]);
    free(k != NULL ? k->row : NULL);
    free(k);
}

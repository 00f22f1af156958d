/* Words somebody looks for, as conditions: each must be part of the folded text
 * of the record. */
#include "registry/registry-int.h"
#include "base/text.h"
#include <errno.h>

enum { WORDS_MAX = 8, FEW = 2000 };

size_t plan_param(struct plan *p, struct val v)
{
    if (p->np < PARAMS_MAX)
        p->p[p->np++] = v;
    else
        p->where.failed = true;
    return p->np;
}

/* Do at most FEW records of the kind meet the condition? Counts no further. */
int plan_few(struct plan *p, const char *head, const char *rest, bool *few, struct err *e)
{
    struct val v = V_INT(0);
    struct buf b;

    buf_init(&b, 4096);
    buf_fmt(&b, "SELECT COUNT(*) FROM (SELECT 1 FROM \"%.*s\" t WHERE %s%s LIMIT %d) x", STR_ARGS(p->k->name), head,
            rest, FEW + 1);
    buf_byte(&b, 0);
    int rc = b.failed ? ERR(e, -ENOMEM, "registry.no_memory") : tx_one(p->tx, NULL, b.p, p->p, p->np, &v, e);
    buf_done(&b);
    *few = v.i <= FEW;
    p->few = p->few || (rc >= 0 && *few);
    return rc < 0 ? rc : 0;
}

/* Rare words go through the index; common ones are sooner met while walking in
 * list order, as the page is full after a few steps. */
int search_words(struct plan *p, const str *words, size_t n, struct err *e)
{
    const struct store_ops *ops = p->r->st->ops;
    str text = ops->search_text(p->a, words, n);
    bool few = false;
    struct buf b;
    int rc = 0;

    if (text.p != NULL) {
        buf_init(&b, 4096);
        ops->search_cond(&b, p->k->name, plan_param(p, V_STR(text)));
        buf_byte(&b, 0);
        if (!b.failed)
            rc = plan_few(p, b.p, "", &few, e);
        if (few)
            buf_fmt(&p->where, " AND %s", b.p);
        else
            p->np--; /* nothing refers to it */
        buf_done(&b);
    }
    for (size_t i = 0; i < n; i++)
        buf_fmt(&p->where, " AND INSTR(t.folded, ?%zu) > 0", plan_param(p, V_STR(words[i])));
    return rc;
}

int search_add(struct plan *p, str q, struct err *e)
{
    str words[WORDS_MAX], rest = text_fold(p->a, q), head;
    size_t n = 0;

    if (q.n > 0 && rest.p == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    while (n < WORDS_MAX && str_split(&rest, ' ', &head))
        if (head.n > 0)
            words[n++] = head;
    return n > 0 ? search_words(p, words, n, e) : 0;
}

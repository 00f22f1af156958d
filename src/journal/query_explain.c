/* A query told condition by condition. */
#include "journal/query-int.h"

static str pattern_shown(const struct query_node *n, struct buf *b)
{
    struct query q = {.root = (struct query_node *)(uintptr_t)n, .since_ns = INT64_MIN, .until_ns = INT64_MAX};

    buf_clear(b);
    query_print(&q, b);
    return buf_view(b);
}

static const char *key_of(const struct query_node *n)
{
    switch (n->kind) {
    case QN_AND:
        return "journal.explain.and";
    case QN_OR:
        return "journal.explain.or";
    case QN_NOT:
        return "journal.explain.not";
    case QN_TEXT:
        return "journal.explain.text";
    case QN_FOLD:
        return n->bare ? "journal.explain.bare" : "journal.explain.fold";
    case QN_REGEX:
        return "journal.explain.regex";
    case QN_VALUE:
        return n->ref.kind == QR_PATH       ? "journal.explain.path"
               : n->ref.kind == QR_RESOLVED ? "journal.explain.decoded"
                                            : "journal.explain.field";
    default:
        return "journal.explain.field";
    }
}

static void tell(const struct query_node *n, size_t depth, struct buf *b, explain_fn *fn, void *ctx)
{
    fn(ctx, depth, key_of(n), n->nkids > 0 ? STR_NONE : pattern_shown(n, b));
    for (size_t i = 0; i < n->nkids; i++)
        tell(n->kids[i], depth + 1, b, fn, ctx);
}

void query_explain(const struct query *q, explain_fn *fn, void *ctx)
{
    struct buf b;

    buf_init(&b, 16 * QUERY_MAX);
    if (q->root == NULL)
        fn(ctx, 0, "journal.explain.all", STR_NONE);
    else
        tell(q->root, 0, &b, fn, ctx);
    for (size_t i = 0; i < q->nsteps; i++) {
        struct query one = {.steps = &q->steps[i], .nsteps = 1, .since_ns = INT64_MIN, .until_ns = INT64_MAX};
        buf_clear(&b);
        query_print(&one, &b);
        fn(ctx, 0, "journal.explain.step", str_trim(buf_view(&b)));
    }
    buf_done(&b);
}

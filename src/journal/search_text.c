/* What a text term says about a template: its static text may settle it. */
#include "journal/search_plan-int.h"

/* A star may pass over a value, whatever it is; a question mark must not, and
 * a literal byte that looks like a hole is none. */
static bool settles(const struct pattern *p)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (p->kind[i] == PK_ONE || (p->kind[i] == PK_LIT && p->text[i] >= HOLE_VALUE && p->text[i] <= HOLE_STAMP))
            return false;
    return true;
}

enum verdict plan_text(struct search_plan *p, const struct query_node *n, struct block_dec *d,
                       const struct block_template *t)
{
    return settles(&n->pat) && pattern_within(&n->pat, t->text) ? V_ALL : V_SOME;
}

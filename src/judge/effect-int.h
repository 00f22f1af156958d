/* The effect of a change on the state checks: what its two files share. */
#ifndef LUY_JUDGE_EFFECT_INT_H
#define LUY_JUDGE_EFFECT_INT_H
#include "judge/judge-int.h"

/* Listed of one check, and of all; looked at for whom they may be shown to. */
enum { EFFECT_ITEMS_OF_ONE = 50, EFFECT_ITEMS = 200, EFFECT_NAMED = 1000 };

struct check_effect {
    struct judge *j;
    const struct actor *who;
    struct tx *tx, *stored; /* after the change; what is stored */
    struct sight sight;
    int64_t deadline; /* mono, ns */
    bool *touched;    /* beside judge.tables */
    struct arena a;
    json_t *controls, *failed;
    size_t listed;
    int64_t ran, opens, closes, unknown, hidden;
};
/* One check: rows that only the run after has, and only the run before. */
struct effect_diff {
    const struct control *c;
    struct check_run opens, closes;
    int64_t unknown; /* could not be judged any more */
};
/* effect_json.c: names the rows, adds the check to the answer. */
int effect_add(struct check_effect *x, struct effect_diff *d, struct err *e);
int effect_failed(struct check_effect *x, const struct control *c, const struct err *why);
json_t *effect_json(struct check_effect *x); /* uses up controls and failed */
#endif

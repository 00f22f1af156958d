/* Unknown keys are refused with the known one that looks most alike. */
#ifndef LUY_JUDGE_NEAR_H
#define LUY_JUDGE_NEAR_H
#include "base/yaml.h"
/* The word of a NULL-ended list that is nearest to s; NULL when none is near. */
const char *near_word(str s, const char *const *words);
/* Each key of map that is not in the list is an error; false when there was one. */
bool near_only(struct errs *es, const char *file, const struct yaml *map, const char *const *keys);
/* The same with the common keys beside those of a kind. */
bool near_only2(struct errs *es, const char *file, const struct yaml *map, const char *const *keys,
                const char *const *more);
#endif

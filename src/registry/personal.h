/* Personal data (fields marked `personal`): kept apart from the history, handed
 * out whole to the person who asks, blanked when the law says so. */
#ifndef LUY_REGISTRY_PERSONAL_H
#define LUY_REGISTRY_PERSONAL_H
#include "registry/registry.h"

#define PERSONAL_BLANK "[đã xóa]" /* stands where a value was */

bool kind_personal(const struct kind *k);
/* {"record", "history", "named_by": [{"kind","field","id","key","ended"}]}. Administrators; -EACCES. */
int registry_personal_export(struct registry *r, const struct actor *who, str kind, str id_or_key, json_t **out,
                             struct err *e);
/* Blanks every personal value of the record: in the record, in its history, in
 * change sets. The chain still verifies. Administrators, with a reason; cannot be
 * undone. {"values": how many in the history}. */
int registry_personal_blank(struct registry *r, const struct actor *who, str kind, str id_or_key, int64_t rev,
                            json_t **out, struct errs *es, struct err *e);
#endif

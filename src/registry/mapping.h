/* Tables of other programs (NetBox, phpIPAM) as tables of the registry, by a
 * mapping file: YAML that says which source columns give which fields of which
 * kinds. docs/operator/en/spreadsheets.md has the format; maps/ has examples.
 *
 * A mapping makes sheets and judges nothing: what it makes goes through the same
 * import as every sheet, with the source's rows and columns as the places of
 * mistakes. Read-only after mapping_parse, so any thread. */
#ifndef LUY_REGISTRY_MAPPING_H
#define LUY_REGISTRY_MAPPING_H
#include "registry/schema.h"

enum { MAPPING_BYTES = 1 << 20 };
struct mapping;
/* Every mistake with line and column of the file. Lives in `a`; `text` must too.
 * name: what the mistakes call the file. 0 or -EBADMSG. */
int mapping_parse(struct arena *a, const struct schema *sc, str text, const char *name, struct mapping **out,
                  struct errs *es);
/* {"name","label":{"vi","en"},"parameters":[{"name","label","default"}],
 *  "sources":[{"name","has":[..],"kinds":[..]}]} */
json_t *mapping_json(const struct mapping *m);
#endif

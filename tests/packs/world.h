/* A registry and a judge over the real schema and packs, in a folder of its
 * own that goes away with it. Time stands still: 21 November 2026, 10:00. */
#ifndef LUY_TESTS_PACKS_WORLD_H
#define LUY_TESTS_PACKS_WORLD_H
#include "base/yaml.h"
#include "judge/judge.h"

struct world {
    char dir[64];
    struct clock clk;
    struct calendar *calendar;
    struct schema *schema;
    struct store *store;
    struct registry *registry;
    struct judge *judge;
};
extern const struct actor world_system;

/* A path below the source folder. */
const char *world_source(const char *path);
/* Prints every mistake as TAP comments; true when there was none. */
bool world_clean(const struct errs *es, const struct err *e);
void world_open(struct world *w);
void world_close(struct world *w);
/* Each item is {kind: {field: value}}; a key that exists is changed, else made. */
void world_put(struct world *w, const struct yaml *list);
struct yaml *world_yaml(struct arena *a, const char *path);
/* Open findings of a control; the caller owns the list. */
json_t *world_findings(struct world *w, str control);
/* "pass", "fail", "unknown", "not_applicable", of a control as the API shows it. */
void world_state(struct world *w, str control, char *out, size_t cap);
#endif

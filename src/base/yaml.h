/* YAML files of administrators (schema, packs, Sigma), as a read-only tree
 * where each node knows file, line and column. Thin over libfyaml; the caller
 * never sees it. Bounded: 4 MiB a document, depth 64, aliases refused. */
#ifndef LUY_BASE_YAML_H
#define LUY_BASE_YAML_H
#include "base/arena.h"
#include "base/err.h"

enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_LIST, YAML_MAP };
struct yaml {
    enum yaml_kind kind;
    bool quoted;         /* scalar stood in quotes or as a block: always text */
    str text;            /* scalar */
    uint32_t line, col;  /* of a block (|, >): its first line of text, col 1 */
    size_t n;            /* items or pairs */
    struct yaml **keys;  /* maps: scalars */
    struct yaml **items; /* list items, or map values */
};
/* All documents of a stream. Everything lives in `a`. Mistakes go to es; 0 or -EBADMSG. */
int yaml_parse(struct arena *a, str text, const char *name, struct yaml ***docs, size_t *ndocs, struct errs *es);
struct yaml *yaml_get(const struct yaml *map, const char *key); /* NULL when absent or not a map */
str yaml_text(const struct yaml *map, const char *key);         /* STR_NONE unless a scalar */
bool yaml_bool(const struct yaml *node, bool *out);             /* true/false/yes/no, unquoted */
bool yaml_int(const struct yaml *node, int64_t *out);
/* Adds an error at the node's place. */
void yaml_err(struct errs *es, const char *name, const struct yaml *node, const char *key, const char *arg0,
              const char *arg1);
/* Each key of map that is not in the NULL-ended list is an error "yaml.unknown_key". */
void yaml_only(struct errs *es, const char *name, const struct yaml *map, const char *const *allowed);
#endif

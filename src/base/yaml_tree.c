/* Reading the tree that yaml.c made. Nothing is owned or changed here but the
 * caller's list of errors; any thread. */
#include "base/yaml.h"
#include <errno.h>

struct yaml *yaml_get(const struct yaml *map, const char *key)
{
    if (map == NULL || map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (str_eq(map->keys[i]->text, str_c(key)))
            return map->items[i];
    return NULL;
}

str yaml_text(const struct yaml *map, const char *key)
{
    const struct yaml *y = yaml_get(map, key);

    return y == NULL || y->kind != YAML_SCALAR ? STR_NONE : y->text;
}

bool yaml_bool(const struct yaml *node, bool *out)
{
    static const struct {
        str text;
        bool value;
    } words[] = {
        {STR("true"), true},
        {STR("yes"), true},
        {STR("false"), false},
        {STR("no"), false},
    };

    if (node == NULL || node->kind != YAML_SCALAR || node->quoted)
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (str_eq_nocase(node->text, words[i].text)) {
            *out = words[i].value;
            return true;
        }
    return false;
}

bool yaml_int(const struct yaml *node, int64_t *out)
{
    return node != NULL && node->kind == YAML_SCALAR && !node->quoted && str_i64(node->text, out);
}

void yaml_err(struct errs *es, const char *name, const struct yaml *node, const char *key, const char *arg0,
              const char *arg1)
{
    struct err e;

    ERR(&e, -EBADMSG, key, arg0, arg1);
    err_at(&e, name, node == NULL ? 0 : node->line, node == NULL ? 0 : node->col);
    errs_add(es, &e);
}

void yaml_only(struct errs *es, const char *name, const struct yaml *map, const char *const *allowed)
{
    char list[ERR_ARG_MAX];

    if (map == NULL || map->kind != YAML_MAP)
        return;
    for (size_t i = 0; i < map->n; i++) {
        size_t k = 0, n = 0;
        while (allowed[k] != NULL && !str_eq(map->keys[i]->text, str_c(allowed[k])))
            k++;
        if (allowed[k] != NULL)
            continue;
        list[0] = '\0';
        for (k = 0; allowed[k] != NULL && n < sizeof(list) - 1; k++)
            n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", k > 0 ? ", " : "", allowed[k]);
        yaml_err(es, name, map->keys[i], "yaml.unknown_key", S(map->keys[i]->text), list);
    }
}

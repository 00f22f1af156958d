/* Spelling help for people who write packs. No state. */
#include "judge/near.h"

enum { WORD_MAX = 48 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Letters to change, add or leave out. */
static size_t distance(str a, str b)
{
    size_t row[WORD_MAX + 1];

    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t up = row[j];
            row[j] = min3(up + 1, row[j - 1] + 1, diagonal + (a.p[i - 1] == b.p[j - 1] ? 0 : 1));
            diagonal = up;
        }
    }
    return row[b.n];
}

const char *near_word(str s, const char *const *words)
{
    const char *best = NULL;
    size_t least = s.n / 2 + 2;

    for (; s.n <= WORD_MAX && words != NULL && *words != NULL; words++) {
        size_t d = strlen(*words) > WORD_MAX ? SIZE_MAX : distance(s, str_c(*words));
        if (d < least) {
            least = d;
            best = *words;
        }
    }
    return best;
}

static bool has(const char *const *words, str s)
{
    for (; words != NULL && *words != NULL; words++)
        if (str_eq(s, str_c(*words)))
            return true;
    return false;
}

bool near_only2(struct errs *es, const char *file, const struct yaml *map, const char *const *keys,
                const char *const *more)
{
    bool good = true;

    for (size_t i = 0; map->kind == YAML_MAP && i < map->n; i++) {
        str key = map->keys[i]->text;
        if (has(keys, key) || has(more, key))
            continue;
        const char *near = near_word(key, keys), *other = near_word(key, more);
        if (near == NULL || (other != NULL && distance(key, str_c(other)) < distance(key, str_c(near))))
            near = other;
        if (near != NULL)
            yaml_err(es, file, map->keys[i], "judge.unknown_key_near", S(key), near);
        else
            yaml_only(es, file,
                      &(struct yaml){.kind = YAML_MAP, .n = 1, .keys = &map->keys[i], .items = &map->items[i]}, keys);
        good = false;
    }
    return good;
}

bool near_only(struct errs *es, const char *file, const struct yaml *map, const char *const *keys)
{
    return near_only2(es, file, map, keys, NULL);
}

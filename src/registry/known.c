/* known-int.h: maps over one arena. An entry's key is the kind, the field and the value, so that one map serves all
 * kinds; a value that was asked for and not found is an entry with id 0. */
#include "registry/known_body-int.h"
#include <errno.h>

enum { ENTRIES_MAX = 1 << 20, TREE_USED = CALL_ARENA / 2 };

void known_lists_init(struct known *x)
{
    x->values = (struct want_list){.tail = &x->values.first};
    x->ids = (struct want_list){.tail = &x->ids.first};
    x->plains = (struct want_list){.tail = &x->plains.first};
}

static void maps_init(struct known *x)
{
    map_init(&x->refs, ENTRIES_MAX);
    map_init(&x->recs, ENTRIES_MAX);
    map_init(&x->plain, ENTRIES_MAX);
}

static void maps_done(struct known *x)
{
    map_done(&x->refs);
    map_done(&x->recs);
    map_done(&x->plain);
}

int known_new(const struct registry *r, struct known **out, struct err *e)
{
    struct known *x = calloc(1, sizeof(*x));
    int64_t *last = reallocarray(NULL, r->sc->nkinds + 1, sizeof(*last));

    if (x == NULL || last == NULL) {
        free(x);
        free(last);
        return ERR(e, -ENOMEM, "registry.no_memory");
    }
    *x = (struct known){.r = r, .a = arena_init(CALL_ARENA), .tree = arena_init(CALL_ARENA), .last = last};
    for (size_t i = 0; i < r->sc->nkinds; i++)
        last[i] = -1;
    maps_init(x);
    map_init(&x->above, ENTRIES_MAX);
    known_lists_init(x);
    *out = x;
    return 0;
}

void known_free(struct known *x)
{
    if (x == NULL)
        return;
    maps_done(x);
    map_done(&x->above);
    arena_free(&x->a);
    arena_free(&x->tree);
    free(x->last);
    free(x);
}

void known_clear(struct known *x)
{
    if (x == NULL)
        return;
    maps_done(x);
    maps_init(x);
    arena_clear(&x->a);
    known_lists_init(x);
    if (x->tree.failed || x->tree.used > TREE_USED) {
        map_done(&x->above);
        map_init(&x->above, ENTRIES_MAX);
        arena_clear(&x->tree);
    }
}

/* ---- entries */

str known_name(const struct known *x, const struct kind *k, size_t field, str value, char out[KNOWN_NAME])
{
    uint16_t head[2] = {(uint16_t)kind_index(x->r, k), (uint16_t)field};

    /* What PostgreSQL cannot store as it is would come back as another value. */
    if (value.n > KNOWN_NAME - sizeof(head) || memchr(value.p, '\0', value.n) != NULL)
        return STR_NONE;
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), value.p, value.n);
    return (str){out, sizeof(head) + value.n};
}

str known_number(const struct known *x, const struct kind *k, size_t field, int64_t id, char out[KNOWN_NAME])
{
    char hex[20];

    snprintf(hex, sizeof(hex), "%llx", (unsigned long long)id);
    return known_name(x, k, field, str_c(hex), out);
}

void *known_entry(struct map *m, str name)
{
    struct map_slot *slot = name.n > 0 ? map_get(m, name) : NULL;

    return slot != NULL ? slot->v.ptr : NULL;
}

struct known_ref *known_entry_new(struct arena *a, struct map *m, str name)
{
    struct known_ref *ref = known_entry(m, name);
    bool fresh;

    if (ref != NULL || name.n == 0)
        return ref;
    ref = arena_new(a, struct known_ref);
    struct map_slot *slot = ref != NULL ? map_put(m, name, &fresh) : NULL;
    if (slot == NULL)
        return NULL;
    slot->v.ptr = ref;
    return ref;
}

static void entry_set(struct arena *a, struct map *m, str name, const struct known_ref *in)
{
    struct known_ref *ref = known_entry_new(a, m, name);

    if (ref != NULL)
        *ref = (struct known_ref){in->id, arena_str(a, in->key), arena_str(a, in->title)};
    if (a->failed && name.n > 0)
        map_del(m, name); /* then it is asked for */
}

static const struct known_ref *value_known(struct known *x, const struct kind *k, size_t field, str value)
{
    char name[KNOWN_NAME];

    return x != NULL && value.p != NULL ? known_entry(&x->refs, known_name(x, k, field, value, name)) : NULL;
}

const struct known_ref *known_key(struct known *x, const struct kind *k, str key)
{
    return value_known(x, k, KNOWN_KEY, key);
}

const struct known_ref *known_unique(struct known *x, const struct kind *k, size_t field, str value)
{
    return value_known(x, k, field == k->key_field ? KNOWN_KEY : field, value);
}

struct rec *known_rec(struct known *x, const struct kind *k, int64_t id)
{
    char name[KNOWN_NAME];

    return x != NULL ? known_entry(&x->recs, known_number(x, k, 0, id, name)) : NULL;
}

void known_learn_key(struct known *x, const struct kind *k, str key, const struct known_ref *ref)
{
    char name[KNOWN_NAME];

    if (x != NULL)
        entry_set(&x->a, &x->refs, known_name(x, k, KNOWN_KEY, key, name), ref);
}

const struct known_ref *known_above(struct known *x, const struct kind *k, size_t field, int64_t id)
{
    char name[KNOWN_NAME];

    return x != NULL ? known_entry(&x->above, known_number(x, k, field, id, name)) : NULL;
}

void known_learn_above(struct known *x, const struct kind *k, size_t field, int64_t id, int64_t above, str key)
{
    char name[KNOWN_NAME];

    if (x != NULL)
        entry_set(&x->tree, &x->above, known_number(x, k, field, id, name),
                  &(struct known_ref){.id = above, .key = key});
}

bool known_last(const struct known *x, const struct kind *k, int64_t *id)
{
    if (x == NULL || x->last[kind_index(x->r, k)] < 0)
        return false;
    *id = x->last[kind_index(x->r, k)];
    return true;
}

void known_learn_last(struct known *x, const struct kind *k, int64_t id)
{
    if (x != NULL)
        x->last[kind_index(x->r, k)] = id;
}

static str plain_name(int64_t prefix, char hex[20])
{
    snprintf(hex, 20, "%llx", (unsigned long long)prefix);
    return str_c(hex);
}

bool known_plain(const struct known *x, int64_t prefix)
{
    char hex[20];
    struct map_slot *slot = x != NULL ? map_get((struct map *)(uintptr_t)&x->plain, plain_name(prefix, hex)) : NULL;

    return slot != NULL && slot->v.num == 1;
}

void known_plain_set(struct known *x, int64_t prefix, bool plain)
{
    char hex[20];
    bool fresh;
    struct map_slot *slot = map_put(&x->plain, plain_name(prefix, hex), &fresh);

    if (slot != NULL)
        slot->v.num = plain;
}

bool known_person(const struct known *x, int64_t *id)
{
    if (x == NULL || !x->has_person)
        return false;
    *id = x->person;
    return true;
}

void known_learn_person(struct known *x, int64_t id)
{
    if (x == NULL)
        return;
    x->person = id;
    x->has_person = true;
}

/* ---- kept current */

static str text_at(const struct rec *rec, size_t field)
{
    return rec != NULL && rec->v[field].type == VAL_TEXT ? rec->v[field].s : STR_NONE;
}

/* The value has left the one record, and has come to the other. */
static void value_moves(struct known *x, const struct rec *rec, size_t field, str was, str is)
{
    const struct kind *k = rec->k;
    struct known_ref gone = {0}, now = {rec->id, rec_key(rec), text_at(rec, k->title_field)};
    char name[KNOWN_NAME];

    field = field == k->key_field ? KNOWN_KEY : field;
    const struct known_ref *had = was.p != NULL ? value_known(x, k, field, was) : NULL;
    if (had != NULL && had->id == rec->id && !str_eq(was, is))
        entry_set(&x->a, &x->refs, known_name(x, k, field, was, name), &gone);
    if (is.p != NULL)
        entry_set(&x->a, &x->refs, known_name(x, k, field, is, name), &now);
}

static bool renamed(const struct rec *old, const struct rec *fresh)
{
    const struct kind *k = fresh->k;

    return !val_eq(&old->v[k->key_field], &fresh->v[k->key_field]) ||
           !val_eq(&old->v[k->title_field], &fresh->v[k->title_field]);
}

static bool names(const struct rec *rec, const struct rec *other)
{
    for (size_t i = 0; i < rec->k->nfields; i++) {
        const struct field *f = &rec->k->fields[i];
        if (!str_eq(f->ref_kind, other->k->name))
            continue;
        if (f->type == FT_REF && rec->v[i].type == VAL_INT && rec->v[i].i == other->id)
            return true;
        for (size_t j = 0; f->type == FT_REFS && j < rec->refs[i].n; j++)
            if (rec->refs[i].id[j] == other->id)
                return true;
    }
    return false;
}

/* Loaded records carry the key and the title of those that they name. */
static void forget_who_names(struct known *x, const struct rec *rec)
{
    struct map_slot *slot;

    for (size_t i = 0; (slot = map_next(&x->recs, &i)) != NULL;)
        if (slot->v.ptr != NULL && names(slot->v.ptr, rec))
            slot->v.ptr = NULL;
}

void known_written(struct known *x, const struct rec *old, const struct rec *fresh)
{
    char name[KNOWN_NAME];

    if (x == NULL)
        return;
    const struct kind *k = fresh->k;
    bool living = fresh->valid_to == 0;
    map_del(&x->recs, known_number(x, k, 0, fresh->id, name));
    if (old != NULL && renamed(old, fresh))
        forget_who_names(x, fresh);
    for (size_t i = 0; i < k->nfields; i++) {
        const struct field *f = &k->fields[i];
        if (f->unique)
            value_moves(x, fresh, i, text_at(old, i), living ? text_at(fresh, i) : STR_NONE);
        if (f->type == FT_REF && str_eq(f->ref_kind, k->name))
            known_learn_above(x, k, i, fresh->id, fresh->v[i].type == VAL_INT ? fresh->v[i].i : 0, rec_key(fresh));
    }
    if (str_eq(k->name, STR("prefix"))) {
        map_done(&x->plain);
        map_init(&x->plain, ENTRIES_MAX);
    }
    if (str_eq(k->name, STR("account")))
        x->has_person = false;
    int64_t *last = &x->last[kind_index(x->r, k)];
    if (*last >= 0 && fresh->id > *last)
        *last = fresh->id;
}

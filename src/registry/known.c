/* known-int.h: maps over one arena. An entry's key is the kind, the field and the value, so that one map serves all
 * kinds; a value that was asked for and not found is an entry with id 0. */
#include "registry/known-int.h"
#include "base/map.h"
#include <errno.h>

enum { ENTRIES_MAX = 1 << 20, BY_KEY = 0xffff, NAME_CAP = TEXT_MAX + 8, LOOK_MAX = 250, TREE_USED = CALL_ARENA / 2 };

/* One value to look up, or one record to load. */
struct want {
    struct want *next;
    const struct kind *k;
    size_t field; /* BY_KEY: the record with that key */
    struct val v;
};
struct want_list {
    struct want *first, **tail;
};
struct known {
    const struct registry *r;
    struct arena a, tree; /* of a group; of `above`, which stays from group to group */
    struct map refs, recs, above, plain;
    int64_t *last; /* of each kind; -1: never looked up */
    struct want_list values, ids;
};

static void lists_init(struct known *x)
{
    x->values = (struct want_list){.tail = &x->values.first};
    x->ids = (struct want_list){.tail = &x->ids.first};
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
    lists_init(x);
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
    lists_init(x);
    if (x->tree.failed || x->tree.used > TREE_USED) {
        map_done(&x->above);
        map_init(&x->above, ENTRIES_MAX);
        arena_clear(&x->tree);
    }
}

/* ---- entries */

static str name_of(const struct known *x, const struct kind *k, size_t field, str value, char out[NAME_CAP])
{
    uint16_t head[2] = {(uint16_t)kind_index(x->r, k), (uint16_t)field};

    /* What PostgreSQL cannot store as it is would come back as another value. */
    if (value.n > NAME_CAP - sizeof(head) || memchr(value.p, '\0', value.n) != NULL)
        return STR_NONE;
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), value.p, value.n);
    return (str){out, sizeof(head) + value.n};
}

static str number_name(const struct known *x, const struct kind *k, size_t field, int64_t id, char out[NAME_CAP])
{
    char hex[20];

    snprintf(hex, sizeof(hex), "%llx", (unsigned long long)id);
    return name_of(x, k, field, str_c(hex), out);
}

static void *entry(struct map *m, str name)
{
    struct map_slot *slot = name.n > 0 ? map_get(m, name) : NULL;

    return slot != NULL ? slot->v.ptr : NULL;
}

static struct known_ref *entry_new(struct arena *a, struct map *m, str name)
{
    struct known_ref *ref = entry(m, name);
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
    struct known_ref *ref = entry_new(a, m, name);

    if (ref != NULL)
        *ref = (struct known_ref){in->id, arena_str(a, in->key), arena_str(a, in->title)};
    if (a->failed && name.n > 0)
        map_del(m, name); /* then it is asked for */
}

static const struct known_ref *value_known(struct known *x, const struct kind *k, size_t field, str value)
{
    char name[NAME_CAP];

    return x != NULL && value.p != NULL ? entry(&x->refs, name_of(x, k, field, value, name)) : NULL;
}

const struct known_ref *known_key(struct known *x, const struct kind *k, str key)
{
    return value_known(x, k, BY_KEY, key);
}

const struct known_ref *known_unique(struct known *x, const struct kind *k, size_t field, str value)
{
    return value_known(x, k, field == k->key_field ? BY_KEY : field, value);
}

struct rec *known_rec(struct known *x, const struct kind *k, int64_t id)
{
    char name[NAME_CAP];

    return x != NULL ? entry(&x->recs, number_name(x, k, 0, id, name)) : NULL;
}

void known_learn_key(struct known *x, const struct kind *k, str key, const struct known_ref *ref)
{
    char name[NAME_CAP];

    if (x != NULL)
        entry_set(&x->a, &x->refs, name_of(x, k, BY_KEY, key, name), ref);
}

const struct known_ref *known_above(struct known *x, const struct kind *k, size_t field, int64_t id)
{
    char name[NAME_CAP];

    return x != NULL ? entry(&x->above, number_name(x, k, field, id, name)) : NULL;
}

void known_learn_above(struct known *x, const struct kind *k, size_t field, int64_t id, int64_t above, str key)
{
    char name[NAME_CAP];

    if (x != NULL)
        entry_set(&x->tree, &x->above, number_name(x, k, field, id, name),
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

bool known_plain(struct known *x, int64_t prefix)
{
    char hex[20];

    snprintf(hex, sizeof(hex), "%llx", (unsigned long long)prefix);
    return x != NULL && map_get(&x->plain, str_c(hex)) != NULL;
}

void known_learn_plain(struct known *x, int64_t prefix)
{
    char hex[20];
    bool fresh;

    snprintf(hex, sizeof(hex), "%llx", (unsigned long long)prefix);
    if (x != NULL)
        map_put(&x->plain, str_c(hex), &fresh);
}

/* ---- looking up */

static void want_add(struct known *x, struct want_list *l, const struct kind *k, size_t field, struct val v)
{
    struct want *w = arena_new(&x->a, struct want);

    if (w == NULL)
        return;
    if (v.type == VAL_TEXT)
        v.s = arena_str(&x->a, v.s);
    *w = (struct want){.k = k, .field = field, .v = v};
    *l->tail = w;
    l->tail = &w->next;
}

static void want_value(struct known *x, const struct kind *k, size_t field, str value)
{
    char name[NAME_CAP];
    str at = name_of(x, k, field, value, name);

    if (at.n > 0 && entry(&x->refs, at) == NULL && entry_new(&x->a, &x->refs, at) != NULL)
        want_add(x, &x->values, k, field, V_STR(value));
}

void known_want_key(struct known *x, const struct kind *k, str key) { want_value(x, k, BY_KEY, key); }

void known_want_unique(struct known *x, const struct kind *k, size_t field, str value)
{
    want_value(x, k, field == k->key_field ? BY_KEY : field, value);
}

void known_want_rec(struct known *x, const struct kind *k, int64_t id)
{
    if (known_rec(x, k, id) == NULL)
        want_add(x, &x->ids, k, 0, V_INT(id));
}

/* One question: what its answer belongs to. */
struct look {
    struct known *x;
    const struct kind *k;
    size_t field;
};

static bool value_row(void *ctx, const struct val *cols, size_t n)
{
    const struct look *l = ctx;
    struct known *x = l->x;
    char name[NAME_CAP];
    struct known_ref *ref = entry(&x->refs, name_of(x, l->k, l->field, cols[3].s, name));

    (void)n;
    if (ref != NULL)
        *ref = (struct known_ref){cols[0].i, arena_str(&x->a, cols[1].s), arena_str(&x->a, cols[2].s)};
    return true;
}

static bool rec_row(void *ctx, const struct val *cols, size_t n)
{
    const struct look *l = ctx;
    struct known *x = l->x;
    struct rec *rec = rec_new(&x->a, l->k);
    char name[NAME_CAP];
    bool fresh;

    (void)n;
    if (rec == NULL || !rec_from_row(&x->a, rec, cols))
        return false;
    struct map_slot *slot = map_put(&x->recs, number_name(x, l->k, 0, rec->id, name), &fresh);
    if (slot != NULL)
        slot->v.ptr = rec;
    return true;
}

/* Room for one more: for 8, and twice as many each time. */
static bool list_room(struct arena *a, struct id_list *l)
{
    if (l->n != 0 && (l->n < 8 || (l->n & (l->n - 1)) != 0))
        return true;
    size_t cap = l->n == 0 ? 8 : l->n * 2;
    int64_t *id = arena_array(a, int64_t, cap);
    struct ref_text *text = arena_array(a, struct ref_text, cap);
    if (id == NULL || text == NULL)
        return false;
    for (size_t i = 0; i < l->n; i++) {
        id[i] = l->id[i];
        text[i] = l->text[i];
    }
    l->id = id;
    l->text = text;
    return true;
}

static bool list_row(void *ctx, const struct val *cols, size_t n)
{
    const struct look *l = ctx;
    struct known *x = l->x;
    struct rec *rec = known_rec(x, l->k, cols[3].i);

    (void)n;
    if (rec == NULL)
        return true;
    struct id_list *list = &rec->refs[l->field];
    if (!list_room(&x->a, list))
        return false;
    list->id[list->n] = cols[0].i;
    list->text[list->n++] = (struct ref_text){arena_str(&x->a, cols[1].s), arena_str(&x->a, cols[2].s)};
    return true;
}

/* " IN (VALUES (?1), ...)": a table to join with, which PostgreSQL counts and hashes where a list of parameters is
 * gone through for each row. As many as one of few lengths, so that there are few texts; the last repeats. */
static size_t in_list(struct buf *b, struct val *p, size_t n)
{
    size_t want = n <= 8 ? 8 : n <= 64 ? 64 : LOOK_MAX;

    buf_z(b, p[0].type == VAL_INT ? " IN (VALUES (CAST(?1 AS BIGINT))" : " IN (VALUES (?1)");
    for (size_t i = 1; i < want; i++) {
        if (i >= n)
            p[i] = p[n - 1];
        buf_fmt(b, ", (?%zu)", i + 1);
    }
    buf_z(b, ")");
    return want;
}

static int look_ask(struct tx *tx, const struct look *in, struct buf *b, const struct val *p, size_t np, row_fn *fn,
                    struct err *e)
{
    struct look *l = arena_new(&in->x->a, struct look);

    buf_byte(b, 0);
    if (b->failed)
        return ERR(e, -ENOMEM, "registry.no_memory");
    if (l == NULL)
        return 0; /* known_look lets go of all */
    *l = *in;
    return tx_ask(tx, b->p, p, np, fn, l, e);
}

static int look_values(struct known *x, struct tx *tx, const struct want *w, struct val *p, size_t n, struct err *e)
{
    const struct kind *k = w->k;
    str key = k->fields[k->key_field].name, field = w->field == BY_KEY ? key : k->fields[w->field].name;
    struct buf b;

    buf_init(&b, SQL_MAX);
    buf_fmt(
        &b, "SELECT t.id, t.\"%.*s\", t.\"%.*s\", t.\"%.*s\" FROM \"%.*s\" t WHERE t.valid_to IS NULL AND t.\"%.*s\"",
        STR_ARGS(key), STR_ARGS(k->fields[k->title_field].name), STR_ARGS(field), STR_ARGS(k->name), STR_ARGS(field));
    size_t np = in_list(&b, p, n);
    int rc = look_ask(tx, &(struct look){x, k, w->field}, &b, p, np, value_row, e);
    buf_done(&b);
    return rc;
}

static int look_lists(struct known *x, struct tx *tx, const struct kind *k, struct val *p, size_t n, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < k->nfields && rc == 0; i++) {
        const struct field *f = &k->fields[i];
        const struct kind *t = f->type == FT_REFS ? schema_kind(x->r->sc, f->ref_kind) : NULL;
        struct buf b;
        if (t == NULL)
            continue;
        str key = t->fields[t->key_field].name;
        buf_init(&b, SQL_MAX);
        buf_fmt(&b,
                "SELECT x.ref_id, k.\"%.*s\", k.\"%.*s\", x.id FROM \"%.*s_%.*s\" x JOIN \"%.*s\" k ON k.id = x.ref_id"
                " WHERE x.id",
                STR_ARGS(key), STR_ARGS(t->fields[t->title_field].name), STR_ARGS(k->name), STR_ARGS(f->name),
                STR_ARGS(t->name));
        size_t np = in_list(&b, p, n);
        buf_fmt(&b, " ORDER BY k.\"%.*s\"", STR_ARGS(key));
        rc = look_ask(tx, &(struct look){x, k, i}, &b, p, np, list_row, e);
        buf_done(&b);
    }
    return rc;
}

static int look_recs(struct known *x, struct tx *tx, const struct want *w, struct val *p, size_t n, struct err *e)
{
    const struct kind_sql *ks = &x->r->sql[kind_index(x->r, w->k)];
    struct buf b;

    buf_init(&b, SQL_MAX);
    buf_fmt(&b, "SELECT %s FROM %s WHERE t.id", ks->cols, ks->from);
    size_t np = in_list(&b, p, n);
    int rc = look_ask(tx, &(struct look){x, w->k, 0}, &b, p, np, rec_row, e);
    buf_done(&b);
    return rc == 0 ? look_lists(x, tx, w->k, p, n, e) : rc;
}

typedef int look_fn(struct known *x, struct tx *tx, const struct want *w, struct val *p, size_t n, struct err *e);

/* Those that ask the same stand together. */
static int look_all(struct known *x, struct tx *tx, const struct want *w, look_fn *look, struct err *e)
{
    struct val *p = w != NULL ? reallocarray(NULL, LOOK_MAX, sizeof(*p)) : NULL;
    int rc = w != NULL && p == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : 0;

    while (w != NULL && rc == 0) {
        const struct want *first = w;
        size_t n = 0;
        for (; w != NULL && w->k == first->k && w->field == first->field && n < LOOK_MAX; w = w->next)
            p[n++] = w->v;
        rc = look(x, tx, first, p, n, e);
    }
    free(p);
    return rc;
}

int known_look(struct known *x, struct tx *tx, struct err *e)
{
    bool any = x->values.first != NULL || x->ids.first != NULL;
    int rc = look_all(x, tx, x->values.first, look_values, e);

    if (rc == 0)
        rc = look_all(x, tx, x->ids.first, look_recs, e);
    if (rc == 0 && any)
        rc = tx_flush(tx, e);
    lists_init(x);
    if (rc == 0 && x->a.failed) /* too much of it: each is asked for by itself */
        known_clear(x);
    return rc;
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
    char name[NAME_CAP];

    field = field == k->key_field ? BY_KEY : field;
    const struct known_ref *had = was.p != NULL ? value_known(x, k, field, was) : NULL;
    if (had != NULL && had->id == rec->id && !str_eq(was, is))
        entry_set(&x->a, &x->refs, name_of(x, k, field, was, name), &gone);
    if (is.p != NULL)
        entry_set(&x->a, &x->refs, name_of(x, k, field, is, name), &now);
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
    char name[NAME_CAP];

    if (x == NULL)
        return;
    const struct kind *k = fresh->k;
    bool living = fresh->valid_to == 0;
    map_del(&x->recs, number_name(x, k, 0, fresh->id, name));
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
    int64_t *last = &x->last[kind_index(x->r, k)];
    if (*last >= 0 && fresh->id > *last)
        *last = fresh->id;
}

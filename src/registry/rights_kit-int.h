/* Tests only: a record of every kind in every part of a small tree of units, and
 * the table of tests/rights/registry.tsv, which says by hand who may do what. */
#ifndef LUY_REGISTRY_RIGHTS_KIT_INT_H
#define LUY_REGISTRY_RIGHTS_KIT_INT_H
#include "registry/test-int.h"
#include "base/file.h"

enum kit_place { OWN, BELOW, OTHER, PLACES }; /* as an officer of GIUA sees it */
static const char *const place_unit[PLACES] = {"GIUA", "DUOI", "KHAC"};
enum { KIT_KINDS = 100, KIT_ROWS = 600 };
/* Beside what the schema demands: '@kind' is a record of that kind in the same place,
 * '@kind2' another one, '@!kind' a new one, '@!kind:state' one in a state, '#' a number that no other record has. */
static const struct {
    const char *kind, *more;
} kit_more[] = {
    {"maintenance_window", "{'ends_at':'2028-03-01T09:00:00Z'}"},
    {"room_entry", "{'person':'@person'}"},
    {"media_wipe", "{'device':'@device'}"},
    {"destruction", "{'device':'@device','witnesses':['@person2','@person3']}"},
    {"admission", "{'approvers':['@person','@person2']}"},
    {"prefix", "{'prefix':'10.#.0/24'}"},
    {"address", "{'ip':'10.^.#'}"},
    {"vlan", "{'code':'VLAN-#'}"},
    {"posture", "{'device':'@!device'}"},
    {"media_inventory", "{'code':'KK-#'}"},
    {"evidence", "{'clauses':['@clause']}"},
};
struct rights_row {
    str kind, from, to; /* of a step; from empty: a row of a kind */
    str sight, create, change_first, change_later, end_first, end_later, who;
};
struct kit {
    struct registry *r;
    struct arena a;
    const struct schema *sc;
    int64_t dep[KIT_KINDS][PLACES][4]; /* id of @kind, @kind2, @kind3 */
    int serial;
    struct rights_row *row;
    size_t nrows;
};
static const struct actor KIT_SYSTEM = {.name = {"system", 6}, .roles = ROLE_SYSTEM};

static inline int64_t kit_dep(struct kit *t, str kind, enum kit_place p, int n);
static inline json_t *kit_sample(struct kit *t, const struct kind *k, enum kit_place p);
static inline int64_t kit_create(struct kit *t, const struct kind *k, json_t *in, str state);

static inline json_t *kit_ref(struct kit *t, str word, enum kit_place p)
{
    int n = 1;

    word = str_sub(word, 1, SIZE_MAX);
    if (word.p[0] == '!') {
        str state = str_sub(word, 1, SIZE_MAX), kind;
        str_split(&state, ':', &kind);
        const struct kind *k = schema_kind(t->sc, kind);
        return json_integer(kit_create(t, k, kit_sample(t, k, p), state));
    }
    if (word.p[word.n - 1] >= '2' && word.p[word.n - 1] <= '3')
        n = word.p[--word.n] - '0';
    return json_integer(kit_dep(t, word, p, n));
}

static inline json_t *kit_value(struct kit *t, const struct field *f, enum kit_place p)
{
    char text[128];

    switch (f->type) {
    case FT_REF:
    case FT_REFS: {
        json_t *id = json_integer(kit_dep(t, f->ref_kind, p, 1));
        return f->type == FT_REF ? id : json_pack("[o]", id);
    }
    case FT_ENUM:
    case FT_LEVEL:
        return json_from_str(f->values[0].value);
    case FT_INT:
    case FT_DECIMAL:
        return json_integer(f->has_min ? f->min : 1);
    case FT_BOOL:
        return json_false();
    case FT_DATE:
        return json_string("2026-11-01");
    case FT_TIME:
        return json_string("2026-11-01T08:00:00Z");
    case FT_FQDN:
        snprintf(text, sizeof(text), "z%d.example", t->serial);
        return json_string(text);
    case FT_JSON:
        return json_object();
    case FT_FILE: {
        struct file_in in = {STR("bien-ban.txt"), STR("text/plain"), STR("Biên bản"), 1000};
        json_t *file = NULL;
        assert_int_equal(registry_upload(t->r, &KIT_SYSTEM, &in, &file, NULL), 0);
        return file;
    }
    default: /* as long as it must be */
        snprintf(text, sizeof(text), "K%0*d", f->has_min && f->min > 2 ? (int)f->min - 1 : 1, t->serial);
        return json_string(text);
    }
}

/* '@kind', '#' and '^' (serial of the dependency's prefix) put in. */
static inline json_t *kit_more_value(struct kit *t, const json_t *v, enum kit_place p)
{
    char text[64];

    if (json_is_array(v)) {
        json_t *out = json_array(), *one;
        size_t i;
        json_array_foreach(v, i, one) json_array_append_new(out, kit_more_value(t, one, p));
        return out;
    }
    str s = json_str(v);
    if (str_starts(s, STR("@")))
        return kit_ref(t, s, p);
    if (str_find(s, STR("10.#")) == 0) {
        snprintf(text, sizeof(text), "10.%d.%d.0/24", t->serial / 250, t->serial % 250);
    } else if (str_find(s, STR("10.^")) == 0) {
        json_t *px = NULL;
        struct err e;
        char id[24];
        snprintf(id, sizeof(id), "%lld", (long long)kit_dep(t, STR("prefix"), p, 1));
        assert_int_equal(registry_get(t->r, &KIT_SYSTEM, STR("prefix"), str_c(id), &px, &e), 0);
        str net = json_get_str(px, "key");
        snprintf(text, sizeof(text), "%.*s%d", (int)str_find(net, STR("0/24")), net.p, t->serial % 250 + 2);
        json_decref(px);
    } else if (str_ends(s, STR("#"))) {
        snprintf(text, sizeof(text), "%.*s%d", (int)s.n - 1, s.p, t->serial);
    } else {
        snprintf(text, sizeof(text), "%.*s", STR_ARGS(s));
    }
    return json_string(text);
}

/* A record of the kind that stands in a place, all its own. Caller owns. */
static inline json_t *kit_sample(struct kit *t, const struct kind *k, enum kit_place p)
{
    json_t *in = json_object(), *more = NULL, *v;
    char name[COL_MAX];
    const char *key;

    t->serial++;
    for (size_t i = 0; i < sizeof(kit_more) / sizeof(kit_more[0]); i++)
        if (str_eq(k->name, str_c(kit_more[i].kind)))
            more = J(kit_more[i].more);
    json_object_foreach(more, key, v) json_object_set_new(in, key, kit_more_value(t, v, p));
    for (size_t i = 0; i < k->nfields; i++) {
        const struct field *f = &k->fields[i];
        bool places = i == k->unit_field || i == k->via_field;
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(f->name));
        if ((!places && (!f->required || f->dflt.n > 0) && !(i == k->key_field && f->dflt.n == 0)) ||
            json_object_get(in, name) != NULL)
            continue;
        json_object_set_new(in, name, i == k->unit_field ? json_string(place_unit[p]) : kit_value(t, f, p));
    }
    if (str_eq(k->name, STR("unit")))
        json_object_set_new(in, "parent", json_string(place_unit[p]));
    json_decref(more);
    return in;
}

static inline int64_t kit_create(struct kit *t, const struct kind *k, json_t *in, str state)
{
    struct errs es;
    struct err e = {0};
    json_t *out = NULL;

    errs_init(&es, 5);
    if (state.n > 0)
        json_object_set_new(in, "state", json_from_str(state));
    if (registry_create(t->r, &KIT_SYSTEM, k->name, in, &out, &es, &e) < 0)
        fail_msg("%.*s in state %s: %s", STR_ARGS(k->name), S(state), fx_text(es.n > 0 ? &es.v[0] : &e));
    int64_t id = json_get_int(out, "id", 0);
    json_decref(in);
    json_decref(out);
    errs_done(&es);
    return id;
}

static inline int64_t kit_dep(struct kit *t, str kind, enum kit_place p, int n)
{
    const struct kind *k = schema_kind(t->sc, kind);
    size_t at = (size_t)(k - t->sc->kinds);

    if (t->dep[at][p][n] == 0)
        t->dep[at][p][n] = kit_create(t, k, kit_sample(t, k, p), STR_NONE);
    return t->dep[at][p][n];
}

static inline void kit_table(struct kit *t)
{
    char path[4096];
    struct err e;
    str text, line;

    snprintf(path, sizeof(path), "%s/tests/rights/registry.tsv",
             getenv("LUY_SOURCE") != NULL ? getenv("LUY_SOURCE") : ".");
    assert_int_equal(file_read(&t->a, path, 1 << 20, &text, &e), 0);
    t->row = arena_array(&t->a, struct rights_row, KIT_ROWS);
    while (str_split(&text, '\n', &line)) {
        str c[9] = {{0}};
        for (size_t i = 0; i < 9 && line.p != NULL; i++)
            str_split(&line, '\t', &c[i]);
        struct rights_row *row = &t->row[t->nrows];
        if (str_eq(c[0], STR("kind")))
            *row = (struct rights_row){.kind = c[1],
                                       .sight = c[2],
                                       .create = c[3],
                                       .change_first = c[4],
                                       .change_later = c[5],
                                       .end_first = c[6],
                                       .end_later = c[7]};
        else if (str_eq(c[0], STR("step")))
            *row = (struct rights_row){.kind = c[1], .from = c[2], .to = c[3], .who = c[4]};
        else
            continue;
        t->nrows++;
        assert_true(t->nrows < KIT_ROWS);
    }
}

static inline const struct rights_row *kit_find(const struct kit *t, str kind, str from, str to)
{
    for (size_t i = 0; i < t->nrows; i++)
        if (str_eq(t->row[i].kind, kind) && str_eq(t->row[i].from, from) && str_eq(t->row[i].to, to))
            return &t->row[i];
    return NULL;
}

static inline const struct rights_row *kit_row(const struct kit *t, str kind, str from, str to)
{
    const struct rights_row *row = kit_find(t, kind, from, to);

    assert_non_null(row); /* kit_missing has told of it */
    return row;
}

/* A sentence for each kind and each step of which the table does not speak. */
static inline void kit_missing(const struct kit *t, struct buf *out)
{
    for (size_t i = 0; i < t->sc->nkinds; i++) {
        const struct kind *k = &t->sc->kinds[i];
        if (kit_find(t, k->name, STR_NONE, STR_NONE) == NULL)
            buf_fmt(out, "tests/rights/registry.tsv does not say who may write the kind %.*s. ", STR_ARGS(k->name));
        for (size_t s = 0; s < k->ntransitions; s++) {
            const struct transition *x = &k->transitions[s];
            if (kit_find(t, k->name, x->from, x->to) == NULL)
                buf_fmt(out, "tests/rights/registry.tsv does not say who may take %.*s from %.*s to %.*s. ",
                        STR_ARGS(k->name), STR_ARGS(x->from), STR_ARGS(x->to));
        }
    }
    buf_byte(out, 0);
}

/* Units, and a record of every kind in every place. */
static inline void kit_open(struct kit *t, struct registry *r)
{
    static const char *const units[] = {"{'code':'TREN','name':'Tỉnh','tier':'province'}",
                                        "{'code':'GIUA','name':'Sở','tier':'department','parent':'TREN'}",
                                        "{'code':'DUOI','name':'Phòng','tier':'department','parent':'GIUA'}",
                                        "{'code':'KHAC','name':'Xã','tier':'commune','parent':'TREN'}"};

    *t = (struct kit){.r = r, .sc = registry_schema(r), .a = arena_init(4 << 20)};
    assert_true(t->sc->nkinds <= KIT_KINDS);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        kit_create(t, schema_kind(t->sc, STR("unit")), J(units[i]), STR_NONE);
    for (size_t i = 0; i < t->sc->nkinds; i++)
        for (enum kit_place p = 0; p < PLACES; p++)
            kit_dep(t, t->sc->kinds[i].name, p, 1);
    kit_table(t);
    struct buf missing;
    buf_init(&missing, 1 << 20);
    kit_missing(t, &missing);
    if (missing.n > 1)
        fail_msg("%s", missing.p);
    buf_done(&missing);
}
#endif

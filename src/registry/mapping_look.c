/* What a mapping asks the registry: which key has the record of that name, is
 * there such a record, which prefix holds this address. Each kind's names and
 * the prefixes are read once, and only what the writer may see. */
#include "registry/mapping-run-int.h"
#include <errno.h>

enum { CODE_MAX = 40, LOOK_MAX = 1 << 20 };

static str name_key(struct run *x, const struct kind *k, str name)
{
    return arena_fmt(&x->im->row, "%.*s\n%.*s", STR_ARGS(k->name), STR_ARGS(name));
}

/* "network=INTRA,unit=VP" against the parameters of the mapping. */
static void take_params(struct run *x)
{
    str rest = x->im->in->with, pair;
    struct err fe = {0};

    for (size_t i = 0; i < x->m->nparams; i++)
        x->params[i] = x->m->params[i].dflt;
    while (rest.n > 0 && str_split(&rest, ',', &pair)) {
        str name;
        bool found = false;
        str_split(&pair, '=', &name);
        for (size_t i = 0; i < x->m->nparams; i++)
            if (str_eq(str_trim(name), x->m->params[i].name)) {
                x->params[i] = str_trim(pair);
                found = true;
            }
        if (!found) {
            ERR(&fe, -EINVAL, "registry.map_param_unknown", S(name));
            errs_add(x->im->w->es, &fe);
            x->im->w->mistakes++;
        }
    }
    for (size_t i = 0; i < x->m->nparams; i++)
        if (x->params[i].n == 0 && x->m->params[i].dflt.p == NULL) {
            ERR(&fe, -EINVAL, "registry.map_param", S(x->m->params[i].name), "");
            err_label(&fe, 1, x->m->params[i].label.vi, x->m->params[i].label.en);
            errs_add(x->im->w->es, &fe);
            x->im->w->mistakes++;
        }
}

int map_open(struct run *x, struct err *e)
{
    map_init(&x->folded, 10000);
    map_init(&x->names, LOOK_MAX);
    map_init(&x->known, LOOK_MAX);
    map_init(&x->prefix, LOOK_MAX);
    x->named = arena_array(&x->out->a, bool, x->im->w->r->sc->nkinds);
    if (x->named == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    take_params(x);
    return 0;
}

void map_close(struct run *x)
{
    map_done(&x->folded);
    map_done(&x->names);
    map_done(&x->known);
    map_done(&x->prefix);
    free(x->keys);
}

struct taking {
    struct run *x;
    const struct kind *k;
    int rc;
};

static bool take_name(void *ctx, const struct val *cols, size_t n)
{
    struct taking *t = ctx;
    struct run *x = t->x;
    bool fresh;

    (void)n;
    struct map_slot *slot = map_put(&x->names, name_key(x, t->k, cols[1].s), &fresh);
    arena_clear(&x->im->row);
    if (x->nkeys == x->cap_keys) {
        size_t cap = x->cap_keys == 0 ? 256 : x->cap_keys * 2;
        str *more = reallocarray(x->keys, cap, sizeof(*more));
        if (more == NULL)
            slot = NULL;
        else {
            x->keys = more;
            x->cap_keys = cap;
        }
    }
    if (slot == NULL) {
        t->rc = -ENOMEM;
        return false;
    }
    slot->v.num = fresh ? (int64_t)x->nkeys : -1;
    x->keys[x->nkeys++] = arena_str(&x->out->a, cols[0].s);
    return true;
}

static bool take_prefix(void *ctx, const struct val *cols, size_t n)
{
    struct taking *t = ctx;
    bool fresh;

    (void)n;
    if (map_put(&t->x->prefix, cols[0].s, &fresh) == NULL)
        t->rc = -ENOMEM;
    return t->rc == 0;
}

/* SELECT key, title of what lives and may be seen. */
static int read_kind(struct run *x, const struct kind *k, row_fn *fn, struct err *e)
{
    struct taking t = {.x = x, .k = k};
    struct val p[PARAMS_MAX];
    size_t np = 0;
    struct buf sql;

    buf_init(&sql, SQL_MAX);
    buf_fmt(&sql, "SELECT t.%.*s, t.%.*s FROM %.*s t WHERE t.valid_to IS NULL", STR_ARGS(k->fields[k->key_field].name),
            STR_ARGS(k->fields[k->title_field].name), STR_ARGS(k->name));
    scope_sql(x->im->w->r, &x->im->w->scope, k, "t", &sql, p, &np);
    buf_byte(&sql, 0);
    int rc = sql.failed ? -ENOMEM : tx_query(x->im->w->tx, sql.p, p, np, fn, &t, e);
    buf_done(&sql);
    rc = rc < 0 ? rc : t.rc;
    return rc == -ENOMEM ? ERR(e, -ENOMEM, "registry.no_memory") : rc;
}

/* The key of the only record with this name; STR_NONE: there is none. */
static str by_name(struct run *x, const struct kind *k, const struct sheet_row *l, str name, str column)
{
    size_t at = kind_index(x->im->w->r, k);
    struct err fe = {0};

    if (!x->named[at] && k->title_field != k->key_field) {
        x->rc = read_kind(x, k, take_name, x->e);
        x->named[at] = true;
    }
    struct map_slot *slot = x->rc == 0 ? map_get(&x->names, name_key(x, k, name)) : NULL;
    if (slot == NULL)
        return STR_NONE;
    if (slot->v.num >= 0)
        return x->keys[slot->v.num];
    ERR(&fe, -EINVAL, "registry.map_ambiguous", S(name), S(k->name));
    row_fault(x->im, x->src, l, column, &fe);
    return STR_NONE;
}

static str as_code(struct arena *a, str s)
{
    str f = text_fold(a, s);
    char *out = arena_alloc(a, CODE_MAX + 2);
    size_t n = 0;
    bool digits = true;

    if (out == NULL)
        return STR_NONE;
    for (size_t i = 0; i < f.n && n < CODE_MAX; i++) {
        char c = f.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
        if (!plain && (n == 0 || out[n - 1] == '-'))
            continue;
        out[n++] = plain ? (char)(c >= 'a' && c <= 'z' ? c - 32 : c) : '-';
        digits &= c >= '0' && c <= '9';
    }
    while (n > 0 && out[n - 1] == '-')
        n--;
    /* A key is never digits alone. */
    if (n > 0 && digits) {
        memmove(out + 1, out, n);
        out[0] = 'N';
        n++;
    }
    return (str){out, n};
}

static str as_case(struct arena *a, str s, bool upper)
{
    char *out = arena_alloc(a, s.n + 1);

    for (size_t i = 0; out != NULL && i < s.n; i++) {
        char c = s.p[i];
        bool turn = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
        out[i] = (char)(turn ? c ^ 32 : c);
    }
    return out != NULL ? (str){out, s.n} : STR_NONE;
}

static str prefix_text(struct run *x, struct ip ip, unsigned len)
{
    struct prefix p = {.ip = ip, .len = (uint8_t)len};
    char text[PREFIX_TEXT_MAX];

    for (unsigned i = 0; i < 16; i++) {
        unsigned keep = len > i * 8 ? len - i * 8 : 0;
        p.ip.b[i] &= (uint8_t)(keep >= 8 ? 0xff : 0xff00 >> keep);
    }
    return arena_str(&x->out->a, (str){text, prefix_fmt(p, text, sizeof(text))});
}

/* 10.1.2.3/24 or 10.1.2.3; without a length it is that of a single address. */
static bool ip_and_len(str s, struct ip *ip, unsigned *len)
{
    str rest = s, head;
    int64_t n;

    str_split(&rest, '/', &head);
    if (!ip_parse(str_trim(head), ip))
        return false;
    *len = ip->family == 4 ? 32 : 128;
    if (rest.p == NULL)
        return true;
    bool good = str_i64(str_trim(rest), &n) && n >= 0 && n <= (int64_t)*len;
    *len = good ? (unsigned)n : *len;
    return good;
}

static str narrowest(struct run *x, const struct sheet_row *l, str s, struct ip ip, str column)
{
    struct err fe = {0};
    const struct kind *k = schema_kind(x->im->w->r->sc, STR("prefix"));

    if (!x->prefixes_read && k != NULL) {
        x->rc = read_kind(x, k, take_prefix, x->e);
        x->prefixes_read = true;
    }
    for (unsigned len = ip.family == 4 ? 33 : 129; len-- > 0 && x->rc == 0;) {
        str p = prefix_text(x, ip, len);
        if (map_get(&x->prefix, p) != NULL)
            return p;
    }
    if (x->rc == 0) {
        ERR(&fe, -EINVAL, "registry.map_no_prefix", S(s));
        row_fault(x->im, x->src, l, column, &fe);
    }
    return STR_NONE;
}

str map_way(struct run *x, const struct map_record *rec, const struct map_rule *r, const struct sheet_row *l, str s,
            str column)
{
    struct arena *a = &x->out->a;
    struct ip ip;
    unsigned len;

    if (r->by_name) {
        const struct field *f = &rec->k->fields[r->field];
        const struct kind *k = f->type == FT_REF ? schema_kind(x->im->w->r->sc, f->ref_kind) : rec->k;
        str key = by_name(x, k, l, s, column);
        if (key.n > 0 || x->rc < 0)
            return key;
    }
    switch (r->as) {
    case AS_CODE:
        return as_code(a, s);
    case AS_UPPER:
    case AS_LOWER:
        return as_case(a, s, r->as == AS_UPPER);
    case AS_HOST:
        return str_trim(str_sub(s, 0, str_find(s, STR("/"))));
    case AS_NETWORK:
        return ip_and_len(s, &ip, &len) ? prefix_text(x, ip, len) : s; /* the import says what is wrong */
    case AS_PREFIX:
        return ip_and_len(s, &ip, &len) ? narrowest(x, l, s, ip, column) : s;
    default:
        return s;
    }
}

int map_known(struct run *x, const struct kind *k, str key, bool registry, bool *known, struct err *e)
{
    bool fresh = true;
    int64_t id = 0;

    if (str_eq(k->name, STR("prefix")) && map_put(&x->prefix, key, &fresh) == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    if (map_put(&x->known, name_key(x, k, key), &fresh) == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    int rc = fresh && registry ? rec_find_key(x->im->w->tx, &x->im->row, k, key, true, &id, e) : 0;
    arena_clear(&x->im->row);
    *known = !fresh || id != 0;
    return rc;
}

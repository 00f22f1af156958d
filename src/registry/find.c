/* A question to the index (find_search.c answers it in numbers of records), the
 * best of each kind, and those of them that the actor may see. */
#include "registry/find-int.h"
#include "registry/addr-int.h"
#include "base/json.h"
#include <errno.h>

enum { SCOPED_KEEP = 400 };

static const char *const match_names[] = {
    [MATCH_NEAR] = "near",   [MATCH_PART] = "part",   [MATCH_WORD_START] = "part", [MATCH_WORD] = "word",
    [MATCH_HOLDS] = "holds", [MATCH_START] = "start", [MATCH_KEY] = "key"};

struct shown {
    struct finding *f;
    json_t *hits; /* by place in best.v */
    const struct best *b;
    bool host; /* the title is a host name */
};

static bool shown_row(void *ctx, const struct val *c, size_t n)
{
    struct shown *s = ctx;

    (void)n;
    for (size_t i = 0; i < s->b->n; i++) {
        if (s->b->v[i].id != c[0].i)
            continue;
        str title = c[2].type == VAL_TEXT && c[2].s.n > 0 ? c[2].s : c[1].s;
        json_array_set_new(s->hits, i,
                           json_pack("{s:I, s:o, s:o, s:o, s:s}", "id", (json_int_t)c[0].i, "key",
                                     json_from_str(c[1].s), "title", s->host ? host_json(title) : json_from_str(title),
                                     "state", json_from_str(c[3].s), "match", match_names[s->b->v[i].m]));
    }
    return true;
}

/* The records of the hits that the actor may see, in the order of the hits; the rest stays null. */
static int fetch(struct finding *f, const struct kind *k, const struct best *b, json_t *hits, struct err *e)
{
    struct shown s = {f, hits, b, k->fields[k->title_field].type == FT_FQDN};
    struct val p[2];
    size_t np = 0;
    struct buf sql;

    for (size_t i = 0; i < b->n; i++)
        json_array_append_new(hits, json_null());
    buf_init(&sql, 65536);
    buf_fmt(&sql, "SELECT t.id, t.\"%.*s\", t.\"%.*s\", t.state FROM \"%.*s\" t WHERE t.valid_to IS NULL AND t.id IN (",
            STR_ARGS(k->fields[k->key_field].name), STR_ARGS(k->fields[k->title_field].name), STR_ARGS(k->name));
    for (size_t i = 0; i < b->n; i++)
        buf_fmt(&sql, "%s%lld", i > 0 ? "," : "", (long long)b->v[i].id);
    buf_z(&sql, ")");
    scope_sql(f->r, &f->scope, k, "t", &sql, p, &np);
    buf_byte(&sql, 0);
    int rc = sql.failed ? ERR(e, -ENOMEM, "registry.no_memory") : tx_query(f->tx, sql.p, p, np, shown_row, &s, e);
    buf_done(&sql);
    return rc;
}

struct group {
    json_t *o;
    struct hit top;
    size_t kind;
};

static int group_make(struct finding *f, size_t kind, struct group *out, struct err *e)
{
    const struct kind *k = &f->r->sc->kinds[kind];
    const struct best *b = &f->best[kind];
    json_t *all = json_array(), *hits = json_array();
    int rc = fetch(f, k, b, all, e);
    size_t seen = 0;

    for (size_t i = 0; rc == 0 && i < b->n; i++) {
        json_t *h = json_array_get(all, i);
        if (!json_is_object(h))
            continue;
        if (seen++ == 0)
            out->top = b->v[i];
        if (seen <= f->limit)
            json_array_append(hits, h);
    }
    json_decref(all);
    if (rc < 0 || seen == 0) {
        json_decref(hits);
        return rc;
    }
    out->kind = kind;
    out->o = json_pack("{s:o, s:{s:o, s:o}, s:b, s:o}", "kind", json_from_str(k->name), "label", "vi",
                       json_from_str(k->label.vi), "en", json_from_str(k->label.en), "more",
                       seen > f->limit || (f->scope.all && b->total > b->n), "hits", hits);
    return 0;
}

static int by_top(const void *a, const void *b)
{
    const struct group *x = a, *y = b;

    if (hit_better(&x->top, &y->top) != hit_better(&y->top, &x->top))
        return hit_better(&x->top, &y->top) ? -1 : 1;
    return x->kind < y->kind ? -1 : x->kind > y->kind;
}

static int groups_make(struct finding *f, json_t *out, struct err *e)
{
    struct group *g = arena_array(f->a, struct group, f->r->sc->nkinds);
    size_t n = 0;
    int rc = g == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : 0;

    for (size_t i = 0; i < f->r->sc->nkinds && rc == 0; i++) {
        if (f->best[i].n == 0)
            continue;
        rc = group_make(f, i, &g[n], e);
        n += g[n].o != NULL;
    }
    if (n > 0)
        qsort(g, n, sizeof(*g), by_top);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, g[i].o);
    return rc;
}

/* An address is also found in the prefixes that hold it, the innermost first. */
struct holders {
    struct finding *f;
    uint32_t rank;
};

static bool holder_row(void *ctx, const struct val *c, size_t n)
{
    struct holders *h = ctx;
    size_t kind = kind_index(h->f->r, schema_kind(h->f->r->sc, STR("prefix")));

    (void)n;
    if (c[0].i < (int64_t)h->f->x->at[kind].n && h->f->x->at[kind].doc[c[0].i] != 0)
        find_keep(h->f, h->f->x->at[kind].doc[c[0].i] - 1, MATCH_HOLDS, h->rank++);
    return true;
}

static int holders(struct finding *f, str q, struct err *e)
{
    struct holders h = {f, 0};
    char bin[IP_BIN_MAX];
    struct ip ip;

    if (!ip_parse(str_trim(q), &ip) || !addr_known(f->r) ||
        (f->only != SIZE_MAX && !str_eq(f->r->sc->kinds[f->only].name, STR("prefix"))))
        return 0;
    ip_bin(ip, bin);
    return tx_query(
        f->tx,
        "SELECT id FROM prefix WHERE COALESCE(prefix_bin, '') <= ?1 AND prefix_end >= ?1 AND valid_to IS NULL"
        " ORDER BY COALESCE(prefix_bin, '') DESC, prefix_end LIMIT 5",
        VALS(V_Z(bin)), holder_row, &h, e);
}

static int by_rank(const void *a, const void *b) { return hit_better(a, b) ? -1 : hit_better(b, a) ? 1 : 0; }

static int find_in(struct finding *f, str q, json_t *groups, struct err *e)
{
    int rc = find_index_sync(f->x, f->r, f->tx, e);

    if (rc < 0)
        return rc;
    pthread_rwlock_rdlock(&f->x->lock);
    find_search(f, q);
    rc = holders(f, q, e);
    pthread_rwlock_unlock(&f->x->lock);
    for (size_t i = 0; i < f->r->sc->nkinds; i++) /* another spelling may have raised one */
        if (f->best[i].n > 0)
            qsort(f->best[i].v, f->best[i].n, sizeof(struct hit), by_rank);
    if (rc == 0 && f->a->failed)
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    return rc == 0 ? groups_make(f, groups, e) : rc;
}

int registry_find(struct registry *r, const struct actor *who, str q, str kind, size_t limit, json_t **out,
                  struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    struct finding f = {.r = r, .x = r->find, .a = &a, .only = SIZE_MAX};
    json_t *groups = json_array();
    const struct kind *k = kind.n > 0 ? kind_want(r, kind, e) : NULL;
    int rc = kind.n > 0 && k == NULL ? -ENOENT : scope_read(who, &f.scope, e);

    f.only = k != NULL ? kind_index(r, k) : SIZE_MAX;
    f.limit = limit == 0 ? FIND_LIMIT : limit > FIND_LIMIT_MAX ? FIND_LIMIT_MAX : limit;
    /* One who sees a part may see none of the best: more are looked up for him. */
    f.keep = f.scope.all ? f.limit + 1 : SCOPED_KEEP;
    f.best = arena_array(&a, struct best, r->sc->nkinds);
    if (rc == 0 && q.n > FIND_TEXT_MAX)
        rc = ERR(e, -E2BIG, "registry.find_long", N(FIND_TEXT_MAX));
    if (rc == 0 && f.best == NULL)
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &f.tx, e)) == 0) {
        rc = find_in(&f, q, groups, e);
        store_rollback(f.tx);
    }
    if (rc == 0)
        *out = json_pack("{s:o, s:o}", "q", json_from_str(q), "groups", groups);
    else
        json_decref(groups);
    arena_free(&a);
    return rc;
}

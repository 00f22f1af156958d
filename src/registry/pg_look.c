/* What SQL of a pack would do, before it runs. PostgreSQL has no authorizer, and a
 * role of its own would need rights that the operator may not give. So each
 * text is looked through as PostgreSQL itself understood it: it is made the body
 * of a temporary function in a transaction that is taken back, and the stored
 * parse tree (pg_proc.prosqlbody) says every table, every function and every
 * kind of expression in it, before any of it is planned or run. Only what is on a
 * list passes. Which texts passed is remembered by their hash.
 *
 * Any thread; each call borrows a connection. */
#include "registry/dialect.h"
#include "registry/pg-int.h"
#include <errno.h>

enum { TREE_MAX = 8 << 20, ONE_ARENA = 32 << 20 };

/* nodes/primnodes.h, nodes/parsenodes.h of PostgreSQL 15, as outfuncs.c names them. */
static const char *const nodes[] = {
    "AGGREF",
    "ALIAS",
    "ARRAYEXPR",
    "BOOLEANTEST",
    "BOOLEXPR",
    "CASEEXPR",
    "CASETESTEXPR",
    "CASEWHEN",
    "COALESCEEXPR",
    "COERCEVIAIO",
    "COLLATEEXPR",
    "COMMONTABLEEXPR",
    "CONST",
    "DISTINCTEXPR",
    "FROMEXPR",
    "FUNCEXPR",
    "JOINEXPR",
    "MINMAXEXPR",
    "NULLIFEXPR",
    "NULLTEST",
    "OPEXPR",
    "PARAM",
    "QUERY",
    "RANGETBLENTRY",
    "RANGETBLREF",
    "RELABELTYPE",
    "ROWCOMPAREEXPR",
    "ROWEXPR",
    "SCALARARRAYOPEXPR",
    "SETOPERATIONSTMT",
    "SORTGROUPCLAUSE",
    "SUBLINK",
    "TARGETENTRY",
    "VAR",
    "WINDOWCLAUSE",
    "WINDOWFUNC",
};

struct look {
    struct pg_store *s;
    struct pg_conn *c;
    const struct foreign_query *fq;
    struct arena a;
    str *table; /* of the schema luy, beside their numbers */
    Oid *oid;
    size_t ntable, cap;
    char denied[100];
};

static int oid_cmp(const void *a, const void *b)
{
    Oid x = *(const Oid *)a, y = *(const Oid *)b;

    return x < y ? -1 : x > y;
}

struct fns {
    Oid *v;
    size_t n, cap;
};

static bool fn_row(void *ctx, const struct val *cols, size_t n)
{
    struct fns *f = ctx;

    (void)n;
    if (f->n < f->cap)
        f->v[f->n++] = (Oid)cols[0].i;
    return true;
}

/* The functions by name, ours and those of PostgreSQL that always answer alike,
 * and what its own casts call. */
static int functions_load(struct look *l, struct err *e)
{
    struct fns f = {.cap = 4096};
    struct buf b;
    int rc;

    pthread_mutex_lock(&l->s->lock);
    bool have = l->s->fn != NULL;
    pthread_mutex_unlock(&l->s->lock);
    if (have)
        return 0;
    f.v = reallocarray(NULL, f.cap, sizeof(*f.v));
    buf_init(&b, 1 << 16);
    buf_z(&b, "SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE"
              " (n.nspname = 'luy_sql' AND p.prolang <> 13) OR (n.nspname = 'pg_catalog' AND p.provolatile = 'i' AND "
              "p.proname IN ('btrim'");
    for (size_t i = 0; dialect_functions[i] != NULL; i++)
        buf_fmt(&b, ", '%s'", dialect_functions[i]);
    buf_z(&b, ")) UNION SELECT castfunc FROM pg_catalog.pg_cast WHERE castfunc > 0 AND castfunc < 16384");
    buf_byte(&b, 0);
    rc = f.v == NULL || b.failed ? ERR(e, -ENOMEM, "store.no_memory") : pg_run(l->c, b.p, NO_VALS, fn_row, &f, NULL, e);
    buf_done(&b);
    if (rc < 0) {
        free(f.v);
        return rc;
    }
    qsort(f.v, f.n, sizeof(*f.v), oid_cmp);
    pthread_mutex_lock(&l->s->lock);
    if (l->s->fn == NULL) { /* else another thread was first */
        l->s->fn = f.v;
        l->s->nfn = f.n;
        f.v = NULL;
    }
    pthread_mutex_unlock(&l->s->lock);
    free(f.v);
    return 0;
}

static bool table_row(void *ctx, const struct val *cols, size_t n)
{
    struct look *l = ctx;

    (void)n;
    if (l->ntable < l->cap) {
        l->oid[l->ntable] = (Oid)cols[0].i;
        l->table[l->ntable++] = arena_str(&l->a, cols[1].s);
    }
    return true;
}

static int tables_load(struct look *l, struct err *e)
{
    l->cap = 4096;
    l->oid = arena_array(&l->a, Oid, l->cap);
    l->table = arena_array(&l->a, str, l->cap);
    if (l->oid == NULL || l->table == NULL)
        return ERR(e, -ENOMEM, "store.no_memory");
    return pg_run(l->c,
                  "SELECT c.oid, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid ="
                  " c.relnamespace WHERE n.nspname = 'luy' AND c.relkind = 'r'",
                  NO_VALS, table_row, l, NULL, e);
}

static void deny(struct look *l, const char *what, str name)
{
    if (l->denied[0] == '\0')
        snprintf(l->denied, sizeof(l->denied), "%s %.*s", what, STR_ARGS(name));
}

static bool name_row(void *ctx, const struct val *cols, size_t n)
{
    (void)n;
    snprintf(ctx, 80, "%.*s", STR_ARGS(cols[0].s));
    return false;
}

static void deny_oid(struct look *l, const char *what, const char *sql, str oid)
{
    char name[80] = "?";
    int64_t id = 0;

    str_i64(oid, &id);
    pg_run(l->c, sql, VALS(V_INT(id)), name_row, name, NULL, NULL);
    deny(l, what, str_c(name));
}

static void see_function(struct look *l, str oid)
{
    int64_t id;
    Oid key;

    key = str_i64(oid, &id) ? (Oid)id : 0;
    if (bsearch(&key, l->s->fn, l->s->nfn, sizeof(key), oid_cmp) == NULL)
        deny_oid(l, "function", "SELECT proname FROM pg_catalog.pg_proc WHERE oid = ?1", oid);
}

static void see_table(struct look *l, str oid)
{
    int64_t id;

    if (!str_i64(oid, &id))
        id = -1;
    for (size_t i = 0; i < l->ntable; i++)
        if (l->oid[i] == (Oid)id && dialect_table(l->fq, l->table[i])) {
            dialect_reads(l->fq, l->table[i]);
            return;
        }
    if (id != 0)
        deny_oid(l, "read", "SELECT relname FROM pg_catalog.pg_class WHERE oid = ?1", oid);
}

static bool node_known(str name)
{
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
        if (str_eq(name, str_c(nodes[i])))
            return true;
    return false;
}

/* A tree is "{NAME :field value ...}" with spaces between; a space, bracket or
 * backslash within a name has a backslash before it (outfuncs.c, outToken). */
static str token_next(str *rest)
{
    size_t i = 0, n;

    while (i < rest->n && (rest->p[i] == ' ' || rest->p[i] == '\n'))
        i++;
    for (n = i; n < rest->n && strchr(" \n{}()", rest->p[n]) == NULL; n++)
        n += rest->p[n] == '\\';
    if (n == i && n < rest->n)
        n++;
    str t = str_sub(*rest, i, n - i);
    *rest = str_sub(*rest, n, SIZE_MAX);
    return t;
}

static void tree_look(struct look *l, str tree)
{
    static const struct {
        str field;
        void (*see)(struct look *, str);
    } fields[] = {
        {{":funcid", 7}, see_function},
        {{":aggfnoid", 9}, see_function},
        {{":winfnoid", 9}, see_function},
        {{":relid", 6}, see_table},
    };
    for (str t = token_next(&tree); t.n > 0; t = token_next(&tree)) {
        if (str_eq(t, STR("{"))) {
            t = token_next(&tree);
            if (!node_known(t))
                deny(l, "expression", t);
            continue;
        }
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
            if (str_eq(t, fields[i].field))
                fields[i].see(l, token_next(&tree));
    }
}

struct copy {
    struct arena *a;
    str s;
};

static bool tree_row(void *ctx, const struct val *cols, size_t n)
{
    struct copy *x = ctx;

    (void)n;
    x->s = arena_str(x->a, cols[0].s);
    return false;
}

static const char *type_of(const struct val *v)
{
    return v->type == VAL_INT ? "bigint" : v->type == VAL_REAL ? "double precision" : "text";
}

/* Makes the function, reads its tree, takes all back. */
static int look_through(struct look *l, str text, struct err *e)
{
    struct copy tree = {.a = &l->a};
    struct buf b;
    PGresult *res;
    int rc = functions_load(l, e);

    if (rc == 0)
        rc = tables_load(l, e);
    if (rc < 0)
        return rc;
    buf_init(&b, 1 << 18);
    buf_z(&b, "CREATE FUNCTION pg_temp.luy_look(");
    for (size_t i = 0; i < l->fq->nparams; i++)
        buf_fmt(&b, "%s%s", i > 0 ? ", " : "", type_of(&l->fq->params[i].v));
    buf_z(&b, ") RETURNS SETOF integer LANGUAGE sql BEGIN ATOMIC SELECT 1 FROM (");
    buf_str(&b, text);
    buf_z(&b, ") luy_look; END");
    buf_byte(&b, 0);
    if (b.failed) {
        buf_done(&b);
        return ERR(e, -ENOMEM, "store.no_memory");
    }
    res = PQexecParams(l->c->db, b.p, 0, NULL, NULL, NULL, NULL, 0);
    rc = PQresultStatus(res) == PGRES_COMMAND_OK ? 0 : pg_text_fail(l->c->db, res, l->fq->timeout_ms, e);
    PQclear(res);
    buf_done(&b);
    if (rc == 0)
        rc = pg_run(l->c,
                    "SELECT prosqlbody::text FROM pg_catalog.pg_proc WHERE proname = 'luy_look' AND pronamespace ="
                    " pg_catalog.pg_my_temp_schema()",
                    NO_VALS, tree_row, &tree, NULL, e);
    if (rc < 0)
        return rc;
    if (tree.s.n == 0 || tree.s.n > TREE_MAX)
        return ERR(e, -EINVAL, "store.foreign_sql", "too large");
    tree_look(l, tree.s);
    return l->denied[0] != '\0' ? ERR(e, -EACCES, "store.foreign_denied", l->denied) : 0;
}

static struct sha256 text_hash(const struct foreign_query *fq, str text)
{
    struct buf b;
    struct sha256 h = {0};

    buf_init(&b, 1 << 20);
    buf_str(&b, text);
    for (size_t i = 0; i < fq->nparams; i++)
        buf_fmt(&b, "|%d", (int)fq->params[i].v.type);
    for (size_t i = 0; fq->tables != NULL && fq->tables[i] != NULL; i++)
        buf_fmt(&b, ",%s", fq->tables[i]);
    if (!b.failed)
        h = sha256(buf_view(&b));
    buf_done(&b);
    return h;
}

static bool approved(struct pg_store *s, const struct sha256 *h)
{
    bool found = false;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->napproved && i < PG_APPROVED && !found; i++)
        found = memcmp(s->approved[i].b, h->b, sizeof(h->b)) == 0;
    pthread_mutex_unlock(&s->lock);
    return found;
}

int pg_look(struct pg_store *s, const struct foreign_query *fq, str text, struct err *e)
{
    struct sha256 h = text_hash(fq, text);
    struct look l = {.s = s, .fq = fq, .a = arena_init(ONE_ARENA)};
    int rc = 0;

    if ((fq->reads != NULL || !approved(s, &h)) && (rc = pg_lend(s, &s->foreign, "BEGIN", &l.c, e)) == 0) {
        rc = look_through(&l, text, e);
        pg_plain(l.c, "ROLLBACK", NULL);
        pg_return(&s->foreign, l.c);
        if (rc == 0) {
            pthread_mutex_lock(&s->lock);
            s->approved[s->napproved++ % PG_APPROVED] = h;
            pthread_mutex_unlock(&s->lock);
        }
    }
    arena_free(&l.a);
    return rc;
}

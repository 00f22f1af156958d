/* Statements of one connection: a cache by SQL text, parameters, rows, and what
 * an SQLSTATE means to us. A connection belongs to one thread at a time. */
#include "registry/pg-int.h"
#include "base/text.h"
#include <errno.h>

enum { COLS_MAX = 512 };

/* PostgreSQL 15, appendix A: error codes by class (two letters) or whole. The
 * longer one stands first. */
static const struct {
    const char *state;
    int code;
    const char *key;
} states[] = {
    {"23503", -EINVAL, "store.broken_ref"}, {"23", -EINVAL, "store.constraint"},
    {"25006", -EROFS, "store.read_only"},   {"25P02", -EIO, "store.lost"},
    {"40", -EAGAIN, "store.retry"},         {"53100", -ENOSPC, "store.full"},
    {"53200", -ENOMEM, "store.no_memory"},  {"53300", -EBUSY, "store.busy"},
    {"54", -E2BIG, "store.too_big"},        {"55P03", -EBUSY, "store.busy"},
    {"57014", -ETIME, "store.late"},        {"57P", -EAGAIN, "store.gone"},
    {"08", -EAGAIN, "store.gone"},          {"58", -EIO, "store.io"},
    {"XX001", -EIO, "store.corrupt"},       {"XX002", -EIO, "store.corrupt"},
};

bool pg_lost(PGconn *db) { return PQstatus(db) != CONNECTION_OK; }

/* A statement that could not even be sent leaves the status as it was: only
 * who reads hears that the other end is gone. */
bool pg_died(PGconn *db, const PGresult *res)
{
    if (!pg_lost(db) && (res == NULL || PQresultErrorField(res, PG_DIAG_SQLSTATE) == NULL))
        PQconsumeInput(db);
    return pg_lost(db);
}

/* 'Key (serial)=(x) already exists.' of table device -> "device.serial" */
static int fail_unique(const PGresult *res, struct err *e)
{
    const char *table = PQresultErrorField(res, PG_DIAG_TABLE_NAME),
               *d = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
    const char *a = d != NULL ? strchr(d, '(') : NULL, *b = a != NULL ? strstr(a, ")=(") : NULL;
    char what[ERR_ARG_MAX];

    snprintf(what, sizeof(what), "%s.%.*s", table != NULL ? table : "", b != NULL ? (int)(b - a - 1) : 0,
             b != NULL ? a + 1 : "");
    return ERR(e, -EEXIST, "store.unique", what);
}

int pg_fail(PGconn *db, const PGresult *res, struct err *e)
{
    const char *state = res != NULL ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    const char *msg = res != NULL ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    char line[ERR_ARG_MAX];

    if (msg == NULL)
        msg = PQerrorMessage(db);
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(msg, "\n"), msg);
    if (state == NULL)
        return pg_died(db, res) ? ERR(e, -EAGAIN, "store.gone", line) : ERR(e, -EIO, "store.io", line);
    if (strcmp(state, "23505") == 0)
        return fail_unique(res, e);
    if (strncmp(msg, "cached plan must not change", 27) == 0) /* a table was changed beside us */
        return ERR(e, -EAGAIN, "store.retry", line);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
            return ERR(e, states[i].code, states[i].key, line);
    return ERR(e, -EINVAL, "store.sql", line);
}

bool pg_good(const PGresult *res)
{
    return PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK;
}

int pg_plain(struct pg_conn *c, const char *sql, struct err *e)
{
    PGresult *res = PQexec(c->db, sql);
    int rc = pg_good(res) ? 0 : pg_fail(c->db, res, e);

    c->trips++;
    PQclear(res);
    return rc;
}

static void slot_free(struct pg_slot *s)
{
    free(s->sql);
    free(s->text);
    free(s->type);
    *s = (struct pg_slot){0};
}

static void slot_drop(struct pg_conn *c, struct pg_slot *s)
{
    char sql[40];

    if (s->name != 0 && !pg_lost(c->db)) {
        snprintf(sql, sizeof(sql), "DEALLOCATE s%u", s->name);
        pg_queued(c) ? pg_queue_plain(c, sql, NULL) : pg_plain(c, sql, NULL);
    }
    slot_free(s);
}

void pg_cache_clear(struct pg_conn *c)
{
    for (size_t i = 0; i < PG_SLOTS; i++)
        slot_free(&c->slot[i]);
}

static int slot_fill(struct pg_slot *s, const char *sql, uint64_t hash, struct err *e)
{
    struct pg_params params;
    struct buf b;

    buf_init(&b, 8 << 20);
    int rc = pg_sql(str_c(sql), &b, &params, e);
    buf_byte(&b, 0);
    if (rc == 0) {
        s->text = b.failed ? NULL : strdup(b.p);
        s->sql = strdup(sql);
        s->table = s->sql != NULL ? pg_search_table(s->sql) : STR_NONE;
        s->hash = hash;
        s->params = params.n;
        s->type = reallocarray(NULL, params.n + 1, sizeof(*s->type));
        if (s->type != NULL)
            memcpy(s->type, params.type, params.n * sizeof(*s->type));
        if (s->text == NULL || s->sql == NULL || s->type == NULL)
            rc = ERR(e, -ENOMEM, "store.no_memory");
    }
    buf_done(&b);
    return rc;
}

static int slot_prepare(struct pg_conn *c, struct pg_slot *s, struct err *e)
{
    char name[16];
    int rc;

    snprintf(name, sizeof(name), "s%u", ++c->names);
    if (pg_queued(c)) {
        rc = pg_queue_prepare(c, s, name, e);
    } else {
        PGresult *res = PQprepare(c->db, name, s->text, (int)s->params, s->type);
        rc = pg_good(res) ? 0 : pg_fail(c->db, res, e);
        c->trips++;
        PQclear(res);
    }
    if (rc == 0)
        s->name = c->names;
    return rc;
}

int pg_slot_take(struct pg_conn *c, const char *sql, struct pg_slot **out, struct err *e)
{
    uint64_t h = str_hash(str_c(sql), 0);
    struct pg_slot *oldest = &c->slot[0];

    for (size_t i = 0; i < PG_SLOTS; i++) {
        struct pg_slot *s = &c->slot[i];
        if (s->used < oldest->used)
            oldest = s;
        if (s->sql == NULL || s->hash != h || strcmp(s->sql, sql) != 0)
            continue;
        s->used = ++c->tick;
        *out = s;
        return s->name != 0 ? 0 : slot_prepare(c, s, e);
    }
    slot_drop(c, oldest);
    int rc = slot_fill(oldest, sql, h, e);
    if (rc < 0) {
        slot_drop(c, oldest);
        return rc;
    }
    oldest->used = ++c->tick;
    *out = oldest;
    return 0;
}

/* What is no UTF-8, or has a zero byte in it, cannot be stored there. */
static const char *text_param(struct arena *a, str s)
{
    if (!utf8_valid(s))
        s = text_clean_utf8(a, s);
    char *z = s.p != NULL || s.n == 0 ? arena_cstr(a, s.p != NULL ? s : STR("")) : NULL;
    for (size_t i = 0; z != NULL && i < s.n; i++)
        if (z[i] == '\0')
            z[i] = ' ';
    return z;
}

const char *pg_param(struct arena *a, const struct val *v)
{
    switch (v->type) {
    case VAL_INT:
        return arena_fmt(a, "%lld", (long long)v->i).p;
    case VAL_REAL:
        return arena_fmt(a, "%.17g", v->r).p;
    case VAL_TEXT:
        return text_param(a, v->s);
    default:
        return NULL;
    }
}

/* pg_type.dat: type numbers are part of the protocol and never change. */
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_OID = 26,
    OID_REAL4 = 700,
    OID_REAL8 = 701,
    OID_NUMERIC = 1700
};

void pg_row(const PGresult *res, int row, struct val *cols, int n)
{
    for (int i = 0; i < n; i++) {
        str s = {PQgetvalue(res, row, i), (size_t)PQgetlength(res, row, i)};
        int64_t v;
        if (PQgetisnull(res, row, i)) {
            cols[i] = V_NULL;
            continue;
        }
        switch (PQftype(res, i)) {
        case OID_BOOL:
            cols[i] = V_INT(s.p[0] == 't');
            break;
        case OID_INT8:
        case OID_INT2:
        case OID_INT4:
        case OID_OID:
        case OID_NUMERIC: /* a sum of integers is one */
            cols[i] = str_i64(s, &v) ? V_INT(v) : V_REAL(strtod(s.p, NULL));
            break;
        case OID_REAL4:
        case OID_REAL8:
            cols[i] = V_REAL(strtod(s.p, NULL));
            break;
        default:
            cols[i] = V_STR(s);
        }
    }
}

int pg_rows(const PGresult *res, row_fn *fn, void *ctx, struct err *e)
{
    struct val cols[COLS_MAX];
    int n = PQnfields(res);

    if (n > COLS_MAX)
        return ERR(e, -EINVAL, "store.sql", "columns");
    for (int i = 0; i < PQntuples(res); i++) {
        pg_row(res, i, cols, n);
        if (!fn(ctx, cols, (size_t)n))
            break;
    }
    return 0;
}

const char **pg_values(struct pg_conn *c, const struct pg_slot *s, const struct val *p)
{
    const char **v = arena_calloc(&c->a, s->params + 1, sizeof(*v));

    for (size_t i = 0; v != NULL && i < s->params; i++)
        v[i] = pg_param(&c->a, &p[i]);
    return c->a.failed ? NULL : v;
}

static PGresult *slot_run(struct pg_conn *c, const struct pg_slot *s, const struct val *p)
{
    const char **v = pg_values(c, s, p);
    char name[16];

    if (v == NULL)
        return NULL;
    c->trips++;
    if (s->name == 0)
        return PQexecParams(c->db, s->text, (int)s->params, s->type, v, NULL, NULL, 0);
    snprintf(name, sizeof(name), "s%u", s->name);
    return PQexecPrepared(c->db, name, (int)s->params, v, NULL, NULL, 0);
}

/* A prepared statement keeps the types that it was made with: when a table has
 * changed since, it is made anew at the next try. What is left behind on the
 * server ends with the session. */
void pg_slot_doubt(struct pg_slot *s, const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    if (state != NULL && (strcmp(state, "0A000") == 0 || strcmp(state, "42804") == 0))
        slot_free(s);
}

static void forget_plans(struct pg_conn *c)
{
    pg_cache_clear(c);
    pg_plain(c, "DEALLOCATE ALL", NULL);
}

static int run_alone(struct pg_conn *c, const char *sql, const struct val *p, size_t np, PGresult **out, struct err *e)
{
    struct pg_slot *s;
    int rc = pg_slot_take(c, sql, &s, e);

    if (rc < 0)
        return rc;
    if (s->params > np)
        return ERR(e, -EINVAL, "store.sql", "parameters");
    PGresult *res = slot_run(c, s, p);
    bool fat = c->a.failed;
    arena_clear(&c->a);
    if (fat)
        return ERR(e, -ENOMEM, "store.no_memory");
    if (pg_good(res)) {
        pg_search_wrote(c, s->table);
        *out = res;
        return 0;
    }
    pg_slot_doubt(s, res);
    rc = pg_fail(c->db, res, e);
    PQclear(res);
    return rc;
}

/* What waits goes first, on the same journey. */
static int run_behind(struct pg_conn *c, const char *sql, const struct val *p, size_t np, PGresult **out, struct err *e)
{
    int rc = pg_queue_add(c, sql, p, np, NULL, NULL, e);

    return rc == 0 ? pg_queue_flush(c, out, e) : rc;
}

int pg_run(struct pg_conn *c, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx, int64_t *changed,
           struct err *e)
{
    PGresult *res = NULL;
    int rc = (pg_queued(c) ? run_behind : run_alone)(c, sql, p, np, &res, e);

    if (rc < 0)
        return rc;
    /* A query in a row callback may use this connection: all is read by now. */
    if (str_starts(str_trim(str_c(sql)), STR("ALTER ")) || str_starts(str_trim(str_c(sql)), STR("DROP ")))
        forget_plans(c);
    rc = fn != NULL ? pg_rows(res, fn, ctx, e) : 0;
    if (rc == 0 && changed != NULL) {
        *changed = 0;
        str_i64(str_c(PQcmdTuples(res)), changed);
    }
    PQclear(res);
    return rc;
}

/* Where a test keeps its tables: an SQLite file in its folder, or a fresh
 * database of the PostgreSQL server that LUY_TEST_STORE names (tests/pg.py). */
#ifndef LUY_REGISTRY_TEST_STORE_H
#define LUY_REGISTRY_TEST_STORE_H
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "registry/registry.h"

enum { TEST_URL_MAX = 600 };

static inline bool test_on_pg(void) { return getenv("LUY_TEST_STORE") != NULL; }

static inline void test_pg_run(const char *sql)
{
    PGconn *db = PQconnectdb(getenv("LUY_TEST_STORE"));
    PGresult *res = PQexec(db, sql);

    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(db));
        abort();
    }
    PQclear(res);
    PQfinish(db);
}

/* The url with another database: it is what stands between "@/" and "?". */
static inline void test_pg_url(const char *name, char *out, size_t cap)
{
    const char *url = getenv("LUY_TEST_STORE"), *at = strstr(url, "@/"), *tail = strchr(url, '?');

    snprintf(out, cap, "%.*s%s%s", (int)(at + 2 - url), url, name, tail);
}

static inline bool test_pg_has(const char *name)
{
    PGconn *db = PQconnectdb(getenv("LUY_TEST_STORE"));
    PGresult *res = PQexecParams(db, "SELECT 1 FROM pg_database WHERE datname = $1", 1, NULL, &name, NULL, NULL, 0);
    bool has = PQntuples(res) > 0;

    PQclear(res);
    PQfinish(db);
    return has;
}

/* The place that belongs to a test's folder, empty when it is new; the url is
 * what store_open takes. `like`: NULL, or another folder whose place, closed
 * by now, it begins as a copy of (with SQLite the caller copies the file). */
static inline void test_store_url(const char *dir, const char *like, char *url, size_t cap)
{
    const char *name = strrchr(dir, '/') + 1;
    char sql[300];

    if (!test_on_pg()) {
        snprintf(url, cap, "%s/registry.db", dir);
        return;
    }
    snprintf(sql, sizeof(sql), "CREATE DATABASE \"%s\" TEMPLATE \"%s\"", name,
             like != NULL ? strrchr(like, '/') + 1 : "template1");
    if (!test_pg_has(name))
        test_pg_run(sql);
    test_pg_url(name, url, cap);
}

/* With PostgreSQL: a database that has the tables of the schema, made once for a
 * test program, to begin others as copies of. NULL with SQLite. */
static inline const char *test_store_like(const struct schema *sc, const struct clock *clk)
{
    static const char like[] = "/like_schema";
    char url[TEST_URL_MAX];
    struct store *st;
    struct registry *r;
    struct err e;

    if (!test_on_pg())
        return NULL;
    if (test_pg_has(like + 1))
        return like;
    test_store_url(like, NULL, url, sizeof(url));
    if (store_open(url, &st, &e) < 0 || registry_open(st, sc, clk, &r, &e) < 0)
        abort();
    registry_close(r);
    store_close(st);
    return like;
}
#endif

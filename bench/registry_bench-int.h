/* What the files of registry_bench share. */
#ifndef LUY_BENCH_REGISTRY_INT_H
#define LUY_BENCH_REGISTRY_INT_H
#include "base/ip.h"
#include "base/rand.h"
#include "judge/judge.h"
#include "registry/addr.h"
#include "registry/find.h"
#include "registry/registry.h"

enum { UNITS = 150, TRIES = 400 };

struct bench {
    struct store *st;
    struct registry *r;
    struct schema *sc;
    const char *schema, *packs, *file;
    bool filled;
    char dir[200], url[600];
    uint64_t seed;
    int devices;
    int64_t history;
};
extern const struct actor bench_admin;

_Noreturn void die(const char *what, const struct err *e);
double now_ms(void);
uint32_t draw(struct bench *b, uint32_t n);
/* cpu: of the asking thread, beside ms; NULL: not measured. Both are sorted. */
void report(const char *what, double *ms, double *cpu, size_t n);
double cpu_ms(void);
/* registry_bench_ask.c: lists, searches, the find box. */
void bench_lists(struct bench *b);
void bench_find(struct bench *b);
/* registry_bench_past.c: histories, states of then. */
void bench_past(struct bench *b);
#endif

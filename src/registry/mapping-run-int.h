/* A mapping at work, between its files. */
#ifndef LUY_REGISTRY_MAPPING_RUN_INT_H
#define LUY_REGISTRY_MAPPING_RUN_INT_H
#include "base/text.h"
#include "registry/exchange-int.h"
#include "registry/mapping-int.h"

struct run {
    struct import *im;
    const struct mapping *m;
    struct book *out;
    struct sheet *src; /* the sheet that is read */
    str *cols, *shown; /* its header, folded and as it stands */
    size_t ncols;
    struct map folded; /* column as the mapping writes it -> number in cols, or -1 */
    bool *told;        /* beside src->troubles */
    str *made;         /* the record in the making, beside the kind's fields */
    str params[MAP_PARAMS];
    struct map names; /* "kind\nname" -> index in keys, -1: several */
    str *keys;
    size_t nkeys, cap_keys;
    bool *named;       /* beside the schema's kinds: their names are in `names` */
    struct map known;  /* "kind\nkey": made by this import */
    struct map prefix; /* every prefix that there is */
    bool prefixes_read;
    int rc; /* trouble of the store within a value */
    struct err *e;
};
/* mapping_look.c: what the registry knows. Parameters are taken from im->in->with. */
int map_open(struct run *x, struct err *e);
void map_close(struct run *x);
/* The value in the way of the rule: by name, as code, as prefix ... */
str map_way(struct run *x, const struct map_record *rec, const struct map_rule *r, const struct sheet_row *l, str s,
            str column);
/* Is there such a record, in this import or (registry) in the registry? It is from now on. */
int map_known(struct run *x, const struct kind *k, str key, bool registry, bool *known, struct err *e);
/* mapping_unused.c: notes of the columns that no rule reads, and their number in im->unused. */
int mapping_unused(struct run *x, const struct map_source *src, struct err *e);
#endif

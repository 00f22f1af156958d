/* A mapping, read: between mapping_load.c, which makes it, and mapping_run.c. */
#ifndef LUY_REGISTRY_MAPPING_INT_H
#define LUY_REGISTRY_MAPPING_INT_H
#include "registry/mapping.h"

enum { MAP_FROM = 8, MAP_FIELDS = 64, MAP_RECORDS = 16, MAP_SOURCES = 64, MAP_PARAMS = 16 };
/* What is done to a value, after split and table. */
enum map_as {
    AS_IS,
    AS_CODE,    /* "Sở Tài chính" -> SO-TAI-CHINH */
    AS_UPPER,   /* ASCII */
    AS_LOWER,   /* ASCII */
    AS_HOST,    /* 10.1.2.3/24 -> 10.1.2.3 */
    AS_NETWORK, /* 10.1.2.3/24 -> 10.1.2.0/24 */
    AS_PREFIX   /* 10.1.2.3/24 -> the narrowest prefix that holds it, of this import or of the registry */
};
/* "{Column}", "{.field}" of the same record, "{$parameter}", and text between. */
struct map_piece {
    enum { PIECE_TEXT, PIECE_COLUMN, PIECE_FIELD, PIECE_PARAM } type;
    str text;
    size_t at; /* FIELD: of the kind; PARAM: in the mapping */
};
struct map_template {
    struct map_piece *v;
    size_t n;
};
struct map_table {
    str name;
    str *from, *to; /* from: folded */
    size_t n;
};
struct map_rule {
    int field; /* of the kind; -1: the state */
    struct map_template from[MAP_FROM], value, dflt;
    size_t nfrom;
    bool has_value, has_dflt, by_name, cut;
    char split;
    int64_t part; /* from 1; negative: from the end */
    const struct map_table *table;
    enum { ELSE_MISTAKE, ELSE_KEEP, ELSE_EMPTY, ELSE_VALUE } otherwise;
    str otherwise_value;
    enum map_as as;
};
struct map_record {
    const struct kind *k;
    bool missing; /* made only where there is no such record yet */
    str *when;    /* columns that must be filled */
    size_t nwhen;
    struct map_rule *rules;
    size_t nrules;
};
struct map_skip {
    str column, pattern; /* "*" at either end */
};
struct map_source {
    str name;
    str *has; /* columns by which a table is known */
    size_t nhas;
    struct map_skip *skips;
    size_t nskips;
    struct map_record *records;
    size_t nrecords;
};
struct map_param {
    str name, dflt;
    struct label label;
};
struct mapping {
    str name;
    struct label label;
    struct map_param params[MAP_PARAMS];
    size_t nparams;
    str *empty; /* texts that say nothing */
    size_t nempty;
    struct map_table *tables;
    size_t ntables;
    struct map_source *sources;
    size_t nsources;
};
/* mapping_run.c: the sheets that im->b gives by im->in->map, into `out`. Mistakes go to im->w->es. */
struct import;
struct book;
int mapping_run(struct import *im, struct book *out, struct err *e);
#endif

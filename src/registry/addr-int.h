/* Addresses as numbers, a prefix with what it reserves, and the walk over what
 * is taken. */
#ifndef LUY_REGISTRY_ADDR_INT_H
#define LUY_REGISTRY_ADDR_INT_H
#include "registry/addr.h"
#include "registry/registry-int.h"

__extension__ typedef unsigned __int128 anum; /* an address, or how many */
enum { ANUM_TEXT = 40, RANGES_MAX = 64 };

struct range {
    anum first, last;
};
enum why { WHY_DECLARED, WHY_GATEWAY, WHY_NETWORK, WHY_BROADCAST, WHY_ROUTER };
struct reserved {
    struct range r;
    enum why why;
};

/* addr_num.c: pure functions. */
anum ip_num(struct ip ip);
struct ip num_ip(unsigned family, anum n);
struct range prefix_range(struct prefix p);
void num_bin(unsigned family, anum n, char out[IP_BIN_MAX]);
bool bin_num(str bin, anum *out);
str num_text(unsigned family, anum n, char out[PREFIX_TEXT_MAX]);                         /* as an address */
str num_decimal(anum n, char out[ANUM_TEXT]);                                             /* as a number */
str range_text(unsigned family, struct range r, unsigned len, char out[PREFIX_TEXT_MAX]); /* first/len */
/* The largest aligned prefix that begins at r.first and ends within r; its length. */
unsigned range_head(unsigned family, struct range r);
/* "10.0.0.2-10.0.0.9, 10.0.0.12 10.0.0.64/28": ranges within p, in order of
 * address, none overlapping (those that do become one). -EINVAL with the part
 * that is wrong; -E2BIG above max. */
int ranges_parse(str text, struct prefix p, struct range *out, size_t max, size_t *n, struct err *e);

/* A prefix as the walk needs it. */
struct pool {
    int64_t id, network, cool; /* cool: seconds */
    str key;
    unsigned family, len;
    struct range all;
    bool container;
    struct reserved reserved[RANGES_MAX + 4];
    size_t nreserved; /* in order, disjoint */
};
bool addr_known(const struct registry *r); /* the schema has kinds prefix and address with their fields */
int pool_load(struct tx *tx, struct arena *a, int64_t id, struct pool *out, struct err *e);

enum span_kind { SPAN_PREFIX, SPAN_ADDRESS, SPAN_RESERVED, SPAN_COOLING, SPAN_KINDS };
struct span {
    enum span_kind kind;
    struct range r;
    int64_t id;     /* of the record; COOLING: seconds when it was let go */
    enum why why;   /* RESERVED */
    bool container; /* PREFIX */
};

/* addr_walk.c: what is taken, in order of its first address; spans may overlap
 * (an address inside a reserved range). Addresses below a prefix that the walk
 * has shown are not shown. Reads ahead a little at a time. */
enum { WALK_AHEAD = 256 };
struct walk_source {
    struct span *v;
    size_t n, at;
    anum from;
    bool done;
};
struct walk {
    struct tx *tx;
    const struct pool *p;
    anum to;        /* the last address looked at */
    int64_t now;    /* seconds */
    uint32_t kinds; /* bit a span_kind */
    struct walk_source src[SPAN_KINDS];
};
int walk_init(struct walk *w, struct tx *tx, struct arena *a, const struct pool *p, struct range r, uint32_t kinds,
              int64_t now, struct err *e);
int walk_next(struct walk *w, struct span *out, struct err *e); /* 1 found, 0 end */
/* Next run of free addresses at or after *at; *at becomes what follows it. 1 found, 0 end. */
struct gaps {
    struct walk w;
    anum at;
    bool end;
};
int gaps_next(struct gaps *g, struct range *out, struct err *e);

struct use {
    anum size, prefixes, addresses, reserved, cooling, free;
};
int pool_use(struct tx *tx, struct arena *a, const struct pool *p, int64_t now, struct use *out, struct err *e);
json_t *use_json(const struct use *u);

/* addr_keep.c: what is kept beside the records, all inside the write: for a
 * prefix the address below which all are taken ("low"), and when an address was
 * let go. Both follow from the records and save looking through them. */
int addr_tables(struct tx *tx, const struct registry *r, struct err *e);
/* Lowest address that may be free, resting addresses that are due counted; read only. */
int addr_low(struct tx *tx, const struct pool *p, int64_t now, anum *low, struct err *e);
/* The same, and forgets the rests that are over. */
int addr_low_take(struct tx *tx, const struct pool *p, int64_t now, anum *low, struct err *e);
int addr_low_set(struct tx *tx, const struct pool *p, anum low, struct err *e);
#endif

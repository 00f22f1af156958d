/* XML parts of a zip, streamed: no tree, no entities, no document type, no
 * network. Thin over libarchive and libxml2. */
#ifndef LUY_REGISTRY_XML_INT_H
#define LUY_REGISTRY_XML_INT_H
#include "base/arena.h"
#include "base/err.h"

/* What all parts of one file may unpack to, and entries of its directory. */
enum { ZIP_BYTES = 128 << 20, ZIP_ENTRIES = 4096, XML_DEPTH = 64 };
struct zip {
    str bytes;
    int64_t left;
};
int zip_open(struct zip *z, str bytes, struct err *e); /* by its first bytes only */
/* Hands the part's bytes out in pieces. 1, 0 = no such part, or an error. */
typedef int piece_fn(void *ctx, const char *p, size_t n, struct err *e);
int zip_part(struct zip *z, str name, piece_fn *fn, void *ctx, struct err *e);
struct xml_attrs {
    const unsigned char **v;
    int n;
};
str xml_attr(const struct xml_attrs *at, const char *name); /* STR_NONE when absent */
/* 0 or a negative code, which ends the reading. Names without prefix. */
struct xml_fns {
    int (*start)(void *ctx, const char *name, const struct xml_attrs *at, struct err *e);
    int (*end)(void *ctx, const char *name, struct err *e);
    int (*text)(void *ctx, str s, struct err *e);
};
/* 1, 0 = no such part, or an error with the part's name and line. */
int xml_part(struct zip *z, str name, const struct xml_fns *fns, void *ctx, struct err *e);
#endif

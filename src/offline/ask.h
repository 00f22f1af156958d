/* A question to a journal's folder while it is answered. */
#ifndef LUY_OFFLINE_ASK_H
#define LUY_OFFLINE_ASK_H
#include "offline/offline.h"
#include <openssl/evp.h>

struct ask {
    struct offline *o;
    struct journal *j;
    struct flow_store *flows; /* NULL: not asked of */
    struct arena a;
    struct query *q;
    struct progress bar;
    FILE *to;
    struct buf out;
    EVP_MD_CTX *sha; /* of what was written; NULL: not wanted */
    uint64_t lines, bytes;
    int rc;
    struct err e;
};
bool ask_spill(struct ask *k); /* writes `out`; false: k->rc says why not */
void ask_progress(void *ctx, uint64_t done, uint64_t all);

/* rows.c: what is not lines and not counted by the journal itself: flows, and the steps of pipe.h */
bool ask_is_rows(const struct ask *k);
void ask_rows(struct ask *k, uint64_t limit); /* at most so many, as text, JSON or CSV */
#endif

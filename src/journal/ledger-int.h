/* The ledger's body, and what its files share. */
#ifndef LUY_JOURNAL_LEDGER_INT_H
#define LUY_JOURNAL_LEDGER_INT_H
#include "journal/ledger.h"
#include <pthread.h>
#include <stdio.h>

enum { LEDGER_SIGNED = 136, LEDGER_PATH_MAX = 4096 }; /* bytes of a head that its signature covers */

/* Records of one of the two files, read in order. */
struct ledger_scan {
    FILE *f;
    size_t record;
    uint64_t no, size; /* records read; size of the file in bytes */
};
int ledger_scan_open(const char *dir, const char *name, size_t record, struct ledger_scan *s, struct err *e);
int ledger_scan_next(struct ledger_scan *s, uint8_t *out); /* 1, 0 at the end (a torn rest included), -errno */
void ledger_scan_close(struct ledger_scan *s);

/* The chain of heads as it is read from its beginning. */
struct head_chain {
    uint64_t no;
    uint32_t epoch;
    uint64_t entries;
    int64_t at_ns;
    uint8_t key[VAULT_RAW_PUBLIC];
    struct sha256 before, anchor;
};
/* Does the record follow? On success the chain moves on. -EBADMSG with what is wrong. */
int head_chain_next(struct head_chain *c, const uint8_t bytes[LEDGER_HEAD], struct ledger_head *h, struct err *e);

struct ledger {
    char *dir;
    struct vault *vault;
    const struct clock *clk;
    pthread_mutex_t lock;
    int entries_fd, heads_fd;
    struct merkle_edge edge;
    struct head_chain chain;
    uint64_t signed_entries, next[LEDGER_STREAMS];
    int64_t epoch_began_ns;
    bool damaged;
};
#endif

/* The ledger's body, and what its files share. */
#ifndef LUY_JOURNAL_LEDGER_INT_H
#define LUY_JOURNAL_LEDGER_INT_H
#include "journal/ledger.h"
#include <pthread.h>

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

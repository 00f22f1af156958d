/* How far each shard of a ClickHouse set was fed, as a small file.
 *
 * Text: "luy-cluster 2\n" set "\n" shards " " window "\n", then for each shard the
 * number behind the last event of its own that it got or that was passed by, and
 * "\n". `set` is database and cluster: a file of another set is none. The format
 * before, "luy-cluster 1\n" set "\n" number "\n", knew one number for all. */
#ifndef LUY_JOURNAL_CH_POSITION_INT_H
#define LUY_JOURNAL_CH_POSITION_INT_H
#include "journal/ch.h"

struct ch_position {
    struct ch_spread spread;
    bool level; /* of the format before: all shards, and nothing says in which batches */
    uint64_t sent[CH_SHARDS_MAX];
};
/* 1: read; 0: there is none of this set. */
int ch_position_read(const char *path, str set, struct ch_position *out, struct err *e);
int ch_position_write(const char *path, str set, const struct ch_position *p, struct err *e);
/* For another number of shards. asked: behind the newest event of the set. Only where
 * all shards stand at one number, and shards were added: -EBADMSG says what else is to be done. */
int ch_position_respread(struct ch_position *p, const struct ch_spread *to, uint64_t asked, struct err *e);
#endif

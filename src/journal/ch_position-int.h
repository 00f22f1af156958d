/* How far each shard of a ClickHouse set was fed, as a small file.
 *
 * Text: "luy-cluster 3\n" set "\n" shards " " window "\n", then for each stream of
 * events (the journal's own first, then relays) its relay's name or nothing, and for
 * each shard " " and the number behind the last event of the stream that it got or
 * that was passed by, and "\n". `set` is database and cluster: a file of another set
 * is none. A relay that has no line was sent nothing of. */
#ifndef LUY_JOURNAL_CH_POSITION_INT_H
#define LUY_JOURNAL_CH_POSITION_INT_H
#include "journal/ch.h"

struct ch_position {
    struct ch_spread spread;
    size_t n; /* one at least, when it was read or begun */
    struct ch_row {
        char relay[CH_RELAY_MAX + 1];
        uint64_t sent[CH_SHARDS_MAX];
    } row[CH_STREAMS_MAX];
};
void ch_position_begin(struct ch_position *p, const struct ch_spread *s); /* nothing was sent */
/* The stream's row, made when it is new; NULL: there are too many, or no such name can be. */
struct ch_row *ch_position_row(struct ch_position *p, str relay);
/* 1: read; 0: there is none of this set. */
int ch_position_read(const char *path, str set, struct ch_position *out, struct err *e);
int ch_position_write(const char *path, str set, const struct ch_position *p, struct err *e);
/* One row for another number of shards. asked: behind the newest event of the stream in the set. Only where
 * all shards stand at one number, and shards were added: -EBADMSG says what else is to be done. */
int ch_position_respread(struct ch_row *r, const struct ch_spread *was, const struct ch_spread *to, uint64_t asked,
                         struct err *e);
#endif

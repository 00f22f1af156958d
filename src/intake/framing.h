/* Syslog over a byte stream (RFC 6587): octet counting or newline framing, told
 * apart per frame by the first byte; a lying count resynchronises at "\n<".
 * RFC 5425 (TLS) allows octet counting only, newline framing is tolerated and
 * flagged. Holds at most EVENT_RAW_MAX bytes of one frame; the rest of a longer
 * one is skipped, counted, and never becomes a new message. */
#ifndef LUY_INTAKE_FRAMING_H
#define LUY_INTAKE_FRAMING_H
#include "intake/event.h"
struct framer;
typedef void framer_fn(void *ctx, str frame, uint16_t flags);
struct framer *framer_new(framer_fn *fn, void *ctx);
void framer_free(struct framer *f);
void framer_push(struct framer *f, str bytes);
void framer_end(struct framer *f);                 /* connection closed: the unfinished frame, flagged */
uint64_t framer_skipped(const struct framer *f);   /* bytes dropped so far */
#endif

/* Syslog over a byte stream (RFC 6587): octet counting or newline framing, told
 * apart per frame by the first byte; a lying count resynchronises at "\n<".
 * RFC 5425 (TLS) allows octet counting only, newline framing is tolerated and
 * flagged. Holds at most EVENT_RAW_MAX bytes of one frame; the rest of a longer
 * one is skipped, counted, and never becomes a new message.
 *
 * What comes out depends on the bytes alone, never on how reads cut them. Every
 * byte that goes in is in a frame, or framing, or skipped, or still held. */
#ifndef LUY_INTAKE_FRAMING_H
#define LUY_INTAKE_FRAMING_H
#include "intake/event.h"
struct framer;
typedef void framer_fn(void *ctx, str frame, uint16_t flags);
struct framer *framer_new(framer_fn *fn, void *ctx);
void framer_free(struct framer *f);
void framer_push(struct framer *f, str bytes);
void framer_end(struct framer *f);                /* connection closed: the unfinished frame, flagged */
void framer_lines(struct framer *f);              /* newline framing only: a digit begins no count */
void framer_strict(struct framer *f);             /* RFC 5425: newline frames are flagged EV_BAD_FRAME */
uint64_t framer_skipped(const struct framer *f);  /* bytes dropped so far */
uint64_t framer_overhead(const struct framer *f); /* counts, LF, NUL: framing that is in no frame */
size_t framer_held(const struct framer *f);       /* bytes of the frame not yet whole */
#endif

/* One thing that was observed: a log line as it came, and where its header
 * fields stand in it. Fields are spans of the original bytes, so the bytes are
 * kept once and always given back unchanged.
 *
 * Wire form (shared memory between intake and core, and the journal's
 * write-ahead file), little-endian:
 *   batch  = u32 magic "LYB1" | u32 count | u32 bytes | u32 crc32c of what follows | records
 *   record = i64 received | i64 event | u8 transport | u8 format | u8 facility |
 *            u8 severity | u16 flags | u16 source_port | u8 family | u8 0 | u16 0 |
 *            16 bytes source | 6 x (u32 off, u32 len) | u32 raw length | raw
 * event_batch_next() treats its input as hostile. */
#ifndef LUY_INTAKE_EVENT_H
#define LUY_INTAKE_EVENT_H
#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/rd.h"

enum transport { TP_UDP, TP_TCP, TP_TLS, TP_FILE, TP_SELF, TP_UNIX, TP_COUNT }; /* SELF: Lũy's own events */
enum event_format { FMT_RAW, FMT_RFC3164, FMT_RFC5424, FMT_JSON, FMT_COUNT };
/* parse flags */
enum {
    EV_NO_PRI = 1 << 0,
    EV_BAD_PRI = 1 << 1,
    EV_NO_TIME = 1 << 2,
    EV_BAD_TIME = 1 << 3,
    EV_TIME_JUMP = 1 << 4, /* differs from receipt by more than a day */
    EV_NO_HOST = 1 << 5,
    EV_NO_TAG = 1 << 6,
    EV_BAD_SD = 1 << 7,
    EV_TRUNCATED = 1 << 8,
    EV_BAD_UTF8 = 1 << 9,
    EV_HAS_NUL = 1 << 10,
    EV_BAD_FRAME = 1 << 11,
    EV_CLOCK_UNSYNC = 1 << 12,
    EV_BAD_JSON = 1 << 13,
};
enum { EVENT_RAW_MAX = 64 * 1024, EVENT_BATCH_MAX = 4 * 1024 * 1024 };

struct span {
    uint32_t off, len;
};
enum event_span { SP_HOST, SP_PROGRAM, SP_PID, SP_MSGID, SP_SD, SP_MSG, SP_COUNT };
struct event {
    int64_t received_ns, event_ns; /* event_ns = received_ns when the line has no usable time */
    uint8_t transport, format, facility, severity;
    uint16_t flags, source_port;
    struct ip source;           /* family 0 for FILE, SELF and UNIX */
    struct span span[SP_COUNT]; /* within raw; len 0 = absent */
    str raw;                    /* original bytes without framing */
    str relay;                  /* by which it came to a centre, n = 0: none; who keeps it knows, no record says it */
};
static inline str event_field(const struct event *ev, enum event_span s)
{
    return (str){ev->raw.p + ev->span[s].off, ev->span[s].len};
}

struct event_batch {
    struct buf buf;
    uint32_t count;
};
void event_batch_init(struct event_batch *b, size_t max); /* max bytes, header included */
void event_batch_done(struct event_batch *b);
void event_batch_clear(struct event_batch *b);
bool event_batch_add(struct event_batch *b, const struct event *ev); /* false: full; over EVENT_RAW_MAX: cut, flagged */
str event_batch_seal(struct event_batch *b);                         /* writes header and crc; the wire bytes */

/* One record by itself, as the batch has it: what a proof is about. out has room
 * for EVENT_RECORD_MAX bytes; the record's length is returned. */
enum { EVENT_RECORD_MAX = EVENT_RAW_MAX + 128 };
size_t event_record(const struct event *ev, uint8_t *out);

/* Whole length of the batch that begins with these (at least 16) bytes; 0 when
 * they are no batch header. For files that hold batches one after another. */
size_t event_batch_size(str head);

struct event_reader {
    rd r;
    uint32_t left;
};
/* 0, or -EBADMSG when magic, lengths or crc do not fit. */
int event_batch_open(str wire, struct event_reader *rdr, struct err *e);
/* The same without its checksum: of a batch that open() took or seal() made, in memory that nobody else writes to. */
int event_batch_reopen(str wire, struct event_reader *rdr, struct err *e);
/* 1 an event (slices point into wire), 0 at the end, -EBADMSG. */
int event_batch_next(struct event_reader *rdr, struct event *out);
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
#endif

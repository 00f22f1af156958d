/* Notes of the flow receiver on their way to the core, and back to the next
 * child. Little-endian; the first 16 bytes have the event batch's layout:
 *   batch = u32 magic "LYT1" | u32 count | u32 bytes | u32 crc32c of what follows | notes
 *   note  = u8 kind | u8 version | u8 family | u8 options | u16 port | u16 id | u32 domain |
 *           u32 length | u64 n | 16 bytes address | bytes
 * flow_notes_next() treats its input as hostile, on both sides. */
#ifndef LUY_INTAKE_FLOW_NOTES_H
#define LUY_INTAKE_FLOW_NOTES_H
#include "base/rd.h"
#include "intake/flow_rx.h"

enum { FLOW_NOTES_MAGIC = 0x3154594c };
struct flow_notes {
    struct buf buf;
    uint32_t count;
};
void flow_notes_init(struct flow_notes *w, size_t max);
void flow_notes_done(struct flow_notes *w);
void flow_notes_clear(struct flow_notes *w);
bool flow_notes_add(struct flow_notes *w, const struct flow_note *n); /* false: full */
str flow_notes_seal(struct flow_notes *w);                            /* the wire form, empty when there are none */

bool flow_notes_is(str wire);
struct flow_notes_reader {
    rd r;
    uint32_t left;
};
int flow_notes_open(str wire, struct flow_notes_reader *r, struct err *e); /* 0 or -EBADMSG */
int flow_notes_next(struct flow_notes_reader *r, struct flow_note *out);   /* 1, 0 at the end, -EBADMSG */

/* What a new child has to know, kept by the core: templates, samplers, boot
 * times of each session. Bounded; what does not fit is forgotten and counted.
 * One thread. */
struct flow_keep;
struct flow_keep *flow_keep_new(void); /* NULL: no memory */
void flow_keep_free(struct flow_keep *k);
void flow_keep_take(struct flow_keep *k, const struct flow_note *n); /* other kinds are ignored */
bool flow_keep_changed(const struct flow_keep *k);                   /* since the last flow_keep_write */
void flow_keep_write(struct flow_keep *k, struct flow_notes *to);    /* to was empty */
uint64_t flow_keep_forgotten(const struct flow_keep *k);
enum { FLOW_KEEP_BYTES = 4 << 20 };
#endif

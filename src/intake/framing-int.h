/* Inside of the framer: its state, shared by the reader of lines (framing_line.c)
 * and the reader of counts (framing.c). A step takes some of the bytes given,
 * at least one unless it changes the state, and says how many. */
#ifndef LUY_INTAKE_FRAMING_INT_H
#define LUY_INTAKE_FRAMING_INT_H
#include "intake/framing.h"

enum state { AT_START, IN_COUNT, IN_LINE, IN_OCTET, IN_JUDGE, SKIP_LINE, SKIP_OCTET };

struct framer {
    framer_fn *fn;
    void *ctx;
    struct buf held;
    uint64_t skipped, overhead;
    uint32_t need;                  /* bytes of the counted frame, or left to skip */
    uint16_t line_flags;            /* of the line being read */
    uint8_t state, nul_seen;        /* while skipping a line: 1 after NUL, 2 after NUL '<' */
    bool counted, nul_ends, strict; /* last frame was counted; ended by NUL; TLS */
    bool lines;                     /* no counts */
};

static inline bool framer_digit(char c) { return c >= '0' && c <= '9'; }
void framer_held_add(struct framer *f, const char *p, size_t n);
void framer_held_clear(struct framer *f);
void framer_line_emit(struct framer *f, const char *p, size_t n, uint16_t flags);
void framer_line_done(struct framer *f); /* what is held is a whole line */
size_t framer_line_step(struct framer *f, const char *p, size_t n);
size_t framer_line_skip(struct framer *f, const char *p, size_t n); /* the rest of a line over the ceiling */
#endif

/* A growing byte buffer with a ceiling. A failed append leaves the content as
 * it was and sets `failed`, so a writer checks once at the end. */
#ifndef LUY_BASE_BUF_H
#define LUY_BASE_BUF_H
#include "base/str.h"

struct buf {
    char *p;
    size_t n, cap, max;
    bool failed;
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
void buf_clear(struct buf *b);                 /* keeps the memory */
bool buf_reserve(struct buf *b, size_t extra); /* room for extra bytes after n */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, str s);
void buf_z(struct buf *b, const char *z);
void buf_byte(struct buf *b, uint8_t c);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_u16(struct buf *b, uint16_t v); /* little-endian, our own formats */
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_varint(struct buf *b, uint64_t v); /* LEB128 */
void buf_json(struct buf *b, str s);        /* a quoted JSON string; bad UTF-8 becomes U+FFFD */
void buf_csv(struct buf *b, str s);         /* RFC 4180 field, quoted when it must be */
void buf_drop(struct buf *b, size_t n);     /* forgets the first n bytes */
str buf_view(const struct buf *b);
#endif

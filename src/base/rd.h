/* Sticky reader over bytes: after the first failure every read gives zero and
 * `bad` stays set, so code reads straight down and checks once. A sub-reader
 * cannot see past its parent. */
#ifndef LUY_BASE_RD_H
#define LUY_BASE_RD_H
#include "base/str.h"

typedef struct {
    const uint8_t *p, *end;
    bool bad;
} rd;

rd rd_init(const void *p, size_t n);
size_t rd_left(const rd *r);
uint8_t rd_u8(rd *r);
uint16_t rd_u16(rd *r); /* big-endian: the wire */
uint32_t rd_u32(rd *r);
uint64_t rd_u64(rd *r);
uint16_t rd_u16le(rd *r); /* little-endian: our own formats */
uint32_t rd_u32le(rd *r);
uint64_t rd_u64le(rd *r);
uint64_t rd_varint(rd *r); /* LEB128, at most 10 bytes */
str rd_bytes(rd *r, size_t n);
rd rd_sub(rd *r, size_t n);
#endif

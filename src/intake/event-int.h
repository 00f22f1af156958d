/* Inside of the event batch: sizes of the wire form, for event.c and its tests. */
#ifndef LUY_INTAKE_EVENT_INT_H
#define LUY_INTAKE_EVENT_INT_H
#include "intake/event.h"

enum { BATCH_MAGIC = 0x3142594c /* "LYB1" read as little-endian */, BATCH_HEAD = 16, RECORD_HEAD = 96 };

/* Where each field of a record stands. */
enum {
    AT_RECEIVED = 0,
    AT_EVENT = 8,
    AT_TRANSPORT = 16,
    AT_FORMAT = 17,
    AT_FACILITY = 18,
    AT_SEVERITY = 19,
    AT_FLAGS = 20,
    AT_PORT = 22,
    AT_FAMILY = 24,
    AT_PAD8 = 25,
    AT_PAD16 = 26,
    AT_SOURCE = 28,
    AT_SPANS = 44,
    AT_RAW_LEN = 92,
};
uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n);
#endif

/* Shared by segment.c (writing) and segment_open.c (reading back). */
#ifndef LUY_JOURNAL_SEGMENT_INT_H
#define LUY_JOURNAL_SEGMENT_INT_H
#include "journal/segment.h"

extern const char seg_magic[8], seg_index_magic[4];
/* A new file with the day, number and salt of `as`. */
int segment_create_as(const char *dir, const struct segment *as, struct segment **out, struct err *e);
struct segment *segment_new(const char *dir, const char *name); /* NULL: no memory */
#endif

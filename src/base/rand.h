/* Random bytes from the kernel. */
#ifndef LUY_BASE_RAND_H
#define LUY_BASE_RAND_H
#include "base/str.h"
void rand_bytes(void *p, size_t n);               /* aborts if the kernel refuses */
void rand_hex(char *out, size_t bytes);           /* 2*bytes characters and a NUL */
void hex_fmt(const void *p, size_t n, char *out); /* 2*n characters and a NUL */
bool hex_parse(str s, void *out, size_t n);       /* exactly 2*n digits */
#endif

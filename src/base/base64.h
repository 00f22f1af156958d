/* Base64 (RFC 4648, section 4, with padding). Pure. */
#ifndef LUY_BASE_BASE64_H
#define LUY_BASE_BASE64_H
#include "base/buf.h"

void buf_base64(struct buf *b, str bytes);
/* Appends the bytes that `text` stands for. False, and b as it was, when it is not
 * base64 or does not fit. */
bool buf_base64_read(struct buf *b, str text);
#endif

/* Unicode for people: validation, NFC, and the folded form used for search
 * ("Đỗ Thị Hạnh" -> "do thi hanh"). Thin over libunistring. */
#ifndef LUY_BASE_TEXT_H
#define LUY_BASE_TEXT_H
#include "base/arena.h"

bool utf8_valid(str s);                        /* RFC 3629; no surrogates, no overlong */
size_t utf8_cut(str s, size_t max);            /* longest whole-character head <= max bytes */
str  text_nfc(struct arena *a, str s);         /* invalid UTF-8 comes back unchanged */
/* Lower case, diacritics off, đ -> d, runs of space to one. */
str  text_fold(struct arena *a, str s);
#endif

/* Unicode for people: validation, NFC, and the folded form used for search
 * ("Đỗ Thị Hạnh" -> "do thi hanh"). Thin over libunistring. */
#ifndef LUY_BASE_TEXT_H
#define LUY_BASE_TEXT_H
#include "base/arena.h"

bool utf8_valid(str s); /* RFC 3629; no surrogates, no overlong */
/* Bytes of the character at the start of s; 0 when s is empty or starts badly. */
size_t utf8_char(str s);
size_t utf8_cut(str s, size_t max);          /* longest whole-character head <= max bytes */
str text_clean_utf8(struct arena *a, str s); /* a copy; each bad byte becomes U+FFFD */
str text_nfc(struct arena *a, str s);        /* invalid UTF-8 comes back unchanged */
/* Lower case, diacritics off, đ -> d, runs of space to one. Bad bytes become
 * U+FFFD. Folding a folded text changes nothing. STR_NONE when memory ends. */
str text_fold(struct arena *a, str s);
#endif

/* The order of a Vietnamese dictionary as bytes: letters first (a ă â b c d đ
 * e ê ...), tones only between words that are else the same, digits by their
 * number. Keys are stored beside the text, so every SQL engine sorts alike.
 *
 * key = letters, 0x20, tones. A letter is one of 'A'..'a' (33 letters of the
 * alphabet with f, j, w, z in their place), a run of digits is '0'+length and
 * the digits, other ASCII is below '0', all else stays UTF-8 and sorts last. */
#include "registry/value-int.h"
#include "base/text.h"

/* Each row: a letter without tone, then with huyền, hỏi, ngã, sắc, nặng: the
 * order in which a dictionary puts them. */
static const char *const rows[] = {
    "aàảãáạ", "ăằẳẵắặ", "âầẩẫấậ", "b", "c",      "d",      "đ", "eèẻẽéẹ", "êềểễếệ", "f",      "g",
    "h",      "iìỉĩíị", "j",      "k", "l",      "m",      "n", "oòỏõóọ", "ôồổỗốộ", "ơờởỡớợ", "p",
    "q",      "r",      "s",      "t", "uùủũúụ", "ưừửữứự", "v", "w",      "x",      "yỳỷỹýỵ", "z",
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static uint32_t char_code(str s)
{
    const unsigned char *p = (const unsigned char *)s.p;

    switch (s.n) {
    case 1:
        return p[0];
    case 2:
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    case 3:
        return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    default:
        return 0x10ffff;
    }
}

/* Capital to small within ASCII, Latin-1 and the blocks where Vietnamese is. */
static uint32_t lower(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7))
        return c + 32;
    if (c == 0x01af)
        return 0x01b0;
    if ((c >= 0x0100 && c <= 0x0137) || c == 0x01a0 || (c >= 0x1ea0 && c <= 0x1ef9))
        return c | 1;
    return c;
}

static bool letter_find(uint32_t c, int *letter, int *tone)
{
    for (int r = 0; r < ROWS; r++) {
        str s = str_c(rows[r]);
        int t = 0;
        for (size_t i = 0, n; i < s.n; i += n, t++) {
            n = utf8_char(str_sub(s, i, 4));
            if (n == 0)
                break;
            if (char_code(str_sub(s, i, n)) == c) {
                *letter = r;
                *tone = t;
                return true;
            }
        }
    }
    return false;
}

static size_t digits_add(struct buf *b, str s, size_t i)
{
    size_t end = i;

    while (end < s.n && s.p[end] >= '0' && s.p[end] <= '9')
        end++;
    while (i + 1 < end && s.p[i] == '0')
        i++;
    size_t len = end - i;
    buf_byte(b, (uint8_t)('0' + (len > 9 ? 9 : len)));
    buf_add(b, s.p + i, len);
    return end;
}

str text_sort_key(struct arena *a, str in)
{
    struct buf b, tones;
    str s = text_nfc(a, in);

    buf_init(&b, 64 + s.n * 4);
    buf_init(&tones, 64 + s.n);
    for (size_t i = 0; i < s.n;) {
        size_t n = utf8_char(str_sub(s, i, 4));
        int letter, tone = 0;
        if (n == 1 && s.p[i] >= '0' && s.p[i] <= '9') {
            i = digits_add(&b, s, i);
            continue;
        }
        if (n > 0 && letter_find(lower(char_code(str_sub(s, i, n))), &letter, &tone))
            buf_byte(&b, (uint8_t)('A' + letter));
        else if (n <= 1)
            buf_byte(&b, s.p[i] == ' ' ? '!' : '"');
        else
            buf_add(&b, s.p + i, n);
        buf_byte(&tones, (uint8_t)('0' + tone));
        i += n > 0 ? n : 1;
    }
    while (tones.n > 0 && tones.p[tones.n - 1] == '0')
        tones.n--;
    buf_byte(&b, ' ');
    buf_str(&b, buf_view(&tones));
    str out = b.failed ? STR_NONE : arena_str(a, buf_view(&b));
    buf_done(&b);
    buf_done(&tones);
    return out;
}

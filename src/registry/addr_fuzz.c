/* Fuzz target "addr": the ranges that a prefix reserves. Input: a prefix, a
 * line end, the text. What is understood lies in the prefix, in order, apart,
 * and reads back the same when it is written out. */
#include "registry/addr-int.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    str rest = {(const char *)p, n}, head;
    struct range r[RANGES_MAX], again[RANGES_MAX];
    char a[PREFIX_TEXT_MAX], b[PREFIX_TEXT_MAX];
    struct prefix px;
    size_t k = 0, m = 0;
    struct buf out;

    if (!str_split(&rest, '\n', &head) || rest.p == NULL || !prefix_parse(head, &px) ||
        ranges_parse(rest, px, r, RANGES_MAX, &k, NULL) < 0)
        return 0;
    struct range all = prefix_range(px);
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < k; i++) {
        if (r[i].first < all.first || r[i].last > all.last || r[i].first > r[i].last ||
            (i > 0 && r[i].first <= r[i - 1].last + 1))
            abort();
        str first = num_text(px.ip.family, r[i].first, a), last = num_text(px.ip.family, r[i].last, b);
        buf_fmt(&out, "%.*s-%.*s,", STR_ARGS(first), STR_ARGS(last));
    }
    if (ranges_parse(buf_view(&out), px, again, RANGES_MAX, &m, NULL) < 0 || m != k)
        abort();
    for (size_t i = 0; i < k; i++)
        if (again[i].first != r[i].first || again[i].last != r[i].last)
            abort();
    buf_done(&out);
    return 0;
}

/* Whatever the body, parts lie within it, one after another, and the reading ends. */
#include "api/multipart.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    str text = {(const char *)p, n}, type;
    struct multipart m;
    struct part part;
    const char *last = NULL;
    int rc;

    /* First line: the content type. */
    if (!str_split(&text, '\n', &type) || text.p == NULL || multipart_open(&m, type, text, NULL) < 0)
        return 0;
    while ((rc = multipart_next(&m, &part, NULL)) == 1) {
        assert(part.name.n > 0 && part.name.p >= text.p);
        if (part.body.n > 0) {
            assert(part.body.p >= text.p && part.body.p + part.body.n <= text.p + text.n);
            assert(last == NULL || part.body.p >= last);
            last = part.body.p + part.body.n;
        }
    }
    assert(rc <= 0);
    return 0;
}

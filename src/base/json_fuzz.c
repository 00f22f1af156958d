/* Any bytes as JSON: what is accepted is within its depth, and prints and
 * parses again to the same value. Any bytes through buf_json are a JSON string. */
#include "base/buf.h"
#include "base/json.h"

enum { DEPTH = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static int depth_of(const json_t *v)
{
    int deepest = 0, d;
    const char *key;
    json_t *item;
    size_t i;

    json_array_foreach(v, i, item) deepest = (d = depth_of(item)) > deepest ? d : deepest;
    json_object_foreach((json_t *)v, key, item) deepest = (d = depth_of(item)) > deepest ? d : deepest;
    return deepest + (json_is_array(v) || json_is_object(v));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    str text = {(const char *)p, n};
    json_t *v = NULL, *again = NULL;
    struct buf b;

    if (json_read(text, DEPTH, &v, NULL) == 0) {
        must(depth_of(v) <= DEPTH);
        char *out = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
        must(out != NULL && json_read(str_c(out), DEPTH, &again, NULL) == 0);
        must(json_equal(v, again));
        free(out);
        json_decref(again);
        json_decref(v);
    }
    buf_init(&b, 8 * n + 16);
    buf_json(&b, text);
    must(!b.failed);
    if (memchr(p, 0, n) == NULL) {
        v = json_from_str(text);
        must(json_read(buf_view(&b), 0, &again, NULL) == 0);
        must(json_equal(v, again));
        json_decref(v);
        json_decref(again);
    }
    buf_done(&b);
    return 0;
}

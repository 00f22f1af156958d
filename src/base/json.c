/* JSON from outside. Values belong to the caller (jansson's counts); no state;
 * any thread. Depth is checked before jansson sees the text, because its own
 * limit is one number for the whole process. */
#include "base/json.h"
#include "base/arena.h"
#include "base/text.h"
#include <errno.h>

/* Walks the brackets outside of strings. Broken text may miscount, which is
 * harmless: jansson then refuses it. */
static bool depth_within(str s, int max, uint32_t *line, uint32_t *col)
{
    bool quoted = false;
    int depth = 0;
    size_t start = 0;

    *line = 1;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\n') {
            (*line)++;
            start = i + 1;
        }
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > max) {
                *col = (uint32_t)(i - start + 1);
                return false;
            }
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return true;
}

static const struct {
    enum json_error_code code;
    const char *key;
} reasons[] = {
    {json_error_invalid_utf8, "base.json.utf8"},
    {json_error_premature_end_of_input, "base.json.cut_off"},
    {json_error_end_of_input_expected, "base.json.trailing"},
    {json_error_null_character, "base.json.nul"},
    {json_error_null_byte_in_key, "base.json.nul"},
    {json_error_duplicate_key, "base.json.duplicate"},
    {json_error_numeric_overflow, "base.json.number"},
};

static const char *reason_key(const json_error_t *je)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].code == json_error_code(je))
            return reasons[i].key;
    return "base.json.syntax";
}

int json_read(str text, int max_depth, json_t **out, struct err *e)
{
    uint32_t line, col = 0;
    json_error_t je;

    if (!depth_within(text, max_depth, &line, &col)) {
        ERR(e, -E2BIG, "base.json.depth", N(max_depth));
        err_at(e, "", line, col);
        return -E2BIG;
    }
    json_t *v = json_loadb(text.p == NULL ? "" : text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
    if (v == NULL) {
        if (json_error_code(&je) == json_error_out_of_memory)
            return ERR(e, -ENOMEM, "base.errno");
        ERR(e, -EBADMSG, reason_key(&je));
        err_at(e, "", je.line > 0 ? (uint32_t)je.line : 0, je.column > 0 ? (uint32_t)je.column : 0);
        return -EBADMSG;
    }
    *out = v;
    return 0;
}

str json_str(const json_t *v)
{
    if (!json_is_string(v))
        return STR_NONE;
    return (str){json_string_value(v), json_string_length(v)};
}

str json_get_str(const json_t *obj, const char *key) { return json_str(json_object_get(obj, key)); }

int64_t json_get_int(const json_t *obj, const char *key, int64_t dflt)
{
    const json_t *v = json_object_get(obj, key);

    return json_is_integer(v) ? json_integer_value(v) : dflt;
}

json_t *json_from_str(str s)
{
    if (utf8_valid(s))
        return json_stringn_nocheck(s.n == 0 ? "" : s.p, s.n);
    struct arena a = arena_init(s.n < SIZE_MAX / 8 ? 4 * s.n + 64 : SIZE_MAX);
    str clean = text_clean_utf8(&a, s);
    json_t *v = clean.p == NULL ? NULL : json_stringn_nocheck(clean.p, clean.n);
    arena_free(&a);
    return v;
}

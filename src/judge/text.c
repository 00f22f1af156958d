/* Small text helpers of the judge: messages with {names}, safe text, JSON. */
#include "judge/judge-int.h"
#include "base/json.h"
#include "base/text.h"

/* UTF-8 without control characters, at most max bytes. */
str text_safe(struct arena *a, str s, size_t max)
{
    str clean = text_clean_utf8(a, str_sub(s, 0, max * 2));

    if (clean.p == NULL)
        return STR("");
    clean.n = utf8_cut(clean, max);
    char *p = arena_cstr(a, clean);
    for (size_t i = 0; p != NULL && i < clean.n; i++)
        if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
            p[i] = '?';
    return p == NULL ? STR("") : (str){p, clean.n};
}

char *str_dup(str s)
{
    char *p = malloc(s.n + 1);

    if (p == NULL)
        return NULL;
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

/* {name} becomes its value; what is not known becomes "?". */
str message_fill(struct arena *a, str t, message_look *fn, void *ctx)
{
    struct buf b;
    str value;

    buf_init(&b, 4096);
    for (size_t i = 0; i < t.n; i++) {
        size_t end = t.p[i] == '{' ? str_find(str_sub(t, i, t.n), STR("}")) : SIZE_MAX;
        if (end == SIZE_MAX) {
            buf_byte(&b, (uint8_t)t.p[i]);
            continue;
        }
        str name = str_sub(t, i + 1, end - 1);
        bool known = fn(ctx, name, &value) && value.n > 0;
        buf_str(&b, known ? text_safe(a, value, 300) : STR("?"));
        i += end;
    }
    str out = arena_str(a, buf_view(&b));
    buf_done(&b);
    return out.p == NULL ? STR("") : out;
}

json_t *label_json(struct label l)
{
    return json_pack("{s:o, s:o}", "vi", json_from_str(l.vi.p == NULL ? STR("") : l.vi), "en",
                     json_from_str(l.en.p == NULL ? STR("") : l.en));
}

json_t *time_json(int64_t ns)
{
    char z[40];

    if (ns == 0)
        return json_null();
    time_fmt(ns, 3, z, sizeof(z));
    return json_string(z);
}

json_t *text_json(const char *z) { return json_from_str(z == NULL ? STR("") : str_c(z)); }

json_t *severity_json(enum severity s) { return json_string(severity_names[s]); }

json_t *unit_json(int64_t id, str key, str title)
{
    if (id == 0)
        return json_null();
    return json_pack("{s:I, s:o, s:o}", "id", (json_int_t)id, "key", json_from_str(key.p == NULL ? STR("") : key),
                     "title", json_from_str(title.p == NULL ? STR("") : title));
}

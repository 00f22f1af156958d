/* The message catalogue. Constant data; any thread. */
#include "base/msg-int.h"
#include "base/text.h"

static int by_key(const void *key, const void *entry) { return strcmp(key, ((const struct msg_entry *)entry)->key); }

const char *msg_get(const char *key, enum lang lang)
{
    const struct msg_entry *m = key == NULL ? NULL : bsearch(key, msg_table, msg_table_n, sizeof(*msg_table), by_key);

    return m == NULL ? NULL : m->text[lang == LANG_EN ? 1 : 0];
}

void msg_sink_add(struct msg_sink *s, str text)
{
    size_t left = s->cap - 1 - s->n, n = utf8_cut(text, left);

    if (n > 0)
        memcpy(s->out + s->n, text.p, n);
    s->n += n;
    s->out[s->n] = '\0';
    if (n < text.n)
        s->cap = s->n + 1;
}

/* What stands for "{x}" at p, or STR_NONE when that is no placeholder. */
static str placeholder(const char *p, const char *const *args, size_t n, const char *e)
{
    if (p[0] != '{' || p[1] == '\0' || p[2] != '}')
        return STR_NONE;
    if (p[1] == 'e')
        return str_c(e);
    if (p[1] >= '0' && p[1] <= '9' && (size_t)(p[1] - '0') < n)
        return str_c(args[p[1] - '0'] == NULL ? "" : args[p[1] - '0']);
    return STR_NONE;
}

size_t msg_fill(char *out, size_t cap, const char *text, const char *const *args, size_t n, const char *e)
{
    struct msg_sink s = {out, cap, 0};

    out[0] = '\0';
    while (*text != '\0') {
        size_t plain = strcspn(text + 1, "{") + 1;
        str fill = placeholder(text, args, n, e);
        if (fill.p != NULL) {
            msg_sink_add(&s, fill);
            text += 3;
            continue;
        }
        msg_sink_add(&s, (str){text, plain});
        text += plain;
    }
    return s.n;
}

size_t msg_fmt(char *out, size_t cap, enum lang lang, const char *key, const char *const *args, size_t n)
{
    const char *text = msg_get(key, lang);

    if (cap == 0)
        return 0;
    return msg_fill(out, cap, text != NULL ? text : key == NULL ? "" : key, args, n, NULL);
}

bool lang_parse(str s, enum lang *out)
{
    str tag;

    s = str_trim(s);
    if (!str_split(&s, '-', &tag))
        return false;
    if (str_eq_nocase(tag, STR("vi")))
        *out = LANG_VI;
    else if (str_eq_nocase(tag, STR("en")))
        *out = LANG_EN;
    else
        return false;
    return true;
}

const char *lang_name(enum lang lang) { return lang == LANG_EN ? "en" : "vi"; }

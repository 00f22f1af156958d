/* A pattern and a message, parted by a newline. What fits must be what the
 * pattern says: its literals and the captured texts make the message again. */
#include "judge/decode.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Built again from the captures; only when every capture has a field of its own. */
static bool rebuild(const struct pattern *p, struct fields *f, struct arena *a, str *out)
{
    str s = STR("");

    for (size_t i = 0; i < p->n; i++) {
        str part = p->el[i].text;
        if (p->el[i].cls != PC_LITERAL &&
            (p->el[i].field < 0 || p->el[i].field == FLD_EVENT || !fields_get(f, p->el[i].field, &part)))
            return false;
        for (size_t k = 0; k < i; k++)
            if (p->el[k].field >= 0 && p->el[k].field == p->el[i].field)
                return false;
        for (size_t k = 0; p->el[i].cls == PC_INT && k < part.n; k++)
            assert(part.p[k] >= '0' && part.p[k] <= '9');
        s = arena_fmt(a, "%.*s%.*s", STR_ARGS(s), STR_ARGS(part));
    }
    *out = s;
    return s.p != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct arena a = arena_init(16 << 20);
    struct names *names = names_new();
    struct errs es;
    struct decode_ctx c = {&a, names, &es, "d.yaml"};
    struct yaml at = {.kind = YAML_SCALAR, .line = 1, .col = 1};
    str rest = {(const char *)p, n}, text, again;
    struct pattern pat;
    struct fields f;
    struct decode_run run = {0};
    uint32_t times;

    errs_init(&es, 5);
    if (n > 0 && memchr(p, 0, n) == NULL && str_split(&rest, '\n', &text) && rest.p != NULL &&
        pattern_parse(&c, &at, text, &pat)) {
        pat.event = STR("e");
        if (!fields_init(&f, names))
            abort();
        fields_clear(&f);
        str msg = str_trim(decode_repeat(rest, &times));
        if (msg.n <= DECODE_MSG_MAX && pattern_fits(&pat, msg, &f, &run) && rebuild(&pat, &f, &a, &again))
            assert(str_eq(again, msg));
        decode_pairs(names, &a, rest, &f);
        fields_done(&f);
    }
    decode_run_done(&run);
    errs_done(&es);
    names_free(names);
    arena_free(&a);
    return 0;
}

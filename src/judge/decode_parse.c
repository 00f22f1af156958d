/* Pattern tables from YAML. Runs at load; the result lives in the pack set's
 * arena, but for the map. */
#include "judge/decode.h"
#include "judge/near.h"
#include <errno.h>

enum { PROGRAMS_MAX = 1000, PATTERNS_MAX = 2000 };

static const struct {
    str name;
    enum pat_class cls;
} classes[] = {
    {STR("text"), PC_TEXT},
    {STR("word"), PC_WORD},
    {STR("int"), PC_INT},
    {STR("last"), PC_LAST},
};
/* What a capture may take, by the end of its name. */
static const struct {
    str tail;
    enum pat_class cls;
} by_name[] = {
    {STR("_ip"), PC_WORD}, {STR("_host"), PC_WORD}, {STR("_port"), PC_INT},
    {STR("pid"), PC_INT},  {STR("uid"), PC_INT},    {STR("gid"), PC_INT},
};

void decoders_init(struct decoders *d)
{
    *d = (struct decoders){0};
    map_init(&d->by_program, PROGRAMS_MAX);
}

void decoders_done(struct decoders *d) { map_done(&d->by_program); }

static bool bad(struct decode_ctx *c, const struct yaml *at, const char *key, str what)
{
    yaml_err(c->es, c->file, at, key, S(what), NULL);
    return false;
}

static bool capture(struct decode_ctx *c, const struct yaml *at, str inside, struct pat_el *el)
{
    size_t colon = str_find(inside, STR(":"));
    str name = str_sub(inside, 0, colon), cls = colon == SIZE_MAX ? STR_NONE : str_sub(inside, colon + 1, inside.n);

    *el = (struct pat_el){.cls = PC_TEXT, .field = -1};
    for (size_t i = 0; i < name.n; i++)
        if (!((name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= '0' && name.p[i] <= '9') || name.p[i] == '_'))
            return bad(c, at, "judge.decode_name", name);
    for (size_t i = 0; i < sizeof(by_name) / sizeof(*by_name); i++)
        if (str_ends(name, by_name[i].tail))
            el->cls = by_name[i].cls;
    bool known = cls.p == NULL;
    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
        if (cls.p != NULL && str_eq(cls, classes[i].name)) {
            el->cls = classes[i].cls;
            known = true;
        }
    if (!known)
        return bad(c, at, "judge.decode_class", cls);
    if (name.n > 0 && (el->field = names_put(c->names, name)) < 0)
        return bad(c, at, "judge.too_big", name);
    return true;
}

/* Literal text up to a single brace; doubled braces stand for one. */
static str literal(struct arena *a, str text, size_t *pos)
{
    char *out = arena_alloc(a, text.n - *pos + 1);
    size_t n = 0;

    while (out != NULL && *pos < text.n) {
        char ch = text.p[*pos];
        bool twice = *pos + 1 < text.n && text.p[*pos + 1] == ch;
        if ((ch == '{' || ch == '}') && !twice)
            break;
        out[n++] = ch;
        *pos += ch == '{' || ch == '}' ? 2 : 1;
    }
    return (str){out, n};
}

bool pattern_parse(struct decode_ctx *c, const struct yaml *at, str text, struct pattern *out)
{
    struct pat_el el[PAT_ELEMENTS];
    size_t n = 0, pos = 0;

    *out = (struct pattern){0};
    text = str_trim(text);
    while (pos < text.n) {
        if (n == PAT_ELEMENTS)
            return bad(c, at, "judge.decode_long", text);
        if (text.p[pos] == '}' && !(pos + 1 < text.n && text.p[pos + 1] == '}'))
            return bad(c, at, "judge.decode_brace", text);
        bool doubled = pos + 1 < text.n && text.p[pos + 1] == '{';
        if (text.p[pos] != '{' || doubled) {
            el[n++] = (struct pat_el){.cls = PC_LITERAL, .text = literal(c->a, text, &pos), .field = -1};
            continue;
        }
        size_t end = str_find(str_sub(text, pos, text.n), STR("}"));
        if (end == SIZE_MAX)
            return bad(c, at, "judge.decode_brace", text);
        if (n > 0 && el[n - 1].cls != PC_LITERAL)
            return bad(c, at, "judge.decode_adjacent", text);
        if (!capture(c, at, str_sub(text, pos + 1, end - 1), &el[n++]))
            return false;
        pos += end + 1;
    }
    if (n == 0)
        return bad(c, at, "judge.decode_empty", text);
    out->el = arena_array(c->a, struct pat_el, n);
    if (out->el == NULL)
        return false;
    memcpy(out->el, el, n * sizeof(*el));
    out->n = n;
    for (size_t i = 0; i < n; i++)
        if (el[i].cls == PC_LITERAL && el[i].text.n > out->longest.n)
            out->longest = el[i].text;
    if (out->longest.n == 0)
        return bad(c, at, "judge.decode_literal", text);
    return true;
}

static bool parse_set(struct decode_ctx *c, const struct yaml *map, struct pattern *p)
{
    if (map == NULL)
        return true;
    if (map->kind != YAML_MAP)
        return bad(c, map, "judge.not_a_map", STR("set"));
    p->set = arena_array(c->a, struct pat_set, map->n + 1);
    for (size_t i = 0; p->set != NULL && i < map->n; i++) {
        if (map->items[i]->kind != YAML_SCALAR)
            return bad(c, map->items[i], "judge.not_text", map->keys[i]->text);
        p->set[p->nset++] = (struct pat_set){names_put(c->names, map->keys[i]->text), map->items[i]->text};
    }
    return p->set != NULL;
}

static bool decoder_add(struct arena *a, struct decoder *d, const struct pattern *p)
{
    if (d->n == PATTERNS_MAX)
        return false;
    if (d->n == d->cap) {
        size_t cap = d->cap == 0 ? 8 : d->cap * 2;
        struct pattern *more = arena_array(a, struct pattern, cap);
        if (more == NULL)
            return false;
        if (d->n > 0)
            memcpy(more, d->v, d->n * sizeof(*more));
        d->v = more;
        d->cap = cap;
    }
    d->v[d->n++] = *p;
    return true;
}

static struct decoder *decoder_of(struct decode_ctx *c, struct decoders *d, str program)
{
    if (str_eq(program, STR("*")))
        return &d->any;
    struct map_slot *s = map_put(&d->by_program, program, NULL);
    if (s == NULL)
        return NULL;
    if (s->v.ptr == NULL)
        s->v.ptr = arena_new(c->a, struct decoder);
    return s->v.ptr;
}

static bool add_to_programs(struct decode_ctx *c, const struct yaml *prog, struct decoders *d, const struct pattern *p)
{
    bool list = prog->kind == YAML_LIST;

    for (size_t i = 0; i < (list ? prog->n : 1); i++) {
        const struct yaml *one = list ? prog->items[i] : prog;
        if (one->kind != YAML_SCALAR)
            return bad(c, one, "judge.not_text", STR("program"));
        struct decoder *to = decoder_of(c, d, one->text);
        if (to == NULL || !decoder_add(c->a, to, p))
            return bad(c, one, "judge.too_big", one->text);
    }
    return true;
}

static bool parse_pattern(struct decode_ctx *c, const struct yaml *prog, const struct yaml *row, struct decoders *d)
{
    static const char *const keys[] = {"event", "match", "set", NULL};
    struct pattern p;

    if (row->kind != YAML_MAP)
        return bad(c, row, "judge.not_a_map", STR("patterns"));
    bool good = near_only(c->es, c->file, row, keys);
    const struct yaml *match = yaml_get(row, "match"), *event = yaml_get(row, "event");
    if (match == NULL || match->kind != YAML_SCALAR)
        return bad(c, row, "judge.missing", STR("match"));
    if (event == NULL || event->kind != YAML_SCALAR)
        return bad(c, row, "judge.missing", STR("event"));
    if (!pattern_parse(c, match, match->text, &p))
        return false;
    p.event = event->text;
    return parse_set(c, yaml_get(row, "set"), &p) && good && add_to_programs(c, prog, d, &p);
}

int decoders_parse(struct decode_ctx *c, const struct yaml *doc, struct decoders *d)
{
    static const char *const keys[] = {"program", "patterns", NULL};
    bool good = true;

    if (doc->kind != YAML_LIST) {
        bad(c, doc, "judge.not_a_list", STR("decoders"));
        return -EBADMSG;
    }
    for (size_t i = 0; i < doc->n; i++) {
        const struct yaml *one = doc->items[i], *prog = yaml_get(one, "program"), *list = yaml_get(one, "patterns");
        if (one->kind != YAML_MAP || prog == NULL || list == NULL || list->kind != YAML_LIST) {
            good = bad(c, one, "judge.missing", prog == NULL ? STR("program") : STR("patterns"));
            continue;
        }
        good = near_only(c->es, c->file, one, keys) && good;
        for (size_t k = 0; k < list->n; k++)
            good = parse_pattern(c, prog, list->items[k], d) && good;
    }
    return good ? 0 : -EBADMSG;
}

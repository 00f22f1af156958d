/* Interned field names and the decoded event. The names belong to a pack set
 * and are constant once it is loaded; a `struct fields` belongs to the thread
 * that judges. */
#include "judge/fields.h"
#include "base/text.h"
#include <unicase.h>
#include <unistr.h>

enum { LOWERED_MAX = 1 << 20 };

struct names *names_new(void)
{
    static const char *const fixed[FLD_FIXED] = {
        "message", "host", "program", "pid", "source", "facility", "severity", "event",
    };
    struct names *n = calloc(1, sizeof(*n));

    if (n == NULL)
        return NULL;
    map_init(&n->ids, NAMES_MAX);
    for (int i = 0; i < FLD_FIXED; i++)
        if (names_put(n, str_c(fixed[i])) != i) {
            names_free(n);
            return NULL;
        }
    return n;
}

void names_free(struct names *n)
{
    if (n == NULL)
        return;
    map_done(&n->ids);
    free(n);
}

int names_put(struct names *n, str name)
{
    bool fresh;
    struct map_slot *s = map_put(&n->ids, name, &fresh);

    if (s == NULL)
        return -1;
    if (fresh) {
        s->v.num = (int64_t)n->n;
        n->text[n->n++] = s->key;
    }
    return (int)s->v.num;
}

int names_find(struct names *n, str name)
{
    struct map_slot *s = map_get(&n->ids, name);

    return s == NULL ? -1 : (int)s->v.num;
}

bool fields_init(struct fields *f, const struct names *n)
{
    size_t cap = n->n;

    *f = (struct fields){.names = n, .cap = cap, .now = 1, .lowered = arena_init(LOWERED_MAX)};
    f->stamp = calloc(cap, sizeof(*f->stamp));
    f->low_stamp = calloc(cap, sizeof(*f->low_stamp));
    f->value = calloc(cap, sizeof(*f->value));
    f->low = calloc(cap, sizeof(*f->low));
    f->set = calloc(cap, sizeof(*f->set));
    if (f->stamp != NULL && f->low_stamp != NULL && f->value != NULL && f->low != NULL && f->set != NULL)
        return true;
    fields_done(f);
    return false;
}

void fields_done(struct fields *f)
{
    free(f->stamp);
    free(f->low_stamp);
    free(f->value);
    free(f->low);
    free(f->set);
    arena_free(&f->lowered);
    *f = (struct fields){0};
}

void fields_clear(struct fields *f)
{
    f->nset = 0;
    if (f->lowered.used > 0)
        arena_clear(&f->lowered);
    if (++f->now == 0) { /* stamps of 4 billion events ago must not look fresh */
        memset(f->stamp, 0, f->cap * sizeof(*f->stamp));
        memset(f->low_stamp, 0, f->cap * sizeof(*f->low_stamp));
        f->now = 1;
    }
}

void fields_put(struct fields *f, int id, str v)
{
    if (id < 0 || (size_t)id >= f->cap)
        return;
    if (f->stamp[id] != f->now)
        f->set[f->nset++] = id;
    f->stamp[id] = f->now;
    f->low_stamp[id] = 0;
    f->value[id] = v.p == NULL ? STR("") : v;
}

void fields_drop(struct fields *f, int id)
{
    size_t kept = 0;

    if (id < 0 || (size_t)id >= f->cap || f->stamp[id] != f->now)
        return;
    f->stamp[id] = f->low_stamp[id] = 0;
    for (size_t i = 0; i < f->nset; i++)
        if (f->set[i] != id)
            f->set[kept++] = f->set[i];
    f->nset = kept;
}

bool fields_get(const struct fields *f, int id, str *v)
{
    if (id < 0 || (size_t)id >= f->cap || f->stamp[id] != f->now)
        return false;
    *v = f->value[id];
    return true;
}

bool fields_low(struct fields *f, int id, str *v)
{
    if (!fields_get(f, id, v))
        return false;
    if (f->low_stamp[id] != f->now) {
        f->low[id] = text_lower(&f->lowered, *v);
        if (f->low[id].p == NULL) /* past the ceiling: the text as it came */
            f->low[id] = *v;
        f->low_stamp[id] = f->now;
    }
    *v = f->low[id];
    return true;
}

size_t text_step(str s)
{
    size_t n = s.n > 0 && (unsigned char)s.p[0] < 0x80 ? 1 : utf8_char(s);

    return n == 0 ? 1 : n;
}

/* Lowering can lengthen a character (U+023A is 2 bytes, its lower form 3). */
static str lower_unicode(struct arena *a, str s)
{
    char *out = s.n > SIZE_MAX / 4 ? NULL : arena_alloc(a, s.n + s.n / 2 + 8);
    size_t n = 0;

    if (out == NULL)
        return STR_NONE;
    for (size_t i = 0, step; i < s.n; i += step) {
        str rest = {s.p + i, s.n - i};
        ucs4_t c;
        step = utf8_char(rest);
        if (step == 0) {
            step = 1;
            out[n++] = s.p[i];
            continue;
        }
        u8_mbtoucr(&c, (const uint8_t *)rest.p, step);
        n += (size_t)u8_uctomb((uint8_t *)out + n, uc_tolower(c), 6);
    }
    return (str){out, n};
}

str text_lower(struct arena *a, str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return lower_unicode(a, s);
    char *out = arena_alloc(a, s.n + 1);
    if (out == NULL)
        return STR_NONE;
    for (size_t i = 0; i < s.n; i++)
        out[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + ('a' - 'A') : s.p[i]);
    return (str){out, s.n};
}

/* Lines into templates. A line whose fields or bytes a template cannot hold
 * goes to the list of plain lines. */
#include "journal/block-int.h"

static inline void copy_steps(char *to, const char *from, size_t n)
{
    for (size_t i = 0; i < n; i += 16)
        memcpy(to + i, from + i, 16);
}

/* Windows begin with a line and hold whole lines. */
static void window(struct splitter *s, const struct rows *r, uint32_t i, uint32_t n)
{
    size_t from = r->off[i], to = from;
    uint32_t first = i;

    while (i < n && r->off[i + 1] - from <= SPLIT_WINDOW + EVENT_RAW_MAX) {
        to = r->off[++i];
        if (to - from >= SPLIT_WINDOW)
            break;
    }
    s->base = (const uint8_t *)r->raw + from;
    s->mapped = to - from;
    split_map_make(&s->map, s->base, s->mapped, SPLIT_BEST);
    for (uint32_t k = first; k < i && s->rules != 0; k++)
        split_map_loosen(&s->map, s->base, r->off[k] - from, r->off[k + 1] - from, s->rules);
}

static uint32_t stamp_number(struct splitter *s, struct stamp_form f)
{
    for (uint32_t i = 0; i < s->nstamps; i++)
        if (s->stamps[i].kind == f.kind && s->stamps[i].digits == f.digits && s->stamps[i].zone == f.zone)
            return i + 1;
    if (s->nstamps == sizeof(s->stamps) / sizeof(s->stamps[0]))
        return 0;
    s->stamps[s->nstamps++] = f;
    return s->nstamps;
}

/* Length of "<pri>" and of the version behind it; 0 = none. */
static size_t pri_len(const char *p, size_t n)
{
    size_t i = 1;

    if (n < 3 || p[0] != '<')
        return 0;
    while (i < n && i < 4 && p[i] >= '0' && p[i] <= '9')
        i++;
    if (i == 1 || i == n || p[i] != '>')
        return 0;
    i++;
    return n - i > 2 && p[i] == '1' && p[i + 1] == ' ' ? i + 2 : i;
}

/* The stamp at p: its number, 0 = none. */
static uint32_t stamp_at(struct splitter *s, str p, int64_t ns, size_t *len)
{
    struct stamp_form f;

    if (s->last.form && ns == s->last.sec && p.n >= s->last.len && memcmp(p.p, s->last.text, s->last.len) == 0) {
        *len = s->last.len;
        return s->last.form;
    }
    if (p.n < 15 || !stamp_find(p, ns, &f, len))
        return 0;
    uint32_t form = stamp_number(s, f);
    if (form) {
        memcpy(s->last.text, p.p, *len);
        s->last.len = *len;
        s->last.sec = ns;
        s->last.form = form;
    }
    return form;
}

struct line_parts {
    const char *p;                                       /* the line */
    uint32_t n, at /* in the window */, nv, stamp, host; /* numbers of these values + 1; 0 = none */
    uint32_t held;                                       /* bytes of all values */
};

static bool find_values(struct splitter *s, const struct rows *r, uint32_t i, struct template_key *key,
                        struct line_parts *l)
{
    struct span host = r->span[(size_t)i * SP_COUNT + SP_HOST];
    const uint32_t max = TEMPLATE_VALUES_MAX;
    size_t at = pri_len(l->p, l->n), len;

    l->nv = l->stamp = l->host = 0;
    uint32_t form = r->format[i] == FMT_RAW ? 0 : stamp_at(s, (str){l->p + at, l->n - at}, r->event[i], &len);
    if (form && (host.len == 0 || host.off >= at + len)) {
        s->v[l->nv++] = (struct split_value){(uint32_t)(l->at + at), (uint32_t)len};
        l->stamp = l->nv;
        at += len;
        key->stamp = (uint8_t)form;
    }
    if (host.len > 0 && host.off >= at && l->nv < max) {
        if (!split_values(&s->map, l->at + at, l->at + host.off, s->v, &l->nv, max) || l->nv == max)
            return false;
        s->v[l->nv++] = (struct split_value){l->at + host.off, host.len};
        l->host = l->nv;
        at = host.off + host.len;
    }
    return split_values(&s->map, l->at + at, l->at + l->n, s->v, &l->nv, max);
}

/* Place in the text of an offset in the line; false: within a value. */
static bool place_of(const struct splitter *s, const struct line_parts *l, uint32_t off, uint16_t *out)
{
    uint32_t shift = 0;

    for (uint32_t k = 0; k < l->nv; k++) {
        uint32_t from = s->v[k].off - l->at;
        if (off <= from)
            break;
        if (off < from + s->v[k].len)
            return false;
        shift += s->v[k].len - 1;
    }
    *out = (uint16_t)(off - shift);
    return true;
}

static bool find_places(const struct splitter *s, const struct rows *r, uint32_t i, const struct line_parts *l,
                        struct template_key *key)
{
    const struct span *sp = r->span + (size_t)i * SP_COUNT;

    for (int k = 0; k < SP_COUNT; k++) {
        uint32_t end = sp[k].off + sp[k].len;
        if (sp[k].len == 0)
            continue;
        if (end > l->n || !place_of(s, l, sp[k].off, &key->place[2 * k]))
            return false;
        if (end == l->n)
            key->place[2 * k + 1] = SPAN_END;
        else if (!place_of(s, l, end, &key->place[2 * k + 1]))
            return false;
    }
    return true;
}

static uint32_t gather_text(struct splitter *s, const struct line_parts *l)
{
    uint32_t n = 0, at = l->at;

    for (uint32_t k = 0; k < l->nv; k++) {
        copy_steps(s->text + n, (const char *)s->base + at, s->v[k].off - at);
        n += s->v[k].off - at;
        s->text[n++] = k + 1 == l->host ? HOLE_HOST : k + 1 == l->stamp ? HOLE_STAMP : HOLE_VALUE;
        at = s->v[k].off + s->v[k].len;
    }
    copy_steps(s->text + n, (const char *)s->base + at, l->at + l->n - at);
    return n + l->at + l->n - at;
}

static bool put_values(struct splitter *s, const struct line_parts *l, struct template *t, uint32_t line,
                       uint32_t origin)
{
    uint8_t *to = template_row(s->set, t, line, origin, l->held);

    if (to == NULL)
        return false;
    char *bytes = (char *)to + 2 * (size_t)t->values;
    for (uint32_t k = 0; k < l->nv; k++) {
        if (k + 1 == l->host || k + 1 == l->stamp)
            continue;
        uint16_t len = (uint16_t)s->v[k].len;
        memcpy(to, &len, 2);
        to += 2;
        copy_steps(bytes, (const char *)s->base + s->v[k].off, len);
        bytes += len;
    }
    return true;
}

static bool split_line(struct splitter *s, const struct rows *r, uint32_t i, uint32_t origin)
{
    struct template_key key = {.transport = r->transport[i],
                               .format = r->format[i],
                               .facility = r->facility[i],
                               .severity = r->severity[i],
                               .flags = r->flags[i],
                               .received = r->event[i] == r->received[i]};
    struct line_parts l = {.p = r->raw + r->off[i], .n = r->off[i + 1] - r->off[i]};

    l.at = (uint32_t)((const uint8_t *)l.p - s->base);
    if (origin == 0 || l.n > UINT16_MAX || !find_values(s, r, i, &key, &l) || !find_places(s, r, i, &l, &key))
        return false;
    uint32_t sum = 0, values = l.nv - (l.host > 0) - (l.stamp > 0);
    for (uint32_t k = 0; k < l.nv; k++) {
        sum += s->v[k].len;
        l.held += k + 1 == l.host || k + 1 == l.stamp ? 0 : s->v[k].len;
    }
    if (l.n - sum + l.nv > TEMPLATE_TEXT_MAX || s->values + values > s->values_max)
        return false;
    uint32_t len = gather_text(s, &l);
    struct template *t = template_get(s->set, &key, s->text, len, values);
    if (t == NULL)
        return false;
    s->values += values;
    if (!put_values(s, &l, t, i, origin))
        s->failed = true;
    return true;
}

static void put_plain(struct splitter *s, uint32_t line, uint32_t origin)
{
    if (s->nplain == s->plain_cap) {
        uint32_t cap = s->plain_cap ? s->plain_cap * 2 : 1024;
        struct plain_line *p = realloc(s->plain, cap * sizeof(*p));
        if (p == NULL) {
            s->failed = true;
            return;
        }
        s->plain = p;
        s->plain_cap = cap;
    }
    s->plain[s->nplain++] = (struct plain_line){line, origin};
}

bool split_rows(struct splitter *s, const struct rows *r, uint32_t n)
{
    s->nplain = s->nstamps = 0;
    s->values = 0;
    s->values_max = r->off[n] / 6 + 65536;
    s->last.form = 0;
    s->failed = false;
    s->base = NULL;
    s->mapped = 0;
    template_set_clear(s->set, r->off[n]);
    origin_set_clear(s->origins, r, n);
    for (uint32_t i = 0; i < n && !s->failed; i++) {
        const uint8_t *p = (const uint8_t *)r->raw + r->off[i];
        if (s->base == NULL || p + (r->off[i + 1] - r->off[i]) > s->base + s->mapped)
            window(s, r, i, n);
        uint32_t origin = origin_number(s->origins, r, i);
        if (!split_line(s, r, i, origin))
            put_plain(s, i, origin);
    }
    return !s->failed;
}

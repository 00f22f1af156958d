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

static bool find_values(struct splitter *s, const struct rows *r, struct line_parts *l)
{
    struct span host = rows_span(r, l->line, SP_HOST);
    const uint32_t max = TEMPLATE_VALUES_MAX;
    size_t at = pri_len(l->p, l->n), len;

    l->nv = l->stamp = l->host = 0;
    uint32_t form = l->key.format == FMT_RAW ? 0 : stamp_at(s, (str){l->p + at, l->n - at}, r->event[l->line], &len);
    if (form && (host.len == 0 || host.off >= at + len)) {
        l->v[l->nv++] = (struct split_value){(uint32_t)(l->at + at), (uint32_t)len};
        l->stamp = l->nv;
        at += len;
        l->key.stamp = (uint8_t)form;
    }
    if (host.len > 0 && host.off >= at && l->nv < max) {
        if (!split_values(&s->map, l->at + at, l->at + host.off, l->v, &l->nv, max) || l->nv == max)
            return false;
        l->v[l->nv++] = (struct split_value){l->at + host.off, host.len};
        l->host = l->nv;
        at = host.off + host.len;
    }
    return split_values(&s->map, l->at + at, l->at + l->n, l->v, &l->nv, max);
}

/* Spans stand mostly in the order of the line: the walk over values goes on. */
struct place_walk {
    uint32_t k, off, shift;
};

/* Place in the text of an offset in the line; false: within a value. */
static inline bool place_of(const struct line_parts *l, struct place_walk *w, uint32_t off, uint16_t *out)
{
    if (off < w->off)
        *w = (struct place_walk){0};
    w->off = off;
    for (; w->k < l->nv; w->k++) {
        uint32_t from = l->v[w->k].off - l->at;
        if (off <= from)
            break;
        if (off < from + l->v[w->k].len)
            return false;
        w->shift += l->v[w->k].len - 1;
    }
    *out = (uint16_t)(off - w->shift);
    return true;
}

static bool find_places(const struct rows *r, struct line_parts *l)
{
    struct place_walk w = {0};

    for (unsigned k = 0; k < SP_COUNT; k++) {
        struct span sp = rows_span(r, l->line, k);
        uint32_t end = sp.off + sp.len;
        if (sp.len == 0)
            continue;
        if (end > l->n || !place_of(l, &w, sp.off, &l->key.place[2 * k]))
            return false;
        if (end == l->n)
            l->key.place[2 * k + 1] = SPAN_END;
        else if (!place_of(l, &w, end, &l->key.place[2 * k + 1]))
            return false;
    }
    return true;
}

static uint32_t gather_text(const struct splitter *s, struct line_parts *l)
{
    uint32_t n = 0, at = l->at;

    for (uint32_t k = 0; k < l->nv; k++) {
        copy_steps(l->text + n, (const char *)s->base + at, l->v[k].off - at);
        n += l->v[k].off - at;
        l->text[n++] = k + 1 == l->host ? HOLE_HOST : k + 1 == l->stamp ? HOLE_STAMP : HOLE_VALUE;
        at = l->v[k].off + l->v[k].len;
    }
    copy_steps(l->text + n, (const char *)s->base + at, l->at + l->n - at);
    return n + l->at + l->n - at;
}

static bool put_values(struct splitter *s, const struct line_parts *l, struct template *t)
{
    uint8_t *to = template_row(s->set, t, l->line, l->origin, l->held);

    if (to == NULL)
        return false;
    char *bytes = (char *)to + 2 * (size_t)t->values;
    for (uint32_t k = 0; k < l->nv; k++) {
        if (k + 1 == l->host || k + 1 == l->stamp)
            continue;
        uint16_t len = (uint16_t)l->v[k].len;
        memcpy(to, &len, 2);
        to += 2;
        copy_steps(bytes, (const char *)s->base + l->v[k].off, len);
        bytes += len;
    }
    return true;
}

/* All of a line but its template; false: it can have none. */
static bool cut_line(struct splitter *s, const struct rows *r, struct line_parts *l)
{
    uint32_t i = l->line, h = rows_head(r, i);

    l->p = r->raw + r->off[i];
    l->n = r->off[i + 1] - r->off[i];
    l->at = (uint32_t)((const uint8_t *)l->p - s->base);
    l->key = (struct template_key){.transport = r->transport[h],
                                   .format = r->format[h],
                                   .facility = r->facility[h],
                                   .severity = r->severity[h],
                                   .flags = r->flags[h],
                                   .received = r->event[i] == r->received[i]};
    if (l->origin == 0 || l->n > UINT16_MAX || !find_values(s, r, l) || !find_places(r, l))
        return false;
    uint32_t sum = 0;
    for (uint32_t k = 0; k < l->nv; k++)
        sum += l->v[k].len;
    l->values = l->nv - (l->host > 0) - (l->stamp > 0);
    l->held = sum - (l->host ? l->v[l->host - 1].len : 0) - (l->stamp ? l->v[l->stamp - 1].len : 0);
    if (l->n - sum + l->nv > TEMPLATE_TEXT_MAX)
        return false;
    l->text_len = gather_text(s, l);
    l->hash = template_hash(s->set, &l->key, l->text, l->text_len);
    template_fetch(s->set, l->hash, 0);
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

/* Lines that were cut into their templates, while all of them are in the window. */
static void settle(struct splitter *s, uint32_t n)
{
    for (int step = 1; step < TEMPLATE_STEPS; step++) /* the first when the line was cut */
        for (uint32_t i = 0; i < n; i++)
            if (!s->ahead[i].plain)
                template_fetch(s->set, s->ahead[i].hash, step);
    for (uint32_t i = 0; i < n; i++) {
        struct line_parts *l = &s->ahead[i];
        struct template *t = NULL;
        if (!l->plain && s->values + l->values <= s->values_max)
            t = template_get(s->set, l->hash, &l->key, l->text, l->text_len, l->values);
        if (t == NULL) {
            put_plain(s, l->line, l->origin);
            continue;
        }
        s->values += l->values;
        if (!put_values(s, l, t))
            s->failed = true;
    }
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
    hours_begin(&s->hours);
    uint32_t cut = 0;
    for (uint32_t i = 0; i < n && !s->failed; i++) {
        const uint8_t *p = (const uint8_t *)r->raw + r->off[i];
        bool in = s->base != NULL && p + (r->off[i + 1] - r->off[i]) <= s->base + s->mapped;
        if (!in || cut == SPLIT_AHEAD) {
            settle(s, cut);
            cut = 0;
        }
        if (!in)
            window(s, r, i, n);
        struct line_parts *l = &s->ahead[cut++];
        l->line = i;
        l->origin = origin_number(s->origins, r, i);
        hours_add(&s->hours, l->origin, r->event[i]);
        l->plain = !cut_line(s, r, l);
    }
    settle(s, cut);
    return !s->failed;
}

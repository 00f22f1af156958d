/* Templates: a list of fields compiled once into the few reads that matter. */
#include "intake/flow_rx-int.h"

static str template_key(const struct session *s, uint16_t id, char buf[16])
{
    uintptr_t p = (uintptr_t)s;

    memcpy(buf, &p, sizeof(p));
    memcpy(buf + sizeof(p), &id, 2);
    return (str){buf, sizeof(p) + 2};
}

struct template *template_find(struct flow_rx *rx, struct session *s, uint16_t id)
{
    char key[16];
    struct map_slot *at;

    if (s->last != NULL && s->last->id == id)
        return s->last;
    at = map_get(&rx->templates, template_key(s, id, key));
    return at != NULL ? s->last = at->v.ptr : NULL;
}

void template_used(struct flow_rx *rx, struct template *t)
{
    t->used = true;
    if (rx->used.next != &t->by_use)
        link_first(&rx->used, &t->by_use);
}

void template_forget(struct flow_rx *rx, struct template *t)
{
    char key[16];

    map_del(&rx->templates, template_key(t->s, t->id, key));
    link_del(&t->by_use);
    link_del(&t->of_session);
    t->s->ntemplates--;
    t->s->last = NULL;
    free(t);
}

static void gone(struct flow_rx *rx, struct template *t)
{
    struct flow_note n = {.kind = FN_GONE,
                          .version = t->s->version,
                          .port = t->s->port,
                          .domain = t->s->domain,
                          .ip = t->s->ip,
                          .id = t->id};

    rx->sink.note(rx->sink.ctx, &n);
    rx->st.flow_evicted++;
    template_forget(rx, t);
}

/* At the ceiling: of those that never decoded anything first, so that a flood of
 * invented exporters does not push out the real ones. */
static bool room_make(struct flow_rx *rx, struct session *s)
{
    if (s->ntemplates >= rx->lim.templates_of_session)
        gone(rx, (struct template *)((char *)s->templates.prev - offsetof(struct template, of_session)));
    if (rx->templates.n >= rx->lim.templates)
        gone(rx, (struct template *)(rx->unused.prev != &rx->unused ? rx->unused.prev : rx->used.prev));
    return rx->templates.n < rx->lim.templates;
}

/* --- compiling ----------------------------------------------------------- */

/* Of two fields for one column: the lower rank, or both an IPv4 and an IPv6 one;
 * of a field that is there twice the later, which is the inner one of a tunnel.
 * Operations stay in the order of their fields. */
static bool op_place(struct template *t, const struct flow_op *op)
{
    bool combines = op->read == FR_TYPE8 || op->read == FR_CODE8;

    for (uint32_t i = 0; i < t->nops && op->col != FC_NONE && !combines; i++) {
        struct flow_op *o = &t->ops[i];
        if (o->col != op->col || (o->read != op->read && (o->read == FR_IP4 || o->read == FR_IP6)))
            continue;
        if (op->rank > o->rank)
            return true;
        memmove(o, o + 1, (size_t)(--t->nops - i) * sizeof(*o));
        break;
    }
    if (t->nops == OPS_MAX)
        return false;
    t->ops[t->nops++] = *op;
    return true;
}

static void families_note(struct template *t)
{
    for (uint32_t i = 0; i < t->nops; i++) {
        const struct flow_op *o = &t->ops[i];
        if (o->read != FR_IP4 && o->read != FR_IP6)
            continue;
        uint32_t shift = flow_family_shift(o->col);
        t->mixed |= (t->families >> shift & 3) != 0;
        t->families |= (uint16_t)((o->read == FR_IP4 ? FAM_4 : FAM_6) << shift);
        t->v6_a_row += o->read == FR_IP6;
    }
}

/* A length that no value of this field has is a field we do not know. */
static bool fits(const struct flow_field *f, uint16_t len) { return f != NULL && len >= f->min && len <= f->max; }

/* The field as the table knows it, NULL when it means nothing to us. */
static const struct flow_field *known_field(const struct template *t, const struct field_spec *f, bool scope)
{
    /* Scope of v9 options: 1 system, 2 interface (RFC 3954, 6.1); not the fields' numbers. */
    const struct flow_field *k =
        scope && t->s->version == V9 ? (f->id == 2 ? flow_field_find(0, 10) : NULL) : flow_field_find(f->pen, f->id);

    return fits(k, f->len) ? k : NULL;
}

/* Fields of no length are left out: they would cost time and no bytes. */
static bool compile(struct template *t, const struct field_spec *f, uint32_t n)
{
    uint32_t nscope = t->nscope;

    t->fixed = true;
    t->nscope = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct flow_field *k = known_field(t, &f[i], i < nscope);
        struct flow_op op = {.field = t->nfields, .off = (uint16_t)t->size, .len = f[i].len};
        if (f[i].len == 0)
            continue;
        t->lengths[t->nfields++] = f[i].len;
        t->nscope += i < nscope;
        t->fixed &= f[i].len != VARIABLE;
        t->size += f[i].len == VARIABLE ? 1 : f[i].len;
        if (t->size > UINT16_MAX)
            return false;
        if (k == NULL)
            continue;
        op.read = k->read;
        op.col = k->col;
        op.rank = k->rank;
        if (!op_place(t, &op))
            return false;
        t->is_flow |= k->col == FC_src || k->col == FC_dst || k->col == FC_bytes || k->col == FC_packets;
    }
    families_note(t);
    return t->size > 0;
}

static void spec_write(struct template *t, uint32_t nscope, const struct field_spec *f, uint32_t n)
{
    uint8_t *p = t->spec;

    *p++ = (uint8_t)(nscope >> 8);
    *p++ = (uint8_t)nscope;
    for (uint32_t i = 0; i < n; i++, p += 8) {
        p[0] = (uint8_t)(f[i].id >> 8), p[1] = (uint8_t)f[i].id;
        p[2] = (uint8_t)(f[i].len >> 8), p[3] = (uint8_t)f[i].len;
        for (int k = 0; k < 4; k++)
            p[4 + k] = (uint8_t)(f[i].pen >> (24 - 8 * k));
    }
}

static struct template *template_new(struct session *s, uint16_t id, bool options, uint32_t nscope,
                                     const struct field_spec *f, uint32_t n)
{
    uint32_t nspec = 2 + 8 * n;
    size_t head = sizeof(struct template) + ((nspec + 1) & ~1u);
    struct template *t = calloc(1, head + n * sizeof(uint16_t));

    if (t == NULL)
        return NULL;
    t->s = s;
    t->id = id;
    t->options = options;
    t->nscope = (uint16_t)nscope;
    t->nspec = nspec;
    t->lengths = (uint16_t *)(void *)((char *)t + sizeof(*t) + (((nspec + 1) & ~1u)));
    link_init(&t->by_use);
    link_init(&t->of_session);
    spec_write(t, nscope, f, n);
    if (!compile(t, f, n)) {
        free(t);
        return NULL;
    }
    return t;
}

static bool same(const struct template *a, const struct template *b)
{
    return a->options == b->options && a->nspec == b->nspec && memcmp(a->spec, b->spec, a->nspec) == 0;
}

static void enlist(struct flow_rx *rx, struct template *t)
{
    char key[16];
    struct map_slot *at = map_put(&rx->templates, template_key(t->s, t->id, key), NULL);

    if (at == NULL) {
        free(t);
        return;
    }
    at->v.ptr = t;
    t->s->ntemplates++;
    t->s->last = NULL;
    link_first(&rx->unused, &t->by_use);
    link_first(&t->s->templates, &t->of_session);
    struct flow_note n = {.kind = FN_TEMPLATE,
                          .version = t->s->version,
                          .port = t->s->port,
                          .domain = t->s->domain,
                          .ip = t->s->ip,
                          .id = t->id,
                          .options = t->options,
                          .bytes = {(const char *)t->spec, t->nspec}};
    rx->sink.note(rx->sink.ctx, &n);
}

bool template_define(struct flow_rx *rx, struct session *s, uint16_t id, bool options, uint32_t nscope,
                     const struct field_spec *f, uint32_t n)
{
    struct template *t = NULL, *old = template_find(rx, s, id);

    if (id >= 256 && n > 0 && n <= FLOW_FIELDS_MAX && nscope <= n && (options || nscope == 0))
        t = template_new(s, id, options, nscope, f, n);
    if (t == NULL) {
        rx->st.drop_flow_template++;
        return false;
    }
    rx->st.flow_templates++;
    if (old != NULL && same(old, t)) {
        link_first(&s->templates, &old->of_session);
        free(t);
        return true;
    }
    if (old != NULL)
        template_forget(rx, old); /* a redefinition holds at once */
    if (!room_make(rx, s)) {
        free(t);
        return false;
    }
    enlist(rx, t);
    early_use(rx, s, id);
    return true;
}

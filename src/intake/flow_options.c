/* Options records: what an exporter samples, and when it began. The scope says
 * for what: a sampler's number, an interface, or all of it. */
#include "intake/flow_rx-int.h"

struct said {
    uint64_t value[FR_BOOT_MS + 1];
    bool there[FR_BOOT_MS + 1];
    uint64_t interface;
    bool has_interface;
};

static void collect(const struct flow_op *op, const uint8_t *base, bool scope, struct said *out)
{
    if (op->len > 8)
        return;
    uint64_t v = be(base + op->off, op->len);
    if (op->col == FC_in_if && scope) {
        out->interface = v;
        out->has_interface = true;
    } else if (op->read >= FR_SAMPLER) {
        out->value[op->read] = v;
        out->there[op->read] = true;
    }
}

/* One packet of how many: as it is said, or 1 + the space (RFC 5477, 8.2), or the population's share. */
static uint64_t rate_of(const struct said *x)
{
    uint64_t taken = x->there[FR_TAKEN] ? x->value[FR_TAKEN] : 1;
    uint64_t interval = x->there[FR_RATE] ? x->value[FR_RATE] : 0;

    if (x->there[FR_POPULATION])
        return taken > 0 ? x->value[FR_POPULATION] / taken : 0;
    if (x->there[FR_SPACE] && interval > 0)
        return (interval + x->value[FR_SPACE]) / interval;
    return interval;
}

static void record_use(struct flow_rx *rx, struct message *m, const struct said *x)
{
    struct session *s = m->s;
    uint64_t rate = rate_of(x);

    if (x->there[FR_BOOT_MS] && x->value[FR_BOOT_MS] < (uint64_t)INT64_MAX / 1000000 &&
        s->boot_ms != (int64_t)x->value[FR_BOOT_MS]) {
        s->boot_ms = (int64_t)x->value[FR_BOOT_MS];
        session_note(rx, s, FN_BOOT, x->value[FR_BOOT_MS], STR_NONE);
    }
    if (rate == 0 || rate > UINT32_MAX)
        return;
    if (x->there[FR_SAMPLER])
        sampler_set(rx, s, SAMPLER_NUMBER, x->value[FR_SAMPLER], (uint32_t)rate);
    else if (x->has_interface)
        sampler_set(rx, s, SAMPLER_INTERFACE, x->interface, (uint32_t)rate);
    else
        sampler_set(rx, s, SAMPLER_ALL, 0, (uint32_t)rate);
}

void decode_options(struct flow_rx *rx, struct message *m, struct template *t, str set)
{
    rd r = rd_init(set.p, set.n);

    template_used(rx, t);
    while (rd_left(&r) >= t->size) {
        struct flow_op ops[OPS_MAX] = {0};
        struct said said = {0};
        const uint8_t *base = r.p;
        if (!record_measure(t, &r, ops)) {
            rx->st.drop_flow_malformed++;
            return;
        }
        for (uint32_t i = 0; i < t->nops; i++)
            collect(&ops[i], base, ops[i].field < t->nscope, &said);
        record_use(rx, m, &said);
        m->records++;
        rx->st.flow_options++;
    }
}

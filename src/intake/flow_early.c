/* Sets that came before their template: kept a while, never guessed. */
#include "intake/flow_rx-int.h"

static struct early *of_age(struct link *l) { return (struct early *)l; }
static struct early *of_session(struct link *l)
{
    return (struct early *)((char *)l - offsetof(struct early, of_session));
}

void early_forget(struct flow_rx *rx, struct early *x)
{
    link_del(&x->by_age);
    link_del(&x->of_session);
    rx->early_bytes -= x->n;
    x->s->early_bytes -= x->n;
    free(x);
}

static void drop(struct flow_rx *rx, struct early *x)
{
    rx->st.drop_flow_early++;
    early_forget(rx, x);
}

void early_keep(struct flow_rx *rx, const struct message *m, uint16_t id, str set)
{
    struct session *s = m->s;
    uint32_t n = (uint32_t)set.n;

    while (s->early_bytes > 0 && s->early_bytes + n > rx->lim.early_of_session)
        drop(rx, of_session(s->early.prev));
    while (rx->early_bytes > 0 && rx->early_bytes + n > rx->lim.early_bytes)
        drop(rx, of_age(rx->early_by_age.prev));
    struct early *x = n <= rx->lim.early_of_session ? malloc(sizeof(*x) + n) : NULL;
    if (x == NULL) {
        rx->st.drop_flow_early++;
        return;
    }
    *x = (struct early){
        .s = s, .received = m->received, .export_ns = m->export_ns, .uptime = m->uptime, .n = n, .id = id};
    memcpy(x->bytes, set.p, n);
    link_init(&x->by_age);
    link_init(&x->of_session);
    link_first(&rx->early_by_age, &x->by_age);
    link_first(&s->early, &x->of_session);
    rx->early_bytes += n;
    s->early_bytes += n;
    rx->st.flow_early++;
}

void early_use(struct flow_rx *rx, struct session *s, uint16_t id)
{
    struct link *next;

    for (struct link *l = s->early.prev; l != &s->early; l = next) { /* oldest first */
        struct early *x = of_session(l);
        struct template *t = x->id == id ? template_find(rx, s, id) : NULL;
        struct message m = {.s = s,
                            .received = x->received,
                            .export_ns = x->export_ns,
                            .uptime = x->uptime,
                            .has_uptime = s->version == V9};
        next = l->prev;
        if (t == NULL)
            continue;
        str set = {(const char *)x->bytes, x->n};
        if (t->options)
            decode_options(rx, &m, t, set);
        else
            decode_set(rx, &m, t, set);
        early_forget(rx, x);
    }
}

void early_expire(struct flow_rx *rx, int64_t now)
{
    while (rx->early_by_age.prev != &rx->early_by_age) {
        struct early *x = of_age(rx->early_by_age.prev);
        if (now - x->received < rx->lim.early_ns)
            return;
        drop(rx, x);
    }
}

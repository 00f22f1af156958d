/* Rules over events. One batch at a time, under judge.ev: route, decode, ask
 * the rules, collect what correlations want, and at the end of the batch feed
 * them in the order of event time. A kept line is decoded again, with fields of
 * its own, under judge.fl. */
#include "judge/judge-int.h"
#include "base/log.h"
#include "intake/syslog.h"
#include <errno.h>

enum { PENDING_BYTES = 64 << 20, PENDING_MAX = 200000, OWN_BYTES = 1 << 20 };
static const struct corr_limits limits = {.groups = 65536, .entries = 2000000, .line_bytes = 32 << 20};

static void on_window(void *ctx, int corr, str key, const struct corr_event *ev, size_t n);

int engine_new(struct judge *j, struct packset *ps, struct engine **out, struct err *e)
{
    struct engine *en = calloc(1, sizeof(*en));

    if (en == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "rules");
    en->j = j;
    en->ps = packset_ref(ps);
    en->a = arena_init(64 << 20);
    en->own = arena_init(OWN_BYTES);
    en->own_again = arena_init(OWN_BYTES);
    en->pend.a = arena_init(PENDING_BYTES);
    en->cor = correlator_new(ps->corrs, ps->ncorrs, limits, on_window, en);
    en->via_relay = names_find(ps->names, STR("via_relay"));
    if (en->cor == NULL || !engine_uses(en) || !fields_init(&en->f, ps->names) || !fields_init(&en->again, ps->names) ||
        !sigma_run_init(&en->run)) {
        engine_free(en);
        return ERR(e, -ENOMEM, "base.no_memory", "rules");
    }
    *out = en;
    return 0;
}

void engine_free(struct engine *en)
{
    if (en == NULL)
        return;
    correlator_free(en->cor);
    fields_done(&en->f);
    fields_done(&en->again);
    sigma_run_done(&en->run);
    decode_run_done(&en->dec);
    decode_run_done(&en->dec_again);
    arena_free(&en->a);
    arena_free(&en->own);
    arena_free(&en->own_again);
    arena_free(&en->pend.a);
    free(en->pend.v);
    packset_unref(en->ps);
    free(en);
}

/* ---- decoding ---- */

static bool is_own(const struct event *ev, str program)
{
    return ev->transport == TP_SELF && str_eq(program, STR(OWN_PROGRAM));
}

/* By which relay a line came is known here; what the line says of it is dropped. */
static void put_relay(struct engine *en, struct fields *f, uint16_t stream)
{
    fields_drop(f, en->via_relay);
    if (stream != 0)
        fields_put(f, en->via_relay, str_c(stream_name(en->j, stream)));
}

void engine_decode(struct packset *ps, const struct event *ev, str program, const struct route *route, struct fields *f,
                   struct decode_run *dec, struct arena *own, uint32_t *times)
{
    str host = event_field(ev, SP_HOST), pid = event_field(ev, SP_PID), msg = event_field(ev, SP_MSG);
    char *addr = arena_alloc(own, IP_TEXT_MAX);
    str source = {addr, addr == NULL || ev->source.family == 0 ? 0 : ip_fmt(ev->source, addr, IP_TEXT_MAX)};

    fields_put(f, FLD_MESSAGE, msg);
    fields_put(f, FLD_HOST, host.n > 0 ? host : source);
    fields_put(f, FLD_PROGRAM, program);
    if (pid.n > 0)
        fields_put(f, FLD_PID, pid);
    if (source.n > 0)
        fields_put(f, FLD_SOURCE, source);
    fields_put(f, FLD_FACILITY, str_c(facility_text(ev->facility)));
    fields_put(f, FLD_SEVERITY, str_c(severity_text(ev->severity)));
    *times = 1;
    if (is_own(ev, program))
        decode_pairs(ps->names, own, msg, f);
    else
        decode_message(&ps->decoders, route == NULL ? NULL : route->decoder, decode_repeat(msg, times), f, dec);
}

void engine_again(struct engine *en, const struct corr_event *from, str key, int corr)
{
    struct event ev = {0};
    uint32_t times;

    fields_clear(&en->again);
    arena_clear(&en->own_again);
    if (from->line.n > 0) {
        syslog_parse(from->line, from->received, &ev);
        ev.transport = from->seq & SEQ_OWN ? TP_SELF : TP_UDP;
        str program = event_field(&ev, SP_PROGRAM);
        bool forged = !is_own(&ev, program) && str_eq(program, STR(OWN_PROGRAM));
        const struct route *r = forged ? NULL : routes_find(&en->ps->routes, program);
        engine_decode(en->ps, &ev, program, r, &en->again, &en->dec_again, &en->own_again, &times);
    }
    put_relay(en, &en->again, from->stream);
    if (corr >= 0) { /* what the window was grouped by is certain */
        const struct corr_rule *c = &en->ps->corrs[corr];
        bool present;
        str v;
        for (size_t i = 0; i < c->ngroup && corr_key_next(&key, &present, &v); i++)
            if (present)
                fields_put(&en->again, c->group[i], v);
    }
}

/* ---- what matched ---- */

static str subject_of(struct fields *f, const struct control *c)
{
    str v;

    if (fields_get(f, c->event.subject_field, &v) && v.n > 0)
        return v;
    return fields_get(f, FLD_HOST, &v) && v.n > 0 ? v : STR("?");
}

static str field_or_none(struct fields *f, int id)
{
    str v;

    return fields_get(f, id, &v) ? v : STR("");
}

static void hit_controls(struct engine *en, const struct uses *u, struct fields *f, uint64_t count,
                         const struct corr_event *ev)
{
    for (size_t i = 0; i < u->ncontrols; i++) {
        const struct control *c = &en->ps->controls[u->controls[i]];
        struct hit h = {.c = c,
                        .subject = subject_of(f, c),
                        .host = field_or_none(f, FLD_HOST),
                        .source = field_or_none(f, FLD_SOURCE),
                        .count = count,
                        .at = ev->at,
                        .heard = en->stream != 0 ? en->heard : ev->received,
                        .ev = ev,
                        .nev = 1};
        pthread_mutex_lock(&en->j->fl);
        finding_hit(en->j, &h);
        pthread_mutex_unlock(&en->j->fl);
    }
}

static void pend(struct engine *en, const struct corr_in *in)
{
    struct pending *p = &en->pend;

    if (p->n == p->cap) {
        size_t cap = p->cap == 0 ? 256 : p->cap * 2;
        struct corr_in *more = cap > PENDING_MAX ? NULL : reallocarray(p->v, cap, sizeof(*more));
        if (more == NULL) {
            p->dropped++;
            return;
        }
        p->v = more;
        p->cap = cap;
    }
    p->v[p->n++] = *in;
}

static uint64_t value_hash(struct fields *f, const struct corr_rule *c)
{
    struct corr_key k = {.n = 0};

    for (size_t i = 0; i < c->nvalue; i++) {
        str v = STR_NONE;
        bool here = fields_get(f, c->value[i], &v);
        corr_key_add(&k, here, v);
    }
    return str_hash((str){k.p, k.n}, 0x6c7579);
}

/* What the correlations over a match want of it: later, sorted with the rest of
 * the batch, or at once when the match is itself a correlation. */
static void feed_uses(struct engine *en, const struct uses *u, struct fields *f, struct corr_in in, bool at_once)
{
    for (size_t i = 0; i < u->ncorrs; i++) {
        const struct corr_rule *c = &en->ps->corrs[u->corrs[i].corr];
        const struct corr_ref *ref = &c->ref[u->corrs[i].ref];
        struct corr_key k = {.n = 0};
        for (size_t g = 0; g < c->ngroup; g++) {
            str v = STR_NONE;
            bool here = fields_get(f, ref->group[g], &v);
            corr_key_add(&k, here, v);
        }
        in.corr = u->corrs[i].corr;
        in.ref = u->corrs[i].ref;
        in.key = arena_str(&en->pend.a, (str){k.p, k.n});
        in.value = value_hash(f, c);
        if (at_once)
            correlator_feed(en->cor, &in);
        else
            pend(en, &in);
    }
}

/* A relay's clock and flags are its own word: what it says of the future would push out of the
 * windows what comes in time. */
static int64_t event_time(const struct engine *en, const struct event *ev)
{
    int64_t at = ev->flags & (EV_TIME_JUMP | EV_NO_TIME | EV_BAD_TIME) ? ev->received_ns : ev->event_ns;

    return en->stream != 0 && at > en->heard ? en->heard : at;
}

static void rule_matched(struct engine *en, int rule, const struct event *ev, uint64_t seq)
{
    const struct uses *u = &en->rule_uses[rule];
    struct corr_event one = {event_time(en, ev), ev->received_ns, seq, ev->raw, en->stream};

    atomic_fetch_add_explicit(&en->ps->rules[rule].matched, 1, memory_order_relaxed);
    en->j->matched++;
    if (u->ncontrols == 0 && u->ncorrs == 0)
        return;
    hit_controls(en, u, &en->f, en->times, &one);
    feed_uses(en, u, &en->f,
              (struct corr_in){.at = one.at,
                               .received = one.received,
                               .heard = en->heard,
                               .stream = en->stream,
                               .seq = seq,
                               .line = one.line,
                               .times = en->times},
              false);
}

/* The subject when the window is grouped by it: then a finding that is open
 * needs no second decoding of the line. */
static bool subject_in_key(const struct corr_rule *r, str key, int field, str *out)
{
    bool present;

    for (size_t i = 0; i < r->ngroup && corr_key_next(&key, &present, out); i++)
        if (r->group[i] == field)
            return present && out->n > 0;
    return false;
}

static void window_hit(struct engine *en, const struct control *c, int corr, str key, const struct corr_event *ev,
                       size_t n, int64_t heard)
{
    const struct corr_event *last = &ev[n - 1];
    struct hit h = {.c = c, .count = n, .at = last->at, .heard = heard, .ev = ev, .nev = n};

    if (!subject_in_key(&en->ps->corrs[corr], key, c->event.subject_field, &h.subject) ||
        !finding_is_open(en->j, c, h.subject)) {
        engine_again(en, last, key, corr);
        h.subject = subject_of(&en->again, c);
        h.host = field_or_none(&en->again, FLD_HOST);
        h.source = field_or_none(&en->again, FLD_SOURCE);
    }
    finding_hit(en->j, &h);
}

/* A window is full: its control's finding, and correlations of correlations. */
static void on_window(void *ctx, int corr, str key, const struct corr_event *ev, size_t n)
{
    struct engine *en = ctx;
    const struct uses *u = &en->corr_uses[corr];
    const struct corr_event *last = &ev[n - 1];
    int64_t heard = en->heard;

    en->ps->corrs[corr].matched++;
    for (size_t i = 0; i < n; i++)
        heard = ev[i].stream == 0 && ev[i].received > heard ? ev[i].received : heard;
    pthread_mutex_lock(&en->j->fl);
    for (size_t i = 0; i < u->ncontrols; i++)
        window_hit(en, &en->ps->controls[u->controls[i]], corr, key, ev, n, heard);
    pthread_mutex_unlock(&en->j->fl);
    if (u->ncorrs > 0) { /* the outer one sees the group's fields alone */
        fields_clear(&en->f);
        const struct corr_rule *c = &en->ps->corrs[corr];
        bool present;
        str v;
        for (size_t i = 0; i < c->ngroup && corr_key_next(&key, &present, &v); i++)
            if (present)
                fields_put(&en->f, c->group[i], v);
        struct corr_in in = {.at = last->at,
                             .received = last->received,
                             .heard = en->heard,
                             .stream = last->stream,
                             .seq = last->seq,
                             .times = 1,
                             .line = arena_str(&en->pend.a, last->line)};
        feed_uses(en, u, &en->f, in, true); /* ev is gone after this */
    }
}

/* ---- one event ---- */

static void regex_stopped(struct engine *en, struct sigma_rule *r, const struct event *ev)
{
    r->stopped++;
    if (r->stopped_told != 0 && ev->received_ns - r->stopped_told < 60 * NS_PER_S)
        return;
    r->stopped_told = ev->received_ns;
    log_event(LOG_WARN, "judge_regex_stopped", F_STR("rule", r->title), F_STR("file", str_c(r->file)),
              F_INT("line", r->line), F_INT("times", r->stopped));
}

static void ask(struct engine *en, const struct route *to, const struct event *ev, uint64_t seq)
{
    uint32_t facility = ev->facility < 32 ? 1u << ev->facility : 0;

    for (size_t i = 0; i < to->n; i++) {
        struct sigma_rule *r = &en->ps->rules[to->v[i].rule];
        if (r->looked == en->stamp || !(to->v[i].facilities & facility))
            continue;
        r->looked = en->stamp;
        if (ev->received_ns > atomic_load_explicit(&r->routed_at, memory_order_relaxed)) /* a relay's may be late */
            atomic_store_explicit(&r->routed_at, ev->received_ns, memory_order_relaxed);
        if (sigma_match(r, &en->f, &en->run))
            rule_matched(en, to->v[i].rule, ev, seq);
        else if (en->run.stopped)
            regex_stopped(en, r, ev);
    }
}

/* Neighbouring lines mostly come from one program. */
static const struct route *route_for(struct engine *en, str program)
{
    if (en->last_program.p != NULL && str_eq(en->last_program, program))
        return en->last_route;
    const struct route *r = routes_find(&en->ps->routes, program);
    if (program.n > sizeof(en->last_program_buf)) {
        en->last_program = STR_NONE;
        return r;
    }
    if (program.n > 0)
        memcpy(en->last_program_buf, program.p, program.n);
    en->last_program = (str){en->last_program_buf, program.n};
    en->last_route = r;
    return r;
}

void engine_event(struct engine *en, const struct event *ev, uint64_t seq)
{
    static const struct route nothing = {0};
    str program = event_field(ev, SP_PROGRAM);
    bool own = is_own(ev, program), forged = !own && str_eq(program, STR(OWN_PROGRAM));
    const struct route *r = forged ? NULL : route_for(en, program), *any = own ? &nothing : &en->ps->routes.any;

    en->j->events++;
    if (ev->transport == TP_SELF)
        seq |= SEQ_OWN;
    if ((r == NULL || r->n == 0) && any->n == 0)
        return;
    en->stamp++;
    fields_clear(&en->f);
    arena_clear(&en->own);
    engine_decode(en->ps, ev, program, r, &en->f, &en->dec, &en->own, &en->times);
    put_relay(en, &en->f, en->stream);
    if (r != NULL)
        ask(en, r, ev, seq);
    ask(en, any, ev, seq);
}

/* By event time, then number; of one event the last rule of an ordered
 * correlation first. */
static int by_time(const void *pa, const void *pb)
{
    const struct corr_in *a = pa, *b = pb;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->seq != b->seq)
        return a->seq < b->seq ? -1 : 1;
    return a->ref != b->ref ? (a->ref > b->ref ? -1 : 1) : a->corr - b->corr;
}

void engine_batch_end(struct engine *en)
{
    struct pending *p = &en->pend;

    if (p->n > 1)
        qsort(p->v, p->n, sizeof(*p->v), by_time);
    for (size_t i = 0; i < p->n; i++)
        correlator_feed(en->cor, &p->v[i]);
    p->n = 0;
    arena_clear(&p->a);
}

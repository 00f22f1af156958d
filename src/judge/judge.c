/* The judge as a whole: opening, swapping packs, batches of events, and what
 * time brings. See judge-int.h for the locks. */
#include "judge/judge-int.h"
#include "base/log.h"
#include <errno.h>

/* ---- meta ---- */

int meta_get(struct judge *j, struct tx *tx, const char *key, int64_t *out, struct err *e)
{
    struct arena a = arena_init(4096);
    struct val v;
    int rc = tx_one(tx, &a, "SELECT value FROM judge_meta WHERE name = ?1", VALS(V_Z(key)), &v, e);

    if (rc == 1)
        *out = v.i;
    arena_free(&a);
    return rc;
}

int meta_put(struct tx *tx, const char *key, int64_t v, struct err *e)
{
    return tx_exec(
        tx,
        "INSERT INTO judge_meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        VALS(V_Z(key), V_INT(v)), NULL, e);
}

int judge_tables(struct store *st, struct err *e)
{
    static int (*const makers[])(struct tx *, struct err *) = {finding_tables, check_table, source_table, duty_table};
    struct tx *tx;
    int rc = store_begin(st, STORE_WRITE, &tx, e);

    if (rc < 0)
        return rc;
    rc = tx_exec(tx, "CREATE TABLE IF NOT EXISTS judge_meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL)", NO_VALS,
                 NULL, e);
    for (size_t i = 0; rc == 0 && i < sizeof(makers) / sizeof(*makers); i++)
        rc = makers[i](tx, e);
    if (rc == 0)
        return store_commit(tx, e);
    store_rollback(tx);
    return rc;
}

/* Events up to this number were counted into findings before the last stop. A
 * journal that began anew has later receipt times, so both must say so. */
static int position_load(struct judge *j, struct err *e)
{
    struct tx *tx;
    int64_t seq = 0, received = 0;
    int rc = store_begin(j->st, STORE_READ, &tx, e);

    if (rc < 0)
        return rc;
    rc = meta_get(j, tx, "last_seq", &seq, e);
    if (rc >= 0)
        rc = meta_get(j, tx, "last_received", &received, e);
    store_rollback(tx);
    j->last_seq = (uint64_t)seq;
    j->last_received = received;
    return rc < 0 ? rc : 0;
}

/* ---- packs ---- */

struct packset *judge_packs(struct judge *j)
{
    pthread_mutex_lock(&j->ps_lock);
    struct packset *ps = packset_ref(j->ps);
    pthread_mutex_unlock(&j->ps_lock);
    return ps;
}

/* A rule that stays knows when it last saw an event, so that its control does
 * not become unknown by a reload. */
static void rules_carry(const struct packset *old, struct packset *ps)
{
    for (size_t i = 0; old != NULL && i < ps->nrules; i++) {
        struct map_slot *s = ps->rules[i].id.n == 0 ? NULL : map_get((struct map *)&old->rule_refs, ps->rules[i].id);
        if (s != NULL && s->v.num >= 0)
            ps->rules[i].routed_at = old->rules[s->v.num].routed_at;
    }
}

/* New checks are due at once. */
static void swap_packs(struct judge *j, struct packset *ps, struct engine *en)
{
    struct packset *old_ps;
    struct engine *old;

    pthread_mutex_lock(&j->ev);
    pthread_mutex_lock(&j->fl);
    pthread_mutex_lock(&j->ps_lock);
    old_ps = j->ps;
    old = j->en;
    rules_carry(old_ps, ps);
    j->ps = packset_ref(ps);
    j->en = en;
    for (size_t i = 0; i < ps->ncontrols; i++) {
        struct result *r = result_of(j, ps->controls[i].id, true);
        if (r != NULL)
            r->due_mono = 0;
    }
    pthread_mutex_unlock(&j->ps_lock);
    pthread_mutex_unlock(&j->fl);
    pthread_mutex_unlock(&j->ev);
    engine_free(old);
    packset_unref(old_ps);
}

static int packs_take(struct judge *j, struct errs *es, struct err *e)
{
    struct packset *ps;
    struct engine *en = NULL;
    uint64_t before = es->total;

    if (packset_load(j->packs_dir, &ps, es) < 0)
        return ERR(e, -EINVAL, "judge.packs", j->packs_dir, N((int64_t)(es->total - before)));
    checks_verify(j, ps, es);
    int rc = es->total != before ? ERR(e, -EINVAL, "judge.packs", j->packs_dir, N((int64_t)(es->total - before)))
                                 : engine_new(j, ps, &en, e);
    if (rc == 0 && j->reg != NULL)
        rc = pack_sync(j, ps, e);
    if (rc == 0)
        swap_packs(j, ps, en);
    else
        engine_free(en);
    packset_unref(ps);
    return rc;
}

static int orphans_close(struct judge *j, struct err *e)
{
    pthread_mutex_lock(&j->fl);
    j->now = clock_wall(j->clk);
    int rc = findings_orphans(j, j->ps, e);
    pthread_mutex_unlock(&j->fl);
    return rc;
}

int judge_reload(struct judge *j, struct errs *es, struct err *e)
{
    struct err mine = {0};

    e = e != NULL ? e : &mine;
    int rc = packs_take(j, es, e);
    if (rc == 0 && judge_leads(j))
        rc = orphans_close(j, e);
    findings_tell(j);
    return rc;
}

/* ---- opening and closing ---- */

static int open_parts(struct judge *j, struct errs *es, struct err *e)
{
    int rc = check_tables_make(j, e);

    if (rc == 0 && j->st != NULL)
        rc = judge_tables(j->st, e);
    if (rc == 0 && j->st != NULL)
        rc = position_load(j, e);
    if (rc == 0 && j->st != NULL)
        rc = checks_load(j, e);
    if (rc == 0)
        rc = packs_take(j, es, e);
    if (rc == 0)
        rc = findings_open(j, e);
    if (rc == 0)
        rc = sources_open(j, e);
    return rc == 0 && judge_leads(j) ? orphans_close(j, e) : rc;
}

int judge_open(const struct judge_cfg *cfg, struct registry *r, const struct clock *clk, struct judge **out,
               struct errs *es, struct err *e)
{
    struct judge *j = calloc(1, sizeof(*j));
    struct err mine = {0};

    e = e != NULL ? e : &mine;
    *e = (struct err){0};
    if (j == NULL || (j->packs_dir = str_dup(str_c(cfg->packs_dir))) == NULL) {
        free(j);
        return ERR(e, -ENOMEM, "base.no_memory", "judge");
    }
    j->cfg = *cfg;
    j->cfg.packs_dir = j->packs_dir;
    j->cfg.check_seconds = cfg->check_seconds > 0 ? cfg->check_seconds : 300;
    j->cfg.sql_timeout_ms = cfg->sql_timeout_ms > 0 ? cfg->sql_timeout_ms : 5000;
    j->cfg.effect_ms = cfg->effect_ms > 0 ? cfg->effect_ms : 4000;
    atomic_init(&j->leads, !cfg->shared);
    j->reg = r;
    j->st = r == NULL ? NULL : registry_store(r);
    j->clk = clk;
    j->opened_at = clock_wall(clk);
    pthread_mutex_init(&j->ev, NULL);
    pthread_mutex_init(&j->fl, NULL);
    pthread_mutex_init(&j->ps_lock, NULL);
    pthread_mutexattr_t again;
    pthread_mutexattr_init(&again);
    pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&j->telling, &again);
    pthread_mutexattr_destroy(&again);
    map_init(&j->results, PACK_CONTROLS_MAX * 2);
    map_init(&j->duty_units, PACK_CONTROLS_MAX * 2);
    int rc = open_parts(j, es, e);
    if (rc < 0) {
        judge_close(j);
        return rc;
    }
    *out = j;
    return 0;
}

void judge_close(struct judge *j)
{
    struct map_slot *s;

    if (j == NULL)
        return;
    if (j->en != NULL && judge_leads(j)) {
        pthread_mutex_lock(&j->fl);
        findings_flush(j, true, NULL);
        pthread_mutex_unlock(&j->fl);
        findings_tell(j);
    }
    findings_done(&j->fi);
    sources_close(j);
    engine_free(j->en);
    packset_unref(j->ps);
    for (size_t i = 0; (s = map_next(&j->results, &i)) != NULL;)
        free(s->v.ptr);
    map_done(&j->results);
    for (size_t i = 0; (s = map_next(&j->duty_units, &i)) != NULL;)
        duty_units_free(s->v.ptr);
    map_done(&j->duty_units);
    pthread_mutex_destroy(&j->ev);
    pthread_mutex_destroy(&j->fl);
    pthread_mutex_destroy(&j->ps_lock);
    pthread_mutex_destroy(&j->telling);
    arena_free(&j->table_names);
    free(j->streams.v);
    free(j->packs_dir);
    free(j);
}

void judge_listen(struct judge *j, judge_listener *fn, void *ctx)
{
    pthread_mutex_lock(&j->telling);
    j->listen = fn;
    j->listen_ctx = ctx;
    pthread_mutex_lock(&j->fl);
    j->heard = fn != NULL;
    pthread_mutex_unlock(&j->fl);
    pthread_mutex_unlock(&j->telling);
}

/* ---- events ---- */

static int judge_batch(struct judge *j, str wire, uint64_t seq, struct err *e)
{
    struct event_reader in;
    struct event ev;
    int rc = event_batch_reopen(wire, &in, e), more;

    if (rc < 0)
        return rc;
    while ((more = event_batch_next(&in, &ev)) > 0) {
        bool counted = seq <= j->last_seq && ev.received_ns <= j->last_received;
        if (!counted) {
            /* Before its matches are counted: a crash may lose one, never count one twice. */
            j->last_seq = seq;
            if (ev.received_ns > j->last_received)
                j->last_received = ev.received_ns;
            source_seen(j->en, &ev);
            engine_event(j->en, &ev, seq);
        }
        seq++;
    }
    engine_batch_end(j->en);
    return more < 0 ? ERR(e, -EBADMSG, "judge.batch") : 0;
}

int judge_events(struct judge *j, str wire, uint64_t first_seq, struct err *e)
{
    struct err mine = {0};
    int wrote;

    e = e != NULL ? e : &mine;
    if (!judge_leads(j))
        return 0;
    pthread_mutex_lock(&j->ev);
    int rc = judge_batch(j, wire, first_seq, e);
    pthread_mutex_lock(&j->fl);
    wrote = findings_flush(j, false, rc < 0 ? &mine : e);
    pthread_mutex_unlock(&j->fl);
    pthread_mutex_unlock(&j->ev);
    findings_tell(j);
    return rc < 0 ? rc : wrote;
}

/* ---- time ---- */

static int run_control(struct judge *j, struct packset *ps, const struct control *c, struct err *e)
{
    if (j->st == NULL || c->kind == CK_EVENT)
        return 0;
    return c->kind == CK_STATE ? state_check(j, ps, c, e) : duty_check(j, ps, c, e);
}

/* The check that is due longest; NULL when none is. */
static const struct control *due_control(struct judge *j, struct packset *ps, int64_t mono)
{
    const struct control *best = NULL;
    int64_t least = INT64_MAX;

    pthread_mutex_lock(&j->ps_lock);
    for (size_t i = 0; i < ps->ncontrols; i++) {
        struct result *r = ps->controls[i].kind == CK_EVENT ? NULL : result_of(j, ps->controls[i].id, true);
        if (r != NULL && r->due_mono <= mono && r->due_mono < least) {
            least = r->due_mono;
            best = &ps->controls[i];
        }
    }
    if (best != NULL)
        result_of(j, best->id, true)->due_mono = mono + j->cfg.check_seconds * NS_PER_S;
    pthread_mutex_unlock(&j->ps_lock);
    return best;
}

static int tick_engine(struct judge *j, struct err *e)
{
    int64_t now = clock_wall(j->clk), mono = clock_mono(j->clk);

    pthread_mutex_lock(&j->ev);
    int rc = sources_tick(j, now, mono, e);
    correlator_expire(j->en->cor, now);
    pthread_mutex_lock(&j->fl);
    int wrote = findings_flush(j, false, rc < 0 ? NULL : e);
    if (wrote == 0)
        wrote = findings_quiet(j, now, rc < 0 ? NULL : e);
    pthread_mutex_unlock(&j->fl);
    pthread_mutex_unlock(&j->ev);
    return rc < 0 ? rc : wrote;
}

/* At most one check a call, so that what waits to be written never waits long. */
int judge_tick(struct judge *j, int64_t *due_mono_ns, struct err *e)
{
    struct err mine = {0};
    struct packset *ps = judge_packs(j);

    e = e != NULL ? e : &mine;
    if (!judge_leads(j)) {
        packset_unref(ps);
        return follow_tick(j, due_mono_ns, e);
    }
    int rc = tick_engine(j, e);
    int64_t mono = clock_mono(j->clk);
    const struct control *c = j->st == NULL ? NULL : due_control(j, ps, mono);
    if (c != NULL) {
        int ran = run_control(j, ps, c, rc < 0 ? &mine : e);
        rc = rc < 0 ? rc : ran;
    }
    packset_unref(ps);
    findings_tell(j);
    *due_mono_ns = c != NULL ? clock_mono(j->clk) : mono + FLUSH_MS * NS_PER_MS;
    return rc < 0 ? rc : 0;
}

int judge_check_now(struct judge *j, str control, struct err *e)
{
    struct packset *ps = judge_packs(j);
    struct err mine = {0};
    int rc = 0;

    e = e != NULL ? e : &mine;
    if (!judge_leads(j)) {
        packset_unref(ps);
        return ERR(e, -EROFS, "judge.follows");
    }
    if (control.n > 0) {
        const struct control *c = packset_control(ps, control);
        rc = c == NULL ? ERR(e, -ENOENT, "judge.no_control", S(control)) : run_control(j, ps, c, e);
    }
    for (size_t i = 0; control.n == 0 && rc == 0 && i < ps->ncontrols; i++)
        rc = run_control(j, ps, &ps->controls[i], e);
    packset_unref(ps);
    findings_tell(j);
    return rc;
}

void judge_stats(struct judge *j, struct judge_stats *out)
{
    struct corr_stats cs;

    pthread_mutex_lock(&j->ev);
    pthread_mutex_lock(&j->fl);
    correlator_stats(j->en->cor, &cs);
    *out = (struct judge_stats){.leads = judge_leads(j),
                                .events = j->events,
                                .matched = j->matched,
                                .findings_open = j->fi.open.n,
                                .rules = j->en->ps->nrules + j->en->ps->ncorrs,
                                .groups = cs.groups,
                                .evicted = cs.evicted + j->so.evicted + j->fi.refused + j->en->pend.dropped};
    for (size_t i = 0; i < j->en->ps->ncontrols; i++) {
        out->checks += j->en->ps->controls[i].kind == CK_STATE ? 1 : 0;
        out->duties += j->en->ps->controls[i].kind == CK_DUTY ? 1 : 0;
    }
    pthread_mutex_unlock(&j->fl);
    pthread_mutex_unlock(&j->ev);
}

/* Who judges when programs share a store: one leads, the others follow. A
 * follower answers for what the store says, opens and closes no finding, runs
 * no check, and counts no event. Leading begins by reading from the store all that the
 * leader before wrote, under a new term. Each write of what was judged asks
 * for the term in its own transaction, so that a leader that was cut off and
 * does not know it yet writes nothing any more. The same place counts the
 * writes: a follower looks at that number each second, and reads and tells what
 * is new when it has moved. */
#include "judge/judge-int.h"
#include <errno.h>

enum { REFRESH_MS = 1000 };

bool judge_leads(struct judge *j) { return atomic_load(&j->leads); }

static int term_new(struct judge *j, struct err *e)
{
    struct tx *tx;
    int64_t term = 0;
    int rc = store_begin(j->st, STORE_WRITE, &tx, e);

    if (rc < 0)
        return rc;
    rc = meta_get(j, tx, "term", &term, e);
    if (rc >= 0)
        rc = meta_put(tx, "term", term + 1, e);
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    rc = store_commit(tx, e);
    if (rc == 0)
        j->term = term + 1;
    return rc;
}

static int write_count(struct judge *j, struct tx *tx, struct err *e)
{
    int64_t writes = 0;
    int rc = meta_get(j, tx, "writes", &writes, e);

    return rc < 0 ? rc : meta_put(tx, "writes", writes + 1, e);
}

int term_check(struct judge *j, struct tx *tx, struct err *e)
{
    int64_t term = 0;

    if (!j->cfg.shared)
        return 0;
    int rc = judge_leads(j) ? meta_get(j, tx, "term", &term, e) : 0;
    if (rc < 0)
        return rc;
    if (judge_leads(j) && term == j->term)
        return write_count(j, tx, e);
    atomic_store(&j->leads, false);
    return ERR(e, -EROFS, "judge.follows");
}

/* ---- what another leader wrote ---- */

static bool told_alike(const struct live *a, const struct live *b)
{
    return a->id == b->id && strcmp(a->state, b->state) == 0 &&
           (a->count == b->count || !str_eq(b->kind, STR("event")));
}

/* The news between two readings of the open findings, as their writer told it. */
static void difference_tell(struct judge *j, struct findings *was)
{
    int64_t now = clock_wall(j->clk);
    struct map_slot *s, *o;

    for (size_t i = 0; (s = map_next(&was->open, &i)) != NULL;) {
        struct live *l = s->v.ptr;
        o = map_get(&j->fi.open, str_c(l->key));
        if (o == NULL || ((struct live *)o->v.ptr)->id != l->id)
            finding_will_tell(j, live_json(j, l, "closed", now));
    }
    for (size_t i = 0; (s = map_next(&j->fi.open, &i)) != NULL;) {
        struct live *l = s->v.ptr;
        o = map_get(&was->open, str_c(l->key));
        if (o == NULL || !told_alike(o->v.ptr, l))
            finding_will_tell(j, live_json(j, l, l->state, 0));
    }
}

/* Under ev and fl. What was known stays when the store does not answer. */
static int read_again(struct judge *j, struct err *e)
{
    struct findings was = j->fi;
    int rc = findings_open(j, e);

    json_decref(j->fi.tell);
    j->fi.tell = was.tell;
    was.tell = NULL;
    j->fi.fresh = j->fi.dirty = 0;
    if (rc < 0) {
        was.tell = j->fi.tell;
        j->fi.tell = NULL;
        findings_done(&j->fi);
        j->fi = was;
        return rc;
    }
    difference_tell(j, &was);
    findings_done(&was);
    pthread_mutex_lock(&j->ps_lock);
    rc = checks_load(j, e);
    pthread_mutex_unlock(&j->ps_lock);
    return rc;
}

int judge_lead(struct judge *j, bool lead, struct err *e)
{
    struct err mine = {0};
    int rc = 0;

    e = e != NULL ? e : &mine;
    pthread_mutex_lock(&j->ev);
    pthread_mutex_lock(&j->fl);
    if (lead && !judge_leads(j)) {
        rc = term_new(j, e);
        if (rc == 0)
            rc = read_again(j, e);
        if (rc == 0)
            streams_forget(j);
        if (rc == 0) {
            atomic_store(&j->leads, true);
            j->now = clock_wall(j->clk);
            rc = findings_orphans(j, j->ps, e);
        }
    }
    atomic_store(&j->leads, lead && rc == 0);
    pthread_mutex_unlock(&j->fl);
    pthread_mutex_unlock(&j->ev);
    findings_tell(j);
    return rc;
}

static int writes_read(struct judge *j, int64_t *out, struct err *e)
{
    struct tx *tx;
    int rc = store_begin(j->st, STORE_READ, &tx, e);

    *out = 0;
    if (rc < 0)
        return rc;
    rc = meta_get(j, tx, "writes", out, e);
    store_rollback(tx);
    return rc < 0 ? rc : 0;
}

/* What the leader found, for the views that look here and for who listens. The
 * number is read before the findings: what is written between is read again. */
int follow_tick(struct judge *j, int64_t *due, struct err *e)
{
    int64_t mono = clock_mono(j->clk), writes;
    int rc = 0;

    *due = mono + NS_PER_S;
    if (j->st == NULL || mono - j->refreshed_mono < REFRESH_MS * NS_PER_MS)
        return 0;
    j->refreshed_mono = mono;
    rc = writes_read(j, &writes, e);
    if (rc < 0 || writes == j->followed)
        return rc;
    pthread_mutex_lock(&j->ev);
    pthread_mutex_lock(&j->fl);
    if (!judge_leads(j))
        rc = read_again(j, e);
    pthread_mutex_unlock(&j->fl);
    pthread_mutex_unlock(&j->ev);
    if (rc == 0)
        j->followed = writes;
    findings_tell(j);
    return rc;
}

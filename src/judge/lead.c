/* Who judges when programs share a store: one leads, the others follow. A
 * follower answers for what the store says, opens and closes no finding, runs
 * no check, and counts no event. Leading begins by reading from the store all that the
 * leader before wrote, under a new term. Each write of what was judged asks
 * for the term in its own transaction, so that a leader that was cut off and
 * does not know it yet writes nothing any more. */
#include "judge/judge-int.h"
#include <errno.h>

enum { REFRESH_MS = 5000 };

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

int term_check(struct judge *j, struct tx *tx, struct err *e)
{
    int64_t term = 0;

    if (!j->cfg.shared)
        return 0;
    int rc = judge_leads(j) ? meta_get(j, tx, "term", &term, e) : 0;
    if (rc < 0 || (judge_leads(j) && term == j->term))
        return rc < 0 ? rc : 0;
    atomic_store(&j->leads, false);
    return ERR(e, -EROFS, "judge.follows");
}

/* Under ev and fl. */
static int read_again(struct judge *j, struct err *e)
{
    int rc;

    findings_close(j);
    j->fi.fresh = j->fi.dirty = 0;
    rc = findings_open(j, e);
    if (rc == 0) {
        pthread_mutex_lock(&j->ps_lock);
        rc = checks_load(j, e);
        pthread_mutex_unlock(&j->ps_lock);
    }
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

/* What the leader found, for the views that look here. */
int follow_tick(struct judge *j, int64_t *due, struct err *e)
{
    int64_t mono = clock_mono(j->clk);
    int rc = 0;

    if (j->st != NULL && mono - j->refreshed_mono >= REFRESH_MS * NS_PER_MS) {
        pthread_mutex_lock(&j->ev);
        pthread_mutex_lock(&j->fl);
        if (!judge_leads(j))
            rc = read_again(j, e);
        pthread_mutex_unlock(&j->fl);
        pthread_mutex_unlock(&j->ev);
        j->refreshed_mono = mono;
    }
    *due = mono + NS_PER_S;
    return rc;
}

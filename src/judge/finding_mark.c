/* A person takes a finding up: open -> acknowledged -> in_remedy. Closing is
 * the check's business alone. */
#include "judge/judge-int.h"
#include <errno.h>

static const struct {
    const char *from, *to;
} moves[] = {
    {"open", "acknowledged"},
    {"open", "in_remedy"},
    {"acknowledged", "in_remedy"},
};

static int move_allowed(const char *from, str to, struct err *e)
{
    for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++)
        if (strcmp(moves[i].from, from) == 0 && str_eq(to, str_c(moves[i].to)))
            return 0;
    if (!str_eq(to, STR("acknowledged")) && !str_eq(to, STR("in_remedy")) && !str_eq(to, STR("closed")) &&
        !str_eq(to, STR("open")))
        return ERR(e, -EINVAL, "judge.finding_state", S(to));
    return ERR(e, -EBUSY, str_eq(to, STR("closed")) ? "judge.closed_by_check" : "judge.finding_move", from, S(to));
}

static int mark_live(struct judge *j, struct live *l, const struct actor *who, str state, str note, struct err *e)
{
    char to[16];
    struct tx *tx;

    snprintf(to, sizeof(to), "%.*s", STR_ARGS(state));
    int rc = findings_flush(j, true, e);
    if (rc == 0)
        rc = store_begin(j->st, STORE_WRITE, &tx, e);
    if (rc < 0)
        return rc;
    rc = term_check(j, tx, e); /* on standby it would be overwritten from the leader's memory */
    if (rc == 0)
        rc = tx_exec(tx, "UPDATE finding SET state = ?2 WHERE id = ?1", VALS(V_INT(l->id), V_Z(to)), NULL, e);
    if (rc == 0)
        rc = finding_write_history(tx, l->id, clock_wall(j->clk), who->name, to, str_sub(note, 0, 2000), e);
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    if ((rc = store_commit(tx, e)) < 0)
        return rc;
    memcpy(l->state, to, sizeof(to));
    finding_will_tell(j, live_json(j, l, l->state, 0));
    return 0;
}

int judge_finding_mark(struct judge *j, const struct actor *who, int64_t id, str state, str note, json_t **out,
                       struct err *e)
{
    json_t *seen = NULL;
    int rc = judge_finding(j, who, id, &seen, e); /* what one may not see is not there */

    if (rc < 0)
        return rc;
    json_decref(seen);
    if (!(who->roles & (ROLE_ADMIN | ROLE_OPERATOR | ROLE_APPROVER | ROLE_SYSTEM)))
        return ERR(e, -EACCES, "judge.may_not_mark");
    pthread_mutex_lock(&j->fl);
    struct live *l = finding_by_id(j, id);
    rc = l == NULL ? ERR(e, -EBUSY, "judge.finding_closed", N(id)) : move_allowed(l->state, state, e);
    if (rc == 0)
        rc = mark_live(j, l, who, state, note, e);
    pthread_mutex_unlock(&j->fl);
    findings_tell(j);
    return rc < 0 ? rc : judge_finding(j, who, id, out, e);
}

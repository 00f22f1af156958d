/* A duty that is late is a finding, and closes when the duty is done. */
#include "judge/judge-int.h"
#include "base/json.h"
#include "base/msg.h"

static void report_late(struct judge *j, struct arena *a, const struct duty_item *it, int64_t now)
{
    char due[16];
    const char *arg[3];
    char text[2][600];
    struct offender o = {.kind = STR("duty"), .unit_id = it->unit.id};

    date_fmt(it->p.due, due, sizeof(due));
    o.key = arena_fmt(a, "%s@%.*s", it->p.key, STR_ARGS(it->unit.key));
    o.shown = it->unit.id == 0 ? str_c(it->p.key) : o.key;
    o.title = it->unit.id == 0 ? str_c(it->p.key) : it->unit.title;
    for (int k = 0; k < 2; k++) {
        arg[0] = err_s(k == LANG_VI ? it->c->title.vi : it->c->title.en);
        arg[1] = due;
        arg[2] = err_s(it->unit.title);
        msg_fmt(text[k], sizeof(text[k]), (enum lang)k, it->unit.id == 0 ? "judge.duty_late" : "judge.duty_late_unit",
                arg, 3);
        o.message[k] = str_c(text[k]);
    }
    json_t *data = json_pack("{s:s, s:s, s:o}", "period_key", it->p.key, "due_on", due, "unit",
                             unit_json(it->unit.id, it->unit.key, it->unit.title));
    char *z = json_dumps(data, JSON_COMPACT);
    o.data = z == NULL ? STR("{}") : str_c(z);
    finding_seen(j, it->c, &o, now);
    free(z);
    json_decref(data);
}

int duty_settle(struct judge *j, struct packset *ps, const struct control *c, struct result *res, struct err *e)
{
    struct duty_list l;
    int64_t now = clock_wall(j->clk);
    struct arena a = arena_init(16 << 20);
    int rc = duties_list(j, ps, c, NULL, &l, e);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&j->fl);
    uint64_t run = ++j->fi.run;
    for (size_t i = 0; i < l.n; i++)
        if (l.v[i].state == DUTY_LATE) {
            report_late(j, &a, &l.v[i], now);
            res->offenders++;
        }
    rc = findings_settle(j, c, run, NULL, 0, now, e);
    if (rc == 0)
        rc = findings_flush(j, true, e);
    pthread_mutex_unlock(&j->fl);
    arena_free(&a);
    duty_list_done(&l);
    return rc;
}

/* State checks: foreign SQL over the registry that returns the offenders. It
 * runs without any lock, read-only and time-limited; only its result is then
 * written under judge.fl. A check that fails to run is "unknown" and says why;
 * findings it opened earlier stay as they are. */
#include "judge/judge-int.h"
#include "base/msg.h"
#include <errno.h>

static bool look_row(void *ctx, str name, str *out)
{
    const struct check_row *row = ctx;

    if (str_eq(name, STR("subject"))) {
        *out = row->shown;
        return true;
    }
    for (size_t i = 0; i < row->n; i++)
        if (str_eq(name, row->names[i])) {
            *out = row->values[i];
            return true;
        }
    return false;
}

static void report_row(struct check_run *r, struct check_row *row, int64_t now)
{
    struct offender o = {.kind = r->c->state.subject, .id = row->id, .unit_id = row->unit_id, .data = row->data};

    o.key = arena_fmt(&r->a, "%lld", (long long)row->id);
    o.shown = row->key.n > 0 ? row->key : o.key;
    o.title = row->title.n > 0 ? row->title : o.shown;
    row->shown =
        str_eq(o.title, o.shown) ? o.shown : arena_fmt(&r->a, "%.*s (%.*s)", STR_ARGS(o.title), STR_ARGS(o.shown));
    o.message[LANG_VI] = message_fill(&r->a, r->c->message.vi, look_row, row);
    o.message[LANG_EN] = message_fill(&r->a, r->c->message.en, look_row, row);
    finding_seen(r->j, r->c, &o, now);
}

/* The outcome to findings, in one go. */
static int settle(struct check_run *r, struct result *res, struct err *e)
{
    struct judge *j = r->j;
    int64_t now = clock_wall(j->clk), *keep = reallocarray(NULL, r->n + 1, sizeof(*keep));
    size_t nkeep = 0;

    if (keep == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "check");
    pthread_mutex_lock(&j->fl);
    uint64_t run = ++j->fi.run;
    for (size_t i = 0; i < r->n; i++) {
        if (r->v[i].unknown) {
            keep[nkeep++] = r->v[i].id;
            res->unknowns++;
            continue;
        }
        report_row(r, &r->v[i], now);
        res->offenders++;
    }
    int rc = findings_settle(j, r->c, run, keep, nkeep, now, e);
    if (rc == 0)
        rc = findings_flush(j, true, e);
    pthread_mutex_unlock(&j->fl);
    free(keep);
    return rc;
}

int state_check(struct judge *j, struct packset *ps, const struct control *c, struct err *e)
{
    int64_t mono = clock_mono(j->clk), now = clock_wall(j->clk);
    struct check_run r;
    struct result res = {.checked_at = now};
    struct err why = {0};

    check_run_init(&r, j, c);
    int rc = check_run_sql(&r, &why);
    if (rc == 0)
        rc = check_run_names(&r, &why);
    if (rc < 0) {
        res.state = CS_UNKNOWN;
        result_error(&res, &why);
    } else if ((rc = settle(&r, &res, e)) == 0) {
        res.state = !r.applies ? CS_NA : res.offenders > 0 ? CS_FAIL : res.unknowns > 0 ? CS_UNKNOWN : CS_PASS;
    }
    check_run_done(&r);
    res.ms = (clock_mono(j->clk) - mono) / NS_PER_MS;
    result_put(j, c, &res);
    return why.code != 0 || rc == 0 ? result_write(j, c, &res, e) : rc;
}

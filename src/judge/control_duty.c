/* Controls of kind duty: period, due date, notice. Runs at load. */
#include "judge/near.h"
#include "judge/pack.h"

static bool load_day(struct loader *l, const struct yaml *y, int *month, int *day)
{
    return (y->kind == YAML_SCALAR && month_day_parse(y->text, month, day)) ||
           load_err(l, y, "judge.month_day", S(y->text), NULL);
}

static bool load_notice(struct loader *l, const struct yaml *y, struct duty_rule *r)
{
    static const char *const keys[] = {"working_days", "days", NULL};
    const struct yaml *work = yaml_get(y, "working_days"), *plain = yaml_get(y, "days");
    int64_t n = 0;

    if (y == NULL)
        return true;
    if (y->kind != YAML_MAP || (work == NULL) == (plain == NULL))
        return near_only(l->es, l->file, y, keys) && load_err(l, y, "judge.notice", NULL, NULL);
    if (!near_only(l->es, l->file, y, keys))
        return false;
    if (!yaml_int(work != NULL ? work : plain, &n) || n < 1 || n > 200)
        return load_err(l, y, "judge.notice", NULL, NULL);
    *(work != NULL ? &r->notice_workdays : &r->notice_days) = (int)n;
    return true;
}

static bool load_when(struct loader *l, const struct yaml *doc, struct duty_spec *d)
{
    const struct yaml *due = yaml_get(doc, "due"), *before = yaml_get(doc, "before"), *anchor = yaml_get(doc, "anchor");
    struct duty_rule *r = &d->rule;
    bool good = true;

    if (due != NULL && before != NULL)
        return load_err(l, before, "judge.due_and_before", NULL, NULL);
    if (due != NULL || before != NULL) {
        r->dated = true;
        r->before = before != NULL;
        good = load_day(l, due != NULL ? due : before, &r->due_month, &r->due_day);
        if (d->period.n > 0 && r->period.months != 12)
            good = load_err(l, yaml_get(doc, "period"), "judge.duty_yearly", NULL, NULL);
    } else if (d->period.n == 0) {
        good = load_err(l, doc, "judge.missing", "period", NULL);
    }
    r->anchor_month = r->anchor_day = 1;
    if (anchor != NULL)
        good = load_day(l, anchor, &r->anchor_month, &r->anchor_day) && good;
    return good;
}

bool load_duty(struct loader *l, const struct yaml *doc, struct control *c)
{
    static const char *const range[] = {"from", "to", NULL};
    struct duty_spec *d = &c->duty;
    str per = STR_NONE;

    bool good = load_text(l, doc, "period", false, &d->period);
    if (d->period.n > 0 && (!duration_parse(d->period, &d->rule.period) || d->rule.period.months < 1 ||
                            d->rule.period.months > 120 || d->rule.period.days != 0 || d->rule.period.seconds != 0))
        good = load_err(l, yaml_get(doc, "period"), "judge.duty_period", S(d->period), NULL);
    else
        good = load_when(l, doc, d) && good;
    if (d->period.n == 0)
        d->period = STR("P1Y");
    good = load_notice(l, yaml_get(doc, "notice"), &d->rule) && good;
    good = load_text(l, doc, "per", false, &per) && good;
    d->per_unit = str_eq(per, STR("unit"));
    if (per.n > 0 && !d->per_unit && !str_eq(per, STR("none")))
        good = load_err(l, yaml_get(doc, "per"), "judge.word", S(per), "per");
    good = load_params(l, doc, c) && good;
    good = load_sql(l, doc, "where", false, c, NULL, &d->where, &d->where_line) && good;
    return load_sql(l, doc, "done", false, c, range, &d->done, &d->done_line) && good;
}

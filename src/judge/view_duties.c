/* GET /duties, POST /duties/<id>/done, GET /sources. */
#include "judge/judge-int.h"
#include "base/json.h"
#include <errno.h>

static json_t *day_json(int64_t day)
{
    char z[16];

    if (day == INT64_MIN)
        return json_null();
    date_fmt(day, z, sizeof(z));
    return json_string(z);
}

/* A duty of a unit is called <control>@<unit>. */
json_t *duty_item_json(const struct duty_item *d, int64_t today)
{
    json_t *clauses = json_loadb(d->c->clauses_json.p, d->c->clauses_json.n, 0, NULL);
    char id[256];

    if (d->unit.id == 0)
        snprintf(id, sizeof(id), "%.*s", STR_ARGS(d->c->id));
    else
        snprintf(id, sizeof(id), "%.*s@%.*s", STR_ARGS(d->c->id), STR_ARGS(d->unit.key));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
                     text_json(id), "control", json_from_str(d->c->id), "title", label_json(d->c->title), "clauses",
                     clauses == NULL ? json_array() : clauses, "period", json_from_str(d->c->duty.period), "period_key",
                     d->p.key, "due_on", day_json(d->p.due), "notice_on", day_json(d->p.notice), "state",
                     duty_state_name(d->state), "days_left", (json_int_t)(d->p.due - today), "severity",
                     severity_json(d->c->severity), "unit", unit_json(d->unit.id, d->unit.key, d->unit.title),
                     "done_at", time_json(d->done_at), "done_by",
                     d->done_at == 0 ? json_null() : json_from_str(d->done_by), "note",
                     d->done_at == 0 ? json_null() : json_from_str(d->note), "remedy", label_json(d->c->remedy));
}

static bool of_clause(const struct packset *ps, const struct control *c, str clause)
{
    for (size_t i = 0; i < c->nclauses; i++) {
        str id = ps->clauses[c->clauses[i]].id;
        if (str_eq(id, clause) || (str_starts(id, clause) && id.p[clause.n] == '.'))
            return true;
    }
    return clause.n == 0;
}

/* Duties that nobody was asked about yet are asked now. */
static int ask_first(struct judge *j, struct packset *ps, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ps->ncontrols; i++) {
        const struct control *c = &ps->controls[i];
        if (c->kind != CK_DUTY || j->st == NULL)
            continue;
        pthread_mutex_lock(&j->ps_lock);
        struct result *r = result_of(j, c->id, false);
        bool asked = map_get(&j->duty_units, c->id) != NULL || (r != NULL && r->error[0] != '\0');
        pthread_mutex_unlock(&j->ps_lock);
        if (!asked)
            rc = duty_check(j, ps, c, e);
    }
    return rc;
}

int duties_items(struct judge *j, struct tx *tx, struct sight *s, str clause, json_t **out, struct err *e)
{
    struct packset *ps = judge_packs(j);
    struct duty_list l;
    int64_t today = date_of(clock_wall(j->clk));
    int rc = duties_list(j, ps, NULL, tx, &l, e);

    if (rc == 0) {
        *out = json_array();
        for (size_t i = 0; i < l.n; i++)
            if ((s->all || sight_has(s, l.v[i].unit.id)) && of_clause(ps, l.v[i].c, clause))
                json_array_append_new(*out, duty_item_json(&l.v[i], today));
        duty_list_done(&l);
    }
    packset_unref(ps);
    return rc;
}

int judge_duties(struct judge *j, const struct actor *who, json_t **out, struct err *e)
{
    struct packset *ps = judge_packs(j);
    struct tx *tx;
    struct sight s;
    json_t *items = NULL;
    int rc = ask_first(j, ps, e);

    packset_unref(ps);
    if (rc == 0)
        rc = view_begin(j, who, &tx, &s, e);
    if (rc < 0)
        return rc;
    rc = duties_items(j, tx, &s, STR_NONE, &items, e);
    view_end(tx, &s);
    findings_tell(j);
    if (rc == 0)
        *out = json_pack("{s:o}", "items", items);
    return rc;
}

/* ---- done by hand ---- */

static int write_done(struct judge *j, const struct actor *who, const struct duty_item *d, str note, struct err *e)
{
    struct tx *tx;
    int rc = store_begin(j->st, STORE_WRITE, &tx, e);

    if (rc < 0)
        return rc;
    rc = tx_exec(
        tx,
        "INSERT INTO duty_run (duty, period_key, unit_id, done_at, done_by, note, by_check) VALUES (?1, ?2, ?3, ?4, "
        "?5, ?6, 0)"
        " ON CONFLICT (duty, period_key, unit_id) DO UPDATE SET done_at = excluded.done_at, done_by = excluded.done_by,"
        " note = excluded.note, by_check = 0",
        VALS(V_STR(d->c->id), V_Z(d->p.key), V_INT(d->unit.id), V_INT(clock_wall(j->clk)), V_STR(who->name),
             V_STR(note.p == NULL ? STR("") : str_sub(note, 0, 2000))),
        NULL, e);
    if (rc == 0)
        return store_commit(tx, e);
    store_rollback(tx);
    return rc;
}

static struct duty_item *item_find(struct duty_list *l, str duty, str period)
{
    size_t at = str_find(duty, STR("@"));
    str id = str_sub(duty, 0, at), unit = at == SIZE_MAX ? STR("") : str_sub(duty, at + 1, duty.n);

    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->v[i].c->id, id) && str_eq(l->v[i].unit.key, unit) && str_eq(str_c(l->v[i].p.key), period))
            return &l->v[i];
    return NULL;
}

static int may_do(struct sight *s, const struct actor *who, const struct duty_item *d, struct err *e)
{
    if (who->roles & (ROLE_ADMIN | ROLE_OPERATOR | ROLE_SYSTEM))
        return 0;
    if (who->roles & ROLE_UNIT_OFFICER && d->unit.id != 0 && sight_has(s, d->unit.id))
        return 0;
    return ERR(e, -EACCES, "judge.may_not_do");
}

static int done_item(struct judge *j, const struct actor *who, struct packset *ps, struct sight *s, str duty,
                     str period, str note, json_t **out, struct err *e)
{
    struct duty_list l;
    int rc = duties_list(j, ps, NULL, NULL, &l, e);

    if (rc < 0)
        return rc;
    struct duty_item *d = item_find(&l, duty, period);
    if (d == NULL || (!s->all && !sight_has(s, d->unit.id)))
        rc = ERR(e, -ENOENT, "judge.no_duty", S(duty), S(period));
    else if ((rc = may_do(s, who, d, e)) == 0 && (rc = write_done(j, who, d, note, e)) == 0) {
        d->state = DUTY_DONE;
        d->done_at = clock_wall(j->clk);
        d->done_by = arena_str(&l.a, who->name);
        d->note = arena_str(&l.a, note.p == NULL ? STR("") : note);
        *out = duty_item_json(d, date_of(clock_wall(j->clk)));
        rc = duty_check(j, ps, d->c, e); /* a late one closes its finding now */
        if (rc < 0) {
            json_decref(*out);
            *out = NULL;
        }
    }
    duty_list_done(&l);
    return rc;
}

int judge_duty_done(struct judge *j, const struct actor *who, str duty, str period, str note, json_t **out,
                    struct err *e)
{
    struct packset *ps = judge_packs(j);
    struct tx *tx;
    struct sight s;
    int rc = ask_first(j, ps, e);

    if (rc == 0 && (rc = view_begin(j, who, &tx, &s, e)) == 0) {
        store_rollback(tx); /* only the sight is wanted; writing follows */
        rc = done_item(j, who, ps, &s, duty, period, note, out, e);
        sight_done(&s);
    }
    packset_unref(ps);
    findings_tell(j);
    return rc;
}

/* ---- sources ---- */

static json_t *declared_json(const struct declared *d, struct map *units)
{
    struct map_slot *u = map_get(units, (str){(const char *)&d->unit_id, sizeof(d->unit_id)});
    return json_pack("{s:o, s:o, s:o, s:O, s:o, s:b, s:o, s:I}", "name", json_from_str(d->name), "host",
                     json_from_str(d->host), "address", d->addr.n == 0 ? json_null() : json_from_str(d->addr), "unit",
                     u == NULL ? json_null() : (json_t *)u->v.ptr, "last_seen_at", time_json(d->last_at), "silent",
                     d->silent, "expected_every", json_from_str(d->every), "events_24h", (json_int_t)d->events_24h);
}

static json_t *seen_json(const struct source_entry *s, int64_t now)
{
    return json_pack(
        "{s:o, s:o, s:o, s:n, s:o, s:b, s:n, s:I}", "name", text_json(s->host[0] != '\0' ? s->host : s->addr), "host",
        text_json(s->host), "address", s->addr[0] == '\0' ? json_null() : text_json(s->addr), "unit", "last_seen_at",
        time_json(s->last_at), "silent", false, "expected_every", "events_24h", (json_int_t)source_events_24h(s, now));
}

static bool unit_row(void *ctx, const struct val *v, size_t n)
{
    int64_t id = v[0].i;
    struct map_slot *s = map_put(ctx, (str){(const char *)&id, sizeof(id)}, NULL);

    if (s != NULL)
        s->v.ptr = unit_json(id, v[1].s, v[2].s);
    return s != NULL;
}

int sources_items(struct judge *j, struct tx *tx, struct sight *s, json_t **out, struct err *e)
{
    struct map units;
    struct map_slot *slot;
    int64_t now = clock_wall(j->clk);
    json_t *items = json_array();

    map_init(&units, 1000000);
    int rc = tx_query(tx, "SELECT id, code, name FROM unit WHERE id IN (SELECT unit_id FROM log_source)", NO_VALS,
                      unit_row, &units, e);
    pthread_mutex_lock(&j->ev);
    for (size_t i = 0; rc >= 0 && i < j->so.ndecl; i++)
        if (sight_has(s, j->so.decl[i].unit_id))
            json_array_append_new(items, declared_json(&j->so.decl[i], &units));
    for (size_t i = 0; rc >= 0 && s->all && (slot = map_next(&j->so.seen, &i)) != NULL;) {
        const struct source_entry *en = slot->v.ptr;
        if (declared_of(&j->so, str_c(en->host), str_c(en->addr)) == NULL && json_array_size(items) < 5000)
            json_array_append_new(items, seen_json(en, now));
    }
    pthread_mutex_unlock(&j->ev);
    for (size_t i = 0; (slot = map_next(&units, &i)) != NULL;)
        json_decref(slot->v.ptr);
    map_done(&units);
    if (rc < 0)
        json_decref(items);
    else
        *out = items;
    return rc < 0 ? rc : 0;
}

int judge_sources(struct judge *j, const struct actor *who, json_t **out, struct err *e)
{
    struct tx *tx;
    struct sight s;
    json_t *items = NULL;
    int rc = view_begin(j, who, &tx, &s, e);

    if (rc < 0)
        return rc;
    rc = sources_items(j, tx, &s, &items, e);
    view_end(tx, &s);
    if (rc == 0)
        *out = json_pack("{s:o}", "items", items);
    return rc;
}

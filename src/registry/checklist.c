/* Answers to a checklist: a JSON object with one member a question that is asked
 * for this record, each "yes", "no" or "na", alone or with a note beside it. Runs
 * inside the write transaction. */
#include "registry/registry-int.h"
#include "base/json.h"
#include <errno.h>

enum { NOTE_MAX = 500 };

static str answer_of(const json_t *v)
{
    const json_t *note = json_is_object(v) ? json_object_get(v, "note") : NULL;
    str s = json_is_object(v) ? json_get_str(v, "answer") : json_is_string(v) ? json_str(v) : STR_NONE;
    bool known = str_eq(s, STR("yes")) || str_eq(s, STR("no")) || str_eq(s, STR("na"));

    if (note != NULL && (!json_is_string(note) || json_string_length(note) > NOTE_MAX))
        return STR_NONE;
    return known ? s : STR_NONE;
}

static void told(struct write *w, const struct field *f, const struct question *q, const char *key)
{
    struct err fe;

    ERR(&fe, -EINVAL, key, "", S(q->name), S(clauses_text(w->a, q->clauses, q->nclauses)));
    err_label(&fe, 0, str_sub(q->label.vi, 0, LABEL_SHORT), str_sub(q->label.en, 0, LABEL_SHORT));
    write_fault(w, f->name, &fe);
}

static bool is_asked(const struct checklist *c, const struct question_set *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++)
        if (str_eq(c->questions[set->questions[i]].name, str_c(name)))
            return true;
    return false;
}

static void judge_answers(struct write *w, const struct field *f, const struct checklist *c,
                          const struct question_set *set, const json_t *answers, bool passed)
{
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)answers, name, v) if (!is_asked(c, set, name))
    {
        struct err fe;
        ERR(&fe, -EINVAL, "registry.check_unknown", S(str_c(name)));
        write_fault(w, f->name, &fe);
    }
    for (size_t i = 0; i < set->n; i++) {
        const struct question *q = &c->questions[set->questions[i]];
        char key[COL_MAX];
        snprintf(key, sizeof(key), "%.*s", STR_ARGS(q->name));
        str a = answer_of(json_object_get(answers, key));
        if (a.n == 0)
            told(w, f, q, "registry.check_unanswered");
        else if (passed && str_eq(a, STR("no")))
            told(w, f, q, "registry.check_failed");
    }
}

int checklist_judge(struct write *w, const struct input *in, const struct rec *fresh, size_t field, struct err *e)
{
    const struct field *f = &fresh->k->fields[field];
    const struct checklist_use *u = f->checklist;
    const struct checklist *c = schema_checklist(w->r->sc, u->list);
    size_t by = kind_field_at(fresh->k, u->by), verdict = kind_field_at(fresh->k, u->verdict);
    const struct val *v = &fresh->v[verdict];
    struct val of = V_NULL;
    char sql[256];

    if (fresh->v[field].type != VAL_TEXT || in->f[field].given == GIVEN_BAD || fresh->v[by].type != VAL_INT)
        return 0;
    snprintf(sql, sizeof(sql), "SELECT \"%.*s\" FROM \"%.*s\" WHERE id = ?1", STR_ARGS(u->of),
             STR_ARGS(fresh->k->fields[by].ref_kind));
    int rc = tx_one(w->tx, w->a, sql, &fresh->v[by], 1, &of, e);
    const struct question_set *set = rc > 0 && of.type == VAL_TEXT ? checklist_set(c, of.s) : NULL;
    json_t *answers = json_loadb(fresh->v[field].s.p, fresh->v[field].s.n, 0, NULL);
    if (rc >= 0 && set != NULL && json_is_object(answers)) {
        judge_answers(w, f, c, set, answers, v->type == VAL_TEXT && str_eq(v->s, u->pass));
    } else if (rc >= 0) {
        struct err fe;
        ERR(&fe, -EINVAL, "registry.check_no_list", S(of.s));
        write_fault(w, f->name, &fe);
    }
    json_decref(answers);
    return rc < 0 ? rc : 0;
}

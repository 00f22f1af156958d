/* Pack files from bytes: the first byte says which file. What loads is whole:
 * every control has its clause, every clause its place. */
#include "judge/pack.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static bool (*const readers[])(struct loader *, const struct yaml *) = {load_control, load_clauses, load_regulation,
                                                                        load_routes};

static void check(const struct packset *ps)
{
    for (size_t i = 0; i < ps->ncontrols; i++) {
        const struct control *c = &ps->controls[i];
        assert(c->id.n > 0 && c->nclauses > 0 && c->clauses_json.n > 2);
        assert(packset_control(ps, c->id) == c);
        assert(c->kind != CK_STATE || (c->state.query != NULL && c->state.subject.n > 0));
        if (c->kind == CK_DUTY) {
            struct duty_period d;
            struct duty_rule r = c->duty.rule;
            r.notice_workdays = 0; /* needs a calendar */
            duty_period_at(&r, NULL, 20778, &d);
            assert(d.from <= 20778 && 20778 <= d.to);
        }
    }
    for (size_t i = 0; i < ps->nclauses; i++)
        assert(ps->clauses[i].parent < (int)i && packset_clause(ps, ps->clauses[i].id) == &ps->clauses[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct errs es;
    struct packset *ps = packset_empty();
    struct loader l = {.p = ps, .es = &es, .file = "x.yaml", .pack = STR("xx"), .reg = 0};
    struct yaml **docs;
    size_t ndocs;
    static const char law[] = "- {id: XX-1, number: '1', text: {vi: a, en: b}}\n- {id: XX-1.1, parent: XX-1, number: "
                              "'1', text: {vi: a, en: b}}\n";

    if (n < 1 || ps == NULL) {
        packset_unref(ps);
        return 0;
    }
    errs_init(&es, 20);
    l.text = str_c("id: xx\nregulation: XX\ntitle: {vi: a, en: b}\n");
    if (yaml_parse(&ps->a, l.text, "x", &docs, &ndocs, &es) == 0)
        load_regulation(&l, docs[0]);
    l.text = str_c(law);
    if (yaml_parse(&ps->a, l.text, "x", &docs, &ndocs, &es) == 0)
        load_clauses(&l, docs[0]);
    assert(ps->nclauses == 2 && es.total == 0);
    l.text = (str){(const char *)p + 1, n - 1};
    if (yaml_parse(&ps->a, l.text, "x", &docs, &ndocs, &es) == 0)
        for (size_t i = 0; i < ndocs; i++) {
            uint64_t before = es.total;
            bool good = docs[i]->kind == YAML_NULL || readers[p[0] % 4](&l, docs[i]);
            assert(good == (es.total == before) || ps->a.failed);
        }
    check(ps);
    for (size_t i = 0; i < es.n; i++) {
        char text[600];
        assert(err_text(&es.v[i], LANG_VI, text, sizeof(text)) > 0);
    }
    errs_done(&es);
    packset_unref(ps);
    return 0;
}

/* The pack loader: what it reads, and every mistake of every file in one pass,
 * each with its place. */
#include "judge/test-int.h"

#define CLAUSES                                                                                                        \
    "- {id: XX-1, number: '1', text: {vi: a, en: b}}\n- {id: XX-1.2, parent: XX-1, number: '2', text: {vi: a, en: "    \
    "b}, operative: true}\n"
#define PACK   "id: xx\nregulation: XX\ntitle: {vi: a, en: b}\n"
#define COMMON "severity: low\ntitle: {vi: a, en: b}\nremedy: {vi: a, en: b}\nclauses: [XX-1.2]\n"
#define MSG    "message: {vi: a, en: b}\n"
#define RULE                                                                                                           \
    "title: t\nname: r1\nlogsource: {product: linux, service: sshd}\ndetection: {s: {event: x}, condition: s}\n"

struct world {
    char dir[300];
    struct errs es;
    struct packset *ps;
};

static void world_init(struct world *w)
{
    *w = (struct world){0};
    errs_init(&w->es, 200);
    dir_make(w->dir, sizeof(w->dir));
    put_file(w->dir, "xx/pack.yaml", PACK);
    put_file(w->dir, "xx/clauses.yaml", CLAUSES);
    put_file(w->dir, "common/sigma/r1.yml", RULE);
}

static void world_done(struct world *w)
{
    packset_unref(w->ps);
    errs_done(&w->es);
    dir_remove(w->dir);
}

static bool has_error(const struct world *w, const char *file, uint32_t line, const char *key)
{
    for (size_t i = 0; i < w->es.n; i++)
        if (strcmp(w->es.v[i].key, key) == 0 && w->es.v[i].line == line && w->es.v[i].col > 0 &&
            strstr(w->es.v[i].at, file) != NULL)
            return true;
    return false;
}

static void whole(void **state)
{
    struct world w;

    world_init(&w);
    put_file(w.dir, "common/controls/s.yaml",
             "id: s\nkind: state\n" COMMON MSG "subject: device\nfreshness: P2D\n"
             "params: {age: P3D, limit: 5, rate: 1.5, word: abc}\nquery: SELECT id FROM device WHERE x < :now - :age "
             "AND ':not' <> :word\n");
    put_file(w.dir, "xx/controls/e.yaml",
             "id: e\nkind: event\n" COMMON MSG "rules: [r1]\nsubject_field: user\nquiet: PT2H\n"
             "---\nid: d\nkind: duty\n" COMMON "period: P6M\nnotice: {working_days: 2}\nper: unit\ndone: SELECT "
             "unit_id FROM x WHERE d BETWEEN :from AND :to\n");
    put_file(w.dir, "common/controls/i.yaml",
             "id: i\nkind: event\n" COMMON MSG "subject_field: user\nrule:\n  title: t\n  logsource: {product: linux}\n"
             "  detection: {s: {event: y}, condition: s}\n");
    if (packset_load(w.dir, &w.ps, &w.es) < 0)
        fail_msg("%s", text_of_err(&w.es.v[0]));
    assert_int_equal(w.ps->nregs, 1);
    assert_int_equal(w.ps->nclauses, 2);
    assert_int_equal(w.ps->ncontrols, 4);
    const struct control *s = packset_control(w.ps, STR("s")), *e = packset_control(w.ps, STR("e")),
                         *d = packset_control(w.ps, STR("d"));
    assert_int_equal(s->params[0].i, 3 * 86400);
    assert_int_equal(s->params[1].i, 5);
    assert_int_equal(s->params[2].type, PARAM_REAL);
    assert_int_equal(s->params[3].type, PARAM_TEXT);
    assert_int_equal(e->event.nrules, 1);
    assert_int_equal(e->event.quiet_ns, 7200 * NS_PER_S);
    assert_str(e->pack, "xx");
    assert_true(str_starts(d->text, STR("id: d\n")) && str_find(d->text, STR("id: e")) == SIZE_MAX);
    assert_true(str_find(e->text, STR("---")) == SIZE_MAX);
    assert_int_equal(d->duty.rule.notice_workdays, 2);
    assert_int_equal(packset_control(w.ps, STR("i"))->event.nrules, 1);
    const struct clause *c = packset_clause(w.ps, STR("XX-1.2"));
    assert_true(c->operative && c->parent == 0 && c->ncontrols == 4);
    assert_str(s->clauses_json, "[\"XX-1.2\"]");
    world_done(&w);
}

struct bad {
    const char *file, *text;
    uint32_t line;
    const char *key;
};

static void each_mistake(void **state)
{
    static const struct bad t[] = {
        {"xx/pack.yaml", "id: yy\nregulation: XX\ntitle: {vi: a, en: b}\n", 1, "judge.pack_id"},
        {"xx/pack.yaml", "id: xx\ntitle: {vi: a}\n", 1, "judge.missing"},
        {"xx/pack.yaml", "id: xx\nregulation: XX\ntitle: {vi: a}\n", 3, "judge.label"},
        {"xx/pack.yaml", PACK "issued_on: soon\n", 4, "judge.not_date"},
        {"xx/pack.yaml", PACK "isued_on: 2020-01-01\n", 4, "judge.unknown_key_near"},
        {"xx/clauses.yaml", CLAUSES "- {id: YY-1, number: x, text: {vi: a, en: b}}\n", 3, "judge.clause_id"},
        {"xx/clauses.yaml", CLAUSES "- {id: 'XX-1 x', number: x, text: {vi: a, en: b}}\n", 3, "judge.clause_id"},
        {"xx/clauses.yaml", CLAUSES "- {id: XX-2.1, parent: XX-2, number: x, text: {vi: a, en: b}}\n", 3,
         "judge.clause_parent"},
        {"xx/clauses.yaml", CLAUSES "- {id: XX-1, number: x, text: {vi: a, en: b}}\n", 3, "judge.twice"},
        {"xx/clauses.yaml", CLAUSES "- {id: XX-2, number: x, text: {vi: a, en: b}, operative: perhaps}\n", 3,
         "judge.not_bool"},
        {"xx/clauses.yaml", "a: b\n", 1, "judge.not_a_list"},
        {"common/controls/c.yaml", "kind: state\n" COMMON MSG "subject: device\nquery: SELECT 1\n", 1, "judge.missing"},
        {"common/controls/c.yaml", "id: c\nkind: stat\n" COMMON MSG "subject: device\nquery: SELECT 1\n", 2,
         "judge.word_near"},
        {"common/controls/c.yaml",
         "id: c\nkind: state\nseverity: hihg\ntitle: {vi: a, en: b}\nremedy: {vi: a, en: b}\nclauses: [XX-1]\n" MSG
         "subject: device\nquery: SELECT 1\n",
         3, "judge.word_near"},
        {"common/controls/c.yaml", "id: c\nkind: state\n" COMMON MSG "subject: device\nqurey: SELECT 1\n", 9,
         "judge.unknown_key_near"},
        {"common/controls/c.yaml", "id: c\nkind: state\n" COMMON MSG "subject: device\nquery: SELECT :nwo\n", 9,
         "judge.sql_param"},
        {"common/controls/c.yaml", "id: c\nkind: state\n" COMMON MSG "subject: device\nquery: SELECT ?1\n", 9,
         "judge.sql_param"},
        {"common/controls/c.yaml",
         "id: c\nkind: state\n" COMMON MSG "subject: device\nfreshness: 2 days\nquery: SELECT 1\n", 9,
         "judge.not_duration"},
        {"common/controls/c.yaml",
         "id: c\nkind: state\n" COMMON MSG "subject: device\nparams: {A: 1}\nquery: SELECT 1\n", 9, "judge.param"},
        {"common/controls/c.yaml", "id: c\nkind: event\n" COMMON MSG "rules: [nobody]\nsubject_field: user\n", 8,
         "judge.no_rule"},
        {"common/controls/c.yaml", "id: c\nkind: event\n" COMMON MSG "subject_field: user\n", 1, "judge.missing"},
        {"common/controls/c.yaml", "id: c\nkind: event\n" COMMON MSG "rules: [r1]\nsubject_field: user\nquiet: 1h\n",
         10, "judge.not_duration"},
        {"common/controls/c.yaml",
         "id: c\nkind: event\n" COMMON MSG
         "subject_field: user\nrule: {title: t, logsource: {product: x}, detection: {}}\n",
         9, "judge.sigma_missing"},
        {"common/controls/c.yaml", "id: c\nkind: duty\n" COMMON "period: P3D\n", 7, "judge.duty_period"},
        {"common/controls/c.yaml", "id: c\nkind: duty\n" COMMON "due: '13-40'\n", 7, "judge.month_day"},
        {"common/controls/c.yaml", "id: c\nkind: duty\n" COMMON "due: '12-10'\nbefore: '10-15'\n", 8,
         "judge.due_and_before"},
        {"common/controls/c.yaml", "id: c\nkind: duty\n" COMMON "period: P3M\ndue: '12-10'\n", 7, "judge.duty_yearly"},
        {"common/controls/c.yaml", "id: c\nkind: duty\n" COMMON "period: P3M\nnotice: {weeks: 2}\n", 8,
         "yaml.unknown_key"},
        {"common/controls/c.yaml", "id: c\nkind: duty\n" COMMON "period: P3M\nper: units\n", 8, "judge.word"},
        {"common/controls/c.yaml", "id: c\nkind: duty\n" COMMON, 1, "judge.missing"},
        {"common/controls/c.yaml", "- a\n", 1, "judge.not_a_map"},
        {"common/controls/c.yaml",
         "id: c\nkind: state\nseverity: low\ntitle: {vi: a, en: b}\nremedy: {vi: a, en: b}\nclauses: [XX-9]\n" MSG
         "subject: device\nquery: SELECT 1\n",
         6, "judge.no_clause"},
        {"common/controls/c.yaml", "id: c\n  kind: broken\n", 1, "yaml.syntax"},
        {"common/sigma/c.yml",
         "title: t\ncorrelation:\n  type: event_count\n  rules: [nobody]\n  timespan: 1m\n  condition: {gte: 2}\n", 4,
         "judge.no_rule"},
        {"common/sigma/c.yml",
         "title: t\nname: loop\ncorrelation:\n  type: event_count\n  rules: [loop]\n  timespan: 1m\n  condition: {gte: "
         "2}\n",
         1, "judge.corr_loop"},
        {"common/sigma/z.yml", RULE, 1, "judge.twice"},
        {"common/logsources.yaml", "- {product: linux, facilities: [nothing]}\n", 1, "judge.facility"},
        {"common/logsources.yaml", "- {prodct: linux}\n", 1, "judge.unknown_key_near"},
        {"common/fields.yaml", "a: [b]\n", 1, "judge.not_text"},
        {"common/lists.yaml", "a: b\n", 1, "judge.not_a_list"},
        {"common/decoders/d.yaml", "- program: x\n  patterns: [{event: e, match: '{a}{b}'}]\n", 2,
         "judge.decode_adjacent"},
    };

    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        struct world w;
        world_init(&w);
        put_file(w.dir, t[i].file, t[i].text);
        if (packset_load(w.dir, &w.ps, &w.es) != -EBADMSG)
            fail_msg("accepted: %s", t[i].text);
        if (!has_error(&w, t[i].file, t[i].line, t[i].key)) {
            for (size_t k = 0; k < w.es.n; k++)
                print_message("# %s\n", text_of_err(&w.es.v[k]));
            fail_msg("%s: no %s at line %u", t[i].text, t[i].key, t[i].line);
        }
        world_done(&w);
    }
}

/* A misspelt key names the one that was meant. */
static void nearest(void **state)
{
    struct world w;

    world_init(&w);
    put_file(w.dir, "common/controls/c.yaml", "id: c\nkind: state\n" COMMON MSG "subject: device\nqurey: SELECT 1\n");
    assert_int_equal(packset_load(w.dir, &w.ps, &w.es), -EBADMSG);
    bool seen = false;
    for (size_t i = 0; i < w.es.n; i++)
        seen = seen || (strcmp(w.es.v[i].arg[0], "qurey") == 0 && strcmp(w.es.v[i].arg[1], "query") == 0);
    assert_true(seen);
    world_done(&w);
}

static void all_at_once(void **state)
{
    struct world w;

    world_init(&w);
    put_file(w.dir, "common/controls/a.yaml",
             "id: a\nkind: state\n" COMMON MSG "subject: device\nqurey: SELECT 1\nfreshness: x\n");
    put_file(w.dir, "common/controls/b.yaml", "id: b\nkind: duty\n" COMMON "period: P3D\n");
    put_file(w.dir, "common/sigma/c.yml",
             "title: t\nlogsource: {product: linux}\ndetection: {s: {a|zz: b}, condition: t}\n");
    put_file(w.dir, "xx/clauses2.yaml", "- {id: ZZ-1, number: x, text: {vi: a, en: b}}\n");
    assert_int_equal(packset_load(w.dir, &w.ps, &w.es), -EBADMSG);
    assert_true(has_error(&w, "a.yaml", 9, "judge.unknown_key_near"));
    assert_true(has_error(&w, "a.yaml", 10, "judge.not_duration"));
    assert_true(has_error(&w, "b.yaml", 7, "judge.duty_period"));
    assert_true(has_error(&w, "c.yml", 3, "judge.sigma_modifier"));
    assert_true(has_error(&w, "c.yml", 3, "judge.sigma_cond_unknown"));
    assert_true(has_error(&w, "clauses2.yaml", 1, "judge.clause_id"));
    world_done(&w);
}

static void no_folder(void **state)
{
    struct errs es;
    struct packset *ps = NULL;

    errs_init(&es, 5);
    assert_int_equal(packset_load("/nonexistent/packs", &ps, &es), -EBADMSG);
    assert_int_equal(es.n, 1);
    assert_null(ps);
    errs_done(&es);
}

/* What ships. */
static void shipped(void **state)
{
    char path[4096];
    struct errs es;
    struct packset *ps = NULL;
    unsigned kinds[3] = {0};

    errs_init(&es, 50);
    snprintf(path, sizeof(path), "%s/packs", source_dir());
    if (packset_load(path, &ps, &es) < 0) {
        for (size_t i = 0; i < es.n; i++)
            print_message("# %s\n", text_of_err(&es.v[i]));
        fail();
    }
    for (size_t i = 0; i < ps->ncontrols; i++)
        kinds[ps->controls[i].kind]++;
    print_message("# %zu regulations, %zu clauses, %u state checks, %u event controls, %u duties, %zu rules, %zu "
                  "correlations, %zu waiting\n",
                  ps->nregs, ps->nclauses, kinds[CK_STATE], kinds[CK_EVENT], kinds[CK_DUTY], ps->nrules, ps->ncorrs,
                  ps->routes.waiting);
    assert_true(kinds[CK_STATE] >= 15 && kinds[CK_EVENT] >= 8 && kinds[CK_DUTY] >= 6);
    assert_int_equal(ps->nregs, 4);
    assert_int_equal(ps->routes.waiting, 0);
    packset_unref(ps);
    errs_done(&es);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),       cmocka_unit_test(each_mistake), cmocka_unit_test(nearest),
        cmocka_unit_test(all_at_once), cmocka_unit_test(no_folder),    cmocka_unit_test(shipped),
    };
    return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}

/* A Sigma rule or correlation from bytes; behind a NUL stands an event's text.
 * A rule that loads gives the same answer twice, and its negation the other. */
#include "judge/correlate.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void ask(struct sigma_rule *r, struct names *names, str event)
{
    struct fields f;
    struct sigma_run run;
    str rest = event, part;
    int id = 0;

    if (!fields_init(&f, names) || !sigma_run_init(&run))
        abort();
    fields_clear(&f);
    while (rest.n > 0 && id < (int)names->n && str_split(&rest, '\n', &part))
        fields_put(&f, id++, part);
    bool first = sigma_match(r, &f, &run), stopped = run.stopped;
    assert(sigma_match(r, &f, &run) == first && run.stopped == stopped);
    struct snode *kids[1] = {r->cond}, not = {.op = SN_NOT, .kids = kids, .n = 1};
    struct sigma_rule other = *r;
    other.cond = &not ;
    if (!stopped)
        assert(sigma_match(&other, &f, &run) == !first);
    sigma_run_done(&run);
    fields_done(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct arena a = arena_init(32 << 20);
    struct names *names = names_new();
    struct sigma_res res = {0};
    struct errs es;
    const uint8_t *nul = n == 0 ? NULL : memchr(p, 0, n);
    str text = {(const char *)p, nul == NULL ? n : (size_t)(nul - p)};
    str event = nul == NULL ? STR("x") : (str){(const char *)nul + 1, n - text.n - 1};
    struct sigma_ctx c = {.a = &a, .names = names, .res = &res, .es = &es, .file = "r.yml"};
    struct yaml **docs;
    size_t ndocs;

    errs_init(&es, 10);
    if (yaml_parse(&a, text, "r.yml", &docs, &ndocs, &es) == 0)
        for (size_t i = 0; i < ndocs && i < 4; i++) {
            struct sigma_rule r;
            struct corr_rule cr;
            uint64_t before = es.total;
            if (sigma_is_correlation(docs[i])) {
                int rc = corr_parse(&c, docs[i], text, &cr);
                assert((rc == 0) == (es.total == before));
                assert(rc < 0 || (cr.lo > 0 && cr.lo <= cr.hi && cr.span_ns > 0 && cr.nrefs > 0));
                continue;
            }
            int rc = sigma_parse(&c, docs[i], text, &r);
            assert((rc == 0) == (es.total == before));
            if (rc == 0)
                ask(&r, names, event);
        }
    errs_done(&es);
    sigma_res_done(&res);
    names_free(names);
    arena_free(&a);
    return 0;
}

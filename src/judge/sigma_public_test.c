/* The public rules for Linux, networks, web and applications: each loads, or is
 * refused with rule, line and reason. Skipped, counted, without the data. */
#include "judge/test-int.h"

struct tally {
    struct kit k;
    unsigned files, loaded, refused;
};
static struct tally *tally;

static void one_file(const char *path)
{
    struct kit *k = &tally->k;
    struct err e;
    struct yaml **docs;
    size_t n;
    str text;
    uint64_t before = k->es.total;

    assert_int_equal(file_read(&k->a, path, 1 << 20, &text, &e), 0);
    k->c.file = arena_cstr(&k->a, str_c(path));
    tally->files++;
    if (yaml_parse(&k->a, text, k->c.file, &docs, &n, &k->es) == 0)
        for (size_t i = 0; i < n; i++) {
            struct sigma_rule r;
            if (sigma_parse(&k->c, docs[i], text, &r) == 0) {
                assert_non_null(r.cond);
                assert_true(r.id.n > 0);
                tally->loaded++;
            }
        }
    if (k->es.total == before)
        return;
    tally->refused++;
    for (uint64_t i = before; i < k->es.n; i++) {
        assert_true(k->es.v[i].line > 0 && k->es.v[i].at[0] != '\0');
        print_message("# refused: %s\n", text_of_err(&k->es.v[i]));
    }
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *f)
{
    if (type == FTW_F && str_ends(str_c(path), STR(".yml")))
        one_file(path);
    return 0;
}

static void all_rules(void **state)
{
    char path[4096];
    struct tally t = {0};

    if (shared_data("sigma/rules", path, sizeof(path)) == NULL)
        skip();
    kit_init(&t.k);
    tally = &t;
    assert_int_equal(nftw(path, visit, 16, FTW_PHYS), 0);
    print_message("# %u public rules: %u loaded, %u refused\n", t.files, t.loaded, t.refused);
    assert_true(t.files > 0);
    assert_int_equal(t.loaded + t.refused, t.files);
    assert_true(t.refused * 50 < t.files); /* a refusal is the exception */
    kit_done(&t.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_rules)};

    return cmocka_run_group_tests_name("sigma_public", tests, NULL, NULL);
}

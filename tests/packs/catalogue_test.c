/* Where the catalogues of the four texts are at hand, every clause of theirs
 * has its node in the packs. */
#include "base/file.h"
#include "judge/pack.h"
#include "world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static struct packset *packs;
static char folder[600];

static int load(void **state)
{
    struct errs es;

    (void)state;
    errs_init(&es, 200);
    int rc = packset_load(world_source("packs"), &packs, &es);
    bool clean = world_clean(&es, NULL);
    errs_done(&es);
    return rc == 0 && clean ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    packset_unref(packs);
    return 0;
}

/* "BT-7.2-4" is the fourth demand of node BT-7.2. */
static str node_of(str id)
{
    const char *dash = memrchr(id.p, '-', id.n), *first = memchr(id.p, '-', id.n);

    return dash == NULL || dash == first ? id : (str){id.p, (size_t)(dash - id.p)};
}

static void catalogue(void **state)
{
    const char *code = *state;
    struct arena a = arena_init(1 << 20);
    str text, line, id;
    char path[640];
    size_t missing = 0, n = 0;
    struct err e = {0};

    snprintf(path, sizeof(path), "%s/%s.tsv", folder, code);
    file_read(&a, path, 1 << 19, &text, &e);
    assert_true(world_clean(NULL, &e));
    for (bool head = true; str_split(&text, '\n', &line); head = false) {
        if (head || line.n == 0)
            continue;
        str_split(&line, '\t', &id);
        n++;
        if (packset_clause(packs, node_of(id)) == NULL) {
            print_message("# %s: no node for %.*s\n", code, STR_ARGS(id));
            missing++;
        }
    }
    arena_free(&a);
    assert_true(n > 100);
    assert_int_equal(missing, 0);
}

int main(void)
{
    const char *shared = getenv("LUY_SHARED_DATA");
    const struct CMUnitTest tests[] = {
        {"tu", catalogue, NULL, NULL, (void *)"tu"},
        {"tw", catalogue, NULL, NULL, (void *)"tw"},
        {"vl", catalogue, NULL, NULL, (void *)"vl"},
        {"bt", catalogue, NULL, NULL, (void *)"bt"},
    };

    snprintf(folder, sizeof(folder), "%s/../requirements", shared != NULL ? shared : world_source("../shared/data"));
    if (access(folder, R_OK) != 0) {
        printf("1..0 # SKIP no catalogues at %s\n", folder);
        return 0;
    }
    return cmocka_run_group_tests_name("catalogue", tests, load, unload);
}

/* YAML: the tree and its places, what is refused and where, memory that ends. */
#include "base/test-int.h"
#include "base/yaml.h"
#include <errno.h>

static const char sample[] = "# comment\n"
                             "name: \"Quoted: #1\"\n"
                             "list:\n"
                             "  - one\n"
                             "  - 2\n"
                             "  - {a: yes, b: 'no'}\n"
                             "text: |\n"
                             "  line 1\n"
                             "  line 2\n"
                             "empty:\n"
                             "nothing: ~\n"
                             "đường: null\n"
                             "time: 10:30\n";

static struct yaml *parse_one(struct arena *a, const char *text)
{
    struct yaml **docs;
    size_t n;
    struct errs es;

    errs_init(&es, 5);
    int rc = yaml_parse(a, str_c(text), "x.yaml", &docs, &n, &es);
    if (rc < 0)
        print_error("%s %s\n", es.v[0].key, es.v[0].arg[0]);
    assert_int_equal(rc, 0);
    assert_int_equal(n, 1);
    errs_done(&es);
    return docs[0];
}

static void tree(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct yaml *y = parse_one(&a, sample);
    int64_t i;
    bool b;

    assert_int_equal(y->kind, YAML_MAP);
    assert_int_equal(y->n, 7);
    assert_str(yaml_text(y, "name"), "Quoted: #1");
    assert_true(yaml_get(y, "name")->quoted);
    struct yaml *list = yaml_get(y, "list");
    assert_int_equal(list->kind, YAML_LIST);
    assert_int_equal(list->n, 3);
    assert_false(list->items[0]->quoted);
    assert_true(yaml_int(list->items[1], &i) && i == 2);
    assert_false(yaml_int(list->items[0], &i));
    struct yaml *inner = list->items[2];
    assert_true(yaml_bool(yaml_get(inner, "a"), &b) && b);
    assert_false(yaml_bool(yaml_get(inner, "b"), &b));
    assert_str(yaml_text(inner, "b"), "no");
    assert_str(yaml_text(y, "text"), "line 1\nline 2\n");
    assert_true(yaml_get(y, "text")->quoted);
    assert_int_equal(yaml_get(y, "empty")->kind, YAML_NULL);
    assert_int_equal(yaml_get(y, "nothing")->kind, YAML_NULL);
    assert_int_equal(yaml_get(y, "đường")->kind, YAML_NULL);
    assert_null(yaml_text(y, "empty").p);
    assert_str(yaml_text(y, "time"), "10:30");
    assert_null(yaml_get(y, "absent"));
    assert_null(yaml_get(list, "name"));
    assert_null(yaml_get(NULL, "name"));
    arena_free(&a);
}

static void places(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct yaml *y = parse_one(&a, sample);
    const struct {
        const struct yaml *node;
        uint32_t line, col;
    } t[] = {
        {y, 2, 1},
        {y->keys[0], 2, 1},
        {y->items[0], 2, 7},
        {y->keys[1], 3, 1},
        {y->items[1]->items[0], 4, 5},
        {y->items[1]->items[2], 6, 5},
        {y->items[1]->items[2]->items[1], 6, 17},
        {y->keys[5], 12, 1},
        {y->items[2], 8, 1},
        {y->items[3], 10, 1},
        {y->items[5], 12, 8}, /* columns count characters, not bytes */
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        if (t[i].node->line != t[i].line || t[i].node->col != t[i].col)
            print_error("place %zu\n", i);
        assert_int_equal(t[i].node->line, t[i].line);
        assert_int_equal(t[i].node->col, t[i].col);
    }
    arena_free(&a);
}

static void documents(void **state)
{
    static const struct {
        const char *s;
        size_t n;
    } t[] = {
        {"", 0},
        {"# only a comment\n", 0},
        {"a: 1", 1},
        {"---\na: 1\n---\nb: 2\n", 2},
        {"---\n---\n", 2},
        {"\xef\xbb\xbf"
         "a: 1\n",
         1},
        {"a: 1\r\nb: 2\r\n", 1},
        {"a: 1\n...\n", 1},
        {"plain", 1},
        {"%YAML 1.2\n---\na: 1\n", 1},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        struct arena a = arena_init(1 << 20);
        struct yaml **docs;
        size_t n = 99;
        assert_int_equal(yaml_parse(&a, str_c(t[i].s), "x", &docs, &n, NULL), 0);
        assert_int_equal(n, t[i].n);
        arena_free(&a);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *s;
        const char *key;
        uint32_t line, col;
    } t[] = {
        {"a: &x 1\n", "yaml.alias", 1, 4},
        {"- &x [1]\n", "yaml.alias", 1, 3},
        {"&x {a: 1}\n", "yaml.alias", 1, 0},
        {"a: 1\na: 2\n", "yaml.duplicate_key", 2, 1},
        {"x:\n  {b: 1, c: 2, b: 3}\n", "yaml.duplicate_key", 2, 16},
        {"a: 1\n\"a\": 2\n", "yaml.duplicate_key", 2, 1},
        {"a: !!int 5\n", "yaml.tag", 1, 4},
        {"a: !x b\n", "yaml.tag", 1, 4},
        {"[1]: x\n", "yaml.key_not_text", 1, 1},
        {"{a: 1}: x\n", "yaml.key_not_text", 1, 1},
        {"~: x\n", "yaml.key_not_text", 1, 1},
        {": x\n", "yaml.key_not_text", 1, 1},
        {"a: \xff\n", "yaml.bad_character", 1, 4},
        {"a: 1\nb: \x01\n", "yaml.bad_character", 2, 4},
        {"a: \"\\0\"\n", "yaml.bad_character", 1, 4},
        {"a: [1\nb: 2\n", "yaml.syntax", 0, 0},
        {"a: b: c\n", "yaml.syntax", 1, 0},
        {"a: \"x\n", "yaml.syntax", 0, 0},
        {"a:\n\t- x\n", "yaml.tab", 2, 1},
        {"? b:\t|\n ", "yaml.tab", 1, 5},
        {"a: 1\n b: 2\n", "yaml.syntax", 1, 4},
        {"*x\n", "yaml.alias", 1, 1},
        {"}", "yaml.syntax", 1, 1},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        struct arena a = arena_init(1 << 20);
        struct yaml **docs = (void *)&docs;
        size_t n = 99;
        struct errs es;
        errs_init(&es, 5);
        int rc = yaml_parse(&a, str_c(t[i].s), "x.yaml", &docs, &n, &es);
        if (rc != -EBADMSG || strcmp(es.v[0].key, t[i].key) != 0 || (t[i].line && es.v[0].line != t[i].line) ||
            (t[i].col && es.v[0].col != t[i].col))
            print_error("case %zu: %d %s %u:%u %s\n", i, rc, es.n ? es.v[0].key : "", es.v[0].line, es.v[0].col,
                        es.v[0].arg[0]);
        assert_int_equal(rc, -EBADMSG);
        assert_int_equal(n, 99);
        assert_string_equal(es.v[0].key, t[i].key);
        assert_string_equal(es.v[0].at, "x.yaml");
        assert_true(t[i].line == 0 || es.v[0].line == t[i].line);
        assert_true(t[i].col == 0 || es.v[0].col == t[i].col);
        errs_done(&es);
        arena_free(&a);
    }
}

/* All mistakes in one pass, in the order of the file as far as maps close. */
static void all_mistakes(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct yaml **docs;
    size_t n;
    struct errs es;

    errs_init(&es, 20);
    assert_int_equal(
        yaml_parse(&a, STR("a: &x 1\nb: !t 2\nc: {d: 1, d: 2}\ne: *x\na: 3\n---\nf: 1\nf: 2\n"), "x", &docs, &n, &es),
        -EBADMSG);
    static const struct {
        const char *key;
        uint32_t line;
    } want[] = {
        {"yaml.alias", 1}, {"yaml.tag", 2},           {"yaml.duplicate_key", 3},
        {"yaml.alias", 4}, {"yaml.duplicate_key", 5}, {"yaml.duplicate_key", 8},
    };
    assert_int_equal(es.n, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_string_equal(es.v[i].key, want[i].key);
        assert_int_equal(es.v[i].line, want[i].line);
    }
    assert_string_equal(es.v[4].arg[0], "a");
    assert_string_equal(es.v[4].arg[1], "1");
    errs_done(&es);
    arena_free(&a);
}

static const char *first_key(str text, size_t arena_max, int *rc)
{
    static char key[64];
    struct arena a = arena_init(arena_max);
    struct yaml **docs;
    size_t n;
    struct errs es;

    errs_init(&es, 1);
    *rc = yaml_parse(&a, text, "x", &docs, &n, &es);
    snprintf(key, sizeof(key), "%s", *rc < 0 ? es.v[0].key : "");
    errs_done(&es);
    arena_free(&a);
    return key;
}

static void limits(void **state)
{
    size_t big = (4 << 20) + 1;
    char *p = malloc(big);
    int rc;

    for (size_t depth = 60; depth <= 70; depth++) {
        memset(p, '[', depth);
        memset(p + depth, ']', depth);
        const char *key = first_key((str){p, 2 * depth}, 1 << 20, &rc);
        assert_int_equal(rc, depth <= 64 ? 0 : -EBADMSG);
        assert_true(depth <= 64 || strcmp(key, "yaml.too_deep") == 0 || strcmp(key, "yaml.syntax") == 0);
    }
    memset(p, '[', big);
    assert_string_equal(first_key((str){p, big}, 1 << 20, &rc), "yaml.too_big");
    assert_string_equal(first_key((str){p, big - 1}, 1 << 20, &rc), "yaml.too_many_marks");
    /* 4 MiB of one scalar is fine. */
    memset(p, 'a', big);
    first_key((str){p, big - 1}, 16 << 20, &rc);
    assert_int_equal(rc, 0);
    /* Many small documents, many keys. */
    size_t n = 0;
    for (int i = 0; i < 5000; i++, n += 6)
        memcpy(p + n, "---\na\n", 6);
    assert_string_equal(first_key((str){p, n}, 16 << 20, &rc), "yaml.too_many_documents");
    n = 0;
    for (int i = 0; i < 100000; i++)
        n += (size_t)snprintf(p + n, big - n, "k%d: %d\n", i, i);
    first_key((str){p, n}, 64 << 20, &rc);
    assert_int_equal(rc, 0);
    free(p);
}

/* The arena ends at each possible size: an error every time, never a crash. */
static void without_memory(void **state)
{
    int rc = -1;

    for (size_t max = 0; rc != 0 && max < 20000; max += 16) {
        const char *key = first_key(STR(sample), max, &rc);
        assert_true(rc == 0 || (rc == -ENOMEM && strcmp(key, "base.errno") == 0));
    }
    assert_int_equal(rc, 0);
}

static void helpers(void **state)
{
    static const char *const allowed[] = {"name", "list", "text", NULL};
    static const struct {
        const char *s;
        bool ok, v;
    } bools[] = {
        {"true", true, true}, {"False", true, false}, {"YES", true, true},      {"no", true, false},
        {"on", false, false}, {"1", false, false},    {"'true'", false, false}, {"~", false, false},
    };
    struct arena a = arena_init(1 << 20);
    struct errs es;
    int64_t i = 5;

    errs_init(&es, 10);
    yaml_only(&es, "x.yaml", parse_one(&a, sample), allowed);
    assert_int_equal(es.n, 4);
    assert_string_equal(es.v[0].key, "yaml.unknown_key");
    assert_string_equal(es.v[0].arg[0], "empty");
    assert_string_equal(es.v[0].arg[1], "name, list, text");
    assert_int_equal(es.v[0].line, 10);
    yaml_only(&es, "x.yaml", parse_one(&a, "[a]"), allowed);
    yaml_only(&es, "x.yaml", NULL, allowed);
    yaml_err(&es, "x.yaml", NULL, "no.key", "p", NULL);
    assert_int_equal(es.n, 5);
    assert_int_equal(es.v[4].line, 0);
    errs_done(&es);
    for (size_t k = 0; k < COUNT(bools); k++) {
        bool v = !bools[k].v;
        assert_int_equal(yaml_bool(parse_one(&a, bools[k].s), &v), bools[k].ok);
        assert_true(v == (bools[k].ok ? bools[k].v : !bools[k].v));
    }
    assert_true(yaml_int(parse_one(&a, "-12"), &i) && i == -12);
    assert_false(yaml_int(parse_one(&a, "'12'"), &i));
    assert_false(yaml_int(parse_one(&a, "1.5"), &i));
    assert_false(yaml_int(NULL, &i));
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree),           cmocka_unit_test(places),       cmocka_unit_test(documents),
        cmocka_unit_test(refused),        cmocka_unit_test(all_mistakes), cmocka_unit_test(limits),
        cmocka_unit_test(without_memory), cmocka_unit_test(helpers),
    };
    return cmocka_run_group_tests_name("base/yaml", tests, NULL, NULL);
}

/* Any bytes as YAML: no crash, ceilings hold, and what is accepted keeps the
 * promises of yaml.h (unique text keys, valid UTF-8, places, depth). */
#include "base/text.h"
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void walk(const struct yaml *y, int depth)
{
    must(depth <= 64 && y->line > 0 && y->col > 0 && utf8_valid(y->text));
    must((y->kind == YAML_SCALAR || y->kind == YAML_NULL) ? y->n == 0 : true);
    for (size_t i = 0; i < y->n; i++) {
        if (y->kind == YAML_MAP) {
            must(y->keys[i]->kind == YAML_SCALAR && memchr(y->keys[i]->text.p, 0, y->keys[i]->text.n + 1) != NULL);
            if (strlen(y->keys[i]->text.p) == y->keys[i]->text.n)
                must(yaml_get(y, y->keys[i]->text.p) == y->items[i]);
        }
        walk(y->items[i], depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct arena a = arena_init(8 << 20);
    struct yaml **docs;
    size_t ndocs;
    struct errs es;
    char text[600];

    errs_init(&es, 8);
    int rc = yaml_parse(&a, (str){(const char *)p, n}, "fuzz", &docs, &ndocs, &es);
    must(rc == 0 ? es.total == 0 : es.n > 0);
    for (size_t i = 0; rc == 0 && i < ndocs; i++)
        walk(docs[i], 0);
    for (size_t i = 0; i < es.n; i++)
        must(err_text(&es.v[i], LANG_VI, text, sizeof(text)) > 0 && utf8_valid(str_c(text)));
    errs_done(&es);
    arena_free(&a);
    return 0;
}

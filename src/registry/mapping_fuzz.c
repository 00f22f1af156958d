/* Any text as a mapping: refused with places inside the text, or taken, and then shown as JSON. */
#include "registry/mapping.h"
#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct schema *sc;
    struct arena a = arena_init(16 << 20);
    struct mapping *m = NULL;
    struct errs es;

    errs_init(&es, 100);
    if (sc == NULL) {
        char dir[4096];
        const char *root = getenv("LUY_SOURCE");
        snprintf(dir, sizeof(dir), "%s/schema", root != NULL ? root : ".");
        if (schema_load(dir, &sc, &es) < 0)
            abort();
    }
    int rc = n > MAPPING_BYTES ? -1 : mapping_parse(&a, sc, (str){(const char *)p, n}, "m", &m, &es);
    assert(rc < 0 || (m != NULL && es.total == 0));
    assert(rc == 0 || n > MAPPING_BYTES || es.total > 0 || a.failed);
    if (rc == 0)
        json_decref(mapping_json(m));
    errs_done(&es);
    arena_free(&a);
    return 0;
}

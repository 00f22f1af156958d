/* Any bytes as a configuration: never out of bounds, every mistake has a line,
 * and what was understood prints and reads back the same. */
#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct arena a = arena_init(8 << 20);
    struct config c, again;
    struct errs es, none;
    struct buf b;

    errs_init(&es, 100);
    errs_init(&none, 10);
    buf_init(&b, 1 << 20);
    config_defaults(&c);
    config_defaults(&again);
    int rc = config_parse(&a, (str){(const char *)p, n}, "fuzz", &c, &es);
    if ((rc == 0) != (es.total == 0))
        abort();
    for (size_t i = 0; i < es.n; i++)
        if (es.v[i].line == 0 || es.v[i].col == 0 || es.v[i].key == NULL)
            abort();
    config_print(&c, &b);
    if (config_parse(&a, buf_view(&b), "printed", &again, &none) != 0)
        abort();
    for (size_t i = 0; i < config_options_n; i++)
        if (!config_same(&c, &again, &config_options[i]))
            abort();
    buf_done(&b);
    errs_done(&es);
    errs_done(&none);
    arena_free(&a);
    return 0;
}

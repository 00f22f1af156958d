/* Fuzz target of the CSV reader: within its ceilings, and what it reads, written
 * out again as CSV, reads back the same. */
#include "registry/csv-int.h"
#include "base/buf.h"
#include "base/text.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct table {
    str *cell[400];
    size_t width[400], n;
};

static int read_all(struct arena *a, str text, struct table *t, struct err *e)
{
    struct csv c;
    int rc = csv_open(&c, text, e);

    while (rc >= 0 && t->n < 400 && (rc = csv_row(&c, a, &t->cell[t->n], &t->width[t->n], e)) > 0) {
        assert(t->width[t->n] >= 1 && t->width[t->n] <= CSV_COLS);
        for (size_t i = 0; i < t->width[t->n]; i++) {
            str s = t->cell[t->n][i];
            assert(s.n <= CSV_CELL && utf8_valid(s) && (s.n == 0 || memchr(s.p, 0, s.n) == NULL));
        }
        t->n++;
    }
    if (rc < 0)
        assert(e->key != NULL && e->code == rc);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct arena a = arena_init(16 << 20);
    static struct table t, again;
    struct err e = {0};

    memset(&t, 0, sizeof(t));
    memset(&again, 0, sizeof(again));
    if (read_all(&a, (str){(const char *)p, n}, &t, &e) == 0) {
        struct buf b;
        buf_init(&b, 16 << 20);
        buf_z(&b, "sep=,\n");
        for (size_t r = 0; r < t.n; r++) {
            for (size_t i = 0; i < t.width[r]; i++) {
                if (i > 0)
                    buf_byte(&b, ',');
                buf_csv(&b, t.cell[r][i]);
            }
            buf_z(&b, "\r\n");
        }
        int rc = read_all(&a, buf_view(&b), &again, &e);
        /* Quotes may push a row over the length of a line; nothing else may fail. */
        assert(rc == 0 || rc == -7 /* E2BIG */);
        for (size_t r = 0; rc == 0 && r < t.n; r++) {
            assert(again.n == t.n && again.width[r] == t.width[r]);
            for (size_t i = 0; i < t.width[r]; i++)
                assert(str_eq(t.cell[r][i], again.cell[r][i]));
        }
        buf_done(&b);
    }
    arena_free(&a);
    return 0;
}

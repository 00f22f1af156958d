/* Fuzz target of the XLSX reader: within its ceilings, every mistake told, every
 * cell text that a CSV could hold. */
#include "registry/sheet-int.h"
#include "base/text.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct book b;
    struct err e = {0};

    book_init(&b);
    int rc = book_from_xlsx(&b, (str){(const char *)p, n}, &e);
    if (rc < 0)
        assert(e.key != NULL && e.code == rc);
    assert(b.n <= BOOK_SHEETS && b.rows <= CSV_ROWS + 1);
    for (size_t s = 0; s < b.n; s++) {
        long before = 0;
        for (size_t r = 0; r < b.sheets[s].nrows; r++) {
            const struct sheet_row *l = &b.sheets[s].rows[r];
            assert(l->row > before && l->n <= CSV_COLS);
            before = l->row;
            for (size_t c = 0; c < l->n; c++)
                assert(l->cells[c].n <= CSV_CELL && utf8_valid(l->cells[c]));
        }
    }
    book_done(&b);
    return 0;
}

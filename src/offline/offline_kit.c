/* For offline_test.py: a data folder as luyd leaves it, with months that are over.
 * argv: the number of lines of last month. Prints where the journal, the flows and the keys lie, and the name of
 * the month with lines and flows, and of the one before, with flows alone. */
#include "journal/archive_flows_test-int.h"

enum { A_BATCH = 1000, BLOCK = 1 << 20 };

/* The third day of the month `back` months ago. */
static void day_of(int back, char out[16])
{
    int64_t month = archive_month_of_day(date_of(clock_wall(&clock_system)));

    for (; back > 0; back--)
        month = archive_month_of_day(month - 1);
    date_fmt(month + 2, out, 16);
}

static void lines_of_day(struct both *b, const char *day, uint64_t from, uint64_t n)
{
    set_day(&b->k, day);
    kit_open(&b->k);
    for (uint64_t i = 0; i < n; i += A_BATCH)
        add_events(&b->k, from + i, n - i < A_BATCH ? (uint32_t)(n - i) : A_BATCH);
    journal_close(b->k.j);
    b->k.j = NULL;
}

int main(int argc, char **argv)
{
    uint64_t lines = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    char now[16], last[16], before[16];
    struct both b = {0};

    log_set_level(LOG_ERROR);
    date_fmt(date_of(clock_wall(&clock_system)), now, sizeof(now));
    day_of(1, last);
    day_of(2, before);
    kit_start(&b.k, 0);
    b.k.cfg.block_bytes = BLOCK;
    snprintf(b.flows, sizeof(b.flows), "%s-flows", b.k.dir);
    if (!flow_batch_init(&b.batch))
        return 1;
    flows_of_day(&b, before);
    lines_of_day(&b, last, 0, lines);
    flows_of_day(&b, last);
    lines_of_day(&b, now, lines, A_BATCH);
    flows_of_day(&b, now);
    flow_batch_done(&b.batch);
    vault_close(b.k.v);
    rmdir(b.k.place);
    printf("%s\n%s\n%s\n%.7s\n%.7s\n", b.k.dir, b.flows, b.k.keys, last, before);
    return 0;
}

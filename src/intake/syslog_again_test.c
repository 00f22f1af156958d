/* What the parser keeps from the line before changes no line: each is read the same behind any other. And the bytes
 * that are rare are found wherever they stand. */
#include "base/test-int.h"
#include "intake/syslog.h"

enum { ROUNDS = 60000, BYTES_MAX = 70 };

static void parse(str line, int64_t received, int tz, struct event *ev)
{
    memset(ev, 0, sizeof(*ev));
    syslog_parse_tz(line, received, tz, ev);
}

static void lines_do_not_hang_together(void **state)
{
    static const char *const stamps[] = {"Mar  4 02:28:48", "Mar  4 02:28:49", "Nov 27 23:00:01", "Feb 29 01:00:00",
                                         "Mar 14 02:28:48", "Mar 4 02:28:48",  "Sep  1 11:00:00", "Mar  4 02:68:48"};
    static const char *const tails[] = {
        " ", ".5 ", ",", " 2024 ", " UTC ", ": ", " GMT: ", " +07:00 ", " -0330: x", ".x", " ICT: a", "", " Z "};
    static const int zones[] = {0, 420, -210};
    static const int64_t received[] = {1772341200000000000, 1772341200999999999, 1772341201000000000,
                                       1788282000500000000, 1788253200500000000, -5};
    uint64_t s = 88172645463325252u;
    (void)state;

    for (int round = 0; round < ROUNDS; round++) {
        char line[96];
        struct event first, again;
        int n =
            snprintf(line, sizeof(line), "<13>%s%sh app: m", stamps[prng(&s) % 8 < 3 ? 0 : prng(&s) % COUNT(stamps)],
                     tails[prng(&s) % 8 < 5 ? 0 : prng(&s) % COUNT(tails)]);
        int64_t at = received[prng(&s) % COUNT(received)];
        int tz = zones[prng(&s) % COUNT(zones)];
        parse((str){line, (size_t)n}, at, tz, &first);
        parse(STR("<13>Jan  7 07:07:07 x y: z"), 7, 77, &again); /* which no line above is */
        parse((str){line, (size_t)n}, at, tz, &again);
        if (first.event_ns != again.event_ns || first.flags != again.flags ||
            memcmp(first.span, again.span, sizeof(first.span)) != 0)
            fail_msg("%s: %lld, alone %lld", line, (long long)first.event_ns, (long long)again.event_ns);
    }
}

static void rare_bytes_are_found(void **state)
{
    struct event ev;
    (void)state;

    for (size_t n = 1; n <= BYTES_MAX; n++) {
        char *line = malloc(n); /* of just that length: a byte too far is seen */
        assert_non_null(line);
        memset(line, 'a', n);
        parse((str){line, n}, 0, 0, &ev);
        assert_int_equal(ev.flags & (EV_HAS_NUL | EV_BAD_UTF8), 0);
        for (size_t i = 0; i < n; i++) {
            line[i] = '\0';
            parse((str){line, n}, 0, 0, &ev);
            assert_int_equal(ev.flags & (EV_HAS_NUL | EV_BAD_UTF8),
                             i + 1 < n ? EV_HAS_NUL : 0); /* the last is cut off */
            line[i] = '\xff';
            parse((str){line, n}, 0, 0, &ev);
            assert_int_equal(ev.flags & (EV_HAS_NUL | EV_BAD_UTF8), EV_BAD_UTF8);
            line[i] = 'a';
        }
        free(line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_do_not_hang_together),
                                       cmocka_unit_test(rare_bytes_are_found)};
    return cmocka_run_group_tests_name("intake/syslog_again", tests, NULL, NULL);
}

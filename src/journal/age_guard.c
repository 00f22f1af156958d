#include "journal/age_guard.h"
#include "base/log.h"

enum { JUMP_S = 3600, GAP_S = 7 * 86400, HOLD_S = 86400 };

void age_guard_look(struct age_guard *g, const struct clock *clk, int64_t newest, const char *event)
{
    int64_t now = clock_mono(clk), wall = clock_wall(clk), ahead = 0, gap = 0;
    bool overflow = __builtin_sub_overflow(wall, now, &gap);

    if (!g->seen) {
        if (newest != INT64_MIN && !__builtin_sub_overflow(wall, newest, &ahead) && ahead < GAP_S * NS_PER_S)
            ahead = 0;
    } else if (!overflow && !__builtin_sub_overflow(gap, g->gap, &ahead) && ahead < JUMP_S * NS_PER_S) {
        ahead = 0;
    }
    g->seen = true;
    g->gap = gap;
    if (ahead <= 0)
        return;
    atomic_store(&g->hold, now + HOLD_S * NS_PER_S);
    log_event(LOG_WARN, event, F_INT("seconds", ahead / NS_PER_S),
              F_STR("effect", STR("nothing is deleted by age for a day")));
}

bool age_guard_holds(struct age_guard *g, const struct clock *clk) { return clock_mono(clk) < atomic_load(&g->hold); }

/* Sigma correlations: windows that slide over event time, one a group.
 *
 * A window is inclusive: two events that lie exactly `timespan` apart are in
 * one. Events may come in any order; a match looks at every window that holds
 * the new event. An ordered correlation keeps each stream by itself: lines that
 * come late would break the chain of those that come in time. Each event is
 * handed out at most once for a correlation, so counts of findings add up. */
#ifndef LUY_JUDGE_CORRELATE_H
#define LUY_JUDGE_CORRELATE_H
#include "base/arena.h"
#include "base/err.h"
#include "judge/sigma.h"

enum corr_type { CT_EVENT_COUNT, CT_VALUE_COUNT, CT_TEMPORAL, CT_TEMPORAL_ORDERED };
enum { CORR_REFS = 32, CORR_GROUP = 8, CORR_THRESHOLD_MAX = 10000, CORR_KEY_MAX = 4200, CORR_LINE_MAX = 2048 };

struct corr_ref {
    str name; /* as written: id, name, or name of the file */
    uint32_t line, col;
    int rule, corr;        /* one of them; -1 the other */
    int group[CORR_GROUP]; /* the fields of this rule, aliases applied */
};
struct corr_rule {
    str id, name, title, text;
    const char *file;
    uint32_t line;
    enum corr_type type;
    struct corr_ref ref[CORR_REFS];
    size_t nrefs;
    str group_name[CORR_GROUP];
    int group[CORR_GROUP];
    size_t ngroup;
    int value[CORR_GROUP];
    size_t nvalue; /* value_count: what is counted */
    int64_t span_ns;
    uint32_t lo, hi; /* matches when lo <= n <= hi */
    bool generate;
    uint64_t matched;
};
int corr_parse(struct sigma_ctx *c, const struct yaml *doc, str text, struct corr_rule *out);
bool timespan_parse(str s, int64_t *ns); /* <n>s|m|h|d|w|M|y */

/* ---- the running windows ---- */

struct corr_limits {
    size_t groups, entries, line_bytes;
};
struct corr_event { /* one that took part */
    int64_t at, received;
    uint64_t seq;
    str line;        /* may be empty: past the ceiling of kept text */
    uint16_t stream; /* which relay it came by; 0: none */
};
struct corr_in {
    int corr, ref;
    int64_t at, received;
    int64_t heard; /* when it came here, which is what makes a group stale; 0: when it was received */
    uint16_t stream;
    uint64_t seq, value; /* value: hash of what value_count counts */
    str key, line;
    uint32_t times; /* a line that says it stands for several */
};
/* A window that is full: the events that were not handed out yet, oldest first. */
typedef void corr_fn(void *ctx, int corr, str key, const struct corr_event *ev, size_t n);
struct corr_stats {
    uint64_t groups, evicted, late, entries;
};

struct correlator;
struct correlator *correlator_new(const struct corr_rule *rules, size_t n, struct corr_limits lim, corr_fn *fn,
                                  void *ctx);
void correlator_free(struct correlator *c);
void correlator_feed(struct correlator *c, const struct corr_in *in);
/* Forgets groups without an event for longer than any window can want. */
void correlator_expire(struct correlator *c, int64_t now_ns);
void correlator_stats(const struct correlator *c, struct corr_stats *out);

/* A group's key: each field present or absent, absent apart from empty. */
struct corr_key {
    char p[CORR_KEY_MAX];
    size_t n;
};
void corr_key_add(struct corr_key *k, bool present, str v);
bool corr_key_next(str *key, bool *present, str *v);
#endif

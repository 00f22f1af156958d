/* The sliding windows. A group keeps its last events sorted by event time, no
 * more than its threshold can ever need; groups stand in a list by last
 * arrival, and past the ceiling the stalest goes first, counted. One thread. */
#include "judge/correlate.h"
#include "base/clock.h"
#include "base/map.h"

struct entry {
    int64_t at, received;
    uint64_t seq, value;
    char *line;
    uint32_t line_n;
    uint16_t stream;
    bool told;
};
struct group {
    struct group *newer, *older;
    str key; /* of the map: 2 bytes correlation, 2 stream, then the fields */
    const struct corr_rule *rule;
    int64_t last; /* when the last event came here */
    struct entry *v;
    uint32_t n, cap;
    int64_t *chain; /* temporal_ordered: where a chain of so many rules began */
};
struct correlator {
    const struct corr_rule *rules;
    size_t nrules;
    struct corr_limits lim;
    corr_fn *fn;
    void *ctx;
    struct map groups;
    struct group *newest, *oldest;
    size_t entries, line_bytes;
    uint64_t evicted, late;
    struct corr_event *out;
    size_t out_cap;
};

/* A field longer than this is cut: two such values are then one group. */
enum { KEY_FIELD_MAX = 512, GROUP_HEAD = 4 };

void corr_key_add(struct corr_key *k, bool present, str v)
{
    if (v.n > KEY_FIELD_MAX)
        v.n = KEY_FIELD_MAX;
    if (sizeof(k->p) - k->n < v.n + 3)
        return;
    k->p[k->n++] = present ? 1 : 0;
    k->p[k->n++] = (char)(v.n & 0xff);
    k->p[k->n++] = (char)(v.n >> 8);
    if (v.n > 0)
        memcpy(k->p + k->n, v.p, v.n);
    k->n += v.n;
}

bool corr_key_next(str *key, bool *present, str *v)
{
    if (key->n < 3)
        return false;
    size_t n = (unsigned char)key->p[1] | (size_t)(unsigned char)key->p[2] << 8;
    if (n > key->n - 3)
        return false;
    *present = key->p[0] == 1;
    *v = (str){key->p + 3, n};
    *key = str_sub(*key, 3 + n, key->n);
    return true;
}

struct correlator *correlator_new(const struct corr_rule *rules, size_t n, struct corr_limits lim, corr_fn *fn,
                                  void *ctx)
{
    struct correlator *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    *c = (struct correlator){.rules = rules, .nrules = n, .lim = lim, .fn = fn, .ctx = ctx};
    map_init(&c->groups, lim.groups + 1);
    return c;
}

/* ---- groups ---- */

static void list_out(struct correlator *c, struct group *g)
{
    *(g->newer != NULL ? &g->newer->older : &c->newest) = g->older;
    *(g->older != NULL ? &g->older->newer : &c->oldest) = g->newer;
}

static void list_front(struct correlator *c, struct group *g)
{
    g->newer = NULL;
    g->older = c->newest;
    if (c->newest != NULL)
        c->newest->newer = g;
    c->newest = g;
    if (c->oldest == NULL)
        c->oldest = g;
}

static void entry_done(struct correlator *c, struct entry *e)
{
    c->line_bytes -= e->line_n;
    c->entries--;
    free(e->line);
}

static void group_drop(struct correlator *c, struct group *g)
{
    for (uint32_t i = 0; i < g->n; i++)
        entry_done(c, &g->v[i]);
    list_out(c, g);
    map_del(&c->groups, g->key);
    free(g->v);
    free(g->chain);
    free(g);
}

void correlator_free(struct correlator *c)
{
    if (c == NULL)
        return;
    while (c->oldest != NULL)
        group_drop(c, c->oldest);
    map_done(&c->groups);
    free(c->out);
    free(c);
}

static struct group *group_of(struct correlator *c, const struct corr_in *in)
{
    unsigned stream = c->rules[in->corr].type == CT_TEMPORAL_ORDERED ? in->stream : 0;
    char key[CORR_KEY_MAX + GROUP_HEAD] = {(char)(in->corr & 0xff), (char)(in->corr >> 8), (char)(stream & 0xff),
                                           (char)(stream >> 8)};
    str k = {key, in->key.n + GROUP_HEAD};
    bool fresh;

    if (in->key.n > CORR_KEY_MAX)
        return NULL;
    memcpy(key + GROUP_HEAD, in->key.p, in->key.n);
    struct map_slot *s = map_get(&c->groups, k);
    if (s != NULL) {
        struct group *g = s->v.ptr;
        list_out(c, g);
        list_front(c, g);
        return g;
    }
    while (c->groups.n >= c->lim.groups && c->oldest != NULL) {
        group_drop(c, c->oldest);
        c->evicted++;
    }
    struct group *g = calloc(1, sizeof(*g));
    if (g == NULL || (s = map_put(&c->groups, k, &fresh)) == NULL) {
        free(g);
        return NULL;
    }
    s->v.ptr = g;
    g->key = s->key;
    g->rule = &c->rules[in->corr];
    list_front(c, g);
    return g;
}

void correlator_expire(struct correlator *c, int64_t now_ns)
{
    /* A group is stale an hour after its window; in the order of arrival, so
     * one whose window is long keeps the list from going on. */
    while (c->oldest != NULL && c->oldest->last < now_ns - c->oldest->rule->span_ns - 3600 * NS_PER_S)
        group_drop(c, c->oldest);
}

void correlator_stats(const struct correlator *c, struct corr_stats *out)
{
    *out = (struct corr_stats){c->groups.n, c->evicted, c->late, c->entries};
}

/* ---- entries ---- */

static void remove_range(struct correlator *c, struct group *g, uint32_t from, uint32_t n)
{
    for (uint32_t i = from; i < from + n; i++)
        entry_done(c, &g->v[i]);
    memmove(&g->v[from], &g->v[from + n], (g->n - from - n) * sizeof(*g->v));
    g->n -= n;
}

/* What a group may hold: enough for its threshold twice over, so that a quarter
 * can go at once when it is full and a full window still stays. */
static uint32_t group_room(const struct corr_rule *r)
{
    uint32_t need = r->hi != UINT32_MAX ? r->hi : r->lo;

    return need * 2 + 64;
}

static bool group_grow(struct group *g)
{
    uint32_t room = group_room(g->rule), cap = g->cap == 0 ? 8 : g->cap * 2;

    if (g->n < g->cap)
        return true;
    if (cap > room)
        cap = room;
    struct entry *more = cap <= g->cap ? NULL : realloc(g->v, cap * sizeof(*more));
    if (more == NULL)
        return false;
    g->v = more;
    g->cap = cap;
    return true;
}

/* The first entry at or after t. */
static uint32_t lower_bound(const struct group *g, int64_t t)
{
    uint32_t lo = 0, hi = g->n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (g->v[mid].at < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Makes room and gives the place of a new entry at time t, behind its equals;
 * UINT32_MAX: too late to matter. */
static uint32_t place_for(struct correlator *c, struct group *g, int64_t t)
{
    if (g->n >= group_room(g->rule)) {
        if (t < g->v[0].at) {
            c->late++;
            return UINT32_MAX;
        }
        remove_range(c, g, 0, g->n / 4);
    }
    while (c->entries >= c->lim.entries && c->oldest != NULL && c->oldest != g) {
        group_drop(c, c->oldest);
        c->evicted++;
    }
    return group_grow(g) ? lower_bound(g, t + 1) : UINT32_MAX;
}

static uint32_t insert(struct correlator *c, struct group *g, const struct corr_in *in)
{
    uint32_t i = place_for(c, g, in->at);

    if (i == UINT32_MAX)
        return i;
    memmove(&g->v[i + 1], &g->v[i], (g->n - i) * sizeof(*g->v));
    g->n++;
    c->entries++;
    g->v[i] = (struct entry){
        .at = in->at, .received = in->received, .seq = in->seq, .value = in->value, .stream = in->stream};
    size_t n = in->line.n > CORR_LINE_MAX ? CORR_LINE_MAX : in->line.n;
    if (n > 0 && c->line_bytes + n <= c->lim.line_bytes && (g->v[i].line = malloc(n)) != NULL) {
        memcpy(g->v[i].line, in->line.p, n);
        g->v[i].line_n = (uint32_t)n;
        c->line_bytes += n;
    }
    return i;
}

/* Hands out what was not yet told of [from, to]. */
static void tell(struct correlator *c, struct group *g, uint32_t from, uint32_t to)
{
    size_t n = 0, need = to - from + 1;

    if (c->out_cap < need) {
        struct corr_event *more = realloc(c->out, need * sizeof(*more));
        if (more == NULL)
            return;
        c->out = more;
        c->out_cap = need;
    }
    for (uint32_t i = from; i <= to; i++) {
        struct entry *e = &g->v[i];
        if (e->told)
            continue;
        e->told = true;
        c->out[n++] = (struct corr_event){e->at, e->received, e->seq, {e->line, e->line_n}, e->stream};
    }
    if (n > 0)
        c->fn(c->ctx, (int)(g->rule - c->rules), str_sub(g->key, GROUP_HEAD, g->key.n), c->out, n);
}

/* Of the windows that hold entry i, the fullest. */
static void judge_windows(struct correlator *c, struct group *g, uint32_t i)
{
    uint32_t best = 0, from = 0, to = 0, end = i;

    for (uint32_t s = lower_bound(g, g->v[i].at - g->rule->span_ns); s <= i; s++) {
        while (end + 1 < g->n && g->v[end + 1].at - g->v[s].at <= g->rule->span_ns)
            end++;
        if (end - s + 1 > best) {
            best = end - s + 1;
            from = s;
            to = end;
        }
        if (end + 1 == g->n) /* later starts only lose */
            break;
    }
    if (best >= g->rule->lo && best <= g->rule->hi)
        tell(c, g, from, to);
}

/* Distinct values: a value stands once, at its latest time. */
static void feed_distinct(struct correlator *c, struct group *g, const struct corr_in *in)
{
    for (uint32_t i = 0; i < g->n; i++)
        if (g->v[i].value == in->value) {
            if (g->v[i].at > in->at)
                return;
            remove_range(c, g, i, 1);
            break;
        }
    uint32_t i = insert(c, g, in);
    if (i != UINT32_MAX)
        judge_windows(c, g, i);
}

/* chain[k]: the latest beginning of rules 0..k in this order up to now. One
 * event may be several of the rules: the caller feeds the last of them first. */
static void feed_ordered(struct correlator *c, struct group *g, const struct corr_in *in)
{
    size_t last = g->rule->nrefs - 1, k = (size_t)in->ref;

    if (g->chain == NULL) {
        g->chain = malloc((last + 1) * sizeof(*g->chain));
        for (size_t i = 0; g->chain != NULL && i <= last; i++)
            g->chain[i] = INT64_MIN;
    }
    uint32_t i = g->chain == NULL ? UINT32_MAX : insert(c, g, in);
    if (i == UINT32_MAX)
        return;
    if (k == 0)
        g->chain[0] = in->at;
    else if (g->chain[k - 1] != INT64_MIN && in->at >= g->chain[k - 1] && in->at - g->chain[k - 1] <= g->rule->span_ns)
        g->chain[k] = g->chain[k - 1];
    else
        return;
    if (k == last) {
        tell(c, g, lower_bound(g, g->chain[k]), i);
        for (size_t n = 0; n <= last; n++)
            g->chain[n] = INT64_MIN;
    }
}

void correlator_feed(struct correlator *c, const struct corr_in *in)
{
    struct group *g = group_of(c, in);
    struct corr_in one = *in;

    if (g == NULL)
        return;
    int64_t heard = in->heard != 0 ? in->heard : in->received;
    if (heard > g->last)
        g->last = heard;
    switch (g->rule->type) {
    case CT_EVENT_COUNT:
        for (uint32_t k = 0; k < (in->times == 0 ? 1 : in->times); k++) {
            uint32_t i = insert(c, g, in);
            if (i == UINT32_MAX)
                return;
            judge_windows(c, g, i);
        }
        break;
    case CT_VALUE_COUNT:
        feed_distinct(c, g, in);
        break;
    case CT_TEMPORAL:
        one.value = (uint64_t)in->ref;
        feed_distinct(c, g, &one);
        break;
    case CT_TEMPORAL_ORDERED:
        feed_ordered(c, g, in);
        break;
    }
}

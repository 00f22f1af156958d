/* Routing of events to rules and decoders. Built once at load; constant after
 * that. */
#include "judge/route.h"

static const char *const facility_names[24] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
};
static const char *const severity_texts[8] = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};

const char *facility_text(unsigned f) { return f < 24 ? facility_names[f] : ""; }
const char *severity_text(unsigned s) { return s < 8 ? severity_texts[s] : ""; }

uint32_t facility_bit(str name)
{
    for (uint32_t i = 0; i < 24; i++)
        if (str_eq(name, str_c(facility_names[i])))
            return 1u << i;
    return 0;
}

void routes_init(struct routes *r)
{
    *r = (struct routes){0};
    map_init(&r->by_program, ROUTE_PROGRAMS_MAX);
}

void routes_done(struct routes *r) { map_done(&r->by_program); }

static bool key_fits(str wanted, str has) { return wanted.n == 0 || str_eq(wanted, has); }

static bool row_fits(const struct route_row *row, const struct logsource *ls)
{
    return !ls->custom && key_fits(ls->category, row->category) && key_fits(ls->product, row->product) &&
           key_fits(ls->service, row->service);
}

static bool route_add(struct arena *a, struct route *to, int rule, uint32_t facilities)
{
    for (size_t i = 0; i < to->n; i++)
        if (to->v[i].rule == rule) {
            to->v[i].facilities |= facilities;
            return true;
        }
    if (to->n == to->cap) {
        size_t cap = to->cap == 0 ? 8 : to->cap * 2;
        struct route_rule *more = arena_array(a, struct route_rule, cap);
        if (more == NULL)
            return false;
        if (to->n > 0)
            memcpy(more, to->v, to->n * sizeof(*more));
        to->v = more;
        to->cap = cap;
    }
    to->v[to->n++] = (struct route_rule){rule, facilities};
    return true;
}

static struct route *route_of(struct routes *r, struct arena *a, str program)
{
    struct map_slot *s = map_put(&r->by_program, program, NULL);

    if (s == NULL)
        return NULL;
    if (s->v.ptr == NULL)
        s->v.ptr = arena_new(a, struct route);
    return s->v.ptr;
}

static bool rule_add(struct routes *r, struct arena *a, int rule, const struct logsource *ls)
{
    bool routed = false;

    for (size_t i = 0; i < r->nrows; i++) {
        const struct route_row *row = &r->rows[i];
        if (!row_fits(row, ls))
            continue;
        routed = true;
        if (row->nprograms == 0 && !route_add(a, &r->any, rule, row->facilities))
            return false;
        for (size_t k = 0; k < row->nprograms; k++) {
            struct route *to = route_of(r, a, row->programs[k]);
            if (to == NULL || !route_add(a, to, rule, row->facilities))
                return false;
        }
    }
    r->waiting += routed ? 0 : 1;
    return true;
}

bool routes_build(struct routes *r, struct arena *a, const struct sigma_rule *rules, size_t n, const struct decoders *d)
{
    struct map_slot *s;

    for (size_t i = 0; i < n; i++)
        if (!rule_add(r, a, (int)i, &rules[i].source))
            return false;
    for (size_t i = 0; (s = map_next((struct map *)&d->by_program, &i)) != NULL;) {
        struct route *to = route_of(r, a, s->key);
        if (to == NULL)
            return false;
        to->decoder = s->v.ptr;
    }
    return true;
}

const struct route *routes_find(struct routes *r, str program)
{
    struct map_slot *s = map_get(&r->by_program, program);
    const char *slash = program.n == 0 ? NULL : memrchr(program.p, '/', program.n);

    if (s == NULL && slash != NULL) {
        size_t at = (size_t)(slash - program.p) + 1;
        s = map_get(&r->by_program, str_sub(program, at, program.n));
    }
    return s == NULL ? NULL : s->v.ptr;
}

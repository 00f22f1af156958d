/* What the core keeps for the next intake child: by session, so that a session
 * is forgotten in one step. The child that tells may lie: everything is bounded. */
#include "base/map.h"
#include "intake/flow_notes.h"

enum { SESSIONS_MAX = 4096, SESSION_KEY = 24, ENTRIES_OF_SESSION = 600, ENTRY_COST = 64 };

struct entry {
    struct entry *next;
    struct flow_note note; /* bytes point behind it */
    char bytes[];
};
struct kept {
    struct entry *first;
    uint32_t n;
};
struct flow_keep {
    struct map sessions;
    size_t bytes;
    uint64_t forgotten;
    bool changed;
};

struct flow_keep *flow_keep_new(void)
{
    struct flow_keep *k = calloc(1, sizeof(*k));

    if (k != NULL)
        map_init(&k->sessions, SESSIONS_MAX);
    return k;
}

static void entry_free(struct flow_keep *k, struct kept *s, struct entry **at)
{
    struct entry *x = *at;

    *at = x->next;
    k->bytes -= ENTRY_COST + x->note.bytes.n;
    s->n--;
    free(x);
}

static void session_clear(struct flow_keep *k, struct kept *s)
{
    while (s->first != NULL)
        entry_free(k, s, &s->first);
}

void flow_keep_free(struct flow_keep *k)
{
    struct map_slot *s;

    if (k == NULL)
        return;
    for (size_t i = 0; (s = map_next(&k->sessions, &i)) != NULL;) {
        session_clear(k, s->v.ptr);
        free(s->v.ptr);
    }
    map_done(&k->sessions);
    free(k);
}

static str key_of(const struct flow_note *n, char buf[SESSION_KEY])
{
    buf[0] = (char)n->ip.family;
    memcpy(buf + 1, n->ip.b, 16);
    memcpy(buf + 17, &n->port, 2);
    buf[19] = (char)n->version;
    memcpy(buf + 20, &n->domain, 4);
    return (str){buf, SESSION_KEY};
}

/* Do both say the same thing, perhaps with another value? A sampler's first nine
 * bytes are its name. */
static bool same_thing(const struct flow_note *a, const struct flow_note *b)
{
    if (b->kind == FN_GONE)
        return a->kind == FN_TEMPLATE && a->id == b->id;
    if (a->kind != b->kind || a->id != b->id)
        return false;
    return a->kind != FN_SAMPLER || str_eq(str_sub(a->bytes, 0, 9), str_sub(b->bytes, 0, 9));
}

static void forget_thing(struct flow_keep *k, struct kept *s, const struct flow_note *n)
{
    for (struct entry **at = &s->first; *at != NULL;)
        if (same_thing(&(*at)->note, n))
            entry_free(k, s, at);
        else
            at = &(*at)->next;
}

static void add(struct flow_keep *k, struct kept *s, const struct flow_note *n)
{
    size_t cost = ENTRY_COST + n->bytes.n;
    struct entry *x = NULL;

    if (s->n < ENTRIES_OF_SESSION && k->bytes + cost <= FLOW_KEEP_BYTES)
        x = malloc(sizeof(*x) + n->bytes.n);
    if (x == NULL) {
        k->forgotten++;
        return;
    }
    x->note = *n;
    x->note.bytes = (str){x->bytes, n->bytes.n};
    if (n->bytes.n > 0)
        memcpy(x->bytes, n->bytes.p, n->bytes.n);
    x->next = s->first;
    s->first = x;
    s->n++;
    k->bytes += cost;
}

static struct kept *session_of(struct flow_keep *k, const struct flow_note *n, bool make)
{
    char key[SESSION_KEY];
    bool fresh = false;
    struct map_slot *at = make ? map_put(&k->sessions, key_of(n, key), &fresh) : map_get(&k->sessions, key_of(n, key));

    if (fresh && (at->v.ptr = calloc(1, sizeof(struct kept))) == NULL) {
        map_del(&k->sessions, key_of(n, key));
        return NULL;
    }
    return at != NULL ? at->v.ptr : NULL;
}

void flow_keep_take(struct flow_keep *k, const struct flow_note *n)
{
    char key[SESSION_KEY];
    bool gone = n->kind == FN_GONE;
    struct kept *s;

    if (n->kind > FN_BOOT)
        return;
    s = session_of(k, n, !gone);
    k->forgotten += s == NULL && !gone;
    if (s == NULL)
        return;
    k->changed = true;
    if (gone && n->id == 0) {
        session_clear(k, s);
        free(s);
        map_del(&k->sessions, key_of(n, key));
        return;
    }
    forget_thing(k, s, n);
    if (!gone)
        add(k, s, n);
}

bool flow_keep_changed(const struct flow_keep *k) { return k->changed; }
uint64_t flow_keep_forgotten(const struct flow_keep *k) { return k->forgotten; }

void flow_keep_write(struct flow_keep *k, struct flow_notes *to)
{
    struct map_slot *s;

    for (size_t i = 0; (s = map_next(&k->sessions, &i)) != NULL;)
        for (struct entry *x = ((struct kept *)s->v.ptr)->first; x != NULL; x = x->next)
            flow_notes_add(to, &x->note);
    k->changed = false;
}

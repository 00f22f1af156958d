/* Keeps the index: built from all living records at the first question, then
 * led along by the history, which every write adds to. One writer or many
 * readers; a reader works on what the index was when it locked. */
#include "registry/find-int.h"
#include "base/text.h"
#include <errno.h>

enum { LAG_MAX = 50000, GONE_MIN = 20000, ID_MAX = 64 << 20 };
#define TEXT_POOL_MAX ((size_t)2 << 30)

static unsigned char_class(unsigned char c)
{
    if (c >= 'a' && c <= 'z')
        return 1u + (c - 'a');
    if (c >= '0' && c <= '9')
        return 27u + (c - '0');
    return c == ' ' ? 0 : 37u + c % 27u;
}

uint32_t gram_of(const char *p)
{
    return char_class((unsigned char)p[0]) << 12 | char_class((unsigned char)p[1]) << 6 |
           char_class((unsigned char)p[2]);
}

uint32_t long_head_of(str s) { return (uint32_t)str_hash(str_sub(s, 0, LONG_HEAD), 0) % GRAMS; }

int find_index_new(size_t nkinds, struct find_index **out)
{
    struct find_index *x = calloc(1, sizeof(*x));

    if (x == NULL)
        return -ENOMEM;
    pthread_rwlock_init(&x->lock, NULL);
    x->seq = -1;
    x->nkinds = nkinds;
    x->at = calloc(nkinds, sizeof(*x->at));
    x->gram = calloc(3 * (size_t)GRAMS, sizeof(*x->gram)); /* the three arrays lie side by side */
    if (x->at == NULL || x->gram == NULL) {
        find_index_free(x);
        return -ENOMEM;
    }
    x->start = x->gram + GRAMS;
    x->start_long = x->start + GRAMS;
    *out = x;
    return 0;
}

static void empty(struct find_index *x)
{
    for (size_t i = 0; i < 3 * (size_t)GRAMS; i++)
        x->gram[i].n = 0;
    for (size_t i = 0; i < x->nkinds; i++)
        if (x->at[i].doc != NULL)
            memset(x->at[i].doc, 0, x->at[i].n * sizeof(*x->at[i].doc));
    x->ndocs = x->ntext = x->gone = 0;
    x->seq = -1;
}

void find_index_free(struct find_index *x)
{
    if (x == NULL)
        return;
    for (size_t i = 0; x->gram != NULL && i < 3 * (size_t)GRAMS; i++)
        free(x->gram[i].v);
    for (size_t i = 0; x->at != NULL && i < x->nkinds; i++)
        free(x->at[i].doc);
    free(x->gram);
    free(x->at);
    free(x->doc);
    free(x->text);
    pthread_rwlock_destroy(&x->lock);
    free(x);
}

/* Room for n items of size; false when memory or the ceiling says no. */
static bool grow(void **v, size_t *cap, size_t n, size_t size, size_t max)
{
    size_t want = *cap + *cap / 2 + 64;

    if (n <= *cap)
        return true;
    want = want < n ? n : want > max ? max : want;
    void *p = n > max ? NULL : reallocarray(*v, want, size);
    if (p == NULL)
        return false;
    *v = p;
    *cap = want;
    return true;
}

static bool post(struct postings *g, uint32_t doc)
{
    size_t cap = g->cap;

    if (g->n > 0 && g->v[g->n - 1] == doc)
        return true;
    if (g->n == g->cap) {
        void *v = g->v;
        if (!grow(&v, &cap, (size_t)g->n + 1, sizeof(*g->v), DOCS_MAX))
            return false;
        g->v = v;
        g->cap = (uint32_t)cap;
    }
    g->v[g->n++] = doc;
    return true;
}

static bool slot_of(struct find_index *x, size_t kind, int64_t id, uint32_t **out)
{
    if (id < 0 || id >= ID_MAX)
        return false;
    size_t n = x->at[kind].n;
    void *v = x->at[kind].doc;
    if (!grow(&v, &n, (size_t)id + 1, sizeof(**out), ID_MAX))
        return false;
    if (n > x->at[kind].n)
        memset((uint32_t *)v + x->at[kind].n, 0, (n - x->at[kind].n) * sizeof(**out));
    x->at[kind].doc = v;
    x->at[kind].n = n;
    *out = &x->at[kind].doc[id];
    return true;
}

static void drop(struct find_index *x, uint32_t *slot)
{
    if (*slot == 0)
        return;
    x->doc[*slot - 1].kind = GONE;
    x->gone++;
    *slot = 0;
}

/* Where a part of the record (its key, its title) stands in the text. */
static void part_of(str text, str part, uint16_t *at, uint16_t *len)
{
    size_t i = part.n > 0 && part.n < UINT16_MAX ? str_find(text, part) : SIZE_MAX;

    if (i < UINT16_MAX) {
        *at = (uint16_t)i;
        *len = (uint16_t)part.n;
    }
}

/* In the list of the first three characters of part. */
static bool post_head(struct postings *lists, str part, uint32_t number)
{
    char head[3] = {' ', ' ', ' '};

    memcpy(head, part.p, part.n < 3 ? part.n : 3);
    return part.n == 0 || post(&lists[gram_of(head)], number);
}

static bool post_start(struct find_index *x, str part, uint32_t number)
{
    return post_head(x->start, part, number) &&
           (part.n < LONG_HEAD || post(&x->start_long[long_head_of(part)], number));
}

/* The text stands between spaces, so that the first and last letters of its
 * words make grams like the others. */
static bool add(struct find_index *x, size_t kind, int64_t id, str folded, str key, str title)
{
    uint32_t *slot;
    void *docs = x->doc, *text = x->text;
    bool ok = x->ndocs < DOCS_MAX && folded.n < UINT32_MAX && slot_of(x, kind, id, &slot);

    ok = ok && grow(&docs, &x->cap, x->ndocs + 1, sizeof(*x->doc), DOCS_MAX);
    x->doc = docs;
    ok = ok && grow(&text, &x->text_cap, x->ntext + folded.n + 2, 1, TEXT_POOL_MAX);
    x->text = text;
    if (!ok)
        return false;
    drop(x, slot);
    struct doc d = {.id = id, .kind = (uint32_t)kind, .off = x->ntext + 1, .len = (uint32_t)folded.n};
    char *p = x->text + x->ntext;
    p[0] = p[folded.n + 1] = ' ';
    memcpy(p + 1, folded.p, folded.n);
    x->ntext += folded.n + 2;
    part_of(folded, key, &d.key, &d.key_len);
    part_of(folded, title, &d.title, &d.title_len);
    uint32_t number = (uint32_t)x->ndocs;
    x->doc[x->ndocs++] = d;
    *slot = number + 1;
    for (size_t i = 0; i < folded.n; i++)
        if (!post(&x->gram[gram_of(p + i)], number))
            return false;
    /* Every character begins a run, also the last: one letter is looked for by the runs that it begins. */
    return post_head(x->gram, str_sub(folded, folded.n > 0 ? folded.n - 1 : 0, 1), number) &&
           post_start(x, str_sub(folded, d.key, d.key_len), number) &&
           post_start(x, str_sub(folded, d.title, d.title_len), number);
}

struct reading {
    struct find_index *x;
    struct arena a;
    size_t kind;
    int64_t want; /* 0: all rows; else this record, which may be gone */
    bool found, full;
};

/* id, folded, key, title */
static bool record_row(void *ctx, const struct val *c, size_t n)
{
    struct reading *rd = ctx;

    (void)n;
    rd->found = true;
    str key = text_fold(&rd->a, c[2].s), title = str_eq(c[2].s, c[3].s) ? key : text_fold(&rd->a, c[3].s);
    rd->full = !add(rd->x, rd->kind, c[0].i, c[1].s, key, title);
    arena_clear(&rd->a);
    return !rd->full;
}

static int kind_read(struct find_index *x, struct registry *r, struct tx *tx, size_t kind, int64_t id, struct err *e)
{
    const struct kind *k = &r->sc->kinds[kind];
    struct reading rd = {.x = x, .kind = kind, .a = arena_init(1 << 20)};
    char sql[512];

    snprintf(sql, sizeof(sql), "SELECT id, folded, \"%.*s\", \"%.*s\" FROM \"%.*s\" WHERE valid_to IS NULL%s",
             STR_ARGS(k->fields[k->key_field].name), STR_ARGS(k->fields[k->title_field].name), STR_ARGS(k->name),
             id > 0 ? " AND id = ?1" : "");
    int rc = tx_query(tx, sql, &V_INT(id), id > 0 ? 1 : 0, record_row, &rd, e);
    arena_free(&rd.a);
    if (rc == 0 && rd.full)
        rc = ERR(e, -E2BIG, "registry.find_full", N(DOCS_MAX));
    if (rc == 0 && id > 0 && !rd.found && (size_t)id < x->at[kind].n)
        drop(x, &x->at[kind].doc[id]);
    return rc;
}

static int build(struct find_index *x, struct registry *r, struct tx *tx, struct err *e)
{
    int rc = 0;

    empty(x);
    for (size_t i = 0; i < x->nkinds && rc == 0; i++)
        rc = kind_read(x, r, tx, i, 0, e);
    return rc;
}

struct change {
    size_t kind;
    int64_t id;
};
struct changes {
    const struct registry *r;
    struct change *v;
    size_t n;
};

static bool change_row(void *ctx, const struct val *c, size_t n)
{
    struct changes *l = ctx;
    const struct kind *k = schema_kind(l->r->sc, c[0].s);

    (void)n;
    if (k != NULL && l->n < LAG_MAX)
        l->v[l->n++] = (struct change){kind_index(l->r, k), c[1].i};
    return true;
}

static int follow(struct find_index *x, struct registry *r, struct tx *tx, struct err *e)
{
    struct changes l = {.r = r, .v = calloc(LAG_MAX, sizeof(*l.v))};
    int rc = l.v == NULL ? ERR(e, -ENOMEM, "registry.no_memory")
                         : tx_query(tx, "SELECT DISTINCT kind, record_id FROM history WHERE seq > ?1",
                                    VALS(V_INT(x->seq)), change_row, &l, e);

    for (size_t i = 0; i < l.n && rc == 0; i++)
        rc = kind_read(x, r, tx, l.v[i].kind, l.v[i].id, e);
    free(l.v);
    return rc;
}

static int head_seq(struct tx *tx, int64_t *seq, struct err *e)
{
    struct val v = V_INT(0);
    int rc = tx_one(tx, NULL, "SELECT COALESCE(MAX(seq), 0) FROM history", NO_VALS, &v, e);

    *seq = v.i;
    return rc < 0 ? rc : 0;
}

int find_index_sync(struct find_index *x, struct registry *r, struct tx *tx, struct err *e)
{
    int64_t head;
    int rc = head_seq(tx, &head, e);

    if (rc < 0)
        return rc;
    pthread_rwlock_rdlock(&x->lock);
    bool current = x->seq >= head;
    pthread_rwlock_unlock(&x->lock);
    if (current)
        return 0;
    pthread_rwlock_wrlock(&x->lock);
    if (x->seq < head) {
        bool anew = x->seq < 0 || head - x->seq > LAG_MAX || (x->gone > GONE_MIN && x->gone > x->ndocs / 4);
        rc = anew ? build(x, r, tx, e) : follow(x, r, tx, e);
        if (rc == 0)
            x->seq = head;
        else
            empty(x); /* half of a truth is none */
    }
    pthread_rwlock_unlock(&x->lock);
    return rc;
}

/* The index behind find.h: living records as folded text in one pool, and for
 * every three characters the records that have them. */
#ifndef LUY_REGISTRY_FIND_INT_H
#define LUY_REGISTRY_FIND_INT_H
#include "registry/find.h"
#include "registry/registry-int.h"

enum { GRAM_BITS = 18, GRAMS = 1 << GRAM_BITS, DOCS_MAX = 4 << 20, FIND_WORDS = 8 };
enum { GONE = UINT32_MAX, LONG_HEAD = 7 };

struct doc {
    int64_t id;
    size_t off;                              /* into the text pool */
    uint32_t kind, len;                      /* kind: GONE when the record ended or is told anew */
    uint16_t key, key_len, title, title_len; /* within the text; key_len 0: not in it */
};
struct postings {
    uint32_t *v, n, cap;
}; /* ascending */
struct find_index {
    pthread_rwlock_t lock;
    struct doc *doc;
    size_t ndocs, cap, gone;
    char *text;
    size_t ntext, text_cap;
    struct postings *gram;
    /* Of what key and title begin with: the first three characters, and by hash the first LONG_HEAD. */
    struct postings *start, *start_long;
    struct {
        uint32_t *doc; /* by record id; 0 = none, else number + 1 */
        size_t n;
    } * at; /* beside the schema's kinds */
    size_t nkinds;
    int64_t seq; /* of the history that it has seen; -1: nothing is read yet */
};

/* find_index.c */
int find_index_new(size_t nkinds, struct find_index **out);
void find_index_free(struct find_index *x); /* NULL is fine */
/* Brings the index to the state of tx. Locks for writing when there is something to do. */
int find_index_sync(struct find_index *x, struct registry *r, struct tx *tx, struct err *e);
/* The three characters at p as a number; not one to one for what is no letter or digit. */
uint32_t gram_of(const char *p);
/* The list in start_long of texts that begin as s does, which has LONG_HEAD characters at least. */
uint32_t long_head_of(str s);
static inline str doc_text(const struct find_index *x, const struct doc *d) { return (str){x->text + d->off, d->len}; }

/* find_match.c: how well a text fits. Words are folded. */
enum match { MATCH_NONE, MATCH_NEAR, MATCH_PART, MATCH_WORD_START, MATCH_WORD, MATCH_HOLDS, MATCH_START, MATCH_KEY };
struct query {
    str q; /* folded, trimmed */
    str word[FIND_WORDS];
    size_t nwords;
    bool fuzzy; /* may be taken with a wrong letter */
};
enum match match_doc(const struct query *q, str text, str key, str title);
/* Letters that differ at most: 0 for a short word. Swapped neighbours count as one. */
unsigned near_max(str word);
bool match_near(str a, str b, unsigned max);
/* Is every word part of the text, or near one of its words? Sum of the differences in *off. */
bool near_doc(const struct query *q, str text, unsigned *off);
/* The spellings that q may have been meant as, itself first; at most `max`. */
size_t find_spellings(struct arena *a, str q, struct query *out, size_t max);

/* ---- find_search.c: which records fit best; the index locked for reading ---- */
struct hit {
    uint32_t doc;
    int64_t id;
    enum match m;
    uint32_t off, len; /* letters that differ; length of the key, as shorter is nearer */
};
struct best {
    struct hit *v;
    size_t n, total;
};
struct finding {
    struct registry *r;
    struct find_index *x;
    struct arena *a;
    struct tx *tx;
    struct scope scope;
    size_t only; /* kind, SIZE_MAX: all */
    size_t limit, keep;
    struct best *best; /* beside the kinds */
    size_t total;
    uint64_t *seen; /* a bit a record, of the spelling that is looked for */
};
bool hit_better(const struct hit *a, const struct hit *b);
void find_keep(struct finding *f, uint32_t doc, enum match m, unsigned off);
void find_search(struct finding *f, str q);
#endif

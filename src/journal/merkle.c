/* The leaves of one block: masks, batches of digests, levels. The tree's own
 * arithmetic is in merkle_tree.c.
 *
 * A run of RUN leaves is a full subtree, so only its root stays: the leaves of a
 * large block would take as much memory as a quarter of its lines. */
#include "journal/merkle.h"
#include "vault/hasher.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum { BATCH = 128, PENDING = 256 << 10, RUN = 1 << 12, RUNS_FIRST = 256 };
struct way { /* of the leaf at `at` to the root, as far as it was gone */
    size_t at, n;
    struct sha256 path[MERKLE_PATH_MAX];
};

struct merkle {
    struct hasher *hasher;
    EVP_CIPHER_CTX *aes;
    struct sha256 leaf[RUN], level[RUN]; /* of the run that is not full; level: working copy */
    struct sha256 *run, *runs_level;     /* roots of full runs; the same */
    size_t n, runs_cap, level_cap;       /* n: leaves of all runs */
    size_t wanted;
    struct way low; /* in the wanted leaf's run, once that is full */
    uint8_t seed[MERKLE_SEED];
    uint8_t masks[BATCH][MERKLE_MASK];
    char *pending; /* 0x00 || mask || record, one behind the other */
    size_t used, pending_cap, npending, off[BATCH + 1];
    bool failed;
};

struct merkle *merkle_new(void)
{
    struct merkle *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->hasher = hasher_new();
    m->aes = EVP_CIPHER_CTX_new();
    m->pending = malloc(PENDING);
    m->pending_cap = PENDING;
    if (m->hasher == NULL || m->aes == NULL || m->pending == NULL) {
        merkle_free(m);
        return NULL;
    }
    return m;
}

void merkle_free(struct merkle *m)
{
    if (m == NULL)
        return;
    hasher_free(m->hasher);
    EVP_CIPHER_CTX_free(m->aes);
    free(m->run);
    free(m->runs_level);
    free(m->pending);
    free(m);
}

/* The next BATCH masks of the key stream, from mask `from` on (a multiple of BATCH). */
static bool masks_make(struct merkle *m, uint64_t from)
{
    uint8_t iv[16] = {0};
    int n;

    for (int i = 0; i < 8; i++)
        iv[15 - i] = (uint8_t)(from >> (8 * i));
    memset(m->masks, 0, sizeof(m->masks));
    return EVP_EncryptInit_ex2(m->aes, EVP_aes_128_ctr(), m->seed, iv, NULL) == 1 &&
           EVP_EncryptUpdate(m->aes, m->masks[0], &n, m->masks[0], (int)sizeof(m->masks)) == 1;
}

int merkle_begin(struct merkle *m, const uint8_t seed[MERKLE_SEED], struct err *e)
{
    memcpy(m->seed, seed, MERKLE_SEED);
    m->n = m->npending = m->used = 0;
    m->wanted = SIZE_MAX;
    m->failed = !masks_make(m, 0);
    return m->failed ? ERR(e, -ENOMEM, "journal.no_memory") : 0;
}

void merkle_want(struct merkle *m, size_t i) { m->wanted = i; }

static bool room_for(struct sha256 **v, size_t *cap, size_t n)
{
    if (n <= *cap)
        return true;
    size_t more = *cap == 0 ? RUNS_FIRST : *cap;
    while (more < n)
        more *= 2;
    struct sha256 *p = reallocarray(*v, more, sizeof(*p));
    if (p == NULL)
        return false;
    *v = p;
    *cap = more;
    return true;
}

/* Pairs of one level into the level above, in place. */
static size_t level_up(struct merkle *m, struct sha256 *v, size_t n)
{
    char text[BATCH][1 + 2 * sizeof(struct sha256)];
    struct sha256 out[BATCH];
    str in[BATCH];
    size_t pairs = n / 2;

    for (size_t at = 0; at < pairs; at += BATCH) {
        size_t k = pairs - at < BATCH ? pairs - at : BATCH;
        for (size_t i = 0; i < k; i++) {
            text[i][0] = 1;
            memcpy(text[i] + 1, &v[2 * (at + i)], 2 * sizeof(struct sha256));
            in[i] = (str){text[i], sizeof(text[i])};
        }
        hasher_many(m->hasher, in, out, k);
        memcpy(v + at, out, k * sizeof(out[0]));
    }
    if (n % 2 != 0)
        v[pairs] = v[n - 1];
    return pairs + n % 2;
}

/* n nodes, at least one, to the one above them all, which is v[0] then. */
static void climb(struct merkle *m, struct sha256 *v, size_t n, struct way *w)
{
    for (size_t at = w->at; n > 1; at /= 2) {
        if ((at ^ 1) < n)
            w->path[w->n++] = v[at ^ 1];
        n = level_up(m, v, n);
    }
}

static void run_end(struct merkle *m)
{
    size_t runs = m->n / RUN;
    struct way w = {.at = m->wanted % RUN};

    if (!room_for(&m->run, &m->runs_cap, runs)) {
        m->failed = true;
        return;
    }
    climb(m, m->leaf, RUN, &w);
    m->run[runs - 1] = m->leaf[0];
    if (m->wanted / RUN == runs - 1)
        m->low = w;
}

static void pending_hash(struct merkle *m)
{
    str in[BATCH];

    if (m->npending == 0 || m->failed)
        return;
    m->off[m->npending] = m->used;
    for (size_t i = 0; i < m->npending; i++)
        in[i] = (str){m->pending + m->off[i], m->off[i + 1] - m->off[i]};
    hasher_many(m->hasher, in, m->leaf + m->n % RUN, m->npending); /* no batch goes over the end of a run */
    m->n += m->npending;
    m->npending = m->used = 0;
    if (m->n % RUN == 0)
        run_end(m);
    if (m->n % BATCH == 0 && !m->failed)
        m->failed = !masks_make(m, m->n);
}

void merkle_add(struct merkle *m, str record)
{
    size_t need = 1 + MERKLE_MASK + record.n;

    if (m->used + need > m->pending_cap)
        pending_hash(m);
    if (m->failed)
        return;
    if (need > m->pending_cap) {
        char *p = realloc(m->pending, need);
        if (p == NULL) {
            m->failed = true;
            return;
        }
        m->pending = p;
        m->pending_cap = need;
    }
    char *p = m->pending + m->used;
    p[0] = 0;
    memcpy(p + 1, m->masks[(m->n + m->npending) % BATCH], MERKLE_MASK);
    if (record.n > 0)
        memcpy(p + 1 + MERKLE_MASK, record.p, record.n);
    m->off[m->npending++] = m->used;
    m->used += need;
    if ((m->n + m->npending) % BATCH == 0)
        pending_hash(m);
}

size_t merkle_count(const struct merkle *m) { return m->n + m->npending; }

/* The root of what was added, and the wanted leaf's way to it. */
static int root_of(struct merkle *m, struct way *w, struct sha256 *root, struct err *e)
{
    pending_hash(m);
    size_t runs = m->n / RUN, rest = m->n % RUN;
    if (m->failed || !room_for(&m->runs_level, &m->level_cap, runs + 1))
        return ERR(e, -ENOMEM, "journal.no_memory");
    if (runs > 0)
        memcpy(m->runs_level, m->run, runs * sizeof(m->run[0]));
    if (m->wanted / RUN < runs)
        *w = m->low;
    if (rest > 0) {
        struct way last = {.at = m->wanted % RUN};
        memcpy(m->level, m->leaf, rest * sizeof(m->leaf[0]));
        climb(m, m->level, rest, &last);
        m->runs_level[runs] = m->level[0];
        if (m->wanted / RUN == runs)
            *w = last;
    }
    w->at = m->wanted / RUN;
    if (m->n > 0)
        climb(m, m->runs_level, runs + (rest > 0), w);
    *root = m->n == 0 ? sha256(STR_NONE) : m->runs_level[0];
    return 0;
}

int merkle_root(struct merkle *m, struct sha256 *root, struct err *e)
{
    struct way w = {0};

    return root_of(m, &w, root, e);
}

int merkle_proof(struct merkle *m, uint8_t mask[MERKLE_MASK], struct sha256 path[MERKLE_PATH_MAX], size_t *npath,
                 struct err *e)
{
    struct way w = {0};
    struct sha256 root;
    size_t i = m->wanted;
    int rc = root_of(m, &w, &root, e);

    if (rc < 0)
        return rc;
    if (i >= m->n)
        return ERR(e, -ERANGE, "journal.proof_range", N((int64_t)i), N((int64_t)m->n));
    if (!masks_make(m, i - i % BATCH))
        return ERR(e, -ENOMEM, "journal.no_memory");
    memcpy(mask, m->masks[i % BATCH], MERKLE_MASK);
    m->failed = !masks_make(m, m->n - m->n % BATCH); /* more may be added */
    memcpy(path, w.path, w.n * sizeof(path[0]));
    *npath = w.n;
    return 0;
}

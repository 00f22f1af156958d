/* The leaves of one block: masks, batches of digests, levels. The tree's own
 * arithmetic is in merkle_tree.c. */
#include "journal/merkle.h"
#include "vault/hasher.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum { BATCH = 128, PENDING = 256 << 10, FIRST = 1 << 12 };

struct merkle {
    struct hasher *hasher;
    EVP_CIPHER_CTX *aes;
    struct sha256 *leaf, *level; /* level: working copy of leaf */
    size_t n, cap, level_cap;
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
    free(m->leaf);
    free(m->level);
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
    m->failed = !masks_make(m, 0);
    return m->failed ? ERR(e, -ENOMEM, "journal.no_memory") : 0;
}

static bool room_for(struct sha256 **v, size_t *cap, size_t n)
{
    if (n <= *cap)
        return true;
    size_t more = *cap == 0 ? FIRST : *cap;
    while (more < n)
        more *= 2;
    struct sha256 *p = reallocarray(*v, more, sizeof(*p));
    if (p == NULL)
        return false;
    *v = p;
    *cap = more;
    return true;
}

static void pending_hash(struct merkle *m)
{
    str in[BATCH];

    if (m->npending == 0 || m->failed)
        return;
    if (!room_for(&m->leaf, &m->cap, m->n + m->npending)) {
        m->failed = true;
        return;
    }
    m->off[m->npending] = m->used;
    for (size_t i = 0; i < m->npending; i++)
        in[i] = (str){m->pending + m->off[i], m->off[i + 1] - m->off[i]};
    hasher_many(m->hasher, in, m->leaf + m->n, m->npending);
    m->n += m->npending;
    m->npending = m->used = 0;
    if (m->n % BATCH == 0)
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

/* Pairs of one level into the level above, in place. */
static size_t level_up(struct merkle *m, size_t n)
{
    char text[BATCH][1 + 2 * sizeof(struct sha256)];
    struct sha256 out[BATCH];
    str in[BATCH];
    size_t pairs = n / 2;

    for (size_t at = 0; at < pairs; at += BATCH) {
        size_t k = pairs - at < BATCH ? pairs - at : BATCH;
        for (size_t i = 0; i < k; i++) {
            text[i][0] = 1;
            memcpy(text[i] + 1, &m->level[2 * (at + i)], 2 * sizeof(struct sha256));
            in[i] = (str){text[i], sizeof(text[i])};
        }
        hasher_many(m->hasher, in, out, k);
        memcpy(m->level + at, out, k * sizeof(out[0]));
    }
    if (n % 2 != 0)
        m->level[pairs] = m->level[n - 1];
    return pairs + n % 2;
}

static int level_begin(struct merkle *m, struct err *e)
{
    pending_hash(m);
    if (m->failed || !room_for(&m->level, &m->level_cap, m->n == 0 ? 1 : m->n))
        return ERR(e, -ENOMEM, "journal.no_memory");
    if (m->n > 0)
        memcpy(m->level, m->leaf, m->n * sizeof(m->leaf[0]));
    return 0;
}

int merkle_root(struct merkle *m, struct sha256 *root, struct err *e)
{
    int rc = level_begin(m, e);

    if (rc < 0)
        return rc;
    for (size_t n = m->n; n > 1;)
        n = level_up(m, n);
    *root = m->n == 0 ? sha256(STR_NONE) : m->level[0];
    return 0;
}

int merkle_proof(struct merkle *m, size_t i, uint8_t mask[MERKLE_MASK], struct sha256 path[MERKLE_PATH_MAX],
                 size_t *npath, struct err *e)
{
    int rc = level_begin(m, e);

    if (rc < 0)
        return rc;
    if (i >= m->n)
        return ERR(e, -ERANGE, "journal.proof_range", N((int64_t)i), N((int64_t)m->n));
    if (!masks_make(m, i - i % BATCH))
        return ERR(e, -ENOMEM, "journal.no_memory");
    memcpy(mask, m->masks[i % BATCH], MERKLE_MASK);
    m->failed = !masks_make(m, m->n - m->n % BATCH); /* more may be added */
    *npath = 0;
    for (size_t n = m->n, at = i; n > 1; at /= 2) {
        if ((at ^ 1) < n)
            path[(*npath)++] = m->level[at ^ 1];
        n = level_up(m, n);
    }
    return 0;
}

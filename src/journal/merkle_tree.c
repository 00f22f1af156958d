/* The arithmetic of RFC 9162, 2.1: roots, paths, consistency. Pure. */
#include "journal/merkle.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sha256 merkle_leaf(str data) { return sha256_2((str){"\0", 1}, data); }

struct sha256 merkle_node(struct sha256 left, struct sha256 right)
{
    char text[1 + 2 * sizeof(struct sha256)] = {1};

    memcpy(text + 1, left.b, sizeof(left.b));
    memcpy(text + 1 + sizeof(left.b), right.b, sizeof(right.b));
    return sha256((str){text, sizeof(text)});
}

static size_t level_up(struct sha256 *v, size_t n)
{
    for (size_t i = 0; i < n / 2; i++)
        v[i] = merkle_node(v[2 * i], v[2 * i + 1]);
    if (n % 2 != 0)
        v[n / 2] = v[n - 1];
    return n / 2 + n % 2;
}

struct sha256 merkle_root_of(struct sha256 *leaves, size_t n)
{
    size_t left = n;

    while (left > 1)
        left = level_up(leaves, left);
    return n == 0 ? sha256(STR_NONE) : leaves[0];
}

size_t merkle_path(struct sha256 *leaves, size_t n, size_t i, struct sha256 path[MERKLE_PATH_MAX])
{
    size_t k = 0;

    for (; n > 1; i /= 2) {
        if ((i ^ 1) < n)
            path[k++] = leaves[i ^ 1];
        n = level_up(leaves, n);
    }
    return k;
}

static bool same(struct sha256 a, struct sha256 b) { return memcmp(a.b, b.b, sizeof(a.b)) == 0; }

/* RFC 9162, 2.1.3.2. */
bool merkle_path_fits(struct sha256 leaf, uint64_t i, uint64_t n, const struct sha256 *path, size_t npath,
                      struct sha256 root)
{
    uint64_t fn = i, sn = n - 1;
    struct sha256 r = leaf;

    if (n == 0 || i >= n)
        return false;
    for (size_t k = 0; k < npath; k++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            r = merkle_node(path[k], r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            r = merkle_node(r, path[k]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(r, root);
}

static size_t split_of(size_t n)
{
    size_t k = 1;

    while (k * 2 < n)
        k *= 2;
    return k;
}

struct work {
    const struct sha256 *leaves;
    struct sha256 *scratch;
};

static struct sha256 root_between(const struct work *w, size_t from, size_t n)
{
    memcpy(w->scratch, w->leaves + from, n * sizeof(*w->scratch));
    return merkle_root_of(w->scratch, n);
}

size_t merkle_consistency(const struct sha256 *leaves, size_t m, size_t n, struct sha256 path[MERKLE_PATH_MAX],
                          struct err *e)
{
    struct work w = {leaves, malloc((n == 0 ? 1 : n) * sizeof(*w.scratch))};
    struct sha256 back[MERKLE_PATH_MAX]; /* from the root down */
    size_t nback = 0, from = 0, k = 0;
    bool whole = true; /* the old tree is a node of the new one */

    if (w.scratch == NULL) {
        ERR(e, -ENOMEM, "journal.no_memory");
        return 0;
    }
    /* SUBPROOF of the RFC, its recursion as a loop; m counts from `from`. */
    while (m != n) {
        size_t half = split_of(n);
        if (m <= half) {
            back[nback++] = root_between(&w, from + half, n - half);
            n = half;
        } else {
            back[nback++] = root_between(&w, from, half);
            from += half;
            m -= half;
            n -= half;
            whole = false;
        }
    }
    if (!whole)
        path[k++] = root_between(&w, from, n);
    while (nback > 0)
        path[k++] = back[--nback];
    free(w.scratch);
    return k;
}

/* RFC 9162, 2.1.4.2. */
bool merkle_consistency_fits(uint64_t m, struct sha256 old_root, uint64_t n, struct sha256 root,
                             const struct sha256 *path, size_t npath)
{
    if (m == 0 || m > n)
        return false;
    if (m == n)
        return npath == 0 && same(old_root, root);
    uint64_t fn = m - 1, sn = n - 1;
    size_t k = 0;
    bool power = (m & (m - 1)) == 0;
    if (!power && npath == 0)
        return false;
    struct sha256 fr = power ? old_root : path[k++], sr = fr;
    while ((fn & 1) != 0) {
        fn >>= 1;
        sn >>= 1;
    }
    for (; k < npath; k++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            fr = merkle_node(path[k], fr);
            sr = merkle_node(path[k], sr);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            sr = merkle_node(sr, path[k]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(fr, old_root) && same(sr, root);
}

/* Full subtrees correspond to the bits of size; node[b] holds the one of 2^b leaves. */
void merkle_edge_add(struct merkle_edge *t, struct sha256 leaf)
{
    int b = 0;

    for (uint64_t s = t->size; (s & 1) != 0; s >>= 1, b++)
        leaf = merkle_node(t->node[b], leaf);
    t->node[b] = leaf;
    t->size++;
}

struct sha256 merkle_edge_root(const struct merkle_edge *t)
{
    struct sha256 r = {{0}};
    bool have = false;

    if (t->size == 0)
        return sha256(STR_NONE);
    for (int b = 0; b < 64; b++) {
        if ((t->size >> b & 1) == 0)
            continue;
        r = have ? merkle_node(t->node[b], r) : t->node[b];
        have = true;
    }
    return r;
}

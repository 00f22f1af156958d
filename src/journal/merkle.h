/* Merkle trees over records, as in RFC 9162, 2.1, with SHA-256:
 *   leaf = SHA-256(0x00 || data)      node = SHA-256(0x01 || left || right)
 * An odd node at the end of a level moves up unchanged, which is the tree of
 * the RFC built from below.
 *
 * The leaves of a block are masked: data = mask_i || record, where mask_i is 16
 * bytes of the AES-128-CTR key stream of the block's seed. A leaf that outlives
 * its record (as a sibling in somebody's proof) then says nothing about it,
 * even if the record could be guessed; the seed is deleted with the block.
 *
 * No locks: an object belongs to one thread. */
#ifndef LUY_JOURNAL_MERKLE_H
#define LUY_JOURNAL_MERKLE_H
#include "base/err.h"
#include "vault/vault.h"

enum { MERKLE_SEED = 16, MERKLE_MASK = 16, MERKLE_PATH_MAX = 64 };

/* The leaves of one block, hashed many at a time. */
struct merkle;
struct merkle *merkle_new(void); /* NULL: no memory */
void merkle_free(struct merkle *m);
/* Forgets the leaves, keeps the memory: little, however many there are. */
int merkle_begin(struct merkle *m, const uint8_t seed[MERKLE_SEED], struct err *e);
/* Before anything is added: the proof of leaf i will be asked for. */
void merkle_want(struct merkle *m, size_t i);
/* Bytes are copied. A failure (no memory) is remembered and told by merkle_root. */
void merkle_add(struct merkle *m, str record);
/* Root of what was added; of nothing: SHA-256 of nothing. May be called again after more was added. */
int merkle_root(struct merkle *m, struct sha256 *root, struct err *e);
size_t merkle_count(const struct merkle *m);
/* Mask and path of the wanted leaf among what was added; more may be added. -ERANGE: there is no such leaf. */
int merkle_proof(struct merkle *m, uint8_t mask[MERKLE_MASK], struct sha256 path[MERKLE_PATH_MAX], size_t *npath,
                 struct err *e);

struct sha256 merkle_leaf(str data);
struct sha256 merkle_node(struct sha256 left, struct sha256 right);
/* Over leaves that are hashes already; `leaves` is overwritten. */
struct sha256 merkle_root_of(struct sha256 *leaves, size_t n);
/* Nodes beside the way from leaf i to the root (RFC 9162, 2.1.3.1), lowest first;
 * `leaves` is overwritten. Returns their number. */
size_t merkle_path(struct sha256 *leaves, size_t n, size_t i, struct sha256 path[MERKLE_PATH_MAX]);
bool merkle_path_fits(struct sha256 leaf, uint64_t i, uint64_t n, const struct sha256 *path, size_t npath,
                      struct sha256 root);
/* That the tree of n leaves begins with the tree of m leaves (RFC 9162, 2.1.4). 1 <= m <= n. */
size_t merkle_consistency(const struct sha256 *leaves, size_t m, size_t n, struct sha256 path[MERKLE_PATH_MAX],
                          struct err *e);
bool merkle_consistency_fits(uint64_t m, struct sha256 old_root, uint64_t n, struct sha256 root,
                             const struct sha256 *path, size_t npath);

/* A tree that only grows: the roots of its full subtrees, largest first. */
struct merkle_edge {
    struct sha256 node[64];
    uint64_t size;
};
void merkle_edge_add(struct merkle_edge *t, struct sha256 leaf);
struct sha256 merkle_edge_root(const struct merkle_edge *t);
#endif

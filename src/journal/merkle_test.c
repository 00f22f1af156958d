/* Roots of Certificate Transparency's well-known eight leaves, and every tree
 * of up to 70 leaves against the RFC's recursive definition. */
#include "journal/merkle.h"
#include "base/rand.h"
#include "base/test-int.h"
#include "vault/hasher.h"
#include <errno.h>
#include <stdlib.h>

enum { MOST = 70 };

/* RFC 9162, 2.1.1, as it is written there. */
static struct sha256 mth(const struct sha256 *leaf, size_t n)
{
    size_t k = 1;

    if (n == 0)
        return sha256(STR_NONE);
    if (n == 1)
        return leaf[0];
    while (k * 2 < n)
        k *= 2;
    return merkle_node(mth(leaf, k), mth(leaf + k, n - k));
}

static bool same(struct sha256 a, struct sha256 b) { return memcmp(&a, &b, sizeof(a)) == 0; }

static void make_leaves(struct sha256 *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = merkle_leaf((str){(const char *)&i, sizeof(i)});
}

static void known_roots(void **state)
{
    static const struct {
        const char *leaf, *root;
        size_t n;
    } rows[] = {
        {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", 0},
        {"\x00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125", 1},
        {"\x10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77", 1},
        {"\x20\x21", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7", 2},
        {"\x30\x31", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4", 2},
        {"\x40\x41\x42\x43", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef", 4},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c", 8},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328", 16},
    };
    struct merkle_edge edge = {0};
    struct sha256 leaf[8], copy[8];
    char hex[65];

    for (size_t i = 0; i < 8; i++) {
        leaf[i] = merkle_leaf((str){rows[i].leaf, rows[i].n});
        merkle_edge_add(&edge, leaf[i]);
        memcpy(copy, leaf, sizeof(copy));
        sha256_hex(merkle_root_of(copy, i + 1), hex);
        assert_string_equal(hex, rows[i].root);
        sha256_hex(merkle_edge_root(&edge), hex);
        assert_string_equal(hex, rows[i].root);
    }
}

static void every_path(void **state)
{
    struct sha256 leaf[MOST], copy[MOST], path[MERKLE_PATH_MAX];

    make_leaves(leaf, MOST);
    for (size_t n = 1; n <= MOST; n++) {
        struct sha256 root = mth(leaf, n);
        for (size_t i = 0; i < n; i++) {
            memcpy(copy, leaf, sizeof(copy));
            size_t k = merkle_path(copy, n, i, path);
            assert_true(merkle_path_fits(leaf[i], i, n, path, k, root));
            assert_false(merkle_path_fits(leaf[i], i + 1, n, path, k, root));
            assert_false(merkle_path_fits(merkle_leaf(STR("x")), i, n, path, k, root));
            if (k > 0) {
                assert_false(merkle_path_fits(leaf[i], i, n, path, k - 1, root));
                path[k / 2].b[7] ^= 1;
                assert_false(merkle_path_fits(leaf[i], i, n, path, k, root));
            }
        }
        assert_false(merkle_path_fits(leaf[0], 0, 0, path, 0, root));
    }
}

static void every_growth(void **state)
{
    struct sha256 leaf[MOST], path[MERKLE_PATH_MAX];
    struct err e = {0};

    make_leaves(leaf, MOST);
    for (size_t n = 1; n <= MOST; n++)
        for (size_t m = 1; m <= n; m++) {
            struct sha256 was = mth(leaf, m), is = mth(leaf, n);
            size_t k = merkle_consistency(leaf, m, n, path, &e);
            assert_true(merkle_consistency_fits(m, was, n, is, path, k));
            if (m == n)
                continue;
            assert_false(merkle_consistency_fits(m, is, n, is, path, k));
            assert_false(merkle_consistency_fits(m, was, n, was, path, k));
            path[0].b[0] ^= 1;
            assert_false(merkle_consistency_fits(m, was, n, is, path, k));
        }
    assert_int_equal(e.code, 0);
}

enum { LONG = 100000 };
static char record_text[LONG + 1000];
static str record(size_t i) { return (str){record_text + i % 1000, i == 77 ? LONG : i % 300}; }

static void add_all(struct merkle *m, const uint8_t seed[MERKLE_SEED], size_t n, size_t wanted)
{
    struct sha256 root;
    struct err e = {0};

    assert_int_equal(merkle_begin(m, seed, &e), 0);
    merkle_want(m, wanted);
    for (size_t i = 0; i < n; i++) {
        merkle_add(m, record(i));
        if (i == n / 2)
            assert_int_equal(merkle_root(m, &root, &e), 0); /* and go on */
    }
    assert_int_equal(merkle_count(m), n);
}

/* All of a small block; of a large one some, and the last. */
static size_t next_of(size_t i, size_t n) { return n <= 300 ? i + 1 : i + 1 < n && i + 97 >= n ? n - 1 : i + 97; }

/* Blocks across the edges of batches and runs: root and proofs as the RFC has them over masked leaves. */
static void blocks(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 127, 128, 129, 300, 4095, 4096, 4097, 8192, 12500};
    uint8_t seed[MERKLE_SEED], mask[MERKLE_MASK];
    struct merkle *m = merkle_new();
    struct err e = {0};

    assert_non_null(m);
    rand_bytes(record_text, sizeof(record_text));
    for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
        size_t n = sizes[s], k = 0;
        struct sha256 *leaf = calloc(n + 1, sizeof(*leaf)), root, path[MERKLE_PATH_MAX];
        char *data = malloc(MERKLE_MASK + LONG);
        rand_bytes(seed, sizeof(seed));
        add_all(m, seed, n, n);
        assert_int_equal(merkle_root(m, &root, &e), 0);
        assert_int_equal(merkle_proof(m, mask, path, &k, &e), -ERANGE);
        for (size_t i = 0; i < n; i = next_of(i, n)) {
            add_all(m, seed, n, i);
            assert_int_equal(merkle_proof(m, mask, path, &k, &e), 0);
            memcpy(data, mask, MERKLE_MASK);
            if (record(i).n > 0)
                memcpy(data + MERKLE_MASK, record(i).p, record(i).n);
            leaf[i] = merkle_leaf((str){data, MERKLE_MASK + record(i).n});
            assert_true(merkle_path_fits(leaf[i], i, n, path, k, root));
        }
        if (n <= 300) {
            struct sha256 want = mth(leaf, n);
            assert_true(same(want, root));
        }
        merkle_add(m, record(n)); /* a proof does not end the block */
        struct sha256 more;
        assert_int_equal(merkle_root(m, &more, &e), 0);
        add_all(m, seed, n + 1, 0);
        assert_int_equal(merkle_root(m, &root, &e), 0);
        assert_true(same(more, root));
        free(data);
        free(leaf);
    }
    merkle_free(m);
}

/* The vector digests are the standard's, for lengths around its blocks. */
static void digests(void **state)
{
    struct hasher *h = hasher_new();
    enum { N = 300 };
    static char text[N];
    struct sha256 out[N];
    str in[N];

    assert_non_null(h);
    rand_bytes(text, sizeof(text));
    for (size_t i = 0; i < N; i++)
        in[i] = (str){text, i};
    hasher_many(h, in, out, N);
    for (size_t i = 0; i < N; i++)
        assert_true(same(out[i], sha256(in[i])));
    hasher_many(h, in, out, 0);
    hasher_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_roots), cmocka_unit_test(every_path),
                                       cmocka_unit_test(every_growth), cmocka_unit_test(blocks),
                                       cmocka_unit_test(digests)};
    return cmocka_run_group_tests_name("journal/merkle", tests, NULL, NULL);
}

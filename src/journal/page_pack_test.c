/* Bytes out are bytes in at both levels, and hostile ones are refused within their bounds. */
#include "journal/page_pack.h"
#include "base/test-int.h"
#include <errno.h>
#include <stdlib.h>

enum { MOST = 300000 };

struct kit {
    ZSTD_CCtx *zc;
    ZSTD_DCtx *zd;
    uint8_t *plain, *packed, *back;
};

static int setup(void **state)
{
    struct kit *k = calloc(1, sizeof(*k));

    k->zc = ZSTD_createCCtx();
    k->zd = ZSTD_createDCtx();
    k->plain = malloc(MOST);
    k->packed = malloc(page_pack_room(MOST));
    k->back = malloc(MOST);
    *state = k;
    return 0;
}

static int teardown(void **state)
{
    struct kit *k = *state;

    ZSTD_freeCCtx(k->zc);
    ZSTD_freeDCtx(k->zd);
    free(k->plain);
    free(k->packed);
    free(k->back);
    free(k);
    return 0;
}

static uint64_t step(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* Words that come again, each time a little other, as columns have them. */
static void fill(uint8_t *p, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = i % 7 == 3 ? (uint8_t)(step(&seed) % 5) : (uint8_t)(i / 64 % 11 * 16 + i % 7);
}

static void there_and_back(void **state)
{
    static const size_t sizes[] = {1, 17, 63, 64, 65, 2048, 16384, MOST};
    struct kit *k = *state;
    bool lzma = false;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (int level = PACK_FAST; level <= PACK_KEEPS; level += PACK_KEEPS - PACK_FAST) {
            size_t n = sizes[i];
            fill(k->plain, n, i);
            size_t z = page_pack(&(struct packer){k->zc, level, NULL, NULL}, k->plain, n, k->packed);
            assert_true(z < n);
            if (z == 0)
                continue;
            lzma = lzma || k->packed[0] == PACK_LZMA;
            assert_true(level == PACK_KEEPS || k->packed[0] != PACK_LZMA);
            assert_true(page_unpacks(k->packed, z, n));
            assert_int_equal(page_unpack(k->zd, k->packed, z, k->back, n), 0);
            assert_memory_equal(k->plain, k->back, n);
        }
    assert_true(lzma);
}

static void random_stays(void **state)
{
    struct kit *k = *state;
    uint64_t seed = 1;

    for (size_t i = 0; i < 4096; i++)
        k->plain[i] = (uint8_t)(step(&seed));
    assert_int_equal(page_pack(&(struct packer){k->zc, PACK_KEEPS, NULL, NULL}, k->plain, 4096, k->packed), 0);
}

/* A page of LZMA cut, lengthened, with each byte changed, and with another length promised. */
static void hostile(void **state)
{
    enum { N = 3000 };
    struct kit *k = *state;
    size_t same = 0;

    fill(k->plain, N, 9);
    size_t z = page_pack(&(struct packer){k->zc, PACK_KEEPS, NULL, NULL}, k->plain, N, k->packed);
    assert_true(z > 0 && k->packed[0] == PACK_LZMA);
    for (size_t n = 0; n < z; n++)
        assert_int_equal(page_unpack(k->zd, k->packed, n, k->back, N), -EBADMSG);
    k->packed[z] = 0;
    assert_int_equal(page_unpack(k->zd, k->packed, z + 1, k->back, N), -EBADMSG);
    for (size_t i = 0; i < z; i++) {
        k->packed[i] ^= 0x11;
        int rc = page_unpack(k->zd, k->packed, z, k->back, N);
        assert_true(rc == 0 || rc == -EBADMSG);
        same += rc == 0 && memcmp(k->plain, k->back, N) == 0;
        k->packed[i] ^= 0x11;
    }
    assert_true(same < z / 100); /* the last bytes of a range coder's stream may not matter */
    static const size_t promised[] = {0, 1, PACK_LZMA_MIN, N - 1, N + 1, PACK_LZMA_MAX + 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof(promised) / sizeof(promised[0]); i++)
        if (promised[i] < MOST || !page_unpacks(k->packed, z, promised[i]))
            assert_int_equal(page_unpack(k->zd, k->packed, z, k->back, promised[i]), -EBADMSG);
    for (int props = 0; props < 256; props++) {
        k->packed[1] = (uint8_t)props;
        int rc = page_unpack(k->zd, k->packed, z, k->back, N);
        assert_true(rc == 0 || rc == -EBADMSG);
    }
}

struct asked {
    size_t n, yes; /* the answer is yes from that question on */
};

static bool is_enough(void *ctx)
{
    struct asked *a = ctx;
    return ++a->n > a->yes;
}

/* Asked often, it gives up wherever it is; and it packs on as ever. */
static void given_up(void **state)
{
    struct kit *k = *state;
    struct asked a = {0, SIZE_MAX};
    struct packer p = {k->zc, PACK_KEEPS, is_enough, &a};
    uint64_t seed = 3;

    for (size_t i = 0; i < MOST; i++)
        k->plain[i] = (uint8_t)(step(&seed) % 40);
    size_t whole = page_pack(&p, k->plain, MOST, k->packed), all = a.n;
    assert_true(whole > 0 && all > 3 * MOST / (128 << 10));
    for (a = (struct asked){0, 0}; a.yes < all; a = (struct asked){0, a.yes + 1}) {
        assert_int_equal(page_pack(&p, k->plain, MOST, k->packed), 0);
        assert_true(a.n <= a.yes + 4); /* the other ways are asked once each */
    }
    p.stop = NULL;
    assert_int_equal(page_pack(&p, k->plain, MOST, k->packed), whole);
    assert_int_equal(page_unpack(k->zd, k->packed, whole, k->back, MOST), 0);
    assert_memory_equal(k->plain, k->back, MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back), cmocka_unit_test(random_stays),
                                       cmocka_unit_test(hostile), cmocka_unit_test(given_up)};
    return cmocka_run_group_tests_name("journal/page_pack", tests, setup, teardown);
}

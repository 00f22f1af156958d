/* luy-verifier: checks a proof that Lũy made, without Lũy.
 *
 *   luy-verifier [--anchor HEX] PROOF.json     one record, or the growth between two heads
 *   luy-verifier [--anchor HEX] --ledger DIR   the files DIR/ledger and DIR/heads whole
 *
 * This one file shares no code with the program whose work it checks. It is
 * written to be read: it needs libcrypto (SHA-256, Ed25519) and libjansson
 * (reading JSON) and nothing else. What the bytes mean:
 *
 * A record is stored with others in a block. Its leaf is
 * SHA-256(00 || mask || record); leaves are joined to the block's root as in
 * RFC 9162: node = SHA-256(01 || left || right). An ENTRY of 96 bytes holds that
 * root; the entries are leaves of one tree for all time:
 * SHA-256(00 || entry without its last 4 bytes). A HEAD of 208 bytes holds that
 * tree's root and an Ed25519 signature. The key changes each day: an EVOLVE head,
 * signed by the old key, names the next one. The first head, BEGIN, names the first
 * key; its SHA-256 is the anchor, which the inspector knows from elsewhere (a
 * notebook, a sealed letter). Without --anchor the proof only shows that
 * everything fits together, not that it is the same Lũy as last time.
 *
 * Exit: 0 it fits, 1 it does not, 2 the input cannot be read. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ENTRY = 96, HEAD = 208, HASH = 32, KEY = 32, SIGNED = 136, PATH_MOST = 64, RECORD_MOST = 1 << 20 };
enum { BEGIN = 1, HEAD_SIGNED = 2, EVOLVE = 3, BLOCK = 1 };
/* Places in an entry and a head, little-endian numbers. */
enum { E_TYPE = 4, E_NO = 8, E_FIRST = 16, E_RECORDS = 24, E_ROOT = 48 };
enum {
    H_TYPE = 4,
    H_EPOCH = 8,
    H_NO = 16,
    H_TIME = 24,
    H_ENTRIES = 32,
    H_ROOT = 40,
    H_BEFORE = 72,
    H_KEY = 104,
    H_SIG = 136
};

typedef struct {
    uint8_t b[HASH];
} hash;

/* ---- what it says ---- */

static bool vietnamese;

static const char *say(const char *vi, const char *en) { return vietnamese ? vi : en; }

static int unreadable(const char *what)
{
    fprintf(stderr, "%s: %s\n", say("Không đọc được", "Cannot read"), what);
    return 2;
}

static int wrong(const char *vi, const char *en)
{
    printf("%s: %s\n", say("SAI", "WRONG"), say(vi, en));
    return 1;
}

/* ---- numbers, digests, signatures ---- */

static uint64_t number(const uint8_t *p, int bytes)
{
    uint64_t v = 0;

    for (int i = bytes - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static hash digest(const void *p, size_t n)
{
    hash h;

    SHA256(p, n, h.b);
    return h;
}

static bool same(hash a, hash b) { return memcmp(a.b, b.b, HASH) == 0; }

static hash hash_at(const uint8_t *p)
{
    hash h;

    memcpy(h.b, p, HASH);
    return h;
}

static hash node(hash left, hash right)
{
    uint8_t t[1 + 2 * HASH] = {1};

    memcpy(t + 1, left.b, HASH);
    memcpy(t + 1 + HASH, right.b, HASH);
    return digest(t, sizeof(t));
}

static hash entry_leaf(const uint8_t entry[ENTRY])
{
    uint8_t t[1 + ENTRY - 4] = {0};

    memcpy(t + 1, entry, ENTRY - 4);
    return digest(t, sizeof(t));
}

static bool signature_fits(const uint8_t key[KEY], const uint8_t *data, size_t n, const uint8_t *sig)
{
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, KEY);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool fits = k != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k) == 1 &&
                EVP_DigestVerify(ctx, sig, 64, data, n) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(k);
    return fits;
}

/* ---- trees (RFC 9162, 2.1.3.2 and 2.1.4.2) ---- */

static bool path_fits(hash leaf, uint64_t index, uint64_t size, const hash *path, size_t n, hash root)
{
    uint64_t fn = index, sn = size - 1;

    if (index >= size)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) == 1 || fn == sn) {
            leaf = node(path[i], leaf);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            leaf = node(leaf, path[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(leaf, root);
}

static bool growth_fits(uint64_t m, hash was, uint64_t n, hash is, const hash *path, size_t k)
{
    uint64_t fn = m - 1, sn = n - 1;
    size_t i = 0;

    if (m == 0 || m > n)
        return false;
    if (m == n)
        return k == 0 && same(was, is);
    bool power = (m & (m - 1)) == 0;
    if (!power && k == 0)
        return false;
    hash fr = power ? was : path[i++], sr = fr;
    for (; (fn & 1) == 1; fn >>= 1)
        sn >>= 1;
    for (; i < k; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) == 1 || fn == sn) {
            fr = node(path[i], fr);
            sr = node(path[i], sr);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            sr = node(sr, path[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(fr, was) && same(sr, is);
}

/* A tree that grows: full subtrees by the bits of its size. */
struct tree {
    hash part[64];
    uint64_t size;
};

static void tree_add(struct tree *t, hash leaf)
{
    int b = 0;

    for (uint64_t s = t->size; (s & 1) == 1; s >>= 1)
        leaf = node(t->part[b++], leaf);
    t->part[b] = leaf;
    t->size++;
}

static hash tree_root(const struct tree *t)
{
    hash r = digest("", 0);
    bool have = false;

    for (int b = 0; b < 64; b++)
        if ((t->size >> b & 1) == 1) {
            r = have ? node(t->part[b], r) : t->part[b];
            have = true;
        }
    return r;
}

/* ---- keys from the anchor to a head ---- */

struct keys {
    uint8_t now[KEY];
    uint32_t epoch;
    bool begun;
    hash anchor;
};

/* BEGIN or EVOLVE: takes over the key that it names. 0, or 1 with the reason said. */
static int key_change(struct keys *k, const uint8_t head[HEAD])
{
    int type = head[H_TYPE];

    if (memcmp(head, "LYHD", 4) != 0 || (k->begun ? type != EVOLVE : type != BEGIN))
        return wrong("chuỗi khóa không bắt đầu từ mốc gốc", "the chain of keys does not begin at an anchor");
    if (number(head + H_EPOCH, 4) != k->epoch)
        return wrong("thiếu một lần đổi khóa", "a change of the key is missing");
    if (!signature_fits(k->begun ? k->now : head + H_KEY, head, SIGNED, head + H_SIG))
        return wrong("chữ ký của lần đổi khóa không đúng", "the signature of a key's change does not fit");
    if (!k->begun)
        k->anchor = digest(head, HEAD);
    k->epoch += k->begun ? 1 : 0;
    k->begun = true;
    memcpy(k->now, head + H_KEY, KEY);
    return 0;
}

static int head_signed(const struct keys *k, const uint8_t head[HEAD])
{
    bool other_epoch = number(head + H_EPOCH, 4) != k->epoch;

    if (!k->begun || memcmp(head, "LYHD", 4) != 0 || other_epoch)
        return wrong("đầu ký không thuộc chuỗi khóa này", "the head does not belong to this chain of keys");
    if (!signature_fits(k->now, head, SIGNED, head + H_SIG))
        return wrong("chữ ký của đầu ký không đúng", "the head's signature does not fit");
    return 0;
}

static void hex_print(hash h)
{
    for (int i = 0; i < HASH; i++)
        printf("%02x", h.b[i]);
}

static void time_print(int64_t ns)
{
    time_t s = (time_t)(ns / 1000000000);
    struct tm tm;
    char text[40];

    gmtime_r(&s, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    printf("%s", text);
}

static int anchor_fits(const struct keys *k, const char *want)
{
    char have[2 * HASH + 1];

    for (int i = 0; i < HASH; i++)
        snprintf(have + 2 * i, 3, "%02x", k->anchor.b[i]);
    if (want != NULL && strcasecmp(want, have) != 0)
        return wrong("mốc gốc không phải là mốc đã biết", "the anchor is not the known one");
    printf("%s: %s%s\n", say("Mốc gốc", "Anchor"), have,
           want == NULL ? say(" (chưa so với mốc đã biết)", " (not compared with a known one)") : "");
    return 0;
}

/* ---- JSON ---- */

static bool hex_take(const char *t, size_t chars, uint8_t *out, size_t most, size_t *n)
{
    if (chars % 2 != 0 || chars / 2 > most)
        return false;
    for (size_t i = 0; i < chars; i++) {
        const char *digits = "0123456789abcdef", *d = t[i] == 0 ? NULL : strchr(digits, t[i]);
        if (d == NULL)
            return false;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | (d - digits));
    }
    *n = chars / 2;
    return true;
}

static bool bytes_of(const json_t *v, uint8_t *out, size_t most, size_t *n)
{
    return json_is_string(v) && hex_take(json_string_value(v), json_string_length(v), out, most, n);
}

static bool exactly(const json_t *proof, const char *name, uint8_t *out, size_t want)
{
    size_t n;

    return bytes_of(json_object_get(proof, name), out, want, &n) && n == want;
}

static bool path_of(const json_t *proof, const char *name, hash path[PATH_MOST], size_t *n)
{
    const json_t *list = json_object_get(proof, name);
    size_t len;

    *n = json_array_size(list);
    if (!json_is_array(list) || *n > PATH_MOST)
        return false;
    for (size_t i = 0; i < *n; i++)
        if (!bytes_of(json_array_get(list, i), path[i].b, HASH, &len) || len != HASH)
            return false;
    return true;
}

/* Follows the changes of the key to the last; on the way, `early` (may be NULL)
 * is checked with the key of its own time. */
static int keys_of(const json_t *proof, struct keys *k, const uint8_t *early)
{
    const json_t *list = json_object_get(proof, "evolutions");
    uint8_t head[HEAD];
    bool seen = early == NULL;
    size_t n;

    if (!json_is_array(list))
        return unreadable("evolutions");
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!bytes_of(json_array_get(list, i), head, HEAD, &n) || n != HEAD)
            return unreadable("evolutions");
        int rc = key_change(k, head);
        if (rc == 0 && !seen && number(early + H_EPOCH, 4) == k->epoch) {
            rc = head_signed(k, early);
            seen = true;
        }
        if (rc != 0)
            return rc;
    }
    return seen ? 0
                : wrong("đầu ký cũ không thuộc chuỗi khóa này", "the older head does not belong to this chain of keys");
}

/* ---- one record ---- */

/* A record: i64 received | i64 event | 30 bytes more | 6 x (u32, u32) | u32 length | the line. */
static void record_print(const uint8_t *r, size_t n)
{
    enum { FIXED = 16 + 4 + 4 + 4 + 16 + 48 + 4 };

    if (n < FIXED || number(r + FIXED - 4, 4) != n - FIXED)
        return;
    printf("%s: ", say("Nhận lúc", "Received"));
    time_print((int64_t)number(r, 8));
    printf("\n%s: ", say("Dòng", "Line"));
    for (size_t i = FIXED; i < n; i++)
        if (r[i] < 32 || r[i] == 127)
            printf("\\x%02x", r[i]);
        else
            putchar(r[i]);
    printf("\n");
}

static int record_in_block(const json_t *proof, const uint8_t entry[ENTRY])
{
    static uint8_t data[1 + 16 + RECORD_MOST];
    hash path[PATH_MOST];
    size_t n, k;
    json_int_t index = json_integer_value(json_object_get(proof, "index"));

    if (!exactly(proof, "mask", data + 1, 16) ||
        !bytes_of(json_object_get(proof, "record"), data + 17, RECORD_MOST, &n) ||
        !path_of(proof, "record_path", path, &k) || index < 0)
        return unreadable("record, mask, index, record_path");
    data[0] = 0;
    if (entry[E_TYPE] != BLOCK || !path_fits(digest(data, 17 + n), (uint64_t)index, number(entry + E_RECORDS, 8), path,
                                             k, hash_at(entry + E_ROOT)))
        return wrong("bản ghi không thuộc khối này", "the record is not in this block");
    printf("%s: %" PRIu64 "\n", say("Bản ghi số", "Record number"), number(entry + E_FIRST, 8) + (uint64_t)index);
    record_print(data + 17, n);
    return 0;
}

static int proof_record(const json_t *proof, const char *anchor)
{
    uint8_t entry[ENTRY], head[HEAD];
    struct keys keys = {0};
    hash path[PATH_MOST];
    size_t k;

    if (!exactly(proof, "entry", entry, ENTRY) || !exactly(proof, "head", head, HEAD) ||
        !path_of(proof, "entry_path", path, &k))
        return unreadable("entry, head, entry_path");
    int rc = keys_of(proof, &keys, NULL);
    if (rc == 0)
        rc = anchor_fits(&keys, anchor);
    if (rc == 0)
        rc = head_signed(&keys, head);
    if (rc == 0 && !path_fits(entry_leaf(entry), number(entry + E_NO, 8), number(head + H_ENTRIES, 8), path, k,
                              hash_at(head + H_ROOT)))
        rc = wrong("khối không có trong sổ cái đã ký", "the block is not in the signed ledger");
    if (rc == 0)
        rc = record_in_block(proof, entry);
    if (rc != 0)
        return rc;
    printf("%s: ", say("Ký lúc", "Signed"));
    time_print((int64_t)number(head + H_TIME, 8));
    printf("\n%s\n", say("ĐÚNG: bản ghi có trong sổ cái đã ký và không bị sửa.",
                         "RIGHT: the record stands in the signed ledger, unchanged."));
    return 0;
}

/* ---- growth from one head to another ---- */

static int proof_growth(const json_t *proof, const char *anchor)
{
    uint8_t was[HEAD], is[HEAD];
    struct keys keys = {0};
    hash path[PATH_MOST];
    size_t k;

    if (!exactly(proof, "old", was, HEAD) || !exactly(proof, "new", is, HEAD) || !path_of(proof, "path", path, &k))
        return unreadable("old, new, path");
    int rc = keys_of(proof, &keys, was);
    if (rc == 0)
        rc = anchor_fits(&keys, anchor);
    if (rc == 0)
        rc = head_signed(&keys, is);
    if (rc == 0 && !growth_fits(number(was + H_ENTRIES, 8), hash_at(was + H_ROOT), number(is + H_ENTRIES, 8),
                                hash_at(is + H_ROOT), path, k))
        rc = wrong("sổ cái mới không chứa nguyên sổ cái cũ",
                   "the newer ledger does not contain the older one unchanged");
    if (rc != 0)
        return rc;
    printf("%s: %" PRIu64 " -> %" PRIu64 "\n%s\n", say("Số mục", "Entries"), number(was + H_ENTRIES, 8),
           number(is + H_ENTRIES, 8),
           say("ĐÚNG: từ đầu ký cũ đến đầu ký mới chỉ có thêm vào.",
               "RIGHT: between the two heads there were only additions."));
    return 0;
}

/* ---- the two files whole ---- */

static FILE *part_open(const char *dir, const char *name)
{
    char path[4096];

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
        return NULL;
    return fopen(path, "rb");
}

static int head_check(struct keys *k, struct tree *t, FILE *entries, const uint8_t head[HEAD])
{
    uint8_t entry[ENTRY];
    int rc = head[H_TYPE] == HEAD_SIGNED ? head_signed(k, head) : key_change(k, head);

    if (rc != 0)
        return rc;
    while (t->size < number(head + H_ENTRIES, 8)) {
        if (fread(entry, ENTRY, 1, entries) != 1)
            return wrong("sổ cái bị cắt ngắn", "the ledger was cut short");
        tree_add(t, entry_leaf(entry));
    }
    if (t->size != number(head + H_ENTRIES, 8) || !same(tree_root(t), hash_at(head + H_ROOT)))
        return wrong("sổ cái khác với lúc ký", "the ledger is not what was signed");
    return 0;
}

static int ledger_check(const char *dir, const char *anchor)
{
    FILE *heads = part_open(dir, "heads"), *entries = part_open(dir, "ledger");
    uint8_t head[HEAD];
    struct keys keys = {0};
    struct tree tree = {0};
    hash before = {{0}};
    uint64_t n = 0;
    int rc = heads == NULL || entries == NULL ? unreadable(dir) : 0;

    while (rc == 0 && fread(head, HEAD, 1, heads) == 1) {
        if (!same(hash_at(head + H_BEFORE), before) || number(head + H_NO, 8) != n)
            rc = wrong("chuỗi đầu ký bị đứt", "the chain of heads is broken");
        else
            rc = head_check(&keys, &tree, entries, head);
        if (rc == 0)
            n++;
        else
            printf("%s %" PRIu64 "\n", say("Đầu ký số", "Head number"), n);
        before = digest(head, HEAD);
    }
    if (rc == 0 && n == 0)
        rc = wrong("không có đầu ký nào", "there is no head");
    if (rc == 0)
        rc = anchor_fits(&keys, anchor);
    if (rc == 0) {
        printf("%s %" PRIu64 ", %s %" PRIu64 "\n%s: ", say("Đầu ký:", "Heads:"), n,
               say("mục đã ký:", "signed entries:"), tree.size, say("Đầu ký cuối", "Last head"));
        hex_print(before);
        printf("\n%s\n",
               say("ĐÚNG: sổ cái nguyên vẹn đến đầu ký cuối.", "RIGHT: the ledger is whole up to the last head."));
    }
    if (heads != NULL)
        fclose(heads);
    if (entries != NULL)
        fclose(entries);
    return rc;
}

static int proof_file(const char *path, const char *anchor)
{
    json_error_t why;
    json_t *proof = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

    if (proof == NULL)
        return unreadable(why.text);
    int rc = json_object_get(proof, "record") != NULL ? proof_record(proof, anchor) : proof_growth(proof, anchor);
    json_decref(proof);
    return rc;
}

static int usage(FILE *out, int rc)
{
    fprintf(out, "%s",
            say("Cách dùng: luy-verifier [--anchor HEX] BẰNG-CHỨNG.json\n"
                "           luy-verifier [--anchor HEX] --ledger THƯ-MỤC\n"
                "Mã thoát: 0 đúng, 1 sai, 2 không đọc được.\n",
                "Usage: luy-verifier [--anchor HEX] PROOF.json\n"
                "       luy-verifier [--anchor HEX] --ledger DIR\n"
                "Exit: 0 it fits, 1 it does not, 2 cannot be read.\n"));
    return rc;
}

int main(int argc, char **argv)
{
    const char *lang = getenv("LANG"), *anchor = NULL, *dir = NULL, *file = NULL;

    vietnamese = lang == NULL || strncmp(lang, "en", 2) != 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return usage(stdout, 0);
        if (strcmp(argv[i], "--anchor") == 0 && i + 1 < argc)
            anchor = argv[++i];
        else if (strcmp(argv[i], "--ledger") == 0 && i + 1 < argc)
            dir = argv[++i];
        else if (argv[i][0] != '-' && file == NULL)
            file = argv[i];
        else
            return usage(stderr, 2);
    }
    if ((dir == NULL) == (file == NULL))
        return usage(stderr, 2);
    return dir != NULL ? ledger_check(dir, anchor) : proof_file(file, anchor);
}

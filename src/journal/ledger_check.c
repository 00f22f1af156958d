/* Reading the ledger from its beginning: is it whole, and proofs out of it.
 * Needs no key but the public ones that stand in the heads. */
#include "journal/ledger-int.h"
#include "base/rand.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int ledger_scan_open(const char *dir, const char *name, size_t record, struct ledger_scan *s, struct err *e)
{
    char path[LEDGER_PATH_MAX];
    struct stat st;

    *s = (struct ledger_scan){.record = record};
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
        return ERR(e, -ENAMETOOLONG, "journal.read", dir);
    s->f = fopen(path, "rbe");
    if (s->f == NULL || fstat(fileno(s->f), &st) < 0) {
        int rc = -errno;
        ledger_scan_close(s);
        return ERR(e, rc, "journal.read", path);
    }
    s->size = (uint64_t)st.st_size;
    return 0;
}

int ledger_scan_next(struct ledger_scan *s, uint8_t *out)
{
    if (fread(out, s->record, 1, s->f) != 1)
        return ferror(s->f) ? -EIO : 0;
    s->no++;
    return 1;
}

void ledger_scan_close(struct ledger_scan *s)
{
    if (s->f != NULL)
        fclose(s->f);
    s->f = NULL;
}

static bool same(struct sha256 a, struct sha256 b) { return memcmp(a.b, b.b, sizeof(a.b)) == 0; }

static int bad_head(struct err *e, const char *key, uint64_t no) { return ERR(e, -EBADMSG, key, N((int64_t)no)); }

static bool places_fit(const struct head_chain *c, const struct ledger_head *h)
{
    bool first = c->no == 0;
    return h->no == c->no && same(h->before, c->before) && (h->type == HEAD_BEGIN) == first && h->epoch == c->epoch &&
           h->entries >= c->entries;
}

int head_chain_next(struct head_chain *c, const uint8_t bytes[LEDGER_HEAD], struct ledger_head *h, struct err *e)
{
    if (!ledger_head_read(bytes, h))
        return bad_head(e, "journal.proof_head_damaged", c->no);
    if (!places_fit(c, h))
        return bad_head(e, "journal.proof_head_order", c->no);
    const uint8_t *key = h->type == HEAD_BEGIN ? h->key : c->key;
    if (vault_verify_raw(key, (str){(const char *)bytes, LEDGER_SIGNED}, h->sig, NULL) < 0)
        return bad_head(e, "journal.proof_head_signature", c->no);
    if (h->type == HEAD_SIGNED && memcmp(h->key, c->key, sizeof(c->key)) != 0)
        return bad_head(e, "journal.proof_head_order", c->no);
    c->before = sha256((str){(const char *)bytes, LEDGER_HEAD});
    if (c->no == 0)
        c->anchor = c->before;
    memcpy(c->key, h->key, sizeof(c->key));
    c->epoch += h->type == HEAD_EVOLVE;
    c->entries = h->entries;
    c->at_ns = h->at_ns;
    c->no++;
    return 0;
}

/* ---- check ---- */

struct check {
    struct ledger_scan heads, entries;
    struct head_chain chain;
    struct merkle_edge edge;
    ledger_fn *fn;
    void *ctx;
    struct ledger_report *rep;
};

static void first_bad(struct check *c, const struct err *why)
{
    if (!c->rep->bad)
        c->rep->first = *why;
    c->rep->bad = true;
}

/* Reads on until the log has `until` entries or ends. */
static int entries_until(struct check *c, uint64_t until)
{
    uint8_t bytes[LEDGER_ENTRY];
    struct ledger_entry n;
    int rc = 1;

    while (c->edge.size < until && (rc = ledger_scan_next(&c->entries, bytes)) == 1) {
        uint64_t no = c->edge.size;
        struct err why = {0};
        if (!ledger_entry_read(bytes, &n) || n.no != no) {
            ERR(&why, -EBADMSG, "journal.proof_entry_damaged", N((int64_t)no));
            first_bad(c, &why);
        } else if (c->fn != NULL && (rc = c->fn(c->ctx, &n)) < 0) {
            return rc;
        }
        merkle_edge_add(&c->edge, merkle_leaf((str){(const char *)bytes, LEDGER_ENTRY - 4}));
    }
    return rc < 0 ? rc : 0;
}

/* The log as it was when this head was signed. */
static int head_fits(struct check *c, const struct ledger_head *h)
{
    struct err why = {0};
    int rc = entries_until(c, h->entries);

    if (rc < 0)
        return rc;
    if (c->edge.size < h->entries)
        ERR(&why, -EBADMSG, "journal.proof_cut", N((int64_t)c->edge.size), N((int64_t)h->entries));
    else if (!same(merkle_edge_root(&c->edge), h->root))
        ERR(&why, -EBADMSG, "journal.proof_root", N((int64_t)h->no), N((int64_t)c->rep->signed_entries),
            N((int64_t)h->entries));
    else
        c->rep->signed_entries = h->entries;
    if (why.code != 0)
        first_bad(c, &why);
    return 0;
}

static int heads_all(struct check *c, str anchor)
{
    uint8_t bytes[LEDGER_HEAD];
    struct ledger_head h;
    struct err why = {0};
    int rc;

    while ((rc = ledger_scan_next(&c->heads, bytes)) == 1) {
        if (head_chain_next(&c->chain, bytes, &h, &why) < 0) {
            first_bad(c, &why);
            break;
        }
        sha256_hex(c->chain.anchor, c->rep->anchor);
        if (c->chain.no == 1 && anchor.n > 0 && !str_eq_nocase(anchor, str_c(c->rep->anchor))) {
            ERR(&why, -EBADMSG, "journal.proof_anchor", c->rep->anchor, S(anchor));
            first_bad(c, &why);
        }
        rc = head_fits(c, &h);
        if (rc < 0)
            return rc;
    }
    if (rc == 0 && c->chain.no == 0) {
        ERR(&why, -EBADMSG, "journal.proof_no_heads");
        first_bad(c, &why);
    }
    return rc < 0 ? rc : entries_until(c, UINT64_MAX);
}

int ledger_check(const char *dir, str anchor, ledger_fn *fn, void *ctx, struct ledger_report *out, struct err *e)
{
    struct check c = {.fn = fn, .ctx = ctx, .rep = out};
    struct err why = {0};

    *out = (struct ledger_report){0};
    int rc = ledger_scan_open(dir, "heads", LEDGER_HEAD, &c.heads, e);
    if (rc == 0)
        rc = ledger_scan_open(dir, "ledger", LEDGER_ENTRY, &c.entries, e);
    if (rc == 0) {
        rc = heads_all(&c, anchor);
        if (rc < 0)
            ERR(e, rc, "journal.read", dir);
        if (c.heads.size % LEDGER_HEAD != 0 || c.entries.size % LEDGER_ENTRY != 0) {
            ERR(&why, -EBADMSG, "journal.proof_torn", dir);
            first_bad(&c, &why);
        }
    }
    out->entries = c.edge.size;
    out->heads = c.chain.no;
    out->epochs = c.chain.no == 0 ? 0 : c.chain.epoch + 1;
    ledger_scan_close(&c.heads);
    ledger_scan_close(&c.entries);
    return rc;
}

/* ---- proofs ---- */

static json_t *hex_json(const void *p, size_t n)
{
    char text[2 * LEDGER_HEAD + 1];

    hex_fmt(p, n, text);
    return json_string(text);
}

static json_t *path_json(const struct sha256 *path, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, hex_json(path[i].b, sizeof(path[i].b)));
    return out;
}

/* The heads up to record `want` (or the first that covers `entries`), and the keys' changes before it. */
struct found {
    struct ledger_head h;
    uint8_t bytes[LEDGER_HEAD];
    json_t *evolutions;
};

static int head_find(const char *dir, uint64_t want, uint64_t entries, struct found *f, struct err *e)
{
    struct head_chain c = {0};
    struct ledger_scan s;
    int rc = ledger_scan_open(dir, "heads", LEDGER_HEAD, &s, e);

    if (rc < 0)
        return rc;
    f->evolutions = json_array();
    while ((rc = ledger_scan_next(&s, f->bytes)) == 1) {
        rc = head_chain_next(&c, f->bytes, &f->h, e);
        if (rc < 0 || (f->h.no >= want && f->h.entries >= entries && f->h.type != HEAD_BEGIN))
            break;
        if (f->h.type != HEAD_SIGNED)
            json_array_append_new(f->evolutions, hex_json(f->bytes, LEDGER_HEAD));
    }
    ledger_scan_close(&s);
    if (rc == 0 && (c.no == 0 || f->h.no < want || f->h.entries < entries || f->h.type == HEAD_BEGIN))
        rc = ERR(e, -ENOENT, "journal.proof_not_signed", N((int64_t)entries));
    if (rc < 0) {
        json_decref(f->evolutions);
        f->evolutions = NULL;
    }
    return rc < 0 ? rc : 0;
}

/* Digests of the first n entries; the bytes of entry `no` besides. */
static int leaves_load(const char *dir, uint64_t n, uint64_t no, uint8_t entry[LEDGER_ENTRY], struct sha256 **out,
                       struct err *e)
{
    uint8_t bytes[LEDGER_ENTRY];
    struct ledger_scan s;
    int rc = ledger_scan_open(dir, "ledger", LEDGER_ENTRY, &s, e);

    if (rc < 0)
        return rc;
    struct sha256 *v = s.size / LEDGER_ENTRY < n ? NULL : calloc(n == 0 ? 1 : n, sizeof(*v));
    if (v == NULL)
        rc = ERR(e, s.size / LEDGER_ENTRY < n ? -EBADMSG : -ENOMEM, "journal.proof_cut",
                 N((int64_t)(s.size / LEDGER_ENTRY)), N((int64_t)n));
    for (uint64_t i = 0; rc == 0 && i < n; i++) {
        if (ledger_scan_next(&s, bytes) != 1)
            rc = ERR(e, -EIO, "journal.read", dir);
        v[i] = merkle_leaf((str){(const char *)bytes, LEDGER_ENTRY - 4});
        if (i == no && entry != NULL)
            memcpy(entry, bytes, LEDGER_ENTRY);
    }
    ledger_scan_close(&s);
    if (rc < 0)
        free(v);
    else
        *out = v;
    return rc;
}

int ledger_prove(const char *dir, uint64_t no, json_t **out, struct err *e)
{
    struct sha256 *leaves = NULL, path[MERKLE_PATH_MAX];
    uint8_t entry[LEDGER_ENTRY];
    struct found f = {0};
    int rc = head_find(dir, 0, no + 1, &f, e);

    if (rc < 0)
        return rc;
    rc = leaves_load(dir, f.h.entries, no, entry, &leaves, e);
    if (rc == 0) {
        size_t n = merkle_path(leaves, f.h.entries, no, path);
        *out = json_pack("{s:o,s:o,s:o,s:O}", "entry", hex_json(entry, LEDGER_ENTRY), "entry_path", path_json(path, n),
                         "head", hex_json(f.bytes, LEDGER_HEAD), "evolutions", f.evolutions);
    }
    free(leaves);
    json_decref(f.evolutions);
    return rc;
}

int ledger_prove_growth(const char *dir, uint64_t old_head, uint64_t new_head, json_t **out, struct err *e)
{
    struct sha256 *leaves = NULL, path[MERKLE_PATH_MAX];
    struct found was = {0}, is = {0};
    int rc = head_find(dir, old_head, 1, &was, e);

    if (rc == 0)
        rc = head_find(dir, new_head, was.h.entries, &is, e);
    if (rc == 0)
        rc = leaves_load(dir, is.h.entries, UINT64_MAX, NULL, &leaves, e);
    if (rc == 0) {
        struct err why = {0};
        size_t n = merkle_consistency(leaves, was.h.entries, is.h.entries, path, &why);
        if (why.code != 0)
            rc = why.code;
        else
            *out = json_pack("{s:o,s:o,s:o,s:O}", "old", hex_json(was.bytes, LEDGER_HEAD), "new",
                             hex_json(is.bytes, LEDGER_HEAD), "path", path_json(path, n), "evolutions", is.evolutions);
        if (e != NULL && why.code != 0)
            *e = why;
    }
    free(leaves);
    json_decref(was.evolutions);
    json_decref(is.evolutions);
    return rc;
}

/* Adding to the ledger: entries, heads, epochs. */
#include "journal/ledger-int.h"
#include "base/file.h"
#include "base/log.h"
#include "journal/wal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void key_name(uint32_t epoch, char out[32]) { snprintf(out, 32, "head-%u", epoch); }

static int append(int fd, const void *p, size_t n, const char *dir, struct err *e)
{
    off_t end = lseek(fd, 0, SEEK_END);
    int rc = end < 0 ? -errno : fd_write_all(fd, p, n);

    if (rc == 0 && fdatasync(fd) < 0)
        rc = -errno;
    if (rc == 0)
        return 0;
    /* All or nothing: what was half written goes. */
    if (end >= 0 && ftruncate(fd, end) < 0)
        log_event(LOG_ERROR, "ledger_cut", F_STR("dir", str_c(dir)));
    return ERR(e, wal_no_room(rc), "journal.write", dir);
}

/* ---- heads ---- */

static int head_put(struct ledger *l, struct ledger_head *h, struct err *e)
{
    uint8_t bytes[LEDGER_HEAD], sig[VAULT_SIG_MAX];
    char name[32];
    size_t n;

    h->no = l->chain.no;
    h->at_ns = clock_wall(l->clk);
    h->before = l->chain.before;
    ledger_head_write(h, bytes);
    key_name(h->epoch, name);
    int rc = vault_sign(l->vault, str_c(name), (str){(const char *)bytes, LEDGER_SIGNED}, sig, &n, e);
    if (rc < 0)
        return rc;
    if (n != VAULT_RAW_SIG)
        return ERR(e, -EINVAL, "vault.not_ed25519", name);
    memcpy(h->sig, sig, VAULT_RAW_SIG);
    ledger_head_write(h, bytes);
    rc = append(l->heads_fd, bytes, sizeof(bytes), l->dir, e);
    return rc < 0 ? rc : head_chain_next(&l->chain, bytes, h, e);
}

static int begin(struct ledger *l, struct err *e)
{
    struct ledger_head h = {.type = HEAD_BEGIN, .root = sha256(STR_NONE)};
    char name[32];

    key_name(0, name);
    int rc = vault_key_ensure(l->vault, str_c(name), VAULT_ED25519, e);
    if (rc == 0)
        rc = vault_public_raw(l->vault, str_c(name), h.key, e);
    if (rc == 0)
        rc = head_put(l, &h, e);
    l->epoch_began_ns = h.at_ns;
    return rc;
}

static int sign_now(struct ledger *l, struct err *e)
{
    struct ledger_head h = {.type = HEAD_SIGNED, .epoch = l->chain.epoch, .entries = l->edge.size};

    if (l->edge.size == l->signed_entries)
        return 0;
    h.root = merkle_edge_root(&l->edge);
    memcpy(h.key, l->chain.key, sizeof(h.key));
    int rc = head_put(l, &h, e);
    if (rc == 0)
        l->signed_entries = h.entries;
    return rc;
}

/* The new key is stored before its name is signed, and the old one is wiped
 * after: a crash between leaves a key too many, which the next open removes. */
static int evolve(struct ledger *l, struct err *e)
{
    struct ledger_head h = {.type = HEAD_EVOLVE, .epoch = l->chain.epoch, .entries = l->edge.size};
    char old[32], fresh[32];

    key_name(h.epoch, old);
    key_name(h.epoch + 1, fresh);
    h.root = merkle_edge_root(&l->edge);
    int rc = vault_key_ensure(l->vault, str_c(fresh), VAULT_ED25519, e);
    if (rc == 0)
        rc = vault_public_raw(l->vault, str_c(fresh), h.key, e);
    if (rc == 0)
        rc = head_put(l, &h, e);
    if (rc < 0)
        return rc;
    l->signed_entries = h.entries;
    l->epoch_began_ns = h.at_ns;
    return vault_key_forget(l->vault, str_c(old), e);
}

/* ---- open ---- */

static void tell(struct ledger *l, const char *what, const struct err *e)
{
    l->damaged = true;
    if (e->code != 0)
        log_err(LOG_ERROR, what, e);
    else
        log_event(LOG_ERROR, what, F_STR("dir", str_c(l->dir)));
}

static void note_next(struct ledger *l, const struct ledger_entry *n)
{
    if (n->type != LEDGER_DELETED && n->type != LEDGER_ARCHIVE && n->first + n->records > l->next[n->stream])
        l->next[n->stream] = n->first + n->records;
}

static int load_entries(struct ledger *l, struct err *e)
{
    uint8_t bytes[LEDGER_ENTRY];
    struct ledger_entry n;
    struct ledger_scan s;
    int rc = ledger_scan_open(l->dir, "ledger", LEDGER_ENTRY, &s, e);

    if (rc < 0)
        return rc;
    uint64_t all = s.size / LEDGER_ENTRY;
    while ((rc = ledger_scan_next(&s, bytes)) == 1) {
        bool good = ledger_entry_read(bytes, &n) && n.no == l->edge.size;
        if (!good && s.no == all) { /* the last one: it was being written */
            all--;
            break;
        }
        if (!good && !l->damaged)
            tell(l, "ledger_entry_damaged", &(struct err){0});
        if (good)
            note_next(l, &n);
        merkle_edge_add(&l->edge, merkle_leaf((str){(const char *)bytes, LEDGER_ENTRY - 4}));
    }
    ledger_scan_close(&s);
    if (rc < 0)
        return ERR(e, rc, "journal.read", l->dir);
    if (s.size != all * LEDGER_ENTRY && ftruncate(l->entries_fd, (off_t)(all * LEDGER_ENTRY)) < 0)
        return ERR(e, -errno, "journal.write", l->dir);
    return 0;
}

static int load_heads(struct ledger *l, struct err *e)
{
    uint8_t bytes[LEDGER_HEAD];
    struct ledger_head h;
    struct ledger_scan s;
    int rc = ledger_scan_open(l->dir, "heads", LEDGER_HEAD, &s, e);

    if (rc < 0)
        return rc;
    uint64_t all = s.size / LEDGER_HEAD, good = 0;
    while ((rc = ledger_scan_next(&s, bytes)) == 1) {
        struct err why = {0};
        if (head_chain_next(&l->chain, bytes, &h, &why) < 0) {
            if (s.no != all)
                tell(l, "ledger_head_damaged", &why);
            break;
        }
        good++;
        l->signed_entries = h.entries;
        if (h.type != HEAD_SIGNED)
            l->epoch_began_ns = h.at_ns;
    }
    ledger_scan_close(&s);
    if (rc < 0)
        return ERR(e, rc, "journal.read", l->dir);
    if (!l->damaged && s.size != good * LEDGER_HEAD && ftruncate(l->heads_fd, (off_t)(good * LEDGER_HEAD)) < 0)
        return ERR(e, -errno, "journal.write", l->dir);
    if (l->signed_entries > l->edge.size)
        tell(l, "ledger_shorter_than_signed", &(struct err){0});
    return 0;
}

static int open_file(struct ledger *l, const char *name, int *fd, struct err *e)
{
    char path[LEDGER_PATH_MAX];

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", l->dir, name) >= sizeof(path))
        return ERR(e, -ENAMETOOLONG, "journal.write", l->dir);
    *fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return *fd < 0 ? ERR(e, -errno, "journal.write", path) : file_sync_dir(l->dir, e);
}

/* Keys that a crash left behind: the old one of the last change, or a new one never named. */
static int keys_tidy(struct ledger *l, struct err *e)
{
    char name[32];
    int rc = 0;

    if (l->chain.epoch > 0) {
        key_name(l->chain.epoch - 1, name);
        rc = vault_key_forget(l->vault, str_c(name), e);
    }
    return rc;
}

static int open_all(struct ledger *l, struct err *e)
{
    int rc = open_file(l, "ledger", &l->entries_fd, e);

    if (rc == 0)
        rc = open_file(l, "heads", &l->heads_fd, e);
    if (rc == 0)
        rc = load_entries(l, e);
    if (rc == 0)
        rc = load_heads(l, e);
    if (rc == 0 && l->chain.no == 0 && !l->damaged)
        rc = begin(l, e);
    return rc < 0 ? rc : keys_tidy(l, e);
}

int ledger_open(const char *dir, struct vault *v, const struct clock *clk, struct ledger **out, struct err *e)
{
    struct ledger *l = calloc(1, sizeof(*l));

    if (l == NULL || (l->dir = strdup(dir)) == NULL) {
        free(l);
        return ERR(e, -ENOMEM, "journal.no_memory");
    }
    l->vault = v;
    l->clk = clk;
    l->entries_fd = l->heads_fd = -1;
    pthread_mutex_init(&l->lock, NULL);
    int rc = open_all(l, e);
    if (rc < 0) {
        l->signed_entries = l->edge.size; /* nothing to sign on the way out */
        ledger_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void ledger_close(struct ledger *l)
{
    struct err e = {0};

    if (l == NULL)
        return;
    if (!l->damaged && l->heads_fd >= 0 && sign_now(l, &e) < 0)
        log_err(LOG_ERROR, "ledger_sign", &e);
    if (l->entries_fd >= 0)
        close(l->entries_fd);
    if (l->heads_fd >= 0)
        close(l->heads_fd);
    pthread_mutex_destroy(&l->lock);
    free(l->dir);
    free(l);
}

/* ---- use ---- */

bool ledger_damaged(const struct ledger *l) { return l->damaged; }

int ledger_add(struct ledger *l, struct ledger_entry *n, struct err *e)
{
    uint8_t bytes[LEDGER_ENTRY];

    pthread_mutex_lock(&l->lock);
    n->no = l->edge.size;
    ledger_entry_write(n, bytes);
    int rc = append(l->entries_fd, bytes, sizeof(bytes), l->dir, e);
    if (rc == 0) {
        merkle_edge_add(&l->edge, merkle_leaf((str){(const char *)bytes, LEDGER_ENTRY - 4}));
        note_next(l, n);
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}

int ledger_sign(struct ledger *l, struct err *e)
{
    pthread_mutex_lock(&l->lock);
    int rc = l->damaged ? 0 : sign_now(l, e);
    pthread_mutex_unlock(&l->lock);
    return rc;
}

int ledger_tick(struct ledger *l, struct err *e)
{
    int rc = 0;

    pthread_mutex_lock(&l->lock);
    int64_t now = clock_wall(l->clk);
    if (l->damaged)
        rc = 0; /* a head over a damaged log would cover the damage up */
    else if (now - l->epoch_began_ns >= LEDGER_EPOCH_SECONDS * NS_PER_S)
        rc = evolve(l, e);
    else if (now - l->chain.at_ns >= LEDGER_HEAD_SECONDS * NS_PER_S)
        rc = sign_now(l, e);
    pthread_mutex_unlock(&l->lock);
    return rc;
}

uint64_t ledger_next(struct ledger *l, enum ledger_stream s)
{
    pthread_mutex_lock(&l->lock);
    uint64_t next = l->next[s];
    pthread_mutex_unlock(&l->lock);
    return next;
}

void ledger_extent(struct ledger *l, uint64_t *entries_bytes, uint64_t *heads_bytes)
{
    pthread_mutex_lock(&l->lock);
    uint64_t n = l->signed_entries < l->edge.size ? l->signed_entries : l->edge.size;
    *entries_bytes = n * LEDGER_ENTRY;
    *heads_bytes = l->chain.no * LEDGER_HEAD;
    pthread_mutex_unlock(&l->lock);
}

void ledger_anchor(struct ledger *l, char hex[65])
{
    pthread_mutex_lock(&l->lock);
    sha256_hex(l->chain.anchor, hex);
    pthread_mutex_unlock(&l->lock);
}

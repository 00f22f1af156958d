/* The archives that are due, made without a server: for a folder whose luyd is
 * stopped, or that luy-journal made. The folder's lock and the keys of its ledger
 * are what luyd would use; without the keys nothing is made, because an archive
 * that no signed head knows would not verify. */
#include "journal/archive.h"
#include "journal/flow_store.h"
#include "offline/offline.h"
#include "vault/vault.h"
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4200 };
struct making {
    struct offline *o;
    struct journal *j;
    struct flow_store *flows; /* NULL: none lie with it */
    struct progress bar;
    uint64_t made;
    bool bad;
};
static atomic_bool stop;

static void on_signal(int sig)
{
    (void)sig;
    stop = true;
}

static void catch_signals(void)
{
    struct sigaction sa = {.sa_handler = on_signal};

    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
}

/* ---- may it, and with what ---- */

static bool is_folder(const char *path, struct stat *st) { return stat(path, st) == 0 && S_ISDIR(st->st_mode); }

/* Is the key of the chain's epoch the vault's? A head under another key would break the ledger. */
static int keys_fit(const char *dir, struct vault *v, struct err *e)
{
    uint8_t bytes[LEDGER_HEAD], key[VAULT_RAW_PUBLIC];
    struct head_chain chain = {0};
    struct ledger_head h;
    struct ledger_scan s;
    char name[32];
    int rc = ledger_scan_open(dir, "heads", LEDGER_HEAD, &s, e);

    if (rc < 0)
        return rc;
    while (rc == 0 && ledger_scan_next(&s, bytes) == 1)
        rc = head_chain_next(&chain, bytes, &h, e);
    ledger_scan_close(&s);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof(name), "head-%u", chain.epoch);
    if (chain.no == 0 || vault_public_raw(v, str_c(name), key, e) < 0 || memcmp(key, chain.key, sizeof(key)) != 0)
        return ERR(e, -ENOENT, "offline.archive_no_keys", dir);
    return 0;
}

/* The journal's own keys, or those of the luyd beside whose folder it lies. */
static int keys_open(struct offline *o, bool *of_luyd, struct err *e)
{
    char path[PATH_BYTES];
    struct stat st;

    *of_luyd = false;
    if ((size_t)snprintf(path, sizeof(path), "%s/keys", o->dir) >= sizeof(path))
        return ERR(e, -ENAMETOOLONG, "journal.read", o->dir);
    if (!is_folder(path, &st)) {
        *of_luyd = true;
        if ((size_t)snprintf(path, sizeof(path), "%s/../keys", o->dir) >= sizeof(path) || !is_folder(path, &st))
            return ERR(e, -ENOENT, "offline.archive_no_keys", o->dir);
    }
    int rc = vault_open(path, &o->clk, &o->vault, e);
    return rc < 0 ? rc : keys_fit(o->dir, o->vault, e);
}

static int places_check(struct offline *o, struct err *e)
{
    struct stat here, there;

    if (o->dir == NULL)
        return ERR(e, -EINVAL, "offline.no_dir");
    if (o->to == NULL)
        return ERR(e, -EINVAL, "offline.no_value", "archive", "--to PLACE");
    if (offline_is_archive(o->dir))
        return ERR(e, -EROFS, "offline.archive_sealed", o->dir);
    if (!is_folder(o->dir, &here))
        return ERR(e, -ENOENT, "journal.read", o->dir);
    if (!is_folder(o->to, &there))
        return ERR(e, -ENOTDIR, "offline.archive_place", o->to);
    /* What another account writes there, luyd could not read or change any more. */
    if (here.st_uid != geteuid())
        return ERR(e, -EPERM, "offline.archive_owner", o->dir, N((int64_t)here.st_uid));
    if (here.st_dev == there.st_dev && !o->quiet)
        offline_say(o, "offline.archive_same_disk", o->to, NULL, NULL);
    return 0;
}

static int flows_open(struct making *m, struct err *e)
{
    char path[PATH_BYTES];
    struct flow_store_cfg cfg = {.dir = path, .ledger = journal_ledger(m->j)};
    struct stat st;

    if ((size_t)snprintf(path, sizeof(path), "%s/../flows", m->o->dir) >= sizeof(path) || !is_folder(path, &st))
        return 0;
    int rc = flow_store_open(&cfg, &m->o->clk, &m->flows, e);
    return rc < 0 ? rc : journal_archive_flows(m->j, m->flows, e);
}

static int open_both(struct making *m, struct err *e)
{
    struct offline *o = m->o;
    bool of_luyd = false;
    int rc = places_check(o, e);

    if (rc == 0)
        rc = keys_open(o, &of_luyd, e);
    if (rc < 0)
        return rc;
    struct journal_cfg cfg = {.dir = o->dir,
                              .sync_ms = 1000,
                              .block_seconds = INT32_MAX,
                              .vault = o->vault,
                              .archive_dir = o->to,
                              .archive_same_disk = true};
    rc = journal_open(&cfg, &o->clk, &m->j, e);
    return rc == 0 && of_luyd ? flows_open(m, e) : rc;
}

/* ---- making ---- */

static void on_progress(void *ctx, uint64_t done, uint64_t all) { progress_show(ctx, done, all); }

static void list_one(struct making *m, const struct archive_done *d)
{
    char first[600] = "";

    progress_end(&m->bar);
    if (d->check.bad)
        err_sentence(&d->check.first, m->o->lang, first, sizeof(first));
    if (m->o->as == OUT_JSON) {
        json_t *v = json_pack("{s:s,s:I,s:I,s:I,s:I,s:s,s:b,s:o}", "name", d->name, "records", (json_int_t)d->records,
                              "bytes", (json_int_t)d->bytes, "flows", (json_int_t)d->flows, "flow_bytes",
                              (json_int_t)d->flow_bytes, "sha256", d->sha256, "whole", !d->check.bad, "first",
                              d->check.bad ? json_string(first) : json_null());
        json_dumpf(v, stdout, 0);
        putchar('\n');
        json_decref(v);
    } else {
        const char *args[] = {d->name, N((int64_t)d->records), N((int64_t)d->flows),
                              N((int64_t)(d->bytes + d->flow_bytes)), d->sha256};
        char line[1024];
        msg_fmt(line, sizeof(line), m->o->lang, "offline.archive_made", args, 5);
        printf("%s\n", line);
        if (d->check.bad)
            printf("  %s\n", first);
    }
    fflush(stdout);
}

static int make_all(struct making *m, struct err *e)
{
    struct archive_watch w = {.cancel = &stop, .progress = on_progress, .ctx = &m->bar};
    struct archive_done done;
    int rc = 1;

    while (rc == 1) {
        progress_begin(&m->bar, m->o, "offline.archiving");
        rc = journal_archive_step(m->j, &w, &done, e);
        progress_end(&m->bar);
        if (rc != 1)
            break;
        m->made++;
        m->bad |= done.check.bad;
        list_one(m, &done);
    }
    return rc;
}

int verb_archive(struct offline *o)
{
    struct making m = {.o = o};
    struct err e = {0};
    int rc = open_both(&m, &e);

    if (rc == 0) {
        catch_signals();
        rc = make_all(&m, &e);
    }
    if (m.flows != NULL)
        journal_archive_flows(m.j, NULL, NULL);
    flow_store_close(m.flows);
    if (m.j != NULL)
        journal_close(m.j);
    if (rc < 0)
        return offline_fail(o, &e);
    if (m.made == 0 && !o->quiet)
        offline_say(o, "offline.archive_none", NULL, NULL, NULL);
    return m.bad ? EXIT_DIFFERENT : EXIT_FINE;
}

/* From sealed blocks to INSERTs. See ch_feed.h.
 *
 * The file, text: "luy-cluster 1\n" set "\n" number "\n". `set` is database and
 * cluster: a file of another set is none. */
#include "journal/ch_feed.h"
#include "base/file.h"
#include "journal/sealed.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { STATE_MAX = 4096 };
#define STATE_HEAD "luy-cluster 1"

struct ch_feed {
    struct ch_feed_cfg cfg;
    const struct clock *clk;
    struct ch *set;
    char *state, *name; /* name: what the file says of the set */
    struct ch_batch batch;
    uint64_t next, behind; /* the next number; behind the batch in hand */
    bool known, held, fresh, down;
    bool proven; /* a batch of this run arrived: what comes now was not sent before a restart */
    int64_t retry_ns;
    atomic_bool stop;
    _Atomic uint64_t sent_events, sent_batches, failures, skipped_events, bad_events, cursor_errors, shown_next;
    _Atomic int64_t waiting_since; /* receipt of the batch in hand; 0: none */
    atomic_bool is_down;
};

/* ---- the cursor ---- */

static bool state_parse(const struct ch_feed *f, str text, uint64_t *next)
{
    str head, name, number;

    return str_split(&text, '\n', &head) && str_eq(head, STR(STATE_HEAD)) && str_split(&text, '\n', &name) &&
           str_eq(name, str_c(f->name)) && str_split(&text, '\n', &number) && str_u64(number, next);
}

/* 1: known; 0: there is none for this set. */
static int state_read(struct ch_feed *f, struct err *e)
{
    struct arena a = arena_init(STATE_MAX * 2);
    str text;
    int rc = file_read(&a, f->state, STATE_MAX, &text, e);

    if (rc == -ENOENT)
        rc = 0;
    else if (rc == 0)
        rc = state_parse(f, text, &f->next);
    arena_free(&a);
    return rc;
}

static void state_write(struct ch_feed *f)
{
    char text[STATE_MAX];
    struct err e = {0};
    int n = snprintf(text, sizeof(text), "%s\n%s\n%llu\n", STATE_HEAD, f->name, (unsigned long long)f->next);

    /* a full disk is told by the journal; the next INSERT writes it again */
    if (file_write_atomic(f->state, (str){text, (size_t)n}, 0600, &e) < 0)
        atomic_fetch_add(&f->cursor_errors, 1);
    atomic_store(&f->shown_next, f->next);
}

/* Where to begin: by the file, else behind what the set has. */
static int cursor_find(struct ch_feed *f, struct err *e)
{
    int rc = state_read(f, e);

    if (rc == 0) {
        rc = ch_next_seq(f->set, &f->next, e);
        f->fresh = rc == 0 && f->next == 0;
    }
    if (rc >= 0 && f->next > journal_next(f->cfg.journal))
        rc = ERR(e, -EBADMSG, "journal.ch_foreign", N((int64_t)f->next), N((int64_t)journal_next(f->cfg.journal)));
    if (rc < 0)
        return rc;
    f->known = true;
    atomic_store(&f->shown_next, f->next);
    return 0;
}

/* ---- a batch ---- */

static void note(struct ch_feed *f, enum ch_feed_event event, uint64_t first, uint64_t n, const struct err *why)
{
    if (f->cfg.note != NULL)
        f->cfg.note(f->cfg.ctx, &(struct ch_feed_note){event, first, n, why});
}

static bool take(void *ctx, const struct hit *h)
{
    return ch_batch_add(&((struct ch_feed *)ctx)->batch, h->seq, &h->ev);
}

static void skip_to(struct ch_feed *f, uint64_t next, _Atomic uint64_t *count, enum ch_feed_event event,
                    const struct err *why)
{
    uint64_t from = f->next, n = next - from;

    f->next = next;
    atomic_fetch_add(count, n);
    state_write(f);
    note(f, event, from, n, why);
}

/* 1: a batch is in hand; 0: nothing to send. */
static int batch_make(struct ch_feed *f, struct err *e)
{
    struct sealed_block b = {0};

    ch_batch_clear(&f->batch);
    int rc = journal_sealed_block(f->cfg.journal, f->next, take, f, &b, e);
    if (f->fresh && rc != 0 && b.first > f->next)
        f->next = b.first;
    if (rc == -EBADMSG || rc == -EIO) { /* said once, and passed by; what was read of it is not sent either */
        skip_to(f, b.next, &f->bad_events, CF_BAD, e);
        return 0;
    }
    if (rc <= 0)
        return rc;
    if (f->batch.buf.failed)
        return ERR(e, -ENOMEM, "journal.no_memory");
    if (b.first > f->next)
        skip_to(f, b.first, &f->skipped_events, CF_SKIPPED, NULL);
    f->fresh = false;
    f->behind = f->batch.last + 1;
    f->held = true;
    f->batch.again = !f->proven;
    atomic_store(&f->waiting_since, f->batch.received);
    return 1;
}

static void batch_sent(struct ch_feed *f)
{
    atomic_fetch_add(&f->sent_events, f->batch.rows);
    atomic_fetch_add(&f->sent_batches, 1);
    f->next = f->behind;
    f->held = false;
    f->proven = true;
    state_write(f);
    atomic_store(&f->waiting_since, 0);
}

/* ---- steps ---- */

/* 1: something moved; 0: nothing to do. */
static int step(struct ch_feed *f, struct err *e)
{
    int rc = f->known ? 0 : cursor_find(f, e);
    uint64_t before = f->next;

    if (rc == 0 && !f->held)
        rc = batch_make(f, e);
    if (rc < 0)
        return rc;
    if (!f->held)
        return f->next != before;
    rc = ch_insert(f->set, &f->batch, e);
    if (rc < 0)
        return rc;
    batch_sent(f);
    return 1;
}

static void set_down(struct ch_feed *f, bool down, const struct err *why)
{
    if (down == f->down)
        return;
    f->down = down;
    atomic_store(&f->is_down, down);
    note(f, down ? CF_DOWN : CF_UP, f->next, 0, why);
}

void ch_feed_step(struct ch_feed *f, int64_t *due_mono_ns)
{
    struct err e = {0};
    int64_t now;
    int rc = step(f, &e);

    now = clock_mono(f->clk);
    if (rc == -ECANCELED) {
        *due_mono_ns = now;
        return;
    }
    if (rc < 0) {
        atomic_fetch_add(&f->failures, 1);
        set_down(f, true, &e);
        *due_mono_ns = now + f->retry_ns;
        f->retry_ns =
            f->retry_ns * 2 < CH_FEED_RETRY_MAX_S * NS_PER_S ? f->retry_ns * 2 : CH_FEED_RETRY_MAX_S * NS_PER_S;
        return;
    }
    f->retry_ns = CH_FEED_RETRY_MIN_S * NS_PER_S;
    set_down(f, false, NULL);
    *due_mono_ns = rc == 1 ? now : now + CH_FEED_LOOK_S * NS_PER_S;
}

void ch_feed_stop(struct ch_feed *f) { atomic_store(&f->stop, true); }

void ch_feed_stats(const struct ch_feed *f, struct ch_feed_stats *out)
{
    uint64_t next = atomic_load(&f->shown_next), sealed = journal_sealed(f->cfg.journal);
    int64_t since = atomic_load(&f->waiting_since);

    *out = (struct ch_feed_stats){
        .sent_events = atomic_load(&f->sent_events),
        .sent_batches = atomic_load(&f->sent_batches),
        .failures = atomic_load(&f->failures),
        .skipped_events = atomic_load(&f->skipped_events),
        .bad_events = atomic_load(&f->bad_events),
        .cursor_errors = atomic_load(&f->cursor_errors),
        .next = next,
        .lag_events = sealed > next ? sealed - next : 0,
        .lag_ns = since == 0 ? 0 : clock_wall(f->clk) - since,
        .down = atomic_load(&f->is_down),
    };
    if (out->lag_ns < 0)
        out->lag_ns = 0;
}

int ch_feed_open(const struct ch_feed_cfg *cfg, const struct clock *clk, struct ch_feed **out, struct err *e)
{
    struct ch_feed *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    f->cfg = *cfg;
    f->clk = clk;
    f->retry_ns = CH_FEED_RETRY_MIN_S * NS_PER_S;
    ch_batch_init(&f->batch);
    f->state = strdup(cfg->state);
    if (asprintf(&f->name, "%.*s %.*s", STR_ARGS(cfg->set->database), STR_ARGS(cfg->set->cluster)) < 0)
        f->name = NULL;
    int rc =
        f->state == NULL || f->name == NULL ? ERR(e, -ENOMEM, "journal.no_memory") : ch_open(cfg->set, clk, &f->set, e);
    if (rc < 0) {
        ch_feed_close(f);
        return rc;
    }
    ch_stop_on(f->set, &f->stop);
    *out = f;
    return 0;
}

void ch_feed_close(struct ch_feed *f)
{
    if (f == NULL)
        return;
    ch_close(f->set);
    ch_batch_done(&f->batch);
    free(f->state);
    free(f->name);
    free(f);
}

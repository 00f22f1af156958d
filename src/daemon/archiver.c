/* See archiver.h. A failure is said when it begins and each hour while it lasts,
 * so that its finding stays open as long; the next try is a minute later. */
#include "daemon/archiver.h"
#include "base/calendar.h"
#include "base/json.h"
#include "base/log.h"
#include "journal/archive.h"
#include "registry/registry.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ROUND_S = 60, TELL_AGAIN_S = 3600, NICE = 15, HOST_MAX = 65 };
static const struct actor luyd_actor = {.name = {"luyd", 4}, .roles = ROLE_SYSTEM, .reason = {"log archive", 11}};

struct archiver {
    struct archiver_parts p;
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool stop; /* read in mid-copy without the lock */
    int64_t told;
    int told_code;
    char host[HOST_MAX];
    struct archive_done done; /* what this run made last: its look is still known */
    _Atomic uint64_t made, failures;
    _Atomic bool failing;
};

static int64_t mono(const struct archiver *a) { return clock_mono(a->p.clk); }

static void tell_failure(struct archiver *a, const char *what, const struct err *e)
{
    char text[512];

    atomic_fetch_add(&a->failures, 1);
    if (e->code == a->told_code && mono(a) < a->told)
        return;
    a->told = mono(a) + TELL_AGAIN_S * NS_PER_S;
    a->told_code = e->code;
    err_text(e, LANG_VI, text, sizeof(text));
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '"' || *c == '\\' ? '\'' : *c;
    struct archive_state st;
    journal_archive_state(a->p.journal, &st);
    self_sayf(a->p.self, 3, "event=%s place=\"%s\" waiting_segments=%llu waiting_bytes=%llu reason=\"%s\"", what,
              a->p.place, (unsigned long long)st.waiting_segments, (unsigned long long)st.waiting_bytes, text);
}

/* ---- the record ---- */

/* {"code", "month", ...} of an item of journal_archives */
static json_t *record_of(struct archiver *a, const json_t *item, const char *code, bool whole)
{
    char closed[16], month[16], made[16];
    int64_t day;

    snprintf(month, sizeof(month), "%.7s-01", json_get_str(item, "month").p);
    if (!date_parse(str_c(month), &day))
        return NULL;
    date_fmt(date_add(day, (struct duration){.months = 1}, 1), closed, sizeof(closed));
    date_fmt(date_of(clock_wall(a->p.clk)), made, sizeof(made));
    return json_pack("{s:s,s:s,s:s,s:s,s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:b}", "code", code, "closed_on", closed,
                     "made_on", made, "place", a->p.place, "records", json_object_get(item, "records"), "bytes",
                     json_object_get(item, "bytes"), "segments", json_object_get(item, "segments"), "flows",
                     json_object_get(item, "flows"), "flow_bytes", json_object_get(item, "flow_bytes"),
                     "first_received", json_object_get(item, "first_received"), "last_received",
                     json_object_get(item, "last_received"), "sha256", json_object_get(item, "sha256"), "whole", whole);
}

/* As it was read back when it was made; for one of an earlier run it is read again. */
static int look_at(struct archiver *a, str name, bool *whole, struct err *e)
{
    struct verify_opts o = {.archive = true, .cancel = &a->stop};
    struct verify_report rep;
    char dir[4096];

    if (str_eq(name, str_c(a->done.name))) {
        *whole = !a->done.check.bad;
        return 0;
    }
    snprintf(dir, sizeof(dir), "%s/%.*s", a->p.place, STR_ARGS(name));
    int rc = journal_verify_dir(dir, &o, &rep, e);
    *whole = rc == 0 && !rep.bad;
    return rc;
}

static int record_one(struct archiver *a, const json_t *item, struct err *e)
{
    str name = json_get_str(item, "name");
    char code[HOST_MAX + 40];
    json_t *have = NULL, *in;
    bool whole = false;
    struct errs es;

    snprintf(code, sizeof(code), "%s-%.*s", a->host, STR_ARGS(name));
    int rc = registry_get(a->p.registry, &luyd_actor, STR("log_archive"), str_c(code), &have, e);
    json_decref(have);
    if (rc != -ENOENT || !json_is_true(json_object_get(item, "present")))
        return rc == -ENOENT ? 0 : rc;
    if ((rc = look_at(a, name, &whole, e)) < 0)
        return rc;
    if ((in = record_of(a, item, code, whole)) == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "archive");
    errs_init(&es, 16);
    json_t *out = NULL;
    *e = (struct err){0};
    rc = registry_create(a->p.registry, &luyd_actor, STR("log_archive"), in, &out, &es, e);
    if (rc < 0 && es.n > 0)
        *e = es.v[0];
    errs_done(&es);
    json_decref(out);
    json_decref(in);
    return rc == -EEXIST ? 0 : rc;
}

/* Archives without a record, of this run or one that ended too early. */
static int record_all(struct archiver *a, struct err *e)
{
    json_t *list = NULL;
    const json_t *item;
    size_t i;
    int rc = journal_archives(a->p.journal, &list, e);

    json_array_foreach(list, i, item) if (rc == 0 && !a->stop) rc = record_one(a, item, e);
    json_decref(list);
    return rc;
}

/* ---- rounds ---- */

static void say_made(struct archiver *a)
{
    const struct archive_done *d = &a->done;
    char first[512] = "";

    atomic_fetch_add(&a->made, 1);
    self_sayf(a->p.self, 5,
              "event=journal_archived name=%s place=\"%s\" segments=%llu records=%llu bytes=%llu flows=%llu "
              "flow_bytes=%llu sha256=%s whole=%s",
              d->name, a->p.place, (unsigned long long)d->segments, (unsigned long long)d->records,
              (unsigned long long)d->bytes, (unsigned long long)d->flows, (unsigned long long)d->flow_bytes, d->sha256,
              d->check.bad ? "no" : "yes");
    if (!d->check.bad)
        return;
    err_sentence(&d->check.first, LANG_VI, first, sizeof(first));
    for (char *c = first; *c != '\0'; c++)
        *c = *c == '"' || *c == '\\' ? '\'' : *c;
    self_sayf(a->p.self, 3, "event=archive_not_whole name=%s place=\"%s\" reason=\"%s\"", d->name, a->p.place, first);
}

void archiver_round(struct archiver *a)
{
    struct err e = {0};
    struct archive_done done;
    int rc = 1;

    while (rc == 1 && !a->stop) {
        e = (struct err){0};
        rc = journal_archive_step(a->p.journal, &(struct archive_watch){.cancel = &a->stop}, &done, &e);
        if (rc == 0 && a->p.relays != NULL)
            rc = a->p.relays(a->p.ctx, &a->stop, &done, &e);
        if (rc != 1)
            break;
        a->done = done;
        say_made(a);
    }
    if (rc == -ECANCELED)
        return;
    if (rc < 0)
        tell_failure(a, "archive_failed", &e);
    else if (atomic_load(&a->failing))
        self_sayf(a->p.self, 5, "event=archive_goes_on place=\"%s\"", a->p.place);
    atomic_store(&a->failing, rc < 0);
    if (rc == 0)
        a->told_code = 0;
    e = (struct err){0};
    if (record_all(a, &e) < 0 && !a->stop)
        log_err(LOG_WARN, "archive_record", &e);
}

static void *archiver_main(void *arg)
{
    struct archiver *a = arg;
    struct timespec until;

    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone, on Linux */
    pthread_mutex_lock(&a->lock);
    while (!a->stop) {
        pthread_mutex_unlock(&a->lock);
        archiver_round(a);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ROUND_S;
        pthread_mutex_lock(&a->lock);
        if (!a->stop)
            pthread_cond_timedwait(&a->wake, &a->lock, &until);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

int archiver_new(const struct archiver_parts *parts, struct archiver **out, struct err *e)
{
    struct archiver *a = calloc(1, sizeof(*a));
    pthread_condattr_t ca;

    if (a == NULL)
        return ERR(e, -ENOMEM, "daemon.thread");
    a->p = *parts;
    if (gethostname(a->host, sizeof(a->host) - 1) < 0 || a->host[0] == '\0')
        memcpy(a->host, "localhost", sizeof("localhost"));
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&ca);
    pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
    pthread_cond_init(&a->wake, &ca);
    pthread_condattr_destroy(&ca);
    *out = a;
    return 0;
}

int archiver_start(struct archiver *a, struct err *e)
{
    int rc = -pthread_create(&a->thread, NULL, archiver_main, a);

    if (rc < 0)
        return ERR(e, rc, "daemon.thread");
    pthread_setname_np(a->thread, "archiver");
    a->runs = true;
    return 0;
}

void archiver_free(struct archiver *a)
{
    if (a == NULL)
        return;
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
    if (a->runs)
        pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->wake);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

size_t archiver_counters(struct archiver *a, struct api_counter *out, size_t cap)
{
    struct archive_state st;

    journal_archive_state(a->p.journal, &st);
    const struct api_counter rows[] = {
        {"archive", "archives", st.archives, true},
        {"archive", "waiting_segments", st.waiting_segments, true},
        {"archive", "waiting_bytes", st.waiting_bytes, true},
        {"archive", "lost_segments", st.lost_segments, false},
        {"archive", "failing", atomic_load(&a->failing), true},
        {"archive", "failures", atomic_load(&a->failures), false},
    };
    size_t n = sizeof(rows) / sizeof(rows[0]);

    for (size_t i = 0; i < n && i < cap; i++)
        out[i] = rows[i];
    return n < cap ? n : cap;
}

/* For the tests of archives: a journal with days in three months, its second
 * place, and what must hold of both. */
#ifndef LUY_ARCHIVE_TEST_INT_H
#define LUY_ARCHIVE_TEST_INT_H
#include "journal/archive-int.h"
#include "base/calendar.h"
#include "base/file.h"
#include "base/log.h"
#include "journal/journal_test-int.h"
#include "journal/ledger-int.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { PER_DAY = 300, DAYS = 5 };
/* Noon in Viet Nam of days in three months, oldest first. */
static const char *const days[DAYS] = {"2026-09-03", "2026-09-30", "2026-10-01", "2026-10-31", "2026-11-05"};
struct kit {
    char dir[64], place[80], keys[80];
    struct clock clk;
    struct vault *v;
    struct journal *j;
    struct journal_cfg cfg;
};

static inline void kit_open(struct kit *k)
{
    struct err e = {0};

    if (journal_open(&k->cfg, &k->clk, &k->j, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
}

static inline void set_day(struct kit *k, const char *day)
{
    int64_t d;

    assert_true(date_parse(str_c(day), &d));
    k->clk.set_wall = date_start(d) + 12 * 3600 * NS_PER_S;
}

/* n events from number `from` on, received on the clock's day. */
static inline void add_events(struct kit *k, uint64_t from, uint32_t n)
{
    struct event_batch b;
    struct test_line line;
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    for (uint32_t i = 0; i < n; i++) {
        struct event ev = test_event(from + i, &line);
        ev.received_ns = clock_wall(&k->clk) + (int64_t)i * NS_PER_MS;
        assert_true(event_batch_add(&b, &ev));
    }
    assert_int_equal(journal_append(k->j, event_batch_seal(&b), &first, NULL), 0);
    event_batch_done(&b);
}

static inline void add_day(struct kit *k, int i)
{
    set_day(k, days[i]);
    kit_open(k);
    add_events(k, (uint64_t)i * PER_DAY, PER_DAY);
    journal_close(k->j);
    k->j = NULL;
}

static inline void kit_start(struct kit *k, int ndays)
{
    struct err e = {0};

    *k = (struct kit){.clk = clock_manual(TEST_NOW)};
    test_dir_make_fast(k->dir);
    snprintf(k->keys, sizeof(k->keys), "%s-keys", k->dir);
    snprintf(k->place, sizeof(k->place), "%s-place", k->dir);
    assert_int_equal(mkdir(k->place, 0700), 0);
    assert_int_equal(vault_open(k->keys, &k->clk, &k->v, &e), 0);
    k->cfg = (struct journal_cfg){.dir = k->dir, .vault = k->v, .archive_dir = k->place, .archive_same_disk = true};
    for (int i = 0; i < ndays; i++)
        add_day(k, i);
    k->clk.set_wall = TEST_NOW;
}

static inline void drop_tree(const char *dir)
{
    static const char *const names[] = {"2026-09", "2026-10",       "2026-10.2",    "2026-10.3",
                                        "2026-11", ".2026-09.part", ".2026-10.part"};
    char path[200];

    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        test_dir_drop(path);
    }
    test_dir_drop(dir);
}

static inline void kit_end(struct kit *k)
{
    journal_close(k->j);
    vault_close(k->v);
    test_dir_drop(k->dir);
    test_dir_drop(k->keys);
    drop_tree(k->place);
}

static inline int step(struct kit *k, struct archive_done *done, struct err *e)
{
    *e = (struct err){0};
    return journal_archive_step(k->j, NULL, done, e);
}

static inline void must_make(struct kit *k, const char *name, uint64_t records)
{
    struct archive_done done;
    struct err e;
    int rc = step(k, &done, &e);

    if (rc != 1)
        fail_msg("%s: %d %s %s", name, rc, e.key == NULL ? "" : e.key, e.arg[0]);
    assert_string_equal(done.name, name);
    assert_int_equal(done.records, records);
    if (done.check.bad)
        fail_msg("%s: %s %s", name, done.check.first.key, done.check.first.arg[0]);
}

static inline void must_rest(struct kit *k)
{
    struct archive_done done;
    struct err e;

    assert_int_equal(step(k, &done, &e), 0);
}

static inline bool is_there(const char *place, const char *name)
{
    char path[500];

    snprintf(path, sizeof(path), "%s/%s", place, name);
    return access(path, F_OK) == 0;
}

static inline struct verify_report verified(const char *dir)
{
    struct verify_opts o = {.archive = true};
    struct verify_report rep;
    struct err e = {0};

    if (journal_verify_dir(dir, &o, &rep, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
    return rep;
}

static inline uint64_t archive_entries(struct kit *k)
{
    uint8_t bytes[LEDGER_ENTRY];
    struct ledger_entry n;
    struct ledger_scan s;
    uint64_t found = 0;

    assert_int_equal(ledger_scan_open(k->dir, "ledger", LEDGER_ENTRY, &s, NULL), 0);
    while (ledger_scan_next(&s, bytes) == 1)
        found += ledger_entry_read(bytes, &n) && n.type == LEDGER_ARCHIVE;
    ledger_scan_close(&s);
    return found;
}

static inline void flip(const char *path, uint64_t at, uint8_t bit)
{
    uint8_t b = 0;
    int fd = open(path, O_RDWR);

    assert_true(fd >= 0 && pread(fd, &b, 1, (off_t)at) == 1);
    b ^= bit;
    assert_int_equal(pwrite(fd, &b, 1, (off_t)at), 1);
    close(fd);
}

/* September and October are there, once, and whole. */
static inline void all_archived_once(struct kit *k)
{
    char dir[120];

    if (k->j == NULL)
        kit_open(k);
    for (int i = 0; i < 2; i++) {
        struct archive_done done;
        struct err e;
        int rc = step(k, &done, &e);
        if (rc < 0)
            fail_msg("%s %s", e.key, e.arg[0]);
    }
    must_rest(k);
    assert_int_equal(archive_entries(k), 2);
    for (int i = 0; i < 2; i++) {
        snprintf(dir, sizeof(dir), "%s/2026-%s", k->place, i == 0 ? "09" : "10");
        struct verify_report rep = verified(dir);
        if (rep.bad)
            fail_msg("%s: %s %s", dir, rep.first.key, rep.first.arg[0]);
        assert_int_equal(rep.events, 2 * PER_DAY);
    }
    assert_false(is_there(k->place, "2026-10.2"));
    assert_false(is_there(k->place, ".2026-09.part"));
    assert_false(is_there(k->place, ".2026-10.part"));
}
#endif

/* Shared by archive.c (what is due, in which order), archive_recode.c (segments), archive_flows.c (files of flows),
 * archive_copy.c (bytes), archive_seal.c and archive_manifest.c (what an archive says of itself). */
#ifndef LUY_JOURNAL_ARCHIVE_INT_H
#define LUY_JOURNAL_ARCHIVE_INT_H
#include "journal/archive.h"
#include <stdatomic.h>

enum { ARCHIVE_PATH = 4096 };
#define ARCHIVE_GROWING "new"    /* folder of the file that is being made */
#define ARCHIVE_CENTRE  "centre" /* folder of the centre's ledger in an archive of a relay */
/* A segment, or a file of flows (records are flows then), as it stands in a manifest. */
struct archive_file {
    char name[32], sha256[65];
    uint64_t bytes, blocks, records, first, last;
};
struct segment;
struct flow_segment;
struct flow_store;
struct manifest {
    char name[ARCHIVE_NAME_MAX], first_received[40], last_received[40];
    char relay[ARCHIVE_RELAY_MAX]; /* whose lines they are; "": the journal's own */
    uint64_t records, raw_bytes, bytes;
    struct sha256 sum;      /* of the manifest's own bytes */
    struct archive_file *v; /* segments */
    size_t n;
    uint64_t flows, flow_bytes;
    struct archive_file *flow;
    size_t nflow;
};
/* PATH is read with a ceiling and judged; -EBADMSG with what is wrong. */
int manifest_read(const char *path, struct manifest *out, struct err *e);
void manifest_done(struct manifest *m); /* also of a zeroed one */
const struct archive_file *archive_file_named(const struct archive_file *v, size_t n, const char *name);
/* The one of a manifest's list whose records hold this number; NULL when none does. */
const struct archive_file *archive_file_holding(const struct archive_file *v, size_t n, uint64_t seq);
/* Is FILE of dir there with these bytes? -EBADMSG when not. */
int manifest_check_file(const char *dir, const struct archive_file *f, const atomic_bool *cancel, struct err *e);

/* Each note beside the journal, in the order of names; one that cannot be read is told and passed over. Any thread. */
typedef int archive_note_fn(void *ctx, const struct manifest *m, struct err *e);
int archive_notes(struct journal *j, archive_note_fn *fn, void *ctx, struct err *e);

/* The first n bytes of fd into DIR/NAME, read back and compared; a whole one that
 * is there already is left. */
int archive_copy(int fd, uint64_t n, const char *dir, const char *name, const atomic_bool *cancel, struct sha256 *sum,
                 struct err *e);
/* SHA-256 over the first n bytes; fewer are -EBADMSG. */
int archive_sum(int fd, uint64_t n, const char *name, const atomic_bool *cancel, struct sha256 *out, struct err *e);

/* One of the month's segments, held; what is said of it does not change any more. */
struct archive_pick {
    struct segment *s;
    struct archive_file f;
    uint64_t raw;
    int64_t received_min, received_max;
};
/* One of its files of flows, likewise. */
struct archive_flow_pick {
    struct flow_segment *s;
    struct archive_file f;
    int64_t received_min, received_max;
};
struct archive_job {
    struct journal *j;
    const struct archive_guest *g; /* NULL: the journal's own */
    const atomic_bool *cancel;
    const struct archive_watch *watch; /* may be NULL */
    uint64_t worked, work;             /* bytes, for its progress */
    int64_t month;
    char name[ARCHIVE_NAME_MAX], part[ARCHIVE_PATH], whole[ARCHIVE_PATH], local[ARCHIVE_PATH];
    struct archive_pick *v;
    size_t n;
    struct flow_store *flows; /* whose lock guards its files of flows; NULL: none belong to it */
    struct archive_flow_pick *flow;
    size_t nflow;
    int64_t received_min, received_max; /* of lines and flows */
    str manifest;                       /* malloc */
    struct sha256 sum;
    struct archive_done *out;
    struct err *e;
};

/* archive.c */
bool archive_month_closed(const struct archive_job *w, int64_t month); /* nothing of it can grow; under both locks */
bool archive_month_over(const struct archive_job *w, int64_t month);   /* by the clock */
void archive_worked(struct archive_job *w, uint64_t bytes);            /* tells progress */

/* archive_flows.c */
bool archive_flows_open_month(const struct archive_job *w,
                              int64_t month); /* under its lock: its files may still grow */
/* The first month, from INT64_MAX down, of a file that is due, where `oldest` is not earlier; under both locks. */
int64_t archive_flows_month(const struct archive_job *w, int64_t oldest);
int archive_flows_pick(struct archive_job *w); /* under its lock: w->month's, held; they grow no more */
int archive_flows_describe(struct archive_job *w);
bool archive_flows_in_ledger(const struct archive_job *w);
void archive_flows_put_back(struct archive_job *w, bool archived);
int archive_flows_copy(struct archive_job *w); /* a step of the job */
/* The files of flows that the manifest speaks of; s: whose lock guards them. */
void archive_flows_mark(struct flow_store *s, struct flow_segment **segs, size_t n, const struct manifest *m);
void archive_flows_state(struct flow_store *s, int64_t now_month, struct archive_state *out);

/* archive_recode.c: all the job's segments into the folder that grows, coded again; what they are there */
int archive_recode(struct archive_job *w);
/* archive_seal.c: steps of a job, in this order */
int archive_manifest_make(struct archive_job *w);
int archive_enter(struct archive_job *w); /* into the ledger, unless it is there; signed */
int archive_copy_ledger(struct archive_job *w);
int archive_put_words(struct archive_job *w); /* README.txt, manifest.json */
int archive_in_ledger(struct archive_job *w, const struct sha256 *sum, bool *found);

/* archive_list.c */
int archive_flow_marks(struct journal *j, struct flow_store *s, struct err *e);

/* archive.c, at open and for retention */
int archive_open(struct journal *j, struct err *e);
int64_t archive_month_of_day(int64_t day); /* day of the month's first */
#endif

/* luy-journal: a journal's folder without a server, for archives, forensics and
 * benchmarks. `luy journal ...` runs it. One thread beside the journal's own. */
#ifndef LUY_OFFLINE_H
#define LUY_OFFLINE_H
#include "base/msg.h"
#include "journal/journal.h"
#include <stdio.h>

enum { EXIT_FINE = 0, EXIT_ERROR = 1, EXIT_DIFFERENT = 2 }; /* as luy's */
enum out_as { OUT_TEXT, OUT_JSON, OUT_CSV };
struct offline {
    const char *dir, *file, *anchor, *centre, *centre_anchor, *output, *lang_text, *to;
    const char *limit_text, *block_text;
    bool help, raw, quiet;
    enum lang lang;
    enum out_as as;
    uint64_t limit; /* 0 = not said */
    char **args;
    int nargs; /* after the verb */
    struct clock clk;
    struct vault *vault; /* DIR/keys, for a journal that is written here */
};
struct flow_store;
struct verb {
    const char *name, *args, *help;
    int min, max;
    int (*fn)(struct offline *o);
};
extern const struct verb verbs[];
extern const size_t nverbs;

int offline_fail(const struct offline *o, const struct err *e);
void offline_say(const struct offline *o, const char *key, const char *a, const char *b, const char *c);
/* make: with a ledger of its own, whose keys lie in DIR/keys. */
bool offline_is_archive(const char *dir); /* a manifest lies in it (journal/archive.h) */
int offline_open(struct offline *o, bool make, struct journal **out, struct err *e);
/* The flows that lie with it, only read: an archive's own, or those that luyd keeps beside its journal; what
 * luyd has not stored in files yet is not among them. -ENOENT: none do. The journal is open, and so locked. */
int offline_flows(struct offline *o, struct flow_store **out, struct err *e);
bool offline_flows_dir(const struct offline *o, char *out, size_t cap); /* false: there is none */

/* Progress on a terminal's stderr, at most twice a second; nothing elsewhere. */
struct progress {
    const struct offline *o;
    const char *key; /* message: {0} done, {1} of all or a rate */
    int64_t next_ns, began_ns;
    bool shown, on;
};
void progress_begin(struct progress *p, const struct offline *o, const char *key);
void progress_show(struct progress *p, uint64_t done, uint64_t all);
void progress_end(struct progress *p);

int verb_ingest(struct offline *o);
int verb_search(struct offline *o);
int verb_export(struct offline *o);
int verb_stat(struct offline *o);
int verb_verify(struct offline *o);
int verb_proof(struct offline *o);
int verb_archive(struct offline *o);
#endif

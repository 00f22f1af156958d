/* Decoding: the message of a program to named fields, by pattern tables that
 * are data (packs/common/decoders/). A pattern must fit the whole message:
 *
 *   Failed password for {user} from {src_ip} port {src_port} ssh2
 *
 * {name} takes the shortest text with which the rest still fits. What it may
 * take follows from its name, or is said as {name:class}:
 *   text  anything, also nothing               (the default)
 *   word  no blank          names ending in _ip, _host
 *   int   digits            names ending in _port, and pid, uid, euid, gid
 *   last  like text, but the longest that fits
 * {} takes text and forgets it; {{ and }} are the braces themselves. Blanks
 * around a message do not count. The classes make a forged user name such
 * as "x from 192.0.2.1 port 1 ssh2" harmless: only one reading fits. */
#ifndef LUY_JUDGE_DECODE_H
#define LUY_JUDGE_DECODE_H
#include "base/err.h"
#include "base/yaml.h"
#include "judge/fields.h"

enum { PAT_ELEMENTS = 40, DECODE_MSG_MAX = 16 * 1024 };
enum pat_class { PC_LITERAL, PC_TEXT, PC_WORD, PC_INT, PC_LAST };
struct pat_el {
    enum pat_class cls;
    str text;
    int field;
}; /* field -1: forgotten */
struct pat_set {
    int field;
    str value;
};
struct pattern {
    str event;
    struct pat_el *el;
    size_t n;
    struct pat_set *set;
    size_t nset;
    str longest; /* its longest literal: the fast refusal */
};
struct decoder {
    struct pattern *v;
    size_t n, cap;
};
struct decoders {
    struct map by_program;
    struct decoder any;
}; /* map: program -> struct decoder* */

void decoders_init(struct decoders *d);
void decoders_done(struct decoders *d);
struct decode_ctx {
    struct arena *a;
    struct names *names;
    struct errs *es;
    const char *file;
};
/* A file: a list of {program, patterns}. -EBADMSG with every mistake in es. */
int decoders_parse(struct decode_ctx *c, const struct yaml *doc, struct decoders *d);
bool pattern_parse(struct decode_ctx *c, const struct yaml *at, str text, struct pattern *out);

struct decode_run {
    uint8_t *memo;
    size_t cap;
    uint64_t too_long;
};
void decode_run_done(struct decode_run *r);
bool pattern_fits(const struct pattern *p, str msg, struct fields *f, struct decode_run *r);
/* The first pattern that fits, the program's own before those for all. own may be NULL. */
bool decode_message(const struct decoders *d, const struct decoder *own, str msg, struct fields *f,
                    struct decode_run *r);
/* "message repeated 3 times: [ X]" of rsyslog: X and 3; else the message and 1. */
str decode_repeat(str msg, uint32_t *times);
/* key=value pairs, values in quotes when they must; only for Lũy's own events. */
void decode_pairs(const struct names *n, struct arena *a, str msg, struct fields *f);
#endif

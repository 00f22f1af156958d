/* A decoded event: named texts. Names are interned once at load, so that a
 * rule asks for a field by number. */
#ifndef LUY_JUDGE_FIELDS_H
#define LUY_JUDGE_FIELDS_H
#include "base/arena.h"
#include "base/map.h"

/* Present in every decoded event, in this order in every table of names. */
enum { FLD_MESSAGE, FLD_HOST, FLD_PROGRAM, FLD_PID, FLD_SOURCE, FLD_FACILITY, FLD_SEVERITY, FLD_EVENT, FLD_FIXED };
enum { NAMES_MAX = 20000 };

struct names {
    struct map ids;
    str text[NAMES_MAX];
    size_t n;
};
struct names *names_new(void); /* NULL: no memory */
void names_free(struct names *n);
int names_put(struct names *n, str name);  /* the number; -1 at the ceiling */
int names_find(struct names *n, str name); /* -1 when unknown */

/* Values are slices of the caller's event and live as long as it does. One
 * thread; reused from event to event. */
struct fields {
    const struct names *names;
    size_t cap;                  /* names known when it was made */
    uint32_t now;                /* stamp of the current event */
    uint32_t *stamp, *low_stamp; /* by field: set, lowered in event `now` */
    str *value, *low;
    int *set;
    size_t nset; /* what is set, in order */
    struct arena lowered;
};
bool fields_init(struct fields *f, const struct names *n);
void fields_done(struct fields *f);
void fields_clear(struct fields *f);
void fields_put(struct fields *f, int id, str v); /* id < 0 is ignored; the later value wins */
void fields_drop(struct fields *f, int id);
bool fields_get(const struct fields *f, int id, str *v);
/* The value in lower case (Unicode, simple), made once an event. */
bool fields_low(struct fields *f, int id, str *v);

/* Simple lower case of each character; bytes that are not UTF-8 stay. */
str text_lower(struct arena *a, str s);
/* Bytes of the character at the start of s, 1 for a byte that starts none. */
size_t text_step(str s);
#endif

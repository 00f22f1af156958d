/* What a thread keeps between matches: room for a folded line or an unescaped
 * text, compiled expressions. Freed when the thread ends. */
#ifndef LUY_JOURNAL_QUERY_SCRATCH_H
#define LUY_JOURNAL_QUERY_SCRATCH_H
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include "journal/query-int.h"

enum { SCRATCH_REGEXES = 16, SCRATCH_ROOMS = 2 };
enum { ROOM_FOLD, ROOM_JSON }; /* one use each: a use never disturbs the other */
struct scratch_regex {
    struct query_regex key; /* text is malloc'd */
    pcre2_code *code;
    uint64_t used;
};
struct query_scratch {
    char *room[SCRATCH_ROOMS];
    size_t cap[SCRATCH_ROOMS];
    struct scratch_regex re[SCRATCH_REGEXES];
    uint64_t tick;
    pcre2_match_data *md;
    pcre2_match_context *mc;
    pcre2_jit_stack *stack;
};
struct query_scratch *query_scratch(void);     /* NULL: no memory */
char *query_scratch_room(int which, size_t n); /* at least n bytes; NULL: no memory */
#endif

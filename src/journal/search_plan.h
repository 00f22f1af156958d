/* What a query says about a stored block before any line is put together.
 *
 * Every template gets a verdict for the whole query: none of its lines fits,
 * all do, or some may. The contract that makes searches exact: "none" and
 * "all" are said only when they follow from what the block holds; whatever the
 * plan does not know (a kind of node added later, a field it cannot see) is
 * "some may", and these lines are put together and asked one by one. */
#ifndef LUY_JOURNAL_SEARCH_PLAN_H
#define LUY_JOURNAL_SEARCH_PLAN_H
#include "journal/block.h"
#include "journal/query-int.h"

enum verdict { V_NONE, V_SOME, V_ALL };
enum { PLAN_ORIGINS = 8, PLAN_TERMS = 16, PLAN_WORDS = 8, PLAN_REGEX_MAX = 256 };
/* A term over the text of lines: every line that fits holds all its words. */
struct plan_term {
    const struct query_node *node;
    struct term_word {
        struct needle nd;
        uint32_t classes;
        str before, after; /* what stands around it in its run, as far as a value without gaps cannot hold it */
        bool stamp;        /* may stand in a time */
        bool hosts;        /* of one block: some host has it */
    } word[PLAN_WORDS];
    uint32_t nwords, longest;
    struct gram_list grams;
    char room[PLAN_REGEX_MAX]; /* of words that come out of an expression */
    bool local;                /* an expression: a match in a part of a line is one in the line */
    /* of one block */
    bool marked;
    uint8_t *verdict; /* of each template */
    uint32_t n, cap, looked;
};
struct search_plan {
    uint8_t *verdict; /* of each template; [templates]: of lines without one */
    uint64_t *from;   /* a bit for each that is not V_NONE */
    uint32_t n, cap;
    str relay;                    /* by which the block at hand came, n = 0: none; the caller's, before it is made */
    uint64_t all_rows, some_rows; /* lines of the templates with these verdicts */
    /* Terms over host and source, asked once for each origin. */
    struct plan_origins {
        const struct query_node *node;
        bool *fits; /* by number; [0] true: not known */
        uint32_t hits;
        bool must; /* a line of an origin that does not fit cannot fit */
    } origins[PLAN_ORIGINS];
    uint32_t norigins;
    struct plan_term term[PLAN_TERMS];
    uint32_t nterms;
    int (*check)(void *ctx); /* asked now and then; what is not 0 ends the making */
    void *check_ctx;
    /* search_text.c: what was found out about a word in this block */
    const struct needle *seen_of;
    uint8_t *seen; /* dictionary values: 0 not asked, 1 no, 2 yes */
    uint32_t seen_n, seen_cap;
    bool dict_asked;       /* all values of the dictionary were that can hold it: */
    unsigned dict_classes; /* those of these classes */
    uint32_t dict_holds;   /* how many do */
};
/* The text of a field that is a part of the line, when it is the same in every line of t. */
bool search_plan_fixed(const struct block_template *t, enum query_field f, str *out);
/* True when a line of this origin may fit. */
bool search_plan_origin_fits(const struct search_plan *p, uint32_t origin);
/* Takes up the terms of a query; q must stay until done. */
void search_plan_init(struct search_plan *p, const struct query *q);
void search_plan_done(struct search_plan *p);
/* Before a block is opened: true when its head, and by which relay it came (n = 0: none), say that nothing in it fits.
 */
bool search_plan_skips_block(const struct query *q, const struct block_head *h, str relay);
/* Clears, of a template with V_SOME, the bits of rows that cannot fit. bits, room: a bit
 * for each of its rows. */
int search_plan_rows(struct search_plan *p, const struct query *q, struct block_dec *d, struct block_template *t,
                     uint64_t *bits, uint64_t *room);
/* By its filter of words, the same; 0 it may, 1 skip it, or what reading failed with. */
int search_plan_skips_words(const struct search_plan *p, const struct query *q, const struct block_src *src,
                            const struct block_head *h);
int search_plan_make(struct search_plan *p, const struct query *q, struct block_dec *d);
#endif

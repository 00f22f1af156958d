/* Shared by the files that make a block: block_split.c (a line into its
 * template), block_origin.c, block_time.c, block_enc.c. */
#ifndef LUY_JOURNAL_BLOCK_INT_H
#define LUY_JOURNAL_BLOCK_INT_H
#include "journal/block.h"
#include "journal/block_hours.h"

/* Where lines come from: source, port and host, each once. */
struct origin_set;
struct origin_set *origin_set_new(void);
void origin_set_free(struct origin_set *s);
/* Decides whether ports stand by themselves: senders that change theirs all the time. */
void origin_set_clear(struct origin_set *s, const struct rows *r, uint32_t n);
void origin_set_begin(struct origin_set *s, bool alone); /* as was decided */
bool origin_ports_alone(const struct origin_set *s);
uint32_t origin_find(struct origin_set *s, const struct ip *source, uint16_t port, str host); /* port 0: alone */
uint32_t origin_number(struct origin_set *s, const struct rows *r, uint32_t i);               /* 0: the list is full */
uint32_t origin_count(const struct origin_set *s);                                            /* 0 included */
str origin_host(const struct origin_set *s, uint32_t i);
/* Gives the final numbers, by falling rows: rank[number]; writes the list. */
void origin_set_write(struct origin_set *s, uint32_t *rank, struct buf *out);
void ip_put(struct buf *out, const struct ip *ip);
bool ip_get(rd *r, struct ip *ip);

/* Of the head what lines say; before, and with more of them. */
void block_head_begin(struct block_head *h);
void block_head_count(struct block_head *h, const struct rows *r, uint32_t n);

/* A line without a template. */
struct plain_line {
    uint32_t line, origin;
};
/* A line cut, before it is known which template it has. */
struct line_parts {
    const char *p;                                       /* the line */
    uint32_t n, at /* in the window */, nv, stamp, host; /* numbers of these values + 1; 0 = none */
    uint32_t line, origin, held;                         /* held: bytes of its values */
    uint32_t text_len, values;
    bool plain; /* it can have none */
    uint64_t hash;
    struct template_key key;
    struct split_value v[TEMPLATE_VALUES_MAX + 4];
    char text[TEMPLATE_TEXT_MAX + 64];
};
enum { SPLIT_AHEAD = 8 };
struct splitter {
    struct template_set *set;
    struct origin_set *origins;
    struct hours hours;
    struct split_map map;
    const uint8_t *base; /* of the window */
    size_t mapped;       /* bytes of it */
    unsigned rules;      /* SPLIT_QUOTES .. */
    struct stamp_form stamps[255];
    uint32_t nstamps;
    struct plain_line *plain;
    uint32_t nplain, plain_cap;
    uint64_t values, values_max;
    struct {
        char text[STAMP_TEXT_MAX];
        size_t len;
        int64_t sec;
        uint32_t form;
    } last; /* most lines have the time of the line before */
    struct line_parts ahead[SPLIT_AHEAD];
    bool failed;
};
/* All rows into templates, or the list of plain lines. */
bool split_rows(struct splitter *s, const struct rows *r, uint32_t n);

/* block_try.c: block_encode() by the rules of the last block; now and then others are tried. */
struct block_try {
    unsigned rules;         /* SPLIT_QUOTES .. */
    uint32_t wait, waiting; /* blocks between two tries; until the next one */
};
str block_try(struct block_try *t, struct block_enc *be, struct rows *r, uint64_t salt, struct block_head *h);
/* The first n rows by these rules. */
str block_encode_by(struct block_enc *be, const struct rows *r, uint32_t n, uint64_t salt, unsigned rules,
                    struct block_head *h);

/* Times of all lines as changes. skip[i]: the line takes part in no change. */
void times_write(struct column_writer *w, const int64_t *t, const uint8_t *skip, uint32_t n, uint64_t *scratch,
                 struct buf *dir);
/* Changes of times are kept in parts: whoever asks for few lines reads few of them. */
enum { TIMES_PART = 32768 };
struct times_part {
    uint64_t line, ticks; /* where its last change stands; what all changes up to there add up to */
    uint32_t line_bits, diff_bits;
    struct page_at line_at, line_bits_at, diff_at, diff_bits_at;
};
struct times {
    int64_t first, unit;
    uint32_t n, nparts; /* changes */
    struct times_part *part;
    bool loaded;
    uint32_t known; /* changes below; all of them when loaded */
    uint32_t *line; /* a change stands before this line */
    int64_t *value; /* from it on */
};
int times_parse(rd *dir, struct page_cursor *cur, uint32_t rows, struct slab *mem, struct times *t);
int times_load(struct times *t, struct page_reader *pages, struct slab *mem);
/* Only what times_at() needs for the lines whose bit is set, `want` of them: bits of rows lines. */
int times_pick(struct times *t, struct page_reader *pages, struct slab *mem, const uint64_t *bits, uint32_t rows,
               uint32_t want);
/* The time of a line; *hint goes on with ascending lines, 0 at first. */
static inline int64_t times_at(const struct times *t, uint32_t line, uint32_t *hint)
{
    uint32_t k = *hint;
    if (k < t->known && t->line[k] <= line) {
        uint32_t lo = k, hi = t->known, step = 1;
        while (lo + step < hi && t->line[lo + step] <= line) {
            lo += step;
            step *= 2;
        }
        hi = lo + step < hi ? lo + step : hi;
        while (hi - lo > 1) {
            uint32_t mid = lo + (hi - lo) / 2;
            if (t->line[mid] <= line)
                lo = mid;
            else
                hi = mid;
        }
        *hint = k = lo + 1;
    }
    return k == 0 ? t->first : t->value[k - 1];
}
#endif

/* The file of ch_position-int.h, and what becomes of it when shards are added. */
#include "journal/ch_position-int.h"
#include "base/file.h"
#include <errno.h>

enum { POSITION_MAX = 4096 }; /* 64 numbers of 20 digits and a head */
#define HEAD        "luy-cluster 2"
#define HEAD_BEFORE "luy-cluster 1"

static bool line_number(str *text, uint64_t *out)
{
    str line;
    return str_split(text, '\n', &line) && str_u64(line, out);
}

static bool spread_parse(str line, struct ch_spread *out)
{
    str shards, window;
    uint64_t n;

    if (!str_split(&line, ' ', &shards) || !str_split(&line, ' ', &window) || !str_u64(shards, &n) ||
        !str_u64(window, &out->window))
        return false;
    out->shards = (size_t)n;
    return n > 0 && n <= CH_SHARDS_MAX && out->window > 0 && out->window <= UINT32_MAX;
}

static bool position_parse(str text, str set, struct ch_position *out)
{
    str head, name, spread;

    *out = (struct ch_position){.spread = {1, 1}};
    if (!str_split(&text, '\n', &head) || !str_split(&text, '\n', &name) || !str_eq(name, set))
        return false;
    out->level = str_eq(head, STR(HEAD_BEFORE));
    if (out->level)
        return line_number(&text, &out->sent[0]);
    if (!str_eq(head, STR(HEAD)) || !str_split(&text, '\n', &spread) || !spread_parse(spread, &out->spread))
        return false;
    for (size_t i = 0; i < out->spread.shards; i++)
        if (!line_number(&text, &out->sent[i]))
            return false;
    return true;
}

int ch_position_read(const char *path, str set, struct ch_position *out, struct err *e)
{
    struct arena a = arena_init(POSITION_MAX * 2);
    str text;
    int rc = file_read(&a, path, POSITION_MAX, &text, e);

    if (rc == -ENOENT)
        rc = 0;
    else if (rc == 0)
        rc = position_parse(text, set, out);
    arena_free(&a);
    return rc;
}

int ch_position_write(const char *path, str set, const struct ch_position *p, struct err *e)
{
    struct buf b;

    buf_init(&b, POSITION_MAX);
    buf_fmt(&b, "%s\n%.*s\n%zu %llu\n", HEAD, STR_ARGS(set), p->spread.shards, (unsigned long long)p->spread.window);
    for (size_t i = 0; i < p->spread.shards; i++)
        buf_fmt(&b, "%llu\n", (unsigned long long)p->sent[i]);
    int rc = b.failed ? ERR(e, -ENOMEM, "journal.no_memory") : file_write_atomic(path, buf_view(&b), 0600, e);
    buf_done(&b);
    return rc;
}

int ch_position_respread(struct ch_position *p, const struct ch_spread *to, uint64_t asked, struct err *e)
{
    const struct ch_spread *was = &p->spread;
    uint64_t low = UINT64_MAX; /* the smallest of what each wants next */

    if (!p->level && to->shards < was->shards)
        return ERR(e, -EBADMSG, "journal.ch_fewer", N((int64_t)was->shards), N((int64_t)to->shards));
    for (size_t i = 0; i < was->shards; i++) {
        uint64_t wants = ch_spread_from(was, i, p->sent[i]);
        low = wants < low ? wants : low;
    }
    for (size_t i = 0; i < was->shards; i++)
        if (ch_spread_from(was, i, low) != ch_spread_from(was, i, p->sent[i]) || (!p->level && asked > low))
            return ERR(e, -EBADMSG, "journal.ch_not_level", N((int64_t)was->shards), N((int64_t)to->shards));
    if (p->level && asked > low) /* sent, and killed before it stood in the file */
        low = asked;
    p->spread = *to;
    p->level = false;
    for (size_t i = 0; i < to->shards; i++)
        p->sent[i] = low;
    return 0;
}

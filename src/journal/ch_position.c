/* The file of ch_position-int.h, and what becomes of it when shards are added. */
#include "journal/ch_position-int.h"
#include "base/file.h"
#include <errno.h>

enum { ROW_MAX = CH_RELAY_MAX + 2 + 21 * CH_SHARDS_MAX, POSITION_MAX = 4096 + CH_STREAMS_MAX * ROW_MAX };
#define HEAD "luy-cluster 3"

void ch_position_begin(struct ch_position *p, const struct ch_spread *s)
{
    p->spread = *s;
    p->n = 0;
    ch_position_row(p, STR(""));
}

struct ch_row *ch_position_row(struct ch_position *p, str relay)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(relay, str_c(p->row[i].relay)))
            return &p->row[i];
    if (p->n == CH_STREAMS_MAX || relay.n > CH_RELAY_MAX || memchr(relay.p, '\0', relay.n) != NULL ||
        memchr(relay.p, ' ', relay.n) != NULL || memchr(relay.p, '\n', relay.n) != NULL)
        return NULL;
    struct ch_row *r = &p->row[p->n++];
    *r = (struct ch_row){.relay = ""};
    snprintf(r->relay, sizeof(r->relay), "%.*s", STR_ARGS(relay));
    return r;
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

/* The journal's own stands first, and nobody twice. */
static bool row_parse(str line, bool first, struct ch_position *out)
{
    size_t had = out->n;
    str relay, number;

    if (!str_split(&line, ' ', &relay))
        return false;
    struct ch_row *r = ch_position_row(out, relay);
    if (r == NULL || (out->n == had) != first)
        return false;
    for (size_t i = 0; i < out->spread.shards; i++)
        if (!str_split(&line, ' ', &number) || !str_u64(number, &r->sent[i]))
            return false;
    return line.n == 0;
}

static bool position_parse(str text, str set, struct ch_position *out)
{
    struct ch_spread s;
    str head, name, spread, line;
    bool any = false;

    if (!str_split(&text, '\n', &head) || !str_split(&text, '\n', &name) || !str_eq(name, set) ||
        !str_eq(head, STR(HEAD)) || !str_split(&text, '\n', &spread) || !spread_parse(spread, &s))
        return false;
    ch_position_begin(out, &s);
    while (text.n > 0) {
        if (!str_split(&text, '\n', &line) || !row_parse(line, !any, out))
            return false;
        any = true;
    }
    return any;
}

int ch_position_read(const char *path, str set, struct ch_position *out, struct err *e)
{
    struct arena a = arena_init(POSITION_MAX + 65536);
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
    for (size_t r = 0; r < p->n; r++) {
        buf_z(&b, p->row[r].relay);
        for (size_t i = 0; i < p->spread.shards; i++)
            buf_fmt(&b, " %llu", (unsigned long long)p->row[r].sent[i]);
        buf_byte(&b, '\n');
    }
    int rc = b.failed ? ERR(e, -ENOMEM, "journal.no_memory") : file_write_atomic(path, buf_view(&b), 0600, e);
    buf_done(&b);
    return rc;
}

int ch_position_respread(struct ch_row *r, const struct ch_spread *was, const struct ch_spread *to, uint64_t asked,
                         struct err *e)
{
    uint64_t low = UINT64_MAX; /* the smallest of what each wants next */

    if (to->shards < was->shards)
        return ERR(e, -EBADMSG, "journal.ch_fewer", N((int64_t)was->shards), N((int64_t)to->shards));
    for (size_t i = 0; i < was->shards; i++) {
        uint64_t wants = ch_spread_from(was, i, r->sent[i]);
        low = wants < low ? wants : low;
    }
    for (size_t i = 0; i < was->shards; i++)
        if (ch_spread_from(was, i, low) != ch_spread_from(was, i, r->sent[i]) || asked > low)
            return ERR(e, -EBADMSG, "journal.ch_not_level", N((int64_t)was->shards), N((int64_t)to->shards));
    for (size_t i = 0; i < to->shards; i++)
        r->sent[i] = low;
    return 0;
}

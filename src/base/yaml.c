/* YAML for administrators: libfyaml's events become our own tree in the
 * caller's arena. One thread for each call; the result is constant. Aliases,
 * anchors and tags are refused (a small file must not grow, a value must be
 * what it looks like); all mistakes but a broken syntax are told in one pass. */
#include "base/yaml.h"
#include "base/buf.h"
#include "base/text.h"
#include <errno.h>
#include <libfyaml.h>

enum { YAML_BYTES = 4 << 20, YAML_DEPTH = 64, YAML_DOCS = 4096, YAML_MARKS = 400000 };

/* An open list or map; its children stand in builder.kids from `first`. For a
 * map they alternate key, value. */
struct frame {
    struct yaml *node;
    size_t first;
};

struct builder {
    struct arena *a;
    const char *name;
    struct errs *es;
    bool bad;
    struct frame stack[YAML_DEPTH];
    size_t depth;
    struct yaml **kids; /* malloc'd, grows */
    size_t nkids, cap;
    struct yaml **docs; /* malloc'd, grows */
    size_t ndocs, docs_cap;
    uint32_t line, col; /* of the last node seen */
    struct buf text;    /* of the scalar at hand */
    int fatal;          /* stop now: -ENOMEM or -EBADMSG */
};

static void complain(struct builder *b, uint32_t line, uint32_t col, int code, const char *key, const char *arg0,
                     const char *arg1)
{
    struct err e;

    ERR(&e, code, key, arg0, arg1);
    err_at(&e, b->name, line, col);
    errs_add(b->es, &e);
    b->bad = true;
}

static void stop(struct builder *b, uint32_t line, uint32_t col, int code, const char *key, const char *arg0)
{
    if (b->fatal == 0)
        complain(b, line, col, code, key, arg0, NULL);
    b->fatal = code;
}

static void vec_push(struct builder *b, struct yaml ***v, size_t *n, size_t *cap, struct yaml *item)
{
    if (*n == *cap) {
        size_t more = *cap == 0 ? 64 : *cap * 2;
        struct yaml **grown = reallocarray(*v, more, sizeof(*grown));
        if (grown == NULL) {
            stop(b, 0, 0, -ENOMEM, "base.errno", NULL);
            return;
        }
        *v = grown;
        *cap = more;
    }
    (*v)[(*n)++] = item;
}

static struct yaml *node_new(struct builder *b, enum yaml_kind kind, struct fy_event *ev)
{
    const struct fy_mark *m = fy_event_start_mark(ev);
    struct yaml *y = arena_new(b->a, struct yaml);

    if (y == NULL) {
        stop(b, 0, 0, -ENOMEM, "base.errno", NULL);
        return NULL;
    }
    y->kind = kind;
    /* What is not there ("key:") has the place of what stands before it. */
    if (m != NULL) {
        b->line = (uint32_t)m->line + 1;
        b->col = (uint32_t)m->column + 1;
    }
    y->line = b->line;
    y->col = b->col;
    return y;
}

/* ---- maps ---- */

static int by_text(const void *pa, const void *pb)
{
    const struct yaml *a = *(struct yaml *const *)pa, *b = *(struct yaml *const *)pb;
    int r = str_cmp(a->text, b->text);

    if (r != 0)
        return r;
    return a->line != b->line ? (a->line < b->line ? -1 : 1) : a->col < b->col ? -1 : a->col > b->col;
}

/* Sorting keeps a hostile map of 10^5 keys cheap. */
static void check_duplicates(struct builder *b, const struct yaml *map)
{
    struct yaml **sorted = reallocarray(NULL, map->n, sizeof(*sorted));

    if (sorted == NULL) {
        stop(b, 0, 0, -ENOMEM, "base.errno", NULL);
        return;
    }
    memcpy(sorted, map->keys, map->n * sizeof(*sorted));
    qsort(sorted, map->n, sizeof(*sorted), by_text);
    for (size_t i = 1; i < map->n; i++)
        if (str_eq(sorted[i]->text, sorted[i - 1]->text))
            complain(b, sorted[i]->line, sorted[i]->col, -EBADMSG, "yaml.duplicate_key", S(sorted[i]->text),
                     N(sorted[i - 1]->line));
    free(sorted);
}

static void close_map(struct builder *b, struct yaml *map, struct yaml **kids, size_t n)
{
    map->n = n / 2;
    map->keys = arena_array(b->a, struct yaml *, map->n);
    map->items = arena_array(b->a, struct yaml *, map->n);
    if (map->keys == NULL || map->items == NULL) {
        map->n = 0;
        stop(b, 0, 0, -ENOMEM, "base.errno", NULL);
        return;
    }
    for (size_t i = 0; i < map->n; i++) {
        struct yaml *key = kids[2 * i];
        map->keys[i] = key;
        map->items[i] = kids[2 * i + 1];
        if (key->kind != YAML_SCALAR)
            stop(b, key->line, key->col, -EBADMSG, "yaml.key_not_text", NULL);
    }
    if (map->n > 1 && b->fatal == 0)
        check_duplicates(b, map);
}

static void close_list(struct builder *b, struct yaml *list, struct yaml **kids, size_t n)
{
    list->items = arena_array(b->a, struct yaml *, n);
    if (list->items == NULL) {
        stop(b, 0, 0, -ENOMEM, "base.errno", NULL);
        return;
    }
    if (n > 0)
        memcpy(list->items, kids, n * sizeof(*kids));
    list->n = n;
}

/* ---- events ---- */

static void on_node(struct builder *b, struct yaml *y)
{
    if (y == NULL)
        return;
    if (b->depth > 0)
        vec_push(b, &b->kids, &b->nkids, &b->cap, y);
    else if (b->ndocs == YAML_DOCS)
        stop(b, y->line, y->col, -E2BIG, "yaml.too_many_documents", N(YAML_DOCS));
    else
        vec_push(b, &b->docs, &b->ndocs, &b->docs_cap, y);
}

static void on_open(struct builder *b, struct yaml *y)
{
    on_node(b, y);
    if (y == NULL || b->fatal != 0)
        return;
    if (b->depth == YAML_DEPTH)
        stop(b, y->line, y->col, -E2BIG, "yaml.too_deep", N(YAML_DEPTH));
    else
        b->stack[b->depth++] = (struct frame){y, b->nkids};
}

static void on_close(struct builder *b)
{
    struct frame f = b->stack[--b->depth];
    struct yaml **kids = b->kids == NULL ? NULL : b->kids + f.first;

    if (f.node->kind == YAML_MAP)
        close_map(b, f.node, kids, b->nkids - f.first);
    else
        close_list(b, f.node, kids, b->nkids - f.first);
    b->nkids = f.first;
}

static bool is_null_text(str s)
{
    return s.n == 0 || str_eq(s, STR("~")) || str_eq(s, STR("null")) || str_eq(s, STR("Null")) ||
           str_eq(s, STR("NULL"));
}

/* The content, escapes and folding done, into b->text. Piece by piece, because
 * fy_token_get_text of libfyaml 0.7 leaks when a scalar has many pieces. */
static bool scalar_text(struct builder *b, struct fy_token *t, const struct yaml *y)
{
    struct fy_token_iter *it = fy_token_iter_create(t);
    const struct fy_iter_chunk *c = NULL;
    int bad = 0;

    while (it != NULL && (c = fy_token_iter_chunk_next(it, c, &bad)) != NULL)
        buf_add(&b->text, c->str, c->len);
    fy_token_iter_destroy(it);
    if (it == NULL || b->text.failed)
        stop(b, y->line, y->col, -ENOMEM, "base.errno", NULL);
    else if (bad != 0)
        stop(b, y->line, y->col, -EBADMSG, "yaml.bad_character", NULL);
    return b->fatal == 0;
}

static void on_scalar(struct builder *b, struct fy_event *ev)
{
    struct fy_token *t = ev->scalar.value;
    struct yaml *y = node_new(b, YAML_SCALAR, ev);

    if (y == NULL || (t != NULL && !scalar_text(b, t, y)))
        return;
    enum fy_scalar_style style = t == NULL ? FYSS_PLAIN : fy_token_scalar_style(t);
    y->quoted = style != FYSS_PLAIN && style != FYSS_ANY;
    /* libfyaml's mark stands behind the opening quote; a person looks at the quote. */
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && y->col > 1)
        y->col--;
    y->text = arena_str(b->a, buf_view(&b->text));
    buf_clear(&b->text);
    if (y->text.p == NULL)
        stop(b, 0, 0, -ENOMEM, "base.errno", NULL);
    if (!y->quoted && is_null_text(y->text))
        y->kind = YAML_NULL;
    /* An escape such as "\xff" or "\0" can bring in what the file itself may not hold. */
    if (!utf8_valid(y->text) || (y->text.n > 0 && memchr(y->text.p, '\0', y->text.n) != NULL))
        complain(b, y->line, y->col, -EBADMSG, "yaml.bad_character", NULL, NULL);
    on_node(b, y);
}

static void refuse_marks(struct builder *b, struct fy_token *anchor, struct fy_token *tag)
{
    struct fy_token *t = anchor != NULL ? anchor : tag;
    const struct fy_mark *m = t == NULL ? NULL : fy_token_start_mark(t);

    if (t != NULL)
        complain(b, m == NULL ? 0 : (uint32_t)m->line + 1,
                 m == NULL ? 0 : (uint32_t)m->column + (anchor == NULL || m->column == 0), -EBADMSG,
                 anchor != NULL ? "yaml.alias" : "yaml.tag", NULL, NULL);
}

static void on_event(struct builder *b, struct fy_event *ev)
{
    switch (ev->type) {
    case FYET_SCALAR:
        refuse_marks(b, ev->scalar.anchor, ev->scalar.tag);
        on_scalar(b, ev);
        break;
    case FYET_ALIAS:
        refuse_marks(b, ev->alias.anchor, NULL);
        on_node(b, node_new(b, YAML_NULL, ev));
        break;
    case FYET_SEQUENCE_START:
        refuse_marks(b, ev->sequence_start.anchor, ev->sequence_start.tag);
        on_open(b, node_new(b, YAML_LIST, ev));
        break;
    case FYET_MAPPING_START:
        refuse_marks(b, ev->mapping_start.anchor, ev->mapping_start.tag);
        on_open(b, node_new(b, YAML_MAP, ev));
        break;
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        on_close(b);
        break;
    default:
        break;
    }
}

/* ---- the whole stream ---- */

static void syntax_errors(struct builder *b, struct fy_diag *diag)
{
    struct fy_diag_error *de;
    void *it = NULL;
    bool told = false;

    while (diag != NULL && (de = fy_diag_errors_iterate(diag, &it)) != NULL) {
        if (de->type < FYET_ERROR || told)
            continue;
        complain(b, de->line > 0 ? (uint32_t)de->line : 0, de->column > 0 ? (uint32_t)de->column : 0, -EBADMSG,
                 "yaml.syntax", de->msg, NULL);
        told = true; /* what follows the first is its echo */
    }
    if (!told)
        complain(b, 0, 0, -EBADMSG, "yaml.syntax", "?", NULL);
}

static void run(struct builder *b, struct fy_parser *fp, struct fy_diag *diag)
{
    bool ended = false;

    while (b->fatal == 0 && !ended) {
        struct fy_event *ev = fy_parser_parse(fp);
        if (ev == NULL)
            break;
        ended = ev->type == FYET_STREAM_END;
        on_event(b, ev);
        fy_parser_event_free(fp, ev);
    }
    if (b->fatal == 0 && !ended) {
        syntax_errors(b, diag);
        b->fatal = -EBADMSG;
    }
}

/* What no YAML file of ours may hold, found before libfyaml looks: bad bytes,
 * and more structure than a person writes. libfyaml keeps some 350 bytes for each
 * token of a flow collection until it ends, so 4 MiB of "[" would take 1.4 GB. */
static bool bytes_good(struct builder *b, str s)
{
    uint32_t line = 1;
    size_t start = 0, marks = 0;

    for (size_t i = 0, len; i < s.n; i += len) {
        unsigned char c = (unsigned char)s.p[i];
        len = c < 0x80 ? 1 : utf8_char((str){s.p + i, s.n - i});
        const char *bad = len == 0 || (c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f
                              ? "yaml.bad_character"
                          : c == '\t' ? "yaml.tab" /* libfyaml reads past its memory on some */
                                      : NULL;
        if (bad != NULL) {
            stop(b, line, (uint32_t)(i - start + 1), -EBADMSG, bad, NULL);
            return false;
        }
        if (c == '\n') {
            line++;
            start = i + 1;
        }
        marks += c < 0x80 && c != '\0' && strchr("[]{},?!&*-:\"'", c) != NULL;
    }
    if (marks > YAML_MARKS)
        stop(b, 0, 0, -E2BIG, "yaml.too_many_marks", N(YAML_MARKS));
    return marks <= YAML_MARKS;
}

static void parse(struct builder *b, str text)
{
    struct fy_diag_cfg dc;

    fy_diag_cfg_default(&dc);
    dc.fp = NULL;
    dc.level = FYET_ERROR;
    struct fy_diag *diag = fy_diag_create(&dc);
    struct fy_parser *fp = NULL;
    if (diag != NULL) {
        fy_diag_set_collect_errors(diag, true);
        struct fy_parse_cfg cfg = {.search_path = "",
                                   .flags =
                                       FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
                                   .diag = diag};
        fp = fy_parser_create(&cfg);
    }
    if (fp == NULL || fy_parser_set_string(fp, text.p, text.n) != 0)
        stop(b, 0, 0, -ENOMEM, "base.errno", NULL);
    else
        run(b, fp, diag);
    if (fp != NULL)
        fy_parser_destroy(fp);
    if (diag != NULL)
        fy_diag_destroy(diag);
}

int yaml_parse(struct arena *a, str text, const char *name, struct yaml ***docs, size_t *ndocs, struct errs *es)
{
    struct builder b = {.a = a, .name = name, .es = es, .line = 1, .col = 1};
    struct yaml **kept = NULL;

    buf_init(&b.text, YAML_BYTES);
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_sub(text, 3, text.n);
    if (text.n > YAML_BYTES)
        stop(&b, 0, 0, -EFBIG, "yaml.too_big", N(YAML_BYTES));
    else if (bytes_good(&b, text) && text.n > 0)
        parse(&b, text);
    if (!b.bad) {
        kept = arena_array(a, struct yaml *, b.ndocs);
        if (kept == NULL)
            stop(&b, 0, 0, -ENOMEM, "base.errno", NULL);
        else if (b.ndocs > 0)
            memcpy(kept, b.docs, b.ndocs * sizeof(*kept));
    }
    buf_done(&b.text);
    free(b.kids);
    free(b.docs);
    if (b.bad)
        return b.fatal == -ENOMEM ? -ENOMEM : -EBADMSG;
    *docs = kept;
    *ndocs = b.ndocs;
    return 0;
}

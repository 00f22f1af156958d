/* Printing: the same rows as a table for people, JSON or CSV for scripts.
 * Table cells are escaped, so that a log line cannot drive the terminal. */
#include "cli/cli.h"
#include "base/msg.h"
#include "base/text.h"

enum { CELL_MAX = 60 };

/* "unit.code" through nested objects; {"vi","en"} pairs give the chosen language. */
static const json_t *walk(const json_t *row, const char *path)
{
    str rest = str_c(path), head;

    while (row != NULL && str_split(&rest, '.', &head)) {
        char name[64];
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(head));
        row = json_object_get(row, name);
    }
    return row;
}

static void add_value(struct run *r, struct buf *b, const json_t *v)
{
    size_t i;
    json_t *item;

    if (v == NULL || json_is_null(v))
        return;
    if (json_is_string(v)) {
        buf_str(b, json_str(v));
    } else if (json_is_object(v) && json_object_get(v, "vi") != NULL && json_object_get(v, "en") != NULL) {
        buf_str(b, json_get_str(v, r->lang == LANG_VI ? "vi" : "en"));
    } else if (json_is_object(v) && json_object_get(v, "key") != NULL) {
        buf_str(b, json_get_str(v, "key"));
    } else if (json_is_array(v)) {
        json_array_foreach(v, i, item)
        {
            if (i > 0)
                buf_z(b, ", ");
            add_value(r, b, item);
        }
    } else {
        char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
        buf_z(b, text ? text : "");
        free(text);
    }
}

void out_cell(struct run *r, struct buf *b, const json_t *row, const char *path) { add_value(r, b, walk(row, path)); }

/* Control bytes of a cell become visible; the width counts characters. */
static size_t add_escaped(struct buf *b, str s, size_t max)
{
    size_t width = 0;

    for (size_t i = 0; i < s.n && width < max; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 32 || c == 127) {
            buf_fmt(b, "\\x%02x", c);
            width += 4;
        } else {
            buf_byte(b, c);
            width += (c & 0xC0) != 0x80;
        }
        while (i + 1 < s.n && ((unsigned char)s.p[i + 1] & 0xC0) == 0x80)
            buf_byte(b, (uint8_t)s.p[++i]);
    }
    return width;
}

static int print_json(const json_t *v)
{
    json_dumpf(v, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
    return EXIT_FINE;
}

static int print_csv(struct run *r, const json_t *items, const struct column *cols, size_t n)
{
    struct buf b, cell;
    size_t i;
    json_t *row;

    buf_init(&b, 1u << 30);
    buf_init(&cell, 1u << 26);
    for (size_t k = 0; k < n; k++)
        buf_fmt(&b, "%s%s", k ? "," : "", cols[k].path);
    buf_byte(&b, '\n');
    json_array_foreach(items, i, row)
    {
        for (size_t k = 0; k < n; k++) {
            buf_clear(&cell);
            out_cell(r, &cell, row, cols[k].path);
            if (k > 0)
                buf_byte(&b, ',');
            buf_csv(&b, buf_view(&cell));
        }
        buf_byte(&b, '\n');
    }
    fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
    buf_done(&cell);
    return EXIT_FINE;
}

struct cell {
    str text;
    size_t width;
};

static const char *title_of(struct run *r, const struct column *c)
{
    const char *text = c->title ? msg_get(c->title, r->lang) : NULL;

    return text ? text : c->title ? c->title : c->path;
}

static struct cell make_cell(struct run *r, str raw)
{
    struct buf b;
    struct cell c;

    buf_init(&b, 1u << 16);
    c.width = add_escaped(&b, raw, CELL_MAX);
    c.text = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    return c;
}

static int print_table(struct run *r, const json_t *items, const struct column *cols, size_t n)
{
    size_t rows = json_array_size(items), *widths = arena_array(&r->arena, size_t, n);
    struct cell *cells = arena_array(&r->arena, struct cell, (rows + 1) * n);
    struct buf b;

    if (cells == NULL || widths == NULL)
        return EXIT_ERROR;
    buf_init(&b, 1u << 26);
    for (size_t i = 0; i <= rows; i++)
        for (size_t k = 0; k < n; k++) {
            buf_clear(&b);
            if (i == 0)
                buf_z(&b, title_of(r, &cols[k]));
            else
                out_cell(r, &b, json_array_get(items, i - 1), cols[k].path);
            cells[i * n + k] = make_cell(r, buf_view(&b));
            if (cells[i * n + k].width > widths[k])
                widths[k] = cells[i * n + k].width;
        }
    for (size_t i = 0; i <= rows; i++)
        for (size_t k = 0; k < n; k++) {
            struct cell *c = &cells[i * n + k];
            int pad = k + 1 < n ? (int)(widths[k] - c->width) + 2 : 0;
            printf("%.*s%*s%s", STR_ARGS(c->text), pad, "", k + 1 < n ? "" : "\n");
        }
    buf_done(&b);
    return EXIT_FINE;
}

int out_rows(struct run *r, const json_t *items, const struct column *cols, size_t n)
{
    if (r->format == OUT_JSON)
        return print_json(items);
    if (r->format == OUT_CSV)
        return print_csv(r, items, cols, n);
    return print_table(r, items, cols, n);
}

int out_object(struct run *r, const json_t *object)
{
    struct buf b;
    const char *name;
    json_t *value;

    if (r->format == OUT_JSON)
        return print_json(object);
    buf_init(&b, 1u << 26);
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        buf_clear(&b);
        add_value(r, &b, value);
        if (r->format == OUT_CSV) {
            struct buf line;
            buf_init(&line, 1u << 26);
            buf_csv(&line, buf_view(&b));
            printf("%s,%.*s\n", name, STR_ARGS(buf_view(&line)));
            buf_done(&line);
        } else {
            struct buf line;
            buf_init(&line, 1u << 26);
            add_escaped(&line, buf_view(&b), SIZE_MAX);
            printf("%-20s %.*s\n", name, STR_ARGS(buf_view(&line)));
            buf_done(&line);
        }
    }
    buf_done(&b);
    return EXIT_FINE;
}

void out_inexact(struct run *r, struct buf *b, const json_t *stats)
{
    char text[1024];
    int64_t lack = json_get_int(stats, "short_by", 0);

    if (json_is_true(json_object_get(stats, "sampled")))
        buf_fmt(b, "%s\n", msg_get("cli.sampled", r->lang));
    if (lack <= 0)
        return;
    msg_fmt(text, sizeof(text), r->lang, "cli.short_by", (const char *const[]){N(lack)}, 1);
    buf_fmt(b, "%s\n", text);
}

void out_message(struct run *r, const char *key, const char *a0, const char *a1)
{
    char text[1024];

    msg_fmt(text, sizeof(text), r->lang, key, (const char *const[]){a0 ? a0 : "", a1 ? a1 : ""}, 2);
    fprintf(stderr, "%s\n", text);
}

int fail(struct run *r, const struct err *e)
{
    char text[1024];

    err_text(e, r->lang, text, sizeof(text));
    fprintf(stderr, "luy: %s\n", text);
    return EXIT_ERROR;
}

#include "registry/xlsx-write-int.h"
#include "base/file.h"
#include "base/text.h"
#include <errno.h>
#include <unistd.h>

enum { CELL_CHARS = 32767, NOTE_BYTES = 2000 };

int xlsx_out_open(struct xlsx_out *x, struct err *e)
{
    const char *tmp = getenv("TMPDIR") != NULL && strlen(getenv("TMPDIR")) < 40 ? getenv("TMPDIR") : "/tmp";
    lxw_workbook_options opt = {.tmpdir = x->dir};

    *x = (struct xlsx_out){0};
    snprintf(x->dir, sizeof(x->dir), "%s/luy-xlsx-XXXXXX", tmp);
    if (mkdtemp(x->dir) == NULL)
        return ERR(e, -errno, "registry.xlsx_write");
    snprintf(x->path, sizeof(x->path), "%s/book.xlsx", x->dir);
    x->wb = workbook_new_opt(x->path, &opt);
    if (x->wb == NULL) {
        rmdir(x->dir);
        return ERR(e, -ENOMEM, "registry.no_memory");
    }
    x->label = workbook_add_format(x->wb);
    format_set_bold(x->label);
    format_set_bg_color(x->label, 0xDDE8F6);
    format_set_text_wrap(x->label);
    x->name = workbook_add_format(x->wb);
    format_set_font_color(x->name, 0x606060);
    format_set_italic(x->name);
    x->text = workbook_add_format(x->wb);
    format_set_num_format(x->text, "@");
    x->date = workbook_add_format(x->wb);
    format_set_num_format(x->date, "dd/mm/yyyy");
    x->bad = workbook_add_format(x->wb);
    format_set_num_format(x->bad, "@");
    format_set_bg_color(x->bad, 0xFFC7CE);
    format_set_font_color(x->bad, 0x9C0006);
    return 0;
}

int xlsx_out_close(struct xlsx_out *x, int rc, struct buf *out, struct err *e)
{
    struct arena a = arena_init(128 << 20);
    str bytes;

    /* Closing also frees, so a workbook that nobody wants is written as well. */
    lxw_error bad = workbook_close(x->wb);
    if (rc == 0 && bad != LXW_NO_ERROR)
        rc = ERR(e, -EIO, "registry.xlsx_write");
    if (rc == 0)
        rc = file_read(&a, x->path, 96 << 20, &bytes, e);
    if (rc == 0) {
        buf_str(out, bytes);
        rc = out->failed ? ERR(e, -E2BIG, "registry.export_big") : 0;
    }
    unlink(x->path);
    rmdir(x->dir);
    arena_free(&a);
    return rc;
}

static size_t chars(str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

int xlsx_out_text(lxw_worksheet *ws, uint32_t row, uint16_t col, str s, lxw_format *f, struct err *e)
{
    char few[512], *z = few;

    if (s.n == 0 && f == NULL)
        return 0;
    if (chars(s) > CELL_CHARS)
        return ERR(e, -E2BIG, "registry.xlsx_long", N(CELL_CHARS));
    if (s.n >= sizeof(few) && (z = malloc(s.n + 1)) == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    if (s.n > 0)
        memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    lxw_error rc = s.n == 0 ? worksheet_write_blank(ws, row, col, f) : worksheet_write_string(ws, row, col, z, f);
    if (z != few)
        free(z);
    return rc == LXW_NO_ERROR ? 0 : ERR(e, -EIO, "registry.xlsx_write");
}

void xlsx_out_note(lxw_worksheet *ws, uint32_t row, uint16_t col, str s, double lines)
{
    char text[NOTE_BYTES + 1];
    lxw_comment_options opt = {.x_scale = 2.5, .y_scale = lines > 4 ? lines / 4 : 1};
    size_t n = utf8_cut(s, NOTE_BYTES);

    if (n == 0)
        return;
    memcpy(text, s.p, n);
    text[n] = '\0';
    worksheet_write_comment_opt(ws, row, col, text, &opt);
}

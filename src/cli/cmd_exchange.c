/* Spreadsheets: import, export, template. A file is told by its first bytes, not
 * by its name; what a sheet's kind is, the server says. */
#include "cli/cli.h"
#include "base/file.h"
#include "base/rand.h"
#include "base/text.h"
#include <errno.h>
#include <unistd.h>

enum { IMPORT_MAX = 64 * 1024 * 1024, MAP_MAX = 1 << 20, KINDS_TEXT_MAX = 4096 };
#define XLSX_TYPE "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

static bool is_xlsx(str bytes) { return str_starts(bytes, STR("PK\x03\x04")); }

/* What would spoil a terminal. */
static bool is_binary(str bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        if ((unsigned char)bytes.p[i] < 0x20 && strchr("\t\r\n", bytes.p[i]) == NULL)
            return true;
    return !utf8_valid(bytes);
}

int out_file(struct run *r, str bytes, const char *file, struct err *e)
{
    if (file == NULL || strcmp(file, "-") == 0) {
        if (isatty(STDOUT_FILENO) && is_binary(bytes))
            return ERR(e, -EINVAL, "cli.wants_out");
        return fwrite(bytes.p, 1, bytes.n, stdout) == bytes.n ? 0 : ERR(e, -EIO, "cli.export_file", "stdout");
    }
    /* It holds what only some may read. */
    int rc = file_write_atomic(file, bytes, 0600, e);
    if (rc == 0)
        out_message(r, "cli.wrote", file, N((int64_t)bytes.n));
    return rc;
}

static int get_file(struct run *r, str path, const char *type, struct err *e)
{
    struct answer a = {0};
    struct request rq = {.method = "GET", .path = path, .accept = type};
    int rc = client_call(r, &rq, &a, e);

    if (rc == 0)
        rc = out_file(r, a.body, r->opt.out_file, e);
    json_decref(a.json);
    return rc < 0 ? fail(r, e) : EXIT_FINE;
}

/* The first words without "=" are kinds. */
static int kinds_of(struct run *r)
{
    int n = 0;

    while (n < r->nargs && strchr(r->args[n], '=') == NULL)
        n++;
    return n;
}

static str book_path(struct run *r, const char *what, int nkinds)
{
    struct buf kinds, b;

    buf_init(&kinds, KINDS_TEXT_MAX);
    buf_init(&b, 3 * KINDS_TEXT_MAX);
    for (int i = 0; i < nkinds; i++)
        buf_fmt(&kinds, "%s%s", i > 0 ? "," : "", r->args[i]);
    buf_byte(&kinds, 0);
    buf_fmt(&b, "/api/v1/registry/%s", what);
    url_param(&b, "kinds", kinds.failed ? "" : kinds.p);
    str s = arena_str(&r->arena, buf_view(&b));
    buf_done(&kinds);
    buf_done(&b);
    return s;
}

/* What was asked for, else what the file's name ends in. */
static int form_of(struct run *r, int nkinds, bool *xlsx, struct err *e)
{
    str form = str_c(r->opt.form), file = str_c(r->opt.out_file);

    *xlsx = nkinds > 1 || str_ends(file, STR(".xlsx"));
    if (form.p == NULL)
        return 0;
    *xlsx = str_eq(form, STR("xlsx"));
    if (!*xlsx && !str_eq(form, STR("csv")))
        return ERR(e, -EINVAL, "cli.bad_form", r->opt.form);
    return !*xlsx && nkinds > 1 ? ERR(e, -EINVAL, "cli.csv_one_kind") : 0;
}

int cmd_export(struct run *r)
{
    struct err e = {0};
    int n = kinds_of(r);
    bool xlsx, filtered = n < r->nargs || r->opt.filter_state != NULL || r->opt.filter_unit != NULL ||
                          r->opt.query_text != NULL || r->opt.all;
    str path = STR_NONE;
    int rc = form_of(r, n, &xlsx, &e);

    if (rc == 0 && n == 0)
        rc = ERR(&e, -EINVAL, "cli.wrong_arguments", "export", "KIND...");
    if (rc == 0 && n > 1 && filtered)
        rc = ERR(&e, -EINVAL, "cli.filter_one_kind");
    if (rc == 0 && n > 1)
        path = book_path(r, "export", n);
    else if (rc == 0)
        rc = list_path(r, r->args[0], &path, &e);
    return rc < 0 ? fail(r, &e) : get_file(r, path, xlsx ? XLSX_TYPE : "text/csv", &e);
}

int cmd_template(struct run *r)
{
    struct err e = {0};

    return get_file(r, book_path(r, "template", r->nargs), XLSX_TYPE, &e);
}

/* A unit's sheet for paper: HTML, to be opened and printed by a browser. */
int cmd_sheet(struct run *r)
{
    struct err e = {0};
    struct buf b;

    buf_init(&b, 4096);
    buf_z(&b, "/api/v1/units/");
    url_segment(&b, r->args[0]);
    buf_z(&b, "/sheet");
    url_param(&b, "lang", r->lang == LANG_VI ? "vi" : "en");
    str path = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    return get_file(r, path, "text/html", &e);
}

/* "luy import device f.csv" and "luy import f.xlsx": a file has a dot or a slash, a kind has none. */
static const char *kind_given(const struct run *r)
{
    return r->nargs > 1 && strpbrk(r->args[0], "./") == NULL && strcmp(r->args[0], "-") != 0 ? r->args[0] : NULL;
}

/* A mapping of the user's own is a file; a name alone is one that the server has. */
static bool map_is_file(const struct run *r) { return r->opt.map != NULL && strpbrk(r->opt.map, "./") != NULL; }

static str import_path(struct run *r, const char *kind, const char *file, bool marked)
{
    const char *slash = strrchr(file, '/');
    struct buf b;

    buf_init(&b, 64 * 1024);
    buf_str(&b, record_path(r, kind != NULL ? kind : "registry", NULL, "/import"));
    url_param(&b, "dry_run", r->opt.dry_run ? "1" : NULL);
    url_param(&b, "checks", r->opt.dry_run && !marked ? "1" : NULL);
    url_param(&b, "marked", marked ? "1" : NULL);
    url_param(&b, "map", map_is_file(r) ? NULL : r->opt.map);
    url_param(&b, "with", r->opt.with);
    /* The name says of which kind a CSV is: device.csv. */
    if (kind == NULL)
        url_param(&b, "name", slash != NULL ? slash + 1 : file);
    str s = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    return s;
}

/* The same sheet, judged again, and kept with its mistakes in it. */
static int keep_marked(struct run *r, struct request *rq, const char *kind, const char *file)
{
    struct err e = {0};
    struct answer a = {0};

    rq->path = import_path(r, kind, file, true);
    rq->accept = XLSX_TYPE;
    int rc = client_call(r, rq, &a, &e);
    if (rc == 0)
        rc = file_write_atomic(r->opt.marked, a.body, 0600, &e);
    json_decref(a.json);
    if (rc < 0)
        return fail(r, &e);
    out_message(r, "cli.marked", r->opt.marked, NULL);
    return EXIT_FINE;
}

static int read_in(struct run *r, const char *file, size_t max, str *out, struct err *e)
{
    return file_read(&r->arena, strcmp(file, "-") == 0 ? "/dev/stdin" : file, max, out, e);
}

static void part(struct buf *b, const char *boundary, const char *name, const char *file, str bytes)
{
    const char *slash = strrchr(file, '/');

    buf_fmt(b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"", boundary, name);
    for (const char *p = slash != NULL ? slash + 1 : file; *p != '\0'; p++)
        buf_byte(b, (uint8_t)(*p == '"' || (unsigned char)*p < 32 ? '_' : *p));
    buf_z(b, "\"\r\n\r\n");
    buf_str(b, bytes);
    buf_z(b, "\r\n");
}

/* Several files, or a mapping beside them: multipart/form-data. The boundary is drawn, so no file holds it. */
static int body_of_parts(struct run *r, int first, struct request *rq, struct err *e)
{
    char boundary[36] = "luy";
    struct buf b;
    str bytes;
    int rc = 0;

    rand_hex(boundary + 3, 16);
    buf_init(&b, IMPORT_MAX);
    if (map_is_file(r) && (rc = read_in(r, r->opt.map, MAP_MAX, &bytes, e)) == 0)
        part(&b, boundary, "map", r->opt.map, bytes);
    for (int i = first; i < r->nargs && rc == 0; i++)
        if ((rc = read_in(r, r->args[i], IMPORT_MAX, &bytes, e)) == 0)
            part(&b, boundary, "file", r->args[i], bytes);
    buf_fmt(&b, "--%s--\r\n", boundary);
    if (rc == 0 && b.failed)
        rc = ERR(e, -EFBIG, "cli.files_big", N(IMPORT_MAX));
    rq->body = arena_str(&r->arena, buf_view(&b));
    rq->type = arena_fmt(&r->arena, "multipart/form-data; boundary=%s", boundary).p;
    buf_done(&b);
    return rc;
}

/* What was noticed beside the mistakes, a line each. */
static void say_notes(struct run *r, const json_t *answer)
{
    json_t *note;
    size_t i;

    json_array_foreach(json_object_get(answer, "notes"), i, note)
    {
        str sheet = json_get_str(note, "sheet"), column = json_get_str(note, "column");
        str where = arena_fmt(&r->arena, "%.*s%s%lld %.*s", STR_ARGS(sheet), sheet.n > 0 ? ", " : "",
                              (long long)json_get_int(note, "row", 0), STR_ARGS(column));
        out_message(r, "cli.import_note", where.p,
                    arena_fmt(&r->arena, "%.*s", STR_ARGS(json_get_str(note, "detail"))).p);
    }
}

/* A table shows the counts, the findings below them. */
static int print_import(struct run *r, json_t *answer)
{
    json_t *checks = NULL;

    if (r->format == OUT_TABLE) {
        checks = json_incref(json_object_get(answer, "checks"));
        json_object_del(answer, "checks");
    }
    int code = out_object(r, answer);
    if (json_is_object(checks))
        out_checks(r, checks);
    json_decref(checks);
    if (r->format != OUT_JSON)
        say_notes(r, answer);
    return code;
}

int cmd_import(struct run *r)
{
    struct err e = {0};
    struct answer a = {0};
    const char *kind = kind_given(r);
    int first = kind != NULL;
    const char *file = r->args[first];
    struct request rq = {.method = "POST", .path = import_path(r, kind, file, false)};
    int rc = 0;

    if (r->nargs - first > 1 || map_is_file(r)) {
        rc = body_of_parts(r, first, &rq, &e);
    } else if ((rc = read_in(r, file, IMPORT_MAX, &rq.body, &e)) == 0) {
        rq.type = is_xlsx(rq.body) ? XLSX_TYPE : "text/csv";
    }
    if (rc < 0)
        return fail(r, &e);
    rc = client_call(r, &rq, &a, &e);
    int code = rc < 0 ? fail(r, &e) : print_import(r, a.json);
    if (rc < 0 && r->format == OUT_JSON && a.json != NULL)
        out_object(r, a.json);
    if (rc < 0 && r->opt.marked != NULL && json_object_get(a.json, "errors") != NULL)
        keep_marked(r, &rq, kind, file);
    json_decref(a.json);
    return code;
}

int cmd_maps(struct run *r)
{
    static const struct column cols[] = {
        {"map", "cli.col.name"}, {"label", "cli.col.label"}, {"needs", "cli.col.needs"}};
    struct err e = {0};
    json_t *out = NULL, *item, *p;
    size_t i, k;

    if (client_get(r, STR("/api/v1/registry/maps"), &out, &e) < 0)
        return fail(r, &e);
    json_array_foreach(json_object_get(out, "items"), i, item)
    {
        json_t *needs = json_array();
        json_array_foreach(json_object_get(item, "parameters"), k, p)
        {
            if (json_is_null(json_object_get(p, "default")))
                json_array_append(needs, json_object_get(p, "name"));
        }
        json_object_set_new(item, "needs", needs);
    }
    int code = out_rows(r, json_object_get(out, "items"), cols, 3);
    json_decref(out);
    return code;
}

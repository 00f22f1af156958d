/* Documents of records. What a file is, the server says by what is in it; of its
 * path only the last part goes along. */
#include "cli/cli.h"
#include "base/file.h"
#include <errno.h>

enum { DOCUMENT_MAX = 64 << 20 };

static str document_path(struct run *r, const char *name)
{
    struct buf b;

    buf_init(&b, 16 * 1024);
    buf_str(&b, record_path(r, r->args[0], r->args[1], "/files/"));
    url_segment(&b, r->args[2]);
    url_param(&b, name != NULL ? "name" : "at", name != NULL ? name : r->opt.at);
    str s = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    return s;
}

static const char *last_part(const char *path)
{
    const char *cut = strrchr(path, '/');

    return cut != NULL ? cut + 1 : path;
}

int cmd_attach(struct run *r)
{
    struct err e = {0};
    struct answer a = {0};
    str bytes;
    const char *path = r->args[3];
    int rc = current_rev(r, &e);

    if (rc == 0)
        rc = file_read(&r->arena, path, DOCUMENT_MAX, &bytes, &e);
    if (rc == 0) {
        struct request rq = {.method = "PUT",
                             .path = document_path(r, last_part(path)),
                             .type = "application/octet-stream",
                             .body = bytes,
                             .if_match = arena_fmt(&r->arena, "\"%s\"", r->opt.rev)};
        rc = client_call(r, &rq, &a, &e);
    }
    int code = rc < 0 ? fail(r, &e) : out_object(r, a.json);
    json_decref(a.json);
    return code;
}

int cmd_fetch(struct run *r)
{
    struct err e = {0};
    struct answer a = {0};
    struct request rq = {.method = "GET", .path = document_path(r, NULL), .accept = "*/*"};
    int rc = client_call(r, &rq, &a, &e);

    if (rc == 0)
        rc = out_file(r, a.body, r->opt.out_file, &e);
    json_decref(a.json);
    return rc < 0 ? fail(r, &e) : EXIT_FINE;
}

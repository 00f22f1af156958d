/* The console's built files. A path is cut into plain names and opened with
 * openat under the folder, no links followed: nothing outside can be reached.
 * Files under assets/ carry a hash in their name and never change. What is no
 * file and no name with an ending is a page of the console: index.html. */
#include "api/api-int.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".json", "application/json"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
    {".webmanifest", "application/manifest+json"},
    {".map", "application/json"},
};

static const char *type_of(str name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (str_ends(name, str_c(types[i].ending)))
            return types[i].type;
    return "application/octet-stream";
}

static bool plain_name(str s)
{
    if (s.n == 0 || s.n > 200 || s.p[0] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == '\\' || s.p[i] == '/')
            return false;
    return true;
}

/* -1: not there or not a plain path. */
static int open_path(int dir, str path)
{
    char name[201];
    str rest = path, part;
    int at = dup(dir), next;

    while (at >= 0 && str_split(&rest, '/', &part)) {
        if (!plain_name(part)) {
            close(at);
            return -1;
        }
        memcpy(name, part.p, part.n);
        name[part.n] = '\0';
        bool last = rest.p == NULL;
        next = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (last ? O_NONBLOCK : O_DIRECTORY));
        close(at);
        at = next;
        if (last)
            return at;
    }
    if (at >= 0)
        close(at);
    return -1;
}

static bool has_ending(str path)
{
    if (str_starts(path, STR(".")) || str_find(path, STR("/.")) != SIZE_MAX)
        return true; /* hidden names are files too, and never ours */
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (str_ends(path, str_c(types[i].ending)))
            return true;
    return false;
}

static bool accepts_gzip(const struct request *rq)
{
    return str_find(request_header(rq, "Accept-Encoding"), STR("gzip")) != SIZE_MAX;
}

/* name.gz beside name, when the build made one. */
static int open_best(struct request *rq, struct response *rs, str path)
{
    if (accepts_gzip(rq)) {
        int fd = open_path(rq->api->web_fd, arena_fmt(&rq->a, "%.*s.gz", STR_ARGS(path)));
        if (fd >= 0) {
            reply_header(rq, rs, "Content-Encoding", "gzip");
            reply_header(rq, rs, "Vary", "Accept-Encoding");
            return fd;
        }
    }
    return open_path(rq->api->web_fd, path);
}

static bool send_file(struct request *rq, struct response *rs, str path, int fd)
{
    struct stat st;
    char tag[64];

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return false;
    }
    snprintf(tag, sizeof(tag), "\"%llx-%llx\"", (unsigned long long)st.st_size,
             (unsigned long long)st.st_mtim.tv_sec * 1000000000ULL + (unsigned long long)st.st_mtim.tv_nsec);
    rs->may_cache = true;
    reply_header(rq, rs, "ETag", "%s", tag);
    reply_header(rq, rs, "Cache-Control", "%s",
                 str_starts(path, STR("assets/")) ? "public, max-age=31536000, immutable" : "no-cache");
    if (str_eq(request_header(rq, "If-None-Match"), str_c(tag))) {
        close(fd);
        rs->status = 304;
        return true;
    }
    rs->status = 200;
    rs->type = type_of(path);
    rs->file_fd = fd;
    rs->file_size = (uint64_t)st.st_size;
    return true;
}

static void not_there(struct request *rq, struct response *rs, int status, const char *key)
{
    const char *text = msg_get(key, rq->lang);
    rs->status = status;
    rs->type = "text/plain; charset=utf-8";
    buf_z(&rs->body, text != NULL ? text : key);
    buf_byte(&rs->body, '\n');
}

void static_serve(struct request *rq, struct response *rs)
{
    str path;
    int fd;

    if (rq->method != M_GET) {
        reply_header(rq, rs, "Allow", "GET, HEAD");
        not_there(rq, rs, 405, "api.title.405");
        return;
    }
    if (!url_decode(&rq->a, rq->path, false, &path)) {
        not_there(rq, rs, 400, "api.bad_uri");
        return;
    }
    if (rq->api->web_fd < 0) {
        not_there(rq, rs, 404, "api.no_console");
        return;
    }
    path = str_sub(path, 1, path.n);
    if (path.n > 0) {
        fd = open_best(rq, rs, path);
        if (fd >= 0 && send_file(rq, rs, path, fd))
            return;
    }
    if (path.n > 0 && has_ending(path)) {
        rs->nheader = 0;
        not_there(rq, rs, 404, "api.title.404");
        return;
    }
    fd = open_path(rq->api->web_fd, STR("index.html"));
    if (fd < 0 || !send_file(rq, rs, STR("index.html"), fd))
        not_there(rq, rs, 404, "api.no_console");
}

/* What an archive says of itself, read back as hostile input: numbers in range,
 * names that are segments' and files' of flows and nothing else, each list in the order of its numbers. */
#include "journal/archive-int.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rand.h"
#include "journal/flow_store-int.h"
#include "journal/segment.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 100000, DEPTH = 4 };

static bool take_text(const json_t *o, const char *key, char *out, size_t cap)
{
    str s = json_get_str(o, key);

    if (s.p == NULL || s.n == 0 || s.n >= cap || memchr(s.p, '\0', s.n) != NULL || memchr(s.p, '/', s.n) != NULL)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

static bool take_count(const json_t *o, const char *key, uint64_t *out)
{
    int64_t v = json_get_int(o, key, -1);

    *out = v < 0 ? 0 : (uint64_t)v;
    return v >= 0;
}

/* Of a list of segments, or of files of flows. */
struct kind {
    const char *list, *count;
    bool (*name)(str name, uint32_t *no);
};
static const struct kind of_lines = {"segments", "records", segment_name_parse};
static const struct kind of_flows = {"flow_files", "flows", flow_segment_name};

static bool take_file(const json_t *o, const struct kind *k, struct archive_file *f)
{
    struct sha256 sum;
    uint32_t no;

    return take_text(o, "name", f->name, sizeof(f->name)) && k->name(str_c(f->name), &no) &&
           take_text(o, "sha256", f->sha256, sizeof(f->sha256)) && strlen(f->sha256) == 64 &&
           hex_parse(str_c(f->sha256), sum.b, sizeof(sum.b)) && take_count(o, "bytes", &f->bytes) &&
           take_count(o, "blocks", &f->blocks) && take_count(o, k->count, &f->records) &&
           take_count(o, "first", &f->first) && take_count(o, "last", &f->last) && f->first <= f->last;
}

static bool take_list(const json_t *o, const struct kind *k, struct archive_file **v, size_t *n)
{
    const json_t *list = json_object_get(o, k->list);
    size_t all = json_array_size(list);

    if (!json_is_array(list) || all > SEGMENTS_MAX || (*v = calloc(all + 1, sizeof(**v))) == NULL)
        return false;
    for (; *n < all; ++*n)
        if (!take_file(json_array_get(list, *n), k, &(*v)[*n]) || (*n > 0 && (*v)[*n].first <= (*v)[*n - 1].last))
            return false;
    return true;
}

static bool take_all(const json_t *o, struct manifest *m)
{
    if (!str_eq(json_get_str(o, "format"), STR("luy-archive 2")) || !take_text(o, "name", m->name, sizeof(m->name)) ||
        (json_object_get(o, "relay") != NULL && !take_text(o, "relay", m->relay, sizeof(m->relay))) ||
        !take_text(o, "first_received", m->first_received, sizeof(m->first_received)) ||
        !take_text(o, "last_received", m->last_received, sizeof(m->last_received)) ||
        !take_count(o, "records", &m->records) || !take_count(o, "raw_bytes", &m->raw_bytes) ||
        !take_count(o, "bytes", &m->bytes) || !take_count(o, "flows", &m->flows) ||
        !take_count(o, "flow_bytes", &m->flow_bytes))
        return false;
    return take_list(o, &of_lines, &m->v, &m->n) && take_list(o, &of_flows, &m->flow, &m->nflow) && m->n + m->nflow > 0;
}

int manifest_read(const char *path, struct manifest *out, struct err *e)
{
    struct arena a = arena_init(ARCHIVE_MANIFEST_MAX + 4096);
    struct manifest m = {0};
    json_t *o = NULL;
    str text;
    int rc = file_read(&a, path, ARCHIVE_MANIFEST_MAX, &text, e);

    if (rc == 0)
        rc = json_read(text, DEPTH, &o, e);
    if (rc == 0 && !take_all(o, &m))
        rc = ERR(e, -EBADMSG, "journal.archive_manifest", path);
    if (rc == 0) {
        m.sum = sha256(text);
        *out = m;
    } else {
        manifest_done(&m);
    }
    json_decref(o);
    arena_free(&a);
    return rc;
}

void manifest_done(struct manifest *m)
{
    free(m->v);
    free(m->flow);
    *m = (struct manifest){0};
}

const struct archive_file *archive_file_named(const struct archive_file *v, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].name, name) == 0)
            return &v[i];
    return NULL;
}

const struct archive_file *archive_file_holding(const struct archive_file *v, size_t n, uint64_t seq)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (v[mid].last < seq)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && v[lo].first <= seq ? &v[lo] : NULL;
}

int manifest_check_file(const char *dir, const struct archive_file *f, const atomic_bool *cancel, struct err *e)
{
    char path[ARCHIVE_PATH], hex[65];
    struct sha256 sum;
    struct stat st;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, f->name) >= sizeof(path))
        return ERR(e, -ENAMETOOLONG, "journal.read", dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    if (fd < 0 && errno != ENOENT)
        return ERR(e, -errno, "journal.read", path);
    if (fd < 0 || fstat(fd, &st) < 0 || (uint64_t)st.st_size != f->bytes)
        rc = ERR(e, -EBADMSG, "journal.archive_differs", path);
    if (rc == 0)
        rc = archive_sum(fd, f->bytes, path, cancel, &sum, e);
    if (rc == 0) {
        sha256_hex(sum, hex);
        if (strcmp(hex, f->sha256) != 0)
            rc = ERR(e, -EBADMSG, "journal.archive_differs", path);
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

/* See multipart.h. A boundary is a line of its own: CR LF, two dashes and the
 * word of the header; the last one has two dashes behind it. */
#include "api/multipart.h"
#include <errno.h>
#include <string.h>

str header_parameter(str head, const char *name)
{
    str one, rest = head;

    str_split(&rest, ';', &one);
    while (rest.p != NULL && rest.n > 0) {
        rest = str_trim(rest);
        size_t eq = str_find(rest, STR("="));
        if (eq == SIZE_MAX)
            return STR_NONE;
        str key = str_trim(str_sub(rest, 0, eq)), v = str_sub(rest, eq + 1, SIZE_MAX);
        bool quoted = str_starts(v, STR("\""));
        v = str_sub(v, quoted, SIZE_MAX);
        size_t end = str_find(v, quoted ? STR("\"") : STR(";"));
        rest = end == SIZE_MAX ? STR_NONE : str_sub(v, end + 1, SIZE_MAX);
        if (str_starts(str_trim(rest), STR(";")))
            rest = str_sub(str_trim(rest), 1, SIZE_MAX);
        if (str_eq_nocase(key, str_c(name)))
            return quoted ? str_sub(v, 0, end) : str_trim(str_sub(v, 0, end));
    }
    return STR_NONE;
}

int multipart_open(struct multipart *m, str content_type, str body, struct err *e)
{
    *m = (struct multipart){.rest = body, .boundary = header_parameter(content_type, "boundary")};
    if (m->boundary.n == 0 || m->boundary.n > BOUNDARY_MAX)
        return ERR(e, -EINVAL, "api.part_boundary", err_n(BOUNDARY_MAX));
    return 0;
}

/* Where the next "--boundary" at the beginning of a line stands. */
static size_t line_at(const struct multipart *m, bool first)
{
    size_t n = m->boundary.n + 2;

    for (size_t i = 0; i + n <= m->rest.n; i++) {
        const char *p = memmem(m->rest.p + i, m->rest.n - i, m->boundary.p, m->boundary.n);
        if (p == NULL)
            return SIZE_MAX;
        size_t at = (size_t)(p - m->rest.p);
        bool dashes = at >= 2 && p[-1] == '-' && p[-2] == '-';
        if (dashes && (at == 2 ? first : at >= 4 && p[-3] == '\n' && p[-4] == '\r'))
            return at - 2;
        i = at;
    }
    return SIZE_MAX;
}

static int bad(struct err *e) { return ERR(e, -EBADMSG, "api.part_broken"); }

static int part_head(struct multipart *m, struct part *out, struct err *e)
{
    size_t end = str_find(str_sub(m->rest, 0, PART_HEAD_MAX), STR("\r\n\r\n"));

    if (end == SIZE_MAX)
        return bad(e);
    str head = str_sub(m->rest, 0, end), line;
    m->rest = str_sub(m->rest, end + 4, SIZE_MAX);
    while (head.p != NULL && str_split(&head, '\n', &line)) {
        str name, value = str_trim(line);
        if (!str_split(&value, ':', &name))
            continue;
        if (str_eq_nocase(str_trim(name), STR("content-disposition"))) {
            out->name = header_parameter(value, "name");
            out->file = header_parameter(value, "filename");
        } else if (str_eq_nocase(str_trim(name), STR("content-type"))) {
            out->type = str_trim(value);
        }
    }
    return out->name.n > 0 ? 0 : bad(e);
}

/* Past the boundary line; ended: it was the last. */
static int pass_line(struct multipart *m, size_t at, struct err *e)
{
    m->rest = str_sub(m->rest, at + 2 + m->boundary.n, SIZE_MAX);
    if (str_starts(m->rest, STR("--"))) {
        m->ended = true;
        return 0;
    }
    if (!str_starts(m->rest, STR("\r\n")))
        return bad(e);
    m->rest = str_sub(m->rest, 2, SIZE_MAX);
    return 0;
}

int multipart_next(struct multipart *m, struct part *out, struct err *e)
{
    *out = (struct part){0};
    if (!m->begun) {
        size_t at = line_at(m, true);
        if (at == SIZE_MAX || pass_line(m, at, e) < 0)
            return bad(e);
        m->begun = true;
    }
    if (m->ended)
        return 0;
    if (part_head(m, out, e) < 0)
        return -EBADMSG;
    /* An empty content: the boundary follows at once, its CR LF being the head's. */
    str back = {m->rest.p - 2, m->rest.n + 2};
    struct multipart from = *m;
    from.rest = back;
    size_t at = line_at(&from, false);
    if (at == SIZE_MAX)
        return bad(e);
    out->body = at < 4 ? STR("") : str_sub(m->rest, 0, at - 4);
    m->rest = back;
    return pass_line(m, at, e) < 0 ? -EBADMSG : 1;
}

/* The head of a request: method, path, query, headers, cookie, language. Our
 * own decoding, so that %00, broken escapes and bad UTF-8 are refused and never
 * guessed at. Pure; everything lives in the request's arena. */
#include "api/api-int.h"
#include "base/text.h"
#include <errno.h>

const char *const method_names[M_COUNT] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

int method_of(str s, enum method *m, bool *head)
{
    *head = str_eq(s, STR("HEAD"));
    *m = *head ? M_GET : M_OTHER;
    for (int i = 0; i < M_COUNT && !*head; i++)
        if (str_eq(s, str_c(method_names[i])))
            *m = (enum method)i;
    return *m == M_OTHER ? -EINVAL : 0;
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool url_decode(struct arena *a, str s, bool plus, str *out)
{
    char *p = arena_alloc(a, s.n + 1);
    size_t n = 0;

    if (p == NULL)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            int hi = s.n - i > 2 ? hex_of(s.p[i + 1]) : -1, lo = s.n - i > 2 ? hex_of(s.p[i + 2]) : -1;
            if (hi < 0 || lo < 0)
                return false;
            c = (char)(hi << 4 | lo);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0')
            return false;
        p[n++] = c;
    }
    *out = (str){p, n};
    return utf8_valid(*out);
}

static bool query_add(struct request *rq, str part)
{
    str name, value = STR(""), rest = part;

    if (part.n == 0)
        return true;
    if (rq->nquery == API_QUERY_MAX)
        return false;
    str_split(&rest, '=', &name);
    if (rest.p != NULL)
        value = rest;
    struct pair *q = &rq->query[rq->nquery];
    if (!url_decode(&rq->a, name, true, &q->name) || !url_decode(&rq->a, value, true, &q->value))
        return false;
    rq->nquery++;
    return true;
}

int request_parse_uri(struct request *rq, str uri, struct err *e)
{
    str rest = uri, part;

    if (uri.n > API_URI_MAX)
        return ERR(e, HTTP_ERR(414), "api.uri_too_long", N(API_URI_MAX));
    if (uri.n == 0 || uri.p[0] != '/')
        return ERR(e, HTTP_ERR(400), "api.bad_uri");
    str_split(&rest, '?', &rq->path);
    rq->query_text = rest;
    while (rest.p != NULL && str_split(&rest, '&', &part))
        if (!query_add(rq, part))
            return ERR(e, HTTP_ERR(400), "api.bad_uri");
    return 0;
}

static str pair_get(const struct pair *v, size_t n, str name, bool nocase)
{
    for (size_t i = 0; i < n; i++)
        if (nocase ? str_eq_nocase(v[i].name, name) : str_eq(v[i].name, name))
            return v[i].value.p != NULL ? v[i].value : STR("");
    return STR_NONE;
}

str request_header(const struct request *rq, const char *name)
{
    return pair_get(rq->header, rq->nheader, str_c(name), true);
}

str request_query(const struct request *rq, const char *name)
{
    return pair_get(rq->query, rq->nquery, str_c(name), false);
}

int64_t request_query_int(const struct request *rq, const char *name, int64_t dflt)
{
    int64_t v = dflt;
    str_i64(request_query(rq, name), &v);
    return v;
}

bool request_query_bool(const struct request *rq, const char *name)
{
    str v = request_query(rq, name);
    return str_eq(v, STR("1")) || str_eq(v, STR("true"));
}

str request_cookie(const struct request *rq, const char *name)
{
    str rest = request_header(rq, "Cookie"), part;

    while (rest.p != NULL && str_split(&rest, ';', &part)) {
        str key, value = str_trim(part);
        str_split(&value, '=', &key);
        if (value.p != NULL && str_eq(key, str_c(name)))
            return value;
    }
    return STR_NONE;
}

/* The first language that we speak, in the order the browser wrote them:
 * browsers write them by preference, so the q-values say nothing more. */
void request_language(struct request *rq)
{
    str rest = request_header(rq, "Accept-Language"), part;

    rq->lang = LANG_VI;
    while (rest.p != NULL && str_split(&rest, ',', &part)) {
        str tag, more = part;
        str_split(&more, ';', &tag);
        if (lang_parse(str_trim(tag), &rq->lang))
            return;
    }
}

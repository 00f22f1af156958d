/* The head of a request: what is decoded, what is refused. */
#include "api/api-int.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
    const char *in, *out;
} decode[] = {
    {"abc", "abc"},
    {"a%20b", "a b"},
    {"%C4%90%E1%BB%97", "Đỗ"},
    {"10.0.0.0%2f8", "10.0.0.0/8"},
    {"%", NULL},
    {"%4", NULL},
    {"%zz", NULL},
    {"a%00b", NULL},
    {"%ff", NULL},
    {"%C0%AF", NULL},
    {"a+b", "a b"},
    {"%41%4", NULL},
};

static void test_decode(void **state)
{
    for (size_t i = 0; i < sizeof(decode) / sizeof(*decode); i++) {
        struct arena a = arena_init(4096);
        str out;
        bool ok = url_decode(&a, str_c(decode[i].in), true, &out);
        assert_int_equal(ok, decode[i].out != NULL);
        if (ok)
            assert_true(str_eq(out, str_c(decode[i].out)));
        arena_free(&a);
    }
}

static void with_uri(struct request *rq, const char *uri, int want)
{
    struct err e = {0};

    memset(rq, 0, sizeof(*rq));
    rq->a = arena_init(1 << 20);
    assert_int_equal(request_parse_uri(rq, str_c(uri), &e), want == 0 ? 0 : HTTP_ERR(want));
}

static void test_uri(void **state)
{
    struct request rq;
    char many[4096] = "/x?";

    with_uri(&rq, "/api/v1/unit?q=%C4%91&limit=5&&flag", 0);
    assert_true(str_eq(rq.path, STR("/api/v1/unit")));
    assert_int_equal(rq.nquery, 3);
    assert_true(str_eq(request_query(&rq, "q"), STR("đ")));
    assert_int_equal(request_query_int(&rq, "limit", 50), 5);
    assert_non_null(request_query(&rq, "flag").p);
    assert_null(request_query(&rq, "none").p);
    arena_free(&rq.a);
    with_uri(&rq, "*", 400);
    arena_free(&rq.a);
    with_uri(&rq, "/x?a=%00", 400);
    arena_free(&rq.a);
    for (int i = 0; i < 60; i++)
        memcpy(many + strlen(many), "a=b&", 5);
    with_uri(&rq, many, 400);
    arena_free(&rq.a);
    char *longest = malloc(10000);
    memset(longest, 'a', 9999);
    longest[0] = '/';
    longest[9999] = '\0';
    with_uri(&rq, longest, 414);
    arena_free(&rq.a);
    free(longest);
}

static const struct {
    const char *header;
    enum lang want;
} languages[] = {
    {"vi", LANG_VI}, {"en-US,en;q=0.9", LANG_EN}, {"fr, en;q=0.8, vi;q=0.7", LANG_EN}, {"de", LANG_VI},
    {"", LANG_VI},   {"vi-VN", LANG_VI},
};

static void test_language_and_cookie(void **state)
{
    struct request rq = {0};

    for (size_t i = 0; i < sizeof(languages) / sizeof(*languages); i++) {
        rq.header[0] = (struct pair){STR("accept-language"), str_c(languages[i].header)};
        rq.nheader = 1;
        request_language(&rq);
        assert_int_equal(rq.lang, languages[i].want);
    }
    rq.header[0] = (struct pair){STR("Cookie"), STR("a=b; luy_session=abc=; x")};
    assert_true(str_eq(request_cookie(&rq, "luy_session"), STR("abc=")));
    assert_null(request_cookie(&rq, "x").p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_uri),
        cmocka_unit_test(test_language_and_cookie),
    };
    return cmocka_run_group_tests_name("api/url", tests, NULL, NULL);
}

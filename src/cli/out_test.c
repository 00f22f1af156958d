/* Cells and URLs: nested paths, languages, escaping of hostile text. */
#include "cli/cli.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <cmocka.h>

static void test_cells(void **state)
{
    static const struct {
        const char *json, *path, *want;
    } rows[] = {
        {"{\"a\":1}", "a", "1"},
        {"{\"a\":{\"b\":\"x\"}}", "a.b", "x"},
        {"{\"a\":{\"vi\":\"xin chào\",\"en\":\"hello\"}}", "a", "xin chào"},
        {"{\"a\":{\"id\":3,\"key\":\"TTCH\",\"title\":\"t\"}}", "a", "TTCH"},
        {"{\"a\":[\"BT-7.2\",\"TU-4\"]}", "a", "BT-7.2, TU-4"},
        {"{\"a\":null}", "a", ""},
        {"{}", "a.b.c", ""},
        {"{\"a\":true}", "a", "true"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run r = {.arena = arena_init(1 << 20), .lang = LANG_VI};
        struct err e = {0};
        struct buf b;
        json_t *v = NULL;
        buf_init(&b, 4096);
        assert_int_equal(json_read(str_c(rows[i].json), 8, &v, &e), 0);
        out_cell(&r, &b, v, rows[i].path);
        assert_true(str_eq(buf_view(&b), str_c(rows[i].want)));
        buf_done(&b);
        json_decref(v);
        arena_free(&r.arena);
    }
}

static void test_inexact(void **state)
{
    static const struct {
        enum lang lang;
        const char *stats, *want;
    } rows[] = {
        {LANG_EN, "{\"hits\":3,\"sampled\":false,\"short_by\":0}", ""},
        {LANG_EN, "{}", ""},
        {LANG_EN, "{\"sampled\":true,\"short_by\":0}",
         "Worked out from a fair sample: there were too many values to keep all\n"},
        {LANG_EN, "{\"sampled\":false,\"short_by\":1500}",
         "Approximate: there were too many groups to keep all. None that is shown is too large, each may be up to 1500 "
         "more\n"},
        {LANG_VI, "{\"sampled\":true,\"short_by\":7}",
         "Tính trên một mẫu ngẫu nhiên vì có quá nhiều giá trị\nGần đúng: có quá nhiều nhóm nên không giữ hết được. "
         "Không nhóm nào hiện ra bị tính thừa, mỗi nhóm có thể thiếu tới 7\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run r = {.lang = rows[i].lang};
        struct err e = {0};
        struct buf b;
        json_t *v = NULL;
        buf_init(&b, 4096);
        assert_int_equal(json_read(str_c(rows[i].stats), 8, &v, &e), 0);
        out_inexact(&r, &b, v);
        buf_byte(&b, 0);
        assert_string_equal(b.p, rows[i].want);
        buf_done(&b);
        json_decref(v);
    }
}

static void test_urls(void **state)
{
    struct buf b;

    buf_init(&b, 4096);
    buf_z(&b, "/api/v1/events");
    url_param(&b, "query", "a \"b\" | count & đ");
    url_param(&b, "none", NULL);
    url_param(&b, "limit", "5");
    assert_true(str_eq(buf_view(&b), STR("/api/v1/events?query=a%20%22b%22%20%7C%20count%20%26%20%C4%91&limit=5")));
    buf_clear(&b);
    url_segment(&b, "MT-1/eth0");
    assert_true(str_eq(buf_view(&b), STR("MT-1%2Feth0")));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cells), cmocka_unit_test(test_inexact),
                                       cmocka_unit_test(test_urls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

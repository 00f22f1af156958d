/* Which passwords are taken, and which rule refuses the others. */
#include "api/api-int.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
    const char *account, *old, *new_, *key;
} cases[] = {
    {"admin", NULL, "Thanh-Tre-Xanh-2026", NULL},
    {"admin", NULL, "núi cao biển rộng 27", NULL},
    {"admin", NULL, "ngắn quá", "api.password.short"},
    {"admin", NULL, "đđđđđđđđđđđ", "api.password.short"}, /* 11 characters in 22 bytes */
    {"admin", NULL, "", "api.password.short"},
    {"admin", "Thanh-Tre-Xanh-2026", "Thanh-Tre-Xanh-2027", "api.password.similar"},
    {"admin", "Thanh-Tre-Xanh-2026", "THANH-TRE-XANH-2026", "api.password.similar"},
    {"admin", "Thanh-Tre-Xanh-2026", "6Thanh-Tre-Xanh-202", "api.password.similar"},
    {"admin", NULL, "aB3$aB3$$3Ba$3Ba", "api.password.palindrome"},
    {"admin", NULL, "aaaaaaaaaaaaaaaB9", "api.password.repeat"},
    {"admin", NULL, "xK9#abcdefghijk", "api.password.sequence"},
    {"quocbao", NULL, "x9-quocbao-Zz8", "api.password.account"},
    {"admin", NULL, "Matkhau#83-Zebra", "api.password.words"},
    {"admin", NULL, "chiconchucaivathoi", "api.password.classes"},
    {"admin", NULL, "x9-\xff-quad-Zz8!", "api.password.characters"},
};

static void test_rules(void **state)
{
    struct login_policy p = LOGIN_POLICY_DEFAULT;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err e = {0};
        int rc = password_judge(&p, str_c(cases[i].account), str_c(cases[i].old), str_c(cases[i].new_), &e);
        if (cases[i].key == NULL && rc != 0)
            fail_msg("%s refused: %s", cases[i].new_, e.key);
        if (cases[i].key != NULL && (rc != -EINVAL || strcmp(e.key, cases[i].key) != 0))
            fail_msg("%s: %s, wanted %s", cases[i].new_, rc == 0 ? "taken" : e.key, cases[i].key);
    }
}

static void test_one_time(void **state)
{
    char a[ONE_TIME_PASSWORD_MAX], b[ONE_TIME_PASSWORD_MAX];

    password_one_time(a);
    password_one_time(b);
    assert_int_equal(strlen(a), 23);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules), cmocka_unit_test(test_one_time)};
    return cmocka_run_group_tests_name("api/password", tests, NULL, NULL);
}

/* What a password must be, by libpwquality: length, variety, no dictionary
 * word, not like the old one, not the account's name. Without the word list on
 * the machine the other rules still hold, and the log says so once. */
#include "api/api-int.h"
#include "base/rand.h"
#include "base/text.h"
#include <errno.h>
#include <pwquality.h>
#include <unistd.h>

static const struct {
    int code;
    const char *key;
} rules[] = {
    {PWQ_ERROR_MIN_LENGTH, "api.password.short"},          {PWQ_ERROR_EMPTY_PASSWORD, "api.password.short"},
    {PWQ_ERROR_SAME_PASSWORD, "api.password.same"},        {PWQ_ERROR_TOO_SIMILAR, "api.password.similar"},
    {PWQ_ERROR_CASE_CHANGES_ONLY, "api.password.similar"}, {PWQ_ERROR_ROTATED, "api.password.similar"},
    {PWQ_ERROR_PALINDROME, "api.password.palindrome"},     {PWQ_ERROR_MIN_CLASSES, "api.password.classes"},
    {PWQ_ERROR_MAX_CONSECUTIVE, "api.password.repeat"},    {PWQ_ERROR_MAX_SEQUENCE, "api.password.sequence"},
    {PWQ_ERROR_CRACKLIB_CHECK, "api.password.dictionary"}, {PWQ_ERROR_USER_CHECK, "api.password.account"},
    {PWQ_ERROR_BAD_WORDS, "api.password.words"},
};

static bool have_words(void)
{
    static atomic_int told;
    bool have = access("/var/cache/cracklib/cracklib_dict.pwd", R_OK) == 0;

    if (!have && !atomic_exchange(&told, 1))
        log_event(LOG_WARN, "password_dictionary_missing", F_STR("path", STR("/var/cache/cracklib/cracklib_dict.pwd")));
    return have;
}

/* cracklib keeps its open word list in static memory. */
static pthread_mutex_t words_lock = PTHREAD_MUTEX_INITIALIZER;

static size_t characters(str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += (s.p[i] & 0xc0) != 0x80;
    return n;
}

static int judge_with(pwquality_settings_t *q, const struct login_policy *p, const char *account, const char *old,
                      const char *new_, struct err *e)
{
    char text[256];
    void *aux = NULL;
    int code;

    pwquality_set_int_value(q, PWQ_SETTING_MIN_LENGTH, (int)p->password_min);
    pwquality_set_int_value(q, PWQ_SETTING_DIFF_OK, 4);
    pwquality_set_int_value(q, PWQ_SETTING_MIN_CLASS, 2);
    pwquality_set_int_value(q, PWQ_SETTING_MAX_REPEAT, 3);
    pwquality_set_int_value(q, PWQ_SETTING_MAX_SEQUENCE, 5);
    pwquality_set_int_value(q, PWQ_SETTING_DICT_CHECK, have_words());
    pwquality_set_str_value(q, PWQ_SETTING_BAD_WORDS, "matkhau luy tinhuy vanphong quantri");
    code = pwquality_check(q, new_, old, account, &aux);
    if (code >= 0)
        return 0;
    pwquality_strerror(text, sizeof(text), code, aux); /* frees what hangs on aux */
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        if (rules[i].code == code)
            return ERR(e, -EINVAL, rules[i].key, err_n(p->password_min));
    return ERR(e, -EINVAL, "api.password.weak", err_n(code));
}

int password_judge(const struct login_policy *p, str account, str old, str new_, struct err *e)
{
    struct arena a = arena_init(64 * 1024);
    pwquality_settings_t *q = pwquality_default_settings();
    char *acc = arena_cstr(&a, account), *was = old.p != NULL ? arena_cstr(&a, old) : NULL;
    char *will = arena_cstr(&a, new_);
    int rc = -ENOMEM;

    if (q == NULL || acc == NULL || will == NULL)
        ERR(e, rc, "api.internal");
    else if (memchr(new_.p, '\0', new_.n) != NULL || !utf8_valid(new_))
        rc = ERR(e, -EINVAL, "api.password.characters");
    else if (characters(new_) < p->password_min) /* the library counts bytes */
        rc = ERR(e, -EINVAL, "api.password.short", err_n(p->password_min));
    else {
        pthread_mutex_lock(&words_lock);
        rc = judge_with(q, p, acc, was, will, e);
        pthread_mutex_unlock(&words_lock);
    }
    if (q != NULL)
        pwquality_free_settings(q);
    arena_free(&a);
    return rc;
}

/* 20 characters out of 32 that nobody mistakes for another: 100 bits. */
void password_one_time(char out[ONE_TIME_PASSWORD_MAX])
{
    static const char set[] = "abcdefghjkmnpqrstuvwxyz23456789A";
    uint8_t r[20];
    size_t n = 0;

    rand_bytes(r, sizeof(r));
    for (size_t i = 0; i < sizeof(r); i++) {
        if (i > 0 && i % 5 == 0)
            out[n++] = '-';
        out[n++] = set[r[i] & 31];
    }
    out[n] = '\0';
}

/* Documents from outside: the first bytes choose name and claim, the rest is the
 * content. What is taken has a name and a type that agree, and its value reads back. */
#include "registry/file-int.h"
#include "base/text.h"
#include <assert.h>
#include <stdlib.h>

static void value_again(struct arena *a, str name)
{
    struct file_value v = {name, STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), STR("x"), 3},
                      back;

    str stored = file_value_store(a, &v);
    assert(file_value_load(a, stored, &back) && str_eq(back.name, name) && str_eq(back.sha256, v.sha256));
    assert(file_value_parse(a, file_value_cell(a, stored), &back, NULL) == 0 && str_eq(back.name, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct arena a = arena_init(1 << 20);
    str all = {(const char *)p, n}, name = STR_NONE, type = STR_NONE;
    struct file_value v;
    const char *t;
    struct err e = {0};

    str_split(&all, '\n', &name);
    str_split(&all, '\n', &type);
    struct file_in in = {name, type, all, 1 << 16};
    if (file_judge(&a, &in, &name, &t, &e) == 0) {
        assert(t != NULL && file_name_check(name, NULL) == 0 && in.bytes.n > 0);
        value_again(&a, name);
    }
    if (file_value_parse(&a, str_trim(in.name), &v, &e) == 0)
        value_again(&a, v.name);
    arena_free(&a);
    return 0;
}

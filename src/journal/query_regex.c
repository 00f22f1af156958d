/* Regular expressions: PCRE2 with its JIT, under limits, compiled once a thread.
 * Bytes are bytes unless the expression itself has letters beyond ASCII; then
 * characters are characters, and bytes that are not UTF-8 match nothing. */
#include "journal/query_scratch.h"
#include <errno.h>

/* A match may look so often, go so deep and take so much; an honest expression
 * over a line of 64 KiB stays far below. */
enum { MATCH_LIMIT = 200000, DEPTH_LIMIT = 2000, HEAP_KIB = 1024, STACK_MIN = 32 << 10, STACK_MAX = 512 << 10 };

static bool is_ascii(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] >= 0x80)
            return false;
    return true;
}

static pcre2_code *compile(const struct query_regex *re, int *code, PCRE2_SIZE *at)
{
    uint32_t flags = PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;

    if (re->nocase)
        flags |= PCRE2_CASELESS;
    if (!is_ascii(re->text))
        flags |= PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
    else
        flags |= PCRE2_NEVER_UTF;
    return pcre2_compile((PCRE2_SPTR)re->text.p, re->text.n, flags, code, at, NULL);
}

int regex_check(const struct query_regex *re, size_t *at, char why[128])
{
    int code = 0;
    PCRE2_SIZE where = 0;
    pcre2_code *c = compile(re, &code, &where);

    if (c == NULL) {
        *at = where <= re->text.n ? where : re->text.n;
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, 128);
        return code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAPLIMIT ? -ENOMEM : -EINVAL;
    }
    pcre2_code_free(c);
    return 0;
}

static bool is_ready(struct query_scratch *s)
{
    if (s->md == NULL)
        s->md = pcre2_match_data_create(1, NULL);
    if (s->mc == NULL && (s->mc = pcre2_match_context_create(NULL)) != NULL) {
        pcre2_set_match_limit(s->mc, MATCH_LIMIT);
        pcre2_set_depth_limit(s->mc, DEPTH_LIMIT);
        pcre2_set_heap_limit(s->mc, HEAP_KIB);
        s->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
        if (s->stack != NULL)
            pcre2_jit_stack_assign(s->mc, NULL, s->stack);
    }
    return s->md != NULL && s->mc != NULL;
}

static bool is_same(const struct query_regex *a, const struct query_regex *b)
{
    return a->id == b->id && a->nocase == b->nocase && str_eq(a->text, b->text);
}

static void slot_fill(struct scratch_regex *slot, const struct query_regex *re)
{
    int code;
    PCRE2_SIZE at;
    char *text = malloc(re->text.n + 1);

    pcre2_code_free(slot->code);
    free((void *)(uintptr_t)slot->key.text.p);
    *slot = (struct scratch_regex){0};
    if (text == NULL)
        return;
    memcpy(text, re->text.p, re->text.n);
    slot->key = *re;
    slot->key.text = (str){text, re->text.n};
    slot->code = compile(re, &code, &at);
    if (slot->code != NULL)
        pcre2_jit_compile(slot->code,
                          PCRE2_JIT_COMPLETE); /* without it the interpreter matches, under the same limits */
}

static struct scratch_regex *find(struct query_scratch *s, const struct query_regex *re)
{
    struct scratch_regex *old = &s->re[0];

    for (size_t i = 0; i < SCRATCH_REGEXES; i++) {
        struct scratch_regex *slot = &s->re[i];
        if (slot->code != NULL && is_same(&slot->key, re)) {
            slot->used = ++s->tick;
            return slot;
        }
        if (slot->used < old->used)
            old = slot;
    }
    slot_fill(old, re);
    old->used = ++s->tick;
    return old->code != NULL ? old : NULL;
}

static void fault_set(struct query_fault *fault, int code)
{
    int none = 0;
    atomic_compare_exchange_strong(&fault->code, &none, code);
}

bool regex_within(const struct query_regex *re, str s, struct query_fault *fault)
{
    struct query_scratch *sc;
    struct scratch_regex *slot;

    if (atomic_load_explicit(&fault->code, memory_order_relaxed) != 0)
        return false;
    if ((sc = query_scratch()) == NULL || !is_ready(sc) || (slot = find(sc, re)) == NULL) {
        fault_set(fault, -ENOMEM);
        return false;
    }
    int rc = pcre2_match(slot->code, (PCRE2_SPTR)(s.p != NULL ? s.p : ""), s.n, 0, 0, sc->md, sc->mc);
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
        fault_set(fault, rc == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -ELOOP);
    return rc >= 0;
}

int query_fault(const struct query *q, struct err *e)
{
    int code = q->fault != NULL ? atomic_load(&q->fault->code) : 0;

    if (code == 0)
        return 0;
    return code == -ELOOP ? ERR(e, code, "journal.query_regex_limit") : ERR(e, code, "journal.no_memory");
}

/* See query_scratch.h. */
#include "journal/query_scratch.h"
#include <pthread.h>

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool have_key;

static void scratch_free(void *p)
{
    struct query_scratch *s = p;

    for (size_t i = 0; i < SCRATCH_ROOMS; i++)
        free(s->room[i]);
    for (size_t i = 0; i < SCRATCH_REGEXES; i++) {
        pcre2_code_free(s->re[i].code);
        free((void *)(uintptr_t)s->re[i].key.text.p);
    }
    pcre2_match_data_free(s->md);
    pcre2_match_context_free(s->mc);
    pcre2_jit_stack_free(s->stack);
    free(s);
}

/* The main thread's is not ended by the key: it leaves with the program. */
static void main_exit(void)
{
    void *p = pthread_getspecific(key);
    if (p != NULL) {
        pthread_setspecific(key, NULL);
        scratch_free(p);
    }
}

static void make_key(void)
{
    have_key = pthread_key_create(&key, scratch_free) == 0;
    if (have_key)
        atexit(main_exit);
}

struct query_scratch *query_scratch(void)
{
    struct query_scratch *s;

    pthread_once(&once, make_key);
    if (!have_key)
        return NULL;
    if ((s = pthread_getspecific(key)) != NULL)
        return s;
    s = calloc(1, sizeof(*s));
    if (s != NULL && pthread_setspecific(key, s) != 0) {
        free(s);
        return NULL;
    }
    return s;
}

char *query_scratch_room(int which, size_t n)
{
    struct query_scratch *s = query_scratch();

    if (s == NULL)
        return NULL;
    if (s->cap[which] < n) {
        char *p = realloc(s->room[which], n + n / 2);
        if (p == NULL)
            return NULL;
        s->room[which] = p;
        s->cap[which] = n + n / 2;
    }
    return s->room[which];
}

/* AddressSanitizer's poison calls, or nothing when it is not built in. */
#ifndef LUY_BASE_ASAN_INT_H
#define LUY_BASE_ASAN_INT_H
#include <stddef.h>
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LUY_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define LUY_ASAN 1
#endif
#ifdef LUY_ASAN
#include <sanitizer/asan_interface.h>
static inline void asan_poison(void *p, size_t n)
{
    /* gcc 12 takes the const parameter for a read of what malloc gave. */
    __asm__("" : "+r"(p));
    __asan_poison_memory_region(p, n);
}
#define asan_unpoison(p, n) __asan_unpoison_memory_region((p), (n))
#else
#define asan_poison(p, n)   ((void)(p), (void)(n))
#define asan_unpoison(p, n) ((void)(p), (void)(n))
#endif
#endif

/* Included before every translation unit by the build: names that must not be
 * called. The message is the identifier itself. */
#ifndef LUY_BASE_BANNED_H
#define LUY_BASE_BANNED_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef strtok
#undef gets
#undef atoi
#undef atol
#undef gmtime
#undef localtime
#undef ctime
#define strcpy(d, s)     strcpy_is_banned_use_buf_or_arena_str
#define strcat(d, s)     strcat_is_banned_use_buf
#define strncpy(d, s, n) strncpy_is_banned_use_buf_or_memcpy
#define strncat(d, s, n) strncat_is_banned_use_buf
#define sprintf(...)     sprintf_is_banned_use_snprintf_or_buf_fmt
#define vsprintf(...)    vsprintf_is_banned_use_vsnprintf
#define strtok(s, d)     strtok_is_banned_use_str_split
#define gets(s)          gets_is_banned
#define atoi(s)          atoi_is_banned_use_str_i64
#define atol(s)          atol_is_banned_use_str_i64
#define gmtime(t)        gmtime_is_banned_use_time_fmt
#define localtime(t)     localtime_is_banned_use_time_fmt
#define ctime(t)         ctime_is_banned_use_time_fmt
#endif

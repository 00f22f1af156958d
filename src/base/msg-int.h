/* The generated table behind msg.h. */
#ifndef LUY_BASE_MSG_INT_H
#define LUY_BASE_MSG_INT_H
#include "base/msg.h"
struct msg_entry { const char *key; const char *text[2]; };    /* by enum lang */
extern const struct msg_entry msg_table[];
extern const size_t msg_table_n;
#endif

/* multipart/form-data (RFC 7578) of a body that is there whole. Nothing is
 * copied: names and contents are views of the body. */
#ifndef LUY_API_MULTIPART_H
#define LUY_API_MULTIPART_H
#include "base/err.h"

/* name=value or name="value" among the parameters after ";" of a header. */
str header_parameter(str head, const char *name);

enum { PART_HEAD_MAX = 4096, BOUNDARY_MAX = 70 };
struct multipart {
    str rest, boundary;
    bool begun, ended;
};
struct part {
    str name, file, type, body; /* file, type: STR_NONE when not said */
};
/* By the request's Content-Type; -EINVAL without a boundary. */
int multipart_open(struct multipart *m, str content_type, str body, struct err *e);
/* 1 = a part, 0 = the end, or -EBADMSG. */
int multipart_next(struct multipart *m, struct part *out, struct err *e);
#endif

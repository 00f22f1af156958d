/* The packs' decoders for who searches: fields of a line by name ("user",
 * "src_ip"), as the rules see them. Holds the packs of the moment it was opened.
 * Thread-safe; one line at a time. */
#ifndef LUY_JUDGE_DECODER_H
#define LUY_JUDGE_DECODER_H
#include "judge/judge.h"

struct judge_decoder;
int judge_decoder_open(struct judge *j, struct judge_decoder **out, struct err *e);
void judge_decoder_close(struct judge_decoder *d); /* NULL is fine */
/* Names of the fields that decoders give, in the order of the alphabet. They live as long as d. */
size_t judge_decoder_fields(const struct judge_decoder *d, const char *const **names);
/* A slice of the event's bytes, or static text; false: the line has no such field. */
bool judge_decoder_get(struct judge_decoder *d, const struct event *ev, size_t field, str *out);
#endif

/* A line of JSON as an event: the line stays as it came, what a header would say
 * (time, host, program, message, severity) is found in it by a table of names
 * (docs/recipes/add-a-json-producer.md). Pure, bounded in depth and size.
 *
 * Never refuses: a line that is no JSON object is kept whole and flagged
 * EV_BAD_JSON. Numbers are never converted: a 64-bit flow_id stays exact. */
#ifndef LUY_INTAKE_JSON_LINE_H
#define LUY_INTAKE_JSON_LINE_H
#include "intake/event.h"

enum { JSON_LINE_DEPTH = 32, JSON_LINE_PATH = 256 };

/* As syslog_parse(): all of *out but transport, source and source_port. */
void json_line_parse(str raw, int64_t received_ns, int tz_minutes, struct event *out);

enum json_kind { JK_STRING, JK_NUMBER, JK_BOOL, JK_NULL };
/* Each scalar of the object: its path ("alert.severity"; elements of an array
 * have the array's path), its bytes as they stand in the line, a string without
 * its quotes but with its escapes. False from fn ends the walk. Returns false
 * when the line is no well-formed object; what came before was told. */
typedef bool json_line_fn(void *ctx, str path, enum json_kind kind, str value);
bool json_line_walk(str raw, json_line_fn *fn, void *ctx);
#endif

/* Syslog text to an event: RFC 5424, RFC 3164 and what real devices send
 * instead. Never refuses: what does not parse is kept whole with flags.
 * Pure: no I/O, no clock; `received_ns` decides the missing year. */
#ifndef LUY_INTAKE_SYSLOG_H
#define LUY_INTAKE_SYSLOG_H
#include "intake/event.h"
void syslog_parse(str raw, int64_t received_ns, struct event *out);
#endif

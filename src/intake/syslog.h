/* Syslog text to an event: RFC 5424, RFC 3164 and what real devices send
 * instead. Never refuses: what does not parse is kept whole with flags.
 * Pure: no I/O, no clock; `received_ns` decides the missing year.
 *
 * Fills all of *out but transport, source and source_port, which are the
 * caller's. More than EVENT_RAW_MAX bytes are cut and flagged. Trailing CR, LF
 * and NUL stay in raw and out of every span. */
#ifndef LUY_INTAKE_SYSLOG_H
#define LUY_INTAKE_SYSLOG_H
#include "intake/event.h"

/* Stamps without a zone (all of RFC 3164) are local time of the sender. */
enum { SYSLOG_TZ_DEFAULT = 7 * 60 }; /* minutes east of UTC: Viet Nam */

void syslog_parse(str raw, int64_t received_ns, struct event *out); /* zone: SYSLOG_TZ_DEFAULT */
void syslog_parse_tz(str raw, int64_t received_ns, int tz_minutes, struct event *out);
#endif

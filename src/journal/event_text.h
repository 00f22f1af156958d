/* An event as text for people and scripts: JSON and CSV, the same in the API's
 * answers, its exports and the offline tool. Pure, any thread. */
#ifndef LUY_JOURNAL_EVENT_TEXT_H
#define LUY_JOURNAL_EVENT_TEXT_H
#include "journal/journal.h"

void event_write(struct buf *b, const struct hit *h); /* one JSON object, no newline */
const char *event_csv_header(void);                   /* with its line end */
void event_write_csv(struct buf *b, const struct hit *h);
#endif

/* The reader over hostile bytes; what it accepts must write back to the same
 * bytes. First byte odd: magic, length and checksum are made right, so that the
 * records themselves are reached. */
#include "intake/event-int.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void head_mend(uint8_t *w, size_t n)
{
    uint32_t head[4] = {BATCH_MAGIC, 0, (uint32_t)(n - BATCH_HEAD), crc32c(0, w + BATCH_HEAD, n - BATCH_HEAD)};

    memcpy(&head[1], w + 4, 4); /* the count stays the fuzzer's */
    memcpy(w, head, BATCH_HEAD);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct event_reader r;
    struct event_batch b;
    struct event ev;
    int rc = 1;

    if (n < 1 + BATCH_HEAD)
        return 0;
    size_t len = n - 1;
    uint8_t *w = malloc(len);
    memcpy(w, p + 1, len);
    if (p[0] & 1)
        head_mend(w, len);
    str wire = {(char *)w, len};
    event_batch_init(&b, EVENT_BATCH_MAX);
    if (event_batch_open(wire, &r, NULL) == 0) {
        while ((rc = event_batch_next(&r, &ev)) == 1)
            if (!event_batch_add(&b, &ev))
                abort();
        if (rc == 0 && !str_eq(event_batch_seal(&b), wire))
            abort();
    }
    event_batch_done(&b);
    free(w);
    return 0;
}

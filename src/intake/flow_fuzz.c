/* Any bytes from any exporters, cut into datagrams by the input itself: u16
 * length, u8 exporter, bytes. Batches must open again, counters must add up,
 * and what was noted must restore. */
#include "intake/flow_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const struct flow_limits limits = {8, 3, 16, 8, 4096, 2048, 1000000000};
    struct flow_kit k, again;
    rd r = rd_init(p, n);

    flow_kit_init(&k, &limits);
    while (rd_left(&r) >= 3) {
        size_t len = rd_u16(&r);
        uint8_t who = rd_u8(&r);
        k.from.b[3] = who & 7;
        k.port = who >> 3 & 3;
        k.now += (int64_t)(who >> 5) * 400000000;
        str datagram = rd_bytes(&r, len < rd_left(&r) ? len : rd_left(&r));
        char *exact = malloc(datagram.n + 1); /* so that a read past its end is seen */
        memcpy(exact, datagram.p, datagram.n);
        flow_kit_send(&k, (str){exact, datagram.n});
        free(exact);
        flow_rx_tick(k.rx, k.now);
    }
    if (k.total != flow_rx_stats(k.rx)->flow_records)
        abort();
    flow_kit_init(&again, &limits);
    for (size_t i = 0; i < k.nnotes; i++)
        flow_rx_restore(again.rx, &k.notes[i]);
    flow_kit_done(&again);
    flow_kit_done(&k);
    return 0;
}

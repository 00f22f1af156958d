/* A batch from a child that lies: whatever opens can be read to its end. The
 * checksum is mended first, or nothing would ever get past it. */
#include "intake/event.h"
#include "intake/flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct flow_view v;
    uint64_t sum = 0;
    char *wire = malloc(n + 16);

    memcpy(wire, p, n);
    if (n >= 16) {
        uint32_t crc = crc32c(0, wire + 16, n - 16);
        memcpy(wire + 12, &crc, 4);
    }
    if (flow_batch_open((str){wire, n}, &v, NULL) == 0)
        for (uint32_t i = 0; i < v.rows; i++) {
            struct flow_exporter x;
            for (int c = 0; c < FC_COUNT; c++)
                sum += flow_view_value(&v, (enum flow_col)c, i);
            for (int c = FC_src; c <= FC_nat_dst; c++)
                sum += flow_view_ip(&v, (enum flow_col)c, i).b[15];
            flow_view_exporter(&v, (uint32_t)flow_view_value(&v, FC_exporter, i), &x);
            sum += x.ip.b[0];
        }
    free(wire);
    return sum == UINT64_MAX ? -1 : 0;
}

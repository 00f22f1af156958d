/* NetFlow v5: a head of 24 bytes, then 1 to 30 records of 48. Fixed: it is read
 * as one set of a template that never changes. */
#include "intake/flow_rx-int.h"

enum { HEAD = 24, RECORD = 48, RECORDS = 30 };

static const struct field_spec layout[] = {
    {8, 4, 0},  {12, 4, 0}, {15, 4, 0}, {10, 2, 0}, {14, 2, 0},  {2, 4, 0},   {1, 4, 0},
    {22, 4, 0}, {21, 4, 0}, {7, 2, 0},  {11, 2, 0}, {210, 1, 0}, {6, 1, 0},   {4, 1, 0},
    {5, 1, 0},  {16, 2, 0}, {17, 2, 0}, {9, 1, 0},  {13, 1, 0},  {210, 2, 0},
};
enum { TEMPLATE_ID = 256 };

void netflow5_read(struct flow_rx *rx, str bytes, struct ip ip, uint16_t port, int64_t received)
{
    rd r = rd_init(bytes.p, bytes.n);

    rd_u16(&r);
    uint16_t count = rd_u16(&r);
    uint32_t uptime = rd_u32(&r), secs = rd_u32(&r), nsecs = rd_u32(&r), seq = rd_u32(&r);
    uint8_t type = rd_u8(&r), engine = rd_u8(&r);
    uint16_t sampling = rd_u16(&r);
    if (r.bad || count == 0 || count > RECORDS || rd_left(&r) != (size_t)count * RECORD || nsecs >= 1000000000) {
        rx->st.drop_flow_malformed++;
        return;
    }
    struct session *s = session_get(rx, ip, port, V5, (uint32_t)type << 8 | engine);
    if (s == NULL)
        return;
    struct template *t = template_find(rx, s, TEMPLATE_ID);
    if (t == NULL && template_define(rx, s, TEMPLATE_ID, false, 0, layout, sizeof(layout) / sizeof(layout[0])))
        t = template_find(rx, s, TEMPLATE_ID);
    if (t == NULL)
        return;
    if (session_uptime(rx, s, uptime)) { /* it forgot the template too */
        template_define(rx, s, TEMPLATE_ID, false, 0, layout, sizeof(layout) / sizeof(layout[0]));
        t = template_find(rx, s, TEMPLATE_ID);
    }
    batch_slot(rx, s);
    if (session_sequence(rx, s, seq)) {
        s->seq = seq + count;
        s->seq_known = true;
    }
    rx->sink.batch->exporters[s->slot].datagrams++;
    struct message m = {.s = s,
                        .received = received,
                        .export_ns = (int64_t)secs * 1000000000 + nsecs,
                        .uptime = uptime,
                        .has_uptime = true,
                        .rate = sampling & 0x3fff};
    if (t != NULL)
        decode_set(rx, &m, t, rd_bytes(&r, rd_left(&r)));
}

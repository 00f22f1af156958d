/* Frames out and in. A length is believed only within its ceiling. */
#include "relay/wire.h"
#include <errno.h>
#include <string.h>

int relay_frame_write(const struct relay_link *l, enum relay_frame type, str a, str b, struct err *e)
{
    uint8_t frame[RELAY_FRAME_HEAD + RELAY_FRAME_MAX] = {'L', (uint8_t)type};
    size_t n = a.n + b.n;

    if (n > RELAY_FRAME_MAX)
        return ERR(e, -E2BIG, "relay.frame");
    for (int i = 0; i < 4; i++)
        frame[4 + i] = (uint8_t)(n >> 8 * i);
    if (a.n > 0)
        memcpy(frame + RELAY_FRAME_HEAD, a.p, a.n);
    if (b.n > 0)
        memcpy(frame + RELAY_FRAME_HEAD + a.n, b.p, b.n);
    int rc = l->write(l->ctx, frame, RELAY_FRAME_HEAD + n);
    return rc < 0 ? ERR(e, rc, "relay.line") : 0;
}

static int fill(const struct relay_link *l, struct relay_in *in, uint8_t *to, size_t begin, size_t n, int timeout_ms)
{
    while (in->have < begin + n) {
        long got = l->read(l->ctx, to + (in->have - begin), begin + n - in->have, timeout_ms);
        if (got <= 0)
            return (int)got;
        in->have += (size_t)got;
    }
    return 1;
}

int relay_frame_read(const struct relay_link *l, struct relay_in *in, int timeout_ms, enum relay_frame *type, rd *body,
                     struct err *e)
{
    int rc = fill(l, in, in->head, 0, RELAY_FRAME_HEAD, timeout_ms);
    rd r = rd_init(in->head + 4, 4);
    size_t n = rd_u32le(&r);

    if (rc == 1 && (in->head[0] != 'L' || in->head[1] < RF_HELLO || in->head[1] > RF_REFUSE || n > RELAY_FRAME_MAX))
        return ERR(e, -EBADMSG, "relay.frame");
    if (rc == 1)
        rc = fill(l, in, in->body, RELAY_FRAME_HEAD, n, timeout_ms);
    if (rc < 0)
        return ERR(e, rc, "relay.line");
    if (rc == 0)
        return 0;
    *type = in->head[1];
    *body = rd_init(in->body, n);
    in->have = 0;
    return 1;
}

/* One stream, pushed whole and in pieces: the same frames, every byte accounted
 * for. First byte: size of the pieces; second: strict or not. */
#include "intake/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct sum {
    uint64_t frames, raw;
    uint32_t crc;
};

static void take(void *ctx, str frame, uint16_t flags)
{
    struct sum *s = ctx;
    uint64_t head[2] = {frame.n, flags};

    if (frame.n == 0 || frame.n > EVENT_RAW_MAX)
        abort();
    s->frames++;
    s->raw += frame.n;
    s->crc = crc32c(crc32c(s->crc, head, sizeof(head)), frame.p, frame.n);
}

static struct sum run(str in, size_t step, bool strict)
{
    struct sum s = {0};
    struct framer *f = framer_new(take, &s);

    if (strict)
        framer_strict(f);
    for (size_t off = 0; off < in.n; off += step) {
        framer_push(f, str_sub(in, off, step));
        size_t in_so_far = in.n - off < step ? in.n : off + step;
        if (s.raw + framer_skipped(f) + framer_overhead(f) + framer_held(f) != in_so_far)
            abort();
    }
    framer_end(f);
    if (s.raw + framer_skipped(f) + framer_overhead(f) != in.n)
        abort();
    framer_free(f);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n < 3)
        return 0;
    str in = {(const char *)p + 2, n - 2};
    struct sum a = run(in, in.n, p[1] & 1), b = run(in, (size_t)p[0] + 1, p[1] & 1);
    if (a.frames != b.frames || a.raw != b.raw || a.crc != b.crc)
        abort();
    return 0;
}

/* A relay's line as a hostile peer makes it: whatever comes, nothing is shown that the pinned chain
 * did not sign, and the store opens again afterwards. */
#include "base/file.h"
#include "relay/receive.h"
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANCHOR "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct input {
    const uint8_t *p;
    size_t n;
};

static long from_input(void *ctx, void *p, size_t n, int timeout_ms)
{
    struct input *in = ctx;
    size_t k = n < in->n ? n : in->n;

    if (k == 0)
        return -32;
    memcpy(p, in->p, k);
    in->p += k;
    in->n -= k;
    return (long)k;
}

static int nowhere(void *ctx, const void *p, size_t n) { return 0; }

static void clear(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *ent;

    while (d != NULL && (ent = readdir(d)) != NULL)
        unlinkat(dirfd(d), ent->d_name, 0);
    if (d != NULL)
        closedir(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static char dir[64];
    static const atomic_bool never;
    struct input in = {p, n};
    struct relay_store_cfg cfg = {.dir = dir, .anchor = STR(ANCHOR)};
    struct relay_store_stats st;
    struct relay_store *s;
    struct err e = {0};

    if (dir[0] == '\0') {
        snprintf(dir, sizeof(dir), "%s/luy-relay-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        if (mkdtemp(dir) == NULL)
            abort();
    }
    for (int twice = 0; twice < 2; twice++) {
        if (relay_store_open(&cfg, &s, &e) < 0)
            abort();
        struct relay_receive r = {
            .name = "f", .store = s, .link = {&in, from_input, nowhere}, .stop = &never, .idle_ms = 1000};
        relay_receive_run(&r, &e);
        relay_store_stats(s, &st);
        assert(st.entries == 0 && st.heads == 0 && st.events == 0);
        relay_store_close(s);
    }
    clear(dir);
    return 0;
}

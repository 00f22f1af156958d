/* Real log files through a real child: what comes out is what went in, byte for
 * byte. Skipped as a whole when the files are not there. */
#include "intake/test_kit.h"
#include "base/file.h"
#include <ftw.h>
#include <sys/socket.h>
#include <unistd.h>

static char dir[512];

static size_t file_through(struct kit *k, const char *path)
{
    struct arena a = arena_init(64 << 20);
    str text, rest, line;
    size_t lines = 0;

    if (file_read(&a, path, 32 << 20, &text, NULL) < 0 || text.n == 0 || memchr(text.p, 0, text.n) != NULL) {
        arena_free(&a);
        return 0;
    }
    struct buf want;
    buf_init(&want, 64 << 20);
    for (rest = text; str_split(&rest, '\n', &line);)
        if (line.n > 0 && !(line.n == 1 && line.p[0] == '\r') && line.n <= EVENT_RAW_MAX && ++lines) {
            buf_str(&want, line);
            buf_byte(&want, '\n');
        }
    buf_clear(&k->lines);
    uint64_t before = k->events;
    int fd = kit_connect(k->tcp);
    for (str left = buf_view(&want); left.n > 0; kit_once(k, 0)) {
        ssize_t n = send(fd, left.p, left.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        left = str_sub(left, n > 0 ? (size_t)n : 0, left.n);
    }
    kit_until(k, before + lines);
    if (!str_eq(buf_view(&want), buf_view(&k->lines)))
        fail_msg("%s: not the same bytes", path);
    close(fd);
    buf_done(&want);
    arena_free(&a);
    return lines;
}

static struct kit kit;
static size_t lines, files;

static int each(const char *path, const struct stat *st, int type, struct FTW *at)
{
    if (type == FTW_F) {
        size_t n = file_through(&kit, path);
        lines += n;
        files += n > 0;
    }
    return 0;
}

static void real_logs_come_out_unchanged(void **state)
{
    kit.keep_lines = true;
    kit_start(&kit, NULL);
    assert_int_equal(nftw(dir, each, 16, FTW_PHYS), 0);
    print_message("# %zu lines of %zu files\n", lines, files);
    assert_true(lines > 0);
    kit_stop(&kit);
}

int main(int argc, char **argv)
{
    KIT_CHILD(argc, argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(real_logs_come_out_unchanged)};
    const char *shared = getenv("LUY_SHARED_DATA"), *source = getenv("LUY_SOURCE");

    snprintf(dir, sizeof(dir), "%s%s/logs", shared ? shared : source ? source : ".", shared ? "" : "/../shared/data");
    if (access(dir, R_OK) < 0)
        return printf("1..0 # SKIP no real logs at %s\n", dir) < 0;
    return cmocka_run_group_tests_name("intake/reallogs", tests, NULL, NULL);
}

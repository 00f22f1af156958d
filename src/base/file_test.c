/* Files in a folder of their own, and the queue between threads. */
#include "base/file.h"
#include "base/queue.h"
#include "base/test-int.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/luy-file-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[4][200];
    static int at;

    at = (at + 1) % 4;
    snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
    return path[at];
}

static int make_dir(void **state) { return mkdtemp(dir) == NULL ? -1 : 0; }

static int remove_dir(void **state)
{
    pid_t pid = fork();

    if (pid == 0) {
        execlp("rm", "rm", "-rf", dir, (char *)NULL);
        _exit(127);
    }
    return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static void reads_and_writes(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct err e;
    struct stat st;
    str s = STR("untouched");

    assert_int_equal(file_write_atomic(in_dir("f"), STR("one\n"), 0640, &e), 0);
    assert_int_equal(file_write_atomic(in_dir("f"), STR("second"), 0600, &e), 0);
    assert_int_equal(stat(in_dir("f"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(file_read(&a, in_dir("f"), 6, &s, &e), 0);
    assert_str(s, "second");
    assert_int_equal(s.p[s.n], 0);
    assert_int_equal(file_read(&a, in_dir("f"), 5, &s, &e), -EFBIG);
    assert_string_equal(e.key, "base.file.too_big");
    assert_str(s, "second");
    assert_int_equal(file_write_atomic(in_dir("empty"), STR_NONE, 0600, &e), 0);
    assert_int_equal(file_read(&a, in_dir("empty"), 0, &s, &e), 0);
    assert_int_equal(s.n, 0);
    assert_int_equal(file_read(&a, in_dir("none"), 5, &s, &e), -ENOENT);
    assert_int_equal(file_read(&a, dir, 5, &s, &e), -EISDIR);
    assert_int_equal(file_read(&a, "/proc/self/status", 1 << 16, &s, &e), 0);
    assert_true(str_starts(s, STR("Name:")));
    assert_int_equal(file_read(&a, "/proc/self/status", 10, &s, &e), -EFBIG);
    assert_int_equal(file_read(&a, "/dev/zero", 5000, &s, &e), -EFBIG);
    arena_free(&a);
    struct arena tiny = arena_init(4);
    assert_int_equal(file_read(&tiny, in_dir("f"), 6, &s, &e), -ENOMEM);
    assert_int_equal(file_read(&tiny, "/proc/self/status", 1 << 16, &s, &e), -ENOMEM);
    arena_free(&tiny);
}

/* A write that fails leaves the old file and no other. */
static void failed_write(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct err e;
    str *names, s;
    size_t n;

    assert_int_equal(file_mkdirs(in_dir("w"), 0700, &e), 0);
    assert_int_equal(file_write_atomic(in_dir("w/f"), STR("old"), 0600, &e), 0);
    assert_int_equal(file_mkdirs(in_dir("w/taken"), 0700, &e), 0);
    assert_true(file_write_atomic(in_dir("w/taken"), STR("new"), 0600, &e) < 0);
    assert_int_equal(file_write_atomic(in_dir("no/f"), STR("new"), 0600, &e), -ENOENT);
    assert_int_equal(file_list(&a, in_dir("w"), STR(""), 10, &names, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_str(names[0], "f");
    assert_str(names[1], "taken");
    assert_int_equal(file_read(&a, in_dir("w/f"), 10, &s, &e), 0);
    assert_str(s, "old");
    char longer[5000];
    memset(longer, 'a', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(file_write_atomic(longer, STR("x"), 0600, &e), -ENAMETOOLONG);
    assert_int_equal(file_mkdirs(longer, 0700, &e), -ENAMETOOLONG);
    arena_free(&a);
}

static void folders(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct err e;
    str *names = NULL;
    size_t n = 99;
    static const char *const make[] = {"l/b.yaml", "l/a.yaml", "l/Z.yaml", "l/c.txt", "l/.hidden.yaml", "l/đ.yaml"};

    assert_int_equal(file_mkdirs(in_dir("l/deep//er/"), 0700, &e), 0);
    assert_int_equal(file_mkdirs(in_dir("l/deep/er"), 0700, &e), 0);
    for (size_t i = 0; i < COUNT(make); i++)
        assert_int_equal(file_write_atomic(in_dir(make[i]), STR("x"), 0600, &e), 0);
    assert_int_equal(file_mkdirs(in_dir("l/c.txt"), 0700, &e), -ENOTDIR);
    assert_int_equal(file_mkdirs(in_dir("l/c.txt/d"), 0700, &e), -ENOTDIR);
    assert_int_equal(file_mkdirs("", 0700, &e), -EINVAL);
    assert_int_equal(file_list(&a, in_dir("l"), STR(".yaml"), 4, &names, &n, &e), 0);
    assert_int_equal(n, 4);
    assert_str(names[0], "Z.yaml");
    assert_str(names[1], "a.yaml");
    assert_str(names[3], "đ.yaml");
    assert_int_equal(file_list(&a, in_dir("l"), STR(".yaml"), 3, &names, &n, &e), -E2BIG);
    assert_int_equal(n, 4);
    assert_int_equal(file_list(&a, in_dir("absent"), STR(""), 3, &names, &n, &e), -ENOENT);
    assert_int_equal(file_list(&a, in_dir("l/deep/er"), STR(""), 3, &names, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(file_sync_dir(in_dir("l"), &e), 0);
    assert_true(file_sync_dir(in_dir("l/c.txt"), &e) < 0);
    arena_free(&a);
}

static void locks(void **state)
{
    struct err e;
    int a = -1, b = -1;

    assert_int_equal(file_lock(dir, &a, &e), 0);
    assert_int_equal(access(in_dir("lock"), F_OK), 0);
    assert_int_equal(file_lock(in_dir("lock"), &b, &e), -EBUSY);
    assert_int_equal(b, -1);
    assert_string_equal(e.key, "base.file.locked");
    close(a);
    assert_int_equal(file_lock(in_dir("lock"), &b, &e), 0);
    close(b);
    assert_int_equal(file_lock(in_dir("no/lock"), &b, &e), -ENOENT);
    assert_int_equal(symlink("/tmp/elsewhere", in_dir("link")), 0);
    assert_int_equal(file_lock(in_dir("link"), &b, &e), -ELOOP);
}

static void descriptors(void **state)
{
    int p[2];
    char got[8];

    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(fd_write_all(p[1], "hello", 5), 0);
    close(p[1]);
    assert_int_equal(fd_read_full(p[0], got, sizeof(got)), 5);
    assert_int_equal(fd_read_full(p[0], got, sizeof(got)), 0);
    close(p[0]);
    assert_int_equal(fd_read_full(-1, got, 1), -EBADF);
    assert_int_equal(fd_write_all(-1, got, 1), -EBADF);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(fd_write_all(full, got, 1), -ENOSPC);
    close(full);
}

/* ---- queue ---- */

enum { ITEMS = 20000, PRODUCERS = 3, CONSUMERS = 3 };
struct work {
    struct queue *q;
    intptr_t first;
    int64_t sum;
    int n;
};

static void *produce(void *arg)
{
    struct work *w = arg;

    for (intptr_t i = 0; i < ITEMS; i++)
        if (!queue_put(w->q, (void *)(w->first + i)))
            break;
    return NULL;
}

static void *consume(void *arg)
{
    struct work *w = arg;
    void *item;

    while ((item = queue_get(w->q, -1)) != NULL) {
        w->sum += (intptr_t)item;
        w->n++;
    }
    return NULL;
}

/* Every item arrives once; closing wakes the consumers after the last one. */
static void queue_threads(void **state)
{
    struct queue *q = queue_new(16);
    struct work in[PRODUCERS], out[CONSUMERS];
    pthread_t tp[PRODUCERS], tc[CONSUMERS];
    int64_t sum = 0, want = 0;
    int n = 0;

    for (int i = 0; i < CONSUMERS; i++) {
        out[i] = (struct work){.q = q};
        pthread_create(&tc[i], NULL, consume, &out[i]);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        in[i] = (struct work){.q = q, .first = 1 + (intptr_t)i * ITEMS};
        pthread_create(&tp[i], NULL, produce, &in[i]);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(tp[i], NULL);
    queue_close(q);
    for (int i = 0; i < CONSUMERS; i++) {
        pthread_join(tc[i], NULL);
        sum += out[i].sum;
        n += out[i].n;
    }
    want = (int64_t)PRODUCERS * ITEMS * (PRODUCERS * ITEMS + 1) / 2;
    assert_int_equal(n, PRODUCERS * ITEMS);
    assert_int_equal(sum, want);
    assert_int_equal(queue_len(q), 0);
    queue_free(q);
}

static void queue_alone(void **state)
{
    struct queue *q = queue_new(2);
    int a, b, c;

    assert_null(queue_get(q, 0));
    assert_null(queue_get(q, 1000));
    assert_true(queue_try_put(q, &a));
    assert_true(queue_put(q, &b));
    assert_false(queue_try_put(q, &c));
    assert_int_equal(queue_len(q), 2);
    assert_ptr_equal(queue_get(q, INT64_MAX), &a);
    assert_true(queue_try_put(q, &c));
    queue_close(q);
    assert_false(queue_put(q, &a));
    assert_false(queue_try_put(q, &a));
    assert_ptr_equal(queue_get(q, -1), &b);
    assert_ptr_equal(queue_get(q, 0), &c);
    assert_null(queue_get(q, -1));
    queue_free(q);
    queue_free(NULL);
    assert_null(queue_new(0));
}

/* A producer that waits for room is released by close. */
static void queue_close_wakes_producer(void **state)
{
    struct queue *q = queue_new(1);
    struct work w = {.q = q, .first = 1};
    pthread_t t;

    pthread_create(&t, NULL, produce, &w);
    assert_ptr_equal(queue_get(q, -1), (void *)1);
    queue_close(q);
    pthread_join(t, NULL);
    queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes), cmocka_unit_test(failed_write),
        cmocka_unit_test(folders),          cmocka_unit_test(locks),
        cmocka_unit_test(descriptors),      cmocka_unit_test(queue_threads),
        cmocka_unit_test(queue_alone),      cmocka_unit_test(queue_close_wakes_producer),
    };
    return cmocka_run_group_tests_name("base/file", tests, make_dir, remove_dir);
}

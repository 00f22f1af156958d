/* The walls from inside: each forbidden act is tried in a process of its own
 * that has entered the sandbox; it must be refused, or die of SIGSYS. */
#include "intake/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { DONE = 10, REFUSED = 20, NO_SANDBOX = 30 };

static int by_fd(int fd) { return fd < 0 ? REFUSED : DONE; }
static int open_passwd(void) { return by_fd(open("/etc/passwd", O_RDONLY)); }
static int open_proc(void) { return by_fd(open("/proc/self/mem", O_RDONLY)); }
static int make_file(void) { return by_fd(open("/tmp/luy-sandbox-test", O_CREAT | O_WRONLY | O_EXCL, 0600)); }
static int make_socket(void) { return by_fd(socket(AF_INET, SOCK_STREAM, 0)); }
static int make_unix(void) { return by_fd(socket(AF_UNIX, SOCK_STREAM, 0)); }
static int signal_parent(void) { return kill(getppid(), SIGCONT) < 0 ? REFUSED : DONE; }
static int trace_parent(void) { return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0 ? REFUSED : DONE; }
static int run_true(void)
{
    char name[] = "/bin/true", *argv[] = {name, NULL}, *env[] = {NULL};
    execve(name, argv, env);
    return REFUSED; /* execve comes back only when refused */
}
static int run_proc_self(void)
{
    char name[] = "/proc/self/exe", arg[] = "x", *argv[] = {name, arg, NULL}, *env[] = {NULL};
    execve(name, argv, env);
    return REFUSED;
}
static int make_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? REFUSED
               : DONE;
}
static int make_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid < 0 ? REFUSED : DONE;
}
/* What the child lives from. */
static int daily_work(void)
{
    char byte = 'x';
    int p[2] = {3, 4};
    void *big = malloc(8 << 20);

    memset(big, 1, 8 << 20);
    free(big);
    return write(p[1], &byte, 1) == 1 && read(p[0], &byte, 1) == 1 && time(NULL) > 0 ? DONE : REFUSED;
}

static const struct {
    const char *what;
    int (*act)(void);
    bool allowed, not_sanitized;
} acts[] = {
    {"open a file", open_passwd, false, false},      {"open /proc", open_proc, false, true},
    {"make a file", make_file, false, false},        {"make a TCP socket", make_socket, false, false},
    {"make a unix socket", make_unix, false, false}, {"run a program", run_true, false, false},
    {"run itself", run_proc_self, false, false},     {"signal another", signal_parent, false, true},
    {"trace another", trace_parent, false, true},    {"make code", make_code, false, true},
    {"make a process", make_process, false, true},   {"daily work", daily_work, true, false},
};

static int outcome(int (*act)(void))
{
    int status, p[2];
    pid_t pid = fork();

    if (pid == 0) {
        struct sandbox s = {.memory_max = (uint64_t)1 << 30, .files_max = 64};
        struct err e = {0};
        if (pipe(p) < 0 || dup2(p[0], 3) < 0 || dup2(p[1], 4) < 0 || sandbox_enter(&s, &e) < 0)
            _exit(NO_SANDBOX);
        _exit(act());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return REFUSED;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#endif
#endif
    return false;
}

static void walls(void **state)
{
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (acts[i].not_sanitized && sanitized())
            continue; /* the sanitizer's own runtime needs the call */
        int got = outcome(acts[i].act);
        if (got != (acts[i].allowed ? DONE : REFUSED))
            fail_msg("%s: outcome %d", acts[i].what, got);
    }
}

/* The acts are real: without the sandbox they succeed. */
static void without_walls(void **state)
{
    assert_int_equal(open_passwd(), DONE);
    assert_int_equal(make_socket(), DONE);
    assert_int_equal(make_code(), DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(walls), cmocka_unit_test(without_walls)};
    return cmocka_run_group_tests_name("intake/sandbox", tests, NULL, NULL);
}

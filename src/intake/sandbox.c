/* Sandbox of the intake child, from outside in: limits, empty root and another
 * user (when root), Landlock, seccomp. Runs once, single-threaded, before the
 * first byte from the network is read. */
#include "intake/sandbox.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0 /* their runtimes need more memory, more calls, and /proc */
#endif

enum { NOBODY = 65534 };

uint32_t sandbox_files(uint32_t wanted)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) < 0)
        return 256;
    if (l.rlim_cur < wanted) {
        l.rlim_cur = l.rlim_max == RLIM_INFINITY || l.rlim_max > wanted ? wanted : l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
        getrlimit(RLIMIT_NOFILE, &l);
    }
    return l.rlim_cur < wanted ? (uint32_t)l.rlim_cur : wanted;
}

static void limit(int what, uint64_t value)
{
    struct rlimit l = {value, value};

    if (setrlimit((__rlimit_resource_t)what, &l) < 0)
        log_event(LOG_WARN, "intake_sandbox", F_STR("what", STR("rlimit")), F_INT("number", what),
                  F_INT("errno", errno));
}

static void limits_set(const struct sandbox *s)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, s->files_max);
    if (!SANITIZED) {
        limit(RLIMIT_NPROC, 0);
        limit(RLIMIT_AS, s->memory_max);
    }
}

/* An unlinked folder as root: nothing is in it and nothing can be put there. */
static bool root_empty(void)
{
    char dir[] = "/tmp/luy-empty-XXXXXX";

    if (mkdtemp(dir) == NULL)
        return false;
    /* rmdir works on the folder we stand in; the path is gone before the root moves */
    bool ok = chdir(dir) == 0;
    return rmdir(dir) == 0 && ok && chroot(".") == 0;
}

static void root_leave(void)
{
    if (geteuid() != 0)
        return;
    if (!SANITIZED && !root_empty())
        log_event(LOG_WARN, "intake_sandbox", F_STR("what", STR("chroot")), F_INT("errno", errno));
    if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
        log_event(LOG_WARN, "intake_sandbox", F_STR("what", STR("setuid")), F_INT("errno", errno));
}

/* Kernel interface of Landlock, written here because Debian 12's header ends at
 * an older version. A right that a kernel does not know must not be asked for. */
struct landlock_rules {
    uint64_t fs, net, scope;
};
enum { LL_CREATE = 444, LL_ADD = 445, LL_RESTRICT = 446, LL_VERSION = 1 };
static const struct {
    int abi;
    struct landlock_rules add;
} landlock_rights[] = {
    {1, {0x1fff, 0, 0}},  /* all that has to do with files */
    {2, {1 << 13, 0, 0}}, /* move and link */
    {3, {1 << 14, 0, 0}}, /* truncate */
    {4, {0, 3, 0}},       /* TCP bind and connect */
    {5, {1 << 15, 0, 0}}, /* device ioctl */
    {6, {0, 0, 3}},       /* abstract sockets, signals outside */
};

/* The leak checker of test builds walks /proc/self. */
static void landlock_allow_proc(int rules)
{
    struct {
        uint64_t access;
        int32_t parent;
    } __attribute__((packed)) at = {0xc, open("/proc", O_PATH | O_CLOEXEC)};

    syscall(LL_ADD, rules, 1, &at, 0);
    close(at.parent);
}

static int landlock_enter(void)
{
    struct landlock_rules r = {0};
    long abi = syscall(LL_CREATE, NULL, 0, LL_VERSION);

    if (abi < 1)
        return -errno;
    for (size_t i = 0; i < sizeof(landlock_rights) / sizeof(landlock_rights[0]) && landlock_rights[i].abi <= abi; i++) {
        r.fs |= landlock_rights[i].add.fs;
        r.net |= landlock_rights[i].add.net;
        r.scope |= landlock_rights[i].add.scope;
    }
    size_t size = abi >= 6 ? sizeof(r) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    long fd = syscall(LL_CREATE, &r, size, 0);
    if (fd < 0)
        return -errno;
    if (SANITIZED)
        landlock_allow_proc((int)fd);
    int rc = syscall(LL_RESTRICT, (int)fd, 0) < 0 ? -errno : 0;
    close((int)fd);
    return rc;
}

static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(sendto),
    SCMP_SYS(accept4),
    SCMP_SYS(close),
    SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(sysinfo),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
#if SANITIZED
    SCMP_SYS(openat),
    SCMP_SYS(open),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(stat),
    SCMP_SYS(lseek),
    SCMP_SYS(getdents),
    SCMP_SYS(getdents64),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(gettid),
    SCMP_SYS(tgkill),
    SCMP_SYS(kill),
    SCMP_SYS(prctl),
    SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64),
    SCMP_SYS(clone),
    SCMP_SYS(clone3),
    SCMP_SYS(wait4),
    SCMP_SYS(ptrace),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(getuid),
    SCMP_SYS(getppid),
    SCMP_SYS(mmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(pipe2),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(ioctl),
    SCMP_SYS(msync),
    SCMP_SYS(uname),
    SCMP_SYS(getcwd),
    SCMP_SYS(fcntl),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
#endif
};

/* Refused, not deadly: libraries look for files in rare places (libc for the time
 * zone, when a certificate is checked), and no client may end the child by
 * leading them there. Root and Landlock would refuse these too. */
static const int refused[] = {
#if !SANITIZED
    SCMP_SYS(open),  SCMP_SYS(openat), SCMP_SYS(stat),     SCMP_SYS(newfstatat),
    SCMP_SYS(fstat), SCMP_SYS(access), SCMP_SYS(readlink), SCMP_SYS(uname),
#else
    SCMP_SYS(access),
#endif
};

static int seccomp_enter(void)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int rc = f != NULL ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; rc == 0 && i < sizeof(refused) / sizeof(refused[0]); i++)
        rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
#if !SANITIZED
    /* New memory, never code. */
    const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    if (rc == 0)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_exec);
    if (rc == 0)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_exec);
#endif
    if (rc == 0)
        rc = seccomp_load(f);
    if (f != NULL)
        seccomp_release(f);
    return rc;
}

int sandbox_enter(const struct sandbox *s, struct err *e)
{
    int rc;

    limits_set(s);
    root_leave();
    /* A change of user takes both of these back, so they come after it. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return ERR(e, -errno, "intake.sandbox", "prctl", strerror(errno));
    prctl(PR_SET_DUMPABLE, SANITIZED, 0, 0, 0); /* the leak checker must look at its own process */
    if ((rc = landlock_enter()) < 0)
        log_event(LOG_WARN, "intake_sandbox", F_STR("what", STR("landlock")), F_INT("errno", -rc));
    if ((rc = seccomp_enter()) < 0)
        return ERR(e, rc, "intake.sandbox", "seccomp", strerror(-rc));
    return 0;
}

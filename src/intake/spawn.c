/* Birth of the intake child: posix_spawn (safe among threads), one message with
 * all it may know and hold. Everything else the core has open is close-on-exec,
 * and the child closes what slipped through. */
#include "intake/intake-int.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

/* Nothing of the environment but what the sanitizers' runtimes read. */
static void env_filter(char *out[8])
{
    size_t n = 0;

    for (char **v = environ; *v != NULL && n < 7; v++)
        if (strstr(*v, "SAN_OPTIONS=") != NULL && (size_t)(strchr(*v, '=') - *v) < 14)
            out[n++] = *v;
    out[n] = NULL;
}

static int spawn_now(const char *exe, int sock, pid_t *pid)
{
    char name[] = "luy-intake", role[] = INTAKE_ARGV1, *argv[] = {name, role, NULL}, *env[8];
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    sigset_t none, all;
    int rc;

    env_filter(env);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&at);
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &all);
    posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    rc = posix_spawn_file_actions_adddup2(&fa, sock, CHILD_CTL_FD);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
    if (rc == 0)
        rc = posix_spawn(pid, exe, &fa, &at, argv, env);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&at);
    return -rc;
}

static int hello_send(int sock, const struct hello *h, const str pem[3], const int fds[HELLO_FDS])
{
    struct iovec iov[4] = {{(void *)(uintptr_t)h, sizeof(*h)}};
    union {
        struct cmsghdr align;
        char b[CMSG_SPACE(sizeof(int) * HELLO_FDS)];
    } c = {0};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 4, .msg_control = c.b};
    int send[HELLO_FDS], n = 0;

    for (int i = 0; i < 3; i++)
        iov[1 + i] = (struct iovec){(void *)(uintptr_t)pem[i].p, pem[i].n};
    for (int i = 0; i < HELLO_FDS; i++)
        if (fds[i] >= 0)
            send[n++] = fds[i];
    m.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n);
    struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
    cm->cmsg_level = SOL_SOCKET;
    cm->cmsg_type = SCM_RIGHTS;
    cm->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n);
    memcpy(CMSG_DATA(cm), send, sizeof(int) * (size_t)n);
    return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int child_spawn(const char *exe, const struct hello *h, const str pem[3], const int fds[HELLO_FDS], pid_t *pid,
                int *ctl, struct err *e)
{
    int sp[2], rc;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) < 0)
        return ERR(e, -errno, "intake.spawn", exe, strerror(errno));
    /* The message waits in the socket; the child finds it when it has started. */
    rc = hello_send(sp[0], h, pem, fds);
    if (rc == 0)
        rc = spawn_now(exe, sp[1], pid);
    close(sp[1]);
    if (rc < 0) {
        close(sp[0]);
        return ERR(e, rc, "intake.spawn", exe, strerror(-rc));
    }
    fcntl(sp[0], F_SETFL, O_NONBLOCK);
    *ctl = sp[0];
    return 0;
}

int hello_receive(int ctl, struct hello *h, char *text, str pem[3], int fds[HELLO_FDS])
{
    struct iovec iov[2] = {{h, sizeof(*h)}, {text, 3 * HELLO_PEM_MAX}};
    union {
        struct cmsghdr align;
        char b[CMSG_SPACE(sizeof(int) * HELLO_FDS)];
    } c = {0};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = c.b, .msg_controllen = sizeof(c.b)};
    ssize_t n = recvmsg(ctl, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
    int got[HELLO_FDS], want = HF_LISTEN, at = 0;
    size_t off = 0;

    if (n < (ssize_t)sizeof(*h) || h->magic != HELLO_MAGIC || cm == NULL || cm->cmsg_type != SCM_RIGHTS)
        return -EPROTO;
    for (int i = 0; i < LISTENERS; i++)
        want += (h->listeners >> i) & 1;
    if (cm->cmsg_len != CMSG_LEN(sizeof(int) * (size_t)want))
        return -EPROTO;
    memcpy(got, CMSG_DATA(cm), sizeof(int) * (size_t)want);
    for (int i = 0; i < HELLO_FDS; i++)
        fds[i] = i < HF_LISTEN || ((h->listeners >> (i - HF_LISTEN)) & 1) ? got[at++] : -1;
    for (int i = 0; i < 3; off += h->pem[i], i++)
        if (h->pem[i] > HELLO_PEM_MAX || off + h->pem[i] > (size_t)n - sizeof(*h))
            return -EPROTO;
        else
            pem[i] = (str){text + off, h->pem[i]};
    return 0;
}

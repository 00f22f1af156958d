/* From root to an ordinary user, for good; and the word to the service manager. */
#include "daemon/luyd.h"
#include "base/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The data folder may have been made by root before: hand it over, without
 * following links. Depth is bounded by what luyd itself makes. */
static void give(int at, const char *name, uid_t uid, gid_t gid, int depth)
{
    struct stat st;
    struct dirent *d;

    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISLNK(st.st_mode))
        return;
    if (st.st_uid != uid && fchownat(at, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        log_event(LOG_WARN, "cannot_give_file", F_STR("name", str_c(name)), F_INT("errno", errno));
    if (!S_ISDIR(st.st_mode) || depth == 0)
        return;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((d = readdir(dir)) != NULL)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            give(dirfd(dir), d->d_name, uid, gid, depth - 1);
    closedir(dir);
}

void privilege_drop(const char *user, const char *data)
{
    struct passwd *pw;

    if (geteuid() != 0)
        return;
    pw = user[0] != '\0' ? getpwnam(user) : NULL;
    if (pw == NULL || pw->pw_uid == 0) {
        log_event(LOG_WARN, "running_as_root", F_STR("user_missing", str_c(user)));
        return;
    }
    give(AT_FDCWD, data, pw->pw_uid, pw->pw_gid, 4);
    if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0 || setuid(0) == 0) {
        log_event(LOG_ERROR, "cannot_drop_privileges", F_STR("user", str_c(user)), F_INT("errno", errno));
        exit(1); /* half-dropped is worse than not started */
    }
    log_event(LOG_INFO, "privileges_dropped", F_STR("user", str_c(user)));
}

void notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t n = path != NULL ? strlen(path) : 0;

    if (n < 2 || n >= sizeof(un.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(un.sun_path, path, n);
    if (path[0] == '@')
        un.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&un,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
        log_event(LOG_DEBUG, "notify_failed", F_INT("errno", errno));
    close(fd);
}

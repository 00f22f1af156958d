/* luyd: arguments and signals. The same program is the intake child, which
 * must come before anything else: it shall hold nothing. */
#include "daemon/luyd.h"
#include "base/log.h"
#include "base/msg.h"
#include "intake/intake.h"
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef LUY_VERSION
#define LUY_VERSION "0"
#endif

struct args {
    struct luyd_options o;
    const char *relay_add, *relay_drop, *load, *reset, *migrate, *schema;
    bool relay_id, check, help, version;
};
static const struct {
    const char *name;
    size_t text, flag;
    const char *help;
} arg_table[] = {
    {"--data", offsetof(struct args, o.data), 0, "daemon.arg.data"},
    {"--config", offsetof(struct args, o.config), 0, "daemon.arg.config"},
    {"--listen", offsetof(struct args, o.listen), 0, "daemon.arg.listen"},
    {"--load", offsetof(struct args, load), 0, "daemon.arg.load"},
    {"--reset-login", offsetof(struct args, reset), 0, "daemon.arg.reset"},
    {"--migrate-store", offsetof(struct args, migrate), 0, "daemon.arg.migrate"},
    {"--check-schema", offsetof(struct args, schema), 0, "daemon.arg.schema"},
    {"--relay-id", 0, offsetof(struct args, relay_id), "daemon.arg.relay_id"},
    {"--relay-add", offsetof(struct args, relay_add), 0, "daemon.arg.relay_add"},
    {"--relay-drop", offsetof(struct args, relay_drop), 0, "daemon.arg.relay_drop"},
    {"--check-config", 0, offsetof(struct args, check), "daemon.arg.check"},
    {"--help", 0, offsetof(struct args, help), "daemon.arg.help"},
    {"--version", 0, offsetof(struct args, version), "daemon.arg.version"},
};
enum { ARGS_N = sizeof(arg_table) / sizeof(*arg_table) };

static void say(FILE *f, const char *key, const char *arg)
{
    char text[1024];
    msg_fmt(text, sizeof(text), person_lang(), key, &arg, 1);
    fprintf(f, "%s\n", text);
}

static void help(void)
{
    say(stdout, "daemon.usage", "");
    for (int i = 0; i < ARGS_N; i++) {
        const char *text = msg_get(arg_table[i].help, person_lang());
        printf("  %s%-*s %s\n", arg_table[i].name, 22 - (int)strlen(arg_table[i].name),
               arg_table[i].flag == 0 ? " X" : "", text != NULL ? text : arg_table[i].help);
    }
}

/* "--data DIR" and "--data=DIR". */
static bool take_arg(struct args *a, int argc, char **argv, int *i)
{
    str name, value = str_c(argv[*i]);

    str_split(&value, '=', &name);
    for (int k = 0; k < ARGS_N; k++) {
        if (!str_eq(name, str_c(arg_table[k].name)))
            continue;
        if (arg_table[k].flag != 0 && value.p == NULL) {
            *(bool *)((char *)a + arg_table[k].flag) = true;
            return true;
        }
        const char *v = value.p != NULL ? value.p : *i + 1 < argc ? argv[++*i] : NULL;
        if (arg_table[k].flag != 0 || v == NULL || *v == '\0') {
            say(stderr, "daemon.arg.value", arg_table[k].name);
            return false;
        }
        *(const char **)((char *)a + arg_table[k].text) = v;
        return true;
    }
    say(stderr, "daemon.arg.unknown", argv[*i]);
    return false;
}

static int serve(const struct args *a)
{
    struct luyd *d;
    struct signalfd_siginfo si;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (fd < 0 || luyd_start(&a->o, &d) < 0)
        return 1;
    for (;;) {
        ssize_t n = read(fd, &si, sizeof(si));
        if (n != sizeof(si) && errno == EINTR)
            continue;
        if (n != sizeof(si) || si.ssi_signo != SIGHUP)
            break;
        luyd_reload(d);
    }
    log_event(LOG_INFO, "stopping");
    luyd_stop(d);
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    struct args a = {0};

    if (argc > 1 && strcmp(argv[1], INTAKE_ARGV1) == 0)
        return intake_child_main(argc, argv);
    a.o.self_exe = "/proc/self/exe";
    for (int i = 1; i < argc; i++)
        if (!take_arg(&a, argc, argv, &i))
            return 2;
    if (a.help) {
        help();
        return 0;
    }
    if (a.version) {
        printf("luyd %s\n", LUY_VERSION);
        return 0;
    }
    mallopt(M_ARENA_MAX, 4); /* a thread a connection must not mean an arena a thread */
    umask(077);
    if (a.check)
        return luyd_check(&a.o);
    if (a.o.data == NULL) {
        say(stderr, "daemon.arg.need_data", "");
        return 2;
    }
    if (a.schema != NULL)
        return luyd_check_schema(&a.o, a.schema);
    if (a.relay_id)
        return luyd_relay_id(&a.o);
    if (a.relay_add != NULL || a.relay_drop != NULL)
        return luyd_relay_pin(&a.o, a.relay_add, a.relay_drop);
    if (a.reset != NULL)
        return luyd_reset_login(&a.o, a.reset);
    if (a.migrate != NULL)
        return luyd_migrate(&a.o, a.migrate);
    return a.load != NULL ? luyd_load(&a.o, a.load) : serve(&a);
}

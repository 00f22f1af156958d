/* luy: reads the words, finds the command, runs it. */
#include "cli/cli.h"
#include "base/msg.h"
#include <errno.h>
#include <signal.h>
#include <unistd.h>

static void say(struct run *r, FILE *to, const char *key)
{
    fprintf(to, "%s\n", msg_get(key, r->lang) ? msg_get(key, r->lang) : key);
}

static const char *text(struct run *r, const char *key) { return msg_get(key, r->lang) ? msg_get(key, r->lang) : key; }

static void print_option(struct run *r, const struct option_info *o)
{
    char left[64];

    snprintf(left, sizeof(left), "%s%c%s--%s%s%s", o->letter ? "-" : "", o->letter ? o->letter : ' ',
             o->letter ? ", " : "   ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
    printf("  %-30s %s\n", left, text(r, o->help));
}

static int help_all(struct run *r)
{
    say(r, stdout, "cli.usage");
    for (size_t i = 0; i < ncommands; i++) {
        char left[64];
        snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].args);
        printf("  %-34s %s\n", left, text(r, commands[i].help));
    }
    putchar('\n');
    say(r, stdout, "cli.usage_options");
    for (size_t i = 0; i < 7; i++)
        print_option(r, &option_table[i]);
    putchar('\n');
    say(r, stdout, "cli.usage_end");
    return EXIT_FINE;
}

static int help_one(struct run *r, const struct command *c)
{
    printf("luy %s %s\n    %s\n", c->name, c->args, text(r, c->help));
    for (const char *const *o = c->options; *o; o++)
        for (size_t i = 0; i < noptions; i++)
            if (strcmp(option_table[i].name, *o) == 0)
                print_option(r, &option_table[i]);
    return EXIT_FINE;
}

/* The command whose name shares the longest head with what was typed. */
static const char *nearest(const char *typed)
{
    const char *best = NULL;
    size_t best_n = 1;

    for (size_t i = 0; i < ncommands; i++) {
        size_t n = 0;
        while (typed[n] != 0 && typed[n] == commands[i].name[n])
            n++;
        if (n > best_n) {
            best_n = n;
            best = commands[i].name;
        }
    }
    return best;
}

static int unknown(struct run *r, const char *name)
{
    struct err e = {0};
    const char *near = nearest(name);

    if (near != NULL)
        ERR(&e, -EINVAL, "cli.unknown_command_near", name, near);
    else
        ERR(&e, -EINVAL, "cli.unknown_command", name);
    return fail(r, &e);
}

static int dispatch(struct run *r)
{
    struct err e = {0};
    const char *name = r->nargs > 0 ? r->args[0] : NULL;

    if (r->opt.version) {
        printf("luy %s\n", LUY_VERSION);
        return EXIT_FINE;
    }
    bool help = name == NULL || r->opt.help || strcmp(name, "help") == 0;
    if (name != NULL && strcmp(name, "help") == 0)
        name = r->nargs > 1 ? r->args[1] : NULL;
    if (name == NULL) {
        help_all(r);
        return r->opt.help || r->nargs > 0 ? EXIT_FINE : EXIT_ERROR;
    }
    const struct command *c = command_find(name);
    if (c == NULL)
        return unknown(r, name);
    if (help)
        return help_one(r, c);
    r->args++;
    r->nargs--;
    if (r->nargs < c->min || (c->max >= 0 && r->nargs > c->max)) {
        ERR(&e, -EINVAL, "cli.wrong_arguments", c->name, c->args);
        return fail(r, &e);
    }
    if (session_load(r, &e) < 0)
        return fail(r, &e);
    return c->fn(r);
}

/* `luy journal ...` is another program: it knows the journal's files, and luy
 * knows nothing but the API. It lies beside luy, or beside its folder in a build. */
static int run_journal(struct run *r, char **argv)
{
    static const char *const places[] = {"luy-journal", "../offline/luy-journal"};
    struct err e = {0};
    char self[4096], path[4200];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    while (n > 0 && self[n - 1] != '/')
        n--;
    for (size_t i = 0; n > 0 && i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(path, sizeof(path), "%.*s%s", (int)n, self, places[i]);
        execv(path, argv);
    }
    ERR(&e, -errno, "cli.no_journal", "luy-journal");
    return fail(r, &e);
}

int main(int argc, char **argv)
{
    struct run r = {.arena = arena_init((size_t)1 << 30), .lang = LANG_VI};
    struct err e = {0};

    if (argc > 1 && strcmp(argv[1], "journal") == 0)
        return run_journal(&r, argv + 1);
    signal(SIGPIPE, SIG_IGN);
    int code = options_parse(&r, argc, argv, &e) < 0 ? fail(&r, &e) : dispatch(&r);
    if (fflush(stdout) != 0)
        code = EXIT_ERROR;
    arena_free(&r.arena);
    return code;
}

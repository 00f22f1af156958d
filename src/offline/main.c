/* Words, options, help. */
#include "offline/offline.h"
#include "base/file.h"
#include "base/log.h"
#include "journal/flow_store.h"
#include "vault/vault.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(m) offsetof(struct offline, m)
static const struct option {
    const char *name, *arg, *help;
    size_t offset;
    char letter;
} options[] = {
    {"dir", "DIR", "offline.opt.dir", AT(dir), 'd'},
    {"output", "text|json|csv", "offline.opt.output", AT(output), 'o'},
    {"limit", "N", "offline.opt.limit", AT(limit_text), 'n'},
    {"to", "PLACE", "offline.opt.to", AT(to), 0},
    {"file", "FILE", "offline.opt.file", AT(file), 'f'},
    {"anchor", "HEX", "offline.opt.anchor", AT(anchor), 0},
    {"centre", "DIR", "offline.opt.centre", AT(centre), 0},
    {"centre-anchor", "HEX", "offline.opt.centre_anchor", AT(centre_anchor), 0},
    {"raw", NULL, "offline.opt.raw", AT(raw), 0},
    {"block", "MIB", "offline.opt.block", AT(block_text), 0},
    {"quiet", NULL, "offline.opt.quiet", AT(quiet), 'q'},
    {"lang", "vi|en", "offline.opt.lang", AT(lang_text), 0},
    {"help", NULL, "offline.opt.help", AT(help), 'h'},
};
static const size_t noptions = sizeof(options) / sizeof(options[0]);

const struct verb verbs[] = {
    {"ingest", "[FILE...]", "offline.help.ingest", 0, -1, verb_ingest},
    {"search", "QUERY...", "offline.help.search", 1, -1, verb_search},
    {"export", "[QUERY...]", "offline.help.export", 0, -1, verb_export},
    {"stat", "", "offline.help.stat", 0, 0, verb_stat},
    {"verify", "", "offline.help.verify", 0, 0, verb_verify},
    {"proof", "SEQ", "offline.help.proof", 1, 1, verb_proof},
    {"archive", "", "offline.help.archive", 0, 0, verb_archive},
};
const size_t nverbs = sizeof(verbs) / sizeof(verbs[0]);

static const char *text(const struct offline *o, const char *key)
{
    const char *s = msg_get(key, o->lang);
    return s != NULL ? s : key;
}

int offline_fail(const struct offline *o, const struct err *e)
{
    char line[1024];

    err_text(e, o->lang, line, sizeof(line));
    fprintf(stderr, "luy journal: %s\n", line);
    return EXIT_ERROR;
}

void offline_say(const struct offline *o, const char *key, const char *a, const char *b, const char *c)
{
    const char *args[] = {a, b, c};
    char line[1024];

    msg_fmt(line, sizeof(line), o->lang, key, args, 3);
    fprintf(stderr, "%s\n", line);
}

static int usage(const struct offline *o)
{
    printf("%s\n\n", text(o, "offline.usage"));
    for (size_t i = 0; i < nverbs; i++) {
        char left[64];
        snprintf(left, sizeof(left), "%s %s", verbs[i].name, verbs[i].args);
        printf("  %-22s %s\n", left, text(o, verbs[i].help));
    }
    putchar('\n');
    for (size_t i = 0; i < noptions; i++) {
        char left[64];
        snprintf(left, sizeof(left), "%s%c%s--%s %s", options[i].letter ? "-" : "",
                 options[i].letter ? options[i].letter : ' ', options[i].letter ? ", " : "   ", options[i].name,
                 options[i].arg ? options[i].arg : "");
        printf("  %-28s %s\n", left, text(o, options[i].help));
    }
    return EXIT_FINE;
}

static const struct option *option_find(const char *word, const char **value)
{
    for (size_t i = 0; i < noptions; i++) {
        size_t n = strlen(options[i].name);
        if (word[1] == options[i].letter && options[i].letter != 0 && word[2] == '\0') {
            *value = NULL;
            return &options[i];
        }
        if (word[1] == '-' && strncmp(word + 2, options[i].name, n) == 0 &&
            (word[2 + n] == '\0' || word[2 + n] == '=')) {
            *value = word[2 + n] == '=' ? word + 3 + n : NULL;
            return &options[i];
        }
    }
    return NULL;
}

/* Options wherever they stand; the words that are left stay in order. "--" ends options. */
static int take_words(struct offline *o, int argc, char **argv, struct err *e)
{
    bool words_only = false;

    o->args = argv;
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        if (words_only || argv[i][0] != '-' || argv[i][1] == '\0') {
            o->args[o->nargs++] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            words_only = true;
            continue;
        }
        const struct option *op = option_find(argv[i], &value);
        if (op == NULL)
            return ERR(e, -EINVAL, "offline.unknown_option", argv[i]);
        if (op->arg == NULL) {
            *(bool *)(void *)((char *)o + op->offset) = true;
            continue;
        }
        if (value == NULL && i + 1 == argc)
            return ERR(e, -EINVAL, "offline.no_value", argv[i], op->arg);
        *(const char **)(void *)((char *)o + op->offset) = value != NULL ? value : argv[++i];
    }
    return 0;
}

static int judge_options(struct offline *o, struct err *e)
{
    static const char *const ways[] = {"text", "json", "csv"};

    if (o->lang_text != NULL && !lang_parse(str_c(o->lang_text), &o->lang))
        return ERR(e, -EINVAL, "offline.bad_value", o->lang_text, "vi, en");
    if (o->limit_text != NULL && (!str_u64(str_c(o->limit_text), &o->limit) || o->limit == 0))
        return ERR(e, -EINVAL, "offline.bad_value", o->limit_text, "1, 2, 3, ...");
    for (int i = 0; o->output != NULL; i++) {
        if (i == 3)
            return ERR(e, -EINVAL, "offline.bad_value", o->output, "text, json, csv");
        if (strcmp(o->output, ways[i]) != 0)
            continue;
        o->as = (enum out_as)i;
        break;
    }
    return 0;
}

static bool has_file(const char *dir, const char *name)
{
    char path[4200];

    return (size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) < sizeof(path) && access(path, R_OK) == 0;
}

bool offline_is_archive(const char *dir) { return has_file(dir, "manifest.json"); }

/* A centre's copy of a relay (relay/store.h). */
static bool is_relay_copy(const char *dir) { return has_file(dir, "places"); }

int offline_open(struct offline *o, bool make, struct journal **out, struct err *e)
{
    struct journal_cfg cfg = {.dir = o->dir, .sync_ms = 1000, .block_seconds = INT32_MAX};
    struct stat st;
    uint64_t mib = 0;

    if (o->dir == NULL)
        return ERR(e, -EINVAL, "offline.no_dir");
    if (!make && stat(o->dir, &st) < 0)
        return ERR(e, -errno, "journal.read", o->dir);
    if (o->block_text != NULL && (!str_u64(str_c(o->block_text), &mib) || mib < 1 || mib > 64))
        return ERR(e, -EINVAL, "offline.bad_value", o->block_text, "1 ... 64");
    cfg.block_bytes = (size_t)mib << 20;
    if (offline_is_archive(o->dir)) {
        cfg.read_only = true;
        return make ? ERR(e, -EROFS, "offline.archive_sealed", o->dir) : journal_open(&cfg, &o->clk, out, e);
    }
    char keys[4200];
    int rc = make ? file_mkdirs(o->dir, 0700, e) : 0;
    snprintf(keys, sizeof(keys), "%s/keys", o->dir);
    /* A journal that luyd wrote is signed by luyd's keys, which lie elsewhere. */
    if (rc == 0 && o->vault == NULL && (make || stat(keys, &st) == 0))
        rc = vault_open(keys, &o->clk, &o->vault, e);
    cfg.vault = o->vault;
    return rc < 0 ? rc : journal_open(&cfg, &o->clk, out, e);
}

bool offline_flows_dir(const struct offline *o, char *out, size_t cap)
{
    struct stat st;
    int n = snprintf(out, cap, offline_is_archive(o->dir) || is_relay_copy(o->dir) ? "%s" : "%s/../flows", o->dir);

    return n > 0 && (size_t)n < cap && stat(out, &st) == 0 && S_ISDIR(st.st_mode);
}

int offline_flows(struct offline *o, struct flow_store **out, struct err *e)
{
    char path[4200];
    struct flow_store_cfg cfg = {.dir = path, .read_only = true};

    if (!offline_flows_dir(o, path, sizeof(path)))
        return ERR(e, -ENOENT, "offline.no_flows", o->dir);
    return flow_store_open(&cfg, &o->clk, out, e);
}

/* ---- progress ---- */

void progress_begin(struct progress *p, const struct offline *o, const char *key)
{
    *p = (struct progress){
        .o = o, .key = key, .began_ns = clock_mono(&o->clk), .on = !o->quiet && isatty(STDERR_FILENO)};
    p->next_ns = p->began_ns + NS_PER_S / 2;
}

void progress_show(struct progress *p, uint64_t done, uint64_t all)
{
    int64_t now = clock_mono(&p->o->clk);
    char line[512], a[32], b[32];

    if (!p->on || now < p->next_ns)
        return;
    p->next_ns = now + NS_PER_S / 2;
    double seconds = (double)(now - p->began_ns) / 1e9;
    snprintf(a, sizeof(a), "%.1f", (double)done / 1e6);
    if (all > 0)
        snprintf(b, sizeof(b), "%.0f", 100.0 * (double)done / (double)all);
    else
        snprintf(b, sizeof(b), "%.1f", (double)done / 1e6 / (seconds > 0 ? seconds : 1));
    msg_fmt(line, sizeof(line), p->o->lang, p->key, (const char *[]){a, b}, 2);
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    p->shown = true;
}

void progress_end(struct progress *p)
{
    if (p->shown)
        fprintf(stderr, "\r\033[K");
    p->shown = false;
}

int main(int argc, char **argv)
{
    struct offline o = {.clk = clock_system, .lang = LANG_VI};
    const char *lang = getenv("LANG");
    struct err e = {0};

    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_WARN);
    if (lang != NULL && strncmp(lang, "en", 2) == 0)
        o.lang = LANG_EN;
    if (take_words(&o, argc, argv, &e) < 0 || judge_options(&o, &e) < 0)
        return offline_fail(&o, &e);
    if (o.nargs == 0 || o.help)
        return usage(&o) + (o.nargs == 0 && !o.help ? EXIT_ERROR : EXIT_FINE);
    for (size_t i = 0; i < nverbs; i++) {
        if (strcmp(verbs[i].name, o.args[0]) != 0)
            continue;
        o.args++;
        o.nargs--;
        if (o.nargs < verbs[i].min || (verbs[i].max >= 0 && o.nargs > verbs[i].max)) {
            ERR(&e, -EINVAL, "offline.wrong_words", verbs[i].name, verbs[i].args);
            return offline_fail(&o, &e);
        }
        int code = verbs[i].fn(&o);
        vault_close(o.vault);
        return fflush(stdout) != 0 ? EXIT_ERROR : code;
    }
    ERR(&e, -EINVAL, "offline.unknown_verb", o.args[0]);
    return offline_fail(&o, &e);
}

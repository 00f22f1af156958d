/* Options by table: parsing, help and completion read the same rows. */
#include "cli/cli.h"
#include "base/msg.h"
#include <errno.h>

#define AT(m) offsetof(struct options, m)
const struct option_info option_table[] = {
    {"url", "URL", "cli.opt.url", AT(url), false, 0},
    {"ca", "FILE", "cli.opt.ca", AT(ca), false, 0},
    {"token", "TOKEN", "cli.opt.token", AT(token), false, 0},
    {"lang", "vi|en", "cli.opt.lang", AT(lang_text), false, 0},
    {"output", "table|json|csv", "cli.opt.output", AT(output), false, 'o'},
    {"help", NULL, "cli.opt.help", AT(help), true, 'h'},
    {"version", NULL, "cli.opt.version", AT(version), true, 0},
    {"state", "STATE", "cli.opt.state", AT(filter_state), false, 0},
    {"unit", "UNIT", "cli.opt.unit", AT(filter_unit), false, 0},
    {"clause", "CLAUSE", "cli.opt.clause", AT(filter_clause), false, 0},
    {"control", "CONTROL", "cli.opt.control", AT(filter_control), false, 0},
    {"severity", "SEVERITY", "cli.opt.severity", AT(filter_severity), false, 0},
    {"query", "TEXT", "cli.opt.query", AT(query_text), false, 'q'},
    {"order", "[-]FIELD", "cli.opt.order", AT(order), false, 0},
    {"at", "TIME", "cli.opt.at", AT(at), false, 0},
    {"limit", "N", "cli.opt.limit", AT(limit), false, 'n'},
    {"before", "SEQ", "cli.opt.before", AT(before), false, 0},
    {"fields", "A,B", "cli.opt.fields", AT(fields), false, 0},
    {"all", NULL, "cli.opt.all", AT(all), true, 0},
    {"follow", NULL, "cli.opt.follow", AT(follow), true, 'f'},
    {"explain", NULL, "cli.opt.explain", AT(explain), true, 0},
    {"saved", "NAME", "cli.opt.saved", AT(saved), false, 0},
    {"save", "NAME", "cli.opt.save", AT(save), false, 0},
    {"export", "FILE", "cli.opt.export", AT(export), false, 0},
    {"format", "xlsx|csv", "cli.opt.format", AT(form), false, 'f'},
    {"out", "FILE", "cli.opt.out", AT(out_file), false, 'O'},
    {"marked", "OUT.xlsx", "cli.opt.marked", AT(marked), false, 0},
    {"map", "MAP", "cli.opt.map", AT(map), false, 0},
    {"with", "NAME=VALUE,...", "cli.opt.with", AT(with), false, 0},
    {"reason", "TEXT", "cli.opt.reason", AT(reason), false, 0},
    {"rev", "REV", "cli.opt.rev", AT(rev), false, 0},
    {"note", "TEXT", "cli.opt.note", AT(note), false, 0},
    {"period", "PERIOD", "cli.opt.period", AT(period), false, 0},
    {"name", "NAME", "cli.opt.name", AT(name), false, 0},
    {"expires", "DATE", "cli.opt.expires", AT(expires), false, 0},
    {"device", "DEVICE", "cli.opt.device", AT(device), false, 0},
    {"interface", "INTERFACE", "cli.opt.interface", AT(interface), false, 0},
    {"purpose", "TEXT", "cli.opt.purpose", AT(purpose), false, 0},
    {"allocate", NULL, "cli.opt.allocate", AT(allocate), true, 0},
    {"confirm", "DURATION", "cli.opt.confirm", AT(confirm), false, 0},
    {"roles", "A,B", "cli.opt.roles", AT(roles), false, 0},
    {"dry-run", NULL, "cli.opt.dry_run", AT(dry_run), true, 0},
    {"password-stdin", NULL, "cli.opt.password_stdin", AT(password_stdin), true, 0},
};
const size_t noptions = sizeof(option_table) / sizeof(option_table[0]);

static bool takes(const struct command *c, const struct option_info *o)
{
    for (const char *const *name = c != NULL ? c->options : NULL; name != NULL && *name != NULL; name++)
        if (strcmp(*name, o->name) == 0)
            return true;
    return false;
}

/* A letter may stand for two options (-f): the command's own is meant. */
static const struct option_info *find(const struct command *c, const char *name, size_t n, char letter)
{
    const struct option_info *found = NULL;

    for (size_t i = 0; i < noptions; i++) {
        const struct option_info *o = &option_table[i];
        bool named = letter != 0 ? o->letter == letter : strlen(o->name) == n && memcmp(o->name, name, n) == 0;
        if (named && (found == NULL || takes(c, o)))
            found = o;
    }
    return found;
}

static void put(struct options *o, const struct option_info *info, const char *value)
{
    char *at = (char *)o + info->offset;

    if (info->flag)
        *(bool *)(void *)at = true;
    else
        *(const char **)(void *)at = value;
}

/* One option word; *used says whether the next word was its value. */
static int take(struct options *o, const struct command *c, const char *word, const char *next, bool *used,
                struct err *e)
{
    const char *eq = NULL, *name = word + 1;
    const struct option_info *info;

    *used = false;
    if (word[1] == '-') {
        name = word + 2;
        eq = strchr(name, '=');
        info = find(c, name, eq ? (size_t)(eq - name) : strlen(name), 0);
    } else {
        info = find(c, NULL, 0, word[1]);
        if (info != NULL && word[2] != 0)
            eq = word + 1;
    }
    if (info == NULL)
        return ERR(e, -EINVAL, "cli.unknown_option", word);
    if (info->flag && eq != NULL)
        return ERR(e, -EINVAL, "cli.flag_with_value", info->name);
    if (!info->flag && eq == NULL) {
        if (next == NULL)
            return ERR(e, -EINVAL, "cli.option_wants_value", info->name, info->arg);
        *used = true;
    }
    put(o, info, eq ? eq + 1 : next);
    return 0;
}

int options_parse(struct run *r, int argc, char **argv, struct err *e)
{
    const struct command *c = NULL;
    bool plain = false;

    for (int i = 1; i < argc && c == NULL; i++)
        c = argv[i][0] != '-' ? command_find(argv[i]) : NULL;
    r->args = arena_array(&r->arena, char *, (size_t)argc + 1);
    for (int i = 1; i < argc; i++) {
        bool used;
        if (plain || argv[i][0] != '-' || argv[i][1] == 0) {
            r->args[r->nargs++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            plain = true;
        } else {
            int rc = take(&r->opt, c, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used, e);
            if (rc < 0)
                return rc;
            i += used;
        }
    }
    if (r->opt.output == NULL || strcmp(r->opt.output, "table") == 0)
        r->format = OUT_TABLE;
    else if (strcmp(r->opt.output, "json") == 0)
        r->format = OUT_JSON;
    else if (strcmp(r->opt.output, "csv") == 0)
        r->format = OUT_CSV;
    else
        return ERR(e, -EINVAL, "cli.bad_output", r->opt.output);
    const char *lang = r->opt.lang_text ? r->opt.lang_text : getenv("LUY_LANG") ? getenv("LUY_LANG") : getenv("LANG");
    r->lang = LANG_VI;
    if (r->opt.lang_text != NULL && !lang_parse(str_c(lang), &r->lang))
        return ERR(e, -EINVAL, "cli.bad_lang", lang);
    if (lang != NULL && str_starts(str_c(lang), STR("en")))
        r->lang = LANG_EN;
    return 0;
}

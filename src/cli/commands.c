/* The commands: one table from which dispatch, help, completion and the manual
 * page's test come. */
#include "cli/cli.h"

#define OPTS(...)                                                                                                      \
    (const char *const[]) { __VA_ARGS__, NULL }
#define LISTING "state", "unit", "query", "order", "limit", "fields"

const struct command commands[] = {
    {"login", "ACCOUNT", 1, 1, "cli.help.login", OPTS("password-stdin"), cmd_login},
    {"logout", "", 0, 0, "cli.help.logout", OPTS(NULL), cmd_logout},
    {"whoami", "", 0, 0, "cli.help.whoami", OPTS(NULL), cmd_whoami},
    {"passwd", "", 0, 0, "cli.help.passwd", OPTS("password-stdin"), cmd_passwd},
    {"today", "", 0, 0, "cli.help.today", OPTS(NULL), cmd_today},
    {"findings", "", 0, 0, "cli.help.findings",
     OPTS("state", "clause", "control", "unit", "severity", "query", "limit"), cmd_findings},
    {"finding", "ID", 1, 1, "cli.help.finding", OPTS(NULL), cmd_finding},
    {"mark", "ID acknowledged|in_remedy", 2, 2, "cli.help.mark", OPTS("note"), cmd_mark},
    {"clauses", "[REGULATION]", 0, 1, "cli.help.clauses", OPTS(NULL), cmd_clauses},
    {"clause", "ID", 1, 1, "cli.help.clause", OPTS(NULL), cmd_clause},
    {"controls", "", 0, 0, "cli.help.controls", OPTS(NULL), cmd_controls},
    {"check", "[CONTROL]", 0, 1, "cli.help.check", OPTS(NULL), cmd_check},
    {"duties", "", 0, 0, "cli.help.duties", OPTS(NULL), cmd_duties},
    {"duty-done", "ID", 1, 1, "cli.help.duty_done", OPTS("period", "note"), cmd_duty_done},
    {"search", "QUERY", 0, -1, "cli.help.search",
     OPTS("limit", "before", "follow", "explain", "export", "saved", "save"), cmd_search},
    {"patterns", "[QUERY]", 0, -1, "cli.help.patterns", OPTS("limit", "order"), cmd_patterns},
    {"searches", "", 0, 0, "cli.help.searches", OPTS(NULL), cmd_searches},
    {"archive", "", 0, 0, "cli.help.archive", OPTS(NULL), cmd_archive},
    {"sources", "", 0, 0, "cli.help.sources", OPTS(NULL), cmd_sources},
    {"kinds", "[KIND]", 0, 1, "cli.help.kinds", OPTS(NULL), cmd_kinds},
    {"list", "KIND [FIELD=VALUE...]", 1, -1, "cli.help.list", OPTS(LISTING, "all", "at"), cmd_list},
    {"show", "KIND KEY", 2, 2, "cli.help.show", OPTS("at"), cmd_show},
    {"add", "KIND FIELD=VALUE...", 2, -1, "cli.help.add", OPTS("reason"), cmd_add},
    {"set", "KIND KEY FIELD=VALUE...", 3, -1, "cli.help.set", OPTS("rev", "reason"), cmd_set},
    {"attach", "KIND KEY FIELD FILE", 4, 4, "cli.help.attach", OPTS("rev", "reason"), cmd_attach},
    {"fetch", "KIND KEY FIELD", 3, 3, "cli.help.fetch", OPTS("out", "at"), cmd_fetch},
    {"end", "KIND KEY", 2, 2, "cli.help.end", OPTS("rev", "reason"), cmd_end},
    {"history", "KIND KEY", 2, 2, "cli.help.history", OPTS(NULL), cmd_history},
    {"find", "TEXT", 1, -1, "cli.help.find", OPTS("limit"), cmd_find},
    {"free-ip", "PREFIX", 1, 1, "cli.help.free_ip",
     OPTS("limit", "allocate", "device", "interface", "name", "purpose", "reason"), cmd_free_ip},
    {"free-prefix", "PREFIX LENGTH", 2, 2, "cli.help.free_prefix",
     OPTS("limit", "allocate", "unit", "purpose", "reason"), cmd_free_prefix},
    {"prefix", "tree PREFIX", 2, 2, "cli.help.prefix", OPTS("limit"), cmd_prefix},
    {"dns", "ZONE", 1, 1, "cli.help.dns", OPTS(NULL), cmd_dns},
    {"why", "KIND KEY", 2, 2, "cli.help.why", OPTS(NULL), cmd_why},
    {"change", "STEP [ID] [WORD...]", 1, -1, "cli.help.change",
     OPTS("state", "query", "limit", "all", "reason", "confirm"), cmd_change},
    {"personal", "KIND KEY", 2, 2, "cli.help.personal", OPTS(NULL), cmd_personal},
    {"blank", "KIND KEY", 2, 2, "cli.help.blank", OPTS("rev", "reason"), cmd_blank},
    {"import", "[KIND] FILE...", 1, -1, "cli.help.import", OPTS("dry-run", "marked", "map", "with", "reason"),
     cmd_import},
    {"sheet", "UNIT", 1, 1, "cli.help.sheet", OPTS("out"), cmd_sheet},
    {"maps", "", 0, 0, "cli.help.maps", OPTS(NULL), cmd_maps},
    {"export", "KIND...", 1, -1, "cli.help.export", OPTS(LISTING, "format", "out"), cmd_export},
    {"template", "KIND...", 1, -1, "cli.help.template", OPTS("out"), cmd_template},
    {"verify", "", 0, 0, "cli.help.verify", OPTS(NULL), cmd_verify},
    {"proof", "SEQ", 1, 1, "cli.help.proof", OPTS(NULL), cmd_proof},
    {"logins", "", 0, 0, "cli.help.logins", OPTS(NULL), cmd_logins},
    {"new-login", "ACCOUNT", 1, 1, "cli.help.new_login", OPTS(NULL), cmd_new_login},
    {"unlock", "ACCOUNT", 1, 1, "cli.help.unlock", OPTS(NULL), cmd_unlock},
    {"tokens", "", 0, 0, "cli.help.tokens", OPTS(NULL), cmd_tokens},
    {"token", "", 0, 0, "cli.help.token", OPTS("name", "expires", "roles"), cmd_token},
    {"revoke", "ID", 1, 1, "cli.help.revoke", OPTS(NULL), cmd_revoke},
    {"stats", "", 0, 0, "cli.help.stats", OPTS(NULL), cmd_stats},
    {"api", "METHOD PATH [JSON]", 2, 3, "cli.help.api", OPTS("rev", "reason"), cmd_api},
    {"completion", "", 0, 0, "cli.help.completion", OPTS(NULL), completion_print},
};
const size_t ncommands = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < ncommands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* The find box at the command line: records of all kinds, and the commands
 * whose name or help has the words. */
#include "cli/cli.h"
#include "base/msg.h"
#include "base/text.h"

static bool has_all(str text, str words)
{
    str w;

    while (str_split(&words, ' ', &w))
        if (w.n > 0 && str_find(text, w) == SIZE_MAX)
            return false;
    return true;
}

/* "luy free-ip" for "dia chi trong" as well as for "free". */
static void add_commands(struct run *r, str words, json_t *rows)
{
    str want = text_fold(&r->arena, words);

    for (size_t i = 0; i < ncommands; i++) {
        const struct command *c = &commands[i];
        const char *help = msg_get(c->help, r->lang);
        str text = text_fold(&r->arena, arena_fmt(&r->arena, "%s %s", c->name, help != NULL ? help : ""));
        if (want.n == 0 || !has_all(text, want))
            continue;
        json_array_append_new(rows, json_pack("{s:s, s:o, s:s, s:s}", "kind", msg_get("cli.command", r->lang), "key",
                                              json_from_str(arena_fmt(&r->arena, "luy %s %s", c->name, c->args)),
                                              "title", help != NULL ? help : "", "match", "word"));
    }
}

int cmd_find(struct run *r)
{
    static const struct column cols[] = {{"kind", "cli.col.kind"},
                                         {"key", "cli.col.key"},
                                         {"title", "cli.col.title"},
                                         {"state", "cli.col.state"},
                                         {"match", "cli.col.match"}};
    struct err e = {0};
    json_t *out = NULL, *group, *hit, *rows = json_array();
    str words = args_joined(r);
    struct buf b;
    size_t i, k;

    buf_init(&b, 256 * 1024);
    buf_z(&b, "/api/v1/find");
    url_param(&b, "q", words.p);
    url_param(&b, "limit", r->opt.limit);
    str path = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    if (client_get(r, path, &out, &e) < 0) {
        json_decref(rows);
        return fail(r, &e);
    }
    json_array_foreach(json_object_get(out, "groups"), i, group)
    {
        json_t *label = json_object_get(json_object_get(group, "label"), r->lang == LANG_VI ? "vi" : "en");
        json_array_foreach(json_object_get(group, "hits"), k, hit)
        {
            json_object_set(hit, "kind", r->format == OUT_TABLE ? label : json_object_get(group, "kind"));
            json_array_append(rows, hit);
        }
    }
    if (r->format == OUT_TABLE)
        add_commands(r, words, rows);
    int code = json_array_size(rows) == 0 ? EXIT_DIFFERENT : EXIT_FINE;
    if (code == EXIT_FINE || r->format != OUT_TABLE)
        out_rows(r, rows, cols, 5);
    else
        out_message(r, "cli.found_nothing", words.p, NULL);
    json_decref(rows);
    json_decref(out);
    return code;
}

/* Where things lie: the share folder with what is installed, and the data
 * folder with all that this luyd keeps. */
#include "daemon/luyd.h"
#include "base/file.h"
#include <errno.h>
#include <unistd.h>

#ifndef LUY_SHARE_DIR
#define LUY_SHARE_DIR "/usr/local/share/luy"
#endif

static void choose(char out[1024], const char *set, const char *share, const char *name)
{
    if (set[0] != '\0')
        snprintf(out, 1024, "%s", set);
    else
        snprintf(out, 1024, "%s/%s", share, name);
}

/* LUY_SHARE may be an installed share folder or the source tree, where the
 * built console lies one level deeper. */
void paths_make(const struct config *c, struct paths *p)
{
    const char *env = getenv("LUY_SHARE"), *share = env != NULL && *env ? env : LUY_SHARE_DIR;
    char built[1024];

    choose(p->schema, c->schema_dir, share, "schema");
    choose(p->packs, c->packs_dir, share, "packs");
    choose(p->maps, c->maps_dir, share, "maps");
    choose(p->calendar, c->calendar_file, share, "calendar/vn.tsv");
    choose(p->web, c->web_dir, share, "web");
    snprintf(built, sizeof(built), "%s/web/dist", share);
    if (c->web_dir[0] == '\0' && access(built, R_OK) == 0)
        choose(p->web, c->web_dir, share, "web/dist");
}

int config_read(const struct luyd_options *o, struct arena *a, struct config *c, struct errs *es, struct err *e)
{
    char beside[1024];
    const char *path = o->config;
    str text;

    config_defaults(c);
    snprintf(beside, sizeof(beside), "%s/luyd.conf", o->data != NULL ? o->data : "");
    if (path == NULL && o->data != NULL && access(beside, R_OK) == 0)
        path = beside;
    if (path != NULL) {
        int rc = file_read(a, path, 1 << 20, &text, e);
        if (rc == 0)
            rc = config_parse(a, text, path, c, es);
        if (rc < 0)
            return rc;
    }
    if (o->listen != NULL && !config_set(a, c, config_option(STR("listen")), str_c(o->listen), e))
        return -EINVAL;
    return 0;
}

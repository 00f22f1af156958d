/* The api's life: tables, the judge's ear, sockets, end. Main thread. */
#include "api/query_env.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int open_web(const char *dir)
{
    return dir != NULL && *dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

int api_open(const struct api_cfg *cfg, const struct api_deps *deps, struct api **out, struct err *e)
{
    struct api *api = calloc(1, sizeof(*api));
    int rc;

    if (api == NULL)
        return ERR(e, -ENOMEM, "api.internal");
    rc = api_tables(registry_store(deps->registry), e);
    if (rc < 0) {
        free(api);
        return rc;
    }
    api->cfg = *cfg;
    api->d = *deps;
    api->policy = cfg->login;
    pthread_rwlock_init(&api->policy_lock, NULL);
    pthread_mutex_init(&api->hash_lock, NULL);
    pthread_cond_init(&api->hash_free, NULL);
    api->listen_fd = -1;
    api->queries = query_runs_new();
    api->web_fd = open_web(cfg->web_dir);
    if (api->web_fd < 0)
        log_event(LOG_WARN, "console_missing", F_STR("folder", str_c(cfg->web_dir)));
    api->started_wall = clock_wall(deps->clock);
    api->started_mono = clock_mono(deps->clock);
    rc = api->queries == NULL ? ERR(e, -ENOMEM, "api.internal") : live_hub_new(api, &api->live, e);
    if (rc < 0) {
        api_free(api);
        return rc;
    }
    *out = api;
    return 0;
}

int api_start(struct api *api, struct err *e) { return http_start(api, e); }

uint16_t api_port(const struct api *api) { return api->port; }

void api_stop(struct api *api)
{
    atomic_store(&api->stopping, true);
    if (api->live != NULL)
        live_hub_stop(api->live);
    http_stop(api);
}

void api_free(struct api *api)
{
    if (api == NULL)
        return;
    if (api->live != NULL)
        live_hub_free(api->live);
    query_runs_free(api->queries);
    if (api->web_fd >= 0)
        close(api->web_fd);
    pthread_cond_destroy(&api->hash_free);
    pthread_mutex_destroy(&api->hash_lock);
    pthread_rwlock_destroy(&api->policy_lock);
    free(api);
}

void api_set_policy(struct api *api, const struct login_policy *p)
{
    pthread_rwlock_wrlock(&api->policy_lock);
    api->policy = *p;
    pthread_rwlock_unlock(&api->policy_lock);
}

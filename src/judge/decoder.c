/* See decoder.h. */
#include "judge/decoder.h"
#include "judge/judge-int.h"
#include <errno.h>

struct judge_decoder {
    struct packset *ps;
    pthread_mutex_t lock;
    struct fields f;
    struct decode_run run;
    const char **names;
    int *ids;
    size_t n;
};

static void put_id(bool *seen, size_t cap, int id)
{
    if (id >= FLD_FIXED && (size_t)id < cap)
        seen[id] = true;
}

static void see_decoder(bool *seen, size_t cap, const struct decoder *d)
{
    for (size_t i = 0; i < d->n; i++) {
        for (size_t k = 0; k < d->v[i].n; k++)
            put_id(seen, cap, d->v[i].el[k].cls == PC_LITERAL ? -1 : d->v[i].el[k].field);
        for (size_t k = 0; k < d->v[i].nset; k++)
            put_id(seen, cap, d->v[i].set[k].field);
    }
}

struct named {
    const char *name;
    int id;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static bool gather(struct judge_decoder *d)
{
    const struct names *names = d->ps->names;
    bool *seen = calloc(names->n + 1, sizeof(*seen));
    struct named *all = calloc(names->n + 1, sizeof(*all));
    struct map_slot *s;
    bool good = seen != NULL && all != NULL;

    for (size_t i = 0; good && (s = map_next(&d->ps->decoders.by_program, &i)) != NULL;)
        see_decoder(seen, names->n, s->v.ptr);
    if (good)
        see_decoder(seen, names->n, &d->ps->decoders.any);
    for (size_t i = 0; good && i < names->n; i++)
        if (seen[i])
            all[d->n++] = (struct named){names->text[i].p, (int)i};
    if (good) {
        qsort(all, d->n, sizeof(*all), by_name);
        d->names = calloc(d->n + 1, sizeof(*d->names));
        d->ids = calloc(d->n + 1, sizeof(*d->ids));
        good = d->names != NULL && d->ids != NULL;
    }
    for (size_t i = 0; good && i < d->n; i++) {
        d->names[i] = all[i].name;
        d->ids[i] = all[i].id;
    }
    free(seen);
    free(all);
    return good;
}

int judge_decoder_open(struct judge *j, struct judge_decoder **out, struct err *e)
{
    struct judge_decoder *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    d->ps = judge_packs(j);
    pthread_mutex_init(&d->lock, NULL);
    if (!fields_init(&d->f, d->ps->names) || !gather(d)) {
        judge_decoder_close(d);
        return ERR(e, -ENOMEM, "journal.no_memory");
    }
    *out = d;
    return 0;
}

void judge_decoder_close(struct judge_decoder *d)
{
    if (d == NULL)
        return;
    fields_done(&d->f);
    decode_run_done(&d->run);
    packset_unref(d->ps);
    pthread_mutex_destroy(&d->lock);
    free(d->names);
    free(d->ids);
    free(d);
}

size_t judge_decoder_fields(const struct judge_decoder *d, const char *const **names)
{
    *names = d->names;
    return d->n;
}

bool judge_decoder_get(struct judge_decoder *d, const struct event *ev, size_t field, str *out)
{
    str msg = event_field(ev, SP_MSG);
    const struct route *r = routes_find(&d->ps->routes, event_field(ev, SP_PROGRAM));
    uint32_t times;

    pthread_mutex_lock(&d->lock);
    fields_clear(&d->f);
    decode_message(&d->ps->decoders, r == NULL ? NULL : r->decoder, decode_repeat(msg, &times), &d->f, &d->run);
    bool found = fields_get(&d->f, d->ids[field], out);
    pthread_mutex_unlock(&d->lock);
    return found;
}

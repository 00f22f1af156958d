/* A mapping as the API shows it. */
#include "base/json.h"
#include "registry/mapping-int.h"

static json_t *label_json(const struct label *l)
{
    return json_pack("{s:o, s:o}", "vi", json_from_str(l->vi), "en", json_from_str(l->en));
}

static json_t *source_json(const struct map_source *s)
{
    json_t *has = json_array(), *kinds = json_array();

    for (size_t i = 0; i < s->nhas; i++)
        json_array_append_new(has, json_from_str(s->has[i]));
    for (size_t i = 0; i < s->nrecords; i++)
        json_array_append_new(kinds, json_from_str(s->records[i].k->name));
    return json_pack("{s:o, s:o, s:o}", "name", json_from_str(s->name), "has", has, "kinds", kinds);
}

json_t *mapping_json(const struct mapping *m)
{
    json_t *params = json_array(), *sources = json_array();

    for (size_t i = 0; i < m->nparams; i++) {
        const struct map_param *p = &m->params[i];
        json_array_append_new(params, json_pack("{s:o, s:o, s:o}", "name", json_from_str(p->name), "label",
                                                label_json(&p->label), "default",
                                                p->dflt.p != NULL ? json_from_str(p->dflt) : json_null()));
    }
    for (size_t i = 0; i < m->nsources; i++)
        json_array_append_new(sources, source_json(&m->sources[i]));
    return json_pack("{s:o, s:o, s:o, s:o}", "name", json_from_str(m->name), "label", label_json(&m->label),
                     "parameters", params, "sources", sources);
}

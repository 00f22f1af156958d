/* Who may see and write what. What one may not see does not exist for him. No
 * state; any thread. */
#include "registry/registry-int.h"
#include <errno.h>

static const struct {
    const char *name;
    uint32_t bit;
} role_names[] = {
    {"admin", ROLE_ADMIN},       {"operator", ROLE_OPERATOR},
    {"approver", ROLE_APPROVER}, {"unit_officer", ROLE_UNIT_OFFICER},
    {"auditor", ROLE_AUDITOR},   {"system", ROLE_SYSTEM},
};
/* Kinds whose records give rights: who may write them could make himself more. */
static const struct {
    const char *kind;
    uint32_t roles;
} guarded[] = {{"role_grant", ROLE_ADMIN | ROLE_SYSTEM}};
enum {
    SEES_ALL = ROLE_ADMIN | ROLE_OPERATOR | ROLE_APPROVER | ROLE_AUDITOR | ROLE_SYSTEM,
    WRITES_ALL = ROLE_ADMIN | ROLE_OPERATOR | ROLE_SYSTEM
};

bool role_parse(str s, uint32_t *bit)
{
    for (size_t i = 0; i < sizeof(role_names) / sizeof(role_names[0]); i++)
        if (str_eq(s, str_c(role_names[i].name))) {
            *bit = role_names[i].bit;
            return true;
        }
    return false;
}

const char *role_name(uint32_t bit)
{
    for (size_t i = 0; i < sizeof(role_names) / sizeof(role_names[0]); i++)
        if (role_names[i].bit == bit)
            return role_names[i].name;
    return "?";
}

int scope_read(const struct actor *who, struct scope *out, struct err *e)
{
    if ((who->roles & (SEES_ALL | ROLE_UNIT_OFFICER)) == 0)
        return ERR(e, -EACCES, "registry.no_role");
    /* An officer of no unit sees nothing that belongs to one. */
    *out = (struct scope){.all = (who->roles & SEES_ALL) != 0, .unit = who->unit_id, .roles = who->roles};
    return 0;
}

bool field_seen(const struct field *f, uint32_t roles)
{
    return f->read == 0 || (roles & (f->read | ROLE_SYSTEM)) != 0;
}

void fields_hide(const struct kind *k, uint32_t roles, json_t *rec)
{
    char name[COL_MAX];

    for (size_t i = 0; i < k->nfields; i++)
        if (!field_seen(&k->fields[i], roles)) {
            snprintf(name, sizeof(name), "%.*s", STR_ARGS(k->fields[i].name));
            json_object_del(rec, name);
        }
}

void rec_hide(struct rec *rec, uint32_t roles)
{
    for (size_t i = 0; i < rec->k->nfields; i++)
        if (!field_seen(&rec->k->fields[i], roles)) {
            rec->v[i] = V_NULL;
            rec->ref[i] = (struct ref_text){0};
            rec->refs[i] = (struct id_list){0};
        }
}

static void subtree(struct buf *sql, size_t param)
{
    buf_fmt(sql,
            "(WITH RECURSIVE sub(id) AS (SELECT CAST(?%zu AS INTEGER) UNION SELECT u.id FROM \"unit\" u JOIN sub ON "
            "u.parent_id = sub.id)"
            " SELECT id FROM sub)",
            param);
}

static void kind_condition(const struct registry *r, const struct kind *k, const char *alias, struct buf *sql,
                           size_t param)
{
    if (str_eq(k->name, STR("unit"))) {
        buf_fmt(sql, "%s.id IN ", alias);
        subtree(sql, param);
    } else if (k->unit_field != SIZE_MAX) {
        buf_fmt(sql, "%s.\"%.*s_id\" IN ", alias, STR_ARGS(k->fields[k->unit_field].name));
        subtree(sql, param);
    } else if (k->via_field != SIZE_MAX) {
        const struct field *f = &k->fields[k->via_field];
        const struct kind *t = schema_kind(r->sc, f->ref_kind);
        char inner[16];
        snprintf(inner, sizeof(inner), "%sv", alias);
        buf_fmt(sql, "%s.\"%.*s_id\" IN (SELECT %s.id FROM \"%.*s\" %s WHERE ", alias, STR_ARGS(f->name), inner,
                STR_ARGS(t->name), inner);
        kind_condition(r, t, inner, sql, param);
        buf_z(sql, ")");
    } else {
        buf_z(sql, "1 = 1");
    }
}

void scope_sql(const struct registry *r, const struct scope *s, const struct kind *k, const char *alias,
               struct buf *sql, struct val *p, size_t *np)
{
    if (s->all)
        return;
    p[(*np)++] = V_INT(s->unit);
    buf_z(sql, " AND ");
    kind_condition(r, k, alias, sql, *np);
}

int scope_sees(struct tx *tx, const struct registry *r, const struct scope *s, const struct kind *k, int64_t id,
               struct err *e)
{
    struct val p[2] = {V_INT(id)}, found;
    size_t np = 1;
    struct buf b;

    if (s->all)
        return 0;
    buf_init(&b, 8192);
    buf_fmt(&b, "SELECT 1 FROM \"%.*s\" t WHERE t.id = ?1", STR_ARGS(k->name));
    scope_sql(r, s, k, "t", &b, p, &np);
    buf_byte(&b, 0);
    int rc = b.failed ? ERR(e, -ENOMEM, "registry.no_memory") : tx_one(tx, NULL, b.p, p, np, &found, e);
    buf_done(&b);
    return rc < 0 ? rc : rc > 0 ? 0 : ERR(e, -ENOENT, "registry.not_found", S(k->name), N(id));
}

static bool has_role(const struct transition *t, uint32_t mine)
{
    uint32_t bit, may = 0;

    for (size_t i = 0; i < t->nroles; i++)
        if (role_parse(t->roles[i], &bit))
            may |= bit;
    return ((t->nroles > 0 ? may : WRITES_ALL) & mine) != 0 || (mine & ROLE_SYSTEM) != 0;
}

/* A unit's officer proposes: writes records only where the life cycle lets him
 * hand them in, and only until he has. */
static bool may_propose(const struct kind *k, str state)
{
    if (state.n > 0 && !str_eq(state, k->states[0]))
        return false;
    for (size_t i = 0; i < k->ntransitions; i++)
        if (str_eq(k->transitions[i].from, k->states[0]) && has_role(&k->transitions[i], ROLE_UNIT_OFFICER))
            return true;
    return false;
}

uint32_t registry_writers(str kind)
{
    for (size_t i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++)
        if (str_eq(kind, str_c(guarded[i].kind)))
            return guarded[i].roles;
    return UINT32_MAX;
}

uint32_t registry_steppers(const struct kind *k)
{
    uint32_t bit, all = 0;

    for (size_t i = 0; i < k->ntransitions; i++)
        for (size_t j = 0; j < k->transitions[i].nroles; j++)
            if (role_parse(k->transitions[i].roles[j], &bit))
                all |= bit;
    return all;
}

int rights_write(const struct actor *who, const struct kind *k, str state, struct err *e)
{
    if ((registry_writers(k->name) & who->roles) == 0)
        return ERR(e, -EACCES, "registry.may_not_write", S(k->name));
    if ((who->roles & WRITES_ALL) != 0 || ((who->roles & ROLE_UNIT_OFFICER) != 0 && may_propose(k, state)))
        return 0;
    return ERR(e, -EACCES, "registry.may_not_write", S(k->name));
}

int rights_approval(struct write *w, const struct kind *k, enum kind_op op, str from, str to, struct err *e)
{
    if (w->by_change || (w->who->roles & ROLE_SYSTEM) != 0 || !kind_needs_approval(k, op, from, to))
        return 0;
    /* Stock that was there before the registry: as if the glass had been broken. */
    if (op == OP_CREATE && (k->approval & OP_CREATE) == 0 && (w->who->roles & ROLE_ADMIN) != 0) {
        w->stock = true;
        return 0;
    }
    return ERR(e, -EACCES, "registry.needs_approval", S(k->name));
}

int rights_transition(const struct actor *who, const struct kind *k, str from, str to, struct err *e)
{
    struct buf b;

    buf_init(&b, 1024);
    for (size_t i = 0; i < k->ntransitions; i++) {
        const struct transition *t = &k->transitions[i];
        if (!str_eq(t->from, from))
            continue;
        if (str_eq(t->to, to)) {
            buf_done(&b);
            return has_role(t, who->roles) ? 0 : ERR(e, -EACCES, "registry.may_not_step", S(t->name));
        }
        buf_z(&b, b.n > 0 ? ", " : "");
        buf_str(&b, t->to);
    }
    int rc = ERR(e, -EINVAL, "registry.no_transition", S(from), S(to), b.n > 0 ? S(buf_view(&b)) : "-");
    buf_done(&b);
    return rc;
}

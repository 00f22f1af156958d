/* What must hold between records, beyond one record's fields: trees without
 * rings, addresses inside their prefixes, prefixes that do not overlap. Which
 * fields are meant stands in the schema. Runs inside the write transaction. */
#include "registry/known-int.h"
#include "registry/late-int.h"
#include <errno.h>

/* So many that overlap are looked at: of an import, some may be rows that are refused. */
enum { TREE_DEPTH = 64, OVERLAPS_SEEN = 8 };

/* One step up: the parent of `at`, and the key of `at`. */
struct above {
    struct arena *a;
    struct val parent;
    str key;
};

static bool above_row(void *ctx, const struct val *cols, size_t n)
{
    struct above *x = ctx;

    (void)n;
    x->parent = cols[0];
    x->key = arena_str(x->a, cols[1].s);
    return false;
}

/* A record is not above itself. Fields that name their own kind make a tree; a
 * ring is told with everyone in it, from the record up to the record. */
static int judge_tree(struct write *w, const struct rec *fresh, size_t i, struct err *e)
{
    const struct kind *k = fresh->k;
    const struct field *f = &k->fields[i];
    struct above x = {.a = w->a, .parent = fresh->v[i]};
    struct err fe = {0};
    struct buf ring;
    char sql[256];
    int rc = 0, depth = 0;

    if (x.parent.type == VAL_NULL)
        return 0;
    snprintf(sql, sizeof(sql), "SELECT \"%.*s_id\", \"%.*s\" FROM \"%.*s\" WHERE id = ?1", STR_ARGS(f->name),
             STR_ARGS(k->fields[k->key_field].name), STR_ARGS(k->name));
    buf_init(&ring, 64 * (KEY_MAX + 8));
    buf_str(&ring, rec_key(fresh));
    for (; rc == 0 && x.parent.type == VAL_INT && x.parent.i != fresh->id && depth <= TREE_DEPTH; depth++) {
        struct val at = x.parent;
        const struct known_ref *up = known_above(w->known, k, i, at.i);
        x.parent = up != NULL && up->id != 0 ? V_INT(up->id) : V_NULL;
        x.key = up != NULL ? up->key : STR_NONE;
        if (up == NULL) {
            rc = tx_query(w->tx, sql, &at, 1, above_row, &x, e);
            known_learn_above(w->known, k, i, at.i, x.parent.type == VAL_INT ? x.parent.i : 0, x.key);
        }
        buf_z(&ring, " < ");
        buf_str(&ring, x.key);
    }
    if (rc == 0 && depth > TREE_DEPTH) {
        ERR(&fe, -EINVAL, "registry.too_deep", S(rec_key(fresh)), N(TREE_DEPTH));
    } else if (rc == 0 && x.parent.type == VAL_INT) {
        buf_z(&ring, " < ");
        buf_str(&ring, rec_key(fresh));
        ERR(&fe, -EINVAL, "registry.ring", S(rec_key(fresh)), S(fresh->ref[i].key), S(buf_view(&ring)));
    }
    if (fe.code != 0)
        write_fault(w, f->name, &fe);
    buf_done(&ring);
    return rc;
}

static int judge_within(struct write *w, const struct rec *fresh, size_t i)
{
    const struct field *f = &fresh->k->fields[i];
    size_t ref = kind_field_at(fresh->k, f->within);
    struct ip ip;
    struct prefix p;
    struct err fe;

    if (fresh->v[i].type == VAL_NULL || fresh->v[ref].type == VAL_NULL)
        return 0;
    if (ip_parse(fresh->v[i].s, &ip) && prefix_parse(fresh->ref[ref].key, &p) && !prefix_has(p, ip)) {
        ERR(&fe, -EINVAL, "registry.not_within", S(fresh->v[i].s), S(fresh->ref[ref].key));
        write_fault(w, f->name, &fe);
    }
    return 0;
}

struct overlap_ask {
    char sql[1024], first[IP_BIN_MAX], last[IP_BIN_MAX];
    struct val p[4];
};

/* Prefixes of one network do not overlap; a container may hold others, but a
 * plain prefix may not hold a container. False: nothing to be asked. */
static bool overlap_ask(const struct rec *fresh, size_t i, struct overlap_ask *q)
{
    const struct kind *k = fresh->k;
    const struct field *f = &k->fields[i];
    size_t scope = kind_field_at(k, f->disjoint), unless = kind_field_at(k, f->unless);
    bool container = unless != SIZE_MAX && fresh->v[unless].type == VAL_INT && fresh->v[unless].i != 0;
    char loose[256] = "";
    struct prefix p;

    if (fresh->v[i].type == VAL_NULL || !prefix_parse(fresh->v[i].s, &p))
        return false;
    prefix_bin(p, q->first, q->last);
    if (unless != SIZE_MAX && container) /* wrong only: a plain one around it */
        snprintf(loose, sizeof(loose), " AND \"%.*s\" = 0 AND \"%.*s_bin\" <= ?1 AND \"%.*s_end\" >= ?2",
                 STR_ARGS(f->unless), STR_ARGS(f->name), STR_ARGS(f->name));
    else if (unless != SIZE_MAX) /* fine: a container around it */
        snprintf(loose, sizeof(loose), " AND NOT (\"%.*s\" = 1 AND \"%.*s_bin\" <= ?1 AND \"%.*s_end\" >= ?2)",
                 STR_ARGS(f->unless), STR_ARGS(f->name), STR_ARGS(f->name));
    snprintf(q->sql, sizeof(q->sql),
             "SELECT \"%.*s\", id FROM \"%.*s\" WHERE \"%.*s_bin\" <= ?2 AND \"%.*s_end\" >= ?1"
             " AND id <> ?3 AND \"%.*s_id\" = ?4 AND valid_to IS NULL%s LIMIT %d",
             STR_ARGS(f->name), STR_ARGS(k->name), STR_ARGS(f->name), STR_ARGS(f->name), STR_ARGS(f->disjoint), loose,
             OVERLAPS_SEEN);
    const struct val v[4] = {V_Z(q->first), V_Z(q->last), V_INT(fresh->id), fresh->v[scope]};
    memcpy(q->p, v, sizeof(v));
    return true;
}

static int judge_disjoint(struct write *w, const struct rec *fresh, size_t i, struct err *e)
{
    struct overlap_ask q;
    struct val other;
    struct err fe;

    if (!overlap_ask(fresh, i, &q))
        return 0;
    int rc = tx_one(w->tx, w->a, q.sql, q.p, 4, &other, e);
    if (rc > 0) {
        ERR(&fe, -EINVAL, "registry.overlaps", S(fresh->v[i].s), S(other.s));
        write_fault(w, fresh->k->fields[i].name, &fe);
    }
    return rc < 0 ? rc : 0;
}

struct late_overlap {
    struct late_ask *l;
    str mine;
};

/* A row that is refused itself stands in nobody's way. */
static bool late_overlap_row(void *ctx, const struct val *cols, size_t n)
{
    struct late_overlap *x = ctx;
    struct err *fe = late_is_bad(x->l->of, cols[1].i) ? NULL : late_mistake(x->l);

    (void)n;
    if (fe == NULL)
        return true;
    ERR(fe, -EINVAL, "registry.overlaps", S(x->mine), S(cols[0].s));
    late_bad(x->l);
    return false;
}

int invariants_late(struct write *w, const struct rec *fresh, struct err *e)
{
    struct overlap_ask q;
    int rc = 0;

    for (size_t i = 0; late_now(w) && i < fresh->k->nfields && rc == 0; i++) {
        if (fresh->k->fields[i].disjoint.n == 0 || !overlap_ask(fresh, i, &q))
            continue;
        struct late_overlap *x = arena_new(&w->late->a, struct late_overlap);
        struct late_ask *l = late_add(w, fresh->k, fresh->k->fields[i].name, fresh->id);
        if (x == NULL || l == NULL)
            return ERR(e, -ENOMEM, "registry.no_memory");
        *x = (struct late_overlap){l, arena_str(&w->late->a, fresh->v[i].s)};
        rc = tx_ask(w->tx, q.sql, q.p, 4, late_overlap_row, x, e);
    }
    return rc;
}

/* A prefix that moves must still hold the addresses that name it. */
static int judge_holders(struct write *w, const struct rec *old, const struct rec *fresh, struct err *e)
{
    const struct kind *k = fresh->k;
    const struct field *key = &k->fields[k->key_field];
    char first[IP_BIN_MAX], last[IP_BIN_MAX], sql[512];
    struct prefix p;
    struct err fe;

    if (old == NULL || key->type != FT_PREFIX || val_eq(&old->v[k->key_field], &fresh->v[k->key_field]) ||
        !prefix_parse(rec_key(fresh), &p))
        return 0;
    prefix_bin(p, first, last);
    for (size_t i = 0; i < w->r->sc->nkinds; i++)
        for (size_t j = 0; j < w->r->sc->kinds[i].nfields; j++) {
            const struct kind *o = &w->r->sc->kinds[i];
            const struct field *f = &o->fields[j], *ref = f->within.n > 0 ? kind_field(o, f->within) : NULL;
            struct val ip;
            if (ref == NULL || !str_eq(ref->ref_kind, k->name))
                continue;
            snprintf(sql, sizeof(sql),
                     "SELECT \"%.*s\" FROM \"%.*s\" WHERE \"%.*s_id\" = ?1 AND valid_to IS NULL AND"
                     " (\"%.*s_bin\" < ?2 OR \"%.*s_bin\" > ?3) LIMIT 1",
                     STR_ARGS(f->name), STR_ARGS(o->name), STR_ARGS(ref->name), STR_ARGS(f->name), STR_ARGS(f->name));
            int rc = tx_one(w->tx, w->a, sql, VALS(V_INT(fresh->id), V_Z(first), V_Z(last)), &ip, e);
            if (rc < 0)
                return rc;
            if (rc > 0) {
                ERR(&fe, -EINVAL, "registry.not_within", S(ip.s), S(rec_key(fresh)));
                write_fault(w, key->name, &fe);
            }
        }
    return 0;
}

int invariants_judge(struct write *w, const struct rec *old, const struct input *in, const struct rec *fresh,
                     struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < fresh->k->nfields && rc == 0; i++) {
        const struct field *f = &fresh->k->fields[i];
        if (f->type == FT_REF && str_eq(f->ref_kind, fresh->k->name))
            rc = judge_tree(w, fresh, i, e);
        if (rc == 0 && f->within.n > 0)
            rc = judge_within(w, fresh, i);
        if (rc == 0 && f->disjoint.n > 0 && !late_now(w))
            rc = judge_disjoint(w, fresh, i, e);
        if (rc == 0 && f->checklist != NULL)
            rc = checklist_judge(w, in, fresh, i, e);
    }
    if (rc == 0)
        rc = judge_holders(w, old, fresh, e);
    return rc == 0 ? addr_judge(w, fresh, e) : rc;
}

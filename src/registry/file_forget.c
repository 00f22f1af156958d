/* Documents of a person whose data is blanked by law: their bytes go with their
 * names, in the same transaction, unless another record names the same bytes. */
#include "registry/file-int.h"
#include "base/json.h"
#include <errno.h>

enum { FORGET_MAX = 4096 };

struct personal {
    struct write *w;
    struct file_list *l;
    bool failed;
};

static bool value_row(void *ctx, const struct val *c, size_t n)
{
    struct personal *x = ctx;
    json_t *v = c[0].type == VAL_TEXT ? json_loadb(c[0].s.p, c[0].s.n, JSON_DECODE_ANY, NULL) : NULL;
    str sha256 = json_is_object(v) ? json_get_str(v, "sha256") : STR_NONE;
    bool told = sha256.n != SHA256_HEX;

    (void)n;
    for (size_t i = 0; i < x->l->n && !told; i++)
        told = str_eq(x->l->sha256[i], sha256);
    if (!told && x->l->n == FORGET_MAX)
        x->failed = true;
    else if (!told)
        x->l->sha256[x->l->n++] = arena_str(x->w->a, sha256);
    json_decref(v);
    return !x->failed;
}

int files_personal(struct write *w, const struct kind *k, int64_t id, struct file_list *out, struct err *e)
{
    struct personal x = {w, out, false};

    *out = (struct file_list){arena_array(w->a, str, FORGET_MAX), 0};
    if (out->sha256 == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    int rc = tx_query(w->tx,
                      "SELECT value FROM personal_value WHERE kind = ?1 AND record_id = ?2"
                      " AND INSTR(value, '\"sha256\":\"') > 0",
                      VALS(V_STR(k->name), V_INT(id)), value_row, &x, e);
    return rc == 0 && (x.failed || w->a->failed) ? ERR(e, -ENOMEM, "registry.no_memory") : rc;
}

int files_forget(struct write *w, const struct file_list *l, struct err *e)
{
    enum named named;
    int rc = 0;

    for (size_t i = 0; i < l->n && rc == 0; i++) {
        rc = file_is_named(w->tx, l->sha256[i], &named, e);
        if (rc == 0 && named == NAMED_NOWHERE)
            rc = blob_drop(w->tx, l->sha256[i], e);
    }
    return rc;
}

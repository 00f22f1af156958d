/* Was anything changed? The registry's chain against the points that the ledger
 * holds of it, the journal byte by byte, and proofs of single lines. */
#include "api/routes-int.h"
#include "registry/attach.h"
#include "journal/archive.h"
#include "journal/flow_store.h"
#include "journal/proof.h"
#include <errno.h>

static const char *journal_dir_of(struct request *rq) { return journal_dir(rq->api->d.journal); }

/* ---- the registry ---- */

struct points {
    struct registry *r;
    uint64_t n, bad_seq;
    struct err *e;
};

static int point_see(void *ctx, const struct ledger_entry *n)
{
    struct points *p = ctx;
    char want[65], have[65];

    if (n->type != LEDGER_POINT || n->stream != LEDGER_REGISTRY)
        return 0;
    p->n++;
    sha256_hex(n->root, want);
    int rc = registry_hash_at(p->r, n->records, have, p->e);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    if (p->bad_seq == 0 && (rc < 0 || strcmp(want, have) != 0))
        p->bad_seq = n->records;
    return 0;
}

/* Documents that are gone or altered: so many are told one by one. */
enum { BAD_FILES = 100 };
struct documents {
    json_t *list;
    uint64_t n;
};

static void document_bad(void *ctx, const struct file_fault *f)
{
    struct documents *d = ctx;

    if (d->n++ < BAD_FILES)
        json_array_append_new(d->list,
                              json_pack("{s:o,s:I,s:o,s:o,s:o,s:o,s:s}", "kind", json_from_str(f->kind), "id",
                                        (json_int_t)f->id, "key", json_from_str(f->key), "field",
                                        json_from_str(f->field), "name", json_from_str(f->name), "sha256",
                                        json_from_str(f->sha256), "fault", f->missing ? "missing" : "altered"));
}

int route_verify_get(struct request *rq, struct response *rs, struct err *e)
{
    struct points p = {.r = rq->api->d.registry, .e = e};
    struct ledger_report rep;
    uint64_t rows = 0, bad = 0;
    int rc = registry_verify(p.r, &rows, &bad, e);

    if (rc == 0 && journal_ledger(rq->api->d.journal) != NULL)
        rc = ledger_check(journal_dir_of(rq), STR_NONE, point_see, &p, &rep, e);
    struct documents d = {.list = json_array()};
    uint64_t files = 0;
    if (rc == 0)
        rc = registry_files_verify(p.r, document_bad, &d, &files, e);
    if (rc < 0) {
        json_decref(d.list);
        return rc;
    }
    return reply_json(rq, rs, 200,
                      json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "rows", (json_int_t)rows, "bad_seq", (json_int_t)bad,
                                "points", (json_int_t)p.n, "bad_point", (json_int_t)p.bad_seq, "files",
                                (json_int_t)files, "files_bad", (json_int_t)d.n, "bad_files", d.list));
}

/* ---- the journal ---- */

struct leaving {
    struct request *rq;
    atomic_bool cancel;
};

static void on_progress(void *ctx, uint64_t done, uint64_t all)
{
    struct leaving *l = ctx;

    (void)done;
    (void)all;
    l->cancel = atomic_load(&l->rq->api->stopping) || (l->rq->fd >= 0 && client_left(l->rq->fd));
}

int route_journal_verify(struct request *rq, struct response *rs, struct err *e)
{
    struct leaving l = {.rq = rq};
    struct flow_store *flows = rq->api->d.flows;
    struct verify_opts o = {.anchor = request_query(rq, "anchor"),
                            .progress = on_progress,
                            .progress_ctx = &l,
                            .cancel = &l.cancel,
                            .flows = flows != NULL ? flow_store_dir(flows) : NULL};
    struct verify_report rep;
    char first[600] = "";

    if (journal_ledger(rq->api->d.journal) == NULL)
        return ERR(e, -ENOENT, "journal.proof_none");
    int rc = journal_verify_dir(journal_dir_of(rq), &o, &rep, e);
    if (rc < 0)
        return rc;
    if (rep.bad)
        err_sentence(&rep.first, rq->lang, first, sizeof(first));
    return reply_json(rq, rs, 200,
                      json_pack("{s:b,s:o,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "bad", rep.bad,
                                "first", rep.bad ? json_string(first) : json_null(), "anchor", rep.ledger.anchor,
                                "entries", (json_int_t)rep.ledger.entries, "signed_entries",
                                (json_int_t)rep.ledger.signed_entries, "heads", (json_int_t)rep.ledger.heads, "epochs",
                                (json_int_t)rep.ledger.epochs, "blocks", (json_int_t)rep.blocks, "events",
                                (json_int_t)rep.events, "deleted", (json_int_t)rep.deleted, "unproven",
                                (json_int_t)rep.unproven, "flow_blocks", (json_int_t)rep.flow_blocks, "flows",
                                (json_int_t)rep.flows, "flows_deleted", (json_int_t)rep.flows_deleted, "flows_unproven",
                                (json_int_t)rep.flows_unproven));
}

int route_journal_archives(struct request *rq, struct response *rs, struct err *e)
{
    struct journal *j = rq->api->d.journal;
    struct archive_state st;
    char text[600] = "";
    json_t *items = NULL;
    int rc = journal_archives(j, &items, e);

    if (rc < 0)
        return rc;
    journal_archive_state(j, &st);
    if (st.last.code != 0)
        err_sentence(&st.last, rq->lang, text, sizeof(text));
    return reply_json(rq, rs, 200,
                      json_pack("{s:o,s:s?,s:I,s:I,s:I,s:o}", "items", items, "place", st.place, "waiting_segments",
                                (json_int_t)st.waiting_segments, "waiting_bytes", (json_int_t)st.waiting_bytes,
                                "lost_segments", (json_int_t)st.lost_segments, "failure",
                                st.last.code != 0 ? json_string(text) : json_null()));
}

int route_journal_proof(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    uint64_t seq;

    if (!str_u64(rq->arg[0], &seq))
        return ERR(e, HTTP_ERR(404), "journal.proof_no_event", S(rq->arg[0]));
    int rc = journal_prove(rq->api->d.journal, seq, &out, e);
    if (rc == -EAGAIN)
        return e->code = HTTP_ERR(409);
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}

/* Is a journal as it was sealed, and the proof of one of its events. */
#include "journal/proof.h"
#include "offline/offline.h"
#include <errno.h>
#include <jansson.h>

struct bar {
    struct progress p;
    uint64_t bytes_an_event; /* the bar counts in MB */
};

static void on_progress(void *ctx, uint64_t done, uint64_t all)
{
    struct bar *b = ctx;
    progress_show(&b->p, done * b->bytes_an_event, all * b->bytes_an_event);
}

static void report_json(const struct offline *o, const struct verify_report *r)
{
    char first[600] = "";

    if (r->bad)
        err_sentence(&r->first, o->lang, first, sizeof(first));
    json_t *v =
        json_pack("{s:b,s:o,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "bad", r->bad, "first",
                  r->bad ? json_string(first) : json_null(), "anchor", r->ledger.anchor, "entries",
                  (json_int_t)r->ledger.entries, "signed_entries", (json_int_t)r->ledger.signed_entries, "blocks",
                  (json_int_t)r->blocks, "events", (json_int_t)r->events, "deleted", (json_int_t)r->deleted, "unproven",
                  (json_int_t)r->unproven, "elsewhere", (json_int_t)r->elsewhere, "flows", (json_int_t)r->flows,
                  "flows_deleted", (json_int_t)r->flows_deleted, "flows_unproven", (json_int_t)r->flows_unproven,
                  "flows_unread", (json_int_t)r->flows_unread, "flows_elsewhere", (json_int_t)r->flows_elsewhere);
    json_dumpf(v, stdout, 0);
    putchar('\n');
    json_decref(v);
}

int verb_verify(struct offline *o)
{
    struct bar bar = {.bytes_an_event = 100};
    struct verify_opts vo = {.anchor = str_c(o->anchor),
                             .centre = o->centre,
                             .centre_anchor = str_c(o->centre_anchor),
                             .progress = on_progress,
                             .progress_ctx = &bar};
    struct verify_report r;
    struct err e = {0};
    char text[600], flows[4096];

    if (o->dir == NULL) {
        ERR(&e, -EINVAL, "offline.no_dir");
        return offline_fail(o, &e);
    }
    vo.archive = offline_is_archive(o->dir);
    if (!vo.archive && offline_flows_dir(o, flows, sizeof(flows)))
        vo.flows = flows;
    progress_begin(&bar.p, o, "offline.verifying");
    int rc = journal_verify_dir(o->dir, &vo, &r, &e);
    progress_end(&bar.p);
    if (rc < 0)
        return offline_fail(o, &e);
    if (o->as == OUT_JSON) {
        report_json(o, &r);
    } else if (r.bad) {
        err_sentence(&r.first, o->lang, text, sizeof(text));
        printf("%s\n", text);
    } else {
        offline_say(o, "offline.whole", N((int64_t)r.events), N((int64_t)r.unproven), N((int64_t)r.deleted));
    }
    if (o->as != OUT_JSON && !r.bad && r.flow_blocks > 0)
        offline_say(o, "offline.flows_whole", N((int64_t)r.flows), N((int64_t)r.flows_unproven),
                    N((int64_t)r.flows_deleted));
    if (o->as != OUT_JSON && !vo.archive && r.flows_unread > 0)
        offline_say(o, "offline.flows_unread", N((int64_t)r.flows_unread), NULL, NULL);
    if (o->as != OUT_JSON && !r.bad && vo.archive)
        offline_say(o, "offline.archive_whole", N((int64_t)r.elsewhere), N((int64_t)r.flows_elsewhere), NULL);
    if (o->as != OUT_JSON && r.ledger.anchor[0] != '\0')
        offline_say(o, "cli.anchor", r.ledger.anchor, NULL, NULL);
    return r.bad ? EXIT_DIFFERENT : EXIT_FINE;
}

int verb_proof(struct offline *o)
{
    struct journal *j = NULL;
    struct err e = {0};
    json_t *proof = NULL;
    uint64_t seq;

    if (!str_u64(str_c(o->args[0]), &seq)) {
        ERR(&e, -EINVAL, "offline.bad_value", o->args[0], "1, 2, 3, ...");
        return offline_fail(o, &e);
    }
    int rc = offline_open(o, false, &j, &e);
    if (rc == 0)
        rc = journal_prove(j, seq, &proof, &e);
    journal_close(j);
    if (rc < 0)
        return offline_fail(o, &e);
    json_dumpf(proof, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(proof);
    return EXIT_FINE;
}

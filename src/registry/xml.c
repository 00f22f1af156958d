/* See xml-int.h. libxml2's own ceilings stay on (no XML_PARSE_HUGE); a document
 * type ends the reading, so there is nothing that an entity could name. */
#include "registry/xml-int.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <libxml/parser.h>
#include <pthread.h>

int zip_open(struct zip *z, str bytes, struct err *e)
{
    *z = (struct zip){bytes, ZIP_BYTES};
    if (str_starts(bytes, STR("\xd0\xcf\x11\xe0")))
        return ERR(e, -ENOTSUP, "registry.xlsx_old");
    if (!str_starts(bytes, STR("PK\x03\x04")))
        return ERR(e, -EBADMSG, "registry.xlsx_no_zip");
    return 0;
}

static struct archive *open_archive(const struct zip *z)
{
    struct archive *ar = archive_read_new();

    if (ar != NULL && (archive_read_support_format_zip_seekable(ar) != ARCHIVE_OK ||
                       archive_read_open_memory(ar, z->bytes.p, z->bytes.n) != ARCHIVE_OK)) {
        archive_read_free(ar);
        return NULL;
    }
    return ar;
}

static int entry_bytes(struct zip *z, struct archive *ar, str name, piece_fn *fn, void *ctx, struct err *e)
{
    char piece[65536];

    for (;;) {
        la_ssize_t n = archive_read_data(ar, piece, sizeof(piece));
        if (n == 0)
            return 1;
        if (n < 0)
            return ERR(e, -EBADMSG, "registry.zip_broken", S(name));
        z->left -= n;
        if (z->left < 0)
            return ERR(e, -EFBIG, "registry.zip_bomb", N(ZIP_BYTES));
        int rc = fn(ctx, piece, (size_t)n, e);
        if (rc < 0)
            return rc;
    }
}

static int next_entry(struct archive *ar, struct archive_entry **en, size_t *n, struct err *e)
{
    int got = archive_read_next_header(ar, en);

    if (got == ARCHIVE_EOF)
        return 0;
    if (got < ARCHIVE_WARN || got == ARCHIVE_RETRY)
        return ERR(e, -EBADMSG, "registry.zip_broken", "");
    return ++*n > ZIP_ENTRIES ? ERR(e, -EFBIG, "registry.zip_entries", N(ZIP_ENTRIES)) : 1;
}

int zip_part(struct zip *z, str name, piece_fn *fn, void *ctx, struct err *e)
{
    struct archive *ar = open_archive(z);
    struct archive_entry *en;
    size_t n = 0;
    int rc = ar == NULL ? ERR(e, -EBADMSG, "registry.zip_broken", S(name)) : 1;

    while (rc == 1 && (rc = next_entry(ar, &en, &n, e)) == 1)
        if (str_eq_nocase(str_c(archive_entry_pathname(en)), name)) {
            rc = entry_bytes(z, ar, name, fn, ctx, e);
            break;
        }
    archive_read_free(ar);
    return rc;
}

struct sax {
    const struct xml_fns *fns;
    void *ctx;
    xmlParserCtxtPtr parser;
    int rc, depth;
    struct err *e;
};

static void stop(struct sax *x, int rc)
{
    x->rc = rc;
    xmlStopParser(x->parser);
}

str xml_attr(const struct xml_attrs *at, const char *name)
{
    for (int i = 0; i < at->n; i++) {
        const unsigned char **v = at->v + (ptrdiff_t)i * 5;
        if (strcmp((const char *)v[0], name) == 0)
            return (str){(const char *)v[3], (size_t)(v[4] - v[3])};
    }
    return STR_NONE;
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int nns,
                     const xmlChar **ns, int nattr, int ndefault, const xmlChar **attrs)
{
    struct sax *x = ctx;
    const struct xml_attrs at = {attrs, nattr};

    if (x->rc < 0)
        return;
    int rc = ++x->depth > XML_DEPTH ? ERR(x->e, -EBADMSG, "registry.xml_deep", N(XML_DEPTH))
                                    : x->fns->start(x->ctx, (const char *)name, &at, x->e);
    if (rc < 0)
        stop(x, rc);
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct sax *x = ctx;

    x->depth--;
    int rc = x->rc < 0 ? 0 : x->fns->end(x->ctx, (const char *)name, x->e);
    if (rc < 0)
        stop(x, rc);
}

static void on_text(void *ctx, const xmlChar *p, int n)
{
    struct sax *x = ctx;

    int rc = x->rc < 0 ? 0 : x->fns->text(x->ctx, (str){(const char *)p, (size_t)n}, x->e);
    if (rc < 0)
        stop(x, rc);
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    struct sax *x = ctx;

    if (x->rc == 0)
        stop(x, ERR(x->e, -EBADMSG, "registry.xml_doctype"));
}

static xmlEntityPtr no_entity(void *ctx, const xmlChar *name) { return xmlGetPredefinedEntity(name); }

static void quiet(void *ctx, xmlErrorPtr error) {}

static void init_once(void) { xmlInitParser(); }

static int parser_open(struct sax *x, const struct xml_fns *fns, void *ctx, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    xmlSAXHandler h = {.initialized = XML_SAX2_MAGIC,
                       .startElementNs = on_start,
                       .endElementNs = on_end,
                       .characters = on_text,
                       .cdataBlock = on_text,
                       .internalSubset = on_doctype,
                       .getEntity = no_entity,
                       .serror = quiet};

    pthread_once(&once, init_once);
    *x = (struct sax){.fns = fns, .ctx = ctx, .e = e};
    x->parser = xmlCreatePushParserCtxt(&h, x, NULL, 0, NULL);
    if (x->parser == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    xmlCtxtUseOptions(x->parser, XML_PARSE_NONET | XML_PARSE_COMPACT);
    return 0;
}

static int parser_piece(void *ctx, const char *p, size_t n, struct err *e)
{
    struct sax *x = ctx;

    int bad = xmlParseChunk(x->parser, p, (int)n, n == 0);
    if (x->rc < 0)
        return x->rc;
    if (bad == 0)
        return 0;
    const xmlError *why = xmlCtxtGetLastError(x->parser);
    ERR(e, -EBADMSG, "registry.xml_bad");
    err_at(e, "", why != NULL && why->line > 0 ? (uint32_t)why->line : 0, 0);
    return -EBADMSG;
}

static int parser_close(struct sax *x, int rc, struct err *e)
{
    if (rc > 0) {
        int last = parser_piece(x, "", 0, e);
        rc = last < 0 ? last : rc;
    }
    xmlFreeParserCtxt(x->parser);
    return rc;
}

int xml_part(struct zip *z, str name, const struct xml_fns *fns, void *ctx, struct err *e)
{
    struct sax x;
    struct err none = {0};
    int rc = parser_open(&x, fns, ctx, e != NULL ? e : &none);

    if (rc < 0)
        return rc;
    rc = parser_close(&x, zip_part(z, name, parser_piece, &x, x.e), x.e);
    if (rc < 0 && x.e->at[0] == '\0')
        err_at(x.e, S(name), x.e->line, x.e->col);
    return rc;
}

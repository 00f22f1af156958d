/* Documents: in by every way, out with rights, kept once, told when they are gone or
 * altered, swept when nobody named them, forgotten when the law says so. */
#include "registry/change.h"
#include "registry/personal.h"
#include "registry/test-int.h"

#define PDF  STR("%PDF-1.7\nbiên bản số 1\n%%EOF\n")
#define PDF2 STR("%PDF-1.7\nbiên bản số 2\n%%EOF\n")
static const struct actor OPERATOR = {.name = {"vanhanh", 7}, .account_id = 2, .roles = ROLE_OPERATOR};

static int setup(void **state)
{
    *state = fx_new();
    fx_frame(*state);
    fx_add(*state, "device", "{'code':'PC-1','name':'Máy','category':'workstation','unit':'STC','network':'WAN'}");
    fx_add(*state, "inspection", "{'code':'KT-A','device':'PC-1','verdict':'fail','inspected_on':'2026-11-01'}");
    return 0;
}

static int teardown(void **state)
{
    fx_free(*state);
    return 0;
}

static struct actor officer(struct fixture *f, const char *unit, int64_t account)
{
    return (struct actor){
        .name = STR("canbo"), .account_id = account, .roles = ROLE_UNIT_OFFICER, .unit_id = fx_id(f, "unit", unit)};
}

static int attach(struct fixture *f, const struct actor *who, const char *key, int64_t rev, const char *name, str bytes,
                  json_t **out)
{
    struct file_in in = {str_c(name), STR(""), bytes, 1 << 20};
    json_t *rec = NULL;

    f->es.n = f->es.total = 0;
    int rc = registry_attach(f->r, who, STR("inspection"), str_c(key), rev, STR("scan"), &in, &rec, &f->es, &f->e);
    if (out != NULL)
        *out = rec;
    else
        json_decref(rec);
    return rc;
}

static int64_t rows(struct fixture *f, const char *what)
{
    struct val v = V_INT(0);
    struct tx *tx;
    char sql[200];

    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM %s", what);
    assert_int_equal(store_begin(f->st, STORE_READ, &tx, &f->e), 0);
    assert_int_equal(tx_one(tx, NULL, sql, NO_VALS, &v, &f->e), 1);
    store_rollback(tx);
    return v.i;
}

static void sql(struct fixture *f, const char *text)
{
    struct tx *tx;

    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    if (tx_exec(tx, text, NO_VALS, NULL, &f->e) < 0 || store_commit(tx, &f->e) < 0)
        fail_msg("%s: %s", text, fx_text(&f->e));
}

static int fetch_as(struct fixture *f, const struct actor *who, const char *kind, const char *key, const char *field,
                    int64_t at, str want, const char *name)
{
    struct arena a = arena_init(1 << 20);
    struct file_out out;
    struct buf b;

    buf_init(&b, 8 << 20);
    int rc = registry_fetch(f->r, who, str_c(kind), str_c(key), str_c(field), at, &a, &out, &b, &f->e);
    if (rc == 0 && want.p != NULL)
        assert_true(str_eq(buf_view(&b), want) && str_eq(out.name, str_c(name)));
    buf_done(&b);
    arena_free(&a);
    return rc;
}

static int fetch(struct fixture *f, const struct actor *who, const char *key, str want, const char *name)
{
    return fetch_as(f, who, "inspection", key, "scan", INT64_MAX, want, name);
}

static void in_and_out(void **state)
{
    struct fixture *f = *state;
    json_t *rec, *v, *history;
    uint64_t n, bad;

    assert_int_equal(fetch(f, &ADMIN, "KT-A", STR_NONE, ""), -ENOENT);
    assert_string_equal(f->e.key, "registry.file_none");
    assert_int_equal(attach(f, &ADMIN, "KT-A", 1, "Biên bản.pdf", PDF, &rec), 0);
    v = json_object_get(rec, "scan");
    assert_true(str_eq(json_get_str(v, "name"), STR("Biên bản.pdf")));
    assert_true(str_eq(json_get_str(v, "type"), STR("application/pdf")));
    assert_int_equal(json_get_int(v, "size", 0), PDF.n);
    assert_int_equal(json_get_int(rec, "rev", 0), 2);
    json_decref(rec);
    assert_int_equal(fetch(f, &ADMIN, "KT-A", PDF, "Biên bản.pdf"), 0);

    /* Again the same is no change; other bytes are one; the old ones stay for the past. */
    assert_int_equal(attach(f, &ADMIN, "KT-A", 1, "Biên bản.pdf", PDF, NULL), -ESTALE);
    assert_int_equal(attach(f, &ADMIN, "KT-A", 2, "Biên bản.pdf", PDF, &rec), 0);
    assert_int_equal(json_get_int(rec, "rev", 0), 2);
    json_decref(rec);
    int64_t then = clock_wall(&f->clk);
    clock_advance(&f->clk, 60 * NS_PER_S);
    assert_int_equal(attach(f, &ADMIN, "KT-A", 2, "b.pdf", PDF2, NULL), 0);
    assert_int_equal(rows(f, "file_blob"), 2);
    assert_int_equal(fetch(f, &ADMIN, "KT-A", PDF2, "b.pdf"), 0);
    assert_int_equal(fetch_as(f, &ADMIN, "inspection", "KT-A", "scan", then, PDF, "Biên bản.pdf"), 0);
    assert_int_equal(registry_history(f->r, &ADMIN, STR("inspection"), STR("KT-A"), &history, &f->e), 0);
    v = json_object_get(json_object_get(json_array_get(history, 0), "after"), "scan");
    assert_int_equal(json_get_str(v, "sha256").n, SHA256_HEX);
    json_decref(history);
    assert_int_equal(registry_verify(f->r, &n, &bad, &f->e), 0);
    assert_int_equal(bad, 0);

    /* Cleared by an ordinary change; named again by its hash. */
    rec = fx_get(f, "inspection", "KT-A");
    json_t *patch = json_pack("{s:O}", "scan", json_object_get(rec, "scan")), *out;
    json_decref(rec);
    assert_int_equal(fx_change(f, "inspection", "KT-A", 3, "{'scan':null}"), 0);
    assert_int_equal(registry_change(f->r, &ADMIN, STR("inspection"), STR("KT-A"), 4, patch, &out, &f->es, &f->e), 0);
    json_decref(patch);
    json_decref(out);
    assert_int_equal(fetch(f, &ADMIN, "KT-A", PDF2, "b.pdf"), 0);
}

/* More than one chunk, and each length about its edge. */
static void of_every_length(void **state)
{
    struct fixture *f = *state;
    enum { CHUNK = 192 << 10, MOST = 3 * CHUNK + 5 };
    char *bytes = malloc(MOST);
    static const size_t lengths[] = {5, 6, 7, 8, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, MOST};

    for (size_t i = 0; i < MOST; i++)
        bytes[i] = (char)(i * 131 + i / 251);
    memcpy(bytes, "%PDF-", 5);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_int_equal(attach(f, &ADMIN, "KT-A", (int64_t)i + 1, "a.pdf", (str){bytes, lengths[i]}, NULL), 0);
        assert_int_equal(fetch(f, &ADMIN, "KT-A", (str){bytes, lengths[i]}, "a.pdf"), 0);
    }
    free(bytes);
}

/* A name for the content, and the sentence that says what would be right. */
static void refused(void **state)
{
    static const struct {
        const char *name, *type;
        str bytes;
        int rc;
        const char *key;
    } t[] = {
        {"a.pdf", "", {"", 0}, -EINVAL, "registry.file_empty"},
        {"", "", {"%PDF-1", 6}, -EINVAL, "registry.file_no_name"},
        {"a.exe", "", {"MZ\x90\0\3", 5}, -EMEDIUMTYPE, "registry.file_type"},
        {"a.pdf", "", {"MZ\x90\0\3", 5}, -EMEDIUMTYPE, "registry.file_type"},
        {"a.exe", "", {"%PDF-1", 6}, -EMEDIUMTYPE, "registry.file_ending"},
        {"a", "", {"%PDF-1", 6}, -EMEDIUMTYPE, "registry.file_ending"},
        {"a.png", "image/png", {"%PDF-1", 6}, -EMEDIUMTYPE, "registry.file_ending"},
        {"a.pdf", "image/png", {"%PDF-1", 6}, -EMEDIUMTYPE, "registry.file_claim"},
        {"a.html", "", {"<script>", 8}, -EMEDIUMTYPE, "registry.file_ending"},
        {"a.txt", "text/html", {"<script>", 8}, -EMEDIUMTYPE, "registry.file_claim"},
        {"a.docx",
         "",
         {"PK\3\4 [Content_Types].xml word/document.xml vbaProject.bin", 57},
         -EMEDIUMTYPE,
         "registry.file_type"},
        {"a.zip", "", {"PK\3\4 a", 6}, -EMEDIUMTYPE, "registry.file_type"},
        {"../a.pdf", "", {"%PDF-1", 6}, -EINVAL, "registry.file_name_path"},
        {"..\\a.pdf", "", {"%PDF-1", 6}, -EINVAL, "registry.file_name_path"},
        {"a\r\nX: y.pdf", "", {"%PDF-1", 6}, -EINVAL, "registry.file_name_control"},
        {"a\x7f.pdf", "", {"%PDF-1", 6}, -EINVAL, "registry.file_name_control"},
        {"exe\u202efdp.pdf", "", {"%PDF-1", 6}, -EINVAL, "registry.file_name_control"},
        {"a\xc2\x85.pdf", "", {"%PDF-1", 6}, -EINVAL, "registry.file_name_control"},
        {"\xff.pdf", "", {"%PDF-1", 6}, -EINVAL, "registry.bad_utf8"},
        {".pdf", "", {"%PDF-1", 6}, -EINVAL, "registry.file_name"},
        {" a.pdf", "", {"%PDF-1", 6}, -EINVAL, "registry.file_name"},
        {"a.pdf.", "", {"%PDF-1", 6}, -EINVAL, "registry.file_name"},
        {"a.txt", "", {"a\0b", 3}, -EMEDIUMTYPE, "registry.file_type"},
        {"a.txt", "", {"a\xff", 2}, -EMEDIUMTYPE, "registry.file_type"},
        {"a.pdf", "", {"%PDF-1 and more than is taken here", 34}, -EFBIG, "registry.file_big"},
    };
    struct fixture *f = *state;
    char vi[900], en[900];
    json_t *out;

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct file_in in = {str_c(t[i].name), str_c(t[i].type), t[i].bytes,
                             strcmp(t[i].key, "registry.file_big") ? 100 : 20};
        f->e = (struct err){0};
        int rc = registry_upload(f->r, &ADMIN, &in, &out, &f->e);
        if (rc != t[i].rc || strcmp(f->e.key, t[i].key) != 0)
            fail_msg("%zu, %s: %d %s", i, t[i].name, rc, f->e.key != NULL ? f->e.key : "");
        err_sentence(&f->e, LANG_VI, vi, sizeof(vi));
        err_sentence(&f->e, LANG_EN, en, sizeof(en));
        assert_string_not_equal(vi, en);
        rc = registry_attach(f->r, &ADMIN, STR("inspection"), STR("KT-A"), 1, STR("scan"), &in, &out, &f->es, &f->e);
        assert_int_equal(rc, t[i].rc);
    }
    struct buf longest;
    buf_init(&longest, 1000);
    for (int i = 0; i < FILE_NAME_MAX; i++)
        buf_z(&longest, "ế");
    buf_z(&longest, ".pdf");
    struct file_in in = {buf_view(&longest), STR(""), PDF, 1000};
    assert_int_equal(registry_upload(f->r, &ADMIN, &in, &out, &f->e), -EINVAL);
    assert_string_equal(f->e.key, "registry.too_long");
    buf_done(&longest);
    assert_int_equal(rows(f, "file_blob") + rows(f, "file_chunk") + rows(f, "file_upload"), 0);
    /* Fields that hold no document, and none at all. */
    in.name = STR("a.pdf");
    assert_int_equal(
        registry_attach(f->r, &ADMIN, STR("inspection"), STR("KT-A"), 1, STR("remarks"), &in, &out, &f->es, &f->e),
        -ENOENT);
    assert_int_equal(fetch_as(f, &ADMIN, "inspection", "KT-A", "remarks", INT64_MAX, STR_NONE, ""), -ENOENT);
    assert_int_equal(fetch_as(f, &ADMIN, "nokind", "KT-A", "scan", INT64_MAX, STR_NONE, ""), -ENOENT);
    assert_int_equal(attach(f, &ADMIN, "KT-Z", 1, "a.pdf", PDF, NULL), -ENOENT);
    assert_int_equal(rows(f, "file_blob"), 0);
}

static void taken(void **state)
{
    static const struct {
        const char *name, *claim, *type;
        str bytes;
    } t[] = {
        {"a.pdf", "application/pdf", "application/pdf", {"%PDF-", 5}},
        {"A.PDF", "Application/PDF; x=y", "application/pdf", {"%PDF-", 5}},
        {"a.png", "application/octet-stream", "image/png", {"\x89PNG\r\n\x1a\n", 8}},
        {"a.jpeg", "", "image/jpeg", {"\xff\xd8\xff\xe0", 4}},
        {"a.tif", "image/tiff", "image/tiff", {"II*\0", 4}},
        {"a.txt", "text/plain; charset=utf-8", "text/plain", {"biên bản\r\n", 12}},
        {"a.csv", "application/vnd.ms-excel", "text/csv", {"a,b\n", 4}},
        {"a.docx",
         "",
         "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
         {"PK\3\4 [Content_Types].xml word/document.xml", 43}},
        {"a.xlsx",
         "",
         "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
         {"PK\3\4 [Content_Types].xml xl/workbook.xml", 41}},
        {"a.odt",
         "",
         "application/vnd.oasis.opendocument.text",
         {"PK\3\4aaaaaaaaaaaaaaaaaaaaaaaaaamimetypeapplication/vnd.oasis.opendocument.textPK", 79}},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct file_in in = {str_c(t[i].name), str_c(t[i].claim), t[i].bytes, 100};
        json_t *out = NULL;
        if (registry_upload(f->r, &ADMIN, &in, &out, &f->e) < 0)
            fail_msg("%s: %s", t[i].name, fx_text(&f->e));
        assert_true(str_eq(json_get_str(out, "type"), str_c(t[i].type)));
        json_decref(out);
    }
    /* A value as it goes out comes in; a rename keeps the bytes; the ending stays true. */
    json_t *v = fx_upload_as(f, &ADMIN, "a.pdf", PDF), *rec;
    char text[300];
    snprintf(text, sizeof(text), "{'scan':'Biên bản.pdf sha256:%s'}", json_string_value(json_object_get(v, "sha256")));
    assert_int_equal(fx_change(f, "inspection", "KT-A", 1, text), 0);
    assert_int_equal(fetch(f, &ADMIN, "KT-A", PDF, "Biên bản.pdf"), 0);
    snprintf(text, sizeof(text), "{'scan':{'name':'b.exe','sha256':'%s'}}",
             json_string_value(json_object_get(v, "sha256")));
    assert_int_equal(fx_change(f, "inspection", "KT-A", 2, text), -EINVAL);
    assert_string_equal(f->es.v[0].key, "registry.file_ending");
    static const char *const wrong[] = {"{'scan':'a.pdf'}", "{'scan':5}", "{'scan':{'name':'a.pdf','sha256':'00'}}",
                                        "{'scan':{'sha256':1}}", "{'scan':[]}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(fx_change(f, "inspection", "KT-A", 2, wrong[i]), -EINVAL);
        assert_string_equal(f->es.v[0].key, "registry.bad_file");
    }
    snprintf(text, sizeof(text), "{'scan':'a.pdf sha256:%064d'}", 7);
    assert_int_equal(fx_change(f, "inspection", "KT-A", 2, text), -EINVAL);
    assert_string_equal(f->es.v[0].key, "registry.file_unknown");
    rec = fx_get(f, "inspection", "KT-A");
    assert_int_equal(json_get_int(rec, "rev", 0), 2);
    json_decref(rec);
    json_decref(v);
}

/* Who sees a part names only what he brought; who sees the record sees its document. */
static void rights(void **state)
{
    struct fixture *f = *state;
    struct actor own = officer(f, "STC", 20), other = officer(f, "XA01", 21);
    static const struct actor auditor = {.name = {"kiemtra", 7}, .account_id = 9, .roles = ROLE_AUDITOR};
    char text[300];

    assert_int_equal(attach(f, &auditor, "KT-A", 1, "a.pdf", PDF, NULL), -EACCES);
    assert_int_equal(attach(f, &other, "KT-A", 1, "a.pdf", PDF, NULL), -ENOENT);
    assert_int_equal(rows(f, "file_blob"), 0);
    assert_int_equal(attach(f, &ADMIN, "KT-A", 1, "a.pdf", PDF, NULL), 0);
    assert_int_equal(fetch(f, &auditor, "KT-A", PDF, "a.pdf"), 0);
    assert_int_equal(fetch(f, &own, "KT-A", PDF, "a.pdf"), 0);
    assert_int_equal(fetch(f, &other, "KT-A", STR_NONE, ""), -ENOENT);

    /* The hash alone does not open it. Records of his own that an officer may write: leave. */
    json_t *rec = fx_get(f, "inspection", "KT-A"), *out = NULL;
    const char *sha = json_string_value(json_object_get(json_object_get(rec, "scan"), "sha256"));
    struct input_field in = {.given = GIVEN_VALUE};
    struct arena a = arena_init(1 << 20);
    struct file_value v = {STR("a.pdf"), str_c(sha), STR(""), -1};
    struct val got = V_NULL;
    struct write w;
    const struct kind *k = schema_kind(f->sc, STR("inspection"));
    for (int brought = 0; brought < 2; brought++) {
        if (brought)
            json_decref(fx_upload_as(f, &other, "a.pdf", PDF));
        f->es.n = f->es.total = 0;
        in = (struct input_field){.given = GIVEN_VALUE, .v = V_STR(file_value_store(&a, &v))};
        assert_int_equal(write_begin(&w, f->r, &other, &a, &f->es, &f->e), 0);
        assert_int_equal(file_field_judge(&w, kind_field(k, STR("scan")), NULL, &in, &got, &f->e), 0);
        write_close(&w, false, NULL);
        assert_int_equal(f->es.n, brought ? 0 : 1);
        if (!brought)
            assert_string_equal(f->es.v[0].key, "registry.file_unknown");
    }
    arena_free(&a);
    snprintf(text, sizeof(text),
             "{'code':'KT-B','device':'PC-1','verdict':'fail','inspected_on':'2026-11-02','scan':"
             "'c.pdf sha256:%s'}",
             sha);
    assert_int_equal(fx_create_as(f, &OPERATOR, "inspection", text, &out), 0); /* he sees all anyway */
    json_decref(out);
    json_decref(rec);
    assert_int_equal(registry_upload(f->r, &auditor, &(struct file_in){STR("a.pdf"), STR(""), PDF, 100}, &out, &f->e),
                     -EACCES);
}

static void so_many_at_most(void **state)
{
    struct fixture *f = *state;
    char text[40];
    int rc = 0, n = 0;
    json_t *out = NULL;

    for (; rc == 0 && n < 1000; n++) {
        snprintf(text, sizeof(text), "văn bản %d", n);
        struct file_in in = {STR("a.txt"), STR(""), str_c(text), 100};
        rc = registry_upload(f->r, &ADMIN, &in, &out, &f->e);
        if (rc == 0)
            json_decref(out);
    }
    assert_int_equal(rc, -EDQUOT);
    assert_int_equal(rows(f, "file_blob"), n - 1);
    json_decref(fx_upload_as(f, &OPERATOR, "a.pdf", PDF)); /* another's own */
}

struct faults {
    size_t n;
    bool missing;
    char said[400];
};

static void on_fault(void *ctx, const struct file_fault *x)
{
    struct faults *s = ctx;

    s->n++;
    s->missing = x->missing;
    snprintf(s->said, sizeof(s->said), "%.*s %.*s %.*s %.*s", STR_ARGS(x->kind), STR_ARGS(x->key), STR_ARGS(x->field),
             STR_ARGS(x->name));
}

static void verify(struct fixture *f, uint64_t files, size_t faults, bool missing, const char *said)
{
    struct faults s = {0};
    uint64_t n;

    if (registry_files_verify(f->r, on_fault, &s, &n, &f->e) < 0)
        fail_msg("%s", fx_text(&f->e));
    assert_int_equal(n, files);
    assert_int_equal(s.n, faults);
    if (faults > 0) {
        assert_string_equal(s.said, said);
        assert_int_equal(s.missing, missing);
    }
}

static void gone_or_altered(void **state)
{
    struct fixture *f = *state;

    verify(f, 0, 0, false, "");
    assert_int_equal(attach(f, &ADMIN, "KT-A", 1, "một.pdf", PDF, NULL), 0);
    assert_int_equal(attach(f, &ADMIN, "KT-A", 2, "hai.pdf", PDF2, NULL), 0);
    verify(f, 2, 0, false, "");
    sql(f, "UPDATE file_chunk SET data = 'AAAA' WHERE sha256 = (SELECT MIN(sha256) FROM file_chunk)");
    struct faults s = {0};
    uint64_t n;
    assert_int_equal(registry_files_verify(f->r, on_fault, &s, &n, &f->e), 0);
    assert_int_equal(s.n, 1);
    assert_false(s.missing);
    assert_int_equal(fetch(f, &ADMIN, "KT-A", STR_NONE, "") == -EIO,
                     strcmp(s.said, "inspection KT-A scan hai.pdf") == 0);
    /* Both bytes were brought before: bringing them again heals. */
    json_decref(fx_upload_as(f, &ADMIN, "a.pdf", PDF));
    json_decref(fx_upload_as(f, &ADMIN, "a.pdf", PDF2));
    verify(f, 2, 0, false, "");
    assert_int_equal(fetch(f, &ADMIN, "KT-A", PDF2, "hai.pdf"), 0);
    /* The last chunk cut off, a chunk too many, no base64, nothing at all: the old version. */
    static const struct {
        const char *sql;
        bool missing;
    } harm[] = {{"UPDATE file_chunk SET n = n + 1", false},
                {"INSERT INTO file_chunk SELECT sha256, 1, data FROM file_chunk", false},
                {"UPDATE file_chunk SET data = '*'", false},
                {"DELETE FROM file_chunk", true},
                {"DELETE FROM file_blob", false}};
    for (size_t i = 0; i < sizeof(harm) / sizeof(harm[0]); i++) {
        sql(f, harm[i].sql);
        s = (struct faults){0};
        assert_int_equal(registry_files_verify(f->r, on_fault, &s, &n, &f->e), 0);
        assert_int_equal(s.n, i == 4 ? 0 : 2);
        assert_int_equal(s.missing, harm[i].missing);
        if (i < 4) {
            assert_int_equal(fetch(f, &ADMIN, "KT-A", STR_NONE, ""), -EIO);
            assert_string_equal(f->e.key, harm[i].missing ? "registry.file_missing" : "registry.file_altered");
        }
        json_decref(fx_upload_as(f, &ADMIN, "a.pdf", PDF));
        json_decref(fx_upload_as(f, &ADMIN, "a.pdf", PDF2));
        verify(f, 2, 0, false, "");
    }
    /* Written past the program: a record that names what never was there. */
    sql(f, "UPDATE inspection SET scan = '{\"name\":\"x.pdf\",\"sha256\":\"0000000000000000000000000000000000000000000"
           "000000000000000000000\",\"size\":1,\"type\":\"application/pdf\"}'");
    verify(f, 3, 1, true, "inspection KT-A scan x.pdf");
}

static uint64_t swept(struct fixture *f, int64_t grace)
{
    uint64_t gone;

    if (registry_files_sweep(f->r, grace, &gone, &f->e) < 0)
        fail_msg("%s", fx_text(&f->e));
    return gone;
}

static void sweep(void **state)
{
    struct fixture *f = *state;
    json_t *v, *out = NULL;
    char text[400];

    assert_int_equal(attach(f, &ADMIN, "KT-A", 1, "a.pdf", PDF, NULL), 0); /* named, then only by the history */
    assert_int_equal(fx_change(f, "inspection", "KT-A", 2, "{'scan':null}"), 0);
    json_decref(fx_upload_as(f, &ADMIN, "b.pdf", PDF2));
    v = fx_upload_as(f, &ADMIN, "c.txt", STR("của bản nháp"));
    snprintf(text, sizeof(text),
             "{'title':'x','ops':[{'op':'change','kind':'inspection','target':'KT-A','fields':{'scan':'c.txt "
             "sha256:%s'}}]}",
             json_string_value(json_object_get(v, "sha256")));
    json_t *set = J(text);
    f->es.n = f->es.total = 0;
    if (change_draft(f->r, &ADMIN, set, &out, &f->es, &f->e) < 0)
        fail_msg("%s", fx_text(f->es.n > 0 ? &f->es.v[0] : &f->e));
    json_decref(set);
    json_decref(out);
    json_decref(v);
    assert_int_equal(rows(f, "file_blob"), 3);
    assert_int_equal(swept(f, 60), 0); /* too young */
    clock_advance(&f->clk, 61 * NS_PER_S);
    assert_int_equal(swept(f, 60), 1); /* b.pdf */
    assert_int_equal(rows(f, "file_blob"), 2);
    assert_int_equal(rows(f, "file_chunk"), 2);
    assert_int_equal(rows(f, "file_upload"), 1); /* the draft's */
    clock_advance(&f->clk, 61 * NS_PER_S);
    assert_int_equal(swept(f, 60), 0);
    verify(f, 1, 0, false, "");
    /* Brought again while the history has it: it only stops waiting. */
    json_decref(fx_upload_as(f, &ADMIN, "a.pdf", PDF));
    clock_advance(&f->clk, 61 * NS_PER_S);
    assert_int_equal(swept(f, 60), 0);
    assert_int_equal(rows(f, "file_upload"), 1);
    assert_int_equal(rows(f, "file_blob"), 2);
}

static void by_a_sheet(void **state)
{
    struct fixture *f = *state;
    struct buf csv;
    json_t *out;

    assert_int_equal(attach(f, &ADMIN, "KT-A", 1, "Biên bản, số 1.pdf", PDF, NULL), 0);
    buf_init(&csv, 1 << 20);
    assert_int_equal(registry_export_csv(f->r, &ADMIN, STR("inspection"), NULL, &csv, &f->e), 0);
    assert_true(str_find(buf_view(&csv), STR("\"Biên bản, số 1.pdf sha256:")) != SIZE_MAX);
    if (fx_import(f, &ADMIN, "inspection", buf_view(&csv), false, &out) < 0)
        fail_msg("%s", fx_text(f->es.n > 0 ? &f->es.v[0] : &f->e));
    assert_int_equal(json_get_int(out, "unchanged", 0), 1);
    json_decref(out);
    buf_done(&csv);
    struct list_query q = {.filter = {{STR("scan"), STR("null"), STR("false")}}, .nfilters = 1};
    assert_int_equal(registry_list(f->r, &ADMIN, STR("inspection"), &q, &out, &f->e), 0);
    assert_int_equal(json_array_size(json_object_get(out, "items")), 1);
    json_decref(out);
    q = (struct list_query){.filter = {{STR("scan"), STR("eq"), STR("x")}}, .nfilters = 1};
    assert_int_equal(registry_list(f->r, &ADMIN, STR("inspection"), &q, &out, &f->e), -EINVAL);
    q = (struct list_query){.q = STR("bien ban, so 1")};
    assert_int_equal(registry_list(f->r, &ADMIN, STR("inspection"), &q, &out, &f->e), 0);
    assert_int_equal(json_array_size(json_object_get(out, "items")), 1);
    json_decref(out);
}

/* The person's paper goes with the rest; one that another record has too stays. */
static void forgotten(void **state)
{
    struct fixture *f = *state;
    struct actor who = ADMIN;
    struct file_in in = {STR("cam ket.pdf"), STR(""), PDF, 1000}, in2 = {STR("cam ket 2.pdf"), STR(""), PDF2, 1000};
    json_t *out = NULL, *all;
    uint64_t n, bad;

    assert_int_equal(
        registry_attach(f->r, &ADMIN, STR("person"), STR("hanhnm"), 1, STR("undertaking"), &in, &out, &f->es, &f->e),
        0);
    json_decref(out);
    assert_int_equal(
        registry_attach(f->r, &ADMIN, STR("person"), STR("hanhnm"), 2, STR("undertaking"), &in2, &out, &f->es, &f->e),
        0);
    json_decref(out);
    assert_int_equal(attach(f, &ADMIN, "KT-A", 1, "a.pdf", PDF2, NULL), 0);
    assert_int_equal(rows(f, "history WHERE INSTR(after, 'cam ket') > 0"), 0);
    verify(f, 2, 0, false, "");
    assert_int_equal(registry_personal_export(f->r, &ADMIN, STR("person"), STR("hanhnm"), &all, &f->e), 0);
    assert_int_equal(json_get_str(json_object_get(json_object_get(all, "record"), "undertaking"), "sha256").n, 64);
    json_decref(all);
    who.reason = STR("theo đơn");
    if (registry_personal_blank(f->r, &who, STR("person"), STR("hanhnm"), 3, &out, &f->es, &f->e) < 0)
        fail_msg("%s", fx_text(f->es.n > 0 ? &f->es.v[0] : &f->e));
    json_decref(out);
    assert_int_equal(rows(f, "file_blob"), 1);
    assert_int_equal(rows(f, "file_chunk"), 1);
    assert_int_equal(fetch_as(f, &ADMIN, "person", "hanhnm", "undertaking", INT64_MAX, STR_NONE, ""), -ENOENT);
    assert_int_equal(fetch(f, &ADMIN, "KT-A", PDF2, "a.pdf"), 0);
    verify(f, 1, 0, false, "");
    assert_int_equal(registry_verify(f->r, &n, &bad, &f->e), 0);
    assert_int_equal(bad, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {T(in_and_out),      T(of_every_length), T(refused), T(taken),      T(rights),
                                       T(so_many_at_most), T(gone_or_altered), T(sweep),   T(by_a_sheet), T(forgotten)};

    return cmocka_run_group_tests_name("registry/attach", tests, NULL, NULL);
}

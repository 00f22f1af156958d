/* CSV: the reader byte by byte, import with its mistakes, export that imports
 * again to the same. */
#include "registry/test-int.h"
#include "registry/exchange-int.h"
#include <sys/mman.h>
#include <sys/resource.h>

static const struct {
    const char *in, *out;
    int rc;
} t[] = {
    /* cells in [], rows by newline */
    {"a,b\n1,2\n", "[a][b]\n[1][2]\n", 0},
    {"a;b\r\n1;2", "[a][b]\n[1][2]\n", 0},
    {"a\tb\r1\t2\r", "[a][b]\n[1][2]\n", 0},
    {"\xef\xbb\xbf"
     "a,b\n",
     "[a][b]\n", 0},
    {"sep=;\na;b,c\n", "[a][b,c]\n", 0},
    {"a;b,c;d\n", "[a][b,c][d]\n", 0},
    {"\"a,b\",c\n", "[a,b][c]\n", 0},
    {"\"a\"\"b\"\n", "[a\"b]\n", 0},
    {"\"\"\n", "[]\n", 0},
    {"\"a\nb\"\n", "[a\nb]\n", 0},
    {"a,,\n", "[a][][]\n", 0},
    {"\n\na\n", "[]\n[]\n[a]\n", 0},
    {"a b\"c\n", "[a b\"c]\n", 0},
    {"\"\"\"\"", "[\"]\n", 0},
    {"", "", 0},
    {"a", "[a]\n", 0},
    {"Đỗ,Hạnh", "[Đỗ][Hạnh]\n", 0},
    {"\"a\"\r\n", "[a]\n", 0},
    {"\"a", "", -EBADMSG},
    {"\"a\"b\n", "", -EBADMSG},
    {" \"a\"\n", "", -EBADMSG},
    {"a,\xff\n", "", -EILSEQ},
    {"ok\n\"never closed,\n\n\n", "[ok]\n", -EBADMSG},
};

static void reader(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct arena a = arena_init(1 << 20);
        struct err e = {0};
        struct csv c;
        struct buf b;
        str *cells;
        size_t n;
        int rc = csv_open(&c, str_c(t[i].in), &e);
        buf_init(&b, 1 << 16);
        while (rc >= 0 && (rc = csv_row(&c, &a, &cells, &n, &e)) > 0) {
            for (size_t k = 0; k < n; k++)
                buf_fmt(&b, "[%.*s]", STR_ARGS(cells[k]));
            buf_byte(&b, '\n');
        }
        if (rc != t[i].rc || !str_eq(buf_view(&b), str_c(t[i].out)))
            fail_msg("%s: %d %.*s", t[i].in, rc, STR_ARGS(buf_view(&b)));
        if (rc < 0)
            assert_true(e.key != NULL && e.line > 0 && e.col > 0);
        buf_done(&b);
        arena_free(&a);
    }
}

static void not_text(void **state)
{
    struct csv c;
    struct err e;
    struct arena a = arena_init(1 << 16);
    str *cells;
    size_t n;

    (void)state;
    assert_int_equal(csv_open(&c,
                              STR("\xff\xfe"
                                  "a\0b\0"),
                              &e),
                     -EILSEQ);
    assert_string_equal(e.key, "registry.csv_utf16");
    assert_int_equal(csv_open(&c, STR("a,b\0c\n"), &e), 0);
    assert_int_equal(csv_row(&c, &a, &cells, &n, &e), -EBADMSG);
    assert_string_equal(e.key, "registry.csv_nul");
    assert_int_equal(csv_open(&c, STR("\"b\0c\"\n"), &e), 0);
    assert_int_equal(csv_row(&c, &a, &cells, &n, &e), -EBADMSG);
    arena_free(&a);
}

static long peak_kb(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

/* One line without end, of every size that a caller may hand in: refused, with
 * no memory taken for it. */
static void endless_line(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {CSV_CELL + 10, 10 << 20, CSV_BYTES, (size_t)1 << 30};
    json_t *out = NULL;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (int quoted = 0; quoted < 2; quoted++) {
            char *p = mmap(NULL, sizes[i], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            assert_true(p != MAP_FAILED);
            memset(p, 'x', CSV_CELL + 10);
            p[0] = quoted ? '"' : 'x';
            long before = peak_kb();
            int rc = fx_import(f, &ADMIN, "unit", (str){p, sizes[i]}, false, &out);
            assert_int_equal(rc, sizes[i] > CSV_BYTES ? -EFBIG : -E2BIG);
            assert_true(peak_kb() - before < 16 << 10);
            munmap(p, sizes[i]);
        }
    assert_null(out);
}

static void ceilings(void **state)
{
    struct fixture *f = *state;
    struct buf b;
    json_t *out = NULL;

    buf_init(&b, 64 << 20);
    for (int i = 0; i <= CSV_COLS; i++)
        buf_z(&b, "a,");
    assert_int_equal(fx_import(f, &ADMIN, "unit", buf_view(&b), false, &out), -E2BIG);
    assert_string_equal(f->e.key, "registry.csv_cols");
    buf_clear(&b);
    buf_z(&b, "code,name\n");
    for (int i = 0; i <= CSV_ROWS; i++)
        buf_z(&b, "a,b\n");
    assert_int_equal(fx_import(f, &ADMIN, "unit", buf_view(&b), false, &out), -E2BIG);
    assert_string_equal(f->e.key, "registry.csv_rows");
    buf_clear(&b);
    for (int i = 0; i < 30; i++) {
        for (int j = 0; j < 40000; j++)
            buf_byte(&b, 'y');
        buf_byte(&b, ',');
    }
    assert_int_equal(fx_import(f, &ADMIN, "unit", buf_view(&b), false, &out), -E2BIG);
    assert_string_equal(f->e.key, "registry.csv_line");
    buf_done(&b);
}

static void assert_out(const json_t *o, int created, int updated, int unchanged)
{
    assert_int_equal(json_get_int(o, "created", -1), created);
    assert_int_equal(json_get_int(o, "updated", -1), updated);
    assert_int_equal(json_get_int(o, "unchanged", -1), unchanged);
    assert_int_equal(json_get_int(o, "rows", -1), created + updated + unchanged);
}

static void import(struct fixture *f, const char *kind, const char *csv, int created, int updated, int unchanged)
{
    json_t *out = NULL;

    if (fx_import(f, &ADMIN, kind, str_c(csv), false, &out) < 0)
        fail_msg("%s: %s", fx_text(&f->e), f->es.n > 0 ? fx_text(&f->es.v[0]) : "");
    assert_out(out, created, updated, unchanged);
    json_decref(out);
}

static void create_update_leave_clear(void **state)
{
    struct fixture *f = *state;

    /* Children before parents, semicolons, a mark, blank lines, d/m/Y. */
    import(f, "unit",
           "\xef\xbb\xbf"
           "parent.code;code;name;tier;phone\r\nB;C;Ba;commune;\r\nA;B;Hai;district;0270 382 "
           "2345\r\n;A;Một;province;113\r\n;;;;\r\n\r\n",
           3, 0, 0);
    import(f, "unit", "code,name,phone\nB,,\nA,,null\nC,Ba mới,\n", 0, 2, 1);
    json_t *a = fx_get(f, "unit", "A"), *b = fx_get(f, "unit", "B"), *c = fx_get(f, "unit", "C");
    assert_true(json_is_null(json_object_get(a, "phone")));
    assert_int_equal(json_get_int(b, "rev", 0), 1);
    assert_string_equal(json_string_value(json_object_get(b, "phone")), "02703822345");
    assert_string_equal(json_string_value(json_object_get(json_object_get(c, "parent"), "key")), "B");
    assert_string_equal(json_string_value(json_object_get(c, "name")), "Ba mới");
    json_decref(a);
    json_decref(b);
    json_decref(c);
    /* A key that follows from other cells finds its record. */
    import(f, "device", "code\tname\tcategory\tunit\tbought_on\tstate\nD1\tmáy\tserver\tA\t5/3/2024\tadmitted\n", 1, 0,
           0);
    import(f, "interface", "device.code,name,mac\nD1,eth0,00:00:5e:00:53:01\nD1,eth1,\n", 2, 0, 0);
    import(f, "interface", "device.code,name,wireless\nD1,eth0,có\nD1,eth1,0\n", 0, 1, 1);
    import(f, "inspection", "device.code,verdict,inspected_on\nD1,pass,2026-01-01\nD1,fail,2026-02-01\n", 2, 0, 0);
    import(f, "device", "code,state\nD1,quarantined\n", 0, 1, 0);
}

static void assert_error(struct fixture *f, size_t i, const char *at, const char *key)
{
    assert_true(i < f->es.n);
    if (strcmp(f->es.v[i].at, at) != 0 || strcmp(f->es.v[i].key, key) != 0)
        fail_msg("mistake %zu: wanted %s %s, got %s %s", i, at, key, f->es.v[i].at, f->es.v[i].key);
}

/* Every mistake of the file, each with row and column; and nothing is written. */
static void mistakes(void **state)
{
    struct fixture *f = *state;
    json_t *out = NULL;
    uint64_t rows, bad;

    assert_int_equal(fx_import(f, &ADMIN, "unit",
                               STR("code,name,tier,parent.code,phone\n"
                                   "A,Một,province,,\n"
                                   "B,,village,A,\n"
                                   "A,Lại,commune,,\n"
                                   "C,Ba,commune,NO,abc\n"
                                   "D,Bốn,commune,A,,thừa\n"
                                   ",Năm,commune,A,\n"
                                   "\"E\nE\",Sáu,commune,A,\n"),
                               false, &out),
                     -EINVAL);
    assert_string_equal(f->e.key, "registry.csv_mistakes");
    assert_error(f, 0, "row 4, column code", "registry.csv_key_twice");
    assert_error(f, 1, "row 3, column tier", "registry.bad_enum");
    assert_error(f, 2, "row 3, column name", "registry.required");
    assert_error(f, 3, "row 5, column phone", "registry.bad_phone");
    assert_error(f, 4, "row 5, column parent.code", "registry.ref_missing");
    assert_error(f, 5, "row 6", "registry.csv_width");
    assert_error(f, 6, "row 7, column code", "registry.required");
    assert_error(f, 7, "row 8, column code", "registry.bad_control");
    assert_int_equal(f->es.n, 8);
    assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0);
    assert_int_equal(rows, 0);

    static const struct {
        const char *csv, *key;
    } h[] = {
        {"code,colour\nA,red\n", "registry.csv_column"},          {"code,parent.name\nA,x\n", "registry.csv_column"},
        {"code,name.code\nA,x\n", "registry.csv_column"},         {"code,code\nA,B\n", "registry.csv_twice"},
        {"code,state,state\nA,,\n", "registry.csv_twice"},        {"name,tier\nA,x\n", "registry.csv_no_key"},
        {"code,parent,parent.code\nA,,\n", "registry.csv_twice"},
    };
    for (size_t i = 0; i < sizeof(h) / sizeof(h[0]); i++) {
        assert_int_equal(fx_import(f, &ADMIN, "unit", str_c(h[i].csv), false, &out), -EINVAL);
        assert_string_equal(f->es.v[0].key, h[i].key);
        assert_int_equal(f->es.n, 1);
        assert_non_null(strstr(f->es.v[0].at, "row 1"));
    }
    assert_int_equal(fx_import(f, &ADMIN, "unit", STR(""), false, &out), -EINVAL);
    assert_int_equal(fx_import(f, &ADMIN, "nothing", STR("a\n"), false, &out), -ENOENT);
    /* A ring within the file. */
    assert_int_equal(
        fx_import(f, &ADMIN, "unit", STR("code,name,tier,parent.code\nA,x,commune,B\nB,x,commune,A\n"), false, &out),
        -EINVAL);
    assert_null(out);
}

static void rights_and_dry_runs(void **state)
{
    struct fixture *f = *state;
    const struct actor auditor = {.name = STR("kt"), .roles = ROLE_AUDITOR};
    struct actor officer = {.name = STR("cb"), .roles = ROLE_UNIT_OFFICER};
    json_t *out = NULL;
    uint64_t rows, bad;

    assert_int_equal(fx_import(f, &ADMIN, "unit", STR("code,name,tier\nA,Một,province\n"), true, &out), 0);
    assert_out(out, 1, 0, 0);
    json_decref(out);
    out = NULL;
    assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0);
    assert_int_equal(rows, 0);
    fx_frame(f);
    officer.unit_id = fx_id(f, "unit", "STC");
    assert_int_equal(fx_import(f, &auditor, "unit", STR("code,name,tier\nA,Một,province\n"), false, &out), -EINVAL);
    assert_string_equal(f->es.v[0].key, "registry.may_not_write");
    assert_int_equal(fx_import(f, &officer, "device",
                               STR("code,name,category,unit.code\nX1,a,server,STC\nX2,a,server,XA01\n"), false, &out),
                     -EINVAL);
    assert_int_equal(f->es.n, 1);
    assert_error(f, 0, "row 3, column unit.code", "registry.ref_missing");
    assert_int_equal(
        fx_import(f, &officer, "device", STR("code,name,category,unit.code\nX1,a,server,STC\n"), false, &out), 0);
    json_decref(out);
    out = NULL;
    /* Somebody else's record is not his to overwrite, nor to find. */
    fx_add(f, "device", "{'code':'D-XA','name':'x','category':'server','unit':'XA01'}");
    assert_int_equal(fx_import(f, &officer, "device", STR("code,name\nD-XA,của tôi\n"), false, &out), -EINVAL);
    assert_int_equal(f->es.n, 1);
}

/* Random records of every kind, hostile texts among them: out, in, nothing changed. */
static uint64_t seed = 7;
static uint32_t draw(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static json_t *any_value(struct fixture *f, const struct field *fd, int i)
{
    static const char *const texts[] = {"null",     "\\null", "\\\\null",   "NULL",        "a,b;c d",
                                        "\"nháy\"", "=1+1",   " đầu cuối ", "Đỗ Thị Hạnh", "x",
                                        "|",        "'",      "\"",         "0",           "-"};
    static const char *const marks[] = {"dòng một\ndòng hai", "\"a\"\n\n\"b\"", "null", "a\r\nb", "- mục\n\t- mục;,x"};
    char text[120];

    switch (fd->type) {
    case FT_TEXT:
        if (fd->has_min && fd->min > 8) /* a hash */
            return json_sprintf("%064x", draw(1000000));
        return json_string(texts[draw(sizeof(texts) / sizeof(texts[0]))]);
    case FT_MARKDOWN:
        return json_string(marks[draw(sizeof(marks) / sizeof(marks[0]))]);
    case FT_INT:
        return json_integer(fd->has_min ? fd->min + draw((uint32_t)(fd->max - fd->min) + 1) : (int)draw(1000) - 500);
    case FT_DECIMAL:
        return json_real(draw(100000) / 7.0);
    case FT_BOOL:
        return json_boolean(draw(2));
    case FT_DATE:
        return json_sprintf("20%02u-%02u-%02u", draw(50), draw(12) + 1, draw(28) + 1);
    case FT_TIME:
        return json_sprintf("20%02u-%02u-%02uT%02u:00:00Z", draw(50), draw(12) + 1, draw(28) + 1, draw(24));
    case FT_ENUM:
    case FT_LEVEL:
        return json_from_str(fd->values[draw((uint32_t)fd->nvalues)].value);
    case FT_IP:
        return json_sprintf("10.7.%d.%u", i % 250, draw(250) + 1);
    case FT_PREFIX:
        return json_sprintf("10.%d.0.0/16", i);
    case FT_MAC:
        snprintf(text, sizeof(text), "00:00:5e:%02x:%02x:%02x", draw(256), i / 256 % 256, i % 256);
        return json_string(text);
    case FT_FQDN:
        return json_sprintf("may-%u.example.org", draw(1000));
    case FT_PHONE:
        return json_sprintf("+84%u", 100000 + draw(100000));
    case FT_EMAIL:
        return json_sprintf("a%u@example.org", draw(1000));
    case FT_DURATION:
        return json_sprintf("P%uD", draw(90) + 1);
    case FT_REF:
    case FT_REFS: {
        struct list_query q = {.limit = 1000};
        json_t *o = NULL, *out = NULL;
        assert_int_equal(registry_list(f->r, &ADMIN, fd->ref_kind, &q, &o, &f->e), 0);
        json_t *items = json_object_get(o, "items");
        size_t n = json_array_size(items);
        json_t *pick = n > 0 ? json_object_get(json_array_get(items, draw((uint32_t)n)), "id") : NULL;
        if (pick != NULL)
            out = fd->type == FT_REF ? json_incref(pick)
                                     : json_pack("[O, O]", pick, json_object_get(json_array_get(items, 0), "id"));
        json_decref(o);
        return out != NULL ? out : json_null();
    }
    default:
        return json_null();
    }
}

static const struct actor stock = {.name = STR("luy"), .roles = ROLE_SYSTEM};

static void fill_kind(struct fixture *f, const struct kind *k)
{
    for (int i = 0, tries = 0; i < 12; i++) {
        json_t *in = json_object(), *out = NULL;
        for (size_t j = 0; j < k->nfields; j++) {
            const struct field *fd = &k->fields[j];
            char name[COL_MAX];
            snprintf(name, sizeof(name), "%.*s", STR_ARGS(fd->name));
            if (fd->unique && fd->type == FT_TEXT)
                json_object_set_new(in, name, json_sprintf("K-%d \"x\", %d", (int)j, i));
            else if (fd->unique && fd->type == FT_REF)
                json_object_set_new(in, name, json_integer(i + 1));
            else if (fd->required || draw(4) > 0)
                json_object_set_new(in, name, str_eq(fd->ref_kind, k->name) ? json_null() : any_value(f, fd, i));
        }
        if (str_eq(k->name, STR("address")))
            json_object_set_new(in, "prefix", json_string("10.7.0.0/16"));
        if (str_eq(k->name, STR("prefix"))) { /* have a grammar of their own */
            json_object_set_new(in, "reserved", json_sprintf("10.%d.0.2-10.%d.0.9, 10.%d.1.0/24", i, i, i));
            json_object_set_new(in, "gateway", json_sprintf("10.%d.0.1", i));
        }
        f->es.n = f->es.total = 0;
        /* Where fields must fit each other, another draw may do. */
        int rc = registry_create(f->r, &stock, k->name, in, &out, &f->es, &f->e);
        if (rc < 0 && tries++ < 500 && f->es.n > 0 &&
            (strcmp(f->es.v[0].key, "registry.invariant") == 0 || strcmp(f->es.v[0].key, "registry.refs_count") == 0))
            i--;
        else if (rc < 0)
            fail_msg("%.*s: %s", STR_ARGS(k->name), f->es.n > 0 ? fx_text(&f->es.v[0]) : fx_text(&f->e));
        json_decref(in);
        json_decref(out);
    }
}

/* Are there records for the references of k: for all of them, or for the ones it must have? */
static bool refs_filled(const struct schema *sc, const struct kind *k, const bool *filled, bool all)
{
    for (size_t i = 0; i < k->nfields; i++) {
        const struct field *fd = &k->fields[i];
        const struct kind *to = fd->ref_kind.n > 0 ? schema_kind(sc, fd->ref_kind) : NULL;
        if (to != NULL && to != k && (all || fd->required) && !filled[to - sc->kinds])
            return false;
    }
    return true;
}

/* Every kind of the schema, what is referred to first. */
static void fill_all(struct fixture *f)
{
    bool *filled = calloc(f->sc->nkinds, sizeof(*filled));

    for (size_t n = 0; n < f->sc->nkinds; n++) {
        size_t at = SIZE_MAX;
        for (int all = 1; all >= 0 && at == SIZE_MAX; all--)
            for (size_t i = 0; i < f->sc->nkinds && at == SIZE_MAX; i++)
                if (!filled[i] && refs_filled(f->sc, &f->sc->kinds[i], filled, all))
                    at = i;
        assert_true(at != SIZE_MAX);
        fill_kind(f, &f->sc->kinds[at]);
        filled[at] = true;
    }
    free(filled);
}

/* All kinds in one workbook: nothing new where they came from. */
static void whole_book(struct fixture *f)
{
    str kinds[BOOK_SHEETS];
    struct buf xlsx;
    json_t *out = NULL;

    for (size_t i = 0; i < f->sc->nkinds; i++)
        kinds[i] = f->sc->kinds[i].name;
    buf_init(&xlsx, 64 << 20);
    const struct export_args what = {.kinds = kinds, .n = f->sc->nkinds, .lang = LANG_VI};
    if (registry_export_xlsx(f->r, &ADMIN, &what, &xlsx, &f->e) < 0)
        fail_msg("%s", fx_text(&f->e));
    const struct import_args in = {.body = buf_view(&xlsx), .format = SHEET_XLSX, .changes = true};
    f->es.n = f->es.total = 0;
    if (registry_import(f->r, &ADMIN, &in, &out, &f->es, &f->e) < 0)
        fail_msg("%d %s", (int)f->es.n, fx_text(f->es.n > 0 ? &f->es.v[0] : &f->e));
    if (json_get_int(out, "created", -1) != 0 || json_get_int(out, "updated", -1) != 0)
        fail_msg("%s", json_dumps(out, 0));
    assert_int_equal(json_array_size(json_object_get(out, "sheets")), f->sc->nkinds);
    json_decref(out);
    buf_done(&xlsx);
}

static void round_trip(void **state)
{
    struct fixture *f = *state;
    uint64_t rows, bad, rows2;

    fill_all(f);
    assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0);
    for (size_t i = 0; i < f->sc->nkinds; i++) {
        struct buf csv;
        json_t *out = NULL;
        buf_init(&csv, 1 << 20);
        assert_int_equal(registry_export_csv(f->r, &ADMIN, f->sc->kinds[i].name, NULL, &csv, &f->e), 0);
        f->es.n = f->es.total = 0;
        if (registry_import_csv(f->r, &ADMIN, f->sc->kinds[i].name, buf_view(&csv), false, &out, &f->es, &f->e) < 0)
            fail_msg("%.*s: %s\n%.*s", STR_ARGS(f->sc->kinds[i].name), fx_text(&f->es.v[0]), STR_ARGS(buf_view(&csv)));
        if (json_get_int(out, "unchanged", 0) != 12)
            fail_msg("%.*s: %s", STR_ARGS(f->sc->kinds[i].name), json_dumps(out, 0));
        json_decref(out);
        buf_done(&csv);
    }
    whole_book(f);
    assert_int_equal(registry_verify(f->r, &rows2, &bad, &f->e), 0);
    assert_true(bad == 0 && rows2 == rows);
}

/* What was exported makes the same registry again, in an empty one. */
static void export_rebuilds(void **state)
{
    struct fixture *f = *state, *g = fx_new();
    static const char *const kinds[] = {"unit", "network", "prefix", "device"};
    struct buf a, b;
    json_t *out = NULL;

    fx_frame(f);
    fx_add(f, "prefix", "{'prefix':'10.7.0.0/16','network':'WAN'}");
    fx_add(f, "device",
           "{'code':'D1','name':'null','category':'server','unit':'STC','state':'suspended','is_gateway':true}");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        buf_init(&a, 1 << 20);
        buf_init(&b, 1 << 20);
        assert_int_equal(registry_export_csv(f->r, &ADMIN, str_c(kinds[i]), NULL, &a, &f->e), 0);
        if (fx_import(g, &ADMIN, kinds[i], buf_view(&a), false, &out) < 0)
            fail_msg("%s", fx_text(&g->es.v[0]));
        json_decref(out);
        assert_int_equal(registry_export_csv(g->r, &ADMIN, str_c(kinds[i]), NULL, &b, &g->e), 0);
        assert_true(str_eq(buf_view(&a), buf_view(&b)));
        buf_done(&a);
        buf_done(&b);
    }
    fx_free(g);
}

static void export_with_a_ceiling(void **state)
{
    struct fixture *f = *state;
    struct list_query q = {.filter = {{STR("code"), STR("eq"), STR("STC")}}, .nfilters = 1};
    struct buf b;

    fx_frame(f);
    buf_init(&b, 100);
    assert_int_equal(registry_export_csv(f->r, &ADMIN, STR("unit"), NULL, &b, &f->e), -E2BIG);
    buf_done(&b);
    buf_init(&b, 1 << 16);
    assert_int_equal(registry_export_csv(f->r, &ADMIN, STR("unit"), &q, &b, &f->e), 0);
    assert_true(str_eq(buf_view(&b),
                       STR("code,name,tier,parent.code,head.code,it_officer.code,phone,email,address_text,state\r\n"
                           "STC,Sở Tài chính,department,TINH,,,,,,active\r\n")));
    buf_done(&b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader),
        cmocka_unit_test(not_text),
        T(endless_line),
        T(ceilings),
        T(create_update_leave_clear),
        T(mistakes),
        T(rights_and_dry_runs),
        T(round_trip),
        T(export_rebuilds),
        T(export_with_a_ceiling),
    };
    return cmocka_run_group_tests_name("registry/csv", tests, NULL, NULL);
}

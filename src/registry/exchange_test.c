/* Workbooks: made here part by part, so that each oddity of the format is one
 * that some program writes, or that somebody hostile would. */
#include "registry/test-int.h"
#include "registry/exchange-int.h"
#include "registry/change.h"
#include "registry/xlsx-int.h"
#include <archive.h>
#include <archive_entry.h>

struct zipped {
    char *p;
    size_t n, cap;
    struct archive *ar;
};

static void zip_begin(struct zipped *z, size_t cap)
{
    *z = (struct zipped){.p = malloc(cap), .cap = cap, .ar = archive_write_new()};
    archive_write_set_format_zip(z->ar);
    archive_write_open_memory(z->ar, z->p, cap, &z->n);
}

static void zip_head(struct zipped *z, const char *name, size_t size)
{
    struct archive_entry *en = archive_entry_new();

    archive_entry_set_pathname(en, name);
    archive_entry_set_filetype(en, AE_IFREG);
    archive_entry_set_size(en, (int64_t)size);
    archive_entry_set_perm(en, 0644);
    assert_int_equal(archive_write_header(z->ar, en), ARCHIVE_OK);
    archive_entry_free(en);
}

static void zip_put(struct zipped *z, const char *name, const char *text)
{
    zip_head(z, name, strlen(text));
    archive_write_data(z->ar, text, strlen(text));
}

static str zip_end(struct zipped *z)
{
    assert_int_equal(archive_write_close(z->ar), ARCHIVE_OK);
    archive_write_free(z->ar);
    return (str){z->p, z->n};
}

static const char root_rels[] =
    "<Relationships><Relationship Id='r' Type='x/officeDocument' Target='/xl/workbook.xml'/>"
    "</Relationships>";
static const char styles[] = "<styleSheet><numFmts><numFmt numFmtId='170' formatCode='dd\\/mm\\/yyyy;@'/>"
                             "<numFmt numFmtId='171' formatCode='0000000000'/>"
                             "<numFmt numFmtId='172' formatCode='[Red]0.00\"d\"'/></numFmts><cellXfs>"
                             "<xf numFmtId='0'/><xf numFmtId='14'/><xf numFmtId='170'/><xf numFmtId='171'/>"
                             "<xf numFmtId='172'/><xf numFmtId='22'/></cellXfs></styleSheet>";

/* A workbook of up to 4 sheets; sheet: the inside of <worksheet>. */
static str workbook(struct zipped *z, const char *const *names, const char *const *sheets, size_t n, const char *pr)
{
    char part[64];
    struct buf b;

    zip_begin(z, 1 << 20);
    zip_put(z, "_rels/.rels", root_rels);
    buf_init(&b, 1 << 16);
    buf_fmt(&b, "<workbook xmlns:r='r'>%s<sheets>", pr);
    for (size_t i = 0; i < n; i++)
        buf_fmt(&b, "<sheet name='%s' r:id='s%zu'%s/>", names[i], i, names[i][0] == '_' ? " state='hidden'" : "");
    buf_z(&b, "</sheets></workbook>");
    buf_byte(&b, 0);
    zip_put(z, "xl/workbook.xml", b.p);
    buf_clear(&b);
    buf_z(&b, "<Relationships><Relationship Id='t' Type='x/styles' Target='styles.xml'/>"
              "<Relationship Id='u' Type='x/sharedStrings' Target='sharedStrings.xml'/>");
    for (size_t i = 0; i < n; i++)
        buf_fmt(&b, "<Relationship Id='s%zu' Type='x/worksheet' Target='worksheets/s%zu.xml'/>", i, i);
    buf_z(&b, "</Relationships>");
    buf_byte(&b, 0);
    zip_put(z, "xl/_rels/workbook.xml.rels", b.p);
    for (size_t i = 0; i < n; i++) {
        snprintf(part, sizeof(part), "xl/worksheets/s%zu.xml", i);
        buf_clear(&b);
        buf_fmt(&b, "<worksheet>%s</worksheet>", sheets[i]);
        buf_byte(&b, 0);
        zip_put(z, part, b.p);
    }
    zip_put(z, "xl/styles.xml", styles);
    zip_put(z, "xl/sharedStrings.xml",
            "<sst><si><t>code</t></si><si><r><t>na</t></r><r><t>me</t></r><rPh><t>nă</t></rPh></si></sst>");
    buf_done(&b);
    return zip_end(z);
}

static str sheet_rows(const struct book *b, size_t at)
{
    static char text[4096];
    size_t n = 0;

    for (size_t r = 0; r < b->sheets[at].nrows; r++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%ld:", b->sheets[at].rows[r].row);
        for (size_t c = 0; c < b->sheets[at].rows[r].n; c++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "[%.*s]", STR_ARGS(b->sheets[at].rows[r].cells[c]));
        n += (size_t)snprintf(text + n, sizeof(text) - n, "\n");
    }
    return (str){text, n};
}

static const struct {
    const char *cell, *text;
    bool date1904;
    const char *trouble;
} cells[] = {
    {"<c t='s'><v>0</v></c>", "code", false, NULL},
    {"<c t='s'><v>1</v></c>", "name", false, NULL},
    {"<c t='inlineStr'><is><r><t>Đỗ </t></r><r><t>Hạnh</t></r></is></c>", "Đỗ Hạnh", false, NULL},
    {"<c><v>12</v></c>", "12", false, NULL},
    {"<c><v>1.2E+1</v></c>", "12", false, NULL},
    {"<c><v>0.1</v></c>", "0.1", false, NULL},
    {"<c><v>0.30000000000000004</v></c>", "0.30000000000000004", false, NULL},
    {"<c s='3'><v>912345678</v></c>", "0912345678", false, NULL},
    {"<c s='4'><v>1.5</v></c>", "1.5", false, NULL},
    {"<c s='1'><v>45000</v></c>", "2023-03-15", false, NULL},
    {"<c s='2'><v>45000</v></c>", "2023-03-15", false, NULL},
    {"<c s='2'><v>43538</v></c>", "2023-03-15", true, NULL},
    {"<c s='1'><v>1</v></c>", "1900-01-01", false, NULL},
    {"<c s='1'><v>61</v></c>", "1900-03-01", false, NULL},
    {"<c s='1'><v>60</v></c>", "60", false, NULL}, /* the 29th of February 1900: no day */
    {"<c s='5'><v>45000.75</v></c>", "2023-03-15T18:00:00", false, NULL},
    {"<c t='b'><v>1</v></c>", "true", false, NULL},
    {"<c t='str'><v>a_x000D_b</v></c>", "a\rb", false, NULL},
    {"<c t='str'><v>a_x00ZZ_b</v></c>", "a_x00ZZ_b", false, NULL},
    {"<c t='str'><v>&lt;&#273;&gt;</v></c>", "<đ>", false, NULL},
    {"<c><f>SUM(1,2)</f><v>3</v></c>", "3", false, "registry.xlsx_computed"},
    {"<c><f>TODAY()</f><v>3</v></c>", "3", false, "registry.xlsx_formula"},
    {"<c><f>[1]Tờ1!A1</f><v>3</v></c>", "3", false, "registry.xlsx_formula"},
    {"<c><f>SUM(1,2)</f></c>", NULL, false, "registry.xlsx_formula"},
    {"<c t='e'><v>#N/A</v></c>", NULL, false, "registry.xlsx_error"},
};

static void cell_values(void **state)
{
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        const char *const name[] = {"unit"};
        char xml[512], want[256];
        const char *const sheet[] = {xml};
        struct zipped z;
        struct book b;
        struct err e = {0};
        snprintf(xml, sizeof(xml), "<sheetData><row r='4'>%s</row></sheetData>", cells[i].cell);
        str bytes = workbook(&z, name, sheet, 1, cells[i].date1904 ? "<workbookPr date1904='1'/>" : "");
        book_init(&b);
        if (book_from_xlsx(&b, bytes, &e) < 0)
            fail_msg("%s: %s", cells[i].cell, fx_text(&e));
        snprintf(want, sizeof(want), "4:[%s]\n", cells[i].text);
        if (!str_eq(sheet_rows(&b, 0), cells[i].text != NULL ? str_c(want) : STR_NONE))
            fail_msg("%s: %.*s", cells[i].cell, STR_ARGS(sheet_rows(&b, 0)));
        assert_int_equal(b.sheets[0].ntroubles, cells[i].trouble != NULL);
        if (cells[i].trouble != NULL)
            assert_string_equal(b.sheets[0].troubles[0].key, cells[i].trouble);
        book_done(&b);
        free(z.p);
    }
}

static void number_formats(void **state)
{
    static const struct {
        const char *code;
        enum numfmt fmt;
    } t[] = {{"General", NF_PLAIN},   {"0.00", NF_PLAIN},     {"yyyy-mm-dd", NF_DATE}, {"d/m/yy h:mm", NF_DATETIME},
             {"h:mm AM/PM", NF_TIME}, {"[h]:mm", NF_TIME},    {"\"day\" 0", NF_PLAIN}, {"[Red]0", NF_PLAIN},
             {"0000", NF_ZEROS},      {"0", NF_PLAIN},        {"\\d0", NF_PLAIN},      {"#,##0;[Red]-#,##0", NF_PLAIN},
             {"@", NF_PLAIN},         {"_-* #,##0", NF_PLAIN}};

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
        if (numfmt_of(str_c(t[i].code)).fmt != t[i].fmt)
            fail_msg("%s: %d", t[i].code, numfmt_of(str_c(t[i].code)).fmt);
}

static int import_as(struct fixture *f, struct import_args *in, json_t **out)
{
    f->es.n = f->es.total = 0;
    *out = NULL;
    return registry_import(f->r, &ADMIN, in, out, &f->es, &f->e);
}

#define CELL(s)    "<c t='inlineStr'><is><t>" s "</t></is></c>"
#define ROW(cells) "<row>" cells "</row>"
static const char units_sheet[] = "<sheetData>" ROW(CELL("Danh sách đơn vị")) ROW("<c/><c/>")
    ROW(CELL("Mã *") CELL("Tên *") CELL("tier") CELL("parent.code") CELL("#ghi chú"))
        ROW(CELL("XA09") CELL("Xã Chín") CELL("commune") CELL("HUYEN") CELL("bỏ qua"))
            ROW(CELL("HUYEN") CELL("Sở Hai") CELL("department"))
                ROW("<c/><c/><c/><c/><c/>") "</sheetData><mergeCells><mergeCell ref='A1:E1'/></mergeCells>";

/* People come before the units that they belong to; a title above, a note beside. */
static void several_kinds(void **state)
{
    struct fixture *f = *state;
    const char *const names[] = {"person", "Đơn vị", "_ẩn", "#nháp"};
    const char *const sheets[] = {"<sheetData>" ROW(CELL("code") CELL("name") CELL("unit.code"))
                                      ROW(CELL("anv") CELL("Nguyễn Văn An") CELL("XA09")) "</sheetData>",
                                  units_sheet, "<sheetData>" ROW(CELL("x")) "</sheetData>",
                                  "<sheetData>" ROW(CELL("x")) "</sheetData>"};
    struct zipped z;
    json_t *out;
    struct import_args in = {
        .body = workbook(&z, names, sheets, 4, ""), .format = SHEET_XLSX, .changes = true, .dry_run = true};

    if (import_as(f, &in, &out) < 0)
        fail_msg("%s / %s", fx_text(&f->e), f->es.n > 0 ? fx_text(&f->es.v[0]) : "");
    assert_int_equal(json_get_int(out, "created", 0), 3);
    assert_int_equal(json_get_int(out, "changes_total", 0), 3);
    const json_t *first = json_array_get(json_object_get(out, "changes"), 0);
    assert_true(str_eq(json_get_str(first, "key"), STR("HUYEN")));
    assert_int_equal(json_get_int(first, "row", 0), 5);
    assert_true(str_eq(json_get_str(first, "sheet"), STR("Đơn vị")));
    json_decref(out);
    in.dry_run = false;
    assert_int_equal(import_as(f, &in, &out), 0);
    json_decref(out);
    assert_int_equal(import_as(f, &in, &out), 0);
    assert_int_equal(json_get_int(out, "unchanged", 0), 3);
    json_decref(out);
    /* A workbook of other kinds is not taken for one that was chosen. */
    in.kind = STR("device");
    assert_int_equal(import_as(f, &in, &out), -EINVAL);
    assert_string_equal(f->es.v[0].key, "registry.sheet_other");
    free(z.p);
}

static void mistakes_by_sheet(void **state)
{
    struct fixture *f = *state;
    const char *const names[] = {"unit", "person", "thừa"};
    const char *const sheets[] = {"<sheetData>" ROW(CELL("code") CELL("name") CELL("tier"))
                                      ROW(CELL("A") "<c t='e'><v>#REF!</v></c>" CELL(
                                          "làng")) "</sheetData><mergeCells><mergeCell ref='A2:A3'/></mergeCells>",
                                  "<sheetData>" ROW(CELL("code") CELL("name") CELL("unit.code"))
                                      ROW(CELL("b") CELL("B") CELL("KHONG")) "</sheetData>",
                                  "<sheetData>" ROW(CELL("x")) "</sheetData>"};
    struct zipped z;
    json_t *out;
    struct import_args in = {.body = workbook(&z, names, sheets, 3, ""), .format = SHEET_XLSX};

    assert_int_equal(import_as(f, &in, &out), -EINVAL);
    assert_int_equal(f->es.n, 1);
    assert_string_equal(f->es.v[0].key, "registry.sheet_kind");
    free(z.p);

    in.body = workbook(&z, names, sheets, 2, "");
    assert_int_equal(import_as(f, &in, &out), -EINVAL);
    static const struct {
        const char *at, *key;
    } want[] = {{"row 2, column name, sheet unit", "registry.xlsx_error"},
                {"row 3, column code, sheet unit", "registry.xlsx_merged"},
                {"row 2, column tier, sheet unit", "registry.bad_enum"},
                {"row 2, column name, sheet unit", "registry.required"},
                {"row 2, column unit.code, sheet person", "registry.ref_missing"}};
    assert_int_equal(f->es.n, sizeof(want) / sizeof(want[0]));
    for (size_t i = 0; i < f->es.n; i++)
        if (strcmp(f->es.v[i].at, want[i].at) != 0 || strcmp(f->es.v[i].key, want[i].key) != 0)
            fail_msg("%zu: %s %s", i, f->es.v[i].at, f->es.v[i].key);

    /* Marked, mended nowhere: it reads back to the same mistakes in the same cells. */
    struct buf marked;
    struct book b;
    buf_init(&marked, 1 << 20);
    assert_int_equal(registry_marked(f->r, &in, &f->es, LANG_VI, &marked, &f->e), 0);
    book_init(&b);
    assert_int_equal(book_from_xlsx(&b, buf_view(&marked), &f->e), 0);
    assert_int_equal(b.n, 2);
    assert_true(str_eq(b.sheets[0].rows[0].cells[3], STR("#Lỗi")));
    assert_non_null(memmem(b.sheets[1].rows[1].cells[3].p, b.sheets[1].rows[1].cells[3].n, "KHONG", 5));
    book_done(&b);
    free(z.p);
    in.body = buf_view(&marked);
    assert_int_equal(import_as(f, &in, &out), -EINVAL);
    assert_string_equal(f->es.v[f->es.n - 1].at, "row 2, column unit.code, sheet person");
    buf_done(&marked);
}

static void ten_thousand_bad_rows(void **state)
{
    struct fixture *f = *state;
    struct buf csv, marked;
    json_t *out;

    buf_init(&csv, 8 << 20);
    buf_z(&csv, "code,name,tier\n");
    for (int i = 0; i < 10000; i++)
        buf_fmt(&csv, "U%d,Đơn vị %d,làng\n", i, i);
    struct import_args in = {.kind = STR("unit"), .body = buf_view(&csv)};
    assert_int_equal(import_as(f, &in, &out), -EINVAL);
    assert_int_equal(f->es.n, 1000);
    assert_int_equal(f->es.total, 10000);
    buf_init(&marked, 8 << 20);
    assert_int_equal(registry_marked(f->r, &in, &f->es, LANG_EN, &marked, &f->e), 0);
    buf_done(&marked);
    buf_done(&csv);
}

/* The same sheet as a draft: nothing is written until it is applied. */
static void as_change_set(void **state)
{
    struct fixture *f = *state;
    struct err none = {0};
    json_t *out, *rec = NULL;
    uint64_t rows, bad, after;

    fx_frame(f);
    registry_verify(f->r, &rows, &bad, &f->e);
    struct import_args in = {.kind = STR("unit"), .as_change = true, .title = STR("Sửa tên")};
    in.body = STR(
        "code,name,tier,parent.code\nXA02,Xã Hai,commune,STC2\nSTC2,Sở Mới,department,TINH\nXA01,Xã Một,,\nSTC,,,\n");
    if (import_as(f, &in, &out) < 0)
        fail_msg("%s / %s", fx_text(&f->e), f->es.n > 0 ? fx_text(&f->es.v[0]) : "");
    const json_t *set = json_object_get(out, "change_set");
    assert_int_equal(json_get_int(out, "updated", 0), 1);
    assert_true(str_eq(json_get_str(set, "state"), STR("draft")));
    int64_t id = json_get_int(set, "id", 0), rev = json_get_int(set, "rev", 0);
    assert_int_equal(json_array_size(json_object_get(set, "ops")), 3);
    json_decref(out);
    assert_int_equal(registry_get(f->r, &ADMIN, STR("unit"), STR("XA02"), &rec, &none), -ENOENT);

    f->es.n = 0;
    if (change_step(f->r, &ADMIN, id, rev, STEP_SUBMIT, &(struct change_args){0}, &out, &f->es, &f->e) < 0)
        fail_msg("%s %s", fx_text(&f->e), f->es.n > 0 ? fx_text(&f->es.v[0]) : "");
    rev = json_get_int(out, "rev", 0);
    json_decref(out);
    if (change_step(f->r, &ADMIN, id, rev, STEP_APPLY, &(struct change_args){0}, &out, &f->es, &f->e) < 0)
        fail_msg("%s", fx_text(&f->e));
    json_decref(out);
    rec = fx_get(f, "unit", "XA01");
    assert_true(str_eq(json_get_str(rec, "name"), STR("Xã Một")));
    json_decref(rec);
    rec = fx_get(f, "unit", "XA02");
    json_decref(rec);
    registry_verify(f->r, &after, &bad, &f->e);
    assert_true(after >= rows + 3 && bad == 0);
}

/* Formula-like texts, 1,5 and day before month. */
static void cells_of_an_office(void **state)
{
    struct fixture *f = *state;
    struct buf csv;
    json_t *out, *rec;

    struct import_args in = {.kind = STR("unit")};
    in.body = STR("code;name;tier\r\nA;'=1+1;commune\r\nB;\"=HYPERLINK(\"\"x\"\")\";commune\r\n");
    assert_int_equal(import_as(f, &in, &out), 0);
    json_decref(out);
    rec = fx_get(f, "unit", "A");
    assert_true(str_eq(json_get_str(rec, "name"), STR("=1+1")));
    json_decref(rec);
    buf_init(&csv, 1 << 16);
    assert_int_equal(registry_export_csv(f->r, &ADMIN, STR("unit"), NULL, &csv, &f->e), 0);
    assert_non_null(memmem(csv.p, csv.n, "'=1+1", 5));
    in.body = buf_view(&csv);
    assert_int_equal(import_as(f, &in, &out), 0);
    assert_int_equal(json_get_int(out, "unchanged", 0), 2);
    json_decref(out);
    buf_done(&csv);
}

static int judge(str bytes, struct err *e)
{
    struct book b;

    *e = (struct err){0};
    book_init(&b);
    int rc = book_from_xlsx(&b, bytes, e);
    book_done(&b);
    return rc;
}

static void assert_refused(str bytes, const char *key)
{
    struct err e;

    assert_true(judge(bytes, &e) < 0);
    if (strcmp(e.key, key) != 0)
        fail_msg("wanted %s, got %s", key, fx_text(&e));
}

static void hostile(void **state)
{
    static const struct {
        const char *sheet, *key;
    } t[] = {
        {"<sheetData><row><c t='s'><v>99</v></c></row></sheetData>", "registry.xlsx_cell"},
        {"<sheetData><row r='2'/><row r='1'/></sheetData>", "registry.xlsx_cell"},
        {"<sheetData><row r='1'><c r='B1'/><c r='A1'/></row></sheetData>", "registry.xlsx_cell"},
        {"<sheetData><row r='1'><c r='ZZ1'><v>1</v></c></row></sheetData>", "registry.csv_cols"},
        {"<sheetData><row>", "registry.xml_bad"},
        {"&unknown;", "registry.xml_bad"},
    };
    const char *const name[] = {"unit"};
    struct zipped z;
    struct err e;

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        const char *const sheet[] = {t[i].sheet};
        assert_refused(workbook(&z, name, sheet, 1, ""), t[i].key);
        free(z.p);
    }
    assert_refused(STR("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "registry.xlsx_old");
    assert_refused(STR("code,name\n"), "registry.xlsx_no_zip");
    assert_refused(STR("PK\x03\x04"), "registry.zip_broken");
    const char *const sheet[] = {"<sheetData/>"};
    str whole = workbook(&z, name, sheet, 1, "");
    for (size_t n = 4; n < whole.n; n += 7)
        if (judge(str_sub(whole, 0, n), &e) < 0)
            assert_non_null(e.key);
    free(z.p);

    zip_begin(&z, 1 << 20);
    zip_put(&z, "_rels/.rels", "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>");
    assert_refused(zip_end(&z), "registry.xml_doctype");
    free(z.p);
}

static void deep_and_wide(void **state)
{
    static char spaces[1 << 20];
    struct zipped z;
    struct buf b;

    buf_init(&b, 1 << 16);
    for (int i = 0; i < 1000; i++)
        buf_z(&b, "<a>");
    buf_byte(&b, 0);
    zip_begin(&z, 1 << 20);
    zip_put(&z, "_rels/.rels", b.p);
    assert_refused(zip_end(&z), "registry.xml_deep");
    free(z.p);
    buf_done(&b);

    /* 300 MiB of nothing in 300 KiB. */
    memset(spaces, ' ', sizeof(spaces));
    zip_begin(&z, 2 << 20);
    zip_head(&z, "_rels/.rels", 300 * sizeof(spaces));
    for (int i = 0; i < 300; i++)
        archive_write_data(z.ar, spaces, sizeof(spaces));
    struct err e;
    assert_true(judge(zip_end(&z), &e) < 0);
    assert_true(strcmp(e.key, "registry.zip_bomb") == 0 || strcmp(e.key, "registry.xml_bad") == 0);
    free(z.p);
}

/* Two million cells without a value cost time, not memory. */
static void empty_cells(void **state)
{
    struct zipped z;
    struct buf b;
    struct book book;
    struct err e = {0};

    buf_init(&b, 64 << 20);
    buf_z(&b, "<worksheet><sheetData>");
    for (int r = 1; r <= 20000; r++) {
        buf_z(&b, "<row>");
        for (int c = 0; c < 100; c++)
            buf_z(&b, "<c s='1'/>");
        buf_z(&b, "</row>");
    }
    buf_z(&b, "<row><c><v>7</v></c></row></sheetData></worksheet>");
    zip_begin(&z, 8 << 20);
    zip_put(&z, "_rels/.rels", root_rels);
    zip_put(&z, "xl/workbook.xml", "<workbook xmlns:r='r'><sheets><sheet name='unit' r:id='s'/></sheets></workbook>");
    zip_put(&z, "xl/_rels/workbook.xml.rels",
            "<Relationships><Relationship Id='s' Type='x' Target='worksheets/s.xml'/></Relationships>");
    zip_head(&z, "xl/worksheets/s.xml", b.n);
    archive_write_data(z.ar, b.p, b.n);
    book_init(&book);
    if (book_from_xlsx(&book, zip_end(&z), &e) < 0)
        fail_msg("%s", fx_text(&e));
    assert_int_equal(book.sheets[0].nrows, 1);
    assert_int_equal(book.sheets[0].rows[0].row, 20001);
    assert_true(book.a.used < 4 << 20);
    book_done(&book);
    buf_done(&b);
    free(z.p);
}

static void template_book(void **state)
{
    struct fixture *f = *state;
    const str kinds[] = {STR("unit"), STR("device")};
    struct export_args in = {.kinds = kinds, .n = 2, .empty = true};
    struct buf out;
    struct book b;
    struct zip z;
    json_t *result;

    fx_frame(f);
    buf_init(&out, 8 << 20);
    assert_int_equal(registry_export_xlsx(f->r, &ADMIN, &in, &out, &f->e), 0);
    book_init(&b);
    assert_int_equal(book_from_xlsx(&b, buf_view(&out), &f->e), 0);
    assert_int_equal(b.n, 2);
    assert_int_equal(b.sheets[0].nrows, 2);
    assert_true(str_eq(b.sheets[0].rows[1].cells[0], STR("code")));
    assert_int_equal(zip_open(&z, buf_view(&out), &f->e), 0);
    book_done(&b);
    struct import_args back = {.body = buf_view(&out), .format = SHEET_XLSX};
    assert_int_equal(import_as(f, &back, &result), 0);
    assert_int_equal(json_get_int(result, "rows", -1), 0);
    json_decref(result);
    buf_done(&out);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cell_values),
        cmocka_unit_test(number_formats),
        cmocka_unit_test(hostile),
        cmocka_unit_test(deep_and_wide),
        cmocka_unit_test(empty_cells),
        T(several_kinds),
        T(mistakes_by_sheet),
        T(ten_thousand_bad_rows),
        T(as_change_set),
        T(cells_of_an_office),
        T(template_book),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

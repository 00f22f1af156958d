/* What a document may be. Its first bytes decide; what the sender says of it and
 * the ending of its name must agree, so that nobody is handed a program that is
 * called minutes.pdf. Pure. */
#include "registry/file-int.h"
#include "base/text.h"
#include <errno.h>
#include <strings.h>

#define OOXML "application/vnd.openxmlformats-officedocument."
#define ODF   "application/vnd.oasis.opendocument."

static const struct {
    const char *type, *endings;
} types[] = {
    {"application/pdf", "pdf"},
    {"image/png", "png"},
    {"image/jpeg", "jpg jpeg"},
    {"image/tiff", "tif tiff"},
    {OOXML "spreadsheetml.sheet", "xlsx"},
    {OOXML "wordprocessingml.document", "docx"},
    {ODF "text", "odt"},
    {ODF "spreadsheet", "ods"},
    {"text/plain", "txt"},
    {"text/csv", "csv"},
};
#define ENDINGS "pdf, png, jpg, tif, xlsx, docx, odt, ods, txt, csv"

static bool holds(str bytes, const char *z) { return memmem(bytes.p, bytes.n, z, strlen(z)) != NULL; }

/* Names of a ZIP's members stand in it as they are. Macros are programs. */
static const char *sniff_zip(str b)
{
    str first = str_sub(b, 30, SIZE_MAX);

    if (str_starts(first, STR("mimetype" ODF "text")) && !str_starts(first, STR("mimetype" ODF "text-")))
        return ODF "text";
    if (str_starts(first, STR("mimetype" ODF "spreadsheet")) && !str_starts(first, STR("mimetype" ODF "spreadsheet-")))
        return ODF "spreadsheet";
    if (!holds(b, "[Content_Types].xml") || holds(b, "vbaProject.bin"))
        return NULL;
    return holds(b, "xl/workbook.xml")     ? OOXML "spreadsheetml.sheet"
           : holds(b, "word/document.xml") ? OOXML "wordprocessingml.document"
                                           : NULL;
}

static bool is_text(str b)
{
    for (size_t i = 0; i < b.n; i++) {
        unsigned char c = (unsigned char)b.p[i];
        if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
            return false;
    }
    return b.n > 0 && utf8_valid(b);
}

const char *file_sniff(str b)
{
    if (str_starts(b, STR("%PDF-")))
        return "application/pdf";
    if (str_starts(b, STR("\x89PNG\r\n\x1a\n")))
        return "image/png";
    if (str_starts(b, STR("\xff\xd8\xff")))
        return "image/jpeg";
    if (str_starts(b, (str){"II*\0", 4}) || str_starts(b, (str){"MM\0*", 4}))
        return "image/tiff";
    if (str_starts(b, STR("PK\x03\x04")))
        return sniff_zip(b);
    return is_text(b) ? "text/plain" : NULL;
}

/* Marks that turn the direction of writing make cong<RLO>fdp.exe look like congexe.pdf. */
static bool turns_text(str s)
{
    return (s.n >= 3 && (unsigned char)s.p[0] == 0xe2 &&
            (((unsigned char)s.p[1] == 0x80 && (unsigned char)s.p[2] >= 0xa8 && (unsigned char)s.p[2] <= 0xae) ||
             ((unsigned char)s.p[1] == 0x80 && ((unsigned char)s.p[2] == 0x8e || (unsigned char)s.p[2] == 0x8f)) ||
             ((unsigned char)s.p[1] == 0x81 && (unsigned char)s.p[2] >= 0xa6 && (unsigned char)s.p[2] <= 0xa9)));
}

int file_name_check(str name, struct err *e)
{
    size_t chars = 0;

    if (!utf8_valid(name))
        return ERR(e, -EINVAL, "registry.bad_utf8");
    for (size_t i = 0; i < name.n; i += utf8_char(str_sub(name, i, 4)), chars++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)name.p[i + 1] < 0xa0) ||
            turns_text(str_sub(name, i, 3)))
            return ERR(e, -EINVAL, "registry.file_name_control");
        if (strchr("/\\:*?\"<>|", c) != NULL)
            return ERR(e, -EINVAL, "registry.file_name_path", S(str_sub(name, i, 1)));
    }
    if (chars > FILE_NAME_MAX)
        return ERR(e, -EINVAL, "registry.too_long", N(FILE_NAME_MAX), N((int64_t)chars));
    if (str_trim(name).n != name.n || name.n == 0 || name.p[0] == '.' || name.p[name.n - 1] == '.')
        return ERR(e, -EINVAL, "registry.file_name", S(name), ENDINGS);
    return 0;
}

static str ending(str name)
{
    for (size_t i = name.n; i > 0; i--)
        if (name.p[i - 1] == '.')
            return str_sub(name, i, SIZE_MAX);
    return STR("");
}

static bool ends_as(str name, const char *endings)
{
    str rest = str_c(endings), one, have = ending(name);

    while (rest.p != NULL && str_split(&rest, ' ', &one))
        if (str_eq_nocase(one, have))
            return true;
    return false;
}

int file_type_named(str sniffed, str name, const char **type, struct err *e)
{
    bool csv = str_eq(sniffed, STR("text/plain")) && ends_as(name, "csv");

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (str_eq(str_c(types[i].type), csv ? STR("text/csv") : sniffed)) {
            *type = types[i].type;
            return ends_as(name, types[i].endings)
                       ? 0
                       : ERR(e, -EMEDIUMTYPE, "registry.file_ending", S(name), *type, types[i].endings);
        }
    return ERR(e, -EMEDIUMTYPE, "registry.file_type", S(name), ENDINGS);
}

/* Nothing said, or "some bytes", is no claim. Browsers call a CSV many things. */
static bool claim_fits(str claim, const char *type)
{
    str head = STR_NONE;

    str_split(&claim, ';', &head);
    head = str_trim(head);
    bool text = strncmp(type, "text/", 5) == 0;
    return head.n == 0 || str_eq_nocase(head, STR("application/octet-stream")) || str_eq_nocase(head, str_c(type)) ||
           (text && (str_eq_nocase(head, STR("text/plain")) || str_eq_nocase(head, STR("text/csv")) ||
                     str_eq_nocase(head, STR("application/vnd.ms-excel"))));
}

int file_judge(struct arena *a, const struct file_in *in, str *name, const char **type, struct err *e)
{
    const char *t = NULL;
    size_t max = in->max < FILE_BYTES_MAX ? in->max : FILE_BYTES_MAX;
    str n = text_nfc(a, in->name);
    int rc = in->name.n == 0 ? ERR(e, -EINVAL, "registry.file_no_name") : file_name_check(in->name, e);

    if (rc < 0)
        return rc;
    if (n.p == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    if (in->bytes.n == 0)
        return ERR(e, -EINVAL, "registry.file_empty", S(n));
    if (in->bytes.n > max)
        return ERR(e, -EFBIG, "registry.file_big", S(n), N((int64_t)max), N((int64_t)in->bytes.n));
    const char *sniffed = file_sniff(in->bytes);
    rc = file_type_named(str_c(sniffed != NULL ? sniffed : ""), n, &t, e);
    if (rc < 0)
        return rc;
    if (!claim_fits(in->type, t))
        return ERR(e, -EMEDIUMTYPE, "registry.file_claim", S(n), S(in->type), t);
    *name = n;
    *type = t;
    return 0;
}

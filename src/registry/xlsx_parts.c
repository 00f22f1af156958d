/* XLSX: shared strings, number formats, and what a number with a format says. */
#include "registry/xlsx-int.h"
#include "base/calendar.h"
#include "base/text.h"
#include <errno.h>
#include <math.h>

static int hex4(const char *p)
{
    int v = 0;

    for (int i = 0; i < 4; i++) {
        int d = p[i] >= '0' && p[i] <= '9'   ? p[i] - '0'
                : p[i] >= 'a' && p[i] <= 'f' ? p[i] - 'a' + 10
                : p[i] >= 'A' && p[i] <= 'F' ? p[i] - 'A' + 10
                                             : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

str xlsx_unescape(struct arena *a, str s)
{
    if (str_find(s, STR("_x")) == SIZE_MAX)
        return s;
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; out != NULL && i < s.n; i++) {
        int v = s.n - i >= 7 && s.p[i] == '_' && s.p[i + 1] == 'x' && s.p[i + 6] == '_' ? hex4(s.p + i + 2) : -1;
        if (v > 0 && v < 0x80) { /* higher ones never need it */
            out[n++] = (char)v;
            i += 6;
        } else {
            out[n++] = s.p[i];
        }
    }
    return out != NULL ? (str){out, n} : STR_NONE;
}

struct strings {
    struct xlsx *x;
    struct buf text;
    int in_t, phonetic;
};

static int sst_start(void *ctx, const char *name, const struct xml_attrs *at, struct err *e)
{
    struct strings *s = ctx;

    if (strcmp(name, "si") == 0)
        buf_clear(&s->text);
    s->phonetic += strcmp(name, "rPh") == 0;
    s->in_t += strcmp(name, "t") == 0;
    return 0;
}

static int sst_end(void *ctx, const char *name, struct err *e)
{
    struct strings *s = ctx;
    struct xlsx *x = s->x;

    s->phonetic -= strcmp(name, "rPh") == 0;
    s->in_t -= strcmp(name, "t") == 0;
    if (strcmp(name, "si") != 0)
        return 0;
    if (s->text.failed)
        return ERR(e, -E2BIG, "registry.csv_cell", N(CSV_CELL));
    if (x->nstrings == XLSX_STRINGS)
        return ERR(e, -E2BIG, "registry.xlsx_strings", N(XLSX_STRINGS));
    if (x->nstrings == x->cap_strings) {
        size_t cap = x->cap_strings == 0 ? 1024 : x->cap_strings * 2;
        str *more = reallocarray(x->strings, cap, sizeof(*more));
        if (more == NULL)
            return ERR(e, -ENOMEM, "registry.no_memory");
        x->strings = more;
        x->cap_strings = cap;
    }
    str kept = arena_str(&x->b->a, buf_view(&s->text));
    if (kept.p == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    x->strings[x->nstrings++] = xlsx_unescape(&x->b->a, kept);
    return 0;
}

static int sst_text(void *ctx, str t, struct err *e)
{
    struct strings *s = ctx;

    if (s->in_t > 0 && s->phonetic == 0)
        buf_str(&s->text, t);
    return 0;
}

int xlsx_strings(struct xlsx *x, str part, struct err *e)
{
    static const struct xml_fns fns = {sst_start, sst_end, sst_text};
    struct strings s = {.x = x};

    buf_init(&s.text, CSV_CELL);
    int rc = xml_part(&x->z, part, &fns, &s, e);
    buf_done(&s.text);
    return rc;
}

/* What a format code shows, outside of quotes, escapes and [colours]. */
struct style numfmt_of(str code)
{
    bool day = false, clock = false, zeros = code.n > 1 && code.n < 40;
    char quote = 0;

    for (size_t i = 0; i < code.n; i++) {
        char c = code.p[i];
        zeros &= c == '0';
        if (c == ';' && quote == 0)
            break;
        if (quote != 0) {
            quote = c == quote ? 0 : quote;
        } else if (c == '"') {
            quote = c;
        } else if (c == '[') {
            quote = ']';
            /* [h], [mm]: hours that have passed */
            clock |= i + 1 < code.n && strchr("hHmMsS", code.p[i + 1]) != NULL;
        } else if (c == '\\' || c == '_' || c == '*') {
            i++;
        } else if (str_starts(str_sub(code, i, SIZE_MAX), STR("General"))) {
            i += 6;
        } else {
            day |= strchr("dDyY", c) != NULL;
            clock |= strchr("hHsS", c) != NULL;
        }
    }
    if (zeros)
        return (struct style){NF_ZEROS, (uint8_t)code.n};
    return (struct style){day && clock ? NF_DATETIME : day ? NF_DATE : clock ? NF_TIME : NF_PLAIN, 0};
}

static struct style numfmt_builtin(int64_t id)
{
    if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 54) || id == 57 || id == 58)
        return (struct style){NF_DATE, 0};
    if (id == 22)
        return (struct style){NF_DATETIME, 0};
    if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || (id >= 45 && id <= 47))
        return (struct style){NF_TIME, 0};
    return (struct style){NF_PLAIN, 0};
}

struct styles {
    struct xlsx *x;
    struct {
        int64_t id;
        struct style st;
    } own[XLSX_NUMFMTS];
    size_t n;
    bool in_xfs;
};

static int style_add(struct styles *s, int64_t id, struct err *e)
{
    struct xlsx *x = s->x;
    struct style st = numfmt_builtin(id);

    for (size_t i = 0; i < s->n; i++)
        if (s->own[i].id == id)
            st = s->own[i].st;
    if (x->nstyles == XLSX_STYLES)
        return ERR(e, -E2BIG, "registry.xlsx_strings", N(XLSX_STYLES));
    if (x->nstyles == x->cap_styles) {
        size_t cap = x->cap_styles == 0 ? 64 : x->cap_styles * 2;
        struct style *more = reallocarray(x->styles, cap, sizeof(*more));
        if (more == NULL)
            return ERR(e, -ENOMEM, "registry.no_memory");
        x->styles = more;
        x->cap_styles = cap;
    }
    x->styles[x->nstyles++] = st;
    return 0;
}

static int styles_start(void *ctx, const char *name, const struct xml_attrs *at, struct err *e)
{
    struct styles *s = ctx;
    int64_t id = 0;

    if (strcmp(name, "cellXfs") == 0)
        s->in_xfs = true;
    if (strcmp(name, "numFmt") == 0 && s->n < XLSX_NUMFMTS && str_i64(xml_attr(at, "numFmtId"), &id)) {
        s->own[s->n].id = id;
        s->own[s->n++].st = numfmt_of(xml_attr(at, "formatCode"));
    }
    if (s->in_xfs && strcmp(name, "xf") == 0) {
        str_i64(xml_attr(at, "numFmtId"), &id);
        return style_add(s, id, e);
    }
    return 0;
}

static int styles_end(void *ctx, const char *name, struct err *e)
{
    struct styles *s = ctx;

    if (strcmp(name, "cellXfs") == 0)
        s->in_xfs = false;
    return 0;
}

static int no_text(void *ctx, str t, struct err *e) { return 0; }

int xlsx_styles(struct xlsx *x, str part, struct err *e)
{
    static const struct xml_fns fns = {styles_start, styles_end, no_text};
    struct styles *s = arena_new(&x->b->a, struct styles);

    if (s == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    s->x = x;
    return xml_part(&x->z, part, &fns, s, e);
}

/* Days since 1970 of a serial day. The 1900 calendar has a 29th of February 1900
 * that never was: serial 60 is not a day, and those before it are one later. */
static int64_t serial_days(int64_t serial, bool date1904)
{
    if (date1904)
        return serial - 24107;
    return serial - 25569 + (serial < 60 ? 1 : 0);
}

static str shown_date(struct arena *a, double v, enum numfmt nf, bool date1904)
{
    enum { DAY_S = 86400 };
    int64_t day = (int64_t)floor(v), sec = (int64_t)llround((v - floor(v)) * DAY_S);
    char date[32];

    if (sec == DAY_S) {
        day++;
        sec = 0;
    }
    if (nf == NF_TIME && v < 1)
        return arena_fmt(a, "%02d:%02d:%02d", (int)(sec / 3600), (int)(sec / 60 % 60), (int)(sec % 60));
    size_t n = date_fmt(serial_days(day, date1904), date, sizeof(date));
    if (nf == NF_DATE && sec == 0)
        return arena_str(a, (str){date, n});
    return arena_fmt(a, "%.*sT%02d:%02d:%02d", (int)n, date, (int)(sec / 3600), (int)(sec / 60 % 60), (int)(sec % 60));
}

str xlsx_number(struct arena *a, str v, struct style st, bool date1904)
{
    char text[64], *end;
    double d;

    if (v.n == 0 || v.n >= sizeof(text))
        return v;
    memcpy(text, v.p, v.n);
    text[v.n] = '\0';
    d = strtod(text, &end);
    if (*end != '\0' || !isfinite(d))
        return v;
    if (st.fmt != NF_PLAIN && st.fmt != NF_ZEROS && d >= 0 && d < 2958466 && (date1904 || d < 60 || d >= 61))
        return shown_date(a, d, (enum numfmt)st.fmt, date1904);
    if (st.fmt == NF_ZEROS && d >= 0 && d < 1e15 && d == floor(d))
        return arena_fmt(a, "%0*.0f", st.zeros, d);
    if (fabs(d) < 1e15 && d == floor(d))
        return arena_fmt(a, "%.0f", d == 0 ? 0.0 : d);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, d);
        if (strtod(text, NULL) == d)
            break;
    }
    return arena_str(a, str_c(text));
}

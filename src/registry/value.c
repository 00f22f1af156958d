/* Field types as a table: name, how SQL keeps it, how text becomes it. Values
 * live in the caller's arena; no state; any thread. */
#include "registry/file-int.h"
#include "base/calendar.h"
#include "base/json.h"
#include "base/text.h"
#include <errno.h>
#include <math.h>

static int parse_text(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    size_t chars = 0, max = f->has_max ? (size_t)f->max : f->type == FT_MARKDOWN ? MARKDOWN_MAX : TEXT_MAX;
    str s = text_nfc(a, in);

    if (s.p == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    for (size_t i = 0; i < s.n; i += utf8_char(str_sub(s, i, 4)), chars++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && !(f->type == FT_MARKDOWN && (c == '\n' || c == '\t'))) || c == 0x7f)
            return ERR(e, -EINVAL, "registry.bad_control", N(c));
    }
    if (chars > max)
        return ERR(e, -EINVAL, "registry.too_long", N((int64_t)max), N((int64_t)chars));
    if (f->has_min && (int64_t)chars < f->min)
        return ERR(e, -EINVAL, "registry.too_short", N(f->min));
    *out = V_STR(s);
    return 0;
}

/* CR LF and lone CR of a spreadsheet become LF, so that a text has one form. */
static int parse_markdown(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    char *p = arena_alloc(a, in.n + 1);
    size_t n = 0;

    if (p == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    for (size_t i = 0; i < in.n; i++)
        if (in.p[i] != '\r')
            p[n++] = in.p[i];
        else if (i + 1 == in.n || in.p[i + 1] != '\n')
            p[n++] = '\n';
    return parse_text(a, f, (str){p, n}, out, e);
}

static int check_bounds(const struct field *f, int64_t v, struct err *e)
{
    if ((f->has_min && v < f->min) || (f->has_max && v > f->max))
        return ERR(e, -EINVAL, "registry.out_of_range", N(v), N(f->has_min ? f->min : INT64_MIN),
                   N(f->has_max ? f->max : INT64_MAX));
    return 0;
}

static int parse_int(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    int64_t v;

    (void)a;
    if (!str_i64(in, &v))
        return ERR(e, -EINVAL, "registry.bad_int", S(in));
    int rc = check_bounds(f, v, e);
    if (rc == 0)
        *out = V_INT(v);
    return rc;
}

static int decimal_check(const struct field *f, double v, struct val *out, struct err *e)
{
    if (!isfinite(v) || fabs(v) > 1e15)
        return ERR(e, -EINVAL, "registry.bad_decimal", "?");
    if ((f->has_min && v < (double)f->min) || (f->has_max && v > (double)f->max))
        return check_bounds(f, (int64_t)(v < 0 ? floor(v) : ceil(v)), e);
    *out = V_REAL(v);
    return 0;
}

static int parse_decimal(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    char *end, *z = arena_cstr(a, in);

    if (z == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    for (const char *p = z; *p != '\0'; p++)
        if (strchr("0123456789+-.eE", *p) == NULL) /* no hex, no inf, no nan */
            return ERR(e, -EINVAL, "registry.bad_decimal", S(in));
    double v = strtod(z, &end);
    if (end == z || *end != '\0')
        return ERR(e, -EINVAL, "registry.bad_decimal", S(in));
    return decimal_check(f, v, out, e);
}

static int parse_bool(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    static const struct {
        const char *text;
        bool v;
    } words[] = {
        {"true", true}, {"false", false}, {"1", true},  {"0", false},
        {"yes", true},  {"no", false},    {"co", true}, {"khong", false},
    };
    str s = text_fold(a, in);

    (void)f;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_eq(s, str_c(words[i].text))) {
            *out = V_INT(words[i].v);
            return 0;
        }
    return ERR(e, -EINVAL, "registry.bad_bool", S(in));
}

static int parse_date(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    char text[32];
    int64_t days;

    (void)f;
    if (!date_parse(in, &days))
        return ERR(e, -EINVAL, "registry.bad_date", S(in));
    size_t n = date_fmt(days, text, sizeof(text));
    *out = V_STR(arena_str(a, ((str){text, n})));
    return 0;
}

static int parse_time(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    int64_t ns;

    (void)a;
    (void)f;
    if (!time_parse(in, &ns))
        return ERR(e, -EINVAL, "registry.bad_time", S(in));
    *out = V_INT(ns >= 0 ? ns / NS_PER_S : -((-ns + NS_PER_S - 1) / NS_PER_S));
    return 0;
}

static void enum_names(const struct field *f, struct buf *b)
{
    for (size_t i = 0; i < f->nvalues; i++) {
        buf_z(b, i > 0 ? ", " : "");
        buf_str(b, f->values[i].value);
    }
}

static int enum_find(const struct field *f, str in, size_t *at, struct err *e)
{
    struct buf b;

    for (*at = 0; *at < f->nvalues; ++*at)
        if (str_eq(f->values[*at].value, in))
            return 0;
    buf_init(&b, 4096);
    enum_names(f, &b);
    int rc = ERR(e, -EINVAL, "registry.bad_enum", S(in), S(buf_view(&b)));
    buf_done(&b);
    return rc;
}

static int parse_enum(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    size_t at;
    int rc = enum_find(f, in, &at, e);

    (void)a;
    if (rc == 0)
        *out = V_STR(f->values[at].value);
    return rc;
}

static int parse_level(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    size_t at;

    (void)a;
    if (in.n == 1 && in.p[0] >= '0' && (size_t)(in.p[0] - '0') < f->nvalues) {
        *out = V_INT(in.p[0] - '0');
        return 0;
    }
    int rc = enum_find(f, in, &at, e);
    if (rc == 0)
        *out = V_INT(at);
    return rc;
}

static int parse_duration(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    struct duration d;
    char text[64];

    (void)f;
    if (!duration_parse(in, &d))
        return ERR(e, -EINVAL, "registry.bad_duration", S(in));
    size_t n = duration_fmt(d, text, sizeof(text));
    *out = V_STR(arena_str(a, ((str){text, n})));
    return 0;
}

static int json_check(struct arena *a, const json_t *in, struct val *out, struct err *e)
{
    char *z = json_dumps(in, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    int rc = z == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : 0;

    if (rc == 0 && strlen(z) > JSON_MAX)
        rc = ERR(e, -EINVAL, "registry.too_long", N(JSON_MAX), N((int64_t)strlen(z)));
    if (rc == 0)
        *out = V_STR(arena_str(a, str_c(z)));
    free(z);
    return rc;
}

static int parse_json(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    json_t *v;

    (void)f;
    int rc = json_read(in, 16, &v, e);
    if (rc < 0)
        return ERR(e, -EINVAL, "registry.bad_json");
    rc = json_check(a, v, out, e);
    json_decref(v);
    return rc;
}

static int parse_file(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    struct file_value v;
    int rc = file_value_parse(a, in, &v, e);

    (void)f;
    if (rc == 0)
        *out = V_STR(file_value_store(a, &v));
    return rc;
}

static const struct {
    const char *name;
    enum val_type storage;
    parse_fn *parse;
} types[FT_COUNT] = {
    [FT_TEXT] = {"text", VAL_TEXT, parse_text},
    [FT_MARKDOWN] = {"markdown", VAL_TEXT, parse_markdown},
    [FT_INT] = {"int", VAL_INT, parse_int},
    [FT_DECIMAL] = {"decimal", VAL_REAL, parse_decimal},
    [FT_BOOL] = {"bool", VAL_INT, parse_bool},
    [FT_DATE] = {"date", VAL_TEXT, parse_date},
    [FT_TIME] = {"time", VAL_INT, parse_time},
    [FT_ENUM] = {"enum", VAL_TEXT, parse_enum},
    [FT_REF] = {"ref", VAL_INT, NULL},
    [FT_REFS] = {"refs", VAL_NULL, NULL},
    [FT_IP] = {"ip", VAL_TEXT, parse_ip},
    [FT_PREFIX] = {"prefix", VAL_TEXT, parse_prefix},
    [FT_MAC] = {"mac", VAL_TEXT, parse_mac},
    [FT_FQDN] = {"fqdn", VAL_TEXT, parse_fqdn},
    [FT_PHONE] = {"phone", VAL_TEXT, parse_phone},
    [FT_EMAIL] = {"email", VAL_TEXT, parse_email},
    [FT_DURATION] = {"duration", VAL_TEXT, parse_duration},
    [FT_LEVEL] = {"level", VAL_INT, parse_level},
    [FT_JSON] = {"json", VAL_TEXT, parse_json},
    [FT_FILE] = {"file", VAL_TEXT, parse_file},
};

const char *ftype_name(enum ftype t) { return t < FT_COUNT ? types[t].name : "?"; }

bool ftype_parse(str s, enum ftype *out)
{
    for (int t = 0; t < FT_COUNT; t++)
        if (str_eq(s, str_c(types[t].name))) {
            *out = (enum ftype)t;
            return true;
        }
    return false;
}

enum val_type value_storage(enum ftype t) { return types[t].storage; }

int value_parse(struct arena *a, const struct field *f, str in, struct val *out, struct err *e)
{
    str s = str_trim(in);
    struct val v = V_NULL;

    if (!utf8_valid(s))
        return ERR(e, -EINVAL, "registry.bad_utf8");
    int rc = s.n == 0 ? 0 : types[f->type].parse(a, f, s, &v, e);
    if (rc == 0 && (a->failed || (v.type == VAL_TEXT && v.s.p == NULL)))
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    if (rc == 0)
        *out = v;
    return rc;
}

int value_from_json(struct arena *a, const struct field *f, const json_t *in, struct val *out, struct err *e)
{
    if (json_is_null(in)) {
        *out = V_NULL;
        return 0;
    }
    if (f->type == FT_JSON)
        return json_check(a, in, out, e);
    if (f->type == FT_FILE) {
        struct file_value v;
        int rc = file_value_from_json(a, in, &v, e);
        if (rc == 0)
            *out = V_STR(file_value_store(a, &v));
        return rc == 0 && out->s.p == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : rc;
    }
    if (json_is_string(in) && f->type != FT_BOOL && f->type != FT_INT && f->type != FT_DECIMAL)
        return value_parse(a, f, json_str(in), out, e);
    if (json_is_boolean(in) && f->type == FT_BOOL) {
        *out = V_INT(json_is_true(in));
        return 0;
    }
    if (json_is_integer(in) && (f->type == FT_INT || f->type == FT_LEVEL)) {
        char text[24];
        int n = snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(in));
        return value_parse(a, f, (str){text, (size_t)n}, out, e);
    }
    if (json_is_number(in) && f->type == FT_DECIMAL)
        return decimal_check(f, json_number_value(in), out, e);
    return ERR(e, -EINVAL, "registry.bad_type", ftype_name(f->type));
}

static json_t *time_json(int64_t seconds)
{
    char text[32];

    time_fmt(seconds * NS_PER_S, 0, text, sizeof(text));
    return json_string(text);
}

json_t *value_to_json(const struct field *f, const struct val *v)
{
    if (v->type == VAL_NULL)
        return json_null();
    switch (f->type) {
    case FT_BOOL:
        return json_boolean(v->i != 0);
    case FT_TIME:
        return time_json(v->i);
    case FT_FQDN:
    case FT_EMAIL:
        return host_json(v->s);
    case FT_LEVEL:
        return v->i >= 0 && (size_t)v->i < f->nvalues ? json_from_str(f->values[v->i].value) : json_integer(v->i);
    case FT_FILE:
    case FT_JSON: {
        json_t *j = json_loadb(v->s.p, v->s.n, JSON_DECODE_ANY, NULL);
        return j != NULL ? j : json_null();
    }
    default:
        break;
    }
    if (v->type == VAL_INT)
        return json_integer(v->i);
    if (v->type == VAL_REAL)
        return json_real(v->r);
    return json_from_str(v->s);
}

str value_text(struct arena *a, const struct field *f, const struct val *v)
{
    char text[40];

    switch (v->type) {
    case VAL_NULL:
        return STR("");
    case VAL_TEXT:
        if (f->type == FT_FILE)
            return file_value_cell(a, v->s);
        return f->type == FT_FQDN || f->type == FT_EMAIL ? host_shown(a, v->s) : v->s;
    case VAL_REAL:
        return arena_fmt(a, "%.17g", v->r);
    default:
        break;
    }
    if (f->type == FT_BOOL)
        return v->i != 0 ? STR("true") : STR("false");
    if (f->type == FT_LEVEL && v->i >= 0 && (size_t)v->i < f->nvalues)
        return f->values[v->i].value;
    if (f->type == FT_TIME) {
        size_t n = time_fmt(v->i * NS_PER_S, 0, text, sizeof(text));
        return arena_str(a, (str){text, n});
    }
    return arena_fmt(a, "%lld", (long long)v->i);
}

bool val_eq(const struct val *a, const struct val *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case VAL_INT:
        return a->i == b->i;
    case VAL_REAL:
        return a->r <= b->r && a->r >= b->r;
    case VAL_TEXT:
        return str_eq(a->s, b->s);
    default:
        return true;
    }
}

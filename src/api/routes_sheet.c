/* The sheet of a unit: everything that is declared of it and of the units below,
 * on paper for a signature. One page of HTML that needs nothing else; the
 * sections are rows of a table, their headings are the schema's own labels. */
#include "api/routes-int.h"
#include "base/calendar.h"
#include <errno.h>

enum { SHEET_ROWS = 5000, SHEET_COLS = 8, FINDING_ROWS = 200, SHEET_BYTES = 32 << 20 };

/* cols: "kind.field" or "kind.state", of which label and values are taken. */
static const struct section {
    const char *title, *sql, *cols[SHEET_COLS];
} sections[] = {
    {"api.sheet.units",
     "SELECT t.code, t.name, t.tier, p.code, h.name, t.phone FROM unit t LEFT JOIN unit p ON p.id = t.parent_id"
     " LEFT JOIN person h ON h.id = t.head_id WHERE t.valid_to IS NULL AND t.id IN (SELECT id FROM u) ORDER BY t.code",
     {"unit.code", "unit.name", "unit.tier", "unit.parent", "unit.head", "unit.phone"}},
    {"api.sheet.people",
     "SELECT t.code, t.name, t.position, n.code, t.phone, t.email FROM person t JOIN unit n ON n.id = t.unit_id"
     " WHERE t.valid_to IS NULL AND t.state = 'active' AND t.unit_id IN (SELECT id FROM u) ORDER BY n.code, t.code",
     {"person.code", "person.name", "person.position", "person.unit", "person.phone", "person.email"}},
    {"api.sheet.devices",
     "SELECT t.code, t.name, t.category, t.serial, n.code, w.code, c.name, t.state FROM device t"
     " JOIN unit n ON n.id = t.unit_id LEFT JOIN network w ON w.id = t.network_id"
     " LEFT JOIN person c ON c.id = t.custodian_id WHERE t.valid_to IS NULL AND t.state <> 'destroyed'"
     " AND t.unit_id IN (SELECT id FROM u) ORDER BY n.code, t.code",
     {"device.code", "device.name", "device.category", "device.serial", "device.unit", "device.network",
      "device.custodian", "device.state"}},
    {"api.sheet.systems",
     "SELECT t.code, t.name, n.code, t.security_level, t.state FROM system t JOIN unit n ON n.id = t.unit_id"
     " WHERE t.valid_to IS NULL AND t.unit_id IN (SELECT id FROM u) ORDER BY n.code, t.code",
     {"system.code", "system.name", "system.unit", "system.security_level", "system.state"}},
    {"api.sheet.addresses",
     "SELECT t.ip, d.code, t.fqdn, x.prefix, t.purpose FROM address t JOIN prefix x ON x.id = t.prefix_id"
     " LEFT JOIN device d ON d.id = t.device_id WHERE t.valid_to IS NULL"
     " AND COALESCE(d.unit_id, x.unit_id) IN (SELECT id FROM u) ORDER BY t.ip_bin",
     {"address.ip", "address.device", "address.fqdn", "address.prefix", "address.purpose"}},
};
static const char below[] = "WITH RECURSIVE u(id) AS (SELECT id FROM unit WHERE id = ?1 UNION SELECT x.id FROM unit x"
                            " JOIN u ON x.parent_id = u.id WHERE x.valid_to IS NULL) ";

static void html(struct buf *b, str s)
{
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case '&':
            buf_z(b, "&amp;");
            break;
        case '<':
            buf_z(b, "&lt;");
            break;
        case '>':
            buf_z(b, "&gt;");
            break;
        case '"':
            buf_z(b, "&quot;");
            break;
        default:
            buf_byte(b, (uint8_t)s.p[i]);
        }
}

static void words(struct request *rq, struct buf *b, const char *key, const char *a0, const char *a1)
{
    char text[1024];

    msg_fmt(text, sizeof(text), rq->lang, key, (const char *const[]){a0, a1}, 2);
    html(b, str_c(text));
}

static str in_lang(const struct request *rq, const struct label *l) { return rq->lang == LANG_EN ? l->en : l->vi; }

struct sheet {
    struct request *rq;
    struct buf *b, rows;
    const struct section *s;
    const struct kind *k;
    size_t n;
};

/* The column's field; NULL: the state. */
static const struct field *column_field(const struct sheet *x, size_t col)
{
    str name = str_c(x->s->cols[col]), kind;

    str_split(&name, '.', &kind);
    return kind_field(x->k, name);
}

static str value_label(const struct sheet *x, size_t col, str v)
{
    const struct field *f = column_field(x, col);

    for (size_t i = 0; f != NULL && i < f->nvalues; i++)
        if (str_eq(f->values[i].value, v))
            return in_lang(x->rq, &f->values[i].label);
    for (size_t i = 0; f == NULL && i < x->k->nstates; i++)
        if (str_eq(x->k->states[i], v))
            return in_lang(x->rq, &x->k->state_labels[i]);
    return v;
}

static bool one_row(void *ctx, const struct val *cols, size_t n)
{
    struct sheet *x = ctx;

    if (x->n++ == SHEET_ROWS)
        return false;
    buf_fmt(&x->rows, "<tr><td>%zu", x->n);
    for (size_t i = 0; i < n; i++) {
        buf_z(&x->rows, "<td>");
        if (cols[i].type == VAL_TEXT)
            html(&x->rows, value_label(x, i, cols[i].s));
        else if (cols[i].type == VAL_INT)
            buf_fmt(&x->rows, "%lld", (long long)cols[i].i);
    }
    buf_z(&x->rows, "\n");
    return true;
}

static void table_head(struct sheet *x)
{
    buf_z(x->b, "<table><thead><tr><th>#");
    for (size_t i = 0; i < SHEET_COLS && x->s->cols[i] != NULL; i++) {
        const struct field *f = column_field(x, i);
        buf_z(x->b, "<th>");
        if (f != NULL)
            html(x->b, in_lang(x->rq, &f->label));
        else
            words(x->rq, x->b, "api.field.state", NULL, NULL);
    }
    buf_z(x->b, "</thead><tbody>\n");
}

static int put_section(struct request *rq, struct buf *b, struct tx *tx, const struct section *s, int64_t unit,
                       struct err *e)
{
    struct sheet x = {.rq = rq, .b = b, .s = s};
    str kind, rest = str_c(s->cols[0]);
    char sql[2048];

    str_split(&rest, '.', &kind);
    x.k = schema_kind(registry_schema(rq->api->d.registry), kind);
    if (x.k == NULL)
        return 0; /* a schema without that kind has no such section */
    snprintf(sql, sizeof(sql), "%s%s LIMIT %d", below, s->sql, SHEET_ROWS + 1);
    buf_init(&x.rows, SHEET_BYTES);
    int rc = tx_query(tx, sql, VALS(V_INT(unit)), one_row, &x, e);
    bool cut = x.n > SHEET_ROWS;
    buf_z(b, "<h2>");
    words(rq, b, s->title, err_n((int64_t)(cut ? SHEET_ROWS : x.n)), NULL);
    buf_z(b, "</h2>\n");
    if (x.n > 0) {
        table_head(&x);
        buf_str(b, buf_view(&x.rows));
        buf_z(b, "</tbody></table>\n");
    }
    if (cut) {
        buf_z(b, "<p>");
        words(rq, b, "api.sheet.cut", err_n(SHEET_ROWS), NULL);
        buf_z(b, "</p>\n");
    }
    b->failed |= x.rows.failed;
    buf_done(&x.rows);
    return rc;
}

static void finding_row(struct request *rq, struct buf *b, const json_t *f, size_t n)
{
    const char *lang = lang_name(rq->lang);
    const json_t *clause;
    char severity[64];
    size_t i;

    snprintf(severity, sizeof(severity), "api.sheet.severity.%s",
             json_string_value(json_object_get(f, "severity")) != NULL
                 ? json_string_value(json_object_get(f, "severity"))
                 : "low");
    buf_fmt(b, "<tr><td>%zu<td>", n);
    words(rq, b, severity, NULL, NULL);
    buf_z(b, "<td>");
    html(b, json_get_str(json_object_get(f, "title"), lang));
    buf_z(b, "<td>");
    html(b, json_get_str(json_object_get(f, "subject"), "key"));
    buf_z(b, "<td>");
    json_array_foreach(json_object_get(f, "clauses"), i, clause)
    {
        buf_z(b, i > 0 ? ", " : "");
        html(b, json_is_string(clause) ? json_str(clause) : json_get_str(clause, "id"));
    }
    buf_z(b, "<td>");
    html(b, str_sub(json_get_str(f, "first_at"), 0, 10));
    buf_z(b, "\n");
}

static int put_findings(struct request *rq, struct buf *b, str unit, struct err *e)
{
    static const char *const heads[] = {"api.sheet.severity", "api.sheet.finding", "api.sheet.subject",
                                        "api.sheet.clauses", "api.sheet.since"};
    struct finding_query q = {.state = STR("living"), .unit = unit, .limit = FINDING_ROWS};
    json_t *out = NULL, *f;
    size_t i;
    int rc = judge_findings(rq->api->d.judge, &rq->auth.actor, &q, &out, e);

    if (rc < 0)
        return rc;
    const json_t *items = json_is_array(out) ? out : json_object_get(out, "items");
    buf_z(b, "<h2>");
    words(rq, b, "api.sheet.findings", err_n(json_get_int(out, "total", (int64_t)json_array_size(items))), NULL);
    buf_z(b, "</h2>\n");
    if (json_array_size(items) > 0) {
        buf_z(b, "<table><thead><tr><th>#");
        for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
            buf_z(b, "<th>");
            words(rq, b, heads[i], NULL, NULL);
        }
        buf_z(b, "</thead><tbody>\n");
        json_array_foreach(items, i, f) finding_row(rq, b, f, i + 1);
        buf_z(b, "</tbody></table>\n");
    }
    json_decref(out);
    return 0;
}

static void put_head(struct request *rq, struct buf *b, const json_t *unit)
{
    char at[16];

    date_fmt(date_of(clock_wall(rq->api->d.clock)), at, sizeof(at));
    buf_fmt(b, "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><title>", lang_name(rq->lang));
    words(rq, b, "api.sheet.title", arena_cstr(&rq->a, json_get_str(unit, "name")), NULL);
    buf_z(b, "</title><style>\n"
             "@page{size:A4 landscape;margin:12mm}body{font:10pt/1.35 'Times New Roman',Tinos,serif;color:#000;"
             "max-width:273mm;margin:6mm auto}h1{font-size:15pt;margin:0 0 1mm}h2{font-size:11.5pt;margin:5mm 0 1mm;"
             "break-after:avoid}table{border-collapse:collapse;width:100%}th,td{border:.2mm solid #666;"
             "padding:.6mm 1.2mm;text-align:left;vertical-align:top;overflow-wrap:anywhere}th{background:#eee}"
             "thead{display:table-header-group}tr{break-inside:avoid}td:first-child,th:first-child{width:8mm;"
             "text-align:right}.sign{display:flex;justify-content:space-around;margin-top:10mm;break-inside:avoid;"
             "text-align:center}.sign div{width:70mm;min-height:32mm}@media print{body{margin:0}}\n"
             "</style></head><body>\n<h1>");
    words(rq, b, "api.sheet.title", arena_cstr(&rq->a, json_get_str(unit, "name")), NULL);
    buf_z(b, "</h1>\n<p>");
    words(rq, b, "api.sheet.made", at, arena_cstr(&rq->a, rq->auth.actor.name));
    buf_z(b, "</p>\n");
}

static void put_signatures(struct request *rq, struct buf *b)
{
    static const char *const who[] = {"api.sheet.sign_made", "api.sheet.sign_officer", "api.sheet.sign_head"};

    buf_z(b, "<div class=\"sign\">");
    for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
        buf_z(b, "<div><b>");
        words(rq, b, who[i], NULL, NULL);
        buf_z(b, "</b><br><i>");
        words(rq, b, "api.sheet.sign_how", NULL, NULL);
        buf_z(b, "</i></div>");
    }
    buf_z(b, "</div>\n</body></html>\n");
}

int route_unit_sheet(struct request *rq, struct response *rs, struct err *e)
{
    json_t *unit = NULL;
    struct tx *tx = NULL;
    str lang = request_query(rq, "lang");
    /* Who may see the unit may see what is below it. */
    int rc = registry_get(rq->api->d.registry, &rq->auth.actor, STR("unit"), rq->arg[0], &unit, e);

    if (lang.n > 0)
        lang_parse(lang, &rq->lang);
    if (rc == 0)
        rc = store_begin(registry_store(rq->api->d.registry), STORE_READ, &tx, e);
    if (rc == 0)
        put_head(rq, &rs->body, unit);
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]) && rc == 0; i++)
        rc = put_section(rq, &rs->body, tx, &sections[i], json_get_int(unit, "id", 0), e);
    store_rollback(tx);
    if (rc == 0)
        rc = put_findings(rq, &rs->body, json_get_str(unit, "code"), e);
    if (rc == 0)
        put_signatures(rq, &rs->body);
    json_decref(unit);
    if (rc == 0 && rs->body.failed)
        rc = ERR(e, -EFBIG, "api.reply_too_large");
    if (rc < 0)
        return rc;
    rq->arg[0] = STR("person"); /* whose data it shows */
    personal_told_rows(rq, "sheet");
    rs->type = "text/html; charset=utf-8";
    return 0;
}

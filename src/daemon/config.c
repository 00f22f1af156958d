/* The table of options, and the parser of lines. Pure. */
#include "daemon/config.h"
#include "base/text.h"
#include <errno.h>

#define KIB  1024LL
#define MIB  (1024 * KIB)
#define GIB  (1024 * MIB)
#define HOUR 3600LL
#define O(nm, ty, lo, hi, df, lv)                                                                                      \
    {                                                                                                                  \
#nm, CT_##ty, offsetof(struct config, nm), (lo), (hi), df, lv, "config.help." #nm                              \
    }

const struct config_option config_options[] = {
    O(listen, ADDRESS, 0, 0, "127.0.0.1:8443", false),
    O(https_names, TEXT, 0, 1000, "", false),
    O(syslog_udp, ADDRESS, 0, 0, "127.0.0.1:5514", false),
    O(syslog_tcp, ADDRESS, 0, 0, "127.0.0.1:5514", false),
    O(syslog_tls, ADDRESS, 0, 0, "127.0.0.1:6514", false),
    O(flow_udp, ADDRESS, 0, 0, "127.0.0.1:2055", false),
    O(ipfix_udp, ADDRESS, 0, 0, "127.0.0.1:4739", false),
    O(json_tcp, ADDRESS, 0, 0, "", false),
    O(json_unix, PATH, 0, 100, "", false),
    O(json_dgram, PATH, 0, 100, "", false),
    O(json_files, TEXT, 0, 4000, "", false),
    O(tls_client_ca, PATH, 0, 1000, "", false),
    O(user, TEXT, 0, 32, "luy", false),
    O(log_level, LEVEL, 0, 0, "info", true),
    O(store, STORE, 0, 500, "sqlite", false),
    O(schema_dir, PATH, 0, 1000, "", false),
    O(packs_dir, PATH, 0, 1000, "", false),
    O(web_dir, PATH, 0, 1000, "", false),
    O(maps_dir, PATH, 0, 1000, "", false),
    O(calendar_file, PATH, 0, 1000, "", false),
    O(check_interval, DURATION, 1, 24 * HOUR, "5m", false),
    O(check_timeout_ms, INT, 10, 600000, "5000", false),
    O(journal_sync_ms, INT, 0, 10000, "100", false),
    O(journal_block, SIZE, 64 * KIB, 256 * MIB, "16MiB", false),
    O(journal_block_age, DURATION, 1, HOUR, "60s", false),
    O(journal_max, SIZE, 0, 1024 * 1024 * GIB, "0", false),
    O(journal_retention_days, INT, 0, 36500, "0", false),
    O(archive_dir, PATH, 0, 1000, "", false),
    O(journal_reserve, SIZE, 0, 1024 * GIB, "256MiB", false),
    O(flow_block_age, DURATION, 1, HOUR, "5m", false),
    O(flow_max, SIZE, 0, 1024 * 1024 * GIB, "0", false),
    O(flow_retention_days, INT, 0, 36500, "0", false),
    O(clickhouse, TEXT, 0, 8000, "", false),
    O(clickhouse_cluster, TEXT, 0, 63, "", false),
    O(clickhouse_database, TEXT, 0, 63, "luy", false),
    O(clickhouse_user, TEXT, 0, 63, "", false),
    O(clickhouse_password_file, PATH, 0, 1000, "", false),
    O(role, ROLE, 0, 0, "centre", false),
    O(relay_listen, ADDRESS, 0, 0, "", false),
    O(relay_max, SIZE, 0, 1024 * 1024 * GIB, "0", false),
    O(relay_total_max, SIZE, 0, 1024 * 1024 * GIB, "0", false),
    O(relay_retention_days, INT, 0, 36500, "0", false),
    O(relay_name, TEXT, 0, 63, "", false),
    O(relay_centre, ADDRESS, 0, 0, "", false),
    O(relay_centre_key, TEXT, 0, 64, "", false),
    O(relay_rate, SIZE, 0, GIB, "1MiB", false),
    O(intake_ring, SIZE, 8 * MIB, 256 * MIB, "16MiB", false),
    O(intake_connections, INT, 1, 100000, "10000", false),
    O(intake_per_source, INT, 1, 100000, "1000", false),
    O(intake_idle, DURATION, 1, 7 * 24 * HOUR, "2h", false),
    O(api_connections, INT, 8, 10000, "1000", false),
    O(api_per_address, INT, 4, 10000, "200", false),
    O(api_streams, INT, 1, 1000, "64", false),
    O(api_body_total, SIZE, 64 * MIB, 16 * GIB, "256MiB", false),
    O(file_max, SIZE, KIB, 60 * MIB, "20MiB", false),
    O(file_grace, DURATION, 60, 365 * 24 * HOUR, "1d", false),
    O(login_failures, INT, 1, 100, "5", true),
    O(login_window, DURATION, 10, 24 * HOUR, "15m", true),
    O(login_lock, DURATION, 10, 7 * 24 * HOUR, "30m", true),
    O(session_idle, DURATION, 60, 24 * HOUR, "30m", true),
    O(session_max, DURATION, 60, 7 * 24 * HOUR, "12h", true),
    O(password_min, INT, 8, 128, "12", true),
};
const size_t config_options_n = sizeof(config_options) / sizeof(*config_options);

const struct config_option *config_option(str name)
{
    for (size_t i = 0; i < config_options_n; i++)
        if (str_eq(name, str_c(config_options[i].name)))
            return &config_options[i];
    return NULL;
}

enum { NAME_MAX_LEN = 40 };

static size_t edit_distance(str a, str b)
{
    size_t row[NAME_MAX_LEN + 1];

    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t up = row[j], cost = corner + (a.p[i - 1] != b.p[j - 1]);
            size_t best = up < row[j - 1] ? up + 1 : row[j - 1] + 1;
            row[j] = cost < best ? cost : best;
            corner = up;
        }
    }
    return row[b.n];
}

const char *config_nearest(str name)
{
    const char *best = NULL;
    size_t least = 4;

    if (name.n > NAME_MAX_LEN)
        return NULL;
    for (size_t i = 0; i < config_options_n; i++) {
        size_t d = edit_distance(name, str_c(config_options[i].name));
        if (d < least && d < name.n) {
            least = d;
            best = config_options[i].name;
        }
    }
    return best;
}

struct line {
    const char *file;
    struct arena *a;
    struct config *c;
    struct errs *es;
    uint32_t no;
};

static void mistake(struct line *l, size_t col, const char *key, const char *arg0, const char *arg1)
{
    struct err e = {0};
    ERR(&e, -EINVAL, key, arg0, arg1);
    err_at(&e, l->file, l->no, (uint32_t)col + 1);
    errs_add(l->es, &e);
}

/* A value in quotes may hold '#', spaces at its ends and \" \\; else a comment
 * begins at " #". *rest is what follows the closing quote. */
static bool take_value(struct line *l, str text, size_t col, str *out)
{
    char *p;
    size_t n = 0, i = 1;

    if (text.n == 0 || text.p[0] != '"') {
        for (size_t k = 0; k < text.n; k++)
            if (text.p[k] == '#' && (k == 0 || text.p[k - 1] == ' ' || text.p[k - 1] == '\t'))
                text.n = k;
        *out = str_trim(text);
        return true;
    }
    p = arena_alloc(l->a, text.n);
    for (; p != NULL && i < text.n && text.p[i] != '"'; i++) {
        if (text.p[i] == '\\' && i + 1 < text.n && (text.p[i + 1] == '"' || text.p[i + 1] == '\\'))
            i++;
        p[n++] = text.p[i];
    }
    str rest = str_trim(str_sub(text, i + 1, text.n));
    if (p == NULL || i >= text.n || (rest.n > 0 && rest.p[0] != '#')) {
        mistake(l, col, "config.quote", NULL, NULL);
        return false;
    }
    *out = (str){p, n};
    return true;
}

static bool name_char(char c) { return (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9'); }

static void take_line(struct line *l, str text, uint32_t *seen)
{
    size_t col = 0, end;
    struct err e = {0};
    str name, value;

    while (col < text.n && (text.p[col] == ' ' || text.p[col] == '\t'))
        col++;
    if (col == text.n || text.p[col] == '#')
        return;
    for (end = col; end < text.n && name_char(text.p[end]);)
        end++;
    name = str_sub(text, col, end - col);
    while (end < text.n && (text.p[end] == ' ' || text.p[end] == '\t'))
        end++;
    if (name.n == 0 || end == text.n || text.p[end] != '=') {
        mistake(l, end, "config.no_equals", NULL, NULL);
        return;
    }
    const struct config_option *o = config_option(name);
    if (o == NULL) {
        const char *near = config_nearest(name);
        mistake(l, col, near != NULL ? "config.unknown_near" : "config.unknown", err_s(name), near);
        return;
    }
    if (seen[o - config_options] > 0) {
        mistake(l, col, "config.twice", err_s(name), err_n(seen[o - config_options]));
        return;
    }
    seen[o - config_options] = l->no;
    for (end++; end < text.n && (text.p[end] == ' ' || text.p[end] == '\t');)
        end++;
    if (!take_value(l, str_sub(text, end, text.n), end, &value))
        return;
    if (!config_set(l->a, l->c, o, value, &e)) {
        err_at(&e, l->file, l->no, (uint32_t)end + 1);
        errs_add(l->es, &e);
    }
}

int config_parse(struct arena *a, str text, const char *name, struct config *c, struct errs *es)
{
    struct line l = {name, a, c, es, 0};
    uint32_t seen[sizeof(config_options) / sizeof(*config_options)] = {0};
    uint64_t before = es->total;
    str rest = text, line;

    if (str_starts(rest, STR("\xef\xbb\xbf")))
        rest = str_sub(rest, 3, rest.n);
    while (rest.p != NULL && str_split(&rest, '\n', &line)) {
        l.no++;
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (!utf8_valid(line) || memchr(line.p != NULL ? line.p : "", '\0', line.n) != NULL)
            mistake(&l, 0, "config.not_text", NULL, NULL);
        else
            take_line(&l, line, seen);
    }
    return es->total > before ? -EINVAL : 0;
}

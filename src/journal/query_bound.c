/* Numbers, times, durations and networks as tests of a field. Pure, any thread. */
#include "journal/query_parse-int.h"
#include "journal/segment.h"

bool qp_bound(struct qp *p, enum value_type t, str s, struct query_bound *out)
{
    struct query_bound b = {.set = true, .in = true, .text = s};
    bool number = decimal_parse(s, &b.d);

    if (t == VT_TIME) {
        if (!query_time_parse(s, p->env->now_ns, &b.num))
            return false;
        b.whole = true;
    } else if (t == VT_DURATION) {
        fixed9 v;
        if (number ? !decimal_fixed(&b.d, &v) || v < 0 || v > INT64_MAX : !query_span_parse(s, &b.num))
            return false;
        if (number) /* seconds */
            b.num = (int64_t)v;
        b.whole = true;
    } else if (!number) {
        return false;
    } else {
        b.whole = str_i64(s, &b.num);
    }
    *out = b;
    return true;
}

static bool host_bits(str s, char t[PREFIX_TEXT_MAX], size_t *n)
{
    str addr, rest = s;
    struct ip ip;
    int64_t len;

    if (!str_split(&rest, '/', &addr) || !rest.p || !ip_parse(addr, &ip) || !str_i64(rest, &len) || len < 0 ||
        len > (ip.family == 4 ? 32 : 128))
        return false;
    for (int bit = (int)len; bit < (ip.family == 4 ? 32 : 128); bit++)
        ip.b[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    *n = prefix_fmt((struct prefix){ip, (uint8_t)len}, t, PREFIX_TEXT_MAX);
    return true;
}

bool qp_net(struct qp *p, const struct qp_value *v, struct prefix *out)
{
    char t[PREFIX_TEXT_MAX];
    struct ip ip;
    size_t n;

    if (ip_parse(v->text, &ip)) {
        *out = (struct prefix){ip, ip.family == 4 ? 32 : 128};
        return true;
    }
    if (prefix_parse(v->text, out))
        return true;
    if (host_bits(v->text, t, &n))
        qp_fail_at(p, v->at, "journal.query_prefix", v->text, (str){t, n});
    return false;
}

bool qp_relay_name(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], low = (char)(c | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && (i == 0 || memchr("-._", c, 3) == NULL))
            return false;
    }
    return s.n < sizeof((struct segment){0}.relay);
}

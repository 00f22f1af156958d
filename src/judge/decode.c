/* Messages to fields. Deterministic: the first pattern that fits, and of all
 * its readings the one with the shortest captures from the left. The memo of
 * dead ends keeps the work at length of message times elements of the pattern,
 * whatever the message says. One thread. */
#include "judge/decode.h"

enum { FREE_STEPS = 64 }; /* before the memo is worth its clearing */

struct match {
    const struct pattern *p;
    str msg;
    struct decode_run *run;
    str got[PAT_ELEMENTS];
    uint32_t steps;
    bool memo;
};

void decode_run_done(struct decode_run *r)
{
    free(r->memo);
    *r = (struct decode_run){0};
}

static size_t memo_bit(const struct match *m, size_t el, size_t pos) { return el * (m->msg.n + 1) + pos; }

static bool memo_dead(const struct match *m, size_t el, size_t pos)
{
    size_t bit = memo_bit(m, el, pos);

    return m->memo && (m->run->memo[bit / 8] >> (bit % 8) & 1);
}

static void memo_start(struct match *m)
{
    size_t need = (m->p->n + 1) * (m->msg.n + 1) / 8 + 1;

    if (m->run->cap < need) {
        uint8_t *more = realloc(m->run->memo, need);
        if (more == NULL)
            return;
        m->run->memo = more;
        m->run->cap = need;
    }
    memset(m->run->memo, 0, need);
    m->memo = true;
}

static bool dead(struct match *m, size_t el, size_t pos)
{
    size_t bit = memo_bit(m, el, pos);

    if (!m->memo && ++m->steps > FREE_STEPS)
        memo_start(m);
    if (m->memo)
        m->run->memo[bit / 8] |= (uint8_t)(1 << (bit % 8));
    return false;
}

/* The farthest a capture of this class that starts at pos can end. */
static size_t reach(const struct match *m, enum pat_class cls, size_t pos)
{
    size_t end = pos;

    if (cls == PC_TEXT || cls == PC_LAST)
        return m->msg.n;
    while (end < m->msg.n) {
        char ch = m->msg.p[end];
        bool ok = cls == PC_INT ? ch >= '0' && ch <= '9' : ch != ' ' && ch != '\t';
        if (!ok)
            break;
        end++;
    }
    return end;
}

static bool fits(struct match *m, size_t el, size_t pos);

static bool take(struct match *m, size_t el, size_t pos, size_t end)
{
    if (!fits(m, el + 1, end))
        return false;
    m->got[el] = (str){m->msg.p + pos, end - pos};
    return true;
}

static bool capture_shortest(struct match *m, size_t el, size_t from, size_t least, size_t most)
{
    str next = m->p->el[el + 1].text;

    for (size_t end = least; end <= most; end++) {
        size_t at = str_find(str_sub(m->msg, end, m->msg.n), next);
        if (at == SIZE_MAX || end + at > most)
            return false;
        end += at;
        if (take(m, el, from, end))
            return true;
    }
    return false;
}

static bool capture_longest(struct match *m, size_t el, size_t from, size_t least, size_t most)
{
    for (size_t end = most + 1; end-- > least;)
        if (str_starts(str_sub(m->msg, end, m->msg.n), m->p->el[el + 1].text) && take(m, el, from, end))
            return true;
    return false;
}

static bool fits(struct match *m, size_t el, size_t pos)
{
    if (el == m->p->n)
        return pos == m->msg.n;
    if (memo_dead(m, el, pos))
        return false;
    const struct pat_el *e = &m->p->el[el];
    bool ok;
    if (e->cls == PC_LITERAL) {
        ok = str_starts(str_sub(m->msg, pos, m->msg.n), e->text) && fits(m, el + 1, pos + e->text.n);
    } else {
        size_t most = reach(m, e->cls, pos), least = pos + (e->cls == PC_INT ? 1 : 0);
        if (el + 1 == m->p->n)
            ok = most == m->msg.n && least <= most && take(m, el, pos, most);
        else
            ok = e->cls == PC_LAST ? capture_longest(m, el, pos, least, most)
                                   : capture_shortest(m, el, pos, least, most);
    }
    return ok || dead(m, el, pos);
}

bool pattern_fits(const struct pattern *p, str msg, struct fields *f, struct decode_run *r)
{
    struct match m = {.p = p, .msg = msg, .run = r};

    if (p->el[0].cls == PC_LITERAL ? !str_starts(msg, p->el[0].text) : str_find(msg, p->longest) == SIZE_MAX)
        return false;
    if (!fits(&m, 0, 0))
        return false;
    for (size_t i = 0; i < p->n; i++)
        if (p->el[i].field >= 0)
            fields_put(f, p->el[i].field, m.got[i]);
    for (size_t i = 0; i < p->nset; i++)
        fields_put(f, p->set[i].field, p->set[i].value);
    fields_put(f, FLD_EVENT, p->event);
    return true;
}

bool decode_message(const struct decoders *d, const struct decoder *own, str msg, struct fields *f,
                    struct decode_run *r)
{
    const struct decoder *both[] = {own, &d->any};

    msg = str_trim(msg); /* sudo pads short names at the front */
    if (msg.n > DECODE_MSG_MAX) {
        r->too_long++;
        return false;
    }
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; both[k] != NULL && i < both[k]->n; i++)
            if (pattern_fits(&both[k]->v[i], msg, f, r))
                return true;
    return false;
}

str decode_repeat(str msg, uint32_t *times)
{
    static const str head = STR("message repeated "), mid = STR(" times: [");
    str rest = str_sub(msg, head.n, msg.n);
    uint64_t n;

    *times = 1;
    if (!str_starts(msg, head))
        return msg;
    size_t at = str_find(rest, mid);
    if (at == SIZE_MAX || !str_u64(str_sub(rest, 0, at), &n) || n == 0)
        return msg;
    rest = str_trim(str_sub(rest, at + mid.n, rest.n));
    if (rest.n == 0 || rest.p[rest.n - 1] != ']')
        return msg;
    *times = n > 1000 ? 1000 : (uint32_t)n;
    rest.n--;
    return rest;
}

/* ---- Lũy's own events ---- */

/* A quoted value from behind its first quote; *rest is what follows the last. */
static str quoted(struct arena *a, str s, str *rest)
{
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0, i = 0;

    for (; i < s.n && s.p[i] != '"'; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n)
            i++;
        if (out != NULL)
            out[n++] = s.p[i];
    }
    *rest = str_sub(s, i + 1, s.n);
    return (str){out, n};
}

void decode_pairs(const struct names *names, struct arena *a, str msg, struct fields *f)
{
    for (int pairs = 0; msg.n > 0 && pairs < 64; pairs++) {
        size_t eq = 0, sp;
        msg = str_trim(msg);
        while (eq < msg.n && msg.p[eq] != '=' && msg.p[eq] != ' ')
            eq++;
        if (eq == msg.n || msg.p[eq] == ' ') { /* a word alone says nothing */
            msg = str_sub(msg, eq, msg.n);
            continue;
        }
        str key = str_sub(msg, 0, eq), value;
        msg = str_sub(msg, eq + 1, msg.n);
        if (str_starts(msg, STR("\""))) {
            value = quoted(a, str_sub(msg, 1, msg.n), &msg);
        } else {
            sp = str_find(msg, STR(" "));
            value = str_sub(msg, 0, sp);
            msg = sp == SIZE_MAX ? STR("") : str_sub(msg, sp, msg.n);
        }
        fields_put(f, names_find((struct names *)names, key), value);
    }
}

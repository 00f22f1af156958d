/* How well a record's folded text fits what somebody typed. Pure functions
 * over text from outside; any thread. */
#include "registry/find-int.h"
#include "base/text.h"

enum { NEAR_LEN_MAX = 40 };

static bool alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80) != 0; }

/* The best place of a word in the text: whole word, start of one, or part. */
static enum match place(str text, str word)
{
    enum match best = MATCH_NONE;

    for (size_t at = 0; at + word.n <= text.n;) {
        const char *p = memmem(text.p + at, text.n - at, word.p, word.n);
        if (p == NULL)
            break;
        size_t i = (size_t)(p - text.p);
        bool start = i == 0 || !alnum(text.p[i - 1]), end = i + word.n == text.n || !alnum(text.p[i + word.n]);
        enum match m = start && end ? MATCH_WORD : start ? MATCH_WORD_START : MATCH_PART;
        if (m > best)
            best = m;
        if (best == MATCH_WORD)
            break;
        at = i + 1;
    }
    return best;
}

enum match match_doc(const struct query *q, str text, str key, str title)
{
    enum match m = MATCH_WORD;

    for (size_t i = 0; i < q->nwords; i++) {
        enum match one = place(text, q->word[i]);
        if (one == MATCH_NONE)
            return MATCH_NONE;
        if (one < m)
            m = one;
    }
    if (str_eq(key, q->q) || str_eq(title, q->q))
        return MATCH_KEY;
    return str_starts(key, q->q) || str_starts(title, q->q) ? MATCH_START : m;
}

unsigned near_max(str word) { return word.n < 4 || word.n > NEAR_LEN_MAX ? 0 : word.n < 8 ? 1 : 2; }

/* Optimal string alignment, given up as soon as a whole row is above max. */
bool match_near(str a, str b, unsigned max)
{
    unsigned row[3][NEAR_LEN_MAX + 3];

    if (a.n > NEAR_LEN_MAX || b.n > NEAR_LEN_MAX + 2 || a.n > b.n + max || b.n > a.n + max)
        return false;
    for (unsigned j = 0; j <= b.n; j++)
        row[0][j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3], least = i;
        now[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            unsigned v = last[j - 1] + (a.p[i - 1] != b.p[j - 1]);
            v = last[j] + 1 < v ? last[j] + 1 : v;
            v = now[j - 1] + 1 < v ? now[j - 1] + 1 : v;
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] && before[j - 2] + 1 < v)
                v = before[j - 2] + 1;
            now[j] = v;
            least = v < least ? v : least;
        }
        if (least > max)
            return false;
    }
    return row[a.n % 3][b.n] <= max;
}

static bool all_alnum(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!alnum(s.p[i]))
            return false;
    return true;
}

/* The next run of characters that a word of the query could stand for. */
static str next_token(str *rest, bool plain)
{
    size_t i = 0, n = 0;

    while (i < rest->n && (plain ? !alnum(rest->p[i]) : rest->p[i] == ' '))
        i++;
    while (i + n < rest->n && (plain ? alnum(rest->p[i + n]) : rest->p[i + n] != ' '))
        n++;
    str t = str_sub(*rest, i, n);
    *rest = str_sub(*rest, i + n, SIZE_MAX);
    return t;
}

/* Which characters there are, as bits: an edit takes one away and adds one at
 * most, so what differs in more bits than that is not near. */
static uint64_t bag(str s)
{
    uint64_t b = 0;

    for (size_t i = 0; i < s.n; i++)
        b |= 1ull << (s.p[i] & 63);
    return b;
}

static bool may_be_near(str w, uint64_t letters, str t, unsigned max)
{
    return t.n <= w.n + max && w.n <= t.n + max && (unsigned)__builtin_popcountll(letters ^ bag(t)) <= 2 * max;
}

bool near_doc(const struct query *q, str text, unsigned *off)
{
    *off = 0;
    for (size_t i = 0; i < q->nwords; i++) {
        str w = q->word[i], rest = text, t;
        unsigned max = near_max(w), best = UINT32_MAX;
        bool plain = all_alnum(w);
        uint64_t letters = bag(w);
        if (place(text, w) != MATCH_NONE)
            continue;
        for (unsigned look = max; look > 0 && (t = next_token(&rest, plain)).n > 0;)
            if (may_be_near(w, letters, t, look) &&
                match_near(w, t, look)) { /* from here on only a nearer one counts */
                best = match_near(w, t, look - 1) ? look - 1 : look;
                look = best > 1 ? best - 1 : 0;
            }
        if (best > max)
            return false;
        *off += best;
    }
    return true;
}

static bool query_make(struct arena *a, str text, bool fuzzy, struct query *out)
{
    str rest, head;

    *out = (struct query){.fuzzy = fuzzy};
    rest = text_fold(a, text);
    if (rest.p == NULL)
        return false;
    out->q = rest = str_trim(rest);
    while (out->nwords < FIND_WORDS && str_split(&rest, ' ', &head))
        if (head.n > 0)
            out->word[out->nwords++] = head;
    return out->nwords > 0;
}

/* Digits of a telephone number as they are kept, from its first digit after the
 * trunk zero or +84: both spellings contain it. */
static str phone_digits(struct arena *a, str q)
{
    char *p = arena_alloc(a, q.n + 1);
    size_t n = 0;

    for (size_t i = 0; p != NULL && i < q.n; i++) {
        char c = q.p[i];
        if (c >= '0' && c <= '9')
            p[n++] = c;
        else if (c != ' ' && c != '.' && c != '-' && c != '(' && c != ')' && !(c == '+' && n == 0))
            return STR_NONE;
    }
    str d = {p, n};
    if (str_starts(q, STR("+84")) || (n >= 11 && str_starts(d, STR("84"))))
        d = str_sub(d, 2, SIZE_MAX);
    else if (str_starts(d, STR("0")))
        d = str_sub(d, 1, SIZE_MAX);
    return d.n >= 6 ? d : STR_NONE;
}

/* "00-00-5E", "0000.5e": the beginning of a MAC as it is kept. */
static str mac_part(struct arena *a, str q)
{
    char *p = arena_alloc(a, q.n * 2 + 2);
    size_t n = 0, digits = 0;
    bool marks = false;

    for (size_t i = 0; p != NULL && i < q.n; i++) {
        char c = q.p[i] >= 'A' && q.p[i] <= 'F' ? (char)(q.p[i] + 32) : q.p[i];
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) {
            if (digits > 0 && digits % 2 == 0)
                p[n++] = ':';
            p[n++] = c;
            digits++;
        } else if (c == ':' || c == '-' || c == '.') {
            marks = true;
        } else {
            return STR_NONE;
        }
    }
    return marks && digits >= 4 && digits <= 12 && digits % 2 == 0 ? (str){p, n} : STR_NONE;
}

size_t find_spellings(struct arena *a, str q, struct query *out, size_t max)
{
    char text[PREFIX_TEXT_MAX];
    str other[4];
    size_t n = 0, k = 0;
    struct mac mac;
    struct prefix px;
    struct ip ip;
    bool number = false;

    q = str_trim(q);
    if (mac_parse(q, &mac)) {
        other[k++] = arena_str(a, (str){text, mac_fmt(mac, text, sizeof(text))});
        number = true;
    } else if (ip_parse(q, &ip)) {
        other[k++] = arena_str(a, (str){text, ip_fmt(ip, text, sizeof(text))});
        number = true;
    } else if (prefix_parse(q, &px)) {
        other[k++] = arena_str(a, (str){text, prefix_fmt(px, text, sizeof(text))});
        number = true;
    } else {
        other[k] = mac_part(a, q);
        k += other[k].p != NULL;
        other[k] = phone_digits(a, q);
        k += other[k].p != NULL;
    }
    if (n < max && query_make(a, q, !number, &out[n]))
        n++;
    for (size_t i = 0; i < k && n < max && n > 0; i++)
        if (!str_eq(other[i], out[0].q) && query_make(a, other[i], false, &out[n]))
            n++;
    return n;
}

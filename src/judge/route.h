/* Which rules can fit an event: by its program and facility. The table
 * packs/common/logsources.yaml says what a Sigma logsource means here:
 *
 *   - {product: linux, service: sshd, programs: [sshd, sshd-session]}
 *   - {product: linux, service: auth, facilities: [auth, authpriv]}
 *   - {product: linux, service: syslog}          # every line
 *
 * A rule goes to every row that has all of the rule's keys with its values. A
 * row with programs and facilities wants both. Program names are compared
 * whole, or behind the last '/'. Program "luyd" is Lũy itself: only its own
 * events count as such, whatever a sender calls itself. A rule whose logsource
 * fits no row is loaded and waits. */
#ifndef LUY_JUDGE_ROUTE_H
#define LUY_JUDGE_ROUTE_H
#include "base/yaml.h"
#include "judge/decode.h"
#include "judge/sigma.h"

#define OWN_PROGRAM "luyd"
enum { ROUTE_PROGRAMS_MAX = 4000 };
struct route_row {
    str category, product, service;
    str *programs;
    size_t nprograms;
    uint32_t facilities;
};
struct route_rule {
    int rule;
    uint32_t facilities;
};
struct route {
    struct route_rule *v;
    size_t n, cap;
    const struct decoder *decoder;
};
struct routes {
    struct route_row *rows;
    size_t nrows, cap;
    struct map by_program; /* -> struct route* */
    struct route any;      /* rules for every program but our own */
    size_t waiting;        /* rules that no row routes */
};
void routes_init(struct routes *r);
void routes_done(struct routes *r);
bool routes_build(struct routes *r, struct arena *a, const struct sigma_rule *rules, size_t n,
                  const struct decoders *d);
/* NULL: nobody wants this program by name. */
const struct route *routes_find(struct routes *r, str program);
uint32_t facility_bit(str name); /* 0: unknown */
const char *facility_text(unsigned f);
const char *severity_text(unsigned s);
#endif

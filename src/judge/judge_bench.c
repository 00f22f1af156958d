/* How fast the judge reads: lines that no decoder wants, lines of sshd that it
 * decodes, and a flood that fills windows. `bench_judge PACKS [events]`. */
#include "base/log.h"
#include "base/msg.h"
#include "intake/syslog.h"
#include "judge/judge-int.h"

enum { BATCH = 1000, KINDS = 3 };
static const char *const names[KINDS] = {"no decoder", "sshd, decoded", "sshd, failed logins"};
static void line_of(int kind, unsigned i, char *out, size_t cap)
{
    static const char head[] = "1 2026-11-21T02:30:00Z";

    if (kind == 0)
        snprintf(out, cap, "<30>%s app-%u nginx 812 - - 192.0.2.%u GET /index.html 200 5316 upstream 0.004", head,
                 i % 40, i % 200);
    else if (kind == 1)
        snprintf(out, cap, "<38>%s web-%u sshd 99 - - Connection closed by 192.0.2.%u port 4022 [preauth]", head,
                 i % 40, i % 200);
    else
        snprintf(out, cap, "<38>%s web-%u sshd 99 - - Failed password for an from 192.0.2.%u port 22 ssh2", head,
                 i % 40, i % 200);
}

/* Time of our own on a processor: the figure is the judge's, not the machine's. */
static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static str batch_of(struct event_batch *b, int kind)
{
    int64_t received = 1795228200 * NS_PER_S;

    event_batch_clear(b);
    for (unsigned i = 0; i < BATCH; i++) {
        char line[300];
        struct event ev;
        line_of(kind, i, line, sizeof(line));
        syslog_parse(str_c(line), received, &ev);
        ev.transport = TP_UDP;
        ev.source = (struct ip){4, {192, 0, 2, (uint8_t)(i % 40)}};
        event_batch_add(b, &ev);
    }
    return event_batch_seal(b);
}

static int run(struct judge *j, int kind, uint64_t events, uint64_t *seq)
{
    struct event_batch b;
    struct err e;

    event_batch_init(&b, EVENT_BATCH_MAX);
    str wire = batch_of(&b, kind);
    double from = now_s();
    for (uint64_t done = 0; done < events; done += BATCH) {
        if (judge_events(j, wire, *seq, &e) < 0) {
            log_err(LOG_ERROR, "bench", &e);
            return 1;
        }
        *seq += BATCH;
    }
    double took = now_s() - from;
    printf("%-22s %10.0f events a CPU second  %6.2f us each\n", names[kind], (double)events / took,
           took / (double)events * 1e6);
    event_batch_done(&b);
    return 0;
}

int main(int argc, char **argv)
{
    struct judge_cfg cfg = {.packs_dir = argc > 1 ? argv[1] : "packs"};
    uint64_t events = 2000000, seq = 1;
    struct judge *j;
    struct errs es;
    struct err e;

    if (argc > 2 && !str_u64(str_c(argv[2]), &events))
        return 2;
    errs_init(&es, 10);
    log_set_level(LOG_ERROR);
    if (judge_open(&cfg, NULL, &clock_system, &j, &es, &e) < 0) {
        for (size_t i = 0; i < es.n; i++)
            log_err(LOG_ERROR, "pack", &es.v[i]);
        return 1;
    }
    struct judge_stats st;
    judge_stats(j, &st);
    printf("%llu rules\n", (unsigned long long)st.rules);
    for (int kind = 0; kind < KINDS; kind++)
        if (run(j, kind, events, &seq) != 0)
            return 1;
    judge_close(j);
    errs_done(&es);
    return 0;
}

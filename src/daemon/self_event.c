/* The queue behind self_event.h. A producer copies its text under a lock and
 * goes on; nobody ever waits for the journal. */
#include "daemon/self_event.h"
#include "intake/syslog.h"
#include <pthread.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { WAITING_MAX = 4096, MSG_MAX = 4000, FACILITY_SYSLOG = 5 };

struct said {
    int64_t at;
    int severity;
    char *msg;
    size_t n;
};
struct self_queue {
    pthread_mutex_t lock;
    struct said *v; /* ring of WAITING_MAX */
    size_t head, n;
    uint64_t dropped;
    const struct clock *clk;
    int wake_fd;
    char host[256];
};

struct self_queue *self_queue_new(const struct clock *clk, int wake_fd)
{
    struct self_queue *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return NULL;
    q->v = calloc(WAITING_MAX, sizeof(*q->v));
    q->clk = clk;
    q->wake_fd = wake_fd;
    pthread_mutex_init(&q->lock, NULL);
    if (gethostname(q->host, sizeof(q->host) - 1) < 0 || q->host[0] == '\0')
        memcpy(q->host, "localhost", sizeof("localhost"));
    if (q->v == NULL) {
        self_queue_free(q);
        return NULL;
    }
    return q;
}

void self_queue_free(struct self_queue *q)
{
    if (q == NULL)
        return;
    for (size_t i = 0; i < q->n; i++)
        free(q->v[(q->head + i) % WAITING_MAX].msg);
    pthread_mutex_destroy(&q->lock);
    free(q->v);
    free(q);
}

void self_say(struct self_queue *q, int severity, str msg)
{
    size_t n = msg.n < MSG_MAX ? msg.n : MSG_MAX;
    char *copy = malloc(n + 1);
    bool kept = false;

    if (copy != NULL)
        memcpy(copy, msg.p, n);
    pthread_mutex_lock(&q->lock);
    if (copy != NULL && q->n < WAITING_MAX) {
        q->v[(q->head + q->n++) % WAITING_MAX] = (struct said){clock_wall(q->clk), severity, copy, n};
        kept = true;
    } else {
        q->dropped++;
    }
    pthread_mutex_unlock(&q->lock);
    if (!kept)
        free(copy);
    else if (q->wake_fd >= 0)
        eventfd_write(q->wake_fd, 1);
}

void self_sayf(struct self_queue *q, int severity, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    self_say(q, severity, str_c(text));
}

/* "2026-11-21T09:30:00Z warn intake_restart pid=412" -> "event=intake_restart pid=412" */
void self_say_log(struct self_queue *q, int severity, str line)
{
    struct buf b;
    str rest = str_trim(line), word;

    if (!str_split(&rest, ' ', &word) || rest.p == NULL || !str_split(&rest, ' ', &word) || rest.p == NULL)
        return;
    buf_init(&b, MSG_MAX + 16);
    buf_z(&b, "event=");
    buf_str(&b, str_sub(rest, 0, MSG_MAX));
    self_say(q, severity, buf_view(&b));
    buf_done(&b);
}

void self_event_make(struct buf *line, int64_t at_ns, const char *host, long pid, int severity, str msg,
                     struct event *out)
{
    char at[40];

    time_fmt(at_ns, 6, at, sizeof(at));
    buf_clear(line);
    buf_fmt(line, "<%d>1 %s %s luyd %ld - - ", FACILITY_SYSLOG * 8 + (severity & 7), at, host, pid);
    buf_str(line, msg);
    syslog_parse(buf_view(line), at_ns, out);
    out->transport = TP_SELF;
    out->source.family = 0;
    out->source_port = 0;
}

size_t self_take(struct self_queue *q, struct event_batch *b)
{
    struct buf line;
    size_t taken = 0;

    buf_init(&line, MSG_MAX + 512);
    pthread_mutex_lock(&q->lock);
    while (q->n > 0) {
        struct said *s = &q->v[q->head];
        struct event ev;
        self_event_make(&line, s->at, q->host, (long)getpid(), s->severity, (str){s->msg, s->n}, &ev);
        if (!event_batch_add(b, &ev))
            break;
        free(s->msg);
        q->head = (q->head + 1) % WAITING_MAX;
        q->n--;
        taken++;
    }
    pthread_mutex_unlock(&q->lock);
    buf_done(&line);
    return taken;
}

uint64_t self_dropped(struct self_queue *q)
{
    pthread_mutex_lock(&q->lock);
    uint64_t n = q->dropped;
    pthread_mutex_unlock(&q->lock);
    return n;
}

/* Makes IPFIX messages (RFC 7011), the same for the same seed, each behind its
 * length as u16:
 *     flow_gen FLOWS [SEED] > corpus.ipfix
 * 24 records of 47 bytes a message, the template first and every 500 messages.
 * Clients and servers are drawn with a few that are busy and many that are rare,
 * ports by service; most flows are followed by their answer. */
#include <math.h>
#include <stdint.h>
#include <time.h>

enum { CLIENTS = 200000, SERVERS = 20000, NETS = 4000, PER = 24, WAITING = 64, RECORD = 47 };
static const uint16_t template[] = {8,  4, 12, 4, 7,  2, 11, 2, 4, 1, 6,   1, 5,   1,
                                    10, 2, 14, 2, 15, 4, 2,  4, 1, 4, 152, 8, 153, 8};
static const struct {
    uint16_t port;
    uint8_t proto;
    double share;
} services[] = {{443, 6, .42},  {53, 17, .64},  {80, 6, .73},  {443, 17, .81}, {22, 6, .84}, {25, 6, .86},
                {123, 17, .89}, {3389, 6, .91}, {445, 6, .94}, {161, 17, .97}, {0, 1, 1}}; /* added up */

struct pool {
    uint32_t *ip;
    double *sum;
    int n;
};
static uint64_t state;
static uint8_t message[4096], *at, waiting[WAITING][RECORD];
static int nwaiting;

static uint64_t draw(void) /* splitmix64 */
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
static double part(void) { return (double)(draw() >> 11) / 9007199254740992.0; }
static double normal(void) { return sqrt(-2 * log(1 - part())) * cos(6.283185307179586 * part()); }

static void put(uint64_t v, int n)
{
    for (int i = n - 1; i >= 0; i--)
        *at++ = (uint8_t)(v >> 8 * i);
}

static struct pool pool_make(int n, double power, double inside, uint32_t net, const uint32_t *nets)
{
    struct pool p = {malloc((size_t)n * sizeof(*p.ip)), malloc((size_t)n * sizeof(*p.sum)), n};
    double sum = 0;

    if (p.ip == NULL || p.sum == NULL)
        exit(1);
    for (int i = 0; i < n; i++) {
        p.sum[i] = sum += pow(i + 1, -power);
        p.ip[i] = part() < inside ? net | (uint32_t)(draw() & (net == 0x0a000000 ? 0x3fffff : 0xfff))
                                  : nets[draw() % NETS] | (uint32_t)(1 + draw() % 254);
    }
    return p;
}

static uint32_t pool_pick(const struct pool *p)
{
    double x = part() * p->sum[p->n - 1];
    int lo = 0, hi = p->n - 1;

    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (p->sum[mid] < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return p->ip[lo];
}

struct flow {
    uint32_t src, dst, packets, bytes;
    uint16_t sport, dport, in, out;
    uint8_t proto, flags;
    uint64_t start, end;
};

static void flow_put(const struct flow *f)
{
    put(f->src, 4), put(f->dst, 4), put(f->sport, 2), put(f->dport, 2), put(f->proto, 1), put(f->flags, 1), put(0, 1);
    put(f->in, 2), put(f->out, 2), put(0, 4), put(f->packets, 4), put(f->bytes, 4), put(f->start, 8), put(f->end, 8);
}

static struct flow flow_draw(const struct pool *clients, const struct pool *servers, double now)
{
    struct flow f = {.src = pool_pick(clients), .dst = pool_pick(servers), .sport = (uint16_t)(32768 + draw() % 28232)};
    double x = part();
    int s = 0;

    while (x > services[s].share)
        s++;
    f.dport = services[s].proto == 1 ? 2048 : services[s].port;
    f.proto = services[s].proto;
    f.packets = f.proto == 6 ? (uint32_t)fmax(1, exp(2 + 1.4 * normal())) : 1 + (uint32_t)(draw() % 3);
    x = part();
    f.bytes = f.packets * (40 + (uint32_t)(part() * 1400 * x * x));
    f.end = (uint64_t)now;
    f.start = f.end - (f.packets > 1 ? (uint64_t)exp(fmin(12, 6 + 2 * normal())) : 0);
    f.flags = f.proto != 6 ? 0 : part() < .8 ? 0x1b : 2;
    f.sport = f.proto == 1 ? 0 : f.sport;
    f.in = 1 + (f.src & 7);
    f.out = 9 + (f.dst & 3);
    return f;
}

static void answer_keep(struct flow f)
{
    struct flow back = {f.dst,
                        f.src,
                        f.packets * 3 / 4 > 0 ? f.packets * 3 / 4 : 1,
                        f.bytes < 1u << 30 ? f.bytes * 4 : UINT32_MAX,
                        f.dport,
                        f.sport,
                        f.out,
                        f.in,
                        f.proto,
                        f.flags,
                        f.start,
                        f.end};
    uint8_t *place = at;

    if (f.flags == 2 || part() > .85)
        return;
    at = waiting[nwaiting < WAITING ? nwaiting++ : (int)(draw() % WAITING)];
    flow_put(&back);
    at = place;
}

int main(int argc, char **argv)
{
    uint32_t nets[NETS], seq = 0;
    double now = 1709510400000.0;

    if (argc < 2)
        return fprintf(stderr, "usage: flow_gen FLOWS [SEED]\n"), 2;
    uint64_t flows = strtoull(argv[1], NULL, 10), made = 0;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 7;
    for (int i = 0; i < NETS; i++)
        nets[i] = (uint32_t)(1 + draw() % 223) << 24 | (uint32_t)(draw() & 0xffff) << 8;
    struct pool clients = pool_make(CLIENTS, .9, .4, 0x0a000000, nets),
                servers = pool_make(SERVERS, 1.1, .5, 0x0ac80000, nets);
    for (uint64_t n = 0; made < flows; n++) {
        int records = flows - made < PER ? (int)(flows - made) : PER;
        at = message + 18;
        if (n % 500 == 0) {
            put(2, 2), put(8 + sizeof(template), 2), put(256, 2), put(sizeof(template) / 4, 2);
            for (size_t i = 0; i < sizeof(template) / 2; i++)
                put(template[i], 2);
        }
        put(256, 2), put((uint64_t)(4 + RECORD * records), 2);
        for (int i = 0; i < records; i++, made++) {
            if (nwaiting > 0 && part() < .5) {
                memcpy(at, waiting[--nwaiting], RECORD);
                at += RECORD;
                continue;
            }
            now -= log(1 - part()) / 5;
            struct flow f = flow_draw(&clients, &servers, now);
            flow_put(&f);
            answer_keep(f);
        }
        uint64_t size = (uint64_t)(at - message - 2);
        at = message;
        put(size, 2), put(10, 2), put(size, 2), put((uint64_t)(now / 1000), 4), put(seq, 4), put(1, 4);
        seq += (uint32_t)records;
        if (fwrite(message, size + 2, 1, stdout) != 1)
            return perror("flow_gen"), 1;
    }
    free(clients.ip), free(clients.sum), free(servers.ip), free(servers.sum);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* Sends messages, each behind its length as u16, as UDP datagrams:
 *     flow_send HOST PORT FILE MESSAGES-A-SECOND        0: as fast as it goes
 * The file is mapped and warm; the pace is kept each 64 messages. Prints how long it took. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 64 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void send_all(int s, struct mmsghdr *m, int n)
{
    for (int done = 0; done < n;) {
        int k = sendmmsg(s, m + done, (unsigned)(n - done), 0);
        done += k > 0 ? k : 0; /* refused while the receiver starts: again */
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct mmsghdr m[AT_ONCE];
    struct iovec io[AT_ONCE];
    struct stat st;
    uint64_t sent = 0;

    if (argc != 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
        return fprintf(stderr, "usage: flow_send HOST PORT FILE MESSAGES-A-SECOND\n"), 2;
    to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    double rate = strtod(argv[4], NULL);
    int file = open(argv[3], O_RDONLY), s = socket(AF_INET, SOCK_DGRAM, 0);
    if (file < 0 || fstat(file, &st) < 0 || s < 0 || connect(s, (struct sockaddr *)&to, sizeof(to)) < 0)
        return perror("flow_send"), 1;
    uint8_t *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0), *end = p + st.st_size;
    double began = now();
    while (end - p > 2) {
        int n = 0;
        for (; n < AT_ONCE && end - p > 2; n++) {
            size_t len = (size_t)(p[0] << 8 | p[1]);
            io[n] = (struct iovec){p + 2, len};
            m[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &io[n], .msg_iovlen = 1}};
            p += 2 + len;
        }
        send_all(s, m, n);
        sent += (uint64_t)n;
        while (rate > 0 && now() - began < (double)sent / rate) /* a core of its own: it may spin */
            ;
    }
    printf("%.4f\n", now() - began);
    return 0;
}

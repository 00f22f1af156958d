/* Sends a file over one TCP connection as fast as the receiver takes it:
 *     send HOST PORT FILE
 * The file is mapped and warm, so the receiver is what is measured. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct stat st;

    if (argc != 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
        fprintf(stderr, "usage: send HOST PORT FILE\n");
        return 2;
    }
    to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    int file = open(argv[3], O_RDONLY), s = socket(AF_INET, SOCK_STREAM, 0);
    if (file < 0 || fstat(file, &st) < 0 || s < 0 || connect(s, (struct sockaddr *)&to, sizeof(to)) < 0) {
        perror("send");
        return 1;
    }
    const char *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    for (off_t done = 0; done < st.st_size;) {
        size_t n = st.st_size - done > 1 << 20 ? 1 << 20 : (size_t)(st.st_size - done);
        ssize_t sent = send(s, p + done, n, MSG_NOSIGNAL);
        if (sent < 0) {
            perror("send");
            return 1;
        }
        done += sent;
    }
    close(s);
    return 0;
}

/* Replays a corpus folder through a fuzz target as TAP: one test, one file.
 * Every past crash is a file there. */
#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int replay(const char *dir, const char *name)
{
    char path[4096];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL || fstat(fileno(f), &st) < 0)
        return -1;
    uint8_t *p = malloc((size_t)st.st_size + 1);
    size_t n = fread(p, 1, (size_t)st.st_size, f);
    fclose(f);
    LLVMFuzzerTestOneInput(p, n);
    free(p);
    return 0;
}

static int is_file(const struct dirent *d) { return d->d_name[0] != '.'; }

int main(int argc, char **argv)
{
    struct dirent **list;
    int n = argc == 2 ? scandir(argv[1], &list, is_file, by_name) : -1;

    if (n <= 0) {
        printf("1..1\nnot ok 1 - corpus %s is missing or empty\n", argc == 2 ? argv[1] : "?");
        return 1;
    }
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        printf("%s %d - %s\n", replay(argv[1], list[i]->d_name) == 0 ? "ok" : "not ok", i + 1, list[i]->d_name);
        fflush(stdout);
        free(list[i]);
    }
    free(list);
    return 0;
}

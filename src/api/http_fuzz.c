/* Any bytes as a request below HTTP: first line, headers, empty line, body. A
 * header "As: admin" (or any role) asks as that account. Every answer is whole:
 * a known status, a problem document when it is one, JSON that parses. */
#include "api/world-int.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct world w;
static bool open;
static const char *const names[] = {"admin", "operator", "approver", "auditor", "unit_officer"};
static char tokens[5][512];

static void close_world(void) { world_close(&w); }

/* A token straight into the table: passwords cost time and are the unit test's. */
static void give_token(int i)
{
    char secret[80], hash[65];
    struct err e = {0};
    struct tx *tx;

    snprintf(secret, sizeof(secret), "luy_%064d", i);
    secret_hash(str_c(secret), hash);
    if (store_begin(w.store, STORE_WRITE, &tx, &e) < 0 ||
        tx_exec(tx, "UPDATE login SET must_change = 0", NO_VALS, NULL, &e) < 0 ||
        tx_exec(
            tx,
            "INSERT INTO api_token (hash, account_id, name, roles, created_at) SELECT ?1, account_id, 'fuzz', 31, 0 "
            "FROM login WHERE account = ?2",
            VALS(V_Z(hash), V_Z(names[i])), NULL, &e) < 0 ||
        store_commit(tx, &e) < 0)
        abort();
    snprintf(tokens[i], sizeof(tokens[i]), "\nAuthorization: Bearer %s", secret);
}

static void open_world(void)
{
    static const char unit[] = "{\"code\":\"DV\",\"name\":\"x\",\"tier\":\"province\"}";
    char once[ONE_TIME_PASSWORD_MAX], headers[600];

    world_open(&w);
    atexit(close_world);
    open = true;
    for (int i = 0; i < 5; i++) {
        world_account(&w, names[i], i == 4 ? "unit_officer@DV" : names[i], once);
        give_token(i);
        snprintf(headers, sizeof(headers), "Content-Type: application/json%s", tokens[0]);
        if (i == 0)
            world_call(&w, "POST /api/v1/unit", headers, unit, sizeof(unit) - 1);
        if (i == 0 && w.status != 201)
            abort();
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Outside of the time that one input may take. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    open_world();
    return 0;
}

static void check_answer(void)
{
    if (w.status < 200 || w.status > 599 || w.status == 500)
        abort();
    if (w.status >= 400 && strstr(w.type, "problem") != NULL &&
        (json_get_int(w.json, "status", 0) != w.status || json_get_str(w.json, "detail").n == 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char line[1024], headers[3000];
    str rest = {(const char *)p, n}, first, one;
    size_t h = 0;

    if (!open)
        open_world();
    if (n == 0 || n > 4000 || memchr(p, '\0', n) != NULL)
        return 0;
    str_split(&rest, '\n', &first);
    snprintf(line, sizeof(line), "%.*s", STR_ARGS(first));
    headers[0] = '\0';
    while (rest.p != NULL && str_split(&rest, '\n', &one) && one.n > 0) {
        for (int i = 0; i < 5; i++)
            if (str_starts(one, STR("As: ")) && str_eq(str_sub(one, 4, one.n), str_c(names[i])))
                h += (size_t)snprintf(headers + h, sizeof(headers) - h, "%s", tokens[i]);
        if (h + one.n + 2 < sizeof(headers) - 200)
            h += (size_t)snprintf(headers + h, sizeof(headers) - h, "\n%.*s", STR_ARGS(one));
    }
    /* argon2 costs 64 MiB a guess: passwords are the unit test's */
    if (strstr(line, "/session") != NULL && strncmp(line, "POST", 4) == 0)
        return 0;
    world_call(&w, line, headers, rest.p != NULL ? rest.p : "", rest.n);
    check_answer();
    w.said[0] = '\0';
    return 0;
}

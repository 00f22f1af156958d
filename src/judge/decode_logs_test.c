/* The shipped patterns over real logs of sshd, sudo and PAM. Every failed and
 * accepted login must come out with the user and the address that a plain look
 * from the right finds. Skipped, counted, without the data. */
#include "judge/test-int.h"

struct logs {
    struct packset *ps;
    struct fields f;
    struct decode_run run;
    struct arena own;
    unsigned lines, ssh, decoded, logins;
};

static str between(str s, const char *head, const char *tail)
{
    size_t at = str_find(s, str_c(head));
    str rest = at == SIZE_MAX ? STR_NONE : str_sub(s, at + strlen(head), s.n);
    size_t end = str_find(rest, str_c(tail));

    return rest.p == NULL || end == SIZE_MAX ? STR_NONE : str_sub(rest, 0, end);
}

static void must_be(struct logs *l, const char *field, str want, str line)
{
    str v;

    if (!fields_get(&l->f, names_find(l->ps->names, str_c(field)), &v) || !str_eq(v, want))
        fail_msg("%s is not \"%.*s\" in: %.*s", field, STR_ARGS(want), STR_ARGS(line));
}

static void check_login(struct logs *l, const struct event *ev, str msg)
{
    bool failed = str_starts(msg, STR("Failed password for ")), ok = str_starts(msg, STR("Accepted "));
    str user = between(msg, " for ", " from ");

    if (!failed && !ok)
        return;
    l->logins++;
    must_be(l, "event", failed ? STR("login_failed") : STR("login_ok"), ev->raw);
    must_be(l, "user", str_starts(user, STR("invalid user ")) ? str_sub(user, 13, user.n) : user, ev->raw);
    must_be(l, "src_ip", between(msg, " from ", " port "), ev->raw);
}

static void one_line(struct logs *l, str line)
{
    struct event ev;
    uint32_t times;

    l->lines++;
    syslog_parse(line, 1795228200 * NS_PER_S, &ev);
    ev.transport = TP_FILE;
    str program = event_field(&ev, SP_PROGRAM);
    fields_clear(&l->f);
    arena_clear(&l->own);
    const struct route *r = routes_find(&l->ps->routes, program);
    engine_decode(l->ps, &ev, program, r, &l->f, &l->run, &l->own, &times);
    str v;
    l->ssh += str_eq(program, STR("sshd")) || str_eq(program, STR("sshd-session"));
    l->decoded += fields_get(&l->f, FLD_EVENT, &v);
    if (r != NULL && r->decoder != NULL && str_starts(program, STR("sshd")))
        check_login(l, &ev, decode_repeat(str_trim(event_field(&ev, SP_MSG)), &times));
}

static void read_log(struct logs *l, const char *path)
{
    struct arena a = arena_init(64 << 20);
    struct err e;
    str text, line;

    assert_int_equal(file_read(&a, path, 32 << 20, &text, &e), 0);
    while (str_split(&text, '\n', &line))
        if (line.n > 0)
            one_line(l, line);
    arena_free(&a);
}

static struct logs *current;

static int visit(const char *path, const struct stat *st, int type, struct FTW *f)
{
    if (type == FTW_F && str_ends(str_c(path), STR(".log")) && strstr(path, "ssh") != NULL &&
        strstr(path, "sshesame") == NULL)
        read_log(current, path);
    return 0;
}

static void run(const char *what, bool folder)
{
    char path[4096], packs[4096];
    struct logs l = {0};
    struct errs es;

    if (shared_data(what, path, sizeof(path)) == NULL)
        skip();
    errs_init(&es, 10);
    snprintf(packs, sizeof(packs), "%s/packs", source_dir());
    assert_int_equal(packset_load(packs, &l.ps, &es), 0);
    assert_true(fields_init(&l.f, l.ps->names));
    l.own = arena_init(1 << 20);
    current = &l;
    if (folder)
        assert_int_equal(nftw(path, visit, 16, FTW_PHYS), 0);
    else
        read_log(&l, path);
    print_message("# %s: %u lines, %u of sshd, %u decoded, %u logins checked\n", what, l.lines, l.ssh, l.decoded,
                  l.logins);
    assert_true(l.lines > 0 && l.logins > 0);
    fields_done(&l.f);
    decode_run_done(&l.run);
    arena_free(&l.own);
    packset_unref(l.ps);
    errs_done(&es);
}

static void openssh_2k(void **state) { run("logs/loghub/OpenSSH_2k.log", false); }
static void hub(void **state) { run("logs/crowdsec-hub", true); }

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(openssh_2k), cmocka_unit_test(hub)};

    return cmocka_run_group_tests_name("decode_logs", tests, NULL, NULL);
}

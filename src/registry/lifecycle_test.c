/* Life cycles of the shipped schema: what a step asks for, what it refuses and
 * with which clause, what it does to others; and what must always hold. */
#include "registry/test-int.h"
#include "base/calendar.h"
#include "base/file.h"

static const struct actor OPERATOR = {.name = {"vanhanh", 7}, .account_id = 2, .roles = ROLE_OPERATOR};
static const struct actor APPROVER = {.name = {"duyet", 5}, .account_id = 3, .roles = ROLE_APPROVER};
static const struct actor STOCK = {.name = {"luyd", 4}, .roles = ROLE_SYSTEM};

static int setup(void **state)
{
    *state = fx_new(); /* Saturday, 21 November 2026 */
    fx_frame(*state);
    return 0;
}

/* A mistake at this place, whose sentences hold these texts in vi and in en. */
static void told(struct fixture *f, const char *at, const char *vi, const char *en)
{
    char text[2][800];

    for (size_t i = 0; i < f->es.n; i++) {
        err_sentence(&f->es.v[i], LANG_VI, text[0], sizeof(text[0]));
        err_sentence(&f->es.v[i], LANG_EN, text[1], sizeof(text[1]));
        if (strcmp(f->es.v[i].at, at) == 0 && strstr(text[0], vi) != NULL && strstr(text[1], en) != NULL)
            return;
    }
    fail_msg("no mistake at %s with \"%s\"; the first of %zu: %s %s", at, en, f->es.n, f->es.n > 0 ? f->es.v[0].at : "",
             f->es.n > 0 ? text[1] : fx_text(&f->e));
}

static void refused(struct fixture *f, const struct actor *who, const char *kind, const char *key, int64_t rev,
                    const char *patch)
{
    json_t *out = NULL;

    assert_int_equal(fx_change_as(f, who, kind, key, rev, patch, &out), -EINVAL);
    assert_null(out);
}

static void step(struct fixture *f, const struct actor *who, const char *kind, const char *key, int64_t rev,
                 const char *patch)
{
    json_t *out = NULL;

    if (fx_change_as(f, who, kind, key, rev, patch, &out) < 0)
        fail_msg("%s %s: %s / %s", kind, key, fx_text(&f->e), f->es.n > 0 ? fx_text(&f->es.v[0]) : "");
    json_decref(out);
}

static void is(struct fixture *f, const char *kind, const char *key, const char *member, const char *want)
{
    json_t *o = fx_get(f, kind, key);
    const json_t *v = json_object_get(o, member);
    const char *got = json_is_object(v) ? json_string_value(json_object_get(v, "key")) : json_string_value(v);

    if (got == NULL ? want != NULL : want == NULL || strcmp(got, want) != 0)
        fail_msg("%s %s: %s is %s, not %s", kind, key, member, got, want);
    json_decref(o);
}

static void create_refused(struct fixture *f, const struct actor *who, const char *kind, const char *text)
{
    json_t *out = NULL;

    assert_int_equal(fx_create_as(f, who, kind, text, &out), -EINVAL);
}

#define SERVER_YES                                                                                                     \
    "'origin_papers':'yes','serial_matches':'yes','no_malware':'yes','antivirus':'yes','patched':'yes',"               \
    "'passwords_changed':'yes','one_network':'yes','software_approved':'yes','admin_access':'yes','logs_sent':'yes'"

static void inspect(struct fixture *f, const char *device, const char *verdict, const char *until, const char *answers)
{
    char text[1000];

    snprintf(text, sizeof(text),
             "{'device':'%s','verdict':'%s','inspected_on':'2026-11-01','valid_until':'%s','answers':%s}", device,
             verdict, until, answers);
    fx_add(f, "inspection", text);
}

/* Three people: the operator declares, the inspector's record passes, the approver lets it in. */
static void admission(void **state)
{
    struct fixture *f = *state;

    fx_add(f, "device", "{'code':'MC1','name':'x','category':'server','unit':'STC','network':'WAN'}");
    step(f, &OPERATOR, "device", "MC1", 1, "{'state':'submitted'}");
    step(f, &OPERATOR, "device", "MC1", 2, "{'state':'inspecting'}");
    refused(f, &APPROVER, "device", "MC1", 3, "{'state':'approved'}");
    told(f, "/fields/state", "kết luận đạt", "verdict pass, in date");
    told(f, "/fields/state", "(TU-13.4, TW-4.5, VL-13.6)", "\"Approve\" needs a record of inspection");
    inspect(f, "MC1", "fail", "2027-11-01", "null");
    inspect(f, "MC1", "pass", "2026-11-20", "{" SERVER_YES ",'config_saved':'yes'}"); /* ran out yesterday */
    inspect(f, "MC1", "pass", "2027-11-01", "null");                                  /* nothing was answered */
    refused(f, &APPROVER, "device", "MC1", 3, "{'state':'approved'}");
    inspect(f, "MC1", "pass", "2027-11-01", "{" SERVER_YES ",'config_saved':{'answer':'na','note':'máy mới'}}");
    refused(f, &ADMIN, "device", "MC1", 3, "{'state':'approved'}"); /* declared it himself */
    told(f, "/fields/state", "không tự duyệt", "in the way: quantri");
    step(f, &APPROVER, "device", "MC1", 3, "{'state':'approved'}");
    step(f, &OPERATOR, "device", "MC1", 4, "{'state':'admitted'}");
    step(f, &OPERATOR, "device", "MC1", 5, "{'state':'quarantined'}");
    clock_advance(&f->clk, 400LL * 86400 * NS_PER_S); /* the inspection has run out by then */
    refused(f, &OPERATOR, "device", "MC1", 6, "{'state':'admitted'}");
    told(f, "/fields/state", "còn giá trị", "in date (TU-13.4, TW-12.2.c, VL-16.10)");
    step(f, &OPERATOR, "device", "MC1", 6, "{'state':'retired'}");
    refused(f, &OPERATOR, "device", "MC1", 7, "{'state':'destroyed'}");
    told(f, "/fields/state", "hai người chứng kiến", "two witnesses");
}

/* Every question, nothing else, and no pass over a "no". */
static void checklists(void **state)
{
    struct fixture *f = *state;

    fx_add(f, "device", "{'code':'UPS1','name':'x','category':'ups','unit':'STC'}");
    create_refused(f, &OPERATOR, "inspection",
                   "{'device':'UPS1','verdict':'pass','inspected_on':'2026-11-01','answers':{'no_malware':'yes','"
                   "origin_papers':'maybe'}}");
    assert_int_equal(f->es.n, 3);
    told(f, "/fields/answers", "không hỏi \"no_malware\"", "does not ask \"no_malware\"");
    told(f, "/fields/answers", "Có giấy tờ", "Not answered: Papers show where it comes from (origin_papers)");
    told(f, "/fields/answers", "serial_matches", "(TU-13.3)");
    create_refused(f, &OPERATOR, "inspection",
                   "{'device':'UPS1','verdict':'pass','inspected_on':'2026-11-01','answers':{'serial_matches':'no','"
                   "origin_papers':'yes'}}");
    told(f, "/fields/answers", "không thể là đạt", "cannot be a pass");
    create_refused(f, &OPERATOR, "inspection",
                   "{'device':'UPS1','verdict':'fail','inspected_on':'2026-11-01','answers':[1]}");
    told(f, "/fields/answers", "ups", "no JSON object");
    fx_add(f, "inspection",
           "{'device':'UPS1','verdict':'fail','inspected_on':'2026-11-01','answers':{'serial_matches':'no','origin_"
           "papers':'na'}}");
    create_refused(f, &OPERATOR, "inspection",
                   "{'device':'UPS1','verdict':'fail','inspected_on':'2026-11-01','valid_until':'2026-10-01'}");
    told(f, "/fields/valid_until", "Ngày hết giá trị", "Validity does not end");
}

static void accounts(void **state)
{
    struct fixture *f = *state;

    fx_add(f, "account", "{'name':'hanh','unit':'STC'}");
    refused(f, &ADMIN, "account", "hanh", 1, "{'state':'approved'}");
    told(f, "/fields/person", "Phải điền trước khi \"Duyệt\" (BT-10.3",
         "Must be filled before \"Approve\" (BT-10.3, TU-7.a.2, VL-10)");
    step(f, &OPERATOR, "account", "hanh", 1, "{'person':'hanhnm','must_change':false}");
    step(f, &APPROVER, "account", "hanh", 2, "{'state':'approved'}");
    step(f, &OPERATOR, "account", "hanh", 3, "{'state':'active'}");
    json_t *o = fx_get(f, "account", "hanh"); /* the first login changes the password */
    assert_true(json_is_true(json_object_get(o, "must_change")));
    json_decref(o);
    fx_add(f, "account", "{'name':'hanh2','unit':'STC','person':'hanhnm'}");
    create_refused(f, &ADMIN, "account", "{'name':'svc','kind':'service','state':'active'}");
    told(f, "/fields/person", "Tài khoản dịch vụ", "A service account always has");
    fx_add(f, "account", "{'name':'svc','kind':'service','state':'active','person':'hanhnm'}");
    /* Who leaves: the service goes to somebody else first, the rest ends with him. */
    refused(f, &OPERATOR, "person", "hanhnm", 1, "{'state':'left'}");
    told(f, "/fields/state", "vướng: svc", "in the way: svc");
    step(f, &OPERATOR, "account", "svc", 1, "{'person':'dodt'}");
    step(f, &OPERATOR, "person", "hanhnm", 1, "{'state':'left'}");
    is(f, "person", "hanhnm", "left_on", "2026-11-21");
    is(f, "account", "hanh", "state", "ended");
    is(f, "account", "hanh", "end_on", "2026-11-21");
    is(f, "account", "hanh", "changed_by", "vanhanh");
    is(f, "account", "hanh2", "state", "ended");
    is(f, "account", "svc", "state", "active");
    create_refused(f, &ADMIN, "account", "{'name':'x','person':'hanhnm','state':'active'}");
    told(f, "/fields/person", "đã rời đi", "in the way: hanhnm");
    uint64_t rows, bad;
    assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0); /* effects stand in the chain too */
    assert_int_equal(bad, 0);
    /* What is there already is loaded as it stands, for the checks to find. */
    json_t *out = NULL;
    assert_int_equal(fx_create_as(f, &STOCK, "account", "{'name':'x','person':'hanhnm','state':'active'}", &out), 0);
    json_decref(out);
}

static void media(void **state)
{
    struct fixture *f = *state;

    fx_add(f, "person", "{'code':'ba','name':'Ba','unit':'STC'}");
    fx_add(f, "media", "{'code':'U1','kind':'usb','unit':'STC','level':'mat','state':'stored','custodian':'ba'}");
    step(f, &OPERATOR, "media", "U1", 1, "{'state':'in_use'}");
    is(f, "media", "U1", "used_since", "2026-11-21");
    refused(f, &OPERATOR, "media", "U1", 2, "{'level':'thuong'}");
    told(f, "/fields/level", "xóa sạch trước", "Wiped before it goes to another unit or level (TU-12.7, BT-8.3)");
    fx_add(f, "media_wipe",
           "{'media':'U1','method':'overwrite','wiped_on':'2026-11-20','done_by':'ba','result':'clean'}");
    fx_add(f, "media_wipe",
           "{'media':'U1','method':'overwrite','wiped_on':'2026-11-21','done_by':'ba','result':'failed'}");
    refused(f, &OPERATOR, "media", "U1", 2, "{'state':'wiped'}"); /* one is older than the use, one failed */
    told(f, "/fields/state", "biên bản xóa sạch", "a wipe record after the last use");
    fx_add(f, "media_wipe",
           "{'media':'U1','method':'overwrite','wiped_on':'2026-11-21','done_by':'ba','result':'clean'}");
    step(f, &OPERATOR, "media", "U1", 2, "{'state':'wiped'}");
    step(f, &OPERATOR, "media", "U1", 3, "{'level':'thuong','unit':'XA01'}");
    refused(f, &OPERATOR, "media", "U1", 4, "{'state':'destroyed'}");
    create_refused(f, &OPERATOR, "destruction",
                   "{'media':'U1','method':'shred','destroyed_on':'2026-11-21','done_by':'ba','witnesses':['dodt']}");
    told(f, "/fields/witnesses", "ít nhất 2", "at least 2");
    create_refused(
        f, &OPERATOR, "destruction",
        "{'media':'U1','method':'shred','destroyed_on':'2026-11-21','done_by':'ba','witnesses':['dodt','ba']}");
    told(f, "/fields/witnesses", "không tự chứng kiến", "in the way: ba");
    create_refused(f, &OPERATOR, "destruction",
                   "{'method':'shred','destroyed_on':'2026-11-21','done_by':'ba','witnesses':['dodt','hanhnm']}");
    told(f, "/fields/media", "hoặc thiết bị", "or a device is named");
    fx_add(f, "destruction",
           "{'media':'U1','method':'shred','destroyed_on':'2026-11-21','done_by':'ba','witnesses':['dodt','hanhnm']}");
    step(f, &OPERATOR, "media", "U1", 4, "{'state':'destroyed'}");
}

static void notice(void **state)
{
    static const char holidays[] = "2026-11-23\toff\tNghỉ\tOff\n";
    struct fixture *f = *state;
    struct calendar *c = NULL;

    assert_int_equal(calendar_parse(str_c(holidays), "test", &c, &f->es), 0);
    registry_use_calendar(f->r, c);
    /* Saturday; Monday is off: two working days later is Wednesday the 25th. */
    fx_add(f, "maintenance_window",
           "{'code':'B1','unit':'STC','starts_at':'2026-11-24T18:00:00+07:00','ends_at':'2026-11-24T20:00:00+07:00'}");
    refused(f, &OPERATOR, "maintenance_window", "B1", 1, "{'state':'announced'}");
    told(f, "/fields/starts_at", "Phải báo trước 2 ngày làm việc, sớm nhất là ngày 2026-11-25 (TU-15.1)",
         "2 working days of notice");
    refused(f, &OPERATOR, "maintenance_window", "B1", 1, "{'state':'announced','urgent':true}");
    told(f, "/fields/state", "phải ghi lý do", "needs a reason");
    step(f, &OPERATOR, "maintenance_window", "B1", 1, "{'state':'announced','urgent':true,'reason':'hỏng nguồn'}");
    fx_add(f, "maintenance_window",
           "{'code':'B2','unit':'STC','starts_at':'2026-11-25T00:00:00+07:00','ends_at':'2026-11-25T02:00:00+07:00'}");
    step(f, &OPERATOR, "maintenance_window", "B2", 1, "{'state':'announced'}");
    is(f, "maintenance_window", "B2", "notice_sent_on", "2026-11-21");
    create_refused(f, &OPERATOR, "maintenance_window",
                   "{'code':'B3','starts_at':'2026-11-25T00:00:00Z','ends_at':'2026-11-24T00:00:00Z'}");
    told(f, "/fields/ends_at", "Kết thúc", "does not end before");
    /* Five plain days, and with the notice what else is missing, in one answer. */
    fx_add(f, "inspection_visit", "{'code':'V1','unit':'XA01','planned_on':'2026-11-25'}");
    refused(f, &OPERATOR, "inspection_visit", "V1", 1, "{'state':'announced'}");
    assert_int_equal(f->es.n, 2);
    told(f, "/fields/planned_on", "5 ngày, sớm nhất là ngày 2026-11-26", "5 days of notice");
    told(f, "/fields/team", "Phải điền", "Must be filled before \"Announce\" (BT-17.1)");
    step(f, &OPERATOR, "inspection_visit", "V1", 1,
         "{'state':'announced','planned_on':'26/11/2026','team':['hanhnm']}");
    registry_use_calendar(f->r, NULL);
    calendar_free(c);
}

static void repair(void **state)
{
    struct fixture *f = *state;

    fx_add(f, "device", "{'code':'MT1','name':'x','category':'workstation','unit':'STC','state':'admitted'}");
    fx_add(f, "repair", "{'code':'R1','device':'MT1','fault':'không lên nguồn','reported_on':'2026-11-20'}");
    step(f, &APPROVER, "repair", "R1", 1, "{'state':'approved'}");
    refused(f, &OPERATOR, "repair", "R1", 2, "{'state':'out'}");
    assert_int_equal(f->es.n, 2);
    told(f, "/fields/disks", "(TU-12.10, VL-13.4)", "Must be filled before \"Send out\"");
    refused(f, &OPERATOR, "repair", "R1", 2, "{'state':'out','vendor':'Cửa hàng','disks':'kept'}");
    told(f, "/fields/disks", "có người giữ lại", "kept by somebody or there is a wipe record");
    refused(f, &OPERATOR, "repair", "R1", 2, "{'state':'out','vendor':'Cửa hàng','disks':'wiped'}");
    step(f, &OPERATOR, "repair", "R1", 2, "{'state':'out','vendor':'Cửa hàng','disks':'kept','disks_with':'hanhnm'}");
    is(f, "repair", "R1", "out_on", "2026-11-21");
    refused(f, &OPERATOR, "repair", "R1", 3, "{'disks_with':null}"); /* holds while it is out */
}

/* Confirmed by a document: the system gets its level in the same transaction. */
static void security_level(void **state)
{
    struct fixture *f = *state;

    fx_add(f, "system", "{'code':'VB','name':'Văn bản','unit':'STC'}");
    fx_add(f, "level_dossier", "{'code':'H1','system':'VB','level':3}");
    refused(f, &APPROVER, "level_dossier", "H1", 1, "{'state':'confirmed'}");
    assert_int_equal(f->es.n, 3); /* authority, decision, date */
    step(f, &OPERATOR, "level_dossier", "H1", 1, "{'authority':'UBND','decision':'12/QĐ','decided_on':'20/11/2026'}");
    step(f, &APPROVER, "level_dossier", "H1", 2, "{'state':'confirmed'}");
    json_t *s = fx_get(f, "system", "VB");
    assert_int_equal(json_get_int(s, "security_level", 0), 3);
    assert_int_equal(json_get_int(s, "rev", 0), 2);
    json_decref(s);
    is(f, "system", "VB", "level_decision", "12/QĐ");
    is(f, "system", "VB", "level_approved_on", "2026-11-20");
}

static void logs_and_lists(void **state)
{
    struct fixture *f = *state;
    json_t *out = NULL;

    fx_add(f, "software", "{'code':'P1','name':'Trình duyệt','unit':'STC'}");
    refused(f, &APPROVER, "software", "P1", 1, "{'state':'approved'}");
    assert_int_equal(f->es.n, 2);
    step(f, &OPERATOR, "software", "P1", 1, "{'publisher':'A','origin':'trang chính thức'}");
    step(f, &APPROVER, "software", "P1", 2, "{'state':'approved'}");
    is(f, "software", "P1", "approved_by", "duyet");
    is(f, "software", "P1", "approved_on", "2026-11-21");
    fx_add(f, "room", "{'code':'PM','name':'Phòng máy','unit':'STC'}");
    create_refused(f, &OPERATOR, "room_entry",
                   "{'room':'PM','visitor':'Ông A','purpose':'sửa điều hòa','entered_at':'2026-11-21T01:00:00Z'}");
    told(f, "/fields/escort", "người đi cùng", "in the way: Ông A");
    create_refused(f, &STOCK, "room_entry",
                   "{'room':'PM','purpose':'x','entered_at':'2026-11-21T01:00:00Z'}"); /* strict */
    fx_add(f, "room_entry",
           "{'code':'E1','room':'PM','visitor':'Ông A','escort':'hanhnm','purpose':'sửa điều "
           "hòa','entered_at':'2026-11-20T01:00:00Z'}");
    step(f, &OPERATOR, "room_entry", "E1", 1, "{'state':'gone'}");
    refused(f, &OPERATOR, "room_entry", "E1", 2, "{'left_at':'2026-11-19T01:00:00Z'}");
    fx_add(f, "logbook_entry", "{'code':'L1','unit':'STC','name':'Trực ca sáng','happened_at':'2026-11-21T01:00:00Z'}");
    refused(f, &ADMIN, "logbook_entry", "L1", 1, "{'name':'khác'}");
    told(f, "/fields/name", "không sửa", "A line is not edited");
    fx_add(f, "logbook_entry",
           "{'unit':'STC','name':'Trực ca chiều','happened_at':'2026-11-21T01:00:00Z','corrects':'L1'}");
    fx_add(f, "incident",
           "{'code':'S1','name':'Mã "
           "độc','unit':'STC','kind':'malware','detected_at':'2026-11-21T01:00:00Z','state':'handling'}");
    fx_add(f, "action", "{'code':'A1','incident':'S1','name':'Quét máy'}");
    refused(f, &OPERATOR, "incident", "S1", 1, "{'state':'closed','cause':'usb','outcome':'sạch','told':'Sở'}");
    told(f, "/fields/minutes", "Kết thúc", "Close");
    json_decref(fx_upload_as(f, &OPERATOR, "bb.txt", STR("biên bản")));
    const char *closed = "{'state':'closed','cause':'usb','outcome':'sạch','told':'Sở','minutes':'bb.txt sha256:"
                         "da6cb6b7f73807c779212f4ffd1b1c7d6d3d880162ca0cc7d0623bfb45ad07d6'}";
    refused(f, &OPERATOR, "incident", "S1", 1, closed);
    told(f, "/fields/state", "vướng: A1", "Every action of the incident is done");
    step(f, &OPERATOR, "action", "A1", 1, "{'state':'done','result':'sạch'}");
    step(f, &OPERATOR, "incident", "S1", 1, closed);
    /* Whose account it is stands as the person, where a person is meant. */
    assert_int_equal(
        fx_create_as(f, &OPERATOR, "training", "{'code':'T1','name':'x','unit':'STC','audience':'users'}", &out), 0);
    json_decref(out);
    refused(f, &OPERATOR, "training", "T1", 1, "{'state':'held'}");
    step(f, &OPERATOR, "training", "T1", 1, "{'state':'held','attendees':['hanhnm','dodt']}");
}

static int64_t left(struct fixture *f, const char *what)
{
    struct val v = V_INT(0);
    struct tx *tx;
    char sql[300];

    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM life_open WHERE %s", what);
    assert_int_equal(store_begin(f->st, STORE_READ, &tx, &f->e), 0);
    assert_int_equal(tx_one(tx, NULL, sql, NO_VALS, &v, &f->e), 1);
    store_rollback(tx);
    return v.i;
}

/* `opens`: what a step leaves to be seen to stands until a state ends it. */
static void opened(void **state)
{
    struct fixture *f = *state;
    json_t *out = NULL;
    char mine[200];

    fx_add(f, "credential", "{'code':'X1','name':'Khóa','kind':'ssh_key','unit':'XA01'}");
    step(f, &OPERATOR, "credential", "X1", 1, "{'state':'lost'}");
    snprintf(mine, sizeof(mine), "record_key = 'X1' AND kind = 'credential' AND step = 'lose' AND unit_id = %lld",
             (long long)fx_id(f, "unit", "XA01"));
    assert_int_equal(left(f, mine), 1);
    assert_int_equal(left(f, "what_vi LIKE '%chưa đổi%' AND clauses LIKE '%TW-11.2.c%' AND by_name = 'vanhanh'"), 1);
    step(f, &OPERATOR, "credential", "X1", 2, "{'kept_in':'két'}"); /* no step: stays */
    assert_int_equal(left(f, "1 = 1"), 1);
    step(f, &OPERATOR, "credential", "X1", 3, "{'state':'active'}");
    assert_int_equal(left(f, "1 = 1"), 0);
    step(f, &OPERATOR, "credential", "X1", 4, "{'state':'lost'}");
    assert_int_equal(left(f, "1 = 1"), 1);
    assert_int_equal(registry_end(f->r, &ADMIN, STR("credential"), STR("X1"), 5, &out, &f->e), 0); /* with the record */
    json_decref(out);
    assert_int_equal(left(f, "1 = 1"), 0);
}

static void risks_and_keys(void **state)
{
    struct fixture *f = *state;
    json_t *out = NULL;

    fx_add(f, "risk", "{'code':'R1','name':'Mất điện','unit':'STC'}");
    refused(f, &OPERATOR, "risk", "R1", 1, "{'state':'assessed'}");
    assert_int_equal(f->es.n, 3); /* likelihood, impact, owner */
    step(f, &OPERATOR, "risk", "R1", 1, "{'state':'assessed','likelihood':3,'impact':4,'owner':'hanhnm'}");
    refused(f, &ADMIN, "risk", "R1", 2, "{'state':'accepted','review_on':'2027-01-01'}"); /* raised it */
    step(f, &OPERATOR, "risk", "R1", 2, "{'review_on':'2027-01-01'}");
    step(f, &APPROVER, "risk", "R1", 3, "{'state':'accepted'}");
    fx_add(f, "credential", "{'code':'X1','name':'Khóa máy chủ','kind':'ssh_key','unit':'STC','holder':'hanhnm'}");
    step(f, &OPERATOR, "credential", "X1", 1, "{'state':'lost'}");
    step(f, &OPERATOR, "credential", "X1", 2, "{'state':'active'}");
    is(f, "credential", "X1", "changed_on", "2026-11-21");
    fx_add(f, "vpn_peer",
           "{'code':'V1','name':'Nhà ông Hạnh','kind':'person','unit':'STC','network':'WAN','reason':'trực'}");
    assert_int_equal(fx_change_as(f, &OPERATOR, "vpn_peer", "V1", 1,
                                  "{'state':'active','person':'hanhnm','valid_until':'2026-12-01'}", &out),
                     -EACCES);
    assert_string_equal(f->e.key, "registry.needs_approval"); /* never by one person alone */
}

static void networks(void **state)
{
    struct fixture *f = *state;

    step(f, &ADMIN, "network", "NET", 1, "{'never_meets':['WAN']}");
    fx_add(f, "zone", "{'code':'ZW','name':'x','network':'WAN'}");
    fx_add(f, "zone", "{'code':'ZN','name':'x','network':'NET'}");
    fx_add(f, "object_set", "{'code':'TRONG','name':'x','zones':['ZW']}");
    fx_add(f, "object_set", "{'code':'NGOAI','name':'x','zones':['ZN']}");
    fx_add(f, "object_set", "{'code':'MAY','name':'x'}");
#define RULE "'name':'x','owner':'hanhnm','reason':'x',"
    create_refused(f, &STOCK, "flow_rule", "{" RULE "'from_set':'TRONG','to_set':'NGOAI'}"); /* nobody may */
    told(f, "/fields/to_set", "không được gặp nhau (TU-4.4, TW-4.3, TW-5.1.c); vướng: WAN - NET", "must never meet");
    create_refused(f, &ADMIN, "flow_rule", "{" RULE "'from_set':'NGOAI','to_set':'TRONG'}"); /* in either direction */
    fx_add(f, "flow_rule", "{" RULE "'code':'R0','from_set':'TRONG','to_set':'NGOAI','action':'deny'}");
    fx_add(f, "flow_rule", "{" RULE "'code':'R1','from_set':'TRONG','to_set':'MAY'}");
    refused(f, &STOCK, "object_set", "MAY", 1, "{'zones':['ZN']}"); /* nor by way of the set */
    told(f, "/fields/zones", "vướng: R1", "in the way: R1");
    /* One network a device, unless it is a gateway. */
    fx_add(f, "device", "{'code':'D1','name':'x','category':'server','unit':'STC','network':'WAN'}");
    fx_add(f, "interface", "{'device':'D1','name':'e0','network':'WAN','mac':'00:00:5E:00:53:01'}");
    create_refused(f, &OPERATOR, "interface", "{'device':'D1','name':'e1','network':'NET'}");
    told(f, "/fields/network", "chỉ ở một mạng", "in the way: D1");
    refused(f, &OPERATOR, "device", "D1", 1, "{'network':'NET'}");
    fx_add(f, "prefix", "{'prefix':'172.20.0.0/24','network':'NET'}");
    create_refused(f, &OPERATOR, "address", "{'ip':'172.20.0.9','prefix':'172.20.0.0/24','device':'D1'}");
    told(f, "/fields/device", "trong mạng của thiết bị", "in the way: D1");
    step(f, &OPERATOR, "device", "D1", 1, "{'is_gateway':true}");
    fx_add(f, "interface", "{'device':'D1','name':'e1','network':'NET'}");
    fx_add(f, "address", "{'ip':'172.20.0.9','prefix':'172.20.0.0/24','device':'D1'}");
    refused(f, &OPERATOR, "device", "D1", 2, "{'is_gateway':false}");
    step(f, &OPERATOR, "device", "D1", 2, "{'os':'Debian 12'}"); /* and what is not asked about goes through */
    /* One MAC, however it is written, over all networks. */
    static const char *const macs[] = {"00:00:5e:00:53:01", "00-00-5E-00-53-01", "0000.5e00.5301",
                                       "00005e005301",      "00005E005301",      "00:00:5E:00:53:01"};
    for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++) {
        char text[200];
        json_t *out = NULL;
        snprintf(text, sizeof(text), "{'device':'D1','name':'m%zu','network':'NET','mac':'%s'}", i, macs[i]);
        assert_int_equal(fx_create_as(f, &OPERATOR, "interface", text, &out), -EINVAL);
        assert_string_equal(f->es.v[0].key, "registry.unique");
    }
}

static void transfers(void **state)
{
    struct fixture *f = *state;

    fx_add(f, "media", "{'code':'U1','kind':'usb','unit':'STC'}");
    create_refused(f, &OPERATOR, "transfer",
                   "{'direction':'import','network':'WAN','unit':'STC','person':'hanhnm','purpose':'x','level':'mat'}");
    told(f, "/fields/level", "Độ mật", "above that of the network");
    fx_add(f, "transfer",
           "{'code':'C1','direction':'import','network':'WAN','unit':'STC','person':'hanhnm','purpose':'x'}");
    refused(f, &ADMIN, "transfer", "C1", 1, "{'state':'approved'}"); /* asked for it himself */
    step(f, &OPERATOR, "transfer", "C1", 1, "{'files':'a.pdf'}");
    step(f, &APPROVER, "transfer", "C1", 2, "{'state':'approved'}");
    fx_add(f, "verdict", "{'transfer':'C1','result':'infected','engine':'x','scanned_at':'2026-11-21T01:00:00Z'}");
    refused(f, &OPERATOR, "transfer", "C1", 3, "{'state':'done','media':'U1','files':'a.pdf'}");
    told(f, "/fields/state", "quét mã độc sạch", "a malware scan that found nothing (TU-12.8, TW-11.2.dd)");
    fx_add(f, "verdict", "{'transfer':'C1','result':'clean','engine':'x','scanned_at':'2026-11-21T01:00:00Z'}");
    step(f, &OPERATOR, "transfer", "C1", 3, "{'state':'done','media':'U1','files':'a.pdf'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(admission, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(checklists, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(accounts, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(media, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(notice, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(repair, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(security_level, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(logs_and_lists, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(opened, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(risks_and_keys, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(networks, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(transfers, setup, fx_teardown),
    };
    return cmocka_run_group_tests_name("registry/lifecycle", tests, NULL, NULL);
}

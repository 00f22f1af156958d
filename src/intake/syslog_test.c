/* Syslog lines and what must come out of them, span by span. A row without a
 * time expects event time = receipt. Rows were received on 1 March 2026, 12:00
 * in Viet Nam, unless they say otherwise. */
#include "intake/syslog.h"
#include "base/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define RECEIVED "2026-03-01T05:00:00Z"
#define IN(lit)                                                                                                        \
    {                                                                                                                  \
        lit, sizeof(lit) - 1                                                                                           \
    }
enum {
    NP = EV_NO_PRI,
    BP = EV_BAD_PRI,
    NT = EV_NO_TIME,
    BT = EV_BAD_TIME,
    TJ = EV_TIME_JUMP,
    NH = EV_NO_HOST,
    NG = EV_NO_TAG,
    BS = EV_BAD_SD,
    BU = EV_BAD_UTF8,
    NU = EV_HAS_NUL,
    UN = EV_CLOCK_UNSYNC,
    RW = FMT_RAW,
    R3 = FMT_RFC3164,
    R5 = FMT_RFC5424,
};

static const struct row {
    str in;
    int pri, format; /* pri = facility * 8 + severity */
    const char *time, *host, *program, *pid, *msgid, *sd, *msg;
    uint16_t flags;
    const char *received;
} rows[] = {
    /* RFC 5424 */
    {IN("<34>1 2026-03-01T05:00:00.003Z mymachine.example su 77 ID47 - 'su root' failed"), 34, R5,
     "2026-03-01T05:00:00.003Z", "mymachine.example", "su", "77", "ID47", "", "'su root' failed", 0},
    {IN("<165>1 2026-03-01T12:00:00.000003+07:00 192.0.2.1 myproc 8710 - - %% It's time"), 165, R5,
     "2026-03-01T05:00:00.000003Z", "192.0.2.1", "myproc", "8710", "", "", "%% It's time", 0},
    {IN("<0>1 2026-03-01T05:00:00Z h a - - [x@1 a=\"b\"] m"), 0, R5, "2026-03-01T05:00:00Z", "h", "a", "", "",
     "[x@1 a=\"b\"]", "m", 0},
    {IN("<191>1 2026-03-01T05:00:00Z h a p m [x@1 a=\"b\" a=\"c\"][y z=\"\"] two"), 191, R5, "2026-03-01T05:00:00Z",
     "h", "a", "p", "m", "[x@1 a=\"b\" a=\"c\"][y z=\"\"]", "two", 0},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - [x@1 a=\"q\\\" b\\\\ r\\] o\\k\"] m"), 13, R5, "2026-03-01T05:00:00Z", "h",
     "a", "", "", "[x@1 a=\"q\\\" b\\\\ r\\] o\\k\"]", "m", 0},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - [id]"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "[id]", "", 0},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - -"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "", "", 0},
    {IN("<13>1 - - - - - -"), 13, R5, NULL, "", "", "", "", "", "", NT | NH | NG},
    {IN("<13>1 - - - - - - m"), 13, R5, NULL, "", "", "", "", "", "m", NT | NH | NG},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - - \xef\xbb\xbfTi\xe1\xba\xbfng Vi\xe1\xbb\x87t"), 13, R5,
     "2026-03-01T05:00:00Z", "h", "a", "", "", "", "Ti\xe1\xba\xbfng Vi\xe1\xbb\x87t", 0},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - -  two spaces"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "",
     " two spaces", 0},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - [bad a=b] m"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "",
     "[bad a=b] m", BS},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - [x a=\"b\" m"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "",
     "[x a=\"b\" m", BS},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - [x a=\"b m"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "",
     "[x a=\"b m", BS},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - [x a=\"b]c\"] m"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "",
     "[x a=\"b]c\"]", "m", BS},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - [x a=\"b\"]m"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "",
     "[x a=\"b\"]", "m", BS},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - no data"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "", "no data",
     BS},
    {IN("<13>1 2026-03-01T05:00:00Z h a - -"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "", "", BS},
    {IN("<13>1 2026-03-01T05:00:00Z h"), 13, R5, "2026-03-01T05:00:00Z", "h", "", "", "", "", "", BS | NG},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - []"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "", "[]", BS},
    {IN("<13>1 2026-03-01T05:00:00Z h a - - [0123456789012345678901234567890123 a=\"b\"] m"), 13, R5,
     "2026-03-01T05:00:00Z", "h", "a", "", "", "[0123456789012345678901234567890123 a=\"b\"]", "m", BS},
    {IN("<13>1 2026-02-28T23:59:60Z h a - - - m"), 13, R5, NULL, "h", "a", "", "", "", "m", BT},
    {IN("<13>1 2026-02-29T00:00:00Z h a - - - m"), 13, R5, NULL, "h", "a", "", "", "", "m", BT},
    {IN("<13>1 2026-13-01T00:00:00Z h a - - - m"), 13, R5, NULL, "h", "a", "", "", "", "m", BT},
    {IN("<13>1 2026-yesterday h a - - - m"), 13, R5, NULL, "h", "a", "", "", "", "m", BT},
    {IN("<13>1 2026-03-01T05:00:00Zx h a - - - m"), 13, R5, NULL, "h", "a", "", "", "", "m", BT},
    {IN("<13>1 2026-03-01T12:00:00 h a - - - m"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "", "m", 0},
    {IN("<13>1 1970-01-01T00:00:00Z h a - - - m"), 13, R5, "1970-01-01T00:00:00Z", "h", "a", "", "", "", "m", TJ},
    {IN("<13>1 2099-12-31T23:59:59Z h a - - - m"), 13, R5, "2099-12-31T23:59:59Z", "h", "a", "", "", "", "m", TJ},
    {IN("<13>1 9999-12-31T23:59:59Z h a - - - m"), 13, R5, NULL, "h", "a", "", "", "", "m", BT},
    {IN("<13>1 2026-03-02T05:00:00Z h a - - - m"), 13, R5, "2026-03-02T05:00:00Z", "h", "a", "", "", "", "m", 0},
    {IN("<13>1 2026-03-02T05:00:01Z h a - - - m"), 13, R5, "2026-03-02T05:00:01Z", "h", "a", "", "", "", "m", TJ},
    {IN("1 2026-03-01T05:00:00Z h a - - - m"), 13, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "", "m", NP},
    {IN("\xef\xbb\xbf<34>1 2026-03-01T05:00:00Z h a - - - m"), 34, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "",
     "m", 0},
    {IN("<34>1 2026-03-01T05:00:00Z h a - - - line\nnext\n"), 34, R5, "2026-03-01T05:00:00Z", "h", "a", "", "", "",
     "line\nnext", 0},
    /* PRI */
    {IN("<34>Mar  1 12:00:00 h su: m"), 34, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "", "m", 0},
    {IN("<034>Mar  1 12:00:00 h su: m"), 34, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "", "m", BP},
    {IN("<00>Mar  1 12:00:00 h su: m"), 0, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "", "m", BP},
    {IN("<192>Mar  1 12:00:00 h su: m"), 13, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "", "m", BP},
    {IN("<99999>Mar  1 12:00:00 h su: m"), 13, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "", "m", BP},
    {IN("<34 Mar  1 12:00:00 h su: m"), 13, RW, NULL, "", "", "", "", "", "<34 Mar  1 12:00:00 h su: m",
     BP | NT | NH | NG},
    {IN("<34"), 13, RW, NULL, "", "", "", "", "", "<34", BP | NT | NH | NG},
    {IN("<>x"), 13, RW, NULL, "", "", "", "", "", "<>x", NP | NT | NH | NG},
    {IN("<root>x</root>"), 13, RW, NULL, "", "", "", "", "", "<root>x</root>", NP | NT | NH | NG},
    {IN("Mar  1 12:00:00 h su: m"), 13, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "", "m", NP},
    {IN("<34>"), 34, RW, NULL, "", "", "", "", "", "", NT | NH | NG},
    {IN(""), 13, RW, NULL, "", "", "", "", "", "", NP | NT | NH | NG},
    /* RFC 3164 */
    {IN("<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8"), 34, R3, "2025-10-11T15:14:15Z",
     "mymachine", "su", "", "", "", "'su root' failed for lonvick on /dev/pts/8", TJ},
    {IN("<13>Mar  1 12:00:00 192.0.2.99 Use the BFG!"), 13, R3, "2026-03-01T05:00:00Z", "192.0.2.99", "", "", "", "",
     "Use the BFG!", NG},
    {IN("<38>Mar 01 12:00:00 srv sshd[4721]: Failed password for root from 192.0.2.7 port 22 ssh2"), 38, R3,
     "2026-03-01T05:00:00Z", "srv", "sshd", "4721", "", "", "Failed password for root from 192.0.2.7 port 22 ssh2", 0},
    {IN("<38>Mar 1 12:00:00 srv sshd[4721]: m"), 38, R3, "2026-03-01T05:00:00Z", "srv", "sshd", "4721", "", "", "m", 0},
    {IN("<38>Mar  1 12:00:00 srv postfix/smtpd[99]: m"), 38, R3, "2026-03-01T05:00:00Z", "srv", "postfix/smtpd", "99",
     "", "", "m", 0},
    {IN("<38>Mar  1 12:00:00 srv /usr/sbin/cron[99]: m"), 38, R3, "2026-03-01T05:00:00Z", "srv", "/usr/sbin/cron", "99",
     "", "", "m", 0},
    {IN("<38>Mar  1 12:00:00 srv sshd(pam_unix)[19939]: m"), 38, R3, "2026-03-01T05:00:00Z", "srv", "sshd(pam_unix)",
     "19939", "", "", "m", 0},
    {IN("<38>Mar  1 12:00:00 srv pam_unix(sshd:auth): m"), 38, R3, "2026-03-01T05:00:00Z", "srv", "pam_unix(sshd:auth)",
     "", "", "", "m", 0},
    {IN("<6>Mar  1 12:00:00 srv kernel: [   12.345678] eth0: up"), 6, R3, "2026-03-01T05:00:00Z", "srv", "kernel", "",
     "", "", "[   12.345678] eth0: up", 0},
    {IN("<13>Mar  1 12:00:00 srv My App[123]: m"), 13, R3, "2026-03-01T05:00:00Z", "srv", "My App", "123", "", "", "m",
     0},
    {IN("<13>Mar  1 12:00:00 srv sshd[12] no colon"), 13, R3, "2026-03-01T05:00:00Z", "srv", "sshd", "12", "", "",
     "no colon", 0},
    {IN("<13>Mar  1 12:00:00 srv app:tight"), 13, R3, "2026-03-01T05:00:00Z", "srv", "app", "", "", "", "tight", 0},
    {IN("<13>Mar  1 12:00:00 srv app:   wide"), 13, R3, "2026-03-01T05:00:00Z", "srv", "app", "", "", "", "  wide", 0},
    {IN("<13>Mar  1 12:00:00 srv http://example.org/ is down"), 13, R3, "2026-03-01T05:00:00Z", "srv", "", "", "", "",
     "http://example.org/ is down", NG},
    {IN("<13>Mar  1 12:00:00 srv 192.0.2.1:443 refused"), 13, R3, "2026-03-01T05:00:00Z", "srv", "", "", "", "",
     "192.0.2.1:443 refused", NG},
    {IN("<13>Mar  1 12:00:00 srv {\"k\":\"v\"}"), 13, R3, "2026-03-01T05:00:00Z", "srv", "", "", "", "",
     "{\"k\":\"v\"}", NG},
    {IN("<13>Mar  1 12:00:00 {\"k\": \"v\"}"), 13, R3, "2026-03-01T05:00:00Z", "", "", "", "", "", "{\"k\": \"v\"}",
     NH | NG},
    {IN("<13>Mar  1 12:00:00 sshd[4721]: no host"), 13, R3, "2026-03-01T05:00:00Z", "", "sshd", "4721", "", "",
     "no host", NH},
    {IN("<13>Mar  1 12:00:00 su: no host"), 13, R3, "2026-03-01T05:00:00Z", "", "su", "", "", "", "no host", NH},
    {IN("<13>Mar  1 12:00:00 2001:db8::7 app[1]: m"), 13, R3, "2026-03-01T05:00:00Z", "2001:db8::7", "app", "1", "", "",
     "m", 0},
    {IN("<13>Mar  1 12:00:00 2001:db8:: app[1]: m"), 13, R3, "2026-03-01T05:00:00Z", "2001:db8::", "app", "1", "", "",
     "m", 0},
    {IN("<13>Mar  1 12:00:00 [2001:db8::7] app[1]: m"), 13, R3, "2026-03-01T05:00:00Z", "[2001:db8::7]", "app", "1", "",
     "", "m", 0},
    {IN("<13>Mar  1 12:00:00 gw[192.0.2.1] app: m"), 13, R3, "2026-03-01T05:00:00Z", "gw[192.0.2.1]", "app", "", "", "",
     "m", 0},
    {IN("<13>Mar  1 12:00:00 u@h/x app: m"), 13, R3, "2026-03-01T05:00:00Z", "u@h/x", "app", "", "", "", "m", 0},
    {IN("<13>Mar  1 12:00:00 srv last message repeated 3 times"), 13, R3, "2026-03-01T05:00:00Z", "srv", "", "", "", "",
     "last message repeated 3 times", NG},
    {IN("<13>Mar  1 12:00:00 last message repeated 3 times"), 13, R3, "2026-03-01T05:00:00Z", "", "", "", "", "",
     "last message repeated 3 times", NH | NG},
    {IN("<13>Mar  1 12:00:00 Message forwarded from aix7: sshd[4]: m"), 13, R3, "2026-03-01T05:00:00Z", "aix7", "sshd",
     "4", "", "", "m", 0},
    {IN("<13>Mar  1 12:00:00 relay Message forwarded from aix7: sshd[4]: m"), 13, R3, "2026-03-01T05:00:00Z", "aix7",
     "sshd", "4", "", "", "m", 0},
    {IN("<13>sshd[4]: no time"), 13, R3, NULL, "", "sshd", "4", "", "", "no time", NT | NH},
    {IN("<13>just words here"), 13, RW, NULL, "", "", "", "", "", "just words here", NT | NH | NG},
    {IN("just words here: yes"), 13, RW, NULL, "", "", "", "", "", "just words here: yes", NP | NT | NH | NG},
    {IN("<13>Feb 30 12:00:00 srv su: m"), 13, R3, NULL, "srv", "su", "", "", "", "m", BT},
    {IN("<13>Mar  1 24:00:00 srv su: m"), 13, R3, NULL, "srv", "su", "", "", "", "m", BT},
    {IN("<13>Mar  1 12:00:60 srv su: m"), 13, R3, NULL, "srv", "su", "", "", "", "m", BT},
    {IN("<13>Mrz  1 12:00:00 srv su: m"), 13, RW, NULL, "", "", "", "", "", "Mrz  1 12:00:00 srv su: m", NT | NH | NG},
    {IN("<13>MAR  1 12:00:00 srv su: m"), 13, R3, "2026-03-01T05:00:00Z", "srv", "su", "", "", "", "m", 0},
    {IN("<13>Mar  1 12:00:00.250 srv su: m"), 13, R3, "2026-03-01T05:00:00.250Z", "srv", "su", "", "", "", "m", 0},
    /* the missing year */
    {IN("<13>Dec 31 23:59:59 h a: m"), 13, R3, "2025-12-31T16:59:59Z", "h", "a", "", "", "", "m", 0,
     "2025-12-31T17:00:01Z"},
    {IN("<13>Jan  1 00:00:05 h a: m"), 13, R3, "2025-12-31T17:00:05Z", "h", "a", "", "", "", "m", 0,
     "2025-12-31T16:59:55Z"},
    {IN("<13>Dec 31 23:59:59 h a: m"), 13, R3, "2025-12-31T16:59:59Z", "h", "a", "", "", "", "m", TJ,
     "2026-01-02T00:00:00Z"},
    {IN("<13>Feb 29 08:00:00 h a: m"), 13, R3, "2028-02-29T01:00:00Z", "h", "a", "", "", "", "m", 0,
     "2028-02-29T01:00:01Z"},
    {IN("<13>Feb 29 08:00:00 h a: m"), 13, R3, "2024-02-29T01:00:00Z", "h", "a", "", "", "", "m", TJ},
    {IN("<13>Feb 29 08:00:00 h a: m"), 13, R3, "2028-02-29T01:00:00Z", "h", "a", "", "", "", "m", TJ,
     "2027-03-01T00:00:00Z"},
    {IN("<13>Sep  2 08:00:00 h a: m"), 13, R3, "2025-09-02T01:00:00Z", "h", "a", "", "", "", "m", TJ,
     "2026-03-01T05:00:00Z"},
    {IN("<13>Aug 20 08:00:00 h a: m"), 13, R3, "2026-08-20T01:00:00Z", "h", "a", "", "", "", "m", TJ,
     "2026-03-01T05:00:00Z"},
    /* other times in the same header */
    {IN("<13>Mar  1 12:00:00 2026 srv su: m"), 13, R3, "2026-03-01T05:00:00Z", "srv", "su", "", "", "", "m", 0},
    {IN("<13>Mar  1 2026 12:00:00 srv su: m"), 13, R3, "2026-03-01T05:00:00Z", "srv", "su", "", "", "", "m", 0},
    {IN("<13>Mar  1 2025 12:00:00 srv su: m"), 13, R3, "2025-03-01T05:00:00Z", "srv", "su", "", "", "", "m", TJ},
    {IN("<13>Mar  1 05:00:00 UTC srv su: m"), 13, R3, "2026-03-01T05:00:00Z", "srv", "su", "", "", "", "m", 0},
    {IN("<13>Mar  1 05:00:00 UTC 2026 srv su: m"), 13, R3, "2026-03-01T05:00:00Z", "srv", "su", "", "", "", "m", 0},
    {IN("<13>Mar  1 12:00:00 ICT su: m"), 13, R3, "2026-03-01T05:00:00Z", "ICT", "su", "", "", "", "m", 0},
    {IN("<13>2026-03-01T12:00:00+07:00 srv sshd[1]: m"), 13, R3, "2026-03-01T05:00:00Z", "srv", "sshd", "1", "", "",
     "m", 0},
    {IN("<13>2026-03-01T05:00:00.123456Z srv sshd[1]: m"), 13, R3, "2026-03-01T05:00:00.123456Z", "srv", "sshd", "1",
     "", "", "m", 0},
    {IN("2026-03-01T12:00:00.5+0700 srv sshd[1]: m"), 13, R3, "2026-03-01T05:00:00.5Z", "srv", "sshd", "1", "", "", "m",
     NP},
    {IN("<13>2026-03-01 12:00:00 srv app: m"), 13, R3, "2026-03-01T05:00:00Z", "srv", "app", "", "", "", "m", 0},
    {IN("2026-03-01 12:00:00,978 INFO [main] org.example: m"), 13, RW, "2026-03-01T05:00:00.978Z", "", "", "", "", "",
     "INFO [main] org.example: m", NP | NH | NG},
    /* devices */
    {IN("<189>123: *Mar  1 12:00:00.123: %SYS-5-CONFIG_I: Configured from console"), 189, R3,
     "2026-03-01T05:00:00.123Z", "", "SYS", "", "SYS-5-CONFIG_I", "", "Configured from console", NH | UN},
    {IN("<189>123: .Mar  1 12:00:00: %SYS-5-CONFIG_I: m"), 189, R3, "2026-03-01T05:00:00Z", "", "SYS", "",
     "SYS-5-CONFIG_I", "", "m", NH | UN},
    {IN("<189>123: Mar  1 05:00:00.001 UTC: %LINK-3-UPDOWN: m"), 189, R3, "2026-03-01T05:00:00.001Z", "", "LINK", "",
     "LINK-3-UPDOWN", "", "m", NH},
    {IN("<189>123: Mar  1 12:00:00 ICT: %LINK-3-UPDOWN: m"), 189, R3, "2026-03-01T05:00:00Z", "", "LINK", "",
     "LINK-3-UPDOWN", "", "m", NH},
    {IN("<189>123: R1: *Mar  1 12:00:00: %LINK-3-UPDOWN: m"), 189, R3, "2026-03-01T05:00:00Z", "R1", "LINK", "",
     "LINK-3-UPDOWN", "", "m", UN},
    {IN("<189>123: %LINK-3-UPDOWN: m"), 189, R3, NULL, "", "LINK", "", "LINK-3-UPDOWN", "", "m", NT | NH},
    {IN("<189>Mar  1 12:00:00 R1 123: %LINK-3-UPDOWN: m"), 189, R3, "2026-03-01T05:00:00Z", "R1", "LINK", "",
     "LINK-3-UPDOWN", "", "m", 0},
    {IN("<189>: 2026 Mar  1 05:00:00 UTC: %ETH-5-IF_UP: m"), 189, R3, "2026-03-01T05:00:00Z", "", "ETH", "",
     "ETH-5-IF_UP", "", "m", NH},
    {IN("<166>Mar 01 2026 12:00:00: %ASA-6-302013: Built outbound"), 166, R3, "2026-03-01T05:00:00Z", "", "ASA", "",
     "ASA-6-302013", "", "Built outbound", NH},
    {IN("<166>Mar 01 2026 12:00:00 fw1 : %ASA-6-302013: m"), 166, R3, "2026-03-01T05:00:00Z", "fw1", "ASA", "",
     "ASA-6-302013", "", "m", 0},
    {IN("<166>Mar  1 12:00:00 fw1: %ASA-6-302013: m"), 166, R3, "2026-03-01T05:00:00Z", "fw1", "ASA", "",
     "ASA-6-302013", "", "m", 0},
    {IN("<166>%ASA-6-302013: m"), 166, R3, NULL, "", "ASA", "", "ASA-6-302013", "", "m", NT | NH},
    {IN("<188>Mar  1 2026 12:00:00 HW %%01SHELL/5/LOGIN(l)[123]:User logged in"), 188, R3, "2026-03-01T05:00:00Z", "HW",
     "SHELL", "", "SHELL/5/LOGIN", "", "User logged in", 0},
    {IN("<188>2026-03-01 12:00:00 HW %%01SHELL/5/LOGIN: m"), 188, R3, "2026-03-01T05:00:00Z", "HW", "SHELL", "",
     "SHELL/5/LOGIN", "", "m", 0},
    {IN("<189>date=2026-03-01 time=12:00:00 devname=\"FG 1\" devid=\"x\" logid=\"0100\" type=\"event\" msg=\"hi\""),
     189, RW, "2026-03-01T05:00:00Z", "FG 1", "event", "", "0100", "",
     "date=2026-03-01 time=12:00:00 devname=\"FG 1\" devid=\"x\" logid=\"0100\" type=\"event\" msg=\"hi\"", 0},
    {IN("<189>date=2026-03-01 time=05:00:00 devname=FG tz=\"+0000\" type=traffic"), 189, RW, "2026-03-01T05:00:00Z",
     "FG", "traffic", "", "", "", "date=2026-03-01 time=05:00:00 devname=FG tz=\"+0000\" type=traffic", 0},
    {IN("<189>date=2026-02-30 time=05:00:00 devname=FG"), 189, RW, NULL, "FG", "", "", "", "",
     "date=2026-02-30 time=05:00:00 devname=FG", BT | NG},
    {IN("<189>date=soon"), 189, RW, NULL, "", "", "", "", "", "date=soon", NT | NH | NG},
    {IN("<14>Mar  1 12:00:00 PA-VM 1,2026/03/01 12:00:00,0123,TRAFFIC,end"), 14, R3, "2026-03-01T05:00:00Z", "PA-VM",
     "", "", "", "", "1,2026/03/01 12:00:00,0123,TRAFFIC,end", NG},
    /* bytes */
    {IN("<34>Mar  1 12:00:00 h su: m\r\n"), 34, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "", "m", 0},
    {IN("<34>Mar  1 12:00:00 h su: m\0"), 34, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "", "m", 0},
    {IN("<34>Mar  1 12:00:00 h su: m\0\r\n"), 34, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "", "m", 0},
    {IN("<34>Mar  1 12:00:00 h su: a\0b"), 34, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "", "a\0b", NU},
    {IN("<34>Mar  1 12:00:00 h su: caf\xe9"), 34, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "", "caf\xe9", BU},
    {IN("<34>Mar  1 12:00:00 h su: \xc0\xaf"), 34, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "", "\xc0\xaf", BU},
    {IN("<34>Mar  1 12:00:00 h su: \xc4\x91\xe1\xbb\x95i"), 34, R3, "2026-03-01T05:00:00Z", "h", "su", "", "", "",
     "\xc4\x91\xe1\xbb\x95i", 0},
    {IN("<34>Mar  1 12:00:00 m\xe1y su: m"), 34, R3, "2026-03-01T05:00:00Z", "", "", "", "", "", "m\xe1y su: m",
     NH | NG | BU},
    {IN("\xff\xfe<\0003\0004\0>\0"), 13, RW, NULL, "", "", "", "", "", "\xff\xfe<\0003\0004\0>",
     NP | NT | NH | NG | NU | BU},
    {IN("\0\0\0"), 13, RW, NULL, "", "", "", "", "", "", NP | NT | NH | NG},
};

static void field_is(size_t i, const char *name, str got, const char *want)
{
    size_t n = strlen(want);

    if (memchr(got.p ? got.p : "", 0, got.p ? got.n : 0) != NULL && got.n > n)
        n = got.n; /* the wanted literal holds NUL too */
    if (got.n != n || (n > 0 && memcmp(got.p, want, n) != 0))
        fail_msg("row %zu, %.*s\n  %s: got \"%.*s\" want \"%s\"", i, STR_ARGS(rows[i].in), name, STR_ARGS(got), want);
}

static void table(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        struct event ev;
        int64_t received, want;
        memset(&ev, 0xa5, sizeof(ev));
        assert_true(time_parse(str_c(r->received ? r->received : RECEIVED), &received));
        want = received;
        if (r->time != NULL)
            assert_true(time_parse(str_c(r->time), &want));
        char *copy = malloc(r->in.n + 1); /* exactly sized for the sanitizer */
        memcpy(copy, r->in.p, r->in.n);
        syslog_parse((str){copy, r->in.n}, received, &ev);
        field_is(i, "host", event_field(&ev, SP_HOST), r->host);
        field_is(i, "program", event_field(&ev, SP_PROGRAM), r->program);
        field_is(i, "pid", event_field(&ev, SP_PID), r->pid);
        field_is(i, "msgid", event_field(&ev, SP_MSGID), r->msgid);
        field_is(i, "sd", event_field(&ev, SP_SD), r->sd);
        field_is(i, "msg", event_field(&ev, SP_MSG), r->msg);
        if (ev.flags != r->flags || ev.format != r->format || ev.facility * 8 + ev.severity != r->pri ||
            ev.event_ns != want || ev.received_ns != received)
            fail_msg("row %zu, %.*s\n  flags %x want %x, format %d want %d, pri %d want %d, time %+lld ns", i,
                     STR_ARGS(r->in), ev.flags, r->flags, ev.format, r->format, ev.facility * 8 + ev.severity, r->pri,
                     (long long)(ev.event_ns - want));
        assert_true(ev.raw.p == copy && ev.raw.n == r->in.n);
        free(copy);
    }
    print_message("# %zu rows\n", sizeof(rows) / sizeof(rows[0]));
}

static void zone_is_the_callers(void **state)
{
    static const int zones[] = {0, 420, -300, 330};
    int64_t received, utc;
    struct event ev = {0};

    assert_true(time_parse(STR(RECEIVED), &received));
    assert_true(time_parse(STR("2026-03-01T12:00:00Z"), &utc));
    for (size_t i = 0; i < 4; i++) {
        syslog_parse_tz(STR("<13>Mar  1 12:00:00 h a: m"), received, zones[i], &ev);
        assert_int_equal(ev.event_ns, utc - zones[i] * 60 * NS_PER_S);
        syslog_parse_tz(STR("<13>Mar  1 12:00:00 UTC h a: m"), received, zones[i], &ev);
        assert_int_equal(ev.event_ns, utc);
    }
}

/* Of the years in which the day exists, not above the next one, that which is nearest to the receipt. */
static int64_t nearest(int month, int day, int64_t received)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t best = INT64_MAX;
    int year, m, d;

    civil_from_days(received / NS_PER_S / 86400, &year, &m, &d);
    for (int y = year - 40; y <= year + 1; y++) {
        if (day > days[month - 1] && (day > 29 || y % 4 != 0))
            continue; /* every fourth of these years is a leap year */
        int64_t at = days_from_civil(y, month, day) * 86400 * NS_PER_S;
        if (best == INT64_MAX || llabs(at - received) < llabs(best - received))
            best = at;
    }
    return best;
}

static void year_is_the_nearest(void **state)
{
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t from = days_from_civil(2023, 12, 1), to = days_from_civil(2028, 3, 5);
    struct event ev = {0};
    char line[64];

    for (int month = 1; month <= 12; month++)
        for (int day = 1; day <= 31; day += day < 27 ? 5 : 1) {
            int n = snprintf(line, sizeof(line), "<13>%s %2d 00:00:00 h a: m", names[month - 1], day);
            for (int64_t d = from; d < to; d += 3) {
                int64_t received = (d * 86400 + 43210) * NS_PER_S, want = nearest(month, day, received);
                syslog_parse_tz((str){line, (size_t)n}, received, 0, &ev);
                assert_int_equal(ev.event_ns, want == INT64_MAX ? received : want);
                assert_int_equal(ev.flags & EV_BAD_TIME, want == INT64_MAX ? EV_BAD_TIME : 0);
            }
        }
}

static void long_line_is_cut(void **state)
{
    char *big = malloc(EVENT_RAW_MAX + 1);
    struct event ev = {0};

    memset(big, 'x', EVENT_RAW_MAX + 1);
    memcpy(big, "<34>Mar  1 12:00:00 h su: ", 26);
    syslog_parse((str){big, EVENT_RAW_MAX + 1}, 1772341200000000000, &ev);
    assert_int_equal(ev.raw.n, EVENT_RAW_MAX);
    assert_int_equal(ev.flags, EV_TRUNCATED);
    assert_int_equal(event_field(&ev, SP_MSG).n, EVENT_RAW_MAX - 26);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(zone_is_the_callers),
                                       cmocka_unit_test(year_is_the_nearest), cmocka_unit_test(long_line_is_cut)};
    return cmocka_run_group_tests_name("intake/syslog", tests, NULL, NULL);
}

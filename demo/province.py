#!/usr/bin/env python3
"""Makes a fictional province as CSV files that luyd loads: 34 units, about 300
people and 600 devices, sound but for a few dozen deliberate faults.

    demo/province.py DIR [--seed 7] [--today 2026-11-21]

The same seed and day give the same bytes. DIR/faults.json lists every fault
with the control that must find it; nothing else may be found.
"""
import argparse
import csv
import datetime
import json
import pathlib
import random

import names

NETWORKS = [("WAN", "Mạng diện rộng nội bộ", "intranet", 0, 0, 2), ("NET", "Mạng có Internet", "internet", 1, 1, 0),
            ("DOC", "Máy độc lập soạn tài liệu mật", "standalone", 0, 0, 3)]
ZONES = [("WAN-MC", "Vùng máy chủ nội bộ", "WAN"), ("WAN-CSDL", "Vùng cơ sở dữ liệu", "WAN"),
         ("WAN-QT", "Vùng quản trị", "WAN"), ("WAN-DV", "Vùng mạng đơn vị", "WAN"), ("NET-DV", "Vùng máy ra Internet", "NET")]
SYSTEMS = [("VBDH", "Quản lý văn bản và điều hành", "VPTU", 3), ("THU", "Thư điện tử", "TTCH", 3),
           ("CBCC", "Hồ sơ cán bộ", "BTC", 3), ("DVC", "Một cửa điện tử", "VPUB", 3), ("KTDL", "Kho dữ liệu dùng chung", "TTCH", 4),
           ("HOP", "Họp trực tuyến", "TTCH", 2), ("WEB", "Cổng thông tin", "VPUB", 2), ("NSNN", "Ngân sách", "STC", 3)]


class Province:
    def __init__(self, seed, today):
        self.rng = random.Random(seed)
        self.today = today
        self.tables = {}
        self.faults = []
        self.codes = set()

    def day(self, ago):
        return (self.today - datetime.timedelta(days=ago)).isoformat()

    def moment(self, days_ago, hour=8):
        stamp = datetime.datetime.combine(self.today - datetime.timedelta(days=days_ago), datetime.time(hour % 24, self.rng.randrange(60)))
        return (stamp - datetime.timedelta(hours=7)).isoformat() + "Z"

    def add(self, kind, /, **row):
        self.tables.setdefault(kind, []).append(row)
        return row

    def fault(self, control, kind, key, vi, en):
        self.faults.append({"control": control, "kind": kind, "key": key, "vi": vi, "en": en})

    # ---- people and places

    def units(self):
        self.add("unit", code=names.PROVINCE[0], name=names.PROVINCE[1], tier="province", **{"parent.code": ""})
        for code, name in names.DEPARTMENTS:
            self.add("unit", code=code, name=name, tier="department", **{"parent.code": "TINH"})
        for n, name in enumerate(names.COMMUNES, 1):
            self.add("unit", code=f"XA{n:02d}", name=f"Xã {name}", tier="commune", **{"parent.code": "TINH"})
        self.unit_codes = [u["code"] for u in self.tables["unit"]]
        for code in self.unit_codes:
            self.add("site", code=f"TS-{code}", name=f"Trụ sở {code}", **{"unit.code": code})

    def people(self):
        self.staff = {}
        for code in self.unit_codes:
            share = {"TTCH": 18, "VPTU": 14, "TINH": 2}.get(code, 9)
            for _ in range(share - (code.startswith("XA") and self.rng.random() < 0.5)):
                self.person(code)
        for unit in self.tables["unit"]:
            team = self.staff[unit["code"]]
            unit["head.code"] = team[0]["code"]
            unit["it_officer.code"] = team[1]["code"]

    def person(self, unit):
        name = names.person_name(self.rng)
        words = names.ascii_fold(name).lower().split()
        base = words[-1] + "".join(w[0] for w in words[:-1])
        code, n = base, 1
        while code in self.codes:
            n += 1
            code = f"{base}{n}"
        self.codes.add(code)
        phone = "09" + "".join(str(self.rng.randrange(10)) for _ in range(8))
        row = self.add("person", code=code, name=name, position=self.rng.choice(["Chuyên viên", "Phó phòng", "Trưởng phòng", "Văn thư"]),
                       email=f"{code}@trexanh.example", phone=phone, state="active", left_on="", **{"unit.code": unit})
        self.staff.setdefault(unit, []).append(row)
        return row

    def accounts(self):
        for unit, team in self.staff.items():
            for person in team:
                self.account(person, unit)
            self.add("account_review", code=f"RS-{unit}", reviewed_on=self.day(self.rng.randrange(5, 150)), **{"unit.code": unit})
        for n, person in enumerate(self.staff["TTCH"][1:4], 1):
            self.account(person, "TTCH", name=f"qt.{person['code']}", kind="admin")

    def account(self, person, unit, name=None, kind="user", **extra):
        row = dict(name=name or person["code"], kind=kind, password_changed_on=self.day(self.rng.randrange(1, 80)),
                   last_login_at=self.moment(self.rng.randrange(1, 20)), state="active",
                   **{"person.code": person["code"], "unit.code": unit})
        row.update(extra)
        return self.add("account", **row)

    # ---- the network

    def network(self):
        for code, name, kind, laptop, wireless, level in NETWORKS:
            self.add("network", code=code, name=name, kind=kind, allows_laptop=laptop, allows_wireless=wireless, max_level=level,
                     **{"never_meets.code": {"NET": "WAN", "DOC": "WAN|NET"}.get(code, "")})
        for code, name, network in ZONES:
            self.add("zone", code=code, name=name, **{"network.code": network})
        self.add("prefix", prefix="10.10.0.0/16", **{"network.code": "WAN", "zone.code": "WAN-MC", "unit.code": "TTCH"})
        self.next_host = {}
        for n, code in enumerate(self.unit_codes):
            self.add("prefix", prefix=f"10.{21 + n}.0.0/24", **{"network.code": "WAN", "zone.code": "WAN-DV", "unit.code": code})
            self.add("prefix", prefix=f"172.20.{n}.0/24", **{"network.code": "NET", "zone.code": "NET-DV", "unit.code": code})
            self.next_host[code] = [f"10.{21 + n}.0", f"172.20.{n}", 10]

    def devices(self):
        self.serial = 1000
        for unit, team in self.staff.items():
            for n, person in enumerate(team):
                category = "laptop" if n % 6 == 5 else "workstation"
                self.device(unit, category, "NET" if category == "laptop" or n % 3 == 2 else "WAN", person)
            self.device(unit, "printer", "WAN")
            self.device(unit, "switch", "WAN")
            self.device(unit, "router", "WAN", is_gateway=1)
            self.device(unit, "workstation", "DOC", team[0])
        for n in range(36):
            self.device("TTCH", "server", "WAN", subnet="10.10.1", host=10 + n)
        for n in range(110):
            unit = self.unit_codes[n % len(self.unit_codes)]
            self.device(unit, "workstation" if n % 4 else "ups", "WAN", self.staff[unit][n % len(self.staff[unit])] if n % 4 else None)
        for category in ("firewall", "firewall", "ids", "storage", "conference"):
            self.device("TTCH", category, "WAN", subnet="10.10.2", host=10 + len(self.tables["device"]) % 200)

    def device(self, unit, category, network, person=None, subnet=None, host=None, **extra):
        self.serial += 1
        short = {"workstation": "MT", "laptop": "XT", "server": "MC", "printer": "IN", "switch": "CM", "router": "DT", "firewall": "TL",
                 "ids": "PX", "storage": "LT", "conference": "HT", "ups": "UPS"}[category]
        code = f"{short}-{unit}-{self.serial}"
        row = dict(code=code, name=f"{short} {self.serial}", category=category, serial=f"SN{self.serial:06d}",
                   model=self.rng.choice(["T14", "P520", "R740", "S5735", "M428"]), maker=self.rng.choice(["Hãng A", "Hãng B", "Hãng C"]),
                   origin="Mua sắm tập trung", bought_on=self.day(self.rng.randrange(200, 1500)), is_gateway=0, state="admitted",
                   os={"workstation": "Windows 11", "laptop": "Windows 11", "server": "Debian 12"}.get(category, ""),
                   **{"unit.code": unit, "site.code": f"TS-{unit}", "network.code": network, "custodian.code": person["code"] if person else ""})
        row.update(extra)
        self.add("device", **row)
        mac = f"00:00:5e:00:{self.serial >> 8:02x}:{self.serial & 255:02x}"
        if category != "ups":
            self.add("interface", code=f"{code}/eth0", name="eth0", mac=mac, wireless=0, **{"device.code": code, "network.code": network})
        if network != "DOC" and category != "ups":
            self.address(row, unit, network, subnet, host)
        self.add("inspection", code=f"KT-{code}", verdict="pass", inspected_on=self.day(100), valid_until=self.day(-265),
                 **{"device.code": code})
        if category in ("workstation", "laptop", "server"):
            self.add("posture", code=f"TT-{code}", av_signature_at=self.moment(self.rng.randrange(0, 2), 6), reported_at=self.moment(0, 6),
                     os=row["os"], disk_encrypted=1, **{"device.code": code})
        return row

    def address(self, device, unit, network, subnet, host):
        if subnet is None:
            wan, net, host = self.next_host[unit]
            self.next_host[unit][2] += 1
            subnet = wan if network == "WAN" else net
            prefix = f"{subnet}.0/24"
        else:
            prefix = "10.10.0.0/16"
        self.add("address", ip=f"{subnet}.{host}", **{"prefix.prefix": prefix, "device.code": device["code"],
                                                      "interface.code": f"{device['code']}/eth0"})

    # ---- systems, backups, media

    def systems(self):
        servers = [d for d in self.tables["device"] if d["category"] == "server"]
        for n, (code, name, unit, level) in enumerate(SYSTEMS):
            self.add("system", code=code, name=name, security_level=level, level_decision=f"{10 + n}/QĐ-TX", level_approved_on=self.day(300),
                     contains_secret=0, state="active", **{"unit.code": unit})
            self.add("service", code=f"DV-{code}", name=f"Dịch vụ {name}", port=443, state="active",
                     **{"system.code": code, "device.code": servers[n]["code"], "responsible.code": self.staff[unit][1]["code"]})
            self.add("backup_set", code=f"SL-{code}", name=f"Sao lưu {name}", contains="application",
                     **{"system.code": code, "device.code": servers[n]["code"]})
            for k, (media, offsite) in enumerate((("disk", 0), ("tape", 0), ("disk", 1))):
                self.add("backup_copy", code=f"SL-{code}-{k + 1}", media_type=media, offsite=offsite, last_success_on=self.day(self.rng.randrange(0, 2)),
                         **{"backup_set.code": f"SL-{code}"})
            self.add("restore_test", code=f"KP-{code}", tested_on=self.day(self.rng.randrange(10, 60)), result="pass",
                     **{"backup_set.code": f"SL-{code}"})
        for n in range(40):
            unit = self.unit_codes[n % len(self.unit_codes)]
            code = f"VM-{n + 1:03d}"
            self.add("media", code=code, kind="secure_device" if n % 3 else "usb", serial=f"U{n:05d}", level=0, state="in_use",
                     **{"unit.code": unit, "custodian.code": self.staff[unit][0]["code"]})
            self.add("media_inventory", code=f"{code}-{self.today.year}", year=self.today.year, checked_on=f"{self.today.year}-01-15",
                     **{"media.code": code})
        for code in ("TTCH", "VPTU", "VPUB"):
            self.add("log_source", code=f"LOG-{code}", name=f"log-{code.lower()}", host=f"log-{code.lower()}", expected_every="P30D",
                     **{"unit.code": code})

    # ---- what is wrong, on purpose

    def pick(self, kind, count, wanted):
        rows = [r for r in self.tables[kind] if wanted(r) and not r.get("_fault")]
        chosen = self.rng.sample(rows, count)
        for row in chosen:
            row["_fault"] = True
        return chosen

    def of(self, kind, column, value):
        return next(r for r in self.tables[kind] if r[column] == value)

    def drop(self, kind, column, value):
        self.tables[kind] = [r for r in self.tables[kind] if r[column] != value]

    def make_faults(self):
        ordinary = lambda d: d["category"] == "workstation" and d["network.code"] == "WAN"
        for d in self.pick("device", 4, ordinary):
            self.of("inspection", "device.code", d["code"]).update(inspected_on=self.day(500), valid_until=self.day(135))
            self.fault("device-inspection-in-date", "device", d["code"], "kiểm tra đã hết hạn", "inspection has run out")
        for d in self.pick("device", 3, ordinary):
            self.drop("inspection", "device.code", d["code"])
            self.fault("device-inspected", "device", d["code"], "chưa từng kiểm tra", "never inspected")
        for d in self.pick("device", 4, ordinary):
            self.of("posture", "device.code", d["code"]).update(av_signature_at=self.moment(12, 6))
            self.fault("antivirus-signatures-current", "device", d["code"], "mẫu nhận dạng mã độc đã cũ", "signatures are old")
        for d in self.pick("device", 2, ordinary):
            self.add("interface", code=f"{d['code']}/eth1", name="eth1", mac=f"00:00:5e:01:00:{len(self.faults):02x}", wireless=0,
                     **{"device.code": d["code"], "network.code": "NET"})
            self.fault("device-on-one-network", "device", d["code"], "nối hai mạng", "stands on two networks")
        for d in self.pick("device", 3, lambda d: d["category"] == "laptop"):
            d["network.code"] = "WAN"
            self.of("interface", "device.code", d["code"])["network.code"] = "WAN"
            self.drop("address", "device.code", d["code"])
            self.fault("laptop-where-allowed", "device", d["code"], "máy xách tay nối mạng cấm", "laptop on a network that bans it")
        for d in self.pick("device", 2, ordinary):
            self.add("interface", code=f"{d['code']}/wlan0", name="wlan0", mac=f"00:00:5e:02:00:{len(self.faults):02x}", wireless=1,
                     **{"device.code": d["code"], "network.code": "WAN"})
            self.fault("no-wireless-where-banned", "device", d["code"], "có giao diện không dây", "has a wireless interface")
        for d in self.pick("device", 2, ordinary):
            d["origin"] = ""
            self.fault("device-origin-known", "device", d["code"], "không rõ nguồn gốc", "origin unknown")
        self.people_faults()
        self.system_faults()

    def people_faults(self):
        plain = lambda a: a["kind"] == "user" and not self.leads(a["person.code"])
        for a in self.pick("account", 3, plain):
            self.of("person", "code", a["person.code"]).update(state="left", left_on=self.day(20))
            self.fault("leaver-has-no-account", "account", a["name"], "người đã nghỉ, tài khoản còn chạy", "person left, account active")
        for a in self.pick("account", 3, plain):
            a["password_changed_on"] = ""
            self.fault("password-ever-changed", "account", a["name"], "chưa đổi mật khẩu lần nào", "password never changed")
        for a in self.pick("account", 2, plain):
            a["password_changed_on"] = self.day(400)
            self.fault("password-age", "account", a["name"], "mật khẩu quá cũ", "password too old")
        for r in self.pick("account_review", 2, lambda r: r["unit.code"].startswith("XA")):
            r["reviewed_on"] = self.day(230)
            self.fault("account-review-half-yearly", "unit", r["unit.code"], "quá 6 tháng chưa rà soát tài khoản", "accounts not reviewed for 6 months")

    def leads(self, code):
        return any(code in (u["head.code"], u["it_officer.code"]) for u in self.tables["unit"]) or \
            any(code == d["custodian.code"] for d in self.tables["device"] if d.get("_fault"))

    def system_faults(self):
        for s in self.pick("system", 1, lambda s: s["code"] == "HOP"):
            s.update(security_level="", level_decision="", level_approved_on="")
            self.fault("system-level-confirmed", "system", s["code"], "chưa có cấp độ an toàn", "no confirmed security level")
        for c in self.pick("backup_copy", 2, lambda c: c["offsite"] == 1):
            self.drop("backup_copy", "code", c["code"])
            self.fault("backup-3-2-1", "backup_set", c["backup_set.code"], "thiếu bản sao ở nơi khác", "no copy off site")
        for t in self.pick("restore_test", 1, lambda t: True):
            t["tested_on"] = self.day(400)
            self.fault("restore-tested", "backup_set", t["backup_set.code"], "lâu chưa khôi phục thử", "restore not tested lately")
        for m in self.pick("media", 3, lambda m: True):
            self.drop("media_inventory", "media.code", m["code"])
            self.fault("media-inventory-yearly", "media", m["code"], "chưa kiểm kê năm nay", "not in this year's inventory")
        for u in self.pick("unit", 1, lambda u: u["tier"] == "commune"):
            u["it_officer.code"] = ""
            self.fault("unit-has-it-officer", "unit", u["code"], "chưa có cán bộ công nghệ thông tin", "no IT officer")

    def make(self):
        for step in (self.units, self.people, self.accounts, self.network, self.devices, self.systems, self.make_faults):
            step()


# Order in which the files are loaded: what is referred to stands before what refers.
# unit comes twice: heads and IT officers are people, who belong to units.
ORDER = ["unit", "site", "person", "unit+", "system", "account", "account_review", "network", "zone", "prefix", "device", "interface",
         "address", "inspection", "posture", "service", "backup_set", "backup_copy", "restore_test", "media", "media_inventory", "log_source"]
LATER = ["head.code", "it_officer.code"]


def write(folder, tables):
    folder.mkdir(parents=True, exist_ok=True)
    for n, step in enumerate(ORDER, 1):
        kind = step.rstrip("+")
        rows = [{k: v for k, v in r.items() if not k.startswith("_")} for r in tables[kind]]
        if step == "unit":
            rows = [{k: v for k, v in r.items() if k not in LATER} for r in rows]
        elif step == "unit+":
            rows = [{k: r[k] for k in ["code", *LATER]} for r in rows]
        columns = list(dict.fromkeys(k for r in rows for k in r))
        with open(folder / f"{n:02d}-{kind}.csv", "w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--today", type=datetime.date.fromisoformat, default=None)
    args = options.parse_args()
    vietnam = datetime.timezone(datetime.timedelta(hours=7))
    province = Province(args.seed, args.today or datetime.datetime.now(vietnam).date())
    province.make()
    write(args.folder, province.tables)
    (args.folder / "faults.json").write_text(json.dumps(province.faults, ensure_ascii=False, indent=1), encoding="utf-8")
    sizes = {k: len(v) for k, v in province.tables.items()}
    print(f"{sizes['unit']} units, {sizes['person']} people, {sizes['account']} accounts, {sizes['device']} devices, "
          f"{len(province.faults)} deliberate faults")


if __name__ == "__main__":
    main()

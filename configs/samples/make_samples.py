#!/usr/bin/env python3
"""Writes the bundled sample records of four cities below records/, and files of reports below reports/ (layouts: README.md; codes: GB 32100, GB 11714, GB 11643).

Every company, person and document is invented. The output depends on nothing but this file: no clock, no network, one
fixed seed. Not here: what follows from the records; expect.py reads the files anew and derives that.
"""

import csv
import hashlib
import io
import random
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

RECORDS = Path(__file__).resolve().parent / "records"
REPORTS = RECORDS.parent / "reports"
AS_OF = date(2026, 11, 1)
OPEN_END = date(2099, 12, 31)
RNG = random.Random(20261101)
# A stream of its own for what was added later, so that the older files keep their bytes.
LATER = random.Random(20261102)

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
SLASHED, DASHED, TIMED = "%Y/%m/%d", "%Y-%m-%d", "%Y-%m-%d 00:00:00"

PENALTY = """CF_XDR_MC 行政相对人名称|CF_XDR_LB 行政相对人类别|CF_XDR_SHXYM 行政相对人代码_1(统一社会信用代码)
CF_XDR_GSZC 行政相对人代码_2(工商注册号)|CF_XDR_ZZJG 行政相对人代码_3(组织机构代码)|CF_XDR_SWDJ 行政相对人代码_4(税务登记号)
CF_XDR_SYDW 行政相对人代码_5(事业单位证书号)|CF_XDR_SHZZ 行政相对人代码_6(社会组织登记证号)|CF_FRDB 法定代表人
CF_FR_ZJLX 法定代表人证件类型|CF_FR_SFZH 法定代表人证件号码|CF_XDR_ZJLX 证件类型|CF_XDR_ZJHM 证件号码|CF_WSH 行政处罚决定书文号
CF_WFXW 违法行为类型|CF_SY 违法事实|CF_YJ 处罚依据|CF_CFLB 处罚类别|CF_NR 处罚内容|CF_NR_FK 罚款金额（万元）
CF_NR_WFFF 没收违法所得、没收非法财物的金额（万元）|CF_NR_ZKDX 暂扣或吊销证照名称及编号|CF_JDRQ 处罚决定日期|CF_YXQ 处罚有效期
CF_GSJZQ 公示截止期|CF_CFJG 处罚机关|CF_CFJGDM 处罚机关统一社会信用代码|CF_SJLY 数据来源单位|CF_SJLYDM 数据来源单位统一社会信用代码|BZ 备注"""
PERMIT = """XK_XDR_MC 行政相对人名称|XK_XDR_LB 行政相对人类别|XK_XDR_SHXYM 行政相对人代码_1(统一社会信用代码)
XK_XDR_GSZC 行政相对人代码_2(工商注册号)|XK_XDR_ZZJG 行政相对人代码_3(组织机构代码)|XK_XDR_SWDJ 行政相对人代码_4(税务登记号)
XK_XDR_SYDW 行政相对人代码_5(事业单位证书号)|XK_XDR_SHZZ 行政相对人代码_6(社会组织登记证号)|XK_FRDB 法定代表人
XK_FR_ZJLX 法定代表人证件类型|XK_FR_SFZH 法定代表人证件号码|XK_XDR_ZJLX 证件类型|XK_XDR_ZJHM 证件号码|XK_XKWS 行政许可决定文书名称
XK_WSH 行政许可决定文书号|XK_XKLB 许可类别|XK_XKZS 许可证书名称|XK_XKBH 许可编号|XK_NR 许可内容|XK_JDRQ 许可决定日期|XK_YXQZ 有效期自
XK_YXQZI 有效期至|XK_XKJG 许可机关|XK_XKJGDM 许可机关统一社会信用代码|XK_ZT 当前状态|XK_SJLY 数据来源单位|XK_SJLYDM 数据来源单位统一社会信用代码
BZ 备注"""
# The layout of 2016: an authority's name instead of its code, a state instead of an end of publication.
PENALTY_2016 = """CF_WSH 行政处罚决定书文号|CF_CFMC 处罚名称|CF_CFLB1 处罚类别1|CF_CFLB2 处罚类别2|CF_SY 处罚事由|CF_YJ 处罚依据|CF_XDR_MC 行政相对人名称
CF_XDR_SHXYM 行政相对人代码_1(统一社会信用代码)|CF_XDR_ZDM 行政相对人代码_2(组织机构代码)|CF_XDR_GSDJ 行政相对人代码_3(工商登记码)
CF_XDR_SWDJ 行政相对人代码_4(税务登记号)|CF_XDR_SFZ 行政相对人代码_5(居民身份证号)|CF_FR 法定代表人姓名|CF_JG 处罚结果|CF_JDRQ 处罚决定日期
CF_XZJG 处罚机关|CF_ZT 当前状态|DFBM 地方编码|SJC 数据更新时间戳|BZ 备注"""
PERMIT_2016 = """XK_WSH 行政许可决定书文号|XK_XMMC 项目名称|XK_SPLB 审批类别|XK_NR 许可内容|XK_XDR 行政相对人名称
XK_XDR_SHXYM 行政相对人代码_1(统一社会信用代码)|XK_XDR_ZDM 行政相对人代码_2(组织机构代码)|XK_XDR_GSDJ 行政相对人代码_3(工商登记码)
XK_XDR_SWDJ 行政相对人代码_4(税务登记号)|XK_XDR_SFZ 行政相对人代码_5(居民身份证号)|XK_FR 法定代表人姓名|XK_JDRQ 许可决定日期|XK_JZQ 许可截止期
XK_XZJG 许可机关|XK_ZT 当前状态|DFBM 地方编码|SJC 数据更新时间戳|BZ 备注"""
# How exporters really spell the same headers; applied in this order.
VARIANTS = [("_", "＿"), ("(", "（"), (")", "）"), ("非法财物", "非法财务"), ("决定书文号", "决定文书号"), ("许可决定文书号", "许可决定书文号"),
            ("税务登记号", "税务登记码"), ("法定代表人证件号码", "法定代表人身份证号"), ("处罚类别", "处罚类别  "), ("行政相对人名称", "行政相对人名称 "),
            ("罚款金额（万元）", "罚款金额(万元)"), ("许可类别", "许可类别　")]


def columns(layout):
    """The (code, Chinese header) pairs of a layout, in the order of the file."""
    return [tuple(cell.split(" ")) for line in layout.split("\n") for cell in line.split("|")]


def varied(layout):
    """The columns of a layout with the header spellings of VARIANTS."""
    pairs = columns(layout)
    for old, new in VARIANTS:
        pairs = [(code, text.replace(old, new)) for code, text in pairs]
    return pairs


# ---- identifiers ---------------------------------------------------------------------------------------------------

def org_code(body):
    """GB 11714: eight characters and their check character."""
    total = sum(int(c, 36) * w for c, w in zip(body, (3, 7, 9, 10, 5, 8, 4, 2)))
    return body + "0123456789X"[(11 - total % 11) % 11]


def uscc_check(first17):
    """GB 32100: the eighteenth character."""
    total = sum(USCC_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(first17))
    return USCC_ALPHABET[(31 - total) % 31]


def uscc(kind, region, body):
    """A code of registering department and category `kind`, e.g. 91."""
    first17 = f"{kind}{region}{org_code(body)}"
    return first17 + uscc_check(first17)


def ric(region, born, serial):
    """GB 11643 with its check character (ISO 7064 MOD 11-2)."""
    first17 = f"{region}{born:%Y%m%d}{serial:03d}"
    return first17 + "10X98765432"[sum(int(c) * pow(2, 17 - i, 11) for i, c in enumerate(first17)) % 11]


def hkid(letter, serial):
    """One letter, six digits, check in brackets."""
    digits = f"{serial:06d}"
    total = 36 * 9 + int(letter, 36) * 8 + sum(int(c) * w for c, w in zip(digits, (7, 6, 5, 4, 3, 2)))
    return f"{letter}{digits}({'0123456789A'[(11 - total % 11) % 11]})"


def lei(serial):
    """ISO 17442 under the prefix 0000, which no issuer has."""
    body = f"000000HKSAMPLE{serial:04d}"
    return f"{body}{98 - int(''.join(str(int(c, 36)) for c in body)) * 100 % 97:02d}"


# ---- the people of the sample --------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Subject:
    """Who a row is about: an entity with a code, or a natural person with a document."""

    name: str
    code: str
    scheme: str = "uscc"
    kind: str = "法人及非法人组织"
    status: str = "active"
    since: date = date(2015, 1, 5)
    document: str = ""


@dataclass(frozen=True)
class Authority:
    """Who decides or keeps a register."""

    name: str
    code: str
    sign: str = ""


TRADES = "电子 机械 贸易 物流 建材 服饰 食品 环保 软件 家具 化工 印务 园林 灯饰 餐饮 仪器".split()
DISTRICTS = {"gz": "440103 440104 440105 440106 440111 440112 440113 440114 440115 440117 440118".split(),
             "sz": "440300 440303 440304 440305 440306 440307 440308 440309 440310 440311".split()}
# The body of every minted code starts with YL (样例), a series that is not issued; then one digit for the city.
DIGIT, PLACE = {"gz": 1, "sz": 2}, {"gz": "广州", "sz": "深圳"}
STATUSES = ["active"] * 14 + ["suspended", "revoked", "cancelled", "liquidation"]


def day_between(first, last):
    """Any day from first to last."""
    return first + timedelta(days=RNG.randrange((last - first).days + 1))


def company(city, serial, kind="91", region=None, form="有限公司", status=None):
    """One entity of a mainland city; the serial number fixes its code."""
    region = region or DISTRICTS[city][serial % len(DISTRICTS[city])]
    label = {"92": "个体工商户"}.get(kind, "法人及非法人组织")
    name = f"{PLACE[city]}样例{TRADES[serial % len(TRADES)]}{serial:03d}{form}"
    since = day_between(date(2008, 1, 1), date(2024, 12, 31))
    return Subject(name, uscc(kind, region, f"YL{DIGIT[city]}{serial:05d}"), "uscc", label, status or RNG.choice(STATUSES), since)


def company_like(city, serial):
    """The name and code of the company that `company` made with this serial number and default form; nothing is drawn."""
    region = DISTRICTS[city][serial % len(DISTRICTS[city])]
    form = "有限公司" if (serial - 100) % 5 else "股份有限公司"
    return Subject(f"{PLACE[city]}样例{TRADES[serial % len(TRADES)]}{serial:03d}{form}", uscc("91", region, f"YL{DIGIT[city]}{serial:05d}"))


def entities(city, scenarios, others):
    """Scenario companies by name (serials 1..), then `others` further entities of every form."""
    named = {name: company(city, i + 1, **shape) for i, (name, shape) in enumerate(scenarios.items())}
    forms = [("92", "经营部")] * 6 + [("12", "服务中心")] * 4 + [("51", "协会"), ("52", "培训学校"), ("53", "基金会")] + [("93", "专业合作社")] * 2
    rest = []
    for i in range(others):
        kind, form = forms[i] if i < len(forms) else ("91", "有限公司" if i % 5 else "股份有限公司")
        rest.append(company(city, 100 + i, kind, form=form))
    return named, rest


ACTIVE = {"status": "active"}
GZ_SCENARIOS = {name: ACTIVE for name in (
    "gz_listed gz_repaired gz_withdrawn gz_serious_penalty gz_minor_penalty gz_penalty_repaired gz_expired_penalty gz_derived "
    "gz_permit_valid gz_permit_expired gz_abnormal gz_publication_ended gz_stated_minor gz_list_term_over").split()}
GZ_SCENARIOS["gz_household"] = ACTIVE | {"kind": "92", "form": "经营部"}
SZ_SCENARIOS = {name: ACTIVE for name in (
    "sz_clean sz_serious_penalty sz_two_general sz_penalty_withdrawn sz_fine_at_threshold sz_fine_below_threshold sz_warned").split()}


def authority(city, serial, name, sign=""):
    """A public body of a mainland city."""
    return Authority(f"{PLACE[city]}市样例{name}", uscc("11", DISTRICTS[city][0][:4] + "00", f"YL9{DIGIT[city]}{serial:04d}"), sign)


def persons(count, first):
    """Natural persons with documents of three kinds; numbers in the series 999, which is kept for centenarians, hit nobody born in 1990."""
    made = []
    for i in range(first, first + count):
        kinds = [("身份证", ric("440106", date(1990, 1, 1 + i), 999)), ("港澳居民来往内地通行证", f"H{i:08d}"), ("其他-香港身份证", hkid("Z", i))]
        document, number = kinds[i % 3]
        made.append(Subject(f"样例某{'甲乙丙丁戊己庚辛壬癸'[i % 10]}", number, document, "自然人", document=document))
    return made


# ---- rows ----------------------------------------------------------------------------------------------------------

def subject_cells(prefix, who, with_representative):
    """The cells that say whom a row is about."""
    cells = {f"{prefix}_XDR_MC": who.name, f"{prefix}_XDR_LB": who.kind}
    if who.kind == "自然人":
        return cells | {f"{prefix}_XDR_ZJLX": who.document, f"{prefix}_XDR_ZJHM": who.code}
    cells |= {f"{prefix}_XDR_SHXYM": who.code, f"{prefix}_XDR_ZZJG": who.code[8:17], f"{prefix}_FRDB": "样例代表"}
    if with_representative:
        cells |= {f"{prefix}_FR_ZJLX": "身份证", f"{prefix}_FR_SFZH": ric("440106", date(1990, 2, 1 + RNG.randrange(28)), 998)}
    return cells


def penalty(who, body, year_number, decided, categories, fine="", shown_until="", severity="", **over):
    """One penalty row; `fine` in 万元 with six decimals, `year_number` the number within the year's series."""
    cells = subject_cells("CF", who, RNG.random() < 0.5) | {
        "CF_WSH": f"{body.sign}罚〔{decided.year}〕{year_number:04d}号", "CF_WFXW": "违反样例管理规定的行为",
        "CF_SY": f"当事人于{decided.year}年被检查,发现样例情形\n（样例员工某某在场）" if year_number % 7 == 0 else "样例事实",
        "CF_YJ": "《样例管理条例》第一条", "CF_CFLB": categories, "CF_NR": f"样例处罚内容：{categories}", "CF_NR_FK": fine,
        "CF_NR_WFFF": "0.350000" if "没收" in categories else "", "CF_NR_ZKDX": "样例许可证YL-001" if "许可证件" in categories else "",
        "CF_JDRQ": decided, "CF_YXQ": OPEN_END, "CF_GSJZQ": shown_until, "CF_CFJG": body.name, "CF_CFJGDM": body.code,
        "CF_SJLY": body.name, "CF_SJLYDM": body.code, "失信严重程度": severity, "数据导出时间": AS_OF}
    return cells | over


def permit(who, body, number, first, last, state="1", **over):
    """One permit row, valid from `first` to `last`, both included."""
    cells = subject_cells("XK", who, RNG.random() < 0.3) | {
        "XK_XKWS": "准予行政许可决定书", "XK_WSH": f"{body.sign}许〔{first.year}〕{number:04d}号", "XK_XKLB": "核准" if number % 3 else "普通",
        "XK_XKZS": "样例经营许可证", "XK_XKBH": f"YLXK{first.year}{number:05d}", "XK_NR": "样例经营项目", "XK_JDRQ": first, "XK_YXQZ": first,
        "XK_YXQZI": last, "XK_XKJG": body.name, "XK_XKJGDM": body.code, "XK_ZT": state, "XK_SJLY": body.name, "XK_SJLYDM": body.code}
    return cells | over


SANCTIONS = [("警告", ""), ("通报批评", ""), ("警告;通报批评", ""), ("罚款", "0.500000"), ("罚款", "2.000000"), ("警告;罚款", "1.250000"),
             ("罚款;没收违法所得", "12.345678"), ("没收违法所得;没收非法财物", ""), ("罚款", "45.000000"), ("罚款", "99.999999"), ("罚款", "100.000000"),
             ("罚款;吊销许可证件", "30.000000"), ("责令停产停业", ""), ("责令关闭", ""), ("限制从业;罚款", "8.000000"), ("暂扣许可证件", ""), ("其他-责令改正", "")]


def ordinary_penalties(pool, bodies, count, first, last, number, severities=("",)):
    """Penalties that no scenario depends on; numbers run on from `number`."""
    rows = []
    for i in range(count):
        categories, fine = RNG.choice(SANCTIONS)
        decided = day_between(first, last)
        shown_until = decided + timedelta(days=RNG.choice([90, 365, 1095])) if RNG.random() < 0.3 else ""
        rows.append(penalty(RNG.choice(pool), RNG.choice(bodies), number + i, decided, categories, fine, shown_until, RNG.choice(severities)))
    return rows


def ordinary_permits(pool, bodies, count, number):
    """Permits that no scenario depends on."""
    rows = []
    for i in range(count):
        first = day_between(date(2018, 1, 1), date(2026, 9, 30))
        last = RNG.choice([OPEN_END, first + timedelta(days=365), first + timedelta(days=1826)])
        rows.append(permit(RNG.choice(pool), RNG.choice(bodies), number + i, first, last, RNG.choice(["1", "1", "1", "有效", "2", "注销"])))
    return rows


def with_bad_check(code):
    """The code with a wrong last character."""
    return code[:17] + USCC_ALPHABET[(USCC_ALPHABET.index(code[17]) + 1) % 31]


def with_bad_org_check(code):
    """The code with a wrong organisation code inside and a last character that is right again."""
    first17 = code[:16] + ("1" if code[16] != "1" else "2")
    return first17 + uscc_check(first17)


def full_width(text):
    """ASCII as full-width forms."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


# ---- files ---------------------------------------------------------------------------------------------------------

def save(city, name, text, encoding="utf-8"):
    """Writes one file below the city's folder."""
    path = RECORDS / city / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def save_published(city, name, pairs, rows, style, encoding, newline="\n", coded=False, note=None, extras=()):
    """Writes a 双公示 file; `note` puts a 表格说明 row "first" or "last", `style` is a date form or a list to cycle through."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=newline)
    pairs = pairs + [(extra, extra) for extra in extras]
    writer.writerow([code if coded else text for code, text in pairs])
    lines = []
    for i, row in enumerate(rows):
        form = style if isinstance(style, str) else style[i % len(style)]
        cells = [row.get(code, "") for code, _ in pairs]
        lines.append([cell.strftime(form) if isinstance(cell, date) else cell for cell in cells])
    explained = ["表格说明：1.本表为样例；2.金额单位为万元"] + [""] * (len(pairs) - 1)
    lines = [explained] * (note == "first") + lines + [explained] * (note == "last")
    writer.writerows(lines)
    save(city, name, out.getvalue(), encoding)


LISTED = "scheme identifier name document listed_on delisted_on repaired_on withdrawn_on"
HEADS = {"REG_STATUS": "scheme identifier name status since", "PERMIT": "scheme identifier name document category valid_from valid_until state",
         "REPAIR": "scheme identifier document authority action on", "OBJECTION": "scheme identifier document authority action on",
         "COMMIT": "scheme identifier name document made_on state withdrawn_on",
         "QUAL_GRADE": "scheme identifier name document sector grade rated_on valid_until withdrawn_on"}
GRADED = "scheme identifier name document grade rated_on valid_until withdrawn_on"
REPORTED = "scheme identifier name type digest domains from issued_on valid_until withdrawn_on"
HEADS |= {register: GRADED for register in ("TAX_GRADE", "AEO_GRADE", "ENV_GRADE", "LABOR_GRADE", "PUB_GRADE")}
HEADS |= {register: REPORTED for register in ("REPORT_VERIFY", "NO_VIOL_REPORT", "RES_INTEGRITY")}


def save_register(city, register, keeper, rows, suffix=""):
    """Writes a register in the layout creditbay-register/1."""
    out = io.StringIO()
    out.write(f"#creditbay-register/1,register={register},authority={keeper.code},as_of={AS_OF}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADS.get(register, LISTED).split())
    writer.writerows(rows)
    save(city, f"register-{register.lower().replace('_', '-')}{suffix}.csv", out.getvalue())


def status_rows(subjects):
    """Rows of REG_STATUS in the order of the identifiers."""
    return sorted((s.scheme, s.code, s.name, s.status, s.since) for s in subjects)


def listing(who, document, listed, delisted="", repaired="", withdrawn=""):
    """One row of a list."""
    return (who.scheme, who.code, who.name, document, listed, delisted, repaired, withdrawn)


def ordinary_listings(pool, sign, count):
    """Listings that no scenario depends on: still on, left, repaired or withdrawn."""
    rows = []
    for i, who in enumerate(RNG.sample(pool, count)):
        listed = day_between(date(2022, 1, 1), date(2026, 9, 30))
        end = day_between(listed + timedelta(days=20), AS_OF)
        rows.append(listing(who, f"{sign}列〔{listed.year}〕{i + 1:03d}号", listed, *[end if i % 4 == k else "" for k in (1, 2, 3)]))
    return rows


def repair(row, action, on):
    """One row of REPAIR for a penalty row."""
    return ("uscc", row["CF_XDR_SHXYM"], row["CF_WSH"], row["CF_CFJGDM"], action, on)


# ---- cities --------------------------------------------------------------------------------------------------------

def write_guangzhou():
    """records/gz: three penalty files, two permit files, eleven registers."""
    named, rest = entities("gz", GZ_SCENARIOS, 136)
    clean = Subject("广州样例洁净有限公司", "91440101MA9XTEAT0A", since=date(2020, 3, 16))
    # The network file maps the first of these to Guangzhou; a node finds no issuer for the others until it maps them too.
    province = [Subject("广州样例省登记有限公司", "91440000MA5GBAC048", since=date(2019, 9, 2))]
    province += [company("gz", 300 + i, region="440000", status="active") for i in range(3)]
    bodies = [authority("gz", 1, "市场监督管理局", "穗样市监"), authority("gz", 2, "生态环境局", "穗样环"), authority("gz", 3, "应急管理局", "穗样应急")]
    market, someone = bodies[0], persons(14, 1)
    visitor = Subject("佛山样例陶瓷有限公司", uscc("91", "440604", "YL500001"))
    save_gz_penalties(named, rest, bodies, someone, visitor)
    save_gz_permits(named, rest, bodies, someone)
    save_register("gz", "REG_STATUS", market, status_rows([clean, *named.values(), *rest]))
    save_register("gz", "REG_STATUS", Authority("广东省样例市场监督管理局", uscc("11", "440000", "YL910000")), status_rows(province), "-province")
    fixed = {"SER_WAGE": [listing(named["gz_listed"], "穗样人社列〔2026〕901号", date(2026, 6, 18))],
             "SER_TAX": [listing(named["gz_repaired"], "穗样税列〔2025〕901号", date(2025, 11, 20), repaired=date(2026, 8, 5))],
             "SER_SAMR": [listing(named["gz_withdrawn"], "穗样市监列〔2026〕901号", date(2026, 2, 10), withdrawn=date(2026, 4, 1))],
             "SER_SAFETY": [listing(named["gz_list_term_over"], "穗样应急列〔2022〕901号", date(2022, 5, 10))],
             "ABN_LIST": [listing(named["gz_abnormal"], "穗样市监异〔2021〕901号", date(2021, 7, 2))]}
    counts = {"ABN_LIST": 11, "SER_SAMR": 6, "SER_TAX": 5, "SER_WAGE": 6, "SER_SAFETY": 3, "SER_CUSTOMS": 2, "SER_SOCINS": 0}
    save_lists("gz", rest, fixed, counts)


def save_lists(city, pool, fixed, counts):
    """The seven lists of a mainland city."""
    for i, (register, count) in enumerate(counts.items()):
        keeper = authority(city, 11 + i, "名单管理局", f"{PLACE[city][0]}样名单{i}")
        save_register(city, register, keeper, fixed.get(register, []) + ordinary_listings(pool, keeper.sign, count))


def save_gz_penalties(named, rest, bodies, someone, visitor):
    """Three files with the faults, copies and persons that README.md lists, and the repairs."""
    market, pool = bodies[0], rest[:110]
    old = ordinary_penalties(pool, bodies, 58, date(2019, 1, 1), date(2025, 12, 31), 1)
    old += [penalty(named["gz_expired_penalty"], market, 901, date(2020, 4, 14), "罚款;吊销许可证件", "260.000000", OPEN_END),
            penalty(named["gz_publication_ended"], market, 902, date(2025, 3, 11), "责令停产停业", "", date(2026, 9, 30)),
            *[penalty(who, bodies[i % 3], 910 + i, date(2024, 5, 6 + i), "罚款", "0.050000") for i, who in enumerate(someone[:5])]]
    old += [dict(old[3]), old[8] | {"CF_WSH": full_width(old[8]["CF_WSH"]) + " ", "CF_XDR_SHXYM": full_width(old[8]["CF_XDR_SHXYM"].lower())}]
    bad = ordinary_penalties(pool, bodies, 9, date(2024, 1, 1), date(2025, 12, 31), 940)
    old += [bad[0] | {"CF_XDR_SHXYM": with_bad_check(bad[0]["CF_XDR_SHXYM"])}, bad[1] | {"CF_JDRQ": "2025/02/30"}, bad[2] | {"CF_WSH": ""},
            bad[3] | {"CF_CFJGDM": ""}]
    save_published("gz", "penalties-1-history.csv", columns(PENALTY), old, SLASHED, "utf-8-sig", note="first")

    rare = Subject("广州样例𠮷㐀商行有限公司", uscc("91", "440106", "YL100298"))
    new = ordinary_penalties(pool, bodies, 50, date(2025, 1, 1), date(2026, 10, 31), 2001, ("轻微", "一般", "一般", "严重", ""))
    kept = penalty(named["gz_penalty_repaired"], market, 2901, date(2025, 6, 10), "罚款;吊销许可证件", "180.000000", "", "严重")
    new += [penalty(named["gz_serious_penalty"], market, 2902, date(2026, 7, 15), "罚款;吊销许可证件", "500.000000", "", "严重"),
            penalty(named["gz_minor_penalty"], market, 2903, date(2026, 9, 3), "警告", "", "", "轻微"), kept,
            penalty(named["gz_stated_minor"], market, 2904, date(2026, 2, 12), "罚款", "0.300000", "", "轻微"),
            penalty(rare, market, 2905, date(2026, 8, 20), "警告;罚款", "1.000000", "", "一般"),
            *[penalty(who, market, 2910 + i, date(2026, 5, 6 + i), "警告", severity="轻微") for i, who in enumerate(someone[5:9])]]
    new += [dict(new[5]), dict(old[12]), bad[4] | {"CF_XDR_SHXYM": with_bad_org_check(bad[4]["CF_XDR_SHXYM"])}, bad[5] | {"CF_NR_FK": "壹万元"}]
    extras = ("失信严重程度", "数据导出时间")
    save_published("gz", "penalties-2-market.csv", varied(PENALTY), new, DASHED, "gb18030", "\r\n", note="last", extras=extras)

    coded = ordinary_penalties(pool, bodies, 30, date(2023, 1, 1), date(2026, 10, 31), 3001)
    coded += [penalty(named["gz_derived"], market, 3901, date(2026, 6, 22), "警告;吊销许可证件"), penalty(visitor, market, 3902, date(2026, 4, 2), "罚款", "3.000000"),
              *[penalty(who, market, 3910 + i, date(2026, 3, 3 + i), "罚款", "0.020000") for i, who in enumerate(someone[9:12])],
              dict(old[20]), dict(new[7]), dict(coded[2]), bad[6] | {"CF_XDR_SHXYM": ""}, bad[7] | {"CF_JDRQ": "待定"}, bad[8] | {"CF_GSJZQ": "2026-13-01"}]
    save_published("gz", "penalties-3-codes.csv", columns(PENALTY), coded, TIMED, "utf-8", coded=True)
    repairs = [repair(kept, "repaired", date(2026, 8, 20)), repair(old[15], "repaired", date(2026, 2, 2)), repair(new[9], "withdrawn", date(2026, 10, 9)),
               repair(coded[4], "repaired", date(2026, 10, 12))]
    save_register("gz", "REPAIR", market, repairs)


def save_gz_permits(named, rest, bodies, someone):
    """Two permit files."""
    market, pool = bodies[0], rest[:120]
    first = ordinary_permits(pool, bodies, 48, 1)
    first += [permit(named["gz_permit_valid"], market, 901, date(2023, 2, 1), OPEN_END), permit(named["gz_permit_expired"], market, 902, date(2018, 6, 1), date(2022, 5, 31)),
              *[permit(who, market, 910 + i, date(2024, 1, 8), OPEN_END) for i, who in enumerate(someone[:2])]]
    first += [dict(first[4]), first[6] | {"XK_WSH": "", "XK_XKBH": ""}, first[7] | {"XK_XDR_SHXYM": with_bad_check(first[7]["XK_XDR_SHXYM"])}]
    save_published("gz", "permits-1.csv", columns(PERMIT), first, [SLASHED, DASHED, TIMED], "utf-8-sig")
    second = ordinary_permits(pool, bodies, 34, 1001)
    second[3]["XK_WSH"] = ""  # the number of the permit stands in for that of the decision
    second += [permit(someone[12], market, 1910, date(2025, 1, 8), OPEN_END), dict(first[9]), second[5] | {"XK_WSH": "穗样许〔2026〕9901号", "XK_YXQZI": "待定"},
               second[6] | {"XK_WSH": "穗样许〔2026〕9902号", "XK_XKJGDM": ""}]
    save_published("gz", "permits-2.csv", varied(PERMIT), second, DASHED, "gb18030", "\r\n", note="last")


def write_shenzhen():
    """records/sz: two penalty files, one permit file, nine registers."""
    named, rest = entities("sz", SZ_SCENARIOS, 153)
    bodies = [authority("sz", 1, "市场监督管理局", "深样市监"), authority("sz", 2, "水务局", "深样水务"), authority("sz", 3, "消防救援支队", "深样消")]
    market, pool, someone = bodies[0], rest[:130], persons(12, 16)
    old = ordinary_penalties(pool, bodies, 60, date(2019, 6, 1), date(2026, 3, 31), 1)
    # Both under Order 58, so that they stay visible for 36 months; the second on its last day.
    old += [penalty(named["sz_two_general"], market, 901, date(2026, 2, 10), "罚款", "3.000000"),
            penalty(named["sz_two_general"], bodies[1], 902, date(2026, 3, 31), "警告;罚款", "1.500000"),
            penalty(named["sz_fine_below_threshold"], market, 903, date(2026, 3, 5), "罚款", "99.999999"),
            penalty(named["sz_warned"], market, 904, date(2026, 2, 20), "警告;通报批评"),
            *[penalty(who, market, 910 + i, date(2025, 8, 6 + i), "罚款", "0.100000") for i, who in enumerate(someone[:4])]]
    bad = ordinary_penalties(pool, bodies, 6, date(2024, 1, 1), date(2026, 3, 31), 940)
    old += [dict(old[2]), dict(old[11]), bad[0] | {"CF_XDR_SHXYM": with_bad_check(bad[0]["CF_XDR_SHXYM"])}, bad[1] | {"CF_WSH": " "}, bad[2] | {"CF_JDRQ": ""}]
    save_published("sz", "penalties-1.csv", columns(PENALTY), old, [DASHED, SLASHED], "utf-8-sig", "\r\n")

    new = ordinary_penalties(pool, bodies, 40, date(2026, 4, 1), date(2026, 10, 31), 2001)
    voided = penalty(named["sz_penalty_withdrawn"], market, 2903, date(2026, 6, 5), "责令关闭")
    new += [penalty(named["sz_serious_penalty"], market, 2901, date(2026, 8, 11), "罚款;责令停产停业", "350.000000"),
            penalty(named["sz_fine_at_threshold"], market, 2902, date(2026, 5, 19), "罚款", "100.000000"), voided,
            *[penalty(who, market, 2910 + i, date(2026, 7, 6 + i), "警告") for i, who in enumerate(someone[4:7])]]
    new += [dict(new[1]), dict(old[30]), bad[3] | {"CF_CFJGDM": ""}, bad[4] | {"CF_XDR_SHXYM": bad[4]["CF_XDR_SHXYM"][:8] + "I" + bad[4]["CF_XDR_SHXYM"][9:]},
            bad[5] | {"CF_JDRQ": "2026.5.1"}]
    save_published("sz", "penalties-2.csv", varied(PENALTY), new, [TIMED, DASHED], "utf-8-sig", note="first")
    permits = ordinary_permits(rest, bodies, 60, 1)
    permits += [*[permit(who, market, 910 + i, date(2024, 1, 8), OPEN_END) for i, who in enumerate(someone[7:10])], dict(permits[1]), dict(permits[2]),
                permits[3] | {"XK_WSH": "深样许〔2026〕9901号", "XK_XDR_SHXYM": ""}, permits[4] | {"XK_WSH": "深样许〔2026〕9902号", "XK_YXQZ": "2024/02/30"}]
    save_published("sz", "permits-1.csv", varied(PERMIT), permits, [SLASHED, TIMED], "gb18030", "\r\n", note="last")
    save_register("sz", "REG_STATUS", market, status_rows([*named.values(), *rest]))
    save_register("sz", "REPAIR", market, [repair(voided, "withdrawn", date(2026, 9, 1)), repair(old[7], "repaired", date(2026, 9, 9))])
    save_lists("sz", rest, {}, {"ABN_LIST": 9, "SER_SAMR": 5, "SER_TAX": 4, "SER_WAGE": 3, "SER_SAFETY": 2, "SER_CUSTOMS": 0, "SER_SOCINS": 2})


def write_bay(city, scheme, keeper, named, rest, categories, extra=()):
    """records/hk and records/mo: the register of companies and the permits."""
    holders = [named[f"{city}_active"], *RNG.sample(rest, 20)]
    rows = [(scheme, holders[0].code, holders[0].name, f"{city.upper()}-SAMPLE-0001", categories[0], date(2021, 1, 4), OPEN_END, "valid")]
    for i, who in enumerate(holders[1:]):
        first = day_between(date(2019, 1, 1), date(2026, 6, 30))
        last = first + timedelta(days=RNG.choice([365, 730, 3652]))
        rows.append((scheme, who.code, who.name, f"{city.upper()}-SAMPLE-{i + 2:04d}", RNG.choice(categories), first, last, RNG.choice(["valid"] * 5 + ["suspended", "revoked", "cancelled"])))
    save_register(city, "PERMIT", keeper, rows)
    save_register(city, "REG_STATUS", keeper, status_rows([*named.values(), *rest, *extra]))


def bay_companies(scheme, first, count, names):
    """Companies with running numbers; the first is active, the second in liquidation."""
    fixed = ["active", "liquidation"]
    return [Subject(names(i), f"{first + i:08d}", scheme, status=fixed[i] if i < 2 else RNG.choice(STATUSES), since=day_between(date(2000, 1, 1), date(2024, 12, 31)))
            for i in range(count)]


# ---- grades, further lists, commitments, reports, objections -------------------------------------------------------

PREFIX = {"gz": "穗样", "sz": "深样", "hk": "HK-SAMPLE", "mo": "MO-SAMPLE"}


def later_companies(city, names):
    """One active company for each name, in the order given; nothing about them is drawn."""
    made = {}
    for i, name in enumerate(names.split()):
        serial, since = 401 + i, date(2016, 3, 1)
        if city in DISTRICTS:
            body = name.endswith("gov")
            region = DISTRICTS[city][serial % len(DISTRICTS[city])]
            code = uscc("11" if body else "91", region, f"YL{DIGIT[city]}{serial:05d}")
            made[name] = Subject(f"{PLACE[city]}样例{'机关' if body else TRADES[i % len(TRADES)]}{serial}{'' if body else '有限公司'}", code, since=since)
        else:
            scheme, first = {"hk": ("hk-brn", 99000000), "mo": ("mo-entity", 89900000)}[city]
            made[name] = Subject(f"Sample {name.removeprefix(city + '_')} {serial} Limited 樣例{serial}", f"{first + serial:08d}", scheme, since=since)
    return made


class Register:
    """Rows of one register of a city, with document numbers that run on."""

    def __init__(self, city, register, keeper):
        self.city, self.register, self.keeper, self.rows = city, register, keeper, []

    def document(self, day):
        """The next number."""
        return f"{PREFIX[self.city]}{self.register.replace('_', '')}〔{day.year}〕{len(self.rows) + 1:03d}号"

    def grade(self, who, grade, rated, until="", withdrawn="", sector=None):
        """A rating."""
        cells = [grade, rated, until, withdrawn]
        self.rows.append((who.scheme, who.code, who.name, self.document(rated), *([sector] if sector else []), *cells))

    def list(self, who, listed, **ends):
        """A listing."""
        self.rows.append(listing(who, self.document(listed), listed, **ends))

    def commit(self, who, made, state, withdrawn=""):
        """A commitment."""
        self.rows.append((who.scheme, who.code, who.name, self.document(made), made, state, withdrawn))

    def report(self, number, covers, issued, until, who=None, of="", domains="", withdrawn=""):
        """A report, its file written to reports/; without `who` it is a natural person's and the row names nobody."""
        about = (who.scheme, who.code, who.name) if who else ("", "", "")
        self.rows.append((*about, of, report_digest(self.city, number), domains, covers, issued, until, withdrawn))

    def save(self):
        """Writes the file."""
        save_register(self.city, self.register, self.keeper, self.rows)


def report_digest(city, number):
    """Writes the file of a report as its subject carries it, and gives its SHA-256."""
    text = f"信用报告样例 Sample report {city}-{number}\nEvery word of it is invented.\n"
    path = REPORTS / f"{city}-{number}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return hashlib.sha256(text.encode()).hexdigest()


def listed_persons(register, count, first):
    """Natural persons on a list, whose rows a node keeps apart."""
    for i in range(first, first + count):
        who = Subject(f"样例某{'甲乙丙丁戊己庚辛壬癸'[i % 10]}", ric("440106", date(1990, 3, 1 + i % 28), 999), "ric")
        register.list(who, date(2025, 1, 1) + timedelta(days=i))


def ordinary_grades(register, pool, grades, count):
    """Ratings that no scenario depends on, some of them of two years."""
    for i, who in enumerate(LATER.sample(pool, count)):
        rated = date(2026, 1, 5) + timedelta(days=LATER.randrange(280))
        if i % 4 == 0:
            register.grade(who, LATER.choice(grades), rated - timedelta(days=365))
        register.grade(who, LATER.choice(grades), rated)


def registers(city, keeper, names):
    """Empty registers by name."""
    return {name: Register(city, name, keeper) for name in names.split()}


MAINLAND = ("AEO_GRADE TAX_GRADE ENV_GRADE LABOR_GRADE PUB_GRADE QUAL_GRADE COURT_DISHONEST IPR_DISHONEST SEC_FILE GOV_DEFAULT INSOLVENCY COMMIT "
            "NO_VIOL_REPORT RES_INTEGRITY REPORT_VERIFY OBJECTION")
SCALES = {"AEO_GRADE": "严重失信 失信 常规 认证 高级认证", "TAX_GRADE": "D C M B A", "ENV_GRADE": "红 黄 蓝 绿", "LABOR_GRADE": "C B A", "PUB_GRADE": "D C B A"}
STANDING = date(2030, 12, 31)  # later than any day that expect.py looks at


def write_mainland_later(city, names, keeper, pool):
    """What both mainland cities have of the further registers."""
    held = registers(city, keeper, MAINLAND)
    for register, scale in SCALES.items():
        ordinary_grades(held[register], pool, scale.split(), 12)
    for who in LATER.sample(pool, 6):
        held["QUAL_GRADE"].grade(who, LATER.choice("ABCD"), date(2026, 4, 1), sector=LATER.choice("quality food drug construction fire".split()))
    for name in ("COURT_DISHONEST", "IPR_DISHONEST", "SEC_FILE", "INSOLVENCY"):
        for who in LATER.sample(pool, 4):
            listed = date(2025, 2, 1) + timedelta(days=LATER.randrange(500))
            held[name].list(who, listed, delisted=listed + timedelta(days=90) if LATER.random() < 0.5 else "")
    for who in LATER.sample(pool, 10):
        held["COMMIT"].commit(who, date(2026, 1, 5) + timedelta(days=LATER.randrange(280)), LATER.choice(["pending", "fulfilled", "fulfilled", "broken"]))
    listed_persons(held["COURT_DISHONEST"], 5, 1)
    return held


def write_guangzhou_later(pool):
    """records/gz: further registers and two files of the layout of 2016."""
    keeper = authority("gz", 31, "公共信用信息中心")
    named = later_companies("gz", "gz_aeo gz_aeo_dishonest gz_tax_a gz_tax_d gz_env_green gz_env_yellow gz_env_unrated gz_labor_b gz_pub_b gz_qual_mixed "
                            "gz_court gz_court_removed gz_ipr gz_sec gz_insolvent gz_commit_kept gz_commit_broken gz_report gz_objecting gz_objection_upheld "
                            "gz_objection_rejected gz_gov gz_clean_gov")
    held = write_mainland_later("gz", named, keeper, pool)
    held["AEO_GRADE"].grade(named["gz_aeo"], "高级认证企业", date(2026, 5, 12))
    held["AEO_GRADE"].grade(named["gz_aeo_dishonest"], "失信", date(2026, 4, 20))
    held["TAX_GRADE"].grade(named["gz_tax_a"], "D", date(2025, 4, 30))
    held["TAX_GRADE"].grade(named["gz_tax_a"], "A", date(2026, 4, 30))
    held["TAX_GRADE"].grade(named["gz_tax_d"], "D级", date(2026, 4, 30))
    held["ENV_GRADE"].grade(named["gz_env_green"], "绿", date(2026, 6, 30))
    held["ENV_GRADE"].grade(named["gz_env_yellow"], "黄", date(2026, 6, 30))
    held["ENV_GRADE"].grade(named["gz_env_unrated"], "不评定", date(2026, 6, 30))
    held["LABOR_GRADE"].grade(named["gz_labor_b"], "B", date(2026, 5, 20))
    held["PUB_GRADE"].grade(named["gz_pub_b"], "B", date(2026, 10, 15))
    held["QUAL_GRADE"].grade(named["gz_qual_mixed"], "A", date(2026, 3, 31), sector="food")
    held["QUAL_GRADE"].grade(named["gz_qual_mixed"], "D", date(2025, 3, 31), sector="fire")
    held["QUAL_GRADE"].grade(named["gz_qual_mixed"], "C", date(2026, 3, 31), sector="fire")
    held["COURT_DISHONEST"].list(named["gz_court"], date(2026, 2, 10))
    held["COURT_DISHONEST"].list(named["gz_court_removed"], date(2025, 1, 10), delisted=date(2025, 3, 2))
    held["IPR_DISHONEST"].list(named["gz_ipr"], date(2026, 3, 9))
    held["SEC_FILE"].list(named["gz_sec"], date(2026, 6, 18))
    held["INSOLVENCY"].list(named["gz_insolvent"], date(2024, 4, 20))
    held["GOV_DEFAULT"].list(named["gz_gov"], date(2026, 1, 15))
    held["COMMIT"].commit(named["gz_commit_kept"], date(2026, 3, 2), "fulfilled")
    held["COMMIT"].commit(named["gz_commit_broken"], date(2026, 3, 2), "broken")
    held["REPORT_VERIFY"].report(1, date(2021, 9, 1), date(2026, 9, 1), STANDING, named["gz_report"])
    held["REPORT_VERIFY"].report(2, date(2021, 9, 1), date(2026, 9, 1), STANDING, named["gz_report"], withdrawn=date(2026, 10, 9))
    held["REPORT_VERIFY"].report(3, date(2021, 9, 1), date(2026, 9, 1), STANDING)
    held["REPORT_VERIFY"].report(4, date(2021, 9, 1), date(2025, 9, 1), date(2026, 8, 31))
    held["REPORT_VERIFY"].report(5, date(2021, 9, 1), date(2026, 9, 1), STANDING, of="COURT_DISHONEST")
    held["NO_VIOL_REPORT"].report(6, date(2023, 9, 1), date(2026, 9, 1), STANDING, named["gz_report"], domains="1|2|38")
    held["RES_INTEGRITY"].report(7, date(2021, 9, 1), date(2026, 9, 1), STANDING)
    objected = [(name, listing(named[name], f"穗样税列〔2026〕95{i}号", date(2026, 4, 2 + i))) for i, name in
                enumerate(("gz_objecting", "gz_objection_upheld", "gz_objection_rejected"))]
    save_register("gz", "SER_TAX", keeper, [row for _, row in objected], "-further")
    for name, row in objected:
        steps = [("raised", date(2026, 9, 1))] + {"gz_objection_upheld": [("upheld", date(2026, 9, 8))], "gz_objection_rejected": [("rejected", date(2026, 9, 8))]}.get(name, [])
        held["OBJECTION"].rows += [(row[0], row[1], row[3], keeper.code, action, on) for action, on in steps]
    for register in held.values():
        register.save()
    save_register("gz", "REG_STATUS", keeper, status_rows(named.values()), "-further")
    write_guangzhou_2016(pool)


def write_guangzhou_2016(pool):
    """Two files of 2016: penalties that are long past their publication, and permits of which one is still valid."""
    whom = LATER.sample(pool, 9)
    someone = [Subject("样例某甲", ric("440106", date(1990, 5, 1 + i), 999)) for i in range(2)]
    rows, permits = [], []
    for i, who in enumerate([*whom, *someone]):
        person = who in someone
        shared = {"XDR_SHXYM": "" if person else who.code, "XDR_SFZ": who.code if person else "", "ZT": "0123"[i % 4], "XZJG": "广州市样例市场监督管理局"}
        rows.append({f"CF_{key}": value for key, value in shared.items()} | {
            "CF_WSH": f"穗样市监罚〔2016〕{i + 1}号", "CF_CFMC": "样例处罚", "CF_CFLB1": ["罚款", "警告", "吊销许可证件"][i % 3], "CF_CFLB2": "没收违法所得" if i % 5 == 0 else "",
            "CF_SY": "样例事由", "CF_YJ": "《样例管理条例》第一条", "CF_XDR_MC": who.name, "CF_FR": "样例代表", "CF_JG": "样例处罚结果",
            "CF_JDRQ": date(2016, 6, 1) + timedelta(days=11 * i), "DFBM": "440100", "SJC": AS_OF})
        permits.append({f"XK_{key}": value for key, value in shared.items()} | {
            "XK_WSH": f"穗样市监许〔2016〕{i + 1}号", "XK_XMMC": "样例项目", "XK_SPLB": ["普通", "登记"][i % 2], "XK_NR": "样例经营项目", "XK_XDR": who.name, "XK_FR": "样例代表",
            "XK_JDRQ": date(2016, 6, 1) + timedelta(days=11 * i), "XK_JZQ": OPEN_END if i % 3 else date(2021, 5, 31), "DFBM": "440100", "SJC": AS_OF})
    save_published("gz", "penalties-4-2016.csv", columns(PENALTY_2016), rows, SLASHED, "utf-8-sig")
    save_published("gz", "permits-3-2016.csv", columns(PERMIT_2016), permits, DASHED, "gb18030", "\r\n", coded=True)


def write_shenzhen_later(pool):
    """records/sz: further registers."""
    keeper = authority("sz", 31, "公共信用中心")
    named = later_companies("sz", "sz_aeo sz_tax_b sz_env_blue sz_labor_c sz_court sz_no_viol sz_commit_pending")
    held = write_mainland_later("sz", named, keeper, pool)
    held["AEO_GRADE"].grade(named["sz_aeo"], "认证", date(2026, 5, 12))
    held["TAX_GRADE"].grade(named["sz_tax_b"], "B", date(2026, 4, 30))
    held["ENV_GRADE"].grade(named["sz_env_blue"], "蓝", date(2026, 6, 30))
    held["LABOR_GRADE"].grade(named["sz_labor_c"], "C", date(2026, 5, 20))
    held["COURT_DISHONEST"].list(named["sz_court"], date(2026, 2, 10))
    held["COMMIT"].commit(named["sz_commit_pending"], date(2026, 10, 12), "pending")
    held["NO_VIOL_REPORT"].report(1, date(2021, 10, 1), date(2026, 10, 1), STANDING, named["sz_no_viol"], domains="1|2|3|4|5")
    held["REPORT_VERIFY"].report(2, date(2021, 10, 1), date(2026, 10, 1), STANDING)
    for register in held.values():
        register.save()
    save_register("sz", "REG_STATUS", keeper, status_rows(named.values()), "-further")


def write_bay_later(city, keeper, grades, lists):
    """records/hk and records/mo: operators, insolvencies, reports."""
    named = later_companies(city, f"{city}_aeo {city}_aeo_lower {city}_insolvent {city}_report")
    held = registers(city, keeper, f"AEO_GRADE INSOLVENCY REPORT_VERIFY RES_INTEGRITY {lists}")
    held["AEO_GRADE"].grade(named[f"{city}_aeo"], grades[1], date(2026, 1, 20), STANDING)
    held["AEO_GRADE"].grade(named[f"{city}_aeo_lower"], grades[0], date(2026, 1, 20), STANDING)
    held["INSOLVENCY"].list(named[f"{city}_insolvent"], date(2026, 4, 20))
    held["REPORT_VERIFY"].report(1, date(2021, 9, 1), date(2026, 9, 1), STANDING, named[f"{city}_report"])
    held["REPORT_VERIFY"].report(2, date(2021, 9, 1), date(2026, 9, 1), STANDING)
    held["RES_INTEGRITY"].report(3, date(2021, 9, 1), date(2026, 9, 1), STANDING)
    for register in held.values():
        register.save()
    save_register(city, "REG_STATUS", keeper, status_rows(named.values()), "-further")


def main():
    """Replaces records/ and reports/ as a whole."""
    shutil.rmtree(RECORDS, ignore_errors=True)
    shutil.rmtree(REPORTS, ignore_errors=True)
    write_guangzhou()
    write_shenzhen()
    hong_kong = bay_companies("hk-brn", 99000001, 78, lambda i: f"樣例{i + 1:03d}有限公司 Sample Harbour {i + 1:03d} Limited")
    listed_by_lei = [Subject("Sample Victoria 1 Limited 樣例維港1", "300300GBACREDIT00063", "lei"), Subject("Sample Victoria 2 Limited 樣例維港2", lei(2), "lei")]
    write_bay("hk", "hk-brn", Authority("Sample Companies Registry", "HK-CR-SAMPLE"), {"hk_active": hong_kong[0], "hk_liquidation": hong_kong[1]}, hong_kong[2:],
              ["General restaurant licence (sample)", "Money lenders licence (sample)", "Security company licence (sample)"], listed_by_lei)
    macao = bay_companies("mo-entity", 89900001, 60, lambda i: f"Companhia de Amostra Lótus {i + 1:03d}, Limitada 樣例蓮花{i + 1:03d}有限公司")
    write_bay("mo", "mo-entity", Authority("Conservatória de Amostra", "MO-CRCBM-SAMPLE"), {"mo_active": macao[0], "mo_liquidation": macao[1]}, macao[2:],
              ["Licença industrial (amostra)", "Licença de turismo (amostra)", "飲食牌照（樣例）"])
    write_guangzhou_later([company_like("gz", serial) for serial in range(120, 160)])
    write_shenzhen_later([company_like("sz", serial) for serial in range(120, 160)])
    write_bay_later("hk", Authority("Sample Credit Body", "HK-CREDIT-SAMPLE"), ["Tier 1", "Tier 2"], "SEC_FILE")
    write_bay_later("mo", Authority("Entidade de Amostra", "MO-CREDIT-SAMPLE"), ["B", "A"], "")


if __name__ == "__main__":
    main()

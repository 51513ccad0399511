#!/usr/bin/env python3
"""Derives from the record files alone what a right node must count and answer, and writes expected.json.

A second reading of README.md ("Rules the outcomes follow"), written apart from the product and sharing nothing with it or with
make_samples.py. Beside each derived answer stands the one that was intended; where they differ, or an answer changes between
AS_OF_FROM and AS_OF_UNTIL, the run fails. Not here: rule packs, lanes, staleness; whether a pack admits a question is not asked,
except that a natural person's number is declined.

usage: expect.py [as-of date, default 2026-11-23]
"""

import calendar
import csv
import hashlib
import io
import json
import re
import sys
import unicodedata
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
AS_OF_FROM, AS_OF_UNTIL, AS_OF_DEFAULT = date(2026, 11, 1), date(2028, 12, 31), date(2026, 11, 23)
CITIES = ("gz", "sz", "hk", "mo")
SER_ANY = ("SER_SAMR", "SER_TAX", "SER_WAGE", "SER_SAFETY", "SER_CUSTOMS", "SER_SOCINS")
PERSON_SCHEMES = ("ric",)
RANK = {"minor": 1, "general": 2, "serious": 3}
STATED = {"轻微": "minor", "一般": "general", "严重": "serious"}
ORDER_36 = date(2026, 4, 1)
MAXIMUM_MONTHS = {"order 58": {"minor": 3, "general": 36, "serious": 36}, "order 36": {"minor": 3, "general": 12, "serious": 36}}
SERIOUS_KINDS = {"吊销许可证件", "责令关闭", "限制从业", "责令停产停业"}
MINOR_KINDS = {"警告", "通报批评"}
SERIOUS_FINE_FEN = 100 * 1_000_000  # 100 万元; 1 万元 = 1 000 000 分
VALID_STATES = {"1", "有效", "正常"}
LAWS = {"gz": "CN", "sz": "CN", "hk": "HK", "mo": "MO"}
# Native grades, worst first, and the common band of each.
SCALES = {"AEO_GRADE": {"CN": "严重失信 失信 常规 认证 高级认证", "HK": "Tier1 Tier2", "MO": "B A"}, "TAX_GRADE": {"CN": "D C M B A"}, "ENV_GRADE": {"CN": "红 黄 蓝 绿"},
          "LABOR_GRADE": {"CN": "C B A"}, "PUB_GRADE": {"CN": "D C B A"}, "QUAL_GRADE": {"CN": "D C B A"}}
BANDS = {"AEO_GRADE": {"CN": (0, 1, 2, 3, 4), "HK": (3, 4), "MO": (3, 4)}, "TAX_GRADE": {"CN": (0, 1, 2, 3, 4)}, "ENV_GRADE": {"CN": (0, 1, 3, 4)},
         "LABOR_GRADE": {"CN": (0, 2, 4)}, "PUB_GRADE": {"CN": (0, 1, 3, 4)}, "QUAL_GRADE": {"CN": (0, 1, 3, 4)}}
LOOKED_BACK = {"TAX_GRADE", "ENV_GRADE", "LABOR_GRADE"}  # by 36 months
NO_TERM = {"ABN_LIST", "GOV_DEFAULT", "INSOLVENCY"}
TERM = {"COURT_DISHONEST": 60, "SEC_FILE": 60}  # months; else 36


class Rejected(Exception):
    """A row that cannot become a record; the text is one of the reasons of README.md."""


# ---- reading -------------------------------------------------------------------------------------------------------

def even(text):
    """Full-width forms to ASCII, then no space of any kind."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


FIELDS = {  # normalised header or code, without its prefix -> field
    "行政相对人类别": "kind", "XDR_LB": "kind", "行政相对人代码_1(统一社会信用代码)": "code", "XDR_SHXYM": "code",
    "行政处罚决定书文号": "document", "行政许可决定书文号": "document", "WSH": "document", "许可编号": "permit_number", "XKBH": "permit_number",
    "处罚类别": "kinds", "CFLB": "kinds", "罚款金额(万元)": "fine", "NR_FK": "fine", "失信严重程度": "severity",
    "处罚决定日期": "decided", "许可决定日期": "decided", "JDRQ": "decided", "公示截止期": "shown_until", "GSJZQ": "shown_until",
    "处罚机关统一社会信用代码": "authority", "CFJGDM": "authority", "许可机关统一社会信用代码": "authority", "XKJGDM": "authority",
    "处罚类别1": "kinds", "CFLB1": "kinds", "处罚类别2": "more_kinds", "CFLB2": "more_kinds", "处罚机关": "authority_name", "许可机关": "authority_name",
    "XZJG": "authority_name", "许可截止期": "valid_until", "JZQ": "valid_until", "审批类别": "category", "SPLB": "category",
    "行政相对人代码_5(居民身份证号)": "person", "XDR_SFZ": "person", "有效期自": "valid_from", "YXQZ": "valid_from", "有效期至": "valid_until", "YXQZI": "valid_until", "当前状态": "state", "ZT": "state"}


def field_of(header):
    """The field that a header names, whatever its spelling; None for columns that no rule needs."""
    name = even(header).replace("决定文书号", "决定书文号")
    return FIELDS.get(re.sub(r"^(CF|XK)_", "", name))


def decoded(raw):
    """UTF-8 with or without BOM, else GB18030."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030")


def published_rows(path):
    """The rows of a 双公示 file as fields, without the 表格说明 row and empty ones."""
    lines = csv.reader(io.StringIO(decoded(path.read_bytes()), newline=""))
    fields = [field_of(header) for header in next(lines)]
    for line in lines:
        if any(cell.strip() for cell in line) and not line[0].strip().startswith("表格说明"):
            yield {field: cell for field, cell in zip(fields, line) if field}


def parsed_date(text):
    """yyyy/MM/dd, yyyy-MM-dd, or the latter with a time of day, which is dropped."""
    match = re.fullmatch(r"(\d{4})([-/])(\d{2})\2(\d{2})(?: \d{2}:\d{2}:\d{2})?", unicodedata.normalize("NFKC", text).strip())
    try:
        return date(int(match[1]), int(match[3]), int(match[4])) if match else None
    except ValueError:
        return None


def fen(text):
    """万元 with up to six decimals as whole 分; 0 where nothing is written."""
    text = even(text)
    if not text:
        return 0
    if not re.fullmatch(r"\d+(\.\d{1,6})?", text):
        raise Rejected("bad_amount")
    whole, _, part = text.partition(".")
    return int(whole) * 1_000_000 + int(part.ljust(6, "0"))


def checked_uscc(text):
    """The canonical code; both check characters must hold."""
    code = re.sub(r"[()/-]", "", even(text)).upper()
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    if not code:
        raise Rejected("missing_identifier")
    if len(code) != 18 or any(c not in alphabet for c in code) or not code[2:8].isdigit():
        raise Rejected("bad_identifier")
    outer = sum(alphabet.index(c) * w for c, w in zip(code, (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)))
    inner = sum(("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(c)) * w for c, w in zip(code[8:16], (3, 7, 9, 10, 5, 8, 4, 2)))
    check = {10: "X", 11: "0"}.get(11 - inner % 11, str(11 - inner % 11))
    if alphabet[-outer % 31] != code[17] or check != code[16]:
        raise Rejected("bad_identifier")
    return code


def required_date(row, field):
    """A date that must be there and be one."""
    found = parsed_date(row[field])
    if found is None:
        raise Rejected("bad_date")
    return found


def common(row, number):
    """Key parts of a penalty or permit: subject, document number, authority, day of decision."""
    code = checked_uscc(row["code"])
    document, authority = even(number), even(row["authority"]).upper()
    if not document:
        raise Rejected("missing_document")
    if not authority:
        raise Rejected("missing_authority")
    return {"subject": ("uscc", code), "document": document, "authority": authority, "decided": required_date(row, "decided")}


def derived_severity(kinds, fine):
    """What a penalty without a stated severity is taken for."""
    if kinds & SERIOUS_KINDS or fine >= SERIOUS_FINE_FEN:
        return "serious"
    return "minor" if kinds and kinds <= MINOR_KINDS and fine == 0 else "general"


def months_after(day, months):
    """The same day so many months later (earlier if negative), or the last of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def of_2016(row):
    """A row of the layout of 2016 in the fields of the later one; its state is 0, 1 revoked, 2 contested or 3."""
    if "authority_name" in row and "authority" not in row:
        row |= {"authority": row["authority_name"], "kind": "自然人" if row["person"].strip() and not row["code"].strip() else "法人"}
        row |= {"shown_until": "", "fine": "", "kinds": f"{row.get('kinds', '')};{row.get('more_kinds', '')}"}
        row |= {"valid_from": row["decided"], "state_2016": even(row["state"]), "state": "1" if even(row["state"]) in ("0", "2") else "2"}
    return row


def penalty_of(row):
    """A penalty with its severity and the last day of its publication."""
    record = common(row, row["document"])
    given = required_date(row, "shown_until") if row["shown_until"].strip() else None
    fine, kinds = fen(row["fine"]), {kind for kind in even(row["kinds"]).split(";") if kind}
    severity = STATED.get(even(row.get("severity", ""))) or derived_severity(kinds, fine)
    regime = MAXIMUM_MONTHS["order 36" if record["decided"] >= ORDER_36 else "order 58"]
    longest = months_after(record["decided"], regime[severity])
    ended = record["decided"] if row.get("state_2016") == "1" else None
    return record | {"severity": severity, "end": min(given, longest) if given else longest, "ended": ended, "contested": row.get("state_2016") == "2"}


def permit_of(row):
    """A permit with its period and whether its state is a valid one."""
    record = common(row, row["document"] if row["document"].strip() else row["permit_number"])
    first, last = required_date(row, "valid_from"), required_date(row, "valid_until")
    return record | {"first": first, "last": last, "valid": even(row["state"]) in VALID_STATES}


def read_published(path, make, store, seen, counts):
    """Adds the good rows of a 双公示 file to the store and counts all of them."""
    for row in map(of_2016, published_rows(path)):
        counts["rows"] += 1
        if even(row["kind"]) == "自然人":
            counts["persons"] += 1
            continue
        try:
            record = make(row)
        except Rejected as reason:
            counts["rejected"] += 1
            counts["reasons"][str(reason)] = counts["reasons"].get(str(reason), 0) + 1
            continue
        key = (make.__name__, record["document"], record["authority"], record["subject"], record["decided"])
        counts["duplicates" if key in seen else "good"] += 1
        if key not in seen:
            seen.add(key)
            store.append(record)


def optional_day(text):
    """An ISO date, or None where the cell is empty."""
    return date.fromisoformat(text) if text else None


def read_register(path, city, counts):
    """Adds a creditbay-register/1 file to the city."""
    first, rest = path.read_text("utf-8").split("\n", 1)
    match = re.fullmatch(r"#creditbay-register/1,register=([A-Z_]+),authority=([^,]+),as_of=(\d{4}-\d{2}-\d{2})", first)
    register = match[1]
    city["sources"].add(register)
    for row in csv.DictReader(io.StringIO(rest, newline="")):
        counts["rows"] += 1
        if row["scheme"] in PERSON_SCHEMES:
            counts["persons"] += 1
            continue
        counts["good"] += 1
        subject = (row["scheme"], row["identifier"])
        if register == "REG_STATUS":
            assert row["status"] in ("active", "suspended", "revoked", "cancelled", "liquidation") and subject not in city["status"], path
            city["status"][subject] = row["status"]
        elif register == "PERMIT":
            city["permits"].append({"subject": subject, "first": date.fromisoformat(row["valid_from"]), "last": date.fromisoformat(row["valid_until"]),
                                    "valid": row["state"] == "valid"})
        elif register in SCALES:
            grades = SCALES[register][city["law"]].split()
            named = {"D级": "D", "高级认证企业": "高级认证"}.get(row["grade"], row["grade"]).replace("Tier ", "Tier")
            rank = None if named == "不评定" else grades.index(named)
            city["ratings"].append({"register": register, "subject": subject, "sector": row.get("sector"), "rank": rank, "rated": date.fromisoformat(row["rated_on"]),
                                    "until": optional_day(row["valid_until"]), "withdrawn": optional_day(row["withdrawn_on"])})
        elif register == "COMMIT":
            city["commitments"].append({"subject": subject, "made": date.fromisoformat(row["made_on"]), "state": row["state"]})
        elif register in ("REPORT_VERIFY", "NO_VIOL_REPORT", "RES_INTEGRITY"):
            city["reports"][row["digest"]] = {
                "of": row["type"] or register, "subject": subject if row["scheme"] else None, "domains": {int(n) for n in row["domains"].split("|") if n},
                "from": date.fromisoformat(row["from"]), "issued": date.fromisoformat(row["issued_on"]), "until": date.fromisoformat(row["valid_until"]),
                "withdrawn": optional_day(row["withdrawn_on"])}
        elif register == "OBJECTION":
            city["objections"].append((subject, even(row["document"]), row["authority"], row["action"], date.fromisoformat(row["on"])))
        elif register == "REPAIR":
            assert row["action"] in ("repaired", "withdrawn"), path
            hits = [p for p in city["penalties"] if (p["subject"], p["document"], p["authority"]) == (subject, even(row["document"]), row["authority"])]
            assert len(hits) == 1, f"{path}: a repair without its penalty"
            hits[0]["ended"] = date.fromisoformat(row["on"])
        else:
            ends = [optional_day(row[name]) for name in ("delisted_on", "repaired_on", "withdrawn_on")]
            city["listings"].append({"register": register, "subject": subject, "document": even(row["document"]), "authority": match[2], "contested": False, "listed": date.fromisoformat(row["listed_on"]),
                                     "ended": min((end for end in ends if end), default=None)})


def read_city(folder):
    """All files of a city in alphabetical order: what it holds, and the counts per file."""
    city = {"status": {}, "penalties": [], "permits": [], "listings": [], "ratings": [], "commitments": [], "reports": {}, "objections": [], "sources": set(),
            "law": LAWS[folder.name]}
    per_file, seen = {}, set()
    for path in sorted(folder.iterdir()):
        counts = per_file[path.name] = {"rows": 0, "good": 0, "rejected": 0, "duplicates": 0, "persons": 0, "reasons": {}}
        if path.name.startswith("penalties-"):
            city["sources"].add("PENALTY")
            read_published(path, penalty_of, city["penalties"], seen, counts)
        elif path.name.startswith("permits-"):
            city["sources"].add("PERMIT")
            read_published(path, permit_of, city["permits"], seen, counts)
        else:
            read_register(path, city, counts)
        assert counts["rows"] == counts["good"] + counts["rejected"] + counts["duplicates"] + counts["persons"], path
    for subject, document, authority, action, on in city["objections"]:
        hits = [r for r in city["listings"] if (r["subject"], r["document"], r["authority"]) == (subject, document, authority)]
        assert len(hits) == 1, "an objection without its record"
        hits[0]["contested"] = action == "raised"
        if action == "upheld":
            hits[0]["ended"] = min(end for end in (hits[0]["ended"], on) if end)
    return city, per_file


# ---- answering -----------------------------------------------------------------------------------------------------

def penalty_visible(record, day):
    """Neither minor nor over nor repaired nor withdrawn."""
    return record["severity"] != "minor" and record["decided"] <= day <= record["end"] and not (record["ended"] and record["ended"] <= day)


def listing_visible(record, day):
    """Listed, not yet off the list, and within the term of the list."""
    over = record["register"] not in NO_TERM and day > months_after(record["listed"], TERM.get(record["register"], 36))
    return record["listed"] <= day and not over and not (record["ended"] and record["ended"] <= day)


def rating(city, subject, of, day):
    """The rank of the rating that counts, or None: of QUAL_GRADE the worst of the newest of each sector, else the newest."""
    newest = {}
    for r in sorted((r for r in city["ratings"] if r["subject"] == subject and r["register"] == of and r["rated"] <= day), key=lambda r: r["rated"]):
        newest[r["sector"]] = r
    def stands(r):
        """Neither over nor withdrawn nor older than may be looked back."""
        looked_back = of not in LOOKED_BACK or r["rated"] >= months_after(day, -36)
        return r["rank"] is not None and looked_back and not (r["until"] and r["until"] < day) and not (r["withdrawn"] and r["withdrawn"] <= day)
    return min((r["rank"] for r in newest.values() if stands(r)), default=None)


def carried(city, subject, predicate, digest, day):
    """The outcome for the digest of a file that the subject (None: a bearer) brought."""
    report = city["reports"].get(digest)
    if not report or report["subject"] != subject or report["of"] != predicate["of"] or report["issued"] > day:
        return "FALSE"
    if report["withdrawn"] and report["withdrawn"] <= day:
        return "INDETERMINATE(withdrawn)"
    covers = report["from"] <= months_after(report["issued"], -predicate["window_months"])
    return "TRUE" if day <= report["until"] and covers and set(predicate["domains"]) <= report["domains"] else "FALSE"


def answer(city, subject, predicate, day, digest=None):
    """The outcome of one predicate on one day."""
    of, shape = predicate["of"], predicate["shape"]
    if shape == "hash_matches":
        needed = {of} if of in ("NO_VIOL_REPORT", "RES_INTEGRITY") else {of, "REPORT_VERIFY"}
        return carried(city, subject, predicate, digest, day) if needed <= city["sources"] else "INDETERMINATE(no_source)"
    if subject[0] in PERSON_SCHEMES:
        return "DECLINED"
    needed = SER_ANY if of == "SER_ANY" else (of,)
    if subject not in city["status"] or not set(needed) <= city["sources"]:
        return "INDETERMINATE(no_source)"
    since = months_after(day, -predicate["window_months"]) if predicate.get("window_months") else date.min
    if shape in ("grade_at_least", "band_at_least"):
        rank = rating(city, subject, of, day)
        if rank is None:
            return "INDETERMINATE(not_rated)"
        outcome = rank >= predicate["grade"] if shape == "grade_at_least" else BANDS[of][city["law"]][rank] >= predicate["band"]
    elif of == "COMMIT":
        since = max(since, months_after(day, -36))
        made = [c["state"] for c in city["commitments"] if c["subject"] == subject and since <= c["made"] <= day]
        outcome = "broken" not in made if shape == "not_listed" else any(state != "broken" for state in made)
    elif shape == "status_in":
        outcome = city["status"][subject] in predicate["statuses"]
    elif shape == "exists_valid":
        outcome = any(p["subject"] == subject and p["valid"] and p["first"] <= day <= p["last"] for p in city["permits"])
    elif shape == "not_listed":
        outcome = not any(r["subject"] == subject and r["register"] in needed and r["listed"] >= since and listing_visible(r, day) for r in city["listings"])
    else:
        counted = [p for p in city["penalties"] if p["subject"] == subject and RANK[p["severity"]] >= RANK[predicate["severity"]]
                   and p["decided"] >= since and penalty_visible(p, day)]
        outcome = len(counted) <= predicate["n"]
    return "TRUE" if outcome else "FALSE"


SCENARIOS = {
    "gz_clean": ("uscc", "91440101MA9XTEAT0A"), "gz_listed": ("uscc", "91440104YL1000014F"), "gz_repaired": ("uscc", "91440105YL1000022Q"),
    "gz_withdrawn": ("uscc", "91440106YL10000302"), "gz_serious_penalty": ("uscc", "91440111YL10000496"), "gz_minor_penalty": ("uscc", "91440112YL1000057F"),
    "gz_penalty_repaired": ("uscc", "91440113YL1000065Q"), "gz_expired_penalty": ("uscc", "91440114YL10000732"), "gz_derived": ("uscc", "91440115YL1000081B"),
    "gz_permit_valid": ("uscc", "91440117YL100009X0"), "gz_permit_expired": ("uscc", "91440118YL10001027"), "gz_abnormal": ("uscc", "91440103YL1000110A"),
    "gz_publication_ended": ("uscc", "91440104YL1000129M"), "gz_stated_minor": ("uscc", "91440105YL1000137Y"),
    "gz_list_term_over": ("uscc", "91440106YL10001458"), "gz_household": ("uscc", "92440111YL10001537"), "gz_province": ("uscc", "91440000MA5GBAC048"),
    "gz_unknown": ("uscc", "91440106YL19999995"), "sz_clean": ("uscc", "91440303YL2000016P"), "sz_serious_penalty": ("uscc", "91440304YL20000241"),
    "sz_two_general": ("uscc", "91440305YL2000032A"), "sz_penalty_withdrawn": ("uscc", "91440306YL2000040K"),
    "sz_fine_at_threshold": ("uscc", "91440307YL2000059Y"), "sz_fine_below_threshold": ("uscc", "91440308YL20000678"), "sz_warned": ("uscc", "91440309YL2000075H"), "hk_active": ("hk-brn", "99000001"),
    "hk_liquidation": ("hk-brn", "99000002"), "hk_lei": ("lei", "300300GBACREDIT00063"), "mo_active": ("mo-entity", "89900001"),
    "mo_liquidation": ("mo-entity", "89900002"), "person": ("ric", "440106199001049997")}
SCENARIOS |= {
    "gz_aeo": ("uscc", "91440112YL10040152"), "gz_aeo_dishonest": ("uscc", "91440113YL1004023B"), "gz_tax_a": ("uscc", "91440114YL1004031L"),
    "gz_tax_d": ("uscc", "91440115YL100404XT"), "gz_env_green": ("uscc", "91440117YL1004058P"), "gz_env_yellow": ("uscc", "91440118YL10040661"),
    "gz_env_unrated": ("uscc", "91440103YL10040744"), "gz_labor_b": ("uscc", "91440104YL1004082D"), "gz_pub_b": ("uscc", "91440105YL1004090N"),
    "gz_qual_mixed": ("uscc", "91440106YL1004103T"), "gz_court": ("uscc", "91440111YL1004111W"), "gz_court_removed": ("uscc", "91440112YL100412X3"),
    "gz_ipr": ("uscc", "91440113YL1004138H"), "gz_sec": ("uscc", "91440114YL1004146T"), "gz_insolvent": ("uscc", "91440115YL10041544"),
    "gz_commit_kept": ("uscc", "91440117YL1004162U"), "gz_commit_broken": ("uscc", "91440118YL10041705"), "gz_report": ("uscc", "91440103YL1004189A"),
    "gz_objecting": ("uscc", "91440104YL1004197K"), "gz_objection_upheld": ("uscc", "91440105YL100420XJ"),
    "gz_objection_rejected": ("uscc", "91440106YL10042181"), "gz_gov": ("uscc", "11440111YL1004226B"), "gz_clean_gov": ("uscc", "11440112YL1004234L"),
    "sz_aeo": ("uscc", "91440303YL2004017P"), "sz_tax_b": ("uscc", "91440304YL20040251"), "sz_env_blue": ("uscc", "91440305YL2004033A"),
    "sz_labor_c": ("uscc", "91440306YL2004041K"), "sz_court": ("uscc", "91440307YL200405XR"), "sz_no_viol": ("uscc", "91440308YL20040688"),
    "sz_commit_pending": ("uscc", "91440309YL2004076H"), "hk_aeo": ("hk-brn", "99000401"), "hk_aeo_lower": ("hk-brn", "99000402"),
    "hk_insolvent": ("hk-brn", "99000403"), "hk_report": ("hk-brn", "99000404"), "mo_aeo": ("mo-entity", "89900401"),
    "mo_aeo_lower": ("mo-entity", "89900402"), "mo_insolvent": ("mo-entity", "89900403"), "mo_report": ("mo-entity", "89900404")}

SERIOUS_0 = {"shape": "count_le", "of": "PENALTY", "severity": "serious", "window_months": 36, "n": 0}
GENERAL_0 = SERIOUS_0 | {"severity": "general"}
NOT_SERIOUS = {"shape": "not_listed", "of": "SER_ANY", "window_months": 0}
ACTIVE = {"shape": "status_in", "of": "REG_STATUS", "statuses": ["active"]}
PERMITTED = {"shape": "exists_valid", "of": "PERMIT"}
KEPT = {"shape": "exists_valid", "of": "COMMIT"}
# The numbers of the rule pack's band maps.
MAPS = {"TAX_GRADE": 1, "AEO_GRADE": 2, "ENV_GRADE": 3, "LABOR_GRADE": 4, "PUB_GRADE": 5, "QUAL_GRADE": 6}


def band(of, least):
    """The common band of a type is this or better."""
    return {"shape": "band_at_least", "of": of, "band": least, "map": MAPS[of]}


def grade(of, rank):
    """The native grade of a type has this rank or a better one."""
    return {"shape": "grade_at_least", "of": of, "grade": rank}


def digest_matches(of, domains=(), window_months=0):
    """The file that the subject brought is a report of this type that speaks for so much."""
    return {"shape": "hash_matches", "of": of, "domains": list(domains), "window_months": window_months}


NO_SOURCE = "INDETERMINATE(no_source)"
# asker, issuer, purpose, predicate, then scenario and the outcome that was intended when the records were made
QUESTIONS = [
    ("hk", "gz", "FIN", NOT_SERIOUS, "gz_clean TRUE, gz_listed FALSE, gz_repaired TRUE, gz_withdrawn TRUE, gz_list_term_over TRUE, gz_abnormal TRUE, gz_household TRUE"),
    ("hk", "gz", "FIN", NOT_SERIOUS, f"gz_unknown {NO_SOURCE}, person DECLINED"),
    ("hk", "gz", "FIN", NOT_SERIOUS | {"window_months": 36}, "gz_listed FALSE"),
    ("hk", "gz", "FIN", NOT_SERIOUS | {"of": "SER_WAGE"}, "gz_listed FALSE, gz_clean TRUE"),
    ("hk", "gz", "FIN", NOT_SERIOUS | {"of": "SER_TAX"}, "gz_listed TRUE"),
    ("hk", "gz", "PROC", NOT_SERIOUS | {"of": "SER_SOCINS"}, "gz_clean TRUE"),
    ("mo", "gz", "INV", NOT_SERIOUS | {"of": "ABN_LIST"}, "gz_abnormal FALSE, gz_clean TRUE"),
    ("hk", "sz", "PROC", SERIOUS_0, "sz_clean TRUE, sz_serious_penalty FALSE, sz_two_general TRUE, sz_fine_at_threshold FALSE, sz_fine_below_threshold TRUE"),
    ("hk", "sz", "PROC", SERIOUS_0, "sz_penalty_withdrawn TRUE"),
    ("gz", "sz", "PROC", GENERAL_0, "sz_clean TRUE, sz_warned TRUE, sz_two_general FALSE, sz_fine_below_threshold FALSE"),
    ("gz", "sz", "PROC", GENERAL_0 | {"n": 1}, "sz_two_general FALSE, sz_fine_below_threshold TRUE"),
    ("gz", "sz", "PROC", GENERAL_0 | {"n": 3}, "sz_two_general TRUE"),
    ("sz", "gz", "PROC", SERIOUS_0, "gz_clean TRUE, gz_serious_penalty FALSE, gz_derived FALSE, gz_penalty_repaired TRUE, gz_expired_penalty TRUE"),
    ("sz", "gz", "PROC", SERIOUS_0, f"gz_publication_ended TRUE, gz_unknown {NO_SOURCE}, person DECLINED"),
    ("sz", "gz", "PROC", GENERAL_0, "gz_minor_penalty TRUE, gz_stated_minor TRUE, gz_serious_penalty FALSE"),
    ("sz", "gz", "PROC", PERMITTED, "gz_permit_valid TRUE, gz_permit_expired FALSE, gz_clean FALSE"),
    ("sz", "gz", "INV", ACTIVE, f"gz_clean TRUE, gz_household TRUE, gz_unknown {NO_SOURCE}"),
    ("hk", "gz", "FIN", ACTIVE, "gz_province TRUE"),
    ("mo", "hk", "INV", ACTIVE, "hk_active TRUE, hk_liquidation FALSE, hk_lei TRUE"),
    ("hk", "mo", "INV", ACTIVE, "mo_active TRUE, mo_liquidation FALSE"),
    ("gz", "hk", "INV", PERMITTED, "hk_active TRUE"),
    ("sz", "mo", "INV", PERMITTED, "mo_active TRUE"),
    ("hk", "gz", "CUST", band("AEO_GRADE", 4), "gz_aeo TRUE, gz_aeo_dishonest FALSE, gz_clean INDETERMINATE(not_rated)"),
    ("sz", "gz", "CUST", grade("AEO_GRADE", 2), "gz_aeo TRUE, gz_aeo_dishonest FALSE"),
    ("gz", "sz", "CUST", grade("AEO_GRADE", 4), "sz_aeo FALSE"),
    ("gz", "hk", "CUST", band("AEO_GRADE", 4), "hk_aeo TRUE, hk_aeo_lower FALSE, hk_active INDETERMINATE(not_rated)"),
    ("gz", "mo", "CUST", band("AEO_GRADE", 4), "mo_aeo TRUE, mo_aeo_lower FALSE"),
    ("hk", "gz", "FIN", band("ENV_GRADE", 3), "gz_env_green TRUE, gz_env_yellow FALSE, gz_env_unrated INDETERMINATE(not_rated)"),
    ("gz", "sz", "FIN", grade("ENV_GRADE", 2), "sz_env_blue TRUE"),
    ("hk", "gz", "FIN", NOT_SERIOUS | {"of": "COURT_DISHONEST"}, "gz_court FALSE, gz_court_removed TRUE"),
    ("mo", "sz", "PROC", NOT_SERIOUS | {"of": "COURT_DISHONEST", "window_months": 60}, "sz_court FALSE"),
    ("hk", "gz", "RND", NOT_SERIOUS | {"of": "IPR_DISHONEST"}, "gz_ipr FALSE, gz_clean TRUE"),
    ("hk", "gz", "LIST", NOT_SERIOUS | {"of": "SEC_FILE"}, "gz_sec FALSE, gz_clean TRUE"),
    ("hk", "gz", "PROC", NOT_SERIOUS | {"of": "GOV_DEFAULT"}, "gz_gov FALSE, gz_clean_gov TRUE"),
    ("hk", "gz", "FIN", NOT_SERIOUS | {"of": "INSOLVENCY"}, "gz_insolvent FALSE, gz_clean TRUE"),
    ("gz", "hk", "FIN", NOT_SERIOUS | {"of": "INSOLVENCY"}, "hk_insolvent FALSE, hk_active TRUE"),
    ("hk", "mo", "INV", NOT_SERIOUS | {"of": "INSOLVENCY", "window_months": 60}, "mo_insolvent FALSE"),
    ("hk", "gz", "PROC", NOT_SERIOUS | {"of": "COMMIT"}, "gz_commit_kept TRUE, gz_commit_broken FALSE"),
    ("hk", "gz", "PROC", KEPT, "gz_commit_kept TRUE, gz_commit_broken FALSE, gz_clean FALSE"),
    ("gz", "sz", "PROC", KEPT, "sz_commit_pending TRUE"),
    ("hk", "gz", "FIN", NOT_SERIOUS | {"of": "SER_TAX"}, "gz_objecting FALSE, gz_objection_upheld TRUE, gz_objection_rejected FALSE"),
]
# The same of lanes that need an authorisation, or that the subject carries the report (its file stands in reports/): lane first, and last the file.
FURTHER = [
    ("A", "hk", "gz", "FIN", band("TAX_GRADE", 3), "gz_tax_a TRUE, gz_tax_d FALSE, gz_clean INDETERMINATE(not_rated)", None),
    ("A", "gz", "sz", "FIN", grade("TAX_GRADE", 3), "sz_tax_b TRUE", None),
    ("A", "hk", "gz", "PROC", band("LABOR_GRADE", 2), "gz_labor_b TRUE", None),
    ("A", "gz", "sz", "PROC", band("LABOR_GRADE", 2), "sz_labor_c FALSE", None),
    ("A", "hk", "gz", "FIN", band("PUB_GRADE", 3), "gz_pub_b TRUE", None),
    ("A", "hk", "gz", "PROC", band("QUAL_GRADE", 3), "gz_qual_mixed FALSE", None),
    ("A", "hk", "gz", "PROC", band("QUAL_GRADE", 1), "gz_qual_mixed TRUE", None),
    ("A", "hk", "gz", "FIN", SERIOUS_0, "gz_clean TRUE, gz_serious_penalty FALSE", None),
    ("A", "hk", "gz", "FIN", digest_matches("NO_VIOL_REPORT", (1, 38), 36), "gz_report TRUE", "gz-6"),
    ("A", "hk", "gz", "FIN", digest_matches("NO_VIOL_REPORT", (1, 3), 36), "gz_report FALSE", "gz-6"),
    ("A", "hk", "gz", "FIN", digest_matches("NO_VIOL_REPORT", (1,), 48), "gz_report FALSE", "gz-6"),
    ("A", "hk", "gz", "FIN", digest_matches("NO_VIOL_REPORT", (1,), 36), "gz_clean FALSE", "gz-6"),
    ("A", "mo", "sz", "FIN", digest_matches("NO_VIOL_REPORT", (1, 2, 3, 4, 5), 60), "sz_no_viol TRUE", "sz-1"),
    ("A", "hk", "gz", "FIN", digest_matches("REPORT_VERIFY"), "gz_report TRUE", "gz-1"),
    ("A", "hk", "gz", "FIN", digest_matches("REPORT_VERIFY"), "gz_report INDETERMINATE(withdrawn)", "gz-2"),
    ("A", "gz", "hk", "FIN", digest_matches("REPORT_VERIFY"), "hk_report TRUE", "hk-1"),
    ("A", "gz", "mo", "FIN", digest_matches("REPORT_VERIFY"), "mo_report TRUE", "mo-1"),
    ("C", "hk", "gz", "FIN", digest_matches("REPORT_VERIFY"), "bearer TRUE", "gz-3"),
    ("C", "hk", "gz", "FIN", digest_matches("REPORT_VERIFY"), "bearer FALSE", "gz-4"),
    ("C", "hk", "gz", "FIN", digest_matches("REPORT_VERIFY"), "bearer FALSE", "gz-1"),
    ("C", "hk", "gz", "FIN", digest_matches("REPORT_VERIFY"), "bearer FALSE", "sz-2"),
    ("C", "hk", "gz", "FIN", digest_matches("COURT_DISHONEST"), "bearer TRUE", "gz-5"),
    ("C", "hk", "gz", "FIN", digest_matches("INSOLVENCY"), "bearer FALSE", "gz-5"),
    ("C", "hk", "gz", "RND", digest_matches("RES_INTEGRITY"), "bearer TRUE", "gz-7"),
    ("C", "mo", "sz", "FIN", digest_matches("REPORT_VERIFY"), "bearer TRUE", "sz-2"),
    ("C", "gz", "hk", "FIN", digest_matches("REPORT_VERIFY"), "bearer TRUE", "hk-2"),
    ("C", "gz", "mo", "RND", digest_matches("RES_INTEGRITY"), "bearer TRUE", "mo-3"),
    ("R", "sz", "gz", "REG", band("PUB_GRADE", 3), "gz_pub_b TRUE", None),
    ("R", "sz", "gz", "REG", GENERAL_0, "gz_serious_penalty FALSE, gz_clean TRUE", None),
]


def settled(city, subject, predicate, digest, intended, as_of):
    """The outcome, which is the intended one and the same on every day of the period."""
    outcome = answer(city, subject, predicate, as_of, digest)
    assert outcome == intended, f"{subject}: {predicate} gives {outcome}, not {intended}"
    if AS_OF_FROM <= as_of <= AS_OF_UNTIL:
        days = [AS_OF_FROM + timedelta(days=i) for i in range((AS_OF_UNTIL - AS_OF_FROM).days + 1)]
        changed = [day for day in days if answer(city, subject, predicate, day, digest) != outcome]
        assert not changed, f"{subject}: {predicate} changes on {changed[0]}"
    return outcome


def questions(cities, as_of):
    """Every question of the public lane with its outcome."""
    for asker, issuer, purpose, predicate, cases in QUESTIONS:
        for case in cases.split(", "):
            scenario, intended = case.split(" ")
            subject = SCENARIOS[scenario]
            outcome = settled(cities[issuer], subject, predicate, None, intended, as_of)
            yield {"id": name_of(asker, issuer, purpose, predicate, scenario), "asker": asker, "issuer": issuer, "purpose": purpose, "scenario": scenario,
                   "subject": {"scheme": subject[0], "value": subject[1]}, "predicate": predicate, "expect": outcome}


def further(cities, as_of):
    """Every question of another lane; the subject of a carried one is whoever bears the report."""
    for lane, asker, issuer, purpose, predicate, cases, file in FURTHER:
        digest = hashlib.sha256((HERE / "reports" / f"{file}.txt").read_bytes()).hexdigest() if file else None
        for case in cases.split(", "):
            scenario, intended = case.split(" ")
            subject = SCENARIOS.get(scenario)
            outcome = settled(cities[issuer], subject, predicate, digest, intended, as_of)
            about = {"scheme": subject[0], "value": subject[1]} if subject else None
            name = "-".join(filter(None, [name_of(asker, issuer, purpose, predicate, scenario), lane.lower(), file]))
            yield {"id": name, "lane": lane, "asker": asker, "issuer": issuer, "purpose": purpose, "scenario": scenario, "subject": about, "predicate": predicate,
                   "report": f"reports/{file}.txt" if file else None, "digest": digest, "expect": outcome}


def name_of(asker, issuer, purpose, predicate, scenario):
    """The name of a question."""
    parameters = [str(predicate[name]) for name in ("severity", "grade", "band", "window_months", "n") if name in predicate]
    parameters += ["domains", *map(str, predicate["domains"])] if predicate.get("domains") else []
    return "-".join([f"{asker}-{issuer}", purpose, predicate["shape"], predicate["of"], *parameters, scenario]).lower().replace("_", "-")


def main():
    """Reads, asks, writes expected.json."""
    as_of = date.fromisoformat(sys.argv[1]) if len(sys.argv) > 1 else AS_OF_DEFAULT
    read = {name: read_city(HERE / "records" / name) for name in CITIES}
    cities = {name: city for name, (city, _) in read.items()}
    asked = list(questions(cities, as_of))
    beyond = list(further(cities, as_of))
    assert len({question["id"] for question in asked + beyond}) == len(asked + beyond)
    held = {name: {"subjects": len(city["status"]), "penalties": len(city["penalties"]), "permits": len(city["permits"]), "listings": len(city["listings"]),
                   "ratings": len(city["ratings"]), "commitments": len(city["commitments"]), "reports": len(city["reports"]), "sources": sorted(city["sources"])} for name, city in cities.items()}
    expected = {"as_of_from": str(AS_OF_FROM), "as_of_until": str(AS_OF_UNTIL),
                "scenarios": {name: {"scheme": scheme, "value": value} for name, (scheme, value) in SCENARIOS.items()},
                "questions": asked, "further": beyond, "counts": {name: per_file for name, (_, per_file) in read.items()}, "held": held,
                "province_codes": sorted(code for scheme, code in cities["gz"]["status"] if scheme == "uscc" and code[2:8] == "440000")}
    (HERE / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

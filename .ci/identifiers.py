#!/usr/bin/env python3
"""Holds the product's identifier checks against python-stdnum: 10 000 valid and 10 000 broken random values of each kind.

usage: identifiers.py PROGRAM [ARGUMENT...]

PROGRAM reads lines `SCHEME VALUE` and says `entity`, the scheme of a natural person, or `refused` for each (tests/identify.rs).
The values are minted here with python-stdnum's own check digits, so that each side computes for itself.

Known gaps of python-stdnum 2.2, each counted and shown: its USCC takes digits alone in the first eight places and does not check the
organisation code inside; its RIC does not know residence permits (81, 82, 83) and its table of counties has only some of them, so there its
ISO 7064 MOD 11-2 is asked, and it takes births of any century; its LEI takes 00, 01, 99 and letters as check digits, which ISO 17442 does not have.
"""

import datetime
import random
import subprocess
import sys

from stdnum import lei
from stdnum.cn import ric, uscc
from stdnum.iso7064 import mod_11_2, mod_97_10

ROUNDS = 10_000
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
DIGITS = "0123456789"
BASE36 = DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# One seed, so that a failure can be seen again.
RANDOM = random.Random(20261124)


def text(alphabet, length):
    return "".join(RANDOM.choice(alphabet) for _ in range(length))


def broken(value, alphabet, places):
    at = RANDOM.choice(places)
    other = RANDOM.choice([c for c in alphabet if c != value[at]])
    return value[:at] + other + value[at + 1 :]


def organisation_check(body):
    """GB 11714, which python-stdnum does not have."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    remainder = 11 - sum(w * BASE36.index(c) for w, c in zip(weights, body)) % 11
    return {10: "X", 11: "0"}.get(remainder, str(remainder))


def mint_uscc(head):
    body = text(USCC_ALPHABET, 8)
    first17 = head + text(DIGITS, 6) + body + organisation_check(body)
    return first17 + uscc.calc_check_digit(first17)


def mint_ric(region):
    day = datetime.date(1900, 1, 1) + datetime.timedelta(days=RANDOM.randrange(45_000))
    first17 = region + day.strftime("%Y%m%d") + text(DIGITS, 3)
    return first17 + mod_11_2.calc_check_digit(first17)


def is_ric(value):
    """What the product means by a resident's number, by python-stdnum's arithmetic and Python's calendar."""
    if len(value) != 18 or not value[:17].isdigit() or not mod_11_2.is_valid(value):
        return False
    try:
        datetime.date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        return False
    return int(value[6:10]) >= 1900


def ric_takes(value, gaps):
    """python-stdnum breaks off with a KeyError on some regions that its table of counties does not have."""
    try:
        return ric.is_valid(value)
    except KeyError:
        gaps["ric, breaks off on an unknown region"] += 1
        return False


def uscc_cases(gaps):
    for _ in range(ROUNDS):
        valid = mint_uscc(RANDOM.choice(["91", "92", "93", "11", "12", "51", "52"]))
        yield "uscc", valid, uscc.is_valid(valid) and "entity"
        spoiled = broken(valid, USCC_ALPHABET, range(18))
        yield "uscc", spoiled, "entity" if uscc.is_valid(spoiled) else None
        # The organisation code does not hold, the check character over all does.
        first17 = valid[:16] + RANDOM.choice([c for c in DIGITS + "X" if c != valid[16]])
        inner = first17 + uscc.calc_check_digit(first17)
        gaps["uscc, organisation code not checked"] += uscc.is_valid(inner)
        yield "uscc", inner, None
        lettered = mint_uscc(RANDOM.choice(["N2", "A1", "Y1"]))
        gaps["uscc, letters in the first places refused"] += not uscc.is_valid(lettered)
        yield "uscc", lettered, "entity"


def ric_cases(gaps):
    # Given as a business number of Hong Kong, which none of them can be: so what is said is what they were taken for.
    counties = ["110101", "310101", "440103", "440104", "440106", "440303", "440304", "440402", "440606", "441900"]
    for _ in range(ROUNDS):
        valid = mint_ric(RANDOM.choice(counties))
        gaps["ric, county not known"] += not ric_takes(valid, gaps)
        yield "hk-brn", valid, "ric"
        spoiled = broken(valid, DIGITS, range(18))
        if ric_takes(spoiled, gaps) and not is_ric(spoiled):
            if spoiled[6:10] >= "1900":
                raise SystemExit("python-stdnum's own halves disagree about a resident's number")
            gaps["ric, births before 1900 taken"] += 1
        yield "hk-brn", spoiled, "ric" if is_ric(spoiled) else "refused"
        permit = mint_ric(RANDOM.choice(["810000", "820000", "830000"]))
        gaps["ric, residence permits refused"] += not ric_takes(permit, gaps)
        yield "hk-brn", permit, "cn-residence-permit"
        yield "hk-brn", broken(permit, DIGITS, range(6, 18)), "refused"


def lei_cases(gaps):
    for _ in range(ROUNDS):
        first18 = text(BASE36, 18)
        valid = first18 + mod_97_10.calc_check_digits(first18)
        yield "lei", valid, lei.is_valid(valid) and "entity"
        spoiled = broken(valid, BASE36, range(20))
        theirs = lei.is_valid(spoiled)
        if theirs and not spoiled[18:].isdigit():
            gaps["lei, letters as check digits taken"] += 1
            theirs = False
        yield "lei", spoiled, "entity" if theirs else None
        # Two numbers of two digits that leave one remainder of 97.
        twin = {"97": "00", "98": "01", "02": "99"}.get(valid[18:])
        if twin:
            gaps["lei, check digits 00, 01, 99 taken"] += lei.is_valid(first18 + twin)
            yield "lei", first18 + twin, None


class Gaps(dict):
    def __missing__(self, key):
        return 0


def main():
    gaps = Gaps()
    kinds = [("uscc", uscc_cases), ("ric", ric_cases), ("lei", lei_cases)]
    cases = [(kind, case) for kind, make in kinds for case in make(gaps)]
    lines = "".join(f"{scheme} {value}\n" for _, (scheme, value, _) in cases)
    said = subprocess.run(sys.argv[1:], input=lines, capture_output=True, text=True, check=True).stdout.split()
    if len(said) != len(cases):
        raise SystemExit(f"{len(cases)} values were asked about, {len(said)} were answered")
    wrong = []
    for (kind, (scheme, value, expected)), verdict in zip(cases, said):
        # A broken number of one kind may by chance be a person's of another, which is refused all the same.
        agrees = verdict == expected if expected else verdict != "entity"
        if not agrees:
            wrong.append(f"{kind}: {value} ({scheme}): expected {expected or 'no entity'}, the product says {verdict}")
    for gap, count in sorted(gaps.items()):
        print(f"gap of python-stdnum: {gap}: {count}")
    if wrong:
        raise SystemExit(f"{len(wrong)} of {len(cases)} differ, the first:\n" + "\n".join(wrong[:20]))
    print(f"{len(cases)} values agree")


if __name__ == "__main__":
    main()

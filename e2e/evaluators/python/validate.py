"""Validates bundles against the published schema: `validate.py SCHEMA BUNDLE ...`."""

import json
import sys

import jsonschema

schema, *bundles = [json.load(open(path, encoding="utf-8")) for path in sys.argv[1:]]
validator = jsonschema.Draft202012Validator(schema)
validator.check_schema(schema)
for bundle in bundles:
    validator.validate(bundle)
# What is no bundle is told apart: without its rules, and without its settings.
broken = [{**bundles[0], "bindings": None}, {key: value for key, value in bundles[0].items() if key != "settings"}]
if any(validator.is_valid(bundle) for bundle in broken):
    sys.exit("the schema takes what is no bundle")
print(f"schema: {len(bundles)} bundles valid, {len(broken)} refused")

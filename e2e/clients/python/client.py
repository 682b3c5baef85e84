"""The Python SDK with its OFREP provider."""

import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode

api.set_provider(OFREPProvider(sys.argv[1]))
client = api.get_client()
loyal = {"user": {"tier": "gold", "spend90d": 300.0}, "consent": ["personalization"]}
fallback = {"headline": "code default"}

details = client.get_object_details("home-hero", fallback, EvaluationContext("user-1", loyal))
assert details.error_code is None, details
assert details.variant.startswith("hero/"), details
assert isinstance(details.value["headline"], str)
assert details.flag_metadata["attune.revision"], details

refused = client.get_object_details("home-hero", fallback, EvaluationContext("user-1", {"consent": []}))
assert refused.value["headline"] == "Welcome", refused
assert refused.flag_metadata["attune.reason"] == "NO_CONSENT", refused

missing = client.get_object_details("nowhere", fallback, EvaluationContext("user-1", loyal))
assert missing.error_code == ErrorCode.FLAG_NOT_FOUND, missing
assert missing.value == fallback

# What is no boolean is none: the client says so, the decider answered.
wrong = client.get_boolean_details("home-hero", True, EvaluationContext("user-1", loyal))
assert wrong.value is True and wrong.error_code == ErrorCode.TYPE_MISMATCH, wrong
api.shutdown()
print("Python SDK: ok")

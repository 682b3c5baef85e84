"""The Python SDK over TLS, with keys: `guarded.py <decider> <key> <authority> <another authority>`."""

import os
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode

decider, key, authority, other = sys.argv[1:]
fallback = {"headline": "code default"}
loyal = EvaluationContext("user-1", {"user": {"tier": "gold", "spend90d": 300.0}, "consent": ["personalization"]})


def ask(headers, trusted):
    # What the provider asks with trusts this file alone.
    os.environ["REQUESTS_CA_BUNDLE"] = trusted
    api.set_provider(OFREPProvider(decider, headers_factory=lambda: headers))
    return api.get_client().get_object_details("home-hero", fallback, loyal)


def fails(details):
    assert details.error_code == ErrorCode.GENERAL and details.value == fallback, details


for right in [{"Authorization": f"Bearer {key}"}, {"X-API-Key": key}]:
    details = ask(right, authority)
    assert details.error_code is None, details
    assert details.variant.startswith("hero/"), details
    fails(ask(right, other))

for wrong in [{}, {"Authorization": "Bearer another"}, {"X-API-Key": f"{key}-"}]:
    details = ask(wrong, authority)
    fails(details)
    assert details.error_message == "unauthorized", details
api.shutdown()
print("Python SDK over TLS: ok")

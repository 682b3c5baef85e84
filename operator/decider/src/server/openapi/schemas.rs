//! The shapes of bodies.

use serde_json::{Value, json};

/// A reference to one of them.
pub(super) fn named(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// All of them, by name.
pub(super) fn all() -> Value {
    let mut all = decisions();
    for more in [requests(), events(), explanations()] {
        if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
            all.extend(more);
        }
    }
    all
}

fn context() -> Value {
    json!({
        "type": "object",
        "description": "Attributes, nested or by dotted keys. Those of a wrong type are absent; unknown ones are skipped.",
        "properties": {"targetingKey": {"type": ["string", "null"]}},
        "additionalProperties": true
    })
}

fn requests() -> Value {
    let touchpoint = json!({"type": "string", "minLength": 1});
    let diversity = json!({
        "type": "object", "required": ["label"], "additionalProperties": false,
        "description": "At most `max` modules with one value of the label, which the channel lists; a module without it is free.",
        "properties": {
            "label": {"type": "string", "minLength": 1},
            "max": {"type": "integer", "minimum": 1, "maximum": u32::MAX, "default": 1}
        }
    });
    json!({
        "Request": {"type": "object", "required": ["context"], "properties": {"context": context()}},
        "Page": {
            "type": "object", "required": ["touchpoints", "context"],
            "properties": {
                "touchpoints": {
                    "type": "array", "items": touchpoint, "uniqueItems": true,
                    "minItems": 1, "maxItems": crate::limits::MAX_TOUCHPOINTS
                },
                "diversity": diversity,
                "context": context()
            }
        },
        "Question": {
            "type": "object", "required": ["touchpoint", "context"],
            "properties": {
                "touchpoint": touchpoint,
                "after": {
                    "type": "array", "items": touchpoint, "maxItems": crate::limits::MAX_TOUCHPOINTS,
                    "description": "Touchpoints of the same page that are decided before it."
                },
                "diversity": diversity,
                "context": context()
            }
        }
    })
}

fn decisions() -> Value {
    let metadata = json!({
        "type": "object",
        "description": "Flat, absent where not applicable; a channel with `metadata: Reason` leaves reason, revision and decision.",
        "required": ["attune.reason"],
        "properties": {
            "attune.reason": {"type": "string"}, "attune.program": {"type": "string"},
            "attune.binding": {"type": "string"}, "attune.audience": {"type": "string"},
            "attune.experiment": {"type": "string"}, "attune.arm": {"type": "string"},
            "attune.holdout": {"type": "string"}, "attune.held": {"type": "boolean"},
            "attune.revision": {"type": "string"}, "attune.decision": {"type": "string", "format": "uuid"}
        }
    });
    let stream = json!({
        "type": "object", "required": ["type", "endpoint"],
        "properties": {
            "type": {"const": "sse"},
            "endpoint": {
                "type": "object", "required": ["requestUri"], "properties": {"requestUri": {"type": "string"}}
            },
            "inactivityDelaySec": {"type": "integer", "minimum": 1}
        }
    });
    json!({
        "Success": {
            "type": "object", "required": ["key", "reason", "metadata"],
            "properties": {
                "key": {"type": "string"},
                "reason": {"enum": ["TARGETING_MATCH", "SPLIT", "STATIC", "UNKNOWN"]},
                "variant": {"type": "string", "description": "`<module>/<variant>`; absent for the code default."},
                "value": {"type": "object", "description": "The filled slots; absent for the code default."},
                "metadata": metadata
            }
        },
        "Bulk": {
            "type": "object", "required": ["flags"],
            "properties": {
                "flags": {"type": "array", "items": named("Success")},
                "eventStreams": {"type": "array", "items": stream}
            }
        },
        "Decisions": {
            "type": "object", "required": ["decisions"],
            "properties": {"decisions": {"type": "array", "items": named("Success")}}
        },
        "Failure": {
            "type": "object", "required": ["errorCode", "errorDetails"],
            "properties": {
                "key": {"type": "string"},
                "errorCode": {"enum": ["PARSE_ERROR", "INVALID_CONTEXT", "FLAG_NOT_FOUND", "GENERAL"]},
                "errorDetails": {"type": "string"}
            }
        },
        "Problem": {
            "type": "object", "required": ["title", "status", "detail"],
            "properties": {
                "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}
            }
        }
    })
}

fn events() -> Value {
    use attune_core::event::{
        ALIAS_TYPE, EXPOSURE_TYPE, MAX_NAME_BYTES, MAX_NAMESPACE_BYTES, MAX_NUMBER, MAX_PROPERTIES,
        MAX_PROPERTIES_BYTES, MAX_PROPERTY_ENTRIES, MAX_PROPERTY_NAME_BYTES, MAX_PROPERTY_TEXT_BYTES,
        MAX_TOKEN_BYTES, MAX_UNIT_BYTES, MAX_VARIANT_BYTES, OUTCOME_TYPE,
    };

    let unit = text(MAX_UNIT_BYTES);
    let namespace = text(MAX_NAMESPACE_BYTES);
    let name = text(MAX_NAME_BYTES);
    let token = text(MAX_TOKEN_BYTES);
    let variant = text(MAX_VARIANT_BYTES);
    let words = json!({
        "type": "string", "maxLength": MAX_PROPERTY_TEXT_BYTES,
        "description": format!("{MAX_PROPERTY_TEXT_BYTES} bytes at most.")
    });
    let list = json!({"type": "array", "items": words, "maxItems": MAX_PROPERTY_ENTRIES});
    let number = json!({"type": "number", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER});
    let exposure = json!({
        "type": "object", "required": ["unit"], "additionalProperties": false,
        "properties": {
            "namespace": namespace, "unit": unit, "decision": token, "channel": name, "touchpoint": name,
            "binding": name, "variant": variant, "revision": token, "experiment": name, "arm": name, "holdout": name,
            "phase": {"type": "integer", "minimum": 1, "maximum": i32::MAX}, "held": {"type": "boolean"}
        },
        "dependentRequired": {
            "experiment": ["arm"], "arm": ["experiment"], "phase": ["experiment"], "held": ["holdout"]
        }
    });
    let outcome = json!({
        "type": "object", "required": ["unit", "event"], "additionalProperties": false,
        "properties": {
            "namespace": namespace, "unit": unit, "event": name,
            "value": number,
            "properties": {
                "type": "object", "maxProperties": MAX_PROPERTIES,
                "description": format!("Names and texts together have {MAX_PROPERTIES_BYTES} bytes at most."),
                "propertyNames": text(MAX_PROPERTY_NAME_BYTES),
                "additionalProperties": {"anyOf": [number, words, {"type": "boolean"}, list]}
            }
        }
    });
    let alias = json!({
        "type": "object", "required": ["unit", "alias"], "additionalProperties": false,
        "description": "`alias` stood for the unit until now; it is another id than `unit`.",
        "properties": {"namespace": namespace, "unit": unit, "alias": unit}
    });
    json!({
        "Event": {"oneOf": [named("Exposure"), named("Outcome"), named("Alias")]},
        "Exposure": event(EXPOSURE_TYPE, &exposure),
        "Outcome": event(OUTCOME_TYPE, &outcome),
        "Alias": event(ALIAS_TYPE, &alias),
        "Batch": {
            "type": "array", "items": named("Event"),
            "description": format!("{} events at most.", crate::limits::MAX_EVENTS)
        },
        "Accepted": {
            "type": "object", "required": ["accepted"], "properties": {"accepted": {"type": "integer", "minimum": 0}}
        }
    })
}

fn event(ty: &str, data: &Value) -> Value {
    json!({
        "type": "object", "required": ["specversion", "type", "id", "source", "time", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "type": {"const": ty},
            "id": text(attune_core::event::MAX_ID_BYTES),
            "source": text(attune_core::event::MAX_SOURCE_BYTES),
            "time": {"type": "string", "format": "date-time"},
            "data": data
        }
    })
}

/// Text without control characters. Its length is in bytes, which a schema cannot say; it has no more characters than bytes.
pub(super) fn text(bytes: usize) -> Value {
    json!({
        "type": "string", "minLength": 1, "maxLength": bytes,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
        "description": format!("{bytes} bytes at most.")
    })
}

fn explanations() -> Value {
    json!({
        "Explanation": {
            "type": "object", "required": ["decision", "trace", "history"],
            "properties": {
                "decision": named("Success"),
                "history": {"enum": ["Own", "Shared", "Unknown"]},
                "before": {
                    "description": "The places before it, as `after` names them.",
                    "type": "array", "items": {
                        "type": "object", "required": ["touchpoint", "reason"], "properties": {
                            "touchpoint": {"type": "string"},
                            "variant": {"type": "string"},
                            "reason": {"type": "string"},
                            "charged": {
                                "description": "What the show counts for, where the decision counts as shown.",
                                "type": "object", "required": ["binding", "module", "program", "channel"],
                                "additionalProperties": {"type": "string"}
                            }
                        }
                    }
                },
                "trace": {"type": "array", "items": {
                    "type": "object", "required": ["step"], "properties": {"step": {"type": "string"}}
                }}
            }
        },
        "Places": {
            "type": "object", "required": ["unit", "revision", "holdouts", "experiments"],
            "properties": {
                "unit": {"type": "string"}, "revision": {"type": "string"},
                "holdouts": {"type": "array", "items": {"type": "object"}},
                "experiments": {"type": "array", "items": {"type": "object"}}
            }
        },
        "Forgotten": {
            "type": "object", "required": ["remembered", "exposures"],
            "properties": {
                "remembered": {"type": "boolean"},
                "exposures": {"type": "integer", "minimum": 0},
                "collector": {"type": "object"}
            }
        }
    })
}

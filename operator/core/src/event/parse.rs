//! From JSON to typed events.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{BatchError, EventError, RefusedEvent};
use super::fields::{Fields, check_text, compact, json_type};
use super::{
    ALIAS_TYPE, Alias, DECISION_TYPE, Decided, EXPOSURE_TYPE, Enrolment, Event, EventData, Exposure,
    HoldoutTest, MAX_ID_BYTES, MAX_INPUTS_BYTES, MAX_NAME_BYTES, MAX_NAMESPACE_BYTES, MAX_NUMBER,
    MAX_PROPERTIES, MAX_PROPERTIES_BYTES, MAX_PROPERTY_ENTRIES, MAX_PROPERTY_NAME_BYTES,
    MAX_PROPERTY_TEXT_BYTES, MAX_SOURCE_BYTES, MAX_TOKEN_BYTES, MAX_UNIT_BYTES, MAX_VARIANT_BYTES,
    OUTCOME_TYPE, Outcome, Property,
};
use crate::replay::Inputs;

/// The fields of an exposure's `data`.
const EXPOSURE_FIELDS: &[&str] = &[
    "namespace",
    "unit",
    "decision",
    "channel",
    "touchpoint",
    "binding",
    "variant",
    "revision",
    "experiment",
    "phase",
    "arm",
    "holdout",
    "held",
];
/// The fields of an outcome's `data`.
const OUTCOME_FIELDS: &[&str] = &["namespace", "unit", "event", "value", "properties"];
/// The fields of an alias's `data`.
const ALIAS_FIELDS: &[&str] = &["namespace", "unit", "alias"];

/// The fields of a decision's `data`.
const DECISION_FIELDS: &[&str] = &[
    "namespace",
    "unit",
    "channel",
    "touchpoint",
    "revision",
    "reason",
    "variant",
    "binding",
    "audience",
    "retentionSeconds",
    "inputs",
];

/// Reads a batch: a JSON array of events, possibly empty.
///
/// # Errors
/// When the text is no JSON array, or at least one event is refused; then all that are refused are named.
pub fn parse_batch(json: &[u8]) -> Result<Vec<Event>, BatchError> {
    let value: Value = serde_json::from_slice(json).map_err(|error| BatchError::ParseJson {
        reason: error.to_string(),
    })?;
    let Value::Array(values) = value else {
        return Err(BatchError::ReadArray {
            found: json_type(&value),
        });
    };
    let total = values.len();
    let mut events = Vec::with_capacity(total);
    let mut refused = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        let id = value
            .get("id")
            .and_then(Value::as_str)
            .filter(|id| check_text(id, MAX_ID_BYTES).is_ok());
        let id = id.map(str::to_owned);
        match Event::from_value(value) {
            Ok(event) => events.push(event),
            Err(error) => refused.push(RefusedEvent { index, id, error }),
        }
    }
    if refused.is_empty() {
        Ok(events)
    } else {
        Err(BatchError::ReadEvents { refused, total })
    }
}

impl Event {
    /// Reads one event in structured mode.
    ///
    /// # Errors
    /// When the text is no JSON, or the first field in the order of reading that is missing or wrong.
    pub fn from_json(json: &[u8]) -> Result<Self, EventError> {
        let value = serde_json::from_slice(json).map_err(|error| EventError::ParseJson {
            reason: error.to_string(),
        })?;
        Self::from_value(value)
    }

    /// Reads one event from its JSON form: the attributes of the envelope with `data` beside them.
    ///
    /// # Errors
    /// The first field in the order of reading that is missing or wrong.
    pub fn from_value(value: Value) -> Result<Self, EventError> {
        let Value::Object(map) = value else {
            return Err(EventError::ReadField {
                field: String::new(),
                value: compact(&value),
                problem: json_type(&value).to_owned(),
                expected: "a JSON object in CloudEvents 1.0 form".to_owned(),
            });
        };
        let mut envelope = Fields::new("", map);
        check_version(&mut envelope)?;
        let kind = envelope.required_text("type", MAX_NAME_BYTES)?;
        let id = envelope.required_text("id", MAX_ID_BYTES)?;
        let source = envelope.required_text("source", MAX_SOURCE_BYTES)?;
        let time = envelope.required_time("time")?;
        check_content_type(&mut envelope)?;
        let read = match kind.as_str() {
            EXPOSURE_TYPE => read_exposure,
            OUTCOME_TYPE => read_outcome,
            ALIAS_TYPE => read_alias,
            DECISION_TYPE => read_decision,
            _ => {
                let expected = format!("{EXPOSURE_TYPE}, {OUTCOME_TYPE}, {ALIAS_TYPE} or {DECISION_TYPE}");
                return Err(envelope.wrong("type", &kind, "which this collector does not take", expected));
            }
        };
        let mut data = Fields::new("data.", take_data(&mut envelope)?);
        let namespace = data.text("namespace", MAX_NAMESPACE_BYTES)?;
        Ok(Self {
            id,
            source,
            time,
            namespace,
            data: read(data)?,
        })
    }
}

fn check_version(envelope: &mut Fields) -> Result<(), EventError> {
    let version = envelope.required_text("specversion", 16)?;
    if version == "1.0" {
        return Ok(());
    }
    Err(envelope.wrong("specversion", &version, "which is not CloudEvents 1.0", "\"1.0\""))
}

fn check_content_type(envelope: &mut Fields) -> Result<(), EventError> {
    let Some(content_type) = envelope.text("datacontenttype", 256)? else {
        return Ok(());
    };
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if essence == "application/json" || essence == "text/json" || essence.ends_with("+json") {
        return Ok(());
    }
    Err(envelope.wrong(
        "datacontenttype",
        &content_type,
        "which is not JSON",
        "application/json, or leave it out",
    ))
}

fn take_data(envelope: &mut Fields) -> Result<Map<String, Value>, EventError> {
    match envelope.take("data") {
        Some(Value::Object(data)) => Ok(data),
        Some(other) => Err(envelope.wrong_type("data", &other, "a JSON object")),
        None if envelope.take("data_base64").is_some() => Err(EventError::RelateFields {
            field: "data_base64".to_owned(),
            problem: "is set instead of `data`".to_owned(),
            help: "send `data` as a JSON object".to_owned(),
        }),
        None => Err(EventError::FindField {
            field: "data".to_owned(),
            expected: "a JSON object".to_owned(),
        }),
    }
}

fn read_exposure(mut data: Fields) -> Result<EventData, EventError> {
    let exposure = Exposure {
        unit: data.required_text("unit", MAX_UNIT_BYTES)?,
        decision: data.text("decision", MAX_TOKEN_BYTES)?,
        channel: data.text("channel", MAX_NAME_BYTES)?,
        touchpoint: data.text("touchpoint", MAX_NAME_BYTES)?,
        binding: data.text("binding", MAX_NAME_BYTES)?,
        variant: data.text("variant", MAX_VARIANT_BYTES)?,
        revision: data.text("revision", MAX_TOKEN_BYTES)?,
        enrolment: read_enrolment(&mut data)?,
        holdout: read_holdout(&mut data)?,
    };
    data.finish(EXPOSURE_FIELDS)?;
    Ok(EventData::Exposure(exposure))
}

/// An experiment without an arm counts for nobody, and an arm without an experiment for nothing: both are mistakes.
fn read_enrolment(data: &mut Fields) -> Result<Option<Enrolment>, EventError> {
    let experiment = data.text("experiment", MAX_NAME_BYTES)?;
    let arm = data.text("arm", MAX_NAME_BYTES)?;
    let phase = data.positive("phase")?;
    let lacking = |field: &str, problem: &str, help: &str| EventError::RelateFields {
        field: format!("data.{field}"),
        problem: problem.to_owned(),
        help: help.to_owned(),
    };
    match (experiment, arm) {
        (Some(experiment), Some(arm)) => Ok(Some(Enrolment {
            experiment,
            phase: phase.unwrap_or(1),
            arm,
        })),
        (Some(_), None) => Err(lacking(
            "arm",
            "is missing beside `data.experiment`",
            "name the arm the unit is in",
        )),
        (None, Some(_)) => Err(lacking(
            "experiment",
            "is missing beside `data.arm`",
            "name the experiment the arm belongs to",
        )),
        (None, None) if phase.is_some() => Err(lacking(
            "phase",
            "is set without `data.experiment`",
            "name the experiment and the arm, or leave it out",
        )),
        (None, None) => Ok(None),
    }
}

fn read_holdout(data: &mut Fields) -> Result<Option<HoldoutTest>, EventError> {
    let name = data.text("holdout", MAX_NAME_BYTES)?;
    let held = data.boolean("held")?;
    match (name, held) {
        (Some(name), held) => Ok(Some(HoldoutTest {
            name,
            held: held.unwrap_or(false),
        })),
        (None, Some(true)) => Err(EventError::RelateFields {
            field: "data.holdout".to_owned(),
            problem: "is missing beside `data.held`".to_owned(),
            help: "name the holdout that held the unit".to_owned(),
        }),
        (None, _) => Ok(None),
    }
}

fn read_outcome(mut data: Fields) -> Result<EventData, EventError> {
    let outcome = Outcome {
        unit: data.required_text("unit", MAX_UNIT_BYTES)?,
        event: data.required_text("event", MAX_NAME_BYTES)?,
        value: data.number("value", MAX_NUMBER)?,
        properties: read_properties(&mut data)?,
    };
    data.finish(OUTCOME_FIELDS)?;
    Ok(EventData::Outcome(outcome))
}

fn read_alias(mut data: Fields) -> Result<EventData, EventError> {
    let alias = Alias {
        unit: data.required_text("unit", MAX_UNIT_BYTES)?,
        alias: data.required_text("alias", MAX_UNIT_BYTES)?,
    };
    if alias.alias == alias.unit {
        return Err(EventError::RelateFields {
            field: "data.alias".to_owned(),
            problem: "is `data.unit` itself".to_owned(),
            help: "name the id that stood for the unit before it was known".to_owned(),
        });
    }
    data.finish(ALIAS_FIELDS)?;
    Ok(EventData::Alias(alias))
}

fn read_decision(mut data: Fields) -> Result<EventData, EventError> {
    let decided = Decided {
        unit: data.required_text("unit", MAX_UNIT_BYTES)?,
        channel: data.required_text("channel", MAX_NAME_BYTES)?,
        touchpoint: data.required_text("touchpoint", MAX_NAME_BYTES)?,
        revision: data.required_text("revision", MAX_TOKEN_BYTES)?,
        reason: data.required_text("reason", MAX_TOKEN_BYTES)?,
        variant: data.text("variant", MAX_VARIANT_BYTES)?,
        binding: data.text("binding", MAX_NAME_BYTES)?,
        audience: data.text("audience", MAX_NAME_BYTES)?,
        retention_seconds: data
            .positive("retentionSeconds")?
            .ok_or_else(|| EventError::FindField {
                field: "data.retentionSeconds".to_owned(),
                expected: "whole seconds, at least 1".to_owned(),
            })?,
        inputs: read_inputs(&mut data)?,
    };
    data.finish(DECISION_FIELDS)?;
    Ok(EventData::Decision(Box::new(decided)))
}

fn read_inputs(data: &mut Fields) -> Result<Inputs, EventError> {
    const EXPECTED: &str = "what a decider writes there";
    let inputs = data.take("inputs").ok_or_else(|| EventError::FindField {
        field: "data.inputs".to_owned(),
        expected: EXPECTED.to_owned(),
    })?;
    let bytes = inputs.to_string().len();
    if bytes > MAX_INPUTS_BYTES {
        let problem = format!("which has {bytes} bytes");
        let expected = format!("at most {MAX_INPUTS_BYTES} bytes");
        return Err(data.wrong("inputs", "{…}", problem, expected));
    }
    Inputs::deserialize(&inputs)
        .map_err(|error| data.wrong("inputs", &compact(&inputs), error.to_string(), EXPECTED))
}

fn read_properties(data: &mut Fields) -> Result<BTreeMap<String, Property>, EventError> {
    let map = match data.take("properties") {
        None => return Ok(BTreeMap::new()),
        Some(Value::Object(map)) => map,
        Some(other) => return Err(data.wrong_type("properties", &other, "a flat JSON object")),
    };
    if map.len() > MAX_PROPERTIES {
        let problem = format!("which has {} entries", map.len());
        return Err(data.wrong(
            "properties",
            "{…}",
            problem,
            format!("at most {MAX_PROPERTIES} properties"),
        ));
    }
    let mut bytes = 0;
    let mut properties = BTreeMap::new();
    for (name, value) in map {
        if let Err(problem) = check_text(&name, MAX_PROPERTY_NAME_BYTES) {
            let expected = format!("names of 1 to {MAX_PROPERTY_NAME_BYTES} bytes");
            return Err(data.wrong("properties", &name, format!("a name {problem}"), expected));
        }
        bytes += name.len() + text_bytes(&value);
        if let Some(property) = read_property(data, &name, value)? {
            properties.insert(name, property);
        }
    }
    if bytes > MAX_PROPERTIES_BYTES {
        let problem = format!("which has {bytes} bytes of names and texts");
        return Err(data.wrong(
            "properties",
            "{…}",
            problem,
            format!("at most {MAX_PROPERTIES_BYTES} bytes"),
        ));
    }
    Ok(properties)
}

fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(entries) => entries.iter().filter_map(Value::as_str).map(str::len).sum(),
        _ => 0,
    }
}

/// Null is absent, as everywhere.
fn read_property(data: &Fields, name: &str, value: Value) -> Result<Option<Property>, EventError> {
    const EXPECTED: &str = "a boolean, a number, a string or a list of strings";
    let path = format!("properties.{name}");
    let text_expected = format!("texts of at most {MAX_PROPERTY_TEXT_BYTES} bytes");
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => Property::Bool(value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (_, Some(double)) if double.abs() > MAX_NUMBER || !double.is_finite() => {
                let expected = format!("a finite number of magnitude {MAX_NUMBER:e} or less");
                return Err(data.wrong(&path, &number.to_string(), "which is out of bounds", expected));
            }
            (Some(int), _) => Property::Int(int),
            (None, Some(double)) => Property::Double(double),
            (None, None) => {
                return Err(data.wrong(&path, &number.to_string(), "which is no double", EXPECTED));
            }
        },
        Value::String(text) if text.len() > MAX_PROPERTY_TEXT_BYTES => {
            return Err(data.wrong(
                &path,
                &text,
                format!("which has {} bytes", text.len()),
                text_expected,
            ));
        }
        Value::String(text) => Property::Text(text),
        Value::Array(entries) if entries.len() > MAX_PROPERTY_ENTRIES => {
            let problem = format!("which has {} entries", entries.len());
            return Err(data.wrong(
                &path,
                "[…]",
                problem,
                format!("at most {MAX_PROPERTY_ENTRIES} entries"),
            ));
        }
        Value::Array(entries) => {
            let texts = entries.into_iter().map(|entry| match entry {
                Value::String(text) if text.len() <= MAX_PROPERTY_TEXT_BYTES => Ok(text),
                other => Err(data.wrong_type(&path, &other, format!("a list of {text_expected}"))),
            });
            Property::List(texts.collect::<Result<_, _>>()?)
        }
        Value::Object(_) => return Err(data.wrong_type(&path, &value, EXPECTED)),
    }))
}

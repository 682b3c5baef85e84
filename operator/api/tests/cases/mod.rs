//! Reads the cases of the validation rules; what they look like is in the README beside this file.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    base: Value,
    cases: Vec<Entry>,
}

/// A case as its file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    object: Value,
    old: Option<Value>,
    accept: Option<String>,
    reject: Option<String>,
}

/// One case.
pub(crate) struct Case {
    /// Kind of the object.
    pub(crate) kind: String,
    /// What the case is.
    pub(crate) name: String,
    /// The object to judge.
    pub(crate) object: Value,
    /// The object that it replaces; absent: it is created.
    pub(crate) old: Option<Value>,
    /// Message of the rule that the case is about.
    pub(crate) message: String,
    /// Whether the rule lets it pass.
    pub(crate) accepted: bool,
}

/// All cases of a folder, by file name and then in their order.
pub(crate) fn load(folder: &Path) -> Vec<Case> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the folder of cases can be read")
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    paths.sort();
    paths.iter().flat_map(|path| load_file(path)).collect()
}

fn load_file(path: &Path) -> Vec<Case> {
    let text = fs::read_to_string(path).expect("a file of cases can be read");
    let file: CaseFile =
        serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let kind = file.base["kind"].as_str().expect("a kind").to_owned();
    let build = |entry: Entry| {
        let (message, accepted) = match (entry.accept, entry.reject) {
            (Some(message), None) => (message, true),
            (None, Some(message)) => (message, false),
            _ => panic!(
                "{}: `{}` must either accept or reject",
                path.display(),
                entry.name
            ),
        };
        let old = entry.old.map(|patch| patched(&file.base, &patch));
        let object = patched(&file.base, &entry.object);
        Case {
            kind: kind.clone(),
            name: entry.name,
            object,
            old,
            message,
            accepted,
        }
    };
    file.cases.into_iter().map(build).collect()
}

fn patched(base: &Value, patch: &Value) -> Value {
    let mut object = base.clone();
    merge(&mut object, patch);
    object
}

/// JSON merge patch (RFC 7386).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(object) = target else { return };
    for (key, value) in fields {
        if value.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

//! Objects the definitions must accept or refuse, and what the API server made of each.
//!
//! The files are those of `operator/api/tests/cases`, where a README tells their form.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use attune_e2e::{ControlPlane, repository};
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::DynamicObject;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::server::{Answer, Server};

/// How many cases are before the server at once.
const AT_ONCE: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    base: Value,
    cases: Vec<WrittenCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCase {
    name: String,
    old: Option<Value>,
    object: Value,
    accept: Option<String>,
    reject: Option<String>,
}

/// What to put before the server, and what it must say.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// What stands on the server before; without it, `object` is created.
    old: Option<DynamicObject>,
    object: DynamicObject,
    expect: Expect,
}

/// The message is that of the rule the case is about.
#[derive(Clone, Debug)]
enum Expect {
    Accept(String),
    Reject(String),
}

/// A case with what came of it.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) name: String,
    pub(crate) kind: String,
    expect: Expect,
    answer: Answer,
}

/// All cases, by the name of their file and their own.
pub(crate) fn read() -> Result<Vec<Case>> {
    let directory = repository().join("operator/api/tests/cases");
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(&directory).with_context(|| format!("list {}", directory.display()))? {
        files.push(entry?.path());
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        cases.extend(read_file(&file).with_context(|| format!("read {}", file.display()))?);
    }
    ensure!(!cases.is_empty(), "no cases in {}", directory.display());
    Ok(cases)
}

fn read_file(path: &Path) -> Result<Vec<Case>> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let file: CaseFile = serde_yaml::from_str(&std::fs::read_to_string(path)?)?;
    let mut cases = Vec::with_capacity(file.cases.len());
    for case in file.cases {
        let name = format!("{stem}::{}", case.name);
        let expect = match (case.accept, case.reject) {
            (Some(message), None) => Expect::Accept(message),
            (None, Some(message)) => Expect::Reject(message),
            _ => bail!("`{name}` needs one of accept and reject"),
        };
        let patched = |patch: &Value| serde_json::from_value(merged(&file.base, patch));
        let object = patched(&case.object).with_context(|| format!("in `{name}`"))?;
        let old = case
            .old
            .as_ref()
            .map(patched)
            .transpose()
            .with_context(|| format!("in the old of `{name}`"))?;
        cases.push(Case {
            name,
            old,
            object,
            expect,
        });
    }
    Ok(cases)
}

/// RFC 7386, section 2.
fn merged(target: &Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else {
        return patch.clone();
    };
    let mut fields = target.as_object().cloned().unwrap_or_else(Map::new);
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            let before = fields.get(name).unwrap_or(&Value::Null);
            let after = merged(before, change);
            fields.insert(name.clone(), after);
        }
    }
    Value::Object(fields)
}

/// Puts every case before the server, each in a namespace of its own.
pub(crate) async fn run(cluster: &ControlPlane, cases: Vec<Case>) -> Result<Vec<Judgement>> {
    let server = Server::new(cluster);
    // Objects without a namespace share one name, so these take turns.
    let turn = Mutex::new(());
    let outcomes = stream::iter(cases).map(|case| run_one(cluster, &server, &turn, case));
    outcomes.buffer_unordered(AT_ONCE).try_collect().await
}

async fn run_one(cluster: &ControlPlane, server: &Server, turn: &Mutex<()>, case: Case) -> Result<Judgement> {
    let namespaced = case.object.metadata.namespace.is_some();
    let _turn = if namespaced { None } else { Some(turn.lock().await) };
    let namespace = if namespaced {
        Some(cluster.create_namespace().await?)
    } else {
        None
    };
    let Case {
        name,
        old,
        object,
        expect,
    } = case;
    let place = |mut object: DynamicObject| {
        object.metadata.namespace.clone_from(&namespace);
        object
    };
    let object = place(object);
    let answer = judge(server, old.map(place), &object)
        .await
        .with_context(|| format!("in case {name}"))?;
    let kind = object.types.map(|types| types.kind).unwrap_or_default();
    Ok(Judgement {
        name,
        kind,
        expect,
        answer,
    })
}

/// What the server says to the object, in place of the old one if there is one. Nothing of it stays.
async fn judge(server: &Server, old: Option<DynamicObject>, object: &DynamicObject) -> Result<Answer> {
    let Some(old) = old else {
        let answer = server.create(object).await?;
        if let Ok(created) = &answer {
            server.delete(created).await?;
        }
        return Ok(answer);
    };
    match server.create(&old).await? {
        Ok(old) => {
            let answer = server.replace(&old, object).await?;
            server.delete(&old).await?;
            Ok(answer)
        }
        Err(message) => bail!("the object to begin with is refused: {message}"),
    }
}

impl Judgement {
    /// Fails when the server did otherwise than expected.
    pub(crate) fn ensure_expected(&self) -> Result<()> {
        match (&self.expect, &self.answer) {
            (Expect::Accept(_), Ok(_)) => {}
            (Expect::Accept(_), Err(message)) => bail!("refused, but is right: {message}"),
            (Expect::Reject(rule), Ok(_)) => bail!("accepted, but should be refused with `{rule}`"),
            (Expect::Reject(rule), Err(message)) => {
                ensure!(
                    message.contains(rule.as_str()),
                    "refused without `{rule}`: {message}"
                );
            }
        }
        Ok(())
    }

    /// Whether it is about this rule and was accepted.
    pub(crate) fn accepted_by(&self, rule: &str) -> bool {
        self.answer.is_ok() && matches!(&self.expect, Expect::Accept(message) if message == rule)
    }

    /// Whether it is about this rule and was refused by it.
    pub(crate) fn refused_by(&self, rule: &str) -> bool {
        let said = matches!(&self.answer, Err(message) if message.contains(rule));
        said && matches!(&self.expect, Expect::Reject(message) if message == rule)
    }
}

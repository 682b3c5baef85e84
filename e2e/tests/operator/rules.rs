//! Every rule of a policy, broken and mended again: what owners, pipelines and `kubectl get` see of it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use attune_e2e::{
    Condition, ControlPlane, PATIENCE, Strategy, condition, parse_documents, repository, wait_until,
};
use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, ListParams};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::programs::Programs;

/// Every rule once.
const SCRIPT: &str = include_str!("rules.yaml");

/// The policy of the test, whose rules are those of one case.
const POLICY: &str = "GovernancePolicy";

/// Teams that may change everything, and the one that may change channels alone.
const TEAMS: [&str; 4] = ["data-platform", "crm", "content-studio", "analytics"];
const CHANNEL_TEAM: &str = "web-team";

/// What is played.
#[derive(Deserialize)]
struct Script {
    /// What makes of the example a strategy that breaks no rule.
    base: Vec<Change>,
    cases: Vec<Case>,
}

/// A rule and how it is broken.
#[derive(Deserialize)]
struct Case {
    rule: String,
    /// Its parameters, beside what is enforced.
    #[serde(default)]
    parameters: serde_json::Map<String, Value>,
    breaks: Change,
    shows: Turn,
}

/// A field of an object and what breaks the rule there; nothing takes the field away.
#[derive(Deserialize)]
struct Change {
    object: Object,
    path: String,
    value: Value,
}

/// A condition that turns false, and why; or one that stays true of less than was written.
#[derive(Deserialize)]
struct Turn {
    object: Object,
    condition: String,
    #[serde(default)]
    stays_true: bool,
    reason: String,
}

/// An object of the strategy, as `Kind/name`; the kind alone is the policy that the test writes.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Object {
    kind: String,
    name: String,
}

impl TryFrom<String> for Object {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let (kind, name) = text
            .split_once('/')
            .with_context(|| format!("`{text}` is no object"))?;
        Ok(Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    }
}

pub(crate) async fn every_rule_turns_its_condition_and_turns_it_back(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let mut operator = programs.operator(cluster, &namespace, &[]).await?;
    let script: Script = serde_yaml::from_str(SCRIPT)?;
    let played: BTreeSet<String> = script.cases.iter().map(|case| case.rule.clone()).collect();
    ensure!(played == rules()?, "not every rule is played: {played:?}");
    let mut stage = Stage::set(cluster, namespace, &script.base).await?;
    for case in &script.cases {
        let played = stage.play(case).await;
        played.with_context(|| format!("rule `{}`", case.rule))?;
    }
    stage.withdraw().await?;
    operator.ensure_running()
}

/// The rules that a policy may have.
fn rules() -> Result<BTreeSet<String>> {
    let definition = std::fs::read_to_string(repository().join("crds/attune.dev_governancepolicies.yaml"))?;
    let definition: Value = serde_yaml::from_str(&definition)?;
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/rules/properties";
    let rules = definition.pointer(path).and_then(Value::as_object);
    Ok(rules.context("rules of a policy")?.keys().cloned().collect())
}

/// A strategy that breaks nothing, and a policy of its own.
struct Stage<'c> {
    cluster: &'c ControlPlane,
    namespace: String,
    strategy: Strategy,
    policy: Value,
}

impl<'c> Stage<'c> {
    async fn set(cluster: &'c ControlPlane, namespace: String, base: &[Change]) -> Result<Self> {
        let mut strategy = Strategy::new(cluster, &namespace)?;
        for Change { object, path, value } in base {
            strategy.edit(&object.kind, &object.name, |document| set(document, path, value))?;
        }
        let teams = [TEAMS.as_slice(), &[CHANNEL_TEAM]].concat();
        let policy = json!({
            "apiVersion": "attune.dev/v1alpha1",
            "kind": "GovernancePolicy",
            "metadata": {"name": format!("rules-of-{namespace}")},
            "spec": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "teams": teams,
                "rules": {},
            },
        });
        let stage = Self {
            cluster,
            namespace,
            strategy,
            policy,
        };
        stage.let_in("everything", "*", &TEAMS).await?;
        stage.let_in("channels", "channels", &[CHANNEL_TEAM]).await?;
        // Access is asked about once the strategy is there, and then not again for minutes.
        stage.strategy.apply().await?;
        stage.strategy.is_ready().await?;
        Ok(stage)
    }

    /// Lets groups change resources of the namespace.
    async fn let_in(&self, name: &str, resources: &str, groups: &[&str]) -> Result<()> {
        let metadata = json!({"name": name, "namespace": self.namespace});
        let subjects: Vec<Value> = groups
            .iter()
            .map(|group| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}))
            .collect();
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": metadata,
            "rules": [{"apiGroups": ["attune.dev"], "resources": [resources], "verbs": ["update"]}],
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": subjects,
        });
        for document in [role, binding] {
            self.apply(&document).await?;
        }
        Ok(())
    }

    async fn apply(&self, document: &Value) -> Result<()> {
        let documents = parse_documents(&document.to_string())?;
        self.cluster.objects().apply(&documents, "owner").await.map(drop)
    }

    /// Enforces a rule, breaks it, and mends what was broken.
    async fn play(&mut self, case: &Case) -> Result<()> {
        let mut rule = case.parameters.clone();
        rule.insert("enforcement".to_owned(), json!("Enforce"));
        self.policy["spec"]["rules"] = json!({ case.rule.as_str(): rule });
        self.apply(&self.policy).await?;
        let shown = &case.shows.object;
        self.stands(&case.shows).await?;
        let row = self.row(shown).await?;
        let heard = self.told(shown).await?;

        let Change { object, path, value } = &case.breaks;
        let whole = self.change(object, path, value).await?;
        let broken = self.breaks(&case.shows).await?;
        let policy = self.policy["metadata"]["name"].as_str().unwrap_or_default();
        ensure!(
            broken.message.contains(policy),
            "the policy is not named: {broken:?}"
        );
        ensure!(
            self.row(shown).await? != row,
            "`kubectl get` shows {row:?} as before"
        );
        self.is_told(shown, &heard, "Warning").await?;

        let heard = self.told(shown).await?;
        self.change(object, path, &whole).await?;
        self.stands(&case.shows).await?;
        wait_until("`kubectl get` shows what it did", PATIENCE, async || {
            let now = self.row(shown).await?;
            ensure!(now == row, "{now:?} and not {row:?}");
            Ok(())
        })
        .await?;
        self.is_told(shown, &heard, "Normal").await
    }

    /// Waits until a condition turns.
    async fn breaks(&self, turn: &Turn) -> Result<Condition> {
        wait_until("the condition turns", PATIENCE, async || {
            let status = self.strategy.status(&turn.object.kind, &turn.object.name).await?;
            let found = condition(&status, &turn.condition)?;
            let status = if turn.stays_true { "True" } else { "False" };
            let as_told = found.status == status && found.reason == turn.reason;
            ensure!(as_told, "{found:?}");
            Ok(found)
        })
        .await
    }

    /// Waits until a condition stands.
    async fn stands(&self, turn: &Turn) -> Result<()> {
        wait_until("nothing is broken", PATIENCE, async || {
            let status = self.strategy.status(&turn.object.kind, &turn.object.name).await?;
            let found = condition(&status, &turn.condition)?;
            // Not `Unknown` either: from there, nobody is told of a break.
            let is_whole = found.status == "True" && found.reason != turn.reason;
            ensure!(is_whole, "{found:?}");
            Ok(())
        })
        .await
    }

    /// Puts a value where a path of an object leads; gives what stood there.
    async fn change(&mut self, object: &Object, path: &str, value: &Value) -> Result<Value> {
        let get = |document: &Value| document.pointer(path).cloned().unwrap_or_default();
        if object.kind == POLICY {
            let before = get(&self.policy);
            set(&mut self.policy, path, value)?;
            self.apply(&self.policy).await?;
            return Ok(before);
        }
        let mut before = Value::Null;
        self.strategy.edit(&object.kind, &object.name, |document| {
            before = get(document);
            set(document, path, value)
        })?;
        self.strategy.apply_one(&object.kind, &object.name).await?;
        Ok(before)
    }

    /// What `kubectl get` prints of an object, without its age.
    async fn row(&self, object: &Object) -> Result<Vec<String>> {
        let kind = format!("{}.attune.dev", object.kind.to_lowercase());
        let place = ["-n", &self.namespace, "-o", "wide", "--no-headers"];
        let args = [["get", &kind, &object.name].as_slice(), &place].concat();
        let printed = self.cluster.kubectl(&args).await?.succeeded()?.stdout;
        let mut columns: Vec<String> = printed.split_whitespace().map(str::to_owned).collect();
        columns.pop();
        Ok(columns)
    }

    /// The Events about an object, each with how often it was posted.
    async fn told(&self, object: &Object) -> Result<Vec<Told>> {
        let api: Api<Event> = Api::namespaced(self.cluster.client(), &self.namespace);
        let events = api.list(&ListParams::default()).await?;
        let own = events.items.into_iter().filter(|event| {
            let about = &event.involved_object;
            (about.kind.as_ref(), about.name.as_ref()) == (Some(&object.kind), Some(&object.name))
        });
        let told = own.map(|event| Told {
            name: event.metadata.name.unwrap_or_default(),
            times: event.series.and_then(|series| series.count).unwrap_or(1),
            type_: event.type_.unwrap_or_default(),
        });
        Ok(told.collect())
    }

    /// Waits until there is another Event of this type about an object.
    async fn is_told(&self, object: &Object, heard: &[Told], type_: &str) -> Result<()> {
        wait_until("an Event tells it", PATIENCE, async || {
            let told = self.told(object).await?;
            let mut news = told.iter().filter(|event| !heard.contains(event));
            ensure!(
                news.any(|event| event.type_ == type_),
                "no {type_} Event but {heard:?}"
            );
            Ok(())
        })
        .await
    }

    /// Takes the policy away: it is the cluster's.
    async fn withdraw(&self) -> Result<()> {
        let documents = parse_documents(&self.policy.to_string())?;
        self.cluster.objects().delete(&documents, PATIENCE).await
    }
}

/// An Event, and how often it was posted.
#[derive(Debug, PartialEq)]
struct Told {
    name: String,
    times: i32,
    type_: String,
}

/// Puts a value where a path leads; nothing takes the field away.
fn set(document: &mut Value, path: &str, value: &Value) -> Result<()> {
    let (parent, field) = path.rsplit_once('/').context("a path")?;
    let parent = document
        .pointer_mut(parent)
        .with_context(|| format!("nothing at {parent}"))?;
    match (parent, value) {
        (Value::Object(fields), Value::Null) => drop(fields.remove(field)),
        (Value::Object(fields), value) => drop(fields.insert(field.to_owned(), value.clone())),
        (Value::Array(items), value) => items[field.parse::<usize>()?] = value.clone(),
        _ => anyhow::bail!("{path} is in no object"),
    }
    Ok(())
}

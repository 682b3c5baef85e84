//! Answers onto the resources that they are about.

use std::collections::BTreeSet;

use anyhow::Context;
use attune_api::{API_VERSION, Experiment, Holdout, Kind, Metric};
use attune_compile::{ObjectId, results};
use attune_core::measure::Question;
use attune_core::measure::activity::ActivityAnswer;
use attune_core::measure::answer::Answer;
use attune_core::measure::holdout::HoldoutAnswer;
use jiff::Timestamp;
use kube::api::{Api, DynamicObject};
use kube::{Client, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::events::{Events, reference};
use crate::metrics::Outcome;
use crate::patch::Writer;

/// Writes what differs and tells what has turned.
pub(super) struct Layer<'l> {
    pub(super) client: &'l Client,
    pub(super) writer: &'l Writer,
    pub(super) events: &'l Events,
    pub(super) now: Timestamp,
}

/// A resource as it stands.
struct Standing {
    object: DynamicObject,
    status: Value,
}

impl Standing {
    fn decode<T: DeserializeOwned>(&self, kind: Kind) -> anyhow::Result<T> {
        let mut document = self.object.data.clone();
        if let Some(fields) = document.as_object_mut() {
            fields.remove("status");
            fields.insert("apiVersion".to_owned(), API_VERSION.into());
            fields.insert("kind".to_owned(), kind.name().into());
            fields.insert("metadata".to_owned(), json!(self.object.metadata));
        }
        serde_json::from_value(document).with_context(|| format!("the {kind} cannot be read"))
    }
}

impl Layer<'_> {
    /// Lays an experiment's answer; early where the verdict that it is to stand beside is not there yet.
    pub(super) async fn experiment(
        &self,
        id: &ObjectId,
        question: &Question,
        answer: &Answer,
    ) -> anyhow::Result<Outcome> {
        let Some(standing) = self.read(id).await? else {
            return Ok(Outcome::Unchanged);
        };
        if !results::have_a_place(answer, &standing.status) {
            return Ok(Outcome::Early);
        }
        let experiment: Experiment = standing.decode(id.kind)?;
        let about = results::About {
            experiment: &experiment,
            question,
            old: &standing.status,
        };
        let rendered = results::render(answer, about, self.now);
        let same = results::says_the_same(&standing.status, &rendered);
        Ok(self.put(id, &standing, rendered, same))
    }

    /// Lays a holdout's answer onto it, and onto the programs that it speaks for.
    pub(super) async fn holdout(
        &self,
        id: &ObjectId,
        units: &results::holdout::Units,
        programs: &BTreeSet<String>,
        answer: &HoldoutAnswer,
    ) -> anyhow::Result<Outcome> {
        let Some(standing) = self.read(id).await? else {
            return Ok(Outcome::Unchanged);
        };
        let holdout: Holdout = standing.decode(id.kind)?;
        let rendered = results::holdout::render(answer, &holdout, units, &standing.status, self.now);
        let same = results::holdout::says_the_same(id.kind, &standing.status, &rendered);
        let mut outcome = self.put(id, &standing, rendered, same);
        for program in programs {
            let Some(rendered) = results::holdout::render_program(answer, program, units) else {
                continue;
            };
            let id = ObjectId {
                kind: Kind::Program,
                namespace: id.namespace.clone(),
                name: program.clone(),
            };
            let Some(standing) = self.read(&id).await? else {
                continue;
            };
            let same = results::holdout::says_the_same(id.kind, &standing.status, &rendered);
            if self.put(&id, &standing, rendered, same) == Outcome::Changed {
                outcome = Outcome::Changed;
            }
        }
        Ok(outcome)
    }

    /// Lays onto a metric whether its events come in, or why nobody knows.
    pub(super) async fn metric(
        &self,
        id: &ObjectId,
        activity: Result<ActivityAnswer, String>,
    ) -> anyhow::Result<Outcome> {
        let Some(standing) = self.read(id).await? else {
            return Ok(Outcome::Unchanged);
        };
        let metric: Metric = standing.decode(id.kind)?;
        let rendered = results::metric::render(&metric, activity, &standing.status, self.now);
        let same = results::metric::says_the_same(&standing.status, &rendered);
        Ok(self.put(id, &standing, rendered, same))
    }

    fn put(&self, id: &ObjectId, standing: &Standing, rendered: Value, same: bool) -> Outcome {
        if same {
            return Outcome::Unchanged;
        }
        for (reason, note) in results::told(id.kind, &standing.status, &rendered) {
            let regarding = reference(id, standing.object.uid());
            self.events.tell(regarding, reason, &note);
        }
        self.writer.put(id.clone(), rendered);
        Outcome::Changed
    }

    async fn read(&self, id: &ObjectId) -> anyhow::Result<Option<Standing>> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &id.namespace, &id.kind.api_resource());
        let found = api.get_opt(&id.name).await;
        let object = found.with_context(|| format!("{id} cannot be read"))?;
        Ok(object.map(|object| {
            let status = object.data.get("status").cloned().unwrap_or_default();
            Standing { object, status }
        }))
    }
}

//! Which statuses of a namespace differ from the outside.

use std::sync::Arc;

use attune_api::Kind;
use attune_compile::status::{
    Deciders, Outside, Receiver, differ_in_counts_only, owned_figures, render, says_the_same, turns,
    undecodable,
};
use attune_compile::{ObjectId, Verdict, access};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Space;
use crate::effect::Effect;
use crate::said::Status;

impl Space {
    /// Says which statuses differ from the outside.
    pub(crate) fn report(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if !self.touched || self.is_withheld() {
            return;
        }
        self.render(now, effects);
        self.touched = false;
    }

    /// Whether a policy that is enforced waits for the first answer about who may change what. Until then what stands says
    /// more than what could be said: after a restart nothing has changed.
    pub(crate) fn is_withheld(&self) -> bool {
        access::is_awaited(&self.snapshot)
    }

    fn render(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let told = self.told(now);
        let (mut said, mut written) = (Vec::new(), Vec::new());
        let verdicts = self.compiled.as_ref().map(|compiled| &compiled.verdicts);
        for (id, seen) in &self.standing {
            let verdict = verdicts.and_then(|verdicts| verdicts.get(id));
            let counted = told.as_ref().map(|told| told.of(id.kind, &id.name));
            let counted = counted.unwrap_or_default();
            let channel = self.snapshot.channel_of(id.kind, &id.name);
            if self.said.holds(id, channel, verdict, &counted) {
                continue;
            }
            let standing = self.pending.newest(id).unwrap_or(seen);
            let Some(status) = self.status_of(id, verdict, &counted, standing, now) else {
                continue;
            };
            if !says_the_same(id.kind, standing, &status) {
                effects.push(Effect::Status {
                    id: id.clone(),
                    status: status.clone(),
                    turns: turns(standing, &status),
                    may_wait: differ_in_counts_only(id.kind, standing, &status),
                });
                written.push((id.clone(), merged(id.kind, standing, &status)));
            }
            let status = Status {
                value: status,
                verdict: verdict.cloned(),
                counted,
            };
            said.push((id.clone(), status));
        }
        let ids = written.iter().map(|(id, _)| ObjectId::clone(id)).collect();
        for (id, status) in written {
            self.pending.put(id, status, now);
        }
        self.said.settle(said, ids);
    }

    /// The status that an object should have.
    fn status_of(
        &self,
        id: &ObjectId,
        verdict: Option<&Arc<Verdict>>,
        counted: &Map<String, Value>,
        standing: &Value,
        now: Timestamp,
    ) -> Option<Value> {
        if let Some(object) = self.undecodable.get(id) {
            let status = undecodable(id.kind, &object.message, object.generation, standing, now);
            return Some(status);
        }
        let verdict = verdict?;
        let channel = self.snapshot.delivering_channel(id.kind, &id.name);
        let outside = channel.map(|(name, channel)| Outside {
            delivery: &channel.spec.delivery,
            deciders: self.deciders.get(name).unwrap_or(&Deciders::Unheard),
            receiver: self.receivers.get(name).unwrap_or(&Receiver::Unknown),
            fallback: self.fallbacks.get(name).copied().unwrap_or_default(),
            batch: self.batches.get(name),
        });
        if counted.is_empty() {
            return Some(render(id.kind, verdict, outside, standing, now));
        }
        let mut verdict = verdict.as_ref().clone();
        verdict.figures.extend(counted.clone());
        Some(render(id.kind, &verdict, outside, standing, now))
    }
}

/// A status with what is about to be written. Conditions and counts of other writers, which are not looked at here, are
/// back when the object is seen again.
fn merged(kind: Kind, standing: &Value, status: &Value) -> Value {
    let (Some(standing), Some(status)) = (standing.as_object(), status.as_object()) else {
        return status.clone();
    };
    let mut merged = standing.clone();
    for field in owned_figures(kind) {
        merged.remove(*field);
    }
    merged.remove("arms");
    merged.extend(status.iter().map(|(field, value)| (field.clone(), value.clone())));
    Value::Object(merged)
}

//! A bulk answer.

use attune_core::context::Context;
use attune_core::decide::{Decision, Reason, decide_everywhere};
use attune_core::history::History;
use attune_core::replay::Inputs;
use axum::http::HeaderMap;
use jiff::Timestamp;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::SINGLE_BYTES;
use crate::answers::Written;
use crate::decider::{Decider, DecisionIds, Loaded};
use crate::etag;
use crate::exposure::Exposed;
use crate::server::route::CHANGES;

/// The body of a bulk answer.
pub(super) struct Flags(Vec<u8>);

impl Flags {
    /// The beginning of the answer, with room for so many bytes.
    pub(super) fn open(capacity: usize) -> Self {
        let mut answer = Vec::with_capacity(capacity);
        answer.extend_from_slice(b"{\"flags\":[");
        Self(answer)
    }

    /// Decides every touchpoint and writes the answers with their ids; the tag sees them without. With what is to be kept of
    /// them, once it is known that they are sent.
    pub(super) fn decide<'e>(
        decider: &Decider,
        loaded: &'e Loaded,
        context: &Context<'_>,
        history: &dyn History,
        mut tag: Option<&mut etag::Builder>,
    ) -> (Self, Vec<Kept<'e>>) {
        let engine = &loaded.engine;
        let now = decider.now();
        let mut flags = Self::open(SINGLE_BYTES * (1 + engine.touchpoints().count()));
        let mut ids = DecisionIds::at(now);
        let mut kept = Vec::new();
        if loaded.keeps(context) {
            for (decision, inputs) in loaded.watch_everywhere(context, history, now) {
                let id = ids.draw();
                decider.metrics().bulk.inc(decision.reason);
                loaded.sums.decided(&decision);
                let written = Written::of(engine, &decision);
                written.append(id, flags.next());
                if let Some(tag) = &mut tag {
                    tag.add(written.about.piece);
                }
                kept.extend(inputs.map(|inputs| Kept {
                    id,
                    decision,
                    inputs,
                    now,
                }));
            }
            return (flags, kept);
        }
        let (mut answers, sums) = (loaded.answers.reader(), loaded.sums.bulk());
        let mut reasons = [0; Reason::ALL.len()];
        for outcome in decide_everywhere(engine, context, history, now) {
            if let Some(count) = reasons.get_mut(outcome.reason() as usize) {
                *count += 1;
            }
            let about = answers.append(engine, outcome, ids.draw(), flags.next());
            sums.came_to(&outcome, about.rule);
            if let Some(tag) = &mut tag {
                tag.add(about.piece);
            }
        }
        answers.close();
        for (reason, count) in Reason::ALL.into_iter().zip(reasons) {
            if count > 0 {
                decider.metrics().bulk.add(reason, count);
            }
        }
        (flags, kept)
    }

    /// Where the next answer is written to.
    fn next(&mut self) -> &mut Vec<u8> {
        if !self.0.ends_with(b"[") {
            self.0.push(b',');
        }
        &mut self.0
    }

    /// The end of the answer: where to hear of changes.
    pub(super) fn close(mut self, stream: &str) -> Vec<u8> {
        self.0
            .extend_from_slice(b"],\"eventStreams\":[{\"type\":\"sse\",\"endpoint\":{\"requestUri\":");
        // INVARIANT: a string always serializes.
        let _ = serde_json::to_writer(&mut self.0, stream);
        self.0.extend_from_slice(b"},\"inactivityDelaySec\":120}]}");
        self.0
    }
}

/// Where whoever asks hears of changes: without an origin, so that it is where they asked. It changes with the key that they
/// show.
pub(super) fn stream(decider: &Decider, headers: &HeaderMap) -> String {
    let keys = decider.access().keys.as_ref();
    let token = keys.and_then(|keys| keys.stream_token(headers));
    let query = token.map_or_else(String::new, |token| format!("?token={token}"));
    format!("{}{CHANGES}{query}", decider.mounted_at())
}

/// One of them that is kept.
pub(super) struct Kept<'e> {
    id: Uuid,
    decision: Decision<'e>,
    inputs: Inputs,
    now: Timestamp,
}

impl Kept<'_> {
    pub(super) fn keep(self, decider: &Decider, loaded: &Loaded, context: &Context<'_>) {
        let Some((unit, _)) = context.unit() else { return };
        let mut buffer = [0; Hyphenated::LENGTH];
        let bundle = loaded.engine.bundle();
        let exposed = Exposed {
            decision: self.id.hyphenated().encode_lower(&mut buffer),
            unit,
            namespace: &bundle.namespace,
            channel: &bundle.channel,
            at: self.now,
        };
        decider.keep(loaded, (&self.decision, self.inputs), &exposed);
    }
}

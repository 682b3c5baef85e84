//! A decider beside each pod that asks for one, as a native sidecar.
//!
//! Whatever comes in, the pod starts: where no decider can be added, the answer lets the pod pass as it is, with a
//! warning that says why. The answer is worked out on the document as it came, so that fields newer than this program
//! stay as they are.

use attune_api::channel::State;
use attune_api::delivery::SidecarDelivery;
use attune_api::labels::{CHANNEL, DECIDER, INJECT};
use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation};
use kube::core::admission::{AdmissionResponse, Operation};
use serde::Serialize;
use serde_json::{Value, json};

use crate::decider::{CONTAINER, Decider, PORT, PROBES_PORT, Place};
use crate::warning::{fit, quote};
use crate::{Review, Settings};

mod name;
mod outcome;
mod pod;
#[cfg(test)]
mod tests;

pub use outcome::Outcome;
use pod::Pod;

/// What is known of a Channel in the namespace of a pod.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// It is there, with delivery `sidecar`, and with what its deciders share.
    Sidecar(SidecarDelivery, Option<State>),
    /// It is there, with the delivery of this name.
    Other(&'static str),
    /// It is not there.
    Missing,
    /// Channels have not been listed yet, or this one cannot be read.
    Unknown,
}

/// The answer to a request about a pod, and what came of it.
#[derive(Debug, Clone)]
pub struct Injection {
    /// The answer.
    pub response: AdmissionResponse,
    /// What came of it.
    pub outcome: Outcome,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name, or the beginning of the one that it will get.
    pub pod: String,
    /// The Channel that the pod named, if it named one.
    pub channel: Option<String>,
    /// What the pod's owner was told.
    pub warning: Option<String>,
    /// Nothing comes of the request, so that no Event may either.
    pub is_dry_run: bool,
}

/// Judges a pod and adds a decider where it asks for one. `find` tells what is known of a Channel by its namespace and
/// name.
pub fn inject(review: &Review, settings: &Settings, find: impl Fn(&str, &str) -> Found) -> Injection {
    let judged = judge(review, find);
    let mut response = review.allow();
    let mut outcome = judged.outcome;
    let mut warning = judged.warning;
    if let Some((sidecar, state)) = &judged.sidecar
        && let Some(channel) = &judged.channel
    {
        let decider = Decider {
            settings,
            channel,
            place: Place::Sidecar,
            startup: sidecar.startup.as_ref(),
            resources: sidecar.resources.as_ref(),
            state: state.as_ref(),
            access: None,
        };
        let patch = patch(&review.object, &decider);
        match response.clone().with_patch(patch) {
            Ok(patched) => response = patched,
            Err(error) => {
                outcome = Outcome::Unreadable;
                warning = Some(format!("no decider was added: {error}"));
            }
        }
    }
    let warning = warning.map(|text| fit(&text));
    response.warnings = warning.clone().map(|text| vec![text]);
    Injection {
        response,
        outcome,
        namespace: review.namespace().to_owned(),
        pod: review.name().to_owned(),
        channel: judged.channel,
        warning,
        is_dry_run: review.is_dry_run(),
    }
}

/// What to do with a pod.
struct Judged {
    outcome: Outcome,
    channel: Option<String>,
    warning: Option<String>,
    /// The settings of the decider to add.
    sidecar: Option<(SidecarDelivery, Option<State>)>,
}

impl Judged {
    fn pass(outcome: Outcome) -> Self {
        Self {
            outcome,
            channel: None,
            warning: None,
            sidecar: None,
        }
    }

    fn warn(outcome: Outcome, channel: Option<&str>, why: &str) -> Self {
        Self {
            channel: channel.map(str::to_owned),
            warning: Some(format!("no decider was added: {why}")),
            ..Self::pass(outcome)
        }
    }
}

fn judge(review: &Review, find: impl Fn(&str, &str) -> Found) -> Judged {
    let is_pod = review.group_kind() == ("", "Pod") && review.subresource().is_none();
    if *review.operation() != Operation::Create || !is_pod {
        return Judged::pass(Outcome::Ignored);
    }
    let Some(pod) = Pod::read(&review.object) else {
        return Judged::warn(Outcome::Unreadable, None, "the pod cannot be read");
    };
    if pod.label(INJECT) == Some("false") {
        return Judged::pass(Outcome::OptedOut);
    }
    // Before the annotation is looked at: whoever wrote such a container has settled which Channel it serves.
    if pod.has_decider() {
        return Judged::pass(Outcome::AlreadyInjected);
    }
    let names = name::read(pod.annotation(CHANNEL).unwrap_or_default());
    match names.as_slice() {
        // The label may stand on the namespace, where pods without a decider are nothing to speak about.
        [] if pod.label(INJECT).is_none() => Judged::pass(Outcome::NoChannel),
        [] => Judged::warn(
            Outcome::NoChannel,
            None,
            &format!("name its Channel in the annotation `{CHANNEL}`"),
        ),
        [channel] => judge_channel(&pod, channel, &find(review.namespace(), channel)),
        several => Judged::warn(
            Outcome::SeveralChannels,
            None,
            &format!("`{CHANNEL}` names {} Channels; name one", several.len()),
        ),
    }
}

fn judge_channel(pod: &Pod<'_>, channel: &str, found: &Found) -> Judged {
    let warn = |outcome, why: &str| Judged::warn(outcome, Some(channel), why);
    if !name::is_valid(channel) {
        let why = format!(
            "`{}` in `{CHANNEL}` cannot be the name of a Channel",
            quote(channel)
        );
        return Judged::warn(Outcome::InvalidChannel, None, &why);
    }
    let sidecar = match found {
        Found::Sidecar(sidecar, state) => (sidecar.clone(), state.clone()),
        Found::Missing => {
            let why = format!("there is no Channel `{channel}` in the namespace; create it first");
            return warn(Outcome::ChannelMissing, &why);
        }
        Found::Other(delivery) => {
            let why = format!("Channel `{channel}` has delivery `{delivery}`, not `sidecar`");
            return warn(Outcome::NotSidecar, &why);
        }
        // A replica that has just started must not leave bare what asks for a decider. The rules come later anyway; if
        // the Channel turns out to be missing, the decider answers with the application's own defaults, as for a
        // Channel that is deleted while pods use it.
        Found::Unknown => <_>::default(),
    };
    if let Some(why) = pod.unfit() {
        return warn(Outcome::Unfit, why);
    }
    if let Some(why) = pod.clash() {
        return warn(Outcome::Clash, &why);
    }
    Judged {
        outcome: Outcome::Injected,
        channel: Some(channel.to_owned()),
        warning: None,
        sidecar: Some(sidecar),
    }
}

/// What makes the pod one with a decider: only additions, so that nothing is dropped or put in another order.
fn patch(pod: &Value, decider: &Decider<'_>) -> Patch {
    let channel = decider.channel;
    let mut operations = Vec::new();
    let is_there = |pointer: &str| pod.pointer(pointer).is_some_and(|value| !value.is_null());
    if is_there("/metadata/labels") {
        operations.push(add(["metadata", "labels", DECIDER], channel.into()));
    } else {
        operations.push(add(["metadata", "labels"], json!({DECIDER: channel})));
    }
    // First, so that the application's own init containers may already ask.
    let container = to_json(&decider.container());
    if is_there("/spec/initContainers") {
        operations.push(add(["spec", "initContainers", "0"], container));
    } else {
        operations.push(add(["spec", "initContainers"], json!([container])));
    }
    let volumes = decider.volumes();
    if is_there("/spec/volumes") {
        let volumes = volumes.iter().map(to_json);
        operations.extend(volumes.map(|volume| add(["spec", "volumes", "-"], volume)));
    } else {
        operations.push(add(["spec", "volumes"], to_json(&volumes)));
    }
    Patch(operations)
}

fn add<const N: usize>(path: [&str; N], value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation {
        path: PointerBuf::from_tokens(path),
        value,
    })
}

/// The types of Kubernetes have text keys and finite numbers only, so that writing them cannot fail.
fn to_json(value: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

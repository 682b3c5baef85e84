//! Pods and calls together: the deciders of a Channel, counted.

use attune_api::delivery::Delivery;
use attune_compile::status::{Bare, Heard};

use super::Census;
use crate::deciders::Report;

/// How many deciders of their own a Channel is to have, where its delivery is not beside pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// As many as there are pods that ask for one.
    Beside,
    /// So many.
    Own(i32),
}

impl Expected {
    /// By the Channel's delivery; `replicas` is what its Deployment has, where that is known.
    pub fn of(delivery: Option<&Delivery>, replicas: Option<i32>) -> Self {
        match delivery {
            Some(Delivery::Service(service)) => {
                let declared = i32::try_from(service.replicas()).unwrap_or(i32::MAX);
                Self::Own(replicas.unwrap_or(declared))
            }
            Some(Delivery::Push(_) | Delivery::ConfigMap(_) | Delivery::Batch(_)) => Self::Own(0),
            Some(Delivery::Sidecar(_)) | None => Self::Beside,
        }
    }
}

/// Counts the deciders of a Channel.
///
/// A decider that calls and has no pod, in development, is one that there should be. One that calls and runs no bundle is
/// missing, as is one that does not call.
pub fn count(expected: Expected, census: &Census, report: &Report) -> Heard {
    let running = report.current.saturating_add(report.stale);
    let strangers = report
        .without
        .iter()
        .filter(|name| !census.injected.contains(*name));
    let callers = running.saturating_add(whole(strangers.count()));
    let injected = whole(census.injected.len());
    let bare = match expected {
        Expected::Beside => Bare::of(census.bare.iter().map(|pod| pod.name.as_str())),
        Expected::Own(_) => Bare::default(),
    };
    let wanted = match expected {
        Expected::Beside => injected.saturating_add(bare.count),
        Expected::Own(replicas) => replicas,
    };
    Heard {
        desired: wanted.max(callers),
        injected,
        current: report.current,
        stale: report.stale,
        bare,
        refused: report.refused.clone(),
    }
}

fn whole(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

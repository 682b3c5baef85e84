//! `attune` as it is typed: the built binary, its output and its exit codes.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail it"
)]

#[path = "verbs/arms.rs"]
mod arms;
#[path = "verbs/audit.rs"]
mod audit;
#[path = "verbs/batch.rs"]
mod batch;
#[path = "verbs/coverage.rs"]
mod coverage;
#[path = "verbs/crds.rs"]
mod crds;
#[path = "verbs/decide.rs"]
mod decide;
#[path = "verbs/explain.rs"]
mod explain;
#[path = "verbs/export.rs"]
mod export;
#[path = "verbs/folder.rs"]
mod folder;
#[path = "verbs/lift.rs"]
mod lift;
#[path = "verbs/lint.rs"]
mod lint;
#[path = "verbs/ownership.rs"]
mod ownership;
#[path = "verbs/places.rs"]
mod places;
#[path = "verbs/plan.rs"]
mod plan;
#[path = "verbs/plan_experiment.rs"]
mod plan_experiment;
#[path = "verbs/ready.rs"]
mod ready;
#[path = "verbs/retail.rs"]
mod retail;
#[path = "verbs/status.rs"]
mod status;
#[path = "verbs/upkeep.rs"]
mod upkeep;
#[path = "verbs/usage.rs"]
mod usage;

//! Tests on a real Kubernetes control plane built from package registries.
//!
//! A test binary is a [`Suite`]: its tests share one [`ControlPlane`], which starts in seconds, and work in namespaces of
//! their own. Beside it run our own programs as [`Process`]es. The programs of the control plane come from
//! `e2e/cluster/build-tools`.

mod audit;
mod binaries;
mod cluster;
mod command;
mod control_plane;
mod objects;
mod ports;
mod process;
pub mod release;
mod strategy;
mod suite;
mod tools;
mod wait;
mod writes;

pub use self::audit::{AuditLog, AuditMark, WriteRequest};
pub use self::binaries::binary;
pub use self::cluster::{Cluster, ClusterTimes};
pub use self::command::Outcome;
pub use self::control_plane::{Component, ControlPlane, StartTimes};
pub use self::objects::{
    ObjectId, Objects, in_namespace, normalised, parse_documents, read_documents, shuffled,
};
pub use self::ports::Port;
pub use self::process::{Launch, Process};
pub use self::strategy::{Condition, PATIENCE, Statuses, Strategy, condition, ensure_same, example};
pub use self::suite::{Shared, Suite};
pub use self::tools::{TOOLS_VARIABLE, Tools};
pub use self::wait::wait_until;
pub use self::writes::{Change, Write, WriteWatch};

/// The API group of our resources.
pub const GROUP: &str = "attune.dev";

/// The root of the repository, for files that tests apply.
pub fn repository() -> &'static std::path::Path {
    let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

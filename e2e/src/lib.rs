//! Tests on a real Kubernetes control plane built from package registries.
//!
//! A test binary is a [`Suite`]: its tests share one [`ControlPlane`], which starts in seconds, and work in namespaces of
//! their own. Beside it run our own programs as [`Process`]es. The programs of the control plane come from
//! `e2e/cluster/build-tools`.

mod audit;
mod control_plane;
mod kubectl;
mod ports;
mod process;
mod suite;
mod tools;
mod wait;

pub use self::audit::{AuditLog, AuditMark, WriteRequest};
pub use self::control_plane::{Component, ControlPlane, StartTimes};
pub use self::kubectl::Kubectl;
pub use self::ports::Port;
pub use self::process::{Launch, Process};
pub use self::suite::Suite;
pub use self::tools::{TOOLS_VARIABLE, Tools};
pub use self::wait::wait_until;

/// The API group of our resources.
pub const GROUP: &str = "attune.dev";

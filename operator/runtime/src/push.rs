//! Rules to endpoints: sent when they change, acknowledged, asked for, and sent again where they drifted.
//!
//! - [`endpoint`]: what one endpoint should have and what to do next, without network or clock.
//! - [`pusher`]: all endpoints, each at its own pace, while this replica leads.
//! - [`courier`]: one exchange; [`credentials`], [`oauth`], [`signature`]: how the sender proves who it is.
//! - [`egress`], [`resolve`], [`line`]: what may be reached at all.
//!
//! What an endpoint acknowledged stands on the Channel's status and is read back from there before anything is sent, so that
//! another leader sends nothing twice. Where the operator ends between a send and its acknowledgement, the same message is
//! sent once more: it carries the same id.

mod answer;
mod courier;
mod credentials;
mod egress;
mod endpoint;
#[cfg(test)]
mod fixture;
mod line;
mod oauth;
mod pace;
mod pusher;
mod resolve;
mod secrets;
mod signature;
mod trouble;

pub use courier::Courier;
pub use credentials::{ReadSecret, SecretData, SecretError};
pub use egress::{Denied, Egress};
pub use pusher::{Delivery, Pusher};
pub use resolve::{Lookup, system_lookup};
pub use secrets::{ReadStanding, read_secrets, read_standings};

/// Namespace and name of a Channel.
pub type Key = (String, String);

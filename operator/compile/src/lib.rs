//! The one brain of Attune: a snapshot of resources in, bundles per Channel and a verdict per object out.
//!
//! The operator, the webhook and `attune lint` all call this crate, so that they say the same in the same words.

pub mod finding;

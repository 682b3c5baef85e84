//! The plan of an experiment: how many units it needs by each design, how long that takes, and when a look is worthwhile.

mod brief;
mod design;
mod registered;
mod render;
#[cfg(test)]
mod tests;

pub(crate) use brief::Brief;
pub(crate) use design::{Planned, plan};
pub(crate) use registered::Registered;
pub(crate) use render::{json, text};

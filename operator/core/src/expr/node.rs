//! The lowered form of an expression, as bundles carry it.

use serde::{Deserialize, Serialize};

use super::error::LinkError;
use super::program::Program;
use crate::value::SlotId;

/// A checked expression in its lowered form, over attribute names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expression {
    ops: Vec<String>,
}

impl Expression {
    /// The attributes it reads, sorted, each once; `now` is none of them.
    pub fn attributes(&self) -> Vec<&str> {
        self.ops.iter().map(String::as_str).collect()
    }

    /// The program that reads its attributes from the slots that `slot_of` names.
    ///
    /// # Errors
    /// An attribute without a slot; for an expression that [`compile`](super::compile) did not build, also
    /// whatever is wrong with it.
    pub fn link(&self, slot_of: impl Fn(&str) -> Option<SlotId>) -> Result<Program, LinkError> {
        let _ = slot_of;
        Err(LinkError::Assemble(0))
    }
}

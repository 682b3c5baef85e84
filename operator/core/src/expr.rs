//! CEL expressions: parsed, checked against declared attributes, and lowered to programs over slots.

use serde::{Deserialize, Serialize};

/// A checked expression in its lowered form, over attribute names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expression {}

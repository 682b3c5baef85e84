//! What was pre-registered.

use alloc::vec::Vec;

use crate::moments::ArmMoments;
use crate::verdict::InvalidCause;

/// How success is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// A share of units: every outcome is 0 or 1.
    Proportion,
    /// A mean over units: revenue, counts.
    Mean,
    /// A sum over units through another sum over the same units.
    Ratio,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// More is better.
    Increase,
    /// Less is better.
    Decrease,
}

/// The design, chosen before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// One look, at the planned number of units.
    Fixed,
    /// A group-sequential design: Lan and `DeMets`' spending of O'Brien and Fleming's kind.
    Planned,
    /// An asymptotic confidence sequence, valid at every look.
    Continuous,
}

impl Method {
    /// The name, for status fields and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Planned => "planned",
            Self::Continuous => "continuous",
        }
    }
}

/// The moments of both arms at one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The arm that everything is compared with.
    pub control: ArmMoments,
    /// The arm under test.
    pub treatment: ArmMoments,
}

impl Look {
    /// Units of both arms together.
    pub fn n(&self) -> u64 {
        self.control.n().saturating_add(self.treatment.n())
    }
}

/// What was pre-registered, and what has been seen of it before.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Question {
    /// How success is counted.
    pub metric: MetricKind,
    /// Which way is better.
    pub direction: Direction,
    /// The design.
    pub method: Method,
    /// Two-sided level, between 0 and 1.
    pub alpha: f64,
    /// Units of both arms together at which the experiment ends. Absent with `Fixed`: these moments are final.
    pub planned_units: Option<u64>,
    /// The minimum worthwhile lift, as a share of control (0.02 is 2 %).
    pub minimum_lift: Option<f64>,
    /// Earlier looks, oldest first, for the two sequential designs.
    pub looks: Vec<Look>,
    /// Something outside the moments that breaks the comparison.
    pub invalid: Option<InvalidCause>,
}

impl Question {
    /// A question with neither a plan nor a minimum lift nor earlier looks; set the fields that apply.
    pub fn new(metric: MetricKind, direction: Direction, method: Method, alpha: f64) -> Self {
        Self {
            metric,
            direction,
            method,
            alpha,
            planned_units: None,
            minimum_lift: None,
            looks: Vec::new(),
            invalid: None,
        }
    }
}

impl Question {
    /// The `rho` of the minimum worthwhile lift: treatment is just worth it when it is `rho` times control.
    pub(super) fn minimum_rho(&self) -> Option<f64> {
        self.minimum_lift.map(|minimum| match self.direction {
            Direction::Increase => 1.0 + minimum,
            Direction::Decrease => 1.0 - minimum,
        })
    }
}

//! The one brain of Attune: a snapshot of resources in, bundles per Channel and a verdict per object out.
//!
//! The operator, the webhook and `attune lint` all call [`compile`], so that they say the same in the same words. It is
//! pure: the clock and what was published before are arguments.
//!
//! A snapshot holds one namespace, because references stay inside of it. The way of a compilation:
//!
//! 1. [`attributes`]: what the `DataContract`s declare becomes one schema.
//! 2. [`rules`]: every expression is parsed, checked and lowered against it.
//! 3. [`policy`]: the policies that rule the namespace, each with its own parameters.
//! 4. [`checks`]: a chain of pure checks over the snapshot, each of which adds findings; [`facts`] puts together what
//!    several policies say about one fact.
//! 5. [`assemble`]: what is sound becomes a bundle per Channel, in the words that each touchpoint shows (`adapt`); what is not keeps its last published form, and what a
//!    policy [`stops`] leaves both.
//!    What the format of a Channel's delivery cannot carry of it is told by [`formats`].
//! 6. [`strategy`]: what was compiled tells what the strategy covers and who is reached ([`coverage`], [`actionable`],
//!    [`live`]); how audiences lie to each other ([`overlap`]) is known before.
//! 7. [`verdict`]: findings and figures become conditions; [`status`] and [`traffic`] add what only a cluster knows.

pub mod access;
pub mod actionable;
mod adapt;
pub mod assemble;
pub mod attributes;
pub mod checks;
pub mod codeowners;
pub mod coverage;
pub mod decision;
pub mod evidence;
pub mod facts;
mod figures;
pub mod finding;
pub mod formats;
mod kept;
pub mod live;
pub mod observed;
pub mod overlap;
pub mod phrases;
pub mod policy;
pub mod previous;
pub mod question;
pub mod rbac;
pub mod registration;
pub mod report;
pub mod results;
pub mod rules;
pub mod snapshot;
pub mod status;
pub mod stops;
pub mod strategy;
pub mod traffic;
pub mod uses;
pub mod verdict;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use attune_api::experiment::Registration;
use attune_core::bundle::{Bundle, BundleError};
use attune_core::measure::Question;
use jiff::Timestamp;

pub use finding::{Finding, ObjectId, Severity};
pub use kept::Kept;
pub use previous::Previous;
pub use question::Inquiry;
pub use report::Report;
pub use snapshot::Snapshot;
pub use verdict::Verdict;

/// What a snapshot compiles to.
#[derive(Debug)]
pub struct Compiled {
    /// What to publish, by Channel.
    pub channels: BTreeMap<String, Publication>,
    /// What to say, by object.
    pub verdicts: BTreeMap<ObjectId, Arc<Verdict>>,
    /// What to ask the collector, by object.
    pub inquiries: BTreeMap<ObjectId, Inquiry>,
    /// What Experiments that have left Draft are registered with, by name.
    pub registrations: BTreeMap<String, Registration>,
    /// Every fact found, in the order of the objects.
    pub findings: Vec<Finding>,
    /// Rules, declared and live, by binding: for metrics by program, Channel and cluster.
    pub live_rules: live::LiveRules,
    /// The next instant at which the passing of time alone changes an answer.
    pub next_change: Option<Timestamp>,
}

/// One Channel's bundle, ready to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// The bundle.
    pub bundle: Arc<Bundle>,
    /// Its canonical JSON.
    pub canonical: Arc<[u8]>,
    /// The hash of that.
    pub revision: String,
}

impl Publication {
    /// A bundle in bytes.
    ///
    /// # Errors
    /// When it has no JSON form, which no checked bundle lacks.
    pub fn of(bundle: Arc<Bundle>) -> Result<Self, BundleError> {
        let canonical = bundle.canonical()?;
        let revision = Bundle::revision(&canonical);
        Ok(Self {
            bundle,
            canonical: canonical.into(),
            revision,
        })
    }
}

/// A snapshot after its expressions are checked: what every check looks at.
#[derive(Debug)]
pub struct Model<'s> {
    /// The resources.
    pub snapshot: &'s Snapshot,
    /// What may be known about a unit.
    pub attributes: attributes::Attributes,
    /// Every expression that is sound.
    pub rules: rules::Rules,
    /// The policies that rule the namespace.
    pub policies: policy::Policies<'s>,
    /// Which rule reads which attribute, and for which programs.
    pub uses: uses::Uses,
    /// What is known to have concluded; `None` where nobody can tell.
    pub evidence: Option<BTreeMap<String, evidence::Evidence>>,
    /// How audiences lie to each other.
    pub portfolio: strategy::Portfolio,
    /// The instant that all checks judge at.
    pub at: Timestamp,
    /// What is known to follow from single objects.
    objects: RefCell<kept::Objects>,
}

/// Checks a snapshot at an instant and compiles what is sound.
pub fn compile(snapshot: &Snapshot, previous: &Previous, at: Timestamp) -> Compiled {
    compile_again(snapshot, previous, at, &mut Kept::default())
}

/// As [`compile`], with what the compilation before of the same namespace left; the answer is the same.
pub fn compile_again(snapshot: &Snapshot, previous: &Previous, at: Timestamp, kept: &mut Kept) -> Compiled {
    let mut report = Report::default();
    let attributes = attributes::gather(snapshot, &mut report);
    let rules = rules::check_again(snapshot, &attributes, &mut kept.expressions, &mut report);
    let uses = uses::Uses::of(snapshot, &rules);
    let portfolio = strategy::Portfolio::of(snapshot, &rules, &attributes, kept);
    let model = Model {
        snapshot,
        attributes,
        rules,
        policies: policy::Policies::of(snapshot),
        uses,
        evidence: evidence::known(snapshot),
        portfolio,
        at,
        objects: RefCell::new(std::mem::take(&mut kept.objects)),
    };
    checks::run(&model, &mut report);
    let assemble::Assembled {
        mut channels,
        engines,
    } = assemble::channels(&model, previous, &mut report, kept);
    let mut strategy = strategy::Strategy::of(&model, &engines);
    // What an enforced rule has against what was compiled keeps new forms of it from being programmed.
    if strategy.report(&model, &mut report) {
        checks::gate(&model, &mut report);
        let gated = assemble::channels(&model, previous, &mut report, kept);
        channels = gated.channels;
        strategy.count_rules(&model, &gated.engines);
    }
    formats::check(&model, &channels, &mut report);
    let registrations = registration::all(&model, &report);
    let inquiries = question::all(&model, &registrations, &report);
    let verdicts = verdict::all(
        &model,
        &channels,
        previous,
        &registrations,
        &report,
        &strategy,
        &mut kept.verdicts,
    );
    let live_rules = strategy.rules;
    let next_change = checks::next_change(&model);
    kept.objects = model.objects.into_inner();
    kept.turn();
    Compiled {
        channels,
        verdicts,
        inquiries,
        registrations,
        findings: report.into_findings(),
        live_rules,
        next_change,
    }
}

impl Compiled {
    /// What the Experiment of this name asks.
    pub fn question(&self, experiment: &str) -> Option<&Question> {
        self.inquiries.iter().find_map(|(id, inquiry)| match inquiry {
            Inquiry::Experiment { question, .. } if id.name == experiment => Some(question),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests;

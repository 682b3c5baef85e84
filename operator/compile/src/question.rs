//! What resources ask of the collector.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::Kind;
use attune_api::experiment::Registration;
use attune_core::measure::Question;
use attune_core::measure::activity::ActivityQuestion;
use attune_core::measure::holdout::HoldoutQuestion;
use jiff::Timestamp;

use crate::Model;
use crate::finding::ObjectId;
use crate::report::Report;

mod experiment;
mod holdout;
#[cfg(test)]
mod tests;

/// What one object asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Inquiry {
    /// What an Experiment has shown.
    Experiment {
        /// As it is registered.
        question: Question,
        /// When its decision fell: data until then count, and none that came later.
        cut: Option<Timestamp>,
    },
    /// What the programmes that a Holdout holds back are worth.
    Holdout {
        /// As asked.
        question: HoldoutQuestion,
        /// What values are counted in, by metric.
        units: BTreeMap<String, String>,
        /// The Programs whose status it speaks on: each that it holds back and no other Holdout speaks for.
        programs: BTreeSet<String>,
    },
    /// Whether the events of a Metric come in.
    Metric(ActivityQuestion),
}

/// What all objects ask; those that are not sound ask nothing, and what they were told last stays.
pub fn all(
    model: &Model<'_>,
    registrations: &BTreeMap<String, Registration>,
    report: &Report,
) -> BTreeMap<ObjectId, Inquiry> {
    let snapshot = model.snapshot;
    let mut inquiries = BTreeMap::new();
    for (name, question) in experiment::all(model, registrations, report) {
        let cut = crate::registration::decision(model, &name).map(|decision| decision.at.timestamp());
        let id = snapshot.id(Kind::Experiment, &name);
        inquiries.insert(id, Inquiry::Experiment { question, cut });
    }
    let coherent = |(name, _): &(&String, _)| report.is_coherent((Kind::Holdout, name.as_str()));
    let holdouts = snapshot.holdouts.iter().filter(coherent);
    let asked: BTreeMap<&str, HoldoutQuestion> = holdouts
        .filter_map(|(name, holdout)| Some((name.as_str(), holdout::question(model, name, holdout, report)?)))
        .collect();
    let speakers = holdout::speakers(model, &asked);
    for (name, question) in asked {
        let spoken_for = speakers.iter().filter(|(_, speaker)| *speaker == name);
        let programs = spoken_for.map(|(program, _)| program.clone()).collect();
        let units = holdout::units(model, &question);
        let inquiry = Inquiry::Holdout {
            question,
            units,
            programs,
        };
        inquiries.insert(snapshot.id(Kind::Holdout, name), inquiry);
    }
    for (name, metric) in &snapshot.metrics {
        let id = snapshot.id(Kind::Metric, name);
        if experiment::is_collected(metric) && report.is_coherent(&id) {
            let question = ActivityQuestion {
                namespace: snapshot.namespace.clone(),
                event: metric.spec.event.name.as_str().to_owned(),
            };
            inquiries.insert(id, Inquiry::Metric(question));
        }
    }
    inquiries
}

//! Words are approved, press nobody, and somebody can see them.

use attune_api::conditions::Reason;
use attune_api::content_module::Variant;
use attune_api::governance_policy::TacticsRule;
use attune_api::{ContentModule, Kind};

use crate::Model;
use crate::facts::{Fact, Facts};
use crate::phrases::Phrases;
use crate::policy::Ruling;
use crate::report::Report;

mod approval;
mod reach;

pub use approval::{ContentHashError, content_hash, needs_approval};

#[cfg(test)]
mod tests;

/// Tactics that press for haste: words that use one must end on time.
const URGENT: [&str; 8] = [
    "Urgency",
    "Scarcity",
    "Countdown",
    "Deadline",
    "LimitedTime",
    "LimitedTimeOffer",
    "LimitedOffer",
    "FlashSale",
];

/// Looks at the words of every module.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let mut facts = Facts::default();
    for ruling in model.policies.judging(|rules| rules.tactics.as_ref()) {
        tactics(model, &ruling, &mut facts, report);
    }
    for ruling in model.policies.judging(|rules| rules.approval.as_ref()) {
        approval::check(model, &ruling, &mut facts, report);
    }
    facts.report(report);
    approval::generated(model, report);
    reach::check(model, report);
}

/// No prohibited tactic, declared or given away; and no haste without an end. Where that is enforced, variants leave.
fn tactics(model: &Model<'_>, ruling: &Ruling<'_, TacticsRule>, facts: &mut Facts, report: &mut Report) {
    let phrases = phrases(ruling.rule);
    for (name, module) in &model.snapshot.modules {
        let object = model.snapshot.id(Kind::ContentModule, name);
        let mut broken = Vec::new();
        for (index, variant) in module.spec.variants.iter().enumerate() {
            let declared = declared(ruling.rule, index, variant);
            let given_away = given_away(&phrases, index, variant);
            for (reason, field, about, message) in declared.into_iter().chain(given_away) {
                broken.push(variant.name.as_str());
                facts.note(
                    ruling,
                    Fact::new(object.clone(), reason, field, message).about(about),
                );
            }
        }
        for (field, phrase) in core(&phrases, module) {
            broken.extend(module.spec.variants.iter().map(|variant| variant.name.as_str()));
            let message = gives_away("the core", phrase);
            let fact = Fact::new(object.clone(), Reason::ProhibitedTactic, field, message);
            facts.note(ruling, fact);
        }
        if ruling.is_enforced() {
            for variant in &broken {
                report.stops.variant(name, variant);
            }
        }
    }
    if ruling.is_enforced() {
        report.stops.phrases(phrases);
    }
}

fn phrases(rule: &TacticsRule) -> Phrases {
    let mut phrases = Phrases::default();
    for (locale, list) in &rule.phrases {
        list.0.iter().for_each(|text| phrases.add(locale, text));
    }
    phrases
}

/// A fact in the making: reason, field, what tells it apart, message.
type Told = (Reason, String, String, String);

/// What a variant's declared tactics break.
fn declared(rule: &TacticsRule, index: usize, variant: &Variant) -> Vec<Told> {
    let field = format!("spec.variants[{index}].tactics");
    let mut told = Vec::new();
    let ends = variant
        .validity
        .as_ref()
        .is_some_and(|validity| validity.until.is_some());
    for tactic in &variant.tactics {
        if rule.prohibited.contains(tactic) {
            let message = format!(
                "variant `{}` uses the prohibited tactic `{tactic}`: say it without",
                variant.name
            );
            told.push((
                Reason::ProhibitedTactic,
                field.clone(),
                tactic.as_str().to_owned(),
                message,
            ));
        } else if URGENT.contains(&tactic.as_str()) && !ends {
            let message = format!(
                "variant `{}` presses for haste by `{tactic}` and has no end: set `validity.until`, so that it is true",
                variant.name
            );
            told.push((
                Reason::UrgencyUnbounded,
                field.clone(),
                tactic.as_str().to_owned(),
                message,
            ));
        }
    }
    told
}

/// Phrases in a variant's words that give a tactic away which it does not declare.
fn given_away(phrases: &Phrases, index: usize, variant: &Variant) -> Vec<Told> {
    let mut told = Vec::new();
    for (slot, text) in &variant.content {
        let named = variant.locales.iter().map(|locale| Some(locale.as_str()));
        let mut locales = named.chain(variant.locales.is_empty().then_some(None));
        if let Some(phrase) = locales.find_map(|locale| phrases.first_in(locale, text)) {
            let field = format!("spec.variants[{index}].content.{slot}");
            let message = gives_away(&format!("variant `{}`", variant.name), phrase);
            told.push((Reason::ProhibitedTactic, field, String::new(), message));
        }
    }
    told
}

/// Phrases in the constant part, which every variant has.
fn core<'p>(phrases: &'p Phrases, module: &ContentModule) -> Vec<(String, &'p str)> {
    let everywhere = module.spec.core.iter().filter_map(|(slot, text)| {
        let phrase = phrases.first_in(None, text)?;
        Some((format!("spec.core.{slot}"), phrase))
    });
    let localized = module.spec.localized_core.iter().flat_map(|(locale, content)| {
        content.0.iter().filter_map(move |(slot, text)| {
            let phrase = phrases.first_in(Some(locale.as_str()), text)?;
            Some((format!("spec.localizedCore.{locale}.{slot}"), phrase))
        })
    });
    everywhere.chain(localized).collect()
}

fn gives_away(what: &str, phrase: &str) -> String {
    format!("{what} says `{phrase}`, which gives a prohibited tactic away: say it without")
}

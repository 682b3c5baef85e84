//! One touchpoint as one flag.

use std::collections::BTreeSet;

use attune_core::bundle::{Bundle, Experiment};
use attune_core::locale::distance;
use serde_json::{Value as Json, json};

use super::condition::{Translated, translate};
use super::context::{Unit, covers, grants, is_within};
use super::logic::{Test, chain};
use crate::formats::order::{Ranked, ranked};
use crate::formats::set;
use crate::formats::treatment::{Treatment, treatments};
use crate::formats::words::{Choice, Labels, Words};
use crate::formats::{Refusal, place};

/// The most that evaluators add up weights to.
const MAX_WEIGHT: u64 = 2_147_483_647;

/// The flag of a touchpoint; `None` where it shows nothing to anybody. Adds what it cannot say to `refusals`.
pub(super) fn flag(bundle: &Bundle, touchpoint: &str, refusals: &mut BTreeSet<Refusal>) -> Option<Json> {
    let mut labels = Labels::new(bundle);
    let module = bundle.touchpoints.get(touchpoint)?.baseline.as_deref();
    let baseline = match module {
        Some(module) => labels.baseline(module),
        None => labels.none(),
    };
    let mut flag = Flag {
        bundle,
        unit: Unit::of(bundle),
        labels,
        baseline,
    };
    let baseline = flag.say(&flag.baseline);
    let mut branches = vec![(flag.unit.is_there.clone().not(), baseline.clone())];
    for mut one in ranked(bundle, touchpoint) {
        branches.extend(flag.branches(&mut one));
        refusals.extend(one.refusals);
    }
    let targeting = chain(branches, baseline.clone());
    let default = match &targeting {
        // Whoever asks gets the same, and nothing is left to target.
        Json::String(label) => label.clone(),
        _ => flag.baseline.default_label().unwrap_or_default().to_owned(),
    };
    let variants = flag.labels.into_contents();
    if variants.is_empty() {
        return None;
    }
    let mut written = json!({
        "state": "ENABLED",
        "variants": variants,
        // What is shown should targeting fail. Empty, there is none: without a baseline, or where it is not always valid, the
        // client has a default of its own. Some evaluators refuse a document in which it is null.
        "defaultVariant": default,
    });
    if targeting.is_object() {
        set(&mut written, "targeting", targeting);
    }
    Some(written)
}

struct Flag<'b> {
    bundle: &'b Bundle,
    unit: Unit,
    labels: Labels<'b>,
    baseline: Words,
}

impl<'b> Flag<'b> {
    /// What whoever a candidate admits gets: one branch for each of its audiences, the first that matches first.
    fn branches(&mut self, one: &mut Ranked<'b>) -> Vec<(Test, Json)> {
        let common = self.admission(one);
        let audiences = self.audiences(one);
        let weights = self.check_weights(one);
        let is_refused = !one.refusals.is_empty() || !weights;
        let rollout = self.bundle.rollout_salt(one.name);
        let rollout = self.unit.is_between(&rollout, 0, one.binding.rollout_bp);
        let mut branches = Vec::new();
        let mut before = Vec::new();
        for (audience, matches) in audiences {
            let words = self.labels.specific(&one.candidate.module, audience);
            let available = self.is_available(&words);
            let answer = if is_refused {
                self.say(&self.baseline)
            } else {
                self.treat(one, audience, &words)
            };
            // Whoever is in an audience whose words are not valid now is refused, also where a later audience matches.
            let first = Test::any(before.iter().cloned()).not();
            let admits = Test::all([
                common.clone(),
                matches.clone(),
                if is_refused { Test::Always } else { first },
                available.clone(),
                rollout.clone(),
            ]);
            branches.push((admits, answer));
            if available != Test::Always {
                before.push(matches);
            }
        }
        branches
    }

    /// Whom the consent and the candidate's own condition admit.
    fn admission(&self, one: &mut Ranked<'b>) -> Test {
        let purpose = &one.program.purpose;
        let granted = grants(self.bundle, purpose, false).unwrap_or_else(|| {
            one.refuse(
                "spec.programRef",
                format!(
                    "evaluators cannot ask for consent to the purpose `{purpose}` of its program, whose name has a `.` or begins \
                     with a digit: whoever it may admit gets the baseline; rename the purpose, {}",
                    place()
                ),
            );
            Test::Always
        });
        let Some(when) = &one.candidate.when else {
            return granted;
        };
        let translated = translate(self.bundle, when, purpose);
        let field = format!("spec.candidates[{}].when", one.index);
        let holds = carried(one, &field, "the condition", translated);
        Test::all([granted, holds])
    }

    /// The audiences of a candidate with where they match; `None` admits everybody.
    fn audiences(&self, one: &mut Ranked<'b>) -> Vec<(Option<&'b str>, Test)> {
        let named = one.candidate.audiences.iter().enumerate();
        let known = named.filter_map(|(place, id)| Some((place, self.bundle.audiences.get(id)?)));
        let audiences: Vec<_> = known
            .map(|(place, audience)| {
                let translated = translate(self.bundle, &audience.rule, &one.program.purpose);
                let field = format!("spec.candidates[{}].audiences[{place}]", one.index);
                let what = format!("audience `{}`", audience.name);
                let matches = carried(one, &field, &what, translated);
                (Some(audience.name.as_str()), matches)
            })
            .collect();
        if one.candidate.audiences.is_empty() {
            vec![(None, Test::Always)]
        } else {
            audiences
        }
    }

    /// Whether evaluators can add up the weights of every experiment on the binding.
    fn check_weights(&self, one: &mut Ranked<'b>) -> bool {
        let experiments = self.bundle.experiments.iter();
        let mut fits = true;
        for (name, experiment) in experiments {
            let total: u64 = experiment.arms.iter().map(|arm| u64::from(arm.weight)).sum();
            if total > MAX_WEIGHT && experiment.bindings.iter().any(|binding| binding == one.name) {
                fits = false;
                one.refuse(
                    "spec.candidates",
                    format!(
                        "the weights of the arms of experiment `{name}` sum to more than {MAX_WEIGHT}, which is the most that \
                         evaluators add up to: whoever it may admit gets the baseline; choose smaller weights, {}",
                        place()
                    ),
                );
            }
        }
        fits
    }

    /// Holdouts, experiments and the words, in that order.
    fn treat(&mut self, one: &Ranked<'b>, audience: Option<&str>, words: &Words) -> Json {
        let baseline = self.say(&self.baseline);
        let holdouts = one.program.holdouts.iter();
        let holdouts = holdouts.filter_map(|name| self.bundle.holdouts.get(name));
        let held: Vec<_> = holdouts
            .map(|holdout| {
                let bucket = self.unit.is_between(&holdout.salt, 0, holdout.share_bp);
                (Test::all([is_within(holdout.period), bucket]), baseline.clone())
            })
            .collect();
        let treatments = treatments(self.bundle, one, audience, &mut self.labels, &self.baseline);
        let treated = treatments.iter().map(|treatment| self.apply(treatment));
        let treated: Vec<_> = treated.collect();
        let own = self.say(&words.or(&self.baseline));
        chain(held.into_iter().chain(treated), own)
    }

    fn apply(&self, treatment: &Treatment<'b>) -> (Test, Json) {
        match treatment {
            Treatment::Everybody { from, words } => (is_within(*from), self.say(words)),
            Treatment::Split { experiment, arms, .. } => {
                let exclusion = experiment.exclusion.as_ref();
                let range = exclusion.map_or(Test::Always, |range| {
                    self.unit.is_between(&range.salt, range.from_bp, range.to_bp)
                });
                let salt = experiment.traffic_salt();
                let traffic = self.unit.is_between(&salt, 0, experiment.traffic_bp);
                let enrolled = Test::all([is_within(experiment.schedule), range, traffic]);
                (enrolled, self.split(experiment, arms))
            }
        }
    }

    /// What the arm that the unit is in shows.
    fn split(&self, experiment: &Experiment, arms: &[Words]) -> Json {
        let weighted = experiment.arms.iter().zip(arms);
        let answers: Vec<_> = weighted
            .filter(|(arm, _)| arm.weight > 0)
            .map(|(arm, words)| (arm, self.say(words)))
            .collect();
        let salt = experiment.arms_salt();
        if answers.iter().all(|(_, answer)| answer.is_string()) {
            let weights: Vec<_> = answers
                .iter()
                .filter_map(|(arm, answer)| Some((answer.as_str()?.to_owned(), arm.weight)))
                .collect();
            return self.unit.pick(&salt, &weights);
        }
        let weights: Vec<_> = answers
            .iter()
            .map(|(arm, _)| (arm.name.clone(), arm.weight))
            .collect();
        let picked = self.unit.pick(&salt, &weights);
        let branches = answers
            .into_iter()
            .map(|(arm, answer)| (Test::When(json!({"===": [picked, arm.name]})), answer));
        chain(branches, Json::Null)
    }

    /// The label that is shown in the locale of whoever asks, of what is valid now; null where there is none.
    fn say(&self, words: &Words) -> Json {
        let say = |choices: &Vec<Choice>| {
            let branches = choices
                .iter()
                .map(|choice| (is_within(choice.window), json!(choice.label)));
            chain(branches, Json::Null)
        };
        self.by_locale(&words.by_locale.iter().map(say).collect::<Vec<_>>())
    }

    /// Whether there is anything to show now, in the locale of whoever asks.
    fn is_available(&self, words: &Words) -> Test {
        let any = |choices: &Vec<Choice>| {
            let windows = choices.iter().map(|choice| is_within(choice.window));
            Test::any(windows).into_json()
        };
        Test::of(self.by_locale(&words.by_locale.iter().map(any).collect::<Vec<_>>()))
    }

    /// Of an answer for each locale that of the locale which serves whoever asks: the longest that covers what is asked for,
    /// else the first.
    fn by_locale(&self, answers: &[Json]) -> Json {
        let first = answers.first().cloned().unwrap_or_default();
        let Some(path) = &self.bundle.settings.identity.locale else {
            return first;
        };
        let listed = self.labels.locales();
        let place = |wanted: &str| {
            listed
                .iter()
                .position(|locale| locale.eq_ignore_ascii_case(wanted))
        };
        let fallback = &self.bundle.settings.locale_fallback;
        let others = fallback.iter().filter_map(|(locale, others)| {
            let other = others.iter().find_map(|other| place(other))?;
            Some((locale.as_str(), place(locale).unwrap_or(other)))
        });
        let mut served: Vec<_> = listed.iter().copied().zip(0..).chain(others).collect();
        served.retain(|(locale, _)| !locale.is_empty());
        served.sort_by_key(|(locale, _)| std::cmp::Reverse(locale.split('-').count()));
        let shorter = |locale: &str| {
            let mut others = served.iter();
            others.any(|(other, _)| *other != locale && distance(other, locale).is_some())
        };
        let answered = served
            .iter()
            .filter_map(|(locale, place)| Some((*locale, answers.get(*place)?)));
        // Where no shorter locale would take over, the first one's answer needs no test.
        let branches: Vec<_> = answered
            .filter(|(locale, answer)| **answer != first || shorter(locale))
            .map(|(locale, answer)| (covers(path, locale), answer.clone()))
            .collect();
        chain(branches, first)
    }
}

/// The test of a translation; what is open in it is a reason not to carry the candidate.
fn carried(one: &mut Ranked<'_>, field: &str, what: &str, translated: Translated) -> Test {
    for open in &translated.open {
        one.refuse(
            field,
            format!(
                "{what} uses {open} which evaluators of flagd do not have, or not alike: whoever it may admit gets the baseline; \
                 say it with comparisons of attributes and literals, {}",
                place()
            ),
        );
    }
    translated.holds
}

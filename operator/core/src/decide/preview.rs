//! What an audience is told at a touchpoint, before there is a unit: the choice of words that a decision makes, for whoever
//! is in one audience and in no other.

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::engine::{Candidate, Engine, Module, Touchpoint, VariantIx};

/// Whose words are asked for, and where.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// The touchpoint's name.
    pub touchpoint: &'p str,
    /// The program whose bindings are looked at.
    pub program: &'p str,
    /// The audience; `None` is whoever is in none.
    pub audience: Option<&'p str>,
    /// Index into the Channel's locales; 0 also where it lists none.
    pub locale: usize,
}

/// What is shown in one place.
#[derive(Debug, Clone, Copy, Default)]
pub struct Preview<'e> {
    /// The rule that would win, and its words; `None` where none of the program's admits the audience.
    pub rule: Option<Rule<'e>>,
    /// What everybody else gets; `None` leaves it to the client's code default.
    pub baseline: Option<Words<'e>>,
}

/// A rule that would win.
#[derive(Debug, Clone, Copy)]
pub struct Rule<'e> {
    /// The binding's name.
    pub binding: &'e str,
    /// Position of the candidate in the binding's list.
    pub index: usize,
    /// Whether the candidate names the audience; if not, it is for everybody.
    pub names_audience: bool,
    /// What it shows.
    pub words: Words<'e>,
}

/// The words of one variant in one locale.
#[derive(Debug, Clone, Copy)]
pub struct Words<'e> {
    /// The module's name.
    pub module: &'e str,
    /// `<module>/<variant>`.
    pub variant: &'e str,
    /// Whether the variant says which locales it is written in.
    pub names_locales: bool,
    /// The filled slots, as a JSON object that is serialized already.
    pub json: &'e RawValue,
}

/// A candidate that can win somebody: nothing that it needs is suspended, its rollout is open, and some of whom it names can be
/// shown something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenRule<'e> {
    /// The touchpoint's name.
    pub touchpoint: &'e str,
    /// The binding's name.
    pub binding: &'e str,
    /// Position of the candidate in the binding's list.
    pub index: usize,
}

/// The candidates that can win somebody, whatever their conditions say.
pub fn open_rules(engine: &Engine, now: Timestamp) -> impl Iterator<Item = OpenRule<'_>> {
    let touchpoints = engine.touchpoints.iter();
    let candidates =
        touchpoints.flat_map(|touchpoint| touchpoint.candidates.iter().map(move |one| (touchpoint, one)));
    candidates.filter_map(move |(touchpoint, candidate)| {
        let binding = engine.bindings.get(candidate.binding)?;
        let program = engine.programs.get(binding.program)?;
        (is_open(engine, candidate, &program.name) && shows(engine, candidate, now)).then_some(OpenRule {
            touchpoint: &touchpoint.name,
            binding: &binding.name,
            index: candidate.index,
        })
    })
}

/// Whether there is something to show to some audience of a candidate in some locale.
fn shows(engine: &Engine, candidate: &Candidate, now: Timestamp) -> bool {
    let Some(module) = engine.modules.get(candidate.module) else {
        return false;
    };
    let names = candidate
        .audiences
        .iter()
        .filter_map(|index| engine.audiences.get(*index));
    let mut audiences: Vec<_> = names.map(|audience| Some(audience.name.as_str())).collect();
    if candidate.audiences.is_empty() {
        audiences.push(None);
    }
    let locales = engine.bundle.settings.locales.len().max(1);
    audiences
        .into_iter()
        .any(|audience| (0..locales).any(|locale| module.most_specific(audience, locale, now).is_some()))
}

/// What a program shows an audience at a touchpoint; `None` where there is no such touchpoint.
///
/// Bindings are taken by priority, scored candidates before unscored ones, and the most specific variant is chosen as for a
/// decision. What depends on a unit is left out: conditions, caps, holdouts, experiments, and the share of a rollout unless
/// it is none. Suspended objects show what they show: the baseline.
pub fn preview<'e>(engine: &'e Engine, place: Place<'_>, now: Timestamp) -> Option<Preview<'e>> {
    let touchpoint = engine.touchpoint(place.touchpoint)?;
    let mut candidates: Vec<_> = touchpoint
        .candidates
        .iter()
        .filter(|candidate| is_open(engine, candidate, place.program))
        .collect();
    // Candidates come by priority, binding name and position; the sort is stable.
    candidates.sort_by_key(|candidate| {
        (
            std::cmp::Reverse(priority(engine, candidate)),
            candidate.score.is_none(),
        )
    });
    let rule = candidates
        .into_iter()
        .find_map(|candidate| rule(engine, candidate, place, now));
    Some(Preview {
        rule,
        baseline: baseline(engine, touchpoint, place.locale, now),
    })
}

fn is_open(engine: &Engine, candidate: &Candidate, program: &str) -> bool {
    let binding = engine.bindings.get(candidate.binding);
    let owner = binding.and_then(|binding| engine.programs.get(binding.program));
    let module = engine.modules.get(candidate.module);
    !engine.bundle.settings.suspended
        && binding.is_some_and(|binding| !binding.suspended && binding.rollout_bp > 0)
        && owner.is_some_and(|owner| owner.name == program && !owner.suspended)
        && module.is_some_and(|module| !module.suspended)
}

fn priority(engine: &Engine, candidate: &Candidate) -> i64 {
    engine
        .bindings
        .get(candidate.binding)
        .map_or(i64::MIN, |binding| binding.priority)
}

/// What a candidate shows the audience; `None` where it does not admit it.
fn rule<'e>(engine: &'e Engine, candidate: &Candidate, place: Place<'_>, now: Timestamp) -> Option<Rule<'e>> {
    let names_it = |index: &usize| {
        let known = engine.audiences.get(*index);
        known.is_some_and(|known| Some(known.name.as_str()) == place.audience)
    };
    let names_audience = candidate.audiences.iter().any(names_it);
    if !names_audience && !candidate.audiences.is_empty() {
        return None;
    }
    let module = engine.modules.get(candidate.module)?;
    let audience = place.audience.filter(|_| names_audience);
    let variant = module.most_specific(audience, place.locale, now)?;
    Some(Rule {
        binding: &engine.bindings.get(candidate.binding)?.name,
        index: candidate.index,
        names_audience,
        words: words(module, variant, place.locale)?,
    })
}

fn baseline<'e>(
    engine: &'e Engine,
    touchpoint: &Touchpoint,
    locale: usize,
    now: Timestamp,
) -> Option<Words<'e>> {
    let module = engine.modules.get(touchpoint.baseline?)?;
    words(module, module.baseline_variant(locale, now)?, locale)
}

fn words(module: &Module, variant: VariantIx, locale: usize) -> Option<Words<'_>> {
    let known = module.variants.get(variant)?;
    Some(Words {
        module: &module.name,
        variant: &known.label,
        names_locales: known.names_locales(locale),
        json: module.content(variant, locale)?,
    })
}

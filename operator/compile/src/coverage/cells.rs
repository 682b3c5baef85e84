//! Filling the matrix.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::Program;
use attune_api::channel::Touchpoint;
use attune_api::program::{CellState, Waiver};
use attune_core::decide::{Place, Preview, Rule, Words, preview};
use attune_core::engine::Engine;
use foldhash::{HashMap, HashMapExt};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Cell, Coverage, Engines, Spot, Twin, names};

/// The matrix of a Program over its touchpoints.
pub(super) fn fill<'a>(
    name: &'a str,
    program: &'a Program,
    spots: Vec<Spot<'a>>,
    engines: &'a Engines,
    at: Timestamp,
) -> Coverage<'a> {
    let audiences: Vec<&str> = program
        .spec
        .audiences
        .iter()
        .map(attune_api::ObjectName::as_str)
        .collect();
    let mut filler = Filler {
        program: name,
        audiences,
        waivers: Waivers::of(program, at),
        at,
        rules: Vec::new(),
        baselines: Vec::new(),
        cells: Vec::new(),
    };
    for (index, spot) in spots.iter().enumerate() {
        let engine = engines.get(spot.channel).map(AsRef::as_ref);
        let named = engine
            .map(|engine| named(engine, name, spot.touchpoint))
            .unwrap_or_default();
        for (position, locale) in spot.locales.iter().enumerate() {
            filler.column(engine, (index, spot), (position, locale), &named);
        }
    }
    Coverage {
        name,
        program,
        spots,
        unmatched_waivers: filler.waivers.unmatched(),
        cells: filler.cells,
        rules: filler.rules,
        baselines: filler.baselines,
    }
}

/// The audiences that some candidate of the program names at a touchpoint; all others are met alike.
fn named<'a>(engine: &'a Engine, program: &str, touchpoint: &Touchpoint) -> BTreeSet<&'a str> {
    let bundle = engine.bundle();
    let bindings = bundle.bindings.values();
    let ours = bindings
        .filter(|binding| binding.program == program && touchpoint.name == binding.touchpoint.as_str());
    ours.flat_map(|binding| &binding.candidates)
        .flat_map(|candidate| &candidate.audiences)
        .filter_map(|id| Some(bundle.audiences.get(id)?.name.as_str()))
        .collect()
}

struct Filler<'a> {
    program: &'a str,
    audiences: Vec<&'a str>,
    waivers: Waivers<'a>,
    at: Timestamp,
    rules: Vec<Rule<'a>>,
    baselines: Vec<Words<'a>>,
    cells: Vec<Cell<'a>>,
}

impl<'a> Filler<'a> {
    /// All audiences at one touchpoint in one locale.
    fn column(
        &mut self,
        engine: Option<&'a Engine>,
        (index, spot): (usize, &Spot<'a>),
        (position, locale): (usize, &'a str),
        named: &BTreeSet<&str>,
    ) {
        let ask = |audience: Option<&str>| {
            let place = Place {
                touchpoint: spot.touchpoint.name.as_str(),
                program: self.program,
                audience,
                locale: position,
            };
            engine
                .and_then(|engine| preview(engine, place, self.at))
                .unwrap_or_default()
        };
        let generic = ask(None);
        let baseline = generic.baseline.map(|_| self.baselines.len());
        self.baselines.extend(generic.baseline);
        let previews: Vec<Preview<'a>> = self
            .audiences
            .iter()
            .map(|audience| {
                if named.contains(audience) {
                    ask(Some(audience))
                } else {
                    generic
                }
            })
            .collect();
        let is_foreign = position > 0 && !engine.is_some_and(|engine| engine.falls_back_on_first(position));
        let column = Column::new(&self.audiences, &previews, spot.touchpoint, is_foreign);
        let mut known: HashMap<(&str, usize, &str), usize> = HashMap::new();
        for (audience, preview) in self.audiences.iter().zip(&previews) {
            let (mut state, twin) = column.judge(audience, preview);
            if self.waivers.waive(audience, spot, locale) && state != CellState::Differentiated {
                state = CellState::Waived;
            }
            let rule = preview.rule.map(|rule| {
                let key = (rule.binding, rule.index, rule.words.variant);
                *known.entry(key).or_insert_with(|| {
                    self.rules.push(rule);
                    self.rules.len() - 1
                })
            });
            self.cells.push(Cell {
                audience,
                spot: index,
                locale,
                state,
                twin,
                rule,
                baseline,
            });
        }
    }
}

/// What is shown at one touchpoint in one locale, by its words.
struct Column<'c> {
    touchpoint: &'c Touchpoint,
    /// Whether the locale is another than the Channel's first, and does not fall back on it.
    is_foreign: bool,
    /// The first two audiences that get the same words.
    by_words: HashMap<Map<String, Value>, Vec<&'c str>>,
    /// The same of each variant, so that each is read once.
    by_variant: BTreeMap<&'c str, Map<String, Value>>,
}

impl<'c> Column<'c> {
    fn new(
        audiences: &[&'c str],
        previews: &[Preview<'c>],
        touchpoint: &'c Touchpoint,
        is_foreign: bool,
    ) -> Self {
        let mut column = Self {
            touchpoint,
            is_foreign,
            by_words: HashMap::new(),
            by_variant: BTreeMap::new(),
        };
        for (audience, preview) in audiences.iter().zip(previews) {
            if let Some(baseline) = preview.baseline {
                column.read(&baseline);
            }
            if let Some(rule) = preview.rule {
                let words = column.read(&rule.words).clone();
                let same = column.by_words.entry(words).or_default();
                if same.len() < 2 {
                    same.push(audience);
                }
            }
        }
        column
    }

    /// The words that the touchpoint shows of a variant: all of them where it lists no slots.
    fn read(&mut self, words: &Words<'c>) -> &Map<String, Value> {
        let slots = &self.touchpoint.slots;
        self.by_variant.entry(words.variant).or_insert_with(|| {
            let mut all: Map<String, Value> = serde_json::from_str(words.json.get()).unwrap_or_default();
            all.retain(|name, _| slots.is_empty() || slots.iter().any(|slot| slot.name == name.as_str()));
            all
        })
    }

    fn judge(&self, audience: &str, preview: &Preview<'_>) -> (CellState, Option<Twin<'c>>) {
        let Some(rule) = &preview.rule else {
            let gets_baseline = preview.baseline.is_some();
            return (
                if gets_baseline {
                    CellState::Baseline
                } else {
                    CellState::Missing
                },
                None,
            );
        };
        if preview
            .baseline
            .is_some_and(|baseline| baseline.variant == rule.words.variant)
        {
            return (CellState::Baseline, Some(Twin::Baseline));
        }
        if self.is_foreign && !rule.words.names_locales {
            return (CellState::Untranslated, None);
        }
        match self.twin(audience, preview, rule) {
            Some(twin) => (CellState::Shared, Some(twin)),
            None => (CellState::Differentiated, None),
        }
    }

    fn twin(&self, audience: &str, preview: &Preview<'_>, rule: &Rule<'_>) -> Option<Twin<'c>> {
        if !rule.names_audience {
            return Some(Twin::Everybody);
        }
        let words = self.by_variant.get(rule.words.variant)?;
        let baseline = preview
            .baseline
            .and_then(|baseline| self.by_variant.get(baseline.variant));
        if baseline == Some(words) {
            return Some(Twin::Baseline);
        }
        let mut same = self.by_words.get(words)?.iter();
        same.find(|other| **other != audience)
            .map(|other| Twin::Audience(other))
    }
}

/// The waivers of a Program, and which of them met a cell.
struct Waivers<'a> {
    waivers: Vec<(&'a Waiver, bool)>,
    matched: Vec<bool>,
}

impl<'a> Waivers<'a> {
    fn of(program: &'a Program, at: Timestamp) -> Self {
        let declared = program
            .spec
            .coverage
            .iter()
            .flat_map(|coverage| &coverage.waivers);
        let waivers: Vec<_> = declared.map(|waiver| (waiver, waiver.until.end() > at)).collect();
        Self {
            matched: vec![false; waivers.len()],
            waivers,
        }
    }

    /// Whether a cell is waived on the day.
    fn waive(&mut self, audience: &str, spot: &Spot<'_>, locale: &str) -> bool {
        let mut waived = false;
        for ((waiver, holds), matched) in self.waivers.iter().zip(&mut self.matched) {
            if names(waiver, audience, spot, locale) {
                *matched = true;
                waived |= holds;
            }
        }
        waived
    }

    fn unmatched(&self) -> Vec<usize> {
        let places = self.matched.iter().enumerate();
        places
            .filter(|(_, matched)| !**matched)
            .map(|(place, _)| place)
            .collect()
    }
}

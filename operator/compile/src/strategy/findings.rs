//! What is wrong with a strategy.

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_api::program::CellState;
use jiff::SignedDuration;

use super::{Strategy, declared};
use crate::Model;
use crate::coverage::{Coverage, Debt, Quarter, TeamLoad};
use crate::facts::{Fact, Facts};
use crate::report::Report;

/// The most cells that a message names.
const MAX_NAMED: usize = 3;

/// How long a live rule may win nobody, where a policy says nothing: thirty days.
const UNUSED_AFTER: SignedDuration = SignedDuration::from_hours(720);

impl Strategy<'_> {
    /// Adds findings; gives whether some policy enforces a rule that was found broken.
    pub(crate) fn report(&self, model: &Model<'_>, report: &mut Report) -> bool {
        let mut facts = Facts::default();
        for coverage in &self.coverages {
            coverage_fact(model, coverage, &mut facts);
            channel_fact(model, coverage, &mut facts);
            waivers(model, coverage, report);
        }
        for (group, load) in &self.debt.teams {
            self.capacity_facts(model, (group, load), &mut facts);
        }
        self.audience_facts(model, &mut facts);
        self.unused(model, report);
        let is_enforced = facts.is_any_enforced();
        facts.report(report);
        is_enforced
    }

    /// A team's load is told where most of it comes from: one fact is told once.
    fn capacity_facts(&self, model: &Model<'_>, (group, load): (&str, &TeamLoad), facts: &mut Facts) {
        for ruling in model.policies.judging(|rules| rules.capacity.as_ref()) {
            let Some(capacity) = declared(ruling.rule, group).and_then(|most| usize::try_from(most).ok())
            else {
                continue;
            };
            let mut quarters = load.quarters.iter().enumerate();
            let Some((index, quarter)) = quarters.find(|(_, quarter)| quarter.total() > capacity) else {
                continue;
            };
            let Some(program) = self.heaviest(model, group) else {
                continue;
            };
            let message = format!(
                "in {} `{group}` has {} versions to make, {} to renew and {} to review, {} more than the {capacity} it can do: \
                 address fewer audiences or touchpoints, waive cells, or give the team more capacity",
                Quarter::of(model.at).plus(index),
                quarter.make,
                quarter.renew,
                quarter.review,
                quarter.total() - capacity,
            );
            let object = model.snapshot.id(Kind::Program, program);
            let fact = Fact::new(object, Reason::CapacityExceeded, "spec.audiences", message).about(group);
            facts.note(&ruling, fact);
        }
    }

    /// The program that needs the most versions of a team; of several the first by name.
    fn heaviest(&self, model: &Model<'_>, group: &str) -> Option<&str> {
        let needed = |coverage: &&Coverage<'_>| {
            let debt = Debt::of(model.snapshot, &[*coverage], model.at);
            debt.teams.get(group).map_or(0, |load| load.needed)
        };
        self.coverages
            .iter()
            .rev()
            .max_by_key(needed)
            .map(|coverage| coverage.name)
    }

    /// Rules that win nobody, as far as deciders have told. What comes is no decision of the people whom policies bind, so that
    /// it is a warning whatever they say.
    fn unused(&self, model: &Model<'_>, report: &mut Report) {
        let rulings = model.policies.judging(|rules| rules.review.as_ref());
        let after = rulings.map(|ruling| {
            let own = ruling.rule.unused_after.as_ref();
            own.map_or(UNUSED_AFTER, attune_api::Span::duration)
        });
        let Some(after) = after.min() else {
            return;
        };
        for row in &self.rules.rows {
            let Some(idle) = model.snapshot.idle.get(&row.binding) else {
                continue;
            };
            // A form that serves on may be of a program that is gone.
            if !model.snapshot.programs.contains_key(&row.program) {
                continue;
            }
            let known = row.live.iter();
            let known = known.filter_map(|(place, rule)| Some((place, idle.get(rule)?)));
            for (place, idle) in known.filter(|(_, idle)| idle.known() >= after) {
                let message = format!(
                    "candidate {place} of binding `{}` has won nobody since {}, while its touchpoint was decided: see whether \
                     anybody is still in its audience and what `Observed` says of the attributes that it reads, or take it out",
                    row.binding, idle.since
                );
                let program = model.snapshot.id(Kind::Program, &row.program);
                report.warning(&program, Reason::Unused, "spec", message);
            }
        }
    }

    fn audience_facts(&self, model: &Model<'_>, facts: &mut Facts) {
        for ruling in model.policies.judging(|rules| rules.actionable.as_ref()) {
            for (name, actionable) in &self.actionable {
                let object = || model.snapshot.id(Kind::Audience, name);
                for failing in &actionable.failing {
                    let why = failing.why.clone();
                    facts.note(&ruling, Fact::new(object(), failing.reason, failing.field, why));
                }
                let mut channels = actionable.channels.iter();
                if let (Some(only), None) = (channels.next(), channels.next()) {
                    let message = format!(
                        "channel `{only}` alone meets it: whoever does not come there is never reached; add a rule on another \
                         channel"
                    );
                    facts.note(
                        &ruling,
                        Fact::new(object(), Reason::SingleChannel, "spec", message),
                    );
                }
            }
        }
    }
}

fn coverage_fact(model: &Model<'_>, coverage: &Coverage<'_>, facts: &mut Facts) {
    let (covered, minimum) = (coverage.covered_bp(), coverage.minimum_bp());
    if covered >= minimum || !model.policies.judges(|rules| rules.coverage.as_ref()) {
        return;
    }
    let object = model.snapshot.id(Kind::Program, coverage.name);
    let is_stated = coverage.program.spec.coverage.is_some();
    let field = if is_stated {
        "spec.coverage.minimumBp"
    } else {
        "spec.audiences"
    };
    let message = too_low(model, coverage, covered, minimum);
    for ruling in model.policies.judging(|rules| rules.coverage.as_ref()) {
        let fact = Fact::new(object.clone(), Reason::CoverageTooLow, field, message.clone());
        facts.note(&ruling, fact);
    }
}

fn channel_fact(model: &Model<'_>, coverage: &Coverage<'_>, facts: &mut Facts) {
    let mut channels: Vec<_> = coverage.spots.iter().map(|spot| spot.channel).collect();
    channels.dedup();
    let [only] = channels.as_slice() else {
        return;
    };
    for ruling in model.policies.judging(|rules| rules.actionable.as_ref()) {
        let message = format!(
            "it lives on channel `{only}` alone: what it brings is what the channel brings; bind it to another one too"
        );
        let object = model.snapshot.id(Kind::Program, coverage.name);
        facts.note(&ruling, Fact::new(object, Reason::SingleChannel, "spec", message));
    }
}

/// A coverage in words, with its worst cells.
fn too_low(model: &Model<'_>, coverage: &Coverage<'_>, covered: usize, minimum: usize) -> String {
    if coverage.cells.is_empty() {
        return "no binding of the program leads to a touchpoint, so that none of its audiences is addressed: bind it to \
                channels"
            .to_owned();
    }
    let open = coverage.open(model.snapshot);
    let named: Vec<_> = open
        .iter()
        .take(MAX_NAMED)
        .filter_map(|cell| {
            let spot = coverage.spot(cell)?;
            let locale = match cell.locale {
                "" => String::new(),
                locale => format!(" in `{locale}`"),
            };
            let (touchpoint, state) = (&spot.touchpoint.name, cell.state.as_str());
            Some(format!(
                "`{}` at `{}/{touchpoint}`{locale} ({state})",
                cell.audience, spot.channel
            ))
        })
        .collect();
    let more = match open.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let waived = match coverage.count(CellState::Waived) {
        0 => String::new(),
        waived => format!(", {waived} waived"),
    };
    format!(
        "{} of {} cells have words of their own{waived}: {} is less than the {} asked for; open are {}{more}: write them \
         (`attune coverage` lists all), or waive cells for a time",
        coverage.count(CellState::Differentiated),
        coverage.cells.len(),
        percent(covered),
        percent(minimum),
        named.join(", "),
    )
}

/// Basis points as people write them.
fn percent(basis_points: usize) -> String {
    match (basis_points / 100, basis_points % 100) {
        (whole, 0) => format!("{whole} %"),
        (whole, rest) => format!("{whole}.{rest:02} %"),
    }
}

/// Waivers that waive nothing.
fn waivers(model: &Model<'_>, coverage: &Coverage<'_>, report: &mut Report) {
    let object = model.snapshot.id(Kind::Program, coverage.name);
    // A binding that is broken may be the one that leads there.
    let mut ours = model.snapshot.bindings.iter();
    let is_broken = ours.any(|(name, binding)| {
        let is_ours = binding.spec.program_ref.name.as_str() == coverage.name;
        is_ours && !report.is_sound((Kind::ChannelBinding, name))
    });
    if is_broken {
        return;
    }
    let declared: Vec<_> = coverage
        .program
        .spec
        .coverage
        .iter()
        .flat_map(|one| &one.waivers)
        .collect();
    for place in &coverage.unmatched_waivers {
        let Some(waiver) = declared.get(*place) else {
            continue;
        };
        let field = format!("spec.coverage.waivers[{place}]");
        // What does not exist is told as a dangling reference.
        let is_told = report
            .about(&object)
            .any(|finding| finding.field.starts_with(&field));
        if is_told {
            continue;
        }
        let locale = waiver
            .locale
            .as_ref()
            .map(|locale| format!(" in `{locale}`"))
            .unwrap_or_default();
        let message = format!(
            "the program has no cell of `{}` at `{}/{}`{locale}: no binding of it leads there; remove the waiver or correct it",
            waiver.audience, waiver.channel, waiver.touchpoint
        );
        report.warning(&object, Reason::WaiverUnmatched, field, message);
    }
}

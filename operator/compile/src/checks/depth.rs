//! Few audiences that somebody understands, and not all of them about to buy anyway.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::audience::{Insight, Stage};
use attune_api::conditions::Reason;
use attune_api::data_contract::{Attribute, Signal};
use attune_api::governance_policy::{AudienceBudgetRule, FunnelBalanceRule, PlainRule};
use attune_api::{Kind, Program};
use attune_core::bundle::Rule;
use foldhash::{HashMap, HashMapExt};

use crate::Model;
use crate::facts::{Fact, Facts};
use crate::phrases::words;
use crate::policy::Ruling;
use crate::report::Report;

#[cfg(test)]
mod tests;

/// Audiences that a program may have without evidence, where the policy says nothing.
const DEFAULT_BUDGET: usize = 6;
/// Largest share of rules at the lower end of the funnel, where the policy says nothing, in basis points.
const DEFAULT_LOWER_FUNNEL_BP: usize = 7000;
/// The most audiences that a message names.
const MAX_NAMED: usize = 5;

/// Looks at what is known about audiences, how many there are, and where in the funnel they stand.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let mut facts = Facts::default();
    for ruling in model.policies.judging(|rules| rules.insight.as_ref()) {
        insights(model, &ruling, &mut facts);
    }
    for ruling in model.policies.judging(|rules| rules.audience_budget.as_ref()) {
        budgets(model, &ruling, &mut facts);
    }
    let funnels: Vec<_> = if model.policies.judges(|rules| rules.funnel_balance.as_ref()) {
        funnels(model)
    } else {
        Vec::new()
    };
    for ruling in model.policies.judging(|rules| rules.funnel_balance.as_ref()) {
        balances(model, &funnels, &ruling, &mut facts);
    }
    facts.report(report);
}

/// Every audience has an insight, and none has another's.
fn insights(model: &Model<'_>, ruling: &Ruling<'_, PlainRule>, facts: &mut Facts) {
    let mut objects = model.objects.borrow_mut();
    let read = model.snapshot.audiences.iter().map(|(name, audience)| {
        let insight = audience.spec.insight.as_ref();
        (
            name,
            insight.map(|insight| objects.insight(name, audience, || keys(insight))),
        )
    });
    let read: Vec<_> = read.collect();
    let mut known: HashMap<(usize, &str), &str> = HashMap::new();
    for (name, insight) in &read {
        let object = || model.snapshot.id(Kind::Audience, name);
        let Some(insight) = insight else {
            let message = "no insight sets these people apart: say what they believe, what they need and what shifts what \
                           they do";
            facts.note(
                ruling,
                Fact::new(object(), Reason::InsightMissing, "spec.insight", message),
            );
            continue;
        };
        let keys = || insight.iter().map(String::as_str).enumerate();
        let copied = keys().find_map(|key| known.get(&key));
        if let Some(first) = copied {
            let message = format!(
                "the insight is a copy of that of audience `{first}`: find what sets these people apart, or make one audience \
                 of both"
            );
            facts.note(
                ruling,
                Fact::new(object(), Reason::InsightMissing, "spec.insight", message),
            );
        }
        for key in keys() {
            known.entry(key).or_insert(name);
        }
    }
}

/// Any two of the three sentences make an insight a copy: each pair of them, as words.
fn keys(insight: &Insight) -> [String; 3] {
    let [believes, needs, shifts] =
        [&insight.believes, &insight.needs, &insight.shifts].map(|text| words(text));
    [
        format!("{believes}|{needs}"),
        format!("{believes}|{shifts}"),
        format!("{needs}|{shifts}"),
    ]
}

/// Beyond the budget, only audiences that have shown a lift.
fn budgets(model: &Model<'_>, ruling: &Ruling<'_, AudienceBudgetRule>, facts: &mut Facts) {
    let budget = ruling.rule.max_per_program.map_or(DEFAULT_BUDGET, |most| {
        usize::try_from(most.get_u32()).unwrap_or(usize::MAX)
    });
    for (name, program) in &model.snapshot.programs {
        let unproven: Vec<_> = program
            .spec
            .audiences
            .iter()
            .filter(|audience| !has_lift(model, program, audience.as_str()))
            .collect();
        if unproven.len() <= budget {
            continue;
        }
        let beyond: Vec<_> = unproven
            .iter()
            .skip(budget)
            .take(MAX_NAMED)
            .map(|audience| format!("`{audience}`"))
            .collect();
        let more = match unproven.len() - budget - beyond.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!(
            "{} audiences without a concluded lift, and {budget} may be: show a lift for {}{more} by an experiment on them \
             alone, or leave them out",
            unproven.len(),
            beyond.join(", ")
        );
        let object = model.snapshot.id(Kind::Program, name);
        facts.note(
            ruling,
            Fact::new(object, Reason::AudienceBudget, "spec.audiences", message),
        );
    }
}

/// Whether an experiment on this audience by name concluded with a lift of the program's KPI.
fn has_lift(model: &Model<'_>, program: &Program, audience: &str) -> bool {
    let evidence = model.evidence.iter().flat_map(BTreeMap::values);
    let kpi = program.spec.kpi.metric_ref.name.as_str();
    evidence
        .filter(|one| one.outcome.is_lift() && one.metric == kpi)
        .any(|one| one.audiences.contains(audience))
}

/// Where the rules of one program stand: one for each audience of each candidate that may win.
struct Funnel<'m> {
    program: &'m str,
    rules: usize,
    /// Rules whose audience says that it is about to act.
    declared: usize,
    /// Rules that read what somebody is about to do, whatever their audience says.
    read: usize,
}

fn funnels<'m>(model: &'m Model<'_>) -> Vec<Funnel<'m>> {
    let snapshot = model.snapshot;
    let attributes = snapshot
        .contracts
        .values()
        .flat_map(|contract| &contract.spec.attributes);
    let intent: BTreeSet<&str> = attributes
        .filter(|attribute| signal(attribute) == Signal::Intent)
        .map(|attribute| attribute.name.as_str())
        .collect();
    let reads = |rule: Option<&Rule>| {
        rule.is_some_and(|rule| {
            rule.expression
                .attributes()
                .iter()
                .any(|name| intent.contains(name))
        })
    };
    let mut funnels: BTreeMap<&str, Funnel<'m>> = BTreeMap::new();
    for (name, binding) in snapshot
        .bindings
        .iter()
        .filter(|(_, binding)| !binding.spec.suspend)
    {
        let Some((program, _)) = snapshot
            .programs
            .get_key_value(binding.spec.program_ref.name.as_str())
        else {
            continue;
        };
        let funnel = funnels.entry(program).or_insert(Funnel {
            program,
            rules: 0,
            declared: 0,
            read: 0,
        });
        for (index, candidate) in binding.spec.candidates.iter().enumerate() {
            let rules = model.rules.candidates.get(&(name.clone(), index));
            let own = rules.is_some_and(|rules| rules.each().any(|(_, rule)| reads(Some(rule))));
            let audiences = candidate.audiences.iter().map(|audience| Some(audience.as_str()));
            let everybody = candidate.audiences.is_empty().then_some(None);
            for audience in audiences.chain(everybody) {
                let declared = audience.and_then(|name| snapshot.audiences.get(name));
                let rule = audience.and_then(|name| model.rules.audiences.get(name));
                funnel.rules += 1;
                funnel.declared +=
                    usize::from(declared.is_some_and(|one| one.spec.stage == Stage::Conversion));
                funnel.read += usize::from(own || reads(rule));
            }
        }
    }
    funnels.into_values().collect()
}

/// What kind of signal an attribute is: as declared, else by where it stands.
pub(super) fn signal(attribute: &Attribute) -> Signal {
    let is_of_person = attribute.name.as_str().starts_with("user.");
    attribute.signal.unwrap_or(if is_of_person {
        Signal::Profile
    } else {
        Signal::Context
    })
}

/// Not all rules are for those who are about to act, neither by what audiences say nor by what rules read.
fn balances(
    model: &Model<'_>,
    funnels: &[Funnel<'_>],
    ruling: &Ruling<'_, FunnelBalanceRule>,
    facts: &mut Facts,
) {
    let most = ruling
        .rule
        .max_lower_funnel_bp
        .map_or(DEFAULT_LOWER_FUNNEL_BP, |most| {
            usize::try_from(most.get_u32()).unwrap_or(DEFAULT_LOWER_FUNNEL_BP)
        });
    for funnel in funnels {
        let measured = [
            ("stage", funnel.declared, "are for audiences of stage Conversion"),
            ("signal", funnel.read, "read signals of intent"),
        ];
        for (about, lower, what) in measured {
            let share = lower * 10_000 / funnel.rules.max(1);
            if share <= most {
                continue;
            }
            let message = format!(
                "{lower} of {} rules {what}, more than {}: add rules for people who are not about to buy anyway",
                funnel.rules,
                percent(most)
            );
            let object = model.snapshot.id(Kind::Program, funnel.program);
            let fact = Fact::new(object, Reason::FunnelUnbalanced, "spec.audiences", message);
            facts.note(ruling, fact.about(about));
        }
    }
}

/// Basis points as people read them: `70 %`, `12.5 %`.
pub(super) fn percent(basis_points: usize) -> String {
    let (whole, rest) = (basis_points / 100, basis_points % 100);
    match rest {
        0 => format!("{whole} %"),
        rest if rest % 10 == 0 => format!("{whole}.{} %", rest / 10),
        rest => format!("{whole}.{rest:02} %"),
    }
}

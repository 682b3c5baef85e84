//! Step 9: which arm of which experiment the unit is in.
//!
//! Only units that could see a difference get here, so that only they count.

use super::{Decision, Enrolment, Reason, Run, Won};
use crate::bucket::{BASIS_POINTS, pick};
use crate::bundle::ExperimentMode;
use crate::engine::{Arm, Experiment};
use crate::trace::{ExperimentLine, Placement, Step, Trace};

/// What the experiments say about a unit.
enum Treatment<'e> {
    /// No experiment applies.
    None,
    /// The unit is in an arm and counts.
    Enrolled(&'e Experiment, &'e Arm),
    /// An experiment was won: its arm for all.
    Promoted(&'e Arm),
    /// Outside of every split: the control's effect.
    NotEnrolled(&'e Arm),
}

impl<'e> Run<'e, '_> {
    /// Steps 9 and 10: the unit's arm, then its content.
    pub(super) fn treat(&self, unit: &str, won: &Won<'e>, trace: &mut Trace) -> Decision<'e> {
        match self.treatment(unit, won, trace) {
            Treatment::None => self.answer(Reason::Targeted, self.personalized(won, trace)),
            Treatment::Promoted(arm) => self.answer(Reason::Targeted, self.apply(&arm.effect, won, trace)),
            Treatment::NotEnrolled(arm) => {
                self.answer(Reason::NotEnrolled, self.apply(&arm.effect, won, trace))
            }
            Treatment::Enrolled(experiment, arm) => {
                let mut decision = self.answer(Reason::Experiment, self.apply(&arm.effect, won, trace));
                decision.enrolment = Some(Enrolment {
                    experiment: &experiment.name,
                    arm: &arm.name,
                    phase: experiment.phase,
                });
                decision
            }
        }
    }

    /// Enrolment in any experiment beats a promoted arm, which beats a control.
    fn treatment(&self, unit: &str, won: &Won<'e>, trace: &mut Trace) -> Treatment<'e> {
        let mut lines = trace.is_on().then(Vec::new);
        let mut treatment = Treatment::None;
        for experiment in self.applicable(won) {
            let placement = self.place(unit, experiment);
            if let Some(lines) = &mut lines {
                lines.push(ExperimentLine {
                    experiment: experiment.name.clone(),
                    placement: placement.clone(),
                });
            }
            let control = experiment.arms.get(experiment.control);
            match (&placement, control) {
                (Placement::Arm { index, .. }, _) => {
                    if let Some(arm) = experiment.arms.get(*index) {
                        treatment = Treatment::Enrolled(experiment, arm);
                        break;
                    }
                }
                (Placement::Promoted { arm }, _) => {
                    if let Some(arm) = experiment.arms.iter().find(|known| &known.name == arm) {
                        treatment = Treatment::Promoted(arm);
                    }
                }
                (_, Some(control)) if matches!(treatment, Treatment::None) => {
                    treatment = Treatment::NotEnrolled(control);
                }
                _ => {}
            }
        }
        trace.write(|| Step::Experiment {
            experiments: lines.unwrap_or_default(),
        });
        treatment
    }

    /// Experiments on the winner's binding and audience whose schedule has begun, by name.
    fn applicable(&self, won: &Won<'e>) -> impl Iterator<Item = &'e Experiment> {
        let experiments = won
            .binding
            .experiments
            .iter()
            .filter_map(|index| self.engine.experiments.get(*index));
        let audience = won.audience;
        let covers = move |experiment: &&Experiment| {
            experiment.audiences.is_empty()
                || audience.is_some_and(|audience| experiment.audiences.iter().any(|name| name == audience))
        };
        let now = self.now;
        experiments
            .filter(covers)
            .filter(move |experiment| experiment.schedule.from.is_none_or(|from| from <= now))
    }

    fn place(&self, unit: &str, experiment: &Experiment) -> Placement {
        match &experiment.mode {
            ExperimentMode::Promoted { arm } => return Placement::Promoted { arm: arm.clone() },
            ExperimentMode::Control => return Placement::Closed,
            ExperimentMode::Split => {}
        }
        if !experiment.schedule.contains(self.now) {
            return Placement::Closed;
        }
        if let Some((salt, from_bp, to_bp)) = &experiment.exclusion {
            let bucket = salt.bucket(unit, BASIS_POINTS);
            if !(*from_bp..*to_bp).contains(&bucket) {
                return Placement::Excluded {
                    bucket,
                    from_bp: *from_bp,
                    to_bp: *to_bp,
                };
            }
        }
        let bucket = experiment.traffic_salt.bucket(unit, BASIS_POINTS);
        if bucket >= experiment.traffic_bp {
            return Placement::OutsideTraffic {
                bucket,
                traffic_bp: experiment.traffic_bp,
            };
        }
        // INVARIANT: loading refuses weights that cannot be picked from.
        let index = pick(&experiment.arms_salt, unit, &experiment.weights).unwrap_or(experiment.control);
        let arm = experiment
            .arms
            .get(index)
            .map(|arm| arm.name.clone())
            .unwrap_or_default();
        Placement::Arm { index, arm }
    }
}

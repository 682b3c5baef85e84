//! Step 9: which arm of which experiment the unit is in.
//!
//! Only units that could see a difference get here, so that only they count.

use jiff::Timestamp;

use super::{Outcome, Reason, Run, Won};
use crate::bucket::BASIS_POINTS;
use crate::engine::{Arm, Experiment, Ix, Mode};
use crate::trace::{ExperimentLine, Placement, Step, Trace};

/// Where a unit falls in an experiment, whatever it asks for.
pub(super) fn place(unit: &str, experiment: &Experiment, now: Timestamp) -> ExperimentLine {
    ExperimentLine {
        experiment: experiment.name.clone(),
        placement: Place::of(unit, experiment, now).describe(experiment),
    }
}

/// What the experiments say about a unit.
enum Treatment<'e> {
    /// No experiment applies.
    None,
    /// The unit is in an arm and counts.
    Enrolled {
        experiment: usize,
        place: usize,
        arm: &'e Arm,
    },
    /// An experiment was won: its arm for all.
    Promoted(&'e Arm),
    /// Outside of every split: the control's effect.
    NotEnrolled(&'e Arm),
}

/// Where a unit falls in one experiment; [`Placement`] with what was looked up left out, so that placing allocates nothing.
#[derive(Clone, Copy)]
enum Place {
    Arm(usize),
    Promoted(usize),
    Excluded { bucket: u32, from_bp: u32, to_bp: u32 },
    OutsideTraffic { bucket: u32 },
    Closed,
}

impl<'e> Run<'e, '_> {
    /// Steps 9 and 10: the unit's arm, then its content.
    pub(super) fn treat(&self, unit: &str, won: &Won<'e>, trace: &mut Trace) -> Outcome {
        match self.treatment(unit, won, trace) {
            Treatment::None => self.answer(Reason::Targeted, self.personalized(won, trace)),
            Treatment::Promoted(arm) => self.answer(Reason::Targeted, self.apply(&arm.effect, won, trace)),
            Treatment::NotEnrolled(arm) => {
                self.answer(Reason::NotEnrolled, self.apply(&arm.effect, won, trace))
            }
            Treatment::Enrolled {
                experiment,
                place,
                arm,
            } => Outcome {
                experiment: Ix::new(experiment),
                arm: Ix::new(place),
                ..self.answer(Reason::Experiment, self.apply(&arm.effect, won, trace))
            },
        }
    }

    /// Enrolment in any experiment beats a promoted arm, which beats a control.
    fn treatment(&self, unit: &str, won: &Won<'e>, trace: &mut Trace) -> Treatment<'e> {
        let mut lines = trace.is_on().then(Vec::new);
        let mut treatment = Treatment::None;
        for (index, experiment) in self.applicable(won) {
            let place = Place::of(unit, experiment, self.now);
            if let Some(lines) = &mut lines {
                lines.push(ExperimentLine {
                    experiment: experiment.name.clone(),
                    placement: place.describe(experiment),
                });
            }
            let arm = |index: usize| experiment.arms.get(index);
            treatment = match (place, treatment) {
                (Place::Arm(place), before) => arm(place).map_or(before, |arm| Treatment::Enrolled {
                    experiment: index,
                    place,
                    arm,
                }),
                (Place::Promoted(place), before @ (Treatment::None | Treatment::NotEnrolled(_))) => {
                    arm(place).map_or(before, Treatment::Promoted)
                }
                (_, Treatment::None) => {
                    arm(experiment.control).map_or(Treatment::None, Treatment::NotEnrolled)
                }
                (_, before) => before,
            };
            if matches!(treatment, Treatment::Enrolled { .. }) {
                break;
            }
        }
        trace.write(|| Step::Experiment {
            experiments: lines.unwrap_or_default(),
        });
        treatment
    }

    /// Experiments on the winner's binding and audience whose schedule has begun, by name.
    fn applicable(&self, won: &Won<'e>) -> impl Iterator<Item = (usize, &'e Experiment)> {
        let experiments = won
            .binding
            .experiments
            .iter()
            .filter_map(|index| Some((*index, self.engine.experiments.get(*index)?)));
        let covers = move |(_, experiment): &(usize, &Experiment)| {
            let names = |audience: &str| experiment.audiences.iter().any(|name| name == audience);
            experiment.audiences.is_empty() || self.audience_name(won.audience).is_some_and(names)
        };
        let now = self.now;
        experiments
            .filter(covers)
            .filter(move |(_, experiment)| experiment.schedule.from.is_none_or(|from| from <= now))
    }
}

impl Place {
    fn of(unit: &str, experiment: &Experiment, now: Timestamp) -> Self {
        match experiment.mode {
            Mode::Promoted(arm) => return Self::Promoted(arm),
            Mode::Split if experiment.schedule.contains(now) => {}
            Mode::Split | Mode::Control => return Self::Closed,
        }
        if let Some((salt, from_bp, to_bp)) = &experiment.exclusion {
            let bucket = salt.bucket(unit, BASIS_POINTS);
            if !(*from_bp..*to_bp).contains(&bucket) {
                return Self::Excluded {
                    bucket,
                    from_bp: *from_bp,
                    to_bp: *to_bp,
                };
            }
        }
        if experiment.traffic_bp < BASIS_POINTS {
            let bucket = experiment.traffic_salt.bucket(unit, BASIS_POINTS);
            if bucket >= experiment.traffic_bp {
                return Self::OutsideTraffic { bucket };
            }
        }
        Self::Arm(experiment.weights.pick(&experiment.arms_salt, unit))
    }

    fn describe(self, experiment: &Experiment) -> Placement {
        let arm = |index: usize| {
            experiment
                .arms
                .get(index)
                .map(|arm| arm.name.clone())
                .unwrap_or_default()
        };
        match self {
            Self::Arm(index) => Placement::Arm { arm: arm(index) },
            Self::Promoted(index) => Placement::Promoted { arm: arm(index) },
            Self::Excluded {
                bucket,
                from_bp,
                to_bp,
            } => Placement::Excluded {
                bucket,
                from_bp,
                to_bp,
            },
            Self::OutsideTraffic { bucket } => Placement::OutsideTraffic {
                bucket,
                traffic_bp: experiment.traffic_bp,
            },
            Self::Closed => Placement::Closed,
        }
    }
}

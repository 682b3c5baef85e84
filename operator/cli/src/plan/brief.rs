//! What is planned for, checked.

use attune_lift::{Direction, Method, MetricKind};

use super::Registered;
use crate::cli::PlanArgs;

/// Baselines of a share that nobody has named.
const USUAL_SHARES: [f64; 5] = [0.01, 0.02, 0.05, 0.1, 0.2];
const ALPHA: f64 = 0.05;
const POWER: f64 = 0.8;
const MOST_LOOKS: u32 = 1_000;
const MOST_BASELINES: usize = 32;
const MOST_ARMS: usize = 16;
/// More units than this are not counted on.
const MOST_UNITS: u64 = 1_000_000_000_000;

/// Why there is nothing to plan; the message names the option.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum BriefError {
    /// An option is out of range.
    #[error("`{option}` is {value}: {wanted}")]
    OutOfRange {
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// An option that this metric needs.
    #[error("`{option}` is missing: {why}")]
    Missing {
        /// The option.
        option: &'static str,
        /// What it is needed for.
        why: &'static str,
    },
    /// A lift that the baseline has no room for.
    #[error("a lift of {lift} % of a share of {baseline} % is more than everybody: lower `--minimum-lift`")]
    MoreThanEverybody {
        /// In percent.
        lift: f64,
        /// In percent.
        baseline: f64,
    },
}

/// What is planned for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Brief {
    /// The experiment and its metric, where they are known by name.
    pub(crate) title: Option<String>,
    pub(crate) metric: MetricKind,
    pub(crate) direction: Direction,
    pub(crate) minimum_lift: f64,
    pub(crate) alpha: f64,
    pub(crate) power: f64,
    /// Names and weights of the arms that get units, control first.
    pub(crate) arms: Vec<(String, f64)>,
    pub(crate) method: Method,
    pub(crate) looks: u32,
    pub(crate) correlation: f64,
    pub(crate) baselines: Vec<f64>,
    pub(crate) sd: Option<f64>,
    /// Units that take part a day.
    pub(crate) units_per_day: Option<f64>,
    /// Units of all arms that there will be.
    pub(crate) available: Option<u64>,
    /// Days from the last exposure to the last outcome that counts.
    pub(crate) window_days: Option<f64>,
}

impl Brief {
    /// What the options and the registered experiment say together; options win.
    pub(crate) fn new(args: &PlanArgs, registered: Option<&Registered>) -> Result<Self, BriefError> {
        let metric = registered.map_or_else(
            || args.type_.map_or(MetricKind::Proportion, MetricKind::from),
            |one| one.metric,
        );
        let units_per_day = units_per_day(args, registered)?;
        let brief = Self {
            title: registered.map(|one| one.title.clone()),
            metric,
            direction: registered.map_or_else(|| args.direction(), |one| one.direction),
            minimum_lift: args
                .minimum_lift
                .or_else(|| registered.and_then(|one| one.minimum_lift))
                .ok_or(BriefError::Missing {
                    option: "--minimum-lift",
                    why: "say which lift is to be found, as a share of the baseline",
                })?,
            alpha: args.alpha.or(registered.map(|one| one.alpha)).unwrap_or(ALPHA),
            power: args.power.or(registered.map(|one| one.power)).unwrap_or(POWER),
            arms: arms(args, registered)?,
            method: args
                .method
                .map(Method::from)
                .or(registered.map(|one| one.method))
                .unwrap_or(Method::Continuous),
            looks: args.looks,
            correlation: args.correlation,
            baselines: baselines(args, metric)?,
            sd: args.sd,
            units_per_day,
            available: available(args, registered, units_per_day),
            window_days: registered.map(|one| one.window_days),
        };
        brief.checked()
    }

    /// What the treatment's figure is to be.
    pub(crate) fn target(&self, baseline: f64) -> f64 {
        match self.direction {
            Direction::Increase => baseline * (1.0 + self.minimum_lift),
            Direction::Decrease => baseline * (1.0 - self.minimum_lift),
        }
    }

    fn checked(self) -> Result<Self, BriefError> {
        let open = |value: f64| value > 0.0 && value < 1.0;
        let most_lift = if self.direction == Direction::Decrease {
            1.0
        } else {
            1e6
        };
        require(
            self.minimum_lift > 0.0 && self.minimum_lift <= most_lift,
            "--minimum-lift",
            self.minimum_lift,
            "it is a share of the baseline above 0, for example 0.02, and of a decrease at most 1",
        )?;
        require(
            open(self.alpha),
            "--alpha",
            self.alpha,
            "it must lie between 0 and 1, for example 0.05",
        )?;
        require(
            open(self.power) && self.power > self.alpha,
            "--power",
            self.power,
            "it must lie between alpha and 1, for example 0.8",
        )?;
        require(
            (1..=MOST_LOOKS).contains(&self.looks),
            "--looks",
            f64::from(self.looks),
            "take 1 to 1000 looks",
        )?;
        require(
            self.correlation.abs() < 1.0,
            "--correlation",
            self.correlation,
            "it must lie between -1 and 1",
        )?;
        if let Some(sd) = self.sd {
            require(sd > 0.0 && sd.is_finite(), "--sd", sd, "it must be above 0")?;
        }
        if let Some(units) = self.available {
            let fine = (1..=MOST_UNITS).contains(&units);
            require(fine, "--units", units as f64, "it must lie between 1 and 10^12")?;
        }
        self.check_baselines()?;
        Ok(self)
    }

    fn check_baselines(&self) -> Result<(), BriefError> {
        require(
            self.baselines.len() <= MOST_BASELINES,
            "--baseline",
            self.baselines.len() as f64,
            "give at most 32 of them",
        )?;
        for &baseline in &self.baselines {
            if self.metric == MetricKind::Proportion {
                let share = baseline > 0.0 && baseline < 1.0;
                require(
                    share,
                    "--baseline",
                    baseline,
                    "a share lies between 0 and 1: 0.04 is 4 %",
                )?;
                if self.target(baseline) > 1.0 {
                    return Err(BriefError::MoreThanEverybody {
                        lift: 100.0 * self.minimum_lift,
                        baseline: 100.0 * baseline,
                    });
                }
            } else {
                let positive = baseline > 0.0 && baseline.is_finite();
                require(
                    positive,
                    "--baseline",
                    baseline,
                    "a lift is a share of a figure above 0",
                )?;
            }
        }
        if self.metric != MetricKind::Proportion && self.sd.is_none() {
            return Err(BriefError::Missing {
                option: "--sd",
                why: "the standard deviation of one unit says how much chance there is in a mean or a ratio",
            });
        }
        if self.metric == MetricKind::Proportion && self.sd.is_some() {
            return Err(BriefError::OutOfRange {
                option: "--sd",
                value: self.sd.unwrap_or_default().to_string(),
                wanted: "a share brings its own: remove it or change `--type`",
            });
        }
        Ok(())
    }
}

fn require(holds: bool, option: &'static str, value: f64, wanted: &'static str) -> Result<(), BriefError> {
    if holds {
        Ok(())
    } else {
        Err(BriefError::OutOfRange {
            option,
            value: value.to_string(),
            wanted,
        })
    }
}

fn baselines(args: &PlanArgs, metric: MetricKind) -> Result<Vec<f64>, BriefError> {
    match (args.baseline.as_slice(), metric) {
        ([], MetricKind::Proportion) => Ok(USUAL_SHARES.to_vec()),
        ([], _) => Err(BriefError::Missing {
            option: "--baseline",
            why: "the least lift is a share of it",
        }),
        (given, _) => Ok(given.to_vec()),
    }
}

/// Arms that get units, control first.
fn arms(args: &PlanArgs, registered: Option<&Registered>) -> Result<Vec<(String, f64)>, BriefError> {
    let arms: Vec<(String, f64)> = match (registered, args.shares.as_slice()) {
        (Some(registered), _) => registered.arms.clone(),
        (None, []) => vec![("control".to_owned(), 50.0), ("treatment".to_owned(), 50.0)],
        (None, [control, treatments @ ..]) => {
            let name = |index: usize| match treatments.len() {
                1 => "treatment".to_owned(),
                _ => format!("treatment-{}", index + 1),
            };
            let treatments = treatments.iter().enumerate();
            std::iter::once(("control".to_owned(), *control))
                .chain(treatments.map(|(index, weight)| (name(index), *weight)))
                .collect()
        }
    };
    let proper = arms.iter().all(|(_, weight)| *weight > 0.0 && *weight <= 1e9);
    if !proper || !(2..=MOST_ARMS).contains(&arms.len()) {
        let weights: Vec<_> = arms.iter().map(|(_, weight)| weight.to_string()).collect();
        return Err(BriefError::OutOfRange {
            option: "--shares",
            value: weights.join(","),
            wanted: "control and at least one other arm need a weight above 0",
        });
    }
    Ok(arms)
}

fn units_per_day(args: &PlanArgs, registered: Option<&Registered>) -> Result<Option<f64>, BriefError> {
    let Some(units) = args.units_per_day else {
        return Ok(None);
    };
    require(
        units > 0.0 && units <= MOST_UNITS as f64,
        "--units-per-day",
        units,
        "it must be above 0",
    )?;
    let traffic = registered.map_or(1.0, |one| one.traffic);
    require(
        traffic > 0.0,
        "spec.trafficBp",
        0.0,
        "nobody takes part: raise it before there is anything to plan",
    )?;
    Ok(Some(units * traffic))
}

/// The fewest of what was asked for, what is registered, and what comes while the schedule lasts.
fn available(args: &PlanArgs, registered: Option<&Registered>, units_per_day: Option<f64>) -> Option<u64> {
    let planned = args.units.or(registered.and_then(|one| one.planned_units));
    let days = registered.and_then(|one| one.schedule_days);
    let scheduled = days.zip(units_per_day).map(|(days, units)| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least zero; too many units are as good as the most"
        )]
        let units = (days * units).min(MOST_UNITS as f64) as u64;
        units
    });
    match (planned, scheduled) {
        (Some(planned), Some(scheduled)) => Some(planned.min(scheduled)),
        (planned, scheduled) => planned.or(scheduled),
    }
}

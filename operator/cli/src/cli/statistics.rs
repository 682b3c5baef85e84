//! Options of the verbs that are about statistics alone.

use std::path::PathBuf;

use attune_lift::{Direction, Method, MetricKind};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::AnswerOutput;

const LIFT_HELP: &str = r#"A question is a JSON object on one line:

  {"id": "q1", "type": "proportion", "direction": "increase", "method": "fixed", "alpha": 0.05,
   "control": {"n": 10000, "sum": 46, "sumSquares": 46},
   "treatment": {"n": 10000, "sum": 69, "sumSquares": 69}}

and so is its answer:

  $ echo '{"id":"q1","type":"proportion",...}' | attune lift --moments -
  {"id":"q1","absolute":{"estimate":0.0023,"low":0.0002...,"high":0.0043...,"p":0.031...},
   "relative":{"estimate":0.5,...},"varianceKept":null,"verdict":"Lift","reason":"BetterThanControl",
   "method":"fixed","n":20000}

  id            a string or a number, repeated in the answer
  type          proportion, mean or ratio
  direction     increase or decrease: which way is better
  method        fixed: one look, at the end
                planned: group-sequential (Lan and DeMets, O'Brien and Fleming)
                continuous: a confidence sequence, valid at every look
  alpha         two-sided level [default: 0.05]
  plannedUnits  units of both arms together at which the experiment ends; without it `fixed` is final
  minimumLift   the least lift that is worth it, as a share of control: 0.02
  control, treatment
                n, sum and sumSquares over units;
                a ratio: sums of the numerator, and denominatorSum, denominatorSumSquares, crossSum;
                with a value from before exposure: covariateSum, covariateSumSquares, covariateCrossSum;
                nonZero, the units with an outcome other than zero, where somebody counted them
  looks         earlier looks of planned and continuous, oldest first: [{"control": {...}, "treatment": {...}}]

With `-f` and `--events` the questions are those of the Experiments, and the answers what a collector that had taken the
same events would say:

  $ attune lift -f strategy/ --events log.ndjson --at 2026-12-01T00:00:00Z

Each line of the log is a CloudEvent as `POST /v1/events` takes it. A line that is none is named on standard error, the
others count, and the exit code is 1. Metrics with another source than the collector are not asked for.

A figure that may not be shown is null, with the reason beside it. Earlier looks of `continuous` are intersected.
A bad line is answered in its place by {"id": ..., "error": "..."}, and the exit code is 1."#;

const PLAN_HELP: &str = "\
Examples:

  How long until a lift of 10 % of a share of 4 % shows, at 3,000 units a day?

    attune plan-experiment --baseline 0.04 --minimum-lift 0.1 --units-per-day 3000

  What can 40,000 units show of a mean of 21.50 with a standard deviation of 60, with a covariate?

    attune plan-experiment --type mean --baseline 21.5 --sd 60 --minimum-lift 0.05 --correlation 0.6 --units 40000

  The experiment as it is written:

    attune plan-experiment -f strategy/ --experiment cart-hero --baseline 0.04 --units-per-day 3000

The exit code is 1 when the units that there are will not show the minimum lift by the chosen design.";

/// Options of `attune lift`.
#[derive(Debug, Args)]
#[command(after_long_help = LIFT_HELP)]
#[command(group = clap::ArgGroup::new("input").required(true).args(["moments", "events"]))]
pub struct LiftArgs {
    /// File of questions about moments, one a line; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub moments: Option<PathBuf>,

    /// File of events to analyse the experiments of the resources from, one `CloudEvent` a line; `-` is standard input.
    #[arg(long, value_name = "FILE", requires = "paths")]
    pub events: Option<PathBuf>,

    /// File or directory of resources with the experiments. Repeatable.
    #[arg(short = 'f', long = "file", value_name = "PATH", requires = "events", num_args = 1..)]
    pub paths: Vec<PathBuf>,

    /// The namespace of resources and events that name none [default: default].
    #[arg(short = 'n', long, requires = "events")]
    pub namespace: Option<String>,

    /// The data cut: nothing that happened later counts (RFC 3339) [default: now].
    #[arg(long, value_name = "RFC3339", value_parser = super::instant, requires = "events")]
    pub at: Option<Timestamp>,

    /// How to write the answers [default: json for moments, text for events].
    #[arg(short = 'o', long, value_enum)]
    pub output: Option<LiftOutput>,
}

/// How answers about lift are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LiftOutput {
    /// For a person; of events, a table.
    #[value(alias = "table")]
    Text,
    /// One JSON object a line.
    Json,
}

/// Options of `attune plan-experiment`.
#[derive(Debug, Args)]
#[command(after_long_help = PLAN_HELP)]
pub struct PlanArgs {
    /// File or directory of resources with the experiment; `-` is standard input. Repeatable.
    #[arg(short = 'f', long = "file", value_name = "PATH", requires = "experiment", num_args = 1..)]
    pub paths: Vec<PathBuf>,

    /// The Experiment whose arms, design and minimum lift to plan with.
    #[arg(long, value_name = "NAME", requires = "paths")]
    pub experiment: Option<String>,

    /// The namespace of resources that name none, and of the Experiment [default: default].
    #[arg(short = 'n', long, requires = "paths")]
    pub namespace: Option<String>,

    /// What the metric is [default: proportion].
    #[arg(long = "type", value_enum, value_name = "TYPE", conflicts_with = "paths")]
    pub type_: Option<PlanType>,

    /// The control's figure: a share, a mean, a ratio. Several are planned for side by side.
    #[arg(long, value_name = "X", value_delimiter = ',', num_args = 1..)]
    pub baseline: Vec<f64>,

    /// Standard deviation of one unit's figure, of a mean; of a ratio, of its linearized form, (m - R d) / mean(d).
    #[arg(long, value_name = "X")]
    pub sd: Option<f64>,

    /// Less is better.
    #[arg(long, conflicts_with = "paths")]
    pub decrease: bool,

    /// The least lift to be found, as a share of the baseline: 0.02 is 2 %.
    #[arg(long, value_name = "SHARE")]
    pub minimum_lift: Option<f64>,

    /// Two-sided level [default: 0.05].
    #[arg(long, value_name = "SHARE")]
    pub alpha: Option<f64>,

    /// Chance of finding the least lift [default: 0.8].
    #[arg(long, value_name = "SHARE")]
    pub power: Option<f64>,

    /// Weights of the arms, control first [default: 50,50].
    #[arg(long, value_name = "WEIGHTS", value_delimiter = ',', conflicts_with = "paths")]
    pub shares: Vec<f64>,

    /// The design that decides the exit code [default: continuous].
    #[arg(long, value_enum)]
    pub method: Option<PlanMethod>,

    /// How many evenly spaced looks the planned design takes.
    #[arg(long, value_name = "N", default_value_t = 28)]
    pub looks: u32,

    /// Correlation of the outcome with a covariate from before exposure.
    #[arg(long, value_name = "R", default_value_t = 0.0, allow_negative_numbers = true)]
    pub correlation: f64,

    /// Units that come a day; with an Experiment, before its traffic and its exclusion range.
    #[arg(long, value_name = "N")]
    pub units_per_day: Option<f64>,

    /// Units of all arms that there will be [default: the Experiment's plannedUnits].
    #[arg(long, value_name = "N")]
    pub units: Option<u64>,

    /// How to write the plan.
    #[arg(short = 'o', long, value_enum, default_value_t = AnswerOutput::Text)]
    pub output: AnswerOutput,
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanType {
    /// A share of units.
    Proportion,
    /// A mean over units.
    Mean,
    /// A sum through another sum.
    Ratio,
}

/// A design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanMethod {
    /// One look, at the end.
    Fixed,
    /// Group-sequential, evenly spaced looks.
    Planned,
    /// A confidence sequence, valid at every look.
    Continuous,
}

impl From<PlanType> for MetricKind {
    fn from(type_: PlanType) -> Self {
        match type_ {
            PlanType::Proportion => Self::Proportion,
            PlanType::Mean => Self::Mean,
            PlanType::Ratio => Self::Ratio,
        }
    }
}

impl From<PlanMethod> for Method {
    fn from(method: PlanMethod) -> Self {
        match method {
            PlanMethod::Fixed => Self::Fixed,
            PlanMethod::Planned => Self::Planned,
            PlanMethod::Continuous => Self::Continuous,
        }
    }
}

impl PlanArgs {
    /// Which way is better.
    pub fn direction(&self) -> Direction {
        if self.decrease {
            Direction::Decrease
        } else {
            Direction::Increase
        }
    }
}

//! How long a verdict takes from moments: `cargo bench -p attune-lift`. Fails when a target is missed.
//!
//! A daily look at an experiment of four weeks: 28 of them, the last one now, every one with a covariate. What is measured
//! is one call of [`analyse`]; a run is the mean of as many calls as fit into a fifth of a second, and the median of the
//! runs is held against the target.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark ends at the first thing that is not as it should be"
)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use attune_lift::{ArmMoments, CompanionSums, Direction, Look, Method, MetricKind, Question, Sums, analyse};

/// Looks of an experiment, the present one included.
const LOOKS: u32 = 28;
/// Units that one arm gains from one look to the next.
const UNITS: u32 = 5_000;
/// Runs of each measurement.
const RUNS: usize = 9;
/// How long one run lasts at least.
const RUN: Duration = Duration::from_millis(200);

/// One measurement: its name, the question and how long an answer may take.
struct Case {
    name: &'static str,
    question: Question,
    target: Duration,
}

fn main() -> ExitCode {
    let (continuous, planned) = (Duration::from_micros(50), Duration::from_millis(5));
    let cases = [
        case("continuous, first look", Method::Continuous, 1, continuous),
        case("continuous, 28 looks", Method::Continuous, LOOKS, continuous),
        case("planned, 28 looks", Method::Planned, LOOKS, planned),
    ];
    let mut is_met = true;
    for case in &cases {
        let mut runs: Vec<f64> = (0..RUNS).map(|_| run(&case.question)).collect();
        runs.sort_by(f64::total_cmp);
        let (first, last) = (runs.first().unwrap(), runs.last().unwrap());
        let median = runs.get(RUNS / 2).unwrap();
        let target = case.target.as_secs_f64() * 1e6;
        println!(
            "{}: {median:.1} us, {first:.1} to {last:.1} us, {RUNS} runs; target {target:.0} us",
            case.name
        );
        is_met &= *median < target;
    }
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Microseconds of one answer.
fn run(question: &Question) -> f64 {
    let number = u32::try_from(question.looks.len()).unwrap() + 1;
    let Look { control, treatment } = look(number);
    let (begun, mut calls) = (Instant::now(), 0_u32);
    while begun.elapsed() < RUN {
        let analysis = analyse(black_box(question), &control, &treatment).unwrap();
        // Figures that are withheld would be fast for the wrong reason.
        black_box(analysis.absolute.expect("figures"));
        calls += 1;
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}

fn case(name: &'static str, method: Method, looks: u32, target: Duration) -> Case {
    let mut question = Question::new(MetricKind::Mean, Direction::Increase, method, 0.05);
    question.planned_units = Some(u64::from(2 * UNITS * LOOKS));
    question.minimum_lift = Some(0.02);
    question.looks = (1..looks).map(look).collect();
    Case {
        name,
        question,
        target,
    }
}

/// The moments after so many looks, with a covariate, which doubles the work; a small lift, so that no look ends the
/// experiment before the last.
fn look(number: u32) -> Look {
    let n = UNITS * number;
    let arm = |mean: f64| {
        let companion = CompanionSums {
            sum: f64::from(n),
            sum_squares: f64::from(n) * 5.0,
            cross_sum: f64::from(n) * (mean + 1.5),
        };
        let sums = Sums {
            n: u64::from(n),
            sum: f64::from(n) * mean,
            sum_squares: f64::from(n) * (mean * mean + 4.0),
            covariate: Some(companion),
            ..Sums::default()
        };
        ArmMoments::from_sums(&sums).unwrap()
    };
    Look {
        control: arm(1.0),
        treatment: arm(1.003),
    }
}

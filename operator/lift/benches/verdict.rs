//! How long a verdict takes from moments: `cargo bench -p attune-lift`. Fails when a target is missed.
//!
//! A daily look at an experiment of four weeks: 28 of them, the last one now, every one with a covariate. What is measured
//! is one call of [`analyse`], by the time on a core, because others use it too; a run is the mean of as many calls as fit
//! into half a second, and the median of the runs is held against the target.

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
const RUN: Duration = Duration::from_millis(500);

/// One measurement: its name, the question and how long an answer may take.
struct Case {
    name: &'static str,
    question: Question,
    now: Look,
    target: Duration,
}

fn main() -> ExitCode {
    let (continuous, planned) = (Duration::from_micros(50), Duration::from_millis(5));
    let cases = [
        case("continuous, first look", Method::Continuous, 1, (0.0, continuous)),
        case(
            "continuous, 28 looks",
            Method::Continuous,
            LOOKS,
            (0.0, continuous),
        ),
        case(
            "planned, 28 looks, no effect",
            Method::Planned,
            LOOKS,
            (0.0, planned),
        ),
        case(
            "planned, 28 looks, 1 % lift",
            Method::Planned,
            LOOKS,
            (0.01, planned),
        ),
        case(
            "planned, 28 looks, 2 % lift",
            Method::Planned,
            LOOKS,
            (0.02, planned),
        ),
    ];
    let mut is_met = true;
    for case in &cases {
        let mut runs: Vec<f64> = (0..RUNS).map(|_| run(case)).collect();
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
    if is_met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Microseconds of a core for one answer.
fn run(case: &Case) -> f64 {
    let Look { control, treatment } = &case.now;
    let (begun, used, mut calls) = (Instant::now(), cpu_microseconds(), 0_u32);
    while begun.elapsed() < RUN {
        let analysis = analyse(black_box(&case.question), control, treatment).unwrap();
        // Figures that are withheld would be fast for the wrong reason.
        black_box(analysis.absolute.expect("figures"));
        calls += 1;
    }
    (cpu_microseconds() - used) / f64::from(calls)
}

/// What this thread, the only one, has used of any core.
fn cpu_microseconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    let nanoseconds: f64 = stat.split_whitespace().next().unwrap().parse().unwrap();
    nanoseconds / 1e3
}

fn case(name: &'static str, method: Method, looks: u32, (lift, target): (f64, Duration)) -> Case {
    let mut question = Question::new(MetricKind::Mean, Direction::Increase, method, 0.05);
    question.planned_units = Some(u64::from(2 * UNITS * LOOKS));
    question.minimum_lift = Some(0.02);
    question.looks = (1..looks).map(|number| look(number, lift)).collect();
    Case {
        name,
        question,
        now: look(looks, lift),
        target,
    }
}

/// The moments after so many looks, with a covariate, which doubles the work.
fn look(number: u32, lift: f64) -> Look {
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
        treatment: arm(1.0 + lift),
    }
}

//! A steady stream of requests, as clients send it who do not wait for each other.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::report::Report;
use crate::request::Request;

/// How many seconds one may last: a forgotten one ends.
const LONGEST: u64 = 3600;

/// How many, for how long, and what is expected of them.
#[derive(Debug, Args)]
pub(crate) struct Load {
    #[command(flatten)]
    request: Request,
    /// Requests a second.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    rate: u32,
    /// How many seconds; SIGTERM ends it too.
    #[arg(long = "for", default_value_t = LONGEST, value_parser = clap::value_parser!(u64).range(1..=LONGEST))]
    seconds: u64,
    /// How many seconds to go on after SIGTERM: a client that drains still asks.
    #[arg(long, default_value_t = 0)]
    grace: u64,
    /// A text that every body must have.
    #[arg(long)]
    expect: Option<String>,
    /// How many requests may have no answer yet before those due are skipped.
    #[arg(long, default_value_t = 256)]
    in_flight: usize,
    /// Prints the counts so far every so many seconds.
    #[arg(long)]
    every: Option<u64>,
    /// A file that the last line is written to as well, as `/dev/termination-log`.
    #[arg(long)]
    report: Option<PathBuf>,
}

impl Load {
    /// Sends until the end, waits for the answers and prints what came of them. Failures are in the report, not in the
    /// status: what they mean is for the reader to say.
    pub(crate) async fn run(self) -> Result<()> {
        let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
        let report = Arc::new(Mutex::new(Report::default()));
        let open = Arc::new(Semaphore::new(self.in_flight));
        self.send_all(&mut terminate, &report, &open).await?;
        // Each request has its timeout, so all of these come back.
        let all = u32::try_from(self.in_flight).unwrap_or(u32::MAX);
        let _all_answered = open.acquire_many(all).await.context("wait for the answers")?;
        let line = line(&report)?;
        println!("{line}");
        if let Some(file) = &self.report {
            std::fs::write(file, &line).with_context(|| format!("write {}", file.display()))?;
        }
        Ok(())
    }

    async fn send_all(
        &self,
        terminate: &mut Signal,
        report: &Arc<Mutex<Report>>,
        open: &Arc<Semaphore>,
    ) -> Result<()> {
        let client = self.request.client()?;
        let request = Arc::new(self.request.clone());
        let expected: Arc<Option<String>> = Arc::new(self.expect.clone());
        let mut due = interval(Duration::from_secs(1) / self.rate);
        // What was late is sent at once: the number of requests is part of the promise.
        due.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut tell = interval(Duration::from_secs(self.every.unwrap_or(LONGEST).max(1)));
        tell.reset();
        let mut end = Instant::now() + Duration::from_secs(self.seconds);
        let mut asked_to_end = false;
        let mut number = 0;
        loop {
            tokio::select! {
                biased;
                () = sleep_until(end) => return Ok(()),
                _ = terminate.recv(), if !asked_to_end => {
                    asked_to_end = true;
                    end = end.min(Instant::now() + Duration::from_secs(self.grace));
                }
                _ = tell.tick() => println!("{}", line(report)?),
                _ = due.tick() => {
                    number += 1;
                    let Ok(permit) = Arc::clone(open).try_acquire_owned() else {
                        with(report, Report::count_skipped);
                        continue;
                    };
                    with(report, Report::count_sent);
                    let (client, request) = (client.clone(), Arc::clone(&request));
                    let (report, expected) = (Arc::clone(report), Arc::clone(&expected));
                    tokio::spawn(async move {
                        let began = Instant::now();
                        let outcome = request.send(&client, number).await;
                        with(&report, |report| match &outcome {
                            Ok(answer) => report.count_answer(answer, began.elapsed(), expected.as_deref()),
                            Err(error) => report.count_error(error),
                        });
                        drop(permit);
                    });
                }
            }
        }
    }
}

fn with<T>(report: &Mutex<Report>, act: impl FnOnce(&mut Report) -> T) -> T {
    act(&mut report.lock().unwrap_or_else(PoisonError::into_inner))
}

fn line(report: &Mutex<Report>) -> Result<String> {
    with(report, |report| report.line()).context("print the report")
}

//! The claims that the methods are chosen for, by seeded simulation.
//!
//! A bar is the nominal figure and three standard errors of a share estimated from this many runs:
//! `p -/+ 3 sqrt(p (1 - p) / runs)`. One seed for all, never changed to pass. 2,000 runs by default;
//! `ATTUNE_VALIDITY_RUNS=20000` is the long suite. Each scenario prints its figure and its bar (`--nocapture`).

#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod simulation;

//! The fuzz targets, briefly: every seed, and some thousand changes of each that are the same in every run. `make fuzz`
//! runs them for long, led by coverage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests, and helpers of tests"
)]

use std::path::Path;

#[path = "../../fuzz/src/targets.rs"]
mod targets;

/// Changes of each seed.
const CHANGES: usize = 1_500;

/// A generator whose numbers are the same everywhere (Marsaglia's xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Bytes that mean something to the readers.
const TOKENS: [&[u8]; 20] = [
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"null",
    b"-1",
    b"1e308",
    b"9223372036854775808",
    b"1e309",
    b"\\u0000",
    b"\\ud83d",
    b"\xff",
    b"&&",
    b"||",
    b"(",
    b".exists(x, ",
    b"true",
];

fn change(seed: &[u8], others: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut changed = seed.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(changed.len() + 1);
        let end = (at + numbers.below(12)).min(changed.len());
        match numbers.below(6) {
            0 => drop(changed.drain(at..end)),
            1 => {
                if let Some(byte) = changed.get_mut(at) {
                    *byte ^= 1 << numbers.below(8);
                }
            }
            2 => {
                let again = changed[at..end].to_vec();
                changed.splice(at..at, again);
            }
            3 => {
                let other = &others[numbers.below(others.len())];
                let from = numbers.below(other.len() + 1);
                let to = (from + numbers.below(40)).min(other.len());
                changed.splice(at..at, other[from..to].iter().copied());
            }
            4 => changed.truncate(at),
            _ => {
                let token = TOKENS[numbers.below(TOKENS.len())];
                changed.splice(at..at, token.iter().copied());
            }
        }
    }
    changed.truncate(targets::MAX_INPUT);
    changed
}

fn run(name: &str, target: fn(&[u8])) {
    let seeds = seeds(name);
    assert!(seeds.len() >= 3, "the corpus of `{name}` is there");
    let mut numbers = Numbers(0x6174_7475_6e65);
    for seed in &seeds {
        target(seed);
        // A long seed costs as much as many short ones.
        for _ in 0..CHANGES.min(3_000_000 / seed.len().max(1)) {
            target(&change(seed, &seeds, &mut numbers));
        }
    }
}

#[test]
fn contexts_are_refused_or_decided() {
    run("context", targets::context);
}

#[test]
fn bundles_are_refused_or_decide() {
    run("bundle", targets::bundle);
}

#[test]
fn expressions_are_refused_or_evaluate() {
    run("expression", targets::expression);
}

#[test]
fn events_are_refused_or_passed_on_unchanged() {
    run("event", targets::event);
}

//! Writes rules as flag definitions, with contexts and the answers that our engine gives to them: what stock evaluators of
//! flagd are compared with, see `e2e/evaluators`.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a program of tests, which picks by chance"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use attune_api::delivery::RuleFormat;
use attune_compile::Publication;
use attune_compile::formats::{self, Written};
use attune_core::bundle::Bundle;
use attune_core::context::Context;
use attune_core::decide::{Request, decide};
use attune_core::engine::Engine;
use attune_core::history::NoHistory;
use attune_core::trace::Trace;
use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

mod bundles;
mod contexts;
mod expressions;

/// What is asked for on the command line.
struct Args {
    seed: u64,
    /// Bundles made by chance.
    bundles: u64,
    /// Contexts for each bundle.
    contexts: usize,
    /// Bundles in files.
    files: Vec<PathBuf>,
    /// Where the documents are written.
    into: PathBuf,
}

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match args().and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("agreement: {error}");
            ExitCode::FAILURE
        }
    }
}

fn args() -> Fallible<Args> {
    const USAGE: &str = "usage: agreement SEED BUNDLES CONTEXTS DIRECTORY [BUNDLE ...]";
    let mut words = std::env::args().skip(1);
    let mut next = || words.next().ok_or(USAGE);
    let (seed, bundles, contexts, into) = (next()?, next()?, next()?, next()?);
    Ok(Args {
        seed: seed.parse()?,
        bundles: bundles.parse()?,
        contexts: contexts.parse()?,
        into: into.into(),
        files: words.map(PathBuf::from).collect(),
    })
}

fn run(args: &Args) -> Fallible<()> {
    // Windows are whole days away, so that evaluators with a clock of their own agree for hours.
    let now = Timestamp::from_second(Timestamp::now().as_second())?;
    std::fs::create_dir_all(&args.into)?;
    for number in 0..args.bundles {
        let mut rng = Rng::with_seed(args.seed.wrapping_mul(1_000_003).wrapping_add(number));
        let bundle = bundles::random(&mut rng, now);
        write(args, &format!("random-{number}"), bundle, &mut rng, now)?;
    }
    for file in &args.files {
        let mut rng = Rng::with_seed(args.seed);
        let bundle = Bundle::parse(&std::fs::read(file)?)?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        write(args, &format!("{name}-free"), free(bundle.clone()), &mut rng, now)?;
        write(args, &name, bundle, &mut rng, now)?;
    }
    Ok(())
}

/// A bundle as it is, and without anything that depends on a hash.
fn write(args: &Args, name: &str, bundle: Bundle, rng: &mut Rng, now: Timestamp) -> Fallible<()> {
    let whole = without_splits(bundle.clone());
    for (kind, bundle) in [("split", bundle), ("whole", whole)] {
        let document =
            compare(bundle, args.contexts, rng, now).map_err(|error| format!("{name}: {error}"))?;
        write_json(&args.into.join(format!("{name}.{kind}.json")), &document)?;
    }
    Ok(())
}

fn write_json(path: &Path, json: &Json) -> Fallible<()> {
    std::fs::write(path, serde_json::to_vec(json)?)?;
    Ok(())
}

fn without_splits(mut bundle: Bundle) -> Bundle {
    bundle.experiments.clear();
    bundle.holdouts.clear();
    bundle
        .programs
        .values_mut()
        .for_each(|program| program.holdouts.clear());
    bundle
        .bindings
        .values_mut()
        .for_each(|binding| binding.rollout_bp = 10_000);
    bundle
}

/// A bundle without what targeting has no memory for.
fn free(mut bundle: Bundle) -> Bundle {
    bundle.settings.caps.clear();
    bundle.settings.minimum_gap_seconds = None;
    bundle.settings.quiet_hours = None;
    for binding in bundle.bindings.values_mut() {
        binding.caps.clear();
        binding.stop_on.clear();
    }
    bundle
}

/// The flag definitions of a bundle, contexts, and what our engine answers to them.
fn compare(bundle: Bundle, contexts: usize, rng: &mut Rng, now: Timestamp) -> Fallible<Json> {
    let written = flags(&bundle)?;
    let mut suspended = bundle.clone();
    suspended.settings.suspended = true;
    let (engine, baselines) = (Engine::load(bundle)?, Engine::load(suspended)?);
    let touchpoints: Vec<String> = engine.touchpoints().map(str::to_owned).collect();
    let refused: Vec<&str> = written
        .refusals
        .iter()
        .filter_map(|refusal| refusal.binding.as_deref())
        .collect();
    let is_refused = |touchpoint: &str| {
        let here = |name: &&str| {
            engine
                .bundle()
                .bindings
                .get(*name)
                .is_some_and(|one| one.touchpoint == touchpoint)
        };
        refused.iter().any(here)
    };
    let mut cases = Vec::new();
    while cases.len() < contexts {
        let context = contexts::random(rng, engine.bundle());
        let bytes = serde_json::to_vec(&context)?;
        for touchpoint in &touchpoints {
            let ours = answer(&engine, touchpoint, &bytes, now)?;
            let mut case = json!({"flag": touchpoint, "context": context, "answer": ours});
            if is_refused(touchpoint) {
                case["baseline"] = answer(&baselines, touchpoint, &bytes, now)?;
            }
            cases.push(case);
        }
    }
    Ok(json!({"flags": serde_json::from_slice::<Json>(&written.bytes)?, "cases": cases}))
}

fn flags(bundle: &Bundle) -> Fallible<Written> {
    let canonical = bundle.canonical()?;
    let publication = Publication {
        bundle: Arc::new(bundle.clone()),
        revision: Bundle::revision(&canonical),
        canonical: canonical.into(),
    };
    formats::write(&publication, RuleFormat::Flagd).map_err(|refusals| {
        let refusals: Vec<_> = refusals.iter().map(ToString::to_string).collect();
        refusals.join("; ").into()
    })
}

/// The variant and the words, null where it is the client's own default.
fn answer(engine: &Engine, touchpoint: &str, context: &[u8], now: Timestamp) -> Fallible<Json> {
    let context = Context::decode(engine, context)?;
    let request = Request {
        touchpoint,
        context: &context,
        history: &NoHistory,
        now,
    };
    let decision = decide(engine, request, &mut Trace::off())?;
    Ok(match decision.content {
        Some(words) => {
            json!({"variant": words.variant, "value": serde_json::from_str::<Json>(words.json.get())?})
        }
        None => Json::Null,
    })
}

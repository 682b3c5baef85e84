//! The ends of a run, opened.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use attune_collector::source::Credential;
use attune_core::bundle::MAX_BUNDLE_BYTES;
use attune_core::engine::Engine;
use attune_decider::exposure::post::Poster;
use attune_decider::link::Credentials;
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use tokio::runtime::Handle;

use crate::batch::{
    CollectorLink, Csv, CsvRows, Exposures, JsonLines, Layout, Ndjson, Parquet, ParquetRows, Part, Rejects,
    Sink, TableRows, TableSink, Text, Units, open, slots,
};
use crate::cli::{BatchArgs, UnitsFormat};

/// What a value of `--units` or `--out` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Standard input or output.
    Stream,
    File(PathBuf),
    /// A table of PostgreSQL.
    Table(String),
}

impl End {
    pub(super) fn of(text: &str) -> Self {
        match text.split_once(':') {
            _ if text == "-" => Self::Stream,
            Some(("postgres", table)) => Self::Table(table.to_owned()),
            _ => Self::File(PathBuf::from(text)),
        }
    }

    fn format(&self) -> Option<UnitsFormat> {
        let Self::File(path) = self else { return None };
        let unpacked = path
            .extension()
            .filter(|ending| *ending == "gz")
            .map(|_| path.with_extension(""));
        let ending = unpacked.as_ref().unwrap_or(path).extension()?.to_str()?;
        match ending {
            "csv" => Some(UnitsFormat::Csv),
            "ndjson" | "jsonl" => Some(UnitsFormat::Ndjson),
            "parquet" => Some(UnitsFormat::Parquet),
            _ => None,
        }
    }
}

/// Checks that decisions are not to take the place of the units.
///
/// # Errors
/// When they are.
pub(super) fn differ(args: &BatchArgs) -> anyhow::Result<()> {
    let path = |end: &str| match End::of(end) {
        End::File(path) => path.canonicalize().ok(),
        End::Stream | End::Table(_) => None,
    };
    let units = path(&args.units);
    ensure!(
        units.is_none() || units != path(&args.out),
        "`{}` is the file of the units: name another one in --out",
        args.out
    );
    Ok(())
}

pub(super) fn out_format(args: &BatchArgs) -> anyhow::Result<UnitsFormat> {
    if let End::Table(_) = End::of(&args.out) {
        return Ok(UnitsFormat::Csv);
    }
    ensure!(
        Path::new(&args.out).extension() != Some(OsStr::new("gz")),
        "decisions are not packed: name a file without `.gz` in --out, not `{}`",
        args.out
    );
    let format = args.format.or_else(|| End::of(&args.out).format());
    format.with_context(|| {
        format!(
            "the name `{}` does not say how to write decisions: say so by --format",
            args.out
        )
    })
}

fn units_format(args: &BatchArgs) -> anyhow::Result<UnitsFormat> {
    let format = args.units_format.or_else(|| End::of(&args.units).format());
    format.or(args.format).with_context(|| {
        format!(
            "the name `{}` does not say how units are written: say so by --units-format",
            args.units
        )
    })
}

/// Variables with a connection's URI and with the CAs that sign for its server.
const UNITS: (&str, &str) = ("ATTUNE_UNITS_URI", "ATTUNE_UNITS_CA");
const OUT: (&str, &str) = ("ATTUNE_OUT_URI", "ATTUNE_OUT_CA");

fn credential((uri, ca): (&str, &str)) -> anyhow::Result<Credential> {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let uri = given(uri)
        .with_context(|| format!("`{uri}` is not set: give it `postgresql://user:password@host/database`"))?;
    Ok(Credential::new(uri, given(ca)))
}

/// A bundle's JSON, unpacked where it is packed.
pub(super) fn bundle(path: &Path) -> anyhow::Result<Vec<u8>> {
    let told = || format!("cannot read the bundle `{}`", path.display());
    let file = File::open(path).with_context(told)?;
    let bound = MAX_BUNDLE_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    file.take(bound).read_to_end(&mut bytes).with_context(told)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut json = Vec::new();
        let unpacked = MultiGzDecoder::new(bytes.as_slice()).take(bound);
        { unpacked }.read_to_end(&mut json).with_context(told)?;
        bytes = json;
    }
    ensure!(
        bytes.len() <= MAX_BUNDLE_BYTES,
        "the bundle `{}` is larger than {MAX_BUNDLE_BYTES} bytes",
        path.display()
    );
    Ok(bytes)
}

pub(super) fn units(args: &BatchArgs, engine: &Engine) -> anyhow::Result<Box<dyn Units>> {
    let path = match End::of(&args.units) {
        End::Table(table) => {
            let credential = credential(UNITS)?;
            let rows = TableRows::open(Handle::current(), UNITS.0, &credential, &table, engine)?;
            return Ok(Box::new(rows));
        }
        End::Stream => PathBuf::from("-"),
        End::File(path) => path,
    };
    let format = units_format(args)?;
    if format == UnitsFormat::Parquet {
        ensure!(
            path != Path::new("-"),
            "Parquet is read from its end: give a file in --units"
        );
        let rows = ParquetRows::open(&path, engine);
        return Ok(Box::new(
            rows.with_context(|| format!("cannot read `{}`", args.units))?,
        ));
    }
    let input = open(&path)?;
    let units: anyhow::Result<Box<dyn Units>> = match format {
        UnitsFormat::Csv => CsvRows::new(input, engine).map(|rows| Box::new(rows) as Box<dyn Units>),
        UnitsFormat::Ndjson | UnitsFormat::Parquet => Ok(Box::new(JsonLines::new(input))),
    };
    units.with_context(|| format!("cannot read `{}`", args.units))
}

pub(super) fn sink(
    args: &BatchArgs,
    engine: &Engine,
    touchpoints: &[String],
    at: Timestamp,
    written: u64,
) -> anyhow::Result<Box<dyn Sink>> {
    if let End::Table(table) = End::of(&args.out) {
        let sink = TableSink::open(Handle::current(), OUT.0, &credential(OUT)?, &table, at)?;
        return Ok(Box::new(sink));
    }
    match out_format(args)? {
        UnitsFormat::Csv => {
            let slots = slots(engine.bundle(), touchpoints);
            text(args, Csv::with_slots(slots), written)
        }
        UnitsFormat::Ndjson => text(args, Ndjson, written),
        UnitsFormat::Parquet => {
            let End::File(path) = End::of(&args.out) else {
                bail!("Parquet is not written to a stream: give a file in --out");
            };
            let slots = slots(engine.bundle(), touchpoints);
            Ok(Box::new(Parquet::open(&path, slots, written)?))
        }
    }
}

fn text<L: Layout + 'static>(args: &BatchArgs, layout: L, written: u64) -> anyhow::Result<Box<dyn Sink>> {
    Ok(match End::of(&args.out) {
        End::File(path) => Box::new(Text::file(layout, Part::open(&path, written)?, written)),
        End::Stream | End::Table(_) => Box::new(Text::stream(layout, Box::new(io::stdout()))),
    })
}

pub(super) fn exposures(args: &BatchArgs, written: u64) -> anyhow::Result<Exposures> {
    if let Some(path) = &args.exposures {
        return Part::open(path, written).map(Exposures::File);
    }
    let Some(collector) = &args.collector else {
        return Ok(Exposures::None);
    };
    let credentials = Credentials {
        ca_file: args.ca_file.clone(),
        token_file: args.token_file.clone(),
        ..Credentials::default()
    };
    let poster = Poster::new(collector, &credentials)?;
    let patience = Duration::from_secs(args.patience.into());
    let link = CollectorLink::new(Handle::current(), poster, patience);
    Ok(Exposures::Collector(Box::new(link)))
}

pub(super) fn rejects(args: &BatchArgs, written: u64) -> anyhow::Result<Rejects> {
    let file = args.rejects.as_ref().map(|path| Part::open(path, written));
    let name = if args.units == "-" {
        "standard input"
    } else {
        &args.units
    };
    Ok(Rejects::new(name, file.transpose()?))
}

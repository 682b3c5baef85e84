//! Where units come from.

mod lines;
mod parquet;
mod table;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use anyhow::Context as _;
use flate2::read::MultiGzDecoder;

pub(crate) use self::parquet::ParquetRows;
pub(crate) use lines::JsonLines;
pub(crate) use table::CsvRows;

/// Read at a time.
const BUFFER: usize = 256 * 1024;

/// The longest unit that is read, in bytes; a decider takes no larger request.
pub(crate) const LONGEST: usize = 1 << 20;

/// A file or (`-`) standard input, unpacked where its name ends in `.gz`.
pub(crate) fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    let is_packed = path.extension().is_some_and(|extension| extension == "gz");
    if is_packed {
        return Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(
            BUFFER, file,
        ))));
    }
    Ok(Box::new(file))
}

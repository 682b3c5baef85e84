//! Comma-separated values with a header.

use std::io::{self, Read};

use anyhow::{Context as _, ensure};
use attune_core::engine::Engine;
use csv::{ByteRecord, Reader, ReaderBuilder};

use super::{BUFFER, LONGEST};
use crate::batch::cell::Columns;
use crate::batch::record::{Record, Units};

/// Rows of comma-separated values, which the engine's data contract makes contexts of.
pub(crate) struct CsvRows<R> {
    reader: Reader<Bounded<R>>,
    columns: Columns,
    row: ByteRecord,
}

/// Reads no more for one row than a row may have: a quote that is missing would make one row of all the rest.
struct Bounded<R> {
    input: R,
    room: usize,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.room == 0 {
            let why = format!("a row is longer than {LONGEST} bytes: is a closing quote missing?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let read = self.input.read(buffer)?;
        self.room = self.room.saturating_sub(read);
        Ok(read)
    }
}

impl<R: Read> CsvRows<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When there is none, or it names no unit.
    pub(crate) fn new(input: R, engine: &Engine) -> anyhow::Result<Self> {
        let input = Bounded { input, room: LONGEST };
        let mut reader = ReaderBuilder::new().buffer_capacity(BUFFER).from_reader(input);
        let header = reader.headers().context("the header cannot be read")?;
        ensure!(
            !header.is_empty(),
            "there is no header: name the columns in the first line"
        );
        let names = header
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').to_owned());
        let columns = Columns::new(engine, &names.collect::<Vec<_>>())?;
        Ok(Self {
            reader,
            columns,
            row: ByteRecord::new(),
        })
    }
}

impl<R: Read> Units for CsvRows<R> {
    fn next(&mut self, record: &mut Record) -> anyhow::Result<bool> {
        record.clear();
        self.reader.get_mut().room = LONGEST;
        record.line = self.reader.position().line();
        let problem = match self.reader.read_byte_record(&mut self.row) {
            Ok(false) => return Ok(false),
            Ok(true) => {
                record.line = self.row.position().map_or(record.line, csv::Position::line);
                self.columns.write(self.row.iter(), &mut record.text).err()
            }
            Err(error) => {
                if let csv::ErrorKind::UnequalLengths {
                    expected_len, len, ..
                } = error.kind()
                {
                    record.line = self.row.position().map_or(record.line, csv::Position::line);
                    Some(format!("{len} cells where the header has {expected_len}"))
                } else {
                    let at = format!("the row of line {} cannot be read", record.line);
                    return Err(anyhow::Error::from(error).context(at));
                }
            }
        };
        if let Some(problem) = problem {
            record.problem = Some(problem);
            record.text.clear();
            for (place, cell) in self.row.iter().enumerate() {
                if place > 0 {
                    record.text.push(b',');
                }
                crate::batch::output::quoted(cell, &mut record.text);
            }
        }
        Ok(true)
    }
}

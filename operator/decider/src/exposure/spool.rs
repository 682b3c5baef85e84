//! Exposures that the collector has not taken yet, on disk.
//!
//! Files of one event a line, appended to until they are full, delivered and removed the oldest first. What was written
//! survives the process; a last line that was cut off by its end is skipped. The whole is bounded in bytes: from half full on,
//! units are shed by a hash that knows no arm, as from the queue in memory.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use attune_core::event::{Event, EventData};
use tracing::warn;

use super::Pressure;

#[cfg(test)]
mod tests;

/// Bytes on disk unless told otherwise: little beside the 64 MiB that a pod's volume has for bundles and these.
pub const DEFAULT_SPOOL_BYTES: u64 = 16 * 1024 * 1024;

/// Most events of one file: one batch to the collector.
const FILE_EVENTS: usize = super::report::BATCH;
/// Name of the directory within the data directory.
const DIRECTORY: &str = "exposures";
/// How the names of files end.
const EXTENSION: &str = "ndjson";
/// How the name of a file ends while it is written anew.
const DRAFT: &str = "new";
/// How the name of a file ends that cannot be read.
const BAD: &str = "bad";

/// The files.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    /// The oldest first.
    files: VecDeque<Segment>,
    /// The last file, where more may be appended to it.
    open: Option<File>,
    next: u64,
    limit: u64,
    pressure: Pressure,
    /// Events that are gone and that nobody has counted yet.
    lost: u64,
}

/// One file.
#[derive(Debug, Clone, Copy)]
struct Segment {
    number: u64,
    bytes: u64,
    events: usize,
}

/// The oldest events.
#[derive(Debug)]
pub(super) struct Oldest {
    pub number: u64,
    pub events: Vec<Event>,
    /// Lines that are no event.
    pub damaged: usize,
}

impl Spool {
    /// The files of one Channel below `data`, which is made where it is missing; `limit` is in bytes.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub fn open(data: &Path, name: &str, limit: u64) -> io::Result<Self> {
        let directory = data.join(DIRECTORY).join(name);
        fs::create_dir_all(&directory)?;
        // The file that it was to replace is there still.
        sweep(&directory, DRAFT)?;
        let mut files = Vec::new();
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let path = entry.path();
            let number = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .and_then(|stem| stem.parse().ok());
            if let Some(number) = number.filter(|_| path.extension().is_some_and(|end| end == EXTENSION)) {
                let bytes = entry.metadata()?.len();
                files.push(Segment {
                    number,
                    bytes,
                    events: 0,
                });
            }
        }
        files.sort_by_key(|file| file.number);
        Ok(Self {
            next: files.last().map_or(1, |file| file.number.saturating_add(1)),
            directory,
            files: files.into(),
            open: None,
            limit: limit.max(1),
            pressure: Pressure::new(),
            lost: 0,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// How many events are gone since this was asked last: their lines are damaged, or their file cannot be read.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Writes events, durably; gives how many were shed because the room runs short.
    ///
    /// # Errors
    /// When the disk does not take them; what it took of them is delivered all the same, under the same ids.
    pub(super) fn append(&mut self, events: &[Event]) -> io::Result<u64> {
        let mut shed = 0;
        let mut rest = events;
        while !rest.is_empty() {
            let room = match (&self.open, self.files.back()) {
                (Some(_), Some(file)) if file.events < FILE_EVENTS => FILE_EVENTS - file.events,
                _ => FILE_EVENTS,
            };
            let (some, others) = rest.split_at(room.min(rest.len()));
            rest = others;
            let mut lines = Vec::new();
            let mut count = 0;
            let taken = self.bytes();
            for event in some {
                let mut line = serde_json::to_vec(event).map_err(io::Error::other)?;
                line.push(b'\n');
                let free = self.limit.saturating_sub(taken + lines.len() as u64);
                // Decisions that are kept go before exposures do.
                let is_lesser = matches!(event.data, EventData::Decision(_)) && free < self.limit / 2;
                let is_shed = is_lesser || self.pressure.sheds(event.data.unit(), free, self.limit);
                if is_shed || line.len() as u64 > free {
                    shed += 1;
                } else {
                    lines.append(&mut line);
                    count += 1;
                }
            }
            if count > 0 {
                self.write(&lines, count)?;
            }
        }
        Ok(shed)
    }

    fn write(&mut self, lines: &[u8], count: usize) -> io::Result<()> {
        let is_full = self.files.back().is_none_or(|file| file.events >= FILE_EVENTS);
        if is_full || self.open.is_none() {
            let number = self.next;
            self.open = Some(
                File::options()
                    .append(true)
                    .create_new(true)
                    .open(self.path(number))?,
            );
            self.next = number.saturating_add(1);
            self.files.push_back(Segment {
                number,
                bytes: 0,
                events: 0,
            });
            File::open(&self.directory)?.sync_all()?;
        }
        let Some(file) = &mut self.open else { return Ok(()) };
        let written = file.write_all(lines).and_then(|()| file.sync_data());
        if let Some(last) = self.files.back_mut() {
            last.bytes = file
                .metadata()
                .map_or(last.bytes + lines.len() as u64, |file| file.len());
            last.events += count;
        }
        if written.is_err() {
            // A line may be cut off there: nothing is appended to it.
            self.open = None;
        }
        written
    }

    /// The events of the oldest file that can be read, to which nothing is appended from now on. Older ones are lost.
    ///
    /// # Errors
    /// When the disk cannot be read at all.
    pub(super) fn oldest(&mut self) -> io::Result<Option<Oldest>> {
        while let Some(file) = self.files.front().copied() {
            if self.files.len() == 1 {
                self.open = None;
            }
            match self.read(file) {
                Ok((events, damaged)) => {
                    let number = file.number;
                    return Ok(Some(Oldest {
                        number,
                        events,
                        damaged,
                    }));
                }
                Err(error) => self.set_aside(file, &error)?,
            }
        }
        Ok(None)
    }

    /// Takes a file that cannot be read out of the way of the others, and leaves it there for whoever looks after the disk.
    fn set_aside(&mut self, file: Segment, error: &io::Error) -> io::Result<()> {
        let path = self.path(file.number);
        if error.kind() != io::ErrorKind::NotFound {
            // Where nothing can be opened, it is not for the file.
            File::open(&self.directory)?;
            fs::rename(&path, path.with_extension(BAD))?;
        }
        self.files.retain(|other| other.number != file.number);
        // How many there were in a file of an earlier process nobody knows.
        let events = file.events.max(1) as u64;
        self.lost += events;
        let error = error as &dyn std::error::Error;
        warn!(path = %path.display(), error, events, "exposures on disk cannot be read, and are lost");
        Ok(())
    }

    /// Removes a file whose events are delivered.
    ///
    /// # Errors
    /// When the disk does not; it is delivered again then, under the same ids.
    pub(super) fn remove(&mut self, number: u64) -> io::Result<()> {
        match fs::remove_file(self.path(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.files.retain(|file| file.number != number);
        Ok(())
    }

    /// Takes every event of a unit out; gives how many there were.
    ///
    /// # Errors
    /// When a file cannot be read or written anew.
    pub(super) fn forget(&mut self, unit: &str) -> io::Result<u64> {
        self.open = None;
        // Nobody can tell whom they are about.
        sweep(&self.directory, BAD)?;
        let mut forgotten = 0;
        for file in self.files.clone() {
            let (mut events, damaged) = match self.read(file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.set_aside(file, &error)?;
                    continue;
                }
                read => read?,
            };
            let before = events.len();
            events.retain(|event| event.data.unit() != unit);
            if events.len() == before {
                continue;
            }
            forgotten += (before - events.len()) as u64;
            self.replace(file.number, &events)?;
            self.lost += damaged as u64;
        }
        Ok(forgotten)
    }

    fn replace(&mut self, number: u64, events: &[Event]) -> io::Result<()> {
        if events.is_empty() {
            return self.remove(number);
        }
        let mut lines = Vec::new();
        for event in events {
            serde_json::to_writer(&mut lines, event).map_err(io::Error::other)?;
            lines.push(b'\n');
        }
        let draft = self.path(number).with_extension(DRAFT);
        let mut file = File::create(&draft)?;
        file.write_all(&lines)?;
        file.sync_all()?;
        fs::rename(&draft, self.path(number))?;
        if let Some(file) = self.files.iter_mut().find(|file| file.number == number) {
            file.bytes = lines.len() as u64;
        }
        File::open(&self.directory)?.sync_all()
    }

    /// Events and the number of lines that are none.
    fn read(&self, file: Segment) -> io::Result<(Vec<Event>, usize)> {
        let mut content = Vec::new();
        // Nothing of ours is larger than all of it together may be.
        File::open(self.path(file.number))?
            .take(self.limit.max(file.bytes))
            .read_to_end(&mut content)?;
        let lines = content
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        let (mut events, mut damaged) = (Vec::new(), 0);
        for line in lines {
            match Event::from_json(line) {
                Ok(event) => events.push(event),
                Err(_) => damaged += 1,
            }
        }
        Ok((events, damaged))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:010}.{EXTENSION}"))
    }
}

/// Removes the files whose names end so.
fn sweep(directory: &Path, extension: &str) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == extension) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

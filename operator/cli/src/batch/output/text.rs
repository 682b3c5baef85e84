//! Decisions as bytes, into a file or a stream.

use std::io::Write;

use anyhow::Context as _;
use attune_core::decide::Decision;

use super::{Layout, Mark, Sink};
use crate::batch::part::Part;
use crate::batch::shape::Shape;

/// Bytes that a stream is given at a time.
const CHUNK: usize = 64 * 1024;

/// Writes decisions in a layout.
pub(crate) struct Text<L> {
    layout: L,
    to: Destination,
}

enum Destination {
    File(Part),
    Stream(Box<dyn Write + Send>, Vec<u8>),
}

impl<L: Layout> Text<L> {
    /// Into a file, of which so much is written already.
    pub(crate) fn file(layout: L, mut part: Part, written: u64) -> Self {
        if written == 0 {
            part.buffer().extend_from_slice(&layout.header());
        }
        Self {
            layout,
            to: Destination::File(part),
        }
    }

    /// Into a stream, which knows no way back.
    pub(crate) fn stream(layout: L, stream: Box<dyn Write + Send>) -> Self {
        let header = layout.header();
        Self {
            layout,
            to: Destination::Stream(stream, header),
        }
    }
}

impl<L: Layout> Sink for Text<L> {
    fn middle(&mut self, decision: &Decision<'_>) -> Vec<u8> {
        self.layout.middle(decision)
    }

    fn write(&mut self, unit: &str, shape: &Shape<'_>, id: &str) -> anyhow::Result<()> {
        match &mut self.to {
            Destination::File(part) => {
                self.layout.write(unit, &shape.middle, id, part.buffer());
                part.drain()
            }
            Destination::Stream(stream, buffer) => {
                self.layout.write(unit, &shape.middle, id, buffer);
                if buffer.len() >= CHUNK {
                    pour(stream, buffer)?;
                }
                Ok(())
            }
        }
    }

    fn commit(&mut self) -> anyhow::Result<Mark> {
        match &mut self.to {
            Destination::File(part) => part.commit().map(Some),
            Destination::Stream(..) => Ok(None),
        }
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        match self.to {
            Destination::File(part) => part.finish(),
            Destination::Stream(mut stream, mut buffer) => {
                pour(&mut stream, &mut buffer)?;
                stream.flush().context("cannot write to standard output")
            }
        }
    }
}

fn pour(stream: &mut Box<dyn Write + Send>, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    stream
        .write_all(buffer)
        .context("cannot write to standard output")?;
    buffer.clear();
    Ok(())
}

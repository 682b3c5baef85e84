//! Who saw what, for the collector: the events that deciders send.

mod collector;

use anyhow::Context as _;
use attune_core::decide::Decision;
use attune_decider::exposure::{Exposed, events, is_reportable};
use jiff::Timestamp;

pub(crate) use collector::CollectorLink;

use super::cell::string;
use super::part::Part;

/// Stands for an id in a template. JSON spells it so, and nothing else: no name has control characters.
const HOLE: &str = "\u{0}";
const SPELLED: &str = "\\u0000";

/// One event of a shape, with holes for the decision's id, the unit's and the decision's again.
#[derive(Debug)]
pub(crate) struct Template([Vec<u8>; 4]);

impl Template {
    /// The events that tell of a decision of one shape.
    ///
    /// # Errors
    /// When an event cannot be written.
    pub(crate) fn all(
        decision: &Decision<'_>,
        namespace: &str,
        channel: &str,
        at: Timestamp,
    ) -> anyhow::Result<Vec<Self>> {
        let exposed = Exposed {
            decision: HOLE,
            // Whoever can be told of; the hole takes its place.
            unit: "anybody",
            namespace,
            channel,
            at,
        };
        let mut events = events(decision, &exposed);
        let templates = events.iter_mut().map(|event| {
            if let attune_core::event::EventData::Exposure(exposure) = &mut event.data {
                HOLE.clone_into(&mut exposure.unit);
            }
            let text = serde_json::to_string(event).context("an exposure cannot be written")?;
            let mut pieces = text.split(SPELLED).map(|piece| piece.as_bytes().to_vec());
            let mut piece = || pieces.next().context("an exposure has no place for an id");
            Ok(Self([piece()?, piece()?, piece()?, piece()?]))
        });
        templates.collect()
    }

    /// Writes the event of one decision.
    pub(crate) fn write(&self, unit: &str, id: &str, out: &mut Vec<u8>) {
        let [begin, to_unit, to_decision, end] = &self.0;
        out.extend_from_slice(begin);
        out.extend_from_slice(id.as_bytes());
        // The quotes are the template's.
        out.extend_from_slice(to_unit.strip_suffix(b"\"").unwrap_or(to_unit));
        string(unit, out);
        out.extend_from_slice(to_decision.strip_prefix(b"\"").unwrap_or(to_decision));
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(end);
    }
}

/// Where exposures go.
pub(crate) enum Exposures {
    /// Nowhere.
    None,
    /// Into a file, one a line.
    File(Part),
    /// To a collector, which has them before the run says that it has come so far.
    Collector(Box<CollectorLink>),
}

impl Exposures {
    /// Takes the events of one decision; how many there were.
    ///
    /// # Errors
    /// When they cannot be written, or the collector does not take what waits.
    pub(crate) fn take(&mut self, templates: &[Template], unit: &str, id: &str) -> anyhow::Result<u64> {
        if templates.is_empty() || matches!(self, Self::None) || !is_reportable(unit) {
            return Ok(0);
        }
        for template in templates {
            match self {
                Self::None => {}
                Self::File(part) => {
                    template.write(unit, id, part.buffer());
                    part.buffer().push(b'\n');
                    part.drain()?;
                }
                Self::Collector(link) => {
                    link.take(|out| template.write(unit, id, out))?;
                }
            }
        }
        Ok(templates.len() as u64)
    }

    /// Makes what was taken durable; how many bytes of the file that are.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub(crate) fn commit(&mut self) -> anyhow::Result<u64> {
        match self {
            Self::None => Ok(0),
            Self::File(part) => part.commit(),
            Self::Collector(link) => link.flush().map(|()| 0),
        }
    }

    /// Puts the file where it belongs.
    ///
    /// # Errors
    /// When it cannot be put there.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::None | Self::Collector(_) => Ok(()),
            Self::File(part) => part.finish(),
        }
    }
}

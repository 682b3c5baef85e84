//! Where in a context's JSON the engine looks: a tree over dotted segments.

use std::collections::BTreeMap;

use crate::bundle::Identity;
use crate::value::SlotId;

/// One segment of a path; its children are the longer paths.
#[derive(Debug, Default)]
pub(crate) struct PathNode {
    children: BTreeMap<Box<str>, PathNode>,
    sink: Sink,
}

/// What the value at a path is for. One path may serve several ends.
#[derive(Debug, Default, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent use of one path"
)]
pub(crate) struct Sink {
    pub attribute: Option<SlotId>,
    pub targeting_key: bool,
    pub unit: bool,
    pub fallback: bool,
    pub locale: bool,
    pub time_zone: bool,
    pub consent: bool,
}

impl Sink {
    /// Whether nothing wants the value itself; its children may still be wanted.
    pub(crate) fn is_unused(self) -> bool {
        self.attribute.is_none() && !self.consent && !self.is_identity()
    }

    /// Whether the value must be a string that says who is asking.
    pub(crate) fn is_identity(self) -> bool {
        self.targeting_key || self.unit || self.fallback || self.locale || self.time_zone
    }
}

impl PathNode {
    /// Builds the tree for the identity's paths and the given attributes.
    pub(crate) fn new<'a>(identity: &Identity, attributes: impl Iterator<Item = (&'a str, SlotId)>) -> Self {
        let mut root = Self::default();
        root.at("targetingKey").targeting_key = true;
        root.at(&identity.unit).unit = true;
        for (path, field) in [
            (
                &identity.fallback,
                (|sink| &mut sink.fallback) as fn(&mut Sink) -> &mut bool,
            ),
            (&identity.locale, |sink| &mut sink.locale),
            (&identity.time_zone, |sink| &mut sink.time_zone),
            (&identity.consent, |sink| &mut sink.consent),
        ] {
            if let Some(path) = path {
                *field(root.at(path)) = true;
            }
        }
        for (name, slot) in attributes {
            root.at(name).attribute = Some(slot);
        }
        root
    }

    /// The node that a key of the JSON object at this node leads to; a key may spell several segments.
    pub(crate) fn walk(&self, key: &str) -> Option<&Self> {
        if let Some(child) = self.children.get(key) {
            return Some(child);
        }
        let (first, rest) = key.split_once('.')?;
        self.children.get(first)?.walk(rest)
    }

    /// What the value here is for.
    pub(crate) fn sink(&self) -> Sink {
        self.sink
    }

    /// Whether no longer path leads through here.
    pub(crate) fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    fn at(&mut self, path: &str) -> &mut Sink {
        let mut node = self;
        for segment in path.split('.') {
            node = node.children.entry(segment.into()).or_default();
        }
        &mut node.sink
    }
}

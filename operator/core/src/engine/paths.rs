//! Where in a context's JSON the engine looks: a tree over dotted segments.

use std::collections::HashMap;

use crate::bundle::Identity;
use crate::value::SlotId;

/// One segment of a path; its children are the longer paths.
#[derive(Debug, Default)]
pub(crate) struct PathNode {
    /// By segment; a handful at most, which comparing one by one finds fastest.
    children: Vec<(Box<str>, PathNode)>,
    /// Where there are more: the places in `children`.
    places: HashMap<Box<str>, usize>,
    sink: Sink,
    /// How many segments lead here.
    segments: u8,
}

/// Up to here, comparing one by one beats hashing: most segments differ in their length.
const FEW: usize = 12;

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
        root.at(Identity::TARGETING_KEY).targeting_key = true;
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
        if let Some(child) = self.child(key) {
            return Some(child);
        }
        let (first, rest) = key.split_once('.')?;
        self.child(first)?.walk(rest)
    }

    fn child(&self, segment: &str) -> Option<&Self> {
        if self.children.len() > FEW {
            let place = self.places.get(segment)?;
            return self.children.get(*place).map(|(_, child)| child);
        }
        let mut children = self.children.iter();
        children
            .find(|(known, _)| **known == *segment)
            .map(|(_, child)| child)
    }

    /// What the value here is for.
    pub(crate) fn sink(&self) -> Sink {
        self.sink
    }

    /// How many segments lead here.
    pub(crate) fn segments(&self) -> u8 {
        self.segments
    }

    /// Whether no longer path leads through here.
    pub(crate) fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    fn at(&mut self, path: &str) -> &mut Sink {
        match path.split_once('.') {
            None => &mut self.child_mut(path).sink,
            Some((first, rest)) => self.child_mut(first).at(rest),
        }
    }

    fn child_mut(&mut self, segment: &str) -> &mut Self {
        let next = self.children.len();
        let place = *self.places.entry(segment.into()).or_insert(next);
        if place == next {
            let child = Self {
                segments: self.segments.saturating_add(1),
                ..Self::default()
            };
            self.children.push((segment.into(), child));
        }
        #[expect(clippy::indexing_slicing, reason = "every place is one of `children`")]
        let (_, child) = &mut self.children[place];
        child
    }
}

//! Counters with closed label sets, resolved once so that counting costs one atomic addition.

use std::marker::PhantomData;

use attune_core::decide::Reason;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

mod rules;

pub(crate) use rules::{Operation, Poll, Rules};

/// A value of a closed label set.
pub(crate) trait Label: Copy + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// Every value, in the order of [`Label::index`].
    const ALL: &'static [Self];

    /// The place in [`Label::ALL`].
    fn index(self) -> usize;

    /// As the metric spells it.
    fn as_str(self) -> &'static str;
}

/// Declares a closed label set.
macro_rules! label {
    ($(#[$doc:meta])* $kind:ident as $name:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $kind { $($(#[$variant_doc])* $variant,)* }

        impl Label for $kind {
            const NAME: &'static str = $name;
            const ALL: &'static [Self] = &[$(Self::$variant,)*];

            fn index(self) -> usize {
                self as usize
            }

            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}
pub(crate) use label;

/// One counter for each value of a label.
#[derive(Debug)]
pub(crate) struct Counters<K> {
    family: Family<[(&'static str, &'static str); 1], Counter>,
    by_label: Vec<Counter>,
    kind: PhantomData<fn(K)>,
}

impl<K: Label> Counters<K> {
    /// All at zero.
    pub(crate) fn new() -> Self {
        let family = Family::<[(&'static str, &'static str); 1], Counter>::default();
        let by_label = K::ALL
            .iter()
            .map(|label| family.get_or_create(&[(K::NAME, label.as_str())]).clone())
            .collect();
        Self {
            family,
            by_label,
            kind: PhantomData,
        }
    }

    /// One more.
    pub(crate) fn inc(&self, label: K) {
        self.add(label, 1);
    }

    /// That many more.
    pub(crate) fn add(&self, label: K, count: u64) {
        if let Some(counter) = self.by_label.get(label.index()) {
            counter.inc_by(count);
        }
    }

    /// How many so far.
    pub(crate) fn get(&self, label: K) -> u64 {
        self.by_label.get(label.index()).map_or(0, Counter::get)
    }

    /// Makes them readable under a name.
    pub(crate) fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.family.clone());
    }
}

impl Label for Reason {
    const NAME: &'static str = "reason";
    const ALL: &'static [Self] = &Reason::ALL;

    fn index(self) -> usize {
        self as usize
    }

    fn as_str(self) -> &'static str {
        Reason::as_str(self)
    }
}

label! {
    /// Why a request got no decision.
    Refusal as "code" {
        /// The body is not JSON.
        ParseError = "PARSE_ERROR",
        /// No usable context.
        InvalidContext = "INVALID_CONTEXT",
        /// No such touchpoint.
        FlagNotFound = "FLAG_NOT_FOUND",
        /// The body is larger than allowed.
        TooLarge = "TOO_LARGE",
        /// The body broke off.
        Unreadable = "UNREADABLE",
        /// The path takes another method.
        Method = "METHOD",
        /// The caller shows no key.
        Unauthorized = "UNAUTHORIZED",
        /// There is too much to do.
        Overloaded = "OVERLOADED",
    }
}

label! {
    /// What became of a bundle that was offered.
    Adoption as "result" {
        /// It decides now.
        Adopted = "adopted",
        /// The old one decides on.
        Refused = "refused",
    }
}

label! {
    /// What was turned away because there was too much of it.
    Shed as "what" {
        /// A connection.
        Connection = "connection",
        /// A request whose body was not whole.
        Body = "body",
        /// An event stream.
        Stream = "stream",
        /// An answer for which there was no room, because clients do not take theirs.
        Answer = "answer",
    }
}

/// What one decider counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Decisions of the single endpoint.
    pub single: Counters<Reason>,
    /// Decisions of the bulk endpoint.
    pub bulk: Counters<Reason>,
    /// Bulk requests answered by 304.
    pub not_modified: Counter,
    /// Requests answered by the code default because there is no bundle.
    pub without_bundle: Counter,
    /// Requests refused.
    pub refusals: Counters<Refusal>,
    /// What was turned away.
    pub shed: Counters<Shed>,
    /// Bundles offered.
    pub bundles: Counters<Adoption>,
    /// 1 once there is a bundle.
    pub ready: Gauge,
    /// Where its rules come from.
    pub rules: Rules,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            single: Counters::new(),
            bulk: Counters::new(),
            not_modified: Counter::default(),
            without_bundle: Counter::default(),
            refusals: Counters::new(),
            shed: Counters::new(),
            bundles: Counters::new(),
            ready: Gauge::default(),
            rules: Rules::new(),
        }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        self.rules.register(registry);
        self.single.register(
            registry,
            "attune_decider_decisions",
            "Decisions of the single endpoint by their reason",
        );
        self.bulk.register(
            registry,
            "attune_decider_bulk_decisions",
            "Decisions of the bulk endpoint by their reason, one a touchpoint",
        );
        self.refusals.register(
            registry,
            "attune_decider_refused_requests",
            "Requests that got an error instead of a decision",
        );
        self.shed.register(
            registry,
            "attune_decider_shed",
            "What was turned away because there was too much of it",
        );
        self.bundles.register(
            registry,
            "attune_decider_bundles",
            "Bundles offered, by what became of them",
        );
        registry.register(
            "attune_decider_bulk_not_modified",
            "Bulk requests whose answer the client already had",
            self.not_modified.clone(),
        );
        registry.register(
            "attune_decider_requests_without_bundle",
            "Requests answered by the code default because there is no bundle yet",
            self.without_bundle.clone(),
        );
        registry.register(
            "attune_decider_ready",
            "1 once there is a bundle to decide by",
            self.ready.clone(),
        );
    }
}

//! What is sound becomes a bundle per Channel; what is not keeps its last published form.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_api::conditions::Reason;
use attune_api::{Channel, ChannelBinding, Kind};
use attune_core::bundle::{self, Bundle, ContentId, FORMAT_VERSION, Rule};
use attune_core::engine::Engine;

use crate::adapt::{Bound, Place};
use crate::kept::{Contents, Kept, Ready};
use crate::report::Report;
use crate::rules::CandidateRules;
use crate::snapshot::Snapshot;
use crate::{Model, Previous, Publication};

mod carry;
mod content;
mod experiment;
mod needs;
mod settings;
mod stop;

pub use content::module;
pub(crate) use content::{FormKey, adapted, form, is_for};
pub(crate) use experiment::holdout_salt;
use needs::Needs;
pub(crate) use settings::fallback;

/// What every Channel serves, and the same ready to be asked.
#[derive(Debug, Default)]
pub struct Assembled {
    /// By Channel.
    pub channels: BTreeMap<String, Publication>,
    /// By Channel.
    pub engines: BTreeMap<String, Arc<Engine>>,
}

/// Compiles every Channel of the snapshot.
pub(crate) fn channels(
    model: &Model<'_>,
    previous: &Previous,
    report: &mut Report,
    kept: &mut Kept,
) -> Assembled {
    let snapshot = model.snapshot;
    let read = snapshot
        .channels
        .iter()
        .map(|(name, channel)| (name.as_str(), Some(channel.as_ref())));
    // A Channel that cannot be read is not gone.
    let unreadable = snapshot.unreadable(Kind::Channel).map(|name| (name, None));
    // What a form that cannot be read carries would be lost if it were published over.
    let known = |(name, _): &(&str, _)| previous.unreadable(name).is_none();
    let mut built = BTreeMap::new();
    for (name, channel) in read.chain(unreadable).filter(known) {
        let object = snapshot.id(Kind::Channel, name);
        let last = previous.get(name);
        let channel = channel.filter(|_| report.is_usable(&object));
        let contents = &mut kept.contents;
        let assembly = Assembly::new(model, report, contents, (name, channel), last.map(AsRef::as_ref));
        built.extend(assembly.map(|assembly| (name, assembly.build())));
    }
    agree(built.values_mut());
    let mut assembled = Assembled::default();
    for (name, bundle) in built {
        let last = previous.get(name);
        let (publication, engine) = match kept.served.ready(name, bundle) {
            Ok(Ready { publication, engine }) => (Some(publication), Some(engine)),
            Err(error) => {
                // INVARIANT: what the checks let through loads; if not, that is our mistake, and what serves stays.
                let object = snapshot.id(Kind::Channel, name);
                let message = format!("the compiled bundle does not load: {error}; please report this");
                report.error(&object, Reason::InternalError, "spec", message);
                let publication = last.and_then(|last| Publication::of(Arc::clone(last)).ok());
                let engine = last.and_then(|last| Engine::load(Arc::clone(last)).ok());
                (publication, engine.map(Arc::new))
            }
        };
        assembled
            .channels
            .extend(publication.map(|publication| (name.to_owned(), publication)));
        assembled
            .engines
            .extend(engine.map(|engine| (name.to_owned(), engine)));
    }
    assembled
}

/// What one Channel shows counts on the others: all that share a memory keep it for as long as any of them looks back.
fn agree<'b>(bundles: impl Iterator<Item = &'b mut Bundle>) {
    let mut sharing: Vec<_> = bundles.filter(|bundle| bundle.settings.state.is_some()).collect();
    let windows = sharing.iter().map(|bundle| bundle.history_window().as_secs());
    let longest = windows.max().unwrap_or(0);
    for state in sharing
        .iter_mut()
        .filter_map(|bundle| bundle.settings.state.as_mut())
    {
        state.window_seconds = longest;
    }
}

/// Whether a finding says that words do not fit where they are shown.
const fn is_misfit(reason: Reason) -> bool {
    matches!(reason, Reason::SlotContract | Reason::UnsafeContent)
}

/// A binding without its Program has no purpose to go on for; a Program that cannot be read is not gone.
fn has_program(snapshot: &Snapshot, program: &str) -> bool {
    snapshot.programs.contains_key(program) || snapshot.is_unreadable(Kind::Program, program)
}

/// One Channel's bundle in the making.
struct Assembly<'a> {
    model: &'a Model<'a>,
    report: &'a Report,
    contents: &'a mut Contents,
    name: &'a str,
    /// `None` where its spec cannot be used: its last form serves on, with what people suspend since.
    channel: Option<&'a Channel>,
    /// What was published last.
    previous: Option<&'a Bundle>,
    needs: Needs<'a>,
    /// Modules in their present form, as added.
    modules: BTreeMap<content::FormKey<'a>, ContentId>,
    /// Attributes that expressions in their present form read.
    read: BTreeSet<String>,
    bundle: Bundle,
}

impl<'a> Assembly<'a> {
    fn new(
        model: &'a Model<'a>,
        report: &'a Report,
        contents: &'a mut Contents,
        (name, channel): (&'a str, Option<&'a Channel>),
        previous: Option<&'a Bundle>,
    ) -> Option<Self> {
        let settings = match channel {
            Some(channel) => settings::lower(&channel.spec),
            None => previous?.settings.clone(),
        };
        let bundle = Bundle {
            format_version: FORMAT_VERSION,
            namespace: model.snapshot.namespace.clone(),
            channel: name.to_owned(),
            settings,
            attributes: BTreeMap::new(),
            audiences: BTreeMap::new(),
            modules: BTreeMap::new(),
            programs: BTreeMap::new(),
            holdouts: BTreeMap::new(),
            experiments: BTreeMap::new(),
            touchpoints: BTreeMap::new(),
            bindings: BTreeMap::new(),
        };
        let mut assembly = Self {
            model,
            report,
            contents,
            name,
            channel,
            previous,
            needs: Needs::of(model.snapshot, name),
            modules: BTreeMap::new(),
            read: BTreeSet::new(),
            bundle,
        };
        assembly.needs.carried = assembly.carried_audiences();
        Some(assembly)
    }

    fn build(mut self) -> Bundle {
        self.add_touchpoints();
        self.add_bindings();
        self.add_programs();
        self.add_experiments();
        stop::stop(&mut self.bundle, &self.report.stops);
        self.add_attributes();
        self.bundle
    }

    fn add_touchpoints(&mut self) {
        let Some(channel) = self.channel else {
            self.carry_touchpoints();
            return;
        };
        for (index, touchpoint) in channel.spec.touchpoints.iter().enumerate() {
            let name = touchpoint.name.as_str();
            let baseline = touchpoint.baseline.as_ref().and_then(|baseline| {
                let module = baseline.module_ref.name.as_str();
                self.is_fit(index, module)
                    .then(|| self.add_module(module, self.place(name, None)))
                    .flatten()
                    .or_else(|| self.carry_baseline(name))
            });
            let formats = content::formats(touchpoint);
            self.bundle
                .touchpoints
                .insert(name.to_owned(), bundle::Touchpoint { baseline, formats });
        }
    }

    /// Whether a module may be the baseline here: it exists, is sound by itself and fits the touchpoint.
    fn is_fit(&self, touchpoint: usize, module: &str) -> bool {
        let snapshot = self.model.snapshot;
        let field = format!("spec.touchpoints[{touchpoint}].baseline");
        let channel = snapshot.id(Kind::Channel, self.name);
        let misfit = self
            .report
            .about(&channel)
            .any(|finding| is_misfit(finding.reason) && finding.field == field);
        !misfit && self.report.is_usable((Kind::ContentModule, module))
    }

    fn add_bindings(&mut self) {
        let (snapshot, channel) = (self.model.snapshot, self.name);
        let ours = snapshot
            .bindings
            .iter()
            .filter(|(_, binding)| binding.spec.channel_ref.name.as_str() == channel);
        for (name, binding) in ours {
            let sound = self.report.is_sound((Kind::ChannelBinding, name));
            let lowered = if sound {
                self.lower_binding(name, binding)
            } else {
                None
            };
            if let Some(lowered) = lowered {
                self.bundle.bindings.insert(name.clone(), lowered);
            } else {
                self.carry_binding(name, Some(&binding.spec));
            }
        }
        for name in snapshot.unreadable(Kind::ChannelBinding) {
            self.carry_binding(name, None);
        }
    }

    fn lower_binding(&mut self, name: &'a str, binding: &'a ChannelBinding) -> Option<bundle::Binding> {
        let touchpoint = binding.spec.touchpoint.as_str();
        if self.is_form_unknown(touchpoint) {
            return None;
        }
        let place = self.place(
            touchpoint,
            Some(Bound {
                binding: name,
                program: &binding.spec.program_ref.name,
            }),
        );
        let mut candidates = Vec::new();
        for (index, candidate) in binding.spec.candidates.iter().enumerate() {
            let audiences = candidate
                .audiences
                .iter()
                .map(|audience| self.add_audience(audience));
            let audiences = audiences.collect::<Option<Vec<_>>>()?;
            let rules = self.model.rules.candidates.get(&(name.to_owned(), index));
            let expressions = rules.into_iter().flat_map(CandidateRules::each);
            expressions.for_each(|(_, rule)| self.note_read(rule));
            candidates.push(bundle::Candidate {
                module: self.add_module(&candidate.module_ref.name, place)?,
                audiences,
                when: rules.and_then(|rules| rules.when.clone()),
                score: rules.and_then(|rules| rules.score.clone()),
            });
        }
        Some(settings::binding(&binding.spec, candidates))
    }

    fn add_audience(&mut self, name: &str) -> Option<ContentId> {
        let rule = self.model.rules.audiences.get(name)?;
        let (id, audience) = self.contents.audience(name, rule)?;
        self.note_read(rule);
        self.bundle.audiences.insert(id.clone(), audience);
        Some(id)
    }

    fn note_read(&mut self, rule: &Rule) {
        self.read
            .extend(rule.expression.attributes().into_iter().map(str::to_owned));
    }

    /// Where words are shown; `None` where the Channel does not say.
    fn place(&self, touchpoint: &str, binding: Option<Bound<'a>>) -> Option<Place<'a>> {
        let (channel, _) = self.model.snapshot.channels.get_key_value(self.name)?;
        let mut touchpoints = self.channel?.spec.touchpoints.iter();
        Some(Place {
            channel,
            touchpoint: touchpoints.find(|known| known.name == touchpoint)?,
            binding,
        })
    }

    /// Whether a touchpoint has formats that nobody can tell any more.
    fn is_form_unknown(&self, touchpoint: &str) -> bool {
        let last = self
            .previous
            .and_then(|previous| previous.touchpoints.get(touchpoint));
        self.channel.is_none() && last.is_some_and(|last| !last.formats.is_empty())
    }

    /// Adds a module with the variants that this Channel may show, in the words that the place shows.
    fn add_module(&mut self, name: &str, place: Option<Place<'a>>) -> Option<ContentId> {
        let (name, object) = self.model.snapshot.modules.get_key_value(name)?;
        let key = content::key(name, place.as_ref());
        if let Some(id) = self.modules.get(&key) {
            return Some(id.clone());
        }
        let variants = object.spec.variants.iter();
        let shown: Vec<_> = variants
            .map(|variant| content::is_for(variant, self.name) && self.needs.covers(name, variant))
            .collect();
        let labels = &self.bundle.settings.diversity;
        let place = place.filter(Place::is_adapted);
        let (id, module) =
            self.contents
                .module((self.name, key), object, &shown, (labels, place.as_ref()))?;
        self.bundle.modules.insert(id.clone(), module);
        self.modules.insert(key, id.clone());
        Some(id)
    }

    /// Adds the programs of the bindings and the holdouts that cover them.
    fn add_programs(&mut self) {
        let names: BTreeSet<String> = self
            .bundle
            .bindings
            .values()
            .map(|binding| binding.program.clone())
            .collect();
        for name in names {
            let Some(program) = self.model.snapshot.programs.get(&name) else {
                self.carry_program(&name);
                continue;
            };
            let own = program.spec.holdout_ref.iter().map(|one| one.name.as_str());
            let lowered = bundle::Program {
                purpose: program.spec.purpose.as_str().to_owned(),
                suspended: program.spec.suspend,
                holdouts: self.covering_holdouts(&name, own.collect()),
            };
            self.bundle.programs.insert(name, lowered);
        }
    }

    /// Adds every attribute that some expression of the bundle reads, and where decisions are kept those of the identity that
    /// are not to be. One that carried expressions alone read keeps the
    /// type that they were checked against, also when no contract declares it any more; what it may be used for is what
    /// the contract says now.
    fn add_attributes(&mut self) {
        let audiences = self.bundle.audiences.values().map(|audience| &audience.rule);
        let candidates = self
            .bundle
            .bindings
            .values()
            .flat_map(|binding| &binding.candidates);
        let rules = candidates.flat_map(|candidate| candidate.when.iter().chain(&candidate.score));
        let read = |rule: &Rule| -> Vec<String> {
            rule.expression
                .attributes()
                .into_iter()
                .map(str::to_owned)
                .collect()
        };
        let mut names: BTreeSet<String> = audiences.chain(rules).flat_map(read).collect();
        names.extend(self.withheld());
        for name in names {
            let declared = self.model.attributes.by_name.get(&name);
            let declared = declared.map(|declared| declared.attribute.clone());
            let last = self.last(&name);
            let attribute = match (declared, last) {
                (Some(declared), Some(last)) if !self.read.contains(&name) => bundle::Attribute {
                    ty: last.ty,
                    values: last.values.clone(),
                    ..declared
                },
                (Some(declared), _) => declared,
                (None, Some(last)) => last.clone(),
                (None, None) => continue,
            };
            self.bundle.attributes.insert(name, attribute);
        }
    }

    /// Sensitive attributes that no expression need read for a decision to depend on them: where decisions are kept, a
    /// decider has to know that these are not.
    fn withheld(&self) -> Vec<String> {
        let settings = &self.bundle.settings;
        let identity = settings.replay.iter().map(|_| &settings.identity);
        let paths = identity.flat_map(|identity| identity.locale.iter().chain(&identity.time_zone));
        let declared = &self.model.attributes.by_name;
        let is_sensitive = |name: &str| match declared.get(name) {
            Some(declared) => declared.attribute.sensitive,
            // One that nobody declares any more is what it last was.
            None => self.last(name).is_some_and(|last| last.sensitive),
        };
        paths.filter(|path| is_sensitive(path)).cloned().collect()
    }

    /// What was published last of an attribute.
    fn last(&self, name: &str) -> Option<&bundle::Attribute> {
        self.previous?.attributes.get(name)
    }
}

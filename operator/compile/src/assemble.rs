//! What is sound becomes a bundle per Channel; what is not keeps its last published form.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_api::conditions::Reason;
use attune_api::{Channel, ChannelBinding, Kind};
use attune_core::bundle::{self, Bundle, ContentId, FORMAT_VERSION, Rule};
use attune_core::engine::Engine;

use crate::report::Report;
use crate::{Model, Previous, Publication};

mod carry;
mod content;
mod experiment;
mod settings;

pub use content::module;

/// Compiles every Channel of the snapshot.
pub fn channels(
    model: &Model<'_>,
    previous: &Previous,
    report: &mut Report,
) -> BTreeMap<String, Publication> {
    let mut publications = BTreeMap::new();
    for (name, channel) in &model.snapshot.channels {
        let object = model.snapshot.id(Kind::Channel, name);
        if !report.is_usable(&object) {
            publications.extend(
                previous
                    .get(name)
                    .and_then(|bundle| publish(bundle))
                    .map(|kept| (name.clone(), kept)),
            );
            continue;
        }
        let last = previous.get(name).map(AsRef::as_ref);
        let built = Assembly::new(model, report, name, channel, last).build();
        match Engine::load(built.clone()) {
            Ok(_) => {
                publications.extend(publish(&Arc::new(built)).map(|publication| (name.clone(), publication)))
            }
            Err(error) => {
                // INVARIANT: what the checks let through loads; if not, that is our mistake, and what serves stays.
                let message = format!("the compiled bundle does not load: {error}; please report this");
                report.error(&object, Reason::InternalError, "spec", message);
                publications.extend(
                    previous
                        .get(name)
                        .and_then(|bundle| publish(bundle))
                        .map(|kept| (name.clone(), kept)),
                );
            }
        }
    }
    publications
}

fn publish(bundle: &Arc<Bundle>) -> Option<Publication> {
    let canonical = bundle.canonical().ok()?;
    let revision = Bundle::revision(&canonical);
    Some(Publication {
        bundle: Arc::clone(bundle),
        canonical: canonical.into(),
        revision,
    })
}

/// One Channel's bundle in the making.
struct Assembly<'a> {
    model: &'a Model<'a>,
    report: &'a Report,
    name: &'a str,
    channel: &'a Channel,
    /// What was published last.
    previous: Option<&'a Bundle>,
    bundle: Bundle,
}

impl<'a> Assembly<'a> {
    fn new(
        model: &'a Model<'a>,
        report: &'a Report,
        name: &'a str,
        channel: &'a Channel,
        previous: Option<&'a Bundle>,
    ) -> Self {
        let bundle = Bundle {
            format_version: FORMAT_VERSION,
            namespace: model.snapshot.namespace.clone(),
            channel: name.to_owned(),
            settings: settings::lower(&channel.spec),
            attributes: BTreeMap::new(),
            audiences: BTreeMap::new(),
            modules: BTreeMap::new(),
            programs: BTreeMap::new(),
            holdouts: BTreeMap::new(),
            experiments: BTreeMap::new(),
            touchpoints: BTreeMap::new(),
            bindings: BTreeMap::new(),
        };
        Self {
            model,
            report,
            name,
            channel,
            previous,
            bundle,
        }
    }

    fn build(mut self) -> Bundle {
        self.add_touchpoints();
        self.add_bindings();
        self.add_programs();
        self.add_experiments();
        self.add_attributes();
        self.bundle
    }

    fn add_touchpoints(&mut self) {
        for touchpoint in &self.channel.spec.touchpoints {
            let name = touchpoint.name.as_str();
            let baseline = touchpoint.baseline.as_ref().and_then(|baseline| {
                let module = baseline.module_ref.name.as_str();
                self.is_fit(name, module)
                    .then(|| self.add_module(module))
                    .flatten()
                    .or_else(|| self.carry_baseline(name))
            });
            self.bundle
                .touchpoints
                .insert(name.to_owned(), bundle::Touchpoint { baseline });
        }
    }

    /// Whether a module may be the baseline here: it exists, is sound by itself and fits the touchpoint.
    fn is_fit(&self, touchpoint: &str, module: &str) -> bool {
        let snapshot = self.model.snapshot;
        let index = self
            .channel
            .spec
            .touchpoints
            .iter()
            .position(|one| one.name.as_str() == touchpoint);
        let field = format!("spec.touchpoints[{}].baseline", index.unwrap_or_default());
        let channel = snapshot.id(Kind::Channel, self.name);
        let misfit = self
            .report
            .about(&channel)
            .any(|finding| finding.reason == Reason::SlotContract && finding.field == field);
        !misfit && self.report.is_usable(&snapshot.id(Kind::ContentModule, module))
    }

    fn add_bindings(&mut self) {
        let (snapshot, channel) = (self.model.snapshot, self.name);
        let ours = snapshot
            .bindings
            .iter()
            .filter(|(_, binding)| binding.spec.channel_ref.name.as_str() == channel);
        for (name, binding) in ours {
            // A binding without its Program has no purpose to go on for.
            if !snapshot
                .programs
                .contains_key(binding.spec.program_ref.name.as_str())
            {
                continue;
            }
            let sound = self.report.is_sound(&snapshot.id(Kind::ChannelBinding, name));
            let lowered = if sound {
                self.lower_binding(name, binding)
            } else {
                None
            };
            if let Some(lowered) = lowered {
                self.bundle.bindings.insert(name.clone(), lowered);
            } else {
                self.carry_binding(name, binding);
            }
        }
    }

    fn lower_binding(&mut self, name: &str, binding: &ChannelBinding) -> Option<bundle::Binding> {
        let mut candidates = Vec::new();
        for (index, candidate) in binding.spec.candidates.iter().enumerate() {
            let audiences = candidate
                .audiences
                .iter()
                .map(|audience| self.add_audience(audience));
            let audiences = audiences.collect::<Option<Vec<_>>>()?;
            let rules = self.model.rules.candidates.get(&(name.to_owned(), index));
            candidates.push(bundle::Candidate {
                module: self.add_module(&candidate.module_ref.name)?,
                audiences,
                when: rules.and_then(|rules| rules.when.clone()),
                score: rules.and_then(|rules| rules.score.clone()),
            });
        }
        Some(settings::binding(&binding.spec, candidates))
    }

    fn add_audience(&mut self, name: &str) -> Option<ContentId> {
        let rule = self.model.rules.audiences.get(name)?;
        let audience = bundle::Audience {
            name: name.to_owned(),
            rule: rule.clone(),
        };
        let id = bundle::content_id(name, &audience).ok()?;
        self.bundle.audiences.insert(id.clone(), audience);
        Some(id)
    }

    /// Adds a module with the variants that this Channel may show.
    fn add_module(&mut self, name: &str) -> Option<ContentId> {
        let object = self.model.snapshot.modules.get(name)?;
        let mut module = content::module(name, object, self.name);
        let used = self.used_audiences();
        module.variants.retain(|variant| {
            variant.audiences.is_empty()
                || variant
                    .audiences
                    .iter()
                    .any(|audience| used.contains(audience.as_str()))
        });
        let id = bundle::content_id(name, &module).ok()?;
        self.bundle.modules.insert(id.clone(), module);
        Some(id)
    }

    /// Audiences that some binding of this Channel names: variants for others are no business of its deciders.
    fn used_audiences(&self) -> BTreeSet<&'a str> {
        let bindings = self.model.snapshot.bindings.values();
        let ours = bindings.filter(|binding| binding.spec.channel_ref.name.as_str() == self.name);
        let candidates = ours.flat_map(|binding| &binding.spec.candidates);
        candidates
            .flat_map(|candidate| candidate.audiences.iter().map(|name| name.as_str()))
            .collect()
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
                continue;
            };
            let holdouts = self.covering_holdouts(
                &name,
                program.spec.holdout_ref.as_ref().map(|one| one.name.as_str()),
            );
            let lowered = bundle::Program {
                purpose: program.spec.purpose.as_str().to_owned(),
                suspended: program.spec.suspend,
                holdouts,
            };
            self.bundle.programs.insert(name, lowered);
        }
    }

    /// Adds every attribute that some expression of the bundle reads; a carried expression may read one that no contract
    /// declares any more.
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
        let names: BTreeSet<String> = audiences.chain(rules).flat_map(read).collect();
        for name in names {
            let declared = self
                .model
                .attributes
                .by_name
                .get(&name)
                .map(|declared| &declared.attribute);
            let carried = || self.previous.and_then(|previous| previous.attributes.get(&name));
            if let Some(attribute) = declared.or_else(carried) {
                self.bundle.attributes.insert(name, attribute.clone());
            }
        }
    }
}

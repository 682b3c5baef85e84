//! What channels report to have shown, as caps count it.

use attune_core::bundle::{Bundle, Exposure};
use attune_core::event::Exposure as Exposed;

use crate::state::ReportedShow;

/// What an exposure that a channel reports says about caps; `None` when it is not this Channel's, or was counted with its
/// decision.
///
/// An exposure names the variant that was shown, which is the baseline's where the unit was held out. Then the module
/// that would have won is known only if the binding has no other.
pub(super) fn show<'b>(bundle: &'b Bundle, exposure: &Exposed) -> Option<ReportedShow<'b>> {
    if exposure
        .channel
        .as_ref()
        .is_some_and(|channel| *channel != bundle.channel)
    {
        return None;
    }
    let at_touchpoint = |touchpoint: &str| {
        let mut bindings = bundle
            .bindings
            .iter()
            .filter(|(_, binding)| binding.touchpoint == touchpoint);
        bindings.next().filter(|_| bindings.next().is_none())
    };
    let found = match (&exposure.binding, &exposure.touchpoint) {
        (Some(name), _) => bundle.bindings.get_key_value(name),
        (None, Some(touchpoint)) => at_touchpoint(touchpoint),
        (None, None) => None,
    };
    let Some((name, binding)) = found else {
        // Whatever it was, the Channel showed something.
        return exposure.channel.is_some().then_some(ReportedShow {
            binding: None,
            module: None,
            program: None,
        });
    };
    if binding.exposure == Exposure::OnDecision {
        return None;
    }
    let modules = binding.candidates.iter().filter_map(|candidate| {
        let module = bundle.modules.get(&candidate.module)?;
        Some(module.name.as_str())
    });
    let shown = exposure
        .variant
        .as_deref()
        .and_then(|variant| variant.split('/').next());
    let mut others = modules.clone();
    let first = others.next();
    let only = first.filter(|first| others.all(|module| module == *first));
    Some(ReportedShow {
        binding: Some(name),
        module: modules.clone().find(|module| shown == Some(module)).or(only),
        program: Some(&binding.program),
    })
}

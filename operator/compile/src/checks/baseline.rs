//! Every module has a variant for everybody.

use attune_api::Kind;
use attune_api::conditions::Reason;

use crate::Model;
use crate::report::Report;

#[cfg(test)]
mod tests;

/// Looks at the variant that each module names as its baseline.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    for (name, module) in &model.snapshot.modules {
        let object = model.snapshot.id(Kind::ContentModule, name);
        let baseline = &module.spec.baseline;
        let Some(variant) = module
            .spec
            .variants
            .iter()
            .find(|variant| variant.name == *baseline)
        else {
            let message = format!("the module has no variant `{baseline}`: name one of its variants");
            report.error(&object, Reason::BaselineInvalid, "spec.baseline", message);
            continue;
        };
        let narrowed = [
            ("audiences", !variant.audiences.is_empty()),
            ("channels", !variant.channels.is_empty()),
            ("locales", !variant.locales.is_empty()),
            ("validity", variant.validity.is_some()),
        ];
        for (field, _) in narrowed.into_iter().filter(|(_, narrowed)| *narrowed) {
            let message = format!("the baseline `{baseline}` is for everybody, always: remove its {field}");
            report.error(&object, Reason::BaselineInvalid, "spec.baseline", message);
        }
    }
}

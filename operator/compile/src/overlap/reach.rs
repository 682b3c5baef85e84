//! Who is ever reached in a list of candidates, which are tried in order.

use std::sync::Arc;

use attune_api::ChannelBinding;
use attune_api::channel_binding::Candidate;

use super::{Form, Forms, Proof};

/// What is shown of one candidate of a binding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Audiences that never meet it, by position in its list.
    pub unreached: Vec<Unreached>,
    /// Why nobody at all meets it.
    pub nobody: Option<Why>,
}

/// An audience that a candidate names and never meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// Position in the candidate's list.
    pub place: usize,
    /// Why.
    pub why: Why,
}

/// Why somebody is not reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// All of them are in another audience that comes first.
    Behind(String),
    /// All of them are in some of several audiences that come first.
    BehindSeveral,
    /// A candidate before it is for everybody.
    BehindEverybody,
    /// The condition and the audience exclude each other.
    Excluded,
}

/// What came before in a binding.
struct Before {
    /// Everybody whom earlier candidates take.
    taken: Form,
    is_everybody: bool,
    /// Audiences that earlier candidates take without a further condition.
    whole: Vec<String>,
}

/// Looks at the candidates of a binding in their order; those that scores may put into another are compared with nothing before
/// them. `conditions` has the form of each candidate's `when`; `None` where it does not compile.
pub fn of(forms: &Forms, binding: &ChannelBinding, conditions: &[Option<Arc<Form>>]) -> Vec<Reach> {
    let (always, never) = (Form::always(), Form::never());
    let candidates = &binding.spec.candidates;
    let is_ordered = candidates.iter().all(|candidate| candidate.score.is_none());
    let mut before = Before {
        taken: never.clone(),
        is_everybody: false,
        whole: Vec::new(),
    };
    let mut found = Vec::new();
    for (candidate, condition) in candidates.iter().zip(conditions) {
        let condition = condition_of(candidate, condition.as_deref(), &always);
        let names: Vec<&str> = candidate
            .audiences
            .iter()
            .map(attune_api::ObjectName::as_str)
            .collect();
        let reach = examine(forms, &names, condition, &before);
        if is_ordered {
            let admitted = names.iter().fold(never.clone(), |all, name| {
                all.join(forms.by_name.get(*name).map_or(&never, AsRef::as_ref))
            });
            let admitted = if names.is_empty() {
                always.clone()
            } else {
                admitted
            };
            before.take(&admitted.and(condition), &names, candidate.when.is_some());
        }
        found.push(reach);
    }
    found
}

/// A condition that does not compile takes nobody, as far as can be shown.
fn condition_of<'f>(candidate: &Candidate, condition: Option<&'f Form>, always: &'f Form) -> &'f Form {
    match condition {
        Some(form) => form,
        None if candidate.when.is_some() => &Form::TooLarge,
        None => always,
    }
}

/// Everybody whom a binding may admit; too large to be told where a part of it is. `conditions` as of [`of`].
pub fn admitted(forms: &Forms, binding: &ChannelBinding, conditions: &[Option<Arc<Form>>]) -> Form {
    let always = Form::always();
    let mut all = Form::never();
    for (candidate, condition) in binding.spec.candidates.iter().zip(conditions) {
        let condition = condition_of(candidate, condition.as_deref(), &always);
        let known = candidate
            .audiences
            .iter()
            .map(|name| forms.by_name.get(name.as_str()));
        let named = known.fold(None, |all: Option<Form>, form| {
            let form = form.map_or(&Form::TooLarge, AsRef::as_ref);
            Some(all.map_or_else(|| form.clone(), |all| all.join(form)))
        });
        all = all.join(&named.unwrap_or_else(|| always.clone()).and(condition));
    }
    all
}

impl Before {
    fn take(&mut self, admitted: &Form, names: &[&str], is_conditional: bool) {
        // What is too large to be shown takes nobody.
        if let (Form::Boxes(_), joined @ Form::Boxes(_)) = (admitted, self.taken.join(admitted)) {
            self.taken = joined;
        }
        if !is_conditional {
            self.is_everybody |= names.is_empty();
            self.whole.extend(names.iter().map(|name| (*name).to_owned()));
        }
    }
}

fn examine(forms: &Forms, names: &[&str], condition: &Form, before: &Before) -> Reach {
    let mut reach = Reach::default();
    if before.is_everybody {
        reach.nobody = Some(Why::BehindEverybody);
        return reach;
    }
    if names.is_empty() {
        reach.nobody = hidden(forms, condition, &before.whole, &before.taken);
        return reach;
    }
    let mut earlier = before.whole.clone();
    let mut taken = before.taken.clone();
    for (place, name) in names.iter().enumerate() {
        let Some(form) = forms.by_name.get(*name) else {
            continue;
        };
        let met = form.and(condition);
        let why = if form.is_never() {
            // Told where the audience is declared.
            None
        } else if met.is_never() {
            Some(Why::Excluded)
        } else {
            hidden(forms, &met, &earlier, &taken)
        };
        reach.unreached.extend(why.map(|why| Unreached { place, why }));
        earlier.push((*name).to_owned());
        if let joined @ Form::Boxes(_) = taken.join(&met) {
            taken = joined;
        }
    }
    let is_never = |name: &&&str| forms.by_name.get(**name).is_some_and(|form| form.is_never());
    let never = names.iter().filter(is_never).count();
    if reach.unreached.len() + never == names.len() {
        reach.nobody = reach
            .unreached
            .first()
            .map(|first| first.why.clone())
            .or(Some(Why::Excluded));
    }
    reach
}

/// Why all of a form comes after others; `None` where that is not shown.
fn hidden(forms: &Forms, form: &Form, earlier: &[String], taken: &Form) -> Option<Why> {
    if form.is_never() {
        return Some(Why::Excluded);
    }
    let around = |name: &&String| {
        let other = forms.by_name.get(name.as_str());
        other.is_some_and(|other| form.lies_inside(other) == Proof::Proven)
    };
    if let Some(name) = earlier.iter().find(around) {
        return Some(Why::Behind(name.clone()));
    }
    (form.lies_inside(taken) == Proof::Proven).then_some(Why::BehindSeveral)
}

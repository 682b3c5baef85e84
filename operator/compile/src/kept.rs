//! What a compilation of a namespace leaves to the next one, so that an edit does not cost what everything costs.
//!
//! Whatever is kept is the answer of a pure function beside everything that it was made of. It is taken again only where
//! all of that is the same, so that a compilation gives the same whatever is kept, and to forget is always right. What
//! no compilation asked for is forgotten with the next one.
//!
//! | what is kept | is an answer to |
//! |---|---|
//! | [`Expressions`]: checked, its normal form, its hash | the source, what it is to give, and the schema |
//! | [`Contents`]: audiences as bundles carry them | the name and the rule |
//! | [`Contents`]: modules as bundles carry them | the object as it was read, and which variants a Channel may show |
//! | [`Served`]: a Channel's bundle in bytes, and loaded | the bundle, built anew every time |
//! | [`Portfolios`]: whom candidates reach and bindings admit | the binding as it was read, and the forms that it names |
//! | [`Objects`]: what keeps a module's words from a touchpoint | the module and the Channel as they were read, the touchpoint's name |
//! | [`Objects`]: an insight as it is compared with others | the Audience as it was read |
//! | [`Verdicts`]: what is said of an object | all that is said, with its figures as yet unwritten |
//! | [`Portfolios`]: audiences that are nearly the same | all forms by name |
//!
//! The instant is in none of them, nor are findings: whatever depends on these is computed every time.

use foldhash::{HashMap, HashMapExt};

mod contents;
mod expressions;
mod objects;
mod portfolios;
mod served;
mod verdicts;

pub(crate) use contents::Contents;
pub(crate) use expressions::Expressions;
pub(crate) use objects::{Fault, Objects};
pub(crate) use portfolios::Portfolios;
pub(crate) use served::{Ready, Served};
pub(crate) use verdicts::Verdicts;

/// What is kept of one namespace.
#[derive(Debug, Default)]
pub struct Kept {
    pub(crate) expressions: Expressions,
    pub(crate) contents: Contents,
    pub(crate) served: Served,
    pub(crate) portfolios: Portfolios,
    pub(crate) objects: Objects,
    pub(crate) verdicts: Verdicts,
}

impl Kept {
    /// A compilation ends: what it did not ask for is forgotten.
    pub(crate) fn turn(&mut self) {
        self.expressions.turn();
        self.contents.turn();
        self.served.turn();
        self.portfolios.turn();
        self.objects.turn();
        self.verdicts.turn();
    }
}

/// Answers by what is asked, those of this compilation apart from those of the one before.
#[derive(Debug)]
struct Answers<T> {
    now: HashMap<String, T>,
    before: HashMap<String, T>,
}

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self {
            now: HashMap::new(),
            before: HashMap::new(),
        }
    }
}

impl<T: Clone> Answers<T> {
    /// The answer known by a name; one that does not hold any more, or is not there, is made anew.
    fn get(&mut self, name: &str, holds: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> T {
        if let Some(known) = self.now.get(name).filter(|known| holds(known)) {
            return known.clone();
        }
        let known = self.before.remove_entry(name);
        let known = known.filter(|(_, known)| holds(known));
        let (name, answer) = known.unwrap_or_else(|| (name.to_owned(), make()));
        self.now.insert(name, answer.clone());
        answer
    }

    fn turn(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    fn clear(&mut self) {
        self.now.clear();
        self.before.clear();
    }
}

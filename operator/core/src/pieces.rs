//! Long work in pieces, between which others get the processor.
//!
//! Loading a bundle takes milliseconds, in which a processor that also answers requests would answer none.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

thread_local! {
    /// What is called after each piece of this thread's work.
    static BETWEEN: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// Does something and calls `between` on this thread whenever a piece of it is done: some microseconds of work each.
pub fn between<T>(between: fn(), work: impl FnOnce() -> T) -> T {
    /// Puts back what was called before, also where the work breaks off.
    struct Before(Option<fn()>);

    impl Drop for Before {
        fn drop(&mut self) {
            BETWEEN.set(self.0);
        }
    }

    let _before = Before(BETWEEN.replace(Some(between)));
    work()
}

/// Says that a piece of long work is done.
pub fn done() {
    if let Some(between) = BETWEEN.get() {
        between();
    }
}

/// Reads a map whose entries are pieces; for `#[serde(deserialize_with)]`.
pub(crate) fn map<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(Entries(PhantomData))
}

struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
    type Value = BTreeMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry()? {
            map.insert(key, value);
            done();
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{between, done};
    use crate::bundle::Bundle;
    use crate::engine::Engine;
    use crate::strategy::shop;

    thread_local! {
        static COUNT: Cell<u32> = const { Cell::new(0) };
    }

    fn count() {
        COUNT.set(COUNT.get() + 1);
    }

    #[test]
    fn loads_a_bundle_in_as_many_pieces_as_it_has_parts() {
        let json = shop().0.canonical().unwrap();
        let bundle = between(count, || Bundle::parse(&json)).unwrap();
        let parts = bundle.audiences.len() + bundle.modules.len() + bundle.bindings.len();
        let read = COUNT.take();
        assert!(read as usize >= parts, "{read} pieces of {parts} parts");
        between(count, || Engine::load(bundle)).unwrap();
        let linked = COUNT.take();
        assert!(linked as usize >= parts, "{linked} pieces of {parts} parts");
    }

    #[test]
    fn calls_nobody_else_once_the_work_is_over() {
        let broken = std::panic::catch_unwind(|| between(count, || panic!("it breaks off")));
        assert!(broken.is_err());
        done();
        assert_eq!(COUNT.take(), 0);
    }
}

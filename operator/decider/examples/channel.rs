//! Writes the bundle of a Channel as the benchmarks ask for it: `channel <touchpoints> <audiences> <per touchpoint> [title]`.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a program for benchmarks that fails says so"
)]

#[path = "../benches/engine/world.rs"]
#[expect(dead_code, reason = "the benchmarks use more of it")]
mod world;

use world::Rules;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = || {
        let text = arguments
            .next()
            .expect("`channel <touchpoints> <audiences> <per touchpoint>`");
        text.parse::<usize>().expect("a number")
    };
    let mut bundle = world::build(number(), number(), number(), Rules::Mixed);
    if let Some(title) = arguments.next() {
        for module in bundle.modules.values_mut() {
            let module = std::sync::Arc::make_mut(module);
            module.core.insert("legal".to_owned(), title.clone().into());
        }
    }
    let request = world::request(7);
    let json = String::from_utf8(bundle.canonical().expect("JSON")).expect("UTF-8");
    // The request is for whoever asks; the bundle follows.
    println!("{request}\n{json}");
}

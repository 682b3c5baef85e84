//! `attune export`: rules as others read them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::folder::{AT, Folder, Run};

fn export(folder: &Folder, channel: &str, more: &[&str]) -> Run {
    let asked = ["export", "-f", ".", "--channel", channel];
    folder.attune(&[&asked[..], &AT, more].concat())
}

/// The strategy whose channel is pushed as flag definitions.
fn kiosks() -> Folder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/channels/strategy.yaml");
    let text = fs::read_to_string(path).expect("the example can be read");
    Folder::new().with("strategy.yaml", text)
}

#[test]
fn writes_flag_definitions_of_a_channel_that_they_carry() {
    let run = export(&kiosks(), "kiosk", &["--format", "flagd"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&run.stdout).expect("flag definitions are JSON");
    assert_eq!(document["flags"]["start"]["defaultVariant"], "banner/everyone");
    assert_eq!(document["metadata"]["attune.channel"], "kiosk");
}

#[test]
fn says_what_is_left_out_and_writes_the_rest() {
    let run = export(
        &Folder::example(&[]),
        "web",
        &["--format", "flagd", "--out", "flags.json"],
    );
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    for told in [
        "attune: ChannelBinding `retention-home-hero`, spec.caps: a frequency cap needs to know",
        "attune: ChannelBinding `retention-home-hero`, spec.stopOn: a stop after an outcome needs to know",
        "attune: ChannelBinding `retention-home-hero`, spec.candidates[1].audiences[1]: audience `lapsed` uses",
    ] {
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
}

#[test]
fn writes_the_bundle_unless_told_otherwise() {
    let run = export(&Folder::example(&[]), "email", &[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let bundle: Value = serde_json::from_str(&run.stdout).expect("a bundle is JSON");
    assert_eq!(bundle["channel"], "email");
}

#[test]
fn names_the_channels_that_there_are() {
    let run = export(&Folder::example(&[]), "shop-window", &[]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr
            .contains("no channel `shop-window` can be served; there are: shop/email, shop/web"),
        "{}",
        run.stderr
    );
}

#[test]
fn lints_the_example_of_channels_without_a_finding() {
    let run = kiosks().attune(&[&["lint", "-f", "."][..], &AT].concat());
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

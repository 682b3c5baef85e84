//! `attune coverage`: the table, the data, the brief and the page.

use crate::folder::{AT, Folder};

fn coverage(folder: &Folder, format: &str) -> String {
    let run = folder.attune(&["coverage", "-f", ".", AT[0], AT[1], "-o", format]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    run.stdout
}

#[test]
fn shows_the_matrix_and_the_debt_as_tables() {
    insta::assert_snapshot!(coverage(&Folder::example(&[]), "table"));
}

#[test]
fn gives_every_cell_as_data() {
    let text = coverage(&Folder::example(&[]), "json");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let program = &value["namespaces"][0]["programs"][0];
    assert_eq!(program["figures"]["coveredBp"], 7777);
    let cells = program["cells"].as_array().expect("cells");
    assert_eq!(cells.len(), 9);
    let lapsed = cells
        .iter()
        .find(|cell| cell["audience"] == "lapsed" && cell["locale"] == "de")
        .expect("a cell");
    assert_eq!(lapsed["state"], "Untranslated");
    assert_eq!(lapsed["content"]["headline"], "New since your last visit");
    assert_eq!(lapsed["owner"], "content-studio");
}

#[test]
fn briefs_a_content_team_on_what_is_open_by_reach() {
    let csv = coverage(&Folder::example(&[]), "csv");
    let lines: Vec<_> = csv.split_terminator("\r\n").collect();
    assert_eq!(
        lines,
        [
            "reach,namespace,program,audience,who,believes,needs,shifts,channel,touchpoint,locale,state,now shown to,slots,module,team",
            "180000,shop,spring-retention,lapsed,\"Bought before, not seen for a month.\",The shop has nothing new.,A reason to look \
             again.,New arrivals in a known category.,web,home-hero,de,Untranslated,,\"headline (required, at most 40 characters); cta \
             (required, at most 20 characters)\",hero,content-studio",
            "42000,shop,spring-retention,loyal-high-value,Members who buy often and much.,The shop knows me by now.,\"To be treated as \
             a regular, not sold to.\",Early access beats a discount.,web,home-hero,de,Untranslated,,\"headline (required, at most 40 \
             characters); cta (required, at most 20 characters)\",hero,content-studio",
        ]
    );
}

#[test]
fn the_page_shows_every_message_and_runs_nothing() {
    let hostile = "\"<script>alert(1)</script> & 'quotes'\"";
    let page = coverage(
        &Folder::example(&[("headline: Early access for you", &format!("headline: {hostile}"))]),
        "html",
    );
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#39;quotes&#39;"),
        "{page}"
    );
    for active in [
        "<script",
        "<img",
        "<a ",
        "<link",
        "javascript:",
        "http://",
        "https://",
        " on",
    ] {
        let body = page.split("<body>").nth(1).expect("a body");
        assert!(!body.contains(active) || active == " on", "`{active}` in\n{body}");
    }
    assert!(page.contains("default-src 'none'"));
    for (open, close) in [
        ("<li", "</li>"),
        ("<ul", "</ul>"),
        ("<dl>", "</dl>"),
        ("<dd", "</dd>"),
        ("<div", "</div>"),
    ] {
        assert_eq!(page.matches(open).count(), page.matches(close).count(), "{open}");
    }
    assert_eq!(page.matches("<li class=\"card").count(), 9, "a card a cell");
}

#[test]
fn says_so_where_there_is_no_program() {
    let folder = Folder::new().with("empty.yaml", "");
    assert_eq!(coverage(&folder, "table"), "no programs\n");
    assert_eq!(coverage(&folder, "csv").lines().count(), 1);
}

//! Patterns in words.

use crate::markdown::{Table, code};
use crate::schema::Schema;

/// The heading of their section.
pub(crate) const HEADING: &str = "Formats";

/// A text of a known shape.
pub(crate) struct Format {
    pub(crate) name: &'static str,
    pattern: &'static str,
    /// The most characters that fields of this format usually take; a field that differs says so.
    max: u64,
    words: &'static str,
    examples: &'static [&'static str],
    /// A likely mistake, which the pattern refuses.
    refused: &'static str,
}

const fn format(name: &'static str, max: u64, pattern: &'static str, words: &'static str) -> Format {
    Format {
        name,
        pattern,
        max,
        words,
        examples: &[],
        refused: "",
    }
}

impl Format {
    const fn such_as(self, examples: &'static [&'static str], refused: &'static str) -> Self {
        Self {
            examples,
            refused,
            ..self
        }
    }
}

/// Every pattern of the definitions.
pub(crate) const FORMATS: &[Format] = &[
    format(
        "name",
        63,
        "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        "Name of a resource: lower-case letters, digits, `-` and `.`; begins and ends with a letter or digit.",
    )
    .such_as(&["lapsed-gold"], "Lapsed_Gold"),
    format(
        "item name",
        63,
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "Name of a part of a resource: as a name, without `.`.",
    )
    .such_as(&["home-hero"], "home.hero"),
    format(
        "slot name",
        63,
        "^[A-Za-z][A-Za-z0-9_-]*$",
        "Letters, digits, `_` and `-`; begins with a letter.",
    )
    .such_as(&["headline"], "1st"),
    format(
        "attribute",
        128,
        r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,2}$",
        "Name of an attribute: one to three segments with `.` between them, each of letters, digits and `_`.",
    )
    .such_as(&["user.tier"], "user.favourite-colour"),
    format(
        "attribute or prefix",
        128,
        r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,2}(\.\*)?$",
        "An attribute, or all below a prefix.",
    )
    .such_as(&["user.tier", "session.*"], "*"),
    format(
        "property",
        128,
        r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,4}$",
        "Path of a property of an outcome: one to five segments, as an attribute's.",
    )
    .such_as(&["order.amount"], "order-amount"),
    format(
        "expression",
        4096,
        r"\S",
        "A CEL expression: [the language](expressions.md). It holds more than blanks.",
    )
    .such_as(&["user.tier == 'gold'"], " "),
    format(
        "event",
        128,
        "^[A-Za-z0-9]([-A-Za-z0-9_.:/]*[A-Za-z0-9])?$",
        "Name of an outcome event: letters, digits and `-_.:/` between them.",
    )
    .such_as(&["purchase"], "order placed"),
    format(
        "group",
        63,
        "^[A-Za-z0-9]([-A-Za-z0-9_.:@]*[A-Za-z0-9])?$",
        "Name of a team as access control knows it: letters, digits and `-_.:@` between them.",
    )
    .such_as(&["crm-team", "oidc:crm"], "crm team"),
    format(
        "purpose",
        63,
        "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
        "A purpose that people consent to: letters, digits and `-_.` between them.",
    )
    .such_as(&["personalization"], "ads & more"),
    format(
        "tactic",
        63,
        "^[A-Z][A-Za-z0-9]*$",
        "Name of a tactic of persuasion, in camel case.",
    )
    .such_as(&["FalseScarcity"], "false-scarcity"),
    format(
        "salt",
        128,
        "^[!-~]+$",
        "Printable ASCII characters without blanks.",
    )
    .such_as(&["shop/home-hero"], "home hero"),
    format(
        "language tag",
        35,
        "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$",
        "A language after BCP 47; case does not matter.",
    )
    .such_as(&["de", "pt-BR"], "pt_BR"),
    format(
        "duration",
        25,
        "^([1-9][0-9]{0,5}h([0-9]{1,7}m)?([0-9]{1,9}s)?|[1-9][0-9]{0,6}m([0-9]{1,9}s)?|[1-9][0-9]{0,8}s)$",
        "Whole hours, minutes and seconds, in this order, above zero.",
    )
    .such_as(&["72h", "1h30m"], "3d"),
    format(
        "duration or `Forever`",
        25,
        "^(Forever|[1-9][0-9]{0,5}h([0-9]{1,7}m)?([0-9]{1,9}s)?|[1-9][0-9]{0,6}m([0-9]{1,9}s)?|[1-9][0-9]{0,8}s)$",
        "A duration, or the word `Forever`.",
    )
    .such_as(&["60s", "Forever"], "0s"),
    format(
        "instant",
        35,
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
        "Date, time and offset after RFC 3339.",
    )
    .such_as(&["2026-12-01T00:00:00Z", "2026-12-01T01:00:00+01:00"], "2026-12-01 00:00"),
    format(
        "day",
        10,
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        "A day in UTC. What is due on it is overdue from the next midnight on.",
    )
    .such_as(&["2026-12-01"], "1.12.2026"),
    format(
        "time of day",
        5,
        "^([01][0-9]|2[0-3]):[0-5][0-9]$",
        "Hours and minutes, `00:00` to `23:59`. Quote it: YAML may read it as a number.",
    )
    .such_as(&["21:30"], "9:30"),
    format(
        "time zone",
        63,
        "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$",
        "A time zone by its IANA name.",
    )
    .such_as(&["Europe/Berlin", "UTC"], "+02:00"),
    format(
        "schedule",
        128,
        r"^\S+( \S+){4}$",
        "The five fields of cron, with one blank between them.",
    )
    .such_as(&["0 4 * * *"], "@daily"),
    format(
        "decimal",
        32,
        r"^-?[0-9]+(\.[0-9]+)?$",
        "A decimal number as text, so that it is kept to the digit.",
    )
    .such_as(&["0.95"], "95%"),
    format(
        "CPU quantity",
        20,
        r"^[0-9]+(\.[0-9]{1,3})?m?$",
        "Cores, or thousandths of one with `m`.",
    )
    .such_as(&["250m", "0.5"], "2 cores"),
    format(
        "memory quantity",
        20,
        r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$",
        "Bytes, with a unit where there are many.",
    )
    .such_as(&["256Mi"], "256MB"),
    format(
        "URL",
        2048,
        r"^https?://[^/\s?#]+[^\s#]*$",
        "An address of HTTP or HTTPS, without a fragment.",
    )
    .such_as(&["https://rules.example.com/attune"], "rules.example.com"),
    format(
        "origin",
        253,
        r"^(\*|https?://[^/?#\s,*]+)$",
        "Where a page comes from, as browsers spell it: scheme, host and a port that is not the usual one; `*` is every page.",
    )
    .such_as(&["https://shop.example", "*"], "shop.example/page"),
    format(
        "link scheme",
        32,
        "^[a-z][a-z0-9+.-]*$",
        "Scheme of a link without its colon: lower-case letters, digits and `+.-`; begins with a letter.",
    )
    .such_as(&["mailto", "shop-app"], "mailto:"),
    format(
        "parameter name",
        64,
        "^[A-Za-z][A-Za-z0-9_.-]*$",
        "Name of a query parameter: letters, digits and `_.-`; begins with a letter.",
    )
    .such_as(&["utm_source"], "utm source"),
    format(
        "parameter value",
        256,
        "^([^{}]|[{](channel|touchpoint|program|binding|module|variant)[}])*$",
        "Text with placeholders, the only braces in it: `{channel}`, `{touchpoint}`, `{program}`, `{binding}`, `{module}` and `{variant}`.",
    )
    .such_as(&["newsletter", "{module}-{variant}"], "{unit}"),
    format(
        "JSON pointer",
        256,
        r"^(/[^/\s]+)+$",
        "Path into a JSON document after RFC 6901, without blanks.",
    )
    .such_as(&["/meta/revision"], "meta.revision"),
    format(
        "volume path",
        1024,
        r"^[^/\s][^\s]*$",
        "Path within a volume: does not begin with `/`, holds no blanks.",
    )
    .such_as(&["out/decisions.csv"], "/out/decisions.csv"),
    format(
        "table",
        127,
        r"^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$",
        "Name of a table, with its schema in front where it needs one.",
    )
    .such_as(&["crm.units"], "crm.public.units"),
    format(
        "key",
        253,
        "^[-._A-Za-z0-9]+$",
        "Key of a Secret or ConfigMap: letters, digits, `-`, `_` and `.`.",
    )
    .such_as(&["ca.crt"], "ca/crt"),
    format(
        "content hash",
        71,
        "^sha256:[0-9a-f]{64}$",
        "`sha256:` and 64 hexadecimal digits.",
    )
    .such_as(
        &["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        "9f86d081884c7d65",
    ),
];

/// The format of a text, and whether its field takes another length than usual.
pub(crate) fn of(schema: Schema<'_>) -> Option<(&'static Format, Option<u64>)> {
    let pattern = schema.text("pattern")?;
    let format = FORMATS
        .iter()
        .find(|format| format.pattern == pattern)
        .unwrap_or_else(|| {
            panic!("the pattern `{pattern}` has no words: give it some in operator/cli/tests/reference/formats.rs")
        });
    let own = schema.max_length().expect("every text has a bound");
    Some((format, (own != format.max).then_some(own)))
}

/// The section that says what each of them is.
pub(crate) fn section() -> String {
    let mut table = Table::new(&["format", "what it is", "examples"]);
    for format in FORMATS {
        let examples: Vec<String> = format.examples.iter().map(|example| code(example)).collect();
        let words = format!("{} At most {} characters.", format.words, format.max);
        table.row([format.name, &words, &examples.join(", ")]);
    }
    format!("## {HEADING}\n\n{}", table.finish())
}

#[test]
fn gives_examples_that_their_pattern_takes_and_one_that_it_refuses() {
    for format in FORMATS {
        let pattern = regex::Regex::new(format.pattern).unwrap();
        assert!(!format.examples.is_empty(), "{}", format.name);
        for example in format.examples {
            assert!(pattern.is_match(example), "{}: {example}", format.name);
            assert!(example.len() as u64 <= format.max, "{}: {example}", format.name);
        }
        assert!(!pattern.is_match(format.refused), "{}", format.name);
    }
}

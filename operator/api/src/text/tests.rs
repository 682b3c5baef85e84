use schemars::SchemaGenerator;

use super::*;

const SAMPLES: [&str; 46] = [
    "",
    " ",
    "a",
    "A",
    "1",
    "_",
    "-",
    ".",
    "a.",
    ".a",
    "a-",
    "-a",
    "a-b",
    "a_b",
    "a.b",
    "a.b.c",
    "a.b.c.d",
    "a..b",
    "a.1",
    "user.tier",
    "user.spend90d",
    "User",
    "Déjà",
    "déjà",
    "a b",
    "a\n",
    "a\nb",
    "loyal-high-value",
    "cart-de",
    "de",
    "pt-BR",
    "zh-Hant-TW",
    "d",
    "de-",
    "de_DE",
    "de-a-b-c-d-e",
    "Europe/Berlin",
    "UTC",
    "Etc/GMT+3",
    "America/",
    "data@shop",
    "oidc:crm",
    "FalseScarcity",
    "false",
    "a/b",
    "shop-2026h2:x",
];

/// The server judges by the schema and we by the parser: they must agree on every sample.
fn agree<T: FromStr<Err = TextError> + JsonSchema>() {
    let schema = T::json_schema(&mut SchemaGenerator::default()).to_value();
    let pattern = regex::Regex::new(schema["pattern"].as_str().unwrap()).unwrap();
    let longest = usize::try_from(schema["maxLength"].as_u64().unwrap()).unwrap();
    let (at_most, too_long) = ("a".repeat(longest), "a".repeat(longest + 1));
    for text in SAMPLES.into_iter().chain([at_most.as_str(), too_long.as_str()]) {
        let by_schema = !text.is_empty() && text.chars().count() <= longest && pattern.is_match(text);
        assert_eq!(
            text.parse::<T>().is_ok(),
            by_schema,
            "{} `{text}`",
            T::schema_name()
        );
    }
}

#[test]
fn parses_what_the_schemas_admit_and_nothing_else() {
    agree::<ObjectName>();
    agree::<ItemName>();
    agree::<SlotName>();
    agree::<AttributeName>();
    agree::<PropertyName>();
    agree::<Expression>();
    agree::<Locale>();
    agree::<GroupName>();
    agree::<Purpose>();
    agree::<EventName>();
    agree::<Salt>();
    agree::<Tactic>();
    agree::<TimeZoneName>();
}

#[test]
fn says_what_it_expects_in_place_of_what_it_got() {
    let error = "user..tier".parse::<AttributeName>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`user..tier` is not an attribute (one to three dotted segments of letters, digits and `_`, as in `user.tier`)"
    );
}

#[test]
fn shortens_what_it_refuses() {
    let error = " ".repeat(10_000).parse::<Expression>().unwrap_err();
    assert_eq!(error.value.chars().count(), 64);
}

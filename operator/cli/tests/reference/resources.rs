//! The page of resources.

use attune_api::{GROUP, Kind, Scope, VERSION, crds};
use serde_json::Value;

use crate::formats;
use crate::markdown::{Table, code, link};
use crate::schema::{Rule, Schema};
use crate::section::{Fields, conditions_heading};

const INTRODUCTION: &str = "\
Every kind with every field, from the definitions in [`crds/`](../../crds). A complete strategy is in
[`examples/strategy/strategy.yaml`](../../examples/strategy/strategy.yaml).

In the tables, `arms[].name` is the field `name` of each entry of the list `arms`, and `labels.<key>` each value of the map
`labels`. Objects with many fields have a table of their own. Unknown fields are refused by `kubectl apply` and `attune lint`.
";

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = format!("# Resources of {GROUP}/{VERSION}\n\n{INTRODUCTION}\n");
    let definitions: Vec<Value> = crds()
        .into_iter()
        .map(|definition| serde_json::to_value(definition).expect("a definition is JSON"))
        .collect();
    page.push_str(&overview(&definitions));
    for (kind, definition) in Kind::ALL.into_iter().zip(&definitions) {
        page.push_str(&Page::new(kind, definition).render());
    }
    page.push_str(&formats::section());
    page
}

fn overview(definitions: &[Value]) -> String {
    let mut table = Table::new(&["kind", "short name", "declares"]);
    for (kind, definition) in Kind::ALL.into_iter().zip(definitions) {
        let declares = Page::new(kind, definition).schema.description();
        table.row([
            &link(kind.name(), kind.name()),
            &code(kind.short_name()),
            declares,
        ]);
    }
    table.finish()
}

/// What one definition says.
struct Page<'d> {
    kind: Kind,
    version: &'d Value,
    schema: Schema<'d>,
}

impl<'d> Page<'d> {
    fn new(kind: Kind, definition: &'d Value) -> Self {
        assert_eq!(definition["spec"]["names"]["kind"], kind.name());
        assert_eq!(definition["spec"]["names"]["shortNames"][0], kind.short_name());
        let version = &definition["spec"]["versions"][0];
        Self {
            kind,
            version,
            schema: Schema::new(&version["schema"]["openAPIV3Schema"]),
        }
    }

    fn render(&self) -> String {
        let (name, kind) = (self.kind.name(), self.kind);
        let part = |part| {
            let schema = self
                .schema
                .property(part)
                .expect("a kind has a spec and a status");
            Fields::of(name, part, schema)
        };
        let scope = match kind.scope() {
            Scope::Namespaced => "Lives in a namespace",
            Scope::Cluster => "Belongs to the whole cluster",
        };
        format!(
            "## {name}\n\n{}\n\n{scope}; `kubectl get {}` or `{}`. Its name has at most 63 characters.{}\n\n{}{}{}{}{}",
            self.schema.description(),
            kind.plural(),
            kind.short_name(),
            self.selectable(),
            part("spec"),
            self.rules(),
            part("status"),
            self.conditions(),
            self.columns(),
        )
    }

    fn selectable(&self) -> String {
        let fields = self.version["selectableFields"].as_array();
        let paths: Vec<String> = fields
            .into_iter()
            .flatten()
            .filter_map(|field| field["jsonPath"].as_str())
            .map(|path| code(path.trim_start_matches('.')))
            .collect();
        if paths.is_empty() {
            String::new()
        } else {
            format!(" `--field-selector` takes {}.", paths.join(", "))
        }
    }

    fn rules(&self) -> String {
        let mut rules = Vec::new();
        collect_rules("", self.schema, &mut rules);
        let (on_change, always): (Vec<_>, Vec<_>) =
            rules.into_iter().partition(|(_, rule)| rule.is_on_change);
        let always = rules_table(
            "Refused by the API server and by `attune lint`, beside what the tables above bound:",
            always,
        );
        let on_change = rules_table("Refused by the API server when a resource is changed:", on_change);
        if always.is_empty() && on_change.is_empty() {
            String::new()
        } else {
            format!("### {} rules\n\n{always}{on_change}", self.kind)
        }
    }

    fn conditions(&self) -> String {
        use attune_api::ConditionType as C;
        let mut table = Table::new(&["type", "meaning"]);
        for type_ in [C::Ready, C::Reconciling, C::Stalled]
            .iter()
            .chain(self.kind.conditions())
        {
            table.row([
                format!("[`{type_}`](reasons.md#condition-types)"),
                type_.doc().to_owned(),
            ]);
        }
        format!(
            "### {}\n\n{}",
            conditions_heading(self.kind.name()),
            table.finish()
        )
    }

    fn columns(&self) -> String {
        let mut table = Table::new(&["column", "shows", "type"]);
        let columns = self.version["additionalPrinterColumns"].as_array();
        for column in columns.into_iter().flatten() {
            let text = |key: &str| column[key].as_str().unwrap_or_default();
            let wide = if column["priority"] == 1 {
                " (`-o wide`)"
            } else {
                ""
            };
            table.row([
                format!("{}{wide}", text("name")),
                code(text("jsonPath").trim_start_matches('.')),
                text("type").to_owned(),
            ]);
        }
        format!("### {} columns\n\n{}", self.kind, table.finish())
    }
}

/// Rules by the path of the field at fault; nothing for none.
fn rules_table(introduction: &str, rules: Vec<(String, Rule<'_>)>) -> String {
    if rules.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["field", "what to do"]);
    for (field, rule) in rules {
        table.row([&code(field.trim_start_matches('.')), rule.message]);
    }
    format!("{introduction}\n\n{}", table.finish())
}

/// The rules of a schema and of everything below it, with the path of the field at fault.
fn collect_rules<'d>(path: &str, schema: Schema<'d>, rules: &mut Vec<(String, Rule<'d>)>) {
    for rule in schema.rules() {
        rules.push((format!("{path}{}", rule.field), rule));
    }
    let (suffix, below) = schema.below();
    if !suffix.is_empty() {
        return collect_rules(&format!("{path}{suffix}"), below, rules);
    }
    for (name, field) in schema.properties() {
        collect_rules(&format!("{path}.{name}"), field, rules);
    }
}

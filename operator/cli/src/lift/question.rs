//! A line as a pre-registered question with its arms.

use attune_lift::{
    Analysis, AnalysisError, ArmMoments, Direction, Look, Method, MetricKind, Question, analyse,
};
use serde_json::value::RawValue;

use super::object::Object;
use super::{QuestionError, arm};

const FIELDS: [&str; 10] = [
    "id",
    "type",
    "direction",
    "method",
    "alpha",
    "plannedUnits",
    "minimumLift",
    "control",
    "treatment",
    "looks",
];
const TYPES: [(&str, MetricKind); 3] = [
    ("proportion", MetricKind::Proportion),
    ("mean", MetricKind::Mean),
    ("ratio", MetricKind::Ratio),
];
const DIRECTIONS: [(&str, Direction); 2] = [
    ("increase", Direction::Increase),
    ("decrease", Direction::Decrease),
];
const METHODS: [(&str, Method); 3] = [
    ("fixed", Method::Fixed),
    ("planned", Method::Planned),
    ("continuous", Method::Continuous),
];
/// The level of a question that names none, as of an Experiment that names none.
const ALPHA: f64 = 0.05;

/// What one line asks.
#[derive(Debug)]
pub(super) struct Asked<'l> {
    /// Its name, in its own words.
    pub(super) id: &'l RawValue,
    question: Question,
    now: Look,
}

/// The name of a line, a string or a number.
pub(super) fn id<'l>(object: &Object<'l>) -> Result<&'l RawValue, QuestionError> {
    let wanted = "give a string or a number, it is repeated in the answer";
    let value = object.required("id", Some(wanted))?;
    if value.get().starts_with(['{', '[', 't', 'f']) {
        return Err(object.wrong("id", wanted));
    }
    Ok(value)
}

impl<'l> Asked<'l> {
    /// A question from the fields of a line.
    pub(super) fn read(object: &Object<'l>) -> Result<Self, QuestionError> {
        object.only(&FIELDS)?;
        let id = id(object)?;
        let metric = object.word("type", &TYPES)?;
        let direction = object.word("direction", &DIRECTIONS)?;
        let method = object.word("method", &METHODS)?;
        let alpha = object.number("alpha")?.unwrap_or(ALPHA);
        let mut question = Question::new(metric, direction, method, alpha);
        question.planned_units = object.count("plannedUnits")?;
        question.minimum_lift = object.number("minimumLift")?;
        check(object, &question)?;
        question.looks = looks(object, metric, method)?;
        let now = look(object, metric)?;
        check_order(object, &question.looks, &now)?;
        Ok(Self { id, question, now })
    }

    /// Whether both arms have a value from before exposure.
    pub(super) fn has_covariate(&self) -> bool {
        self.now.control.covariate().is_some() && self.now.treatment.covariate().is_some()
    }

    /// The answer.
    pub(super) fn analyse(&self) -> Result<Analysis, QuestionError> {
        analyse(&self.question, &self.now.control, &self.now.treatment).map_err(QuestionError::Analyse)
    }
}

/// What the analysis would refuse, in the words of the line.
fn check(object: &Object<'_>, question: &Question) -> Result<(), QuestionError> {
    // Without units nothing but the question itself is judged.
    match analyse(question, &ArmMoments::EMPTY, &ArmMoments::EMPTY) {
        Err(AnalysisError::AlphaOutOfRange { .. }) => {
            Err(object.wrong("alpha", "it must lie between 0 and 1, for example 0.05"))
        }
        Err(AnalysisError::MinimumLiftOutOfRange { .. }) => Err(object.wrong(
            "minimumLift",
            "it is a share of control from 0 on, for example 0.02, and of a decrease below 1",
        )),
        Err(AnalysisError::PlannedUnitsMissing { .. }) => Err(QuestionError::MissingField {
            field: object.path_of("plannedUnits"),
            wanted: Some("`planned` and `continuous` need the planned number of units of both arms"),
        }),
        Err(AnalysisError::PlannedUnitsZero) => {
            Err(object.wrong("plannedUnits", "plan for at least one unit"))
        }
        _ => Ok(()),
    }
}

fn looks(object: &Object<'_>, metric: MetricKind, method: Method) -> Result<Vec<Look>, QuestionError> {
    let looks = object.objects("looks")?;
    if method == Method::Fixed && !looks.is_empty() {
        return Err(QuestionError::WrongValue {
            field: object.path_of("looks"),
            value: format!("{} looks", looks.len()),
            wanted: "`fixed` is looked at once: remove it or change `method`".to_owned(),
        });
    }
    let read = |one: &Object<'_>| {
        one.only(&["control", "treatment"])?;
        look(one, metric)
    };
    looks.iter().map(read).collect()
}

fn look(object: &Object<'_>, metric: MetricKind) -> Result<Look, QuestionError> {
    Ok(Look {
        control: arm::read(metric, &object.object("control")?)?,
        treatment: arm::read(metric, &object.object("treatment")?)?,
    })
}

/// Looks come oldest first, so none has fewer units than the one before it, and none more than there are now.
fn check_order(object: &Object<'_>, looks: &[Look], now: &Look) -> Result<(), QuestionError> {
    let mut before = 0;
    for (index, look) in looks.iter().chain([now]).enumerate() {
        if look.n() < before {
            let field = if index == looks.len() {
                "looks".to_owned()
            } else {
                format!("looks[{index}]")
            };
            return Err(QuestionError::WrongValue {
                field: object.path_of(&field),
                value: format!("{} units after {before}", look.n()),
                wanted: "give earlier looks oldest first, each with the units so far".to_owned(),
            });
        }
        before = look.n();
    }
    Ok(())
}

/// A line that says something.
pub(super) fn not_empty(line: &str) -> Result<&str, QuestionError> {
    if line.trim().is_empty() {
        return Err(QuestionError::EmptyLine);
    }
    Ok(line)
}

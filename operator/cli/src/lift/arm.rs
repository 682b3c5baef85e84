//! The sums of one arm.

use attune_lift::{ArmMoments, CompanionSums, MetricKind, MomentsError, Sums};

use super::QuestionError;
use super::object::Object;

/// A companion's fields: its sum, the sum of its squares, the sum of its products with the outcome.
type Companion = [&'static str; 3];

const DENOMINATOR: Companion = ["denominatorSum", "denominatorSumSquares", "crossSum"];
const COVARIATE: Companion = ["covariateSum", "covariateSumSquares", "covariateCrossSum"];
const FIELDS: [&str; 10] = [
    "n",
    "sum",
    "sumSquares",
    "nonZero",
    DENOMINATOR[0],
    DENOMINATOR[1],
    DENOMINATOR[2],
    COVARIATE[0],
    COVARIATE[1],
    COVARIATE[2],
];

/// An arm of a metric of this kind.
pub(super) fn read(metric: MetricKind, object: &Object<'_>) -> Result<ArmMoments, QuestionError> {
    object.only(&FIELDS)?;
    let n = object.count("n")?.ok_or_else(|| QuestionError::MissingField {
        field: object.path_of("n"),
        wanted: Some("give the number of units"),
    })?;
    let sums = Sums {
        n,
        sum: object.required_number("sum")?,
        sum_squares: object.required_number("sumSquares")?,
        covariate: companion(object, COVARIATE)?,
        denominator: denominator(metric, object)?,
        non_zero: object.count("nonZero")?,
    };
    let arm = ArmMoments::from_sums(&sums).map_err(|error| translate(object, n, &error))?;
    if metric == MetricKind::Proportion && n > 0 && !arm.is_binary() {
        let sum = object.shown("sum");
        let squares = object.shown("sumSquares");
        return Err(object.wrong(
            "sum",
            format!(
                "with `sumSquares` {squares} and `n` {n} it is not {sum} ones among zeros, as a proportion's is"
            ),
        ));
    }
    Ok(arm)
}

fn denominator(metric: MetricKind, object: &Object<'_>) -> Result<Option<CompanionSums>, QuestionError> {
    let found = companion(object, DENOMINATOR)?;
    match (metric, found) {
        (MetricKind::Ratio, None) => {
            let [sum, ..] = DENOMINATOR;
            Err(QuestionError::MissingField {
                field: object.path_of(sum),
                wanted: Some("a ratio needs `denominatorSum`, `denominatorSumSquares` and `crossSum`"),
            })
        }
        (MetricKind::Proportion | MetricKind::Mean, Some(_)) => {
            let [sum, ..] = DENOMINATOR;
            Err(object.wrong(
                sum,
                "only a `ratio` has a denominator: remove it or change `type`",
            ))
        }
        _ => Ok(found),
    }
}

/// All three sums of a companion or none.
fn companion(
    object: &Object<'_>,
    [sum, squares, cross]: Companion,
) -> Result<Option<CompanionSums>, QuestionError> {
    if [sum, squares, cross]
        .iter()
        .all(|field| object.value(field).is_none())
    {
        return Ok(None);
    }
    Ok(Some(CompanionSums {
        sum: object.required_number(sum)?,
        sum_squares: object.required_number(squares)?,
        cross_sum: object.required_number(cross)?,
    }))
}

/// The crate's names of sums in the words of the line.
fn name(field: &'static str) -> &'static str {
    match field {
        "sum_squares" => "sumSquares",
        "non_zero" => "nonZero",
        "covariate.sum" => "covariateSum",
        "covariate.sum_squares" => "covariateSumSquares",
        "covariate.cross_sum" => "covariateCrossSum",
        "denominator.sum" => "denominatorSum",
        "denominator.sum_squares" => "denominatorSumSquares",
        "denominator.cross_sum" => "crossSum",
        other => other,
    }
}

fn translate(object: &Object<'_>, n: u64, error: &MomentsError) -> QuestionError {
    match *error {
        MomentsError::NotFinite { field } => object.wrong(name(field), "it is too large to be computed with"),
        MomentsError::Negative { field } => {
            object.wrong(name(field), "no units have a negative sum of squares")
        }
        MomentsError::SumWithoutUnits { field } => {
            object.wrong(name(field), "with `n` 0 every sum must be 0")
        }
        MomentsError::SquaresTooSmall { squares, sum } => object.wrong(
            name(squares),
            format!(
                "no {n} units have it together with `{}` {}: it must be at least the sum squared over `n`",
                name(sum),
                object.shown(name(sum))
            ),
        ),
        MomentsError::CrossTooLarge { field } => object.wrong(
            name(field),
            "no units have it together with these sums: it is beyond a correlation of 1",
        ),
        MomentsError::MoreThanUnits { field, .. } => {
            object.wrong(name(field), format!("there are only {n} units"))
        }
        MomentsError::TooManyUnits { .. } => object.wrong("n", "that many units are not counted exactly"),
        _ => object.wrong("n", error.to_string()),
    }
}

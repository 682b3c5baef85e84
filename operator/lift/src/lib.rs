//! Pure statistics: moments, tests, intervals and verdicts.

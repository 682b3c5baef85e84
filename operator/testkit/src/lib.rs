//! Builders, strategies, a fixed clock and golden files for tests.

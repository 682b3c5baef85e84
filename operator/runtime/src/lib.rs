//! The operator: watches, publishes bundles, writes status.

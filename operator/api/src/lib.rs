//! Custom resources of attune.dev/v1alpha1, condition types and reasons.

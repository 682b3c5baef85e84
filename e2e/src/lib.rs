//! Tests on a real Kubernetes control plane built from package registries.

//! attune: lint, decide, explain, serve and status on the command line.

//! HTTP decision service: OFREP and the native API over a bundle.

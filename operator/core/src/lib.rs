//! Pure decision engine: values, expressions, buckets, bundles and decide().

//! Pure compiler: a snapshot of resources in, bundles and a verdict per object out.

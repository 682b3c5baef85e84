//! Who may use whom.

/// A room under `operator/`.
pub(crate) struct Room {
    pub(crate) directory: &'static str,
    pub(crate) package: &'static str,
    /// The rooms that it may use; what those use, it may use too.
    pub(crate) ours: &'static [&'static str],
    /// Crates of others that must not be in its dependency tree.
    pub(crate) banned: &'static [&'static str],
}

/// Whatever talks to the world.
const EFFECTS: &[&str] = &[
    "kube",
    "kube-client",
    "kube-core",
    "kube-runtime",
    "k8s-openapi",
    "tokio",
    "futures",
    "axum",
    "hyper",
    "reqwest",
    "http",
    "tower",
    "rusqlite",
    "rand",
    "fastrand",
    "getrandom",
    "tracing",
    "notify",
];

/// Whatever talks to the world, but for the types of Kubernetes.
const CLIENTS: &[&str] = &[
    "kube-client",
    "kube-runtime",
    "tokio",
    "axum",
    "hyper",
    "reqwest",
    "tower",
    "rusqlite",
    "rand",
    "fastrand",
    "getrandom",
    "notify",
];

/// Whatever knows Kubernetes.
const KUBERNETES: &[&str] = &[
    "kube",
    "kube-client",
    "kube-core",
    "kube-derive",
    "kube-runtime",
    "k8s-openapi",
    "attune-api",
];

pub(crate) const ROOMS: [Room; 11] = [
    Room {
        directory: "core",
        package: "attune-core",
        ours: &[],
        banned: EFFECTS,
    },
    Room {
        directory: "lift",
        package: "attune-lift",
        ours: &[],
        banned: EFFECTS,
    },
    Room {
        directory: "api",
        package: "attune-api",
        ours: &[],
        banned: CLIENTS,
    },
    Room {
        directory: "compile",
        package: "attune-compile",
        ours: &["attune-api", "attune-core", "attune-lift"],
        banned: CLIENTS,
    },
    Room {
        directory: "index",
        package: "attune-index",
        ours: &["attune-compile"],
        banned: CLIENTS,
    },
    Room {
        directory: "admission",
        package: "attune-admission",
        ours: &["attune-compile"],
        banned: CLIENTS,
    },
    Room {
        directory: "runtime",
        package: "attune-operator",
        ours: &["attune-index", "attune-admission", "attune-lift"],
        banned: &["rusqlite"],
    },
    Room {
        directory: "decider",
        package: "attune-decider",
        ours: &["attune-core"],
        banned: KUBERNETES,
    },
    Room {
        directory: "collector",
        package: "attune-collector",
        ours: &["attune-core", "attune-lift"],
        banned: KUBERNETES,
    },
    Room {
        directory: "cli",
        package: "attune",
        ours: &[
            "attune-index",
            "attune-lift",
            "attune-decider",
            "attune-collector",
        ],
        banned: &["kube-runtime"],
    },
    Room {
        directory: "testkit",
        package: "attune-testkit",
        ours: &["attune-api"],
        banned: CLIENTS,
    },
];

/// Rooms that are pure: what time it is, they are told.
pub(crate) const PURE: [&str; 6] = ["core", "lift", "api", "compile", "index", "admission"];

//! Whether this replica writes.

use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use super::Driver;

/// How long a new leader waits to read back what the one before it published.
const CATCH_UP: Duration = Duration::from_secs(5);

/// What a replica does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Another writes.
    Following,
    /// It was elected and still reads what the one before it left, until then at most.
    CatchingUp(Instant),
    /// It writes.
    Leading,
}

impl Role {
    pub(super) fn leads(self) -> bool {
        self == Self::Leading
    }

    pub(super) fn is_catching_up(self) -> bool {
        matches!(self, Self::CatchingUp(_))
    }
}

impl Driver {
    /// Leaves writing to another.
    pub(super) fn follow(&mut self) {
        if self.role.leads() {
            info!("leaving the writing to another replica");
        }
        self.role = Role::Following;
        self.index.follow();
        self.outputs.publisher.follow();
        self.outputs.statuses.clear();
        self.hearing.forget();
        self.leave_receivers();
    }

    /// Takes over the writing if it is this replica's turn; gives whether it has just done so.
    ///
    /// What stands outside is compared with what should, and only what differs is written: where both leaders agree,
    /// nothing is.
    pub(super) fn take_role(&mut self) -> bool {
        if !self.leadership.leads() {
            if self.role != Role::Following {
                self.follow();
            }
            return false;
        }
        if self.role == Role::Following {
            self.outputs.publisher.catch_up();
            self.role = Role::CatchingUp(Instant::now() + CATCH_UP);
        }
        let Role::CatchingUp(until) = self.role else {
            return false;
        };
        if !self.outputs.publisher.is_caught_up() && Instant::now() < until {
            return false;
        }
        self.role = Role::Leading;
        self.outputs.publisher.lead();
        self.index.lead();
        self.hearing.start();
        info!("leading: writing what differs");
        true
    }
}

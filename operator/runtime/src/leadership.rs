//! Whether this replica is the one that writes.

use tokio::sync::watch;

/// A look at who leads.
#[derive(Debug, Clone)]
pub struct Leadership(Look);

#[derive(Debug, Clone)]
enum Look {
    /// There is nobody else.
    Always,
    Elected(watch::Receiver<bool>),
}

impl Leadership {
    /// Of a replica that has no other beside it.
    pub const fn always() -> Self {
        Self(Look::Always)
    }

    /// Of a replica that is elected, or not, as the channel says; when its sender is gone, it is not.
    pub const fn elected(leads: watch::Receiver<bool>) -> Self {
        Self(Look::Elected(leads))
    }

    /// Whether it leads now.
    pub fn leads(&self) -> bool {
        match &self.0 {
            Look::Always => true,
            Look::Elected(leads) => *leads.borrow() && leads.has_changed().is_ok(),
        }
    }

    /// Waits until it leads.
    pub async fn gained(&mut self) {
        if let Look::Elected(leads) = &mut self.0
            && leads.wait_for(|leads| *leads).await.is_err()
        {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until it no longer leads.
    pub async fn lost(&mut self) {
        match &mut self.0 {
            Look::Always => std::future::pending().await,
            // A sender that is gone elects nobody.
            Look::Elected(leads) => drop(leads.wait_for(|leads| !*leads).await),
        }
    }

    /// Whether it was elected or has lost, maybe both, since this or [`Self::changed`] last said so.
    pub fn take_change(&mut self) -> bool {
        match &mut self.0 {
            Look::Always => false,
            Look::Elected(leads) => {
                let has_changed = leads.has_changed().unwrap_or_default();
                leads.mark_unchanged();
                has_changed
            }
        }
    }

    /// Waits until it was elected or has lost, maybe both.
    pub async fn changed(&mut self) {
        if let Look::Elected(leads) = &mut self.0
            && leads.changed().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

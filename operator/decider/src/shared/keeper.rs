//! Keeps a connection, and follows the files that say where to.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::Core;
use super::connection::Connection;
use super::place::{Folder, Place};
use crate::complaint::Complaint;

/// Pause between attempts: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Keeps a connection for as long as it is polled.
pub(super) async fn keep(core: Arc<Core>, folder: Folder) {
    let mut keeper = Keeper {
        core,
        folder,
        place: None,
        connection: None,
        pause: FIRST_PAUSE,
        unread: Complaint::default(),
        unconnected: Complaint::default(),
    };
    loop {
        keeper.look();
        keeper.connect().await;
        keeper.wait().await;
    }
}

struct Keeper {
    core: Arc<Core>,
    folder: Folder,
    place: Option<Place>,
    /// What everybody asks on.
    connection: Option<Arc<Connection>>,
    pause: Duration,
    /// What is wrong with the files, and with the server: both may be at once, and each is said once.
    unread: Complaint,
    unconnected: Complaint,
}

impl Keeper {
    /// Goes by what the files say now.
    fn look(&mut self) {
        match self.folder.look() {
            Ok(None) => {
                self.unread.settle();
            }
            Ok(Some(place)) => {
                self.unread.settle();
                if !place.is_keyed {
                    warn!(
                        "unit ids in the shared memory are hashed without a key; add a `key` to the Secret"
                    );
                }
                self.core.names.store(Some(Arc::clone(&place.names)));
                self.place = Some(place);
                self.pause = FIRST_PAUSE;
                // What is on its way is answered; whoever asks next waits for the new one.
                self.drop_connection();
            }
            Err(error) => {
                complain(&mut self.unread, &error);
                if error.is_distrust() {
                    self.place = None;
                    self.drop_connection();
                }
            }
        }
    }

    async fn connect(&mut self) {
        let (None, Some(place)) = (&self.connection, &self.place) else {
            return;
        };
        let core = Arc::downgrade(&self.core);
        let lost = move || {
            if let Some(core) = core.upgrade() {
                core.lost.notify_one();
            }
        };
        match Connection::open(place, &self.core.script, self.core.limit(), lost).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                self.core.connection.store(Some(Arc::clone(&connection)));
                self.core.gauges.connected.set(1);
                self.core.found.notify_one();
                self.connection = Some(connection);
                self.unconnected.settle();
                info!("connected to the shared memory of units");
            }
            Err(error) => complain(&mut self.unconnected, &error),
        }
    }

    /// Until there is reason to look or to connect again.
    async fn wait(&mut self) {
        let Some(connection) = &self.connection else {
            let pause = self.pause.mul_f64(0.5 + fastrand::f64() / 2.0);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            tokio::time::sleep(pause).await;
            return;
        };
        tokio::select! {
            () = self.core.lost.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        if !connection.is_broken() {
            return;
        }
        warn!("lost the connection to the shared memory of units");
        // One on which nothing was ever answered is likely to be followed by another such.
        if connection.has_answered() {
            self.pause = FIRST_PAUSE;
        } else {
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        self.drop_connection();
    }

    fn drop_connection(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.core.give_up(&connection);
        }
    }
}

fn complain(complaint: &mut Complaint, error: &(dyn Error + 'static)) {
    if complaint.is_news(error) {
        warn!(error, "no connection to the shared memory of units");
    }
}

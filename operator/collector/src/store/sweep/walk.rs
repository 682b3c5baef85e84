//! Walks through rows in the order of their arrival, which is that of their numbers.
//!
//! What is old stands in front, and a walk goes as far as there is any of it. Behind that, something old is left where it
//! came late, or where what stands before it is from the future: a clock had jumped. Going through all of it every time
//! would read the whole table once an hour; so each sweep looks through a part, and the next one goes on from there.

use rusqlite::{Connection, OptionalExtension};

use super::hand::CHUNK;

/// Where a walk is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Walk {
    /// In the front, after this number.
    Front(i64),
    /// Behind it, after this number, for so many chunks more.
    Behind(i64, u32),
}

impl Walk {
    /// Before the first row.
    pub(super) const START: Self = Self::Front(i64::MIN);

    /// The number that it goes on after.
    pub(super) const fn after(self) -> i64 {
        match self {
            Self::Front(after) | Self::Behind(after, _) => after,
        }
    }
}

/// The next rows of a walk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    /// The number of the last of them.
    pub(super) last: i64,
    /// The earliest of their times.
    pub(super) oldest: i64,
}

/// The walks of sweeps, and how far they came.
pub(super) struct Walks<'a> {
    connection: &'a Connection,
    /// Chunks that are looked at behind the front.
    stragglers: u32,
}

impl<'a> Walks<'a> {
    pub(super) fn new(connection: &'a Connection, stragglers: u32) -> Self {
        Self {
            connection,
            stragglers,
        }
    }

    /// What `sql` says of the rows after a number, of which it takes so many; nothing where there are none.
    pub(super) fn chunk(&self, sql: &str, walk: Walk) -> rusqlite::Result<Option<Chunk>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let (last, oldest): (Option<i64>, Option<i64>) =
            statement.query_row([walk.after(), CHUNK], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(last.zip(oldest).map(|(last, oldest)| Chunk { last, oldest }))
    }

    /// Where the walk called `name` goes on behind a chunk; nowhere once it is enough for this sweep.
    pub(super) fn go_on(
        &self,
        name: &str,
        walk: Walk,
        chunk: Option<Chunk>,
        before: i64,
    ) -> rusqlite::Result<Option<Walk>> {
        let Some(Chunk { last, oldest }) = chunk else {
            self.leave_off(name, i64::MIN)?;
            return Ok(None);
        };
        Ok(match walk {
            Walk::Front(_) if oldest < before => Some(Walk::Front(last)),
            Walk::Front(_) => Some(Walk::Behind(self.left_off(name)?.max(last), self.stragglers)),
            Walk::Behind(_, left) if left > 1 => Some(Walk::Behind(last, left - 1)),
            Walk::Behind(..) => {
                self.leave_off(name, last)?;
                None
            }
        })
    }

    /// Where the sweep before left off.
    fn left_off(&self, name: &str) -> rusqlite::Result<i64> {
        let after = self
            .connection
            .prepare_cached("SELECT after FROM walk WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        Ok(after.unwrap_or(i64::MIN))
    }

    fn leave_off(&self, name: &str, after: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO walk (name, after) VALUES (?1, ?2)")?
            .execute(rusqlite::params![name, after])?;
        Ok(())
    }
}

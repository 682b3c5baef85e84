//! Answers that their clients have not taken yet: so many bytes and no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::answer::{Answer, ResponseBody};
use super::route::Route;
use crate::limits::{MAX_ANSWER_BYTES, SMALL_ANSWER};

/// How many bytes of answers are under way.
#[derive(Debug, Default)]
pub(super) struct Held(Arc<AtomicUsize>);

/// A body that counts until it is sent, or its connection ends.
struct Counted {
    bytes: Bytes,
    all: Arc<AtomicUsize>,
}

impl Held {
    /// Whether to begin with a request. What charges nothing has half of the room, so that whoever asks for everything and
    /// reads nothing keeps nobody from a decision. A page is not begun where there is no room, because it is not refused once
    /// it counts as shown.
    pub(super) fn admits(&self, route: Route<'_>) -> bool {
        let most = match route {
            Route::Flags | Route::Explain => MAX_ANSWER_BYTES / 2,
            Route::Decide => MAX_ANSWER_BYTES,
            _ => return true,
        };
        self.0.load(Ordering::Relaxed) < most
    }

    /// Counts an answer that is not small until it is sent; false where there is no room for it. One that is larger than all
    /// of the room has it alone; a page that was begun is never refused, so that those that are decided at once may go over.
    pub(super) fn count(&self, route: Route<'_>, answer: &mut Answer) -> bool {
        let ResponseBody::Whole(bytes) = answer.body_mut() else {
            return true;
        };
        if bytes.len() < SMALL_ANSWER {
            return true;
        }
        let before = self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        let counted = Counted {
            bytes: std::mem::take(bytes),
            all: Arc::clone(&self.0),
        };
        let fits = before == 0 || before + counted.bytes.len() <= MAX_ANSWER_BYTES;
        let has_room = fits || matches!(route, Route::Decide);
        if has_room {
            *bytes = Bytes::from_owner(counted);
        }
        has_room
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::super::answer::bytes;
    use super::*;

    fn answer(size: usize) -> Answer {
        bytes(StatusCode::OK, "application/json", vec![b'x'; size])
    }

    fn held(held: &Held) -> usize {
        held.0.load(Ordering::Relaxed)
    }

    #[test]
    fn counts_an_answer_that_is_not_small_until_its_last_piece_is_gone() {
        let room = Held::default();
        let mut small = answer(SMALL_ANSWER - 1);
        assert!(room.count(Route::Flags, &mut small));
        assert_eq!(held(&room), 0);
        let mut large = answer(SMALL_ANSWER);
        assert!(room.count(Route::Flags, &mut large));
        assert_eq!(held(&room), SMALL_ANSWER);
        let ResponseBody::Whole(mut body) = large.into_body() else {
            panic!("a whole body")
        };
        assert_eq!(body, vec![b'x'; SMALL_ANSWER]);
        let sent = body.split_to(100);
        drop(sent);
        assert_eq!(held(&room), SMALL_ANSWER, "the rest is still there");
        drop(body);
        assert_eq!(held(&room), 0);
    }

    #[test]
    fn never_holds_more_than_there_is_room_for() {
        let room = Held::default();
        let mut under_way = Vec::new();
        let each = MAX_ANSWER_BYTES / 8;
        for nth in 0..8 {
            assert_eq!(room.admits(Route::Flags), nth < 4, "{nth}");
            assert_eq!(room.admits(Route::Explain), nth < 4, "{nth}");
            assert!(
                room.admits(Route::Decide) && room.admits(Route::Flag("hero")),
                "{nth}"
            );
            let mut one = answer(each);
            assert!(room.count(Route::Flags, &mut one));
            under_way.push(one);
        }
        assert!(!room.admits(Route::Decide));
        assert!(room.admits(Route::Flag("hero")) && room.admits(Route::Metrics));
        let mut over = answer(SMALL_ANSWER);
        assert!(!room.count(Route::Flags, &mut over));
        assert_eq!(held(&room), MAX_ANSWER_BYTES, "what was refused is not held");
        let mut page = answer(SMALL_ANSWER);
        assert!(
            room.count(Route::Decide, &mut page),
            "it was begun before, and counts as shown"
        );
        assert_eq!(held(&room), MAX_ANSWER_BYTES + SMALL_ANSWER);
        drop(page);
        assert!(
            room.count(Route::Flags, &mut answer(100)),
            "small ones always have a place"
        );
        under_way.clear();
        let mut huge = answer(MAX_ANSWER_BYTES + 1);
        assert!(room.count(Route::Flags, &mut huge), "it is served alone");
        assert!(!room.count(Route::Flags, &mut answer(SMALL_ANSWER)));
        drop(huge);
        assert_eq!(held(&room), 0);
    }
}

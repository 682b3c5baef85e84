//! Taking a request's body: so much and no more, and only so many at once that are not whole.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use http_body::Body;
use tokio::sync::Semaphore;

use crate::limits::Limits;

/// Room for bodies that are not whole yet, in KiB.
#[derive(Debug)]
pub(super) struct Room(pub(super) Semaphore);

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is larger than allowed.
    TooLarge,
    /// It broke off.
    Broken,
    /// There is no room for more that are not whole.
    Busy,
}

/// The whole body. Most come in one piece with their head, and are handed on as they are.
pub(super) async fn read<B>(mut body: B, limits: &Limits, room: &Room) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let limit = limits.body;
    let announced = body.size_hint();
    if announced.lower() > limit as u64 {
        return Err(BodyError::TooLarge);
    }
    let Some(first) = next(&mut body).await? else {
        return Ok(Bytes::new());
    };
    if first.len() > limit {
        return Err(BodyError::TooLarge);
    }
    if body.is_end_stream() {
        return Ok(first);
    }
    let expected = announced
        .exact()
        .map_or(limit, |length| usize::try_from(length).unwrap_or(limit));
    let kib = u32::try_from(expected.div_ceil(1024)).unwrap_or(u32::MAX);
    let _held = room.0.try_acquire_many(kib).map_err(|_| BodyError::Busy)?;
    let mut whole = Vec::with_capacity(expected.min(limit));
    whole.extend_from_slice(&first);
    while let Some(piece) = next(&mut body).await? {
        if whole.len() + piece.len() > limit {
            return Err(BodyError::TooLarge);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

/// The next piece of data; trailers are skipped.
async fn next<B>(body: &mut B) -> Result<Option<Bytes>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(BodyError::Broken),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

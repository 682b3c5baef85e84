use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;

const IDLE: Duration = Duration::from_mins(1);

/// A connection with an event stream on it, and its peer.
fn streaming() -> (Guarded<DuplexStream>, DuplexStream) {
    let (ours, peer) = tokio::io::duplex(64);
    let pulse = Arc::new(Pulse::default());
    pulse.beat(true);
    (Guarded::new(ours, pulse, IDLE), peer)
}

#[tokio::test(start_paused = true)]
async fn waits_for_a_peer_that_takes_a_little_now_and_then() {
    let (mut guarded, mut peer) = streaming();
    let writing = tokio::spawn(async move { guarded.write_all(&[0; 64 * 20]).await });
    let mut taken = 0;
    while taken < 64 * 20 {
        tokio::time::sleep(Duration::from_secs(25)).await;
        taken += peer.read(&mut [0; 64]).await.unwrap();
    }
    writing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn waits_no_longer_than_twice_the_time_for_a_peer_that_takes_nothing() {
    let (mut guarded, mut peer) = streaming();
    let began = Instant::now();
    let writing = tokio::spawn(async move { guarded.write_all(&[0; 256]).await });
    tokio::time::sleep(Duration::from_secs(10)).await;
    peer.read_exact(&mut [0; 64]).await.unwrap();
    let error = writing.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(began.elapsed() >= Duration::from_secs(70) && began.elapsed() <= 2 * IDLE);
}

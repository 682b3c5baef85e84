//! Many receivers at a time.

use super::*;

const ALL: usize = 200;
const HANGING: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_hang_hold_up_nobody_else() {
    let (server, post) = (Server::plain().await, Post::new());
    let path = |number: usize| format!("/rules/{number}");
    let slow = json!({"retry": {"timeout": "30s"}});
    let edit = |touchpoint: &str| -> Vec<String> {
        (0..ALL)
            .map(|number| {
                let channel = format!("channel-{number}");
                post.wants(&channel, &server.url(&path(number)), slow.clone(), touchpoint)
            })
            .collect()
    };
    let first = edit("one");
    let has = |number: usize, revisions: &[String]| {
        server.revision(&path(number)).as_ref() == revisions.get(number)
    };
    until("all have the first", || {
        (0..ALL).all(|number| has(number, &first))
    })
    .await;
    for number in 0..HANGING {
        server.does(&path(number), Does::Hangs);
    }
    // Compiling takes its time and is no part of it.
    let second: Vec<_> = (0..ALL)
        .map(|number| (number, publication(SHOP, &format!("channel-{number}"), "two")))
        .collect();
    let edited = Instant::now();
    let revisions: Vec<_> = second
        .iter()
        .map(|(_, publication)| publication.revision.clone())
        .collect();
    let mut wanted = post.wanted.lock().unwrap().clone();
    for (number, publication) in second {
        let key = (SHOP.to_owned(), format!("channel-{number}"));
        wanted.get_mut(&key).unwrap().publication = publication;
    }
    post.pusher.settle(wanted, &BTreeSet::new());
    until("all others have the second", || {
        (HANGING..ALL).all(|number| has(number, &revisions))
    })
    .await;
    let took = edited.elapsed();
    println!(
        "{} receivers had an edit after {took:.2?} while {HANGING} hung",
        ALL - HANGING
    );
    assert!(took < Duration::from_secs(2), "{took:?}");
    for number in 0..HANGING {
        assert_eq!(server.sent(&path(number)).len(), 2, "one call at a time");
    }
}

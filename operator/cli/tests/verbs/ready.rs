//! `attune ready`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::folder::Folder;

/// An address that gives these answers, one to each who asks, and then none.
fn answering(statuses: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().expect("somebody asks");
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).expect("a request");
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 6\r\nConnection: close\r\n\r\nreason");
            stream.write_all(answer.as_bytes()).expect("it listens");
        }
    });
    format!("http://{address}/readyz")
}

#[test]
fn waits_until_all_are_ready() {
    let (first, second) = (
        answering(&["503 Service Unavailable", "200 OK"]),
        answering(&["200 OK"]),
    );
    let run = Folder::example(&[]).attune(&["ready", "--timeout", "20", &first, &second]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(run.stdout, format!("{first} is ready\n{second} is ready\n"));
}

#[test]
fn says_which_one_is_not_ready_and_why() {
    let (first, second) = (answering(&["200 OK"]), answering(&["503 Service Unavailable"]));
    let run = Folder::example(&[]).attune(&["ready", "--timeout", "0", &first, &second]);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.stderr,
        format!("{second} is not ready: 503 Service Unavailable reason\n")
    );
}

#[test]
fn says_that_nobody_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/readyz", listener.local_addr().expect("an address"));
    drop(listener);
    let run = Folder::example(&[]).attune(&["ready", "--timeout", "0", &url]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("Connection refused"), "{}", run.stderr);
}

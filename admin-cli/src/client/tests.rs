//! The client against a door that gives prepared answers.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use indicatif::ProgressBar;

use std::time::Duration;

use tokio::sync::oneshot;

use super::{AnswerTooLong, Client, FileBody, Problem, Reply, SILENCE, WHOLE};

/// A door that gives these answers, one for each request, on as many connections as it takes; gives what it was asked.
fn door(answers: Vec<String>, close_after_each: bool) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/prefix", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let mut asked = Vec::new();
        let mut answers = answers.into_iter();
        while answers.len() > 0 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = vec![0; 1 << 20];
            while answers.len() > 0 {
                let read = stream.read(&mut buffer).unwrap();
                if read == 0 {
                    break;
                }
                asked.push(String::from_utf8_lossy(&buffer[..read]).into_owned());
                stream.write_all(answers.next().unwrap().as_bytes()).unwrap();
                if close_after_each {
                    break;
                }
            }
        }
        asked
    });
    (url, serving)
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn one_connection_serves_several_requests_with_prefix_and_headers() {
    let (url, serving) = door(vec![answer("200 OK", "one"), answer("404 Not Found", "")], false);
    let mut client = Client::at_url(&url).unwrap();
    run(async {
        let reply = client.get("/a", &[("authorization", "Bearer t".to_owned())], 3).await.unwrap();
        assert_eq!((reply.status, reply.body.as_slice()), (200, b"one".as_slice()));
        assert_eq!(client.get("/b", &[], 3).await.unwrap().status, 404);
    });
    let asked = serving.join().unwrap();
    assert!(
        asked[0].starts_with("GET /prefix/a HTTP/1.1\r\n") && asked[0].contains("authorization: Bearer t\r\n"),
        "{}",
        asked[0]
    );
    assert!(asked[1].starts_with("GET /prefix/b HTTP/1.1\r\n"));
}

#[test]
fn a_connection_that_was_closed_is_opened_anew() {
    let (url, serving) = door(vec![answer("200 OK", "one"), answer("200 OK", "two")], true);
    let mut client = Client::at_url(&url).unwrap();
    run(async {
        assert_eq!(client.get("/", &[], 10).await.unwrap().body, b"one");
        assert_eq!(client.get("/", &[], 10).await.unwrap().body, b"two");
    });
    assert_eq!(serving.join().unwrap().len(), 2);
}

#[test]
fn an_answer_over_its_bound_is_refused() {
    let (url, serving) = door(vec![answer("200 OK", "four")], true);
    let mut client = Client::at_url(&url).unwrap();
    let refused = run(client.get("/", &[], 3)).err().unwrap().to_string();
    assert!(refused.contains("more than 3 bytes"), "{refused}");
    serving.join().unwrap();
}

/// A door that answers one request with the beginning of an answer, then a byte more whenever it is told to, and says that it did.
fn slow_door(begin: &'static str) -> (String, oneshot::Receiver<()>, mpsc::Sender<oneshot::Sender<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, was_asked) = oneshot::channel();
    let (tell, told) = mpsc::channel::<oneshot::Sender<()>>();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream.write_all(begin.as_bytes()).unwrap();
        asked.send(()).unwrap();
        for wrote in told {
            stream.write_all(b"x").unwrap();
            wrote.send(()).unwrap();
        }
    });
    (url, was_asked, tell)
}

/// Lets time pass that does not pass, and gives how the request ended, if it did by then.
async fn later<T>(request: &mut (impl Future<Output = T> + Unpin), by: Duration) -> Option<T> {
    // What lies in the socket is read first.
    for _ in 0..3 {
        tokio::select! { ended = &mut *request => return Some(ended), () = tokio::time::sleep(Duration::from_millis(1)) => {} }
    }
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
    tokio::select! { ended = &mut *request => Some(ended), () = tokio::time::sleep(Duration::from_millis(1)) => None }
}

#[test]
fn a_door_that_is_silent_is_not_waited_for_forever() {
    for begin in ["", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"] {
        let (url, mut was_asked, _tell) = slow_door(begin);
        let mut client = Client::at_url(&url).unwrap();
        let ended = run(async {
            let mut getting = Box::pin(client.get("/checkpoint", &[], 100));
            tokio::select! { _ = &mut getting => panic!("it was answered"), asked = &mut was_asked => asked.unwrap() }
            later(&mut getting, SILENCE + Duration::from_secs(1)).await
        });
        let refused = ended.expect("it waits still").err().unwrap().to_string();
        assert!(refused.contains("was silent for 180 s"), "{refused}");
    }
}

#[test]
fn an_answer_that_drips_is_not_waited_for_forever() {
    let (url, mut was_asked, tell) = slow_door("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
    let mut client = Client::at_url(&url).unwrap();
    let ended = run(async {
        let mut getting = Box::pin(client.get("/checkpoint", &[], 1000));
        tokio::select! { _ = &mut getting => panic!("it was answered"), asked = &mut was_asked => asked.unwrap() }
        // Never silent for as long as a door may be, and for longer in all than an answer may take.
        for _ in 0..3 {
            if let Some(ended) = later(&mut getting, SILENCE - Duration::from_secs(60)).await {
                return Some(ended);
            }
            let (wrote, written) = oneshot::channel();
            tell.send(wrote).unwrap();
            written.await.unwrap();
        }
        None
    });
    let refused = ended.expect("it waits still").err().unwrap().to_string();
    assert!(refused.contains(&format!("within {} s", WHOLE.as_secs())), "{refused}");
}

#[test]
fn an_answer_without_end_is_given_up_at_its_bound() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Client::at_url(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let mut written = 0u64;
        while stream.write_all(&[b'x'; 65_536]).is_ok() {
            written += 65_536;
        }
        written
    });
    let refused = run(client.get("/checkpoint", &[], 100_000)).err().unwrap();
    assert!(refused.is::<AnswerTooLong>(), "{refused}");
    drop(client);
    assert!(serving.join().unwrap() < 1 << 26, "the connection is closed, and not read on");
}

#[test]
fn an_answer_that_is_cut_off_is_no_answer() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_owned();
    let (url, serving) = door(vec![cut], true);
    let mut client = Client::at_url(&url).unwrap();
    let refused = run(client.get("/", &[], 100)).err().unwrap().to_string();
    assert!(refused.contains("cut off"), "{refused}");
    serving.join().unwrap();
}

#[test]
fn a_file_is_sent_with_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "a,b\n").unwrap();
    let (url, serving) = door(vec![answer("200 OK", "")], true);
    let mut client = Client::at_url(&url).unwrap();
    let bar = ProgressBar::hidden();
    run(async {
        let body = FileBody::new(std::fs::File::open(&path).unwrap(), 4, bar.clone());
        client.post_file("/v1/import?file=x", body).await.unwrap().whole(10).await.unwrap();
    });
    let asked = serving.join().unwrap().concat();
    assert!(asked.contains("content-length: 4\r\n"), "{asked}");
    assert_eq!(bar.position(), 4);
}

#[test]
fn what_is_no_door_is_refused_with_the_way_out() {
    assert!(Client::at_url("https://gz.example").err().unwrap().to_string().contains("--ca or the key with --tls-key"));
    assert!(Client::at_url("127.0.0.1:4502").is_err() && Client::at_url("/tmp/x").is_err());
    let refused =
        run(Client::at_socket(std::path::Path::new("/nonexistent/admin.sock")).get("/v1/status", &[], 10)).err().unwrap();
    assert!(refused.to_string().contains("check that the node runs"), "{refused:#}");
}

#[test]
fn a_problem_is_read_and_anything_else_has_its_status() {
    let reply = |body: &str| Reply { status: 403, body: body.as_bytes().to_vec() };
    let problem = Problem::of(&reply(
        r#"{"type":"declined","title":"not asked","status":403,"detail":"why","reason":"lane_wrong","leaf":17}"#,
    ));
    assert_eq!((problem.to_string().as_str(), problem.leaf), ("not asked: why", Some(17)));
    assert_eq!(Problem::of(&reply("<html>")).to_string(), "status 403");
    assert_eq!(Problem::of(&reply("{}")).to_string(), "status 403");
}

//! The admin socket: whether the proxy lives (`GET /health`), whether it could serve a client now (`GET /ready`), and what it has
//! counted (`GET /metrics`).

mod io;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hostward_engine::stream::Stream;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use prometheus_client::encoding::prometheus_text;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::accept::accept;
use crate::listen::Listener;
use crate::standing::{ReadyAnswer, Standing};
use io::Polled;

/// How long a client may take to ask and to read the answer.
const CLIENT_LIMIT: Duration = Duration::from_secs(10);
/// A request's head is short.
const HEAD_LIMIT: usize = 16 << 10;
const PATHS: [&str; 3] = ["/health", "/ready", "/metrics"];

/// Answers until it is aborted: to the very end of a drain.
pub(crate) async fn serve_admin(listener: Arc<Listener>, standing: Standing) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            (stream, _) = accept(&listener) => {
                let standing = standing.clone();
                clients.spawn(async move {
                    // A client that is too slow or has gone has no use for an error.
                    let _ = tokio::time::timeout(CLIENT_LIMIT, serve_client(stream, &standing)).await;
                });
            }
            Some(_) = clients.join_next() => {}
        }
    }
}

/// One request and its answer: these are too few to keep connections for.
async fn serve_client(stream: Stream, standing: &Standing) -> hyper::Result<()> {
    let answer = service_fn(|request: Request<Incoming>| async move {
        Ok::<_, Infallible>(answer(standing, request.method(), request.uri().path()).await)
    });
    let mut http = http1::Builder::new();
    http.keep_alive(false).max_buf_size(HEAD_LIMIT).serve_connection(Polled(stream), answer).await
}

async fn answer(standing: &Standing, method: &Method, path: &str) -> Response<String> {
    if !PATHS.contains(&path) {
        return message(StatusCode::NOT_FOUND, "use GET /health, GET /ready or GET /metrics");
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut answer = message(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are supported here");
        answer.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    match path {
        "/metrics" => match standing.metrics() {
            Ok(page) => of_type(StatusCode::OK, prometheus_text::CONTENT_TYPE, page),
            Err(error) => message(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        },
        "/ready" => {
            let ReadyAnswer { is_ready, body } = standing.ready().await;
            json(if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &body)
        }
        _ => json(StatusCode::OK, &standing.health().await),
    }
}

fn message(status: StatusCode, message: &str) -> Response<String> {
    json(status, &json!({ "message": message }))
}

fn json(status: StatusCode, body: &Value) -> Response<String> {
    of_type(status, "application/json", format!("{body}\n"))
}

fn of_type(status: StatusCode, kind: &'static str, body: String) -> Response<String> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage;

    async fn ask(request: &str) -> String {
        let standing = Standing::new(stage::nowhere(), stage::parts());
        let (near, mut far) = tokio::net::UnixStream::pair().unwrap();
        let asking = async {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            // In two pieces: a head may come so.
            let (first, second) = request.split_at(request.len() / 2);
            far.write_all(first.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
            far.write_all(second.as_bytes()).await.unwrap();
            let mut answer = String::new();
            far.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let serving = async move {
            // What is no HTTP is answered, and an error here.
            let _ = serve_client(Stream::from(near), &standing).await;
        };
        tokio::join!(asking, serving).0
    }

    #[tokio::test(flavor = "current_thread")]
    async fn whatever_is_asked_is_answered_as_http_has_it() {
        for (request, status, kind) in [
            ("GET /health HTTP/1.1\r\nHost: h\r\n\r\n", "200 OK", "application/json"),
            ("GET /ready?verbose HTTP/1.1\r\nHost: h\r\n\r\n", "503 Service Unavailable", "application/json"),
            (
                "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n",
                "200 OK",
                "text/plain; version=0.0.4; charset=utf-8",
            ),
            ("POST /health HTTP/1.1\r\nHost: h\r\n\r\n", "405 Method Not Allowed", "application/json"),
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "404 Not Found", "application/json"),
        ] {
            let answer = ask(request).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}: {head}");
            assert!(head.contains(&format!("content-type: {kind}\r\n")), "{request}: {head}");
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{request}: {head}");
            if kind == "application/json" {
                serde_json::from_str::<Value>(body).unwrap();
            }
        }
        assert!(ask("HEAD /health HTTP/1.1\r\nHost: h\r\n\r\n").await.ends_with("\r\n\r\n"));
        assert!(ask("nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    }
}

//! What the answers of the auditors' door bear beside their content: how long they may be kept, and by what they are known again
//! (PROTOCOL 35.2; RFC 9110 and 9111).
//!
//! Not here: compression. A log is hashes and commitments for the most part, which do not get smaller, and the specification leaves it open.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use creditbay_crypto::hash::Digest;

/// Bytes of an answer at most: a full bundle has 115 200.
const MAX_BYTES: usize = 1 << 18;
/// What makes a visitor an auditor.
const SCHEME: HeaderValue = HeaderValue::from_static("CreditBay-Auditor");

/// Gives what is published an entity tag and answers 304 to whoever has it; what is not there is kept by nobody.
pub(super) async fn bear(mut request: Request, next: Next) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return next.run(request).await;
    }
    let has = request.headers().get(header::IF_NONE_MATCH).cloned();
    // The tag of an answer to HEAD is that of the answer to GET, so the content is needed; its length stays, it does not.
    *request.method_mut() = Method::GET;
    let (mut head, body) = next.run(request).await.into_parts();
    if head.status != StatusCode::OK {
        head.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if head.status == StatusCode::UNAUTHORIZED {
            head.headers.insert(header::WWW_AUTHENTICATE, SCHEME);
        }
        return Response::from_parts(head, body);
    }
    let Ok(bytes) = to_bytes(body, MAX_BYTES).await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let tag = format!("\"{}\"", &Digest::of(&bytes).to_string()[..32]);
    if let Ok(value) = HeaderValue::from_str(&tag) {
        head.headers.insert(header::ETAG, value);
    }
    if has.is_some_and(|has| names(&has, &tag)) {
        let mut kept = HeaderMap::new();
        for name in [header::ETAG, header::CACHE_CONTROL] {
            kept.extend(head.headers.remove(&name).map(|value| (name, value)));
        }
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    Response::from_parts(head, Body::from(bytes))
}

/// Whether an `If-None-Match` names the tag; weak or strong makes no difference there.
fn names(has: &HeaderValue, tag: &str) -> bool {
    let has = has.to_str().unwrap_or_default();
    has.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == tag || one == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_and_another_is_not() {
        let names = |has: &'static str| names(&HeaderValue::from_static(has), "\"ab\"");
        assert!(names("\"ab\"") && names("W/\"ab\"") && names("\"x\", \"ab\"") && names("*"));
        assert!(!names("\"abc\"") && !names("ab") && !names(""));
    }
}

//! Requests that get no verdict, and why.

use crate::admission::NotAReview;
use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::json;
use std::time::Duration;

/// Most characters of a message.
const WORDS: usize = 1_024;

/// Why there is no verdict. With those that may be tried again goes `Retry-After`, for which the API server asks again
/// within its deadline (client-go: rest/with_retry.go).
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Another path than that of reviews.
    #[error("there is nothing at {0}; POST an AdmissionReview to /validate")]
    Path(String),
    /// Not POST.
    #[error("POST an AdmissionReview here; {0} is not known")]
    Method(String),
    /// Not JSON by its header.
    #[error("the content type is {0}; send application/json")]
    ContentType(String),
    /// Compressed.
    #[error("the content encoding is {0}; send the review as it is")]
    ContentEncoding(String),
    /// More bytes than one body may have.
    #[error("the review is larger than {0} bytes")]
    TooLarge(usize),
    /// The body did not arrive in time.
    #[error("the body did not arrive within {0:?}")]
    Slow(Duration),
    /// The body ended early.
    #[error("the body broke off: {0}")]
    BrokenOff(String),
    /// Read, and no review.
    #[error("{error}")]
    NotAReview {
        /// What is wrong.
        error: NotAReview,
        /// `request.uid`, where it could be found.
        uid: Option<String>,
    },
    /// As much as can be done at once is being done.
    #[error("too many reviews at once ({0})")]
    Busy(&'static str),
    /// The review was not finished by its deadline.
    #[error("the review took longer than {0:?}")]
    Late(Duration),
    /// The server is about to stop.
    #[error("the server is stopping")]
    Stopping,
    /// Nothing is known of the cluster yet.
    #[error("the cluster's objects have not been read yet")]
    Unsynced,
    /// The review panicked: a defect.
    #[error("the review failed by a defect of kubevirt-preflight; its log has the place")]
    Panicked,
}

impl Refusal {
    /// What it says, without more of what the client sent than a person reads.
    pub fn words(&self) -> String {
        let mut words = self.to_string();
        if let Some((end, _)) = words.char_indices().nth(WORDS) {
            words.truncate(end);
            words.push('…');
        }
        words
    }

    /// The HTTP status.
    pub fn code(&self) -> u16 {
        self.status().0.as_u16()
    }

    /// The HTTP status, and the reason of a `metav1.Status` that says the same.
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Path(_) => (StatusCode::NOT_FOUND, "NotFound"),
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::ContentType(_) | Self::ContentEncoding(_) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType")
            }
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge"),
            Self::Slow(_) => (StatusCode::REQUEST_TIMEOUT, "Timeout"),
            Self::BrokenOff(_) | Self::NotAReview { .. } => (StatusCode::BAD_REQUEST, "BadRequest"),
            Self::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
            Self::Late(_) | Self::Stopping | Self::Unsynced => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
            Self::Panicked => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        }
    }

    /// The word for it in metrics; `None` where the request was at fault.
    pub fn shed(&self) -> Option<&'static str> {
        match self {
            Self::Busy(what) => Some(what),
            Self::Late(_) => Some("late"),
            Self::Stopping => Some("stopping"),
            Self::Unsynced => Some("unsynced"),
            _ => None,
        }
    }

    /// As the API server can read it: a `metav1.Status`.
    pub fn response(&self) -> Response<Body> {
        let (status, reason) = self.status();
        let mut body = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status.as_u16(),
            "reason": reason, "message": format!("kubevirt-preflight: {}", self.words())});
        if let Self::NotAReview { uid: Some(uid), .. } = self
            && uid.len() <= WORDS
        {
            body["details"] = json!({ "uid": uid });
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if matches!(self, Self::Method(_)) {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        if self.shed().is_some() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

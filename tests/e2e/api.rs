//! The test's own requests to the API server, by its proxy: those that a kubelet makes, and looking at what is there.

use super::plane::API;
use serde_json::Value;
use std::time::Duration;

pub fn get(path: &str) -> Result<Value, String> {
    let request = ureq::get(format!("{API}{path}")).config().timeout_global(Some(Duration::from_secs(5))).build();
    read(request.call())
}

pub fn post(path: &str, object: &Value) -> Result<Value, String> {
    let request = ureq::post(format!("{API}{path}")).header("content-type", "application/json");
    read(request.config().timeout_global(Some(Duration::from_secs(5))).build().send(object.to_string()))
}

pub fn merge(path: &str, patch: &Value) -> Result<Value, String> {
    let request = ureq::patch(format!("{API}{path}")).header("content-type", "application/merge-patch+json");
    read(request.config().timeout_global(Some(Duration::from_secs(5))).build().send(patch.to_string()))
}

pub fn delete(path: &str) -> Result<Value, String> {
    let request = ureq::delete(format!("{API}{path}"));
    read(request.config().timeout_global(Some(Duration::from_secs(5))).build().call())
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, String> {
    let mut answer = answer.map_err(|error| error.to_string())?;
    let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// As `post`, with the API server's own words if it refuses.
pub fn told(url: &str, object: &Value) -> Result<(), String> {
    let request = ureq::post(url)
        .header("content-type", "application/json")
        .config()
        .timeout_global(Some(Duration::from_secs(10)));
    let answer =
        request.http_status_as_error(false).build().send(object.to_string()).map_err(|error| error.to_string())?;
    let status = answer.status();
    let text = answer.into_body().read_to_string().unwrap_or_default();
    if status.is_success() { Ok(()) } else { Err(format!("{status}: {text}")) }
}

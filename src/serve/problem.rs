//! What went wrong, as clients of the OpenAI API read it.

use super::body::Reply;
use super::gate::Refused;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use wayside::{Error, ErrorKind};

/// Something that is not answered.
#[derive(Debug)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// What it is, in a word that programs match on.
    pub code: &'static str,
    /// What it is, in a sentence that names the remedy.
    pub message: String,
    /// The key that is wrong.
    pub param: Option<String>,
}

impl Problem {
    /// A status, a word and a sentence.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), param: None }
    }

    /// A request that makes no sense.
    pub fn invalid(param: &str, message: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::BAD_REQUEST, "invalid_value", message);
        Self { param: (!param.is_empty()).then(|| param.to_owned()), ..problem }
    }

    /// Only for those who act for the house.
    pub fn staff() -> Self {
        Self::new(StatusCode::FORBIDDEN, "staff_only", "that is for the house alone: send the token in staff.token")
    }

    /// Too much at once.
    pub fn too_many(message: &str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message)
    }

    /// As clients read it.
    pub fn json(&self) -> Value {
        let kind = match self.status.as_u16() {
            401 => "authentication_error",
            403 | 421 => "permission_error",
            429 => "rate_limit_error",
            400..500 => "invalid_request_error",
            _ => "server_error",
        };
        json!({ "error": { "message": self.message, "type": kind, "param": self.param, "code": self.code } })
    }

    /// As it is sent.
    pub fn response(&self) -> Response<Reply> {
        let mut response = Response::new(Reply::from(self.json().to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, code) = match error.kind() {
            ErrorKind::Invalid => (400, "invalid_value"),
            ErrorKind::NotFound => (404, "not_found"),
            ErrorKind::Unsupported => (400, "unsupported"),
            ErrorKind::Incompatible => (409, "incompatible"),
            ErrorKind::Busy => (503, "busy"),
            ErrorKind::Full => (507, "full"),
            ErrorKind::Cancelled => (503, "cancelled"),
            ErrorKind::Corrupt => (500, "corrupt"),
            ErrorKind::Fetch => (503, "not_fetched"),
            _ => (500, "internal_error"),
        };
        Self::new(StatusCode::from_u16(status).unwrap_or_default(), code, error.to_string())
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Host => Self::new(
                StatusCode::MISDIRECTED_REQUEST,
                "wrong_host",
                "the service does not go by that name; call 127.0.0.1, or list the name in `serve.hosts`",
            ),
            Refused::Origin => Self::new(
                StatusCode::FORBIDDEN,
                "wrong_origin",
                "pages from elsewhere may not ask; list theirs in `serve.origins`",
            ),
            Refused::Token => Self::new(
                StatusCode::UNAUTHORIZED,
                "invalid_api_key",
                "there is no valid token: send `Authorization: Bearer` with what is in serve.token, or in staff.token",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_shape_that_clients_know() {
        let problem = Problem::from(Error::not_found("there is no model \"x\""));
        let error = &problem.json()["error"];
        assert_eq!((problem.status.as_u16(), &error["type"]), (404, &"invalid_request_error".into()));
        assert_eq!((&error["code"], &error["param"]), (&"not_found".into(), &Value::Null));
        assert_eq!(Problem::from(Refused::Token).response().headers()["www-authenticate"], "Bearer");
        assert_eq!(Problem::too_many("").response().headers()["retry-after"], "1");
        assert_eq!(Problem::from(Error::engine("")).json()["error"]["type"], "server_error");
    }
}

use serde::{Deserialize, Serialize};

use crate::Target;

/// One HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Method, in capital letters.
    #[serde(default = "get")]
    pub method: String,
    /// What is asked for.
    pub target: Target,
    /// Fields beside `Host`, `User-Agent`, `Accept` and `Content-Length`, which it replaces if it names them.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Body; empty for none.
    #[serde(default)]
    pub body: Vec<u8>,
}

impl Request {
    /// A GET of a target.
    pub fn get(target: Target) -> Request {
        Request { method: get(), target, headers: Vec::new(), body: Vec::new() }
    }

    /// Whether the request may be sent again if the connection closed before any byte of an answer (RFC 9110, section
    /// 9.2.2).
    pub fn is_idempotent(&self) -> bool {
        matches!(&*self.method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
    }
}

fn get() -> String {
    "GET".to_owned()
}

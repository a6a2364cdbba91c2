//! A document as its readers have it.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::support::{Request, Server};

/// What a server says of itself. Every reference in it leads somewhere, and every scheme is declared.
pub async fn document(server: &Server) -> Value {
    let answer = server.send(&Request::get("/openapi.json")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let document = answer.json();
    check(&document, &document);
    document
}

pub fn serve(app: Router, api: OpenApi) -> Router {
    app.route("/openapi.json", get(Json(api)))
}

fn check(document: &Value, part: &Value) {
    match part {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(
                    document.pointer(pointer).is_some(),
                    "{reference} is nowhere"
                );
            }
            if let Some(Value::Array(requirements)) = members.get("security") {
                for name in requirements
                    .iter()
                    .flat_map(|one| one.as_object().unwrap().keys())
                {
                    let schemes = &document["components"]["securitySchemes"];
                    assert!(schemes[name].is_object(), "{name} is no scheme");
                }
            }
            members.values().for_each(|part| check(document, part));
        }
        Value::Array(parts) => parts.iter().for_each(|part| check(document, part)),
        _ => {}
    }
}

/// The statuses of an operation, in order.
pub fn statuses(operation: &Value) -> Vec<u16> {
    let responses = operation["responses"].as_object().unwrap();
    responses
        .keys()
        .map(|status| status.parse().unwrap())
        .collect()
}

pub fn said(operation: &Value, status: &str) -> String {
    let description = &operation["responses"][status]["description"];
    description.as_str().unwrap_or_default().to_owned()
}

/// The schemes of an operation, of which one is enough; "" is none.
pub fn schemes(operation: &Value) -> Vec<String> {
    let Value::Array(alternatives) = &operation["security"] else {
        return Vec::new();
    };
    let names = |one: &Value| {
        one.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join("+")
    };
    alternatives.iter().map(names).collect()
}

/// Sends every operation that no scheme protects without a token, and returns those that ask for one all the same.
pub async fn guarded_in_silence(server: &Server, document: &Value) -> Vec<String> {
    let mut silent = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let is_open = matches!(&operation["security"], Value::Null)
                || schemes(operation).iter().any(String::is_empty);
            let target = path.replace(['{', '}'], "");
            let request = Request::new(&method.to_uppercase(), &target);
            let answer = server.send(&request).await;
            if is_open && answer.status == 401 && answer.json()["code"] == "missing_token" {
                silent.push(format!("{method} {path}"));
            }
        }
    }
    silent
}

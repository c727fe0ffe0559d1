//! The description of the API in the form of OpenAPI 3.1, served at `/api/v1/openapi.json`.
//!
//! It is made from what the router is made from: `#[utoipa::path]` at a handler names method, path, parameters, bodies
//! and good answers, and `routes!` registers both. So there is no route without a description, and no description
//! without a route. What is the same for many endpoints is added here, from what an endpoint says about itself:
//!
//! - `security(("session" = []))` or `security(("admin" = []))`: the refusals that go with it;
//! - `extensions(("x-errors" = json!([ErrorCode::…])))`: the refusals of its own;
//! - parameters and bodies: those for what cannot be understood or is too large;
//! - [`with_body_limit`], [`with_own_body_limit`]: how long its body may be.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::DefaultBodyLimit;
use bytes::Bytes;
use privmsg_protocol::ErrorCode;
use privmsg_protocol::rest::Problem;
use serde_json::{Map, Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Components, OpenApi, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::app::AppState;
use crate::http::BodyLimit;

/// Errors of an endpoint, beside those that follow from its form.
const ERRORS: &str = "x-errors";

/// Longest body of an endpoint, in bytes.
const BODY_LIMIT: &str = "x-max-body-bytes";

/// Bytes that are no text.
pub(crate) struct Binary;

impl PartialSchema for Binary {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .content_media_type("application/octet-stream")
            .description(Some("Bytes"))
            .into()
    }
}

impl ToSchema for Binary {
    fn name() -> Cow<'static, str> {
        "Binary".into()
    }
}

/// The form of an upload.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a body that is read as a stream")]
pub(crate) struct UploadForm {
    /// The file, encrypted by the client. Its name and type are passed over.
    file: Binary,
}

/// Limits the bodies of these routes, and says so in their description.
pub(crate) fn with_body_limit(router: OpenApiRouter<AppState>, bytes: u64) -> OpenApiRouter<AppState> {
    let limit = DefaultBodyLimit::max(usize::try_from(bytes).unwrap_or(usize::MAX));
    describe_limit(router, bytes).layer((limit, Extension(BodyLimit(bytes))))
}

/// The same where the routes themselves see to it that no more is taken, and read on, so that who sends more gets their answer.
pub(crate) fn with_own_body_limit(router: OpenApiRouter<AppState>, bytes: u64) -> OpenApiRouter<AppState> {
    describe_limit(router, bytes).layer(DefaultBodyLimit::disable())
}

fn describe_limit(mut router: OpenApiRouter<AppState>, bytes: u64) -> OpenApiRouter<AppState> {
    for item in router.get_openapi_mut().paths.paths.values_mut() {
        for operation in operations(item).filter(|operation| operation.request_body.is_some()) {
            let extensions = operation.extensions.get_or_insert_with(Extensions::default);
            extensions.insert(BODY_LIMIT.to_owned(), bytes.into());
        }
    }
    router
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, head, patch, options, .. } = item;
    [get, put, post, delete, head, patch, options].into_iter().flatten()
}

/// The finished document.
pub(crate) fn document(mut api: OpenApi) -> Bytes {
    let mut schemas = Vec::new();
    Problem::schemas(&mut schemas);
    schemas.push((Problem::name().into(), Problem::schema()));
    api.components.get_or_insert_with(Components::new).schemas.extend(schemas);
    let mut document = serde_json::to_value(api).expect("a description has text keys and no failing serialisers");
    document["info"] = info();
    document["servers"] = json!([{"url": "/"}]);
    document["components"]["securitySchemes"] = security_schemes();
    for item in document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(method, operation);
        }
    }
    // Names of types in Rust's form of a link, which is none here.
    document.to_string().replace("[`", "`").replace("`]", "`").into()
}

fn info() -> Value {
    json!({
        "title": "PrivMsg",
        "version": env!("CARGO_PKG_VERSION"),
        "license": {"name": "GPL-3.0-only", "identifier": "GPL-3.0-only"},
        "description": "The REST API of a PrivMsg server. Messages themselves go over the WebSocket at `/ws`. \
            A refusal is an RFC 9457 problem whose `code` is stable. Fields that a client does not know are to be \
            passed over; the server does the same.",
    })
}

fn security_schemes() -> Value {
    json!({
        "session": {"type": "http", "scheme": "bearer", "description": "The token of a login."},
        "admin": {
            "type": "http",
            "scheme": "bearer",
            "description": "The admin key. It may also come as `admin_key` in a JSON body, with any method.",
        },
    })
}

/// Adds what follows from the form of an endpoint.
fn complete(method: &str, operation: &mut Value) {
    let tag = operation["tags"][0].as_str().unwrap_or_default().replace(' ', "_");
    let name = operation["operationId"].as_str().unwrap_or_default();
    operation["operationId"] = format!("{tag}_{name}").into();
    if let Some(bytes) = operation[BODY_LIMIT].as_u64() {
        let text = operation["description"].as_str().map_or_else(String::new, |text| format!("{text}\n\n"));
        operation["description"] = format!("{text}The body has at most {bytes} bytes.").into();
    }
    let responses = refusals(method, operation);
    let Some(all) = operation["responses"].as_object_mut() else { return };
    for (status, response) in all.iter_mut() {
        if response["description"].as_str().is_none_or(str::is_empty) {
            response["description"] = if status == "204" { "Done." } else { "The answer." }.into();
        }
    }
    for (status, response) in responses {
        match all.get_mut(&status) {
            // It has a form of its own beside.
            Some(known) if known["content"].is_object() => {
                let other = response["content"].as_object().cloned().unwrap_or_default();
                known["content"].as_object_mut().expect("looked at before").extend(other);
            }
            _ => {
                all.insert(status, response);
            }
        }
    }
}

/// The answers that say no, by status.
fn refusals(method: &str, operation: &Value) -> BTreeMap<String, Value> {
    let named = operation[ERRORS].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut codes: Vec<ErrorCode> = named.map(ErrorCode::from).collect();
    if !operation["security"][0]["session"].is_null() {
        codes.extend([
            ErrorCode::Unauthorized,
            ErrorCode::TokenExpired,
            ErrorCode::AccountRevoked,
            ErrorCode::DeviceNotListed,
            ErrorCode::RateLimited,
        ]);
    }
    if !operation["security"][0]["admin"].is_null() {
        codes.extend([ErrorCode::AdminKeyInvalid, ErrorCode::TooManyWrongKeys, ErrorCode::RateLimited]);
    }
    if !operation["requestBody"].is_null() {
        codes.extend([ErrorCode::MalformedRequest, ErrorCode::BodyTooLarge]);
    }
    if !operation["parameters"].is_null() {
        codes.push(ErrorCode::MalformedRequest);
    }
    if method != "get" {
        codes.push(ErrorCode::StorageFull);
    }
    codes.extend([ErrorCode::Internal, ErrorCode::ShuttingDown]);
    let mut by_status: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for code in codes {
        let same = by_status.entry(code.http_status()).or_default();
        if !same.iter().any(|known| known == code.as_str()) {
            same.push(code.as_str().to_owned());
        }
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), refusal(status, &codes))).collect()
}

fn refusal(status: u16, codes: &[String]) -> Value {
    let names: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
    let code = json!({"properties": {"code": {"enum": codes}, "status": {"const": status}}});
    let schema = json!({"allOf": [{"$ref": "#/components/schemas/Problem"}, code]});
    let mut response = json!({
        "description": names.join(", "),
        "content": {"application/problem+json": {"schema": schema}},
    });
    if status == 429 {
        let header = json!({"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}});
        response["headers"] = json!({"Retry-After": header});
    }
    response
}

//! The description of the API at `/api/v1/openapi.json`, and what the server really does.
//!
//! [`check`] holds every exchange of these tests against it: the path is described, the method, the status, the content
//! type, and the body is of the described shape, without a field more.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::Validator;
use privmsg_protocol::rest::ENDPOINTS;
use serde_json::{Map, Value, json};

use crate::support::{Answer, Api, TestServer};

/// What is served beside the API, and is described elsewhere.
const PAGES: &str = "/admin";

/// The document as the first server of this process gives it. Nothing but its limits differs from server to server.
struct Description {
    document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

static DESCRIPTION: OnceLock<Description> = OnceLock::new();

impl Description {
    async fn of(api: Api) -> &'static Self {
        if let Some(known) = DESCRIPTION.get() {
            return known;
        }
        let answer = api.raw(b"GET /api/v1/openapi.json HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
        assert_eq!(answer.status, 200);
        let mut document = answer.json();
        let schemas = &mut document["components"]["schemas"];
        // What others are put together of has not all of their properties.
        let parts: BTreeSet<String> = members(schemas)
            .flat_map(|schema| schema["allOf"].as_array().cloned().unwrap_or_default())
            .filter_map(|part| Some(part["$ref"].as_str()?.rsplit('/').next()?.to_owned()))
            .collect();
        for (name, schema) in schemas.as_object_mut().expect("schemas") {
            if schema["properties"].is_object() && !parts.contains(name) {
                schema["additionalProperties"] = Value::Bool(false);
            }
        }
        DESCRIPTION.get_or_init(|| Self { document, validators: Mutex::default() })
    }

    fn paths(&self) -> &Map<String, Value> {
        self.document["paths"].as_object().expect("paths")
    }

    /// The described path that a real one belongs to: the one with the fewest parameters.
    fn template(&self, path: &str) -> Option<&String> {
        let path = path.split('?').next().unwrap_or(path);
        let fits = |template: &&String| {
            template.split('/').count() == path.split('/').count()
                && template.split('/').zip(path.split('/')).all(|(part, real)| part == real || part.starts_with('{'))
        };
        self.paths().keys().filter(fits).min_by_key(|template| template.matches('{').count())
    }

    /// Validates against a schema of the document, which is known by `name`.
    fn validate(&self, name: &str, schema: &Value, value: &Value) -> Result<(), String> {
        let known = self.validators.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let validator = known.unwrap_or_else(|| {
            let root = json!({"allOf": [schema], "components": self.document["components"]});
            let built = Arc::new(jsonschema::options().should_validate_formats(true).build(&root).unwrap());
            let mut all = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(name.to_owned()).or_insert(built))
        });
        let errors: Vec<_> = validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
    }
}

fn members(object: &mut Value) -> impl Iterator<Item = &mut Value> {
    object.as_object_mut().into_iter().flat_map(Map::values_mut)
}

/// Fails the test if the answer is not as described.
pub(crate) async fn check(api: Api, method: &str, path: &str, answer: &Answer) {
    if path == PAGES || path.starts_with("/admin/") {
        return;
    }
    let description = Description::of(api).await;
    if let Err(what) = described(description, method, path, answer) {
        panic!("{method} {path}: {} {what}\n{}", answer.status, String::from_utf8_lossy(&answer.body));
    }
}

fn described(description: &Description, method: &str, path: &str, answer: &Answer) -> Result<(), String> {
    let Some(template) = description.template(path) else {
        return if answer.status == 404 { Ok(()) } else { Err("path is not described".into()) };
    };
    let known = method.to_lowercase();
    let item = &description.paths()[template];
    let operation = &item[if known == "head" && item["head"].is_null() { "get" } else { &known }];
    if operation.is_null() {
        return if answer.status == 405 { Ok(()) } else { Err("method is not described".into()) };
    }
    let response = &operation["responses"][answer.status.to_string()];
    if response.is_null() {
        return Err("status is not described".into());
    }
    let kind = answer.header("content-type");
    let Some(content) = response["content"].as_object() else {
        return if answer.body.is_empty() { Ok(()) } else { Err("has a body that is not described".into()) };
    };
    if known == "head" {
        return Ok(());
    }
    let kind = kind.ok_or("has no content type")?;
    let kind = kind.split(';').next().unwrap_or(&kind);
    let media = content.get(kind).ok_or("has a content type that is not described")?;
    if !kind.contains("json") {
        return Ok(());
    }
    let body = serde_json::from_slice(&answer.body).map_err(|_| "is not JSON")?;
    // A status may have a good answer and a problem, each of a form of its own; that of a problem names its codes.
    description.validate(&format!("{method} {template} {} {kind}", answer.status), &media["schema"], &body)
}

#[tokio::test]
async fn describes_the_endpoints_and_no_others() {
    let server = TestServer::start().await;
    let description = Description::of(server.api).await;
    let mut described = BTreeSet::new();
    for (path, item) in description.paths() {
        let methods: BTreeSet<String> = item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        // The router itself says what it takes.
        let real = path.replace(['{', '}'], "");
        let answer = server.api.json("TRACE", &real, None, &Value::Null).await;
        answer.is("method_not_allowed");
        let allowed = answer.header("allow").expect("an answer 405 says what is allowed").to_uppercase();
        let allowed = allowed.split(',').map(|method| method.trim().to_owned()).filter(|method| method != "HEAD");
        let named = methods.iter().filter(|method| *method != "HEAD").cloned().collect::<BTreeSet<_>>();
        assert_eq!(allowed.collect::<BTreeSet<_>>(), named, "{path}");
        described.extend(methods.into_iter().map(|method| (method, path.clone())));
    }
    let expected: BTreeSet<_> = ENDPOINTS.iter().map(|(method, path)| ((*method).into(), (*path).into())).collect();
    assert_eq!(described, expected);
}

#[tokio::test]
async fn says_enough_about_each_endpoint() {
    let server = TestServer::start().await;
    let description = Description::of(server.api).await;
    let mut names = BTreeSet::new();
    for (path, item) in description.paths() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{what}: no summary");
            assert!(operation["tags"][0].is_string(), "{what}: no tag");
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{what}: operationId");
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let in_path: BTreeSet<_> =
                parameters.filter(|p| p["in"] == "path").map(|p| p["name"].as_str().unwrap()).collect();
            let parts = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            assert_eq!(in_path, parts.collect(), "{what}: parameters");
            let known = privmsg_protocol::ErrorCode::ALL.iter().map(privmsg_protocol::ErrorCode::as_str);
            let known: BTreeSet<_> = known.collect();
            let errors = operation["x-errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
            assert!(errors.into_iter().all(|code| known.contains(code)), "{what}: errors");
        }
    }
}

#[tokio::test]
async fn its_examples_are_valid() {
    let server = TestServer::start().await;
    let description = Description::of(server.api).await;
    let mut tried = 0;
    for (name, schema) in description.document["components"]["schemas"].as_object().unwrap() {
        let mut parts = vec![(name.clone(), schema)];
        parts.extend(schema["properties"].as_object().into_iter().flatten().map(|(p, s)| (format!("{name}.{p}"), s)));
        for (name, schema) in parts {
            let several = schema["examples"].as_array().into_iter().flatten();
            for example in several.chain(schema.get("example")) {
                description.validate(&format!("example of {name}"), schema, example).expect(&name);
                tried += 1;
            }
        }
    }
    assert!(tried >= 10, "{tried} examples");
}

/// The check itself sees what is wrong.
#[tokio::test]
async fn what_is_not_described_is_noticed() {
    let server = TestServer::start().await;
    let description = Description::of(server.api).await;
    let answer = |status: u16, kind: &str, body: &str| Answer {
        status,
        head: format!("http/1.1 {status}\r\ncontent-type: {kind}"),
        body: body.as_bytes().to_vec(),
    };
    let health = r#"{"status":"ok","timestamp":5,"version":"1"}"#;
    let check = |path: &str, answer: &Answer| described(description, "GET", path, answer);
    assert_eq!(check("/health", &answer(200, "application/json", health)), Ok(()));
    // A code is one of those that the endpoint names, or that follow from its form: another one of the same status is not.
    let problem = |status: u16, code: &str| {
        let body = json!({"type": "about:blank", "title": "No", "status": status, "code": code, "detail": "No."});
        answer(status, "application/problem+json", &body.to_string())
    };
    let groups = "/api/v1/groups/00000000-0000-0000-0000-000000000000";
    for (path, status, right, wrong) in [
        ("/health", 503, "shutting_down", "server_restored"),
        (groups, 404, "unknown_group", "unknown_user"),
        (groups, 403, "device_not_listed", "not_a_member"),
        (groups, 429, "rate_limited", "too_many_requests"),
    ] {
        assert_eq!(check(path, &problem(status, right)), Ok(()), "{path} {right}");
        assert_eq!(privmsg_protocol::ErrorCode::from(wrong).http_status(), status, "{wrong}");
        assert!(check(path, &problem(status, wrong)).is_err(), "{path} {wrong}");
    }
    for (path, wrong) in [
        ("/health", answer(201, "application/json", health)),
        ("/health", answer(200, "text/plain", health)),
        ("/health", answer(200, "application/json", "{}")),
        ("/health", answer(200, "application/json", r#"{"status":"ok","timestamp":5,"version":"1","more":1}"#)),
        ("/health", answer(200, "application/json", r#"{"status":"ok","timestamp":"5","version":"1"}"#)),
        ("/elsewhere", answer(200, "application/json", health)),
    ] {
        assert!(check(path, &wrong).is_err(), "{path} {wrong:?}");
    }
}

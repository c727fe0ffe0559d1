//! Identities, device lists, and signing in by signatures: what they are for, and how they are attacked.

mod access_key;
mod keys;
mod linking;
mod lists;
mod recovering;
mod replacing;
mod restored;
mod sealing;
mod setting_up;
mod signing_in;
mod waiting;

use privmsg_mls_public::{DeviceList, SignIn};
use privmsg_protocol::rest::LoginResponse;
use serde_json::{Value, json};

pub(crate) use self::keys::{Identity, Keyed};
use crate::support::{Answer, Api, Person, TestServer};

/// Somebody with an identity, signed in on the one device that stands in the list.
struct Owner {
    identity: Identity,
    list: DeviceList,
    key: Keyed,
    person: Person,
}

impl Owner {
    /// A new user who has set up their identity.
    async fn new(server: &TestServer, name: &str) -> Self {
        Self::at(server.api, name).await
    }

    async fn at(api: Api, name: &str) -> Self {
        let identity = Identity::new(name, 1);
        let access_key = api.create_user(name).await;
        let (key, person) = by_access_key(api, name, &access_key, 11).await;
        let list = identity.list(1, &[&key]);
        person.post("/api/v1/users/me/identity", identity.beginning(&list)).await.ok();
        Self { identity, list, key, person }
    }

    /// Publishes the list in place of the present one.
    async fn publishes(&mut self, list: DeviceList, enrol: Value) {
        put_list(&self.person, &list, Some(&etag(&self.list)), enrol).await.ok();
        self.list = list;
    }

    /// The present list with one device more, which it enrols.
    async fn lets_in(&mut self, more: &Keyed) {
        let list = self.identity.list(self.list.number().counter + 1, &[&self.key, more]);
        self.publishes(list, json!([enrolment(more)])).await;
    }
}

/// A user's device that has signed in by the access key; with the user, if there is none yet.
async fn device(server: &TestServer, name: &str, seed: u8) -> (Keyed, Person) {
    let access_key = server.api.create_user(name).await;
    by_access_key(server.api, name, &access_key, seed).await
}

async fn by_access_key(api: Api, name: &str, access_key: &str, seed: u8) -> (Keyed, Person) {
    let mut key = Keyed::new("", seed);
    let person = api.login_with(name, access_key, seed).await;
    key.device_id = person.device.parse().unwrap();
    (key, person)
}

fn enrolment(device: &Keyed) -> Value {
    json!({
        "device_id": device.device_id, "device_public_key": device.public(), "device_name": "a new one",
        "device_type": "cli", "link_reply": "cmVwbHk=",
    })
}

fn etag(list: &DeviceList) -> String {
    let hex: String = list.hash().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

async fn put_list(person: &Person, list: &DeviceList, if_match: Option<&str>, enrol: Value) -> Answer {
    put_bytes(person, &list.certificate().encode(), &list.encode(), if_match, enrol).await
}

async fn put_bytes(person: &Person, certificate: &[u8], list: &[u8], if_match: Option<&str>, enrol: Value) -> Answer {
    let body = json!({"certificate": keys::base64(certificate), "list": keys::base64(list), "enrol": enrol});
    let headers = if_match.map_or(String::new(), |tag| format!("if-match: {tag}\r\n"));
    with_headers(person, "PUT", "/api/v1/users/me/device-list", &headers, &body).await
}

async fn with_headers(person: &Person, method: &str, path: &str, headers: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: Bearer {}\r\n{headers}\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        person.token,
        body.len()
    );
    let answer = person.api.raw(request.as_bytes()).await;
    crate::description::check(person.api, method, path, &answer).await;
    answer
}

async fn put(person: &Person, path: &str, body: &Value) -> Answer {
    person.api.json("PUT", path, Some(&person.token), body).await
}

async fn delete(person: &Person, path: &str, body: &Value) -> Answer {
    person.api.json("DELETE", path, Some(&person.token), body).await
}

async fn challenge(api: Api, user: &str, purpose: Value) -> [u8; 32] {
    let body = json!({"user_id": user, "purpose": purpose});
    let answer = api.json("POST", "/api/v1/auth/challenge", None, &body).await.ok();
    keys::unbase64(answer["challenge"].as_str().unwrap()).try_into().unwrap()
}

/// A request to sign in by this device key, with this challenge.
fn device_sign_in(user: &str, device: &Keyed, challenge: [u8; 32]) -> Value {
    let statement = SignIn { user_id: user.parse().unwrap(), device_id: device.device_id.clone(), challenge };
    json!({
        "user_id": user, "device_id": device.device_id, "challenge": keys::base64(&challenge),
        "signature": keys::base64(&device.sign(&statement.by_device())),
    })
}

async fn by_device_key(api: Api, user: &str, device: &Keyed) -> Answer {
    let challenge = challenge(api, user, json!({"device": device.device_id})).await;
    api.json("POST", "/api/v1/auth/device", None, &device_sign_in(user, device, challenge)).await
}

fn recovery_sign_in(identity: &Identity, device: &Keyed, challenge: [u8; 32]) -> Value {
    let user_id = identity.user_id.clone();
    let statement = SignIn { user_id, device_id: device.device_id.clone(), challenge };
    json!({
        "user_id": identity.user_id, "device_id": device.device_id, "device_public_key": device.public(),
        "device_name": "found again", "device_type": "cli", "challenge": keys::base64(&challenge),
        "signature": keys::base64(&identity.signs_with_words(&statement.by_recovery())),
    })
}

async fn by_words(api: Api, identity: &Identity, device: &Keyed) -> Answer {
    let challenge = challenge(api, identity.user_id.as_str(), json!({"recovery": device.device_id})).await;
    api.json("POST", "/api/v1/auth/recovery", None, &recovery_sign_in(identity, device, challenge)).await
}

/// Who has signed in by this answer.
fn person(api: Api, answer: &Answer) -> Person {
    let login: LoginResponse = serde_json::from_value(answer.ok()).unwrap();
    Person {
        api,
        name: login.user.user_id.to_string(),
        access_key: String::new(),
        token: login.token.expose().to_owned(),
        device: login.device_id.to_string(),
        mls: privmsg_harness::mls::MlsDevice::of(login.user.user_id.as_str(), login.device_id.as_str()).unwrap(),
    }
}

/// What of the mailbox is about the account.
async fn account_notices(person: &Person) -> usize {
    let waiting = person.get("/api/v1/messages/pending").await.ok();
    let about = |message: &&Value| message["message_type"] == "account_sync" && message["group_id"].is_null();
    waiting["messages"].as_array().unwrap().iter().filter(about).count()
}

async fn devices(person: &Person) -> Vec<String> {
    let devices = person.get("/api/v1/users/me/devices").await.ok();
    devices["devices"].as_array().unwrap().iter().map(|one| one["device_id"].as_str().unwrap().to_owned()).collect()
}

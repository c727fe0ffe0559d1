//! Who may administer: whoever has the admin key.

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::HeaderMap;
use privmsg_protocol::Secret;
use privmsg_protocol::rest::{AdminRequest, CreateUser, Invite, ResetKey};
use serde::de::DeserializeOwned;

use crate::admin;
use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::{Bearer, OptionalJson};
use crate::http::Peer;
use crate::storage::Actor;

/// A header by which the console says that it is the console. For the audit log only: anybody can send it.
const CLIENT: &str = "x-privmsg-client";

/// A request of somebody who has the admin key.
pub(in crate::routes) struct Administrator<T> {
    pub(in crate::routes) by: Actor,
    pub(in crate::routes) request: T,
}

/// A body that may hold the admin key.
pub(in crate::routes) trait Signed {
    fn admin_key(&mut self) -> Option<Secret>;
}

macro_rules! signed {
    ($($request:ty),*) => {
        $(impl Signed for $request {
            fn admin_key(&mut self) -> Option<Secret> {
                self.admin_key.take()
            }
        })*
    };
}

signed!(AdminRequest, CreateUser, Invite, ResetKey);

impl<T: DeserializeOwned + Signed + Send> FromRequest<AppState> for Administrator<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let peer = Peer::from_request_parts(&mut parts, app).await?;
        let bearer = Bearer::from_request_parts(&mut parts, app).await?;
        let by = through(&parts.headers);
        let OptionalJson(mut request) = OptionalJson::<T>::from_request(Request::from_parts(parts, body), app).await?;
        let key = request.admin_key().or(bearer.0);
        if let Err(error) = app.keys.administrator(key.as_ref(), peer.ip()) {
            // Who sends no key at all does not guess.
            if key.is_some() {
                admin::note_refused_key(app, by, peer.ip()).await;
            }
            return Err(error);
        }
        Ok(Self { by, request })
    }
}

fn through(headers: &HeaderMap) -> Actor {
    match headers.get(CLIENT) {
        Some(client) if client.as_bytes() == b"console" => Actor::Console,
        _ => Actor::Api,
    }
}

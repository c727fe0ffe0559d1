//! This device's stock of key packages on the server (RFC 9420, section 10).

use std::sync::Arc;

use privmsg_e2ee::{Provider, generate_key_package};
use privmsg_protocol::Opaque;
use privmsg_protocol::rest::PublishKeyPackages;
use privmsg_store::{Store, meta, mls_storage};

use crate::error::ClientError;
use crate::identity::Identity;
use crate::net::http::Api;

/// Key packages after filling up. Each new chat with this device takes one; when none is left, the last-resort one
/// serves, with less forward secrecy for the first message.
const FULL: u64 = 32;

/// Below this the stock is filled up.
const LOW: u64 = FULL / 2;

/// When the last-resort key package was made, seconds.
const LAST_RESORT_AT: &str = "last_resort_at";

/// A last-resort key package is replaced this often, well within its lifetime of three months.
const LAST_RESORT_EVERY_S: i64 = 14 * 24 * 3600;

/// Looks at the stock and fills it up if needed.
pub(super) async fn top_up(store: &Store, api: &Api, identity: &Arc<Identity>, now_s: i64) -> Result<(), ClientError> {
    let stock = api.key_package_stock().await?;
    let made = store.read(|c| meta::get(c, LAST_RESORT_AT)).await?.unwrap_or(0);
    if stock.count < LOW || !stock.last_resort || now_s - made >= LAST_RESORT_EVERY_S {
        publish_missing(store, api, identity, now_s, FULL.saturating_sub(stock.count)).await?;
    }
    Ok(())
}

/// Publishes a full stock. A new device does it before it is called ready.
pub(crate) async fn publish(store: &Store, api: &Api, identity: &Arc<Identity>, now_s: i64) -> Result<(), ClientError> {
    let stock = api.key_package_stock().await?;
    publish_missing(store, api, identity, now_s, FULL.saturating_sub(stock.count)).await
}

async fn publish_missing(
    store: &Store,
    api: &Api,
    identity: &Arc<Identity>,
    now_s: i64,
    count: u64,
) -> Result<(), ClientError> {
    let identity = Arc::clone(identity);
    let packages = store
        .transact(move |c| {
            let storage = mls_storage(c);
            let provider = Provider::new(&storage);
            let make = |last_resort| {
                let now = now_s.try_into().unwrap_or(0);
                generate_key_package(&provider, &identity.device, &identity.certificate, last_resort, now)
                    .map(|bytes| Opaque::encode(&bytes))
                    .map_err(|e| ClientError::Crypto(e.to_string()))
            };
            let key_packages = (0..count).map(|_| make(false)).collect::<Result<_, _>>()?;
            let last_resort = Some(make(true)?);
            meta::set(c, LAST_RESORT_AT, now_s)?;
            Ok::<_, ClientError>(PublishKeyPackages { key_packages, last_resort })
        })
        .await?;
    api.publish_key_packages(&packages).await.map(drop)
}

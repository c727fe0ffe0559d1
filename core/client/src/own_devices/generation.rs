//! A new generation of the account: another signing key, and a list of those who stay.

use privmsg_e2ee::{AccountKey, OsRng};
use privmsg_mls_public::{Device, KnownDevices};
use privmsg_store::account::{self, Account, Signing};
use privmsg_store::{Store, Tx, groups};

use super::learn::{By, known, learn_by, this_device};
use crate::error::{ClientError, During as _};
use crate::net::clock::ListTime;

/// Begins a generation of the account whose identity key this is, in which this device and those in `keep` stay. Key and list
/// are stored before anybody hears of them: whoever is killed then brings the same ones once more. What is known of the account
/// has to be what the server knows, or more.
pub(crate) async fn begin(
    store: &Store,
    account: &mut Account,
    key: &AccountKey,
    keep: Vec<Device>,
    (now_ms, time): (i64, ListTime),
) -> Result<(), ClientError> {
    account.identity = Some(*key.public().as_bytes());
    let (mut changed, key) = (account.clone(), key.clone());
    let begun = store.write(move |tx| {
        let known = known(tx, &changed)?;
        prepare(tx, &mut changed, &key, &known, keep, (now_ms, time))?;
        Ok::<_, ClientError>(changed)
    });
    *account = begun.await?;
    Ok(())
}

fn prepare(
    tx: &Tx<'_>,
    account: &mut Account,
    key: &AccountKey,
    known: &KnownDevices,
    mut devices: Vec<Device>,
    (now_ms, time): (i64, ListTime),
) -> Result<(), ClientError> {
    let generation = known.next_generation(time.number_s).ok_or(ClientError::NoSigningKey)?;
    let signing = key.begin_generation(&account.user_id, generation, &mut OsRng).during("beginning a generation")?;
    let this = this_device(account, time.added_s)?;
    // One that stays has been there since it was let in.
    let present =
        known.devices().iter().find(|one| one.device_id == this.device_id && one.device_key == this.device_key);
    devices.push(present.cloned().unwrap_or(this));
    let counter = known.next_counter(generation, time.number_s).ok_or(ClientError::NoSigningKey)?;
    let list = signing.list(counter, devices).during("signing a device list")?;
    account.signing = Some(Signing { key: signing.to_bytes(), certificate: signing.certificate().encode() });
    account::save(tx, account)?;
    // The key of before must sign nothing more in any group.
    groups::reconcile_people(tx)?;
    learn_by(tx, account, list, By::This, now_ms).map(drop)
}

//! A server that lies about one's own devices.

use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{Event, LinkCode, LoginError, Reason, SignInKey, SignOutCause};
use privmsg_e2ee::{AccountKey, DeviceKeys, OsRng, RecoveryKey};
use privmsg_mls_public::{AnsweredChallenge, Device, DeviceList, LinkReply};
use privmsg_protocol::Opaque;
use privmsg_protocol::rest::PublishedDeviceList;
use privmsg_testkit::hostile::Answer;
use privmsg_testkit::{Clock, NewDevice, Person};
use serde_json::json;

use super::alice_is_watched;

/// A device of Alice's that shows its code.
async fn shows_its_code(url: &str, alice: &Person) -> Result<(NewDevice, LinkCode)> {
    let clock: Arc<dyn privmsg_client::Clock> = Arc::new(Clock::right());
    let mut new = NewDevice::begins(url, alice.account(), SignInKey::Link, &clock).await?;
    let code = new.pending()?.code().await?;
    Ok((new, code))
}

/// A reply by which the device would be in an account of the server's own making.
fn forged(code: &LinkCode, secret: [u8; 32]) -> Result<Opaque> {
    let signing = AccountKey::generate(&mut OsRng).begin_generation(&code.device.user_id, 1, &mut OsRng)?;
    let device = &code.device;
    let certificate = signing.certify(&device.device_id, &device.device_key, 1);
    let entry = Device { device_id: device.device_id.clone(), device_key: device.device_key, added_at: 1 };
    let list = signing.list(1, vec![entry])?;
    Ok(Opaque::encode(&LinkReply::new(&secret, device, certificate, list, Vec::new())?.encode()))
}

async fn believes_nothing(new: &mut NewDevice) -> Result<()> {
    let told = new.pending()?.wait_until_linked().await;
    ensure!(matches!(told, Err(LoginError::ForgedLink)), "{told:?}");
    Ok(())
}

/// The server answers the code itself, with an identity of its own: it has not seen the secret.
#[tokio::test]
async fn a_new_device_believes_no_identity_of_the_server_s() -> Result<()> {
    let (_server, hostile, alice, _bob) = alice_is_watched().await?;
    let (mut new, code) = shows_its_code(&hostile.url(), &alice).await?;
    alice.client().link_device(&code).await?;
    let reply = forged(&code, [0; 32])?;
    hostile.rewrites("GET users/me/link-reply", move |_, answer| answer["link_reply"] = json!(reply))?;
    believes_nothing(&mut new).await
}

/// The server exchanges identity, certificate and list of the true answer, and keeps its MAC.
#[tokio::test]
async fn a_new_device_believes_no_answer_with_another_identity_in_it() -> Result<()> {
    let (_server, hostile, alice, _bob) = alice_is_watched().await?;
    let (mut new, code) = shows_its_code(&hostile.url(), &alice).await?;
    alice.client().link_device(&code).await?;
    let evil = forged(&code, [0; 32])?.decode().context("base64")?;
    hostile.rewrites("GET users/me/link-reply", move |_, answer| {
        let Some(reply) = answer["link_reply"].as_str().and_then(|text| Opaque::from_base64(text).decode()) else {
            return;
        };
        let mixed = [&evil[..evil.len() - 32], &reply[reply.len() - 32..]].concat();
        answer["link_reply"] = json!(Opaque::encode(&mixed));
    })?;
    believes_nothing(&mut new).await
}

/// The answer to one device is no answer to another one.
#[tokio::test]
async fn a_new_device_believes_no_answer_to_another_one() -> Result<()> {
    let (_server, hostile, alice, _bob) = alice_is_watched().await?;
    let first = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&first);
    hostile.rewrites("GET users/me/link-reply", move |_, answer| {
        let mut first = kept.lock().expect("nobody panics here");
        answer["link_reply"] = first.get_or_insert_with(|| answer["link_reply"].clone()).clone();
    })?;
    alice.links(&hostile.url()).await?;
    let (mut new, code) = shows_its_code(&hostile.url(), &alice).await?;
    alice.client().link_device(&code).await?;
    believes_nothing(&mut new).await
}

/// A code that was read wrongly, or that somebody has changed on its way to the present device.
#[tokio::test]
async fn a_wrong_secret_links_nothing() -> Result<()> {
    let (_server, hostile, alice, _bob) = alice_is_watched().await?;
    let (mut new, mut code) = shows_its_code(&hostile.url(), &alice).await?;
    code.secret[0] ^= 1;
    alice.client().link_device(&code).await?;
    believes_nothing(&mut new).await
}

/// The server swaps the key of the device that is let in: it stands in what is signed.
#[tokio::test]
async fn the_key_of_a_device_that_is_let_in_is_not_swapped() -> Result<()> {
    let (_server, hostile, alice, _bob) = alice_is_watched().await?;
    let (_new, code) = shows_its_code(&hostile.url(), &alice).await?;
    let evil = DeviceKeys::generate(&mut OsRng).public();
    hostile.rewrites_requests(move |asked| {
        if let Some(enrolled) = asked.body.get_mut("enrol").and_then(|all| all.get_mut(0)) {
            enrolled["device_public_key"] = json!(evil.to_string());
        }
    });
    ensure!(alice.client().link_device(&code).await.is_err());
    Ok(())
}

/// The device list of another "alice".
pub(super) fn list_of_another(alice: &Person) -> Result<DeviceList> {
    let user = alice.account().user_id.clone();
    let signing = AccountKey::generate(&mut OsRng).begin_generation(&user, 9_000_000_000, &mut OsRng)?;
    let device_key = DeviceKeys::generate(&mut OsRng).public();
    let device = Device { device_id: "evil".parse()?, device_key, added_at: 1 };
    Ok(signing.list(9_000_000_000, vec![device])?)
}

pub(super) fn published(list: &DeviceList) -> PublishedDeviceList {
    let certificate = Opaque::encode(&list.certificate().encode());
    PublishedDeviceList { certificate, list: Opaque::encode(&list.encode()) }
}

/// The server says that somebody else has come in by this device's key. Once, that put the device out for good, and told its user of a
/// thief: it has to show what that key has signed.
#[tokio::test]
async fn nobody_has_a_device_s_key_by_the_server_s_word() -> Result<()> {
    let (mut server, hostile, mut alice, bob) = alice_is_watched().await?;
    alice.goes_offline().await?;
    hostile.rewrites("POST auth/device", |_, answer| {
        let answered = AnsweredChallenge { challenge: [7; 32], signature: [7; 64] };
        answer["answered"] = json!([Opaque::encode(&answered.encode())]);
    })?;
    server.outlives_sessions().await?;
    alice.starts().await?;
    let lied_to = |event: &Event| {
        let Event::Disconnected { reason } = event else { return false };
        format!("{reason:?}").contains("this key has not signed")
    };
    alice.sees("that the server makes no sense", lied_to).await?;
    hostile.becomes_honest();
    alice.sees("that she is back", |event| matches!(event, Event::Connected)).await?;
    alice.says(&bob, "still my device").await?;
    bob.hears(&alice, "still my device").await.map(drop)
}

/// The server says that another device has signed this one out, or that the account was begun anew, which nobody has done. Once, the
/// device had to begin anew, as another one.
#[tokio::test]
async fn a_device_that_was_signed_out_by_the_server_s_word_alone_comes_back() -> Result<()> {
    let (mut server, hostile, mut alice, bob) = alice_is_watched().await?;
    let evil = SignOutCause::Device("evil".parse()?);
    for (key, value, cause) in [("device_id", "evil", evil), ("reason", "identity_replaced", SignOutCause::Replaced)] {
        alice.goes_offline().await?;
        hostile.answers("POST auth/device", move |_| {
            let mut body = json!({
                "type": "about:blank", "title": "Forbidden", "status": 403, "code": "device_removed",
                "detail": "the device has been signed out",
            });
            body[key] = json!(value);
            Some(Answer { status: 403, body })
        })?;
        server.outlives_sessions().await?;
        alice.starts().await?;
        alice.is_stopped().await?;
        let out = alice.client().signed_out().await?.context("she is in")?;
        ensure!(out.cause == cause, "{out:?}");
        ensure!(!alice.client().comes_back().await?, "the server has not changed its mind");
        hostile.becomes_honest();
        // Some connections to the liar are open yet, and break off.
        let comes_back = || async { Ok(alice.client().comes_back().await.unwrap_or_default().then_some(())) };
        super::until("that she is let in", super::PATIENCE, comes_back).await?;
        ensure!(alice.client().signed_out().await?.is_none());
        alice.goes_online().await?;
        alice.says(&bob, value).await?;
        bob.hears(&alice, value).await?;
    }
    Ok(())
}

/// Another identity for one's own account is an alarm, and is not followed, however high its numbers are.
#[tokio::test]
async fn another_identity_for_ones_own_account_is_told_and_not_followed() -> Result<()> {
    let (_server, hostile, mut alice, bob) = alice_is_watched().await?;
    let evil = published(&list_of_another(&alice)?);
    hostile.answers("GET users/alice/device-list", move |_| Answer::ok(&evil).ok())?;
    alice.goes_offline().await?;
    alice.starts().await?;
    let alarm = |event: &Event| matches!(event, Event::OwnDevicesAlarm { reason: Reason::AnotherOwnIdentity });
    alice.sees("the alarm", alarm).await?;
    alice.waits_because(&[Reason::AnotherOwnIdentity]).await?;
    ensure!(alice.client().alarms().await? == [Reason::AnotherOwnIdentity]);
    alice.says(&bob, "still me").await?;
    bob.hears(&alice, "still me").await?;
    bob.says(&alice, "still you").await?;
    alice.hears(&bob, "still you").await?;
    hostile.becomes_honest();
    let over = || async { Ok(alice.client().holds().await?.is_empty().then_some(())) };
    super::until("that the alarm is over", super::PATIENCE, over).await?;
    ensure!(alice.client().alarms().await?.is_empty());
    Ok(())
}

/// The device list is the true one, and everybody else is shown another identity: who begins a conversation begins it with that one.
#[tokio::test]
async fn another_identity_in_ones_own_profile_is_told() -> Result<()> {
    let (_server, hostile, mut alice, _bob) = alice_is_watched().await?;
    let evil = AccountKey::generate(&mut OsRng).public().to_string();
    hostile.rewrites("GET users/me", move |_, answer| answer["public_key"] = json!(evil))?;
    alice.goes_offline().await?;
    alice.starts().await?;
    let alarm = |event: &Event| matches!(event, Event::OwnDevicesAlarm { reason: Reason::AnotherOwnIdentity });
    alice.sees("the alarm", alarm).await?;
    alice.waits_because(&[Reason::AnotherOwnIdentity]).await?;
    hostile.becomes_honest();
    let over = || async { Ok(alice.client().holds().await?.is_empty().then_some(())) };
    super::until("that the alarm is over", super::PATIENCE, over).await?;
    ensure!(alice.client().alarms().await?.is_empty());
    Ok(())
}

/// The server has spoilt the sealed identity before anybody needs it, for everybody who asks. What is let in through it has its copy
/// from another device: it tells, and the words still open it.
#[tokio::test]
async fn a_server_that_spoils_the_sealed_identity_is_found_out_and_ends_nothing() -> Result<()> {
    let (_server, hostile, mut alice, bob) = alice_is_watched().await?;
    hostile.rewrites("GET users/me/backup", |_, answer| {
        let Some(mut sealed) = answer["backup"].as_str().and_then(|text| Opaque::from_base64(text).decode()) else {
            return;
        };
        *sealed.last_mut().expect("a sealed identity is not empty") ^= 1;
        answer["backup"] = json!(Opaque::encode(&sealed));
    })?;
    let mut tablet = alice.links(&hostile.url()).await?;
    tablet.starts().await?;
    let alarm = |event: &Event| matches!(event, Event::OwnDevicesAlarm { reason: Reason::SealedIdentitySpoilt });
    tablet.sees("the alarm", alarm).await?;
    let stolen = alice.client().whoami().await?.device_id.context("a device id")?;
    let words = alice.words()?.to_owned();
    alice.goes_offline().await?;
    tablet.client().remove_stolen(std::slice::from_ref(&stolen), &words).await?;
    tablet.says(&bob, "I have lost the other one").await?;
    bob.hears(&tablet, "I have lost the other one").await?;
    let renewed = tablet.client().new_recovery_words(&words).await?;
    hostile.becomes_honest();
    tablet.knows_words(renewed);
    tablet.goes_offline().await?;
    tablet.goes_online().await?;
    let spoilt = |hold: &privmsg_client::Hold| hold.reason == Reason::SealedIdentitySpoilt;
    let over = || async { Ok((!tablet.client().holds().await?.iter().any(spoilt)).then_some(())) };
    super::until("that the alarm is over", super::PATIENCE, over).await
}

/// The server spoils it, and says that the right one was replaced. Nobody has signed that: once, the right words were refused with it on
/// every device that knows them, and no generation could begin any more.
#[tokio::test]
async fn a_server_that_says_that_the_words_were_replaced_ends_nothing() -> Result<()> {
    let (_server, hostile, mut alice, bob) = alice_is_watched().await?;
    let mut tablet = alice.links(&hostile.url()).await?;
    tablet.starts().await?;
    hostile.rewrites("GET users/me/backup", |_, answer| {
        let right = answer["backup"].clone();
        let Some(mut sealed) = right.as_str().and_then(|text| Opaque::from_base64(text).decode()) else { return };
        *sealed.last_mut().expect("a sealed identity is not empty") ^= 1;
        *answer = json!({ "backup": Opaque::encode(&sealed), "earlier": [right] });
    })?;
    let stolen = alice.client().whoami().await?.device_id.context("a device id")?;
    let words = alice.words()?.to_owned();
    alice.goes_offline().await?;
    tablet.client().remove_stolen(std::slice::from_ref(&stolen), &words).await?;
    tablet.waits_because(&[Reason::SealedIdentitySpoilt]).await?;
    tablet.says(&bob, "I have lost the other one").await?;
    bob.hears(&tablet, "I have lost the other one").await.map(drop)
}

/// The server has lost it, or has another identity in its place, sealed under the same words, which somebody has given it.
#[tokio::test]
async fn a_server_that_loses_or_swaps_the_sealed_identity_ends_nothing() -> Result<()> {
    for is_swapped in [false, true] {
        let (_server, hostile, mut alice, bob) = alice_is_watched().await?;
        let words = alice.words()?.to_owned();
        if is_swapped {
            let other = AccountKey::generate(&mut OsRng);
            let sealed = words.parse::<RecoveryKey>()?.seal(&other, &alice.account().user_id, &mut OsRng);
            hostile.rewrites("GET users/me/backup", move |_, answer| {
                *answer = json!({ "backup": Opaque::encode(&sealed), "earlier": [] });
            })?;
        } else {
            let problem =
                json!({ "type": "about:blank", "title": "", "status": 404, "code": "no_backup", "detail": "" });
            hostile.answers("GET users/me/backup", move |_| Some(Answer { status: 404, body: problem.clone() }))?;
        }
        let mut tablet = alice.links(&hostile.url()).await?;
        tablet.starts().await?;
        let alarm = |wanted: Reason| move |event: &Event| matches!(event, Event::OwnDevicesAlarm { reason } if *reason == wanted);
        tablet.sees("the alarm", alarm(Reason::SealedIdentitySpoilt)).await?;
        let stolen = alice.client().whoami().await?.device_id.context("a device id")?;
        alice.goes_offline().await?;
        tablet.client().remove_stolen(std::slice::from_ref(&stolen), &words).await?;
        if is_swapped {
            tablet.sees("that it is another identity", alarm(Reason::AnotherOwnIdentity)).await?;
        }
        tablet.says(&bob, "I have lost the other one").await?;
        bob.hears(&tablet, "I have lost the other one").await?;
        tablet.client().new_recovery_words(&words).await?;
    }
    Ok(())
}

/// The thief's device reads on while the server leaves it out of what it shows: the signed list has it. One that the server makes up
/// waits.
#[tokio::test]
async fn a_device_that_the_server_hides_is_shown() -> Result<()> {
    let (_server, hostile, mut alice, _bob) = alice_is_watched().await?;
    let tablet = alice.links(&hostile.url()).await?;
    let hidden = tablet.client().whoami().await?.device_id.context("a device id")?;
    let id = hidden.clone();
    hostile.rewrites("GET users/me/devices", move |_, answer| {
        let Some(devices) = answer["devices"].as_array_mut() else { return };
        let mut invented = devices[0].clone();
        devices.retain(|device| device["device_id"] != json!(id));
        invented["device_id"] = json!("invented");
        devices.push(invented);
    })?;
    let devices = alice.client().devices().await?;
    let standing = |name: &str| {
        let one = devices.iter().find(|device| device.device_id.as_str() == name)?;
        Some((one.waiting, one.unknown_to_server, one.added_at.is_some()))
    };
    ensure!(standing(hidden.as_str()) == Some((false, true, true)), "{devices:?}");
    ensure!(standing("invented") == Some((true, false, false)), "{devices:?}");
    ensure!(devices.len() == 3 && devices.iter().filter(|one| one.current && !one.waiting).count() == 1, "{devices:?}");
    hostile.becomes_honest();
    // Whoever becomes honest breaks connections off.
    let all_named = || async {
        let devices = alice.client().devices().await.unwrap_or_default();
        let is_named = devices.iter().all(|one| !one.waiting && !one.unknown_to_server);
        Ok((devices.len() == 2 && is_named).then_some(()))
    };
    super::until("that the server names both", super::PATIENCE, all_named).await?;
    alice.goes_offline().await
}

/// A server that has an older list, as from a backup, is brought the newer one.
#[tokio::test]
async fn a_newer_list_is_taken_back_to_the_server() -> Result<()> {
    let (server, hostile, mut alice, _bob) = alice_is_watched().await?;
    let old = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&old);
    hostile.rewrites("GET users/alice/device-list", move |_, answer| {
        let mut old = kept.lock().expect("nobody panics here");
        answer.clone_from(old.get_or_insert_with(|| answer.clone()));
    })?;
    alice.goes_offline().await?;
    alice.goes_online().await?;
    let tablet = alice.links(&hostile.url()).await?;
    let before = hostile.times_asked("PUT users/me/device-list");
    alice.goes_offline().await?;
    alice.starts().await?;
    hostile.is_asked("PUT users/me/device-list", before + 1).await?;
    hostile.stops_lying();
    let devices = alice.client().devices().await?;
    ensure!(devices.len() == 2 && devices.iter().all(|device| !device.waiting), "{devices:?}");
    drop((tablet, server));
    Ok(())
}

//! `privmsg passphrase`: sets the passphrase of the profile, changes it, or takes it away.

use privmsg_client::KeyPlace;
use serde::Serialize;

use super::Session;
use crate::failure::Failure;
use crate::profile;

#[derive(Serialize)]
struct PlaceObject {
    key_place: &'static str,
}

pub(super) async fn run(session: &Session<'_>, remove: bool) -> Result<(), Failure> {
    let (output, profile) = (session.output, &session.profile);
    let Some(kept) = profile.key_place()? else { return Err(Failure::NoAccount(profile.dir().to_owned())) };
    if remove && kept != KeyPlace::Passphrase {
        return report(session, kept);
    }
    let current = profile::existing_passphrase(kept, session.lang()).await?;
    // Who does not know it is told so before they think of another one.
    profile::check(profile, &current)?;
    let (place, new) = match remove {
        true => (profile::place_without_passphrase(output), None),
        false => (KeyPlace::Passphrase, Some(profile::another_passphrase(output).await?)),
    };
    let moved = profile.keep_key(current.as_deref().map(String::as_str), place, new.as_deref().map(String::as_str));
    // Where the former place does not forget it, the new one has it all the same.
    if moved.is_ok() || kept != place && profile.key_place()? == Some(place) {
        report(session, place)?;
    }
    Ok(moved?)
}

fn report(session: &Session<'_>, place: KeyPlace) -> Result<(), Failure> {
    match session.output.is_json() {
        true => session.output.object(&PlaceObject { key_place: place.name() }),
        false => session.output.text(&profile::explain(place, &session.profile, session.lang())),
    }
}

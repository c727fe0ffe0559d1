//! `privmsg login`: a new profile, one whose sign-in goes on, or one that is to go another way to its server.

pub(super) mod announce;
pub(super) mod inputs;
mod letting_in;
mod wanted;

use privmsg_client::{
    Client, ClientError, KeyPlace, LoggedIn, Login as SignIn, LoginError, NewIdentity, RelocationError, Whoami,
};
use privmsg_protocol::{ErrorCode, UserId};
use serde::Serialize;

use super::{Session, comes_back};
use crate::args::Login;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::profile::{self, Passphrase};
use announce::{announce, explain_key, join_chats, say_who_waits};
use letting_in::LetIn;
use wanted::{Known, Wanted, Way};

#[derive(Serialize)]
struct MovedObject<'a> {
    user_id: &'a str,
    server: &'a str,
    proxy: Option<&'a str>,
    fingerprint: Option<&'a str>,
}

pub(super) async fn run(session: &Session<'_>, login: Login) -> Result<(), Failure> {
    let signals = &session.signals;
    let wanted = signals.unless_interrupted(Wanted::of(login, session.lang())).await?;
    match session.profile.key_place()? {
        Some(place) => Box::pin(signals.unless_interrupted(with_existing(session, wanted, place))).await,
        None => with_new(session, wanted).await,
    }
}

/// The server is asked before anybody is: a wrong key shows before a passphrase is chosen.
async fn with_new(session: &Session<'_>, wanted: Wanted) -> Result<(), Failure> {
    let signals = &session.signals;
    let way = wanted.way;
    let introduced = signals.unless_interrupted(async {
        warn(session, &wanted);
        let sign_in = wanted.sign_in(None, session.lang()).await?;
        let user = sign_in.user_id.clone();
        sign_in.introduce(&session.profile).await.map_err(|error| refused(way, user, error))
    });
    let introduced = introduced.await?;
    let (place, passphrase) = match signals.unless_interrupted(profile::choose(session.output)).await {
        Ok(chosen) => chosen,
        Err(failure) => {
            introduced.withdraw().await;
            return Err(failure);
        }
    };
    let kept = async { Ok(introduced.keep(place, passphrase.as_ref().map(|phrase| phrase.as_str())).await?) };
    let begun = match Box::pin(signals.unless_interrupted(kept)).await? {
        NewIdentity::Waits(mut pending) => {
            let let_in = Box::pin(signals.unless_interrupted(letting_in::let_in(session, &mut pending, way))).await;
            if way.link && matches!(let_in, Err(Failure::Interrupted(_))) && pending.give_up(&session.profile).await {
                session.output.remark(&session.lang().nothing_left_behind());
            }
            let Some(let_in) = let_in? else { return Ok(()) };
            return Box::pin(signals.unless_interrupted(welcome(session, let_in, place, &passphrase))).await;
        }
        done => done,
    };
    Box::pin(signals.unless_interrupted(finish(session, begun, way, place, &passphrase))).await
}

async fn with_existing(session: &Session<'_>, wanted: Wanted, place: KeyPlace) -> Result<(), Failure> {
    let passphrase = profile::existing_passphrase(place, session.lang()).await?;
    let known = match profile::open_with(&session.profile, &passphrase).await {
        Err(Failure::NoAccount(_)) => None,
        client => {
            let client = client?;
            let mut me = client.whoami().await?;
            let is_mine = wanted.user_id.as_ref().is_none_or(|user| *user == me.user_id);
            let is_plain = is_mine && !wanted.relocation().is_asked_for() && !wanted.is_invited();
            if !me.signed_in && is_plain && comes_back(&client).await {
                let is_unshown = client.recovery_key().await?.is_some() || client.access_key().await?.is_some();
                if !is_unshown && !client.waits_to_be_let_in().await? {
                    session.output.remark(&session.lang().is_back());
                    return Ok(());
                }
                me = client.whoami().await?;
            }
            let is_in = me.signed_in
                && match wanted.way.link {
                    true => !client.is_left_out().await?,
                    false => !client.was_lost().await?,
                };
            if is_in {
                return with_signed_in(session, wanted, &client, me, &passphrase).await;
            }
            if wanted.user_id.as_ref().is_some_and(|user| *user != me.user_id) && me.device_id.is_some() {
                return Err(Failure::AnotherUsersProfile { user: me.user_id, dir: session.profile.dir().to_owned() });
            }
            Some(Known { user_id: me.user_id, endpoint: client.endpoint().await?, device_name: me.device_name })
        }
    };
    warn(session, &wanted);
    let way = wanted.way;
    let sign_in: SignIn = wanted.sign_in(known, session.lang()).await?;
    let user = sign_in.user_id.clone();
    let begun = sign_in.begin(&session.profile, passphrase.as_ref().map(|phrase| phrase.as_str())).await;
    let begun = begun.map_err(|error| refused(way, user, error))?;
    finish(session, begun, way, place, &passphrase).await
}

/// Shows what was not shown when the sign-in was cut off at its very end, or takes the profile elsewhere.
async fn with_signed_in(
    session: &Session<'_>,
    wanted: Wanted,
    client: &Client,
    me: Whoami,
    passphrase: &Passphrase,
) -> Result<(), Failure> {
    let relocation = wanted.relocation();
    let is_mine = wanted.user_id.as_ref().is_none_or(|user| *user == me.user_id);
    let (recovery_key, access_key) = (client.recovery_key().await?, client.access_key().await?);
    let is_unshown = recovery_key.is_some() || access_key.is_some();
    if !is_mine || !(relocation.is_asked_for() || wanted.is_invited() || is_unshown) {
        return Err(match client.endpoint().await? {
            Some(endpoint) if is_mine => RelocationError::Unchanged(Box::new(endpoint)).into(),
            _ => LoginError::AlreadySignedIn(me.user_id).into(),
        });
    }
    if let (true, Some(device_id)) = (is_unshown, me.device_id) {
        let user_id = me.user_id.clone();
        let logged_in = LoggedIn { user_id, device_id, recovery_key, access_key, clock_ahead_ms: None };
        announce(session.output, client, &logged_in).await?;
    }
    if wanted.is_invited() || !relocation.is_asked_for() {
        return if is_unshown { Ok(()) } else { Err(LoginError::AlreadySignedIn(me.user_id).into()) };
    }
    warn(session, &wanted);
    match relocation.carry_out(&session.profile, passphrase.as_ref().map(|phrase| phrase.as_str())).await {
        // It was all about showing it.
        Err(RelocationError::Unchanged(_)) if is_unshown => {
            join_chats(session, client).await;
            return Ok(());
        }
        other => other.map(drop)?,
    }
    let now = client.whoami().await?;
    if session.output.is_json() {
        return session.output.object(&MovedObject {
            user_id: now.user_id.as_str(),
            server: &now.server_url,
            proxy: now.proxy.as_deref(),
            fingerprint: now.fingerprint.as_deref(),
        });
    }
    session.output.text(&session.lang().moved(&now.server_url))
}

/// From the server's yes to all chats.
async fn finish(
    session: &Session<'_>,
    begun: NewIdentity,
    way: Way,
    place: KeyPlace,
    passphrase: &Passphrase,
) -> Result<(), Failure> {
    let let_in = match begun {
        NewIdentity::Done(logged_in) => Some(LetIn { logged_in, by_words: way.recover }),
        NewIdentity::Waits(mut pending) => letting_in::let_in(session, &mut pending, way).await?,
    };
    match let_in {
        Some(let_in) => welcome(session, let_in, place, passphrase).await,
        None => Ok(()),
    }
}

/// From the account's yes to all chats. Whoever came by the words is told whom that has left out.
async fn welcome(
    session: &Session<'_>,
    LetIn { logged_in, by_words }: LetIn,
    place: KeyPlace,
    passphrase: &Passphrase,
) -> Result<(), Failure> {
    let client = profile::open_with(&session.profile, passphrase).await?;
    announce(session.output, &client, &logged_in).await?;
    explain_key(session, place);
    join_chats(session, &client).await;
    if by_words {
        session.output.remark(&session.lang().what_recovery_has_done());
        say_who_waits(session, &client).await;
    }
    Ok(())
}

/// Where the words alone were to let somebody in, no access key can be the wrong one.
fn refused(way: Way, user: UserId, error: LoginError) -> Failure {
    match error {
        LoginError::Client(ClientError::Server { code: ErrorCode::InvalidCredentials, .. }) if way.recover => {
            Failure::WrongWords(user)
        }
        error => error.into(),
    }
}

fn warn(session: &Session<'_>, wanted: &Wanted) {
    let lang: Lang = session.lang();
    if wanted.address.as_ref().is_some_and(privmsg_client::ServerAddress::goes_in_the_clear) {
        session.output.remark(&lang.plain_http());
    }
}

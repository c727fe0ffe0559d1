//! `privmsg logout`.

use serde::Serialize;

use crate::failure::Failure;

use super::{Session, with_session};

#[derive(Serialize)]
struct LoggedOutObject<'a> {
    user_id: &'a str,
    signed_in: bool,
}

pub(super) async fn run(session: &Session<'_>) -> Result<(), Failure> {
    let output = session.output;
    let client = session.open_signed_in().await?;
    with_session(&client, || client.logout()).await?;
    if output.is_json() {
        output.object(&LoggedOutObject { user_id: client.user_id().as_str(), signed_in: false })
    } else {
        output.text(&session.lang().logged_out(&session.profile.dir().display().to_string()))
    }
}

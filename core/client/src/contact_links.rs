//! Contact links: one's own, and what another one's does to what is known of somebody.

use privmsg_e2ee::AccountPublicKey;
use privmsg_mls_public::ContactLink;
use privmsg_store::contacts::{self, Linked};
use privmsg_store::{Snapshot, Tx, account};

use crate::contacts::{ContactInfo, info};
use crate::error::ClientError;
use crate::identity::public_identity;
use crate::net::ServerAddress;
use crate::own_devices::learn;

/// How somebody has come by a contact link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkFrom {
    /// Some way on which others may have changed it.
    Anywhere,
    /// From the contact in person, or from their own screen.
    InPerson,
}

/// Who this account is, as others can be told. Of the newest generation that this device knows, whether or not it has been told
/// the signing key of that.
pub(crate) fn own_link(at: &Snapshot<'_>) -> Result<ContactLink, ClientError> {
    let own = account::load(at)?.ok_or(ClientError::NotSignedIn)?;
    let generation = learn::known(at, &own)?.generation();
    Ok(ContactLink {
        server: own.server_url.clone(),
        user_id: own.user_id.clone(),
        identity: public_identity(&own)?,
        generation,
    })
}

/// Notes what a contact link says, and says what has come of it: its key is pinned where none is, and where another one is,
/// however that came to be, nothing is sent until the user has decided between the two. `published` is the key that the server has for the user:
/// `None` if it was not asked, or has none.
///
/// Whether the link is for this server is decided by the key. An address is a hint: one server has several, and one address
/// many spellings; where they differ, it is the same server if it names the link's own key for the user. Nothing else depends
/// on what the server says: the link's key is pinned, and another one that it names is noted as a change, which holds up
/// what is sent.
pub(crate) fn add(
    tx: &Tx<'_>,
    link: &ContactLink,
    from: LinkFrom,
    published: Option<&AccountPublicKey>,
) -> Result<ContactInfo, ClientError> {
    let own = account::load(tx)?.ok_or(ClientError::NotSignedIn)?;
    let user = &link.user_id;
    if *user == own.user_id {
        let is_ours = public_identity(&own)? == link.identity;
        return Err(if is_ours { ClientError::OwnLink } else { ClientError::AnotherKey(user.clone()) });
    }
    if !is_alike(&own.server_url, &link.server) && published != Some(&link.identity) {
        return Err(ClientError::AnotherServer(link.server.clone()));
    }
    let in_person = (from == LinkFrom::InPerson).then_some(link.generation);
    let linked = contacts::link(tx, user, link.identity.as_bytes(), in_person)?;
    if let (Linked::Pinned, Some(published)) = (linked, published) {
        contacts::observe(tx, user, published.as_bytes())?;
    }
    info(tx, user)
}

/// Whether two addresses lead to the same place by themselves.
pub(crate) fn is_alike(one: &str, other: &str) -> bool {
    let read = |address: &str| address.parse::<ServerAddress>().ok();
    read(one).is_some_and(|one| Some(one) == read(other))
}

#[cfg(test)]
#[path = "contact_links_tests.rs"]
mod tests;

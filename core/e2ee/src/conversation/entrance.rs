//! How a device comes into a group by itself.

use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn};
use openmls_traits::OpenMlsProvider as _;
use privmsg_mls_public::Malformed;
use tls_codec::{DeserializeBytes as _, Serialize as _};

use super::Conversation;
use crate::identity::DeviceKeys;
use crate::provider::{Provider, Storage};

const GROUP_INFO: &str = "GroupInfo";

impl Conversation {
    /// Whether a GroupInfo has the `external_pub` (RFC 9420, section 12.4.3.1) of this epoch, which only who is in it can tell. By
    /// another one, nobody comes in whom the others could follow.
    ///
    /// # Errors
    /// [`Malformed`], if it is no GroupInfo, or if OpenMLS makes none.
    pub fn is_entered_by<S: Storage>(
        &self,
        provider: &Provider<'_, S>,
        keys: &DeviceKeys,
        group_info: &[u8],
    ) -> Result<bool, Malformed> {
        let own = self.group.export_group_info(provider.crypto(), keys, false);
        let own = own.map_err(|_| Malformed::new(GROUP_INFO))?;
        let own = own.tls_serialize_detached().map_err(Malformed::because(GROUP_INFO))?;
        let (own, kept) = (read(&own)?, read(group_info)?);
        Ok(own.extensions().external_pub() == kept.extensions().external_pub())
    }
}

fn read(bytes: &[u8]) -> Result<VerifiableGroupInfo, Malformed> {
    let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes).map_err(Malformed::because(GROUP_INFO))?;
    match message.extract() {
        MlsMessageBodyIn::GroupInfo(info) => Ok(info),
        _ => Err(Malformed::new(GROUP_INFO)),
    }
}

//! A new device is let in by a present one.

use privmsg_e2ee::{LinkCode, LinkPins, OsRng};
use privmsg_mls_public::{Device, LinkReply};
use privmsg_protocol::Opaque;
use privmsg_protocol::rest::EnrolDevice;
use privmsg_store::contacts::words;

use super::publish::{Publisher, signing_key};
use super::sealed_copy;
use crate::content::pins;
use crate::error::{ClientError, During as _};

impl Publisher<'_> {
    /// Lets the device in that has shown this code: puts it into the list, and tells it which account it belongs to,
    /// what is known of contacts' keys, and the copy of the sealed identity.
    ///
    /// # Errors
    /// [`ClientError::AnotherUsersCode`], and those of [`Publisher::publish`].
    pub(crate) async fn link(self, code: &LinkCode) -> Result<(), ClientError> {
        let new = &code.device;
        if new.user_id != self.account.user_id {
            return Err(ClientError::AnotherUsersCode(new.user_id.clone()));
        }
        let added_at = self.now_s;
        let certificate = signing_key(self.account)?.certify(&new.device_id, &new.device_key, added_at);
        let with_it = |present: &[Device]| {
            let others =
                present.iter().filter(|one| one.device_id != new.device_id && one.device_key != new.device_key);
            let entry = Device { device_id: new.device_id.clone(), device_key: new.device_key, added_at };
            others.cloned().chain([entry]).collect()
        };
        let told_by = self.account.device_id.clone().ok_or(ClientError::NotSignedIn)?;
        let known = self.store.read(words::to_pass_on).await?;
        let known =
            LinkPins::new(told_by, sealed_copy::to_hand_on(self.account), known.iter().map(pins::pin).collect());
        let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        self.publish(with_it, |list| {
            let reply = LinkReply::new(
                &code.secret,
                new,
                certificate.clone(),
                list.clone(),
                known.seal(&code.secret, &mut OsRng),
            );
            let reply = reply.during("answering a new device")?;
            Ok(vec![EnrolDevice {
                device_id: new.device_id.clone(),
                device_public_key: new.device_key.to_string(),
                device_name: given(&code.device_name),
                device_type: given(&code.device_type),
                link_reply: Some(Opaque::encode(&reply.encode())),
            }])
        })
        .await
    }
}

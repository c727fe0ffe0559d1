//! What people say to what others have begun with them.

use anyhow::Result;

use super::books::Place;
use super::rooms::is_refusal;
use super::world::World;

impl World {
    /// Lets in what somebody is asked on any of their devices, and the groups that are kept from them: because one whom they block
    /// has put them in, or because they had left twice. Until a person says so no device of theirs joins anything there.
    pub(super) async fn answers(&self, user: usize) -> Result<()> {
        for place in self.places().into_iter().filter(|place| place.0 == user) {
            self.answers_on(place).await?;
        }
        Ok(())
    }

    async fn answers_on(&self, place: Place) -> Result<()> {
        let client = self.device(place)?.person.client();
        for request in client.requests().await? {
            match client.accept(request.entry.summary.chat.id).await {
                Err(error) if !is_refusal(&error) => return Err(error.into()),
                // What the server has not heard it is told again by the engine.
                _ => {}
            }
        }
        match client.kept_out().await {
            Ok(groups) => {
                for group in groups {
                    client
                        .let_in(&group)
                        .await
                        .or_else(|error| if is_refusal(&error) { Ok(()) } else { Err(error) })?;
                }
                Ok(())
            }
            Err(error) if is_refusal(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

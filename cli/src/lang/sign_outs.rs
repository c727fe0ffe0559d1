//! Why a device is not signed in.

use privmsg_client::SignOutCause;

use super::{Lang, texts};

impl Lang {
    /// Why this device is signed out, when it heard of it, and what to do.
    pub(crate) fn signed_out_for(self, cause: &SignOutCause, at: Option<&str>) -> String {
        let said = match cause {
            SignOutCause::Here => self.signed_out_by_yourself(),
            SignOutCause::Forgotten => self.signed_out(),
            SignOutCause::Device(by) => self.signed_out_by(by.as_str()),
            SignOutCause::Administrator => self.signed_out_by_administrator(),
            SignOutCause::Deactivated => self.account_deactivated(),
            SignOutCause::Deleted => self.account_deleted(),
            SignOutCause::Replaced => self.begun_anew(),
            SignOutCause::KeyElsewhere => return self.key_in_use_elsewhere(),
        };
        match at {
            Some(at) => format!("{said} ({})", self.known_here_since(at)),
            None => said,
        }
    }
}

texts! {
    is_back() =>
        "The server lets this device in again, by its own key: it is signed in as before.",
        "Сервер снова впускает это устройство по его собственному ключу: вход выполнен, как прежде.";
    known_here_since(at: &str) => "known here since {at}", "здесь известно с {at}";
    signed_out() =>
        "this device has been signed out: from another device, by the administrator, or by a new access key. What was received stays readable; 'privmsg login' signs in again",
        "с этого устройства вышли: с другого устройства, по решению администратора или из-за нового ключа доступа. Полученное можно читать; войти снова — «privmsg login»";
    signed_out_by_yourself() =>
        "you have signed out on this device. What was received stays readable; 'privmsg login' signs in again",
        "вы вышли на этом устройстве. Полученное можно читать; войти снова — «privmsg login»";
    signed_out_by_administrator() =>
        "the administrator has signed this device out, perhaps with a new access key. What was received stays readable; 'privmsg login' signs in again",
        "администратор выполнил выход на этом устройстве, возможно, с новым ключом доступа. Полученное можно читать; войти снова — «privmsg login»";
    account_deactivated() =>
        "the administrator has deactivated this account: ask them. What was received stays readable; once the account is active again, 'privmsg login' signs in",
        "администратор отключил эту учётную запись: обратитесь к нему. Полученное можно читать; когда её снова включат, войти поможет «privmsg login»";
    account_deleted() =>
        "this account does not exist on the server any more: it was deleted. Ask the administrator. What was received stays readable here",
        "этой учётной записи на сервере больше нет: её удалили. Обратитесь к администратору. Полученное здесь можно читать";
    begun_anew() =>
        "as the server says, your account was begun anew, with another key, by somebody who has your access key; this profile belongs to the account as it was before, and does not come in again. If it was you: let a new profile in from the new device, 'privmsg --profile FOLDER login --link'. If not: tell the administrator and your contacts. What was received stays readable here",
        "по словам сервера, ваша учётная запись начата заново, с другим ключом, кем-то, у кого есть ваш ключ доступа; этот профиль принадлежит прежней и больше не войдёт. Если это были вы: впустите новый профиль с нового устройства, «privmsg --profile ПАПКА login --link». Если нет: сообщите администратору и собеседникам. Полученное здесь можно читать";
    identity_begins(at: &str) =>
        "this device waits: the account begins anew with its key at {at}, unless somebody ends that before. Run 'privmsg login' then; the administrator can let it take effect at once",
        "это устройство ждёт: учётная запись начнётся заново, с его ключом, {at}, если этого не отменят. После этого выполните «privmsg login»; администратор может применить это сразу";
}

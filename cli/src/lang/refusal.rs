//! Why the server refuses, for people.

use privmsg_client::{OTHERS_CAME, Unreachable};
use privmsg_protocol::{ErrorCode, UserId};

use super::{Lang, texts};

texts! {
    a_recipient() => "the recipient", "получатель";
    nobody_there(who: &str) =>
        "{who} is not signed in on any device at the moment",
        "{who}: сейчас вход не выполнен ни на одном устройстве";
    nobody_else_there() =>
        "nobody else in this chat is signed in on any device at the moment",
        "в этом чате сейчас больше никто не вошёл ни на одном устройстве";
    not_back(who: &str) =>
        "{who}: no device has come back to this chat since the server was restored from a backup, or after a long absence. It goes out as soon as one connects",
        "{who}: ни одно устройство ещё не вернулось в этот чат после восстановления сервера из копии или долгого отсутствия. Отправится, как только одно из них подключится";
    not_back_of_group() =>
        "no device of anybody else has come back to this chat since the server was restored from a backup. It goes out as soon as one connects",
        "ни одно чужое устройство ещё не вернулось в этот чат после восстановления сервера из копии. Отправится, как только одно из них подключится";
    no_key_packages(who: &str) =>
        "{who} has no device at the moment that can be written to: they have not signed in, perhaps after starting anew, or use another kind of client",
        "{who}: сейчас нет устройства, на которое можно писать: вход не выполнен (возможно, после начала заново) или используется другая программа";
    out_of_lifetime(who: &str) =>
        "{who} has devices, but none that can be used: their keys have run out because they were not online for months, or are dated wrongly because the clock there is wrong. New ones come when a device connects with the right time",
        "{who}: устройства есть, но ни одно не годится: их ключи истекли за месяцы без связи или помечены неверным временем из-за сбитых часов. Новые появятся, когда устройство подключится с верным временем";
    incompatible_client(who: &str) =>
        "{who} has devices that use other cryptography than this program; one of the two has to be updated",
        "{who}: устройства используют другую криптографию, чем эта программа; одну из сторон нужно обновить";
    no_identity(who: &str) =>
        "{who} has not signed in on any device yet, or uses another kind of client: there is no key to write to",
        "{who}: вход ещё не выполнен ни на одном устройстве, или используется другая программа: нет ключа, для которого шифровать";
    not_vouched_for(who: &str) =>
        "{who} has, as the server shows, only devices of another key than the one that you know, so nothing is sent to them. Perhaps {who} has started anew and you have refused the new key: 'privmsg safety-number {who}' shows it and how to take it. Else ask {who} by another way, or the administrator: somebody may be pretending to be {who}",
        "{who}: сервер показывает только устройства с другим ключом, не с известным вам, поэтому им ничего не отправляется. Возможно, {who} начинает заново, а новый ключ вы отклонили: «privmsg safety-number {who}» покажет его и как его принять. Иначе спросите {who} другим путём или администратора: возможно, кто-то выдаёт себя за другого";
    recipient_gone() =>
        "this account does not exist any more, or was deactivated. What was said in the chat stays readable",
        "этой учётной записи больше нет, или она отключена. Сказанное в чате по-прежнему можно читать";
    server_too_old() =>
        "the server is too old for this program; ask its administrator to update it",
        "сервер слишком старый для этой программы; попросите администратора обновить его";
    unknown_refusal(code: &str) => "it answers '{code}', which this version does not know", "он ответил «{code}», эта версия такого не знает";
}

impl Lang {
    /// Why somebody cannot be written to, by name where it is known.
    pub(crate) fn unreachable_person(self, why: Unreachable, who: Option<&UserId>) -> String {
        let is_unnamed = who.is_none();
        let who = who.map_or_else(|| self.a_recipient(), ToString::to_string);
        match why {
            Unreachable::NobodyThere if is_unnamed => self.nobody_else_there(),
            Unreachable::NobodyThere => self.nobody_there(&who),
            Unreachable::NoKeyPackages => self.no_key_packages(&who),
            Unreachable::OutOfLifetime => self.out_of_lifetime(&who),
            Unreachable::Incompatible => self.incompatible_client(&who),
            Unreachable::NoIdentity => self.no_identity(&who),
            Unreachable::NotVouchedFor => self.not_vouched_for(&who),
        }
    }

    /// That nobody is back in a chat yet; by name in one of two.
    pub(crate) fn person_not_back(self, who: Option<&UserId>) -> String {
        who.map_or_else(|| self.not_back_of_group().to_owned(), |who| self.not_back(who.as_str()))
    }

    /// What an error code means to whoever wanted to send or change something.
    pub(crate) fn refusal(self, code: &ErrorCode) -> String {
        use ErrorCode as E;
        let text = match code {
            E::InvalidCredentials => self.pick(
                "user id and access key do not belong together",
                "ID пользователя и ключ доступа не подходят друг к другу",
            ),
            E::InvitationUsed => self.pick(
                "the invitation has been used already; if it was not you, tell the administrator at once: somebody else has the account",
                "приглашение уже использовано; если не вами, сразу скажите администратору: учётная запись в чужих руках",
            ),
            E::ServerRestored => self.pick(
                "the server was restored from a backup and does not know this device yet; it is tried again. If your account is newer than the backup, it is gone: ask the administrator for a new access key, then sign in with it: privmsg login",
                "сервер восстановлен из резервной копии и ещё не знает этого устройства; попытки продолжаются. Если учётная запись новее копии, её на сервере нет: спросите администратора о новом ключе доступа и войдите с ним — privmsg login",
            ),
            E::AccountRevoked => {
                self.pick("the administrator has revoked this account", "администратор отозвал эту учётную запись")
            }
            E::Unauthorized | E::NotAuthenticated => {
                self.pick("the server does not know this device any more", "сервер больше не знает это устройство")
            }
            E::TokenExpired => self.pick(
                "the session has ended; it is renewed at the next connection",
                "сеанс истёк; он обновится при следующем подключении",
            ),
            E::AdminKeyInvalid => self.pick("the admin key is wrong", "ключ администратора неверен"),
            E::MalformedRequest
            | E::InvalidRequest
            | E::InvalidHandshake
            | E::MalformedFrame
            | E::UnknownFrameType
            | E::MethodNotAllowed
            | E::NotFound => self.pick(
                "it does not understand the request; server and client may be of different versions",
                "он не понял запрос; возможно, версии сервера и клиента разные",
            ),
            E::BodyTooLarge | E::FrameTooLarge | E::MessageTooLarge | E::HandshakeTooLarge => self.pick(
                "the message is larger than the server allows; send the text as a file",
                "сообщение больше, чем разрешает сервер; отправьте текст файлом",
            ),
            E::SenderMismatch => {
                self.pick("the sender is not the one who is signed in", "отправитель — не тот, кто вошёл")
            }
            E::MessageIdConflict => {
                self.pick("the message id is taken; send it again", "ID сообщения занят; отправьте ещё раз")
            }
            E::MailboxFull => self.pick(
                "too much of what you have sent waits on the server until others fetch it",
                "на сервере ждёт слишком много отправленного вами, пока это не заберут получатели",
            ),
            E::TooManyRequests => self.pick(
                "you have written to too many people today who have not answered yet; it goes on tomorrow",
                "сегодня вы написали слишком многим, кто ещё не ответил; продолжится завтра",
            ),
            E::AwaitsAnswer => self.pick(
                "they have not answered yet; until then only so much is taken in a day",
                "ответа ещё нет; до него за день принимается лишь ограниченное число сообщений",
            ),
            E::RateLimited => self.pick(
                "too many messages or requests at once; wait a moment",
                "слишком много сообщений или запросов сразу; подождите",
            ),
            E::TooManyWrongKeys => self.pick(
                "the key is wrong, and many wrong ones have been tried before; the right one is taken at any time",
                "ключ неверен, и до него было много неверных; верный принимается в любой момент",
            ),
            E::UnknownRecipient => self.pick("there is no such user", "такого пользователя нет"),
            E::RecipientHasNoDevices => return self.unreachable_person(Unreachable::NobodyThere, None),
            E::RecipientNotBack => return self.person_not_back(None),
            E::UnknownUser => self.pick("there is no such user", "такого пользователя нет"),
            E::UserExists => self.pick("the user id is taken", "ID пользователя занят"),
            E::UnknownDevice => self.pick(
                "there is no such device; 'privmsg devices' lists them",
                "такого устройства нет; список — «privmsg devices»",
            ),
            E::NotAMember => return self.no_longer_in_group(),
            E::UnknownGroup | E::StaleEpoch | E::ConversationExists => self.pick(
                "the conversation has changed meanwhile; it is joined anew",
                "чат тем временем изменился; подключаюсь к нему заново",
            ),
            E::StaleIncarnation | E::IncarnationAhead => self.pick(
                "by the server's word the conversation has come to another place than here; it is tried again",
                "по словам сервера, чат находится не там, где его помнит это устройство; будет новая попытка",
            ),
            E::StaleRoster => self.pick(
                "others have changed the group meanwhile; it is tried again on what there is now",
                "группу тем временем изменили другие; повторю поверх их изменений",
            ),
            E::CommitsSuspended => self.pick(
                "others could not use what this device has changed in the conversation; it changes nothing there for a day",
                "другие не смогли применить то, что это устройство изменило в чате; сутки оно ничего там не меняет",
            ),
            E::InvalidRoster => self.pick(
                "the server refuses this change of the group: somebody has another key than the published one, or may not make it",
                "сервер отклонил изменение группы: у кого-то не тот ключ, что опубликован, или на это нет права",
            ),
            E::TooManyGroups => self.pick(
                "you have created as many groups as the server lets one user have",
                "вы создали столько групп, сколько сервер разрешает одному пользователю",
            ),
            E::IdentityExists => {
                self.pick("the account already has another key", "у учётной записи уже есть другой ключ")
            }
            E::DeviceNotListed => self.pick(
                "this device waits to be let in by another one of the account",
                "это устройство ждёт, пока его впустит другое устройство учётной записи",
            ),
            E::DeviceRemoved => self.pick(
                "this device was signed out for good; sign in anew as another one",
                "это устройство отключено навсегда; войдите заново как новое",
            ),
            E::DeviceExists => self.pick(
                "there is a device with this name or key already",
                "устройство с таким именем или ключом уже есть",
            ),
            E::StaleChallenge => self
                .pick("the proof came too late; try again", "подтверждение пришло слишком поздно; попробуйте ещё раз"),
            E::InvalidSignature | E::SignatureRequired | E::OtherIdentity => self.pick(
                "this takes the account's own key, and it was another one, or none",
                "для этого нужен ключ самой учётной записи, а он другой, или его нет",
            ),
            E::InvalidStatement | E::PreconditionRequired => self.pick(
                "it does not accept the account's list of devices; server and client may be of different versions",
                "он не принял список устройств учётной записи; возможно, версии сервера и клиента разные",
            ),
            E::NoDeviceList => self.pick(
                "the account has no list of its devices on the server",
                "на сервере нет списка устройств этой учётной записи",
            ),
            E::ListChanged | E::ListNotNewer => self.pick(
                "another device has changed the list of devices meanwhile; try again",
                "другое устройство тем временем изменило список устройств; попробуйте ещё раз",
            ),
            E::ListAhead => self.pick(
                "the clock of this device is more than a day ahead of the server's",
                "часы этого устройства больше чем на сутки спешат относительно сервера",
            ),
            E::TooManyLists => self.pick(
                "the list of devices was changed too often today",
                "список устройств сегодня менялся слишком часто",
            ),
            E::NoLinkReply => self.pick(
                "no device of the account has answered this one",
                "ни одно устройство учётной записи не ответило этому",
            ),
            E::ReplacementPending => self.pick(
                "somebody has already begun to start the account anew",
                "учётную запись уже начали заново",
            ),
            E::NoReplacement => {
                self.pick("nobody has begun to start the account anew", "учётную запись никто не начинает заново")
            }
            E::NoBackup => self.pick(
                "the account has no backup on the server; only --new-identity helps",
                "на сервере нет резервной копии учётной записи; поможет только --new-identity",
            ),
            E::UnknownFile => self.pick("the file is not on the server any more", "файла больше нет на сервере"),
            E::FileTooLarge => {
                self.pick("the file is larger than the server allows", "файл больше, чем разрешает сервер")
            }
            E::UnknownUpload | E::UploadOffsetMismatch | E::UploadLocked | E::ChecksumMismatch => {
                self.pick("the upload broke off; it goes on", "загрузка прервалась; она продолжится")
            }
            E::TooManyUploads => self.pick(
                "too many unfinished uploads; they expire by themselves",
                "слишком много незаконченных загрузок; они удалятся сами",
            ),
            E::UnsupportedTusVersion | E::UnsupportedMediaType | E::PreconditionFailed | E::RangeNotSatisfiable => {
                self.pick("the server does not transfer files in this way", "сервер не передаёт файлы таким способом")
            }
            E::StorageFull => self.pick("the server's disk is full", "диск сервера заполнен"),
            E::TurnDisabled => self.pick("the server is not set up for calls", "сервер не настроен для звонков"),
            E::ShuttingDown => self
                .pick("the server is stopping; it comes back in a moment", "сервер останавливается; скоро он вернётся"),
            E::Internal => {
                self.pick("a fault of the server; its log says more", "ошибка сервера; подробности в его журнале")
            }
            E::Other(code) if **code == *LOCAL_FILE => self.pick(
                "the file cannot be read any more, or has changed",
                "файл больше нельзя прочитать, или он изменился",
            ),
            E::Other(code) if **code == *OTHERS_CAME => return self.others_came(),
            E::Other(code) if **code == *WITHDRAWN => {
                self.pick("it was taken back before it was sent", "оно отозвано до отправки")
            }
            other => return self.unknown_refusal(other.as_str()),
        };
        text.to_owned()
    }
}

/// The engine's own code for a file that could not be uploaded because of this machine.
pub(crate) const LOCAL_FILE: &str = "local_file";

/// The engine's own code for a message that its author has taken back before it left.
const WITHDRAWN: &str = "withdrawn";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_in_which_somebody_cannot_be_reached_has_a_sentence_of_its_own() {
        for lang in [Lang::En, Lang::Ru] {
            let mut said: Vec<_> = Unreachable::ALL.map(|why| lang.unreachable_person(why, None)).to_vec();
            said.extend([lang.recipient_gone(), lang.refusal(&ErrorCode::UnknownRecipient), lang.update_needed()]);
            let count = said.len();
            said.sort();
            said.dedup();
            assert_eq!(said.len(), count);
        }
        for why in Unreachable::ALL {
            assert_ne!(Lang::En.unreachable_person(why, None), Lang::Ru.unreachable_person(why, None));
            let who = UserId::new("boris").unwrap();
            for lang in [Lang::En, Lang::Ru] {
                assert!(lang.unreachable_person(why, Some(&who)).starts_with("boris"));
            }
        }
    }

    #[test]
    fn every_code_has_a_sentence_in_both_languages() {
        for code in ErrorCode::ALL {
            for lang in [Lang::En, Lang::Ru] {
                assert!(!lang.refusal(code).contains(code.as_str()), "{code:?}");
            }
            assert_ne!(Lang::En.refusal(code), Lang::Ru.refusal(code), "{code:?}");
        }
    }
}

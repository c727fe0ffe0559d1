//! Contact links, and how contacts are known.

use privmsg_client::{ContactLinkError, Known};

use super::{Lang, texts};

impl Lang {
    /// What a text lacks to be a contact link.
    pub(crate) fn contact_link_error(self, error: ContactLinkError) -> String {
        match error {
            ContactLinkError::NotALink => self.not_a_contact_link(),
            ContactLinkError::Server => self.contact_link_server(),
            ContactLinkError::UserId => self.contact_link_user(),
            ContactLinkError::Key => self.contact_link_cut(),
        }
    }

    /// How a contact is known, in a word or two.
    pub(crate) fn known(self, known: Known) -> &'static str {
        match known {
            Known::SeenFirst => self.pick("seen first", "с первого сообщения"),
            Known::ByLink => self.pick("by link", "по ссылке"),
            Known::Verified => self.pick("verified", "сверен"),
        }
    }
}

texts! {
    about_contact() => "Show your contact link, or add somebody by theirs", "Показать свою ссылку для знакомства или добавить собеседника по его ссылке";
    about_contact_link() => "Show your contact link, for others to add you by", "Показать свою ссылку для знакомства, чтобы вас могли добавить";
    about_contact_add() => "Know somebody by their contact link, before anything is said", "Узнать собеседника по его ссылке для знакомства ещё до первого сообщения";
    about_contacts() => "List the contacts, and how each is known", "Список собеседников и откуда известен ключ каждого";
    usage_contact() => "privmsg contact link | add LINK | list | info USER | confirm USER", "privmsg contact link | add ССЫЛКА | list | info ПОЛЬЗОВАТЕЛЬ | confirm ПОЛЬЗОВАТЕЛЬ";
    usage_contact_link() => "privmsg contact link", "privmsg contact link";
    usage_contact_add() => "privmsg contact add [LINK|-] [--in-person]", "privmsg contact add [ССЫЛКА|-] [--in-person]";
    usage_contact_list() => "privmsg contact list", "privmsg contact list";
    usage_contact_info() => "privmsg contact info USER", "privmsg contact info ПОЛЬЗОВАТЕЛЬ";
    usage_contact_confirm() => "privmsg contact confirm USER [--drop]", "privmsg contact confirm ПОЛЬЗОВАТЕЛЬ [--drop]";
    about_contact_info() => "Show which of your devices knows what of a contact's key", "Показать, какое из ваших устройств что знает о ключе собеседника";
    about_contact_confirm() => "Say whether a device that was put out with the recovery key was right about a contact", "Сказать, верно ли знало собеседника устройство, исключённое ключом восстановления";
    help_drop() => "It was not, or you do not know: what it knew counts for nothing", "Неверно, или вы не знаете: сведения этого устройства не учитывать";
    after_contact_confirm() =>
r"Your devices tell one another which keys they know and which you have compared. What a device said that you
put out with the recovery key counts no more, since a thief may have said it. 'privmsg contact list' names what nobody
else of your devices has vouched for. The number is shown first; compare it with the contact, and say it again.",
r"Ваши устройства сообщают друг другу, какие ключи они знают и какие вы сверили. Сказанное устройством,
исключённым ключом восстановления, больше не учитывается: это мог сказать вор. «privmsg contact list»
называет то, чего не подтвердило ни одно другое ваше устройство. Сначала показывается код; сверьте его
с собеседником и повторите команду.";
    usage_contacts() => "privmsg contacts", "privmsg contacts";
    help_contact_link() =>
        "Their link, privmsg://contact?…, in quotes; '-', or nothing and a pipe, reads it from standard input",
        "Ссылка собеседника, privmsg://contact?…, в кавычках; «-» или ввод по конвейеру — прочитать её со стандартного ввода";
    help_in_person() =>
        "You have scanned the link from their own screen, or they have handed it to you themselves: it counts as verified. Not for a link from a mail, a chat, a web page or somebody else",
        "Вы считали ссылку с экрана самого собеседника, или он передал её вам лично: ключ считается сверенным. Не для ссылки из письма, чата, с сайта или от кого-то другого";
    after_contact_add() =>
r"From then on only the key in the link is written to, whatever the server says. If the server names
another key, or another one is known already, that is shown (exit code 9), and nothing is sent to them
until you have decided: 'privmsg safety-number USER' shows both, --accept-change takes the other key,
--refuse-change keeps the one that is known.

A link that came some other way is worth as much as that way: who could change it there could put
in another key. 'privmsg safety-number USER' compares later.",
r"С этого момента сообщения шифруются только для ключа из ссылки, что бы ни говорил сервер. Если
сервер называет другой ключ или другой уже известен, это будет показано (код завершения 9), и ничего не
отправится, пока вы не решите: «privmsg safety-number ПОЛЬЗОВАТЕЛЬ» покажет оба, --accept-change примет
другой, --refuse-change оставит известный.

Ссылка надёжна настолько, насколько надёжен путь, которым она пришла: кто мог её там изменить, мог
подставить другой ключ. Сверить позже: «privmsg safety-number ПОЛЬЗОВАТЕЛЬ».";

    contact_link_title() => "Your contact link:", "Ваша ссылка для знакомства:";
    contact_link_explanation() =>
        "Whoever wants to write to you adds it: privmsg contact add 'LINK'. It names your key, so that no server can put another one in its place. There is no secret in it; what counts is that nobody changes it on its way. Who scans it from this screen, or gets it from your own hands, adds it with --in-person.",
        "Кто хочет вам писать, добавляет её: privmsg contact add 'ССЫЛКА'. В ней назван ваш ключ, поэтому сервер не сможет его подменить. Секретов в ней нет; важно, чтобы никто не изменил её по дороге. Кто считал её с этого экрана или получил из ваших рук, добавляет её с --in-person.";
    too_narrow_for_qr(columns: usize) =>
        "The QR code is not drawn: it takes {columns} columns, and the window has fewer.",
        "QR-код не показан: нужно колонок: {columns}, а окно уже.";
    no_contact_link() =>
        "no contact link given: privmsg contact add 'privmsg://contact?…', or pipe it in",
        "нет ссылки для знакомства: privmsg contact add 'privmsg://contact?…' или передайте её на ввод";
    not_a_contact_link() =>
        "this is not a contact link: it begins with privmsg://contact?",
        "это не ссылка для знакомства: она начинается с privmsg://contact?";
    contact_link_server() =>
        "the contact link names no server, or one that cannot be; ask for it anew",
        "в ссылке для знакомства нет адреса сервера, или он невозможен; попросите её ещё раз";
    contact_link_user() =>
        "the contact link names no user, or one that cannot be; ask for it anew",
        "в ссылке для знакомства нет ID пользователя, или он невозможен; попросите её ещё раз";
    contact_link_cut() =>
        "the end of the contact link, behind #, is missing or damaged. Was it in quotes? A shell cuts it at & otherwise: privmsg contact add 'privmsg://contact?…'",
        "конец ссылки для знакомства, после #, пропал или повреждён. Была ли она в кавычках? Иначе оболочка обрезает её на &: privmsg contact add 'privmsg://contact?…'";
    own_contact_link() =>
        "this is your own contact link; it is for others", "это ваша собственная ссылка для знакомства; она для других";
    another_server(server: &str) =>
        "nothing was changed: the link is for a user of {server}, and this profile's server does not know that user with the key in the link. Either it is another server (people of two servers cannot write to each other), or this one is lying about that user",
        "ничего не изменено: ссылка для пользователя сервера {server}, а сервер этого профиля не знает такого пользователя с ключом из ссылки. Либо это другой сервер (между серверами писать нельзя), либо здешний сервер говорит о нём неправду";
    another_key(user: &str) =>
        "NOTHING WAS CHANGED: the link is for you, {user}, and names another key than yours. Whoever has sent it passes themselves off as you, or it is of an identity that you have given up",
        "НИЧЕГО НЕ ИЗМЕНЕНО: ссылка — на вас, {user}, но ключ в ней не ваш. Её отправитель выдаёт себя за вас, или она осталась от вашего прежнего ключа";
    link_differs(user: &str) =>
        "A CONTACT LINK NAMES ANOTHER KEY FOR {user} than the one known here. Somebody has put a key of their own into the one or the other, or {user} has started anew.\nAsk {user} by another way, and compare: privmsg safety-number {user}",
        "В ССЫЛКЕ ДЛЯ ЗНАКОМСТВА НАЗВАН ДРУГОЙ КЛЮЧ {user}, не тот, что известен здесь. Либо кто-то подставил свой ключ здесь или в ссылке, либо {user} начал заново.\nСпросите {user} другим путём и сверьте: privmsg safety-number {user}";
    link_names_another_key(user: &str) =>
        "THE LINK NAMES ANOTHER KEY FOR {user} THAN THE ONE KNOWN HERE: somebody has put a key of their own into the one or the other, or {user} has started anew. Both are kept, and nothing is sent to {user} until you decide. Ask {user} by another way, and look at both: privmsg safety-number {user}; then --accept-change if the link is right, --refuse-change if it is not",
        "В ССЫЛКЕ НАЗВАН ДРУГОЙ КЛЮЧ {user}, НЕ ТОТ, ЧТО ИЗВЕСТЕН ЗДЕСЬ: либо кто-то подставил свой ключ здесь или в ссылке, либо {user} начал заново. Сохранены оба, и {user} ничего не отправится, пока вы не решите. Спросите {user} другим путём и сравните оба: privmsg safety-number {user}; затем --accept-change, если права ссылка, или --refuse-change, если нет";
    server_names_another_key(user: &str) =>
        "THE SERVER NAMES ANOTHER KEY FOR {user} THAN THE LINK: the one or the other is false, or {user} has started anew since. The link's key is kept, and nothing is sent. Ask {user} by another way; look at both: privmsg safety-number {user}; then --accept-change if the server is right, --refuse-change if it is not",
        "СЕРВЕР НАЗЫВАЕТ ДЛЯ {user} НЕ ТОТ КЛЮЧ, ЧТО В ССЫЛКЕ: либо один из них ложный, либо {user} с тех пор начал заново. Сохранён ключ из ссылки, ничего не отправляется. Спросите {user} другим путём; посмотрите оба: privmsg safety-number {user}; затем --accept-change, если прав сервер, или --refuse-change, если нет";
    added_by_link(user: &str) =>
        "{user} is known by this link now: only its key is written to. The link is worth as much as the way on which it came; to be sure, compare: privmsg safety-number {user}",
        "{user}: ключ теперь известен по этой ссылке, писать будем только ему. Ссылка надёжна настолько, насколько надёжен её путь; чтобы убедиться, сверьте: privmsg safety-number {user}";
    added_in_person(user: &str) =>
        "{user} is verified: only the key of this link is written to.",
        "{user}: ключ сверен, писать будем только ключу из этой ссылки.";
    server_not_asked(user: &str, reason: &str) =>
        "the server could not be asked about {user} ({reason}); what it says shows with the first message",
        "спросить сервер о {user} не удалось ({reason}); что он скажет, станет видно с первым сообщением";
    server_knows_no_key(user: &str) =>
        "the server knows no key of {user} at the moment; a message waits until it does",
        "сервер сейчас не знает ключа {user}; сообщение подождёт, пока не узнает";

    no_contacts() =>
        "No contacts yet. Add one: privmsg contact add 'LINK', or write to somebody",
        "Собеседников пока нет. Добавьте: privmsg contact add 'ССЫЛКА' — или напишите кому-нибудь";
    head_contact() => "CONTACT", "СОБЕСЕДНИК";
    head_known() => "KEY KNOWN", "КЛЮЧ ИЗВЕСТЕН";
    contact_unconfirmed() => "to be confirmed", "нужно подтвердить";
    to_confirm_title() =>
        "Known by a device that was put out with the recovery key, and by no other of yours:",
        "Известно только устройству, которое исключено ключом восстановления:";
    to_confirm_line(user: &str, known: &str, device: &str) =>
        "  {user}: {known} on {device}", "  {user}: {known} на {device}";
    to_confirm_hint() =>
        "Was it right? privmsg contact confirm USER, or --drop",
        "Верно ли это? privmsg contact confirm ПОЛЬЗОВАТЕЛЬ или --drop";
    contacts_to_confirm() =>
        "A device of yours was put out with the recovery key. What it had told of your contacts counts no more; see what is to be confirmed: privmsg contact list",
        "Ваше устройство исключено ключом восстановления. Сказанное им о собеседниках больше не учитывается; что нужно подтвердить: privmsg contact list";
    known_otherwise(user: &str, device: &str) =>
        "Your device {device} knows {user} by another key than this one: {user} has started anew, and you have accepted that there. If not, one of the two was deceived, or {device} is not in your hands.\nAsk {user} by another way, and compare: privmsg safety-number {user}",
        "Ваше устройство {device} знает другой ключ {user}, не тот, что это: {user} начал заново, и на том устройстве вы это приняли. Если нет, одно из двух обмануто или {device} не в ваших руках.\nСпросите {user} другим путём и сверьте: privmsg safety-number {user}";
    by_this_device() => "this device", "это устройство";
    word_line(device: &str, known: &str) => "  {device}: {known}", "  {device}: {known}";
    word_other_key() => "another key", "другой ключ";
    word_to_confirm() => "put out with the recovery key, to be confirmed", "исключено ключом восстановления, нужно подтвердить";
    word_aside() => "put aside by you", "вы это не учитываете";
    words_title() => "What your devices know of the key:", "Что ваши устройства знают о ключе:";
    nothing_to_confirm(user: &str) =>
        "nothing waits to be confirmed of {user}", "о {user} подтверждать нечего";
    several_to_confirm(user: &str) =>
        "removed devices knew {user} by several keys: compare anew with 'privmsg safety-number {user}', then 'privmsg contact confirm {user} --drop'",
        "удалённые устройства знали разные ключи {user}: сверьте заново «privmsg safety-number {user}», затем «privmsg contact confirm {user} --drop»";
    to_confirm_number(user: &str, device: &str) =>
        "Safety number with {user}, as {device} knew the key:", "Код безопасности с {user} по ключу, который знало {device}:";
    compare_first(user: &str) =>
        "compare this number with {user} first, by voice or side by side; if it is the same: privmsg contact confirm {user}",
        "сначала сверьте этот код с {user} голосом или при встрече; если он тот же: privmsg contact confirm {user}";
    contact_confirmed(user: &str) => "The key of {user} is confirmed.", "Ключ {user} подтверждён.";
    contact_dropped(user: &str) =>
        "What removed devices knew of {user} counts for nothing.", "Сведения удалённых устройств о {user} не учитываются.";
    safety_device_title(device: &str) => "Safety number with the key that {device} knows:", "Код с ключом, который знает {device}:";
    safety_pinned_title() => "The one of the key that is known here:", "Код с ключом, который известен здесь:";
    change_refused(user: &str) =>
        "The other key of {user} is refused; messages go to the known one only. What waited goes out with the next 'privmsg listen', 'send' or 'chat'.",
        "Другой ключ {user} отклонён; сообщения идут только на известный. То, что ждало отправки, уйдёт со следующим «privmsg listen», «send» или «chat».";
    help_refuse_change() =>
        "Refuse the other key of a contact, as it was shown: the known one stays", "Отклонить другой ключ собеседника, показанный перед этим: остаётся известный";
    contact_changed() => "KEY CHANGED, nothing is sent", "КЛЮЧ ИЗМЕНИЛСЯ, ничего не отправляется";
    safety_by_link(user: &str) =>
        "known by a contact link, not verified. Compare the digits with {user} by voice or side by side;\nif they are the same, nobody is in between: privmsg safety-number {user} --mark-verified",
        "ключ известен по ссылке для знакомства, не сверен. Сравните цифры с {user} голосом или при встрече;\nесли они совпадают, между вами никого нет: privmsg safety-number {user} --mark-verified";
    safety_link_title() => "The one of the contact link:", "Код с ключом из ссылки для знакомства:";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_be_known_and_each_fault_of_a_link_is_told_apart() {
        let faults =
            [ContactLinkError::NotALink, ContactLinkError::Server, ContactLinkError::UserId, ContactLinkError::Key];
        for lang in [Lang::En, Lang::Ru] {
            let mut said: Vec<_> = faults.map(|fault| lang.contact_link_error(fault)).into();
            said.extend([Known::SeenFirst, Known::ByLink, Known::Verified].map(|known| lang.known(known).to_owned()));
            let count = said.len();
            said.sort();
            said.dedup();
            assert_eq!(said.len(), count);
        }
    }
}

//! Groups of people.

use privmsg_client::{ChangeError, Gone, GroupNews, Role};
use privmsg_protocol::UserId;

use super::{Lang, texts};
use crate::foreign;

impl Lang {
    /// A role, in a word.
    pub(crate) fn role(self, role: Role) -> &'static str {
        match role {
            Role::Owner => self.pick("owner", "владелец"),
            Role::Admin => self.pick("admin", "администратор"),
            Role::Member => self.pick("member", "участник"),
        }
    }

    /// A role as scripts and notices name it.
    fn role_named(self, name: &str) -> &'static str {
        match name {
            "owner" => self.role(Role::Owner),
            "admin" => self.role(Role::Admin),
            _ => self.role(Role::Member),
        }
    }

    /// Why a group cannot be changed so.
    pub(crate) fn group_change(self, error: ChangeError) -> String {
        match error {
            ChangeError::NotAllowed => self.group_not_allowed(),
            ChangeError::NoParticipant => self.group_no_participant(),
            ChangeError::LastOwner => self.group_last_owner(),
            ChangeError::TooMany => self.group_too_many(),
            ChangeError::NotInGroup => self.no_longer_in_group(),
            ChangeError::Refused => self.group_change_refused(),
        }
    }

    /// Why one is not in a group any more.
    pub(crate) fn gone(self, gone: Gone) -> String {
        match gone {
            Gone::Left => self.you_left(),
            Gone::Removed => self.no_longer_in_group(),
            Gone::Unknown => self.group_unknown_to_server(),
        }
    }

    /// Somebody's words in quotes, which they cannot end.
    pub(crate) fn quoted(self, text: &str) -> String {
        let text = foreign::line(text);
        match self {
            Self::En => format!("'{}'", text.replace('\'', "\u{2019}")),
            Self::Ru => format!("«{}»", text.replace('«', "\u{201e}").replace('»', "\u{201c}")),
        }
    }

    /// What is wrong with a name, and which groups may have been meant.
    pub(crate) fn or_a_group(self, said: String, groups: &[String]) -> String {
        if groups.is_empty() { said } else { format!("{said}; {}", self.did_you_mean(&groups.join(", "))) }
    }

    /// What has changed in a group, a sentence each. `own` is addressed.
    pub(crate) fn group_news(self, news: &GroupNews, by: &UserId, own: &UserId) -> Vec<String> {
        let mut said = Vec::new();
        if news.went_on {
            said.push(self.group_went_on());
        }
        if news.unseen {
            said.push(self.changed_unseen());
        }
        let is_namesake = |user: &UserId| news.namesakes.contains(user);
        let called = |user: &UserId| if is_namesake(user) { self.namesake(user.as_str()) } else { user.to_string() };
        let named = if news.unseen { self.somebody() } else { called(by) };
        let name = named.as_str();
        let join = |users: &[UserId]| users.iter().map(called).collect::<Vec<_>>().join(", ");
        let without = |users: &[UserId]| users.iter().filter(|user| *user != own).cloned().collect::<Vec<_>>();
        let (added, removed, left) = (without(&news.added), without(&news.removed), without(&news.left));
        if news.added.contains(own) {
            said.push(if by == own && !is_namesake(by) { self.group_begins() } else { self.added_you(name) });
        }
        if !added.is_empty() {
            said.push(self.added_people(name, &join(&added)));
        }
        if news.removed.contains(own) {
            said.push(self.removed_you(name));
        }
        if !removed.is_empty() {
            said.push(self.removed_people(name, &join(&removed)));
        }
        if news.left.contains(own) {
            said.push(self.you_left());
            // The last owner names the next one.
            for (user, _) in news.roles.iter().filter(|(_, role)| role == "owner") {
                said.push(self.owns_it_now(&called(user)));
            }
        }
        if !left.is_empty() {
            said.push(self.people_left(&join(&left)));
        }
        for (user, role) in news.roles.iter().filter(|_| !news.left.contains(own)) {
            said.push(self.has_role(name, &called(user), self.role_named(role)));
        }
        if !news.other_identity.is_empty() {
            said.push(self.under_other_identity(name, &join(&news.other_identity)));
        }
        if news.came_in {
            said.push(self.came_in());
        }
        if news.unknown_to_server {
            said.push(self.group_unknown_to_server());
        }
        said
    }
}

texts! {
    about_group() => "Groups of people: create, change, leave, look at", "Группы: создать, изменить, выйти, посмотреть";
    usage_group() => "privmsg group create|add|remove|role|title|leave|info …", "privmsg group create|add|remove|role|title|leave|info …";
    after_group() =>
r"A group is named by its id, group:…, of which the first six characters or more are enough as long as
they fit no other group. 'send', 'history', 'chat' and 'read' take it in the place of a user.

  privmsg group create --title 'Choir' bob carol
  privmsg send group:Y2bPIE 'Hello, everybody'
  privmsg group role group:Y2bPIE bob admin

Owners do everything; admins let members in and send them away, and change the title; everybody may
leave. Each change is signed by whoever makes it, and every device checks that: the server cannot
let anybody in. Who comes in reads what is said from then on; who is out, nothing any more.",
r"Группа обозначается своим ID, group:…; достаточно первых шести символов или больше, пока они не
подходят другой группе. «send», «history», «chat» и «read» принимают её вместо пользователя.

  privmsg group create --title 'Хор' bob carol
  privmsg send group:Y2bPIE 'Всем привет'
  privmsg group role group:Y2bPIE bob admin

Владельцы могут всё; администраторы принимают и исключают участников и меняют название; выйти может
каждый. Каждое изменение подписывает тот, кто его вносит, и каждое устройство это проверяет: сервер
никого принять не может. Новый участник читает то, что сказано после него; исключённый — больше ничего.";
    about_group_create() => "Create a group and invite people into it", "Создать группу и пригласить в неё людей";
    usage_group_create() => "privmsg group create --title TITLE [USER…]", "privmsg group create --title НАЗВАНИЕ [ПОЛЬЗОВАТЕЛЬ…]";
    about_group_add() => "Let people in", "Принять людей в группу";
    usage_group_add() => "privmsg group add GROUP USER…", "privmsg group add ГРУППА ПОЛЬЗОВАТЕЛЬ…";
    about_group_remove() => "Send people away", "Исключить людей из группы";
    usage_group_remove() => "privmsg group remove GROUP USER…", "privmsg group remove ГРУППА ПОЛЬЗОВАТЕЛЬ…";
    about_group_role() => "Give somebody another role", "Дать кому-нибудь другую роль";
    usage_group_role() => "privmsg group role GROUP USER owner|admin|member", "privmsg group role ГРУППА ПОЛЬЗОВАТЕЛЬ owner|admin|member";
    about_group_title() => "Give the group another title", "Переименовать группу";
    usage_group_title() => "privmsg group title GROUP TITLE", "privmsg group title ГРУППА НАЗВАНИЕ";
    about_group_leave() => "Leave a group", "Выйти из группы";
    usage_group_leave() => "privmsg group leave GROUP [--successor USER]", "privmsg group leave ГРУППА [--successor ПОЛЬЗОВАТЕЛЬ]";
    about_group_info() => "Show a group: its title, its people and their roles", "Показать группу: название, людей и их роли";
    usage_group_info() => "privmsg group info GROUP", "privmsg group info ГРУППА";
    help_group() => "The group's id, group:…, or its beginning", "ID группы, group:…, или его начало";
    help_group_users() => "Users on this server", "Пользователи этого сервера";
    help_group_user() => "Somebody in the group", "Кто-то из группы";
    help_group_role() => "owner, admin or member", "owner (владелец), admin (администратор) или member (участник)";
    help_group_title() => "What people call it: one line. Only its members can read it", "Как её называют: одна строка. Прочесть её могут только участники";
    help_successor() => "Who becomes owner: needed if you are the only one", "Кто станет владельцем: нужно, если кроме вас владельцев нет";

    mentions_you() => "(speaks to you)", "(обращение к вам)";
    untitled() => "(no title yet)", "(пока без названия)";
    group_created(title: &str, id: &str) =>
        "The group '{title}' is there. Write to it: privmsg send {id} 'TEXT'",
        "Группа «{title}» создана. Написать в неё: privmsg send {id} 'ТЕКСТ'";
    only_owner(group: &str) =>
        "You are its only owner: without you nobody could give roles there. Name a second one: privmsg group role {group} USER owner",
        "Вы единственный владелец: без вас никто не сможет назначать роли. Назначьте второго: privmsg group role {group} ПОЛЬЗОВАТЕЛЬ owner";
    group_without_owner() =>
        "Nobody owns this group any more: nobody gives roles there. If you need them, make it anew: privmsg group create",
        "Владельца у группы больше нет: роли никто не назначает. Если они нужны, создайте её заново: privmsg group create";
    device_suspended(user: &str, device: &str, until: &str) =>
        "the device {device} of {user} changes nothing here until {until}: others could not use what it had sent",
        "устройство {device} пользователя {user} ничего здесь не меняет до {until}: присланным с него другие не смогли воспользоваться";
    no_such_group(name: &str) =>
        "there is no group '{name}' here; 'privmsg chats' lists those that there are",
        "группы «{name}» здесь нет; какие есть — «privmsg chats»";
    group_name_too_short(name: &str, least: usize) =>
        "'{name}' is too short for a group: type at least {least} characters of its id, as 'privmsg chats' shows it",
        "«{name}» — слишком мало для группы: введите хотя бы {least} символов её ID, как его показывает «privmsg chats»";
    several_groups(name: &str, ids: &str) =>
        "several groups begin with '{name}': {ids}", "так, «{name}», начинаются несколько групп: {ids}";
    not_there(users: &str) =>
        "not in the group: {users}", "в группе нет: {users}";
    others_are_out() => "Whoever else was named is out of it now", "Остальные, кто был назван, исключены";
    they_may(users: &str) => "these may: {users}", "могут: {users}";
    role_is_lost(user: &str, role: &str, name: &str, group: &str) =>
        "{user} was {role} under the former key, and comes as a member. To make {user} that again: privmsg group role {group} {user} {name}",
        "{user}: под прежним ключом роль — {role}, теперь — участник. Вернуть её: privmsg group role {group} {user} {name}";
    is_in_already(user: &str) => "{user} is in the group already.", "{user}: уже в группе.";
    leave_instead(group: &str) =>
        "to take no part in the group any more yourself: privmsg leave {group}",
        "чтобы самому больше не участвовать в группе: privmsg leave {group}";
    nobody_was_added() => "Nobody was added, and nothing of it is kept: try again later.", "Никто не добавлен, и ничего не сохранено: повторите позже.";
    has_role_already(user: &str, role: &str) =>
        "{user} is {role} already.", "{user}: роль «{role}» уже есть.";
    picture_of(time: &str) =>
        "The server could not be asked: this is as of {time}, and may have changed since.",
        "Сервер спросить не удалось: это состояние на {time}, с тех пор оно могло измениться.";
    picture_not_new() =>
        "The server could not be asked: this is what is known here, and may have changed since.",
        "Сервер спросить не удалось: это то, что известно здесь, с тех пор оно могло измениться.";
    bad_title() =>
        "a title is one line that is not empty, of at most 512 bytes",
        "название — одна непустая строка, не длиннее 512 байт";
    no_such_user(user: &str) => "there is no user '{user}' on this server", "на этом сервере нет пользователя «{user}»";
    no_longer_in_group() => "you are no longer in this group", "вы больше не состоите в этой группе";
    you_are_out() => "you are out", "вы не состоите";
    you_left() => "you have left the group", "вы вышли из группы";
    owns_it_now(user: &str) => "{user} owns it now", "теперь владелец — {user}";
    group_unknown_to_server() =>
        "the server knows you in this group no more: you left on another device, were removed, it has lost the group, or keeps it from you (privmsg requests)",
        "сервер больше не знает вас в этой группе: вы вышли на другом устройстве, вас исключили, он её потерял или не пропускает её к вам (privmsg requests)";
    group_not_allowed() => "your role in the group does not allow this", "ваша роль в группе этого не позволяет";
    group_no_participant() => "that user is not in the group", "этого пользователя в группе нет";
    group_last_owner() =>
        "the group would be without an owner. Make somebody one first: privmsg group role GROUP USER owner; or leave with --successor USER",
        "группа осталась бы без владельца. Сначала назначьте его: privmsg group role ГРУППА ПОЛЬЗОВАТЕЛЬ owner; или выйдите с --successor ПОЛЬЗОВАТЕЛЬ";
    group_too_many() => "a group has 250 people at most", "в группе может быть не больше 250 человек";
    group_change_refused() => "the change was refused", "изменение отклонено";
    group_waits(seconds: u64) =>
        "not done within {seconds} seconds; it is kept, and done as soon as the server can be reached",
        "не сделано за {seconds} с; изменение сохранено и будет сделано, как только сервер станет доступен";
    group_interrupted() =>
        "interrupted. What was asked for is kept, and done with the next 'privmsg listen', 'send' or 'chat'",
        "прервано. Изменение сохранено и будет сделано со следующим «privmsg listen», «send» или «chat»";
    group_split() =>
        "Two owners have changed the group at the same time. Only who stands in both versions counts, until an owner changes something again.",
        "Два владельца изменили группу одновременно. Пока владелец снова что-нибудь не изменит, в группе лишь те, кто есть в обоих вариантах.";
    group_unsettled() =>
        "it is not settled who is in the group; an owner has to change something in it",
        "не решено, кто состоит в группе; владелец должен что-нибудь в ней изменить";
    group_changes_wait(count: usize) => "Changes that wait: {count}", "Изменений в ожидании: {count}";
    other_identity_in_group() =>
        "IS IN THE GROUP UNDER ANOTHER KEY than the one you know; nothing is sent",
        "В ГРУППЕ ПОД ДРУГИМ КЛЮЧОМ, не под известным вам; ничего не отправляется";
    came_in() =>
        "This device is in the group now. You read here what is said from now on.",
        "Это устройство теперь в группе. Здесь видно всё, что сказано после этого.";
    group_went_on() =>
        "The conversation goes on in another group: a member's device has begun it.",
        "Разговор продолжается в новой группе: её начало устройство одного из участников.";
    changed_unseen() =>
        "This device did not follow the group, which has changed meanwhile. Who has done it is not known here:",
        "Это устройство не следило за группой, и она изменилась. Кто это сделал, здесь неизвестно:";
    somebody() => "somebody", "кто-то";
    namesake(user: &str) => "{user} (UNDER ANOTHER KEY THAN THE ONE YOU KNOW)", "{user} (ПОД ДРУГИМ КЛЮЧОМ, НЕ ПОД ИЗВЕСТНЫМ ВАМ)";
    group_begins() => "The group is there.", "Группа создана.";
    added_you(by: &str) => "{by} has added you to the group. You read what is said from here on.", "{by}: вы добавлены в группу. Вам видно всё, что сказано после этого.";
    added_people(by: &str, whom: &str) => "{by} has added {whom}", "{by}: {whom} теперь в группе";
    removed_you(by: &str) => "{by} has removed you: you are no longer in this group", "{by}: вы исключены и больше не состоите в этой группе";
    removed_people(by: &str, whom: &str) => "{by} has removed {whom}", "{by}: {whom} больше не в группе";
    people_left(whom: &str) => "{whom} has left", "из группы вышли: {whom}";
    has_role(by: &str, whom: &str, role: &str) => "{by} has made {whom} {role}", "{by}: теперь {whom} — {role}";
    under_other_identity(by: &str, whom: &str) => "{by} has let in under a new key: {whom}", "{by}: {whom} в группе с новым ключом";
    title_given(by: &str, title: &str) => "{by} calls the group: {title}", "{by}: новое название группы — {title}";
    bad_chat(name: &str) =>
        "'{name}' is no chat: give a user's id, 'self' for your own notes, or a group, group:…",
        "«{name}» — не чат: нужен ID пользователя, «self» для своих заметок или группа, group:…";
    bad_group(name: &str) => "'{name}' is no group's id", "«{name}» — не ID группы";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_changes_is_told_and_oneself_is_addressed() {
        let user = |name: &str| UserId::new(name).unwrap();
        let (own, by, other) = (user("me"), user("boss"), user("other"));
        let all = GroupNews {
            added: vec![own.clone(), other.clone()],
            removed: vec![own.clone(), other.clone()],
            left: vec![other.clone()],
            roles: vec![(other.clone(), "admin".into())],
            other_identity: vec![other],
            namesakes: Vec::new(),
            came_in: true,
            unknown_to_server: true,
            went_on: true,
            unseen: false,
            here: false,
        };
        for lang in [Lang::En, Lang::Ru] {
            let said = lang.group_news(&all, &by, &own);
            assert_eq!(said.len(), 10);
            assert!(said.iter().all(|line| !line.contains("me,")), "{said:?}");
        }
        assert_eq!(Lang::En.group_news(&all, &by, &own)[3], "boss has removed you: you are no longer in this group");
        let by_another = GroupNews { namesakes: vec![by.clone()], ..all.clone() };
        for lang in [Lang::En, Lang::Ru] {
            let said = lang.group_news(&by_another, &by, &own);
            let named: Vec<_> = said.iter().filter(|line| line.contains("boss")).collect();
            assert!(named.len() > 1 && named.iter().all(|line| line.contains(&lang.namesake("boss"))), "{said:?}");
        }
        let own_namesake = GroupNews { namesakes: vec![own.clone()], ..all.clone() };
        let said = Lang::En.group_news(&own_namesake, &own, &own);
        assert!(!said.contains(&Lang::En.group_begins()), "somebody else has made it: {said:?}");
        let unseen = Lang::En.group_news(&GroupNews { unseen: true, ..all }, &own, &own);
        assert!(unseen.iter().any(|line| line == "somebody has added other"), "{unseen:?}");
    }
}

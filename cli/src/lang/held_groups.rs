//! Groups that nothing is sent to, because somebody is in them under another key than the known one.

use privmsg_client::HeldGroup;
use privmsg_protocol::UserId;

use super::{Lang, texts};
use crate::chat_name::name_of;
use crate::foreign;

impl Lang {
    /// Who keeps a group from being written to, and what helps.
    pub(crate) fn group_held(self, held: &HeldGroup) -> String {
        let id = name_of(&held.conversation);
        let title = if held.title.is_empty() { id.clone() } else { foreign::line(&held.title) };
        if let Some(first) = held.to_decide.first() {
            return self.group_to_decide(&title, &names(&held.to_decide, ", "), first.as_str());
        }
        if let Some(first) = held.refused.first() {
            let arguments = names(&held.refused, " ");
            let removal = match held.can_renew.as_slice() {
                _ if held.may_renew => self.group_remove_refused(&id, &arguments),
                [] => self.group_nobody_removes(),
                [(user, role), ..] => self.group_ask_to_remove(user.as_str(), self.role(*role), &id, &arguments),
            };
            let held_up = self.group_with_refused(&title, &names(&held.refused, ", "));
            return format!("{held_up}. {removal}. {}", self.group_leave_or_accept(&id, first.as_str()));
        }
        let (listed, arguments) = (names(&held.others, ", "), names(&held.others, " "));
        let held_up = self.group_under_other_keys(&title, &listed);
        let way_out = match held.can_renew.as_slice() {
            _ if held.may_renew => self.group_renew(&id, &arguments),
            [] => self.group_nobody_renews(),
            [(user, role), ..] => self.group_ask_to_renew(user.as_str(), self.role(*role), &id, &arguments),
        };
        format!("{held_up}. {way_out}")
    }
}

fn names(users: &[UserId], between: &str) -> String {
    users.iter().map(UserId::as_str).collect::<Vec<_>>().join(between)
}

texts! {
    group_to_decide(title: &str, users: &str, first: &str) =>
        "in '{title}' there is somebody whose key has changed, so nothing is sent there until you decide: {users}. Ask them by another way, and look at both numbers: privmsg safety-number {first}; then say --accept-change or --refuse-change",
        "в группе «{title}» есть участник, у которого изменился ключ, поэтому туда ничего не отправляется, пока вы не решите: {users}. Спросите его другим путём и посмотрите оба кода: privmsg safety-number {first}; затем скажите --accept-change или --refuse-change";
    group_with_refused(title: &str, users: &str) =>
        "in '{title}' there is somebody under a key that you have refused, so nothing is sent there: {users}",
        "в группе «{title}» есть участник под ключом, который вы отклонили, поэтому туда ничего не отправляется: {users}";
    group_remove_refused(group: &str, users: &str) =>
        "Put them out: privmsg group remove {group} {users}", "Исключите его: privmsg group remove {group} {users}";
    group_ask_to_remove(whom: &str, role: &str, group: &str, users: &str) =>
        "Ask {whom} ({role}) to run: privmsg group remove {group} {users}",
        "Попросите {whom} ({role}) выполнить: privmsg group remove {group} {users}";
    group_nobody_removes() =>
        "Nobody else there may put them out", "Исключить его там больше никто не может";
    group_leave_or_accept(group: &str, user: &str) =>
        "Or leave: privmsg leave {group}. If the key was right after all, accept it: privmsg safety-number {user}, then --accept-change",
        "Или выйдите: privmsg leave {group}. Если ключ всё-таки верен, примите его: privmsg safety-number {user}, затем --accept-change";
    group_under_other_keys(title: &str, users: &str) =>
        "in '{title}' there is somebody under another key than the one that you know, so nothing is sent there: {users}",
        "в группе «{title}» есть участник не под тем ключом, что известен вам, поэтому туда ничего не отправляется: {users}";
    group_renew(group: &str, users: &str) =>
        "Ask them, then let them in under the key that you know: privmsg group add {group} {users}. If they are not to be in it: privmsg group remove {group} {users}",
        "Спросите его, затем примите заново, под известным вам ключом: privmsg group add {group} {users}. Если ему там не место: privmsg group remove {group} {users}";
    group_ask_to_renew(whom: &str, role: &str, group: &str, users: &str) =>
        "You may not change that; ask {whom} ({role}) to run: privmsg group add {group} {users}",
        "Вам это изменить нельзя; попросите {whom} ({role}) выполнить: privmsg group add {group} {users}";
    group_nobody_renews() =>
        "Only another owner could change that, and there is none. Make the group anew: privmsg group create",
        "Изменить это мог бы только другой владелец, а его нет. Создайте группу заново: privmsg group create";
}

#[cfg(test)]
mod tests {
    use privmsg_client::Role;
    use privmsg_protocol::ConversationId;

    use super::*;

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    #[test]
    fn each_way_out_names_who_is_meant_and_what_to_do() {
        let held = HeldGroup {
            conversation: ConversationId::from_bytes([7; 32]),
            title: "Choir".into(),
            to_decide: Vec::new(),
            refused: Vec::new(),
            others: vec![user("bob"), user("carol")],
            may_renew: true,
            can_renew: vec![(user("dora"), Role::Owner)],
        };
        let id = name_of(&held.conversation);
        let not_mine = HeldGroup { may_renew: false, ..held.clone() };
        let nobodys = HeldGroup { can_renew: Vec::new(), ..not_mine.clone() };
        let undecided = HeldGroup { to_decide: vec![user("erik")], ..held.clone() };
        let refused =
            [&held, &not_mine, &nobodys].map(|held| HeldGroup { refused: vec![user("erik")], ..held.clone() });
        for lang in [Lang::En, Lang::Ru] {
            let said = refused.each_ref().map(|held| lang.group_held(held));
            for said in &said {
                assert!(
                    ["Choir", &format!("privmsg leave {id}"), "--accept-change"].iter().all(|way| said.contains(way))
                );
            }
            let removal = format!("privmsg group remove {id} erik");
            assert!(said[0].contains(&removal) && said[1].contains(&removal) && !said[2].contains(&removal));
            assert!(said[1].contains("dora") && !said[0].contains("dora"));
            let said = [&held, &not_mine, &nobodys, &undecided].map(|held| lang.group_held(held));
            assert!(said.iter().all(|said| said.contains("Choir")), "{said:?}");
            for renewed in &said[..2] {
                assert!(renewed.contains(&format!("privmsg group add {id} bob carol")), "{renewed}");
            }
            assert!(said[0].contains(&format!("privmsg group remove {id} bob carol")));
            assert!(said[1].contains("dora") && said[1].contains(lang.role(Role::Owner)));
            assert!(said[2].contains("privmsg group create"));
            assert!(said[3].contains("privmsg safety-number erik"));
        }
    }
}

//! What `restore` has not restored, told.

use std::path::Path;

use privmsg_protocol::UserId;
use serde_json::{Value, json};

use crate::i18n::Language;
use crate::paths::shown;
use crate::storage::sqlite::TakenBack;

/// For programs.
pub(super) fn json(back: &TakenBack) -> Value {
    let devices: Vec<Value> = back
        .signed_out
        .iter()
        .map(|(user_id, device_id)| json!({"user_id": user_id.as_str(), "device_id": device_id.as_str()}))
        .collect();
    let block = |(user_id, peer): &(UserId, UserId)| json!({"user_id": user_id.as_str(), "peer": peer.as_str()});
    let blocks: Vec<Value> = back.blocks.iter().map(block).collect();
    json!({
        "sessions": back.sessions,
        "invitations": back.invitations,
        "journal": back.journal,
        "unreadable": back.unreadable,
        "signed_out": devices,
        "access_keys": back.access_keys,
        "deactivated": back.deactivated,
        "reactivated": back.reactivated,
        "deleted": back.deleted,
        "lists": back.lists,
        "seals": back.seals,
        "blocks": blocks,
        "declined": back.declined,
        "groups": back.groups.len(),
        "present_unread": back.present_unread,
    })
}

/// For people.
pub(super) fn text(back: &TakenBack, journal: &Path, language: Language) -> String {
    let say = |english: &str, russian: &str| language.say(english, russian);
    let names = |users: &[UserId]| users.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        say("Not restored, so that nothing revoked is good again:", "Не восстановлено, чтобы отозванное не ожило:"),
        format!(
            "  {}: {} ({})",
            language.pick("sessions ended", "завершено сеансов"),
            back.sessions,
            language.pick("clients sign in anew by themselves", "клиенты войдут снова сами")
        ),
    ];
    let mut list = |english: &str, russian: &str, what: String| {
        if !what.is_empty() {
            lines.push(format!("  {}: {what}", language.pick(english, russian)));
        }
    };
    list("invitations ended", "завершены приглашения", names(&back.invitations));
    let devices: Vec<String> = back.signed_out.iter().map(|(user, device)| format!("{user}/{device}")).collect();
    list("devices signed out since", "с тех пор вышли устройства", devices.join(", "));
    list("access keys changed since", "с тех пор сменены ключи доступа", names(&back.access_keys));
    list("deactivated since", "с тех пор отключены", names(&back.deactivated));
    list("reactivated since", "с тех пор снова включены", names(&back.reactivated));
    list("deleted since", "с тех пор удалены", names(&back.deleted));
    list("device lists newer than in the backup", "списки устройств новее, чем в копии", names(&back.lists));
    list("recovery words newer than in the backup", "слова восстановления новее, чем в копии", names(&back.seals));
    let blocks: Vec<String> = back.blocks.iter().map(|(user, peer)| format!("{user}/{peer}")).collect();
    list("blocked or unblocked since", "с тех пор заблокированы или разблокированы", blocks.join(", "));
    if back.declined > 0 {
        list("chats declined or let in since", "с тех пор отклонены или приняты чаты", back.declined.to_string());
    }
    if !back.groups.is_empty() {
        list(
            "groups whose people have changed since",
            "с тех пор изменился состав групп",
            back.groups.len().to_string(),
        );
    }
    let journal = shown(journal);
    if back.present_unread {
        lines.push(match language {
            Language::English => format!(
                "  The database that was there cannot be read: what a full disk may have kept from {journal} is not known."
            ),
            Language::Russian => format!(
                "  Прежнюю базу прочитать не удалось: неизвестно, что из-за полного диска могло не попасть в {journal}."
            ),
        });
    }
    if !back.journal {
        lines.push(match language {
            Language::English => format!(
                "  What else was revoked after the backup is not known, for there is no {journal}: look at users and devices again."
            ),
            Language::Russian => format!(
                "  Что ещё отозвано после создания копии, неизвестно: нет {journal}. Проверьте пользователей и устройства."
            ),
        });
    }
    if back.unreadable > 0 {
        lines.push(match language {
            Language::English => {
                format!("  {} lines of {journal} cannot be read: look at users and devices again.", back.unreadable)
            }
            Language::Russian => format!(
                "  Строк, которые не прочитать, в {journal}: {}. Проверьте пользователей и устройства.",
                back.unreadable
            ),
        });
    }
    lines.join("\n")
}

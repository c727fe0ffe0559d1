//! Links in what somebody has written.

use url::Url;

/// As many are offered of one message.
const MOST: usize = 5;

/// As many are looked at: what is said twice, or is none, counts as well.
const LOOKED_AT: usize = 20;

/// Longer ones are nothing that anybody follows.
const LONGEST: usize = 2_048;

/// The links in a text, each once: whole addresses of the web, without the marks that a sentence ends with.
pub(crate) fn of(text: &str) -> Vec<Url> {
    let mut links: Vec<Url> = Vec::new();
    let mut looked_at = 0;
    for word in text.split(|sign: char| sign.is_whitespace() || "<>\"“”«»".contains(sign)) {
        let begins = |scheme: &str| word.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        let at = ["https://", "http://", "(https://", "(http://"].into_iter().find(|scheme| begins(scheme));
        if at.is_none() || word.len() > LONGEST {
            continue;
        }
        looked_at += 1;
        let Ok(link) = whole(word.trim_start_matches('(')).parse::<Url>() else { continue };
        if link.host_str().is_some_and(|host| !host.is_empty()) && !links.contains(&link) {
            links.push(link);
        }
        if links.len() == MOST || looked_at == LOOKED_AT {
            break;
        }
    }
    links
}

/// Without what ends the sentence, or the brackets around it.
fn whole(word: &str) -> &str {
    let mut unpaired = word.matches(')').count().saturating_sub(word.matches('(').count());
    let mut link = word;
    loop {
        let shorter = link.trim_end_matches(['.', ',', ';', ':', '!', '?', '…', '\'', '’', '*', '_']);
        let inner = if unpaired > 0 { shorter.strip_suffix(')') } else { None };
        unpaired -= usize::from(inner.is_some());
        let shorter = inner.unwrap_or(shorter);
        if shorter.len() == link.len() {
            return link;
        }
        link = shorter;
    }
}

/// A link in short: by its server, as the network knows it, whatever letters somebody has chosen for it.
pub(crate) fn short(link: &Url) -> String {
    const SHOWN: usize = 40;
    let port = link.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = if link.path() == "/" { "" } else { link.path() };
    let all = format!("{}{port}{path}", link.host_str().unwrap_or_default());
    match all.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &all[..end]),
        None => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        of(text).iter().map(Url::to_string).collect()
    }

    #[test]
    fn links_end_where_the_sentence_goes_on() {
        for (text, links) in [
            ("see https://example.org/a.", vec!["https://example.org/a"]),
            ("(https://example.org/a), or HTTP://EXAMPLE.net?", vec!["https://example.org/a", "http://example.net/"]),
            ("https://ru.example/wiki/A_(b)", vec!["https://ru.example/wiki/A_(b)"]),
            ("«https://example.org»", vec!["https://example.org/"]),
            ("https://example.org https://example.org", vec!["https://example.org/"]),
            ("example.org, javascript:alert(1), file:///etc/passwd, https://", vec![]),
            ("xhttps://example.org", vec![]),
            ("https://example.org)))...", vec!["https://example.org/"]),
        ] {
            assert_eq!(found(text), links, "{text}");
        }
        assert_eq!(found(&"https://example.org/1 https://example.org/2 ".repeat(9)).len(), 2);
        assert!(found(&format!("https://example.org/{}", "a".repeat(LONGEST))).is_empty());
    }

    #[test]
    fn where_it_leads_is_not_what_it_looks_like() {
        let leads = |text: &str| short(&of(text)[0]);
        assert_eq!(leads("https://bank.example@evil.example/login"), "evil.example/login");
        assert_eq!(leads("https://аррlе.com/"), "xn--l-7sbq6ba.com");
        assert_eq!(leads("http://example.org:8080/"), "example.org:8080");
        assert!(leads(&format!("https://example.org/{}", "a".repeat(100))).ends_with("aaa…"));
    }
}

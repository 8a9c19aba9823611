//! Where the next page of an answer is, when the answer says so. Only ever on the host that was declared.

use serde_json::Value;

/// What an answer or its `Link` names as the next page.
pub fn next(answer: &Value, link: Option<&str>) -> Option<String> {
    let text = |value: Option<&Value>| {
        let value = value?;
        value.as_str().or_else(|| value.get("href")?.as_str()).filter(|t| !t.is_empty()).map(str::to_owned)
    };
    let within = |key: &str| text(answer.get(key).and_then(|links| links.get("next")));
    text(answer.get("next")).or_else(|| within("links")).or_else(|| within("_links")).or_else(|| linked(link?))
}

/// The address that a `Link` header names as `next`.
fn linked(link: &str) -> Option<String> {
    link.split(',').find_map(|one| {
        let (address, rest) = one.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = rest.split(';').any(|p| p.trim().trim_matches('"').replace('"', "") == "rel=next");
        is_next.then(|| address.to_owned())
    })
}

/// The whole address of `next` as seen from `page`; none where it is of another host, or of another scheme.
pub fn address(page: &str, next: &str) -> Option<String> {
    let (scheme, rest) = page.split_once("://")?;
    let host = rest.split(['/', '?']).next()?;
    let origin = format!("{scheme}://{host}");
    if next.contains("://") {
        let same = next.strip_prefix(&origin).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        return same.then(|| next.to_owned());
    }
    let path = page.split('?').next()?;
    Some(match next.as_bytes() {
        [b'/', b'/', ..] => return None,
        [b'/', ..] => format!("{origin}{next}"),
        [b'?', ..] => format!("{path}{next}"),
        _ => format!("{}/{next}", path.rsplit_once('/').filter(|(base, _)| base.len() > scheme.len() + 2)?.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pages_are_named_in_several_ways() {
        assert_eq!(next(&json!({"next": "/a?page=2"}), None).as_deref(), Some("/a?page=2"));
        assert_eq!(next(&json!({"_links": {"next": {"href": "?page=2"}}}), None).as_deref(), Some("?page=2"));
        let link = "<http://h/a?page=1>; rel=\"prev\", <http://h/a?page=3>; rel=\"next\"";
        assert_eq!(next(&json!({"next": null}), Some(link)).as_deref(), Some("http://h/a?page=3"));
        assert_eq!(next(&json!([1]), None), None);
    }

    #[test]
    fn no_page_leads_to_another_host() {
        let page = "http://h:8/a/b?page=1";
        assert_eq!(address(page, "/c?page=2").as_deref(), Some("http://h:8/c?page=2"));
        assert_eq!(address(page, "?page=2").as_deref(), Some("http://h:8/a/b?page=2"));
        assert_eq!(address(page, "http://h:8/a?page=2").as_deref(), Some("http://h:8/a?page=2"));
        for elsewhere in ["http://evil/a", "http://h:8.evil/a", "//evil/a", "https://h:8/a"] {
            assert_eq!(address(page, elsewhere), None, "{elsewhere}");
        }
    }
}
